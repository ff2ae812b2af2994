//! What a run holds is what is unsettled: an hour holds no more than ten minutes.

use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

use crate::small::scenario;

/// The most rows that the ledger held at one time, and the bytes of the largest member.
fn held(storm: &str) -> (u32, u64) {
    let scenario = scenario(&format!(
        r#"
[phases]
warm_up = "10s"
storm = "{storm}"
calm = "30s"
[database.sync]
processing = "uniform(1ms, 30ms)"
[[workload.fleet]]
name = "a"
region = "a"
servers = 2
rate = "20/s"
home = ["a", "b"]
[[workload.fleet]]
name = "b"
region = "b"
servers = 2
rate = "20/s"
home = ["b", "c"]
[[workload.keyspace]]
name = "strings"
share = "60%"
mix = {{ set = 1, get = 1 }}
keys = 50
session = "read-your-writes"
[[workload.keyspace]]
name = "sets"
share = "40%"
mix = {{ sadd = 1, srem = 1 }}
keys = 10
elements = 20
[[strategy]]
preset = "jedis-multidb"
[[fault]]
kind = "region-outage"
region = "a"
at = "1m"
lasts = "1m"
mode = "silent"
disks = "kept"
"#
    ));
    let outcome = Simulation::new(&scenario, Seed::new(1))
        .strategy("jedis-multidb")
        .expect("the strategy is in the scenario")
        .run()
        .expect("a strategy is named");
    let memory = outcome.metrics().get("memory_bytes_max");
    let memory = memory.and_then(regionfall::metric::Value::as_f64);
    (
        outcome.account().rows_max,
        memory.expect("it is measured") as u64,
    )
}

#[test]
fn an_hour_holds_no_more_than_ten_minutes() {
    let ((rows, bytes), (rows_of_hour, bytes_of_hour)) = (held("10m"), held("60m"));
    // The outage decides: what the member that is away lacks, one minute of writes.
    assert!(rows > 600, "{rows}");
    assert!(
        rows_of_hour <= rows + rows / 10,
        "{rows_of_hour} after {rows}"
    );
    assert!(bytes > 0);
    assert!(
        bytes_of_hour <= bytes + bytes / 10,
        "{bytes_of_hour} after {bytes}"
    );
}
