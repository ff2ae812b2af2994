//! Every app server is served in the end: no episode of failed writes is open when the calm ends.
//!
//! Left out are app servers that fell with their host, and those with a home member that a fault without
//! end touches: whether they are served again is a matter of strategy, not of liveness.

use regionfall_kernel::SimTime;

use crate::fault::FaultKind;
use crate::history::{Account, Traffic, may_justify_leaving};
use crate::topology::ServerId;

use super::{Findings, Verdict, VerdictKind};

/// Whether every app server was served again before the horizon.
pub fn everyone_served(account: &Account) -> Verdict {
    let mut findings = Findings::default();
    let open = account
        .episodes
        .iter()
        .filter(|episode| episode.traffic == Traffic::Writes && episode.ends.is_none())
        .filter(|episode| !is_beyond_help(account, episode.server));
    for episode in open {
        findings.add(episode.begins, || {
            format!(
                "{} was not served again before {}",
                episode.server, account.shape.calm_ends
            )
        });
    }
    findings.verdict("every client is served", VerdictKind::Eventually)
}

fn is_beyond_help(account: &Account, server: ServerId) -> bool {
    let home = &account.shape.servers[server.index()].home;
    account
        .stopped
        .iter()
        .any(|&(stopped, _)| stopped == server)
        || account
            .faults
            .iter()
            .filter(|span| span.ends == SimTime::NEVER)
            .any(|span| {
                let planned = account
                    .shape
                    .faults
                    .iter()
                    .find(|planned| planned.id == span.fault);
                planned.is_some_and(|planned| {
                    let is_route = matches!(planned.kind, FaultKind::Routing(_));
                    is_route
                        || home.iter().any(|&member| {
                            may_justify_leaving(&account.shape, &planned.kind, member)
                        })
                })
            })
}
