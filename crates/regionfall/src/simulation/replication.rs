//! Effects travel from member to member, over one link for each direction and shard.

use regionfall_crdt::{Applied, Dot, Effect, OriginId};
use regionfall_kernel::SimTime;

use super::event::{Event, LinkId, Message};
use super::sabotage::Mutation;
use super::world::World;
use crate::database::{LinkState, Relay};
use crate::history::{CopyEnd, Fact, Listener};
use crate::network::{Draw, End};
use crate::topology::{MemberId, NodeId};

/// Most effects of one message when a target catches up.
const LARGEST_BATCH: u64 = 256;
/// Bytes of a message of effects beside the effects.
const EFFECTS_BYTES: u32 = 66;
/// The journal forgets what everybody has whenever an origin has this many new effects.
const FORGET_EVERY: u64 = 1_024;

impl World {
    /// A node executed a write: its effect is kept, and leaves on every open link.
    #[inline]
    pub(super) fn publish_effect(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        effect: Effect,
    ) {
        let dot = effect.dot;
        let bytes = self.journal.push(effect);
        self.note_effects(now, node, shard, (dot.origin, dot.sequence, dot.sequence));
        if dot.sequence.is_multiple_of(FORGET_EVERY) {
            self.forget_settled();
            if self.memory.is_some() {
                self.reopen_shards(now);
            }
        }
        if self.inner_links < self.links.len() {
            // The replicas' connections get it in the same turn in which the client gets its answer.
            self.feed_replicas(now, node, shard, (dot.origin, dot.sequence, dot.sequence));
        }
        self.feed_members(now, node, shard, dot, bytes);
    }

    /// An effect of a member's own is at a node: it leaves on the links to other members that read from it.
    #[inline]
    fn feed_members(&mut self, now: SimTime, node: NodeId, shard: u16, dot: Dot, bytes: u32) {
        let member = self.nodes[node.index()].member;
        // The links of a source stand side by side, those of one shard as far apart as there are shards.
        let shards = usize::from(self.shards());
        let first = member.index() * (self.members.len() - 1) * shards + usize::from(shard);
        for number in 0..self.members.len() - 1 {
            let link = LinkId((first + number * shards) as u16);
            let state = &self.links[usize::from(link.0)];
            if let LinkState::Streaming(_) = state.state
                && state.source == node
            {
                self.process(now, link, dot, bytes);
            }
        }
    }

    /// A primary has effects that its replicas may lack: they get them in the order in which it applied them.
    fn feed_replicas(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        (origin, first, last): (OriginId, u64, u64),
    ) {
        for index in self.links_within(node) {
            let state = &self.links[index];
            let is_fed = state.shard == shard && matches!(state.state, LinkState::Streaming(_));
            if !is_fed {
                continue;
            }
            let (link, sent) = (LinkId(index as u16), state.sent.get(origin));
            if first <= self.journal.forgotten(origin) && sent < self.journal.forgotten(origin) {
                self.send_full_state(now, link);
            } else {
                self.send_range(now, link, origin, (first.max(sent + 1), last));
            }
        }
    }

    /// The source's syncer works on an effect before it leaves.
    #[inline]
    pub(super) fn process(&mut self, now: SimTime, link: LinkId, dot: Dot, bytes: u32) {
        let Some(processing) = self.blueprint.processing() else {
            self.send_effects(now, link, dot, 1, bytes);
            return;
        };
        let address = [
            u32::from(link.0),
            u32::from(dot.origin.0),
            dot.sequence as u32,
            0,
        ];
        let delay = processing.sample(self.processing_draws.bits(address.into()));
        let lane = self.links[usize::from(link.0)].departures;
        let at = (now + delay).max(self.queue.lane_last_time(lane));
        let sequence = dot.sequence as u32;
        self.queue.push_lane(
            lane,
            at,
            Event::Departure {
                link,
                origin: dot.origin,
                sequence,
            },
        );
    }

    /// An effect leaves its source.
    pub(super) fn depart(&mut self, now: SimTime, link: LinkId, origin: OriginId, sequence: u64) {
        if self.sabotage.is(Mutation::DropsEffects) && sequence.is_multiple_of(16) {
            return;
        }
        let dot = Dot::new(origin, sequence);
        // A greeting that came in the meantime may have sent it already.
        let state = &self.links[usize::from(link.0)];
        let writes_as = self.nodes[state.source.index()].shards[usize::from(state.shard)].origin;
        let sent = if origin == writes_as {
            state.sent_own
        } else {
            state.sent.get(origin)
        };
        if sequence <= sent {
            return;
        }
        let (source, carrier) = (state.source, state.carrier);
        if self.is_hung(source) || (carrier != source && self.is_hung(carrier)) {
            self.links[usize::from(link.0)].held.push(dot);
            return;
        }
        if let Some(effect) = self.journal.get(dot) {
            let bytes = effect.bytes() as u32;
            self.send_effects(now, link, dot, 1, bytes);
        }
    }

    pub(super) fn send_effects(
        &mut self,
        now: SimTime,
        link: LinkId,
        first: Dot,
        count: u64,
        bytes: u32,
    ) {
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else {
            return;
        };
        let last = first.sequence + count - 1;
        let own = self.nodes[state.source.index()].shards[usize::from(state.shard)].origin;
        if first.origin == own {
            state.sent_own = state.sent_own.max(last);
        } else {
            state.sent.extend_to(Dot::new(first.origin, last));
        }
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
            (message.into(), bytes + EFFECTS_BYTES),
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
        let count = if self.fences.is_empty() {
            count
        } else {
            self.within_fence(link, (origin, first, count))
        };
        if count == 0 {
            return;
        }
        let state = &self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, state.shard);
        // As a rule it was executed where the link reads, and nobody else waits for it at the target.
        let is_direct = self.journal.node(origin) == source;
        if is_direct {
            self.measure_backlog(link);
        } else {
            self.measure_other_backlog(link, origin);
        }
        let replica = &mut self.nodes[target.index()].shards[usize::from(shard)].replica;
        // The dots that are new here, if any are.
        let gained = if count == 1 {
            let effect = self.journal.get(Dot::new(origin, first));
            let is_new = if self.sabotage.is(Mutation::TellsWithoutApplying)
                && first.is_multiple_of(16)
            {
                true
            } else if self.sabotage.is(Mutation::ChangesTimestamps) && first.is_multiple_of(16) {
                effect.is_some_and(|effect| {
                    let mut other = effect.clone();
                    other.at.0 += 1_000_000_000;
                    replica.apply(&other) == Applied::New
                })
            } else {
                effect.is_some_and(|effect| replica.apply(effect) == Applied::New)
            };
            is_new.then_some((first, first))
        } else {
            let known = replica.clock().get(origin);
            for sequence in first.max(known + 1)..first + count {
                let Some(effect) = self.journal.get(Dot::new(origin, sequence)) else {
                    break;
                };
                if let Applied::Gap { .. } = replica.apply(effect) {
                    break;
                }
            }
            let last = replica.clock().get(origin);
            (last > known).then_some((known + 1, last))
        };
        let is_told = !(self.sabotage.is(Mutation::AppliesInSecret) && first.is_multiple_of(16));
        if let Some((first, last)) = gained.filter(|_| is_told) {
            if self.capacity.is_some() {
                self.work_beside(now, (target, shard), last + 1 - first);
            }
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    node: target,
                    origin,
                    first,
                    last,
                },
            );
            self.note_effects(now, target, shard, (origin, first, last));
            if !is_direct || self.inner_links < self.links.len() || self.is_causal() {
                self.hand_on(now, (source, target), shard, (origin, first, last));
            }
            if self.streams.hears_messages {
                self.hear_messages(target, (origin, first, last));
            }
        }
        if self.links[usize::from(link.0)].catch_up.is_some() {
            self.note_caught_up(now, link, listener);
        }
        if self.memory.is_some() {
            self.relieve_memory(now, target, shard, listener);
        }
    }

    /// An effect that the source of a link did not execute is about to arrive: the backlog of its writer's own link may
    /// shrink.
    #[cold]
    fn measure_other_backlog(&mut self, link: LinkId, origin: OriginId) {
        let state = &self.links[usize::from(link.0)];
        let member = |node: NodeId| self.nodes[node.index()].member;
        let writer = member(self.journal.node(origin));
        let (from, to, shard) = (member(state.source), member(state.target), state.shard);
        if writer == from {
            self.measure_backlog(link);
        } else if writer != to {
            self.measure_backlog(self.link_between(writer, to, shard));
        }
    }

    /// A node has new effects from another: who else must get them from it?
    fn hand_on(
        &mut self,
        now: SimTime,
        (source, target): (NodeId, NodeId),
        shard: u16,
        (origin, first, last): (OriginId, u64, u64),
    ) {
        let member = |node: NodeId| self.nodes[node.index()].member;
        let (writer, from, to) = (
            member(self.journal.node(origin)),
            member(source),
            member(target),
        );
        let is_cluster = self.members[to.index()].is_cluster();
        if from != to {
            if is_cluster {
                self.feed_replicas(now, target, shard, (origin, first, last));
            }
            // What a former primary wrote its successor may lack.
            let is_succeeded = self.members[writer.index()].primaries[usize::from(shard)]
                != self.journal.node(origin);
            if self.is_causal() {
                self.relay_in_order(now, target, shard, [writer, from], (origin, first, last));
            } else if writer != from || is_succeeded {
                self.pass_on(now, target, shard, (origin, first, last));
            }
        } else if self.is_causal() {
            self.relay_in_order(now, target, shard, [writer, writer], (origin, first, last));
        } else if writer == to {
            for sequence in first..=last {
                let dot = Dot::new(origin, sequence);
                let bytes = self.journal.get(dot).map_or(0, Effect::bytes) as u32;
                self.feed_members(now, target, shard, dot, bytes);
            }
        } else {
            if !self.members[to.index()].relays.is_empty() {
                self.relay(now, target, shard, (origin, last));
            }
            if self.has_lost_data {
                self.feed_what_came_late(now, (source, target), shard, (origin, first, last));
            }
        }
    }

    /// A replica that feeds other members catches up with its primary. They may have greeted it while it lacked this, and the
    /// writer may have lost it.
    #[cold]
    fn feed_what_came_late(
        &mut self,
        now: SimTime,
        (primary, node): (NodeId, NodeId),
        shard: u16,
        (origin, first, last): (OriginId, u64, u64),
    ) {
        let inner = self.link_within(primary, node, shard);
        let catches_up =
            inner.is_some_and(|link| self.links[usize::from(link.0)].catch_up.is_some());
        if !catches_up {
            return;
        }
        self.send_on(now, (node, shard), (origin, first, last));
    }

    /// Sends effects to the other members that a node feeds, as far as they have not been sent. Says whether it feeds all.
    fn send_on(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        (origin, first, last): (OriginId, u64, u64),
    ) -> bool {
        let member = self.nodes[node.index()].member;
        let mut feeds_all = true;
        for target in (0..self.members.len()).map(MemberId::from_index) {
            if target == member {
                continue;
            }
            let link = self.link_between(member, target, shard);
            let state = &self.links[usize::from(link.0)];
            if state.source == node {
                let first = first.max(state.sent.get(origin) + 1);
                self.send_range(now, link, origin, (first, last));
            } else {
                feeds_all = false;
            }
        }
        feeds_all
    }

    /// A member learnt effects that were not their bearer's own: others may lack them too.
    fn pass_on(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        (origin, first, last): (OriginId, u64, u64),
    ) {
        if !self.send_on(now, (node, shard), (origin, first, last)) {
            let member = self.nodes[node.index()].member;
            self.members[member.index()].relays.push(Relay {
                shard,
                origin,
                first,
                last,
            });
        }
    }

    /// A replica that feeds other members has effects up to `last` that are to be passed on.
    fn relay(&mut self, now: SimTime, node: NodeId, shard: u16, (origin, last): (OriginId, u64)) {
        let member = self.nodes[node.index()].member;
        let relays = &mut self.members[member.index()].relays;
        let is_due =
            |relay: &Relay| relay.shard == shard && relay.origin == origin && relay.first <= last;
        let due: Vec<Relay> = relays.iter().copied().filter(is_due).collect();
        relays.retain(|relay| !is_due(relay) || relay.last > last);
        for relay in due {
            let range = (origin, relay.first, last.min(relay.last));
            self.send_on(now, (node, shard), range);
        }
    }

    pub(super) fn send_range(
        &mut self,
        now: SimTime,
        link: LinkId,
        origin: OriginId,
        range: (u64, u64),
    ) {
        let (mut next, last) = range;
        if self.sabotage.is(Mutation::SkipsFirstOfRange) {
            next += 1;
        }
        while next <= last {
            let end = last.min(next + LARGEST_BATCH - 1);
            let bytes: usize = (next..=end)
                .filter_map(|sequence| self.journal.get(Dot::new(origin, sequence)))
                .map(Effect::bytes)
                .sum();
            self.send_effects(
                now,
                link,
                Dot::new(origin, next),
                end + 1 - next,
                bytes as u32,
            );
            next = end + 1;
        }
    }

    pub(super) fn send_full_state(&mut self, now: SimTime, link: LinkId) {
        let state = &self.links[usize::from(link.0)];
        let LinkState::Streaming(connection) = state.state else {
            return;
        };
        let full_sync = self.blueprint.settings().database.sync.full_sync;
        if full_sync.takes_time() {
            self.begin_full_sync(now, link);
            return;
        }
        let shard = usize::from(state.shard);
        let snapshot = self.nodes[state.source.index()].shards[shard]
            .replica
            .clone();
        let bytes = u32::try_from(self.state_bytes(&snapshot)).unwrap_or(u32::MAX);
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
            (Message::FullState(link).into(), bytes),
            draw,
        );
    }

    /// A full state reached the target, or its last part.
    pub(super) fn full_state_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        if self.links[usize::from(link.0)].full_sync.is_some() {
            self.begin_load(now, link);
        } else {
            self.take_in_state(now, link, listener);
        }
    }

    /// A full synchronization goes on; when the target has the state it asks for what arose meanwhile.
    pub(super) fn full_sync_goes_on<L: Listener>(
        &mut self,
        now: SimTime,
        (link, number): (LinkId, u32),
        listener: &mut L,
    ) {
        if !self.step_full_sync(now, link, number) {
            return;
        }
        let Some(sync) = self.end_full_sync(now, link) else {
            return;
        };
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Syncing(connection) = state.state else {
            return;
        };
        state.full_state = Some(Box::new(sync.state));
        state.state = LinkState::Greeting(connection);
        state.follows_state = true;
        state.greetings += 1;
        self.take_in_state(now, link, listener);
        self.greet(now, link);
    }

    /// A target takes in a full state: a merge, not a replacement, unless it follows the source.
    fn take_in_state<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &mut self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, state.shard);
        let Some(snapshot) = state.full_state.take() else {
            return;
        };
        if self.sabotage.is(Mutation::DropsFullStates) {
            return;
        }
        if self.is_fenced(link) {
            return;
        }
        let state = &mut self.links[usize::from(link.0)];
        let replaces = std::mem::take(&mut state.replaces);
        self.measure_backlogs(target, shard);
        let replica = &mut self.nodes[target.index()].shards[usize::from(shard)].replica;
        let before = replica.clock().clone();
        if replaces {
            *replica = *snapshot;
            self.note_state(now, (target, shard), None);
            let replica = &self.nodes[target.index()].shards[usize::from(shard)].replica;
            let discarded: Vec<_> = before.beyond(replica.clock()).collect();
            for range in discarded {
                let fact = Fact::CopiesEnded {
                    node: target,
                    origin: range.origin,
                    kept: range.first - 1,
                    cause: CopyEnd::Replaced,
                };
                listener.observe(now, &fact);
            }
        } else {
            replica.merge(&snapshot);
            self.note_state(now, (target, shard), Some(&snapshot));
        }
        let replica = &self.nodes[target.index()].shards[usize::from(shard)].replica;
        let gained: Vec<_> = replica.clock().beyond(&before).collect();
        let gained = gained.into_iter();
        let gained: Vec<_> = gained
            .map(|range| (range.origin, range.first, range.last))
            .collect();
        self.note_floor(link, &gained);
        if replaces {
            self.unsettle(target, shard);
        }
        if replaces && self.members[self.nodes[target.index()].member.index()].is_cluster() {
            self.renew_replicas(now, target, shard, listener);
        }
        for (origin, first, last) in gained {
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    node: target,
                    origin,
                    first,
                    last,
                },
            );
            self.hand_on(now, (source, target), shard, (origin, first, last));
        }
        self.note_caught_up(now, link, listener);
        if self.memory.is_some() {
            self.relieve_memory(now, target, shard, listener);
        }
    }
}
