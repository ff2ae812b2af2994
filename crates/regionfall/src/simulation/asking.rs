//! App servers ask: requests arrive, become operations, are tried, answered, tried again.

use regionfall_kernel::SimTime;

use super::event::Event;
use super::sabotage::Mutation;
use super::world::World;
use crate::client::{Finding, Operation, PooledState, Slot, next_attempt_after, proves_no_effect};
use crate::failover::Sight;
use crate::history::{AttemptEnding, Ending, Fact, Listener, Phase};
use crate::network::ConnectionId;
use crate::topology::{MemberId, OperationId, ServerId};
use crate::workload::{Arrivals, TooFew, arrival_bits};

impl World {
    /// Schedules the first request of every app server and closed-loop client.
    pub(super) fn start_arrivals(&mut self, now: SimTime) {
        for index in 0..self.servers.len() {
            let id = ServerId::from_index(index);
            if self.is_external(id) {
                continue;
            }
            if self.servers[index].clients.is_empty() {
                self.schedule_arrival(now, id);
            }
            for client in 0..self.servers[index].clients.len() as u32 {
                self.schedule_thought(now, id, client, Ending::Acknowledged);
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

    pub(super) fn schedule_arrival(&mut self, now: SimTime, server: ServerId) {
        let state = &self.servers[server.index()];
        let bits = arrival_bits(self.request_draws, server.0, state.issued);
        let fleet = state.fleet;
        let gap = self.blueprint.gap(fleet).sample(bits);
        let gap = self.surged(gap, fleet);
        self.queue.schedule(now + gap, Event::Arrival(server));
    }

    /// The client's next question; `ending` is how its last one ended.
    pub(super) fn schedule_thought(
        &mut self,
        now: SimTime,
        server: ServerId,
        client: u32,
        ending: Ending,
    ) {
        let state = &self.servers[server.index()];
        let fleet = &self.blueprint.settings().workload.fleets[state.fleet.index()];
        let Arrivals::Closed {
            think,
            pause_after_error,
            ..
        } = &fleet.arrivals
        else {
            return;
        };
        let sequence = state.clients[client as usize];
        let bits = arrival_bits(self.request_draws, client_address(server, client), sequence);
        let pause = match ending {
            Ending::Acknowledged => think,
            Ending::Failed | Ending::Unknown => pause_after_error,
        };
        let fleet = state.fleet;
        let pause = pause.quantile(regionfall_kernel::unit_from_bits(bits));
        let pause = self.surged(pause, fleet);
        self.queue
            .schedule(now + pause, Event::Thought(server, client));
    }

    /// A question becomes an operation, and its first attempt begins.
    pub(super) fn ask<L: Listener>(
        &mut self,
        now: SimTime,
        server: ServerId,
        (who, sequence, client): (u32, u32, Option<u32>),
        listener: &mut L,
    ) {
        let fleet = self.servers[server.index()].fleet;
        let home = self.blueprint.settings().workload.fleets[fleet.index()].home[0];
        let request = self
            .blueprint
            .workload()
            .request(self.request_draws, who, sequence, home);
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
            redirects: 0,
            asks: None,
            member: home,
            in_doubt: false,
            unconfirmed: false,
            is_outdated: false,
            is_bound: false,
            due: SimTime::NEVER,
            waits_until: None,
            version: 0,
            wrote: None,
            ended: false,
            travelling: 0,
        });
        self.begin_attempt(now, slot, listener);
    }

    /// Chooses a member for the attempt and takes a connection.
    pub(super) fn begin_attempt<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        listener: &mut L,
    ) {
        let id = self.operations.get(slot).server;
        self.tell_of_command(now, id, listener);
        self.take_next_route(now, id, listener);
        if self.servers[id.index()].looks_each_time {
            self.look_at_name(now, id, listener);
        }
        let member = self.sabotaged_member(slot, self.member_for(id, slot));
        self.operations.get_mut(slot).member = member;
        if self.is_turned_away(now, (id, slot), member, listener) {
            return;
        }
        if self.routes_by_slot() {
            self.take_connection_to_node(now, id, slot, listener);
        } else {
            self.take_connection(now, id, slot, listener);
        }
    }

    fn take_connection<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let member = self.operations.get(slot).member;
        let server = &self.servers[id.index()];
        if let Some(position) = server.idle_connection(member) {
            self.send_request(now, id, position, slot, listener);
        } else if server.has_room(member) {
            self.open_for(now, id, slot, listener);
        } else {
            self.wait_for_connection(now, id, slot);
        }
    }

    /// An operation waits until a connection is free, or one may be opened.
    pub(super) fn wait_for_connection(&mut self, now: SimTime, id: ServerId, slot: Slot) {
        let wait = self.strategy.client.pool_wait;
        self.servers[id.index()].waiting.push_back(slot);
        if let Some(wait) = wait {
            let operation = self.operations.get(slot).id;
            self.queue
                .schedule(now + wait, Event::PoolTimeout(id, slot, operation));
        }
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
        // A reply to an attempt that was given up arrives at a closed connection and is not seen, unless the client
        // leaves connections open.
        let is_current = !operation.ended && operation.attempt == attempt;
        if !is_current && self.strategy.client.habits.keeps_connection_on_timeout {
            self.operations.message_gone(slot);
            return;
        }
        debug_assert!(is_current);
        let server = &mut self.servers[id.index()];
        let Some(position) = server.position(connection) else {
            return;
        };
        server.pool[position].state = PooledState::Idle;
        self.operations.message_gone(slot);
        let asks = self.asks_before_connecting(member);
        // A client that asks Sentinels takes "read only" for a lost connection, and lets go of former primaries.
        let is_readonly =
            is_error && self.asks_sentinels(member) && self.leads_to_replica(id, position);
        let is_used_up = !self.strategy.client.keeps_connections;
        if is_used_up || is_readonly || asks && self.leads_astray(id, position) {
            self.drop_pooled(now, id, position);
        }
        if self.reads_again(now, (id, slot), listener) {
            // The reply is not taken for an answer.
        } else if is_readonly {
            self.attempt_failed(now, slot, AttemptEnding::Refused, listener);
        } else if self.counts_as_unanswered(slot) {
            self.attempt_failed(now, slot, AttemptEnding::Timeout, listener);
        } else if is_error {
            self.attempt_failed(now, slot, AttemptEnding::ErrorReply, listener);
        } else if self.sabotage.is(Mutation::SendsTwice) && attempt == 0 && number.0 % 16 == 0 {
            self.attempt_failed(now, slot, AttemptEnding::Timeout, listener);
        } else {
            let ending = AttemptEnding::Reply;
            listener.observe(
                now,
                &Fact::AttemptEnded {
                    operation: number,
                    attempt,
                    member,
                    ending,
                },
            );
            self.tell_judge(now, id, member, (false, false), listener);
            self.remember_write(slot);
            let member = Some(member);
            self.end_operation(now, slot, (Ending::Acknowledged, member), listener);
        }
        self.serve_waiting(now, id, listener);
    }

    /// Whether the application does not take a write for done that too few replicas have.
    fn counts_as_unanswered(&self, slot: Slot) -> bool {
        let operation = self.operations.get(slot);
        operation.unconfirmed && {
            let keyspace = operation.keyspace();
            let wait = self.blueprint.settings().workload.keyspaces[keyspace.index()].wait;
            wait.is_some_and(|wait| wait.too_few == TooFew::Fail)
        }
    }

    /// An attempt failed: another follows, or the operation ends.
    pub(super) fn attempt_failed<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        ending: AttemptEnding,
        listener: &mut L,
    ) {
        let operation = self.operations.get_mut(slot);
        operation.in_doubt |= !proves_no_effect(ending);
        operation.asks = None;
        let (number, attempt, member) = (operation.id, operation.attempt, operation.member);
        let tries = attempt - operation.redirects;
        let (id, command, in_doubt) = (
            operation.server,
            operation.request.command,
            operation.in_doubt,
        );
        listener.observe(
            now,
            &Fact::AttemptEnded {
                operation: number,
                attempt,
                member,
                ending,
            },
        );
        let draw = self.retry_draw(slot);
        let client = &self.strategy.client;
        let retry = next_attempt_after(client, command, tries, ending, draw);
        // What the member's own client tries again itself nobody hears of.
        let is_reported =
            retry.is_none() || (u32::from(tries) + 1).is_multiple_of(client.habits.inner_attempts);
        let is_failure = !matches!(
            ending,
            AttemptEnding::ErrorReply | AttemptEnding::PoolExhausted
        );
        if is_failure && is_reported {
            let timed_out = matches!(
                ending,
                AttemptEnding::Timeout | AttemptEnding::ConnectTimeout
            );
            self.tell_judge(now, id, member, (true, timed_out), listener);
        }
        self.doubt_slot_map(now, (id, member), ending);
        let is_sent_again = self.sabotage.is(Mutation::RetriesEverything) && attempt < 3;
        let retry = retry.or(is_sent_again.then_some(regionfall_kernel::SimDuration::ZERO));
        if let Some(wait) = retry {
            let operation = self.operations.get_mut(slot);
            operation.attempt += 1;
            operation.is_bound = false;
            operation.due = now + wait;
            self.queue.schedule(now + wait, Event::Retry(slot, number));
            self.follow_switch(id, slot);
        } else {
            let ending = if in_doubt {
                Ending::Unknown
            } else {
                Ending::Failed
            };
            self.end_operation(now, slot, (ending, None), listener);
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
        let state = self.operations.get_mut(slot);
        if state.id == operation && !state.ended && state.due <= now {
            state.due = SimTime::NEVER;
            self.begin_attempt(now, slot, listener);
        }
    }

    pub(super) fn end_operation<L: Listener>(
        &mut self,
        now: SimTime,
        slot: Slot,
        (ending, member): (Ending, Option<MemberId>),
        listener: &mut L,
    ) {
        let operation = self.operations.get(slot);
        let (number, server, client) = (operation.id, operation.server, operation.client);
        let trouble = &mut self.servers[server.index()].trouble_since;
        if ending == Ending::Acknowledged {
            *trouble = SimTime::NEVER;
        } else {
            *trouble = now.min(*trouble);
        }
        listener.observe(
            now,
            &Fact::OperationEnded {
                operation: number,
                ending,
                member,
            },
        );
        self.operations.end(slot);
        if let Some(client) = client {
            self.schedule_thought(now, server, client, ending);
        }
    }

    /// Tells an app server's own judge how an attempt went, if it wants to know.
    pub(super) fn tell_judge<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        (failed, timed_out): (bool, bool),
        listener: &mut L,
    ) {
        if let Finding::Pointer(decider) = self.servers[id.index()].finding
            && let Some(slot) = self.deciders.get(decider.index())
            && slot.watches_traffic
        {
            self.show(
                now,
                decider,
                Sight::AttemptEnded {
                    member,
                    failed,
                    timed_out,
                },
                listener,
            );
        }
    }

    pub(super) fn is_usable(&self, now: SimTime, id: ServerId, member: MemberId) -> bool {
        match self.servers[id.index()].finding {
            // Who points without a judge of one's own, such as people, is not asked.
            Finding::Pointer(decider) => self
                .deciders
                .get(decider.index())
                .is_none_or(|slot| slot.is_usable(now, member)),
            Finding::Fixed | Finding::Name(_) => true,
        }
    }
}

/// Addresses the draws of a closed-loop client: apart from every app server's own.
fn client_address(server: ServerId, client: u32) -> u32 {
    0x8000_0000 | server.0 << 12 | client
}
