//! Which member an attempt is for, and what client libraries do around that: connections opened in advance,
//! commands that wait for a failover, reads that are checked.

use regionfall_crdt::Dot;
use regionfall_kernel::SimTime;

use super::event::Event;
use super::sabotage::Mutation;
use super::world::{Owner, World};
use crate::client::{Finding, Pooled, PooledState, Slot};
use crate::database::shard_of;
use crate::failover::{Action, RetryJitter, Sight};
use crate::history::{AttemptEnding, Fact, Listener};
use crate::network::{Draw, Opening, TrafficClass};
use crate::topology::{DeciderId, MemberId, NodeId, ServerId};

/// Addresses the draw that decides to which share an operation belongs.
const SHARE_DRAW: u32 = 0x5348_4152;
/// Addresses the draw of a wait before a retry.
const RETRY_DRAW: u32 = 0x5254_5259;
/// Addresses connections that are opened in advance, apart from those that an operation waits for.
const IN_ADVANCE: u8 = 0x20;

impl World {
    /// Where an app server sends what from now on, as its judge says.
    pub(super) fn steer<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        action: Action,
        listener: &mut L,
    ) {
        let slot = &self.deciders[id.index()];
        let Some(server) = slot.server else {
            match (slot.relay, action) {
                (Some(relay), Action::Use { member }) => {
                    self.gather_upstream(relay);
                    self.choose_upstream(now, relay, member, listener);
                }
                (Some(relay), Action::Share { member, per_mille }) => {
                    self.spread_upstream(relay, member, per_mille);
                }
                _ => {}
            }
            return;
        };
        let steering = &mut self.servers[server.index()].steering;
        match action {
            Action::Use { member } => {
                steering.clear();
                self.point(now, server, member, listener);
                self.wake_stranded(now, server);
            }
            Action::UseForReads { member } => steering.reads = Some(member),
            Action::Share { member, per_mille } => steering.share(member, per_mille),
            Action::UseForShard { shard, member } => steering.send_shard(shard, member),
            Action::Carry { version } => steering.version = version,
            _ => {}
        }
    }

    /// A judge that looks when a command begins looks.
    pub(super) fn tell_of_command<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        if let Finding::Pointer(decider) = self.servers[id.index()].finding
            && let Some(slot) = self.deciders.get(decider.index())
            && slot.wants_commands
        {
            self.show(now, decider, Sight::CommandBegins, listener);
        }
    }

    /// The member that a new attempt of an operation is for.
    pub(super) fn member_for(&self, id: ServerId, slot: Slot) -> MemberId {
        let server = &self.servers[id.index()];
        let operation = self.operations.get(slot);
        let client = &self.strategy.client;
        let is_inner = !u32::from(operation.attempt).is_multiple_of(client.habits.inner_attempts);
        let stays = operation.attempt > 0 && (client.retry_same_member || is_inner);
        if stays || operation.is_bound {
            return operation.member;
        }
        let steering = &server.steering;
        if steering.is_plain() {
            return server.route.member();
        }
        let shard = usize::from(shard_of(operation.key(), self.shards()));
        if let Some(&Some(member)) = steering.by_shard.get(shard) {
            return member;
        }
        if let Some(member) = steering
            .reads
            .filter(|_| !operation.request.command.is_write())
        {
            return member;
        }
        let address = [operation.who, operation.sequence, SHARE_DRAW, 0];
        let draw = self.processing_draws.unit(address.into()) * 1_000.0;
        let member = steering.member_of_draw(draw as u16);
        member.unwrap_or_else(|| server.route.member())
    }

    /// The same, unless a test has broken it on purpose: every second operation then goes to its fleet's last home.
    #[inline]
    pub(super) fn sabotaged_member(&self, slot: Slot, member: MemberId) -> MemberId {
        if !self.sabotage.is(Mutation::WritesEverywhere) {
            return member;
        }
        let operation = self.operations.get(slot);
        let stays = operation.attempt > 0 && self.strategy.client.retry_same_member;
        let fleet = self.servers[operation.server.index()].fleet;
        let homes = &self.blueprint.settings().workload.fleets[fleet.index()].home;
        match homes.last() {
            Some(&last) if !stays && operation.id.0 % 2 == 1 => last,
            _ => member,
        }
    }

    /// Whether an attempt for a member that counts as down ends here: at once, or after it has waited for
    /// another to be chosen.
    pub(super) fn is_turned_away<L: Listener>(
        &mut self,
        now: SimTime,
        (id, slot): (ServerId, Slot),
        member: MemberId,
        listener: &mut L,
    ) -> bool {
        let must_hold = self.strategy.conduct.lease.is_some();
        if !(must_hold || self.strategy.client.fails_at_once_when_down)
            || self.is_usable(now, id, member)
        {
            return false;
        }
        let habits = self.strategy.client.habits;
        let operation = self.operations.get_mut(slot);
        if let Some(wait) = habits.waits_for_failover {
            let until = *operation.waits_until.get_or_insert(now + wait);
            if now < until {
                operation.due = until;
                let number = operation.id;
                self.queue.schedule(until, Event::Retry(slot, number));
                self.servers[id.index()].stranded.push(slot);
                return true;
            }
        }
        self.attempt_failed(now, slot, AttemptEnding::TargetDown, listener);
        true
    }

    /// Commands that wait for another member to be chosen try again.
    fn wake_stranded(&mut self, now: SimTime, id: ServerId) {
        for slot in std::mem::take(&mut self.servers[id.index()].stranded) {
            let operation = self.operations.get_mut(slot);
            if !operation.ended
                && operation.waits_until.is_some()
                && operation.due != SimTime::NEVER
            {
                operation.due = now;
                self.queue.schedule(now, Event::Retry(slot, operation.id));
            }
        }
    }

    /// A failed attempt follows a switch that came while it was under way, if the client's retries do.
    pub(super) fn follow_switch(&mut self, id: ServerId, slot: Slot) {
        if self.strategy.client.habits.retry_follows_switch {
            let member = self.servers[id.index()].route.member();
            self.operations.get_mut(slot).member = member;
        }
    }

    /// App servers that open connections to every member in advance do so.
    pub(super) fn open_in_advance<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        if !self.strategy.client.habits.opens_in_advance {
            return;
        }
        for index in 0..self.servers.len() {
            let fleet = self.servers[index].fleet;
            let home = self.blueprint.settings().workload.fleets[fleet.index()]
                .home
                .clone();
            for member in home {
                self.fill_pool(now, ServerId::from_index(index), member, listener);
            }
        }
    }

    /// Opens what a pool lacks to a member.
    pub(super) fn fill_pool<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        listener: &mut L,
    ) {
        if !self.strategy.client.habits.opens_in_advance || !self.servers[id.index()].is_running {
            return;
        }
        let server = &self.servers[id.index()];
        let (host, fleet) = (server.host, server.fleet);
        let open = server.pool.iter().filter(|pooled| pooled.member == member);
        let lacking = server.pool_limit.saturating_sub(open.count());
        for _ in 0..lacking {
            let sequence = self.servers[id.index()].opened;
            self.servers[id.index()].opened += 1;
            listener.observe(now, &Fact::ConnectBegan { server: id, member });
            let opening = Opening {
                client: host,
                server: self.entrance_host(member),
                class: TrafficClass::Client,
                options: self.pool_options(fleet),
                draw: Draw {
                    who: id.0,
                    sequence,
                    attempt: IN_ADVANCE,
                    leg: 0,
                },
            };
            let connection = self.network.open(now, &mut self.queue, opening);
            self.servers[id.index()].pool.push(Pooled {
                tried: 0,
                node: None,
                connection: Some(connection),
                member,
                state: PooledState::Warming,
            });
            self.own(connection, Owner::Pool(id));
        }
    }

    /// What varies in an operation's wait before its next attempt; worth nothing where nothing does.
    pub(super) fn retry_draw(&self, slot: Slot) -> f64 {
        if self.strategy.client.habits.retry_jitter == RetryJitter::None {
            return 0.0;
        }
        let operation = self.operations.get(slot);
        let attempt = u32::from(operation.attempt);
        let address = [operation.who, operation.sequence, RETRY_DRAW, attempt];
        self.processing_draws.unit(address.into())
    }

    /// A write was acknowledged: where reads are checked, the app server knows its version.
    #[inline]
    pub(super) fn remember_write(&mut self, slot: Slot) {
        if self.strategy.client.habits.checks_versions {
            let operation = self.operations.get(slot);
            if let Some(dot) = operation.wrote {
                let (id, key) = (operation.server, operation.key());
                self.servers[id.index()].steering.wrote.insert(key, dot);
            }
        }
    }

    /// A process executed an operation of a client that checks its reads: it is noted what it wrote, or whether it
    /// read something older than the asking app server's own last write.
    pub(super) fn note_version(
        &mut self,
        slot: Slot,
        replica: (NodeId, usize),
        wrote: Option<Dot>,
    ) {
        let operation = self.operations.get(slot);
        let (id, key) = (operation.server, operation.key());
        let known = self.servers[id.index()].steering.wrote.get(&key).copied();
        let (node, shard) = replica;
        let clock = self.nodes[node.index()].shards[shard].replica.clock();
        let lacks = known.is_some_and(|dot| clock.get(dot.origin) < dot.sequence);
        let operation = self.operations.get_mut(slot);
        operation.is_outdated = lacks && !operation.request.command.is_write();
        operation.wrote = wrote;
    }

    /// A read came back that does not have what this app server wrote itself: it is asked again where that
    /// was written. Says whether it is.
    pub(super) fn reads_again<L: Listener>(
        &mut self,
        now: SimTime,
        (id, slot): (ServerId, Slot),
        listener: &mut L,
    ) -> bool {
        let left = self.servers[id.index()].steering.left;
        let operation = self.operations.get_mut(slot);
        let Some(left) = left.filter(|&left| {
            operation.is_outdated && !operation.is_bound && left != operation.member
        }) else {
            return false;
        };
        let (number, attempt, member) = (operation.id, operation.attempt, operation.member);
        operation.is_outdated = false;
        operation.is_bound = true;
        operation.attempt += 1;
        operation.member = left;
        listener.observe(
            now,
            &Fact::AttemptEnded {
                operation: number,
                attempt,
                member,
                ending: AttemptEnding::ErrorReply,
            },
        );
        operation.due = now;
        self.queue.schedule(now, Event::Retry(slot, number));
        true
    }
}
