//! WAIT: replies that wait for copies.

use std::collections::BTreeMap;

use regionfall::history::{Ending, Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::{Seed, SimTime};

/// When each write was asked for, how it ended, and after how long.
#[derive(Default)]
struct Writes {
    asked: BTreeMap<u32, SimTime>,
    ended: Vec<(SimTime, Ending, f64)>,
}

impl Listener for Writes {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationIssued { operation, .. } => {
                self.asked.insert(operation.0, at);
            }
            Fact::OperationEnded {
                operation, ending, ..
            } => {
                let took = at - self.asked[&operation.0];
                self.ended.push((at, ending, took.as_millis_f64()));
            }
            _ => {}
        }
    }
}

impl Writes {
    /// The shortest and longest of those that ended so, in a stretch of time in seconds.
    fn took(&self, ending: Ending, seconds: std::ops::Range<f64>) -> (usize, f64, f64) {
        let chosen = self.ended.iter().filter(|(at, ended, _)| {
            *ended == ending && seconds.contains(&(at.as_nanos() as f64 / 1e9))
        });
        chosen.fold(
            (0, f64::INFINITY, 0.0),
            |(count, low, high), (_, _, took)| {
                (count + 1, f64::min(low, *took), f64::max(high, *took))
            },
        )
    }
}

/// A primary and its replicas, 10 ms from zone to zone and back; the writer stands beside the primary.
fn run(replicas: u32, wait: &str, faults: &str) -> (Writes, Outcome) {
    run_at(100, replicas, wait, faults)
}

fn run_at(rate: u32, replicas: u32, wait: &str, faults: &str) -> (Writes, Outcome) {
    let text = format!(
        "title = \"wait\"\nseeds = 1\n\
         [phases]\nwarm_up = \"5s\"\nstorm = \"30s\"\ncalm = \"10s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"1ms\"\ncross_zone_rtt = \"10ms\"\n\
         [database]\nkind = \"primary-replica\"\nreplicas_per_shard = {replicas}\nentrance = \"direct\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 1\nrate = \"{rate}/s\"\n\
         connections_per_server = 64\ntimeout = \"2s\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 50\nwait = {wait}\n\
         [[strategy]]\npreset = \"pinned\"\n{faults}"
    );
    let scenario = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut writes = Writes::default();
    let outcome = Simulation::new(&scenario, Seed::new(1))
        .run_with(&mut writes)
        .expect("one strategy, one case");
    (writes, outcome)
}

fn count(outcome: &Outcome, column: &str) -> f64 {
    let value = outcome.metrics().get(column);
    value.and_then(Value::as_f64).expect("a number")
}

#[test]
fn a_confirmation_is_a_round_trip_to_the_nearest_replicas_asked_for() {
    for (replicas, wait) in [(1, 1), (2, 1), (2, 2)] {
        let wait = format!("{{ replicas = {wait}, timeout = \"100ms\" }}");
        let (writes, outcome) = run(replicas, &wait, "");
        let (acknowledged, shortest, longest) = writes.took(Ending::Acknowledged, 1.0..40.0);
        // To the primary and back, and from it to a replica and back.
        assert!(acknowledged > 3_000, "{acknowledged}");
        assert!(
            (10.9..11.2).contains(&shortest) && longest < 11.5,
            "{shortest} {longest}"
        );
        assert_eq!(writes.took(Ending::Unknown, 1.0..40.0).0, 0);
        outcome.expect_all_held();
    }
}

#[test]
fn replicas_that_are_not_there_are_waited_for_until_the_timeout() {
    for (unconfirmed, ending) in [
        ("unknown", Ending::Unknown),
        ("acknowledged", Ending::Acknowledged),
    ] {
        let wait =
            format!("{{ replicas = 2, timeout = \"300ms\", unconfirmed = \"{unconfirmed}\" }}");
        let (writes, outcome) = run(1, &wait, "");
        let (many, shortest, longest) = writes.took(ending, 1.0..40.0);
        assert!(
            many > 3_000 && (300.9..301.5).contains(&shortest) && longest < 304.0,
            "{many} {shortest} {longest}"
        );
        assert_eq!(
            writes.ended.len(),
            writes.ended.iter().filter(|one| one.1 == ending).count()
        );
        // Clients whose writes all stay unconfirmed are never served.
        let broken = outcome.broken().map(|verdict| verdict.check);
        let expected: &[&str] = match ending {
            Ending::Unknown => &["every client is served"],
            _ => &[],
        };
        assert_eq!(broken.collect::<Vec<_>>(), expected);
        let present = count(&outcome, "writes_unknown_present");
        assert_eq!(present > 0.0, ending == Ending::Unknown);
        assert!((count(&outcome, "writes_unknown_absent")).abs() < 0.5);
    }
}

#[test]
fn a_cut_path_to_the_replica_leaves_writes_unconfirmed_while_it_lasts() {
    let cut = "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 1\nscope = \"replication\"\nat = \"10s\"\nlasts = \"5s\"\nmode = \"silent\"\n";
    let (writes, outcome) = run(1, "{ replicas = 1, timeout = \"50ms\" }", cut);
    assert_eq!(writes.took(Ending::Unknown, 1.0..10.0).0, 0);
    let (many, shortest, longest) = writes.took(Ending::Unknown, 10.1..15.0);
    assert!(
        many > 400 && shortest > 50.9 && longest < 54.0,
        "{many} {shortest} {longest}"
    );
    assert_eq!(writes.took(Ending::Acknowledged, 10.1..15.0).0, 0);
    assert!(
        writes.took(Ending::Acknowledged, 30.0..40.0).0 > 900,
        "it heals"
    );
    outcome.expect_all_held();
}

/// Without WAIT a lost site loses what was on the wire; with it none of that had been acknowledged.
#[test]
fn what_was_confirmed_survives_with_the_replica_that_confirmed_it() {
    let site = "[[fault]]\nkind = \"zone-outage\"\nregion = \"a\"\nzone = 0\nat = \"10s\"\nlasts = \"forever\"\nmode = \"silent\"\ndisks = \"lost\"\ntakes = [\"database\", \"app-servers\"]\n\
                [[fault]]\nkind = \"promote\"\nregion = \"a\"\nnode = 1\nat = \"12s\"\n";
    let (_, kept) = run(1, "{ replicas = 1 }", site);
    assert!(count(&kept, "writes_acked") > 400.0);
    assert!(count(&kept, "writes_lost").abs() < 0.5);
    let (_, lost) = run_at(
        1_000,
        1,
        "{ replicas = 2, timeout = \"1ms\", unconfirmed = \"acknowledged\" }",
        site,
    );
    assert!(
        count(&lost, "writes_lost") > 0.5,
        "the timeout is shorter than the way"
    );
}

/// Replies that wait go down with their process, and leave when a process goes on that hung.
#[test]
fn a_process_that_dies_or_hangs_while_replies_wait_leaves_nothing_open() {
    for kind in ["process-crash", "host-crash", "hang"] {
        let fault = format!(
            "[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nnode = \"primary\"\nat = \"10s\"\nlasts = \"1s\"\n"
        );
        for wait in [
            "{ replicas = 1, timeout = \"never\" }",
            "{ replicas = 1, timeout = \"500ms\" }",
        ] {
            let (writes, outcome) = run(1, wait, &fault);
            let broken: Vec<_> = outcome.broken().collect();
            assert!(broken.is_empty(), "{kind}, {wait}: {broken:?}");
            if wait.contains("500ms") {
                let (well, ..) = writes.took(Ending::Acknowledged, 35.0..44.0);
                assert!(well > 500, "{kind}: {well}");
            }
        }
    }
}
