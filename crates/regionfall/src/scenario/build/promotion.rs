//! `[database.promotion]` and the guard against writes that nobody copies.

use super::{Builder, duration, flag, integer, list, optional_duration, table, text};
use crate::database::promotion::cluster::ClusterConfig;
use crate::database::promotion::guard::WriteGuard;
use crate::database::promotion::sentinel::SentinelConfig;
use crate::database::promotion::watchdog::WatchdogConfig;
use crate::database::promotion::{PromotionConfig, PromotionRule, SentinelsAt, SentinelsConfig};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::tree::{Fields, Node, Value};

impl Builder<'_, '_> {
    pub(super) fn promotion(&mut self, database: &Fields) -> PromotionConfig {
        let fields = table(database, "promotion");
        let rule = match text(fields, "by") {
            "sentinels" => PromotionRule::Sentinels(SentinelsConfig {
                sentinel: SentinelConfig {
                    down_after: duration(fields, "down_after"),
                    failover_timeout: duration(fields, "failover_timeout"),
                    quorum: integer(fields, "quorum"),
                    parallel_syncs: integer(fields, "parallel_syncs"),
                },
                count: integer(fields, "sentinels"),
                at: sentinels_at(fields),
            }),
            "watchdogs" => PromotionRule::Watchdogs(WatchdogConfig::new(
                self.delay(fields, "takes"),
                duration(fields, "heartbeat"),
                optional_duration(fields, "replica_grace"),
            )),
            "cluster" => PromotionRule::Cluster(cluster(fields)),
            _ => PromotionRule::Operator,
        };
        if matches!(rule, PromotionRule::Cluster(_)) {
            self.cluster_suits(database);
        }
        let spares: u8 = integer(database, "spare_nodes");
        let makes_none = matches!(
            rule,
            PromotionRule::Sentinels(_) | PromotionRule::Cluster(_)
        );
        if spares > 0 && makes_none {
            let message = "Sentinels and a Redis Cluster make no new copies, and know of no nodes without one";
            let problem = Problem::new(ProblemKind::Conflict, "database.spare_nodes", message)
                .got(spares.to_string())
                .allowed("with `database.promotion.by` \"operator\" or \"watchdogs\"");
            self.report(problem, database.get("spare_nodes").and_then(Node::mark));
        }
        let by_sentinels = matches!(rule, PromotionRule::Sentinels(_));
        if text(database, "entrance") == "sentinel" {
            let shards: u16 = integer(database, "shards");
            let (key, message) = if by_sentinels {
                (
                    "shards",
                    "clients that ask Sentinels know one primary: there is one shard",
                )
            } else {
                ("entrance", "clients ask Sentinels, and there are none")
            };
            if shards != 1 || !by_sentinels {
                let problem =
                    Problem::new(ProblemKind::Conflict, format!("database.{key}"), message)
                        .help("set `by = \"sentinels\"` in `[database.promotion]`, and one shard");
                self.report(problem, database.get(key).and_then(Node::mark));
            }
        }
        let guard = WriteGuard {
            replicas: integer(database, "min_replicas_to_write"),
            max_lag: integer(database, "min_replicas_max_lag"),
        };
        PromotionConfig { rule, guard }
    }

    /// Processes of a Redis Cluster have no proxy before them, and no peers that take writes too.
    fn cluster_suits(&mut self, database: &Fields) {
        let (key, message, help) = if text(database, "entrance") != "cluster" {
            (
                "entrance",
                "the processes of a Redis Cluster are reached by slot map",
                "set `entrance = \"cluster\"`",
            )
        } else if text(database, "kind") == "active-active" {
            (
                "kind",
                "a Redis Cluster has no peers that take writes too",
                "set `kind = \"primary-replica\"`, or let `watchdogs` promote",
            )
        } else {
            return;
        };
        let problem = Problem::new(ProblemKind::Conflict, format!("database.{key}"), message);
        let mark = database.get(key).and_then(Node::mark);
        self.report(problem.help(help), mark);
    }
}

fn cluster(fields: &Fields) -> ClusterConfig {
    ClusterConfig {
        node_timeout: duration(fields, "node_timeout"),
        validity_factor: integer(fields, "replica_validity_factor"),
        full_coverage: flag(fields, "require_full_coverage"),
        ..ClusterConfig::default()
    }
}

fn sentinels_at(fields: &Fields) -> SentinelsAt {
    let zone = |node: &Node| match node.value {
        Value::Integer(zone) => u16::try_from(zone).unwrap_or(0),
        _ => 0,
    };
    match text(fields, "sentinels_at") {
        "nodes" => SentinelsAt::Nodes,
        _ => SentinelsAt::OwnHosts(list(fields, "sentinels_at").iter().map(zone).collect()),
    }
}
