//! Syncers: they open links, greet, lose their connection and try again.

use regionfall_crdt::{Clock, Dot, OriginId};
use regionfall_kernel::{SimDuration, SimTime};

use super::event::{Event, LinkId, Message};
use super::sabotage::Mutation;
use super::world::{Owner, World};
use crate::database::{Carrier, DatabaseKind, LinkState, Missed, Progress, Role, Scope, Standing};
use crate::history::Listener;
use crate::network::{
    ConnectionId, ConnectionOptions, Draw, End, HostState, Opening, TrafficClass,
};
use crate::topology::{MemberId, NodeId};

/// A syncer gives up opening a connection after this long (assumed; the product's limit is not
/// published).
const OPENING_LIMIT: SimDuration = SimDuration::from_secs(5);
/// A member that has lost a link asks the others for what it may have missed, this often (assumed: the
/// documentation says only that members converge).
const ASK_OTHERS_EVERY: SimDuration = SimDuration::from_secs(10);
/// TLS and AUTH of a syncer's connection.
const SETUP_ROUND_TRIPS: u8 = 2;
/// Bytes of a greeting beside its clock.
const GREETING_BYTES: u32 = 100;

impl World {
    /// A syncer tries to open its connection.
    pub(super) fn connect_link(&mut self, now: SimTime, link: LinkId) {
        if !self.aim(link) {
            return;
        }
        let state = &self.links[usize::from(link.0)];
        let (carrier, target) = (state.carrier, state.target);
        let is_stopped = state.stopped_by > 0 || self.is_out_of_memory(target, state.shard);
        if !self.nodes[target.index()].is_running || is_stopped {
            return;
        }
        if self.is_hung(target) {
            self.links[usize::from(link.0)].missed.retry = true;
            return;
        }
        let state = &self.links[usize::from(link.0)];
        match state.state {
            LinkState::Streaming(_)
            | LinkState::Syncing(_)
            | LinkState::Greeting(_)
            | LinkState::Orphaned(_) => return,
            LinkState::Opening(connection) => {
                self.note_out_of_reach(link);
                self.network
                    .close(now, &mut self.queue, connection, End::Client);
                self.ask_others(now, link);
            }
            LinkState::Down => {}
        }
        let state = &mut self.links[usize::from(link.0)];
        let sequence = state.greetings;
        state.greetings += 1;
        let opening = Opening {
            client: self.node_host(target),
            server: self.node_host(carrier),
            class: TrafficClass::Replication,
            options: ConnectionOptions {
                setup_round_trips: SETUP_ROUND_TRIPS,
                keepalive: None,
                user_timeout: None,
            },
            draw: Draw {
                who: u32::from(link.0),
                sequence,
                attempt: 1,
                leg: 0,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.links[usize::from(link.0)].state = LinkState::Opening(connection);
        self.own(connection, Owner::Link(link));
        self.retry_link_at(now + OPENING_LIMIT, link);
    }

    /// Points a link that is to be opened at the right processes: between members from a replica if one runs, to the
    /// primary (source: Redis Software docs, Active-Active create: replica shards feed the peers). Says whether there
    /// is anything to carry.
    fn aim(&mut self, link: LinkId) -> bool {
        let state = &self.links[usize::from(link.0)];
        let shard = usize::from(state.shard);
        let source = self.nodes[state.source.index()].member;
        let target = self.nodes[state.target.index()].member;
        match state.scope {
            Scope::Replicas => {
                let role = |node: NodeId| self.nodes[node.index()].shards[shard].role;
                role(state.target) == Role::Replica
                    && self.nodes[state.target.index()].shards[shard].follows == state.source
            }
            Scope::Members => {
                let is_kept = self.sabotage.is(Mutation::ForgetsFencing)
                    && self
                        .blueprint
                        .settings()
                        .database
                        .kind
                        .replicates(source.index(), target.index());
                if !self.replicates(source, target) && !is_kept {
                    return false;
                }
                if matches!(state.state, LinkState::Down | LinkState::Opening(_)) {
                    let feeder = self.feeder(source, shard);
                    let primary = self.members[target.index()].primaries[shard];
                    let carrier = self.carrier(source, feeder, link);
                    let state = &mut self.links[usize::from(link.0)];
                    (state.source, state.target) = (feeder, primary);
                    state.carrier = carrier;
                }
                true
            }
        }
    }

    /// The node of a member from which others read a shard.
    pub(super) fn feeder(&self, member: MemberId, shard: usize) -> NodeId {
        let member = &self.members[member.index()];
        let primary = member.primaries[shard];
        member
            .nodes()
            .filter(|&node| node != primary)
            .find(|node| {
                let node = &self.nodes[node.index()];
                node.is_running && node.shards[shard].follows == primary
            })
            .unwrap_or(primary)
    }

    /// The node of a member at whose address the others' syncers find it.
    fn carrier(&self, member: MemberId, feeder: NodeId, link: LinkId) -> NodeId {
        let member = &self.members[member.index()];
        match self.blueprint.settings().database.sync.carrier {
            Carrier::Direct => feeder,
            Carrier::Centralized => member.entrance,
            Carrier::Distributed => {
                let runs = |node: &NodeId| self.nodes[node.index()].is_running;
                let up: Vec<NodeId> = member.nodes().filter(runs).collect();
                let turn = usize::from(link.0) % up.len().max(1);
                up.get(turn).copied().unwrap_or(feeder)
            }
        }
    }

    /// The syncer will try to connect at this moment, and at no other that it had planned.
    pub(super) fn retry_link_at(&mut self, at: SimTime, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        self.queue.cancel(state.retry);
        state.retry = self.queue.arm(at, Event::LinkRetry(link));
    }

    /// A syncer's connection is open: it says what its member has.
    pub(super) fn link_opened(&mut self, now: SimTime, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        let LinkState::Opening(connection) = state.state else {
            return;
        };
        state.state = LinkState::Greeting(connection);
        if state.since_start == Progress::OutOfReach {
            state.since_start = Progress::Awaited;
        }
        self.queue.cancel(state.retry);
        if !self.waits_for_other_sources(now, link) {
            self.greet(now, link);
        }
    }

    pub(super) fn greet(&mut self, now: SimTime, link: LinkId) {
        let reconciles = self.reconciles(link);
        let state = &self.links[usize::from(link.0)];
        let Some(connection) = state.connection() else {
            return;
        };
        let clock = if reconciles {
            Clock::new()
        } else {
            self.nodes[state.target.index()].shards[usize::from(state.shard)]
                .replica
                .clock()
                .clone()
        };
        let bytes = GREETING_BYTES + 16 * clock.len() as u32;
        let (who, sequence) = (u32::from(link.0), state.greetings);
        self.links[usize::from(link.0)].greeted_with = clock;
        let draw = Draw {
            who,
            sequence,
            attempt: 2,
            leg: 0,
        };
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Client),
            (Message::Greeting(link).into(), bytes),
            draw,
        );
    }

    /// A greeting reached the source: what the target lacks goes out, then the stream begins.
    pub(super) fn greeting_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        link: LinkId,
        listener: &mut L,
    ) {
        let state = &mut self.links[usize::from(link.0)];
        let (LinkState::Greeting(connection) | LinkState::Streaming(connection)) = state.state
        else {
            return;
        };
        // Behind a proxy that runs there may be no process that does.
        let (source, carrier) = (state.source, state.carrier);
        if source != carrier && !self.nodes[source.index()].is_running {
            self.let_go(now, link, listener);
            return;
        }
        let state = &mut self.links[usize::from(link.0)];
        let is_first = matches!(state.state, LinkState::Greeting(_));
        let is_rest = std::mem::take(&mut state.follows_state);
        if is_first {
            (state.sent, state.sent_own) = (Clock::new(), 0);
        }
        state.state = LinkState::Streaming(connection);
        state.lost_at = SimTime::NEVER;
        self.replica_attached(now, link);
        let state = &mut self.links[usize::from(link.0)];
        let (source, shard) = (state.source, state.shard);
        if self.is_loading(source) {
            // It refuses; the other ends the connection and tries again later. That the refusal has a way back is
            // left out.
            self.hang_up(now, link, listener);
            let every = self.blueprint.settings().database.sync.reconnect_every;
            self.retry_link_at(now + every, link);
            return;
        }
        let state = &mut self.links[usize::from(link.0)];
        let known = state.greeted_with.clone();
        state.sent.join(&known);
        let have = self.nodes[source.index()].shards[usize::from(shard)]
            .replica
            .clock()
            .clone();
        // What a former primary had and the new one never got: only a whole state rids the target of it.
        let database = &self.blueprint.settings().database;
        let is_inner = self.links[usize::from(link.0)].scope == Scope::Replicas;
        let is_copy = is_inner || database.kind == DatabaseKind::GeoPassive;
        let is_divergent = is_copy && !have.dominates(&known);
        // A copy that is made anew has no history in common with its primary.
        let is_new = known.is_empty()
            && self.nodes[self.links[usize::from(link.0)].target.index()].standing
                == Standing::Joined;
        let resyncs_fully = database.sync.replicas_resync_fully || is_new;
        let always_full = is_inner && resyncs_fully && is_first && !is_rest;
        self.links[usize::from(link.0)].replaces = is_divergent;
        let is_disturbed = self.links[usize::from(link.0)].disrupted_since != SimTime::NEVER;
        if is_disturbed && !is_divergent {
            self.links[usize::from(link.0)].catch_up = Some(have.clone());
            // A target that lacks nothing gets nothing by which it would be noticed.
            self.note_caught_up(now, link, listener);
        }
        let forgotten = have
            .iter()
            .any(|dot| known.get(dot.origin) < self.journal.forgotten(dot.origin));
        let is_empty = have.is_empty();
        let is_covered = !forgotten && self.backlog_covers(link, &known, &have);
        let is_partial = is_covered && !is_divergent && (!always_full || is_empty);
        if is_first && !is_rest && !is_empty {
            let state = &mut self.links[usize::from(link.0)];
            state.partial_syncs += u64::from(is_partial);
            state.partial_failures += u64::from(!is_covered && !known.is_empty());
        }
        if !is_partial {
            if is_disturbed && is_divergent {
                self.links[usize::from(link.0)].catch_up = Some(have);
            }
            if is_divergent {
                // What the target said it has is about to go.
                self.links[usize::from(link.0)].sent = Clock::new();
            }
            self.send_full_state(now, link);
            return;
        }
        if self.sabotage.is(Mutation::SkipsCatchUp) {
            return;
        }
        if !is_inner && self.is_causal() {
            self.send_in_causal_order(now, link, &known, &have);
            return;
        }
        for dot in have.iter() {
            // What is still under way from before arrives twice, and is filtered.
            self.send_range(
                now,
                link,
                dot.origin,
                (known.get(dot.origin) + 1, dot.sequence),
            );
        }
    }

    /// A syncer tried in vain to reach its source.
    fn note_out_of_reach(&mut self, link: LinkId) {
        let state = &mut self.links[usize::from(link.0)];
        if state.since_start == Progress::Awaited {
            state.since_start = Progress::OutOfReach;
        }
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
        let state = &self.links[usize::from(link.0)];
        if state.connection() != Some(connection) {
            return;
        }
        if self.is_hung(state.target) {
            self.links[usize::from(link.0)].missed.broken = Some(connection);
            return;
        }
        let target = state.target;
        let shard = state.shard;
        if let LinkState::Opening(_) = state.state {
            self.note_out_of_reach(link);
        }
        self.link_down(now, link, listener);
        self.review_stale(now, target, shard, listener);
        let every = self.blueprint.settings().database.sync.reconnect_every;
        self.retry_link_at(now + every, link);
    }

    /// A link stops: nothing more will come over its connection.
    pub(super) fn link_down<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let lane = self.links[usize::from(link.0)].departures;
        drop(self.queue.drain_lane(lane));
        let state = &mut self.links[usize::from(link.0)];
        let was_up = !matches!(state.state, LinkState::Down | LinkState::Opening(_));
        state.state = LinkState::Down;
        if was_up {
            state.lost_at = now;
        }
        state.held.clear();
        state.full_state = None;
        state.follows_state = false;
        state.catch_up = None;
        self.end_full_sync(now, link);
        self.disrupt(now, link, listener);
        if was_up {
            self.ask_others(now, link);
        }
    }

    /// The target of a lost link asks its other sources for what it may have missed.
    pub(super) fn ask_others(&mut self, now: SimTime, lost: LinkId) {
        let state = &mut self.links[usize::from(lost.0)];
        if now < state.asked_others_at + ASK_OTHERS_EVERY && state.asked_others_at > SimTime::ZERO {
            return;
        }
        state.asked_others_at = now;
        let (target, shard) = (state.target, state.shard);
        if !self.nodes[target.index()].is_running || state.scope == Scope::Replicas {
            return;
        }
        let target = self.nodes[target.index()].member;
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

    /// Every link of a node goes down with it; those that it would open itself wait for its restart.
    pub(super) fn stop_links<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        for index in 0..self.links.len() {
            let link = LinkId(index as u16);
            let (source, target) = (self.links[index].source, self.links[index].target);
            let carrier = self.links[index].carrier;
            if target == node {
                if let Some(connection) = self.links[index].connection() {
                    self.owners[connection.index()] = None;
                }
                self.links[index].missed = Missed::default();
                // The kernel of a process that died tells its peers; a machine that died does not.
                if let HostState::ProcessDead(_) = self.network.host(self.node_host(node)).state {
                    self.replica_detached(link);
                }
                self.link_down(now, link, listener);
            } else if carrier == node {
                self.forget_target(now, link);
                self.disrupt(now, link, listener);
                // A proxy that had closed it cannot say so any more.
                if source != carrier && self.is_closing(link) {
                    self.let_go(now, link, listener);
                }
            } else if source == node {
                self.close_at_carrier(now, link, listener);
            }
        }
    }

    /// The process behind a proxy died: the proxy lets what it had got go out, and closes the connection.
    fn close_at_carrier<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        let state = &self.links[usize::from(link.0)];
        if let LinkState::Greeting(connection)
        | LinkState::Syncing(connection)
        | LinkState::Streaming(connection) = state.state
        {
            self.forget_target(now, link);
            self.network
                .close(now, &mut self.queue, connection, End::Server);
            if !self.network.exists(connection) {
                self.let_go(now, link, listener);
                return;
            }
        }
        self.disrupt(now, link, listener);
    }

    /// Whether a link's source has closed a connection, and its target does not know it yet.
    fn is_closing(&self, link: LinkId) -> bool {
        let state = &self.links[usize::from(link.0)];
        matches!(state.state, LinkState::Orphaned(id) if !self.network.is_open(id))
    }

    /// A link ends at once, and is tried again as any that broke.
    fn let_go<L: Listener>(&mut self, now: SimTime, link: LinkId, listener: &mut L) {
        self.hang_up(now, link, listener);
        let every = self.blueprint.settings().database.sync.reconnect_every;
        self.retry_link_at(now + every, link);
    }

    /// A source knows nothing of a link any more; its target has not noticed yet.
    pub(super) fn forget_target(&mut self, now: SimTime, link: LinkId) {
        self.settle_own(link);
        drop(
            self.queue
                .drain_lane(self.links[usize::from(link.0)].departures),
        );
        let state = &mut self.links[usize::from(link.0)];
        state.held.clear();
        state.catch_up = None;
        if let LinkState::Greeting(id) | LinkState::Syncing(id) | LinkState::Streaming(id) =
            state.state
        {
            state.state = LinkState::Orphaned(id);
        }
        self.end_full_sync(now, link);
    }

    /// A link's source will write as another origin; what it sent as this one may still arrive.
    pub(super) fn settle_own(&mut self, link: LinkId) {
        let writes_as = self.writes_as(link);
        let state = &mut self.links[usize::from(link.0)];
        let own = std::mem::take(&mut state.sent_own);
        state.sent.extend_to(Dot::new(writes_as, own));
    }

    /// As what a link's source writes.
    pub(super) fn writes_as(&self, link: LinkId) -> OriginId {
        let state = &self.links[usize::from(link.0)];
        self.nodes[state.source.index()].shards[usize::from(state.shard)].origin
    }

    /// A node runs again: its syncers connect at once.
    pub(super) fn start_links(&mut self, now: SimTime, node: NodeId) {
        if self.sabotage.is(Mutation::ForgetsLinksAtRestart) {
            return;
        }
        for index in 0..self.links.len() {
            if self.links[index].target == node {
                self.connect_link(now, LinkId(index as u16));
            }
        }
    }
}
