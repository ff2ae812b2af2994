//! Whatever faults come, with whatever is kept on disk: the model keeps its laws, crashes end no older copies than
//! the mode exposes, and members agree in the end.

use proptest::prelude::*;
use regionfall::check::VerdictKind;
use regionfall::fault::{Disks, FaultKind, FaultSpec, InFlight, Part};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_kernel::{Distribution, Seed, SimDuration};

use crate::small::scenario;
use crate::storms::{cases, storm, storm_in_clusters};

fn study(database: &str) -> Scenario {
    scenario(&format!(
        r#"
[phases]
warm_up = "5s"
storm = "30s"
calm = "40s"
quiescence = "5m"
[database]
{database}
export = {{ every = "7s", first = "3s" }}
[database.sync]
processing = "uniform(1ms, 30ms)"
silence_limit = "10s"
restart = "uniform(500ms, 3s)"
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
share = "60%"
mix = {{ set = 3, get = 2, del = 1 }}
keys = 20
session = "read-your-writes"
[[workload.keyspace]]
name = "sets"
share = "40%"
mix = {{ sadd = 3, srem = 1, smembers = 1 }}
keys = 5
elements = 10
[[strategy]]
preset = "jedis-multidb"
"#
    ))
}

/// What a disk or an operator does.
fn act() -> impl Strategy<Value = FaultSpec> {
    let part = prop_oneof![Just(Part::Whole), Just(Part::Node(0)), Just(Part::Node(1))];
    let kind =
        ((0_u8..3).prop_map(MemberId), part, 0_u8..4).prop_map(|(member, part, kind)| match kind {
            0 => FaultKind::DiskLost { member, part },
            1 => FaultKind::Restore { member },
            _ => FaultKind::FsyncStall { member, part },
        });
    let span = |millis| Distribution::Constant(SimDuration::from_millis(millis));
    (kind, 5_000_u64..34_000, 10_u64..15_000).prop_map(move |(kind, at, lasts)| FaultSpec {
        kind,
        at: span(at),
        lasts: Some(span(lasts)),
        flapping: None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(96), ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_whatever_is_kept_on_disk(
        mut faults in prop_oneof![storm().boxed(), storm_in_clusters().boxed()],
        acts in prop::collection::vec(act(), 0..3),
        seed in any::<u64>(),
        mode in prop_oneof![
            Just("none"), Just("aof-always"), Just("aof-everysec"), Just("aof-no-fsync")
        ],
        on in prop_oneof![Just("replica"), Just("primary"), Just("both")],
        replicas in 0..2,
        load_rate in prop_oneof![Just("1kB/s"), Just("1GB/s")],
        fsync in prop_oneof![Just("1ms"), Just("lognormal(median=20ms, p99=900ms)")],
    ) {
        let database = format!(
            "shards = 2\nreplicas_per_shard = {replicas}\npersistence = \"{mode}\"\n\
             persistence_on = \"{on}\"\ndisk = {{ load_rate = \"{load_rate}\", fsync = \"{fsync}\" }}"
        );
        let scenario = study(&database);
        faults.extend(acts);
        let run = || {
            Simulation::new(&scenario, Seed::new(seed))
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

#[test]
fn what_a_replica_gets_late_it_passes_on_to_those_who_greeted_it_before() {
    // Only a still has what b wrote last: b lost its disks, and c was down. The replica of a that the others read from has no
    // file, and is up before its primary has loaded: they greet it while it is empty.
    let crash = |member, disks| FaultKind::ProcessCrash {
        member: MemberId(member),
        part: Part::Whole,
        disks,
        in_flight: InFlight::Lost,
    };
    let spec = |kind, at, lasts| FaultSpec {
        kind,
        at: Distribution::Constant(SimDuration::from_millis(at)),
        lasts: Some(Distribution::Constant(SimDuration::from_millis(lasts))),
        flapping: None,
    };
    let faults = vec![
        spec(crash(1, Disks::Lost), 11_029, 20_235),
        spec(crash(0, Disks::Kept), 22_354, 3_155),
        spec(crash(2, Disks::Kept), 7_432, 12_130),
    ];
    let scenario = study(
        "shards = 2\nreplicas_per_shard = 1\npersistence = \"aof-everysec\"\n\
         persistence_on = \"primary\"\ndisk = { load_rate = \"1kB/s\", fsync = \"1ms\" }",
    );
    let outcome = Simulation::new(&scenario, Seed::new(9_329_881_995_142_349_674))
        .faults(faults)
        .run()
        .expect("a strategy is named");
    let apart = outcome
        .broken()
        .find(|verdict| verdict.check == "members converge");
    assert!(apart.is_none(), "{apart:?}\n{}", outcome.story());
}
