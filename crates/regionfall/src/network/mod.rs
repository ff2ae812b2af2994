//! The network: hosts, paths, and connections that behave like TCP in the ways that decide how long
//! recovery takes.
//!
//! A connection costs round trips to open (TCP, TLS, AUTH), carries two ordered streams, and breaks the
//! way real ones do: a reset when a process dies under a living kernel, silence when a host or a path
//! dies, retransmissions by time, keepalive, a user timeout, and the kernel's limit of 924.6 s. What
//! cannot happen is no event: acknowledgements and keepalives of a healthy connection are not simulated.
//!
//! Not here: what the payloads mean, who opens connections and why, and which fault acts when.
//!
//! Simplifications, all in favour of fewer events: lost segments are found by the retransmission timer
//! only (no fast retransmit); a receiver's buffer has no limit; a socket that is closed drops what it
//! had not yet transmitted (`SO_LINGER` 0, as Jedis sets it).

mod connection;
mod disruption;
mod event;
mod gate;
mod host;
mod looking;
mod opening;
mod path;
mod stall;
pub mod tcp;
#[cfg(test)]
mod tests;
mod weather;

pub use connection::{ConnectionId, ConnectionOptions, End, Keepalive, Port};
pub use disruption::{InFlight, Silence};
pub use event::{Bare, BreakCause, CarriesNetwork, NetworkEvent, Notice, Segment};
pub use host::{EffectLog, FaultEffects, Host, HostState};
pub use opening::Opening;
pub use path::{Draw, PathId, TrafficClass};

use regionfall_kernel::{Addressed, EventQueue, LaneId, Seed, SimTime};

use crate::topology::{HostId, RegionId, TopologyConfig};
use connection::{Connection, Stage, Upkeep};
use path::{Fate, Path};

/// The leg of resets.
const LEG_RESET: u8 = 0x12;
/// The first leg of setup round trips.
const LEG_SETUP: u8 = 0x20;
/// How often a kernel sends a segment again before it gives up (source: Linux, `tcp_retries2`).
const HOP_REPETITIONS: u8 = 15;
/// Bytes of a segment without payload: Ethernet, IP and TCP headers.
const BARE_SEGMENT_BYTES: u32 = 66;

/// The network of a world, carrying payloads `P`.
#[derive(Clone, Debug)]
pub struct Network<P> {
    hosts: Vec<Host<P>>,
    regions: usize,
    /// Of each region: how many zones it has, and where its paths from zone to zone begin.
    zones: Vec<(u16, u16)>,
    paths: Vec<Path>,
    connections: Vec<Connection>,
    /// By the same numbers as the connections.
    upkeep: Vec<Upkeep<P>>,
    free: Vec<u32>,
    /// How many cuts act on any path.
    cuts: usize,
    draws: Addressed,
    /// What each fault did.
    pub effects: EffectLog,
    /// Payloads that will never arrive, for the owner to account for.
    pub abandoned: Vec<P>,
}

impl<P: Copy> Network<P> {
    /// A network without hosts.
    pub fn new(topology: &TopologyConfig, seed: Seed) -> Self {
        let regions = topology.regions.len();
        let mut paths = Vec::with_capacity(regions * (regions + 1));
        for (from, region) in topology.regions.iter().enumerate() {
            for to in 0..regions {
                let config = if from == to {
                    &region.same_zone
                } else {
                    &topology.links[from][to]
                };
                paths.push(Path::new(PathId(paths.len() as u16), config, seed));
            }
        }
        // Between any two zones of a region there is a path that can be cut for itself. Their weather and their
        // draws are one: those of the region.
        let mut zones = Vec::with_capacity(regions);
        for (index, region) in topology.regions.iter().enumerate() {
            let count = region.zones.max(1);
            zones.push((count, paths.len() as u16));
            let id = PathId((regions * regions + index) as u16);
            for _ in 0..usize::from(count) * usize::from(count - 1) {
                paths.push(Path::new(id, &region.cross_zone, seed));
            }
        }
        let loopback = Path::new(PathId(paths.len() as u16), &looking::loopback(), seed);
        paths.push(loopback);
        Self {
            hosts: Vec::new(),
            regions,
            zones,
            paths,
            connections: Vec::new(),
            upkeep: Vec::new(),
            free: Vec::new(),
            cuts: 0,
            draws: seed.addressed("network"),
            effects: EffectLog::default(),
            abandoned: Vec::new(),
        }
    }

    /// Adds a running host.
    pub fn add_host(&mut self, region: RegionId, zone: u16) -> HostId {
        self.hosts.push(Host::new(region, zone));
        HostId::from_index(self.hosts.len() - 1)
    }

    /// The host.
    pub fn host(&self, id: HostId) -> &Host<P> {
        host::host_of(&self.hosts, id)
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The host at an end of a connection, if the connection still exists.
    #[inline]
    pub fn host_at(&self, id: ConnectionId, end: End) -> Option<HostId> {
        let connection = self.connections.get(id.index())?;
        (connection.generation == id.generation).then(|| connection.hosts[end.index()])
    }

    /// The path from one host to another.
    pub fn path_between(&self, from: HostId, to: HostId) -> PathId {
        if self.share_machine(from, to) {
            return PathId((self.paths.len() - 1) as u16);
        }
        let (from, to) = (self.host(from), self.host(to));
        if from.region != to.region || from.zone == to.zone {
            PathId((from.region.index() * self.regions + to.region.index()) as u16)
        } else {
            self.path_between_zones(from.region, from.zone, to.zone)
        }
    }

    /// The path from one zone of a region to another.
    pub fn path_between_zones(&self, region: RegionId, from: u16, to: u16) -> PathId {
        debug_assert_ne!(from, to, "hosts of one zone share the region's inner path");
        let (count, first) = self.zones[region.index()];
        PathId(first + from * (count - 1) + to - u16::from(to > from))
    }

    /// How many zones a region has.
    pub fn zones(&self, region: RegionId) -> u16 {
        self.zones[region.index()].0
    }

    /// The paths from one region to another; within a region that of each zone, and those between its zones.
    pub fn paths_of_regions(&self, from: RegionId, to: RegionId) -> impl Iterator<Item = PathId> {
        let direct = (from.index() * self.regions + to.index()) as u16;
        let (count, first) = self.zones[from.index()];
        let inner = if from == to { count * (count - 1) } else { 0 };
        std::iter::once(direct)
            .chain(first..first + inner)
            .map(PathId)
    }

    /// When `bytes` that leave one host at `now` reach another over a connection that is kept open and is not modelled
    /// for itself; `None` if a cut swallows them. What the path loses is sent again as a kernel would.
    pub fn hop(
        &mut self,
        now: SimTime,
        (from, to): (HostId, HostId),
        class: TrafficClass,
        bytes: u32,
        draw: Draw,
    ) -> Option<SimTime> {
        let path = self.path_between(from, to);
        let path = &mut self.paths[path.0 as usize];
        let timeout = tcp::retransmission_timeout(path.typical * 2);
        let mut leaves = now;
        for repetition in 0..HOP_REPETITIONS {
            let draws = (draw, repetition);
            match path.transmit(class, leaves, bytes, &self.draws, draws, &mut self.effects) {
                Fate::Arrives(at) => return Some(at),
                Fate::Lost => leaves += tcp::back_off(timeout, u32::from(repetition)),
                Fate::Swallowed | Fate::Rejected => return None,
            }
        }
        None
    }

    /// Sends a payload. What is sent into a connection that ended, or whose other end closed, is
    /// abandoned: a reset is on its way back, or has been.
    #[inline]
    pub fn send<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        (payload, bytes): (P, u32),
        draw: Draw,
    ) {
        // Where nothing is wrong, a payload touches one connection, one path and one lane.
        let connection = &mut self.connections[id.index()];
        if connection.generation == id.generation
            && connection.is_smooth[from.index()]
            && self.cuts == 0
            && let path = &mut self.paths[connection.paths[from.index()].0 as usize]
            && let Some(delay) = path.plain_delay(connection.class, &self.draws, draw)
        {
            debug_assert!(
                self.upkeep[id.index()].is_idle(from),
                "reviewed after every change"
            );
            path.bytes += u64::from(bytes);
            connection.last_activity = now;
            let lane = connection.lanes[from.index()];
            let event = NetworkEvent::Data(Port::new(id, from.other()), payload);
            queue.push_lane_no_earlier(lane, now + delay, event.into());
        } else {
            self.send_with_care(now, queue, (id, from), (payload, bytes), draw);
        }
    }

    /// [`Network::send`] where something may be wrong.
    #[inline(never)]
    fn send_with_care<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        (payload, bytes): (P, u32),
        draw: Draw,
    ) {
        let usable =
            self.exists(id) && matches!(self.connections[id.index()].stage, Stage::Open { .. });
        if usable {
            let segment = Segment::Data(payload);
            self.transmit(now, queue, (id, from), (segment, bytes), draw);
        } else {
            self.abandoned.push(payload);
        }
    }

    /// Closes an end: nothing reaches it any more. What it had sent still travels, and after it the
    /// other end learns of the closing.
    pub fn close<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        by: End,
    ) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        if !matches!(connection.stage, Stage::Open { .. }) {
            self.release(queue, id);
            return;
        }
        let unsent = self.is_stalled(id, by);
        self.drop_incoming(queue, id, by);
        if unsent {
            self.release(queue, id);
            return;
        }
        let draw = self.upkeep[id.index()].draw.leg(LEG_RESET);
        self.transmit(
            now,
            queue,
            (id, by),
            (Segment::Fin, BARE_SEGMENT_BYTES),
            draw,
        );
        if let Some(connection) = self.connection_mut(id) {
            connection.stage = Stage::HalfClosed { by };
            self.review(id);
        }
    }

    /// Whether the connection still exists in the network.
    pub fn exists(&self, id: ConnectionId) -> bool {
        self.connections
            .get(id.index())
            .is_some_and(|connection| connection.in_use && connection.generation == id.generation)
    }

    /// Carries out what the network scheduled for itself. At most one thing follows for the owner.
    pub fn handle<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        event: NetworkEvent<P>,
    ) -> Option<Notice<P>> {
        match event {
            NetworkEvent::Data(port, payload) => {
                let (id, to) = (port.connection(), port.end());
                self.arrive(now, queue, id, to, Segment::Data(payload))
            }
            NetworkEvent::Bare(id, to, bare) => self.arrive(now, queue, id, to, bare.into()),
            NetworkEvent::SynArrives(id) => self.syn_arrives(now, queue, id),
            NetworkEvent::SynAckArrives(id) => self.syn_ack_arrives(now, queue, id),
            NetworkEvent::SynRetry(id) => self.syn_retry(now, queue, id),
            NetworkEvent::ResetArrives(id, end) => self.reset_arrives(queue, id, end),
            NetworkEvent::Retransmit(id, from) => self.retransmit(now, queue, id, from),
            NetworkEvent::GiveUp(id, end) => self
                .exists(id)
                .then(|| self.break_off(queue, id, end, BreakCause::TimedOut)),
        }
    }

    /// Whether what reaches this end now goes to a running process. What does not is for
    /// [`Network::handle`].
    #[inline]
    pub fn receives(&mut self, now: SimTime, id: ConnectionId, to: End) -> bool {
        let connection = &mut self.connections[id.index()];
        debug_assert!(connection.in_use && connection.generation == id.generation);
        let host = connection.hosts[to.index()];
        let is_taken = matches!(self.hosts[host.index()].state, HostState::Running)
            && !connection.forgotten[to.index()];
        if is_taken {
            connection.last_activity = now;
        }
        is_taken
    }

    /// A segment reaches the kernel of a host.
    fn arrive<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        to: End,
        segment: Segment<P>,
    ) -> Option<Notice<P>> {
        if !self.receives(now, id, to) {
            return self.arrive_at_trouble(now, queue, id, to, segment);
        }
        if let Segment::Data(payload) = segment {
            return Some(Notice::Delivered {
                connection: id,
                to,
                payload,
            });
        }
        self.arrive_bare(now, queue, id, to, segment)
    }

    /// A segment without payload reaches a running process.
    fn arrive_bare<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        to: End,
        segment: Segment<P>,
    ) -> Option<Notice<P>> {
        match (segment, to) {
            (Segment::Data(_), _) => None,
            (Segment::Fin, _) => Some(self.break_off(queue, id, to, BreakCause::Closed)),
            (Segment::Setup, End::Server) if self.is_gated(id) => Some(Notice::SetupAsked(id)),
            (Segment::Setup, End::Server) => {
                self.answer_setup(now, queue, id);
                None
            }
            (Segment::Setup, End::Client) => self.continue_setup(now, queue, id),
        }
    }

    /// A segment reaches a host whose process does not take it.
    #[cold]
    fn arrive_at_trouble<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        to: End,
        segment: Segment<P>,
    ) -> Option<Notice<P>> {
        let connection = &self.connections[id.index()];
        let host = &mut self.hosts[connection.hosts[to.index()].index()];
        match host.state {
            HostState::Hung(_) if !connection.forgotten[to.index()] => {
                host.inbox.push((id, to, segment));
                return None;
            }
            HostState::Silent(fault) => {
                self.effects.note(fault, |effects| effects.dropped += 1);
                let draw = self.upkeep[id.index()].draw;
                self.stall(
                    now,
                    queue,
                    (id, to.other()),
                    (segment, BARE_SEGMENT_BYTES, draw),
                );
                return None;
            }
            HostState::Refusing(fault) | HostState::ProcessDead(fault) => {
                self.effects.note(fault, |effects| effects.refused += 1);
            }
            // The host came back and knows nothing of the connection.
            HostState::Running | HostState::Hung(_) => {}
        }
        if let Segment::Data(payload) = segment {
            self.abandoned.push(payload);
        }
        self.send_reset(now, queue, id, to);
        None
    }

    /// Something at (or in front of) the host of `end` answers the other end with a reset.
    fn send_reset<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        end: End,
    ) {
        let draw = self.upkeep[id.index()].draw.leg(LEG_RESET);
        // A lost reset is no matter: the next retransmission meets the next reset.
        if let Fate::Arrives(at) = self.fate(now, (id, end), BARE_SEGMENT_BYTES, (draw, 0)) {
            queue.schedule(at, NetworkEvent::ResetArrives(id, end.other()).into());
        } else if self.rejects(id, end.other()) {
            // The firewall that refused stands one way off; its answer needs no path beyond it.
            let path = self.connections[id.index()].paths[end.index()];
            let at = now + self.paths[path.0 as usize].typical;
            queue.schedule(at, NetworkEvent::ResetArrives(id, end.other()).into());
        }
    }

    fn reset_arrives<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        end: End,
    ) -> Option<Notice<P>> {
        let opening = matches!(self.connection_mut(id)?.stage, Stage::Opening { .. });
        let cause = if opening {
            BreakCause::Refused
        } else {
            BreakCause::Reset
        };
        Some(self.break_off(queue, id, end, cause))
    }

    /// Tells `end` that its connection is over. If the other end cannot know yet, it goes on believing in
    /// the connection until it sends something and is answered with a reset.
    fn break_off<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        end: End,
        cause: BreakCause,
    ) -> Notice<P> {
        let connection = &mut self.connections[id.index()];
        let other_believes = matches!(cause, BreakCause::Reset | BreakCause::TimedOut)
            && matches!(connection.stage, Stage::Open { .. })
            && !connection.forgotten[end.other().index()];
        if other_believes {
            connection.forgotten[end.index()] = true;
            if let Some(stall) = self.upkeep[id.index()].stalls[end.index()].take() {
                queue.cancel(stall.timer);
                self.abandoned
                    .extend(stall.queue.iter().filter_map(|(segment, _, _)| {
                        if let Segment::Data(payload) = segment {
                            Some(*payload)
                        } else {
                            None
                        }
                    }));
            }
            self.disarm_guard(queue, id, end);
        } else {
            self.release(queue, id);
        }
        Notice::Broken {
            connection: id,
            end,
            cause,
        }
    }

    /// What becomes of a transmission from an end.
    fn fate(
        &mut self,
        now: SimTime,
        (id, from): (ConnectionId, End),
        bytes: u32,
        draw: (Draw, u8),
    ) -> Fate {
        let connection = &self.connections[id.index()];
        let path = &mut self.paths[connection.paths[from.index()].0 as usize];
        path.transmit(
            connection.class,
            now,
            bytes,
            &self.draws,
            draw,
            &mut self.effects,
        )
    }

    /// Notes anew which ends need no care. To be called after every change of a stage, stall or guard.
    fn review(&mut self, id: ConnectionId) {
        let (connection, upkeep) = (&mut self.connections[id.index()], &self.upkeep[id.index()]);
        let is_open = connection.in_use && matches!(connection.stage, Stage::Open { .. });
        connection.is_smooth = [End::Client, End::Server].map(|end| is_open && upkeep.is_idle(end));
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections
            .get_mut(id.index())
            .filter(|connection| connection.in_use && connection.generation == id.generation)
    }

    fn claim(&mut self, connection: Connection, upkeep: Upkeep<P>) -> ConnectionId {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.connections[index as usize];
            let generation = slot.generation;
            *slot = Connection {
                generation,
                ..connection
            };
            self.upkeep[index as usize] = upkeep;
            return ConnectionId { index, generation };
        }
        self.connections.push(connection);
        self.upkeep.push(upkeep);
        ConnectionId {
            index: (self.connections.len() - 1) as u32,
            generation: 0,
        }
    }

    /// Forgets a connection with all that travels over it.
    fn release<E: CarriesNetwork<P>>(&mut self, queue: &mut EventQueue<E>, id: ConnectionId) {
        for end in [End::Client, End::Server] {
            self.drop_incoming(queue, id, end);
            queue.close_lane(self.lane(id, end.other()));
            queue.cancel(self.upkeep[id.index()].guards[end.index()]);
        }
        let connection = &mut self.connections[id.index()];
        connection.in_use = false;
        connection.generation = connection.generation.wrapping_add(1);
        self.review(id);
        self.free.push(id.index);
    }

    /// Drops what travels towards an end, or waits to.
    fn drop_incoming<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        end: End,
    ) {
        for (_, event) in queue.drain_lane(self.lane(id, end.other())) {
            if let Some(Segment::Data(payload)) = event.network().and_then(NetworkEvent::segment) {
                self.abandoned.push(payload);
            }
        }
        if let Some(stall) = self.upkeep[id.index()].stalls[end.other().index()].take() {
            queue.cancel(stall.timer);
            self.abandoned.extend(
                stall
                    .queue
                    .iter()
                    .filter_map(|(segment, _, _)| match segment {
                        Segment::Data(payload) => Some(*payload),
                        Segment::Setup | Segment::Fin => None,
                    }),
            );
            self.review(id);
        }
    }

    /// Whether a firewall refuses what this end sends.
    fn rejects(&self, id: ConnectionId, from: End) -> bool {
        let connection = &self.connections[id.index()];
        let path = &self.paths[connection.paths[from.index()].0 as usize];
        matches!(path.cut(connection.class), Some((_, Silence::Refusing)))
    }

    /// The lane that carries what an end sends.
    fn lane(&self, id: ConnectionId, from: End) -> LaneId {
        self.connections[id.index()].lanes[from.index()]
    }
}
