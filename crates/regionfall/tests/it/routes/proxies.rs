//! A proxy that chooses the member.

use super::{number, run, story};

const HAPROXY: &str = r#"preset = "haproxy-default""#;

fn fault(kind: &str, at: &str, lasts: &str) -> String {
    format!("kind = \"{kind}\"\nregion = \"a\"\nat = \"{at}\"\nlasts = \"{lasts}\"\n")
}

#[test]
fn a_proxy_adds_its_hop_and_nothing_else() {
    let calm = fault("latency", "30s", "1s")
        .replace("region = \"a\"", "between = [\"b\", \"c\"]\nadd = \"1ms\"");
    let (direct, _) = run(&story(r#"preset = "pinned""#, &calm), 1);
    let (proxied, heard) = run(&story(HAPROXY, &calm), 1);
    let median = |outcome| number(outcome, "latency_p50_warm_up_ms").expect("requests succeed");
    // One more path within the zone, there and back (1 ms round trip), and 50 us of work each way.
    let added = median(&proxied) - median(&direct);
    assert!((1.05..1.15).contains(&added), "{added}");
    assert_eq!(heard.failures, 0);
    assert!(heard.moves.is_empty(), "{:?}", heard.moves);
}

#[test]
fn three_failed_checks_move_everybody_at_once() {
    for seed in 1..=6 {
        let (outcome, heard) = run(&story(HAPROXY, &fault("host-crash", "30s", "40s")), seed);
        let down = heard.verdict(30.0, 0, false).expect("the member is silent");
        assert!((40.0..42.1).contains(&down), "{down}");
        let moved: Vec<f64> = heard
            .moves
            .iter()
            .filter(|&&(at, server, to)| at < 60.0 && server < 10 && to == 1)
            .map(|&(at, ..)| at)
            .collect();
        assert_eq!(moved.len(), 10, "all at once");
        assert!(
            moved.iter().all(|&at| (at - down).abs() < 1e-9),
            "{down} {moved:?}"
        );
        assert_eq!(number(&outcome, "switch_skew_ms"), Some(0.0));
        assert_eq!(heard.served(10, 32.0, 40.0), 0, "nobody is served before");
        assert!(heard.served(10, 43.0, 60.0) > 1_000);
        // Up again: two checks that pass.
        let up = heard.verdict(70.0, 0, true).expect("the member is back");
        assert!((70.0..76.0).contains(&up), "{up}");
    }
}

#[test]
fn refusing_members_are_found_without_time_limits() {
    for seed in 1..=6 {
        let (_, heard) = run(&story(HAPROXY, &fault("process-crash", "30s", "40s")), seed);
        let down = heard.verdict(30.0, 0, false).expect("the member refuses");
        assert!((34.0..36.1).contains(&down), "{down}");
    }
}

#[test]
fn sessions_that_work_stay_where_they_are_when_traffic_returns() {
    let keeps = story(HAPROXY, &fault("host-crash", "30s", "40s"));
    let cuts = story(
        "preset = \"haproxy-default\"\npropagation = { cut_on_return = true }",
        &fault("host-crash", "30s", "40s"),
    );
    let writes = |story: &str| {
        let (_, heard) = run(story, 3);
        let late = heard
            .writes
            .iter()
            .filter(|&&(at, _)| at > 90.0 && at < 110.0);
        let (home, away): (Vec<u8>, Vec<u8>) =
            late.map(|&(_, node)| node).partition(|&node| node == 0);
        (home.len(), away.len())
    };
    let (home, away) = writes(&keeps);
    assert!(
        away > 4 * home.max(1),
        "pooled connections stay: {home} {away}"
    );
    let (home, away) = writes(&cuts);
    assert!(
        home > 4 * away.max(1),
        "they are cut, and go home: {home} {away}"
    );
}

#[test]
fn a_cut_tells_clients_at_once_that_a_silent_member_is_gone() {
    let story_of = |on_down: &str| {
        let strategy = format!(
            "preset = \"haproxy-default\"\npropagation = {{ on_down = \"{on_down}\", idle_timeout = \"none\" }}\nclient = {{ timeout = \"none\" }}"
        );
        story(&strategy, &fault("hang", "30s", "60s"))
            .replace("timeout = \"500ms\"", "connections_per_server = 1")
    };
    let (_, kept) = run(&story_of("keep"), 2);
    let (_, cut) = run(&story_of("cut"), 2);
    assert_eq!(kept.served(10, 43.0, 80.0), 0, "pinned to a silent socket");
    assert!(cut.served(10, 43.0, 80.0) > 1_000);
}

#[test]
fn with_no_member_up_a_proxy_refuses() {
    let faults = format!(
        "{}[[fault]]\n{}",
        fault("host-crash", "30s", "40s"),
        fault("host-crash", "30s", "40s").replace("\"a\"", "\"b\"")
    );
    let (_, heard) = run(&story(HAPROXY, &faults), 1);
    assert_eq!(heard.served(10, 43.0, 69.0), 0);
    assert!(heard.served(10, 78.0, 100.0) > 1_000);
}
