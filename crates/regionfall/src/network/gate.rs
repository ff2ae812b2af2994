//! Gates: servers whose process is asked before a connection is accepted, and for each round trip of its setup.
//!
//! Elsewhere the kernel consents by itself and setup takes no time.

use regionfall_kernel::{EventQueue, SimTime};

use super::connection::{Connection, Stage, Upkeep};
use super::opening::LEG_SYN_ACK;
use super::path::Fate;
use super::{
    BARE_SEGMENT_BYTES, CarriesNetwork, ConnectionId, End, LEG_SETUP, Network, NetworkEvent,
    Segment, TrafficClass,
};
use crate::topology::HostId;

impl<P: Copy> Network<P> {
    /// From now on a host's process is asked about connections: see `Host::is_gated`.
    pub fn gate(&mut self, host: HostId) {
        self.hosts[host.index()].is_gated = true;
    }

    /// Whether a server's process is to be asked about a connection, and has not been.
    pub(super) fn is_gate_closed(&self, id: ConnectionId) -> bool {
        self.is_gated(id) && !self.upkeep[id.index()].is_admitted
    }

    /// Whether the server of a connection is asked about connections of its kind. Links between members do not
    /// count as clients.
    pub(super) fn is_gated(&self, id: ConnectionId) -> bool {
        let connection = &self.connections[id.index()];
        self.hosts[connection.hosts[1].index()].is_gated
            && connection.class != TrafficClass::Replication
    }

    /// A server accepts a connection: its consent goes out.
    pub fn admit<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) {
        let Stage::Opening { retries } = self.connections[id.index()].stage else {
            return;
        };
        let upkeep = &mut self.upkeep[id.index()];
        upkeep.is_admitted = true;
        let draw = upkeep.draw.leg(LEG_SYN_ACK);
        match self.fate(now, (id, End::Server), BARE_SEGMENT_BYTES, (draw, retries)) {
            Fate::Arrives(at) => queue.schedule(at, NetworkEvent::SynAckArrives(id).into()),
            Fate::Rejected | Fate::Lost | Fate::Swallowed => {}
        }
    }

    /// A server does not accept a connection. Redis accepts, says that the maximum of clients is reached, and
    /// closes; to a client that is the same as a reset after as long.
    pub fn refuse<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) {
        self.send_reset(now, queue, id, End::Server);
    }

    /// How many connections a gated server has accepted and still has.
    pub fn admitted_at(&self, server: HostId) -> usize {
        let is_open = |(connection, upkeep): &(&Connection, &Upkeep<P>)| {
            connection.in_use
                && connection.hosts[1] == server
                && upkeep.is_admitted
                && !connection.forgotten[1]
                && connection.class != TrafficClass::Replication
        };
        self.connections
            .iter()
            .zip(&self.upkeep)
            .filter(is_open)
            .count()
    }

    /// A server did its part of a round trip of a connection's setup.
    pub fn answer_setup<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) {
        let is_open = self.exists(id)
            && matches!(self.connections[id.index()].stage, Stage::Open { .. })
            && !self.connections[id.index()].forgotten[1];
        if is_open {
            let draw = self.upkeep[id.index()].draw.leg(LEG_SETUP | 1);
            let segment = (Segment::Setup, BARE_SEGMENT_BYTES);
            self.transmit(now, queue, (id, End::Server), segment, draw);
        }
    }

    /// Whether the round trip of a connection's setup that is under way is its first.
    pub fn is_first_setup(&self, id: ConnectionId) -> bool {
        let all = self.upkeep[id.index()].options.setup_round_trips;
        matches!(self.connections[id.index()].stage, Stage::Open { setup_left } if setup_left + 1 == all)
    }
}
