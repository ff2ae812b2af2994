//! Incidents: faults whose effects overlap in time on one home population, and what each app server
//! that they exposed went through.
//!
//! The effects of a fault on a population last from its beginning until all its exposed servers are
//! served again; a fault that begins later opens an incident of its own, even if the first still acts.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, Adoption, Episode, FaultSpan, Traffic};
use crate::topology::{FaultId, MemberId, ServerId};

use super::milestone::{Milestones, milestones};
use super::recovery_point::RecoveryPoint;
use crate::history::touches_server;

/// How an app server came to be served again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecoveredBy {
    /// By another member than before.
    Switch,
    /// By the same member, while the fault still acted on it.
    Retry,
    /// By the same member, after the fault had ended.
    Heal,
    /// Not before the horizon.
    None,
}

impl RecoveredBy {
    /// All, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Switch, Self::Retry, Self::Heal, Self::None];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Retry => "retry",
            Self::Heal => "heal",
            Self::None => "none",
        }
    }
}

/// What an exposed app server went through in an incident; writes.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerOutcome {
    /// Which.
    pub server: ServerId,
    /// From the beginning of the incident to the end of its first episode; 0 without an episode,
    /// `None` if no stability window came before the horizon.
    pub rto: Option<SimDuration>,
    /// The same of its reads.
    pub read_rto: Option<SimDuration>,
    /// How it was served again; `None` if it was served all along.
    pub recovered_by: Option<RecoveredBy>,
    /// The parts of its RTO, if it was served again by a switch.
    pub milestones: Option<Milestones>,
    /// Its episodes; `None` for one that did not end.
    pub outages: Vec<Option<SimDuration>>,
    /// The move after which it was served again.
    pub resumed: Option<Adoption>,
}

/// An incident.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// Its faults, in order of beginning.
    pub faults: Vec<FaultId>,
    /// Beginning of its first effective fault.
    pub begins: SimTime,
    /// End of its last fault; [`SimTime::NEVER`] if it did not end.
    pub ends: SimTime,
    /// The members whose home populations it touches.
    pub homes: Vec<MemberId>,
    /// What the exposed app servers went through, by server.
    pub servers: Vec<ServerOutcome>,
    /// App servers that fell with their host: neither exposed nor collateral.
    pub fallen: u64,
    /// Others with an episode of failed writes or reads within the incident.
    pub collateral: u64,
    /// What was lost, and what was missing when clients resumed.
    pub recovery_point: RecoveryPoint,
    /// From the beginning to the first window in which the exposed population is served as the
    /// recovery criterion says; `None` if there was none.
    pub service_rto: Option<SimDuration>,
}

impl Incident {
    /// Exposed servers with an episode.
    pub fn affected(&self) -> impl Iterator<Item = &ServerOutcome> {
        self.servers
            .iter()
            .filter(|outcome| outcome.recovered_by.is_some())
    }

    /// Exposed servers that were not served again before the horizon.
    pub fn censored(&self) -> u64 {
        self.servers
            .iter()
            .filter(|outcome| outcome.rto.is_none())
            .count() as u64
    }
}

/// Faults that belong together, while they are being gathered.
struct Group {
    spans: Vec<FaultSpan>,
    exposed: Vec<bool>,
    homes: Vec<bool>,
}

impl Group {
    fn begins(&self) -> SimTime {
        self.spans
            .iter()
            .map(|span| span.begins)
            .min()
            .unwrap_or(SimTime::ZERO)
    }

    fn ends(&self) -> SimTime {
        self.spans
            .iter()
            .map(|span| span.ends)
            .max()
            .unwrap_or(SimTime::ZERO)
    }

    /// When the last exposed server of a home population was served again.
    fn recovery(&self, account: &Account, home: usize) -> SimTime {
        let (begins, ends) = (self.begins(), self.ends());
        let servers = (0..self.exposed.len()).filter(|&server| {
            self.exposed[server] && account.shape.home_of(server).index() == home
        });
        let recoveries = servers.filter_map(|server| {
            first_episode(account, server, Traffic::Writes, begins, ends)
                .map(|episode| episode.ends.unwrap_or(SimTime::NEVER))
        });
        recoveries.max().unwrap_or(begins)
    }

    fn absorb(&mut self, other: Group) {
        self.spans.extend(other.spans);
        self.spans.sort_by_key(|span| (span.begins, span.fault));
        for (own, theirs) in self.exposed.iter_mut().zip(other.exposed) {
            *own |= theirs;
        }
        for (own, theirs) in self.homes.iter_mut().zip(other.homes) {
            *own |= theirs;
        }
    }
}

/// The incidents of a run, in order of beginning.
pub(super) fn incidents(account: &Account) -> Vec<Incident> {
    let mut groups: Vec<Group> = Vec::new();
    // A fault that touched nothing is reported, but it is no incident.
    for span in account.faults.iter().filter(|span| span.touched.is_some()) {
        let Some(planned) = account
            .shape
            .faults
            .iter()
            .find(|planned| planned.id == span.fault)
        else {
            continue;
        };
        if planned.kind.is_repair() {
            continue;
        }
        let shape = &account.shape;
        let exposed: Vec<bool> = (0..shape.servers.len())
            .map(|server| touches_server(shape, &planned.kind, server))
            .collect();
        let mut homes = vec![false; shape.members.len()];
        for (server, _) in exposed
            .iter()
            .enumerate()
            .filter(|(_, is_exposed)| **is_exposed)
        {
            homes[shape.home_of(server).index()] = true;
        }
        let mut merged = Group {
            spans: vec![*span],
            exposed,
            homes,
        };
        let mut apart = Vec::new();
        for group in groups {
            let is_open = (0..merged.homes.len()).any(|home| {
                merged.homes[home]
                    && group.homes[home]
                    && group.recovery(account, home) > span.begins
            });
            if is_open {
                merged.absorb(group);
            } else {
                apart.push(group);
            }
        }
        apart.push(merged);
        groups = apart;
    }
    groups.sort_by_key(|group| (group.begins(), group.spans[0].fault));
    (0..groups.len())
        .map(|index| incident(account, &groups, index))
        .collect()
}

fn incident(account: &Account, groups: &[Group], index: usize) -> Incident {
    let group = &groups[index];
    let (begins, ends) = (group.begins(), group.ends());
    let fell = |server: usize| {
        account
            .stopped
            .iter()
            .any(|&(stopped, at)| stopped.index() == server && begins <= at && at <= ends)
    };
    let servers: Vec<ServerOutcome> = (0..group.exposed.len())
        .filter(|&server| group.exposed[server] && !fell(server))
        .map(|server| {
            // Episodes that begin after the next incident of the same population are its own.
            let home = account.shape.home_of(server).index();
            let until = groups[index + 1..]
                .iter()
                .filter(|later| later.homes[home])
                .map(Group::begins)
                .min()
                .unwrap_or(SimTime::NEVER);
            outcome(account, group, server, until)
        })
        .collect();
    let collateral = (0..group.exposed.len())
        .filter(|&server| !group.exposed[server] && !fell(server))
        .filter(|&server| {
            [Traffic::Writes, Traffic::Reads]
                .iter()
                .any(|&traffic| first_episode(account, server, traffic, begins, ends).is_some())
        })
        .count();
    let faults: Vec<FaultId> = group.spans.iter().map(|span| span.fault).collect();
    let recovery_point = RecoveryPoint::of(account, &faults, begins, index == 0, &servers);
    Incident {
        service_rto: super::service::service_rto(account, begins, &servers),
        begins,
        ends,
        homes: (0..group.homes.len())
            .filter(|&home| group.homes[home])
            .map(MemberId::from_index)
            .collect(),
        fallen: (0..group.exposed.len())
            .filter(|&server| fell(server))
            .count() as u64,
        collateral: collateral as u64,
        recovery_point,
        servers,
        faults,
    }
}

fn outcome(account: &Account, group: &Group, server: usize, until: SimTime) -> ServerOutcome {
    let (begins, ends) = (group.begins(), group.ends());
    let rto_of = |episode: Option<&Episode>| match episode {
        None => Some(SimDuration::ZERO),
        Some(episode) => episode.ends.map(|end| end.saturating_since(begins)),
    };
    let first = first_episode(account, server, Traffic::Writes, begins, ends);
    let read = first_episode(account, server, Traffic::Reads, begins, ends);
    let outages = account
        .episodes
        .iter()
        .filter(|episode| episode.server.index() == server && episode.traffic == Traffic::Writes)
        .filter(|episode| episode.ends.is_none_or(|end| end > begins) && episode.begins < until)
        .map(|episode| episode.ends.map(|end| end.saturating_since(episode.begins)))
        .collect();
    let mut found = ServerOutcome {
        server: ServerId::from_index(server),
        rto: rto_of(first),
        read_rto: rto_of(read),
        recovered_by: None,
        milestones: None,
        outages,
        resumed: None,
    };
    let Some(episode) = first else { return found };
    let Some(end) = episode.ends else {
        found.recovered_by = Some(RecoveredBy::None);
        return found;
    };
    let of_server = || {
        account
            .adoptions
            .iter()
            .filter(|adoption| adoption.server.index() == server)
    };
    let used_before = of_server()
        .take_while(|adoption| adoption.at < begins)
        .last()
        .map_or(account.shape.home_of(server), |adoption| adoption.to);
    found.resumed = of_server()
        .rfind(|adoption| {
            begins <= adoption.at && adoption.at <= end && adoption.to == episode.member_after
        })
        .copied();
    let acts = group.spans.iter().any(|span| {
        span.begins <= end && end < span.ends && is_touched(account, span.fault, server)
    });
    found.recovered_by = Some(if episode.member_after != used_before {
        RecoveredBy::Switch
    } else if acts {
        RecoveredBy::Retry
    } else {
        RecoveredBy::Heal
    });
    if found.recovered_by == Some(RecoveredBy::Switch)
        && let Some(adoption) = found.resumed
    {
        found.milestones = Some(milestones(account, begins, end, &adoption));
    }
    found
}

fn is_touched(account: &Account, fault: FaultId, server: usize) -> bool {
    let planned = account
        .shape
        .faults
        .iter()
        .find(|planned| planned.id == fault);
    planned.is_some_and(|planned| touches_server(&account.shape, &planned.kind, server))
}

/// The first episode of a server that overlaps `begins..=ends`.
fn first_episode(
    account: &Account,
    server: usize,
    traffic: Traffic,
    begins: SimTime,
    ends: SimTime,
) -> Option<&Episode> {
    let from = account
        .episodes
        .partition_point(|episode| episode.server.index() < server);
    account.episodes[from..]
        .iter()
        .take_while(|episode| episode.server.index() == server)
        .filter(|episode| episode.traffic == traffic && episode.begins <= ends)
        .find(|episode| episode.ends.is_none_or(|end| end > begins))
}
