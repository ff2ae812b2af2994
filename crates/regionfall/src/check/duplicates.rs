//! The promise that no write takes effect twice.

use crate::history::Account;

use super::{Findings, Verdict, VerdictKind};

/// Whether no write that is not idempotent took effect more than once.
pub fn no_duplicates(account: &Account) -> Verdict {
    let mut findings = Findings::default();
    for (keyspace, counts) in account.shape.keyspaces.iter().zip(&account.writes) {
        if counts.duplicated > 0 {
            findings.add(account.shape.storm_begins, || {
                let name = &keyspace.name;
                format!(
                    "{} writes of {name} took effect more than once",
                    counts.duplicated
                )
            });
        }
    }
    findings.verdict("no duplicates", VerdictKind::Promise)
}
