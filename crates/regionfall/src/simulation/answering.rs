//! Requests inside a member: a proxy hands them on to the primary of their shard, and replies that must wait do so.
//!
//! The hop between a proxy and a process takes the path between their hosts. It is not a connection of the network's
//! own: proxies keep theirs open, and what they do when one breaks is an answer to the client, or silence.

use regionfall_kernel::SimTime;

use super::event::{ErrandId, Event, Message};
use super::slab::Slab;
use super::slots::Redirect;
use super::stream::StreamId;
use super::world::World;
use crate::client::Slot;
use crate::history::Listener;
use crate::network::{ConnectionId, Draw, End, HostState, TrafficClass};
use crate::topology::NodeId;

/// Bytes of a request or a reply on the inner path, beside its value.
const HEADER_BYTES: u32 = 72;

/// A request inside a member, or its reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    /// The client's connection.
    pub(super) connection: ConnectionId,
    /// Who waits for the answer.
    pub(super) asker: Asker,
    /// Which attempt of it.
    pub(super) attempt: u8,
    /// Where the client's connection ends.
    pub(super) entry: NodeId,
    /// Where the request is executed.
    pub(super) node: NodeId,
    /// Addresses the draws of its messages.
    pub(super) draw: Draw,
    /// Once it is executed: whether the reply is an error, and how long it is.
    pub(super) reply: Option<(bool, u32)>,
    /// Whether it sends the client elsewhere, or says that the cluster is down.
    pub(super) redirect: Option<Redirect>,
}

/// Who waits for the answer to an errand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// An operation of a modelled client.
    Operation(Slot),
    /// Code at the other end of a byte stream.
    Stream(StreamId),
}

/// Errands under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Errands {
    /// The node whose processes go on after a hang, while they find what arrived meanwhile.
    pub(super) thawing: Option<NodeId>,
    under_way: Slab<Errand>,
    /// Those that reached a process that hangs.
    parked: Vec<ErrandId>,
}

impl World {
    /// A proxy hands a request on to the process that shall execute it.
    pub(super) fn hand_over(&mut self, now: SimTime, errand: Errand) {
        let bytes = match errand.asker {
            Asker::Operation(slot) => {
                let keyspace = self.operations.get(slot).keyspace();
                self.blueprint.value_bytes(keyspace)
            }
            Asker::Stream(id) => self.stream_request_bytes(id),
        };
        let draw = errand.draw.leg(LEG_THERE);
        match self.hop(now, (errand.entry, errand.node), bytes, draw) {
            Some(at) => {
                let id = ErrandId(self.errands.under_way.insert(errand));
                self.queue.schedule(at, Event::Forward(id));
            }
            None => self.errand_gone(errand),
        }
    }

    /// A request that was handed on reaches the host of its shard's process.
    pub(super) fn forwarded<L: Listener>(&mut self, now: SimTime, id: ErrandId, listener: &mut L) {
        let Some(mut errand) = self.errands.under_way.take(id.0) else {
            return;
        };
        match self.network.host(self.node_host(errand.node)).state {
            HostState::Running => self.errand_arrives(now, errand, listener),
            HostState::Hung(_) => {
                let id = ErrandId(self.errands.under_way.insert(errand));
                self.errands.parked.push(id);
            }
            // The proxy meets a reset and says so.
            HostState::ProcessDead(_) | HostState::Refusing(_) => {
                errand.reply = Some((true, HEADER_BYTES));
                self.answer_at(now, errand);
            }
            HostState::Silent(_) => self.errand_gone(errand),
        }
    }

    /// A process that hung goes on with what was handed to it in the meantime.
    pub(super) fn unpark<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        let parked = std::mem::take(&mut self.errands.parked);
        for id in parked {
            let is_here = self
                .errands
                .under_way
                .get(id.0)
                .is_some_and(|errand| errand.node == node);
            if is_here {
                self.forwarded(now, id, listener);
            } else {
                self.errands.parked.push(id);
            }
        }
    }

    /// The reply to an executed request leaves its process at `at`.
    pub(super) fn answer_at(&mut self, at: SimTime, errand: Errand) {
        let bytes = errand.reply.map_or(0, |(_, bytes)| bytes);
        let leaves = if errand.entry == errand.node {
            Some(at)
        } else {
            let hop = (errand.node, errand.entry);
            self.hop(at, hop, bytes, errand.draw.leg(LEG_BACK))
        };
        match leaves {
            Some(at) if at > self.now() => {
                let id = ErrandId(self.errands.under_way.insert(errand));
                self.queue.schedule(at, Event::Answer(id));
            }
            Some(at) => self.send_reply(at, errand),
            None => self.errand_gone(errand),
        }
    }

    /// A reply that had to wait leaves for the client, if the node that its connection ends at still runs.
    pub(super) fn answer(&mut self, now: SimTime, id: ErrandId) {
        if let Some(errand) = self.errands.under_way.take(id.0) {
            self.send_reply(now, errand);
        }
    }

    #[inline]
    pub(super) fn send_reply(&mut self, now: SimTime, errand: Errand) {
        let attempt = errand.attempt;
        let Some((is_error, bytes)) = errand.reply else {
            return;
        };
        if !self.nodes[errand.entry.index()].is_running && !self.is_loading(errand.entry) {
            self.errand_gone(errand);
            return;
        }
        let slot = match errand.asker {
            Asker::Operation(slot) => slot,
            Asker::Stream(id) => {
                self.stream_answered(id);
                return;
            }
        };
        let message = match errand.redirect {
            None => Message::Reply {
                slot,
                attempt,
                is_error,
            },
            Some(to) => Message::Redirect { slot, attempt, to },
        };
        self.network.send(
            now,
            &mut self.queue,
            (errand.connection, End::Server),
            (message.into(), bytes),
            errand.draw,
        );
        if !self.network.abandoned.is_empty() {
            self.account_for_abandoned();
        }
    }

    /// Nobody will answer a request.
    pub(super) fn errand_gone(&mut self, errand: Errand) {
        if let Asker::Operation(slot) = errand.asker {
            self.operations.message_gone(slot);
        }
    }

    /// When something that leaves a node reaches another; `None` if it never does.
    fn hop(
        &mut self,
        now: SimTime,
        (from, to): (NodeId, NodeId),
        bytes: u32,
        draw: Draw,
    ) -> Option<SimTime> {
        let hosts = (self.node_host(from), self.node_host(to));
        self.network
            .hop(now, hosts, TrafficClass::Client, bytes + HEADER_BYTES, draw)
    }
}

/// The legs of an attempt inside a member.
const LEG_THERE: u8 = 0x30;
const LEG_BACK: u8 = 0x31;
