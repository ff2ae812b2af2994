//! Integration tests of the library, one file per subject.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod backlog;
mod chaos;
mod closed_loop;
mod conflict;
mod files;
mod kinds;
mod ledger;
mod links;
mod loss_is_poisson;
mod memory;
mod nodes;
mod recount;
mod run_recount;
mod scenario;
mod sight;
mod small;
mod storms;
mod strategies;
mod vocabulary;
