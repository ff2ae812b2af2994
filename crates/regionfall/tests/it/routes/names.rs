//! Names: what DNS does between a decision and the clients.

use super::{run, story};

fn dns(rest: &str) -> String {
    format!(
        "propagation = {{ kind = \"dns\", ttl = \"10s\", publish_delay = \"0s\", lookup = \"1ms\"{rest} }}"
    )
}

const CHANGE: &str = "kind = \"record-change\"\nregion = \"b\"\nat = \"30s\"\n";

/// When the servers of the first fleet went to the second member.
fn moves(strategy: &str, fault: &str, seed: u64) -> Vec<f64> {
    let text = story(strategy, fault);
    // With one connection each, none is opened beside one that works.
    let text = text.replace(
        "timeout = \"500ms\"",
        "timeout = \"500ms\"\nconnections_per_server = 1",
    );
    let (_, heard) = run(&text, seed);
    let moves = heard.moves.iter();
    let moves = moves.filter(|&&(_, server, to)| server < 10 && to == 1);
    moves.map(|&(at, ..)| at).collect()
}

#[test]
fn clients_that_look_each_time_follow_within_the_ttl() {
    let at = moves(&dns(", looks = \"each-command\""), CHANGE, 1);
    assert_eq!(at.len(), 10);
    assert!(at.iter().all(|at| (30.0..40.6).contains(at)), "{at:?}");
    let span = at[9] - at[0];
    assert!(span > 4.0, "each at a phase of its own: {span}");
}

#[test]
fn behind_one_cache_all_learn_together() {
    let at = moves(
        &dns(", looks = \"each-command\", shared_cache = true"),
        CHANGE,
        1,
    );
    assert_eq!(at.len(), 10);
    assert!(at[9] - at[0] < 0.7, "{at:?}");
}

#[test]
fn pooled_connections_do_not_move_while_they_work() {
    assert_eq!(moves(&dns(""), CHANGE, 1).len(), 0);
    // They do when they break.
    let crash = format!(
        "{CHANGE}[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"45s\"\nlasts = \"20s\"\n"
    );
    let at = moves(&dns(""), &crash, 1);
    assert_eq!(at.len(), 10);
    assert!(at.iter().all(|at| (45.0..46.0).contains(at)), "{at:?}");
}

#[test]
fn inside_the_lifetime_a_reconnect_finds_the_old_address_again() {
    let crash = format!(
        "{CHANGE}[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"60s\"\n"
    );
    let last = |ttl: &str| {
        let at = moves(&dns("").replace("ttl = \"10s\"", ttl), &crash, 1);
        assert_eq!(at.len(), 10);
        at.into_iter().fold(0.0, f64::max)
    };
    // Everybody connects anew at once, and is refused until its cache has forgotten the old address.
    assert!((36.0..46.0).contains(&last("ttl = \"15s\"")));
    assert!(last("ttl = \"1s\"") < 32.0);
}

#[test]
fn a_process_that_resolved_once_follows_when_somebody_starts_it_anew() {
    let forever =
        ", looks = \"each-command\", resolvers = [{ class = \"forever\", share = \"100%\" }]";
    let crash = format!(
        "{CHANGE}[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"80s\"\n"
    );
    assert_eq!(moves(&dns(forever), &crash, 1).len(), 0);
    let anew = format!("{forever}, forgets_after = \"20s\"");
    let at = moves(&dns(&anew), &crash, 1);
    assert_eq!(at.len(), 10);
    assert!(at.iter().all(|at| (50.0..53.0).contains(at)), "{at:?}");
}

#[test]
fn without_dns_new_connections_last_as_long_as_caches_and_old_ones_longer() {
    let outage = "kind = \"dns-down\"\nat = \"30s\"\nlasts = \"40s\"\n";
    let fresh = |rest: &str| {
        let strategy = format!(
            "{}\nclient = {{ keeps_connections = false, connect_timeout = \"1s\" }}",
            dns(rest)
        );
        run(&story(&strategy, outage), 1).1
    };
    let heard = fresh("");
    assert!(heard.served(10, 30.0, 32.0) > 100, "caches last");
    assert_eq!(
        heard.served(10, 42.0, 69.0),
        0,
        "then nobody finds the member"
    );
    assert!(heard.served(10, 72.0, 80.0) > 500);
    let heard = fresh(", serve_stale = true");
    assert!(
        heard.served(10, 42.0, 69.0) > 2_000,
        "old answers are better than none"
    );
    let (_, heard) = run(&story(&dns(""), outage), 1);
    assert!(
        heard.served(10, 42.0, 69.0) > 2_000,
        "open connections need no name"
    );
}

#[test]
fn a_quorum_of_checkers_is_not_misled_by_some_that_are_cut_off() {
    let cut = |region: &str| {
        format!("kind = \"checkers-cut-off\"\n{region}at = \"30s\"\nlasts = \"55s\"\n")
    };
    let heard = |fault: &str| run(&story("preset = \"route53-fast\"", fault), 1).1;
    // A third of them stands in each region; more than 18 % still find the member up.
    let some = heard(&cut("region = \"b\"\n"));
    assert_eq!(some.verdicts, []);
    let all = heard(&cut(""));
    assert!(all.verdict(30.0, 0, false).is_some(), "nobody finds it up");
    assert!(
        all.moves.is_empty(),
        "it fails open, and keeps to the first"
    );
    let lost = format!("{}reports = \"lost\"\n", cut(""));
    assert_eq!(heard(&lost).verdicts, [], "nobody says anything");
}
