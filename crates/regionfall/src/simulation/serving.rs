//! Nodes execute what reaches them. Every command goes through the one dispatcher of the data types.

use regionfall_crdt::{Command, Executed, KeyId, Timestamp};
use regionfall_kernel::SimTime;

use super::answering::Errand;
use super::world::World;
use crate::client::Slot;
use crate::database::{Entrance, shard_of};
use crate::history::{Fact, Listener};
use crate::network::{ConnectionId, Draw, End};
use crate::topology::{HostId, MemberId, NodeId};

/// Bytes of a reply beside a value.
const REPLY_BYTES: u32 = 72;

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
            let entry = self.node_at(connection).unwrap_or(state.entrance);
            (entry, self.executor(member, entry, key))
        } else {
            (state.entrance, state.entrance)
        };
        let errand = Errand {
            connection,
            slot,
            attempt,
            entry,
            node,
            draw,
            reply: None,
        };
        if entry == node {
            self.execute_errand(now, errand, listener);
        } else {
            self.hand_over(now, errand);
        }
    }

    /// The node that executes a command on a key that reached one of a member's nodes.
    pub(super) fn executor(&self, member: MemberId, entry: NodeId, key: KeyId) -> NodeId {
        match self.blueprint.settings().database.entrance {
            Entrance::Direct => entry,
            Entrance::Proxy => {
                let shard = shard_of(key, self.shards());
                self.members[member.index()].primaries[usize::from(shard)]
            }
        }
    }

    /// A request is where it is to be executed.
    #[inline]
    pub(super) fn execute_errand<L: Listener>(
        &mut self,
        now: SimTime,
        mut errand: Errand,
        listener: &mut L,
    ) {
        let Errand {
            slot,
            attempt,
            node,
            ..
        } = errand;
        let operation = self.operations.get(slot);
        let value = self.blueprint.value_bytes(operation.keyspace());
        let command = operation.command(value);
        let (operation, key) = (operation.id, operation.key());
        let is_write = command.kind().is_write();
        let shard = usize::from(shard_of(key, self.shards()));
        if is_write && !self.nodes[node.index()].shards[shard].is_primary() {
            // READONLY: nothing happens.
            errand.reply = Some((true, REPLY_BYTES));
            self.answer_at(now, errand);
            return;
        }
        let executed = self.execute(now, node, key, &command);
        if is_write {
            let effect = executed.effects.first();
            listener.observe(
                now,
                &Fact::WriteExecuted {
                    operation,
                    attempt,
                    node,
                    effect,
                },
            );
        } else {
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
        for effect in executed.effects {
            self.publish_effect(now, node, effect);
        }
        let bytes = REPLY_BYTES + if is_write { 0 } else { value };
        errand.reply = Some((executed.reply.is_error(), bytes));
        if errand.entry == node {
            self.send_reply(now, errand);
        } else {
            self.answer_at(now, errand);
        }
    }

    /// Executes a command at a node.
    pub(super) fn execute(
        &mut self,
        now: SimTime,
        node: NodeId,
        key: KeyId,
        command: &Command,
    ) -> Executed {
        let shards = self.shards();
        let node = &mut self.nodes[node.index()];
        debug_assert!(node.is_running, "a stopped node executes nothing");
        let shard = &mut node.shards[usize::from(shard_of(key, shards))];
        shard
            .replica
            .execute(command, Timestamp(now.as_nanos()), shard.origin)
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
