//! Panics are our mistakes: they are told once, with a request to report them.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::to_stderr;
use crate::error::CommandError;

static TOLD: AtomicBool = AtomicBool::new(false);

/// From now on a panic is told as an internal error. The process then ends with the exit code of one.
pub(crate) fn report_as_internal_errors() {
    std::panic::set_hook(Box::new(|info| {
        // When one of several threads panics, the others may follow.
        if !TOLD.swap(true, Ordering::Relaxed) {
            to_stderr(&CommandError::Internal(describe(info)).render());
        }
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => format!("{message} ({}:{})", at.file(), at.line()),
        None => message.to_owned(),
    }
}
