//! Loss, bandwidth, latency: what delays a message, and what does not.

use super::*;

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
