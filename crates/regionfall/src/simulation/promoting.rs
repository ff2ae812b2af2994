//! Who is the primary of a shard: a replica is promoted, and others follow it.
//!
//! Only the act. Who decides it, on what evidence and after how long is for those who call it.

use regionfall_kernel::SimTime;

use super::event::LinkId;
use super::sabotage::Mutation;
use super::world::World;
use crate::database::{DatabaseKind, Entrance, LinkState, Role, Scope};
use crate::history::{Fact, Listener};
use crate::network::End;
use crate::topology::{FaultId, MemberId, NodeId};

impl World {
    /// Makes a node's process the primary of a shard. It takes writes from now on, under a new origin. Peers of the
    /// member replicate with it; other nodes go on as they were until [`World::follow`] tells them: a former primary
    /// that nobody reaches still takes writes.
    ///
    /// Nothing happens if the node does not run or is the primary already.
    pub(super) fn promote<L: Listener>(
        &mut self,
        now: SimTime,
        (member, shard): (MemberId, u16),
        node: NodeId,
        listener: &mut L,
    ) {
        let index = usize::from(shard);
        let process = &self.nodes[node.index()].shards[index];
        let is_primary_already =
            process.is_primary() && self.members[member.index()].primaries[index] == node;
        if !self.nodes[node.index()].is_running || is_primary_already {
            return;
        }
        let state = &mut self.members[member.index()];
        state.primaries[index] = node;
        if !self.sabotage.is(Mutation::KeepsEpoch) {
            state.epochs[index] += 1;
        }
        let epoch = state.epochs[index];
        let fact = Fact::Promoted {
            member,
            shard,
            node,
            epoch,
        };
        listener.observe(now, &fact);
        self.leave_primary(now, node, shard, listener);
        self.nodes[node.index()].shards[index].role = Role::Primary;
        if !self.sabotage.is(Mutation::PromotesWithoutOrigin) {
            self.begin_origin(now, node, shard, listener);
        }
        self.reopen_member_links(now, member, shard, listener);
    }

    /// An operator makes a node of a member the primary of every shard; every other node that runs follows it. An
    /// endpoint whose node is down moves to it: new connections find it there.
    pub(super) fn appoint<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, member): (FaultId, MemberId),
        number: u8,
        listener: &mut L,
    ) {
        let state = &self.members[member.index()];
        let Some(node) = state.nodes().nth(usize::from(number)) else {
            return;
        };
        let others: Vec<NodeId> = state.nodes().filter(|&other| other != node).collect();
        let entrance = self.members[member.index()].entrance;
        if !self.nodes[entrance.index()].is_running {
            self.members[member.index()].entrance = node;
        }
        for shard in 0..self.shards {
            let before = self.members[member.index()].primaries[usize::from(shard)];
            if self.is_redis_cluster() {
                self.take_over_slots(now, (node, shard), listener);
            } else {
                self.promote(now, (member, shard), node, listener);
            }
            if self.members[member.index()].primaries[usize::from(shard)] == before {
                continue;
            }
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            for &other in &others {
                // The processes of a Redis Cluster tell each other.
                if self.nodes[other.index()].is_running && !self.is_redis_cluster() {
                    self.follow(now, (other, shard), node, listener);
                }
            }
        }
    }

    /// A node that runs again hears who is the primary now, where the cluster's manager tells it.
    pub(super) fn hear_of_primaries<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        listener: &mut L,
    ) {
        if !self.is_managed() {
            return;
        }
        let member = self.nodes[node.index()].member;
        for shard in 0..self.shards {
            let primary = self.members[member.index()].primaries[usize::from(shard)];
            if primary != node {
                self.follow(now, (node, shard), primary, listener);
            }
        }
    }

    /// Whether a manager of the cluster tells processes what they are.
    pub(super) fn is_managed(&self) -> bool {
        match self.blueprint.settings().database.entrance {
            Entrance::Proxy | Entrance::Discovery => true,
            Entrance::Cluster => !self.is_redis_cluster(),
            Entrance::Direct | Entrance::Sentinel => false,
        }
    }

    /// Tells a node's process to follow another of its member: it drops what it did and synchronizes. A former primary
    /// loses what the new one never got.
    pub(super) fn follow<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        primary: NodeId,
        listener: &mut L,
    ) {
        debug_assert_ne!(node, primary, "nobody follows itself");
        if self.sabotage.is(Mutation::NeverDemotes) {
            return;
        }
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        if process.role == Role::Replica && process.follows == primary {
            return;
        }
        self.leave_primary(now, node, shard, listener);
        let process = &mut self.nodes[node.index()].shards[usize::from(shard)];
        process.role = Role::Replica;
        process.follows = primary;
        self.drop_replicas_of(now, node, shard, listener);
        if let Some(link) = self.link_within(primary, node, shard) {
            self.connect_link(now, link);
        }
    }

    /// The link of a shard from one node of a member to another.
    pub(super) fn link_within(&self, source: NodeId, target: NodeId, shard: u16) -> Option<LinkId> {
        self.links_within(source)
            .find(|&index| self.links[index].target == target && self.links[index].shard == shard)
            .map(|index| LinkId(index as u16))
    }

    /// A process stops following whom it followed.
    fn leave_primary<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        if process.role == Role::Replica
            && let Some(link) = self.link_within(process.follows, node, shard)
        {
            self.hang_up(now, link, listener);
        }
    }

    /// A process that is no primary any more ends the connections of those that followed it.
    fn drop_replicas_of<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        for index in self.links_within(node) {
            if self.links[index].shard == shard {
                self.hang_up(now, LinkId(index as u16), listener);
            }
        }
    }

    /// The replicas of a process whose data was replaced synchronize anew.
    pub(super) fn renew_replicas<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        self.drop_replicas_of(now, node, shard, listener);
        for index in self.links_within(node) {
            if self.links[index].shard == shard {
                self.connect_link(now, LinkId(index as u16));
            }
        }
        self.renew_followers(now, node, shard, listener);
    }

    /// Passive members that read from a process whose data was replaced synchronize anew.
    fn renew_followers<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        if self.blueprint.settings().database.kind != DatabaseKind::GeoPassive {
            return;
        }
        for index in 0..self.inner_links {
            let link = &self.links[index];
            if link.source == node && link.shard == shard && link.state != LinkState::Down {
                self.hang_up(now, LinkId(index as u16), listener);
                self.connect_link(now, LinkId(index as u16));
            }
        }
    }

    /// Links from and to a member move to the processes that now are its primary and its feeder.
    fn reopen_member_links<L: Listener>(
        &mut self,
        now: SimTime,
        member: MemberId,
        shard: u16,
        listener: &mut L,
    ) {
        for index in 0..self.inner_links {
            let state = &self.links[index];
            let member_of = |node: NodeId| self.nodes[node.index()].member;
            let is_ours = member_of(state.source) == member || member_of(state.target) == member;
            if state.scope == Scope::Members && state.shard == shard && is_ours {
                let link = LinkId(index as u16);
                self.hang_up(now, link, listener);
                self.connect_link(now, link);
            }
        }
    }

    /// Ends a link's connection, if it has one.
    pub(super) fn hang_up<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &self.links[usize::from(link.0)];
        let connection = state.connection();
        self.queue.cancel(state.retry);
        if state.state != LinkState::Down {
            self.link_down(now, link, listener);
        }
        if let Some(connection) = connection {
            self.network
                .close(now, &mut self.queue, connection, End::Client);
            self.account_for_abandoned();
        }
    }
}
