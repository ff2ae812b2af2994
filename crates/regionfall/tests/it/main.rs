//! Integration tests of the library, one file per subject.

mod ledger;
mod recount;
mod scenario;
mod vocabulary;
