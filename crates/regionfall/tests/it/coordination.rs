//! Processes that follow one value: access to two members at once is excluded, at a price.

#![expect(
    clippy::float_cmp,
    reason = "shares and counts that are exactly nothing, or all"
)]

use regionfall::history::{Ending, Fact, Listener};
use regionfall::simulation::{Outcome, Simulation};
use regionfall::topology::MemberId;
use regionfall_kernel::{Seed, SimTime};

use crate::clients_world::number;
use crate::small::scenario;

/// App servers in b, at home in a; the coordinator in c, which no fault touches unless it is meant to.
fn study(cases: &str) -> regionfall::scenario::Scenario {
    study_with(cases, "c")
}

fn study_with(cases: &str, coordinator: &str) -> regionfall::scenario::Scenario {
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
vantage = {{ coordination = {{ region = "{coordinator}" }} }}
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

/// When operations failed, and when processes moved to b, in seconds.
#[derive(Default)]
struct Heard {
    failed: Vec<f64>,
    moved: Vec<f64>,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let at = at.as_nanos() as f64 / 1e9;
        match fact {
            Fact::OperationEnded {
                ending: Ending::Failed | Ending::Unknown,
                ..
            } => self.failed.push(at),
            Fact::Adopted {
                to: MemberId(1), ..
            } => self.moved.push(at),
            _ => {}
        }
    }
}

fn heard(cases: &str, strategy: &str) -> Heard {
    let scenario = study(cases);
    let mut heard = Heard::default();
    Simulation::new(&scenario, Seed::new(1))
        .strategy(strategy)
        .expect("the strategy is in the scenario")
        .run_with(&mut heard)
        .expect("a strategy is named");
    heard
}

#[test]
fn a_process_that_is_cut_off_from_the_coordinator_stops_by_itself() {
    let cut = r#"
[[case]]
name = "coordinator unreachable"
fault = [{ kind = "coordinator-down", mode = "silent", at = "60s", lasts = "60s" }]
"#;
    let heard = heard(cut, "etcd-lease");
    let failed: Vec<f64> = heard.failed.into_iter().filter(|at| *at > 30.0).collect();
    // A lease of 10 s, asked for up to 3 s before the fault; after the heal the next renewal brings it back.
    let (first, last) = (failed[0], failed[failed.len() - 1]);
    assert!((66.9..70.1).contains(&first), "{first}");
    assert!((119.9..124.0).contains(&last), "{last}");
    assert!(heard.moved.is_empty(), "nobody moves");
}

#[test]
fn nothing_changes_while_the_coordinator_is_away() {
    let cases = r#"
[[case]]
name = "outage, and a coordinator that hears nobody"
fault = [
  { kind = "region-outage", region = "a", at = "60s", lasts = "forever", mode = "silent" },
  { kind = "coordinator-down", mode = "silent", at = "59s", lasts = "30s" },
]
"#;
    // Sessions that ended while it was away bring Consul's lock delay with them.
    for (strategy, renewed, lock) in [("etcd-lease", 3.0, 0.0), ("consul-session", 5.0, 15.0)] {
        let moved = heard(cases, strategy).moved;
        assert_eq!(moved.len(), 6, "{strategy}");
        // The next renewal repeats the proposal; who lets go has a second for what is under way.
        let first = 89.0 + lock;
        let in_time = |at: &f64| (first..first + renewed + 2.0).contains(at);
        assert!(moved.iter().all(in_time), "{strategy}: {moved:?}");
    }
}

#[test]
fn a_coordinator_in_the_region_that_falls_takes_the_failover_with_it() {
    let outage = |takes: &str| {
        format!(
            "[[case]]\nname = \"outage\"\nfault = [{{ kind = \"region-outage\", region = \"a\", takes = [{takes}], \
             at = \"60s\", lasts = \"90s\", mode = \"silent\" }}]\n"
        )
    };
    // The coordinator in a, where the member is that falls; and in c, where it is not.
    let moved = |takes: &str, stands: &str| {
        let scenario = study_with(&outage(takes), stands);
        let mut heard = Heard::default();
        Simulation::new(&scenario, Seed::new(1))
            .strategy("etcd-lease")
            .expect("the strategy is in the scenario")
            .run_with(&mut heard)
            .expect("a strategy is named");
        heard.moved.iter().filter(|at| **at < 150.0).count()
    };
    assert_eq!(
        moved("\"database\"", "a"),
        6,
        "it stands elsewhere in the region"
    );
    assert_eq!(moved("\"database\", \"coordinator\"", "a"), 0);
    assert_eq!(moved("\"database\", \"coordinator\"", "c"), 6);
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
