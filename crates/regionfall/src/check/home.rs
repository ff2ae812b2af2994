//! Everyone is home in the end, for strategies whose failback says so.

use crate::history::Account;

use super::{Findings, Verdict, VerdictKind};

/// Whether every app server used its home member when the calm ended.
pub fn everyone_home(account: &Account) -> Verdict {
    let mut findings = Findings::default();
    for server in 0..account.shape.servers.len() {
        let home = account.shape.home_of(server);
        let last = account
            .adoptions
            .iter()
            .rev()
            .find(|adoption| adoption.server.index() == server);
        if let Some(adoption) = last.filter(|adoption| adoption.to != home) {
            findings.add(adoption.at, || {
                format!(
                    "{} moved to {} and never back to {home}",
                    adoption.server, adoption.to
                )
            });
        }
    }
    findings.verdict("everyone is home", VerdictKind::Eventually)
}
