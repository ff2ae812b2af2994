//! Whatever faults come, the model keeps its laws, and members agree in the end.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use regionfall::check::VerdictKind;
use regionfall::fault::FaultSpec;
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

use crate::small::scenario;
use crate::storms::{cases, storm, storm_in_clusters};

fn study(database: &str) -> Scenario {
    scenario(&STUDY.replace("[database]\n", &format!("[database]\n{database}\n")))
}

const STUDY: &str = r#"
[phases]
warm_up = "5s"
storm = "30s"
calm = "30s"
quiescence = "5m"
[database]
shards = 2
[database.sync]
processing = "uniform(1ms, 30ms)"
silence_limit = "10s"
[[workload.fleet]]
name = "a"
region = "a"
servers = 2
connections_per_server = 3
rate = "40/s"
home = ["a", "b", "c"]
[[workload.fleet]]
name = "b"
region = "b"
servers = 1
connections_per_server = 3
clients = 4
think = "100ms"
home = ["b", "a"]
[[workload.keyspace]]
name = "strings"
share = "50%"
mix = { set = 3, get = 2, del = 1 }
keys = 20
session = "read-your-writes"
[[workload.keyspace]]
name = "counters"
share = "25%"
mix = { incr = 3, get = 1 }
keys = 5
[[workload.keyspace]]
name = "sets"
share = "25%"
mix = { sadd = 3, srem = 1, smembers = 1 }
keys = 5
elements = 10
[[strategy]]
preset = "jedis-multidb"
[[strategy]]
preset = "route53-fast"
[[strategy]]
preset = "pinned"
"#;

fn strategy() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("jedis-multidb"), Just("route53-fast"), Just("pinned")]
}

/// Runs a storm twice: all holds but that every client is served, and it is the same run.
fn holds(
    scenario: &Scenario,
    faults: &[FaultSpec],
    (seed, strategy): (u64, &str),
) -> Result<(), TestCaseError> {
    let run = || {
        Simulation::new(scenario, Seed::new(seed))
            .strategy(strategy)
            .expect("the strategy is in the scenario")
            .faults(faults.to_vec())
            .run()
            .expect("a strategy is named")
    };
    let outcome = run();
    for verdict in outcome.broken() {
        let is_bounded = verdict.check == "every client is served";
        prop_assert!(is_bounded, "{verdict}\n{}", outcome.story());
        prop_assert!(verdict.kind == VerdictKind::Eventually);
    }
    prop_assert!(outcome.is_within_budget());
    prop_assert_eq!(outcome.trace_hash().finish(), run().trace_hash().finish());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(96), ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_and_members_agree_in_the_end(
        faults in storm(),
        seed in any::<u64>(),
        strategy in strategy(),
    ) {
        holds(&study(""), &faults, (seed, strategy))?;
    }

    #[test]
    fn laws_hold_and_nodes_agree_in_the_end(
        faults in storm_in_clusters(),
        seed in any::<u64>(),
        strategy in strategy(),
    ) {
        holds(&study("replicas_per_shard = 1"), &faults, (seed, strategy))?;
    }
}
