//! Whose a connection is, who hears that it opened or broke, and what becomes of messages that will never arrive.

use regionfall_kernel::SimTime;

use super::event::Message;
use super::world::{Owner, World};
use crate::history::Listener;
use crate::network::{BreakCause, ConnectionId, End};

impl World {
    /// A connection is open at its client's end.
    pub(super) fn connection_opened<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        listener: &mut L,
    ) {
        match self.owner(connection) {
            Some(Owner::Pool(server)) => self.pool_opened(now, server, connection, listener),
            Some(Owner::Probe(probe)) => self.probe_opened(now, probe, listener),
            Some(Owner::Link(link)) => self.link_opened(now, link),
            Some(Owner::Endpoint(endpoint)) => self.endpoint_opened(now, endpoint),
            Some(Owner::Sentinel(id, wire)) => self.wire_opened(now, id, wire),
            Some(Owner::Stream(stream)) => self.stream_opened(now, stream, listener),
            Some(Owner::Session(id)) => self.session_opened(now, id, listener),
            Some(Owner::Subscription(id, member)) => self.subscription_opened(id, member),
            Some(Owner::Cluster(id, cable)) => self.cable_opened(now, id, cable),
            Some(Owner::Kept(..)) | None => {}
        }
    }

    /// One end of a connection learnt that it is over.
    pub(super) fn connection_broken<L: Listener>(
        &mut self,
        now: SimTime,
        (connection, end): (ConnectionId, End),
        cause: BreakCause,
        listener: &mut L,
    ) {
        if end == End::Server {
            if self.front_gone(now, connection) {
                return;
            }
            match self.owner(connection) {
                Some(Owner::Link(link)) => self.orphan_link(now, link, connection, listener),
                Some(Owner::Stream(stream)) => self.stream_broken(stream, end, cause),
                // A member forgets a client that went away.
                _ => {}
            }
            return;
        }
        match self.owner(connection) {
            Some(Owner::Pool(server)) => {
                self.pool_broken(now, server, connection, cause, listener);
            }
            Some(Owner::Probe(probe)) => self.probe_broken(now, probe, listener),
            Some(Owner::Kept(decider, member)) => {
                self.deciders[decider.index()].kept[member.index()] = None;
            }
            Some(Owner::Link(link)) => self.link_broken(now, link, connection, listener),
            Some(Owner::Endpoint(endpoint)) => self.endpoint_broken(endpoint),
            Some(Owner::Sentinel(id, wire)) => self.wire_broken(now, id, wire, listener),
            Some(Owner::Stream(stream)) => self.stream_broken(stream, end, cause),
            Some(Owner::Session(id)) => self.session_broken(now, id, cause, listener),
            Some(Owner::Subscription(id, member)) => {
                self.subscription_broken(now, (id, member), connection, listener);
            }
            Some(Owner::Cluster(id, cable)) => self.cable_broken(now, id, cable, listener),
            None => {}
        }
    }

    /// Accounts for messages that will never arrive.
    pub(super) fn account_for_abandoned(&mut self) {
        while let Some(letter) = self.network.abandoned.pop() {
            match Message::from(letter) {
                Message::Request { slot, .. }
                | Message::Reply { slot, .. }
                | Message::Redirect { slot, .. } => {
                    self.operations.message_gone(slot);
                }
                Message::Dispatch(id) => drop(self.dispatches.take(id.0)),
                Message::Bus(id) => drop(self.parcels.take(id.0)),
                Message::Bytes(chunk) => drop(self.streams.take_chunk(chunk)),
                // A link forgets its state itself when its connection ends: this may be an earlier one's.
                Message::FullState(_)
                | Message::Probe(_)
                | Message::ProbeReply { .. }
                | Message::Greeting(_)
                | Message::Heartbeat
                | Message::StatePart
                | Message::Effects { .. }
                | Message::Progress { .. }
                | Message::AskProgress(_)
                | Message::Beat(_)
                | Message::Call(_)
                | Message::CallReply(_) => {}
            }
        }
    }

    pub(super) fn own(&mut self, connection: ConnectionId, owner: Owner) {
        let index = connection.index();
        if self.owners.len() <= index {
            self.owners.resize(index + 1, None);
        }
        self.owners[index] = Some((connection, owner));
    }

    #[inline]
    pub(super) fn owner(&self, connection: ConnectionId) -> Option<Owner> {
        match self.owners.get(connection.index()) {
            Some(&Some((id, owner))) if id == connection => Some(owner),
            _ => None,
        }
    }
}
