//! Members are removed by force, purged, and join again; operators do so when the plan says, or on a condition.
//!
//! A removed member does not know it: it serves whoever reaches it, and its syncers are refused. What it alone had
//! when it was removed, and whatever it takes afterwards, is no part of the database any more.

use regionfall_crdt::{OriginId, Replica};
use regionfall_kernel::{Sampler, SimDuration, SimTime};

use super::afflictions::Affliction;
use super::event::{Event, LinkId};
use super::sabotage::Mutation;
use super::world::World;
use crate::database::Scope;
use crate::fault::{FaultKind, MembershipAction, MembershipChange};
use crate::history::{CopyEnd, Fact, Listener};
use crate::network::InFlight;
use crate::topology::{FaultId, MemberId, NodeId};

/// How often an operator's monitoring looks (assumed: a customary scrape interval is longer, an alert's evaluation about
/// as long).
const LOOK_EVERY: SimDuration = SimDuration::from_secs(1);

/// A member that the others have dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) member: MemberId,
    /// The action that did it.
    fault: FaultId,
    /// The action that deleted its data since, if one has.
    purged_by: Option<FaultId>,
}

impl World {
    /// Whether the others have dropped a member.
    #[inline]
    pub(super) fn is_removed(&self, member: MemberId) -> bool {
        !self.removals.is_empty() && self.removals.iter().any(|removal| removal.member == member)
    }

    /// Whether what comes over a link is refused: an end of it is no part of the database any more. A process that hung
    /// may find it in its socket.
    #[inline]
    pub(super) fn is_fenced(&self, link: LinkId) -> bool {
        if self.removals.is_empty() {
            return false;
        }
        let link = &self.links[usize::from(link.0)];
        let ends = [link.source, link.target];
        link.scope == Scope::Members && ends.iter().any(|&node| self.is_node_removed(node))
    }

    /// How many of so many effects from `first` on a link's target may take: of an origin of a member that was dropped
    /// those that others had by then. More of them may still lie in the socket of a process that hung.
    #[cold]
    pub(super) fn within_fence(
        &self,
        link: LinkId,
        (origin, first, count): (OriginId, u64, u64),
    ) -> u64 {
        if self.is_fenced(link) {
            return 0;
        }
        let target = self.links[usize::from(link.0)].target;
        let fence = self.fences.iter().find(|(fenced, _)| *fenced == origin);
        match fence {
            Some(&(_, had)) if !self.is_node_removed(target) => {
                count.min((had + 1).saturating_sub(first))
            }
            _ => count,
        }
    }

    /// From now on nobody takes more of a member's effects than others have.
    fn fence(&mut self, member: MemberId) {
        if self.sabotage.is(Mutation::ForgetsFencing) {
            return;
        }
        for origin in self.journal.origins() {
            let is_ours = self.nodes[self.journal.node(origin).index()].member == member;
            if !is_ours || self.fences.iter().any(|(fenced, _)| *fenced == origin) {
                continue;
            }
            let others = self
                .nodes
                .iter()
                .filter(|node| !self.is_removed(node.member));
            let clocks = others.flat_map(|node| node.shards.iter());
            let had = clocks.map(|shard| shard.replica.clock().get(origin)).max();
            self.fences.push((origin, had.unwrap_or(0)));
        }
    }

    /// Whether a node belongs to a member that the others have dropped.
    pub(super) fn is_node_removed(&self, node: NodeId) -> bool {
        self.is_removed(self.nodes[node.index()].member)
    }

    /// An operator is to act: at once, or when a condition holds.
    pub(super) fn begin_change<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        change: &MembershipChange,
        listener: &mut L,
    ) {
        if change.when.is_none() {
            self.change_membership(now, fault, listener);
        } else {
            self.queue.schedule(now, Event::Watch(fault));
        }
    }

    /// An operator's monitoring looks whether a condition holds.
    pub(super) fn watch(&mut self, now: SimTime, fault: FaultId) {
        let FaultKind::Membership(change) = &self.faults[fault.index()].kind else {
            return;
        };
        let Some(trigger) = &change.when else { return };
        if self.fullest_memory() > trigger.memory_above {
            let address = [u32::from(fault.0), 0, 0, 7];
            let bits = self.processing_draws.bits(address.into());
            let reaction = Sampler::new(&trigger.reaction).sample(bits);
            self.queue.schedule(now + reaction, Event::Change(fault));
        } else if now < self.end_of_calm() {
            self.queue.schedule(now + LOOK_EVERY, Event::Watch(fault));
        }
    }

    /// The largest share of its memory limit that a process of a member uses.
    fn fullest_memory(&self) -> f64 {
        let Some(memory) = self.blueprint.settings().database.memory else {
            return 0.0;
        };
        let limit = memory.shard_limit(self.shards()).max(1) as f64;
        let used = self.nodes.iter().flat_map(|node| {
            (0..self.shards()).map(|shard| self.memory_used(node.id, shard) as f64 / limit)
        });
        used.fold(0.0, f64::max)
    }

    /// An operator acts.
    pub(super) fn change_membership<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        listener: &mut L,
    ) {
        let FaultKind::Membership(change) = &self.faults[fault.index()].kind else {
            return;
        };
        let (member, action) = (change.member, change.action);
        listener.observe(now, &Fact::FaultBegan { fault });
        match action {
            MembershipAction::ForceRemove => self.force_remove(now, fault, member, listener),
            MembershipAction::Purge => self.purge(now, fault, member, listener),
            MembershipAction::Rejoin => self.rejoin(now, fault, member, listener),
        }
        listener.observe(now, &Fact::FaultEnded { fault });
    }

    /// The others drop a member. Nothing happens if they have.
    fn force_remove<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        member: MemberId,
        listener: &mut L,
    ) {
        if self.is_removed(member) {
            return;
        }
        self.network
            .effects
            .note(fault, |effects| effects.hosts += 1);
        self.removals.push(Removal {
            member,
            fault,
            purged_by: None,
        });
        listener.observe(now, &Fact::MemberRemoved { member, fault });
        self.fence(member);
        if self.sabotage.is(Mutation::ForgetsFencing) {
            return;
        }
        for index in 0..self.inner_links {
            let link = &self.links[index];
            let ends = [link.source, link.target];
            if ends
                .map(|node| self.nodes[node.index()].member)
                .contains(&member)
            {
                let link = LinkId(index as u16);
                self.measure_backlog(link);
                self.hang_up(now, link, listener);
                // There is nothing that it could carry.
                self.links[index].disrupted_since = SimTime::NEVER;
            }
        }
        self.forget_looks();
        self.forget_settled();
        self.reopen_shards(now);
    }

    /// What a removed member's nodes hold is gone for good: it is deleted, or the books close.
    fn forfeit<L: Listener>(&mut self, now: SimTime, member: MemberId, listener: &mut L) {
        let removal = self
            .removals
            .iter()
            .find(|removal| removal.member == member);
        let Some(fault) = removal.map(|removal| removal.fault) else {
            return;
        };
        for node in self.members[member.index()].nodes() {
            for shard in &self.nodes[node.index()].shards {
                for dot in shard.replica.clock().iter() {
                    let fact = Fact::CopiesEnded {
                        node,
                        origin: dot.origin,
                        kept: 0,
                        cause: CopyEnd::Removed(fault),
                    };
                    listener.observe(now, &fact);
                }
            }
        }
    }

    /// What removed members hold is forfeited when the books close.
    pub fn close_books<L: Listener>(&mut self, listener: &mut L) {
        let now = self.now();
        for member in self.removals.clone() {
            self.forfeit(now, member.member, listener);
        }
    }

    /// A removed member's data are deleted, and its processes with them.
    fn purge<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        member: MemberId,
        listener: &mut L,
    ) {
        let is_due = |removal: &Removal| removal.member == member && removal.purged_by.is_none();
        if !self.removals.iter().any(is_due) {
            return;
        }
        self.forfeit(now, member, listener);
        for removal in &mut self.removals {
            if removal.member == member {
                removal.purged_by = Some(fault);
            }
        }
        for node in self.members[member.index()].nodes() {
            let host = self.node_host(node);
            let ruin = (fault, Affliction::ProcessDead);
            self.afflict(now, host, ruin, InFlight::Delivered);
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            self.stop_processes(now, fault, node, listener);
            for shard in &mut self.nodes[node.index()].shards {
                shard.replica = Replica::with_settings(shard.replica.settings());
            }
            // And what their files hold: the next crash must not bring it back.
            if let Some(persisting) = &mut self.persisting {
                for disk in persisting.disks_of(node) {
                    disk.goes(now);
                }
            }
        }
        self.account_for_abandoned();
    }

    /// A removed member joins as a new one. A member that is none of the removed is one already.
    fn rejoin<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        member: MemberId,
        listener: &mut L,
    ) {
        if !self.is_removed(member) {
            return;
        }
        self.purge(now, fault, member, listener);
        self.network
            .effects
            .note(fault, |effects| effects.hosts += 1);
        let place = self
            .removals
            .iter()
            .position(|removal| removal.member == member);
        let Some(removal) = place.map(|place| self.removals.remove(place)) else {
            return;
        };
        listener.observe(now, &Fact::MemberRejoined { member });
        self.forget_looks();
        let purged_by = removal.purged_by.unwrap_or(fault);
        // Processes start as after any other stop: empty, under new origins; their syncers connect.
        for node in self.members[member.index()].nodes() {
            let host = self.node_host(node);
            self.relieve(now, host, purged_by, listener);
        }
        for index in 0..self.inner_links {
            let link = &self.links[index];
            let ends = [link.source, link.target].map(|node| self.nodes[node.index()].member);
            if ends.contains(&member) {
                // Until it has caught up.
                self.disrupt(now, LinkId(index as u16), listener);
            }
            if ends[0] == member {
                self.connect_link(now, LinkId(index as u16));
            }
        }
    }
}
