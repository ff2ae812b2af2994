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
mod clients;
mod clients_world;
mod closed_loop;
mod cluster;
mod conflict;
mod coordination;
mod degradations;
mod detection;
mod discovery;
mod evidence;
mod field;
mod files;
mod flash_sale;
mod joining;
mod kinds;
mod ledger;
mod links;
mod loss_is_poisson;
mod measured_clients;
mod membership;
mod memory;
mod nodes;
mod parts_recount;
mod persisting;
mod promotion;
mod recount;
mod returns;
mod routes;
mod run_recount;
mod scenario;
mod shortage;
mod sight;
mod slots;
mod small;
mod stories;
mod storms;
mod strategies;
mod upkeep;
mod vocabulary;
mod waiting;
