//! Integration tests of the library, one file per subject.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod backlog;
mod chaos;
mod chaos_on_disk;
mod closed_loop;
mod conflict;
mod files;
mod ledger;
mod loss_is_poisson;
mod memory;
mod nodes;
mod persisting;
mod recount;
mod run_recount;
mod scenario;
mod sight;
mod small;
mod storms;
mod strategies;
mod vocabulary;
