//! The promise that loss stays within a bound.

use crate::history::Account;

use super::{Findings, Verdict, VerdictKind};

/// Whether at most `bound` acknowledged writes were lost.
pub fn loss_within(account: &Account, bound: u64) -> Verdict {
    let mut findings = Findings::default();
    for write in account.lost.iter().skip(bound as usize) {
        findings.add(write.acked, || {
            format!(
                "{} of {}, taken by {}, is lost; {bound} may be",
                write.operation, write.server, write.member
            )
        });
    }
    findings.verdict("loss within its bound", VerdictKind::Promise)
}
