//! A proxy that chooses the member.

use super::{number, run, run_to_the_end, story};

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

#[test]
fn what_a_proxy_gives_up_is_answered_once() {
    // Everything in the region takes so long that the proxy gives some replies up, and the client waits longer.
    let slow = "kind = \"latency\"\nwithin = \"a\"\nadd = \"lognormal(median=250ms, p99=1200ms)\"\nat = \"30s\"\nlasts = \"60s\"\n";
    let text = story("preset = \"envoy-active\"", slow).replace(
        "timeout = \"500ms\"",
        "timeout = \"2s\"\nconnections_per_server = 4",
    );
    for seed in 1..=3 {
        let (_, heard) = run_to_the_end(&text, seed);
        assert!(heard.failures > 100, "{}", heard.failures);
        assert!(heard.endings_are_single(), "an operation ended twice");
    }
}

#[test]
fn a_proxy_spreads_what_half_a_member_cannot_carry() {
    // Two of four shards of a are down: half of it can carry 1.4 times a half, and the rest goes to b.
    let half = fault("process-crash", "30s", "50s")
        + "node = 1\n[database]\nshards = 4\nreplicas_per_shard = 1\n";
    let at_b = |order: &str| {
        let strategy = format!(
            "preset = \"envoy-active\"\nchoice = {{ order = \"{order}\" }}\n\
             propagation = {{ idle_timeout = \"300ms\" }}\n\
             evidence = [{{ probe = \"set-get\", every = \"1s\", timeout = \"500ms\", detector = {{ consecutive = 2 }} }}]"
        );
        // A share is drawn for each connection; so that they are made anew, none may rest for long. To b and back it takes 100 ms.
        let (mut there, mut all) = (0, 0);
        for seed in 1..=3 {
            let (_, heard) = run_to_the_end(&story(&strategy, &half), seed);
            for (at, node) in heard.writes {
                if (40.0..78.0).contains(&at) && node < 4 {
                    there += u32::from(node >= 2);
                    all += 1;
                }
            }
        }
        f64::from(there) / f64::from(all)
    };
    // By connections b would execute 30 of 65. It gets less: what fails at a is answered at once, and a connection that is
    // free again is taken before one on which a reply is awaited.
    let spread = at_b("shares");
    assert!((0.05..0.46).contains(&spread), "{spread}");
    let whole = at_b("priority");
    assert!(whole > 0.99, "all or nothing: {whole}");
}

/// A reply that a proxy has in its hands when the connection that it came by breaks reaches nobody: the session is over, or
/// the client has been told of the failure.
#[test]
fn a_reply_in_the_hands_of_a_proxy_dies_with_its_connection() {
    for preset in ["haproxy-default", "envoy-active"] {
        let slow = format!("preset = \"{preset}\"\npropagation = {{ latency = \"100ms\" }}");
        for seed in 1..=3 {
            let crash = fault("process-crash", "30s", "10s");
            let (outcome, heard) = run_to_the_end(&story(&slow, &crash), seed);
            assert!(heard.endings_are_single(), "{preset}");
            assert!(outcome.is_within_budget());
            assert!(heard.served(10, 60.0, 80.0) > 1_000, "{preset} goes on");
        }
    }
}
