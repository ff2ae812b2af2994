//! Integration tests of the library, one file per subject.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod chaos;
mod conflict;
mod ledger;
mod loss_is_poisson;
mod recount;
mod scenario;
mod sight;
mod small;
mod strategies;
mod vocabulary;
