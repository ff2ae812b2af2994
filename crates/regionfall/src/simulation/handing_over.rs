//! A shard is handed over from its primary to another node's copy, without loss.
//!
//! Its primary lets writes wait, the other gets what it lacks and is promoted, the former primary follows it, and what
//! waited is executed by whoever is the primary then (Redis docs, *FAILOVER*, the coordinated failover of Redis itself;
//! Azure docs, *Failover and patching*: the replica "cooperatively" promotes itself). Behind a proxy a client notices a
//! slow write; one that reached the node directly is told READONLY.

use regionfall_kernel::{SimDuration, SimTime};

use super::answering::{Asker, Errand};
use super::world::World;
use crate::database::promotion::PromotionRule;
use crate::database::{LinkState, Role};
use crate::history::{Fact, Listener};
use crate::topology::{MemberId, NodeId};

/// How often a hand-over is looked at while writes wait (assumed: the products' own interval is not published).
pub(super) const LOOK_EVERY: SimDuration = SimDuration::from_millis(10);
/// A hand-over that takes longer is given up, and the primary takes writes again (redis/redis, cluster.h,
/// `CLUSTER_MF_TIMEOUT`).
const GIVEN_UP_AFTER: SimDuration = SimDuration::from_secs(5);
/// Later than this nobody is named any more: a vote that drags on must not promote once writes go on (assumed).
const NAMED_WITHIN: SimDuration = SimDuration::from_secs(4);

/// A hand-over under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandOver {
    pub(super) shard: u16,
    from: NodeId,
    to: NodeId,
    since: SimTime,
    /// Whether the new primary was named: the rest is for those who decide on promotion.
    is_named: bool,
}

/// How far a hand-over is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handed {
    NotYet,
    Done,
    GivenUp,
}

impl World {
    /// Whether a process lets writes wait since its shard is handed over.
    #[inline]
    pub(super) fn is_handed_over(&self, node: NodeId, shard: usize) -> bool {
        let paused = &self.upkeep.paused;
        !paused.is_empty() && paused.contains(&(node, shard as u16))
    }

    /// A write waits for the end of a hand-over.
    pub(super) fn hold_back(&mut self, errand: Errand) {
        self.upkeep.held.push(errand);
    }

    /// The copy of a shard that can take over from a node: it runs, and its stream from that node flows.
    pub(super) fn heir(&self, from: NodeId, shard: u16) -> Option<NodeId> {
        let member = &self.members[self.nodes[from.index()].member.index()];
        let mut others = member.nodes().filter(|&other| other != from);
        others.find(|&other| self.can_take_over(from, other, shard))
    }

    /// Whether a node's copy of a shard follows another's closely enough to take over from it.
    pub(super) fn can_take_over(&self, from: NodeId, to: NodeId, shard: u16) -> bool {
        let process = &self.nodes[to.index()].shards[usize::from(shard)];
        let streams = |link: super::event::LinkId| {
            let link = &self.links[usize::from(link.0)];
            matches!(link.state, LinkState::Streaming(_))
        };
        self.nodes[to.index()].is_running
            && !self.is_hung(to)
            && process.role == Role::Replica
            && process.follows == from
            && self.link_within(from, to, shard).is_some_and(streams)
    }

    /// A hand-over begins: writes of the shard wait from now on.
    pub(super) fn begin_to_hand_over<L: Listener>(
        &mut self,
        now: SimTime,
        (member, shard): (MemberId, u16),
        to: NodeId,
        listener: &mut L,
    ) -> HandOver {
        let from = self.members[member.index()].primaries[usize::from(shard)];
        self.upkeep.paused.push((from, shard));
        let fact = Fact::PromotionBegan {
            member,
            shard,
            node: from,
        };
        listener.observe(now, &fact);
        HandOver {
            shard,
            from,
            to,
            since: now,
            is_named: false,
        }
    }

    /// A hand-over is looked at, and goes on if it can.
    pub(super) fn look_at_hand_over<L: Listener>(
        &mut self,
        now: SimTime,
        hand_over: &mut HandOver,
        listener: &mut L,
    ) -> Handed {
        let HandOver {
            shard, from, to, ..
        } = *hand_over;
        let member = self.nodes[from.index()].member;
        let index = usize::from(shard);
        let primary = self.members[member.index()].primaries[index];
        let former = &self.nodes[from.index()];
        let has_stepped_down = !former.is_running || !former.shards[index].is_primary();
        if primary != from && has_stepped_down {
            self.resume_writes(now, (from, shard), listener);
            return Handed::Done;
        }
        let since = now.saturating_since(hand_over.since);
        if !former.is_running || since >= GIVEN_UP_AFTER {
            self.resume_writes(now, (from, shard), listener);
            return Handed::GivenUp;
        }
        let clock = |node: NodeId| self.nodes[node.index()].shards[index].replica.clock();
        if !hand_over.is_named
            && since < NAMED_WITHIN
            && self.can_take_over(from, to, shard)
            && clock(to).dominates(clock(from))
        {
            hand_over.is_named = true;
            self.name_primary(now, (member, shard), to, listener);
        }
        Handed::NotYet
    }

    /// Whoever decides on promotion in a member makes a node the primary of a shard.
    fn name_primary<L: Listener>(
        &mut self,
        now: SimTime,
        (member, shard): (MemberId, u16),
        node: NodeId,
        listener: &mut L,
    ) {
        let rule = &self.blueprint.settings().database.promotion.rule;
        if let PromotionRule::Watchdogs(_) = rule {
            self.have_proposed(now, (member, shard), node, listener);
            return;
        }
        self.promote(now, (member, shard), node, listener);
        let others = self.members[member.index()].nodes();
        for other in others.filter(|&other| other != node) {
            if self.nodes[other.index()].is_running {
                self.follow(now, (other, shard), node, listener);
            }
        }
    }

    /// Writes that waited at a process go on: to the primary, as far as the node that they reached can tell.
    pub(super) fn resume_writes<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        listener: &mut L,
    ) {
        self.upkeep.paused.retain(|paused| *paused != (node, shard));
        let held = std::mem::take(&mut self.upkeep.held);
        let (due, others): (Vec<Errand>, Vec<Errand>) = held.into_iter().partition(|errand| {
            let Asker::Operation(slot) = errand.asker else {
                return false;
            };
            errand.node == node && self.shard_for(slot) == shard
        });
        self.upkeep.held = others;
        let member = self.nodes[node.index()].member;
        for mut errand in due {
            if self.blueprint.settings().database.entrance.is_proxied() {
                errand.node = self.members[member.index()].primaries[usize::from(shard)];
            }
            if !self.nodes[errand.entry.index()].is_running {
                self.errand_gone(errand);
            } else if errand.entry == errand.node {
                self.errand_arrives(now, errand, listener);
            } else {
                self.hand_over(now, errand);
            }
        }
    }
}
