//! What decides recovery times, one behaviour a test: two hosts, 10 ms apart each way.

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

#[test]
fn opening_takes_a_round_trip_and_one_more_for_each_of_tls_and_auth() {
    for (setup_round_trips, expected) in [(0, 20.0), (1, 40.0), (2, 60.0)] {
        let mut lab = Lab::new();
        let options = ConnectionOptions {
            setup_round_trips,
            ..Default::default()
        };
        let id = lab.open_with(options);
        lab.run(1_000);
        assert_eq!(lab.take(), [(expected, Notice::Opened(id))]);
    }
}

#[test]
fn a_syn_into_silence_is_repeated_at_1_3_7_15_31_63_seconds_and_given_up_at_127() {
    let mut lab = Lab::new();
    lab.stop_server(Silence::Silent);
    lab.open();
    let mut leaves = Vec::new();
    while let Some((now, event)) = lab.queue.pop_until(SimTime::NEVER) {
        if let NetworkEvent::SynArrives(_) = event.0 {
            leaves.push(now.since_start().as_secs_f64() - 0.01);
        }
        if let Some(notice) = lab.network.handle(now, &mut lab.queue, event.0) {
            lab.heard.push((now.since_start().as_secs_f64(), notice));
        }
    }
    let rounded: Vec<u64> = leaves
        .iter()
        .map(|seconds| (seconds + 0.5) as u64)
        .collect();
    assert_eq!(rounded, [0, 1, 3, 7, 15, 31, 63]);
    let (at, end, cause) = lab.broken();
    assert_eq!(
        (at, end, cause),
        (127.0, End::Client, BreakCause::ConnectGaveUp)
    );
}

#[test]
fn a_connection_opens_with_the_first_syn_after_the_heal() {
    let mut lab = Lab::new();
    lab.cut_both();
    lab.open();
    lab.run(2_500);
    lab.mend_both();
    lab.run(10_000);
    let heard = lab.take();
    assert!(
        matches!(heard[..], [(at, Notice::Opened(_))] if (at - 3_020.0).abs() < 1e-6),
        "{heard:?}"
    );
}

#[test]
fn a_dead_process_and_a_firewall_refuse_within_one_round_trip() {
    let mut lab = Lab::new();
    lab.kill_server(InFlight::Delivered);
    lab.open();
    lab.run(1_000);
    assert_eq!(lab.broken(), (20.0, End::Client, BreakCause::Refused));

    let mut lab = Lab::new();
    lab.cut(lab.client, lab.server, Silence::Refusing, InFlight::Lost);
    lab.open();
    lab.run(1_000);
    assert_eq!(lab.broken(), (10.0, End::Client, BreakCause::Refused));

    let mut lab = Lab::new();
    lab.stop_server(Silence::Refusing);
    lab.open();
    lab.run(1_000);
    assert_eq!(lab.broken(), (20.0, End::Client, BreakCause::Refused));
}

#[test]
fn a_killed_process_resets_its_peers_after_what_it_had_sent() {
    for (in_flight, delivered) in [(InFlight::Delivered, 1), (InFlight::Lost, 0)] {
        let mut lab = Lab::new();
        let id = lab.connected(ConnectionOptions::default());
        lab.send(id, End::Server);
        lab.run(5);
        lab.kill_server(in_flight);
        lab.run(1_000);
        let heard = lab.take();
        let payloads = heard
            .iter()
            .filter(|(_, notice)| matches!(notice, Notice::Delivered { .. }))
            .count();
        assert_eq!(payloads, delivered, "{in_flight:?}");
        let last = heard.last().expect("the break");
        assert!(
            matches!(
                last.1,
                Notice::Broken {
                    end: End::Client,
                    ..
                }
            ),
            "{heard:?}"
        );
        assert!(
            (last.0 - 115.0).abs() < 1e-6,
            "one way after the death: {}",
            last.0
        );
    }
}

#[test]
fn data_into_silence_is_aborted_at_the_kernels_limit() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.stop_server(Silence::Silent);
    lab.send(id, End::Client);
    lab.run(2_000_000);
    let (at, end, cause) = lab.broken();
    assert_eq!((end, cause), (End::Client, BreakCause::TimedOut));
    let after = at - 100.0;
    assert!(
        (924_600.0..924_600.0 + 120_000.0).contains(&after),
        "{after} ms"
    );
    assert_eq!(lab.network.abandoned, [1]);
}

#[test]
fn the_user_timeout_aborts_unacknowledged_data_earlier() {
    let mut lab = Lab::new();
    let options = ConnectionOptions {
        user_timeout: Some(SimDuration::from_secs(30)),
        ..Default::default()
    };
    let id = lab.connected(options);
    lab.cut_both();
    lab.send(id, End::Client);
    lab.run(60_000);
    assert_eq!(lab.broken(), (30_100.0, End::Client, BreakCause::TimedOut));
}

#[test]
fn keepalive_notices_silence_on_an_idle_connection_only() {
    let keepalive = Keepalive {
        idle: SimDuration::from_secs(30),
        interval: SimDuration::from_secs(5),
        probes: 3,
    };
    let options = ConnectionOptions {
        keepalive: Some(keepalive),
        ..Default::default()
    };
    let mut lab = Lab::new();
    lab.connected(options);
    lab.stop_server(Silence::Silent);
    lab.run(100_000);
    // Opened at 20 ms; idle for 30 s, then three probes 5 s apart.
    assert_eq!(lab.broken(), (45_020.0, End::Client, BreakCause::TimedOut));

    let mut healed = Lab::new();
    healed.connected(options);
    healed.cut_both();
    healed.run(40_000);
    healed.mend_both();
    healed.run(100_000);
    assert_eq!(healed.take(), [], "a probe is answered before the third");
}

#[test]
fn an_idle_connection_without_keepalive_hears_nothing_of_a_dead_host() {
    let mut lab = Lab::new();
    lab.connected(ConnectionOptions::default());
    lab.stop_server(Silence::Silent);
    lab.run(10_000_000);
    assert_eq!(lab.take(), []);
}

#[test]
fn a_short_cut_delays_data_until_the_next_retransmission() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.cut_both();
    lab.send(id, End::Client);
    lab.run(1_000);
    lab.mend_both();
    lab.run(10_000);
    // Timeout 20 + 200 ms, doubling: sent again at 220, 660, 1540 ms.
    assert_eq!(lab.deliveries(), [(100.0 + 1_540.0 + 10.0, 1)]);
}

#[test]
fn what_is_in_flight_when_a_path_is_cut_is_lost_or_delivered_as_the_fault_says() {
    for (in_flight, expected) in [(InFlight::Delivered, 110.0), (InFlight::Lost, 335.0)] {
        let mut lab = Lab::new();
        let id = lab.connected(ConnectionOptions::default());
        lab.send(id, End::Client);
        lab.run(5);
        lab.cut(lab.client, lab.server, Silence::Silent, in_flight);
        lab.run(10);
        lab.mend_both();
        lab.run(10_000);
        assert_eq!(lab.deliveries(), [(expected, 1)], "{in_flight:?}");
    }
}

#[test]
fn a_stream_keeps_its_order_through_a_stall() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.cut_both();
    for _ in 0..5 {
        lab.send(id, End::Client);
        lab.run(100);
    }
    lab.mend_both();
    lab.send(id, End::Client);
    lab.run(10_000);
    let order: Vec<u32> = lab
        .deliveries()
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(order, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_one_way_cut_lets_data_through_and_still_ends_the_connection() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.cut(lab.server, lab.client, Silence::Silent, InFlight::Lost);
    lab.send(id, End::Client);
    lab.run(1_000);
    assert_eq!(lab.deliveries(), [(110.0, 1)], "the request arrives");
    lab.run(1_000_000);
    let (at, end, cause) = lab.broken();
    assert_eq!((end, cause), (End::Client, BreakCause::TimedOut));
    assert!(
        (at - 924_700.0).abs() < 1e-6,
        "unacknowledged since it was sent: {at}"
    );
}

#[test]
fn a_hung_process_accepts_and_answers_when_it_goes_on() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.network.hang(lab.server, FAULT);
    lab.send(id, End::Client);
    let late = lab.open();
    lab.run(5_000);
    assert_eq!(
        lab.take(),
        [(120.0, Notice::Opened(late))],
        "the kernel accepts"
    );
    let now = lab.now();
    let found = lab.network.resume(now, &mut lab.queue, lab.server);
    assert_eq!(
        found,
        [Notice::Delivered {
            connection: id,
            to: End::Server,
            payload: 1
        }]
    );
}

#[test]
fn a_request_whose_client_gave_up_is_still_executed_after_a_hang() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.network.hang(lab.server, FAULT);
    lab.send(id, End::Client);
    lab.run(1_000);
    let now = lab.now();
    lab.network.close(now, &mut lab.queue, id, End::Client);
    lab.run(1_000);
    let now = lab.now();
    let found = lab.network.resume(now, &mut lab.queue, lab.server);
    assert!(
        matches!(found[0], Notice::Delivered { payload: 1, .. }),
        "{found:?}"
    );
    assert!(
        matches!(
            found[1],
            Notice::Broken {
                end: End::Server,
                ..
            }
        ),
        "{found:?}"
    );
}

#[test]
fn a_host_that_came_back_answers_old_connections_with_a_reset() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.stop_server(Silence::Silent);
    lab.run(1_000);
    lab.network.start_host(lab.server);
    lab.send(id, End::Client);
    lab.run(1_000);
    assert_eq!(lab.broken(), (1_120.0, End::Client, BreakCause::Reset));
    assert_eq!(lab.network.abandoned, [1]);
}

#[test]
fn lost_segments_are_sent_again_by_time() {
    let mut lossy = link(SimDuration::from_millis(ONE_WAY));
    lossy.loss = 0.2;
    let mut lab = Lab::with_link(&lossy);
    let id = lab.open();
    lab.run(30_000);
    lab.take();
    let mut delays = Vec::new();
    for _ in 0..500 {
        let before = lab.now().since_start().as_millis_f64();
        lab.send(id, End::Client);
        lab.run(60_000);
        let arrived = lab.deliveries();
        assert_eq!(arrived.len(), 1, "nothing is lost for good");
        delays.push(arrived[0].0 - before);
    }
    let direct = delays.iter().filter(|&&delay| delay < 11.0).count();
    assert!(
        (360..440).contains(&direct),
        "about four in five arrive at once: {direct}"
    );
    let repeated: Vec<f64> = delays.into_iter().filter(|&delay| delay >= 11.0).collect();
    assert!(
        repeated.iter().all(|&delay| delay >= 230.0),
        "the others wait for the timer"
    );
    assert!(
        repeated.iter().any(|&delay| delay > 600.0),
        "some for the second"
    );
}

#[test]
fn messages_queue_for_bandwidth() {
    let mut narrow = link(SimDuration::from_millis(ONE_WAY));
    narrow.bandwidth = Some(10_000);
    let mut lab = Lab::with_link(&narrow);
    let id = lab.open();
    lab.run(1_000);
    lab.take();
    for _ in 0..3 {
        lab.send(id, End::Client);
    }
    lab.run(1_000);
    // 100 bytes take 10 ms each.
    let times: Vec<f64> = lab.deliveries().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [1_020.0, 1_030.0, 1_040.0]);
}

#[test]
fn a_latency_fault_adds_to_every_message_until_it_ends() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    let path = lab.network.path_between(lab.client, lab.server);
    let slow = Sampler::new(&Distribution::Constant(SimDuration::from_millis(300)));
    lab.network.slow((path, TrafficClass::Client), FAULT, slow);
    lab.send(id, End::Client);
    lab.run(1_000);
    assert_eq!(lab.deliveries(), [(410.0, 1)]);
    lab.network
        .mend(&mut lab.queue, (path, TrafficClass::Client), FAULT);
    lab.send(id, End::Client);
    lab.run(1_000);
    assert_eq!(lab.deliveries(), [(1_110.0, 2)]);
    assert_eq!(lab.network.effects.of(FAULT).delayed, 1);
}

#[test]
fn a_cut_of_one_kind_of_traffic_leaves_the_others_alone() {
    let mut lab = Lab::new();
    let path = lab.network.path_between(lab.client, lab.server);
    let now = lab.now();
    let target = (path, TrafficClass::Replication);
    let cut = (FAULT, Silence::Silent);
    lab.network
        .cut(now, &mut lab.queue, target, cut, InFlight::Lost);
    lab.open();
    lab.run(1_000);
    assert!(matches!(lab.take()[..], [(_, Notice::Opened(_))]));
    assert!(
        !lab.network.effects.of(FAULT).any(),
        "a fault without effect is known as such"
    );
}

#[test]
fn a_closed_connection_tells_its_peer_after_what_was_sent() {
    let mut lab = Lab::new();
    let id = lab.connected(ConnectionOptions::default());
    lab.send(id, End::Client);
    let now = lab.now();
    lab.network.close(now, &mut lab.queue, id, End::Client);
    lab.run(1_000);
    let heard = lab.take();
    assert!(matches!(heard[0].1, Notice::Delivered { payload: 1, .. }));
    assert!(matches!(
        heard[1].1,
        Notice::Broken {
            end: End::Server,
            cause: BreakCause::Closed,
            ..
        }
    ));
    assert!(!lab.network.exists(id));
}

#[test]
fn the_same_message_meets_the_same_delay_whatever_else_travels() {
    let uniform = Distribution::uniform(SimDuration::from_millis(5), SimDuration::from_millis(50));
    let jittery = LinkConfig {
        one_way: uniform.expect("ordered bounds"),
        ..link(SimDuration::ZERO)
    };
    let arrival = |others: u32| {
        let mut lab = Lab::with_link(&jittery);
        let id = lab.open();
        lab.run(1_000);
        for other in 0..others {
            let extra = lab.open();
            lab.run(0);
            let draw = Draw {
                who: 7,
                sequence: other,
                attempt: 2,
                leg: 0,
            };
            let now = lab.now();
            lab.network
                .send(now, &mut lab.queue, (extra, End::Client), (99, 10), draw);
        }
        lab.take();
        lab.send(id, End::Client);
        lab.run(1_000);
        lab.deliveries()
            .into_iter()
            .find(|&(_, payload)| payload == 1)
            .map(|(at, _)| at)
    };
    assert!(arrival(0).is_some());
    assert_eq!(arrival(0), arrival(25));
}
