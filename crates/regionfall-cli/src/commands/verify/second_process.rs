//! The second process: this executable again, with a hidden command that prints what runs came to.

use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use regionfall_kernel::{Checkpoints, TraceRecord};

use super::difference::Side;
use crate::arguments::VerifyArguments;
use crate::error::CommandError;
use crate::fingerprint::{Fingerprint, checkpoints_from_lines, records_from_lines};

/// How to start one.
pub(super) struct SecondProcess<'a> {
    executable: PathBuf,
    arguments: &'a VerifyArguments,
}

/// One that runs. It ends with this value.
pub(super) struct Running(Option<Child>);

/// A run in the second process, by its number.
pub(super) struct There<'a> {
    second: &'a SecondProcess<'a>,
    number: usize,
}

impl<'a> SecondProcess<'a> {
    /// A process for the scenario and seeds of these arguments.
    pub(super) fn new(arguments: &'a VerifyArguments) -> Result<Self, CommandError> {
        let executable = std::env::current_exe().map_err(|error| failed("found", &error))?;
        Ok(Self {
            executable,
            arguments,
        })
    }

    /// Starts it on all runs.
    pub(super) fn start(&self) -> Result<Running, CommandError> {
        self.spawn(&[])
    }

    /// One of its runs, to be made again.
    pub(super) fn side(&'a self, number: usize) -> There<'a> {
        There {
            second: self,
            number,
        }
    }

    fn spawn(&self, what: &[String]) -> Result<Running, CommandError> {
        let VerifyArguments { scenario, seeds } = self.arguments;
        let mut command = Command::new(&self.executable);
        command
            .args(["fingerprint", "--quiet", "--seeds", &seeds.to_string()])
            .args(what);
        for (key, value) in &scenario.set {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.arg("--").arg(&scenario.file);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Ok(Running(Some(
            child.map_err(|error| failed("started", &error))?,
        )))
    }
}

impl Running {
    /// What each of so many runs came to.
    pub(super) fn fingerprints(self, count: usize) -> Result<Vec<Fingerprint>, CommandError> {
        let text = self.output()?;
        let fingerprints: Option<Vec<Fingerprint>> =
            text.lines().map(Fingerprint::from_line).collect();
        fingerprints
            .filter(|all| all.len() == count)
            .ok_or_else(unreadable)
    }

    fn output(mut self) -> Result<String, CommandError> {
        let Some(child) = self.0.take() else {
            return Err(unreadable());
        };
        let output = child
            .wait_with_output()
            .map_err(|error| failed("read", &error))?;
        if !output.status.success() {
            return Err(failed("finished", &ended(output.status)));
        }
        String::from_utf8(output.stdout).map_err(|_| unreadable())
    }
}

impl Drop for Running {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Side for There<'_> {
    fn checkpoints(&self) -> Result<Checkpoints, CommandError> {
        let what = ["--checkpoints-of".to_owned(), self.number.to_string()];
        let text = self.second.spawn(&what)?.output()?;
        checkpoints_from_lines(&text).ok_or_else(unreadable)
    }

    fn records(&self, window: Range<u64>) -> Result<Vec<TraceRecord>, CommandError> {
        let records = format!("{}:{}:{}", self.number, window.start, window.end);
        let text = self
            .second
            .spawn(&["--records-of".to_owned(), records])?
            .output()?;
        records_from_lines(&text).ok_or_else(unreadable)
    }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> CommandError {
    CommandError::Internal(format!("the second process could not be {what}: {why}"))
}

fn ended(status: ExitStatus) -> String {
    format!("it ended with {status}")
}

fn unreadable() -> CommandError {
    CommandError::Internal("what the second process printed cannot be read".to_owned())
}
