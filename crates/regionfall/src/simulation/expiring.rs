//! Keys and fields expire of their own accord, at the instance that owns their expiry.
//!
//! A server looks for what is due ten times a second (Redis documentation, EXPIRE, "How Redis expires keys"; `hz 10`). It does not
//! sample: what is due is found at the next look. Commands find it out earlier, in the dispatcher. In a world whose keyspaces set no
//! expiry nothing of this happens.

use regionfall_crdt::Timestamp;
use regionfall_kernel::{Address, Seed, SimDuration, SimTime};

use super::event::Event;
use super::world::World;
use crate::history::{Fact, Listener};
use crate::network::HostState;
use crate::topology::NodeId;
use crate::workload::KeyspaceConfig;

/// From one look of a node to the next.
const EVERY: SimDuration = SimDuration::from_millis(100);

impl World {
    /// Schedules the first look of each node, at a phase of its own.
    pub(super) fn schedule_expiry(&mut self, seed: Seed) {
        let keyspaces = &self.blueprint.settings().workload.keyspaces;
        if !keyspaces.iter().any(KeyspaceConfig::sets_expiry) {
            return;
        }
        let phases = seed.addressed("expiry");
        for index in 0..self.nodes.len() {
            let share = phases.unit(Address::new(index as u32, 0, 0, 0));
            let phase = SimDuration::from_nanos_f64(EVERY.as_nanos() as f64 * share);
            let node = NodeId::from_index(index);
            self.queue
                .schedule(SimTime::ZERO + phase, Event::Expiry(node));
        }
    }

    /// A node looks for what is due in the shards of which it is the primary; replicas and passive members
    /// wait for what it removes.
    pub(super) fn expire_due<L: Listener>(&mut self, now: SimTime, id: NodeId, listener: &mut L) {
        self.queue.schedule(now + EVERY, Event::Expiry(id));
        let node = &self.nodes[id.index()];
        let is_hung = matches!(self.network.host(node.host).state, HostState::Hung(_));
        let follows = self.members[node.member.index()].is_passive;
        if !node.is_running || is_hung || follows {
            return;
        }
        for shard in 0..self.shards() {
            let process = &mut self.nodes[id.index()].shards[usize::from(shard)];
            if !process.is_primary() {
                continue;
            }
            let effects = process
                .replica
                .expire(Timestamp(now.as_nanos()), process.origin);
            for effect in effects {
                let keyspace = self.blueprint.workload().keyspace_of(effect.key);
                listener.observe(
                    now,
                    &Fact::Expired {
                        node: id,
                        keyspace,
                        effect: &effect,
                    },
                );
                self.publish_effect(now, (id, shard), effect);
            }
        }
    }
}
