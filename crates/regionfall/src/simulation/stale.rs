//! Stale mode: a shard that starts again with old data serves reads and refuses writes until it has caught up.
//!
//! The documentation tells it indirectly (Redis Software docs, application failover with Active-Active: a stale replica
//! can be read, whether it is stale shows only when writing, one that was never written is ready at once). When it is
//! entered and what becomes of it while no peer is reachable are choices of this model.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::Event;
use super::world::World;
use crate::database::{DatabaseKind, LinkState, Progress, Scope, Stale};
use crate::history::{Fact, Listener};
use crate::topology::NodeId;

impl World {
    fn alone_after(&self) -> Option<SimDuration> {
        let database = &self.blueprint.settings().database;
        match database.sync.stale {
            Stale::AfterRestart { alone_after } if database.kind == DatabaseKind::ActiveActive => {
                Some(alone_after)
            }
            _ => None,
        }
    }

    /// A primary starts again: it is stale if it holds data.
    pub(super) fn enter_stale<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        let Some(alone_after) = self.alone_after() else {
            return;
        };
        let process = &mut self.nodes[node.index()].shards[usize::from(shard)];
        if process.replica.clock().is_empty() {
            return;
        }
        process.is_stale = true;
        let fact = Fact::Staleness {
            node,
            shard,
            is_stale: true,
        };
        listener.observe(now, &fact);
        let member = self.nodes[node.index()].member;
        for link in &mut self.links {
            let is_to_it = self.nodes[link.target.index()].member == member;
            if link.scope == Scope::Members && link.shard == shard && is_to_it {
                link.since_start = Progress::Awaited;
            }
        }
        if alone_after != SimDuration::FOREVER {
            let event = Event::Alone(node, shard);
            self.queue.schedule(now + alone_after, event);
        }
    }

    /// A stale shard may have caught up, with a source or with the fact that another is not there.
    pub(super) fn review_stale<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        if self.nodes[node.index()].shards[usize::from(shard)].is_stale {
            let (in_sync, awaited) = self.sources_of(node, shard);
            if in_sync > 0 && awaited == 0 {
                self.leave_stale(now, node, shard, listener);
            }
        }
    }

    /// A stale shard has waited for a source for as long as it does.
    pub(super) fn alone<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        let (true, Some(alone_after)) = (process.is_stale, self.alone_after()) else {
            return;
        };
        let (_, awaited) = self.sources_of(node, shard);
        if awaited == 0 {
            self.leave_stale(now, node, shard, listener);
        } else {
            let event = Event::Alone(node, shard);
            self.queue.schedule(now + alone_after, event);
        }
    }

    /// How many sources a shard has caught up with, and how many it reaches, or may reach, and has not.
    fn sources_of(&self, node: NodeId, shard: u16) -> (usize, usize) {
        let (mut in_sync, mut awaited) = (0, 0);
        for link in &self.links {
            if link.scope != Scope::Members || link.shard != shard || link.target != node {
                continue;
            }
            if link.since_start == Progress::InSync {
                in_sync += 1;
                continue;
            }
            let is_out_of_reach = match link.state {
                LinkState::Down | LinkState::Opening(_) => link.since_start == Progress::OutOfReach,
                LinkState::Orphaned(_) => true,
                LinkState::Greeting(_) | LinkState::Syncing(_) | LinkState::Streaming(_) => false,
            };
            awaited += usize::from(!is_out_of_reach && link.stopped_by == 0);
        }
        (in_sync, awaited)
    }

    fn leave_stale<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        self.nodes[node.index()].shards[usize::from(shard)].is_stale = false;
        let fact = Fact::Staleness {
            node,
            shard,
            is_stale: false,
        };
        listener.observe(now, &fact);
    }
}
