//! When something happened for the first time: the moments that `first(<fact>)` in a scenario's
//! references speaks of.
//!
//! A listener that remembers, for the kinds of fact it was asked about, when each subject (a decider, an
//! app server, a member) first met them, counted anew from every beginning and end of a fault. What it
//! is not: the ledger, which keeps the books of every run; this one listens only where it is asked to.

use regionfall_kernel::SimTime;

use super::fact::{AttemptEnding, CopyEnd, Ending, Fact, Listener};

/// A kind of fact that has moments.
#[derive(Debug)]
pub struct MomentKind {
    /// Its name in scenario files.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
    /// What `second(…)` counts: the second of these.
    pub subject: &'static str,
    /// The number of the subject, if a fact is of this kind.
    subject_of: fn(&Fact<'_>) -> Option<u64>,
}

/// The kinds of fact that have moments.
pub static MOMENTS: &[MomentKind] = &[
    MomentKind {
        name: "verdict-down",
        doc: "a judge held a member for down",
        subject: "judge",
        subject_of: |fact| match fact {
            Fact::Verdict {
                decider,
                healthy: false,
                ..
            } => Some(u64::from(decider.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "verdict-up",
        doc: "a judge held a member for up again",
        subject: "judge",
        subject_of: |fact| match fact {
            Fact::Verdict {
                decider,
                healthy: true,
                ..
            } => Some(u64::from(decider.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "answer-published",
        doc: "a fleet's published answer changed",
        subject: "fleet",
        subject_of: |fact| match fact {
            Fact::AnswerPublished { fleet, .. } => Some(u64::from(fleet.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "target-reached",
        doc: "a connection through a load balancer reached a node for the first time",
        subject: "node",
        subject_of: |fact| match fact {
            Fact::TargetReached { node, .. } => Some(u64::from(node.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "address-moved",
        doc: "the address that a pair of proxies shares came to another of them",
        subject: "proxy",
        subject_of: |fact| match fact {
            Fact::AddressMoved { relay, .. } => Some(u64::from(relay.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "adopted",
        doc: "an app server sends its requests to another member from now on",
        subject: "app server",
        subject_of: |fact| match fact {
            Fact::Adopted { server, .. } => Some(u64::from(server.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "connected",
        doc: "a connection of an app server became usable",
        subject: "app server",
        subject_of: |fact| match fact {
            Fact::Connected { server, .. } => Some(u64::from(server.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "error-reply",
        doc: "a member answered a request with an error, such as a write that it refused",
        subject: "member",
        subject_of: |fact| match fact {
            Fact::AttemptEnded {
                member,
                ending: AttemptEnding::ErrorReply,
                ..
            } => Some(u64::from(member.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "acknowledged",
        doc: "a member's reply let a request succeed",
        subject: "member",
        subject_of: |fact| match fact {
            Fact::OperationEnded {
                ending: Ending::Acknowledged,
                member: Some(member),
                ..
            } => Some(u64::from(member.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "subjectively-down",
        doc: "a Sentinel held the primary of a shard for down",
        subject: "Sentinel",
        subject_of: |fact| match fact {
            Fact::SubjectivelyDown { sentinel, .. } => Some(u64::from(sentinel.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "objectively-down",
        doc: "a Sentinel knew that enough of them held the primary of a shard for down",
        subject: "Sentinel",
        subject_of: |fact| match fact {
            Fact::ObjectivelyDown { sentinel, .. } => Some(u64::from(sentinel.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "promoted",
        doc: "a node became primary of a shard",
        subject: "node",
        subject_of: |fact| match fact {
            Fact::Promoted { node, .. } => Some(u64::from(node.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "primary-announced",
        doc: "a Sentinel named another primary",
        subject: "Sentinel",
        subject_of: |fact| match fact {
            Fact::PrimaryAnnounced { sentinel, .. } => Some(u64::from(sentinel.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "discarded",
        doc: "what a node alone had was replaced by the state of a new primary",
        subject: "node",
        subject_of: |fact| match fact {
            Fact::CopiesEnded {
                node,
                cause: CopyEnd::Replaced,
                ..
            } => Some(u64::from(node.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "link-disrupted",
        doc: "a replication link stopped carrying effects because of a fault",
        subject: "target",
        subject_of: |fact| match fact {
            Fact::LinkDisrupted { target, .. } => Some(u64::from(target.0)),
            _ => None,
        },
    },
    MomentKind {
        name: "link-caught-up",
        doc: "a replication link carries effects again, and its target lacks nothing from before",
        subject: "target",
        subject_of: |fact| match fact {
            Fact::LinkCaughtUp { target, .. } => Some(u64::from(target.0)),
            _ => None,
        },
    },
];

impl MomentKind {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        MOMENTS.iter().find(|kind| kind.name == name)
    }
}

impl PartialEq for MomentKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Which of several subjects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rank {
    /// The subject that meets the fact as the first (0), the second (1), …
    Nth(usize),
    /// The subject that meets it as the last of those that do.
    Last,
}

/// A listener that remembers when each subject first met the kinds of fact that it was asked about.
#[derive(Clone, Debug)]
pub struct Moments {
    kinds: Vec<&'static MomentKind>,
    /// The last begins now; each has, by kind, the subjects with their first time.
    stretches: Vec<Stretch>,
}

/// The time from one beginning or end of a fault to the next.
#[derive(Clone, Debug)]
struct Stretch {
    begins: SimTime,
    seen: Vec<Vec<(u64, SimTime)>>,
}

impl Moments {
    /// A listener for these kinds.
    pub fn new(kinds: impl IntoIterator<Item = &'static MomentKind>) -> Self {
        let mut moments = Self {
            kinds: Vec::new(),
            stretches: Vec::new(),
        };
        for kind in kinds {
            if !moments.kinds.contains(&kind) {
                moments.kinds.push(kind);
            }
        }
        moments.begin(SimTime::ZERO);
        moments
    }

    /// When a subject first met a kind of fact, at `since` or later; `since` is zero or the beginning or
    /// end of a fault. `None` if that did not happen, or the kind was not asked for.
    pub fn find(&self, kind: &MomentKind, place: Rank, since: SimTime) -> Option<SimTime> {
        let index = self.kinds.iter().position(|known| *known == kind)?;
        let mut firsts: Vec<(u64, SimTime)> = Vec::new();
        for stretch in self
            .stretches
            .iter()
            .filter(|stretch| stretch.begins >= since)
        {
            for &(subject, at) in &stretch.seen[index] {
                if firsts.iter().all(|(known, _)| *known != subject) {
                    firsts.push((subject, at));
                }
            }
        }
        // Facts come in order of time, and so do the subjects.
        match place {
            Rank::Nth(number) => firsts.get(number),
            Rank::Last => firsts.last(),
        }
        .map(|(_, at)| *at)
    }

    fn begin(&mut self, at: SimTime) {
        // Several may begin at one instant; all but the last stay empty.
        self.stretches.push(Stretch {
            begins: at,
            seen: vec![Vec::new(); self.kinds.len()],
        });
    }
}

impl Listener for Moments {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if matches!(fact, Fact::FaultBegan { .. } | Fact::FaultEnded { .. }) {
            self.begin(at);
        }
        for (index, kind) in self.kinds.iter().enumerate() {
            let Some(subject) = (kind.subject_of)(fact) else {
                continue;
            };
            if let Some(stretch) = self.stretches.last_mut() {
                let seen = &mut stretch.seen[index];
                if seen.iter().all(|(known, _)| *known != subject) {
                    seen.push((subject, at));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{DeciderId, FaultId, MemberId};

    fn at(seconds: u64) -> SimTime {
        SimTime::from_nanos(seconds * 1_000_000_000)
    }

    fn down(judge: u32) -> Fact<'static> {
        Fact::Verdict {
            decider: DeciderId(judge),
            server: None,
            member: MemberId(0),
            healthy: false,
        }
    }

    fn told(facts: &[(u64, Fact<'static>)]) -> Moments {
        let mut moments = Moments::new(MomentKind::named("verdict-down"));
        for (second, fact) in facts {
            moments.observe(at(*second), fact);
        }
        moments
    }

    #[test]
    fn each_judge_counts_once_and_only_since_the_fault() {
        let fault = FaultId(0);
        let kind = MomentKind::named("verdict-down").unwrap();
        let moments = told(&[
            (1, down(7)),
            (5, Fact::FaultBegan { fault }),
            (6, down(2)),
            (7, down(2)),
            (8, down(7)),
            (9, Fact::FaultEnded { fault }),
            (10, down(2)),
            (11, down(3)),
        ]);
        let find = |place, since| moments.find(kind, place, at(since));
        assert_eq!(find(Rank::Nth(0), 0), Some(at(1)));
        assert_eq!(find(Rank::Nth(0), 5), Some(at(6)));
        assert_eq!(
            find(Rank::Nth(1), 5),
            Some(at(8)),
            "the second judge, not the second verdict"
        );
        assert_eq!(
            find(Rank::Nth(2), 5),
            Some(at(11)),
            "whoever met it before does not count again"
        );
        assert_eq!(find(Rank::Last, 5), Some(at(11)));
        assert_eq!(find(Rank::Nth(0), 9), Some(at(10)));
        assert_eq!(find(Rank::Nth(2), 9), None);
        let other = MomentKind::named("adopted").unwrap();
        assert_eq!(moments.find(other, Rank::Nth(0), at(0)), None);
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for (index, kind) in MOMENTS.iter().enumerate() {
            let named = MOMENTS.iter().position(|other| other.name == kind.name);
            assert_eq!(named, Some(index), "{}", kind.name);
        }
    }
}
