//! What goes through relays: each message after its time in the relay, in order, to the other side of its session.

use regionfall_kernel::{SimDuration, SimTime, TimerId};

use super::event::{Event, Message};
use super::letter::Letter;
use super::relays::Serves;
use super::sessions::{SessionId, Stage};
use super::world::{Owner, World};
use crate::client::Slot;
use crate::failover::Connections;
use crate::history::Listener;
use crate::network::{ConnectionId, Draw, End, Port};
use crate::topology::RelayId;
use crate::workload::commands::carries_value;

/// The first leg of what relays hand on.
const LEG: u8 = 0x40;

impl World {
    /// Something reached a host. Whether it was for a relay.
    pub(super) fn relays<L: Listener>(
        &mut self,
        now: SimTime,
        (connection, to): (ConnectionId, End),
        letter: Letter,
        listener: &mut L,
    ) -> bool {
        let session = match to {
            End::Server => self.session_before(connection),
            End::Client => match self.owner(connection) {
                Some(Owner::Session(id)) => Some(id),
                _ => None,
            },
        };
        let Some(id) = session else { return false };
        let relay = self.session(id).relay;
        match self.carried_at(now, relay) {
            at if at > now => {
                let port = Port::new(connection, to);
                self.queue.schedule(at, Event::Relayed(port, letter));
            }
            _ => self.carry(now, (id, to), letter, listener),
        }
        true
    }

    /// A relay has done with a message what takes time.
    pub(super) fn relayed<L: Listener>(
        &mut self,
        now: SimTime,
        port: Port,
        letter: Letter,
        listener: &mut L,
    ) {
        let (connection, to) = (port.connection(), port.end());
        let session = match to {
            End::Server => self.session_before(connection),
            // The connection may have broken meanwhile: its session is over then, or has answered its client.
            End::Client => match self.owner(connection) {
                Some(Owner::Session(id)) if self.has_session(id) => {
                    (self.session(id).back == Some(connection)).then_some(id)
                }
                _ => None,
            },
        };
        match session {
            Some(id) => self.carry(now, (id, to), letter, listener),
            None => self.lose(letter),
        }
    }

    /// When a relay has carried a message that reaches it now.
    fn carried_at(&mut self, now: SimTime, id: RelayId) -> SimTime {
        let at = self.leaves_at(now, id);
        if let Some(relaying) = &mut self.relaying {
            relaying.stays.record(at.saturating_since(now));
        }
        at
    }

    fn leaves_at(&mut self, now: SimTime, id: RelayId) -> SimTime {
        let relay = self.relay_state_mut(id);
        if let Some(capacity) = relay.config.capacity {
            let takes = SimDuration::from_nanos_f64(1e9 / capacity);
            relay.busy_until = relay.busy_until.max(now) + takes;
            relay.busy_until + relay.config.latency
        } else {
            now + relay.config.latency
        }
    }

    /// A message leaves a relay.
    fn carry<L: Listener>(
        &mut self,
        now: SimTime,
        (id, to): (SessionId, End),
        letter: Letter,
        listener: &mut L,
    ) {
        self.session_mut(id).last_activity = now;
        match to {
            End::Server => self.carry_request(now, id, letter, listener),
            End::Client => self.carry_reply(now, id, letter),
        }
    }

    fn carry_request<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        letter: Letter,
        listener: &mut L,
    ) {
        let session = self.session(id);
        if !self.answers_address(session.relay) {
            // Its machine does not take what is sent to an address that it has not.
            self.lose(letter);
            return;
        }
        if session.is_doomed {
            self.lose(letter);
            self.end_session(now, id, true);
            return;
        }
        let (relay, target, stage) = (session.relay, session.target, session.stage);
        let is_free = session.in_hand.is_empty() && session.waiting.is_empty();
        let chooses = self.relay_state(relay).config.connections == Connections::Terminated;
        if chooses && is_free {
            match self.pick_target(now, relay, id.0) {
                None => {
                    self.answer_with_failure(now, id, letter, false);
                    return;
                }
                Some(other) if other != target => {
                    self.drop_back(now, id);
                    let session = self.session_mut(id);
                    session.target = other;
                    session.stage = Stage::Idle;
                }
                Some(_) => {}
            }
        }
        if stage == Stage::Open && self.session(id).stage == Stage::Open {
            self.send_onwards(now, id, letter);
            return;
        }
        self.session_mut(id).waiting.push(letter);
        if self.session(id).stage == Stage::Idle {
            self.connect_onwards(now, id, listener);
        }
    }

    /// A message goes on to the target.
    pub(super) fn send_onwards(&mut self, now: SimTime, id: SessionId, letter: Letter) {
        let session = self.session(id);
        let Some(back) = session.back else {
            self.lose(letter);
            return;
        };
        let relay = session.relay;
        let member = self.relay_state(relay).targets[session.target].member;
        let config = &self.relay_state(relay).config;
        let awaits = config.connections == Connections::Terminated;
        let limit = config.reply_timeout.filter(|_| awaits);
        let mut message = Message::from(letter);
        if let Message::Request { member: to, .. } = &mut message {
            *to = member;
        }
        if awaits {
            let session = self.session_mut(id);
            session.in_hand.push(letter);
            if session.timer == TimerId::NONE
                && let Some(limit) = limit
            {
                let timer = self.queue.arm(now + limit, Event::SessionTimeout(id));
                self.session_mut(id).timer = timer;
            }
        }
        self.transmit_relayed(now, (relay, back, End::Client), message);
    }

    fn carry_reply(&mut self, now: SimTime, id: SessionId, letter: Letter) {
        let session = self.session_mut(id);
        let (relay, front) = (session.relay, session.front);
        if !session.in_hand.is_empty() {
            session.in_hand.remove(0);
            if session.in_hand.is_empty() {
                let timer = std::mem::replace(&mut session.timer, TimerId::NONE);
                self.queue.cancel(timer);
            }
        }
        self.transmit_relayed(now, (relay, front, End::Server), Message::from(letter));
    }

    fn transmit_relayed(
        &mut self,
        now: SimTime,
        (relay, connection, from): (RelayId, ConnectionId, End),
        message: Message,
    ) {
        let is_inner = matches!(self.relay_state(relay).serves, Serves::Member(_));
        let leg = LEG | u8::from(is_inner) << 1 | from as u8;
        let (draw, bytes) = match message {
            Message::Request { slot, .. } => (self.draw_of(slot, leg), self.request_bytes(slot)),
            Message::Reply { slot, .. } => (self.draw_of(slot, leg), self.reply_bytes(slot)),
            Message::Probe(probe) | Message::ProbeReply { probe, .. } => {
                self.probe_draw(probe, leg)
            }
            _ => return,
        };
        let item = (message.into(), bytes);
        self.network
            .send(now, &mut self.queue, (connection, from), item, draw);
        self.account_for_abandoned();
    }

    /// A relay that understands requests answers one itself, with an error.
    pub(super) fn answer_with_failure(
        &mut self,
        now: SimTime,
        id: SessionId,
        letter: Letter,
        was_sent: bool,
    ) {
        let reply = match Message::from(letter) {
            Message::Request { slot, attempt, .. } => {
                if was_sent {
                    let operation = self.operations.get_mut(slot);
                    if operation.ended && operation.travelling == 0 {
                        // Its client gave up, and with the connection onwards the last of it went: its place is free.
                        return;
                    }
                    // What it was told to do may be done all the same, and its answer is on its way nowhere.
                    operation.in_doubt = true;
                    operation.travelling += 1;
                }
                Message::Reply {
                    slot,
                    attempt,
                    is_error: true,
                }
            }
            Message::Probe(probe) => Message::ProbeReply {
                probe,
                is_error: true,
            },
            _ => return,
        };
        let session = self.session(id);
        let (relay, front) = (session.relay, session.front);
        self.transmit_relayed(now, (relay, front, End::Server), reply);
    }

    fn draw_of(&self, slot: Slot, leg: u8) -> Draw {
        let operation = self.operations.get(slot);
        Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt: operation.attempt,
            leg,
        }
    }

    fn reply_bytes(&self, slot: Slot) -> u32 {
        let operation = self.operations.get(slot);
        let value = self.blueprint.value_bytes(operation.keyspace());
        let is_write = operation.request.command.is_write();
        super::serving::REPLY_BYTES + if is_write { 0 } else { value }
    }

    /// Bytes of a request on the wire.
    pub(super) fn request_bytes(&self, slot: Slot) -> u32 {
        let operation = self.operations.get(slot);
        let value = self.blueprint.value_bytes(operation.keyspace());
        let carries = carries_value(operation.request.command);
        // ASKING goes ahead in the same packet.
        let asking = if operation.asks.is_some() { 16 } else { 0 };
        super::pooling::REQUEST_BYTES + asking + if carries { value } else { 0 }
    }
}
