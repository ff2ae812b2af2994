//! Disks in the world: what processes write, what a crash leaves, what waits for a disk.
//!
//! Without `database.persistence` there is nothing here, and nothing costs anything. Disks work out by themselves when
//! an fsync ends; events are only for what somebody waits for: a reply, a snapshot, a process that loads or stands still.

use regionfall_crdt::{Clock, OriginId, Replica};
use regionfall_kernel::{Address, Addressed, Sampler, Seed, SimDuration, SimTime};

use super::answering::Errand;
use super::event::{Event, HeldId};
use super::world::World;
use crate::database::persistence::{Crash, Disk, Pace, PersistenceConfig, Rhythm, time_at_rate};
use crate::database::{Entrance, Journal};
use crate::history::{CopyEnd, Fact, Listener};
use crate::network::InFlight;
use crate::topology::{FaultId, NodeId};

use super::afflictions::Affliction;

/// A primary that waits for a file looks for it so often (assumed).
const FILES_LOOKED_FOR_EVERY: SimDuration = SimDuration::from_secs(1);

/// The disks of a world, and what waits for them.
#[derive(Clone, Debug)]
pub(super) struct Persisting {
    config: PersistenceConfig,
    sampler: Sampler,
    draws: Addressed,
    shards: usize,
    /// By copy: node after node, shard after shard.
    disks: Vec<Disk>,
    /// By copy: when the next look at its snapshots is; [`SimTime::NEVER`] if none is due.
    looks: Vec<SimTime>,
    /// By node: when its processes have loaded what they found; [`SimTime::NEVER`] if none loads.
    loaded_at: Vec<SimTime>,
    held: Vec<Option<Held>>,
    free: Vec<u32>,
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
    fn index(&self, node: NodeId, shard: usize) -> usize {
        node.index() * self.shards + shard
    }

    fn disk(&mut self, node: NodeId, shard: usize) -> &mut Disk {
        let index = self.index(node, shard);
        &mut self.disks[index]
    }

    fn disks_of(&mut self, node: NodeId) -> &mut [Disk] {
        let first = node.index() * self.shards;
        &mut self.disks[first..first + self.shards]
    }

    /// A disk for a copy: with what it keeps, or one that keeps nothing.
    fn make(&self, node: NodeId, shard: usize, keeps: bool) -> Disk {
        if !keeps {
            return Disk::none(Replica::new());
        }
        let who = self.index(node, shard) as u32;
        let phase = |what: u32| self.draws.bits(Address::new(who, u32::MAX, what, 0));
        let wall_clock = self
            .draws
            .bits(Address::new(u32::MAX, u32::MAX, u32::MAX, 0));
        let rhythm = Rhythm::new(wall_clock, [phase(0), phase(1)]);
        let pace = Pace::new(self.sampler.clone(), self.draws, who);
        Disk::new(&self.config, Replica::new(), rhythm, pace)
    }

    fn hold(&mut self, held: Held) -> HeldId {
        if let Some(index) = self.free.pop() {
            self.held[index as usize] = Some(held);
            return HeldId(index);
        }
        self.held.push(Some(held));
        HeldId((self.held.len() - 1) as u32)
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
        let has_replicas = self.blueprint.settings().database.nodes_per_member() > 1;
        let mut persisting = Persisting {
            sampler: Sampler::new(&config.fsync),
            draws: seed.addressed("disks"),
            shards,
            disks: Vec::new(),
            looks: vec![SimTime::NEVER; self.nodes.len() * shards],
            loaded_at: vec![SimTime::NEVER; self.nodes.len()],
            held: Vec::new(),
            free: Vec::new(),
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
            persisting.disk(node, usize::from(shard)).append(now, range);
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
        let has_replicas = self.blueprint.settings().database.nodes_per_member() > 1;
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
    fn look_after_disk(&mut self, now: SimTime, node: NodeId, shard: u16) {
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        let index = persisting.index(node, usize::from(shard));
        let at = if let Some(file) = persisting.disks[index].snapshot_file() {
            file.due(now).min(file.ends())
        } else if let Some(file) = persisting.disks[index].append_file() {
            file.blocks_at()
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
            if is_running && file.blocked().is_some() {
                self.stand_still(now, node, listener);
            }
        }
        self.look_after_disk(now, node, shard);
    }

    /// A process stands still in a write until its disk goes on, and so does all else on the same disk.
    fn stand_still<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        let host = self.node_host(node);
        // Where no fault holds the disk up, but an fsync takes that long, only the replies wait.
        let Some(fault) = self.stall_of(node) else {
            return;
        };
        let is_held = self.host_faults[host.index()]
            .iter()
            .any(|held| held.fault == fault);
        if !is_held {
            self.afflict(now, host, (fault, Affliction::Hung), InFlight::Delivered);
            self.freeze_links(now, node, listener);
        }
    }

    /// The disks of some nodes stop finishing anything, or go on.
    pub(super) fn stall_disks(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        nodes: &[NodeId],
    ) {
        for &node in nodes {
            let Some(persisting) = &mut self.persisting else {
                return;
            };
            let mut keeps_anything = false;
            let mut frees = now;
            for disk in persisting.disks_of(node) {
                keeps_anything |= disk.keeps_anything();
                disk.stall(now, begins);
                if disk
                    .append_file()
                    .is_some_and(|file| file.blocked().is_some())
                {
                    frees = frees.max(disk.serves_from());
                }
            }
            if begins {
                if keeps_anything {
                    self.network
                        .effects
                        .note(fault, |effects| effects.hosts += 1);
                }
                self.stalls.push((fault, node));
            } else {
                self.stalls.retain(|&stall| stall != (fault, node));
                if frees == SimTime::NEVER {
                    // Another fault still holds it up.
                    frees = now;
                }
                self.queue.schedule(frees, Event::DiskFree(node, fault));
            }
            for shard in 0..self.shards() {
                self.look_after_disk(now, node, shard);
            }
        }
        self.release_parked(now);
    }

    /// The fault that holds a node's disk up, if one does.
    fn stall_of(&self, node: NodeId) -> Option<FaultId> {
        let stall = self.stalls.iter().find(|&&(_, stalled)| stalled == node);
        stall.map(|&(fault, _)| fault)
    }

    /// A write that stood still went through.
    pub(super) fn free_process<L: Listener>(
        &mut self,
        now: SimTime,
        (node, fault): (NodeId, FaultId),
        listener: &mut L,
    ) {
        let host = self.node_host(node);
        let is_held = self.host_faults[host.index()]
            .iter()
            .any(|held| held.fault == fault);
        if let Some(persisting) = &mut self.persisting {
            for disk in persisting.disks_of(node) {
                if let Some(file) = disk.append_file() {
                    file.advance(now);
                }
            }
        }
        if is_held {
            let still = self.persisting.as_mut().is_some_and(|persisting| {
                let mut files = persisting
                    .disks_of(node)
                    .iter_mut()
                    .filter_map(Disk::append_file);
                files.any(|file| file.blocked().is_some())
            });
            if still {
                // Another fault keeps the disk from going on.
                self.stand_still(now, node, listener);
            }
            self.relieve(now, host, fault, listener);
        }
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
        self.persisting.is_some() && self.hold_for_disk(now, errand, shard, wrote)
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
        let id = persisting.hold(held);
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
        let Some(held) = persisting.held[id.0 as usize] else {
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
        persisting.held[id.0 as usize] = None;
        persisting.free.push(id.0);
        if is_gone {
            self.operations.message_gone(held.errand.slot);
        } else {
            self.answer_at(now, held.errand);
        }
    }

    /// Replies that waited for disks that stood still look again.
    fn release_parked(&mut self, now: SimTime) {
        if let Some(persisting) = &mut self.persisting {
            for id in std::mem::take(&mut persisting.parked) {
                self.queue.schedule(now, Event::DiskAnswer(id));
            }
        }
    }

    /// A node's processes died: in memory stands from now on what their disks still hold.
    pub(super) fn crash_disks<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        (affliction, fault): (Affliction, FaultId),
        listener: &mut L,
    ) {
        let crash = match affliction {
            Affliction::Hung => return,
            Affliction::ProcessDead => Crash::Process,
            Affliction::Refusing | Affliction::Silent => Crash::Machine,
        };
        let Some(mut persisting) = self.persisting.take() else {
            return;
        };
        persisting.loaded_at[node.index()] = SimTime::NEVER;
        self.note_lost_disks(node);
        for index in 0..persisting.shards {
            let state = persisting
                .disk(node, index)
                .crash(now, crash, &self.journal);
            let replica = &mut self.nodes[node.index()].shards[index].replica;
            let before = std::mem::replace(replica, state);
            let kept = self.nodes[node.index()].shards[index].replica.clock();
            let mut is_cut = false;
            for range in before.clock().beyond(kept) {
                is_cut = true;
                let fact = Fact::CopiesEnded {
                    node,
                    origin: range.origin,
                    kept: range.first - 1,
                    cause: CopyEnd::Fault(fault),
                };
                listener.observe(now, &fact);
            }
            if is_cut {
                self.look_anew(node, index);
            }
        }
        self.persisting = Some(persisting);
        self.release_parked(now);
    }

    /// What everyone had is not what everyone has: the next look at it begins from now.
    fn look_anew(&mut self, node: NodeId, shard: usize) {
        let groups = self.blueprint.groups();
        let group = groups[node.index()];
        let clocks = self
            .nodes
            .iter()
            .filter(|other| groups[other.id.index()] == group)
            .map(|other| other.shards[shard].replica.clock());
        let mut bounds: Option<(Clock, Clock)> = None;
        for clock in clocks {
            match &mut bounds {
                None => bounds = Some((clock.clone(), clock.clone())),
                Some((everywhere, anywhere)) => {
                    everywhere.meet(clock);
                    anywhere.join(clock);
                }
            }
        }
        let look = usize::from(group) * usize::from(self.shards) + shard;
        if let Some(bounds) = bounds {
            self.last_look[look] = bounds;
        }
    }

    /// The disks of some nodes go while their processes run.
    pub(super) fn take_disks_of(&mut self, now: SimTime, fault: FaultId, nodes: &[NodeId]) {
        for &node in nodes {
            if self.take_disks(now, node) {
                self.network
                    .effects
                    .note(fault, |effects| effects.hosts += 1);
            }
        }
    }

    /// A node's disks are gone. What its processes have in memory is not, until they stop.
    pub(super) fn take_disks(&mut self, now: SimTime, node: NodeId) -> bool {
        let Some(persisting) = &mut self.persisting else {
            return false;
        };
        let mut has_any = false;
        for disk in persisting.disks_of(node) {
            has_any |= disk.keeps_anything();
            disk.goes(now);
        }
        self.release_parked(now);
        has_any
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
        let is_managed = self.blueprint.settings().database.entrance == Entrance::Proxy;
        if !is_managed || member.primaries[shard] != node || keeps(node) {
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
