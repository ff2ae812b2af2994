//! How connections end: resets, limits, timeouts, closing; and who hears of it.

use super::*;

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
