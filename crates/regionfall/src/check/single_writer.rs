//! The promise that no home population writes to two members at a time.

use regionfall_kernel::SimDuration;

use crate::history::Account;

use super::{Findings, Verdict, VerdictKind};

/// Whether no two members were active for one home population at a time (`dual_active_ms` is 0).
pub fn single_writer(account: &Account) -> Verdict {
    let mut findings = Findings::default();
    if account.dual_active > SimDuration::ZERO {
        let since = account
            .adoptions
            .first()
            .map_or(account.shape.storm_begins, |first| first.at);
        findings.add(since, || {
            format!(
                "two members took writes of one population for {}",
                account.dual_active
            )
        });
    }
    findings.verdict("no concurrent access", VerdictKind::Promise)
}
