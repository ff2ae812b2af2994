//! Integration tests of the library, one file per subject.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod availability;
mod backlog;
mod capacity;
mod chaos;
mod chaos_on_disk;
mod closed_loop;
mod conflict;
mod degradations;
mod field;
mod files;
mod flash_sale;
mod joining;
mod kinds;
mod ledger;
mod links;
mod loss_is_poisson;
mod membership;
mod memory;
mod nodes;
mod parts_recount;
mod persisting;
mod promotion;
mod recount;
mod run_recount;
mod scenario;
mod shortage;
mod sight;
mod small;
mod stories;
mod storms;
mod strategies;
mod upkeep;
mod vocabulary;
mod waiting;
