//! From a resolved tree to the typed scenario: what the schema alone cannot check is checked here.

mod chaos;
mod degradation;
mod expect;
mod fault;
mod limits;
mod membership;
mod objective;
mod parts;
mod persistence;
mod promotion;
mod reference;
mod relay;
mod routing;
mod strategy;
mod topology;
mod upkeep;
mod workload;

use regionfall_kernel::{Distribution, SimDuration};

use super::error::{Problem, ProblemKind, ScenarioError};
use super::model::{Case, Phases, Recovered, Settings, Ties};
use super::read::files::Files;
use super::read::tree::{Fields, Mark, Node, Value};
use super::read::{distribution, leaf, path, quantity};
use crate::database::{
    Backlog, Carrier, DatabaseConfig, DatabaseKind, Entrance, FullSyncConfig, Placement, Stale,
    SyncConfig,
};
use crate::fault::FaultSpec;
use crate::topology::{MemberId, RegionId, TopologyConfig};

/// Makes settings of a tree that the schema has passed.
pub(crate) struct Builder<'a, 'b> {
    files: &'a mut Files<'b>,
    /// What faults may speak of in this variant.
    kept: persistence::Kept,
    /// What work on nodes may speak of in this variant.
    cluster: upkeep::Cluster,
    /// What was found wrong.
    pub(crate) problems: Vec<Problem>,
}

impl<'a, 'b> Builder<'a, 'b> {
    pub(crate) const fn new(files: &'a mut Files<'b>) -> Self {
        Self {
            files,
            kept: persistence::Kept::NOTHING,
            cluster: upkeep::Cluster::NONE,
            problems: Vec::new(),
        }
    }

    /// The settings of one variant. They are of use only if no problem was found.
    pub(crate) fn settings(&mut self, root: &Fields) -> Settings {
        let phases = phases(table(root, "phases"));
        let topology = self.topology(table(root, "topology"), root);
        let database = self.database(table(root, "database"));
        self.kept = persistence::Kept::of(&database);
        self.kept.lacks_wait = database.kind == DatabaseKind::ActiveActive
            && text(table(root, "database"), "product") == "redis-cloud";
        self.cluster = upkeep::Cluster::of(&database);
        let workload = self.workload(table(root, "workload"), &topology);
        self.affordable(root, &workload, phases.traffic());
        let mut strategies = self.strategies(list(root, "strategy"), &topology);
        for strategy in &mut strategies {
            strategy.knows_shards(database.shards);
        }
        let (common, recovered) = self.objectives(table(root, "objectives"), "objectives");
        let mut cases = self.cases(root, &topology, phases, &common);
        self.chaos(root, &common, &mut cases);
        Settings {
            phases,
            ties: match text(root, "ties") {
                "insertion" => Ties::Insertion,
                _ => Ties::Permuted,
            },
            event_budget: integer(root, "event_budget"),
            database,
            topology,
            workload,
            strategies,
            cases,
            recovered: recovered.unwrap_or(Recovered {
                success: 0.999,
                latency_p99: SimDuration::from_millis(500),
                window: SimDuration::from_secs(10),
                min_requests: 20,
            }),
        }
    }

    /// A plan that stands by itself, against settings that are there already.
    pub(crate) fn plan(&mut self, nodes: &[Node], settings: &Settings) -> Vec<FaultSpec> {
        self.kept = persistence::Kept::of(&settings.database);
        self.cluster = upkeep::Cluster::of(&settings.database);
        self.faults(nodes, "fault", &settings.topology, settings.phases)
    }

    fn database(&mut self, fields: &Fields) -> DatabaseConfig {
        let sync = table(fields, "sync");
        let is_active_active = text(fields, "kind") == "active-active";
        DatabaseConfig {
            kind: database_kind(fields),
            persistence: self.persistence(fields, is_active_active),
            export: persistence::export(fields),
            shards: integer(fields, "shards"),
            replicas_per_shard: integer(fields, "replicas_per_shard"),
            spare_nodes: integer(fields, "spare_nodes"),
            placement: if text(fields, "placement") == "single-zone" {
                Placement::SingleZone
            } else {
                Placement::MultiZone
            },
            entrance: match text(fields, "entrance") {
                "direct" => Entrance::Direct,
                "sentinel" => Entrance::Sentinel,
                "discovery" => Entrance::Discovery,
                "cluster" => Entrance::Cluster,
                _ => Entrance::Proxy,
            },
            promotion: self.promotion(fields),
            size: quantity::size(text(fields, "size")).ok(),
            sync: self.sync(sync),
            capacity: self.capacity(fields),
            memory: limits::memory(fields),
            availability: limits::availability(fields),
        }
    }

    fn sync(&mut self, fields: &Fields) -> SyncConfig {
        let full = table(fields, "full_sync");
        let stale = table(fields, "stale");
        SyncConfig {
            processing: self.delay(fields, "processing"),
            reconnect_every: duration(fields, "reconnect_every"),
            silence_limit: duration(fields, "silence_limit"),
            restart: self.delay(fields, "restart"),
            backlog: match text(fields, "backlog") {
                "unlimited" => Backlog::Unlimited,
                "auto" => Backlog::Auto,
                bytes => quantity::size(bytes).map_or(Backlog::Unlimited, Backlog::Bytes),
            },
            full_sync: FullSyncConfig {
                snapshot: bandwidth(full, "snapshot"),
                transfer: bandwidth(full, "transfer"),
                load: bandwidth(full, "load"),
                sources: optional_integer(full, "sources"),
                shards_per_source: optional_integer(full, "shards_per_source"),
            },
            stale: if text(stale, "enter") == "after-restart" {
                Stale::AfterRestart {
                    alone_after: optional_duration(stale, "alone_after")
                        .unwrap_or(SimDuration::FOREVER),
                }
            } else {
                Stale::Off
            },
            carrier: match text(fields, "mode") {
                "centralized" => Carrier::Centralized,
                "distributed" => Carrier::Distributed,
                _ => Carrier::Direct,
            },
            is_causal: flag(fields, "causal"),
            needs_all_sources: flag(fields, "needs_all_sources"),
            replicas_resync_fully: text(fields, "replicas") == "full",
        }
    }

    fn cases(
        &mut self,
        root: &Fields,
        topology: &TopologyConfig,
        phases: Phases,
        common: &[super::Objective],
    ) -> Vec<Case> {
        let top = list(root, "fault");
        let written = list(root, "case");
        if let (false, Some(first)) = (written.is_empty(), top.first()) {
            self.report(
                Problem::new(
                    ProblemKind::Conflict,
                    "fault",
                    "top-level faults and `[[case]]` do not go together",
                )
                .help("put the faults into the cases"),
                first.mark(),
            );
        }
        if written.is_empty() {
            let name = if top.is_empty() {
                "no faults"
            } else {
                "faults"
            };
            let faults = self.faults(top, "fault", topology, phases);
            return vec![Case {
                name: name.to_owned(),
                faults,
                chaos: None,
                objectives: common.to_vec(),
            }];
        }
        self.names(written, "case", "case");
        let mut cases = Vec::new();
        for (index, case) in written.iter().enumerate() {
            let here = path::item("case", case, index);
            let fields = inner(case);
            let faults = self.faults(
                list(fields, "fault"),
                &format!("{here}.fault"),
                topology,
                phases,
            );
            let (own, _) =
                self.objectives(table(fields, "objectives"), &format!("{here}.objectives"));
            let mut objectives: Vec<super::Objective> = common
                .iter()
                .filter(|objective| own.iter().all(|mine| mine.column != objective.column))
                .cloned()
                .collect();
            objectives.extend(own);
            cases.push(Case {
                name: text(fields, "name").to_owned(),
                faults,
                chaos: None,
                objectives,
            });
        }
        cases
    }

    /// A distribution under a key.
    fn delay(&mut self, fields: &Fields, key: &str) -> Distribution {
        match fields.get(key) {
            Some(node) => self.delay_of(node),
            None => Distribution::Constant(SimDuration::ZERO),
        }
    }

    fn delay_of(&mut self, node: &Node) -> Distribution {
        let mark = node.mark();
        let files = &mut *self.files;
        node.text()
            .and_then(|text| {
                let mut file =
                    |path: &str| files.data(mark, path).map_err(|problem| problem.message);
                distribution::parse(text, &mut file).ok()
            })
            .unwrap_or(Distribution::Constant(SimDuration::ZERO))
    }

    /// The region that a text names.
    fn region(&mut self, node: &Node, key: &str, topology: &TopologyConfig) -> Option<RegionId> {
        let name = node.text()?;
        let found = topology.region(name);
        if found.is_none() {
            let problem = Problem::new(
                ProblemKind::UnknownName,
                key,
                format!("the scenario has no region `{name}`"),
            )
            .got(node.excerpt())
            .words(
                name,
                topology.regions.iter().map(|region| region.name.as_str()),
            );
            self.report(problem, node.mark());
        }
        found
    }

    /// The member in the region that a text names.
    fn member(&mut self, node: &Node, key: &str, topology: &TopologyConfig) -> Option<MemberId> {
        let name = node.text()?;
        let members = &topology.regions[..topology.members];
        let found = members.iter().position(|region| region.name == name);
        if found.is_none() {
            let problem = Problem::new(
                ProblemKind::UnknownName,
                key,
                format!("there is no member in a region `{name}`"),
            )
            .got(node.excerpt())
            .words(name, members.iter().map(|region| region.name.as_str()));
            self.report(problem, node.mark());
        }
        found.map(MemberId::from_index)
    }

    /// Reports names that two items of a list share.
    fn names(&mut self, items: &[Node], path: &str, what: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for item in items {
            let Some(node) = inner(item).get("name") else {
                continue;
            };
            let Some(name) = node.text() else { continue };
            if seen.contains(&name) {
                let problem = Problem::new(
                    ProblemKind::NamedTwice,
                    format!("{}.name", path::join(path, &path::slug(name))),
                    format!("the {what} `{name}` is there twice"),
                );
                let problem = problem.got(node.excerpt()).allowed("names that differ");
                self.report(problem, node.mark().or_else(|| item.mark()));
            }
            seen.push(name);
        }
    }

    fn report(&mut self, mut problem: Problem, mark: Option<Mark>) {
        if self.problems.len() < ScenarioError::SOUGHT {
            problem.place = self.files.place(mark).or_else(|| self.files.whole());
            self.problems.push(problem);
        }
    }
}

fn phases(fields: &Fields) -> Phases {
    Phases {
        warm_up: duration(fields, "warm_up"),
        storm: duration(fields, "storm"),
        calm: duration(fields, "calm"),
        quiescence: duration(fields, "quiescence"),
    }
}

static NO_FIELDS: Fields = Fields(Vec::new());

/// A table under a key; the schema has seen to it that it is one.
fn table<'f>(fields: &'f Fields, key: &str) -> &'f Fields {
    fields.get(key).map_or(&NO_FIELDS, inner)
}

fn inner(node: &Node) -> &Fields {
    node.table().unwrap_or(&NO_FIELDS)
}

fn list<'f>(fields: &'f Fields, key: &str) -> &'f [Node] {
    fields.get(key).and_then(Node::list).unwrap_or(&[])
}

fn text<'f>(fields: &'f Fields, key: &str) -> &'f str {
    fields.get(key).and_then(Node::text).unwrap_or_default()
}

fn flag(fields: &Fields, key: &str) -> bool {
    matches!(
        fields.get(key).map(|node| &node.value),
        Some(Value::Flag(true))
    )
}

fn integer<T: TryFrom<i64> + Default>(fields: &Fields, key: &str) -> T {
    match fields.get(key).map(|node| &node.value) {
        Some(Value::Integer(number)) => T::try_from(*number).unwrap_or_default(),
        _ => T::default(),
    }
}

fn optional_integer<T: TryFrom<i64>>(fields: &Fields, key: &str) -> Option<T> {
    match fields.get(key).map(|node| &node.value) {
        Some(Value::Integer(number)) => T::try_from(*number).ok(),
        _ => None,
    }
}

/// Bytes a second, or nothing where a word stands for "no limit".
fn bandwidth(fields: &Fields, key: &str) -> Option<u64> {
    quantity::bandwidth(text(fields, key)).ok()
}

fn number(fields: &Fields, key: &str) -> f64 {
    fields.get(key).map_or(f64::NAN, leaf::number)
}

fn duration(fields: &Fields, key: &str) -> SimDuration {
    optional_duration(fields, key).unwrap_or_default()
}

/// A span of time, or nothing where a word stands for "none".
fn optional_duration(fields: &Fields, key: &str) -> Option<SimDuration> {
    quantity::duration(text(fields, key)).ok()
}

fn share(fields: &Fields, key: &str) -> f64 {
    quantity::share(text(fields, key)).unwrap_or_default()
}

/// How many seeds a comparison runs.
pub(crate) fn seeds(root: &Fields) -> u32 {
    integer(root, "seeds")
}

/// What the database is.
fn database_kind(fields: &Fields) -> DatabaseKind {
    match text(fields, "kind") {
        "standalone" => DatabaseKind::Standalone,
        "independent" => DatabaseKind::Independent,
        "primary-replica" => DatabaseKind::PrimaryReplica,
        "geo-passive" => DatabaseKind::GeoPassive,
        _ => DatabaseKind::ActiveActive,
    }
}
