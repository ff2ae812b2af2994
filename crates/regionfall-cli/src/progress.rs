//! Progress on standard error: a bar where there is a terminal to see it, and elsewhere, as in the log of a CI job, a
//! plain line now and then.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::context::{self, Context};

/// From one plain line to the next.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// A progress bar. It leaves nothing behind when it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Held for as long as lines are printed.
    _lines: Option<Lines>,
}

impl Progress {
    /// A bar over so many steps.
    pub(crate) fn new(context: &Context, steps: usize, what: &str) -> Self {
        // The target hides itself where standard error is no terminal.
        let target = if context.is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        let template = "{prefix} {bar:40} {pos}/{len}, {eta} to go  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        let has_lines = !context.is_quiet && !io::stderr().is_terminal();
        let lines = has_lines.then(|| {
            let (bar, what) = (bar.clone(), what.to_owned());
            let begun = Instant::now();
            Lines::every(LINE_EVERY, move || {
                context::to_stderr(&line(&what, bar.position(), steps as u64, begun.elapsed()));
            })
        });
        Self { bar, _lines: lines }
    }

    /// So many steps are done; `message` says what is known so far.
    pub(crate) fn show(&self, done: usize, message: String) {
        self.bar.set_position(done as u64);
        self.bar.set_message(message);
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A thread that tells something again and again, until it is dropped.
struct Lines {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread only tells, and is joined when it is dropped"
    )]
    fn every(wait: Duration, tell: impl Fn() + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Without its sender the thread ends at once.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told so.
            let _ = thread.join();
        }
    }
}

/// `runs: 120 of 900 done after 1 min 30 s, about 9 min 45 s to go`. What is left takes as long as what is done.
fn line(what: &str, done: u64, of: u64, elapsed: Duration) -> String {
    let begin = format!(
        "{what}: {done} of {of} done after {}",
        span(elapsed.as_secs())
    );
    let left = of.saturating_sub(done);
    match elapsed.as_secs().saturating_mul(left).checked_div(done) {
        Some(seconds) if left > 0 => format!("{begin}, about {} to go", span(seconds)),
        _ => begin,
    }
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_is_done_and_how_long_the_rest_takes() {
        let after = Duration::from_secs;
        assert_eq!(
            line("runs", 120, 900, after(90)),
            "runs: 120 of 900 done after 1 min 30 s, about 9 min 45 s to go"
        );
        assert_eq!(
            line("runs", 0, 900, after(30)),
            "runs: 0 of 900 done after 30 s"
        );
        assert_eq!(
            line("stories", 1, 3, after(3_700)),
            "stories: 1 of 3 done after 1 h 1 min, about 2 h 3 min to go"
        );
    }

    #[test]
    fn lines_come_until_they_are_dropped() {
        let (told, heard) = mpsc::channel();
        let lines = Lines::every(Duration::from_millis(1), move || {
            let _ = told.send(());
        });
        heard.recv().unwrap();
        heard.recv().unwrap();
        drop(lines);
        while heard.try_recv().is_ok() {}
        assert!(heard.recv().is_err(), "the thread is gone with its sender");
    }
}
