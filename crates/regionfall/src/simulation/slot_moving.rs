//! Slots of a Redis Cluster that move from one shard to another while both serve.
//!
//! The source holds them for MIGRATING and the target for IMPORTING. The operator's tool asks the source for some keys and
//! lets it hand them over (MIGRATE: DUMP, RESTORE there, DEL here); neither process serves anything until that is done. Whoever
//! asks the source for a key that is not there is told ASK: it asks the target, with ASKING and this time only, since its map
//! is still right. The target sends everybody else to the source. When no key is left every process is told that the slots are
//! the target's (SETSLOT NODE), and answers MOVED. (Redis docs, *Redis cluster specification*, live reconfiguration; *MIGRATE*;
//! redis/redis, redis-cli.c.)
//!
//! A target that dies before its answer is at the source leaves the keys there; what is lost with it is what was removed
//! at the source and not yet at the target's replicas.
//!
//! Simplifications: the slots that move together are one entry of clients' maps; the state of slots belongs to the shards, so that
//! whoever is promoted in between knows it; all processes learn of the end at once; a process that waits for the other one still
//! answers on the bus. The tool runs on the machine of the target (assumed), and goes on a second after something failed.

use regionfall_crdt::{Command, Dot, Effects, KeyId};
use regionfall_kernel::{SimDuration, SimTime};

use super::clustering::Station;
use super::maintaining::{Next, SERVICE_LOOKS_EVERY, Work};
use super::slots::Redirect;
use super::world::World;
use crate::client::Slot;
use crate::database::shard_of;
use crate::fault::{FaultKind, UpkeepTask};
use crate::history::{Fact, Listener, MovedKey};
use crate::network::{Draw, TrafficClass};
use crate::topology::{FaultId, MemberId, NodeId};

/// Bytes of GETKEYSINSLOT, its answer and MIGRATE; of the frames of RESTORE for each key; of its answer for each key.
const COMMAND_BYTES: u32 = 300;
const RESTORE_BYTES: u64 = 60;
const ANSWER_BYTES: u32 = 5;
/// The legs of a MIGRATE's way there and back, and of the tool's command.
const LEG_THERE: u8 = 0x4C;
const LEG_BACK: u8 = 0x4D;
const LEG_COMMAND: u8 = 0x4E;

/// Slots that move from one shard of a member to another, by the plan.
#[derive(Clone, Debug)]
pub(super) struct SlotMove {
    fault: FaultId,
    member: MemberId,
    from: u16,
    to: u16,
    /// The share of the shard's slots.
    share: f64,
    pipeline: usize,
    per_key: SimDuration,
    timeout: SimDuration,
    stage: Stage,
    /// Keys below this are not at the source any more.
    cursor: u32,
    /// Messages of the move so far, for addressing draws.
    sent: u32,
    under_way: Option<UnderWay>,
}

/// How far a move is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Ahead,
    /// MIGRATING here, IMPORTING there.
    Open,
    Done,
}

/// A MIGRATE: from one process to another.
#[derive(Clone, Debug)]
struct UnderWay {
    keys: Vec<KeyId>,
    processes: [(NodeId, u16); 2],
    /// When the other process executes it, and when its own one knows; `None` if never.
    restores_at: Option<SimTime>,
    answered_at: Option<SimTime>,
    /// When it is given up.
    gives_up: SimTime,
    /// The keys that the other process has written, with the last effect of each, once it did.
    has_restored: bool,
    copied: Vec<(KeyId, Dot)>,
}

impl SlotMove {
    /// Whether a key of the shard is in one of the slots. Slots are spread evenly over keys, as those of a CRC are.
    fn takes(&self, key: KeyId, shards: u16) -> bool {
        let number = (key.0 / u32::from(shards)).wrapping_mul(0x9E37_79B1);
        f64::from(number) < self.share * f64::from(u32::MAX)
    }
}

impl World {
    /// The moves of slots that the plan has.
    pub(super) fn place_slot_moves(&mut self) {
        let of_fault = |(index, fault): (usize, &crate::fault::PlannedFault)| {
            let FaultKind::Upkeep(upkeep) = &fault.kind else {
                return None;
            };
            let UpkeepTask::MigrateSlots {
                from,
                to,
                share,
                pipeline,
                per_key,
                timeout,
            } = upkeep.task
            else {
                return None;
            };
            Some(SlotMove {
                fault: FaultId::from_index(index),
                member: upkeep.member,
                from,
                to,
                share,
                pipeline: usize::from(pipeline.max(1)),
                per_key,
                timeout,
                stage: Stage::Ahead,
                cursor: 0,
                sent: 0,
                under_way: None,
            })
        };
        self.slot_moves = self
            .faults
            .iter()
            .enumerate()
            .filter_map(of_fault)
            .collect();
    }

    /// Entries of a member in clients' maps: one for each shard, and one for the slots of each move.
    pub(super) fn ranges(&self) -> usize {
        usize::from(self.shards) + self.slot_moves.len()
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn range_of(&self, key: KeyId) -> usize {
        let shard = shard_of(key, self.shards);
        match self.move_of(key) {
            Some(index) => usize::from(self.shards) + index,
            None => usize::from(shard),
        }
    }

    /// The move that takes a key along, if one does.
    #[inline]
    fn move_of(&self, key: KeyId) -> Option<usize> {
        if self.slot_moves.is_empty() {
            return None;
        }
        let shard = shard_of(key, self.shards);
        let mut moves = self.slot_moves.iter();
        moves.position(|own| own.from == shard && own.takes(key, self.shards))
    }

    /// The shard whose an entry's slots are.
    pub(super) fn owner_of_range(&self, range: usize) -> u16 {
        match range.checked_sub(usize::from(self.shards)) {
            None => range as u16,
            Some(index) => {
                let own = &self.slot_moves[index];
                if own.stage == Stage::Done {
                    own.to
                } else {
                    own.from
                }
            }
        }
    }

    /// The shard whose process an operation's attempt is for.
    #[inline]
    pub(super) fn shard_for(&self, slot: Slot) -> u16 {
        let operation = self.operations.get(slot);
        let key = operation.key();
        let Some(index) = self.move_of(key) else {
            return shard_of(key, self.shards);
        };
        let own = &self.slot_moves[index];
        match own.stage {
            Stage::Open if operation.asks.is_some() => own.to,
            Stage::Open | Stage::Ahead => own.from,
            Stage::Done => own.to,
        }
    }

    /// Whether a process serves nothing since a MIGRATE takes place.
    pub(super) fn is_migrating(&self, node: NodeId, shard: usize) -> bool {
        let mut under_way = self
            .slot_moves
            .iter()
            .filter_map(|own| own.under_way.as_ref());
        under_way.any(|one| one.processes.contains(&(node, shard as u16)))
    }

    /// Where a process that has the shard asked for sends a client since the key's slot is on its way.
    pub(super) fn redirect_on_move(
        &self,
        (node, serves): (NodeId, NodeId),
        slot: Slot,
        station: &Station,
    ) -> Option<Redirect> {
        let operation = self.operations.get(slot);
        let own = &self.slot_moves[self.move_of(operation.key())?];
        if own.stage != Stage::Open {
            return None;
        }
        let server_of = |shard: u16| station.process.server_of(shard).node;
        if operation.asks.is_some() {
            // Only the primary knows that it imports.
            return (serves != node).then(|| Redirect::Moved(server_of(own.from)));
        }
        if serves != node {
            return None;
        }
        let process = &self.nodes[node.index()].shards[usize::from(own.from)];
        let is_gone = process.replica.value(operation.key()).is_absent();
        is_gone.then(|| Redirect::Ask(server_of(own.to)))
    }

    /// A client was told ASK.
    #[cold]
    pub(super) fn note_ask(&mut self, slot: Slot) {
        if let Some(index) = self.move_of(self.operations.get(slot).key()) {
            let fault = self.slot_moves[index].fault;
            self.network
                .effects
                .note(fault, |effects| effects.delayed += 1);
        }
    }

    /// An operator opens slots: MIGRATING and IMPORTING.
    pub(super) fn begin_to_move_slots(&mut self, fault: FaultId) -> Option<Work> {
        let index = self.slot_moves.iter().position(|own| own.fault == fault)?;
        self.slot_moves[index].stage = Stage::Open;
        Some(Work::Slots(index))
    }

    /// The tool goes on: what is under way is done, and the next keys follow; or there are none.
    pub(super) fn move_slots<L: Listener>(
        &mut self,
        now: SimTime,
        index: usize,
        listener: &mut L,
    ) -> Next {
        let own = &self.slot_moves[index];
        let primaries = &self.members[own.member.index()].primaries;
        let of = |shard: u16| (primaries[usize::from(shard)], shard);
        let processes = [of(own.from), of(own.to)];
        let can_serve = processes.iter().all(|&process| self.can_migrate(process));
        if let Some(mut under_way) = self.slot_moves[index].under_way.take() {
            let goes_on = can_serve && under_way.processes == processes;
            if under_way.restores_at.is_some() && !under_way.has_restored {
                under_way.has_restored = true;
                if goes_on {
                    under_way.copied = self.restore_keys(now, &under_way, listener);
                }
                let next = under_way.answered_at.unwrap_or(under_way.gives_up);
                self.slot_moves[index].under_way = Some(under_way);
                return Next::At(next);
            }
            let is_done = goes_on && under_way.answered_at.is_some();
            if is_done {
                self.remove_keys(now, index, &under_way, listener);
            } else {
                self.slot_moves[index].cursor = 0;
            }
            for process in under_way.processes {
                self.resume_writes(now, process, listener);
            }
            return Next::At(match self.tool_reaches_source(now, index, processes) {
                Some(at) if is_done => at,
                _ => now + SERVICE_LOOKS_EVERY,
            });
        }
        if !can_serve {
            return Next::At(now + SERVICE_LOOKS_EVERY);
        }
        let keys = self.keys_to_migrate(index, processes[0]);
        if keys.is_empty() {
            // Keys come back where a removal was lost with its primary.
            if std::mem::take(&mut self.slot_moves[index].cursor) > 0 {
                return Next::Now;
            }
            self.slot_moves[index].stage = Stage::Done;
            return Next::Finished;
        }
        let (restores_at, answered_at) = self.migrate_takes(now, index, (&keys, processes));
        let gives_up = now + self.slot_moves[index].timeout;
        self.slot_moves[index].under_way = Some(UnderWay {
            keys,
            processes,
            restores_at,
            answered_at,
            gives_up,
            has_restored: false,
            copied: Vec::new(),
        });
        Next::At(restores_at.unwrap_or(gives_up))
    }

    /// Whether a process can take part in a MIGRATE.
    fn can_migrate(&self, (node, shard): (NodeId, u16)) -> bool {
        let state = &self.nodes[node.index()];
        let is_up = state.is_running && !self.is_hung(node) && !self.is_loading(node);
        is_up && state.shards[usize::from(shard)].is_primary()
    }

    /// The next keys at the source.
    fn keys_to_migrate(&mut self, index: usize, (node, shard): (NodeId, u16)) -> Vec<KeyId> {
        let own = &self.slot_moves[index];
        let replica = &self.nodes[node.index()].shards[usize::from(shard)].replica;
        let all = self.blueprint.workload().keys();
        let keys = (own.cursor..all)
            .map(KeyId)
            .filter(|&key| self.move_of(key) == Some(index) && !replica.value(key).is_absent());
        let keys: Vec<KeyId> = keys.take(own.pipeline).collect();
        if let Some(last) = keys.last() {
            self.slot_moves[index].cursor = last.0 + 1;
        }
        keys
    }

    /// When the target has executed a MIGRATE, and when the source has its answer; `None` if never.
    fn migrate_takes(
        &mut self,
        now: SimTime,
        index: usize,
        (keys, [source, target]): (&[KeyId], [(NodeId, u16); 2]),
    ) -> (Option<SimTime>, Option<SimTime>) {
        let replica = &self.nodes[source.0.index()].shards[usize::from(source.1)].replica;
        let bytes: u64 = keys
            .iter()
            .map(|&key| replica.bytes_of(key) + RESTORE_BYTES)
            .sum();
        let count = keys.len() as u32;
        let work = self.slot_moves[index].per_key * u64::from(count);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let there = self.move_hop(now, index, (source.0, target.0), (bytes, LEG_THERE));
        let back = (ANSWER_BYTES * count, LEG_BACK);
        let done = there.map(|at| at + work);
        let answered = done.and_then(|at| self.move_hop(at, index, (target.0, source.0), back));
        (done, answered)
    }

    /// When the tool's next command is at the source.
    fn tool_reaches_source(
        &mut self,
        now: SimTime,
        index: usize,
        [source, target]: [(NodeId, u16); 2],
    ) -> Option<SimTime> {
        let command = (COMMAND_BYTES, LEG_COMMAND);
        self.move_hop(now, index, (target.0, source.0), command)
    }

    fn move_hop(
        &mut self,
        now: SimTime,
        index: usize,
        (from, to): (NodeId, NodeId),
        (bytes, leg): (u32, u8),
    ) -> Option<SimTime> {
        if from == to {
            return Some(now);
        }
        let own = &mut self.slot_moves[index];
        own.sent += 1;
        let draw = Draw {
            who: u32::from(own.fault.0),
            sequence: own.sent,
            attempt: 0,
            leg,
        };
        let hosts = (self.node_host(from), self.node_host(to));
        self.network
            .hop(now, hosts, TrafficClass::Client, bytes, draw)
    }

    /// The keys of a MIGRATE are written at the target. Returns the last effect of each that was.
    fn restore_keys<L: Listener>(
        &mut self,
        now: SimTime,
        under_way: &UnderWay,
        listener: &mut L,
    ) -> Vec<(KeyId, Dot)> {
        let [source, target] = under_way.processes;
        let mut copied = Vec::new();
        for &key in &under_way.keys {
            let replica = &self.nodes[source.0.index()].shards[usize::from(source.1)].replica;
            // It may have expired meanwhile.
            let Some(dump) = replica.dump(key) else {
                continue;
            };
            let at = self.stamp(now, target.0);
            let process = &mut self.nodes[target.0.index()].shards[usize::from(target.1)];
            let Ok(effects) = process.replica.restore_dump(key, dump, at, process.origin) else {
                continue;
            };
            let last = self.tell_migrated(now, target, effects, listener);
            copied.extend(last.map(|dot| (key, dot)));
        }
        copied
    }

    /// The source has the target's answer: it removes what it handed over.
    fn remove_keys<L: Listener>(
        &mut self,
        now: SimTime,
        index: usize,
        under_way: &UnderWay,
        listener: &mut L,
    ) {
        let [source, target] = under_way.processes;
        let fault = self.slot_moves[index].fault;
        for &(key, copied) in &under_way.copied {
            let effects = self.execute(now, source, &Command::Del { key }).effects;
            let Some(removed) = self.tell_migrated(now, source, effects, listener) else {
                continue;
            };
            let moved = MovedKey {
                key,
                from: source.1,
                to: target.1,
                copied,
                removed,
            };
            listener.observe(now, &Fact::KeyMoved(moved));
            self.network
                .effects
                .note(fault, |effects| effects.altered += 1);
        }
    }

    /// Tells of effects that nobody asked for, and sends them out. Returns the last one's dot.
    fn tell_migrated<L: Listener>(
        &mut self,
        now: SimTime,
        process: (NodeId, u16),
        effects: Effects,
        listener: &mut L,
    ) -> Option<Dot> {
        let mut last = None;
        for effect in effects {
            last = Some(effect.dot);
            let fact = Fact::Migrated {
                node: process.0,
                keyspace: self.blueprint.workload().keyspace_of(effect.key),
                effect: &effect,
            };
            listener.observe(now, &fact);
            self.publish_effect(now, process, effect);
        }
        last
    }
}
