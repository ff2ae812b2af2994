//! How the failover machinery behaved: how many switches, false ones, to and fro, and how far apart in
//! time clients moved.
//!
//! A *policy switch* is a decision: a change of a published answer, or, where nothing is ever
//! published, the move of an app server.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, Adoption};
use crate::topology::MemberId;

use super::incident::Incident;
use super::quantile::nearest_rank;
use crate::history::may_justify_leaving;

/// Counts over the run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Switching {
    /// Decisions to send traffic elsewhere.
    pub policy_switches: u64,
    /// Those that left a preferred member that no fault had touched (nor a path to it), within the
    /// evidence window.
    pub false_failovers: u64,
    /// Switches of one decider beyond one away and one back for each incident (or for the run, if it
    /// had none).
    pub flaps: u64,
}

/// One decision.
struct Switch {
    decider: usize,
    from: MemberId,
    to: MemberId,
    at: SimTime,
    home: Vec<MemberId>,
}

impl Switching {
    pub(super) fn of(account: &Account, incidents: usize) -> Self {
        let switches = switches(account);
        let is_false = |switch: &&Switch| is_failover(switch) && !is_justified(account, switch);
        let allowed = 2 * incidents.max(1) as u64;
        let mut deciders: Vec<usize> = switches.iter().map(|switch| switch.decider).collect();
        deciders.sort_unstable();
        let flaps = deciders
            .chunk_by(|a, b| a == b)
            .map(|own| (own.len() as u64).saturating_sub(allowed))
            .sum();
        Self {
            policy_switches: switches.len() as u64,
            false_failovers: switches.iter().filter(is_false).count() as u64,
            flaps,
        }
    }
}

fn switches(account: &Account) -> Vec<Switch> {
    let shape = &account.shape;
    if account.publications.is_empty() {
        let moves = account.adoptions.iter().map(|adoption| Switch {
            decider: adoption.server.index(),
            from: adoption.from,
            to: adoption.to,
            at: adoption.at,
            home: shape.servers[adoption.server.index()].home.clone(),
        });
        return moves.collect();
    }
    let answers = account.publications.iter().map(|publication| {
        let server = shape
            .servers
            .iter()
            .find(|server| server.fleet == publication.fleet);
        Switch {
            decider: publication.fleet.index(),
            from: publication.from,
            to: publication.to,
            at: publication.at,
            home: server.map(|server| server.home.clone()).unwrap_or_default(),
        }
    });
    answers.collect()
}

/// Whether the member that was left is preferred to the one that was chosen.
fn is_failover(switch: &Switch) -> bool {
    let rank = |member| {
        switch
            .home
            .iter()
            .position(|&home| home == member)
            .unwrap_or(usize::MAX)
    };
    rank(switch.from) < rank(switch.to)
}

fn is_justified(account: &Account, switch: &Switch) -> bool {
    account.faults.iter().any(|span| {
        let planned = account
            .shape
            .faults
            .iter()
            .find(|planned| planned.id == span.fault);
        span.begins <= switch.at
            && switch.at.saturating_since(span.ends) <= account.shape.evidence_window
            && planned.is_some_and(|planned| {
                may_justify_leaving(&account.shape, &planned.kind, switch.from)
            })
    })
}

/// When the clients of an incident moved.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Moves {
    /// From the first exposed server that left its home to the last; `None` if none did.
    pub switch_skew: Option<SimDuration>,
    /// From the end of the last fault to the return of the median server (nearest rank); `None` if none
    /// returned.
    pub failback: Option<SimDuration>,
    /// From the first exposed server that returned to the last.
    pub failback_skew: Option<SimDuration>,
}

impl Moves {
    pub(super) fn of(account: &Account, incident: &Incident) -> Self {
        let mut left = Vec::new();
        let mut returned = Vec::new();
        for outcome in &incident.servers {
            let home = account.shape.home_of(outcome.server.index());
            let own = || {
                let is_own = |adoption: &&Adoption| {
                    adoption.server == outcome.server && adoption.at >= incident.begins
                };
                account.adoptions.iter().filter(is_own)
            };
            left.extend(
                own()
                    .find(|adoption| adoption.from == home)
                    .map(|adoption| adoption.at),
            );
            let back = own().find(|adoption| adoption.to == home && adoption.at >= incident.ends);
            returned.extend(back.map(|adoption| adoption.at));
        }
        left.sort_unstable();
        returned.sort_unstable();
        let skew = |sorted: &[SimTime]| Some(*sorted.last()? - *sorted.first()?);
        Self {
            switch_skew: skew(&left),
            failback: nearest_rank(&returned, 0.5).map(|&at| at.saturating_since(incident.ends)),
            failback_skew: skew(&returned),
        }
    }
}
