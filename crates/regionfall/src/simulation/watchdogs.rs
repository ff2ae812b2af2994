//! Nodes' watchdogs at work: the world gives them ticks, carries their messages, and does what they decide. What they
//! decide is `database/promotion/watchdog`.
//!
//! Their messages take the paths between their hosts; the connections between watchdogs are not modelled for
//! themselves, since each heartbeat says everything anew.

use regionfall_kernel::{Seed, SimTime, TraceHash};

use super::event::{DogId, Event, TidingsId};
use super::world::World;
use crate::database::Standing;
use crate::database::promotion::PromotionRule;
use crate::database::promotion::watchdog::{
    OwnProcess, Watchdog, WatchdogAction, WatchdogMessage, WatchdogNote, WatchdogSight,
};
use crate::history::{Fact, Listener};
use crate::network::{Draw, HostState, TrafficClass};
use crate::topology::{HostId, LocalTime, MemberId, NodeId, SentinelId};

/// Bytes of a heartbeat, headers included.
const MESSAGE_BYTES: u32 = 300;
/// The leg of what watchdogs send.
const LEG: u8 = 0x44;
/// The first number of nodes that only vote, one for each member that needs it.
const FIRST_VOTER: u8 = 200;

/// A watchdog in its place.
#[derive(Clone)]
pub(super) struct Kennel {
    watchdog: Watchdog,
    member: MemberId,
    host: HostId,
    /// The node it watches; none of the members' own for one that only votes.
    node: Option<NodeId>,
    is_late: bool,
    died: bool,
    sent: u32,
}

/// A message between watchdogs under way.
#[derive(Clone, Debug)]
pub(super) struct Tidings {
    to: DogId,
    from: NodeId,
    message: WatchdogMessage,
}

impl World {
    /// A watchdog on each node of every member with several, and one that only votes where their number is even
    /// (Redis Software docs, quorum-only nodes).
    pub(super) fn place_watchdogs(&mut self, seed: Seed) {
        let blueprint = self.blueprint.clone();
        let PromotionRule::Watchdogs(config) = &blueprint.settings().database.promotion.rule else {
            return;
        };
        for member in 0..self.members.len() {
            let id = MemberId::from_index(member);
            if !self.members[member].is_cluster() {
                continue;
            }
            let draws = seed.addressed_indexed("watchdogs", member as u64);
            let mut places: Vec<(NodeId, u16, HostId)> = self.members[member]
                .nodes()
                .map(|node| {
                    let host = self.node_host(node);
                    (node, self.network.host(host).zone, host)
                })
                .collect();
            if places.len().is_multiple_of(2) {
                let region = self.network.host(places[0].2).region;
                let zones = self.network.zones(region).max(1);
                let is_free = |zone: &u16| places.iter().all(|place| place.1 != *zone);
                let zone = (0..zones).find(is_free).unwrap_or(zones - 1);
                let host = self.network.add_host(region, zone);
                places.push((NodeId(FIRST_VOTER + member as u8), zone, host));
            }
            let nodes: Vec<(NodeId, u16)> =
                places.iter().map(|&(node, zone, _)| (node, zone)).collect();
            let primaries = self.members[member].primaries.clone();
            for (node, _, host) in places {
                let watchdog = Watchdog::new(node, config.clone(), &nodes, &primaries, draws);
                self.kennels.push(Kennel {
                    watchdog,
                    member: id,
                    host,
                    node: (node.0 < FIRST_VOTER).then_some(node),
                    is_late: false,
                    died: false,
                    sent: 0,
                });
            }
        }
    }

    pub(super) fn start_watchdogs<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        for index in 0..self.kennels.len() {
            self.restart_watchdog(now, DogId(index as u16), listener);
        }
    }

    fn restart_watchdog<L: Listener>(&mut self, now: SimTime, id: DogId, listener: &mut L) {
        let mut actions = Vec::new();
        let clock = LocalTime(now.as_nanos());
        self.kennels[usize::from(id.0)]
            .watchdog
            .start(clock, &mut actions);
        self.do_for_watchdog(now, id, actions, listener);
    }

    /// A watchdog's timer is due. While its machine is down it is late; a process of the database that hangs or is
    /// dead is no reason.
    pub(super) fn watchdog_due<L: Listener>(&mut self, now: SimTime, id: DogId, listener: &mut L) {
        let kennel = &mut self.kennels[usize::from(id.0)];
        if let HostState::Silent(_) | HostState::Refusing(_) = self.network.host(kennel.host).state
        {
            kennel.is_late = true;
            kennel.died = true;
            return;
        }
        let own = self.own_processes(id);
        self.tell_watchdog(now, id, WatchdogSight::Woken(own), listener);
    }

    fn own_processes(&self, id: DogId) -> Vec<OwnProcess> {
        let kennel = &self.kennels[usize::from(id.0)];
        let Some(node) = kennel.node else {
            return Vec::new();
        };
        let answers = self.network.host(kennel.host).state == HostState::Running
            && self.nodes[node.index()].is_running;
        let is_new = self.nodes[node.index()].standing == Standing::Joined;
        let shards = self.nodes[node.index()].shards.iter().enumerate();
        shards
            .map(|(shard, process)| OwnProcess {
                shard: shard as u16,
                // A copy that is being made is none yet.
                answers: answers && !(is_new && process.replica.clock().is_empty()),
                offset: process.replica.clock().iter().map(|dot| dot.sequence).sum(),
            })
            .collect()
    }

    /// The watchdogs of a machine that is up again start anew.
    pub(super) fn wake_watchdogs<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        listener: &mut L,
    ) {
        for index in 0..self.kennels.len() {
            let kennel = &mut self.kennels[index];
            if kennel.host == host && std::mem::take(&mut kennel.is_late) {
                kennel.died = false;
                self.restart_watchdog(now, DogId(index as u16), listener);
            }
        }
    }

    fn tell_watchdog<L: Listener>(
        &mut self,
        now: SimTime,
        id: DogId,
        sight: WatchdogSight,
        listener: &mut L,
    ) {
        let mut actions = Vec::new();
        let clock = LocalTime(now.as_nanos());
        self.kennels[usize::from(id.0)]
            .watchdog
            .observe(clock, sight, &mut actions);
        self.do_for_watchdog(now, id, actions, listener);
    }

    fn do_for_watchdog<L: Listener>(
        &mut self,
        now: SimTime,
        id: DogId,
        actions: Vec<WatchdogAction>,
        listener: &mut L,
    ) {
        for action in actions {
            let (member, own) = {
                let kennel = &self.kennels[usize::from(id.0)];
                (kennel.member, kennel.node)
            };
            match action {
                WatchdogAction::Wake { at } => {
                    let at = SimTime::from_nanos(at.0).max(now);
                    self.queue.schedule(at, Event::WatchdogTick(id));
                }
                WatchdogAction::Send { to, message } => self.send_tidings(now, id, to, message),
                WatchdogAction::BecomePrimary { shard, .. } => {
                    if let Some(node) = own {
                        self.promote(now, (member, shard), node, listener);
                        self.move_endpoint(member, node);
                    }
                }
                WatchdogAction::BecomeReplica { shard, of, .. } => {
                    if let Some(node) = own.filter(|&node| self.nodes[node.index()].is_running) {
                        self.follow(now, (node, shard), of, listener);
                    }
                }
                WatchdogAction::AddReplica { node, .. } => self.join(now, node, listener),
                WatchdogAction::Note(note) => self.note_watchdog(now, id, note, listener),
            }
        }
    }

    /// The management service has the nodes agree on another primary of a shard: the first watchdog that runs and hears
    /// a majority proposes it. Nothing happens if there is none.
    pub(super) fn have_proposed<L: Listener>(
        &mut self,
        now: SimTime,
        (member, shard): (MemberId, u16),
        node: NodeId,
        listener: &mut L,
    ) {
        let can = |kennel: &Kennel| {
            kennel.member == member && !kennel.died && kennel.watchdog.has_quorum()
        };
        let Some(index) = self.kennels.iter().position(can) else {
            return;
        };
        let mut actions = Vec::new();
        let clock = LocalTime(now.as_nanos());
        self.kennels[index]
            .watchdog
            .propose(clock, shard, node, &mut actions);
        self.do_for_watchdog(now, DogId(index as u16), actions, listener);
    }

    /// An endpoint whose node is down moves: new connections find it there.
    pub(super) fn move_endpoint(&mut self, member: MemberId, node: NodeId) {
        let entrance = self.members[member.index()].entrance;
        if !self.nodes[entrance.index()].is_running || !self.has_quorum(entrance) {
            self.members[member.index()].entrance = node;
        }
    }

    /// Whether a node hears a majority, as far as its watchdog knows; without watchdogs it needs none.
    pub(super) fn has_quorum(&self, node: NodeId) -> bool {
        let mut kennels = self.kennels.iter();
        let own = kennels.find(|kennel| kennel.node == Some(node));
        own.is_none_or(|kennel| kennel.watchdog.has_quorum())
    }

    fn send_tidings(&mut self, now: SimTime, id: DogId, to: NodeId, message: WatchdogMessage) {
        let kennel = &mut self.kennels[usize::from(id.0)];
        kennel.sent += 1;
        let draw = Draw {
            who: 0x4100_0000 | u32::from(id.0) << 8 | u32::from(to.0),
            sequence: kennel.sent,
            attempt: 0,
            leg: LEG,
        };
        let (member, from, host) = (kennel.member, kennel.watchdog.id(), kennel.host);
        let place = |kennel: &Kennel| kennel.member == member && kennel.watchdog.id() == to;
        let Some(index) = self.kennels.iter().position(place) else {
            return;
        };
        let hosts = (host, self.kennels[index].host);
        let arrives = self
            .network
            .hop(now, hosts, TrafficClass::Check, MESSAGE_BYTES, draw);
        let Some(at) = arrives else { return };
        let tidings = Tidings {
            to: DogId(index as u16),
            from,
            message,
        };
        let place = self.tidings.iter().position(Option::is_none);
        let place = place.unwrap_or_else(|| {
            self.tidings.push(None);
            self.tidings.len() - 1
        });
        self.tidings[place] = Some(tidings);
        self.queue
            .schedule(at, Event::Tidings(TidingsId(place as u32)));
    }

    /// A message reaches a watchdog, if its machine is up.
    pub(super) fn tidings_arrive<L: Listener>(
        &mut self,
        now: SimTime,
        id: TidingsId,
        listener: &mut L,
    ) {
        let Some(Tidings { to, from, message }) = self.tidings[id.0 as usize].take() else {
            return;
        };
        let host = self.kennels[usize::from(to.0)].host;
        if let HostState::Silent(_) | HostState::Refusing(_) = self.network.host(host).state {
            return;
        }
        let sight = WatchdogSight::Received { from, message };
        self.tell_watchdog(now, to, sight, listener);
    }

    fn note_watchdog<L: Listener>(
        &mut self,
        now: SimTime,
        id: DogId,
        note: WatchdogNote,
        listener: &mut L,
    ) {
        let kennel = &self.kennels[usize::from(id.0)];
        let mut state = TraceHash::default();
        kennel.watchdog.hash_into(&mut state);
        let fact = Fact::SentinelState {
            sentinel: SentinelId(kennel.watchdog.id().0),
            digest: state.finish(),
        };
        let member = kennel.member;
        listener.observe(now, &fact);
        if let WatchdogNote::Failing { shard, node } = note {
            let fact = Fact::PromotionBegan {
                member,
                shard,
                node,
            };
            listener.observe(now, &fact);
        }
    }
}
