//! The data files of presets for clients, applications, coordination and people.

/// Their names and texts, in the order of the catalogue.
pub(super) const FILES: [(&str, &str); 15] = [
    (
        "jedis-multidb-fast",
        include_str!("../../presets/jedis-multidb-fast.toml"),
    ),
    (
        "redis-py-multidb",
        include_str!("../../presets/redis-py-multidb.toml"),
    ),
    (
        "lettuce-multidb",
        include_str!("../../presets/lettuce-multidb.toml"),
    ),
    (
        "se-redis-group",
        include_str!("../../presets/se-redis-group.toml"),
    ),
    (
        "go-redis-multidb",
        include_str!("../../presets/go-redis-multidb.toml"),
    ),
    (
        "redis-rs-plain",
        include_str!("../../presets/redis-rs-plain.toml"),
    ),
    ("fred-plain", include_str!("../../presets/fred-plain.toml")),
    ("app-pubsub", include_str!("../../presets/app-pubsub.toml")),
    ("app-guide", include_str!("../../presets/app-guide.toml")),
    ("etcd-lease", include_str!("../../presets/etcd-lease.toml")),
    (
        "consul-session",
        include_str!("../../presets/consul-session.toml"),
    ),
    ("phi-akka", include_str!("../../presets/phi-akka.toml")),
    (
        "phi-cassandra",
        include_str!("../../presets/phi-cassandra.toml"),
    ),
    (
        "consul-serf-wan",
        include_str!("../../presets/consul-serf-wan.toml"),
    ),
    (
        "manual-runbook",
        include_str!("../../presets/manual-runbook.toml"),
    ),
];
