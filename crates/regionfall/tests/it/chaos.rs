//! Whatever faults come, the model keeps its laws, and members agree in the end.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use regionfall::check::VerdictKind;
use regionfall::database::{AtLimit, CapacityConfig, Eviction, MemoryConfig, ServiceTimes};
use regionfall::fault::{
    Degradation, FaultKind, FaultSpec, MembershipAction, MembershipChange, Skew,
};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_kernel::{Distribution, Seed, SimDuration};

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

/// What makes things worse, and what operators do to the membership.
fn meddling() -> impl Strategy<Value = Vec<FaultSpec>> {
    let member = || (0_u8..3).prop_map(MemberId);
    let skew =
        (any::<bool>(), 0_u64..2_000, 0_u32..100).prop_map(|(is_ahead, offset, drift)| Skew {
            is_ahead,
            offset: SimDuration::from_millis(offset),
            drift: f64::from(drift) / 1_000.0,
        });
    let degradation = prop_oneof![
        (member(), skew).prop_map(|(member, skew)| Degradation::ClockSkew { member, skew }),
        (0.2_f64..8.0).prop_map(|factor| Degradation::LoadSurge {
            region: None,
            factor
        }),
        (member(), 0.5_f64..20.0)
            .prop_map(|(member, factor)| Degradation::SlowHost { member, factor }),
    ];
    let action = prop_oneof![
        Just(MembershipAction::ForceRemove),
        Just(MembershipAction::Purge),
        Just(MembershipAction::Rejoin),
    ];
    // One member only: whoever is removed is not the last.
    let change = action.prop_map(|action| {
        FaultKind::Membership(MembershipChange {
            action,
            member: MemberId(2),
            when: None,
        })
    });
    let kind = prop_oneof![degradation.prop_map(FaultKind::Degraded), change];
    let span = |range| {
        Strategy::prop_map(range, |millis: u64| {
            Distribution::Constant(SimDuration::from_millis(millis))
        })
    };
    let fault =
        (kind, span(5_000..34_000_u64), span(10..25_000_u64)).prop_map(|(kind, at, lasts)| {
            FaultSpec {
                kind,
                at,
                lasts: Some(lasts),
                flapping: None,
            }
        });
    prop::collection::vec(fault, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(96), ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_whatever_operators_do_to_busy_members_with_little_memory(
        mut faults in storm(),
        meddling in meddling(),
        seed in any::<u64>(),
        policy in prop_oneof![Just("noeviction"), Just("allkeys-lru"), Just("allkeys-random")],
        limit in 2_u32..60,
    ) {
        faults.extend(meddling);
        let mut scenario = study("");
        let database = &mut scenario.variants[0].settings.database;
        let constant = |micros| Distribution::Constant(SimDuration::from_micros(micros));
        database.capacity = Some(CapacityConfig {
            service: ServiceTimes {
                read: constant(2_000),
                write: Distribution::Exponential { mean: SimDuration::from_millis(6) },
                per_element: SimDuration::from_micros(100),
                apply: SimDuration::from_millis(1),
                accept: SimDuration::from_millis(1),
                tls: SimDuration::ZERO,
            },
            max_clients: Some(12),
            new_connections: None,
            commands: None,
        });
        database.memory = Some(MemoryConfig {
            limit: u64::from(limit) * 1_000,
            at_limit: AtLimit::RefusesWrites { reserve: 0.05 },
            eviction: Eviction::from_name(policy).expect("a policy of Redis"),
            evicts_from: 0.8,
        });
        let run = || {
            Simulation::new(&scenario, Seed::new(seed))
                .strategy("jedis-multidb")
                .expect("the strategy is in the scenario")
                .faults(faults.clone())
                .run()
                .expect("a strategy is named")
        };
        let outcome = run();
        for verdict in outcome.broken() {
            // A shard that is out of memory may stay so: its member does not converge, and serves nobody.
            prop_assert!(verdict.kind == VerdictKind::Eventually, "{verdict}\n{}", outcome.story());
            prop_assert!(verdict.check != "memory comes back", "{verdict}\n{}", outcome.story());
        }
        prop_assert!(outcome.is_within_budget());
        prop_assert_eq!(outcome.trace_hash().finish(), run().trace_hash().finish());
    }
}
