//! A saved failure: the run must be the same as then, and what broke then must hold now or break as the file says.

use regionfall::explore::Run;
use regionfall::scenario::Replay;
use regionfall::simulation::{MODEL_VERSION, semantics_since};

use super::judged::{Line, broken};
use crate::exit::Exit;

/// Judges the one run of a replay. Returns it if something is wrong with it.
pub(super) fn judge<'r>(replay: &Replay, runs: &'r [Run], line: &mut Line) -> Option<&'r Run> {
    let run = runs.first()?;
    if let Some(expected) = replay.expect.filter(|expected| *expected != run.trace) {
        let changes = semantics_since(replay.model);
        if changes.is_empty() {
            line.exit = Exit::NotDeterministic;
            line.what = "another run than the one that was saved".to_owned();
            line.evidence = vec![format!(
                "its trace hash is {:016x}, saved was {expected:016x}, and the model has version {MODEL_VERSION} as then",
                run.trace
            )];
            return Some(run);
        }
        // An older model: which change of semantics applies is said, and the property is judged all the same.
        line.what = format!(
            "another run since model version {}: {}",
            replay.model,
            changes.join("; ")
        );
    }
    match (&replay.broken, broken(run)) {
        (None, None) => None,
        (Some(name), _) if run.broken.iter().any(|broken| broken.check == *name) => {
            if line.what.is_empty() {
                line.what = format!("breaks as it did: {name}");
            }
            None
        }
        (Some(name), other) => {
            line.exit = Exit::Safety;
            line.what = format!("`{name}` does not break any more");
            line.evidence = other
                .map(|(_, what, _)| format!("instead: {what}"))
                .into_iter()
                .collect();
            line.evidence
                .push("if it is repaired, take `broken` and `expect` out of [replay]".to_owned());
            Some(run)
        }
        (None, Some((exit, what, evidence))) => {
            (line.exit, line.what, line.evidence) = (exit, what, evidence);
            Some(run)
        }
    }
}
