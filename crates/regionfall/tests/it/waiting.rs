//! WAIT and WAITAOF: what a write is followed by, what it costs, and what it keeps. Each world is run beside the same one
//! that does not wait, so that it is the waiting that is seen.

use regionfall::history::{Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::{Seed, SimTime};

/// A primary and its replica with a path of 10 ms between them, and many clients beside the primary. Sentinels promote.
fn database(keyspace: &str, database: &str, faults: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"15s\"\nstorm = \"60s\"\ncalm = \"30s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"200us\"\ncross_zone_rtt = \"20ms\"\n\
         [workload]\nslo_deadline = \"3s\"\n[[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 1\nclients = 20\nthink = \"2ms\"\n\
         connections_per_server = 20\npause_after_error = \"10ms\"\ntimeout = \"3s\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 50\n{keyspace}\n\
         [[strategy]]\npreset = \"pinned\"\n\
         [database]\nkind = \"primary-replica\"\nreplicas_per_shard = 1\n{database}\n{faults}"
    )
}

const SENTINELS: &str = "entrance = \"sentinel\"\n[database.promotion]\npreset = \"sentinel-5s\"\n\
    failover_timeout = \"60s\"\ndown_after = \"1s\"\n";

/// How waits ended.
#[derive(Clone, Default)]
struct Waits {
    enough: u64,
    too_few: u64,
}

impl Listener for Waits {
    fn observe(&mut self, _: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WaitEnded {
                confirmed: true, ..
            } => self.enough += 1,
            Fact::WaitEnded { .. } => self.too_few += 1,
            _ => {}
        }
    }
}

fn run(text: &str, seed: u64) -> (Outcome, Waits) {
    let scenario = Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut waits = Waits::default();
    let outcome = Simulation::new(&scenario, Seed::new(seed))
        .run_with(&mut waits)
        .expect("one strategy, one case");
    outcome.expect_all_held();
    (outcome, waits)
}

fn column(outcome: &Outcome, name: &str) -> f64 {
    let value = outcome.metrics().get(name).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{name} is a number"))
}

/// Acknowledged writes that are lost over some seeds.
fn lost(text: &str) -> u64 {
    let lost = |seed| run(text, seed).0.account().all_writes().lost;
    (1..=8).map(lost).sum()
}

fn crash(kind: &str, node: u8) -> String {
    format!(
        "[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nnode = {node}\nat = \"uniform(20s, 21s)\"\nlasts = \"40s\"\n"
    )
}

#[test]
fn who_waits_for_the_replica_keeps_what_the_others_lose_with_their_primary() {
    let text = |keyspace| database(keyspace, SENTINELS, &crash("host-crash", 0));
    // The replica is 10 ms behind, with 20 clients that write every 2 ms.
    let hasty = lost(&text(""));
    assert!(hasty > 8, "{hasty}");
    let patient = "wait = { replicas = 1, timeout = \"100ms\", too_few = \"fail\" }";
    assert_eq!(lost(&text(patient)), 0);
    // Who takes a write for done although too few have it loses again: time is over before the answer can be here.
    let careless = "wait = { replicas = 1, timeout = \"5ms\", too_few = \"accept\" }";
    assert!(lost(&text(careless)) > 0);
}

#[test]
fn a_reply_waits_for_replicas_and_for_the_primarys_own_file() {
    let latency = |keyspace: &str, more: &str| {
        let text = database(keyspace, more, "");
        column(&run(&text, 1).0, "latency_p50_ms")
    };
    let always =
        "persistence = \"aof-always\"\npersistence_on = \"both\"\ndisk = { fsync = \"40ms\" }";
    let wait = "wait = { replicas = 1, timeout = \"never\" }";
    let (plain, replica) = (latency("", ""), latency(wait, ""));
    assert!(
        (19.5..21.0).contains(&(replica - plain)),
        "{replica} {plain}"
    );
    // The longer of both: an fsync of 40 ms, or two, one of which was under way.
    let both = latency(wait, always);
    assert!((40.0..81.0).contains(&(both - plain)), "{both} {plain}");
}

#[test]
fn waitaof_waits_for_the_fsync_of_once_a_second() {
    let everysec = "persistence = \"aof-everysec\"\npersistence_on = \"both\"";
    let latency = |keyspace: &str| {
        let (outcome, waits) = run(&database(keyspace, everysec, ""), 1);
        assert!(waits.enough > 300, "{}", waits.enough);
        column(&outcome, "latency_p50_ms")
    };
    // Its own fsync is up to a second away, here and at the replica; the replica's report of it up to one more.
    let here =
        latency("wait = { command = \"waitaof\", local = 1, replicas = 0, timeout = \"never\" }");
    assert!((300.0..1_100.0).contains(&here), "{here}");
    let there = latency("wait = { command = \"waitaof\", replicas = 1, timeout = \"never\" }");
    assert!((300.0..2_100.0).contains(&there), "{there}");
    let both =
        latency("wait = { command = \"waitaof\", local = 1, replicas = 1, timeout = \"never\" }");
    assert!(both >= here && both < 2_100.0, "{both} {here}");
}

#[test]
fn waitaof_keeps_what_everysec_loses_when_the_machine_dies() {
    let alone = "persistence = \"aof-everysec\"";
    let text = |keyspace| {
        database(keyspace, alone, &crash("host-crash", 0))
            .replace(
                "kind = \"primary-replica\"\nreplicas_per_shard = 1",
                "kind = \"standalone\"",
            )
            .replace("node = 0\n", "")
    };
    assert!(lost(&text("")) > 500);
    let wait = "wait = { command = \"waitaof\", local = 1, replicas = 0, timeout = \"never\" }";
    assert_eq!(lost(&text(wait)), 0);
}

#[test]
fn a_disk_that_stands_still_makes_a_wait_too_few_and_goes_on_afterwards() {
    let stall = "[[fault]]\nkind = \"fsync-stall\"\nregion = \"a\"\nat = \"20s\"\nlasts = \"3s\"\n";
    let wait = "wait = { command = \"waitaof\", local = 1, replicas = 0, timeout = \"1200ms\" }";
    let text = database(
        wait,
        "persistence = \"aof-everysec\"\npersistence_on = \"both\"",
        stall,
    );
    let (outcome, waits) = run(&text, 1);
    assert!((20..80).contains(&waits.too_few), "{}", waits.too_few);
    assert!(waits.enough > 500, "{}", waits.enough);
    assert_eq!(outcome.account().all_writes().lost, 0);
}

#[test]
fn a_replica_without_a_file_never_reports_one() {
    let wait = "wait = { command = \"waitaof\", replicas = 1, timeout = \"500ms\" }";
    let more = "persistence = \"aof-everysec\"\npersistence_on = \"primary\"";
    let (_, waits) = run(&database(wait, more, ""), 1);
    assert_eq!(waits.enough, 0);
    assert!(waits.too_few > 500, "{}", waits.too_few);
}

#[test]
fn what_the_server_would_refuse_is_refused() {
    let error = |keyspace: &str, more: &str| {
        let text = database(keyspace, more, "");
        Scenario::from_toml(&text)
            .expect_err("it is wrong")
            .to_string()
    };
    let no_file = error("wait = { command = \"waitaof\", local = 1 }", "");
    assert!(no_file.contains("without an append-only file"), "{no_file}");
    let not_here = "persistence = \"aof-always\"\npersistence_on = \"replica\"";
    let no_file = error("wait = { command = \"waitaof\", local = 1 }", not_here);
    assert!(no_file.contains("without an append-only file"), "{no_file}");
    let nobody = error("wait = { replicas = 0 }", "");
    assert!(nobody.contains("a wait for nobody"), "{nobody}");
    let local = error("wait = { local = 1 }", "");
    assert!(local.contains("WAIT counts replicas only"), "{local}");
}

/// Two replicas, of which the second is cut off from 20 s to 30 s; the primary dies at 25 s, and with it whoever else is said; an
/// operator promotes one of them a second later.
fn two_replicas(keyspace: &str, dies_too: Option<u8>, promoted: u8) -> (Outcome, Waits) {
    let dead = |node: u8| {
        format!(
            "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = {node}\nat = \"25s\"\nlasts = \"20s\"\ndisks = \"lost\"\n"
        )
    };
    let mut faults = format!(
        "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 2\nat = \"20s\"\nlasts = \"10s\"\n{}\
         [[fault]]\nkind = \"promote\"\nregion = \"a\"\nnode = {promoted}\nat = \"26s\"\n",
        dead(0)
    );
    faults.extend(dies_too.map(dead));
    let text = database(keyspace, "", &faults)
        .replace("replicas_per_shard = 1", "replicas_per_shard = 2")
        .replace("timeout = \"3s\"", "timeout = \"1s\"");
    run(&text, 1)
}

/// WAIT 1 is confirmed by the replica that is left, WAIT 2 is not while the other one is cut off. What a replica confirmed is
/// lost all the same where another one is promoted, or where it died with the primary.
#[test]
fn who_waits_for_one_of_two_replicas_loses_what_the_promoted_one_had_not_got() {
    let wait = |replicas: u8| {
        format!("wait = {{ replicas = {replicas}, timeout = \"200ms\", too_few = \"fail\" }}")
    };
    let lost = |(outcome, _): &(Outcome, Waits)| outcome.account().all_writes().lost;
    let (one, two) = (wait(1), wait(2));
    // The replica that is behind is promoted; the other one dies; the other one is promoted.
    let places = [(None, 2), (Some(1), 2), (None, 1)];
    for (dies_too, promoted) in places {
        let other_way = promoted == 2;
        let hasty = two_replicas("", dies_too, promoted);
        let some = two_replicas(&one, dies_too, promoted);
        let all = two_replicas(&two, dies_too, promoted);
        assert!(lost(&hasty) > 0, "{dies_too:?} {promoted}");
        if other_way {
            assert!(lost(&hasty) > 1_000, "five seconds of 20 clients");
            assert!(lost(&some) > 1_000, "{}: confirmed, and lost", lost(&some));
        } else {
            assert_eq!(lost(&some), 0, "the one that confirmed is promoted");
        }
        assert_eq!(lost(&all), 0, "{dies_too:?} {promoted}");
        // From 20 s on nobody is told that two have it.
        assert!(all.1.too_few > 100, "{}", all.1.too_few);
        assert!(all.1.enough > 1_000, "{}", all.1.enough);
        assert!(some.1.enough > all.1.enough + 1_000);
    }
}
