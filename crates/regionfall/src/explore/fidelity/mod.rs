//! Predicted against measured: what `regionfall fidelity` computes.
//!
//! ```text
//!   Scenario with [[reference]] ──▶ Bench ──a run per seed──▶ Observations ──▶ Judged: agrees or not
//!                                                             Reference ──────▶
//! ```
//!
//! A reference is a figure that was measured on the real thing. The same settings are run for many seeds,
//! and the two samples are compared as [`agreement`] defines. What this is not: a fit. Nothing here
//! changes a setting, and no reference enters a run.

mod agreement;
mod bench;

pub use agreement::{Agreement, agreement};
pub use bench::{Bench, Judged, Observation};
