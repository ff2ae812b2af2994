//! Whose a connection is, and what becomes of messages that will never arrive.

use super::event::Message;
use super::world::{Owner, World};
use crate::network::ConnectionId;

impl World {
    /// Accounts for messages that will never arrive.
    pub(super) fn account_for_abandoned(&mut self) {
        while let Some(letter) = self.network.abandoned.pop() {
            match Message::from(letter) {
                Message::Request { slot, .. }
                | Message::Reply { slot, .. }
                | Message::Redirect { slot, .. } => {
                    self.operations.message_gone(slot);
                }
                Message::Dispatch(id) => drop(self.dispatches.take(id)),
                Message::Bus(id) => drop(self.parcels.take(id)),
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
