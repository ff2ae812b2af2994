//! Opening a connection: SYN and consent, with retries, and the setup round trips of TLS and AUTH.

use regionfall_kernel::{EventQueue, SimTime, TimerId};

use super::connection::{Connection, Stage, Upkeep};
use super::path::Fate;
use super::{
    BARE_SEGMENT_BYTES, BreakCause, CarriesNetwork, ConnectionId, ConnectionOptions, Draw, End,
    HostState, LEG_SETUP, Network, NetworkEvent, Notice, Segment, TrafficClass, tcp,
};
use crate::topology::HostId;

/// The leg of a SYN; retries count up from it in the draw's repetition.
const LEG_SYN: u8 = 0x10;
/// The leg of the consent to a SYN.
pub(super) const LEG_SYN_ACK: u8 = 0x11;
/// A request to open a connection.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Who opens.
    pub client: HostId,
    /// Who is asked.
    pub server: HostId,
    /// What will travel.
    pub class: TrafficClass,
    /// How it is opened and watched.
    pub options: ConnectionOptions,
    /// Addresses the handshake's draws.
    pub draw: Draw,
}

impl<P: Copy> Network<P> {
    /// Begins to open a connection. [`Notice::Opened`] or [`Notice::Broken`] will follow, unless the
    /// client closes it first.
    pub fn open<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        opening: Opening,
    ) -> ConnectionId {
        let paths = [
            self.path_between(opening.client, opening.server),
            self.path_between(opening.server, opening.client),
        ];
        let [there, back] = paths.map(|path| self.paths[path.0 as usize].typical);
        let connection = Connection {
            generation: 0,
            in_use: true,
            is_smooth: [false; 2],
            forgotten: [false; 2],
            class: opening.class,
            stage: Stage::Opening { retries: 0 },
            paths,
            hosts: [opening.client, opening.server],
            lanes: [queue.open_lane(), queue.open_lane()],
            last_activity: now,
        };
        let upkeep = Upkeep {
            options: opening.options,
            timeout: tcp::retransmission_timeout(there + back),
            stalls: [None, None],
            guards: [TimerId::NONE; 2],
            unacknowledged: [false; 2],
            is_admitted: false,
            draw: opening.draw,
        };
        let id = self.claim(connection, upkeep);
        self.send_syn(now, queue, id, 0);
        id
    }

    fn send_syn<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
        retries: u8,
    ) {
        self.connections[id.index()].stage = Stage::Opening { retries };
        let wait = tcp::back_off(tcp::SYN_TIMEOUT, u32::from(retries));
        let upkeep = &mut self.upkeep[id.index()];
        upkeep.guards[0] = queue.arm(now + wait, NetworkEvent::SynRetry(id).into());
        let draw = upkeep.draw.leg(LEG_SYN);
        match self.fate(now, (id, End::Client), BARE_SEGMENT_BYTES, (draw, retries)) {
            Fate::Arrives(at) => queue.schedule(at, NetworkEvent::SynArrives(id).into()),
            Fate::Rejected => self.send_reset(now, queue, id, End::Server),
            Fate::Lost | Fate::Swallowed => {}
        }
    }

    pub(super) fn syn_arrives<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) -> Option<Notice<P>> {
        if !self.exists(id) {
            return None;
        }
        let connection = &self.connections[id.index()];
        let Stage::Opening { .. } = connection.stage else {
            return None;
        };
        let server = &self.hosts[connection.hosts[1].index()];
        match server.state {
            HostState::Silent(fault) => {
                self.effects.note(fault, |effects| effects.dropped += 1);
            }
            HostState::Refusing(fault) | HostState::ProcessDead(fault) => {
                self.effects.note(fault, |effects| effects.refused += 1);
                self.send_reset(now, queue, id, End::Server);
            }
            HostState::Running if self.is_gate_closed(id) => return Some(Notice::Asked(id)),
            // The kernel of a process that hangs consents by itself.
            HostState::Running | HostState::Hung(_) => self.admit(now, queue, id),
        }
        None
    }

    pub(super) fn syn_ack_arrives<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) -> Option<Notice<P>> {
        let Stage::Opening { .. } = self.connection_mut(id)?.stage else {
            return None;
        };
        let upkeep = &mut self.upkeep[id.index()];
        queue.cancel(upkeep.guards[0]);
        upkeep.guards[0] = TimerId::NONE;
        let connection = &mut self.connections[id.index()];
        connection.stage = Stage::Open {
            setup_left: upkeep.options.setup_round_trips,
        };
        connection.last_activity = now;
        let client = connection.hosts[End::Client.index()];
        self.review(id);
        let host = &mut self.hosts[client.index()];
        if let HostState::Hung(_) = host.state {
            // The kernel finished its handshake; what follows is the process's, once it goes on.
            host.inbox.push((id, End::Client, Segment::Setup));
            return None;
        }
        self.continue_setup(now, queue, id)
    }

    pub(super) fn syn_retry<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) -> Option<Notice<P>> {
        let Stage::Opening { retries } = self.connection_mut(id)?.stage else {
            return None;
        };
        if retries >= tcp::SYN_RETRIES {
            return Some(self.break_off(queue, id, End::Client, BreakCause::ConnectGaveUp));
        }
        self.send_syn(now, queue, id, retries + 1);
        None
    }

    /// Takes the next setup round trip, or reports the connection usable.
    pub(super) fn continue_setup<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) -> Option<Notice<P>> {
        let connection = &mut self.connections[id.index()];
        let Stage::Open { setup_left } = connection.stage else {
            return None;
        };
        if setup_left == 0 {
            return Some(Notice::Opened(id));
        }
        connection.stage = Stage::Open {
            setup_left: setup_left - 1,
        };
        let draw = self.upkeep[id.index()]
            .draw
            .leg(LEG_SETUP | setup_left << 1);
        self.transmit(
            now,
            queue,
            (id, End::Client),
            (Segment::Setup, BARE_SEGMENT_BYTES),
            draw,
        );
        None
    }
}
