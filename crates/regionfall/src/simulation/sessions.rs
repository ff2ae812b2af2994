//! The book of sessions: which there are, and which connection is whose.

use regionfall_kernel::{SimTime, TimerId};

use super::letter::Letter;
use super::world::World;
use crate::network::ConnectionId;
use crate::topology::RelayId;

/// Names a session; numbers are not used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SessionId(pub u32);

/// One connection of a client, as a relay handles it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) relay: RelayId,
    pub(super) front: ConnectionId,
    /// Whether the client waits for a round trip of setup, which the target has to answer.
    pub(super) setup_waits: bool,
    pub(super) back: Option<ConnectionId>,
    pub(super) stage: Stage,
    /// Tries to connect that failed.
    pub(super) tries: u32,
    pub(super) target: usize,
    /// What came before the way on was open.
    pub(super) waiting: Vec<Letter>,
    /// What was sent on and is not answered, where the relay understands requests.
    pub(super) in_hand: Vec<Letter>,
    /// Of connecting, pausing or waiting for a reply.
    pub(super) timer: TimerId,
    pub(super) last_activity: SimTime,
    /// Whether the client's next packet is answered with a reset.
    pub(super) is_doomed: bool,
}

/// How far a session's own connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Connecting,
    Pausing,
    Open,
    /// There is none; where requests are understood, the next opens it.
    Idle,
}

impl World {
    pub(super) fn next_session(&mut self) -> SessionId {
        let Some(relaying) = &mut self.relaying else {
            unreachable!("sessions are of relays that there are");
        };
        relaying.opened += 1;
        SessionId(relaying.opened)
    }

    pub(super) fn insert_session(&mut self, id: SessionId, session: Session) {
        let Some(relaying) = &mut self.relaying else {
            return;
        };
        let index = session.front.index();
        if relaying.fronts.len() <= index {
            relaying.fronts.resize(index + 1, None);
        }
        relaying.fronts[index] = Some((session.front, id));
        let held = &mut relaying.relays[session.relay.index()].held;
        if held.0 == 0 {
            held.1 = self.queue.now();
        }
        held.0 += 1;
        relaying.sessions.insert(id, session);
    }

    pub(super) fn forget_session(&mut self, id: SessionId) -> Option<Session> {
        let relaying = self.relaying.as_mut()?;
        let session = relaying.sessions.remove(&id)?;
        let held = &mut relaying.relays[session.relay.index()].held;
        held.0 -= 1;
        if held.0 == 0 {
            held.2 += self.queue.now().saturating_since(held.1);
        }
        let place = &mut relaying.fronts[session.front.index()];
        if place.is_some_and(|(front, _)| front == session.front) {
            *place = None;
        }
        Some(session)
    }

    /// The session of which a connection is the clients' side.
    pub(super) fn session_before(&self, front: ConnectionId) -> Option<SessionId> {
        let fronts = &self.relaying.as_ref()?.fronts;
        match fronts.get(front.index()) {
            Some(&Some((known, id))) if known == front => Some(id),
            _ => None,
        }
    }

    pub(super) fn has_session(&self, id: SessionId) -> bool {
        let relaying = self.relaying.as_ref();
        relaying.is_some_and(|relaying| relaying.sessions.contains_key(&id))
    }

    pub(super) fn session(&self, id: SessionId) -> &Session {
        match &self.relaying {
            Some(relaying) => &relaying.sessions[&id],
            None => unreachable!("whoever names a session has it"),
        }
    }

    pub(super) fn session_mut(&mut self, id: SessionId) -> &mut Session {
        let session = self.relaying.as_mut();
        match session.and_then(|relaying| relaying.sessions.get_mut(&id)) {
            Some(session) => session,
            None => unreachable!("whoever names a session has it"),
        }
    }
}
