//! Processes that start again: they load what is on disk, and a primary without a file finds one.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::Event;
use super::world::World;
use crate::database::persistence::time_at_rate;
use crate::history::{Fact, Listener};
use crate::topology::NodeId;

/// A primary that waits for a file looks for it so often (assumed).
const FILES_LOOKED_FOR_EVERY: SimDuration = SimDuration::from_secs(1);

impl World {
    /// When a node's processes have loaded what they found; [`SimTime::NEVER`] if none loads.
    pub(super) fn loaded_at(&self, node: NodeId) -> SimTime {
        let persisting = self.persisting.as_ref();
        persisting.map_or(SimTime::NEVER, |persisting| {
            persisting.loaded_at[node.index()]
        })
    }

    /// Whether a node's processes are up and still load what they found on disk: they answer everything with an
    /// error.
    #[inline]
    pub(super) fn is_loading(&self, node: NodeId) -> bool {
        self.persisting
            .as_ref()
            .is_some_and(|persisting| persisting.loaded_at[node.index()] != SimTime::NEVER)
    }

    /// A node's processes have started: they load what is there. Says whether that takes any time.
    pub(super) fn begin_to_load(&mut self, now: SimTime, node: NodeId) -> bool {
        if self.is_loading(node) {
            return true;
        }
        let host = self.node_host(node);
        let files = (0..usize::from(self.shards())).filter_map(|shard| {
            let file = self.file_for(node, shard)?;
            Some(self.nodes[file.index()].shards[shard].replica.bytes())
        });
        let files: Vec<u64> = files.collect();
        let Some(persisting) = &mut self.persisting else {
            return false;
        };
        let rate = persisting.config.load_rate;
        let found = files.into_iter().map(|bytes| time_at_rate(bytes, rate));
        let shards = self.nodes[node.index()].shards.iter().enumerate();
        // Processes load side by side.
        let own = shards
            .map(|(index, shard)| persisting.disk(node, index).loads_in(shard.replica.bytes()));
        let longest = own.chain(found).max().unwrap_or_default();
        let at = now + longest;
        if at == now {
            return false;
        }
        persisting.loaded_at[node.index()] = at;
        self.network.start_host(host);
        self.queue.schedule(at, Event::Loaded(node));
        true
    }

    /// A node's processes have loaded everything, unless they were stopped meanwhile. Says whether they have.
    pub(super) fn has_loaded(&mut self, now: SimTime, node: NodeId) -> bool {
        let Some(persisting) = &mut self.persisting else {
            return false;
        };
        if persisting.loaded_at[node.index()] != now {
            return false;
        }
        persisting.loaded_at[node.index()] = SimTime::NEVER;
        true
    }

    /// A node's processes serve: they go on with their files, and a primary without one with what its member has.
    pub(super) fn open_files<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        if let Some(persisting) = &mut self.persisting {
            persisting.taken_by[node.index()] = None;
            for disk in persisting.disks_of(node) {
                disk.process_starts(now);
            }
        } else {
            return;
        }
        for shard in 0..usize::from(self.shards()) {
            if let Some(file) = self.file_for(node, shard) {
                self.recover_from(now, (file, node), shard, listener);
            }
        }
    }

    /// The node of a cluster whose file a primary that has none restarts with (Redis Software docs, recover a database:
    /// the best files).
    fn file_for(&self, node: NodeId, shard: usize) -> Option<NodeId> {
        let persisting = self.persisting.as_ref()?;
        let member = &self.members[self.nodes[node.index()].member.index()];
        let keeps = |node: NodeId| persisting.disks[persisting.index(node, shard)].keeps_anything();
        if !self.is_managed() || member.primaries[shard] != node || keeps(node) {
            return None;
        }
        let size = |node: &NodeId| {
            let replica = &self.nodes[node.index()].shards[shard].replica;
            replica.clock().total()
        };
        let others = member
            .nodes()
            .filter(|&other| other != node && keeps(other));
        others.max_by_key(size)
    }

    /// A primary without a file of its own waits for the machine that has one, however long it takes (Redis Software docs,
    /// recover a database: `recovery_wait_time` is -1); where that machine runs, its process becomes the primary.
    /// Says whether it waits.
    pub(super) fn awaits_files<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        listener: &mut L,
    ) -> bool {
        let mut waits = false;
        for shard in 0..usize::from(self.shards()) {
            let Some(file) = self.file_for(node, shard) else {
                continue;
            };
            let state = &self.nodes[file.index()];
            if state.is_running {
                let member = state.member;
                self.promote(now, (member, shard as u16), file, listener);
            } else {
                waits |= !self.host_faults[state.host.index()].is_empty();
            }
        }
        if waits {
            self.queue
                .schedule(now + FILES_LOOKED_FOR_EVERY, Event::Restart(node));
        }
        waits
    }

    /// A primary takes over what another node's file holds.
    fn recover_from<L: Listener>(
        &mut self,
        now: SimTime,
        (file, node): (NodeId, NodeId),
        shard: usize,
        listener: &mut L,
    ) {
        let found = self.nodes[file.index()].shards[shard].replica.clone();
        let replica = &mut self.nodes[node.index()].shards[shard].replica;
        let gained: Vec<_> = found.clock().beyond(replica.clock()).collect();
        replica.merge(&found);
        for range in gained {
            let fact = Fact::EffectsApplied {
                node,
                origin: range.origin,
                first: range.first,
                last: range.last,
            };
            listener.observe(now, &fact);
        }
    }
}
