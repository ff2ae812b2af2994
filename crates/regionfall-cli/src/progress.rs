//! A progress bar on standard error, where there is a terminal to see it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::context::Context;

/// A progress bar. It leaves nothing behind when it is dropped.
pub(crate) struct Progress(ProgressBar);

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
        Self(bar)
    }

    /// So many steps are done; `message` says what is known so far.
    pub(crate) fn show(&self, done: usize, message: String) {
        self.0.set_position(done as u64);
        self.0.set_message(message);
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
