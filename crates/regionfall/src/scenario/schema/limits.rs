//! What the nodes of a database can do: capacity, memory, and how they answer availability checks.

use super::root::PAUSE;
use super::{Default, Key, Kind, Table};
use crate::failover::Grade;

const NO_LIMIT: Default = Default::Absent("no limit");

pub(super) static CAPACITY: Table = Table {
    title: "[database.capacity]",
    doc: "How long a database process works, and what a node admits. A process has one thread: what it cannot serve at once waits in the order of arrival, and is served even if its client has given up.",
    keys: &[
        Key::new("read", Kind::Delay, Default::Text("10us"), "Service time of a command that reads, beside the network.").grade(Grade::Assumed, "about 100,000 small commands per second and thread, as Redis documentation (benchmarks) reports without pipelining"),
        Key::new("write", Kind::Delay, Default::Text("10us"), "Service time of a command that writes.").grade(Grade::Assumed, "as `read`"),
        Key::new("per_element", PAUSE, Default::Text("100ns"), "Added for each element that an O(N) command returns.").grade(Grade::Assumed, "no published figure"),
        Key::new("apply", PAUSE, Default::Text("0s"), "Service time of an effect that arrives from another member.").grade(Grade::Assumed, "no published figure"),
        Key::new("accept", PAUSE, Default::Text("0s"), "Work for a new connection.").grade(Grade::Assumed, "no published figure"),
        Key::new("tls_handshake", PAUSE, Default::Text("0s"), "Work for the TLS handshake of a new connection, of fleets that use TLS; 1 to 3 ms where a thread signs with RSA.").grade(Grade::Assumed, "no published figure"),
        Key::new("max_clients", Kind::Integer(1, 10_000_000), NO_LIMIT, "Most connections of clients to a node (`maxclients`); one more is refused."),
        Key::new("new_connections", Kind::Rate, NO_LIMIT, "Most new connections of clients to a node per second; others are refused."),
        Key::new("commands", Kind::Rate, NO_LIMIT, "Most commands to a member per second, shared evenly by its shards, as throughput plans of cloud services have it."),
        Key::new("over_limit", Kind::Word(&[("delay", "a command beyond `commands` waits for its turn"), ("refuse", "it is answered with an error")]), Default::Text("delay"), "What becomes of commands beyond `commands`.").grade(Grade::Assumed, "services speak of throttling"),
        Key::new("burst", PAUSE, Default::Text("1s"), "How much unused allowance of `new_connections` and `commands` is kept: so long at the full rate.").grade(Grade::Assumed, "limits are stated per second"),
    ],
    open: None,
};

pub(super) static MEMORY: Table = Table {
    title: "[database.memory]",
    doc: "How much memory a member has, and what happens as it fills.",
    keys: &[
        Key::new("limit", Kind::Size(1 << 10, 1 << 50), Default::Required, "Bytes of a member (`maxmemory`), shared evenly by its shards. What counts is the model's estimate of a server's memory, tombstones and backlog included."),
        Key::new(
            "at_limit",
            Kind::Word(&[
                ("refuse-writes", "Redis Software from 8.4: beyond limit less `reserve` clients' writes fail with OOM while replication and collection go on; at the limit the shard stops"),
                ("stop", "before 8.4: the shard stops replicating and answering; it is reconciled in full once there is room again"),
                ("stop-until-operator", "the same with `crdt_syncer_auto_oom_unlatch` off: it stays so"),
            ]),
            Default::Text("refuse-writes"),
            "What happens at the limit.",
        ).grade(Grade::Documented, "Redis Software docs, active-active, planning.md"),
        Key::new("reserve", Kind::Share(0.0, 0.2), Default::Text("5%"), "The share of the limit that is kept for replication.").grade(Grade::Documented, "Redis Software docs, active-active, planning.md"),
        Key::new(
            "eviction",
            Kind::Word(&[
                ("noeviction", "no key makes room"),
                ("allkeys-lru", "the key used longest ago, of a sample of five"),
                ("allkeys-lfu", "the key used least often, of a sample of five"),
                ("allkeys-random", "any key"),
                ("volatile-lru", "as `allkeys-lru`, of keys with an expiry"),
                ("volatile-lfu", "as `allkeys-lfu`, of keys with an expiry"),
                ("volatile-random", "any key with an expiry"),
                ("volatile-ttl", "the key that expires first, of a sample of five"),
            ]),
            Default::Text("noeviction"),
            "Which keys make room. An eviction replicates as a deletion.",
        ).grade(Grade::Documented, "Redis Software docs, memory-performance, eviction-policy.md"),
        Key::new("evicts_from", Kind::Share(0.01, 1.0), Default::Text("80%"), "The share of its limit from which a shard evicts.").grade(Grade::Documented, "Redis Software docs, memory-performance, eviction-policy.md"),
    ],
    open: None,
};

pub(super) static AVAILABILITY: Table = Table {
    title: "[database.availability]",
    doc: "How the management processes of the nodes answer availability checks (REST API, port 9443).",
    keys: &[
        Key::new("lag_tolerance", PAUSE, Default::Text("100ms"), "The lag that a lag-aware check tolerates unless the request says another.").grade(Grade::Documented, "Redis Software docs, monitoring, db-availability.md"),
        Key::new(
            "unreachable_peers",
            Kind::Word(&[
                ("ignore", "lag is judged by the peers that can be reached"),
                ("lag", "the link lags by the time since it was last in step: when a region is down, every other member fails its own check"),
            ]),
            Default::Text("ignore"),
            "How a peer that cannot be reached enters a lag-aware check.",
        ).grade(Grade::Assumed, "the documentation leaves it open"),
    ],
    open: None,
};
