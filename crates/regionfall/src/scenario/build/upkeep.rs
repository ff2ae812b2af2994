//! Work on the nodes of a member.

use super::{Builder, duration, integer, share, table, text};
use crate::database::DatabaseConfig;
use crate::database::promotion::PromotionRule;
use crate::fault::{Upkeep, UpkeepTask, Window};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node};
use crate::topology::TopologyConfig;

/// What work on nodes may speak of in one variant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    /// Nodes of each member.
    nodes: u8,
    shards: u16,
    has_spares: bool,
    /// Sentinels undo what somebody else decides.
    has_sentinels: bool,
    /// Only there keys have slots that move.
    has_slots: bool,
}

impl Cluster {
    pub(super) const NONE: Self = Self {
        nodes: 1,
        shards: 1,
        has_spares: false,
        has_sentinels: false,
        has_slots: false,
    };

    pub(super) fn of(database: &DatabaseConfig) -> Self {
        Self {
            nodes: database.nodes_per_member() as u8,
            shards: database.shards,
            has_spares: database.spare_nodes > 0,
            has_sentinels: matches!(database.promotion.rule, PromotionRule::Sentinels(_)),
            has_slots: matches!(database.promotion.rule, PromotionRule::Cluster(_)),
        }
    }
}

impl Builder<'_, '_> {
    pub(super) fn upkeep(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Upkeep {
        let kind = text(fields, "kind");
        if self.cluster.has_sentinels {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "kind"),
                "Sentinels decide who is primary, and turn back what others do",
            )
            .got(kind)
            .allowed("with `database.promotion.by` \"operator\" or \"watchdogs\"");
            self.report(problem, fields.get("kind").and_then(Node::mark));
        }
        if kind == "add-node" && !self.cluster.has_spares {
            let message = "there is no node that could be added";
            let problem = Problem::new(ProblemKind::Conflict, path::join(here, "kind"), message)
                .got(kind)
                .allowed("with `database.spare_nodes` of 1 or more");
            self.report(problem, fields.get("kind").and_then(Node::mark));
        }
        let nodes = i64::from(self.cluster.nodes);
        let node = self.one_of(fields, (here, "node"), nodes, "the member has no such node");
        let task = match kind {
            "migrate-shard" => {
                let shards = i64::from(self.cluster.shards);
                let there = "there is no such shard";
                let shard = self.one_of(fields, (here, "shard"), shards, there);
                UpkeepTask::MigrateShard {
                    shard: shard.unwrap_or(0),
                    node: node.unwrap_or(0) as u8,
                }
            }
            "migrate-slots" => self.slots(fields, here),
            "migrate-endpoint" => UpkeepTask::MigrateEndpoint {
                node: node.unwrap_or(0) as u8,
            },
            "add-node" => UpkeepTask::AddNode,
            _ => UpkeepTask::PlannedMaintenance {
                node: node.map(|node| node as u8),
                reboot: self.delay(fields, "reboot"),
                window: self.window(fields, here),
            },
        };
        Upkeep {
            member: self.struck_member(fields, here, topology),
            task,
        }
    }

    /// Slots that move from one shard to another.
    fn slots(&mut self, fields: &Fields, here: &str) -> UpkeepTask {
        let conflict = |key: &str, message: &str| {
            Problem::new(ProblemKind::Conflict, path::join(here, key), message)
        };
        if !self.cluster.has_slots {
            let message = "only the shards of a Redis Cluster give slots to one another";
            let problem = conflict("kind", message)
                .got("migrate-slots")
                .allowed("with `database.promotion.by` \"cluster\"");
            self.report(problem, fields.get("kind").and_then(Node::mark));
        }
        let shards = i64::from(self.cluster.shards);
        let there = "there is no such shard";
        let from = self.one_of(fields, (here, "from"), shards, there);
        let to = self.one_of(fields, (here, "to"), shards, there);
        if from.is_some() && from == to {
            let problem = conflict("to", "a shard has its own slots already")
                .got(to.unwrap_or(0).to_string())
                .allowed("another shard than `from`");
            self.report(problem, fields.get("to").and_then(Node::mark));
        }
        UpkeepTask::MigrateSlots {
            from: from.unwrap_or(0),
            to: to.unwrap_or(0),
            share: share(fields, "share"),
            pipeline: integer(fields, "pipeline"),
            per_key: duration(fields, "per_key"),
            timeout: duration(fields, "timeout"),
        }
    }

    /// A number under a key, if one is there; it must be below `count`.
    fn one_of(
        &mut self,
        fields: &Fields,
        (here, key): (&str, &str),
        count: i64,
        message: &str,
    ) -> Option<u16> {
        let node = fields.get(key)?;
        let number: u16 = integer(fields, key);
        if i64::from(number) >= count {
            let problem = Problem::new(ProblemKind::OutOfRange, path::join(here, key), message)
                .got(node.excerpt())
                .allowed(format!("0 to {}, counted from 0", count - 1));
            self.report(problem, node.mark());
            return None;
        }
        Some(number)
    }

    fn window(&mut self, fields: &Fields, here: &str) -> Option<Window> {
        let given = fields.get("window")?;
        let own = table(fields, "window");
        let window = Window {
            opens: duration(own, "opens"),
            lasts: duration(own, "lasts"),
            every: duration(own, "every"),
        };
        if window.lasts >= window.every {
            let key = path::join(&path::join(here, "window"), "lasts");
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                key,
                "must be shorter than the time from one window to the next",
            )
            .got(window.lasts.to_string())
            .allowed(format!("less than {}", window.every));
            self.report(
                problem,
                own.get("lasts")
                    .and_then(Node::mark)
                    .or_else(|| given.mark()),
            );
        }
        Some(window)
    }
}
