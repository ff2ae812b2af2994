//! `regionfall completions SHELL`: what a shell needs to complete the command line.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// Prints the completions.
#[expect(clippy::unnecessary_wraps, reason = "all commands have one form")]
pub(crate) fn run(
    arguments: &CompletionsArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "regionfall",
        context.out(),
    );
    Ok(Exit::Held)
}
