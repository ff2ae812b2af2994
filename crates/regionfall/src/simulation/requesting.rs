//! Requests that came as bytes: one at a time for each stream, on the way that requests of modelled clients take.
//!
//! A request that reached its member is handed to the process of its shard, waits there for its turn, meets a process that
//! loads, refuses writes or is short of memory, and its reply waits for the disk, all as in [`super::serving`] and
//! [`super::answering`]. Its words, its transaction and its reply are kept here meanwhile.
//!
//! Simplification: the next request of a stream begins when the one before it is answered, also where a client sends several at
//! once.

use regionfall_crdt::{
    Command, CommandKind, Connection, Effects, ErrorKind, Executed, KeyId, Reply,
};
use regionfall_kernel::SimTime;

use super::answering::{Asker, Errand};
use super::external::NOBODY;
use super::memory::Admission;
use super::serving::{tell_read, tell_write};
use super::stream::{StreamEvent, StreamId};
use super::world::World;
use crate::database::shard_of;
use crate::history::Listener;
use crate::network::Draw;
use crate::simulation::Question;
use crate::topology::{NodeId, OperationId};

/// A request of a stream, handed over to the member.
#[derive(Clone, Debug)]
pub struct StreamRequest {
    /// What MULTI and WATCH remember; it comes back with the answer.
    pub connection: Connection,
    /// The command.
    pub command: Command,
    /// The key that decides which shard executes it.
    pub key: Option<KeyId>,
    /// The operation that it is an attempt of, which attempt, and what that asks; `None` if it enters no books.
    pub for_operation: Option<(OperationId, u8, Question)>,
    /// Addresses the draws of a modelled client's request that asks the same.
    pub draw: Option<Draw>,
}

/// A request that its member has in hand.
#[derive(Clone, Debug)]
pub(super) struct InHand {
    request: StreamRequest,
    reply: Option<Reply>,
    is_answered: bool,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Asked {
    /// It is answered.
    Answered(Connection, Reply),
    /// [`StreamEvent::Answered`] will follow, if anything does.
    Later,
}

impl World {
    /// A member begins with a request that came over a stream.
    pub(super) fn ask_for_stream<L: Listener>(
        &mut self,
        id: StreamId,
        request: StreamRequest,
        listener: &mut L,
    ) -> Asked {
        let now = self.now();
        let (Some(entry), Some(connection)) = (self.stream_node(id), self.stream_connection(id))
        else {
            return Asked::Later;
        };
        let member = self.nodes[entry.index()].member;
        let node = self.executor(member, entry, request.key.unwrap_or(KeyId(0)));
        let draw = request
            .draw
            .unwrap_or_else(|| self.streams.next_request(id));
        let errand = Errand {
            connection,
            asker: Asker::Stream(id),
            attempt: draw.attempt,
            entry,
            node,
            draw: draw.leg(1),
            reply: None,
            redirect: None,
        };
        self.streams.put_in_hand(
            id,
            InHand {
                request,
                reply: None,
                is_answered: false,
            },
        );
        if entry == node {
            self.errand_arrives(now, errand, listener);
        } else {
            self.hand_over(now, errand);
        }
        match self.take_answer(id) {
            Some((connection, reply)) => {
                self.streams.withdraw(StreamEvent::Answered(id));
                Asked::Answered(connection, reply)
            }
            None => Asked::Later,
        }
    }

    /// The answer to the request that a stream's member had in hand.
    pub(super) fn take_answer(&mut self, id: StreamId) -> Option<(Connection, Reply)> {
        let in_hand = self.streams.in_hand(id)?;
        if !in_hand.is_answered {
            return None;
        }
        let in_hand = self.streams.take_in_hand(id)?;
        // Whoever was to execute it may not have: a process that died, or one beyond its limit.
        let refusal = ErrorKind::Other("ERR the shard cannot serve the request");
        let reply = in_hand.reply.unwrap_or(Reply::Error(refusal));
        Some((in_hand.request.connection, reply))
    }

    /// The bytes of the request that a stream's member has in hand.
    pub(super) fn stream_request_bytes(&self, id: StreamId) -> u32 {
        self.streams
            .in_hand(id)
            .map_or(0, |in_hand| in_hand.request.command.bytes() as u32)
    }

    /// The commands that a stream's request executes: those of a transaction, if it ends one; none yet if it only adds to one.
    pub(super) fn stream_commands(&self, id: StreamId) -> Vec<(CommandKind, Option<KeyId>)> {
        let Some(InHand { request, .. }) = self.streams.in_hand(id) else {
            return Vec::new();
        };
        let ends = request.command.kind() == CommandKind::Exec;
        let single = std::slice::from_ref(&request.command);
        let commands = match request.connection.queued() {
            Some(queued) if ends => queued,
            Some(_) => &[],
            None => single,
        };
        let of = |command: &Command| (command.kind(), command.key());
        commands.iter().map(of).collect()
    }

    /// The key that decides which shard executes a stream's request.
    pub(super) fn stream_key(&self, id: StreamId) -> KeyId {
        let in_hand = self.streams.in_hand(id);
        in_hand
            .and_then(|in_hand| in_hand.request.key)
            .unwrap_or(KeyId(0))
    }

    /// A process executes a request of a stream.
    pub(super) fn execute_for_stream<L: Listener>(
        &mut self,
        now: SimTime,
        id: StreamId,
        mut errand: Errand,
        listener: &mut L,
    ) {
        let Some(mut in_hand) = self.streams.take_in_hand(id) else {
            return;
        };
        let node = errand.node;
        let key = in_hand.request.key.unwrap_or(KeyId(0));
        let shard = shard_of(key, self.shards());
        let admission = self.admit_request(now, (node, shard), &in_hand.request, listener);
        let (reply, wrote) = match admission {
            Ok(Admission::Ignored) => {
                self.streams.put_in_hand(id, in_hand);
                return;
            }
            Ok(Admission::Refused) => (Reply::Error(Self::out_of_memory()), None),
            Err(text) => (Reply::Error(ErrorKind::Other(text)), None),
            Ok(Admission::Served) => {
                let at = self.stamp(now, node);
                let process = &mut self.nodes[node.index()].shards[usize::from(shard)];
                let command = in_hand.request.command.clone();
                let connection = &mut in_hand.request.connection;
                let origin = process.origin;
                let executed = connection.execute_parsed(&mut process.replica, command, at, origin);
                let Executed { reply, effects } = executed;
                if reply != Reply::Status("QUEUED") {
                    tell(now, node, &in_hand.request, &effects, listener);
                }
                let wrote = !effects.is_empty();
                for effect in effects {
                    self.hear_message(node, &effect);
                    self.publish_effect(now, (node, shard), effect);
                }
                (reply, Some(wrote))
            }
        };
        if wrote.is_none() {
            // A transaction under way is spoilt by what was refused.
            in_hand.request.connection.refuse();
        }
        errand.reply = Some((reply.is_error(), reply.bytes() as u32));
        in_hand.reply = Some(reply);
        self.streams.put_in_hand(id, in_hand);
        if let Some(wrote) = wrote
            && self.hold_reply(now, errand, shard, wrote)
        {
            return;
        }
        self.answer_at(now, errand);
    }

    /// Whether a process may execute a request; if not, what it says, as Redis does (redis/redis, `server.c`).
    fn admit_request<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        request: &StreamRequest,
        listener: &mut L,
    ) -> Result<Admission, &'static str> {
        if self.is_loading(node) {
            return Err("LOADING Redis is loading the dataset in memory");
        }
        let command = &request.command;
        let writes = match (command.kind(), request.connection.queued()) {
            (CommandKind::Exec, Some(queued)) => queued.iter().any(|own| own.kind().is_write()),
            (kind, _) => kind.is_write() && kind != CommandKind::Exec,
        };
        let index = usize::from(shard);
        if writes && self.takes_no_writes(node, index) {
            return Err("READONLY You can't write against a read only replica.");
        }
        if writes && self.refuses_writes(node, index) {
            return Err("NOREPLICAS Not enough good replicas to write.");
        }
        if !self.has_quorum(node) {
            return Err("ERR the node does not hear a majority of its cluster");
        }
        if self.memory.is_none() {
            return Ok(Admission::Served);
        }
        Ok(self.admit_command(now, (node, shard), command, listener))
    }

    /// The reply to a stream's request is where the stream ends.
    pub(super) fn stream_answered(&mut self, id: StreamId) {
        if self.streams.note_answered(id) {
            self.streams.events.push_back(StreamEvent::Answered(id));
        }
    }
}

impl InHand {
    pub(super) fn note_answered(&mut self) {
        self.is_answered = true;
    }
}

/// Tells of what was executed. What is nobody's operation are writes that no row of the books waits for.
fn tell<L: Listener>(
    now: SimTime,
    node: NodeId,
    request: &StreamRequest,
    effects: &Effects,
    listener: &mut L,
) {
    match request.for_operation {
        Some((operation, attempt, question)) if question.command.is_write() => {
            tell_write(now, (operation, attempt, node), effects, listener);
        }
        Some((operation, attempt, question)) => {
            let about = (question.key, question.keyspace);
            tell_read(now, (operation, attempt, node), about, effects, listener);
        }
        None if effects.is_empty() => {}
        None => tell_write(now, (NOBODY, 0, node), effects, listener),
    }
}
