//! Sentinels at work: the world gives them ticks, carries what they say over connections of the network, and does to
//! the database's processes what they ask for. What they decide is `database/promotion/sentinel`.

use regionfall_kernel::{SimTime, TraceHash};

use super::event::{DispatchId, Event, Message, PostId};
use super::world::{Owner, World};
use crate::database::promotion::sentinel::{
    Observation, Sentinel, SentinelAction, SentinelAnswer, SentinelRequest, SentinelSight, Watched,
};
use crate::database::promotion::{PromotionRule, SentinelsAt};

use crate::history::{Fact, Listener};
use crate::network::{
    ConnectionId, ConnectionOptions, Draw, End, HostState, Opening, TrafficClass,
};
use crate::topology::{HostId, LocalTime, MemberId, NodeId, SentinelId};

/// Bytes of a message between Sentinels and processes, headers included; an `INFO` is longer.
const MESSAGE_BYTES: u32 = 200;
/// Bytes of an `INFO`: about what a small server sends.
const INFO_BYTES: u32 = 4_000;
/// The leg of what Sentinels and processes send.
pub(super) const LEG: u8 = 0x40;

/// A Sentinel in its place: it watches one shard of one member.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) sentinel: Sentinel,
    /// Where it runs.
    pub(super) host: HostId,
    pub(super) member: MemberId,
    pub(super) shard: u16,
    wires: Vec<Wire>,
    /// Its timer went off while its process hung or was down.
    is_late: bool,
    /// Its process died meanwhile: it starts anew.
    died: bool,
    /// Messages sent so far, for addressing draws.
    sent: u32,
}

impl Post {
    /// Whether one of its connections is open.
    pub(super) fn is_open(&self, wire: usize) -> bool {
        self.wires[wire].is_open
    }
}

/// A Sentinel's connection to somebody.
#[derive(Clone, Debug)]
struct Wire {
    to: Watched,
    connection: Option<ConnectionId>,
    is_open: bool,
    /// What leaves when it is open.
    waiting: Vec<SentinelRequest>,
}

/// A message under way.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Dispatch {
    post: PostId,
    wire: u16,
    content: Content,
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Content {
    Request(SentinelRequest),
    Answer(SentinelAnswer),
    Heard(crate::database::promotion::sentinel::Hello),
}

impl World {
    /// Sentinels for every shard of every member that has replicas, where the scenario wants them.
    pub(super) fn place_sentinels(&mut self, seed: regionfall_kernel::Seed) {
        let blueprint = self.blueprint.clone();
        let PromotionRule::Sentinels(config) = &blueprint.settings().database.promotion.rule else {
            return;
        };
        for member in 0..self.members.len() {
            let id = MemberId::from_index(member);
            let region = self.network.host(self.entrance_host(id)).region;
            let nodes: Vec<NodeId> = self.members[member].nodes().collect();
            if nodes.len() < 2 {
                continue;
            }
            let peers: Vec<SentinelId> = (0..config.count).map(SentinelId).collect();
            let mut hosts = Vec::new();
            for number in 0..usize::from(config.count) {
                hosts.push(match &config.at {
                    SentinelsAt::Nodes => self.node_host(nodes[number % nodes.len()]),
                    SentinelsAt::OwnHosts(zones) => {
                        let zone = match zones.len() {
                            0 => number as u16 % self.network.zones(region).max(1),
                            count => zones[number % count],
                        };
                        self.network.add_host(region, zone)
                    }
                });
            }
            for shard in 0..self.shards {
                let primary = self.members[member].primaries[usize::from(shard)];
                let draws =
                    seed.addressed_indexed("sentinels", (member as u64) << 16 | u64::from(shard));
                for (&peer, &host) in peers.iter().zip(&hosts) {
                    let sentinel =
                        Sentinel::new(peer, config.sentinel, (primary, &nodes), &peers, draws);
                    let watched = nodes.iter().map(|&node| Watched::Node(node));
                    let others = peers.iter().filter(|&&other| other != peer);
                    let watched = watched.chain(others.map(|&other| Watched::Sentinel(other)));
                    let wire = |to| Wire {
                        to,
                        connection: None,
                        is_open: false,
                        waiting: Vec::new(),
                    };
                    self.posts.push(Post {
                        sentinel,
                        host,
                        member: id,
                        shard,
                        wires: watched.map(wire).collect(),
                        is_late: false,
                        died: false,
                        sent: 0,
                    });
                }
            }
        }
    }

    pub(super) fn start_sentinels<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        for index in 0..self.posts.len() {
            let mut actions = Vec::new();
            let clock = LocalTime(now.as_nanos());
            self.posts[index].sentinel.start(clock, &mut actions);
            self.carry_out(now, PostId(index as u16), actions, listener);
        }
    }

    /// A Sentinel's timer is due. While its process hangs or is down it is late.
    pub(super) fn sentinel_due<L: Listener>(&mut self, now: SimTime, id: PostId, listener: &mut L) {
        let post = &mut self.posts[usize::from(id.0)];
        match self.network.host(post.host).state {
            HostState::Running => self.tell_sentinel(now, id, SentinelSight::Woken, listener),
            HostState::Hung(_) => post.is_late = true,
            _ => {
                post.is_late = true;
                post.died = true;
            }
        }
    }

    /// The Sentinels of a host run again.
    pub(super) fn wake_sentinels<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        listener: &mut L,
    ) {
        for index in 0..self.posts.len() {
            let post = &mut self.posts[index];
            if post.host != host || !std::mem::take(&mut post.is_late) {
                continue;
            }
            let id = PostId(index as u16);
            if std::mem::take(&mut post.died) {
                for wire in 0..self.posts[index].wires.len() {
                    self.cut_wire(now, id, wire);
                }
                let mut actions = Vec::new();
                let clock = LocalTime(now.as_nanos());
                self.posts[index].sentinel.start(clock, &mut actions);
                self.carry_out(now, id, actions, listener);
            } else {
                self.tell_sentinel(now, id, SentinelSight::Woken, listener);
            }
        }
    }

    fn tell_sentinel<L: Listener>(
        &mut self,
        now: SimTime,
        id: PostId,
        sight: SentinelSight,
        listener: &mut L,
    ) {
        let mut actions = Vec::new();
        let clock = LocalTime(now.as_nanos());
        self.posts[usize::from(id.0)]
            .sentinel
            .observe(clock, sight, &mut actions);
        self.carry_out(now, id, actions, listener);
    }

    fn carry_out<L: Listener>(
        &mut self,
        now: SimTime,
        id: PostId,
        actions: Vec<SentinelAction>,
        listener: &mut L,
    ) {
        for action in actions {
            match action {
                SentinelAction::Wake { at } => {
                    let at = SimTime::from_nanos(at.0).max(now);
                    self.queue.schedule(at, Event::SentinelTick(id));
                }
                SentinelAction::Connect { to } => self.open_wire(now, id, to),
                SentinelAction::Disconnect { to } => {
                    let wire = self.wire(id, to);
                    self.cut_wire(now, id, wire);
                }
                SentinelAction::Send { to, request } => {
                    let wire = self.wire(id, to);
                    let state = &mut self.posts[usize::from(id.0)].wires[wire];
                    if state.is_open {
                        self.dispatch(now, id, wire, End::Client, Content::Request(request));
                    } else {
                        state.waiting.push(request);
                    }
                }
                // Answers are taken where the question arrives.
                SentinelAction::Answer { .. } => {}
                SentinelAction::Note(note) => self.note_sentinel(now, id, note, listener),
            }
        }
    }

    pub(super) fn wire(&self, id: PostId, to: Watched) -> usize {
        let wires = &self.posts[usize::from(id.0)].wires;
        let place = wires.iter().position(|wire| wire.to == to);
        debug_assert!(place.is_some(), "a Sentinel speaks to those it knows");
        place.unwrap_or(0)
    }

    /// The Sentinel with this number in the group of another.
    fn colleague(&self, id: PostId, number: SentinelId) -> PostId {
        let own = &self.posts[usize::from(id.0)];
        let first = usize::from(id.0) - own.sentinel.id().index();
        PostId((first + number.index()) as u16)
    }

    fn host_of(&self, id: PostId, to: Watched) -> HostId {
        match to {
            Watched::Node(node) => self.node_host(node),
            Watched::Sentinel(number) => self.posts[usize::from(self.colleague(id, number).0)].host,
        }
    }

    fn open_wire(&mut self, now: SimTime, id: PostId, to: Watched) {
        let wire = self.wire(id, to);
        self.cut_wire(now, id, wire);
        let server = self.host_of(id, to);
        let draw = self.sentinel_draw(id);
        let opening = Opening {
            client: self.posts[usize::from(id.0)].host,
            server,
            class: TrafficClass::Check,
            options: ConnectionOptions::default(),
            draw,
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.posts[usize::from(id.0)].wires[wire].connection = Some(connection);
        self.own(connection, Owner::Sentinel(id, wire as u16));
    }

    fn cut_wire(&mut self, now: SimTime, id: PostId, wire: usize) {
        let state = &mut self.posts[usize::from(id.0)].wires[wire];
        state.is_open = false;
        state.waiting.clear();
        if let Some(connection) = state.connection.take() {
            self.owners[connection.index()] = None;
            self.network
                .close(now, &mut self.queue, connection, End::Client);
            self.account_for_abandoned();
        }
    }

    fn sentinel_draw(&mut self, id: PostId) -> Draw {
        let post = &mut self.posts[usize::from(id.0)];
        post.sent += 1;
        Draw {
            who: 0x4000_0000 | u32::from(id.0),
            sequence: post.sent,
            attempt: 0,
            leg: LEG,
        }
    }

    /// A Sentinel's connection is open: what waited for it leaves.
    pub(super) fn wire_opened(&mut self, now: SimTime, id: PostId, wire: u16) {
        let state = &mut self.posts[usize::from(id.0)].wires[usize::from(wire)];
        state.is_open = true;
        for request in std::mem::take(&mut state.waiting) {
            self.dispatch(
                now,
                id,
                usize::from(wire),
                End::Client,
                Content::Request(request),
            );
        }
    }

    /// A Sentinel's connection was refused, or broke.
    pub(super) fn wire_broken<L: Listener>(
        &mut self,
        now: SimTime,
        id: PostId,
        wire: u16,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        let state = &mut self.posts[usize::from(id.0)].wires[usize::from(wire)];
        state.connection = None;
        state.is_open = false;
        state.waiting.clear();
        let to = state.to;
        self.tell_sentinel(now, id, SentinelSight::LinkBroken { to }, listener);
    }

    pub(super) fn dispatch(
        &mut self,
        now: SimTime,
        id: PostId,
        wire: usize,
        from: End,
        content: Content,
    ) {
        let state = &self.posts[usize::from(id.0)].wires[wire];
        let Some(connection) = state.connection else {
            return;
        };
        let bytes = match content {
            Content::Answer(SentinelAnswer::Info(_)) => INFO_BYTES,
            _ => MESSAGE_BYTES,
        };
        let draw = self.sentinel_draw(id);
        let dispatch = Dispatch {
            post: id,
            wire: wire as u16,
            content,
        };
        let dispatch = DispatchId(self.dispatches.insert(dispatch));
        self.network.send(
            now,
            &mut self.queue,
            (connection, from),
            (Message::Dispatch(dispatch).into(), bytes),
            draw,
        );
        self.account_for_abandoned();
    }

    /// A message between a Sentinel and another, or a process, arrived.
    pub(super) fn dispatch_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        id: DispatchId,
        listener: &mut L,
    ) {
        let Some(dispatch) = self.dispatches.take(id.0) else {
            return;
        };
        let Dispatch {
            post,
            wire,
            content,
        } = dispatch;
        let state = &self.posts[usize::from(post.0)].wires[usize::from(wire)];
        if state.connection != Some(connection) {
            return;
        }
        let to = state.to;
        match content {
            Content::Answer(answer) => {
                let sight = SentinelSight::Answered { by: to, answer };
                self.tell_sentinel(now, post, sight, listener);
            }
            Content::Heard(hello) => {
                self.tell_sentinel(now, post, SentinelSight::Heard(hello), listener);
            }
            Content::Request(request) => {
                let answer = match to {
                    Watched::Node(node) => self.obey(now, post, node, request, listener),
                    Watched::Sentinel(number) => {
                        let colleague = self.colleague(post, number);
                        self.consult(now, (colleague, post), request, listener)
                    }
                };
                let wire = usize::from(wire);
                self.dispatch(now, post, wire, End::Server, Content::Answer(answer));
            }
        }
    }

    /// A Sentinel answers another.
    fn consult<L: Listener>(
        &mut self,
        now: SimTime,
        (asked, from): (PostId, PostId),
        request: SentinelRequest,
        listener: &mut L,
    ) -> SentinelAnswer {
        let by = self.posts[usize::from(from.0)].sentinel.id();
        let mut actions = Vec::new();
        let sight = SentinelSight::Asked { by, request };
        let clock = LocalTime(now.as_nanos());
        self.posts[usize::from(asked.0)]
            .sentinel
            .observe(clock, sight, &mut actions);
        let answer = actions.iter().find_map(|action| match action {
            SentinelAction::Answer { answer, .. } => Some(*answer),
            _ => None,
        });
        self.carry_out(now, asked, actions, listener);
        answer.unwrap_or(SentinelAnswer::Done)
    }

    fn note_sentinel<L: Listener>(
        &mut self,
        now: SimTime,
        id: PostId,
        found: Observation,
        listener: &mut L,
    ) {
        let place = &self.posts[usize::from(id.0)];
        let (member, shard, sentinel) = (place.member, place.shard, place.sentinel.id());
        let primary = place.sentinel.view().listed;
        let mut state = TraceHash::default();
        place.sentinel.hash_into(&mut state);
        let digest = state.finish();
        listener.observe(now, &Fact::SentinelState { sentinel, digest });
        let fact = match found {
            Observation::SubjectivelyDown(node) if node == primary => Fact::SubjectivelyDown {
                sentinel,
                shard,
                node,
            },
            Observation::ObjectivelyDown(node) => Fact::ObjectivelyDown {
                sentinel,
                shard,
                node,
            },
            Observation::Stands { .. } => Fact::PromotionBegan {
                member,
                shard,
                node: primary,
            },
            Observation::Switched { to, epoch, .. } => Fact::PrimaryAnnounced {
                sentinel,
                member,
                shard,
                node: to,
                epoch,
            },
            _ => return,
        };
        listener.observe(now, &fact);
    }
}
