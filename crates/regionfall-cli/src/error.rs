//! Why a command could not do what was asked, and how that is told.

use std::io;

use anstyle::{AnsiColor, Style};
use regionfall::conflict::CaseFileError;
use regionfall::scenario::{ScenarioError, nearest};

use crate::exit::Exit;

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The file of conflict cases is wrong.
    #[error(transparent)]
    Cases(#[from] CaseFileError),
    /// Something else that the user gave is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What was looked for never happened.
    #[error(transparent)]
    NeverHappened(InputError),
    /// The user stopped it.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// Standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Regionfall itself failed.
    #[error("internal error: {0}; please report it with the command and the scenario")]
    Internal(String),
}

/// Something that the user gave is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct InputError {
    /// What is wrong and what was got, in lower case without a full stop.
    message: String,
    /// What is allowed.
    allowed: Option<String>,
    /// What to do about it.
    help: Option<String>,
}

impl CommandError {
    /// How the command ends with it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Scenario(_) | Self::Cases(_) | Self::Input(_) => Exit::BadInput,
            Self::NeverHappened(_) => Exit::NeverHappened,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Output(_) | Self::Internal(_) => Exit::Internal,
        }
    }

    /// The error as text for a terminal, in colour: whoever prints it strips the colour.
    pub(crate) fn render(&self) -> String {
        match self {
            Self::Scenario(error) => error.render(true),
            Self::Cases(error) => error.render(true),
            Self::Input(error) | Self::NeverHappened(error) => error.render(),
            Self::Interrupted(_) | Self::Output(_) | Self::Internal(_) => titled(&self.to_string()),
        }
    }
}

impl InputError {
    /// An error with what is wrong and what was got.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            allowed: None,
            help: None,
        }
    }

    /// Says what is allowed.
    pub(crate) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A name that does not exist among those that do, with the nearest.
    pub(crate) fn unknown<'a>(
        what: &str,
        got: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let listed: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
        let error = Self::new(format!("there is no {what} `{got}`")).allowed(listed.join(", "));
        match nearest(got, known.iter().copied()) {
            Some(word) => error.help(format!("did you mean `{word}`?")),
            None => error,
        }
    }

    fn render(&self) -> String {
        let bold = Style::new().bold();
        let lines = [
            (
                "note",
                self.allowed
                    .as_ref()
                    .map(|allowed| format!("allowed: {allowed}")),
            ),
            ("help", self.help.clone()),
        ];
        let lines = lines.into_iter().filter_map(|(label, line)| {
            line.map(|line| format!("\n  = {bold}{label}{bold:#}: {line}"))
        });
        format!("{}{}", titled(&self.message), lines.collect::<String>())
    }
}

fn titled(message: &str) -> String {
    let red = AnsiColor::BrightRed.on_default().bold();
    let bold = Style::new().bold();
    format!("{red}error{red:#}{bold}: {message}{bold:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones_and_the_nearest() {
        let error = InputError::unknown("strategy", "jedis", ["pinned", "jedis-multidb"]);
        let text = anstream::adapter::strip_str(&error.render()).to_string();
        assert_eq!(
            text,
            "error: there is no strategy `jedis`\n  = note: allowed: `pinned`, `jedis-multidb`\n  \
             = help: did you mean `jedis-multidb`?"
        );
    }
}
