//! Proxies that learn from their own traffic alone.

use super::{Heard, run, run_to_the_end, story};

const REFUSES: &str = "kind = \"process-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"50s\"\n";
const SILENT: &str = "kind = \"host-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"70s\"\n";

/// When the servers of the first fleet were first sent to the second member.
fn moved(heard: &Heard) -> Option<f64> {
    let mut moves = heard.moves.iter();
    moves
        .find(|&&(at, server, to)| at > 30.0 && server < 10 && to == 1)
        .map(|&(at, ..)| at)
}

#[test]
fn five_failures_in_a_row_eject_a_member_and_time_brings_it_back() {
    let (_, heard) = run(&story("preset = \"envoy-outlier\"", REFUSES), 1);
    // A hundred requests a second over three proxies: five failures take a fraction of a second.
    let left = moved(&heard).expect("it is ejected");
    assert!((30.0..30.6).contains(&left), "{left}");
    assert!(heard.served(10, 31.0, 59.0) > 2_700, "the others serve");
    assert!(heard.failures < 60, "{}", heard.failures);
    // Until each of the three proxies has ejected it, clients that one sends on come back by another. Then thirty
    // seconds, and the next sweep: a live client finds out whether it is back, and it is not.
    let tried = heard
        .moves
        .iter()
        .filter(|&&(at, server, to)| server < 10 && to == 0 && (31.0..80.0).contains(&at));
    let tried: Vec<f64> = tried.map(|&(at, ..)| at).collect();
    assert!(tried.iter().all(|at| *at >= 60.0), "{tried:?}");
    assert!(!tried.is_empty());
}

#[test]
fn with_fewer_than_ten_members_the_defaults_eject_nobody() {
    let strategy = "preset = \"envoy-outlier\"\npropagation = { observe = { always_one = false } }";
    let (_, heard) = run(&story(strategy, REFUSES), 1);
    assert_eq!(moved(&heard), None);
    assert_eq!(heard.served(10, 31.0, 79.0), 0);
}

#[test]
fn one_refused_connection_is_enough_for_nginx() {
    let (_, heard) = run(&story("preset = \"nginx-stream\"", REFUSES), 1);
    let left = moved(&heard).expect("it is left");
    assert!((30.0..30.3).contains(&left), "{left}");
}

#[test]
fn a_silent_member_is_not_found_if_clients_give_up_before_the_proxy_does() {
    let (_, heard) = run(&story("preset = \"nginx-stream\"", SILENT), 1);
    assert!(
        moved(&heard).is_none_or(|at| at >= 100.0),
        "each client leaves after half a second, the proxy would after sixty; only the machine that comes back refuses"
    );
    let patient = "preset = \"nginx-stream\"\nclient = { connect_timeout = \"5m\", timeout = \"none\", keeps_connections = false }";
    let text = story(patient, SILENT).replace("timeout = \"500ms\"\n", "");
    // What waits for ever is never answered, and so nothing comes to rest.
    let (_, heard) = run_to_the_end(&text, 1);
    let left = moved(&heard).expect("somebody waited for it");
    assert!((90.0..90.3).contains(&left), "{left}");
}

#[test]
fn three_late_replies_eject_a_member_from_twemproxy() {
    let text = story("preset = \"twemproxy-resilient\"", SILENT);
    for seed in 1..=4 {
        let (_, heard) = run(&text, seed);
        let mut first = vec![f64::INFINITY; 10];
        for &(at, server, to) in heard.moves.iter().filter(|&&(at, ..)| at > 30.0) {
            if server < 10 && to == 1 {
                first[server as usize] = first[server as usize].min(at);
            }
        }
        // Each proxy sees a tenth of the requests: three that fail, one after the other or together.
        assert!(
            first.iter().all(|at| (30.4..33.0).contains(at)),
            "{first:?}"
        );
    }
}
