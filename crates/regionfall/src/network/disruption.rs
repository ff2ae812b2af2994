//! What faults do to hosts, paths and the connections over them.

use regionfall_kernel::{EventQueue, Sampler, Seed, SimTime};

use super::connection::Stage;
use super::{
    BARE_SEGMENT_BYTES, CarriesNetwork, ConnectionId, End, HostState, LEG_RESET, Network,
    NetworkEvent, Notice, PathId, Segment, TrafficClass,
};
use crate::topology::{FaultId, HostId};

/// What a sender sees of a cut, or of a host that is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Silence {
    /// Nothing comes back.
    Silent,
    /// A reset within one round trip, as from a firewall.
    Refusing,
}

/// What becomes of bytes on the wire when their path or an end of it fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InFlight {
    /// They never arrive. A sender's kernel that lives will send them again.
    Lost,
    /// They arrive.
    Delivered,
}

impl<P: Copy> Network<P> {
    /// Draws the delays of messages from another seed from now on. The weather stays.
    pub(crate) fn renoise(&mut self, seed: Seed) {
        self.draws = seed.addressed("network");
    }

    /// A cut begins to act on one kind of traffic of a path.
    pub fn cut<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (path, class): (PathId, TrafficClass),
        (fault, mode): (FaultId, Silence),
        in_flight: InFlight,
    ) {
        self.paths[path.0 as usize]
            .faults(class)
            .begin_cut(fault, mode);
        self.cuts += 1;
        for (id, from) in self.streams_over(path, class) {
            if in_flight == InFlight::Lost {
                self.lose_in_flight(now, queue, (id, from), fault);
            }
            if mode == Silence::Silent {
                self.guard_keepalive(now, queue, id);
            }
        }
    }

    /// Messages of one kind of traffic begin to take longer on a path.
    pub fn slow(&mut self, (path, class): (PathId, TrafficClass), fault: FaultId, added: Sampler) {
        self.paths[path.0 as usize]
            .faults(class)
            .begin_delay(fault, added);
    }

    /// Messages of one kind of traffic begin to get lost on a path.
    pub fn lose(&mut self, (path, class): (PathId, TrafficClass), fault: FaultId, share: f64) {
        self.paths[path.0 as usize]
            .faults(class)
            .begin_loss(fault, share);
    }

    /// Whatever `fault` did to one kind of traffic of a path ends. What waits in kernels is sent when
    /// their retransmission timers fire, not before.
    pub fn mend<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        (path, class): (PathId, TrafficClass),
        fault: FaultId,
    ) {
        self.cuts -= self.paths[path.0 as usize].end(class, fault);
        if self.paths[path.0 as usize].cut(class).is_some() {
            return;
        }
        for (id, from) in self.streams_over(path, class) {
            for end in [from, from.other()] {
                let stage = self.connections[id.index()].stage;
                let is_opening = matches!(stage, Stage::Opening { .. });
                if !is_opening && !self.is_stalled(id, end) {
                    self.disarm_guard(queue, id, end);
                }
            }
        }
    }

    /// Whether a cut acts on this kind of traffic from one host to another, in either direction.
    pub fn is_cut(&self, from: HostId, to: HostId, class: TrafficClass) -> bool {
        [(from, to), (to, from)].into_iter().any(|(from, to)| {
            self.paths[self.path_between(from, to).0 as usize]
                .cut(class)
                .is_some()
        })
    }

    /// A host's kernel dies, and with it every connection it knows of. Its peers hear nothing
    /// (`Silent`), or a router answers them with resets.
    pub fn stop_host<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (host, fault): (HostId, FaultId),
        mode: Silence,
        in_flight: InFlight,
    ) {
        self.effects.note(fault, |effects| effects.hosts += 1);
        self.forget_inbox(host);
        self.hosts[host.index()].state = match mode {
            Silence::Silent => HostState::Silent(fault),
            Silence::Refusing => HostState::Refusing(fault),
        };
        for (id, end) in self.ends_at(host) {
            if in_flight == InFlight::Lost {
                self.drop_incoming(queue, id, end.other());
            }
            // Whatever reaches the host is lost with it, or kept by the sender's kernel.
            self.connections[id.index()].forgotten[end.index()] = true;
            if let Some(stall) = self.upkeep[id.index()].stalls[end.index()].take() {
                queue.cancel(stall.timer);
                self.abandoned
                    .extend(stall.queue.into_iter().filter_map(|(segment, _, _)| {
                        if let Segment::Data(payload) = segment {
                            Some(payload)
                        } else {
                            None
                        }
                    }));
            }
            self.disarm_guard(queue, id, end);
            if self.connections[id.index()].forgotten[end.other().index()] {
                self.release(queue, id);
            } else if mode == Silence::Silent {
                if in_flight == InFlight::Lost {
                    self.lose_in_flight(now, queue, (id, end.other()), fault);
                }
                self.guard_keepalive(now, queue, id);
            }
        }
    }

    /// A host's process dies under a living kernel: after what it had sent, every peer gets a reset.
    pub fn kill_process<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (host, fault): (HostId, FaultId),
        in_flight: InFlight,
    ) {
        self.effects.note(fault, |effects| effects.hosts += 1);
        self.forget_inbox(host);
        self.hosts[host.index()].state = HostState::ProcessDead(fault);
        for (id, end) in self.ends_at(host) {
            if in_flight == InFlight::Lost {
                self.drop_incoming(queue, id, end.other());
            }
            let connection = &mut self.connections[id.index()];
            connection.forgotten[end.index()] = true;
            if connection.forgotten[end.other().index()] {
                self.release(queue, id);
                continue;
            }
            if self.upkeep[id.index()].stalls[end.index()].is_some() {
                // What the kernel could not send is dropped with the socket.
                self.drop_incoming(queue, id, end.other());
            }
            let draw = self.upkeep[id.index()].draw.leg(LEG_RESET);
            match self.connections[id.index()].stage {
                Stage::Opening { .. } => self.send_reset(now, queue, id, end),
                Stage::Open { .. } => {
                    self.transmit(
                        now,
                        queue,
                        (id, end),
                        (Segment::Fin, BARE_SEGMENT_BYTES),
                        draw,
                    );
                    self.connections[id.index()].stage = Stage::HalfClosed { by: end };
                    self.review(id);
                }
                Stage::HalfClosed { .. } => {}
            }
        }
    }

    /// A host's process stops doing anything; its kernel goes on.
    pub fn hang(&mut self, host: HostId, fault: FaultId) {
        self.effects.note(fault, |effects| effects.hosts += 1);
        self.hosts[host.index()].state = HostState::Hung(fault);
    }

    /// A hung process goes on: it finds all that arrived meanwhile, in order.
    pub fn resume<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        host: HostId,
    ) -> Vec<Notice<P>> {
        self.hosts[host.index()].state = HostState::Running;
        let inbox = std::mem::take(&mut self.hosts[host.index()].inbox);
        inbox
            .into_iter()
            .filter_map(|(id, to, segment)| match segment {
                // Data that was received is read and executed even if its sender is gone.
                Segment::Data(payload) => Some(Notice::Delivered {
                    connection: id,
                    to,
                    payload,
                }),
                Segment::Setup | Segment::Fin if self.exists(id) => {
                    self.arrive_bare(now, queue, id, to, segment)
                }
                Segment::Setup | Segment::Fin => None,
            })
            .collect()
    }

    /// Whether the process at an end of a connection knows of it: it exists, and the end's host has not died since.
    pub fn knows(&self, id: ConnectionId, end: End) -> bool {
        self.exists(id) && !self.connections[id.index()].forgotten[end.index()]
    }

    /// A host, and a fresh process on it, run again. They know nothing of earlier connections.
    pub fn start_host(&mut self, host: HostId) {
        self.hosts[host.index()].state = HostState::Running;
    }

    /// A host's kernel runs again, its process not yet: resets.
    pub fn boot_host(&mut self, host: HostId, fault: FaultId) {
        self.hosts[host.index()].state = HostState::ProcessDead(fault);
    }

    /// Forgets the client ends at a host that died: their owners are gone too.
    pub fn forget_clients_at<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        host: HostId,
    ) {
        for (id, end) in self.ends_at(host) {
            if end == End::Client
                && matches!(self.connections[id.index()].stage, Stage::Opening { .. })
            {
                self.release(queue, id);
            }
        }
    }

    /// What is on the wire from an end is lost; the sender's kernel keeps it and will send it again.
    fn lose_in_flight<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        (id, from): (ConnectionId, End),
        fault: FaultId,
    ) {
        let lane = self.lane(id, from);
        let draw = self.upkeep[id.index()].draw;
        for (_, event) in queue.drain_lane(lane) {
            if let Some(segment) = event.network().and_then(NetworkEvent::segment) {
                self.effects.note(fault, |effects| effects.dropped += 1);
                self.stall(now, queue, (id, from), (segment, BARE_SEGMENT_BYTES, draw));
            }
        }
    }

    /// The peer of an idle client end went silent: keepalive will notice, if it is on.
    fn guard_keepalive<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) {
        let connection = &self.connections[id.index()];
        let upkeep = &mut self.upkeep[id.index()];
        let idle = matches!(connection.stage, Stage::Open { setup_left: 0 })
            && upkeep.is_idle(End::Client)
            && !connection.forgotten[0];
        let Some(keepalive) = upkeep.options.keepalive.filter(|_| idle) else {
            return;
        };
        // Probes leave whenever the connection was idle for a whole idle time, counted from the last
        // activity; the first that goes unanswered is the first one from now.
        let quiet = now.saturating_since(connection.last_activity).as_nanos();
        let period = keepalive.idle.as_nanos().max(1);
        let first = connection.last_activity + keepalive.idle * quiet.div_ceil(period).max(1);
        let limit = first + keepalive.interval * u64::from(keepalive.probes);
        upkeep.guards[0] = queue.arm(limit, NetworkEvent::GiveUp(id, End::Client).into());
        self.review(id);
    }

    /// Every open stream of a kind of traffic that takes this path.
    fn streams_over(&self, path: PathId, class: TrafficClass) -> Vec<(ConnectionId, End)> {
        self.existing()
            .flat_map(|id| [(id, End::Client), (id, End::Server)])
            .filter(|&(id, from)| {
                let connection = &self.connections[id.index()];
                connection.class == class && connection.paths[from.index()] == path
            })
            .collect()
    }

    /// Every end at a host.
    fn ends_at(&self, host: HostId) -> Vec<(ConnectionId, End)> {
        self.existing()
            .flat_map(|id| [(id, End::Client), (id, End::Server)])
            .filter(|&(id, end)| self.connections[id.index()].hosts[end.index()] == host)
            .collect()
    }

    fn existing(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections
            .iter()
            .enumerate()
            .filter(|(_, connection)| connection.in_use)
            .map(|(index, connection)| ConnectionId {
                index: index as u32,
                generation: connection.generation,
            })
    }

    fn forget_inbox(&mut self, host: HostId) {
        for (_, _, segment) in self.hosts[host.index()].inbox.drain(..) {
            if let Segment::Data(payload) = segment {
                self.abandoned.push(payload);
            }
        }
    }
}
