//! App servers: requests arrive, take a connection of the pool, travel, time out, are tried again.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, Message};
use super::world::{Owner, World};
use crate::client::{
    Finding, Operation, Pooled, PooledState, Slot, next_attempt_after, proves_no_effect,
};
use crate::failover::{Adopt, Propagation, Sight};
use crate::history::{AttemptEnding, Ending, Fact, Listener, Phase};
use crate::network::{BreakCause, ConnectionId, Draw, End, Opening, TrafficClass};
use crate::route::{Hop, Route};
use crate::topology::{HostId, MemberId, OperationId, ServerId};
use crate::workload::{Arrivals, arrival_bits, exponential_gap};

/// Bytes of a request beside its value: RESP framing, a key of 16 bytes, TCP/IP headers.
const REQUEST_BYTES: u32 = 110;
/// Bytes of a reply beside a value.
const REPLY_BYTES: u32 = 72;

impl World {
    /// Schedules the first request of every app server and closed-loop client.
    pub(super) fn start_arrivals(&mut self, now: SimTime) {
        for index in 0..self.servers.len() {
            let id = ServerId::from_index(index);
            if self.servers[index].clients.is_empty() {
                self.schedule_arrival(now, id);
            }
            for client in 0..self.servers[index].clients.len() as u32 {
                self.schedule_thought(now, id, client);
            }
        }
    }

    /// An open-loop request arrives.
    #[inline]
    pub(super) fn request_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        server: ServerId,
        listener: &mut L,
    ) {
        if self.phase == Phase::Quiescence {
            return;
        }
        let sequence = self.servers[server.index()].issued;
        self.servers[server.index()].issued += 1;
        self.schedule_arrival(now, server);
        if self.servers[server.index()].is_running {
            self.ask(now, server, (server.0, sequence, None), listener);
        }
    }

    /// A closed-loop client asks its next question.
    pub(super) fn client_asks<L: Listener>(
        &mut self,
        now: SimTime,
        server: ServerId,
        client: u32,
        listener: &mut L,
    ) {
        let state = &mut self.servers[server.index()];
        if self.phase == Phase::Quiescence || !state.is_running {
            return;
        }
        let sequence = state.clients[client as usize];
        state.clients[client as usize] += 1;
        let who = client_address(server, client);
        self.ask(now, server, (who, sequence, Some(client)), listener);
    }

    fn schedule_arrival(&mut self, now: SimTime, server: ServerId) {
        let state = &self.servers[server.index()];
        let fleet = &self.blueprint.settings().workload.fleets[state.fleet.index()];
        let mean = fleet.arrivals.mean_gap(fleet.servers);
        let bits = arrival_bits(self.request_draws, server.0, state.issued);
        self.queue.schedule(now + exponential_gap(bits, mean), Event::Arrival(server));
    }

    pub(super) fn schedule_thought(&mut self, now: SimTime, server: ServerId, client: u32) {
        let state = &self.servers[server.index()];
        let fleet = &self.blueprint.settings().workload.fleets[state.fleet.index()];
        let Arrivals::Closed { think, .. } = &fleet.arrivals else { return };
        let sequence = state.clients[client as usize];
        let bits = arrival_bits(self.request_draws, client_address(server, client), sequence);
        let pause = think.quantile(regionfall_kernel::unit_from_bits(bits));
        self.queue.schedule(now + pause, Event::Thought(server, client));
    }

    /// A question becomes an operation, and its first attempt begins.
    fn ask<L: Listener>(
        &mut self,
        now: SimTime,
        server: ServerId,
        (who, sequence, client): (u32, u32, Option<u32>),
        listener: &mut L,
    ) {
        let fleet = self.servers[server.index()].fleet;
        let home = self.blueprint.settings().workload.fleets[fleet.index()].home[0];
        let request = self.blueprint.workload().request(self.request_draws, who, sequence, home);
        let operation = self.operations.next_id();
        listener.observe(
            now,
            &Fact::OperationIssued {
                operation,
                server,
                keyspace: request.keyspace,
                key: request.key,
                command: request.command,
            },
        );
        let slot = self.operations.insert(Operation {
            id: operation,
            server,
            client,
            request,
            who,
            sequence,
            attempt: 0,
            member: home,
            in_doubt: false,
            ended: false,
            travelling: 0,
        });
        self.begin_attempt(now, slot, listener);
    }

    /// Chooses a member for the attempt and takes a connection.
    fn begin_attempt<L: Listener>(&mut self, now: SimTime, slot: Slot, listener: &mut L) {
        let id = self.operations.get(slot).server;
        self.take_next_route(now, id, listener);
        let operation = self.operations.get(slot);
        let attempt = operation.attempt;
        let server = &self.servers[id.index()];
        let stays = attempt > 0 && self.strategy.client.retry_same_member;
        let member = if stays { operation.member } else { server.route.member() };
        self.operations.get_mut(slot).member = member;
        if self.strategy.client.fails_at_once_when_down && !self.is_usable(now, id, member) {
            self.attempt_failed(now, slot, AttemptEnding::TargetDown, listener);
            return;
        }
        let server = &self.servers[id.index()];
        if let Some(position) = server.idle_connection(member) {
            self.send_request(now, id, position, slot, listener);
        } else if server.has_room(member) {
            self.open_for(now, id, slot, listener);
        } else {
            let wait = self.strategy.client.pool_wait;
            self.servers[id.index()].waiting.push_back(slot);
            if let Some(wait) = wait {
                let operation = self.operations.get(slot).id;
                self.queue.schedule(now + wait, Event::PoolTimeout(id, slot, operation));
            }
        }
    }

    /// Sends the request over an idle connection of the pool.
    #[inline]
    fn send_request<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        position: usize,
        slot: Slot,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
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
        let attempt = operation.attempt;
        let draw = Draw { who: operation.who, sequence: operation.sequence, attempt, leg: 0 };
        let (number, keyspace) = (operation.id, operation.keyspace());
        let is_write = operation.request.command.is_write();
        listener.observe(now, &Fact::AttemptSent { operation: number, attempt, member });
        let value = self.blueprint.settings().workload.keyspaces[keyspace.index()].value_size.0;
        let bytes = REQUEST_BYTES + if is_write { value } else { 0 };
        let message = Message::Request { slot, attempt };
        if let Some(connection) = connection {
            self.network.send(
                now,
                &mut self.queue,
                (connection, End::Client),
                (message, bytes),
                draw,
            );
        }
        if !self.network.abandoned.is_empty() {
            self.account_for_abandoned();
        }
    }

    /// Opens a connection for an operation, resolving the name first where names are used.
    fn open_for<L: Listener>(&mut self, now: SimTime, id: ServerId, slot: Slot, listener: &mut L) {
        let limit = now + self.strategy.client.connect_timeout;
        let timer = self.queue.arm(limit, Event::OpeningTimeout(id, slot));
        let state = PooledState::Opening(slot, timer);
        let member = self.operations.get(slot).member;
        let pooled = Pooled { connection: None, member, state };
        let fleet = self.servers[id.index()].fleet;
        self.servers[id.index()].pool.push(pooled);
        let mut lookup = None;
        if let (Finding::Name(resolver), Propagation::Dns { lookup: delay, .. }) =
            (&mut self.servers[id.index()].finding, &self.strategy.propagation)
        {
            let resolved = resolver.resolve(now, &self.answers[fleet.index()]);
            lookup = Some(if resolved.asked { *delay } else { SimDuration::ZERO });
            self.adopt(now, id, Route::direct(resolved.member), listener);
            self.operations.get_mut(slot).member = resolved.member;
        }
        match lookup {
            Some(delay) if delay > SimDuration::ZERO => {
                self.queue.schedule(now + delay, Event::NameResolved(id, slot));
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
        let member = self.operations.get(slot).member;
        let (host, fleet) = (server.host, server.fleet);
        let Hop::Member(entry) = Route::direct(member).entry();
        let sequence = self.servers[id.index()].opened;
        self.servers[id.index()].opened += 1;
        listener.observe(now, &Fact::ConnectBegan { server: id, member });
        let opening = Opening {
            client: host,
            server: self.members[entry.index()].host,
            class: TrafficClass::Client,
            options: self.pool_options(fleet),
            draw: Draw { who: id.0, sequence, attempt: 0, leg: 0 },
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
        let Some(position) = self.servers[id.index()].position(connection) else { return };
        let pooled = &mut self.servers[id.index()].pool[position];
        let PooledState::Opening(slot, timer) = pooled.state else { return };
        pooled.state = PooledState::Idle;
        let member = pooled.member;
        self.queue.cancel(timer);
        listener.observe(now, &Fact::Connected { server: id, member });
        self.send_request(now, id, position, slot, listener);
    }

    /// A reply reached its app server.
    #[inline]
    pub(super) fn reply_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        (slot, attempt): (Slot, u8),
        is_error: bool,
        listener: &mut L,
    ) {
        let operation = self.operations.get(slot);
        let id = operation.server;
        let (number, member) = (operation.id, operation.member);
        // A reply to an attempt that was given up arrives at a closed connection and is not seen.
        debug_assert!(!operation.ended && operation.attempt == attempt);
        let server = &mut self.servers[id.index()];
        let Some(position) = server.position(connection) else { return };
        server.pool[position].state = PooledState::Idle;
        self.operations.message_gone(slot);
        if is_error {
            self.attempt_failed(now, slot, AttemptEnding::ErrorReply, listener);
        } else {
            let ending = AttemptEnding::Reply;
            listener
                .observe(now, &Fact::AttemptEnded { operation: number, attempt, member, ending });
            self.tell_judge(now, id, member, false, listener);
            let member = Some(member);
            self.end_operation(now, slot, (Ending::Acknowledged, member), listener);
        }
        self.serve_waiting(now, id, listener);
    }

    /// Gives connections that became free, or places for new ones, to operations that wait.
    fn serve_waiting<L: Listener>(&mut self, now: SimTime, id: ServerId, listener: &mut L) {
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
            self.drop_pooled(now, id, position);
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
    fn drop_pooled(&mut self, now: SimTime, id: ServerId, position: usize) {
        let pooled = self.servers[id.index()].pool.remove(position);
        if let PooledState::Opening(_, timer) = pooled.state {
            self.queue.cancel(timer);
        }
        if let Some(connection) = pooled.connection {
            self.network.close(now, &mut self.queue, connection, End::Client);
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
        let Some(position) = self.servers[id.index()].position(connection) else { return };
        let pooled = self.servers[id.index()].pool.remove(position);
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
            PooledState::Idle => {}
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

    /// An attempt failed: another follows, or the operation ends.
    fn attempt_failed<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        ending: AttemptEnding,
        listener: &mut L,
    ) {
        let operation = self.operations.get_mut(slot);
        operation.in_doubt |= !proves_no_effect(ending);
        let (number, attempt, member) = (operation.id, operation.attempt, operation.member);
        let (id, command, in_doubt) =
            (operation.server, operation.request.command, operation.in_doubt);
        listener.observe(now, &Fact::AttemptEnded { operation: number, attempt, member, ending });
        if !matches!(ending, AttemptEnding::ErrorReply | AttemptEnding::PoolExhausted) {
            self.tell_judge(now, id, member, true, listener);
        }
        match next_attempt_after(&self.strategy.client, command, attempt, ending) {
            Some(wait) => {
                self.operations.get_mut(slot).attempt += 1;
                self.queue.schedule(now + wait, Event::Retry(slot, number));
            }
            None => {
                let ending = if in_doubt { Ending::Unknown } else { Ending::Failed };
                self.end_operation(now, slot, (ending, None), listener);
            }
        }
    }

    /// The wait before an operation's next attempt is over.
    pub(super) fn retry<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        operation: OperationId,
        listener: &mut L,
    ) {
        let state = self.operations.get(slot);
        if state.id == operation && !state.ended {
            self.begin_attempt(now, slot, listener);
        }
    }

    fn end_operation<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        (ending, member): (Ending, Option<MemberId>),
        listener: &mut L,
    ) {
        let operation = self.operations.get(slot);
        let (number, server, client) = (operation.id, operation.server, operation.client);
        listener.observe(now, &Fact::OperationEnded { operation: number, ending, member });
        self.operations.end(slot);
        if let Some(client) = client {
            self.schedule_thought(now, server, client);
        }
    }

    /// Tells an app server's own judge how an attempt went, if it wants to know.
    fn tell_judge<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        failed: bool,
        listener: &mut L,
    ) {
        if let Finding::Pointer(decider) = self.servers[id.index()].finding
            && self.deciders[decider.index()].watches_traffic
        {
            self.show(now, decider, Sight::AttemptEnded { member, failed }, listener);
        }
    }

    fn is_usable(&self, now: SimTime, id: ServerId, member: MemberId) -> bool {
        match self.servers[id.index()].finding {
            Finding::Pointer(decider) => self.deciders[decider.index()].is_usable(now, member),
            Finding::Fixed | Finding::Name(_) => true,
        }
    }

    /// An app server's own judge points it to another member.
    pub(super) fn point<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        listener: &mut L,
    ) {
        let Propagation::Pointer { adopt, .. } = self.strategy.propagation else { return };
        let route = Route::direct(member);
        match adopt {
            Adopt::AtOnce => self.adopt(now, id, route, listener),
            Adopt::NextCommand => self.servers[id.index()].next_route = Some(route),
        }
    }

    fn take_next_route<L: Listener>(&mut self, now: SimTime, id: ServerId, listener: &mut L) {
        if let Some(route) = self.servers[id.index()].next_route.take() {
            self.adopt(now, id, route, listener);
        }
    }

    /// New requests of an app server take another route from now on.
    fn adopt<L: Listener>(&mut self, now: SimTime, id: ServerId, route: Route, listener: &mut L) {
        let server = &mut self.servers[id.index()];
        let (from, to) = (server.route.member(), route.member());
        if from == to {
            return;
        }
        server.route = route;
        listener.observe(now, &Fact::Adopted { server: id, from, to });
        if let Propagation::Pointer { cut_sessions: true, .. } = self.strategy.propagation {
            self.cut_sessions(now, id, from, listener);
        }
    }

    /// Closes every connection to the member that was left; what they carried fails.
    fn cut_sessions<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        listener: &mut L,
    ) {
        while let Some(position) =
            self.servers[id.index()].pool.iter().position(|pooled| pooled.member == member)
        {
            let state = self.servers[id.index()].pool[position].state;
            self.drop_pooled(now, id, position);
            match state {
                PooledState::Idle => {}
                PooledState::Opening(slot, _) => {
                    self.attempt_failed(now, slot, AttemptEnding::Refused, listener);
                }
                PooledState::Busy(slot, _) => {
                    self.attempt_failed(now, slot, AttemptEnding::ConnectionLost, listener);
                }
            }
        }
    }

    /// An app server's host died, and with it all that the process knew.
    pub(super) fn stop_server<L: Listener>(&mut self, now: SimTime, id: ServerId, listener: &mut L) {
        let server = &mut self.servers[id.index()];
        server.is_running = false;
        server.next_route = None;
        let pool = std::mem::take(&mut server.pool);
        let waiting = std::mem::take(&mut server.waiting);
        for pooled in pool {
            if let PooledState::Opening(_, timer) = pooled.state {
                self.queue.cancel(timer);
            }
            if let PooledState::Opening(slot, _) | PooledState::Busy(slot, _) = pooled.state {
                self.operations.end(slot);
            }
            if let Some(connection) = pooled.connection {
                self.owners[connection.index()] = None;
            }
        }
        for slot in waiting {
            self.operations.end(slot);
        }
        listener.observe(now, &Fact::ServerStopped { server: id });
    }

    /// An app server runs again, at its home.
    pub(super) fn restart_server<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
        server.is_running = true;
        if let Finding::Name(resolver) = &mut server.finding {
            resolver.restart();
        }
        listener.observe(now, &Fact::ServerRestarted { server: id });
        for client in 0..self.servers[id.index()].clients.len() as u32 {
            self.schedule_thought(now, id, client);
        }
    }

    /// The host of a member.
    pub(super) fn member_host(&self, member: MemberId) -> HostId {
        self.members[member.index()].host
    }

    /// Bytes of a reply that carries a value of a keyspace or not.
    pub(super) fn reply_bytes(&self, slot: Slot) -> u32 {
        let operation = self.operations.get(slot);
        if operation.request.command.is_write() {
            return REPLY_BYTES;
        }
        let keyspace = &self.blueprint.settings().workload.keyspaces[operation.keyspace().index()];
        REPLY_BYTES + keyspace.value_size.0
    }
}

/// Addresses the draws of a closed-loop client: apart from every app server's own.
fn client_address(server: ServerId, client: u32) -> u32 {
    0x8000_0000 | server.0 << 12 | client
}
