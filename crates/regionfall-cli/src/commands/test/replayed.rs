//! A saved failure: the run must be the same as then, and what broke then must hold now or break as the file says.

use regionfall::explore::{Answer, Run, judge as judge_objective};
use regionfall::scenario::{Objective, Replay};
use regionfall::simulation::{MODEL_VERSION, semantics_since};

use super::judged::{Line, broken};
use crate::exit::Exit;

/// Judges the one run of a replay. Returns it if something is wrong with it.
pub(super) fn judge<'r>(
    replay: &Replay,
    runs: &'r [Run],
    objectives: &[Objective],
    line: &mut Line,
) -> Option<&'r Run> {
    let run = runs.first()?;
    if let Some(expected) = replay.expect.filter(|expected| *expected != run.trace) {
        let changes = semantics_since(replay.model);
        if changes.is_empty() {
            line.exit = Exit::NotDeterministic;
            "another run than the one that was saved".clone_into(&mut line.what);
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
    let is_missed = |objective: &&Objective| {
        judge_objective(objective, std::slice::from_ref(run), 1.0).answer == Answer::Missed
    };
    let missed = objectives.iter().find(is_missed);
    let wrong = broken(run).or_else(|| {
        let column = missed?.column.clone();
        Some((Exit::Objective, format!("{column} missed"), Vec::new()))
    });
    let breaks = |name: &String| {
        let is_missed = missed.is_some_and(|objective| objective.column == *name);
        is_missed || run.broken.iter().any(|broken| broken.check == *name)
    };
    match (&replay.broken, wrong) {
        (None, None) => None,
        (Some(name), _) if breaks(name) => {
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
