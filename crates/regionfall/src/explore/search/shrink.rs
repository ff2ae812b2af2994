//! The shrinker: moves are tried one after the other, and kept if the same property still fails for the same reason.
//!
//! Greedy, with the boldest moves first: half of the faults, single faults, a region, a fleet, a keyspace; then every fault
//! simpler, shorter, rounder; then everything else that is written. Rounds go on until none of them finds anything, or the
//! budget is spent. Every move makes the file smaller in a fixed order, so there is an end.
//!
//! A failure that does not come about without any fault keeps one. Else a world that has become small enough to fail by itself,
//! one without a replica that a write waits for, say, would pass for the same failure.

use super::failure::Failure;
use super::moves::{Move, moves};
use super::specimen::Specimen;
use crate::scenario::{Loader, Scenario};

/// How long the shrinker may go on.
pub struct Budget<'a> {
    /// Most runs.
    pub runs: u32,
    /// Asked before each run: whether it is enough.
    pub is_over: &'a dyn Fn() -> bool,
    /// Told after each run: how many were made, and the smallest so far.
    pub progress: &'a dyn Fn(u32, &Specimen),
}

/// What came of shrinking.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest file that still fails.
    pub specimen: Specimen,
    /// How it fails.
    pub failure: Failure,
    /// How many runs were made.
    pub runs: u32,
    /// The moves that were kept, in order.
    pub kept: Vec<String>,
    /// Whether nothing more can be left out, as far as single moves can tell.
    pub is_minimal: bool,
}

/// Makes a failing specimen as small as the budget allows. `fails` runs a scenario and says how it fails: all of its failures.
pub fn shrink(
    specimen: Specimen,
    failure: &Failure,
    loader: &dyn Loader,
    budget: &Budget<'_>,
    fails: &mut dyn FnMut(&Scenario) -> Vec<Failure>,
) -> Shrunk {
    let mut shrunk = Shrunk {
        specimen,
        failure: failure.clone(),
        runs: 0,
        kept: Vec::new(),
        is_minimal: false,
    };
    let mut needs_fault = false;
    loop {
        let before = shrunk.kept.len();
        let mut place = 0;
        while let Some(next) = moves(&shrunk.specimen).into_iter().nth(place) {
            if shrunk.runs >= budget.runs || (budget.is_over)() {
                return shrunk;
            }
            // The first move of all leaves out the whole plan.
            let leaves_none = next.specimen.faults() == 0 && shrunk.specimen.faults() > 0;
            if leaves_none && needs_fault {
                place += 1;
                continue;
            }
            if !try_move(next, &mut shrunk, loader, fails) {
                needs_fault |= leaves_none;
                place += 1;
            }
            (budget.progress)(shrunk.runs, &shrunk.specimen);
        }
        if shrunk.kept.len() == before {
            shrunk.is_minimal = true;
            return shrunk;
        }
    }
}

/// Whether a move was kept. What does not read is no run.
fn try_move(
    next: Move,
    shrunk: &mut Shrunk,
    loader: &dyn Loader,
    fails: &mut dyn FnMut(&Scenario) -> Vec<Failure>,
) -> bool {
    let Ok(scenario) = next.specimen.scenario(loader) else {
        return false;
    };
    shrunk.runs += 1;
    let same = fails(&scenario)
        .into_iter()
        .find(|failure| failure.is_same(&shrunk.failure));
    let Some(failure) = same else { return false };
    shrunk.failure = failure;
    shrunk.specimen = next.specimen;
    shrunk.kept.push(next.what);
    true
}
