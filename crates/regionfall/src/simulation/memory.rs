//! Members short of memory: they evict, refuse writes, stop.
//!
//! A shard that is out of memory gives its inbound links up and leaves clients without an answer, as the
//! documentation says of the product (active-active, planning.md; developing applications). It collects what may be
//! collected; with room again, and unless an operator has to act, it reconciles in full with every peer and goes on.
//! What it had written still leaves over links that stand.

use std::collections::BTreeSet;

use regionfall_crdt::{Command, ErrorKind, KeyId};
use regionfall_kernel::{Addressed, Seed, SimTime};

use super::event::LinkId;
use super::world::World;
use crate::database::{
    AtLimit, CommandClass, EVICTION_SAMPLES, EvictionOrder, KeyUse, MemoryConfig, Node, Pressure,
    Scope,
};
use crate::history::{Fact, Listener};
use crate::metric::Shortage;
use crate::network::End;
use crate::topology::{MemberId, NodeId};

/// Redis's refusal (redis/redis, `server.c`, `shared.oomerr`).
const OUT_OF_MEMORY: ErrorKind =
    ErrorKind::Other("OOM command not allowed when used memory > 'maxmemory'.");

/// Most keys that a shard evicts for one command, at its limit; at the share from which it evicts it is one
/// (assumed: the documentation says that eviction speeds up as memory grows).
const EVICTIONS_MOST: f64 = 16.0;

/// The memory of all shards.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    config: MemoryConfig,
    draws: Addressed,
    /// By node and shard.
    shards: Vec<ShardMemory>,
    /// Links whose next greeting asks for everything.
    reconciles: BTreeSet<LinkId>,
}

/// What is remembered of one shard's memory.
#[derive(Clone, Debug, Default)]
struct ShardMemory {
    /// Whether it stopped.
    is_stopped: bool,
    uses: KeyUse,
    /// The largest share of its limit that it used.
    share_max: f64,
    evicted: u64,
    refused: u64,
}

/// Whether a shard serves a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// It does.
    Served,
    /// It answers that it is out of memory.
    Refused,
    /// It does not answer.
    Ignored,
}

impl World {
    /// Shards with their limits, if the scenario sets any.
    pub(super) fn place_memory(&mut self, seed: Seed) {
        let database = &self.blueprint.settings().database;
        if let Some(config) = database.memory {
            let shards = self.nodes.len() * usize::from(database.shards);
            self.memory = Some(Box::new(Memory {
                config,
                draws: seed.addressed("eviction"),
                shards: vec![ShardMemory::default(); shards],
                reconciles: BTreeSet::new(),
            }));
        }
    }

    /// What the memory of a run came to; `None` without a limit.
    pub fn shortage(&self) -> Option<Shortage> {
        let memory = self.memory.as_ref()?;
        let mut sum = Shortage {
            memory_share_max: 0.0,
            keys_evicted: 0,
            oom_errors: 0,
        };
        for shard in &memory.shards {
            sum.memory_share_max = sum.memory_share_max.max(shard.share_max);
            sum.keys_evicted += shard.evicted;
            sum.oom_errors += shard.refused;
        }
        Some(sum)
    }

    /// Bytes that a process uses of its memory.
    pub(super) fn memory_used(&self, node: NodeId, shard: u16) -> u64 {
        let place = usize::from(shard);
        let process = &self.nodes[node.index()].shards[place];
        let data = process.replica.bytes();
        let Some(memory) = &self.memory else {
            return data;
        };
        let member = self.nodes[node.index()].member;
        let is_peer = |peer: &&Node| peer.member != member && peer.shards[place].is_primary();
        let unsent = self
            .journal
            .origins_of_shard(shard)
            .filter(|&origin| self.nodes[self.journal.node(origin).index()].member == member)
            .map(|origin| {
                let peers = self.nodes.iter().filter(is_peer);
                let had = peers.map(|peer| peer.shards[place].replica.clock().get(origin));
                let holds = process.replica.clock().get(origin);
                let had = had.min().unwrap_or(holds);
                self.journal.bytes_between(origin, had, holds.max(had))
            })
            .sum::<u64>();
        let unsent = unsent.min(self.backlog_bytes());
        memory.config.used(data, unsent, self.shards())
    }

    /// Looks how short of memory a shard is.
    fn pressure(&mut self, node: NodeId, shard: u16) -> (Pressure, f64) {
        let used = self.memory_used(node, shard);
        let (index, shards) = (self.shard_index(node, shard), self.shards());
        let Some(memory) = &mut self.memory else {
            return (Pressure::None, 0.0);
        };
        let part = used as f64 / memory.config.shard_limit(shards).max(1) as f64;
        let own = &mut memory.shards[index];
        own.share_max = own.share_max.max(part);
        (memory.config.pressure(used, shards), part)
    }

    fn shard_index(&self, node: NodeId, shard: u16) -> usize {
        node.index() * usize::from(self.shards()) + usize::from(shard)
    }

    /// Whether a shard is out of memory and has stopped.
    pub(super) fn is_out_of_memory(&self, node: NodeId, shard: u16) -> bool {
        let index = self.shard_index(node, shard);
        self.memory
            .as_ref()
            .is_some_and(|memory| memory.shards[index].is_stopped)
    }

    /// Whether a shard has the memory to serve a command; it may have to make room, or stop.
    pub(super) fn admit_command<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        command: &Command,
        listener: &mut L,
    ) -> Admission {
        let Some(key) = command.key() else {
            return Admission::Served;
        };
        let pressure = self.relieve_memory(now, node, shard, listener);
        let index = self.shard_index(node, shard);
        let Some(memory) = &mut self.memory else {
            return Admission::Served;
        };
        let own = &mut memory.shards[index];
        let admission = match pressure {
            _ if own.is_stopped => Admission::Ignored,
            Pressure::RefusesWrites if takes_memory(command) => Admission::Refused,
            _ => Admission::Served,
        };
        if admission == Admission::Served {
            own.uses.note(now, key);
        } else {
            own.refused += 1;
        }
        admission
    }

    /// Makes room in a shard, if it is to; one without any stops. Returns how short of memory it still is.
    pub(super) fn relieve_memory<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) -> Pressure {
        // Who follows holds what its source has, whatever that comes to.
        let process = &self.nodes[node.index()];
        let follows = self.members[process.member.index()].is_passive;
        if follows || !process.shards[usize::from(shard)].is_primary() {
            return Pressure::None;
        }
        let (mut pressure, part) = self.pressure(node, shard);
        if pressure == Pressure::None || self.is_out_of_memory(node, shard) {
            return pressure;
        }
        let Some(config) = self.memory.as_ref().map(|memory| memory.config) else {
            return pressure;
        };
        if let Some(order) = config.eviction.order {
            let way = (part - config.evicts_from) / (1.0 - config.evicts_from).max(0.01);
            let most = 1.0 + (EVICTIONS_MOST - 1.0) * way.clamp(0.0, 1.0);
            for _ in 0..most as u32 {
                let volatile_only = config.eviction.volatile_only;
                if !self.evict(now, (node, shard), (order, volatile_only), listener) {
                    break;
                }
                pressure = self.pressure(node, shard).0;
                if pressure == Pressure::None {
                    break;
                }
            }
        }
        if pressure == Pressure::Full {
            self.run_out_of_memory(now, node, shard, listener);
        }
        pressure
    }

    /// Evicts a key: it is deleted, and the peers delete it too (Redis Software release notes, 7.4.6, RS131360).
    fn evict<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        (order, volatile_only): (EvictionOrder, bool),
        listener: &mut L,
    ) -> bool {
        let Some(key) = self.pick_for_eviction((node, shard), (order, volatile_only)) else {
            return false;
        };
        let executed = self.execute(now, (node, shard), &Command::Del { key });
        let index = self.shard_index(node, shard);
        if let Some(memory) = &mut self.memory {
            memory.shards[index].evicted += 1;
        }
        for effect in executed.effects {
            let fact = Fact::Evicted {
                node,
                effect: &effect,
            };
            listener.observe(now, &fact);
            self.publish_effect(now, (node, shard), effect);
        }
        true
    }

    fn pick_for_eviction(
        &self,
        (node, shard): (NodeId, u16),
        (order, volatile_only): (EvictionOrder, bool),
    ) -> Option<KeyId> {
        let memory = self.memory.as_ref()?;
        let index = self.shard_index(node, shard);
        let own = &memory.shards[index];
        let replica = &self.nodes[node.index()].shards[usize::from(shard)].replica;
        let stored = replica.stored();
        let is_candidate = |key: &KeyId| {
            !replica.value(*key).is_absent() && (!volatile_only || replica.deadline(*key).is_some())
        };
        let mut sample = Vec::with_capacity(EVICTION_SAMPLES);
        for number in 0..EVICTION_SAMPLES as u32 {
            let address = [index as u32, own.evicted as u32, number, 0];
            let start = (memory.draws.unit(address.into()) * stored as f64) as usize;
            // The next one from anywhere.
            let mut places = (start..stored).chain(0..start);
            let key = places.find_map(|place| replica.stored_at(place).filter(is_candidate));
            sample.push(key?);
        }
        let deadline = |key| replica.deadline(key).unwrap_or(u64::MAX);
        own.uses.pick(order, &sample, deadline)
    }

    /// A shard is out of memory: it stops, and collects what it may.
    fn run_out_of_memory<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        listener: &mut L,
    ) {
        let index = self.shard_index(node, shard);
        if let Some(memory) = &mut self.memory {
            memory.shards[index].is_stopped = true;
        }
        for number in 0..self.links.len() {
            let link = &self.links[number];
            let is_inbound = link.target == node && link.scope == Scope::Members;
            if !is_inbound || link.shard != shard {
                continue;
            }
            if let Some(connection) = link.connection() {
                self.network
                    .close(now, &mut self.queue, connection, End::Client);
                self.owners[connection.index()] = None;
                self.account_for_abandoned();
            }
            self.link_down(now, LinkId(number as u16), listener);
        }
        self.forget_settled();
        self.reopen_if_room(now, node, shard);
    }

    /// Does at once what the collector does now and then: whatever every member has observed is forgotten, and
    /// shards that had stopped and have room again go on.
    pub fn collect(&mut self) {
        let now = self.now();
        self.forget_settled();
        self.reopen_shards(now);
    }

    /// How many keys of each member still wait for the collector after it did all that it can; `None` where memory
    /// has no limit, or somebody is down or has not everything. Nor is anything said where several disks were lost: what
    /// one member had seen of another may then be gone from both, and its trace in a third is never resolved.
    pub fn left_to_collect(&mut self) -> Option<Vec<(MemberId, usize)>> {
        let belongs = |node: &&Node| !self.is_removed(node.member) && !self.is_spare(node.id);
        let all_run = self
            .nodes
            .iter()
            .filter(belongs)
            .all(|node| node.is_running);
        if self.memory.is_none() || !all_run || !self.has_converged() || self.disk_losses > 1 {
            return None;
        }
        // The second look knows that nothing of before the first is under way.
        self.collect();
        self.collect();
        let members = self.members.iter().map(|member| member.id);
        let members: Vec<MemberId> = members.filter(|&id| !self.is_removed(id)).collect();
        Some(
            members
                .into_iter()
                .map(|id| (id, self.memory_of(id).1))
                .collect(),
        )
    }

    /// Bytes of the data of a member's primaries, tombstones included, and how many keys wait for the collector.
    pub fn memory_of(&self, member: MemberId) -> (u64, usize) {
        let primaries = self.members[member.index()].primaries.iter().enumerate();
        let add = |(bytes, graves): (u64, usize), (shard, node): (usize, &NodeId)| {
            let replica = &self.nodes[node.index()].shards[shard].replica;
            (bytes + replica.bytes(), graves + replica.tombstones())
        };
        primaries.fold((0, 0), add)
    }

    /// Shards that had stopped and have room again reconcile with their peers.
    pub(super) fn reopen_shards(&mut self, now: SimTime) {
        for node in 0..self.nodes.len() {
            for shard in 0..self.shards() {
                self.reopen_if_room(now, NodeId::from_index(node), shard);
            }
        }
    }

    fn reopen_if_room(&mut self, now: SimTime, node: NodeId, shard: u16) {
        let has_room =
            self.is_out_of_memory(node, shard) && self.pressure(node, shard).0 < Pressure::Full;
        let index = self.shard_index(node, shard);
        let Some(memory) = self.memory.as_mut().filter(|_| has_room) else {
            return;
        };
        if matches!(memory.config.at_limit, AtLimit::Stops { recovers: false }) {
            return;
        }
        memory.shards[index].is_stopped = false;
        let inbound = self.links.iter().enumerate();
        let inbound = inbound.filter(|(_, link)| {
            link.target == node && link.shard == shard && link.scope == Scope::Members
        });
        let links: Vec<LinkId> = inbound.map(|(number, _)| LinkId(number as u16)).collect();
        memory.reconciles.extend(&links);
        for link in links {
            self.connect_link(now, link);
        }
    }

    /// Whether a link's greeting is to ask for everything, this once.
    pub(super) fn reconciles(&mut self, link: LinkId) -> bool {
        let memory = self.memory.as_mut();
        memory.is_some_and(|memory| memory.reconciles.remove(&link))
    }

    /// The refusal of a shard that is out of memory.
    pub(super) const fn out_of_memory() -> ErrorKind {
        OUT_OF_MEMORY
    }
}

/// Whether a command is refused without memory: those that remove are not (Redis docs, COMMAND, `denyoom`).
fn takes_memory(command: &Command) -> bool {
    CommandClass::of(command.kind()) == CommandClass::Write
        && !matches!(command, Command::Del { .. } | Command::SRem { .. })
}
