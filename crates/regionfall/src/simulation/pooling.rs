//! App servers' connection pools: taking a connection, opening one, what breaks and what takes too long.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, Message};
use super::sabotage::Mutation;
use super::world::{Owner, World};
use crate::client::{Finding, Pooled, PooledState, Slot};
use crate::failover::Propagation;
use crate::history::{AttemptEnding, Fact, Listener};
use crate::network::{BreakCause, ConnectionId, Draw, End, Opening, TrafficClass};
use crate::route::Hop;
use crate::topology::{HostId, MemberId, OperationId, ServerId};

/// Bytes of a request beside its value: RESP framing, a key of 16 bytes, TCP/IP headers.
pub(super) const REQUEST_BYTES: u32 = 110;
impl World {
    /// Sends the request over an idle connection of the pool.
    #[inline]
    pub(super) fn send_request<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        position: usize,
        slot: Slot,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
        let version = server.steering.version;
        let deadline = now + server.timeout;
        let pooled = &mut server.pool[position];
        pooled.state = PooledState::Busy(slot, deadline);
        let (connection, member) = (pooled.connection, pooled.member);
        if !server.deadline_check && deadline != SimTime::NEVER {
            server.deadline_check = true;
            self.queue.schedule(deadline, Event::Deadline(id));
        }
        let operation = self.operations.get_mut(slot);
        operation.member = member;
        operation.travelling += 1;
        operation.unconfirmed = false;
        operation.is_outdated = false;
        operation.version = version;
        let attempt = operation.attempt;
        let draw = Draw {
            who: operation.who,
            sequence: operation.sequence,
            attempt,
            leg: 0,
        };
        let number = operation.id;
        listener.observe(
            now,
            &Fact::AttemptSent {
                operation: number,
                attempt,
                member,
            },
        );
        let bytes = self.request_bytes(slot);
        let message = Message::Request {
            slot,
            attempt,
            member,
        };
        if let Some(connection) = connection {
            self.network.send(
                now,
                &mut self.queue,
                (connection, End::Client),
                (message.into(), bytes),
                draw,
            );
        }
        if !self.network.abandoned.is_empty() {
            self.account_for_abandoned();
        }
    }

    /// Opens a connection for an operation, resolving the name first where names are used.
    pub(super) fn open_for<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let limit = now + self.strategy.client.connect_timeout;
        let timer = self.queue.arm(limit, Event::OpeningTimeout(id, slot));
        let state = PooledState::Opening(slot, timer);
        let member = self.operations.get(slot).member;
        let pooled = Pooled {
            connection: None,
            member,
            tried: 0,
            node: self.node_by_slot(slot),
            state,
        };
        let fleet = self.servers[id.index()].fleet;
        self.servers[id.index()].pool.push(pooled);
        self.forget_after_trouble(now, id);
        let mut lookup = None;
        if let (Finding::Name(resolver), Propagation::Dns { lookup: delay, .. }) = (
            &mut self.servers[id.index()].finding,
            &self.strategy.propagation,
        ) {
            let Some(resolved) = resolver.resolve(now, &self.answers[fleet.index()]) else {
                // Nobody answers; the time limit will tell.
                return;
            };
            lookup = Some(if resolved.asked {
                *delay
            } else {
                SimDuration::ZERO
            });
            let route = self.route_to(id, resolved.member);
            self.adopt(now, id, route, listener);
            self.operations.get_mut(slot).member = resolved.member;
        }
        match lookup {
            Some(delay) if delay > SimDuration::ZERO => {
                self.queue
                    .schedule(now + delay, Event::NameResolved(id, slot));
            }
            _ => self.name_resolved(now, id, slot, listener),
        }
    }

    /// The operation's target is known: the connection is opened.
    pub(super) fn name_resolved<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let server = &self.servers[id.index()];
        let Some(position) = server.pool.iter().position(|pooled| {
            pooled.connection.is_none()
                && matches!(pooled.state, PooledState::Opening(other, _) if other == slot)
        }) else {
            return;
        };
        let tried = server.pool[position].tried;
        self.resolve_pool(now, id, tried);
        self.heed_proxy(now, id, slot, listener);
        let member = self.operations.get(slot).member;
        let is_direct = self.proxy_of(id).is_none();
        if is_direct && self.asks_before_connecting(member) {
            self.inquire(now, id, slot, listener);
            return;
        }
        let node = if is_direct {
            self.node_by_slot(slot)
        } else {
            None
        };
        self.servers[id.index()].pool[position].node = node;
        let host = match (node, self.route_to(id, member).entry()) {
            (Some(node), _) => self.node_host(node),
            (None, Hop::Member(member)) => self.entrance_host(member),
            (None, Hop::Relay(relay)) => self.relay_state(relay).host,
        };
        self.open_pooled(now, (id, position), (slot, host), listener);
    }

    /// Opens the connection in a place of the pool, to a host.
    pub(super) fn open_pooled<L: Listener>(
        &mut self,
        now: SimTime,
        (id, position): (ServerId, usize),
        (slot, target): (Slot, HostId),
        listener: &mut L,
    ) {
        let member = self.operations.get(slot).member;
        let server = &mut self.servers[id.index()];
        let (host, fleet) = (server.host, server.fleet);
        let sequence = server.opened;
        server.opened += 1;
        listener.observe(now, &Fact::ConnectBegan { server: id, member });
        let opening = Opening {
            client: host,
            server: target,
            class: TrafficClass::Client,
            options: self.pool_options(fleet),
            draw: Draw {
                who: id.0,
                sequence,
                attempt: 0,
                leg: 0,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        let pooled = &mut self.servers[id.index()].pool[position];
        pooled.connection = Some(connection);
        pooled.member = member;
        self.own(connection, Owner::Pool(id));
    }

    /// A connection of a pool is open: its operation goes out over it.
    pub(super) fn pool_opened<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        connection: ConnectionId,
        listener: &mut L,
    ) {
        let Some(position) = self.servers[id.index()].position(connection) else {
            return;
        };
        let pooled = &mut self.servers[id.index()].pool[position];
        if pooled.state == PooledState::Warming {
            let member = pooled.member;
            if self.servers[id.index()].has_room(member) {
                self.servers[id.index()].pool[position].state = PooledState::Idle;
                listener.observe(now, &Fact::Connected { server: id, member });
                self.serve_waiting(now, id, listener);
            } else {
                self.drop_pooled(now, id, position);
            }
            return;
        }
        let PooledState::Opening(slot, timer) = pooled.state else {
            return;
        };
        pooled.state = PooledState::Idle;
        let member = pooled.member;
        self.queue.cancel(timer);
        listener.observe(now, &Fact::Connected { server: id, member });
        self.send_request(now, id, position, slot, listener);
    }

    /// Gives connections that became free, or places for new ones, to operations that wait.
    pub(super) fn serve_waiting<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        if self.routes_by_slot() {
            self.serve_waiting_by_node(now, id, listener);
            return;
        }
        while let Some(&slot) = self.servers[id.index()].waiting.front() {
            let server = &self.servers[id.index()];
            let member = self.operations.get(slot).member;
            if let Some(position) = server.idle_connection(member) {
                self.servers[id.index()].waiting.pop_front();
                self.send_request(now, id, position, slot, listener);
            } else if server.has_room(member) {
                self.servers[id.index()].waiting.pop_front();
                self.open_for(now, id, slot, listener);
            } else {
                return;
            }
        }
    }

    /// The earliest deadline of an app server's busy connections may have passed.
    pub(super) fn check_deadlines<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        self.servers[id.index()].deadline_check = false;
        while let Some(position) = self.servers[id.index()].pool.iter().position(
            |pooled| matches!(pooled.state, PooledState::Busy(_, deadline) if deadline <= now),
        ) {
            let PooledState::Busy(slot, _) = self.servers[id.index()].pool[position].state else {
                break;
            };
            if self.strategy.client.habits.keeps_connection_on_timeout {
                self.servers[id.index()].pool[position].state = PooledState::Idle;
            } else {
                self.drop_pooled(now, id, position);
            }
            self.attempt_failed(now, slot, AttemptEnding::Timeout, listener);
        }
        self.serve_waiting(now, id, listener);
        let server = &mut self.servers[id.index()];
        let next = server.earliest_deadline();
        if next != SimTime::NEVER && !server.deadline_check {
            server.deadline_check = true;
            self.queue.schedule(next, Event::Deadline(id));
        }
    }

    /// Closes a connection of the pool.
    pub(super) fn drop_pooled(&mut self, now: SimTime, id: ServerId, position: usize) {
        let pooled = self.servers[id.index()].pool.remove(position);
        if let PooledState::Opening(_, timer) = pooled.state {
            self.queue.cancel(timer);
        }
        if let Some(connection) = pooled.connection {
            self.network
                .close(now, &mut self.queue, connection, End::Client);
            self.account_for_abandoned();
        }
    }

    /// A connection of the pool broke.
    pub(super) fn pool_broken<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        connection: ConnectionId,
        cause: BreakCause,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        let Some(position) = self.servers[id.index()].position(connection) else {
            return;
        };
        if self.tries_next_address(now, id, position, listener) {
            return;
        }
        let pooled = if self.sabotage.is(Mutation::LeaksConnections) {
            let own = &mut self.servers[id.index()].pool[position];
            let pooled = *own;
            own.state = PooledState::Busy(Slot(u32::MAX), SimTime::NEVER);
            pooled
        } else {
            self.servers[id.index()].pool.remove(position)
        };
        match pooled.state {
            PooledState::Opening(slot, timer) => {
                self.queue.cancel(timer);
                let ending = match cause {
                    BreakCause::ConnectGaveUp => AttemptEnding::ConnectTimeout,
                    _ => AttemptEnding::Refused,
                };
                self.attempt_failed(now, slot, ending, listener);
            }
            PooledState::Busy(slot, _) => {
                self.attempt_failed(now, slot, AttemptEnding::ConnectionLost, listener);
            }
            PooledState::Warming | PooledState::Idle => {}
        }
        self.serve_waiting(now, id, listener);
    }

    /// A connection took too long to open.
    pub(super) fn opening_timeout<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let position = self.servers[id.index()].pool.iter().position(
            |pooled| matches!(pooled.state, PooledState::Opening(other, _) if other == slot),
        );
        if let Some(position) = position {
            if self.tries_next_address(now, id, position, listener) {
                return;
            }
            self.drop_pooled(now, id, position);
            self.attempt_failed(now, slot, AttemptEnding::ConnectTimeout, listener);
            self.serve_waiting(now, id, listener);
        }
    }

    /// An operation waited too long for a connection.
    pub(super) fn pool_timeout<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        operation: OperationId,
        listener: &mut L,
    ) {
        if self.operations.get(slot).id != operation {
            return;
        }
        let waiting = &mut self.servers[id.index()].waiting;
        if let Some(position) = waiting.iter().position(|&other| other == slot) {
            waiting.remove(position);
            self.attempt_failed(now, slot, AttemptEnding::PoolExhausted, listener);
        }
    }

    /// Closes every connection to the member that was left; what they carried fails.
    pub(super) fn cut_sessions<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        listener: &mut L,
    ) {
        while let Some(position) = self.servers[id.index()]
            .pool
            .iter()
            .position(|pooled| pooled.member == member)
        {
            let state = self.servers[id.index()].pool[position].state;
            self.drop_pooled(now, id, position);
            match state {
                PooledState::Warming | PooledState::Idle => {}
                PooledState::Opening(slot, _) => {
                    self.attempt_failed(now, slot, AttemptEnding::Refused, listener);
                }
                PooledState::Busy(slot, _) => {
                    self.attempt_failed(now, slot, AttemptEnding::ConnectionLost, listener);
                }
            }
        }
        // The pool to that member is gone: who waited for one of its connections hears so.
        let is_left = |slot: &Slot| self.operations.get(*slot).member == member;
        let (left, others): (Vec<Slot>, Vec<Slot>) = self.servers[id.index()]
            .waiting
            .iter()
            .partition(|slot| is_left(slot));
        self.servers[id.index()].waiting = others.into();
        for slot in left {
            self.attempt_failed(now, slot, AttemptEnding::Refused, listener);
        }
    }
}
