//! What every command works with: where it writes, and how loudly.

use std::io::{self, Write as _};

use anstyle::AnsiColor;
use regionfall_report::table::{Format, Table};

use crate::arguments::GlobalArguments;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::stop::Stop;

/// What every command works with.
///
/// Output is gathered and written when the command is over: a command that fails leaves no partial
/// data behind. Escape sequences in it are stripped unless standard output is a terminal that wants
/// them; `NO_COLOR` is respected.
pub(crate) struct Context {
    /// How tables are written.
    pub(crate) format: Format,
    /// Neither progress nor notes.
    pub(crate) is_quiet: bool,
    output: Vec<u8>,
}

impl Context {
    /// The context that the arguments ask for.
    pub(crate) fn new(arguments: &GlobalArguments) -> Self {
        Self {
            format: arguments.format,
            is_quiet: arguments.quiet,
            output: Vec::new(),
        }
    }

    /// Where data goes.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Writes a table in the format that was asked for.
    pub(crate) fn print(&mut self, table: &Table) -> Result<(), CommandError> {
        self.format.render(table, &mut self.output)?;
        Ok(())
    }

    /// Whether tables are written for people.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Tells something that is not data, unless it is to be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_quiet {
            to_stderr(text);
        }
    }

    /// Tells what will disappoint, however quiet it is to be.
    #[expect(
        clippy::unused_self,
        reason = "commands tell everything through their context"
    )]
    pub(crate) fn warn(&self, text: &str) {
        let yellow = AnsiColor::Yellow.on_default().bold();
        to_stderr(&format!("{yellow}warning{yellow:#}: {text}"));
    }

    /// Whether the user wants to stop: for commands that can, from now on.
    #[expect(
        clippy::unused_self,
        reason = "commands get everything from their context"
    )]
    pub(crate) fn stop(&self) -> Stop {
        Stop::on_interrupt()
    }

    /// Writes what was gathered and ends.
    pub(crate) fn finish(self, exit: Exit) -> Exit {
        let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
        match stdout.write_all(&self.output).and_then(|()| stdout.flush()) {
            // Who closed the pipe has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let error = CommandError::Output(error);
                to_stderr(&error.render());
                exit.and(error.exit())
            }
            _ => exit,
        }
    }

    /// Tells an error and ends.
    #[expect(
        clippy::unused_self,
        reason = "what was gathered is given up with the context"
    )]
    pub(crate) fn fail(self, error: &CommandError) -> Exit {
        to_stderr(&error.render());
        error.exit()
    }
}

/// Writes a line to standard error. If that fails there is nobody left to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
