//! The `regionfall` command: arguments, files, progress and exit codes around the library.
//!
//! ```text
//!   arguments ──▶ commands/<one file each> ──▶ context: stdout as a whole, stderr as it comes
//!                    │  scenario_file: loads FILE with --set
//!                    │  selection:     which variants, strategies, cases
//!                    │  parallel:      runs on several threads, in order
//!                    ▼
//!                 exit: how it ended
//! ```
//!
//! This crate alone opens files, reads the environment and looks at the clock. What is computed is
//! the business of `regionfall`, how it looks that of `regionfall-report`.
//!
//! A library with one function, so that it is compiled while the model still is; the program beside it calls that function.

mod arguments;
mod commands;
mod context;
mod error;
mod exit;
mod fingerprint;
mod panic;
mod parallel;
mod progress;
mod scenario_file;
mod selection;
mod shell;
mod stop;
mod study;
mod toml_files;

use clap::Parser as _;

use arguments::{Arguments, Command};
use context::Context;
use error::CommandError;
use exit::Exit;

/// The whole of the program: reads its arguments, carries out the command, and says how it ended.
pub fn main() -> std::process::ExitCode {
    panic::report_as_internal_errors();
    let exit = std::panic::catch_unwind(|| match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        Err(refusal) => answer(&refusal),
    });
    exit.unwrap_or(Exit::Internal).into()
}

/// Carries out a command and shows what came of it.
fn run(arguments: &Arguments) -> Exit {
    let mut context = Context::new(&arguments.global);
    match dispatch(&arguments.command, &mut context) {
        Ok(exit) => context.finish(exit),
        Err(error) => context.fail(&error),
    }
}

fn dispatch(command: &Command, context: &mut Context) -> Result<Exit, CommandError> {
    match command {
        Command::Init(arguments) => commands::init::run(arguments, context),
        Command::Run(arguments) => commands::run::run(arguments, context),
        Command::Compare(arguments) => commands::compare::run(arguments, context),
        Command::Curve(arguments) => commands::curve::run(arguments, context),
        Command::Reproduce(arguments) => commands::reproduce::run(arguments, context),
        Command::Check(arguments) => commands::check::run(arguments, context),
        Command::Schema => commands::schema::run(context),
        Command::Presets(arguments) => commands::presets::run(arguments, context),
        Command::Verify(arguments) => commands::verify::run(arguments, context),
        Command::Test(arguments) => commands::test::run(arguments, context),
        Command::Explain(arguments) => commands::explain::run(arguments, context),
        Command::Shrink(arguments) => commands::shrink::run(arguments, context),
        Command::Crdt(arguments) => commands::crdt::run(arguments, context),
        Command::Fidelity(arguments) => commands::fidelity::run(arguments, context),
        Command::Completions(arguments) => commands::completions::run(arguments, context),
        Command::Fingerprint(arguments) => commands::fingerprint::run(arguments, context),
    }
}

/// Shows help, the version, or what is wrong with the arguments.
fn answer(refusal: &clap::Error) -> Exit {
    // Nobody reads a help text that cannot be written.
    let _ = refusal.print();
    if refusal.use_stderr() {
        Exit::BadInput
    } else {
        Exit::Held
    }
}
