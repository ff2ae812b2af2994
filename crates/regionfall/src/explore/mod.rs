//! Many runs: comparisons over variants, strategies, cases and seeds, and what they say with what
//! confidence.

pub mod statistics;
