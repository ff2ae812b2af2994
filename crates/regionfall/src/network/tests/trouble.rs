//! Cut paths and hung processes: what is lost, what waits, and in which order it comes.

use super::*;

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

/// The kernel answers for a hung client too; TLS is its process's, and waits until that goes on.
#[test]
fn a_client_that_hangs_while_it_opens_goes_on_after_the_handshake() {
    let mut lab = Lab::new();
    lab.open_with(ConnectionOptions {
        setup_round_trips: 1,
        ..ConnectionOptions::default()
    });
    // The SYN is on its way; its answer finds a hung process.
    lab.run(15);
    lab.network.hang(lab.client, FAULT);
    lab.run(10_000);
    assert_eq!(lab.take(), []);
    let now = lab.now();
    let notices = lab.network.resume(now, &mut lab.queue, lab.client);
    assert_eq!(notices, []);
    lab.run(100);
    let heard = lab.take();
    let [(at, Notice::Opened(_))] = heard[..] else {
        panic!("expected an open connection, heard {heard:?}")
    };
    // One more round trip after it went on: SYN and its answer were not sent again.
    assert!((at - 10_035.0).abs() < 1e-6, "{at}");
}
