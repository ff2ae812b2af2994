//! What may be concluded from a number of seeds: quantiles, intervals, tests and stopping rules.
//!
//! **The seed is the unit.** Clients of one run share its weather, so they are not independent and
//! never count as samples of their own: every function here takes one value per seed, or groups of
//! values by seed, and resamples or ranks the seeds.
//!
//! | Question | File | Method |
//! |---|---|---|
//! | What is the p99? Between which limits? | [`quantile`] | nearest rank; exact binomial order statistics |
//! | The mean, or any other figure? | [`bootstrap`] | percentile and `BCa` bootstrap over seeds |
//! | A share, or a count of zero? | [`share`] | Wilson score; exact upper bound |
//! | A count of events? | [`poisson`] | Garwood interval; dispersion and mean tests |
//! | Is B better than A? | [`paired`] | differences by seed; bootstrap, sign and signed-rank tests |
//! | Is that so in any of these many cells? | [`holm`] | Holm's step-down correction |
//! | Some never recovered. | [`kaplan_meier`] | product-limit estimator, Greenwood band, band by seed |
//! | Do two samples come from one distribution? | [`kolmogorov_smirnov`] | two-sample test, exact with ties |
//! | The whole distribution? | [`ecdf`] | empirical distribution with a Dvoretzky–Kiefer–Wolfowitz band |
//! | May we stop now? | [`sequential`] | a fixed schedule of looks that shares out the error |
//!
//! Nothing here knows the model: inputs are `f64` and `u64` slices, randomness is a `ChaCha8`
//! stream of a given seed, and transcendental functions come from `libm`, so that results are the
//! same bytes on every platform. What this module is not: a general statistics library. Each method
//! is here because a table, a verdict or a plot needs it.

pub mod bootstrap;
pub mod ecdf;
pub mod holm;
mod interval;
pub mod kaplan_meier;
pub mod kolmogorov_smirnov;
pub mod paired;
pub mod poisson;
pub mod quantile;
mod sample;
pub mod sequential;
pub mod share;
mod special_function;

pub use interval::{Interval, Level, LevelError, Side};
pub use sample::{Sample, SampleError};
