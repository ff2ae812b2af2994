//! Effects travel from member to member, over one link for each direction and shard.

use regionfall_crdt::{Applied, Clock, Dot, Effect, OriginId};
use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, LinkId, Message};
use super::world::{Owner, World};
use crate::database::{LinkState, shard_of};
use crate::history::{Fact, Listener};
use crate::network::{
    ConnectionId, ConnectionOptions, Draw, End, Opening, TrafficClass,
};
use crate::topology::MemberId;

/// A syncer gives up opening a connection after this long (assumed; the product's limit is not
/// published).
const OPENING_LIMIT: SimDuration = SimDuration::from_secs(5);
/// A member that has lost a link asks the others for what it may have missed, this often (assumed: the
/// documentation says only that members converge).
const ASK_OTHERS_EVERY: SimDuration = SimDuration::from_secs(10);
/// TLS and AUTH of a syncer's connection.
const SETUP_ROUND_TRIPS: u8 = 2;
/// Most effects of one message when a target catches up.
const LARGEST_BATCH: u64 = 256;
/// Bytes of a greeting beside its clock.
const GREETING_BYTES: u32 = 100;
/// Bytes of a message of effects beside the effects.
const EFFECTS_BYTES: u32 = 66;
/// The journal forgets what everybody has whenever an origin has this many new effects.
const FORGET_EVERY: u64 = 1_024;

impl World {
    /// A member executed a write: its effect is kept, and leaves on every open link.
    #[inline]
    pub(super) fn publish_effect(&mut self, now: SimTime, member: MemberId, effect: Effect) {
        let dot = effect.dot;
        let shard = shard_of(effect.key, self.blueprint.settings().database.shards);
        let bytes = effect.bytes() as u32;
        self.journal.push(effect);
        if dot.sequence.is_multiple_of(FORGET_EVERY) {
            self.forget_settled();
        }
        for target in 0..self.members.len() {
            if target == member.index() {
                continue;
            }
            let link = self.link_between(member, MemberId::from_index(target), shard);
            if let LinkState::Streaming(_) = self.links[usize::from(link.0)].state {
                self.process(now, link, dot, bytes);
            }
        }
    }

    /// The source's syncer works on an effect before it leaves.
    #[inline]
    fn process(&mut self, now: SimTime, link: LinkId, dot: Dot, bytes: u32) {
        let bits = self.processing_draws.bits(
            [u32::from(link.0), u32::from(dot.origin.0), dot.sequence as u32, 0].into(),
        );
        let delay = self.blueprint.processing().sample(bits);
        let lane = self.links[usize::from(link.0)].departures;
        if delay == SimDuration::ZERO && self.queue.lane_len(lane) == 0 {
            self.send_effects(now, link, dot, 1, bytes);
            return;
        }
        let at = (now + delay).max(self.queue.lane_last_time(lane));
        let sequence = dot.sequence as u32;
        self.queue.push_lane(lane, at, Event::Departure { link, origin: dot.origin, sequence });
    }

    /// An effect leaves its source.
    pub(super) fn depart(&mut self, now: SimTime, link: LinkId, origin: OriginId, sequence: u64) {
        let dot = Dot::new(origin, sequence);
        // A greeting that came in the meantime may have sent it already.
        let state = &self.links[usize::from(link.0)];
        if !matches!(state.state, LinkState::Streaming(_)) || state.sent.covers(dot) {
            return;
        }
        if let Some(effect) = self.journal.get(dot) {
            let bytes = effect.bytes() as u32;
            self.send_effects(now, link, dot, 1, bytes);
        }
    }

    fn send_effects(&mut self, now: SimTime, link: LinkId, first: Dot, count: u64, bytes: u32) {
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else { return };
        let last = Dot::new(first.origin, first.sequence + count - 1);
        state.sent.join(&Clock::from_iter([last]));
        let message = Message::Effects {
            link,
            origin: first.origin,
            count: count as u16,
            first: first.sequence as u32,
        };
        let draw = Draw {
            who: u32::from(link.0) | u32::from(first.origin.0) << 16,
            sequence: first.sequence as u32,
            attempt: 0,
            leg: 0,
        };
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Server),
            (message, bytes + EFFECTS_BYTES),
            draw,
        );
    }

    /// Effects reached the target of a link.
    #[inline]
    pub(super) fn effects_arrive<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        (origin, first, count): (OriginId, u64, u64),
        listener: &mut L,
    ) {
        let state = &self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, state.shard);
        let replica =
            &mut self.members[target.index()].shards[usize::from(shard)].replica;
        let known = replica.clock().get(origin);
        let last = first + count - 1;
        for sequence in first.max(known + 1)..=last {
            let Some(effect) = self.journal.get(Dot::new(origin, sequence)) else { break };
            match replica.apply(effect) {
                Applied::New | Applied::AlreadySeen => {}
                Applied::Gap { .. } => break,
            }
        }
        let now_known = replica.clock().get(origin);
        if now_known > known {
            let first = known + 1;
            listener.observe(
                now,
                &Fact::EffectsApplied { member: target, origin, first, last: now_known },
            );
            if self.journal.member(origin) != source {
                self.pass_on(now, target, shard, (origin, first, now_known));
            }
        }
        if self.links[usize::from(link.0)].catch_up.is_some() {
            self.note_caught_up(now, link, listener);
        }
    }

    /// A member learnt effects that were not their bearer's own: others may lack them too.
    fn pass_on(
        &mut self,
        now: SimTime,
        member: MemberId,
        shard: u16,
        (origin, first, last): (OriginId, u64, u64),
    ) {
        for target in 0..self.members.len() {
            let target = MemberId::from_index(target);
            if target == member {
                continue;
            }
            let link = self.link_between(member, target, shard);
            let sent = self.links[usize::from(link.0)].sent.get(origin);
            self.send_range(now, link, origin, (first.max(sent + 1), last));
        }
    }

    fn send_range(&mut self, now: SimTime, link: LinkId, origin: OriginId, range: (u64, u64)) {
        let (mut next, last) = range;
        while next <= last {
            let end = last.min(next + LARGEST_BATCH - 1);
            let bytes: usize = (next..=end)
                .filter_map(|sequence| self.journal.get(Dot::new(origin, sequence)))
                .map(Effect::bytes)
                .sum();
            self.send_effects(now, link, Dot::new(origin, next), end + 1 - next, bytes as u32);
            next = end + 1;
        }
    }

    /// A syncer tries to open its connection.
    pub(super) fn connect_link(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let (source, target) = (state.source, state.target);
        if !self.members[target.index()].is_running {
            return;
        }
        match state.state {
            LinkState::Streaming(_) | LinkState::Greeting(_) => return,
            LinkState::Opening(connection) => {
                self.network.close(now, &mut self.queue, connection, End::Client);
                self.ask_others(now, link);
            }
            LinkState::Down => {}
        }
        let state = &mut self.links[usize::from(link.0)];
        let sequence = state.greetings;
        state.greetings += 1;
        let opening = Opening {
            client: self.members[target.index()].host,
            server: self.members[source.index()].host,
            class: TrafficClass::Replication,
            options: ConnectionOptions {
                setup_round_trips: SETUP_ROUND_TRIPS,
                keepalive: None,
                user_timeout: None,
            },
            draw: Draw { who: u32::from(link.0), sequence, attempt: 1, leg: 0 },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.links[usize::from(link.0)].state = LinkState::Opening(connection);
        self.own(connection, Owner::Link(link));
        self.queue.schedule(now + OPENING_LIMIT, Event::LinkRetry(link));
    }

    /// A syncer's connection is open: it says what its member has.
    pub(super) fn link_opened(&mut self, now: SimTime, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Opening(connection) = state.state else { return };
        state.state = LinkState::Greeting(connection);
        self.greet(now, link);
    }

    fn greet(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let Some(connection) = state.connection() else { return };
        let clock =
            self.members[state.target.index()].shards[usize::from(state.shard)].replica.clock();
        let bytes = GREETING_BYTES + 16 * clock.len() as u32;
        let (who, sequence) = (u32::from(link.0), state.greetings);
        self.links[usize::from(link.0)].greeted_with = clock.clone();
        let draw = Draw { who, sequence, attempt: 2, leg: 0 };
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Client),
            (Message::Greeting(link), bytes),
            draw,
        );
    }

    /// A greeting reached the source: what the target lacks goes out, then the stream begins.
    pub(super) fn greeting_arrives(&mut self, now: SimTime, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        let (LinkState::Greeting(connection) | LinkState::Streaming(connection)) = state.state
        else {
            return;
        };
        if matches!(state.state, LinkState::Greeting(_)) {
            state.sent = Clock::new();
        }
        state.state = LinkState::Streaming(connection);
        let (source, shard) = (state.source, state.shard);
        let known = state.greeted_with.clone();
        state.sent.join(&known);
        let have = self.members[source.index()].shards[usize::from(shard)].replica.clock().clone();
        if self.links[usize::from(link.0)].disrupted_since != SimTime::NEVER {
            self.links[usize::from(link.0)].catch_up = Some(have.clone());
        }
        let forgotten = have
            .iter()
            .any(|dot| known.get(dot.origin) < self.journal.forgotten(dot.origin));
        if forgotten {
            self.send_full_state(now, link);
            return;
        }
        for dot in have.iter() {
            // What is still under way from before arrives twice, and is filtered.
            self.send_range(now, link, dot.origin, (known.get(dot.origin) + 1, dot.sequence));
        }
    }

    fn send_full_state(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else { return };
        let shard = usize::from(state.shard);
        let snapshot = self.members[state.source.index()].shards[shard].replica.clone();
        let bytes = u32::try_from(snapshot.bytes()).unwrap_or(u32::MAX);
        let state = &mut self.links[usize::from(link.0)];
        state.sent.join(snapshot.clock());
        state.full_state = Some(Box::new(snapshot));
        state.full_syncs += 1;
        let draw = Draw {
            who: u32::from(link.0),
            sequence: state.full_syncs as u32,
            attempt: 3,
            leg: 0,
        };
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Server),
            (Message::FullState(link), bytes),
            draw,
        );
    }

    /// A full state reached the target: a merge, not a replacement.
    pub(super) fn full_state_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        let state = &mut self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, state.shard);
        let Some(snapshot) = state.full_state.take() else { return };
        let replica = &mut self.members[target.index()].shards[usize::from(shard)].replica;
        let before = replica.clock().clone();
        replica.merge(&snapshot);
        let gained: Vec<_> = replica.clock().beyond(&before).collect();
        for range in gained {
            let (origin, first, last) = (range.origin, range.first, range.last);
            listener.observe(now, &Fact::EffectsApplied { member: target, origin, first, last });
            if self.journal.member(origin) != source {
                self.pass_on(now, target, shard, (origin, first, last));
            }
        }
        self.note_caught_up(now, link, listener);
    }

    /// A syncer's connection broke.
    pub(super) fn link_broken<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        connection: ConnectionId,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        if self.links[usize::from(link.0)].connection() != Some(connection) {
            return;
        }
        self.link_down(now, link, listener);
        let every = self.blueprint.settings().database.sync.reconnect_every;
        self.queue.schedule(now + every, Event::LinkRetry(link));
    }

    /// A link stops: nothing more will come over its connection.
    fn link_down<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let lane = self.links[usize::from(link.0)].departures;
        drop(self.queue.drain_lane(lane));
        let state = &mut self.links[usize::from(link.0)];
        let was_up = matches!(state.state, LinkState::Greeting(_) | LinkState::Streaming(_));
        state.state = LinkState::Down;
        state.full_state = None;
        state.catch_up = None;
        self.disrupt(now, link, listener);
        if was_up {
            self.ask_others(now, link);
        }
    }

    /// The target of a lost link asks its other sources for what it may have missed.
    fn ask_others(&mut self, now: SimTime, lost: LinkId) {
        let state = &mut self.links[usize::from(lost.0)];
        if now < state.asked_others_at + ASK_OTHERS_EVERY && state.asked_others_at > SimTime::ZERO {
            return;
        }
        state.asked_others_at = now;
        let (target, shard) = (state.target, state.shard);
        if !self.members[target.index()].is_running {
            return;
        }
        for source in 0..self.members.len() {
            let source = MemberId::from_index(source);
            if source == target {
                continue;
            }
            let link = self.link_between(source, target, shard);
            if let LinkState::Streaming(_) = self.links[usize::from(link.0)].state {
                self.links[usize::from(link.0)].greetings += 1;
                self.greet(now, link);
            }
        }
    }

    /// A fault keeps a link from carrying effects.
    pub(super) fn disrupt<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &mut self.links[usize::from(link.0)];
        if state.disrupted_since != SimTime::NEVER {
            return;
        }
        state.disrupted_since = now;
        let (source, target) = (state.source, state.target);
        listener.observe(now, &Fact::LinkDisrupted { source, target });
        let limit = self.blueprint.settings().database.sync.silence_limit;
        self.queue.schedule(now + limit, Event::LinkSilence(link));
    }

    /// What disturbed a link's path is over: what the source has now must still reach the target.
    pub(super) fn undisrupt<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &self.links[usize::from(link.0)];
        if state.disrupted_since == SimTime::NEVER
            || !matches!(state.state, LinkState::Streaming(_))
        {
            return;
        }
        let (source, shard) = (state.source, usize::from(state.shard));
        let have = self.members[source.index()].shards[shard].replica.clock().clone();
        self.links[usize::from(link.0)].catch_up = Some(have);
        self.note_caught_up(now, link, listener);
    }

    fn note_caught_up<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &self.links[usize::from(link.0)];
        let Some(goal) = &state.catch_up else { return };
        let (source, target) = (state.source, state.target);
        let shard = usize::from(state.shard);
        if !self.members[target.index()].shards[shard].replica.clock().dominates(goal) {
            return;
        }
        let state = &mut self.links[usize::from(link.0)];
        state.catch_up = None;
        state.disrupted_since = SimTime::NEVER;
        listener.observe(now, &Fact::LinkCaughtUp { source, target });
    }

    /// A syncer that has heard nothing for too long gives its connection up and opens a new one.
    pub(super) fn check_silence<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        let state = &self.links[usize::from(link.0)];
        let limit = self.blueprint.settings().database.sync.silence_limit;
        let is_due = state.disrupted_since != SimTime::NEVER
            && now >= state.disrupted_since + limit
            && state.catch_up.is_none();
        let (LinkState::Greeting(connection) | LinkState::Streaming(connection)) = state.state
        else {
            return;
        };
        let (source, target) = (state.source, state.target);
        let is_deaf = !self.members[source.index()].is_running
            || self.network.is_stalled(connection, End::Server)
            || self.network.is_cut(
                self.member_host(source),
                self.member_host(target),
                TrafficClass::Replication,
            );
        if !is_due || !is_deaf {
            return;
        }
        self.network.close(now, &mut self.queue, connection, End::Client);
        self.account_for_abandoned();
        self.link_down(now, link, listener);
        self.connect_link(now, link);
    }

    /// Every link of a member goes down with it; those that it would open itself wait for its restart.
    pub(super) fn stop_links<L: Listener>(
        &mut self,
        now: SimTime,
        member: MemberId,
        listener: &mut L,
    ) {
        for index in 0..self.links.len() {
            let link = LinkId(index as u16);
            let (source, target) = (self.links[index].source, self.links[index].target);
            if target == member {
                if let Some(connection) = self.links[index].connection() {
                    self.owners[connection.index()] = None;
                }
                self.link_down(now, link, listener);
            } else if source == member {
                drop(self.queue.drain_lane(self.links[index].departures));
                self.disrupt(now, link, listener);
            }
        }
    }

    /// A member runs again: its syncers connect at once.
    pub(super) fn start_links(&mut self, now: SimTime, member: MemberId) {
        for index in 0..self.links.len() {
            if self.links[index].target == member {
                self.connect_link(now, LinkId(index as u16));
            }
        }
    }

    /// Whether all running members have the same effects.
    pub(super) fn has_converged(&self) -> bool {
        let mut running = self.members.iter().filter(|member| member.is_running);
        let Some(first) = running.next() else { return true };
        running.all(|member| {
            member
                .shards
                .iter()
                .zip(&first.shards)
                .all(|(one, other)| same(one.replica.clock(), other.replica.clock()))
        })
    }

    /// The journal forgets what every member has, and members collect the tombstones that no effect still
    /// under way can need: those that every member had observed before any such effect was written.
    fn forget_settled(&mut self) {
        for shard in 0..self.blueprint.settings().database.shards {
            let index = usize::from(shard);
            let mut everywhere = self.members[0].shards[index].replica.clock().clone();
            let mut anywhere = everywhere.clone();
            for member in &self.members[1..] {
                everywhere.meet(member.shards[index].replica.clock());
                anywhere.join(member.shards[index].replica.clock());
            }
            let origins: Vec<OriginId> = self.journal.origins_of_shard(shard).collect();
            for origin in origins {
                self.journal.forget(origin, everywhere.get(origin));
            }
            // What was written up to the last look has arrived by now, so whatever is still under way
            // was written by members that had observed what was everywhere then.
            let (stable, written) = &self.last_look[index];
            if everywhere.dominates(written) {
                for member in &mut self.members {
                    member.shards[index].replica.collect(stable);
                }
                self.last_look[index] = (everywhere, anywhere);
            }
        }
    }
}

fn same(one: &Clock, other: &Clock) -> bool {
    one.dominates(other) && other.dominates(one)
}
