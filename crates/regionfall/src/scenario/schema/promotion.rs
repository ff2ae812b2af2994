//! Promotion within a member: `[database.promotion]`.

use super::root::{PERIOD, TIMEOUT};
use super::{DAY, Default, Key, Kind, MS, Table};
use crate::failover::Grade;

pub(crate) static PROMOTION: Table = Table {
    title: "[database.promotion]",
    doc: "Who becomes primary of a shard when its primary fails, and how that is found out. A preset gives all of it; single keys override the preset.",
    keys: &[
        Key::new(
            "preset",
            Kind::Word(&[
                (
                    "none",
                    "as the other keys say; without them nobody is promoted",
                ),
                (
                    "sentinel-default",
                    "three Sentinels with the sample configuration",
                ),
                ("sentinel-5s", "the same with 5 s of silence"),
                (
                    "redis-cluster-default",
                    "Redis Cluster with a node timeout of 15 s",
                ),
                (
                    "redis-enterprise-high",
                    "Redis Software, sensitivity high: 2 to 5 s",
                ),
                (
                    "redis-enterprise-low",
                    "Redis Software, sensitivity low: 5 to 10 s",
                ),
                ("azure-cache-unplanned", "Azure Cache for Redis: 10 to 15 s"),
                (
                    "elasticache-multi-az",
                    "ElastiCache Multi-AZ: within seconds",
                ),
            ]),
            Default::Text("none"),
            "The product whose rules hold.",
        ),
        Key::new(
            "by",
            Kind::Word(&[
                (
                    "operator",
                    "nobody is promoted unless a fault of kind `promote` says so",
                ),
                (
                    "sentinels",
                    "Sentinels elect one of them, which promotes a replica",
                ),
                ("watchdogs", "a majority of the member's nodes decides"),
                (
                    "cluster",
                    "a majority of the primaries of a Redis Cluster elects a replica",
                ),
            ]),
            Default::Text("operator"),
            "Who decides.",
        ),
        Key::new(
            "sentinels",
            Kind::Integer(1, 15),
            Default::Integer(3),
            "How many Sentinels watch a member.",
        )
        .grade(Grade::Documented, "Redis docs: at least three"),
        Key::new(
            "sentinels_at",
            Kind::Either(
                &Kind::Word(&[
                    (
                        "zones",
                        "hosts of their own in the zones of the member's region in turn",
                    ),
                    (
                        "nodes",
                        "beside the processes of the database: the first on the first node, and so on",
                    ),
                ]),
                &Kind::List(&Kind::Integer(0, 15)),
            ),
            Default::Text("zones"),
            "Where Sentinels stand; a list of zones: on hosts of their own in these in turn.",
        ),
        Key::new(
            "quorum",
            Kind::Integer(1, 15),
            Default::Integer(2),
            "Sentinels that must hold a primary for down.",
        )
        .grade(Grade::Source, "redis/redis sentinel.conf"),
        Key::new(
            "down_after",
            TIMEOUT,
            Default::Text("30s"),
            "A process without a valid answer for this long is down for a Sentinel.",
        )
        .grade(Grade::Source, "redis/redis sentinel.conf"),
        Key::new(
            "failover_timeout",
            TIMEOUT,
            Default::Text("180s"),
            "After a failed failover Sentinels wait twice this; its steps may take this long.",
        )
        .grade(Grade::Source, "redis/redis sentinel.conf"),
        Key::new(
            "parallel_syncs",
            Kind::Integer(1, 15),
            Default::Integer(1),
            "Replicas that turn to a new primary at the same time.",
        )
        .grade(Grade::Source, "redis/redis sentinel.conf"),
        Key::new(
            "takes",
            Kind::Delay,
            Default::Text("uniform(2s, 5s)"),
            "With watchdogs: from the last sign of life to the promotion.",
        )
        .grade(Grade::Assumed, "thresholds are not published"),
        Key::new(
            "heartbeat",
            PERIOD,
            Default::Text("200ms"),
            "With watchdogs: between heartbeats of nodes.",
        )
        .grade(Grade::Assumed, "not published"),
        Key::new(
            "node_timeout",
            TIMEOUT,
            Default::Text("15s"),
            "With a cluster: a process that has not answered for this long is suspected; a primary that hears no majority for this long serves nothing.",
        )
        .grade(Grade::Source, "redis/redis redis.conf, cluster-node-timeout"),
        Key::new(
            "replica_validity_factor",
            Kind::Integer(0, 10_000),
            Default::Integer(10),
            "With a cluster: a replica without its primary for longer than this many node timeouts (and one, and 10 s) does not stand for election; 0: it always does.",
        )
        .grade(Grade::Source, "redis/redis redis.conf, cluster-replica-validity-factor"),
        Key::new(
            "require_full_coverage",
            Kind::Flag,
            Default::Flag(true),
            "With a cluster: while any shard is served by nobody, no shard is.",
        )
        .grade(Grade::Source, "redis/redis redis.conf, cluster-require-full-coverage"),
        Key::new(
            "replica_grace",
            Kind::Either(&Kind::Word(&[("never", "no copy is made anew")]), &Kind::Duration(MS, DAY)),
            Default::Text("10m"),
            "With watchdogs: a shard that has a single copy left for this long gets a new one on one of `database.spare_nodes`.",
        )
        .grade(
            Grade::Documented,
            "Redis Software docs, Replica HA: 600 s, on Kubernetes 1800 s",
        ),
    ],
    open: None,
};
