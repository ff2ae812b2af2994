//! The world: hosts, members, links, app servers, deciders and faults, and the loop over events.
//!
//! It is stepped from outside, by a run, a test, or another lane: ask [`World::next_time`], go there with
//! [`World::advance_until`]. What happens is told to a listener as facts; the listener can change nothing.
//! The parts that carry events out are in the files beside this one, one for each kind of actor.

use regionfall_crdt::{Clock, OriginId};
use regionfall_kernel::{Addressed, EventQueue, Seed, SimTime, TieBreak};

use super::acknowledging::Waiting;
use super::afflictions::HostFault;
use super::answering::Errands;
use super::blueprint::Blueprint;
use super::cabling::Parcel;
use super::capacity::Capacity;
use super::clustering::Station;
use super::conferring::Conferring;
use super::deciding::{DeciderSlot, ProbeSlot};
use super::degrading::Acting;
use super::endpoint::{Call, Endpoint};
use super::event::{ARRIVAL, Event, LinkId, Message, PostId, StationId};
use super::exporting::Exporting;
use super::external::External;
use super::inquiring::Inquiry;
use super::letter::Letter;
use super::maintaining::Upkeeping;
use super::membership::Removal;
use super::memory::Memory;
use super::persisting::Persisting;
use super::relays::Relaying;
use super::sabotage::Sabotage;
use super::sentinels::{Dispatch, Post};
use super::sessions::SessionId;
use super::slab::Slab;
use super::slot_moving::SlotMove;
use super::slots::MapQuestion;
use super::stream::Streams;
use super::watchdogs::{Kennel, Tidings};
use crate::client::{AppServer, Finding, Operations};
use crate::database::promotion::guard::Reports;
use crate::database::{Journal, Link, Member, Node};
use crate::failover::{Decider, StrategyConfig};
use crate::fault::PlannedFault;
use crate::history::{Fact, Listener, Phase};
use crate::network::{ConnectionId, End, Network, NetworkEvent, Notice};
use crate::route::Answers;
use crate::scenario::Ties;
use crate::topology::{DeciderId, FaultId, HostId, MemberId, NodeId, ServerId};

/// Everything that a run consists of.
#[derive(Clone)]
pub struct World {
    pub(super) blueprint: Blueprint,
    pub(super) strategy: StrategyConfig,
    pub(super) queue: EventQueue<Event>,
    pub(super) network: Network<Letter>,
    pub(super) request_draws: Addressed,
    pub(super) processing_draws: Addressed,

    pub(super) members: Vec<Member>,
    pub(super) nodes: Vec<Node>,
    /// Shards of each member.
    pub(super) shards: u16,
    pub(super) links: Vec<Link>,
    /// Where only one member takes writes: that one.
    pub(super) active: MemberId,
    pub(super) journal: Journal,
    /// The largest backlog that a disturbed link was seen to have.
    pub(super) backlog_bytes_max: u64,
    /// The first of the links within members.
    pub(super) inner_links: usize,
    /// For each group of nodes and each shard, what was everywhere and what was anywhere when the journal was last tidied.
    pub(super) last_look: Vec<(Clock, Clock)>,
    /// Whether any process ever lost what it had.
    pub(super) has_lost_data: bool,

    pub(super) servers: Vec<AppServer>,
    pub(super) operations: Operations,
    pub(super) answers: Vec<Answers>,
    pub(super) deciders: Vec<DeciderSlot>,
    pub(super) probes: Vec<ProbeSlot>,
    /// What deciders have between them.
    pub(super) conferring: Conferring,
    /// Where the management processes run, by member; none if no decider asks them.
    pub(super) management: Vec<HostId>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) calls: Vec<Call>,
    pub(super) streams: Streams,
    pub(super) external: External,

    /// Proxies and balancers; `None` if the strategy has none.
    pub(super) relaying: Option<Box<Relaying>>,
    pub(super) errands: Errands,
    /// Disks; `None` if everything is on them at once.
    pub(super) persisting: Option<Box<Persisting>>,
    /// By member: its exports; empty if there are none.
    pub(super) exporting: Vec<Exporting>,
    /// Faults that keep disks from finishing anything, with the nodes they do it to.
    pub(super) stalls: Vec<(FaultId, NodeId)>,

    pub(super) posts: Vec<Post>,
    pub(super) dispatches: Slab<Dispatch>,
    pub(super) inquiries: Slab<Inquiry>,
    pub(super) kennels: Vec<Kennel>,
    pub(super) tidings: Vec<Option<Tidings>>,
    /// By node and shard: the processes of a Redis Cluster; empty if it is none.
    pub(super) stations: Vec<Station>,
    pub(super) parcels: Slab<Parcel>,
    pub(super) map_questions: Slab<MapQuestion>,
    /// By node and shard: what a primary knows of its replicas.
    pub(super) reports: Vec<Vec<Reports>>,
    pub(super) reports_sent: u32,
    pub(super) waits: Vec<Option<Waiting>>,

    pub(super) faults: Vec<PlannedFault>,
    pub(super) host_faults: Vec<Vec<HostFault>>,
    /// What faults make worse at this moment.
    pub(super) degradations: Vec<Acting>,
    /// How busy processes are; `None` if nothing takes any time.
    pub(super) capacity: Option<Box<Capacity>>,
    /// How often a node lost its disks.
    pub(super) disk_losses: u32,
    /// Members that the others have dropped.
    pub(super) removals: Vec<Removal>,
    /// Origins of members that were ever dropped, with the last sequence that another member had by then.
    pub(super) fences: Vec<(OriginId, u64)>,
    /// How full shards are; `None` if they have no limit.
    pub(super) memory: Option<Box<Memory>>,
    /// By fault: the nodes that it holds down because of the role they had when it began.
    pub(super) role_faults: Vec<Option<Vec<NodeId>>>,
    /// Whose each connection is, by its dense number.
    pub(super) owners: Vec<Option<(ConnectionId, Owner)>>,
    pub(super) upkeep: Upkeeping,
    /// Slots that move to another shard, by the plan.
    pub(super) slot_moves: Vec<SlotMove>,
    pub(super) phase: Phase,
    pub(super) started: bool,
    /// See [`World::has_plain_service`].
    pub(super) serves_at_once: bool,
    /// What is broken on purpose: nothing, outside of tests.
    pub(super) sabotage: Sabotage,
}

/// Whose a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// A connection of an app server's pool.
    Pool(ServerId),
    /// A connection that a probe opened.
    Probe(super::event::ProbeId),
    /// A connection that a decider keeps for its next probe of a member.
    Kept(DeciderId, MemberId),
    /// A syncer's.
    Link(LinkId),
    /// An external endpoint's.
    Endpoint(u32),
    /// A Sentinel's, and which of its own.
    Sentinel(PostId, u16),
    /// A byte stream's.
    Stream(u32),
    /// A relay's own, to a target.
    Session(SessionId),
    /// A decider's for heartbeats with a member.
    Subscription(DeciderId, MemberId),
    /// A process's of a Redis Cluster, and which of its own.
    Cluster(StationId, u16),
}

impl World {
    /// A world at time zero, in which nothing has happened yet.
    pub fn new(
        blueprint: &Blueprint,
        strategy: &StrategyConfig,
        faults: Vec<PlannedFault>,
        seed: Seed,
    ) -> Self {
        let settings = blueprint.settings();
        let ties = match settings.ties {
            Ties::Insertion => TieBreak::InsertionOrder,
            Ties::Permuted => TieBreak::Permuted(seed),
        };
        let looks = blueprint.group_count() * usize::from(settings.database.shards);
        let mut world = Self {
            blueprint: blueprint.clone(),
            strategy: strategy.clone(),
            queue: EventQueue::new(ties),
            network: Network::new(&settings.topology, seed),
            request_draws: crate::workload::request_draws(seed),
            processing_draws: seed.addressed("processing"),
            members: Vec::with_capacity(settings.topology.members),
            nodes: Vec::new(),
            shards: settings.database.shards,
            links: Vec::new(),
            active: MemberId(0),
            inner_links: 0,
            journal: Journal::default(),
            backlog_bytes_max: 0,
            last_look: vec![(Clock::new(), Clock::new()); looks],
            has_lost_data: false,
            servers: Vec::with_capacity(blueprint.servers().len()),
            operations: Operations::default(),
            answers: Vec::new(),
            deciders: Vec::new(),
            probes: Vec::new(),
            conferring: Conferring::default(),
            management: Vec::new(),
            endpoints: Vec::new(),
            calls: Vec::new(),
            streams: Streams::default(),
            external: External::new(blueprint),
            relaying: None,
            errands: Errands::default(),
            posts: Vec::new(),
            dispatches: Slab::default(),
            inquiries: Slab::default(),
            kennels: Vec::new(),
            tidings: Vec::new(),
            stations: Vec::new(),
            parcels: Slab::default(),
            map_questions: Slab::default(),
            reports: Vec::new(),
            reports_sent: 0,
            waits: Vec::new(),
            persisting: None,
            exporting: Vec::new(),
            stalls: Vec::new(),
            faults,
            host_faults: Vec::new(),
            degradations: Vec::new(),
            capacity: None,
            disk_losses: 0,
            removals: Vec::new(),
            fences: Vec::new(),
            memory: None,
            role_faults: Vec::new(),
            owners: Vec::new(),
            upkeep: Upkeeping::default(),
            slot_moves: Vec::new(),
            phase: Phase::WarmUp,
            started: false,
            serves_at_once: false,
            sabotage: Sabotage::default(),
        };
        world.place_members();
        world.place_slot_moves();
        world.place_links();
        world.place_disks(seed);
        world.place_servers(seed);
        world.place_relays(seed);
        world.place_deciders(seed);
        world.place_sentinels(seed);
        world.place_watchdogs(seed);
        world.place_stations(seed);
        world.place_management();
        world.place_capacity(seed);
        world.place_memory(seed);
        world.host_faults = vec![Vec::new(); world.network.hosts()];
        world.role_faults = vec![None; world.faults.len()];
        world.hold_spares();
        world.hold_spare_nodes();
        world.schedule_phases();
        world.schedule_faults();
        world.schedule_expiry(seed);
        world.place_exports();
        world
    }

    /// Gives every client process a copy of a decider of the user's own, in the place of the strategy's.
    ///
    /// # Panics
    /// If the world was already started.
    pub fn install(&mut self, decider: &dyn Decider) {
        assert!(!self.started, "deciders are installed before the start");
        self.deciders.clear();
        for index in 0..self.servers.len() {
            let (id, host) = (self.servers[index].id, self.servers[index].host);
            let decider = self.add_decider(decider.boxed_clone(), Some(host), Some(id));
            self.servers[index].finding = Finding::Pointer(decider);
        }
    }

    /// When the next thing will happen; [`SimTime::NEVER`] if nothing will.
    pub fn next_time(&mut self) -> SimTime {
        if self.started {
            self.queue.next_time()
        } else {
            SimTime::ZERO
        }
    }

    /// The moment up to which everything has happened.
    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    /// Lets everything happen up to and including `until`, telling `listener`. Returns how many events
    /// that took.
    pub fn advance_until<L: Listener>(&mut self, until: SimTime, listener: &mut L) -> u64 {
        if !self.started {
            self.start(listener);
        }
        let before = self.queue.popped();
        while let Some((now, event)) = self.queue.pop_until(until) {
            // By far the most frequent: a payload reaches a process that takes it.
            if let Event::Network(NetworkEvent::Data(port, letter)) = event {
                listener.event(now, ARRIVAL);
                let connection = port.connection();
                if self.network.receives(now, connection, port.end()) {
                    self.deliver(now, (connection, port.end()), letter, listener);
                } else {
                    self.handle(now, event, listener);
                }
            } else {
                listener.event(now, event.code());
                self.handle(now, event, listener);
            }
            self.tell_first_effects(now, listener);
        }
        self.queue.advance_to(until);
        self.queue.popped() - before
    }

    /// Everything that can happen, on one screen.
    pub(super) fn handle<L: Listener>(&mut self, now: SimTime, event: Event, listener: &mut L) {
        match event {
            Event::Network(event) => {
                if let Some(notice) = self.network.handle(now, &mut self.queue, event) {
                    self.heed(now, notice, listener);
                }
                if !self.network.abandoned.is_empty() {
                    self.account_for_abandoned();
                }
            }
            Event::Arrival(server) => self.request_arrives(now, server, listener),
            Event::Thought(server, client) => self.client_asks(now, server, client, listener),
            Event::Deadline(server) => self.check_deadlines(now, server, listener),
            Event::Retry(slot, operation) => self.retry(now, slot, operation, listener),
            Event::OpeningTimeout(server, slot) => {
                self.opening_timeout(now, server, slot, listener);
            }
            Event::PoolTimeout(server, slot, operation) => {
                self.pool_timeout(now, server, slot, operation, listener);
            }
            Event::NameResolved(server, slot) => self.name_resolved(now, server, slot, listener),
            Event::Wake(decider, token) => self.wake(now, decider, token, listener),
            Event::ProbeTimeout(probe) => self.probe_timeout(now, probe, listener),
            Event::Report {
                from,
                member,
                healthy,
            } => {
                self.report(now, from, member, healthy, listener);
            }
            Event::AnswerChanges(fleet, member) => {
                self.answers[fleet.index()].change(now, member);
                listener.observe(now, &Fact::AnswerPublished { fleet, member });
                self.proxies_hear(now, fleet, member, listener);
            }
            Event::Departure {
                link,
                origin,
                sequence,
            } => {
                self.depart(now, link, origin, u64::from(sequence));
            }
            Event::LinkRetry(link) => {
                self.connect_link(now, link);
                let state = &self.links[usize::from(link.0)];
                let (target, shard) = (state.target, state.shard);
                self.review_stale(now, target, shard, listener);
            }
            Event::StateStep(link, number) => {
                self.full_sync_goes_on(now, (link, number), listener);
            }
            Event::Alone(node, shard) => self.alone(now, node, shard, listener),
            Event::LinkSilence(link) => self.check_silence(now, link, listener),
            Event::Heartbeat(link) => self.send_heartbeat(now, link),
            Event::Fault(fault, begins) => self.switch_fault(now, fault, begins, listener),
            Event::Restart(node) => self.restart_node(now, node, listener),
            Event::Forward(id) => self.forwarded(now, id, listener),
            Event::Answer(id) => self.answer(now, id),
            Event::WatchdogTick(id) => self.watchdog_due(now, id, listener),
            Event::Tidings(id) => self.tidings_arrive(now, id, listener),
            Event::Cron(node) => self.cron(now, node),
            Event::WaitOver(id) => self.wait_over(now, id, listener),
            Event::WaitDisk(id) => self.wait_for_own_disk(now, id, listener),
            Event::Inquiry(id) => self.inquiry_goes_on(now, id, listener),
            Event::SentinelTick(id) => self.sentinel_due(now, id, listener),
            Event::ClusterTick(id) => self.station_due(now, id, listener),
            Event::MapQuestion(id) => self.map_question_goes_on(now, id),
            Event::Export(member) => self.export(now, member),
            Event::Imported(member, fault) => self.imported(now, (member, fault), listener),
            Event::Loaded(node) => self.node_loaded(now, node, listener),
            Event::DiskAnswer(id) => self.disk_answers(now, id),
            Event::DiskLook(node, shard) => self.look_at_disk(now, (node, shard), listener),
            Event::DiskFree(node, fault) => self.free_process(now, (node, fault), listener),
            Event::Phase(phase) => self.begin_phase(now, phase, listener),
            Event::Injected(call) => self.send_call(now, call),
            Event::Served(process) => self.work_done(now, process, listener),
            Event::Watch(fault) => self.watch(now, fault),
            Event::Change(fault) => self.change_membership(now, fault, listener),
            Event::Upkeep(fault) => self.upkeep_goes_on(now, fault, listener),
            Event::Expiry(member) => self.expire_due(now, member, listener),
            Event::Note(id) => self.note_arrives(now, id, listener),
            Event::Relay(beat) => self.beat_leaves(now, beat),
            on_routes => self.handle_on_routes(now, on_routes, listener),
        }
    }

    /// The network told something.
    pub(super) fn heed<L: Listener>(
        &mut self,
        now: SimTime,
        notice: Notice<Letter>,
        listener: &mut L,
    ) {
        match notice {
            Notice::Delivered {
                connection,
                to,
                payload,
            } => {
                self.deliver(now, (connection, to), payload, listener);
            }
            Notice::Asked(connection) => {
                if !self.relay_asked(now, connection, listener) {
                    self.admit_or_refuse(now, connection);
                }
            }
            Notice::SetupAsked(connection) => {
                if !self.relay_sets_up(now, connection) {
                    self.set_up(now, connection);
                }
            }
            Notice::Opened(connection) => self.connection_opened(now, connection, listener),
            Notice::Broken {
                connection,
                end,
                cause,
            } => self.connection_broken(now, (connection, end), cause, listener),
        }
    }

    /// A payload reached a process.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every event, from one or two places"
    )]
    #[inline(always)]
    fn deliver<L: Listener>(
        &mut self,
        now: SimTime,
        (connection, to): (ConnectionId, End),
        letter: Letter,
        listener: &mut L,
    ) {
        if self.relaying.is_some() && self.relays(now, (connection, to), letter, listener) {
            return;
        }
        match Message::from(letter) {
            Message::Request {
                slot,
                attempt,
                member,
            } => {
                self.serve(now, connection, slot, (attempt, member), listener);
            }
            Message::Reply {
                slot,
                attempt,
                is_error,
            } => {
                self.reply_arrives(now, connection, (slot, attempt), is_error, listener);
            }
            Message::Probe(probe) => {
                if self.capacity.is_some() {
                    self.queue_probe(now, connection, probe, listener);
                } else {
                    self.answer_probe(now, connection, probe, listener);
                }
            }
            Message::ProbeReply { probe, is_error } => {
                self.probe_answered(now, (probe, is_error), listener);
            }
            Message::Greeting(link) => self.greeting_arrives(now, link, listener),
            Message::Heartbeat | Message::StatePart => {}
            Message::Effects {
                link,
                origin,
                count,
                first,
            } => {
                let range = (origin, u64::from(first), u64::from(count));
                self.effects_arrive(now, link, range, listener);
            }
            Message::FullState(link) => self.full_state_arrives(now, link, listener),
            Message::Call(call) => {
                if self.capacity.is_some() {
                    self.queue_call(now, connection, call);
                } else {
                    self.serve_call(now, connection, call, listener);
                }
            }
            Message::CallReply(call) => self.call_answered(now, call),
            Message::Dispatch(id) => self.dispatch_arrives(now, connection, id, listener),
            Message::Progress {
                link,
                origin,
                sequence,
                durable,
            } => {
                let reached = (origin, u64::from(sequence), u64::from(durable));
                self.progress_arrives(now, link, reached, listener);
            }
            Message::AskProgress(link) => self.progress_asked(now, link),
            Message::Bytes(chunk) => self.bytes_arrive(chunk),
            Message::Beat(beat) => self.beat_arrives(now, beat, listener),
            Message::Bus(id) => self.parcel_arrives(now, connection, id, listener),
            Message::Redirect { slot, attempt, to } => {
                self.redirect_arrives(now, connection, (slot, attempt), to, listener);
            }
        }
    }

    pub(super) fn start<L: Listener>(&mut self, listener: &mut L) {
        self.started = true;
        self.serves_at_once = self.has_plain_service();
        let now = SimTime::ZERO;
        for node in &self.nodes {
            for (number, shard) in node.shards.iter().enumerate() {
                if shard.is_primary() {
                    let fact = Fact::OriginBegan {
                        node: node.id,
                        shard: number as u16,
                        origin: shard.origin,
                    };
                    listener.observe(now, &fact);
                }
            }
        }
        listener.observe(
            now,
            &Fact::PhaseBegan {
                phase: Phase::WarmUp,
            },
        );
        let database = &self.blueprint.settings().database;
        if database.has_one_active(self.members.len()) {
            let member = self.active;
            listener.observe(now, &Fact::ActiveChanged { member });
        }
        self.tell_spare_nodes(now, listener);
        for link in 0..self.links.len() {
            self.connect_link(now, LinkId(link as u16));
        }
        self.start_deciders(now, listener);
        self.start_pairs(now, listener);
        self.start_reports(now);
        self.start_sentinels(now, listener);
        self.start_watchdogs(now, listener);
        self.open_in_advance(now, listener);
        self.start_stations(now, listener);
        self.start_arrivals(now);
    }

    fn schedule_phases(&mut self) {
        let phases = self.blueprint.settings().phases;
        let storm = SimTime::ZERO + phases.warm_up;
        let calm = storm + phases.storm;
        let quiescence = calm + phases.calm;
        self.queue.schedule(storm, Event::Phase(Phase::Storm));
        self.queue.schedule(calm, Event::Phase(Phase::Calm));
        self.queue
            .schedule(quiescence, Event::Phase(Phase::Quiescence));
    }
}
