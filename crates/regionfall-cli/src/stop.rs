//! Ctrl-C: the first asks the command to stop, the second ends it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::to_stderr;
use crate::exit::Exit;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static HANDLER: OnceLock<()> = OnceLock::new();

/// Whether the user wants to stop.
///
/// Commands that never ask for one end at the first Ctrl-C, as any program does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop(());

impl Stop {
    /// From now on Ctrl-C only asks to stop, once.
    pub(crate) fn on_interrupt() -> Self {
        HANDLER.get_or_init(|| {
            let handled = ctrlc::set_handler(|| {
                if REQUESTED.swap(true, Ordering::Relaxed) {
                    quit();
                }
                to_stderr("\nstopping after the runs under way; Ctrl-C again quits at once");
            });
            // Without a handler Ctrl-C ends the process at once, which loses no more than that.
            drop(handled);
        });
        Self(())
    }

    /// Whether the user asked to stop.
    #[expect(
        clippy::unused_self,
        reason = "whoever holds one has installed the handler"
    )]
    pub(crate) fn is_requested(self) -> bool {
        REQUESTED.load(Ordering::Relaxed)
    }

    /// The flag itself, for the library.
    #[expect(
        clippy::unused_self,
        reason = "whoever holds one has installed the handler"
    )]
    pub(crate) fn flag(self) -> &'static AtomicBool {
        &REQUESTED
    }
}

#[expect(clippy::disallowed_methods, reason = "the second Ctrl-C means now")]
fn quit() -> ! {
    std::process::exit(i32::from(Exit::Interrupted as u8))
}
