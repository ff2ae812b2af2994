//! Whatever faults come, the model keeps its laws, and members agree in the end.

use proptest::prelude::*;
use regionfall::check::VerdictKind;
use regionfall::fault::{
    Disks, FaultKind, FaultSpec, Flapping, InFlight, PathSelector, Silence, Takes, TrafficScope,
};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::{MemberId, RegionId};
use regionfall_kernel::{Distribution, Seed, SimDuration};

use crate::small::scenario;

fn study() -> Scenario {
    scenario(
        r#"
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
"#,
    )
}

fn fault() -> impl Strategy<Value = FaultSpec> {
    let moment =
        (5_000_u64..34_000).prop_map(|at| Distribution::Constant(SimDuration::from_millis(at)));
    let length =
        (10_u64..25_000).prop_map(|lasts| Distribution::Constant(SimDuration::from_millis(lasts)));
    let flapping = prop::option::weighted(0.3, (500_u64..5_000, 1_u64..9)).prop_map(|flapping| {
        flapping.map(|(period, tenths)| Flapping {
            period: SimDuration::from_millis(period),
            down: SimDuration::from_millis(period * tenths / 10),
        })
    });
    (kind(), moment, length, flapping).prop_map(|(kind, at, lasts, flapping)| FaultSpec {
        kind,
        at,
        lasts: Some(lasts),
        flapping,
    })
}

fn kind() -> impl Strategy<Value = FaultKind> {
    let member = || (0_u8..3).prop_map(MemberId);
    let region = || (0_u16..3).prop_map(RegionId);
    let disks = || prop_oneof![Just(Disks::Kept), Just(Disks::Lost)];
    let in_flight = || prop_oneof![Just(InFlight::Lost), Just(InFlight::Delivered)];
    let mode = || prop_oneof![Just(Silence::Silent), Just(Silence::Refusing)];
    let takes = (any::<bool>(), any::<bool>()).prop_map(|(app_servers, checkers)| Takes {
        database: true,
        app_servers,
        checkers,
    });
    let paths = || {
        let scope = prop_oneof![
            Just(TrafficScope::All),
            Just(TrafficScope::Replication),
            Just(TrafficScope::Clients),
            Just(TrafficScope::Checks),
        ];
        (region(), region(), any::<bool>(), scope).prop_map(|(from, to, both_ways, scope)| {
            PathSelector {
                from: vec![from],
                to: vec![to],
                both_ways,
                scope,
            }
        })
    };
    prop_oneof![
        (member(), disks(), in_flight()).prop_map(|(member, disks, in_flight)| {
            FaultKind::ProcessCrash {
                member,
                disks,
                in_flight,
            }
        }),
        (member(), disks(), in_flight()).prop_map(|(member, disks, in_flight)| {
            FaultKind::HostCrash {
                member,
                disks,
                in_flight,
            }
        }),
        member().prop_map(|member| FaultKind::Hang { member }),
        (region(), mode(), disks(), takes, in_flight()).prop_map(
            |(region, mode, disks, takes, in_flight)| FaultKind::RegionOutage {
                region,
                mode,
                disks,
                takes,
                in_flight
            }
        ),
        (paths(), mode(), in_flight()).prop_map(|(paths, mode, in_flight)| FaultKind::Partition {
            paths,
            mode,
            in_flight
        }),
        (paths(), 1_u64..2_000).prop_map(|(paths, add)| FaultKind::Latency {
            paths,
            add: Distribution::Exponential {
                mean: SimDuration::from_millis(add)
            }
        }),
        (paths(), 0.01_f64..1.0).prop_map(|(paths, share)| FaultKind::Loss { paths, share }),
    ]
}

/// How many storms are generated: 96, or what a long campaign asks for.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told how long to run"
)]
fn cases() -> u32 {
    std::env::var("CHAOS_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(96)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_and_members_agree_in_the_end(
        faults in prop::collection::vec(fault(), 1..5),
        seed in any::<u64>(),
        strategy in prop_oneof![Just("jedis-multidb"), Just("route53-fast"), Just("pinned")],
    ) {
        let scenario = study();
        let run = || {
            Simulation::new(&scenario, Seed::new(seed))
                .strategy(strategy)
                .expect("the strategy is in the scenario")
                .faults(faults.clone())
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
    }
}
