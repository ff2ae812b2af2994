//! Effects travel from member to member, over one link for each direction and shard.

use regionfall_crdt::{Applied, Clock, Dot, Effect, OriginId};
use regionfall_kernel::SimTime;

use super::event::{Event, LinkId, Message};
use super::world::World;
use crate::database::{LinkState, Member, shard_of};
use crate::history::{Fact, Listener};
use crate::network::{Draw, End, HostState};
use crate::topology::MemberId;

/// Most effects of one message when a target catches up.
const LARGEST_BATCH: u64 = 256;
/// Bytes of a message of effects beside the effects.
const EFFECTS_BYTES: u32 = 66;
/// The journal forgets what everybody has whenever an origin has this many new effects.
const FORGET_EVERY: u64 = 1_024;

impl World {
    /// A member executed a write: its effect is kept, and leaves on every open link.
    #[inline]
    pub(super) fn publish_effect(&mut self, now: SimTime, member: MemberId, effect: Effect) {
        let dot = effect.dot;
        let shard = shard_of(effect.key, self.shards());
        let bytes = effect.bytes() as u32;
        self.journal.push(effect);
        if dot.sequence.is_multiple_of(FORGET_EVERY) {
            self.forget_settled();
            if self.memory.is_some() {
                self.reopen_shards(now);
            }
        }
        // The links of a source stand side by side, those of one shard as far apart as there are shards.
        let shards = usize::from(self.shards());
        let first = member.index() * (self.members.len() - 1) * shards + usize::from(shard);
        for number in 0..self.members.len() - 1 {
            let link = LinkId((first + number * shards) as u16);
            if let LinkState::Streaming(_) = self.links[usize::from(link.0)].state {
                self.process(now, link, dot, bytes);
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
        let dot = Dot::new(origin, sequence);
        // A greeting that came in the meantime may have sent it already.
        let state = &mut self.links[usize::from(link.0)];
        if sequence <= state.sent_own {
            return;
        }
        let source = self.members[state.source.index()].host;
        if let HostState::Hung(_) = self.network.host(source).state {
            state.held.push(dot);
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
        let own = self.members[state.source.index()].shards[usize::from(state.shard)].origin;
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
        let state = &self.links[usize::from(link.0)];
        let (source, target, shard) = (state.source, state.target, state.shard);
        let writer = self.journal.member(origin);
        if writer == source {
            self.measure_backlog(link);
        } else if writer != target {
            self.measure_backlog(self.link_between(writer, target, shard));
        }
        let replica = &mut self.members[target.index()].shards[usize::from(shard)].replica;
        // The dots that are new here, if any are.
        let gained = if count == 1 {
            let effect = self.journal.get(Dot::new(origin, first));
            let is_new = effect.is_some_and(|effect| replica.apply(effect) == Applied::New);
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
        if let Some((first, last)) = gained {
            if self.capacity.is_some() {
                self.work_beside(now, (target, shard), last + 1 - first);
            }
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    member: target,
                    origin,
                    first,
                    last,
                },
            );
            if self.journal.member(origin) != source {
                self.pass_on(now, target, shard, (origin, first, last));
            }
        }
        if self.links[usize::from(link.0)].catch_up.is_some() {
            self.note_caught_up(now, link, listener);
        }
        if self.memory.is_some() {
            self.relieve_memory(now, target, shard, listener);
        }
    }

    /// A member learnt effects that were not their bearer's own: others may lack them too.
    pub(super) fn pass_on(
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

    pub(super) fn send_range(
        &mut self,
        now: SimTime,
        link: LinkId,
        origin: OriginId,
        range: (u64, u64),
    ) {
        let (mut next, last) = range;
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
        let shard = usize::from(state.shard);
        let snapshot = self.members[state.source.index()].shards[shard]
            .replica
            .clone();
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
            (Message::FullState(link).into(), bytes),
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
        let Some(snapshot) = state.full_state.take() else {
            return;
        };
        self.measure_backlogs(target, shard);
        let replica = &mut self.members[target.index()].shards[usize::from(shard)].replica;
        let before = replica.clock().clone();
        replica.merge(&snapshot);
        let gained: Vec<_> = replica.clock().beyond(&before).collect();
        for range in gained {
            let (origin, first, last) = (range.origin, range.first, range.last);
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    member: target,
                    origin,
                    first,
                    last,
                },
            );
            if self.journal.member(origin) != source {
                self.pass_on(now, target, shard, (origin, first, last));
            }
        }
        self.note_caught_up(now, link, listener);
        if self.memory.is_some() {
            self.relieve_memory(now, target, shard, listener);
        }
    }

    /// Whether all members that run, or will run again, have the same effects.
    pub(super) fn has_converged(&self) -> bool {
        let is_starting = |member: &Member| {
            !member.is_running && self.host_faults[member.host.index()].is_empty()
        };
        if self.members.iter().any(is_starting) {
            return false;
        }
        let mut running = self.members.iter().filter(|member| member.is_running);
        let Some(first) = running.next() else {
            return true;
        };
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
    pub(super) fn forget_settled(&mut self) {
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
