//! Members execute what reaches them. Every command goes through the one dispatcher of the data types.

use regionfall_crdt::{Command, CommandKind, Effects, Executed, KeyId, Reply, Timestamp, Value};
use regionfall_kernel::SimTime;

use super::event::Message;
use super::world::World;
use crate::client::Slot;
use crate::database::shard_of;
use crate::history::{Fact, Listener, Promise};
use crate::network::{ConnectionId, Draw, End};
use crate::topology::{HostId, KeyspaceId, MemberId, OperationId};
use crate::workload::commands::is_plain;

/// Bytes of a reply beside a value.
const REPLY_BYTES: u32 = 72;

impl World {
    /// A request reached a member's process: it is executed at once, and answered.
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
        // The client may have closed the connection while the process hung with the request before it.
        debug_assert!(self.member_at(connection).is_none_or(|own| own == member));
        let value = self.blueprint.value_bytes(operation.keyspace());
        let asked = (operation.who, operation.sequence);
        let command = self.blueprint.workload().command(
            self.request_draws,
            &operation.request,
            asked,
            operation.id.0,
        );
        let (number, key, keyspace) = (operation.id, operation.key(), operation.keyspace());
        let kind = operation.request.command;
        let is_write = kind.is_write();
        let draw = Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt,
            leg: 1,
        };
        let may_refrain = matches!(kind, CommandKind::Decr | CommandKind::DecrBy);
        let executed = if may_refrain && self.refrains(member, keyspace, key) {
            Executed {
                reply: Reply::Nil,
                effects: Effects::none(),
            }
        } else {
            self.execute(now, member, key, &command)
        };
        if is_write {
            let effect = executed.effects.first();
            listener.observe(
                now,
                &Fact::WriteExecuted {
                    operation: number,
                    attempt,
                    member,
                    effect,
                },
            );
            if executed.effects.len() > 1 {
                tell_further(now, (number, attempt, member), &executed.effects, listener);
            }
        } else {
            if !executed.effects.is_empty() {
                tell_expired(now, (member, keyspace), &executed.effects, listener);
            }
            listener.observe(
                now,
                &Fact::ReadExecuted {
                    operation: number,
                    attempt,
                    member,
                    key,
                },
            );
        }
        for effect in executed.effects {
            self.publish_effect(now, member, effect);
        }
        let (bytes, is_error) = if is_plain(kind) {
            let value = if is_write { 0 } else { value };
            (value, executed.reply.is_error())
        } else {
            // What a command answers about the data (no such key, a place outside of a list) is an answer.
            (executed.reply.bytes() as u32, false)
        };
        let bytes = REPLY_BYTES + bytes;
        let message = Message::Reply {
            slot,
            attempt,
            is_error,
        };
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Server),
            (message.into(), bytes),
            draw,
        );
        if !self.network.abandoned.is_empty() {
            self.account_for_abandoned();
        }
    }

    /// Whether a client does not decrement, by what it reads just before at the same member: a counter with a floor must
    /// keep at least that.
    #[cold]
    fn refrains(&self, member: MemberId, keyspace: KeyspaceId, key: KeyId) -> bool {
        let config = &self.blueprint.settings().workload.keyspaces[keyspace.index()];
        let Promise::Floor { initial, floor } = config.promise else {
            return false;
        };
        let shards = &self.members[member.index()].shards;
        let shard = &shards[usize::from(shard_of(key, self.shards()))];
        let counted = match shard.replica.value(key) {
            Value::Integer(counted) => counted,
            _ => 0,
        };
        initial + counted <= floor
    }

    /// Executes a command at a member.
    pub(super) fn execute(
        &mut self,
        now: SimTime,
        member: MemberId,
        key: KeyId,
        command: &Command,
    ) -> Executed {
        let shards = self.shards();
        let member = &mut self.members[member.index()];
        debug_assert!(member.is_running, "a stopped member executes nothing");
        let shard = &mut member.shards[usize::from(shard_of(key, shards))];
        shard
            .replica
            .execute(command, Timestamp(now.as_nanos()), shard.origin)
    }

    /// The member at the server end of a connection.
    #[inline]
    pub(super) fn member_at(&self, connection: ConnectionId) -> Option<MemberId> {
        self.member_on(self.network.host_at(connection, End::Server)?)
    }

    /// The member that runs on a host. Members' hosts are the first that were placed.
    #[inline]
    pub(super) fn member_on(&self, host: HostId) -> Option<MemberId> {
        (host.index() < self.members.len()).then(|| MemberId::from_index(host.index()))
    }
}

/// Tells of the effects of a write after its first.
#[cold]
fn tell_further<L: Listener>(
    now: SimTime,
    (operation, attempt, member): (OperationId, u8, MemberId),
    effects: &Effects,
    listener: &mut L,
) {
    for effect in effects.iter().skip(1) {
        listener.observe(
            now,
            &Fact::WriteContinued {
                operation,
                attempt,
                member,
                effect,
            },
        );
    }
}

/// A read found out that something has expired, and removed it.
#[cold]
fn tell_expired<L: Listener>(
    now: SimTime,
    (member, keyspace): (MemberId, KeyspaceId),
    effects: &Effects,
    listener: &mut L,
) {
    for effect in effects {
        listener.observe(
            now,
            &Fact::Expired {
                member,
                keyspace,
                effect,
            },
        );
    }
}
