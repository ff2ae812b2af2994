//! Opening a connection: handshakes, SYN retries, refusals.

use super::*;

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
