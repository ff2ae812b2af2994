//! Processes that follow one value: access to two members at once is excluded, at a price.

use regionfall::metric::Value;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

use crate::small::scenario;

/// App servers in b, at home in a; the coordinator in c, which no fault touches unless it is meant to.
fn study(cases: &str) -> regionfall::scenario::Scenario {
    scenario(&format!(
        r#"
[phases]
warm_up = "30s"
storm = "4m"
calm = "3m"
[database.sync]
processing = "uniform(1ms, 30ms)"
[[workload.fleet]]
region = "b"
servers = 6
connections_per_server = 4
rate = "120/s"
home = ["a", "b", "c"]
[[workload.keyspace]]
name = "keys"
mix = {{ set = 1, get = 1 }}
keys = 500
[[strategy]]
preset = "etcd-lease"
vantage = {{ coordination = {{ region = "c" }} }}
[[strategy]]
preset = "consul-session"
vantage = {{ coordination = {{ region = "c" }} }}
[[strategy]]
name = "each for itself"
preset = "etcd-lease"
vantage = {{ coordination = {{ region = "c" }}, votes = "own" }}
[[strategy]]
preset = "jedis-multidb"
failback = {{ every = "30s", grace = "10s" }}
{cases}
"#
    ))
}

fn number(outcome: &Outcome, column: &str) -> f64 {
    match outcome.metrics().get(column) {
        Some(Value::Missing) | None => 0.0,
        Some(value) => value.as_f64().expect("a number"),
    }
}

fn run(cases: &str, strategy: &str, seed: u64) -> Outcome {
    let scenario = study(cases);
    Simulation::new(&scenario, Seed::new(seed))
        .strategy(strategy)
        .expect("the strategy is in the scenario")
        .run()
        .expect("a strategy is named")
}

const OUTAGE: &str = r#"
[[case]]
name = "silent outage"
fault = [{ kind = "region-outage", region = "a", at = "uniform(40s, 60s)", lasts = "90s", mode = "silent" }]
"#;

#[test]
fn leases_exclude_access_to_two_members_at_once() {
    let mut uncoordinated = 0.0;
    for seed in 1..=4 {
        for strategy in ["etcd-lease", "consul-session", "each for itself"] {
            let outcome = run(OUTAGE, strategy, seed);
            assert_eq!(number(&outcome, "dual_active_ms"), 0.0, "{strategy}");
            assert!(
                number(&outcome, "policy_switches") >= 12.0,
                "{strategy}: all move there, and back"
            );
            outcome.expect_all_held();
        }
        uncoordinated += number(&run(OUTAGE, "jedis-multidb", seed), "dual_active_ms");
    }
    assert!(uncoordinated > 1_000.0, "{uncoordinated}");
}

#[test]
fn a_process_that_is_cut_off_from_the_coordinator_stops_by_itself() {
    // Half of the path is enough: what it asks arrives, and no answer comes back.
    let cut = r#"
[[case]]
name = "coordinator unreachable"
fault = [{ kind = "coordinator-down", mode = "silent", at = "60s", lasts = "60s" }]
"#;
    let outcome = run(cut, "etcd-lease", 1);
    // A lease of 10 s, asked for up to 3 s before the fault; after the heal the next renewal brings it back.
    let longest = number(&outcome, "outage_max_ms");
    assert!((47_000.0..=58_000.0).contains(&longest), "{longest}");
    assert_eq!(number(&outcome, "policy_switches"), 0.0, "nobody moves");
}

#[test]
fn a_session_store_waits_longer_for_holders_that_are_gone() {
    // One app server region cut off from everything: its lease must run out before the value may change.
    let cases = r#"
[[case]]
name = "outage and a coordinator that was down before"
fault = [
  { kind = "region-outage", region = "a", at = "60s", lasts = "forever", mode = "silent" },
  { kind = "coordinator-down", mode = "silent", at = "59s", lasts = "20s" },
]
"#;
    let etcd = number(&run(cases, "etcd-lease", 1), "rto_max_ms");
    let consul = number(&run(cases, "consul-session", 1), "rto_max_ms");
    assert!(etcd > 19_000.0, "the coordinator is away for so long: {etcd}");
    assert!(consul >= etcd, "{consul} {etcd}");
}

#[test]
fn a_majority_does_not_follow_one_process_with_a_bad_link() {
    // Every app server stands in b; the path to a loses packets, which some notice and some do not.
    let cases = r#"
[[case]]
name = "bad link"
fault = [{ kind = "loss", from = ["b"], to = ["a"], share = "35%", at = "50s", lasts = "100s" }]
"#;
    let switches = |strategy: &str| -> f64 {
        (1..=4)
            .map(|seed| number(&run(cases, strategy, seed), "policy_switches"))
            .sum()
    };
    assert!(
        switches("etcd-lease") <= switches("each for itself"),
        "a vote moves less often than whoever is unluckiest"
    );
}
