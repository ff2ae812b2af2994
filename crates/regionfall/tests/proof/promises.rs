//! Promises that are asked for: they hold where the configuration keeps them, and break where it does not.

use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

fn run(text: &str, seed: u64) -> Outcome {
    let scenario = Scenario::from_toml(text).expect("valid");
    Simulation::new(&scenario, Seed::new(seed))
        .run()
        .expect("a strategy is named")
}

fn broken(outcome: &Outcome) -> Vec<&'static str> {
    outcome.broken().map(|verdict| verdict.check).collect()
}

fn standalone(database: &str, disks: &str) -> String {
    format!(
        r#"
        title = "one process"
        [phases]
        warm_up = "2s"
        storm = "20s"
        calm = "20s"
        [topology]
        regions = ["us-east-1"]
        [database]
        kind = "standalone"
        {database}
        [[workload.fleet]]
        region = "us-east-1"
        servers = 3
        rate = "60/s"
        timeout = "300ms"
        [[workload.keyspace]]
        name = "registers"
        mix = {{ set = 2, get = 3, del = 1 }}
        keys = 5
        [[strategy]]
        preset = "pinned"
        [expect]
        promises = ["linearizable"]
        [[fault]]
        kind = "process-crash"
        region = "us-east-1"
        at = "8s"
        lasts = "4s"
        {disks}
        [[fault]]
        kind = "loss"
        between = ["us-east-1", "us-east-1"]
        at = "15s"
        lasts = "4s"
        share = "30%"
        "#
    )
    .replace(
        "between = [\"us-east-1\", \"us-east-1\"]",
        "within = \"us-east-1\"",
    )
}

#[test]
fn a_process_whose_disks_are_kept_is_linearizable_and_one_whose_disks_are_lost_is_not() {
    for seed in 1..=20 {
        let outcome = run(&standalone("", ""), seed);
        assert!(
            !broken(&outcome).contains(&"linearizable"),
            "seed {seed}: {:?}",
            outcome.broken().collect::<Vec<_>>()
        );
    }
    let lost = (1..=20).filter(|&seed| {
        broken(&run(&standalone("", "disks = \"lost\""), seed)).contains(&"linearizable")
    });
    assert!(lost.count() > 15);
}

fn sessions(fault: &str, promise: &str) -> String {
    format!(
        r#"
        title = "sessions"
        [phases]
        warm_up = "2s"
        storm = "20s"
        calm = "30s"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [database.sync]
        processing = "800ms"
        [[workload.fleet]]
        region = "us-east-1"
        servers = 2
        connections_per_server = 1
        rate = "40/s"
        home = ["us-east-1", "eu-west-1"]
        [[workload.keyspace]]
        name = "registers"
        mix = {{ set = 1, get = 2 }}
        keys = 3
        [[strategy]]
        preset = "jedis-multidb"
        [expect]
        promises = ["{promise}"]
        {fault}
        "#
    )
}

const CRASH: &str = r#"
        [[fault]]
        kind = "host-crash"
        region = "us-east-1"
        at = "8s"
        lasts = "10s"
"#;

#[test]
fn a_session_that_stays_keeps_its_guarantees_and_one_that_moves_within_the_lag_does_not() {
    let promises = [
        "read-your-writes",
        "monotonic-reads",
        "monotonic-writes",
        "writes-follow-reads",
    ];
    for promise in promises {
        let name = promise.replace('-', " ");
        let quiet = run(&sessions("", promise), 1);
        assert!(broken(&quiet).is_empty(), "{promise}: {:?}", broken(&quiet));
        let moved = (1..=10).any(|seed| {
            let outcome = run(&sessions(CRASH, promise), seed);
            broken(&outcome).iter().any(|check| *check == name)
        });
        assert!(moved, "{promise} was never broken");
    }
}
