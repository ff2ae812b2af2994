//! Members execute what reaches them. Every command goes through the one dispatcher of the data types.

use regionfall_crdt::Executed;
use regionfall_kernel::SimTime;

use super::event::Message;
use super::memory::Admission;
use super::world::World;
use crate::client::Slot;
use crate::database::shard_of;
use crate::history::{Fact, Listener};
use crate::network::{ConnectionId, Draw, End};
use crate::topology::{HostId, MemberId};

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
        let command = operation.command(value);
        let (number, key) = (operation.id, operation.key());
        let is_write = operation.request.command.is_write();
        let draw = Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt,
            leg: 1,
        };
        if self.memory.is_some() {
            match self.admit_command(now, member, &command, listener) {
                Admission::Served => {}
                Admission::Refused => {
                    self.answer_with_error(now, connection, (slot, attempt));
                    return;
                }
                Admission::Ignored => {
                    self.operations.message_gone(slot);
                    return;
                }
            }
        }
        let executed = self.execute(now, member, key, &command);
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
        } else {
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
        let bytes = REPLY_BYTES + if is_write { 0 } else { value };
        let is_error = executed.reply.is_error();
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

    /// A request is answered with an error, and not executed.
    pub(super) fn answer_with_error(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        (slot, attempt): (Slot, u8),
    ) {
        let operation = self.operations.get(slot);
        let draw = Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt,
            leg: 1,
        };
        let message = Message::Reply {
            slot,
            attempt,
            is_error: true,
        };
        let letter = (message.into(), REPLY_BYTES);
        self.network
            .send(now, &mut self.queue, (connection, End::Server), letter, draw);
        self.account_for_abandoned();
    }

    /// Executes a command at a member.
    pub(super) fn execute(
        &mut self,
        now: SimTime,
        member: MemberId,
        key: regionfall_crdt::KeyId,
        command: &regionfall_crdt::Command,
    ) -> Executed {
        let shards = self.shards();
        let at = self.stamp(now, member);
        let member = &mut self.members[member.index()];
        debug_assert!(member.is_running, "a stopped member executes nothing");
        let shard = &mut member.shards[usize::from(shard_of(key, shards))];
        shard
            .replica
            .execute(command, at, shard.origin)
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
