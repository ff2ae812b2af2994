//! Catching up: what a target lacks comes from its source's backlog, or as a whole state.
//!
//! A state is made (a snapshot), sent in parts and taken in; effects that arise meanwhile follow from the backlog, and
//! if that does not cover them either, another state does. Where no part of it takes time, it is one message, and
//! effects follow it at once.

use regionfall_crdt::{Clock, Dot, OriginId, Replica};
use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, LinkId, Message};
use super::world::World;
use crate::database::{Backlog, FullSync, LinkState, Scope, Stage};
use crate::network::{Draw, End};
use crate::topology::{MemberId, NodeId};

/// A state is sent in about so many parts, so that other traffic of the path comes in between.
const PARTS: u64 = 128;
/// Smallest part of a state.
const SMALLEST_PART: u64 = 64 << 10;
/// Largest part of a state.
const LARGEST_PART: u64 = 16 << 20;
/// A process that hangs goes on with a state when it runs again; it is looked for so often.
const HUNG_AGAIN: SimDuration = SimDuration::from_millis(500);

/// How links caught up, over a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Synchronizations {
    /// Whole states sent.
    pub full: u64,
    /// New connections that the backlog served.
    pub partial: u64,
    /// New connections that asked for more than the backlog covered; each led to a whole state.
    pub partial_failed: u64,
}

impl World {
    /// How links have caught up so far.
    pub fn synchronizations(&self) -> Synchronizations {
        let sum = |count: fn(&crate::database::Link) -> u64| self.links.iter().map(count).sum();
        Synchronizations {
            full: sum(|link| link.full_syncs),
            partial: sum(|link| link.partial_syncs),
            partial_failed: sum(|link| link.partial_failures),
        }
    }

    /// Bytes of effects that a process keeps to send again.
    pub(super) fn backlog_bytes(&self) -> u64 {
        let database = &self.blueprint.settings().database;
        let backlog = database.sync.backlog;
        if backlog == Backlog::Unlimited {
            return u64::MAX;
        }
        let size = database.size.unwrap_or_else(|| self.largest_memory());
        backlog.bytes(size, self.shards)
    }

    /// Whether the backlog of a link's source has everything that the target lacks.
    pub(super) fn backlog_covers(&self, link: LinkId, known: &Clock, have: &Clock) -> bool {
        let limit = self.backlog_bytes();
        if limit == u64::MAX {
            return true;
        }
        let state = &self.links[usize::from(link.0)];
        let process = &self.nodes[state.source.index()].shards[usize::from(state.shard)];
        let mut lacking = 0;
        for range in have.beyond(known) {
            let (origin, had) = (range.origin, range.first - 1);
            if had < process.floor.get(origin) {
                return false;
            }
            lacking += self.journal.bytes_between(origin, had, range.last);
        }
        lacking <= limit
    }

    /// A restarted process has lost its backlog: it was in memory.
    pub(super) fn lose_backlog(&mut self, node: NodeId) {
        for shard in 0..usize::from(self.shards) {
            self.begin_backlog(node, shard);
        }
    }

    /// A process can send again what it writes from now on, and nothing of what it holds.
    pub(super) fn begin_backlog(&mut self, node: NodeId, shard: usize) {
        if self.backlog_bytes() == u64::MAX {
            return;
        }
        let process = &mut self.nodes[node.index()].shards[shard];
        process.floor = process.replica.clock().clone();
    }

    /// A process took in a state. From another member it cannot send again what it got so; from its primary it got
    /// the backlog too.
    pub(super) fn note_floor(&mut self, link: LinkId, gained: &[(OriginId, u64, u64)]) {
        if self.backlog_bytes() == u64::MAX {
            return;
        }
        let state = &self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, usize::from(state.shard));
        match state.scope {
            Scope::Replicas => {
                let floor = self.nodes[source.index()].shards[shard].floor.clone();
                self.nodes[target.index()].shards[shard].floor = floor;
            }
            Scope::Members => {
                let floor = &mut self.nodes[target.index()].shards[shard].floor;
                for &(origin, _, last) in gained {
                    floor.extend_to(Dot::new(origin, last));
                }
            }
        }
    }

    /// Bytes of a state: the database's size where it is told, else what the state takes.
    pub(super) fn state_bytes(&self, state: &Replica) -> u64 {
        let size = self.blueprint.settings().database.size;
        let told = size.map_or(0, |size| size / u64::from(self.shards));
        told.max(state.bytes())
    }

    /// A link that streamed needs a whole state, which takes time.
    pub(super) fn begin_full_sync(&mut self, now: SimTime, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else {
            return;
        };
        state.state = LinkState::Syncing(connection);
        // They follow with the next greeting.
        drop(self.queue.drain_lane(state.departures));
        state.held.clear();
        state.syncs_begun += 1;
        state.full_sync = Some(Box::new(FullSync {
            number: state.syncs_begun,
            stage: Stage::Waiting,
            state: Replica::new(),
            bytes: 0,
            sent: 0,
        }));
        let target = state.target;
        self.admit_full_syncs(now, target);
    }

    /// A link's full synchronization ends, whatever came of it.
    pub(super) fn end_full_sync(&mut self, now: SimTime, link: LinkId) -> Option<Box<FullSync>> {
        let state = &mut self.links[usize::from(link.0)];
        let ended = state.full_sync.take()?;
        let target = state.target;
        self.admit_full_syncs(now, target);
        Some(ended)
    }

    /// Those synchronizations of a member begin whose turn it is: gradual synchronization limits how many sources, and
    /// how many shards of each, are copied at a time (Redis Software docs, REST API, bdb object: 1 and 1 by default).
    fn admit_full_syncs(&mut self, now: SimTime, target: NodeId) {
        let config = self.blueprint.settings().database.sync.full_sync;
        let member = self.nodes[target.index()].member;
        for index in 0..self.links.len() {
            let is_waiting = |sync: &FullSync| sync.stage == Stage::Waiting;
            let state = &self.links[index];
            let is_ours = self.nodes[state.target.index()].member == member;
            if !is_ours || !state.full_sync.as_deref().is_some_and(is_waiting) {
                continue;
            }
            let source = self.nodes[state.source.index()].member;
            let may_begin = match state.scope {
                Scope::Replicas => true,
                Scope::Members => {
                    let busy = self.busy_sources(member);
                    let shards = busy.iter().filter(|&&other| other == source).count();
                    let mut others = busy;
                    others.sort_unstable();
                    others.dedup();
                    others.retain(|&other| other != source);
                    config
                        .sources
                        .is_none_or(|most| others.len() < usize::from(most))
                        && config
                            .shards_per_source
                            .is_none_or(|most| shards < usize::from(most))
                }
            };
            if may_begin {
                self.begin_snapshot(now, LinkId(index as u16));
            }
        }
    }

    /// From which sources a member is copying shards now, one entry for each shard.
    fn busy_sources(&self, member: MemberId) -> Vec<MemberId> {
        let member_of = |node: NodeId| self.nodes[node.index()].member;
        let links = self.links.iter().filter(|link| {
            let is_busy = |sync: &FullSync| sync.stage > Stage::Waiting;
            link.scope == Scope::Members
                && member_of(link.target) == member
                && link.full_sync.as_deref().is_some_and(is_busy)
        });
        links.map(|link| member_of(link.source)).collect()
    }

    fn begin_snapshot(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let shard = usize::from(state.shard);
        let snapshot = self.nodes[state.source.index()].shards[shard]
            .replica
            .clone();
        let bytes = self.state_bytes(&snapshot);
        let rate = self.blueprint.settings().database.sync.full_sync.snapshot;
        let state = &mut self.links[usize::from(link.0)];
        state.full_syncs += 1;
        if let Some(sync) = state.full_sync.as_deref_mut() {
            sync.stage = Stage::Snapshot;
            sync.bytes = bytes;
            sync.state = snapshot;
            let number = sync.number;
            let at = now + time_for(bytes, rate);
            self.queue.schedule(at, Event::StateStep(link, number));
        }
    }

    /// A full synchronization goes a step further. Says whether the target has the whole state now.
    pub(super) fn step_full_sync(&mut self, now: SimTime, link: LinkId, number: u32) -> bool {
        let subject = &self.links[usize::from(link.0)];
        let (source, target) = (subject.source, subject.target);
        let sync = subject.full_sync.as_deref();
        let sync = sync.filter(|sync| sync.number == number);
        let Some(stage) = sync.map(|sync| sync.stage) else {
            return false;
        };
        let worker = if stage == Stage::Load { target } else { source };
        if self.is_hung(worker) {
            let again = Event::StateStep(link, number);
            self.queue.schedule(now + HUNG_AGAIN, again);
            return false;
        }
        match stage {
            Stage::Waiting => false,
            Stage::Snapshot => {
                self.begin_transfer(now, link);
                false
            }
            Stage::Transfer => {
                self.send_part(now, link);
                false
            }
            Stage::Load => true,
        }
    }

    /// The snapshot is there: its first part is on its way out.
    fn begin_transfer(&mut self, now: SimTime, link: LinkId) {
        let rate = self.blueprint.settings().database.sync.full_sync.transfer;
        let state = &mut self.links[usize::from(link.0)];
        if let Some(sync) = state.full_sync.as_deref_mut() {
            sync.stage = Stage::Transfer;
            let at = now + time_for(next_part(sync), rate);
            self.queue.schedule(at, Event::StateStep(link, sync.number));
        }
    }

    /// The next part of a state is out.
    fn send_part(&mut self, now: SimTime, link: LinkId) {
        let rate = self.blueprint.settings().database.sync.full_sync.transfer;
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Syncing(connection) = state.state else {
            return;
        };
        let (who, attempt) = (u32::from(link.0), 3);
        let Some(sync) = state.full_sync.as_deref_mut() else {
            return;
        };
        let part = next_part(sync);
        // Numbers of parts that no other state of the link has.
        let sequence = sync.number << 12 | (sync.sent / part.max(1)) as u32 & 0xFFF;
        sync.sent += part;
        let next = next_part(sync);
        let (is_last, number) = (sync.sent >= sync.bytes, sync.number);
        let message = if is_last {
            Message::FullState(link)
        } else {
            Message::StatePart
        };
        let draw = Draw {
            who,
            sequence,
            attempt,
            leg: 1,
        };
        let way = (connection, End::Server);
        let letter = (message.into(), part as u32);
        self.network.send(now, &mut self.queue, way, letter, draw);
        if !is_last {
            let free = self.network.free_at(connection, End::Server);
            let at = (now + time_for(next, rate)).max(free);
            self.queue.schedule(at, Event::StateStep(link, number));
        }
    }

    /// The last part of a state reached the target, which takes it in.
    pub(super) fn begin_load(&mut self, now: SimTime, link: LinkId) {
        let rate = self.blueprint.settings().database.sync.full_sync.load;
        let state = &mut self.links[usize::from(link.0)];
        if let Some(sync) = state.full_sync.as_deref_mut()
            && sync.stage == Stage::Transfer
            && sync.sent >= sync.bytes
        {
            sync.stage = Stage::Load;
            let (at, number) = (now + time_for(sync.bytes, rate), sync.number);
            self.queue.schedule(at, Event::StateStep(link, number));
        }
    }
}

/// Bytes of the part of a state that comes next.
fn next_part(sync: &FullSync) -> u64 {
    let size = (sync.bytes / PARTS).clamp(SMALLEST_PART, LARGEST_PART);
    size.min(sync.bytes - sync.sent)
}

/// How long so many bytes take at a rate.
fn time_for(bytes: u64, rate: Option<u64>) -> SimDuration {
    let Some(rate) = rate else {
        return SimDuration::ZERO;
    };
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    SimDuration::from_nanos(nanos as u64)
}
