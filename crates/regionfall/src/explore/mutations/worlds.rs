//! The worlds of the mutation suite, each small and with the trouble that its mutations need.

use super::Row;
use crate::simulation::Mutation;

/// All mutations with their worlds.
#[expect(clippy::too_many_lines, reason = "one list, a row for each mutation")]
pub(super) fn rows() -> Vec<Row> {
    use Mutation as M;
    let row = |mutation, what, (world, text): (&'static str, String)| Row {
        mutation,
        what,
        world,
        text,
    };
    vec![
        row(
            M::ForgetsFencing,
            "links of a removed member are accepted, and nothing is fenced",
            removal(),
        ),
        row(
            M::ReusesDots,
            "a primary that restarts goes on with its old origin",
            pinned_members(),
        ),
        row(
            M::IgnoresDirection,
            "a fault in one direction acts in both",
            one_way(),
        ),
        row(
            M::AcknowledgesBeforeFsync,
            "replies do not wait for the fsync",
            always(),
        ),
        row(
            M::AcknowledgesBeforeReplicas,
            "replies do not wait for replicas",
            waits(),
        ),
        row(
            M::AppliesInSecret,
            "effects are applied that nobody is told of",
            members(),
        ),
        row(
            M::TellsWithoutApplying,
            "effects are told of that nobody applied",
            members(),
        ),
        row(
            M::HidesWhatACrashEnded,
            "a crash does not say what it ended",
            everysec(),
        ),
        row(
            M::RestoresLostDisks,
            "a lost disk is back at the restart",
            members(),
        ),
        row(
            M::ChangesTimestamps,
            "effects arrive with another time than they were written with",
            members(),
        ),
        row(
            M::SkipsCatchUp,
            "who greets gets nothing of what it lacks",
            members(),
        ),
        row(
            M::SkipsFirstOfRange,
            "the first effect of each range is left out",
            members(),
        ),
        row(
            M::DropsFullStates,
            "full states are thrown away on arrival",
            split(),
        ),
        row(
            M::DropsEffects,
            "every 16th effect does not leave",
            members(),
        ),
        row(M::KeepsEpoch, "a promotion begins no epoch", split()),
        row(
            M::PromotesWithoutOrigin,
            "a new primary has no origin of its own",
            split(),
        ),
        row(M::NeverDemotes, "a former primary goes on as one", split()),
        row(
            M::ReadsAtReplicas,
            "reads are served by a replica",
            quiet_cluster(),
        ),
        row(M::NeverFailsBack, "app servers never go home", switching()),
        row(
            M::WritesEverywhere,
            "every second request goes to the other home",
            peace(),
        ),
        row(
            M::RetriesEverything,
            "unsafe retries, whatever the settings say",
            increments("attempts = 1"),
        ),
        row(
            M::SendsTwice,
            "an answered write is sent again",
            increments_in_peace(),
        ),
        row(
            M::LeaksConnections,
            "a broken connection keeps its place in the pool",
            pinned(),
        ),
        row(M::NeverHeals, "faults of paths never end", pinned()),
        row(M::NeverThaws, "a hang never ends", pinned()),
        row(
            M::RestsTooEarly,
            "the run says that it is at rest before it is",
            members(),
        ),
        row(M::NeverCollects, "tombstones are never collected", memory()),
        row(
            M::AnswersWithoutExecuting,
            "writes are answered and not executed",
            quiet_cluster(),
        ),
        row(
            M::ForgetsLinksAtRestart,
            "links of a restarted node wait for ever",
            members(),
        ),
    ]
}

const PHASES: &str = r#"
title = "mutations"
seeds = 1
event_budget = 20_000_000
[phases]
warm_up = "2s"
storm = "30s"
calm = "30s"
quiescence = "2m"
"#;

const THREE: &str = r#"
[topology]
regions = ["us-east-1", "eu-west-1", "ap-southeast-1"]
[database.sync]
processing = "uniform(100ms, 300ms)"
silence_limit = "5s"
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "40/s"
home = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "eu"
region = "eu-west-1"
servers = 1
rate = "40/s"
home = ["eu-west-1", "ap-southeast-1"]
[[workload.keyspace]]
name = "strings"
share = "60%"
mix = { set = 3, get = 1, del = 1 }
keys = 10
[[workload.keyspace]]
name = "sets"
share = "40%"
mix = { sadd = 2, srem = 1 }
keys = 5
elements = 5
"#;

/// Three members that write to the same keys; one falls with its disks, and two are cut off from each other.
fn members() -> (&'static str, String) {
    ("members", members_with("jedis-multidb"))
}

/// The same with clients that stay where they are.
fn pinned_members() -> (&'static str, String) {
    ("members, pinned", members_with("pinned"))
}

fn members_with(preset: &str) -> String {
    format!(
        r#"{PHASES}{THREE}
[[strategy]]
preset = "{preset}"
[[fault]]
kind = "region-outage"
region = "eu-west-1"
at = "8s"
lasts = "5s"
disks = "lost"
[[fault]]
kind = "partition"
between = ["us-east-1", "ap-southeast-1"]
at = "18s"
lasts = "10s"
"#
    )
}

/// A member is cut off, goes on writing, is removed, and comes back into reach.
fn removal() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}{THREE}
[[workload.fleet]]
name = "ap"
region = "ap-southeast-1"
servers = 1
rate = "40/s"
home = ["ap-southeast-1"]
[[strategy]]
preset = "pinned"
[[fault]]
kind = "partition"
from = "ap-southeast-1"
scope = "replication"
at = "8s"
lasts = "12s"
[[fault]]
kind = "force-remove"
region = "ap-southeast-1"
at = "15s"
"#
    );
    ("removal", text)
}

/// Replies are slow, requests are not: with the time limit that clients have this is still in time.
fn one_way() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "10/s"
timeout = "550ms"
connections_per_server = 4
home = ["eu-west-1"]
[[strategy]]
preset = "pinned"
[[fault]]
kind = "latency"
from = "eu-west-1"
to = "us-east-1"
direction = "one-way"
scope = "clients"
add = "300ms"
at = "10s"
lasts = "10s"
[objectives]
errors = {{ max = 0 }}
"#
    );
    ("one way", text)
}

fn persistent(mode: &str, promise: &str) -> String {
    format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[database]
persistence = "{mode}"
[database.sync]
processing = "2s"
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "60/s"
home = ["us-east-1"]
[[workload.keyspace]]
name = "strings"
mix = {{ set = 1 }}
keys = 20
[[strategy]]
preset = "pinned"
[[fault]]
kind = "host-crash"
region = "us-east-1"
at = "10s"
lasts = "5s"
{promise}
"#
    )
}

fn always() -> (&'static str, String) {
    (
        "append-only file, always",
        persistent("aof-always", "[expect]\npromises = [\"no-loss\"]"),
    )
}

fn everysec() -> (&'static str, String) {
    (
        "append-only file, every second",
        persistent("aof-everysec", ""),
    )
}

/// A primary with one replica; every write waits for it, and the primary's machine goes with its disk.
fn waits() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["lab"]
[[topology.region]]
name = "lab"
zones = 2
cross_zone_rtt = "40ms"
[database]
kind = "primary-replica"
replicas_per_shard = 1
[database.promotion]
preset = "redis-enterprise-high"
[[workload.fleet]]
name = "writers"
region = "lab"
servers = 4
rate = "400/s"
timeout = "1s"
[[workload.keyspace]]
name = "strings"
mix = {{ set = 1 }}
keys = 50
wait = {{ replicas = 1, timeout = "500ms", too_few = "fail" }}
[[strategy]]
preset = "pinned"
[[fault]]
kind = "promote"
region = "lab"
node = 1
at = "10s"
[expect]
promises = ["no-loss"]
"#
    );
    ("WAIT", text)
}

/// A primary and a writer beside it are cut off; Sentinels promote a replica, and the former primary follows after the heal.
fn split() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["lab"]
[[topology.region]]
name = "lab"
zones = 2
[database]
kind = "primary-replica"
replicas_per_shard = 1
entrance = "sentinel"
[database.promotion]
preset = "sentinel-default"
failover_timeout = "60s"
down_after = "1s"
sentinels_at = [1]
[[workload.fleet]]
name = "writer"
region = "lab"
servers = 1
rate = "100/s"
timeout = "500ms"
[[workload.keyspace]]
name = "keys"
mix = {{ set = 1 }}
keys = 20
[[strategy]]
preset = "pinned"
[[fault]]
kind = "partition"
within = "lab"
zone = 0
at = "10s"
lasts = "10s"
"#
    );
    ("split brain", text)
}

/// A primary with a replica 40 ms away, and nothing goes wrong.
fn quiet_cluster() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["lab"]
[[topology.region]]
name = "lab"
zones = 2
cross_zone_rtt = "80ms"
[database]
kind = "primary-replica"
replicas_per_shard = 1
[[workload.fleet]]
name = "writer"
region = "lab"
servers = 2
rate = "100/s"
[[workload.keyspace]]
name = "keys"
mix = {{ set = 1, get = 2 }}
keys = 5
[[strategy]]
preset = "pinned"
[expect]
promises = ["linearizable"]
"#
    );
    ("quiet cluster", text)
}

/// Clients that watch for themselves leave a region that falls for long, and go home afterwards.
fn switching() -> (&'static str, String) {
    let phases = PHASES.replace("storm = \"30s\"", "storm = \"70s\"");
    let text = format!(
        r#"{phases}
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 1
rate = "40/s"
home = ["us-east-1", "eu-west-1"]
[[strategy]]
preset = "jedis-multidb"
failback = {{ every = "5s", grace = "1s" }}
[[fault]]
kind = "region-outage"
region = "us-east-1"
at = "5s"
lasts = "60s"
[expect]
promises = ["everyone-home"]
"#
    );
    ("switching", text)
}

/// Clients with two homes, and nothing goes wrong.
fn peace() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "40/s"
home = ["us-east-1", "eu-west-1"]
[[strategy]]
preset = "jedis-multidb"
[expect]
promises = ["single-writer"]
"#
    );
    ("peace", text)
}

fn counters(client: &str, fault: &str) -> String {
    format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
connections_per_server = 4
rate = "40/s"
timeout = "500ms"
home = ["us-east-1"]
[[workload.keyspace]]
name = "stock"
mix = {{ incr = 1 }}
keys = 5
[[strategy]]
preset = "pinned"
client = {{ {client} }}
{fault}
[expect]
promises = ["no-duplicates"]
"#
    )
}

fn increments(client: &str) -> (&'static str, String) {
    let hang = "[[fault]]\nkind = \"hang\"\nregion = \"us-east-1\"\nat = \"10s\"\nlasts = \"2s\"\n";
    ("increments", counters(client, hang))
}

fn increments_in_peace() -> (&'static str, String) {
    (
        "increments in peace",
        counters(
            "attempts = 2, retry_unsafe = true, retry_wait = \"10ms\"",
            "",
        ),
    )
}

/// Clients that stay where they are: their process dies, their path is cut, their member hangs.
fn pinned() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
connections_per_server = 2
rate = "40/s"
timeout = "500ms"
home = ["eu-west-1"]
[[strategy]]
preset = "pinned"
[[fault]]
kind = "process-crash"
region = "eu-west-1"
at = "5s"
lasts = "4s"
[[fault]]
kind = "partition"
between = ["us-east-1", "eu-west-1"]
at = "15s"
lasts = "4s"
[[fault]]
kind = "hang"
region = "eu-west-1"
at = "25s"
lasts = "4s"
"#
    );
    ("pinned", text)
}

/// Members with a memory limit delete much.
fn memory() -> (&'static str, String) {
    let text = format!(
        r#"{PHASES}
[topology]
regions = ["us-east-1", "eu-west-1"]
[database.memory]
limit = "64MiB"
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "60/s"
[[workload.keyspace]]
name = "sets"
mix = {{ sadd = 1, srem = 2, del = 1 }}
keys = 20
elements = 5
[[strategy]]
preset = "pinned"
"#
    );
    ("memory", text)
}
