//! The cluster bus: what carries the messages of a Redis Cluster's processes.
//!
//! Each process keeps a link of its own to every other of its member, a connection of the network; answers come back over
//! the link that the question came by.

use regionfall_kernel::SimTime;

use super::event::{Message, ParcelId, StationId};
use super::world::{Owner, World};
use crate::database::promotion::cluster::{BusBody, BusMessage, ClusterSight, ProcessId};
use crate::history::Listener;
use crate::network::{ConnectionId, ConnectionOptions, Draw, End, Opening, TrafficClass};

/// Bytes of a message's header, with a bit for each slot (redis/redis cluster.h 7.0, `clusterMsg`).
const HEADER_BYTES: u32 = 2_256;
/// Bytes of what a message tells of one other process (the same, `clusterMsgDataGossip`).
const GOSSIP_BYTES: u32 = 104;
/// Bytes of what a message tells of a shard's slots (the same, `clusterMsgDataUpdate`).
const UPDATE_BYTES: u32 = 2_096;
/// The leg of what processes send over the bus.
const LEG: u8 = 0x48;

/// A process's link to another.
#[derive(Clone, Debug)]
pub(super) struct Cable {
    pub(super) to: StationId,
    connection: Option<ConnectionId>,
    is_open: bool,
    /// What leaves when it is open.
    waiting: Vec<BusMessage>,
}

impl Cable {
    /// A link that is not open yet.
    pub(super) fn new(to: StationId) -> Self {
        Self {
            to,
            connection: None,
            is_open: false,
            waiting: Vec::new(),
        }
    }
}

/// A message under way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    /// Whose link it travels over.
    station: StationId,
    cable: u16,
    /// To which end.
    to: End,
    message: BusMessage,
}

impl World {
    /// The place of a process's link to another.
    pub(super) fn cable(&self, id: StationId, to: ProcessId) -> usize {
        let first = self.stations[usize::from(id.0)].cables[0].to;
        usize::from(self.station_of(to).0 - first.0)
    }

    pub(super) fn open_cable(&mut self, now: SimTime, id: StationId, to: ProcessId) {
        let cable = self.cable(id, to);
        self.cut_cable(now, id, cable);
        let opening = Opening {
            client: self.station_host(id),
            server: self.node_host(to.node),
            class: TrafficClass::Check,
            options: ConnectionOptions::default(),
            draw: self.station_draw(id),
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.stations[usize::from(id.0)].cables[cable].connection = Some(connection);
        self.own(connection, Owner::Cluster(id, cable as u16));
    }

    pub(super) fn cut_cable(&mut self, now: SimTime, id: StationId, cable: usize) {
        let state = &mut self.stations[usize::from(id.0)].cables[cable];
        state.is_open = false;
        state.waiting.clear();
        if let Some(connection) = state.connection.take() {
            self.owners[connection.index()] = None;
            self.network
                .close(now, &mut self.queue, connection, End::Client);
            self.account_for_abandoned();
        }
    }

    /// Sends a message over a process's own link to another, as soon as it is open.
    pub(super) fn send_over_cable(
        &mut self,
        now: SimTime,
        id: StationId,
        to: ProcessId,
        message: BusMessage,
    ) {
        let cable = self.cable(id, to);
        let state = &mut self.stations[usize::from(id.0)].cables[cable];
        if state.is_open {
            self.send_parcel(now, (id, cable), End::Server, message);
        } else if state.connection.is_some() {
            state.waiting.push(message);
        }
    }

    /// A process's link is open: what waited for it leaves.
    pub(super) fn cable_opened(&mut self, now: SimTime, id: StationId, cable: u16) {
        let cable = usize::from(cable);
        let state = &mut self.stations[usize::from(id.0)].cables[cable];
        state.is_open = true;
        for message in std::mem::take(&mut state.waiting) {
            self.send_parcel(now, (id, cable), End::Server, message);
        }
    }

    /// A process's link was refused, or broke.
    pub(super) fn cable_broken<L: Listener>(
        &mut self,
        now: SimTime,
        id: StationId,
        cable: u16,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        let state = &mut self.stations[usize::from(id.0)].cables[usize::from(cable)];
        state.connection = None;
        state.is_open = false;
        state.waiting.clear();
        let to = state.to;
        let to = self.stations[usize::from(to.0)].process.id();
        self.tell_station(now, id, ClusterSight::LinkBroken { to }, listener);
    }

    fn station_draw(&mut self, id: StationId) -> Draw {
        let station = &mut self.stations[usize::from(id.0)];
        station.sent += 1;
        Draw {
            who: 0x4200_0000 | u32::from(id.0),
            sequence: station.sent,
            attempt: 0,
            leg: LEG,
        }
    }

    /// Sends a message over somebody's link to one of its ends. A link that is gone takes it with it.
    pub(super) fn send_parcel(
        &mut self,
        now: SimTime,
        (owner, cable): (StationId, usize),
        to: End,
        message: BusMessage,
    ) {
        let state = &self.stations[usize::from(owner.0)].cables[cable];
        let Some(connection) = state.connection else {
            return;
        };
        let (sender, from) = match to {
            End::Server => (owner, End::Client),
            End::Client => (state.to, End::Server),
        };
        let bytes = bytes_of(&message);
        let draw = self.station_draw(sender);
        let parcel = Parcel {
            station: owner,
            cable: cable as u16,
            to,
            message,
        };
        let parcel = ParcelId(self.parcels.insert(parcel));
        self.network.send(
            now,
            &mut self.queue,
            (connection, from),
            (Message::Bus(parcel).into(), bytes),
            draw,
        );
        self.account_for_abandoned();
    }

    /// A message of the cluster bus arrives.
    pub(super) fn parcel_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        id: ParcelId,
        listener: &mut L,
    ) {
        let Some(parcel) = self.parcels.take(id.0) else {
            return;
        };
        let state = &self.stations[usize::from(parcel.station.0)].cables[usize::from(parcel.cable)];
        if state.connection != Some(connection) {
            return;
        }
        let station = match parcel.to {
            End::Server => state.to,
            End::Client => parcel.station,
        };
        // A process that loads its data reads nothing yet.
        if self.is_up(station) {
            let sight = ClusterSight::Received(parcel.message);
            self.tell_station(now, station, sight, listener);
        }
    }
}

fn bytes_of(message: &BusMessage) -> u32 {
    HEADER_BYTES
        + match &message.body {
            BusBody::Ping(gossip) | BusBody::Pong(gossip) => GOSSIP_BYTES * gossip.len() as u32,
            BusBody::Fail(_) => GOSSIP_BYTES,
            BusBody::Update { .. } => UPDATE_BYTES,
            BusBody::VoteRequest | BusBody::Vote => 0,
        }
}
