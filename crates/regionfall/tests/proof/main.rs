//! The machinery of proof: generated plans and scenarios, shrinking, explaining, and checks that are asked for.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod bugs;
mod campaign;
mod exhaustive;
mod plans;
mod promises;
mod search;
mod stories;
