//! Endpoints: how code outside the world talks to its members.
//!
//! A test, a lane with real client code, or a server opens an endpoint in a region, injects commands into
//! it, steps the world, and drains the answers. The commands travel over the same network and are executed
//! by the same dispatcher as those of app servers; they are nobody's operations and enter no ledger.

use regionfall_crdt::{Command, Effects, Executed, KeyId, Reply};
use regionfall_kernel::SimTime;

use super::event::{CallId, Event, Message};
use super::memory::Admission;
use super::world::{Owner, World};
use crate::database::{CommandClass, shard_of};
use crate::history::{Fact, Listener};
use crate::network::{ConnectionId, ConnectionOptions, Draw, End, Opening, TrafficClass};
use crate::topology::{HostId, MemberId, RegionId};

/// Bytes beside a command and a reply: TCP/IP headers.
const HEADER_BYTES: u32 = 66;

/// Names an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EndpointId(u32);

/// An endpoint: a client host with one connection to one member.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    host: HostId,
    member: MemberId,
    connection: Option<ConnectionId>,
    is_open: bool,
    waiting: Vec<CallId>,
    answers: Vec<(SimTime, Answer)>,
    opened: u32,
}

/// What comes out of an endpoint.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A reply to the command injected as this one of the endpoint's commands, counted from 0.
    Reply(u32, Reply),
    /// The connection was refused or broke; commands without a reply have none coming.
    Disconnected,
}

/// A command under way.
#[derive(Clone, Debug)]
pub(super) struct Call {
    endpoint: EndpointId,
    /// Its number among the endpoint's commands.
    number: u32,
    command: Command,
    reply: Option<Reply>,
}

impl World {
    /// Opens an endpoint: a client host in `region` that talks to `member`. Its connection is opened with
    /// the first command, and again after it broke.
    pub fn endpoint(&mut self, region: RegionId, member: MemberId) -> EndpointId {
        let host = self.network.add_host(region, 0);
        self.host_faults.push(Vec::new());
        self.endpoints.push(Endpoint {
            host,
            member,
            connection: None,
            is_open: false,
            waiting: Vec::new(),
            answers: Vec::new(),
            opened: 0,
        });
        EndpointId((self.endpoints.len() - 1) as u32)
    }

    /// Sends a command from an endpoint at `at`, or now if that is past. Returns its number among the
    /// endpoint's commands.
    pub fn inject(&mut self, endpoint: EndpointId, at: SimTime, command: Command) -> u32 {
        let number = self
            .calls
            .iter()
            .filter(|call| call.endpoint == endpoint)
            .count() as u32;
        let call = CallId(self.calls.len() as u32);
        self.calls.push(Call {
            endpoint,
            number,
            command,
            reply: None,
        });
        self.queue
            .schedule(at.max(self.now()), Event::Injected(call));
        number
    }

    /// Takes what came back to an endpoint so far, in order of time.
    pub fn drain(&mut self, endpoint: EndpointId) -> Vec<(SimTime, Answer)> {
        std::mem::take(&mut self.endpoints[endpoint.0 as usize].answers)
    }

    pub(super) fn send_call(&mut self, now: SimTime, call: CallId) {
        let id = self.calls[call.0 as usize].endpoint;
        let endpoint = &mut self.endpoints[id.0 as usize];
        if endpoint.is_open {
            self.transmit_call(now, call);
            return;
        }
        endpoint.waiting.push(call);
        if endpoint.connection.is_some() {
            return;
        }
        let sequence = endpoint.opened;
        endpoint.opened += 1;
        let (client, member) = (endpoint.host, endpoint.member);
        let opening = Opening {
            client,
            server: self.entrance_host(member),
            class: TrafficClass::Client,
            options: ConnectionOptions::default(),
            draw: Draw {
                who: 0x4000_0000 | id.0,
                sequence,
                attempt: 0,
                leg: 0,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.endpoints[id.0 as usize].connection = Some(connection);
        self.own(connection, Owner::Endpoint(id.0));
    }

    fn transmit_call(&mut self, now: SimTime, call: CallId) {
        let state = &self.calls[call.0 as usize];
        let endpoint = &self.endpoints[state.endpoint.0 as usize];
        let Some(connection) = endpoint.connection else {
            return;
        };
        let bytes = HEADER_BYTES + state.command.bytes() as u32;
        let draw = Draw {
            who: 0x4000_0000 | state.endpoint.0,
            sequence: state.number,
            attempt: 1,
            leg: 0,
        };
        let message = (Message::Call(call).into(), bytes);
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Client),
            message,
            draw,
        );
    }

    pub(super) fn endpoint_opened(&mut self, now: SimTime, endpoint: u32) {
        self.endpoints[endpoint as usize].is_open = true;
        for call in std::mem::take(&mut self.endpoints[endpoint as usize].waiting) {
            self.transmit_call(now, call);
        }
    }

    pub(super) fn endpoint_broken(&mut self, endpoint: u32) {
        let now = self.now();
        let state = &mut self.endpoints[endpoint as usize];
        state.is_open = false;
        state.connection = None;
        state.waiting.clear();
        state.answers.push((now, Answer::Disconnected));
    }

    /// A member executes an external command.
    pub(super) fn serve_call<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        call: CallId,
        listener: &mut L,
    ) {
        let Some(node) = self.node_at(connection) else {
            return;
        };
        let state = &self.calls[call.0 as usize];
        let draw = Draw {
            who: 0x4000_0000 | state.endpoint.0,
            sequence: state.number,
            attempt: 1,
            leg: 1,
        };
        let command = state.command.clone();
        let key = command.key().unwrap_or(KeyId(0));
        if self.is_loading(node) {
            let refusal = "LOADING Redis is loading the dataset in memory";
            let reply = Reply::Error(regionfall_crdt::ErrorKind::Other(refusal));
            self.answer_call(now, connection, (call, draw), reply);
            return;
        }
        let process = (node, shard_of(key, self.shards()));
        let executed = match self.admit_command(now, process, &command, listener) {
            Admission::Served => self.execute(now, process, &command),
            Admission::Ignored => return,
            Admission::Refused => Executed {
                reply: Reply::Error(Self::out_of_memory()),
                effects: Effects::none(),
            },
        };
        for effect in executed.effects {
            let (origin, sequence) = (effect.dot.origin, effect.dot.sequence);
            let (first, last) = (sequence, sequence);
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    node,
                    origin,
                    first,
                    last,
                },
            );
            self.publish_effect(now, process, effect);
        }
        self.answer_call(now, connection, (call, draw), executed.reply);
    }

    fn answer_call(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        (call, draw): (CallId, Draw),
        reply: Reply,
    ) {
        let bytes = HEADER_BYTES + reply.bytes() as u32;
        self.calls[call.0 as usize].reply = Some(reply);
        let message = (Message::CallReply(call).into(), bytes);
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Server),
            message,
            draw,
        );
    }

    /// What a command of an external endpoint costs, and the key that it is about.
    pub(super) fn class_of_call(&self, call: CallId) -> (CommandClass, Option<KeyId>) {
        let command = &self.calls[call.0 as usize].command;
        (CommandClass::of(command.kind()), command.key())
    }

    pub(super) fn call_answered(&mut self, now: SimTime, call: CallId) {
        let state = &mut self.calls[call.0 as usize];
        let (endpoint, number) = (state.endpoint, state.number);
        if let Some(reply) = state.reply.take() {
            let answers = &mut self.endpoints[endpoint.0 as usize].answers;
            answers.push((now, Answer::Reply(number, reply)));
        }
    }
}
