//! One primary per shard per epoch: nobody else is elected, announced or made primary in the epoch of another, epochs go
//! forward, and no process of a Redis Cluster votes twice in one.
//!
//! Two processes may both take themselves for the primary for a while (that is what a split brain is); that two were *made*
//! primary in the same epoch never happens, or the model of the election is wrong.

use std::collections::BTreeMap;

use regionfall_kernel::SimTime;

use super::{Findings, Verdict, VerdictKind};
use crate::history::{BusFact, Fact};
use crate::topology::{MemberId, NodeId};

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Elected {
    /// By node: its member.
    members: Vec<MemberId>,
    /// By member and shard: the newest epoch in which somebody was made primary, and who.
    newest: BTreeMap<(MemberId, u16), (u32, NodeId)>,
    /// By member and epoch: who was elected in a Redis Cluster, where an epoch belongs to one shard.
    winners: BTreeMap<(MemberId, u32), (NodeId, u16)>,
    /// By member, shard and epoch: whom Sentinels announced.
    announced: BTreeMap<(MemberId, u16, u32), NodeId>,
    /// By voter and epoch: whom it voted for.
    votes: BTreeMap<(NodeId, u16, u32), (NodeId, u16)>,
    findings: Findings,
}

impl Elected {
    /// The check of a run whose nodes belong to these members.
    pub fn new(members: &[MemberId]) -> Self {
        Self {
            members: members.to_vec(),
            ..Self::default()
        }
    }

    /// Hears a fact.
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    pub fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::Bus(fact) => self.observe_bus(at, &fact),
            Fact::PrimaryAnnounced {
                member,
                shard,
                node,
                epoch,
                ..
            } => self.announce(at, (member, shard, epoch), node),
            Fact::Promoted {
                member,
                shard,
                node,
                epoch,
            } => self.promoted(at, (member, shard), node, epoch),
            _ => {}
        }
    }

    #[cold]
    fn promoted(&mut self, at: SimTime, whose: (MemberId, u16), node: NodeId, epoch: u32) {
        let (member, shard) = whose;
        match self.newest.insert(whose, (epoch, node)) {
            Some((newest, holder)) if epoch <= newest => self.findings.add(at, || {
                format!(
                    "{node} was made primary of shard {shard} of {member} in epoch {epoch}, after {holder} in epoch {newest}"
                )
            }),
            // The primary at the start holds the first epoch.
            None if epoch < 2 => self.findings.add(at, || {
                format!("{node} was made primary of {member} in epoch {epoch}, which was taken")
            }),
            _ => {}
        }
    }

    #[cold]
    fn announce(&mut self, at: SimTime, key: (MemberId, u16, u32), node: NodeId) {
        let first = *self.announced.entry(key).or_insert(node);
        if first != node {
            let (member, shard, epoch) = key;
            self.findings.add(at, || {
                format!(
                    "shard {shard} of {member} has {first} and {node} for primary in epoch {epoch}"
                )
            });
        }
    }

    #[cold]
    fn observe_bus(&mut self, at: SimTime, fact: &BusFact) {
        match *fact {
            BusFact::Elected {
                member,
                node,
                shard,
                epoch,
            } => {
                let who = (node, shard);
                let first = *self.winners.entry((member, epoch)).or_insert(who);
                if first != who {
                    self.findings.add(at, || {
                        format!(
                            "{node} was elected for shard {shard} in epoch {epoch}, which {} won for shard {}",
                            first.0, first.1
                        )
                    });
                }
                let votes = self.votes.iter().filter(|&(&(voter, _, of), &candidate)| {
                    of == epoch && candidate == who && self.members[voter.index()] == member
                });
                if votes.count() == 0 {
                    self.findings.add(at, || {
                        format!("{node} was elected for shard {shard} in epoch {epoch} by nobody")
                    });
                }
            }
            BusFact::Voted {
                by,
                node,
                shard,
                epoch,
            } => {
                let key = (by.0, by.1, epoch);
                let first = self.votes.insert(key, (node, shard));
                if let Some((other, _)) = first {
                    self.findings.add(at, || {
                        format!(
                            "the process of {} for shard {} voted for {other} and {node} in epoch {epoch}",
                            by.0, by.1
                        )
                    });
                }
            }
            _ => {}
        }
    }

    /// What it found; nothing if nobody was made primary and nothing is wrong.
    pub fn verdict(&self) -> Option<Verdict> {
        let verdict = || {
            self.findings
                .verdict("one primary per shard and epoch", VerdictKind::ModelLaw)
        };
        let has_elections = !self.winners.is_empty() || !self.newest.is_empty();
        (has_elections || self.findings.count > 0).then(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOTER: (NodeId, u16) = (NodeId(2), 2);

    fn voted(by: (NodeId, u16), node: u8, epoch: u32) -> BusFact {
        BusFact::Voted {
            by,
            node: NodeId(node),
            shard: 0,
            epoch,
        }
    }

    fn elected(node: u8, shard: u16, epoch: u32) -> BusFact {
        BusFact::Elected {
            member: MemberId(0),
            node: NodeId(node),
            shard,
            epoch,
        }
    }

    fn held(facts: &[BusFact]) -> Option<bool> {
        let mut check = Elected::new(&[MemberId(0); 3]);
        for &fact in facts {
            check.observe(SimTime::ZERO, &Fact::Bus(fact));
        }
        check.verdict().map(|verdict| verdict.held)
    }

    #[test]
    fn an_epoch_has_one_winner_and_each_voter_one_vote() {
        let votes = [voted(VOTER, 1, 4), voted((NodeId(1), 1), 1, 4)];
        let with = |more: &[BusFact]| held(&[&votes[..], more].concat());
        assert_eq!(with(&[elected(1, 0, 4)]), Some(true));
        assert_eq!(with(&[elected(1, 0, 4), elected(0, 0, 4)]), Some(false));
        assert_eq!(with(&[voted(VOTER, 0, 4)]), Some(false), "a second vote");
        assert_eq!(with(&[voted(VOTER, 0, 5), elected(1, 0, 4)]), Some(true));
        assert_eq!(with(&[elected(0, 0, 6)]), Some(false), "nobody's votes");
        assert_eq!(
            with(&[elected(1, 0, 6)]),
            Some(false),
            "votes of another epoch"
        );
        assert_eq!(with(&[elected(0, 0, 4)]), Some(false), "votes for another");
        assert_eq!(with(&[]), None, "nothing was decided");
    }

    #[test]
    fn an_epoch_is_won_once_and_epochs_go_forward() {
        let held = |epochs: &[(u8, u32)]| {
            let mut check = Elected::new(&[MemberId(0); 3]);
            for &(node, epoch) in epochs {
                let fact = Fact::Promoted {
                    member: MemberId(0),
                    shard: 0,
                    node: NodeId(node),
                    epoch,
                };
                check.observe(SimTime::ZERO, &fact);
            }
            check.verdict().map(|verdict| verdict.held)
        };
        assert_eq!(held(&[]), None);
        assert_eq!(held(&[(1, 2), (0, 3)]), Some(true));
        assert_eq!(held(&[(1, 2), (0, 2)]), Some(false));
        assert_eq!(held(&[(1, 3), (0, 2)]), Some(false));
        assert_eq!(held(&[(1, 1)]), Some(false), "the first is the start's");
    }

    #[test]
    fn sentinels_name_one_primary_in_an_epoch() {
        let announced = |node, epoch| Fact::PrimaryAnnounced {
            sentinel: crate::topology::SentinelId(0),
            member: MemberId(0),
            shard: 0,
            node: NodeId(node),
            epoch,
        };
        let mut check = Elected::new(&[MemberId(0); 3]);
        check.observe(SimTime::ZERO, &announced(1, 3));
        check.observe(SimTime::ZERO, &announced(2, 4));
        assert_eq!(check.verdict(), None);
        check.observe(SimTime::ZERO, &announced(2, 3));
        assert!(check.verdict().is_some_and(|verdict| !verdict.held));
    }
}
