//! What is wrong with a case file.

use crate::scenario::{Problem, ScenarioError};

/// A case file that cannot be run, with everything found wrong with it, as for scenarios.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(transparent)]
pub struct CaseFileError(ScenarioError);

impl CaseFileError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(ScenarioError::new(problems))
    }

    /// What was found wrong, in the order of finding. Never empty.
    pub fn problems(&self) -> &[Problem] {
        self.0.problems()
    }

    /// The problems as text for a terminal, in colour or without.
    pub fn render(&self, is_coloured: bool) -> String {
        self.0.render(is_coloured)
    }
}
