//! Disks in the world: what processes write, what a crash leaves, what waits for a disk.
//!
//! Without `database.persistence` there is nothing here, and nothing costs anything. Disks work out by themselves when
//! an fsync ends; events are only for what somebody waits for: a reply, a snapshot, a process that loads or stands still.

use regionfall_crdt::{Clock, OriginId, Replica};
use regionfall_kernel::{Address, Addressed, Sampler, Seed, SimTime};

use super::answering::Errand;
use super::event::{Event, HeldId};
use super::sabotage::Mutation;
use super::slab::Slab;
use super::world::World;
use crate::check::{DiskTimes, Exposure};
use crate::database::Journal;
use crate::database::persistence::{Disk, Pace, PersistenceConfig, Rhythm};
use crate::fault::PlannedFault;
use crate::history::Listener;
use crate::topology::{FaultId, NodeId};

/// The disks of a world, and what waits for them.
#[derive(Clone, Debug)]
pub(super) struct Persisting {
    pub(super) config: PersistenceConfig,
    /// By node: so many times as long as usual its disks take because of faults.
    pub(super) slowness: Vec<f64>,
    /// Faults that slow a node's disks down, with the fsyncs of these before.
    pub(super) slowed: Vec<(FaultId, NodeId, u64)>,
    sampler: Sampler,
    draws: Addressed,
    pub(super) shards: usize,
    /// By copy: node after node, shard after shard.
    pub(super) disks: Vec<Disk>,
    /// By copy: when the next look at its snapshots is; [`SimTime::NEVER`] if none is due.
    looks: Vec<SimTime>,
    /// By node: when its processes have loaded what they found; [`SimTime::NEVER`] if none loads.
    pub(super) loaded_at: Vec<SimTime>,
    /// By node: the fault that took its disks since it started.
    pub(super) taken_by: Vec<Option<FaultId>>,
    held: Slab<Held>,
    /// Replies that wait for a disk that stands still.
    parked: Vec<HeldId>,
}

/// A reply that waits for a disk.
#[derive(Clone, Copy, Debug)]
struct Held {
    errand: Errand,
    shard: u16,
    /// What must be durable before it leaves; 0 if nothing need be.
    position: u64,
    /// As whom the process wrote: another one knows nothing of the request.
    origin: OriginId,
}

impl Persisting {
    pub(super) fn index(&self, node: NodeId, shard: usize) -> usize {
        node.index() * self.shards + shard
    }

    pub(super) fn disk(&mut self, node: NodeId, shard: usize) -> &mut Disk {
        let index = self.index(node, shard);
        &mut self.disks[index]
    }

    pub(super) fn disks_of(&mut self, node: NodeId) -> &mut [Disk] {
        let first = node.index() * self.shards;
        &mut self.disks[first..first + self.shards]
    }

    /// A disk for a copy: with what it keeps, or one that keeps nothing.
    pub(super) fn make(&self, node: NodeId, shard: usize, keeps: bool) -> Disk {
        if !keeps {
            return Disk::none(Replica::new());
        }
        let who = self.index(node, shard) as u32;
        let phase = |what: u32| self.draws.bits(Address::new(who, u32::MAX, what, 0));
        let wall_clock = self
            .draws
            .bits(Address::new(u32::MAX, u32::MAX, u32::MAX, 0));
        let rhythm = Rhythm::new(wall_clock, [phase(0), phase(1)]);
        let mut pace = Pace::new(self.sampler.clone(), self.draws, who);
        pace.slow(self.slowness[node.index()]);
        Disk::new(&self.config, Replica::new(), rhythm, pace)
    }

    /// Folds the disks of a shard on some nodes, and lowers a clock to what all of them have for good.
    pub(super) fn settle(
        &mut self,
        now: SimTime,
        (shard, nodes): (usize, impl Iterator<Item = NodeId>),
        journal: &Journal,
        everywhere: &mut Clock,
    ) {
        for node in nodes {
            if let Some(clock) = self.disk(node, shard).fold(now, journal) {
                everywhere.meet(clock);
            }
        }
    }

    /// Drops tombstones on the disk of a copy.
    pub(super) fn collect(&mut self, node: NodeId, shard: usize, stable: &Clock) {
        self.disk(node, shard).collect(stable);
    }
}

impl World {
    /// Gives every copy that persists its disk.
    pub(super) fn place_disks(&mut self, seed: Seed) {
        let Some(config) = self.blueprint.settings().database.persistence.clone() else {
            return;
        };
        let shards = usize::from(self.shards());
        let has_replicas = self.blueprint.settings().database.copies_per_shard() > 1;
        let mut persisting = Persisting {
            sampler: Sampler::new(&config.fsync),
            draws: seed.addressed("disks"),
            shards,
            disks: Vec::new(),
            slowness: vec![1.0; self.nodes.len()],
            slowed: Vec::new(),
            looks: vec![SimTime::NEVER; self.nodes.len() * shards],
            loaded_at: vec![SimTime::NEVER; self.nodes.len()],
            taken_by: vec![None; self.nodes.len()],
            held: Slab::default(),
            parked: Vec::new(),
            config,
        };
        for node in &self.nodes {
            for (shard, process) in node.shards.iter().enumerate() {
                let keeps = persisting
                    .config
                    .on
                    .includes(process.is_primary(), has_replicas);
                persisting
                    .disks
                    .push(persisting.make(node.id, shard, keeps));
            }
        }
        self.persisting = Some(Box::new(persisting));
    }

    /// A process executed or applied effects.
    #[inline]
    pub(super) fn note_effects(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        range: (OriginId, u64, u64),
    ) {
        if self.persisting.is_some() {
            self.write_effects(now, node, shard, range);
        }
    }

    fn write_effects(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        range: (OriginId, u64, u64),
    ) {
        if let Some(persisting) = &mut self.persisting {
            let rewrites = persisting.config.rewrite.is_some();
            let disk = persisting.disk(node, usize::from(shard));
            disk.append(now, range);
            if rewrites && let Some(file) = disk.append_file() {
                let (origin, first, last) = range;
                file.grow(self.journal.bytes_between(origin, first - 1, last), false);
            }
        }
        self.look_after_disk(now, node, shard);
    }

    /// A process took a whole state in, beside what it had; or, if none is given, in the place of it.
    pub(super) fn note_state(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        merged: Option<&Replica>,
    ) {
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        let index = usize::from(shard);
        let has_replicas = self.blueprint.settings().database.copies_per_shard() > 1;
        let is_primary = self.nodes[node.index()].shards[index].is_primary();
        // A former primary that follows now persists as replicas do.
        let is_new = !persisting.disk(node, index).keeps_anything()
            && persisting.config.on.includes(is_primary, has_replicas);
        if is_new {
            let mut disk = persisting.make(node, index, true);
            disk.process_starts(now);
            *persisting.disk(node, index) = disk;
        }
        let whole = &self.nodes[node.index()].shards[index].replica;
        let (state, replaces) = match merged {
            Some(merged) if !is_new => (merged, false),
            _ => (whole, true),
        };
        persisting
            .disk(node, index)
            .take_state(now, state, replaces);
        self.look_after_disk(now, node, shard);
    }

    /// Schedules what follows from a change on a disk: a snapshot, or that the process will stand still.
    pub(super) fn look_after_disk(&mut self, now: SimTime, node: NodeId, shard: u16) {
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        let index = persisting.index(node, usize::from(shard));
        let at = if let Some(file) = persisting.disks[index].snapshot_file() {
            file.due(now).min(file.ends())
        } else if let Some(file) = persisting.disks[index].append_file() {
            file.blocks_at().min(file.rewrite_at(now))
        } else {
            return;
        };
        if at < persisting.looks[index] {
            persisting.looks[index] = at;
            self.queue
                .schedule(at.max(now), Event::DiskLook(node, shard));
        }
    }

    /// A moment that a disk was to be looked at.
    pub(super) fn look_at_disk<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        listener: &mut L,
    ) {
        let index = usize::from(shard);
        let is_running = self.nodes[node.index()].is_running;
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        let place = persisting.index(node, index);
        if persisting.looks[place] <= now {
            persisting.looks[place] = SimTime::NEVER;
        }
        let disk = &mut persisting.disks[place];
        if let Some(file) = disk.snapshot_file() {
            file.finish(now);
            if is_running && file.due(now) <= now {
                file.begin(now, &self.nodes[node.index()].shards[index].replica);
            }
        } else if let Some(file) = disk.append_file() {
            file.advance(now);
            if is_running {
                let bytes = self.nodes[node.index()].shards[index].replica.bytes();
                file.rewrite(now, bytes);
            }
            if is_running && file.blocked().is_some() {
                self.stand_still(now, node, listener);
            }
        }
        self.look_after_disk(now, node, shard);
    }

    /// Keeps the reply to what a process just executed until its disk lets it go. Says whether it does.
    #[inline]
    pub(super) fn hold_reply(
        &mut self,
        now: SimTime,
        errand: Errand,
        shard: u16,
        wrote: bool,
    ) -> bool {
        self.persisting.is_some()
            && !self.sabotage.is(Mutation::AcknowledgesBeforeFsync)
            && self.hold_for_disk(now, errand, shard, wrote)
    }

    fn hold_for_disk(&mut self, now: SimTime, errand: Errand, shard: u16, wrote: bool) -> bool {
        let index = usize::from(shard);
        let origin = self.nodes[errand.node.index()].shards[index].origin;
        let Some(persisting) = &mut self.persisting else {
            return false;
        };
        let disk = persisting.disk(errand.node, index);
        let position = disk.answer_waits_for(wrote);
        let at = disk.answers_from(now, position);
        if at <= now {
            return false;
        }
        let held = Held {
            errand,
            shard,
            position,
            origin,
        };
        let id = HeldId(persisting.held.insert(held));
        self.wait_for_disk(at, id);
        true
    }

    fn wait_for_disk(&mut self, at: SimTime, id: HeldId) {
        if at != SimTime::NEVER {
            self.queue.schedule(at, Event::DiskAnswer(id));
        } else if let Some(persisting) = &mut self.persisting {
            persisting.parked.push(id);
        }
    }

    /// A reply may leave, unless the disk was held up meanwhile or the process is gone.
    pub(super) fn disk_answers(&mut self, now: SimTime, id: HeldId) {
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        let Some(&held) = persisting.held.get(id.0) else {
            return;
        };
        let (node, index) = (held.errand.node, usize::from(held.shard));
        let state = &self.nodes[node.index()];
        let is_gone = !state.is_running || state.shards[index].origin != held.origin;
        let at = persisting
            .disk(node, index)
            .answers_from(now, held.position);
        if !is_gone && at > now {
            self.wait_for_disk(at, id);
            return;
        }
        persisting.held.take(id.0);
        if is_gone {
            self.errand_gone(held.errand);
        } else {
            self.answer_at(now, held.errand);
        }
    }

    /// Replies that waited for disks that stood still look again.
    pub(super) fn release_parked(&mut self, now: SimTime) {
        if let Some(persisting) = &mut self.persisting {
            for id in std::mem::take(&mut persisting.parked) {
                self.queue.schedule(now, Event::DiskAnswer(id));
            }
        }
    }

    /// The check of what crashes may end, where there are files.
    pub(super) fn exposure(&self, faults: &[PlannedFault]) -> Option<Exposure> {
        let persisting = self.persisting.as_ref()?;
        let nodes = self.nodes.iter().map(|node| {
            let first = node.id.index() * persisting.shards;
            let disks = &persisting.disks[first..first + persisting.shards];
            disks.iter().all(Disk::keeps_anything)
        });
        let nodes: Vec<_> = nodes.collect();
        let rewrite = persisting.config.rewrite;
        let leaves_out = rewrite.is_some_and(|rewrite| rewrite.no_fsync);
        let rule = (persisting.config.mode, leaves_out);
        Some(Exposure::new(rule, faults, &nodes))
    }

    /// What the disks of each node took so far.
    pub(super) fn disk_times(&mut self) -> Vec<DiskTimes> {
        let now = self.now();
        let Some(persisting) = &mut self.persisting else {
            return Vec::new();
        };
        let of_node = |disks: &mut [Disk]| {
            let mut times = DiskTimes::default();
            for file in disks.iter_mut().filter_map(Disk::append_file) {
                let (longest_fsync, stalled) = file.times(now);
                times.longest_fsync = times.longest_fsync.max(longest_fsync);
                times.stalled = times.stalled.max(stalled);
            }
            times
        };
        persisting
            .disks
            .chunks_mut(persisting.shards)
            .map(of_node)
            .collect()
    }
}
