//! The trace: whether two runs are the same, and where they first differ.
//!
//! A run absorbs what happens, word by word, into a [`TraceHash`]; every so many records it keeps a
//! [`Checkpoint`]. Two runs that should agree but do not are narrowed down by [`first_difference`] to a
//! range of records; both are run again, their records of that range are kept as text, and a
//! [`Difference`] shows the first that differs. What a record is, is not decided here.

mod checkpoint;
mod difference;
mod hash;

pub use checkpoint::{Checkpoint, Checkpoints, first_difference};
pub use difference::{Difference, TraceRecord};
pub use hash::TraceHash;
