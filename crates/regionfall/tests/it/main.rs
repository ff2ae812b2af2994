//! Integration tests of the library, one file per subject.

mod chaos;
mod ledger;
mod loss_is_poisson;
mod recount;
mod scenario;
mod sight;
mod small;
mod strategies;
mod vocabulary;
