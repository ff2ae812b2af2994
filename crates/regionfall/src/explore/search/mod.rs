//! The search for the plan that breaks a promise, and the way from there to one that a person can read.
//!
//! ```text
//!   scenario ──Hunt: plans from rates, one per seed──▶ Failure ──shrink──▶ Specimen: file, Rust test, story
//! ```
//!
//! A [`Specimen`] is a scenario as a tree of what is written in its file; every move of the shrinker edits that tree and reads
//! it again, so what comes out is always a valid file, and whatever a file can say can be made simpler.
//! What decides is one question: does the same property still fail for the same reason?

mod failure;
mod hunt;
mod moves;
mod shrink;
mod spans;
mod specimen;
mod world_moves;

pub use failure::{Failure, FailureKind};
pub use hunt::{Found, Hunt, Searched};
pub use shrink::{Budget, Shrunk, shrink};
pub use specimen::{NoSpecimen, Specimen};
