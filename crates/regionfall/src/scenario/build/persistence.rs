//! Persistence and exports, with the combinations that no product offers.

use super::{Builder, duration, flag, inner, integer, list, number, share, table, text};
use crate::database::persistence::{
    ExportConfig, ExportTo, PersistenceConfig, PersistenceMode, PersistsOn, RewriteConfig, SaveRule,
};
use crate::database::{DatabaseConfig, DatabaseKind};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{path, quantity};

/// Redis' own rules (redis.conf, `save 3600 1 300 100 60 10000`).
const DEFAULT_RULES: [(u64, u64); 3] = [(3_600, 1), (300, 100), (60, 10_000)];

impl Builder<'_, '_> {
    /// What is kept on disk; `None` is the idealized disk.
    pub(super) fn persistence(
        &mut self,
        fields: &Fields,
        is_active_active: bool,
    ) -> Option<PersistenceConfig> {
        let Some(node) = fields.get("persistence") else {
            for key in ["persistence_on", "disk"] {
                if let Some(other) = fields.get(key) {
                    let problem = Problem::new(
                        ProblemKind::Conflict,
                        format!("database.{key}"),
                        "says nothing without `database.persistence`",
                    )
                    .help("add persistence = \"aof-everysec\" to [database], say");
                    self.report(problem, other.key_mark());
                }
            }
            return None;
        };
        let mode = match text(fields, "persistence") {
            "none" => PersistenceMode::None,
            "aof-always" => PersistenceMode::AofAlways,
            "aof-no-fsync" => PersistenceMode::AofNoFsync,
            "snapshot" => PersistenceMode::Snapshot,
            _ => PersistenceMode::AofEverySecond,
        };
        if is_active_active {
            self.refuse_where_members_replicate(fields, node, mode);
        }
        let disk = table(fields, "disk");
        Some(PersistenceConfig {
            mode,
            on: match text(fields, "persistence_on") {
                "primary" => PersistsOn::Primary,
                "replica" => PersistsOn::Replica,
                "both" => PersistsOn::Both,
                // A cluster manager leaves it to the replicas; servers without one are all configured alike.
                _ if text(fields, "entrance") == "direct" => PersistsOn::Both,
                _ => PersistsOn::Replica,
            },
            fsync: self.delay(disk, "fsync"),
            load_rate: rate(disk, "load_rate"),
            save: self.save_rules(disk, mode),
            snapshot_rate: rate(disk, "snapshot_rate"),
            fork_per_gib: duration(disk, "fork_per_gib"),
            rewrite: self.rewrite(disk, mode),
        })
    }

    /// When append-only files are rewritten.
    fn rewrite(&mut self, disk: &Fields, mode: PersistenceMode) -> Option<RewriteConfig> {
        let given = disk.get("rewrite")?;
        if !mode.is_append_only() {
            let problem = Problem::new(
                ProblemKind::Conflict,
                "database.disk.rewrite",
                "there is no append-only file that could be rewritten",
            )
            .allowed("with persistence = \"aof-always\", \"aof-everysec\" or \"aof-no-fsync\"");
            self.report(problem, given.mark());
        }
        let own = table(disk, "rewrite");
        Some(RewriteConfig {
            growth: share(own, "growth"),
            min_size: quantity::size(text(own, "min_size")).unwrap_or_default(),
            rate: rate(own, "rate"),
            fork_per_gib: duration(disk, "fork_per_gib"),
            slows: number(own, "slows"),
            no_fsync: flag(own, "no_fsync"),
        })
    }

    /// What products refuse for Active-Active databases.
    fn refuse_where_members_replicate(
        &mut self,
        fields: &Fields,
        node: &Node,
        mode: PersistenceMode,
    ) {
        if mode == PersistenceMode::Snapshot {
            let problem = Problem::new(
                ProblemKind::Conflict,
                "database.persistence",
                "an Active-Active database has no snapshots",
            )
            .got(node.excerpt())
            .allowed("\"none\", \"aof-always\", \"aof-everysec\", \"aof-no-fsync\" (Redis Active-Active docs, managing databases)")
            .help("use an append-only file, or another `kind` of database");
            self.report(problem, node.mark());
        } else if mode != PersistenceMode::None && text(fields, "product") == "azure-managed-redis"
        {
            let problem = Problem::new(
                ProblemKind::Conflict,
                "database.persistence",
                "Azure Managed Redis has either persistence or geo-replication",
            )
            .got(node.excerpt())
            .allowed("\"none\" (Azure docs, how to configure data persistence)");
            self.report(problem, node.mark());
        }
    }

    fn save_rules(&mut self, disk: &Fields, mode: PersistenceMode) -> Vec<SaveRule> {
        let written = list(disk, "save");
        if let (Some(first), true) = (written.first(), mode != PersistenceMode::Snapshot) {
            let problem = Problem::new(
                ProblemKind::Conflict,
                "database.disk.save",
                "rules for snapshots, where none are taken",
            )
            .allowed("with persistence = \"snapshot\"");
            self.report(problem, first.mark());
        }
        if written.is_empty() {
            let rule = |(seconds, changes)| SaveRule { seconds, changes };
            return DEFAULT_RULES.map(rule).to_vec();
        }
        let rules = written.iter().map(|rule| SaveRule {
            seconds: duration(inner(rule), "after").as_nanos() / 1_000_000_000,
            changes: integer(inner(rule), "changes"),
        });
        rules.collect()
    }
}

/// What a database keeps, as far as faults may speak of it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five things that are there or not, each of its own accord"
)]
pub(super) struct Kept {
    has_disks: bool,
    /// Whether primaries have append-only files.
    pub(super) primaries_append: bool,
    has_exports: bool,
    follows_elsewhere: bool,
    /// Whether the product offers no WAIT.
    pub(super) lacks_wait: bool,
}

impl Kept {
    pub(super) const NOTHING: Self = Self {
        has_disks: false,
        primaries_append: false,
        has_exports: false,
        follows_elsewhere: false,
        lacks_wait: false,
    };

    pub(super) fn of(database: &DatabaseConfig) -> Self {
        let mode = database.persistence.as_ref().map(|config| config.mode);
        let has_replicas = database.copies_per_shard() > 1;
        Self {
            primaries_append: database.persistence.as_ref().is_some_and(|config| {
                !matches!(
                    config.mode,
                    PersistenceMode::None | PersistenceMode::Snapshot
                ) && config.on.includes(true, has_replicas)
            }),
            has_disks: mode.is_some_and(|mode| mode != PersistenceMode::None),
            has_exports: database.export.is_some(),
            follows_elsewhere: database.kind == DatabaseKind::GeoPassive,
            lacks_wait: false,
        }
    }
}

impl Builder<'_, '_> {
    /// Reports a fault of a disk or an export where there is none.
    pub(super) fn kept_by(&mut self, fields: &Fields, here: &str) {
        let (lack, help) = match text(fields, "kind") {
            "fsync-stall" | "disk-lost" | "slow-disk" if !self.kept.has_disks => (
                "there are no disks that it could strike",
                "add persistence = \"aof-everysec\" to [database], say; to lose everything in a crash, write disks = \"lost\" there",
            ),
            "restore" if !self.kept.has_exports => (
                "there is no export to restore from",
                "add [database.export]",
            ),
            "restore" if self.kept.follows_elsewhere => (
                "members in other regions would go on with what the restored one no longer has",
                "restore a database of another `kind`",
            ),
            _ => return,
        };
        let key = path::join(here, "kind");
        let problem = Problem::new(ProblemKind::Conflict, key, lack).help(help);
        self.report(problem, fields.get("kind").and_then(Node::mark));
    }
}

/// Exports, if there are any.
pub(super) fn export(fields: &Fields) -> Option<ExportConfig> {
    fields.get("export")?;
    let export = table(fields, "export");
    Some(ExportConfig {
        every: duration(export, "every"),
        first: duration(export, "first"),
        to: if text(export, "to") == "local" {
            ExportTo::Local
        } else {
            ExportTo::GeoRedundant
        },
        copy_rate: rate(export, "copy_rate"),
        import_rate: rate(export, "import_rate"),
    })
}

fn rate(fields: &Fields, key: &str) -> u64 {
    quantity::bandwidth(text(fields, key)).unwrap_or(1)
}
