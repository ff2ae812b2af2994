//! Proxies that die, and who takes their place.

use super::{Heard, number, run, run_to_the_end, story};

const PAIR: &str = "stack = [\"haproxy-default\", \"keepalived-vrrp\"]";

/// Nothing is wrong with any member; proxies are.
fn proxy_story(strategy: &str, fault: &str) -> String {
    // A restarted app's pool would hide what connections do: one each.
    story(strategy, fault).replace(
        "timeout = \"500ms\"",
        "timeout = \"500ms\"\nconnections_per_server = 1",
    )
}

/// The longest time from 25 s on in which no server of the first fleet was answered.
fn gap(heard: &Heard) -> f64 {
    let times = heard
        .replies
        .iter()
        .filter(|&&(at, server)| server < 10 && at > 25.0 && at < 110.0);
    let times: Vec<f64> = times.map(|&(at, _)| at).collect();
    times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max)
}

fn crash(how: &str, lasts: &str) -> String {
    format!(
        "kind = \"proxy-crash\"\nregion = \"a\"\nnumber = 0\nat = \"30s\"\nlasts = \"{lasts}\"\nhow = \"{how}\"\n"
    )
}

#[test]
fn a_standby_takes_the_address_when_a_machine_dies() {
    for seed in 1..=8 {
        let (outcome, heard) = run(&proxy_story(PAIR, &crash("host", "40s")), seed);
        let (taken, _) = heard.addresses[0];
        // Three adverts and the backup's skew after the last advert, which came within the second before.
        assert!((32.609..33.62).contains(&taken), "{taken}");
        // The first has the higher priority and takes it back: three adverts and its own skew after it is up.
        let (back, relay) = heard.addresses[1];
        assert!((73.41..73.45).contains(&back), "{back}");
        assert_eq!(relay, 0);
        assert!(gap(&heard) < 4.5, "{}", gap(&heard));
        assert_eq!(
            number(&outcome, "policy_switches"),
            Some(0.0),
            "no member was left"
        );
    }
}

#[test]
fn a_script_finds_a_dead_process_and_an_orderly_end_costs_the_skew() {
    for seed in 1..=8 {
        let (_, heard) = run(&proxy_story(PAIR, &crash("crash", "40s")), seed);
        // A look within a second, and the skew.
        let (taken, _) = heard.addresses[0];
        assert!((30.609..31.62).contains(&taken), "{taken}");
    }
}

#[test]
fn a_script_that_looks_for_a_process_does_not_see_it_hang() {
    let (_, heard) = run(&proxy_story(PAIR, &crash("hang", "30s")), 1);
    assert_eq!(heard.addresses, []);
    assert!(gap(&heard) > 28.0, "{}", gap(&heard));
}

#[test]
fn a_killed_daemon_leaves_the_address_and_nobody_notices() {
    let fault = "kind = \"address-daemon\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"40s\"\n";
    let (_, heard) = run(&proxy_story(PAIR, fault), 2);
    let (taken, _) = heard.addresses[0];
    assert!((32.6..33.7).contains(&taken), "{taken}");
    // Every session is lost when the address moves, and opened again within a few round trips.
    assert!(gap(&heard) < 1.0, "{}", gap(&heard));
    let orderly = format!("{fault}orderly = true\n");
    let (_, heard) = run(&proxy_story(PAIR, &orderly), 2);
    let (taken, _) = heard.addresses[0];
    assert!((30.609..30.62).contains(&taken), "the skew alone: {taken}");
}

const LOST: &str = "kind = \"adverts-lost\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"30s\"\n";

#[test]
fn lost_adverts_make_two_masters_of_which_the_second_has_the_clients() {
    let mut late = 0;
    for seed in 1..=12 {
        let (_, heard) = run(&proxy_story(PAIR, LOST), seed);
        let moves: Vec<u16> = heard.addresses.iter().map(|&(_, relay)| relay).collect();
        assert_eq!(
            moves,
            [1, 0],
            "the lower one announced itself, and gave way when it could hear"
        );
        // Either the higher one hears the lower and announces itself, or the lower hears the higher first and gives the
        // address up without a word: then the clients' machines find out by themselves.
        let (back, _) = heard.addresses[1];
        let is_prompt = (60.0..61.1).contains(&back);
        let is_stale = (68.0..69.1).contains(&back);
        assert!(is_prompt || is_stale, "{back}");
        late += u32::from(is_stale);
    }
    assert!((1..12).contains(&late), "{late} of 12 addresses were stale");
}

#[test]
fn a_master_that_does_not_announce_itself_again_leaves_a_stale_address() {
    let stale = format!("{PAIR}\ntakeover = {{ announces_again = false }}");
    for seed in 1..=4 {
        let (_, heard) = run(&proxy_story(&stale, LOST), seed);
        let (back, _) = heard.addresses[1];
        assert!((68.0..69.1).contains(&back), "{back}");
        assert_eq!(
            heard.served(10, 61.2, 68.0),
            0,
            "nobody answers at the old place"
        );
    }
}

#[test]
fn zones_that_cannot_hear_each_other_have_two_masters_for_one_address() {
    // The second proxy stands in the second zone, the member in the first.
    let fault = "kind = \"partition\"\nwithin = \"a\"\nzone = 1\nat = \"30s\"\nlasts = \"40s\"\n";
    let (outcome, heard) = run(&proxy_story(PAIR, fault), 1);
    let moved: Vec<u32> = heard
        .moves
        .iter()
        .filter(|&&(at, server, to)| at < 70.0 && server < 10 && to == 1)
        .map(|&(_, server, _)| server)
        .collect();
    assert!(
        !moved.is_empty() && moved.iter().all(|server| server % 3 == 1),
        "those in the second zone: {moved:?}"
    );
    let dual = number(&outcome, "dual_active_ms").expect("it is counted");
    assert!(
        dual > 15_000.0,
        "both members take writes of one population: {dual}"
    );
}

#[test]
fn a_supervisor_starts_a_dead_proxy_again() {
    let watchdog = "stack = [\"haproxy-default\", \"watchdog-restart\"]";
    for seed in 1..=6 {
        let (_, heard) = run(&proxy_story(watchdog, &crash("crash", "forever")), seed);
        // A look within a second, two seconds to start.
        assert!((1.9..4.0).contains(&gap(&heard)), "{}", gap(&heard));
    }
    let (_, heard) = run(
        &proxy_story("preset = \"haproxy-default\"", &crash("crash", "40s")),
        1,
    );
    assert!(gap(&heard) > 39.0, "without one it stays down");
}

#[test]
fn a_proxy_beside_each_app_server_takes_only_that_one_down() {
    let beside = "preset = \"haproxy-default\"\npropagation = { place = \"app-host\" }";
    let (_, heard) = run(&proxy_story(beside, &crash("crash", "40s")), 1);
    let served = |server: u32| {
        heard
            .replies
            .iter()
            .filter(|&&(at, who)| at > 31.0 && at < 69.0 && who == server)
            .count()
    };
    assert_eq!(served(0), 0);
    assert!((1..10).all(|server| served(server) > 200));
}

const POOL: &str =
    "preset = \"haproxy-default\"\npropagation = { place = \"pool\", count = 3, ttl = \"10s\" }";

#[test]
fn a_third_of_a_pools_connections_is_cut_and_new_ones_still_get_the_dead_address() {
    let fresh = format!("{POOL}\nclient = {{ keeps_connections = false }}");
    let share = |strategy: &str, seed| {
        let (_, heard) = run(&proxy_story(strategy, &crash("crash", "40s")), seed);
        let served = heard.served(10, 32.0, 68.0) as f64;
        served / (served + f64::from(heard.failures))
    };
    let plain = share(&fresh, 1);
    assert!(
        (0.6..0.75).contains(&plain),
        "a third of the connections fails: {plain}"
    );
    let tries = fresh.replace("ttl =", "tries_all_addresses = true, ttl =");
    let tries = share(&tries, 1);
    assert!(tries > 0.99, "the next address serves: {tries}");
    let withdrawn = fresh.replace("ttl =", "withdraw_after = \"5s\", ttl =");
    let withdrawn = share(&withdrawn, 1);
    assert!(
        (0.85..0.97).contains(&withdrawn),
        "until the address is withdrawn and forgotten: {withdrawn}"
    );
}

#[test]
fn proxies_of_a_pool_switch_one_after_the_other() {
    let silent = "kind = \"host-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"50s\"\n";
    let (outcome, heard) = run(&story(POOL, silent), 4);
    let downs: Vec<f64> = heard
        .verdicts
        .iter()
        .filter(|&&(at, member, up)| at > 30.0 && member == 0 && !up)
        .map(|&(at, ..)| at)
        .collect();
    assert!(downs.len() >= 3, "each judges for itself: {downs:?}");
    assert!(number(&outcome, "switch_skew_ms") > Some(0.0));
    // Proxies fall with their region if a fault says so, and nobody is served.
    let region = "kind = \"region-outage\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"40s\"\ntakes = [\"database\", \"proxies\"]\n";
    let (_, heard) = run(&story(POOL, region), 1);
    assert_eq!(heard.served(10, 31.0, 69.0), 0);
}

#[test]
fn a_proxy_that_has_enough_to_do_makes_everybody_wait() {
    let calm = "kind = \"load-surge\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"20s\"\nfactor = 4\n";
    // 100 requests in a second are 200 messages; four times that is more than it carries.
    let slow = "preset = \"haproxy-default\"\npropagation = { capacity = \"500/s\" }";
    let median = |strategy: &str| {
        let (outcome, _) = run(&story(strategy, calm), 1);
        let at = |phase: &str| number(&outcome, &format!("latency_p99_{phase}_ms"));
        (at("warm_up").expect("served"), at("storm").expect("served"))
    };
    let (before, during) = median(slow);
    assert!(during > 10.0 * before, "{before} {during}");
    let (before, during) = median("preset = \"haproxy-default\"");
    assert!(during < 3.0 * before, "{before} {during}");
}

#[test]
fn a_proxy_refuses_more_clients_than_it_may_have() {
    let few = "preset = \"haproxy-default\"\npropagation = { max_sessions = 5 }";
    let calm =
        "kind = \"load-surge\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"20s\"\nfactor = 1.5\n";
    let (_, heard) = run_to_the_end(&proxy_story(few, calm), 1);
    let mut servers: Vec<u32> = heard
        .replies
        .iter()
        .map(|&(_, server)| server)
        .filter(|&server| server < 10)
        .collect();
    servers.sort_unstable();
    servers.dedup();
    assert_eq!(servers.len(), 5, "{servers:?}");
}
