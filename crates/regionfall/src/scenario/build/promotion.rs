//! `[database.promotion]` and the guard against writes that nobody copies.

use super::{Builder, duration, integer, list, optional_duration, table, text};
use crate::database::promotion::cluster::ClusterConfig;
use crate::database::promotion::guard::WriteGuard;
use crate::database::promotion::sentinel::SentinelConfig;
use crate::database::promotion::watchdog::WatchdogConfig;
use crate::database::promotion::{PromotionConfig, PromotionRule, SentinelsAt, SentinelsConfig};
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
            "cluster" => PromotionRule::Cluster(ClusterConfig {
                node_timeout: duration(fields, "node_timeout"),
                validity_factor: integer(fields, "validity_factor"),
                ..ClusterConfig::default()
            }),
            "watchdogs" => PromotionRule::Watchdogs(WatchdogConfig::new(
                self.delay(fields, "takes"),
                duration(fields, "heartbeat"),
                optional_duration(fields, "replica_grace"),
            )),
            _ => PromotionRule::Operator,
        };
        let guard = WriteGuard {
            replicas: integer(database, "min_replicas_to_write"),
            max_lag: integer(database, "min_replicas_max_lag"),
        };
        PromotionConfig { rule, guard }
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
