//! Sessions: what a proxy or a load balancer does with one connection of a client.
//!
//! A session has the client's connection in front and its own, to a target, at its back. Whether the client's is open
//! before the other is, whether a failed try is repeated, and what becomes of both when one breaks, is what relays differ
//! in. What a session carries it hands on after its time in the relay, in order.
//!
//! A balancer that passes connections is modelled with two as well. The client's is accepted when the target has accepted
//! the other, and the client's own time limits hold on that one, so that trouble behind the balancer shows when it would;
//! what differs is that the client's kernel sees its data acknowledged by the balancer.

use regionfall_kernel::{SimDuration, SimTime, TimerId};

use super::event::{Event, Message};
use super::letter::Letter;
use super::relays::Serves;
use super::sessions::{Session, SessionId, Stage};
use super::world::{Owner, World};
use crate::client::PooledState;
use crate::failover::{Connections, OnDown};
use crate::history::Listener;
use crate::network::{BreakCause, ConnectionId, ConnectionOptions, Draw, End, Opening};
use crate::topology::RelayId;

/// Whose draws a relay's handshakes are, apart from all others'.
const WHO: u32 = 0x2000_0000;

impl World {
    /// Somebody asks a relay for a connection. Whether the host is a relay's.
    pub(super) fn relay_asked<L: Listener>(
        &mut self,
        now: SimTime,
        front: ConnectionId,
        listener: &mut L,
    ) -> bool {
        let Some(host) = self.network.host_at(front, End::Server) else {
            return false;
        };
        let Some(id) = self.relay_on(host) else {
            return false;
        };
        if self.session_before(front).is_some() || !self.answers_address(id) {
            // The client's kernel asks again while the target has not answered.
            return true;
        }
        let has_room = {
            let sessions = self.relaying.as_ref().map_or(0, |relaying| {
                let own = relaying.sessions.values();
                own.filter(|session| session.relay == id).count()
            });
            let relay = self.relay_state_mut(id);
            let fits = relay
                .config
                .max_sessions
                .is_none_or(|most| sessions < most as usize);
            fits && relay.limit.as_mut().is_none_or(|limit| limit.admits(now))
        };
        let session = self.next_session();
        let target = if has_room {
            self.pick_target(now, id, session.0)
        } else {
            None
        };
        let Some(target) = target else {
            if !has_room && let Some(relaying) = &mut self.relaying {
                relaying.refused += 1;
            }
            self.network.refuse(now, &mut self.queue, front);
            return true;
        };
        let connections = self.relay_state(id).config.connections;
        self.insert_session(
            session,
            Session {
                relay: id,
                front,
                setup_waits: false,
                back: None,
                stage: Stage::Idle,
                tries: 0,
                target,
                waiting: Vec::new(),
                in_hand: Vec::new(),
                timer: TimerId::NONE,
                last_activity: now,
                is_doomed: false,
            },
        );
        if connections != Connections::Passed {
            self.network.admit(now, &mut self.queue, front);
        }
        if connections != Connections::Terminated {
            self.connect_onwards(now, session, listener);
        }
        if let Some(limit) = self.relay_state(id).config.idle_timeout {
            self.queue
                .schedule(now + limit, Event::SessionIdle(session));
        }
        true
    }

    /// A relay is to do its part of a round trip of a client's setup. Whether the host is a relay's.
    pub(super) fn relay_sets_up(&mut self, now: SimTime, front: ConnectionId) -> bool {
        let Some(host) = self.network.host_at(front, End::Server) else {
            return false;
        };
        if self.relay_on(host).is_none() {
            return false;
        }
        let Some(id) = self.session_before(front) else {
            return true;
        };
        let session = self.session(id);
        let (relay, back, stage) = (session.relay, session.back, session.stage);
        if self.relay_state(relay).config.connections == Connections::Terminated {
            self.network.answer_setup(now, &mut self.queue, front);
            return true;
        }
        // TLS and AUTH are between the client and the target.
        self.session_mut(id).setup_waits = true;
        if let Some(back) = back.filter(|_| stage == Stage::Open) {
            self.network.ask_setup(now, &mut self.queue, back);
        }
        true
    }

    /// A session opens its own connection to its target.
    pub(super) fn connect_onwards<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        listener: &mut L,
    ) {
        let session = self.session(id);
        let (relay, front) = (session.relay, session.front);
        let (tries, target) = (session.tries, session.target);
        let relay_state = self.relay_state(relay);
        let host = relay_state.host;
        let config = &relay_state.config;
        let (limit, is_passed) = (
            config.connect_timeout,
            config.connections == Connections::Passed,
        );
        let understands = config.connections == Connections::Terminated;
        let to = self.target_host(&relay_state.targets[target]);
        let Some((class, given)) = self.network.terms_of(front) else {
            self.end_session(now, id, true);
            return;
        };
        let options = ConnectionOptions {
            setup_round_trips: if understands {
                given.setup_round_trips
            } else {
                0
            },
            keepalive: given.keepalive.filter(|_| is_passed),
            user_timeout: given.user_timeout.filter(|_| is_passed),
        };
        let opening = Opening {
            client: host,
            server: to,
            class,
            options,
            draw: Draw {
                who: WHO | u32::from(relay.0),
                sequence: id.0,
                attempt: tries as u8,
                leg: 0,
            },
        };
        self.tell_session_target(id, listener);
        let back = self.network.open(now, &mut self.queue, opening);
        self.own(back, Owner::Session(id));
        let timer = limit.map(|limit| self.queue.arm(now + limit, Event::SessionTimeout(id)));
        let session = self.session_mut(id);
        session.back = Some(back);
        session.stage = Stage::Connecting;
        session.timer = timer.unwrap_or(TimerId::NONE);
    }

    /// A session's own connection is open.
    pub(super) fn session_opened<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        listener: &mut L,
    ) {
        if !self.has_session(id) {
            return;
        }
        let session = self.session_mut(id);
        let (front, relay, setup_waits) = (session.front, session.relay, session.setup_waits);
        if session.stage == Stage::Open {
            session.setup_waits = false;
            if setup_waits {
                self.network.answer_setup(now, &mut self.queue, front);
            }
            return;
        }
        session.stage = Stage::Open;
        session.tries = 0;
        let timer = std::mem::replace(&mut session.timer, TimerId::NONE);
        let (target, back) = (session.target, session.back);
        let waiting = std::mem::take(&mut session.waiting);
        self.queue.cancel(timer);
        if !self.network.exists(front) {
            self.end_session(now, id, true);
            return;
        }
        self.tell_first_use(now, relay, target, listener);
        self.observe_target(now, (relay, target), false, listener);
        if !self.has_session(id) {
            return;
        }
        if self.relay_state(relay).config.connections == Connections::Passed {
            self.network.admit(now, &mut self.queue, front);
        } else if let Some(back) = back.filter(|_| setup_waits) {
            self.network.ask_setup(now, &mut self.queue, back);
        }
        for letter in waiting {
            self.send_onwards(now, id, letter);
        }
    }

    /// A session's own connection broke, or was refused.
    pub(super) fn session_broken<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        cause: BreakCause,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        if !self.has_session(id) {
            return;
        }
        let session = self.session_mut(id);
        session.back = None;
        let (stage, timer) = (session.stage, session.timer);
        session.timer = TimerId::NONE;
        self.queue.cancel(timer);
        match stage {
            Stage::Connecting => self.try_failed(now, id, cause, listener),
            Stage::Open => self.broke_open(now, id, listener),
            Stage::Pausing | Stage::Idle => {}
        }
    }

    /// A try to connect to the target failed.
    fn try_failed<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        cause: BreakCause,
        listener: &mut L,
    ) {
        let session = self.session(id);
        let (relay, target) = (session.relay, session.target);
        self.observe_target(now, (relay, target), true, listener);
        if !self.has_session(id) {
            return;
        }
        let session = self.session_mut(id);
        session.tries += 1;
        session.stage = Stage::Idle;
        let tries = session.tries;
        let config = &self.relay_state(relay).config;
        if config.connections != Connections::Passed && tries <= config.retries {
            // What took its time already waits no more.
            let is_late = cause == BreakCause::ConnectGaveUp;
            let wait = if is_late {
                SimDuration::ZERO
            } else {
                config.retry_wait
            };
            let timer = self.queue.arm(now + wait, Event::SessionTimeout(id));
            let session = self.session_mut(id);
            session.stage = Stage::Pausing;
            session.timer = timer;
            return;
        }
        self.give_up(now, id);
    }

    /// A session cannot reach its target.
    pub(super) fn give_up(&mut self, now: SimTime, id: SessionId) {
        let session = self.session_mut(id);
        session.stage = Stage::Idle;
        session.tries = 0;
        let relay = session.relay;
        if self.relay_state(relay).config.connections == Connections::Terminated {
            for letter in std::mem::take(&mut self.session_mut(id).waiting) {
                self.answer_with_failure(now, id, letter, false);
            }
        } else {
            self.end_session(now, id, true);
        }
    }

    /// A connection that had been open broke.
    pub(super) fn broke_open<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        listener: &mut L,
    ) {
        let session = self.session(id);
        let (relay, target) = (session.relay, session.target);
        if self.relay_state(relay).config.connections != Connections::Terminated {
            self.end_session(now, id, true);
            return;
        }
        let session = self.session_mut(id);
        session.stage = Stage::Idle;
        let in_hand = std::mem::take(&mut session.in_hand);
        let failed = !in_hand.is_empty();
        for letter in in_hand {
            self.answer_with_failure(now, id, letter, true);
        }
        if failed {
            self.observe_target(now, (relay, target), true, listener);
        }
    }

    /// A session has waited long enough: for its connection, for its next try, or for a reply.
    pub(super) fn session_timeout<L: Listener>(
        &mut self,
        now: SimTime,
        id: SessionId,
        listener: &mut L,
    ) {
        if !self.has_session(id) {
            return;
        }
        let session = self.session_mut(id);
        session.timer = TimerId::NONE;
        match session.stage {
            Stage::Pausing => {
                let (relay, tries) = (session.relay, session.tries);
                let config = &self.relay_state(relay).config;
                if config.redispatch
                    && tries == config.retries
                    && let Some(target) = self.pick_target(now, relay, id.0)
                {
                    self.session_mut(id).target = target;
                }
                self.connect_onwards(now, id, listener);
            }
            Stage::Connecting => {
                self.drop_back(now, id);
                self.try_failed(now, id, BreakCause::ConnectGaveUp, listener);
            }
            Stage::Open => {
                self.drop_back(now, id);
                self.broke_open(now, id, listener);
            }
            Stage::Idle => {}
        }
    }

    /// Nothing may have moved on a session for too long.
    pub(super) fn session_idle(&mut self, now: SimTime, id: SessionId) {
        if !self.has_session(id) {
            return;
        }
        let session = self.session(id);
        let Some(limit) = self.relay_state(session.relay).config.idle_timeout else {
            return;
        };
        let due = session.last_activity + limit;
        if due <= now {
            self.end_session(now, id, true);
        } else {
            self.queue.schedule(due, Event::SessionIdle(id));
        }
    }

    /// A client closed its connection to a relay, or it broke. Whether it was one.
    pub(super) fn front_gone(&mut self, now: SimTime, front: ConnectionId) -> bool {
        let Some(id) = self.session_before(front) else {
            return false;
        };
        self.account_for_abandoned();
        self.end_session(now, id, false);
        true
    }

    /// Sessions to a target are closed, or will be.
    pub(super) fn shed<L: Listener>(
        &mut self,
        now: SimTime,
        relay: RelayId,
        target: usize,
        how: OnDown,
        listener: &mut L,
    ) {
        let Some(relaying) = &self.relaying else {
            return;
        };
        let own = relaying.sessions.iter();
        let own = own.filter(|(_, session)| session.relay == relay && session.target == target);
        let own: Vec<(SessionId, Stage)> = own.map(|(&id, session)| (id, session.stage)).collect();
        let understands = self.relay_state(relay).config.connections == Connections::Terminated;
        for (id, stage) in own {
            if stage != Stage::Open || !self.has_session(id) {
                continue;
            }
            match how {
                OnDown::Keep => {}
                OnDown::Cut if understands => {
                    self.drop_back(now, id);
                    self.broke_open(now, id, listener);
                }
                OnDown::Cut => self.end_session(now, id, true),
                OnDown::Reset => self.doom(now, id),
            }
        }
    }

    /// A session is reset with the client's next packet: what its kernel sends again, or something new.
    fn doom(&mut self, now: SimTime, id: SessionId) {
        let session = self.session_mut(id);
        session.is_doomed = true;
        let back = session.back;
        let due = back.and_then(|back| self.network.retransmission_due(back, End::Client));
        if let Some(due) = due {
            let at = due.max(now);
            self.queue.schedule(at, Event::SessionDoomed(id));
        }
    }

    /// The client's kernel sends again what the target did not acknowledge.
    pub(super) fn session_doomed(&mut self, now: SimTime, id: SessionId) {
        if self.has_session(id) {
            self.end_session(now, id, true);
        }
    }

    /// A relay's processes die, and with them all sessions. Its host's connections are the network's business.
    pub(super) fn drop_sessions_of(&mut self, relay: RelayId) {
        let Some(relaying) = &self.relaying else {
            return;
        };
        let own = relaying.sessions.iter();
        let own = own.filter(|(_, session)| session.relay == relay);
        let own: Vec<SessionId> = own.map(|(&id, _)| id).collect();
        for id in own {
            let Some(session) = self.forget_session(id) else {
                continue;
            };
            self.count_ended(session.front);
            self.queue.cancel(session.timer);
            if let Some(back) = session.back {
                self.owners[back.index()] = None;
            }
            for letter in session.waiting {
                self.lose(letter);
            }
        }
    }

    /// A session is over: both connections are closed. The client's may be closed already.
    pub(super) fn end_session(&mut self, now: SimTime, id: SessionId, closes_front: bool) {
        self.drop_back(now, id);
        let Some(session) = self.forget_session(id) else {
            return;
        };
        self.queue.cancel(session.timer);
        for letter in session.waiting {
            self.lose(letter);
        }
        if closes_front {
            self.count_ended(session.front);
            if self.network.is_open(session.front) {
                self.network
                    .close(now, &mut self.queue, session.front, End::Server);
            } else if self.network.exists(session.front) {
                self.network.refuse(now, &mut self.queue, session.front);
            }
        }
        self.account_for_abandoned();
    }

    /// A session closes its own connection.
    pub(super) fn drop_back(&mut self, now: SimTime, id: SessionId) {
        let session = self.session_mut(id);
        let timer = std::mem::replace(&mut session.timer, TimerId::NONE);
        let back = session.back.take();
        self.queue.cancel(timer);
        if let Some(back) = back {
            self.network.close(now, &mut self.queue, back, End::Client);
            self.owners[back.index()] = None;
            self.account_for_abandoned();
        }
    }

    /// A message that will never arrive.
    pub(super) fn lose(&mut self, letter: Letter) {
        if let Message::Request { slot, .. } | Message::Reply { slot, .. } = Message::from(letter) {
            self.operations.message_gone(slot);
        }
    }

    /// The client's books say which member its connection leads to.
    fn tell_session_target<L: Listener>(&mut self, id: SessionId, _listener: &mut L) {
        let session = self.session(id);
        let (front, relay) = (session.front, self.relay_state(session.relay));
        if matches!(relay.serves, Serves::Member(_)) {
            return;
        }
        let member = relay.targets[session.target].member;
        if let Some(Owner::Pool(server)) = self.owner(front)
            && let Some(position) = self.servers[server.index()].position(front)
        {
            let pooled = &mut self.servers[server.index()].pool[position];
            pooled.member = member;
            if let PooledState::Opening(slot, _) = pooled.state {
                self.operations.get_mut(slot).member = member;
            }
        }
    }
}
