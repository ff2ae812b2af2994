//! Where things are: links by their ends, the links within a member, how connections are opened, whose each is; and what
//! little the loop over events does for itself.

use regionfall_crdt::Replica;
use regionfall_kernel::SimTime;

use super::event::LinkId;
use super::sabotage::Mutation;
use super::world::World;
use crate::history::{Fact, Listener, Phase};
use crate::network::{ConnectionOptions, EffectLog, Keepalive};
use crate::topology::{FleetId, MemberId, NodeId};

impl World {
    /// What each fault has done so far.
    pub fn fault_effects(&self) -> &EffectLog {
        &self.network.effects
    }

    /// The nodes' shards: what each holds, and whether it runs.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, bool, impl Iterator<Item = &Replica>)> {
        self.nodes.iter().map(|node| {
            let replicas = node.shards.iter().map(|shard| &shard.replica);
            (node.id, node.is_running, replicas)
        })
    }

    /// For each shard of a member, the node that is its primary.
    pub fn primaries(&self, member: MemberId) -> &[NodeId] {
        &self.members[member.index()].primaries
    }

    /// Whether nothing is under way any more: no operation waits, and all running members that can hear
    /// of each other have the same effects.
    pub fn is_quiescent(&self) -> bool {
        self.sabotage.is(Mutation::RestsTooEarly)
            || self.operations.waiting() == 0 && self.has_converged()
    }

    /// How many shards each member has.
    #[inline]
    pub(super) fn shards(&self) -> u16 {
        self.shards
    }

    /// The link of a shard from one member to another.
    #[inline]
    pub(super) fn link_between(&self, source: MemberId, target: MemberId, shard: u16) -> LinkId {
        let members = self.members.len();
        let shards = usize::from(self.shards());
        let skipped = usize::from(target > source);
        let pair = source.index() * (members - 1) + target.index() - skipped;
        LinkId((pair * shards + usize::from(shard)) as u16)
    }

    /// The links from one node of a member to its other nodes.
    pub(super) fn links_within(&self, node: NodeId) -> std::ops::Range<usize> {
        let copies = self.blueprint.settings().database.nodes_per_member();
        let of_a_node = (copies - 1) * usize::from(self.shards);
        let first = self.inner_links + node.index() * of_a_node;
        first..first + of_a_node
    }

    /// How an app server's connections are opened and watched.
    pub(super) fn pool_options(&self, fleet: FleetId) -> ConnectionOptions {
        let fleet = &self.blueprint.settings().workload.fleets[fleet.index()];
        let client = &self.strategy.client;
        ConnectionOptions {
            setup_round_trips: fleet.tls_round_trips + fleet.auth_round_trips,
            keepalive: client.keepalive.map(|(idle, interval, probes)| Keepalive {
                idle,
                interval,
                probes,
            }),
            user_timeout: client.user_timeout,
        }
    }

    /// A phase of the run begins.
    pub(super) fn begin_phase<L: Listener>(
        &mut self,
        now: SimTime,
        phase: Phase,
        listener: &mut L,
    ) {
        self.phase = phase;
        listener.observe(now, &Fact::PhaseBegan { phase });
    }

    /// Tells of faults that had their first effect.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every event, and almost always nothing"
    )]
    #[inline(always)]
    pub(super) fn tell_first_effects<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        while let Some(fault) = self.network.effects.take_fresh() {
            listener.observe(now, &Fact::FaultTouched { fault });
        }
    }
}
