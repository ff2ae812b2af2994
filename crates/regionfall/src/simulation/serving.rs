//! Nodes execute what reaches them. Every command goes through the one dispatcher of the data types.

use regionfall_crdt::{Command, CommandKind, Dot, Effects, Executed, KeyId, Reply, Value};
use regionfall_kernel::SimTime;

use super::answering::{Asker, Errand};
use super::memory::Admission;
use super::sabotage::Mutation;
use super::slots::Redirect;
use super::world::World;
use crate::client::Slot;
use crate::database::{Entrance, shard_of};
use crate::fault::FaultKind;
use crate::history::{Fact, Listener, Promise};
use crate::network::{ConnectionId, Draw, End};
use crate::topology::{HostId, KeyspaceId, MemberId, NodeId, OperationId};
use crate::workload::commands::is_plain;

/// Bytes of a reply beside a value.
pub(super) const REPLY_BYTES: u32 = 72;

/// What becomes of a request before it is executed.
enum Passage {
    Free,
    /// Its shard is handed over, or its slots move.
    Waits,
    /// It is answered with an error, or sent elsewhere.
    Denied,
}

impl World {
    /// A request reached a member's process: it is executed at once and answered, or handed on to the process that
    /// can.
    #[inline]
    pub(super) fn serve<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        slot: Slot,
        (attempt, member): (u8, MemberId),
        listener: &mut L,
    ) {
        let operation = self.operations.get(slot);
        let draw = Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt,
            leg: 1,
        };
        let key = operation.key();
        let state = &self.members[member.index()];
        let (entry, node) = if state.is_cluster() {
            // The client may have closed the connection while the process hung with the request before it.
            let entry = self.node_at(connection).or(self.errands.thawing);
            let entry = entry.unwrap_or(state.entrance);
            let is_read = !operation.request.command.is_write();
            if self.sabotage.is(Mutation::ReadsAtReplicas) && is_read {
                let other = state.nodes().last().unwrap_or(entry);
                (entry, other)
            } else {
                (entry, self.executor(member, entry, key))
            }
        } else {
            (state.entrance, state.entrance)
        };
        let errand = Errand {
            connection,
            asker: Asker::Operation(slot),
            attempt,
            entry,
            node,
            draw,
            reply: None,
            redirect: None,
        };
        if entry == node {
            self.errand_arrives(now, errand, listener);
        } else {
            self.hand_over(now, errand);
        }
    }

    /// The node that executes a command on a key that reached one of a member's nodes.
    pub(super) fn executor(&self, member: MemberId, entry: NodeId, key: KeyId) -> NodeId {
        match self.blueprint.settings().database.entrance {
            Entrance::Direct | Entrance::Sentinel | Entrance::Cluster => entry,
            Entrance::Proxy | Entrance::Discovery => {
                let shard = shard_of(key, self.shards());
                self.members[member.index()].primaries[usize::from(shard)]
            }
        }
    }

    /// A request is where it is to be executed: at once, or when its process has the time.
    #[inline]
    pub(super) fn errand_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        errand: Errand,
        listener: &mut L,
    ) {
        if self.capacity.is_some() {
            self.queue_errand(now, errand);
        } else {
            self.execute_errand(now, errand, listener);
        }
    }

    /// A process executes a request.
    #[inline]
    pub(super) fn execute_errand<L: Listener>(
        &mut self,
        now: SimTime,
        mut errand: Errand,
        listener: &mut L,
    ) {
        let Errand { attempt, node, .. } = errand;
        let slot = match errand.asker {
            Asker::Operation(slot) => slot,
            Asker::Stream(id) => {
                self.execute_for_stream(now, id, errand, listener);
                return;
            }
        };
        let asked = self.operations.get(slot);
        let (operation, key, keyspace) = (asked.id, asked.key(), asked.keyspace());
        let kind = asked.request.command;
        let is_write = kind.is_write();
        let shard = usize::from(self.shard_for(slot));
        match self.passage(&mut errand, slot, shard) {
            Passage::Free => {}
            Passage::Waits => return self.hold_back(errand),
            Passage::Denied => return self.answer_with_error(now, errand),
        }
        let asked = self.operations.get(slot);
        if self.sabotage.is(Mutation::AnswersWithoutExecuting)
            && is_write
            && operation.0.is_multiple_of(16)
        {
            errand.reply = Some((false, REPLY_BYTES));
            self.answer_at(now, errand);
            return;
        }
        let value = self.blueprint.value_bytes(keyspace);
        let command = self.blueprint.workload().command(
            self.request_draws,
            &asked.request,
            (asked.who, asked.sequence),
            operation.0,
        );
        if self.memory.is_some() {
            match self.admit_command(now, (node, shard as u16), &command, listener) {
                Admission::Served => {}
                Admission::Refused => {
                    self.answer_with_error(now, errand);
                    return;
                }
                Admission::Ignored => {
                    self.operations.message_gone(slot);
                    return;
                }
            }
        }
        let may_refrain = matches!(kind, CommandKind::Decr | CommandKind::DecrBy);
        let executed = if may_refrain && self.refrains((node, shard), keyspace, key) {
            Executed {
                reply: Reply::Nil,
                effects: Effects::none(),
            }
        } else {
            self.execute(now, (node, shard as u16), &command)
        };
        let (who, effects) = ((operation, attempt, node), &executed.effects);
        if is_write {
            tell_write(now, who, effects, listener);
        } else {
            tell_read(now, who, (key, keyspace), effects, listener);
        }
        let last = executed.effects.iter().last().map(|effect| effect.dot);
        if self.strategy.client.habits.checks_versions {
            self.note_version(slot, (node, shard), last);
        }
        executed
            .effects
            .each(|effect| self.publish_effect(now, (node, shard as u16), effect));
        let (bytes, is_error) = if is_plain(kind) {
            let value = if is_write { 0 } else { value };
            (value, executed.reply.is_error())
        } else {
            // What a command answers about the data (no such key, a place outside of a list) is an answer.
            (executed.reply.bytes() as u32, false)
        };
        errand.reply = Some((is_error, REPLY_BYTES + bytes));
        if !self.serves_at_once && self.reply_waits(now, errand, shard as u16, last) {
            return;
        }
        if errand.entry == node {
            self.send_reply(now, errand);
        } else {
            self.answer_at(now, errand);
        }
    }

    /// Whether nothing in this world holds requests or replies back or turns requests away, but for the role of a process:
    /// so it is in most, and one look takes the place of a dozen on the way of every request.
    pub(super) fn has_plain_service(&self) -> bool {
        let settings = self.blueprint.settings();
        let database = &settings.database;
        let holds_replies = self.persisting.is_some()
            || settings
                .workload
                .keyspaces
                .iter()
                .any(|one| one.wait.is_some());
        let moves_shards = !self.slot_moves.is_empty()
            || (self.faults.iter()).any(|fault| matches!(fault.kind, FaultKind::Upkeep(_)));
        let refuses =
            self.routes_by_slot() || !self.kennels.is_empty() || database.promotion.guard.is_on();
        !(holds_replies || moves_shards || refuses)
    }

    /// Whether a request is executed. Where nothing else can stand in its way the role of its process decides.
    #[inline]
    fn passage(&mut self, errand: &mut Errand, slot: Slot, shard: usize) -> Passage {
        let asked = self.operations.get(slot);
        let is_denied = if self.serves_at_once && asked.version == 0 {
            asked.request.command.is_write() && self.takes_no_writes(errand.node, shard)
        } else if self.is_held_back(*errand, slot) {
            return Passage::Waits;
        } else {
            self.turns_away(errand, slot)
        };
        if is_denied {
            Passage::Denied
        } else {
            Passage::Free
        }
    }

    /// Whether the reply to what was executed waits: for replicas, or for a disk.
    fn reply_waits(&mut self, now: SimTime, errand: Errand, shard: u16, last: Option<Dot>) -> bool {
        if let Some(dot) = last
            && self.wait_for_replicas(now, errand, (shard, dot.origin, dot.sequence))
        {
            return true;
        }
        self.hold_reply(now, errand, shard, last.is_some())
    }

    /// Whether a request waits until the shard that it writes to is handed over.
    fn is_held_back(&self, errand: Errand, slot: Slot) -> bool {
        let asked = self.operations.get(slot);
        let shard = usize::from(self.shard_for(slot));
        let waits = asked.request.command.is_write() && self.is_handed_over(errand.node, shard)
            || !self.slot_moves.is_empty() && self.is_migrating(errand.node, shard);
        waits && !self.is_loading(errand.node)
    }

    /// Whether a process answers a request with an error, or sends the client elsewhere, before it executes anything.
    fn turns_away(&mut self, errand: &mut Errand, slot: Slot) -> bool {
        let node = errand.node;
        if self.is_loading(node) {
            return true;
        }
        let asked = self.operations.get(slot);
        let is_write = asked.request.command.is_write();
        if let Some(redirect) = self.redirect(node, slot) {
            if let Redirect::Ask(_) = redirect {
                self.note_ask(slot);
            }
            errand.redirect = Some(redirect);
            return true;
        }
        if self.is_fenced_off(slot, node) {
            return true;
        }
        let shard = usize::from(self.shard_for(slot));
        // READONLY; NOREPLICAS; a node without a majority.
        is_write && (self.takes_no_writes(node, shard) || self.refuses_writes(node, shard))
            || !self.has_quorum(node)
    }

    /// A request is answered with an error, and nothing happens.
    pub(super) fn answer_with_error(&mut self, now: SimTime, mut errand: Errand) {
        errand.reply = Some((true, REPLY_BYTES));
        self.answer_at(now, errand);
    }

    /// Whether a client does not decrement, by what it reads just before at the same member: a counter with a floor must
    /// keep at least that.
    #[cold]
    fn refrains(&self, (node, shard): (NodeId, usize), keyspace: KeyspaceId, key: KeyId) -> bool {
        let config = &self.blueprint.settings().workload.keyspaces[keyspace.index()];
        let Promise::Floor { initial, floor } = config.promise else {
            return false;
        };
        let shards = &self.nodes[node.index()].shards;
        let shard = &shards[shard];
        let counted = match shard.replica.value(key) {
            Value::Integer(counted) => counted,
            _ => 0,
        };
        initial + counted <= floor
    }

    /// Whether a process takes no writes: it is a replica, has not caught up since its start, or belongs to a member
    /// that follows another.
    #[inline]
    pub(super) fn takes_no_writes(&self, node: NodeId, shard: usize) -> bool {
        let node = &self.nodes[node.index()];
        let process = &node.shards[shard];
        !process.is_primary() || process.is_stale || self.members[node.member.index()].is_passive
    }

    /// Executes a command at a node's process of a shard.
    pub(super) fn execute(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        command: &Command,
    ) -> Executed {
        let at = self.stamp(now, node);
        let node = &mut self.nodes[node.index()];
        debug_assert!(node.is_running, "a stopped node executes nothing");
        let shard = &mut node.shards[usize::from(shard)];
        shard.replica.execute(command, at, shard.origin)
    }

    /// The node at the server end of a connection.
    #[inline]
    pub(super) fn node_at(&self, connection: ConnectionId) -> Option<NodeId> {
        self.node_on(self.network.host_at(connection, End::Server)?)
    }

    /// The node that a host is. Nodes' hosts are the first that were placed.
    #[inline]
    pub(super) fn node_on(&self, host: HostId) -> Option<NodeId> {
        (host.index() < self.nodes.len()).then(|| NodeId::from_index(host.index()))
    }

    /// The machine of a node.
    #[inline]
    pub(super) fn node_host(&self, node: NodeId) -> HostId {
        self.nodes[node.index()].host
    }

    /// The machine at whose address clients find a member.
    pub(super) fn entrance_host(&self, member: MemberId) -> HostId {
        self.node_host(self.members[member.index()].entrance)
    }
}

/// Tells of a write.
#[inline]
pub(super) fn tell_write<L: Listener>(
    now: SimTime,
    (operation, attempt, node): (OperationId, u8, NodeId),
    effects: &Effects,
    listener: &mut L,
) {
    let effect = effects.first();
    listener.observe(
        now,
        &Fact::WriteExecuted {
            operation,
            attempt,
            node,
            effect,
        },
    );
    if effects.len() > 1 {
        tell_further(now, (operation, attempt, node), effects, listener);
    }
}

/// Tells of a read, and before it of what the read found to have expired.
#[inline]
pub(super) fn tell_read<L: Listener>(
    now: SimTime,
    (operation, attempt, node): (OperationId, u8, NodeId),
    (key, keyspace): (KeyId, KeyspaceId),
    effects: &Effects,
    listener: &mut L,
) {
    if !effects.is_empty() {
        tell_expired(now, (node, keyspace), effects, listener);
    }
    listener.observe(
        now,
        &Fact::ReadExecuted {
            operation,
            attempt,
            node,
            key,
        },
    );
}

/// Tells of the effects of a write after its first.
#[cold]
fn tell_further<L: Listener>(
    now: SimTime,
    (operation, attempt, node): (OperationId, u8, NodeId),
    effects: &Effects,
    listener: &mut L,
) {
    for effect in effects.iter().skip(1) {
        listener.observe(
            now,
            &Fact::WriteContinued {
                operation,
                attempt,
                node,
                effect,
            },
        );
    }
}

/// A read found out that something has expired, and removed it.
#[cold]
fn tell_expired<L: Listener>(
    now: SimTime,
    (node, keyspace): (NodeId, KeyspaceId),
    effects: &Effects,
    listener: &mut L,
) {
    for effect in effects {
        listener.observe(
            now,
            &Fact::Expired {
                node,
                keyspace,
                effect,
            },
        );
    }
}
