//! What decides recovery times, one behaviour a test: two hosts, 10 ms apart each way, and a vocabulary of what
//! is done to them.

mod ending;
mod opening;
mod trouble;
mod weather;

use regionfall_kernel::{Distribution, EventQueue, Sampler, Seed, SimDuration, SimTime, TieBreak};

use super::*;
use crate::topology::{FaultId, LinkConfig, RegionConfig, TopologyConfig};

const FAULT: FaultId = FaultId(0);
const ONE_WAY: u64 = 10;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Event(NetworkEvent<u32>);

impl From<NetworkEvent<u32>> for Event {
    fn from(event: NetworkEvent<u32>) -> Self {
        Self(event)
    }
}

impl CarriesNetwork<u32> for Event {
    fn network(self) -> Option<NetworkEvent<u32>> {
        Some(self.0)
    }
}

/// Two hosts in two regions, and a script of what is done to them.
struct Lab {
    network: Network<u32>,
    queue: EventQueue<Event>,
    client: HostId,
    server: HostId,
    heard: Vec<(f64, Notice<u32>)>,
    sent: u32,
}

fn link(one_way: SimDuration) -> LinkConfig {
    LinkConfig {
        one_way: Distribution::Constant(one_way),
        loss: 0.0,
        bursts: None,
        bandwidth: None,
        drift: None,
    }
}

impl Lab {
    fn new() -> Self {
        Self::with_link(&link(SimDuration::from_millis(ONE_WAY)))
    }

    fn with_link(between: &LinkConfig) -> Self {
        let inside = link(SimDuration::from_micros(50));
        let region = |name: &str| RegionConfig {
            name: name.into(),
            zones: 1,
            same_zone: inside.clone(),
            cross_zone: inside.clone(),
        };
        let topology = TopologyConfig {
            regions: vec![region("west"), region("east")],
            members: 2,
            links: vec![vec![between.clone(); 2]; 2],
        };
        let mut network = Network::new(&topology, Seed::new(1));
        let client = network.add_host(RegionId(0), 0);
        let server = network.add_host(RegionId(1), 0);
        let queue = EventQueue::new(TieBreak::InsertionOrder);
        Self {
            network,
            queue,
            client,
            server,
            heard: Vec::new(),
            sent: 0,
        }
    }

    fn now(&self) -> SimTime {
        self.queue.now()
    }

    fn run(&mut self, milliseconds: u64) {
        let until = self.now() + SimDuration::from_millis(milliseconds);
        while let Some((now, event)) = self.queue.pop_until(until) {
            if let Some(notice) = self.network.handle(now, &mut self.queue, event.0) {
                self.heard.push((now.since_start().as_millis_f64(), notice));
            }
        }
        self.queue.advance_to(until);
    }

    fn open_with(&mut self, options: ConnectionOptions) -> ConnectionId {
        let now = self.now();
        let (client, server) = (self.client, self.server);
        let draw = Draw {
            who: 0,
            sequence: 0,
            attempt: 0,
            leg: 0,
        };
        let class = TrafficClass::Client;
        let opening = Opening {
            client,
            server,
            class,
            options,
            draw,
        };
        self.network.open(now, &mut self.queue, opening)
    }

    fn open(&mut self) -> ConnectionId {
        self.open_with(ConnectionOptions::default())
    }

    /// A connection that is open and idle.
    fn connected(&mut self, options: ConnectionOptions) -> ConnectionId {
        let id = self.open_with(options);
        self.run(100);
        assert_eq!(self.take().len(), 1, "opened");
        id
    }

    fn send(&mut self, id: ConnectionId, from: End) {
        self.sent += 1;
        let draw = Draw {
            who: 0,
            sequence: self.sent,
            attempt: 0,
            leg: 0,
        };
        let now = self.now();
        self.network
            .send(now, &mut self.queue, (id, from), (self.sent, 100), draw);
    }

    fn cut(&mut self, from: HostId, to: HostId, mode: Silence, in_flight: InFlight) {
        let path = self.network.path_between(from, to);
        let now = self.now();
        let target = (path, TrafficClass::Client);
        self.network
            .cut(now, &mut self.queue, target, (FAULT, mode), in_flight);
    }

    fn cut_both(&mut self) {
        self.cut(self.client, self.server, Silence::Silent, InFlight::Lost);
        self.cut(self.server, self.client, Silence::Silent, InFlight::Lost);
    }

    fn mend_both(&mut self) {
        for (from, to) in [(self.client, self.server), (self.server, self.client)] {
            let path = self.network.path_between(from, to);
            self.network
                .mend(&mut self.queue, (path, TrafficClass::Client), FAULT);
        }
    }

    fn stop_server(&mut self, mode: Silence) {
        let now = self.now();
        let host = (self.server, FAULT);
        self.network
            .stop_host(now, &mut self.queue, host, mode, InFlight::Lost);
    }

    fn kill_server(&mut self, in_flight: InFlight) {
        let now = self.now();
        self.network
            .kill_process(now, &mut self.queue, (self.server, FAULT), in_flight);
    }

    fn take(&mut self) -> Vec<(f64, Notice<u32>)> {
        std::mem::take(&mut self.heard)
    }

    /// The moment and cause of the only break heard.
    fn broken(&mut self) -> (f64, End, BreakCause) {
        let heard = self.take();
        match heard[..] {
            [(at, Notice::Broken { end, cause, .. })] => (at, end, cause),
            _ => panic!("expected one break, heard {heard:?}"),
        }
    }

    /// The moments at which payloads arrived.
    fn deliveries(&mut self) -> Vec<(f64, u32)> {
        self.take()
            .into_iter()
            .filter_map(|(at, notice)| match notice {
                Notice::Delivered { payload, .. } => Some((at, payload)),
                _ => None,
            })
            .collect()
    }
}
