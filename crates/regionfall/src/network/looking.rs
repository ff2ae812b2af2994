//! What owners of connections may know of them, and hosts that share a machine.

use regionfall_kernel::{Distribution, EventQueue, SimDuration, SimTime};

use super::connection::Stage;
use super::path::Path;
use super::{
    BARE_SEGMENT_BYTES, CarriesNetwork, ConnectionId, ConnectionOptions, End, Host, LEG_SETUP,
    Network, Segment, TrafficClass, tcp,
};
use crate::topology::{HostId, LinkConfig, RegionId};

/// One way through a machine's own network stack (assumed: tens of microseconds).
const LOOPBACK: SimDuration = SimDuration::from_micros(20);

/// The path from a machine to itself.
pub(super) fn loopback() -> LinkConfig {
    LinkConfig {
        one_way: Distribution::Constant(LOOPBACK),
        loss: 0.0,
        bursts: None,
        bandwidth: None,
        drift: None,
    }
}

impl<P: Copy> Network<P> {
    /// Adds a running host on the machine of another: a process with a fate of its own, that the other reaches without
    /// leaving the machine.
    pub fn add_host_beside(&mut self, other: HostId) -> HostId {
        let (region, zone): (RegionId, u16) = (self.host(other).region, self.host(other).zone);
        let host = self.add_host(region, zone);
        self.hosts[host.index()].machine = Some(other);
        host
    }

    /// Whether two hosts are processes of one machine.
    pub(super) fn share_machine(&self, one: HostId, other: HostId) -> bool {
        self.host(one).machine == Some(other) || self.host(other).machine == Some(one)
    }

    /// Bytes that left one region for another so far, headers and repetitions included.
    pub fn cross_region_bytes(&self) -> u64 {
        let between = |(index, path): (usize, &Path)| {
            let (from, to) = (index / self.regions, index % self.regions);
            // Behind the pairs of regions come the paths between zones.
            (from < self.regions && from != to).then_some(path.bytes)
        };
        self.paths.iter().enumerate().filter_map(between).sum()
    }

    /// What kind of traffic a connection carries, and how its client end watches it, if it still exists.
    pub fn terms_of(&self, id: ConnectionId) -> Option<(TrafficClass, ConnectionOptions)> {
        self.exists(id).then(|| {
            let class = self.connections[id.index()].class;
            (class, self.upkeep[id.index()].options)
        })
    }

    /// One more round trip of setup on an open connection, which nobody had planned: its answer comes as another
    /// [`Notice::Opened`](super::Notice::Opened).
    pub fn ask_setup<E: CarriesNetwork<P>>(
        &mut self,
        now: SimTime,
        queue: &mut EventQueue<E>,
        id: ConnectionId,
    ) {
        if self.is_open(id) {
            let draw = self.upkeep[id.index()].draw.leg(LEG_SETUP);
            let item = (Segment::Setup, BARE_SEGMENT_BYTES);
            self.transmit(now, queue, (id, End::Client), item, draw);
        }
    }

    /// Whether anything keeps machines of two zones of a region from hearing each other.
    pub fn are_zones_cut(&self, region: RegionId, one: u16, other: u16) -> bool {
        let ways = [(one, other), (other, one)];
        ways.into_iter().any(|(from, to)| {
            let path = self.path_between_zones(region, from, to);
            self.paths[path.0 as usize]
                .cut(TrafficClass::Check)
                .is_some()
        })
    }

    /// What clients that `is_meant` names send to one host reaches another from now on, which knows nothing of their
    /// connections. What is being opened is asked of the other. Gives the connections that had been accepted.
    pub fn move_servers<E: CarriesNetwork<P>>(
        &mut self,
        queue: &mut EventQueue<E>,
        (from, to): (HostId, HostId),
        is_meant: impl Fn(&Host<P>) -> bool,
    ) -> Vec<ConnectionId> {
        let mut moved = Vec::new();
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            let [client, server] = connection.hosts;
            if !connection.in_use || server != from || !is_meant(self.host(client)) {
                continue;
            }
            let id = ConnectionId {
                index: index as u32,
                generation: connection.generation,
            };
            let paths = [self.path_between(client, to), self.path_between(to, client)];
            let is_new = matches!(connection.stage, Stage::Opening { .. })
                && !self.upkeep[index].is_admitted;
            let connection = &mut self.connections[index];
            connection.hosts[End::Server.index()] = to;
            connection.paths = paths;
            if is_new {
                continue;
            }
            moved.push(id);
            connection.forgotten[End::Server.index()] = true;
            if connection.forgotten[End::Client.index()] {
                self.release(queue, id);
            } else {
                self.drop_incoming(queue, id, End::Client);
                self.review(id);
            }
        }
        moved
    }

    /// When the kernel of an end next sends again what is not acknowledged, if anything is.
    pub fn retransmission_due(&self, id: ConnectionId, from: End) -> Option<SimTime> {
        if !self.exists(id) {
            return None;
        }
        let upkeep = &self.upkeep[id.index()];
        let stall = upkeep.stalls[from.index()].as_ref()?;
        let waits = (0..=stall.attempt).map(|attempt| tcp::back_off(upkeep.timeout, attempt));
        Some(waits.fold(stall.since, |at, wait| at + wait))
    }
}
