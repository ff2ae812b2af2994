//! Many runs: comparisons over variants, strategies, cases and seeds, and what they say with what
//! confidence.
//!
//! ```text
//!   Scenario ──▶ Comparison ──groups on threads──▶ Results ──▶ estimates, objectives, findings
//!                   │                                 │
//!                   └ Watch: figures so far, stop     └ in the order of the scenario, whatever the threads
//! ```
//!
//! A *group* is one variant, strategy and seed: its control run without faults, and a run for each
//! case. Groups are independent, so they are all that is ever done at the same time.

mod comparison;
mod data;
mod ending;
mod estimate;
mod explain;
pub mod fidelity;
#[cfg(test)]
mod mutations;
mod objective;
mod results;
mod run;
mod search;
pub mod statistics;
mod until;

pub use comparison::{Comparison, NotFound, Progress};
pub use data::embedded_data;
pub use estimate::{Estimate, Over, difference, estimate, recovered_shares};
pub use explain::{
    Arrow, Explanation, Inevitable, LostChain, Names, Part, SlowClient, Step, Told, ToldKind,
    explain,
};
pub use objective::{Answer, Judged, judge};
pub use results::{Cell, CellRuns, Completeness, Results};
pub use run::{Broken, Control, Effect, Group, Run, full_name};
pub use search::{
    Budget, Failure, FailureKind, Found, Hunt, NoSpecimen, Searched, Shrunk, Specimen, shrink,
};
pub use until::Until;
