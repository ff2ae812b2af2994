//! A run whose app servers are driven from outside: real client code over byte streams, in whatever way its driver
//! keeps time.
//!
//! The driver steps the world to its own present ([`SteppedRun::advance`] stops wherever something happened to a
//! stream), writes and takes bytes, executes at the members what the bytes ask for, and tells the books what the
//! applications asked and how it ended. [`SteppedRun::finish`] closes the books as any run does.

use regionfall_crdt::{Clock, Command, Connection, ErrorKind, KeyId, Reply};
use regionfall_kernel::{SimDuration, SimTime, TraceHash};

use super::external::Question;
use super::outcome::Outcome;
use super::requesting::{Asked, StreamRequest};
use super::run::{BUDGET_STEP, Course};
use super::stream::{Heard, StreamEvent, StreamId, Taken};
use super::world::World;
use crate::history::{AttemptEnding, Ending};
use crate::network::{Draw, End};
use crate::topology::{FleetId, MemberId, NodeId, OperationId, ServerId};
use crate::workload::Request;

/// A run whose app servers are driven from outside.
pub struct SteppedRun {
    course: Course<'static>,
    /// Over every byte that went into a stream.
    bytes: TraceHash,
    /// When the members' memory is looked at next.
    looks_at: SimTime,
}

impl SteppedRun {
    pub(super) fn new(course: Course<'static>) -> Self {
        Self {
            course,
            bytes: TraceHash::new(),
            looks_at: SimTime::ZERO + BUDGET_STEP,
        }
    }

    /// The requests of a fleet's app servers come from outside.
    pub fn take_over(&mut self, fleet: FleetId) {
        self.course.world.take_over(fleet);
    }

    /// The world, to look at.
    pub fn world(&self) -> &World {
        &self.course.world
    }

    /// The moment up to which everything has happened.
    pub fn now(&self) -> SimTime {
        self.course.world.now()
    }

    /// When the next thing will happen; [`SimTime::NEVER`] if nothing will.
    pub fn next_time(&mut self) -> SimTime {
        self.course.world.next_time()
    }

    /// When the workload stops, and when the run ends at the latest.
    pub fn bounds(&self) -> (SimTime, SimTime) {
        (self.course.shape.calm_ends, self.course.rests_by())
    }

    /// When the warm-up is over: what is asked before is not measured.
    pub fn storm_begins(&self) -> SimTime {
        self.course.shape.storm_begins
    }

    /// Whether the events taken so far are within the scenario's budget.
    pub fn is_within_budget(&self) -> bool {
        self.course.is_within_budget()
    }

    /// How many events the run has taken.
    pub fn events(&self) -> u64 {
        self.course.events
    }

    /// Lets everything happen up to and including `until`, or until something happens to a stream: then it says what,
    /// and the present is that moment. What was not said is said before anything else happens.
    pub fn advance(&mut self, until: SimTime) -> Option<StreamEvent> {
        if self.now() >= self.looks_at {
            self.course.look_at_memory();
            self.looks_at = self.now() + BUDGET_STEP;
        }
        let Course {
            world,
            listeners,
            events,
            ..
        } = &mut self.course;
        if !world.started {
            world.start(listeners);
        }
        while world.streams.events.is_empty() {
            let Some((now, event)) = world.queue.pop_until(until) else {
                world.queue.advance_to(until);
                return None;
            };
            *events += 1;
            crate::history::Listener::event(listeners, now, event.code());
            world.handle(now, event, listeners);
            world.tell_first_effects(now, listeners);
        }
        world.streams.events.pop_front()
    }

    /// Opens a stream from an app server to a member. [`StreamEvent::Opened`] or [`StreamEvent::Broken`] will follow,
    /// if anything does.
    pub fn open(&mut self, server: ServerId, member: MemberId) -> StreamId {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.open_stream(server, member, listeners)
    }

    /// How many bytes an end may write now.
    pub fn room(&self, stream: StreamId, from: End) -> usize {
        self.course.world.stream_room(stream, from)
    }

    /// Writes at an end as much as there is room for; returns how much that is. `draw` addresses the draw of the first
    /// segment, so that it meets the weather of a modelled client's message of the same address.
    pub fn write(
        &mut self,
        stream: StreamId,
        from: End,
        bytes: &[u8],
        draw: Option<Draw>,
    ) -> usize {
        let taken = self.course.world.write_stream(stream, from, bytes, draw);
        let side = u64::from(from == End::Server);
        self.bytes
            .absorb2(self.now().as_nanos(), u64::from(stream.0) << 1 | side);
        self.bytes.absorb(taken as u64);
        for word in bytes[..taken].chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.bytes.absorb(u64::from_le_bytes(padded));
        }
        taken
    }

    /// An end writes no more. What it wrote arrives first.
    pub fn finish_writing(&mut self, stream: StreamId, from: End) {
        self.course.world.finish_stream(stream, from);
    }

    /// Takes up to `most` bytes that arrived at an end.
    pub fn take(&mut self, stream: StreamId, at: End, most: usize) -> Taken {
        self.course.world.take_from_stream(stream, at, most)
    }

    /// An end closes its socket.
    pub fn close(&mut self, stream: StreamId, by: End) {
        self.course.world.close_stream(stream, by);
    }

    /// Whether the process at the server's end still knows of a stream.
    pub fn is_served(&self, stream: StreamId) -> bool {
        self.course.world.is_served(stream)
    }

    /// The node where a stream ends, while it is connected.
    pub fn node(&self, stream: StreamId) -> Option<NodeId> {
        self.course.world.stream_node(stream)
    }

    /// The member that a stream was opened to.
    pub fn member(&self, stream: StreamId) -> MemberId {
        self.course.world.stream_member(stream)
    }

    /// From now on messages to subscribers are kept for [`SteppedRun::messages`].
    pub fn hear_messages(&mut self) {
        self.course.world.streams.hears_messages = true;
    }

    /// Takes the messages to subscribers that became visible: where, their channel and their content.
    pub fn messages(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.course.world.streams.messages)
    }

    /// Reads a command as a client sends it.
    ///
    /// # Errors
    /// What the server would answer.
    pub fn parse(&mut self, words: &[&[u8]]) -> Result<Command, ErrorKind> {
        self.course.world.parse_command(words)
    }

    /// What the books want to know of a command; `None` if it is nothing that an application asks a database for.
    pub fn question(&self, command: &Command) -> Option<Question> {
        self.course.world.question(command)
    }

    /// Hands a request to the member where a stream ends. One at a time: the answer to the one before it must have come.
    pub fn ask(&mut self, stream: StreamId, request: StreamRequest) -> Asked {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.ask_for_stream(stream, request, listeners)
    }

    /// Takes the answer that [`StreamEvent::Answered`] told of.
    pub fn answer(&mut self, stream: StreamId) -> Option<(Connection, Reply)> {
        self.course.world.take_answer(stream)
    }

    /// Whether the member where a stream ends still loads what its disk holds.
    pub fn is_loading(&self, stream: StreamId) -> bool {
        let world = &self.course.world;
        let node = world.stream_node(stream);
        node.is_some_and(|node| world.is_loading(node))
    }

    /// How many shards each member has.
    pub fn shards(&self) -> u16 {
        self.course.world.shards()
    }

    /// Whether two keys belong to the same slot.
    pub fn share_a_slot(&self, one: KeyId, other: KeyId) -> bool {
        self.course.world.share_a_slot(one, other)
    }

    /// By shard, what the primaries of a stream's member have.
    pub fn primary_clocks(&self, stream: StreamId) -> Vec<Clock> {
        self.course.world.primary_clocks(stream)
    }

    /// How many nodes of a stream's member have, beside the primaries, all that these had.
    pub fn replicas_with(&self, stream: StreamId, mark: &[Clock]) -> usize {
        self.course.world.replicas_with(stream, mark)
    }

    /// The `sequence`-th question that the scenario's workload has for an app server, the name of its key, and how long
    /// after the one before it comes: what a modelled server of an open-loop fleet would ask.
    pub fn workload_question(
        &mut self,
        server: ServerId,
        sequence: u32,
    ) -> Option<(SimDuration, Request, String)> {
        self.course.world.workload_question(server, sequence)
    }

    /// An app server asks for something.
    pub fn issue(&mut self, server: ServerId, question: Question) -> OperationId {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.issue(server, question, listeners)
    }

    /// An attempt of an operation leaves for a member.
    pub fn attempt(
        &mut self,
        server: ServerId,
        attempt: (OperationId, u8),
        target: (MemberId, bool),
    ) {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.attempt(server, attempt, target, listeners);
    }

    /// The client knows how an attempt ended.
    pub fn attempt_over(
        &mut self,
        attempt: (OperationId, u8),
        member: MemberId,
        ending: AttemptEnding,
    ) {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.attempt_over(attempt, member, ending, listeners);
    }

    /// The application has its answer, or gave up waiting for it.
    pub fn operation_over(
        &mut self,
        operation: OperationId,
        ending: Ending,
        member: Option<MemberId>,
    ) {
        let Course {
            world, listeners, ..
        } = &mut self.course;
        world.operation_over(operation, (ending, member), listeners);
    }

    /// What the fleet's name means to an app server now, and how long the answer takes; nothing while nobody can answer.
    pub fn resolve(&mut self, server: ServerId) -> Option<(MemberId, SimDuration)> {
        self.course.world.resolve(server)
    }

    /// Whether an app server's host runs.
    pub fn is_running(&self, server: ServerId) -> bool {
        self.course.world.is_server_running(server)
    }

    /// Whether requests are still made.
    pub fn is_workload_on(&self) -> bool {
        self.course.world.is_workload_on()
    }

    /// Lets what is under way come to rest, and closes the books. The outcome's hash covers every byte that went into a
    /// stream.
    pub fn finish(mut self) -> Outcome {
        self.course.rest();
        let mut outcome = self.course.conclude();
        outcome.trace.absorb(self.bytes.finish());
        outcome
    }
}
