//! What a run amounts to: the row of its table, its incidents, and the fate of every exposed app server.
//! All is computed from the [`Account`]; nothing here listens to a run.

mod columns;
mod incident;
mod milestone;
mod quantile;
mod recovery_point;
mod rows;
mod service;
mod switching;
mod value;

use regionfall_kernel::{SimDuration, TraceHash};

pub use columns::{Column, Kind, RUN_COLUMNS, Unit};
pub use incident::{Incident, RecoveredBy, ServerOutcome};
pub use milestone::Milestones;
pub use recovery_point::RecoveryPoint;
pub use rows::{EpisodeRow, INCIDENT_COLUMNS};
pub use switching::{Moves, Switching};
pub use value::Value;

use crate::history::{Account, Histogram, Promotions, WriteCounts};
use crate::topology::KeyspaceId;

use columns::LAST_ALWAYS_HASHED;
use quantile::nearest_rank;
use rows::{quantile, sorted_rtos};

/// The metrics of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Metrics {
    values: Vec<Value>,
    incidents: Vec<Incident>,
    episodes: Vec<EpisodeRow>,
}

impl Metrics {
    /// The metrics of a run. Columns of excess stay empty until [`Metrics::with_control`].
    pub fn new(account: &Account) -> Self {
        let incidents = incident::incidents(account);
        let episodes = rows::episode_rows(account, &incidents);
        let values = Row::of(account, &incidents);
        Self {
            values,
            incidents,
            episodes,
        }
    }

    /// Fills in what the account does not tell: what the run cost the world.
    #[must_use]
    pub fn with_costs(mut self, costs: &Costs) -> Self {
        for (name, count) in [
            ("backlog_bytes_max", costs.backlog_bytes_max),
            ("full_syncs", costs.full_syncs),
            ("memory_bytes_max", costs.memory_bytes_max),
            ("cross_region_bytes", costs.cross_region_bytes),
            ("components", costs.components),
        ] {
            if let Some(index) = Column::index(name) {
                self.values[index] = Value::Count(count);
            }
        }
        self
    }

    /// Fills in how many notes deciders sent each other, where they sent any.
    #[must_use]
    pub fn with_coordination(mut self, notes: u64) -> Self {
        if notes > 0 {
            self.fill("coordination_messages", Value::Count(notes));
        }
        self
    }

    /// Fills in how busy the database was.
    #[must_use]
    pub fn with_load(mut self, load: &Load) -> Self {
        self.fill("queue_wait_p99_ms", Value::maybe(load.queue_wait_p99_ms));
        self.fill("utilisation_max", Value::Number(load.utilisation_max));
        self.fill(
            "connections_refused",
            Value::Count(load.connections_refused),
        );
        self.fill("commands_throttled", Value::Count(load.commands_throttled));
        self
    }

    /// Fills in how short of memory the database was.
    #[must_use]
    pub fn with_shortage(mut self, shortage: &Shortage) -> Self {
        self.fill("memory_share_max", Value::Number(shortage.memory_share_max));
        self.fill("keys_evicted", Value::Count(shortage.keys_evicted));
        self.fill("oom_errors", Value::Count(shortage.oom_errors));
        self
    }

    /// Fills in what went through proxies and balancers.
    #[must_use]
    pub fn with_relays(mut self, relays: &RelayCosts) -> Self {
        self.fill("probe_bytes", Value::Count(relays.probe_bytes));
        self.fill("relay_time_p50_ms", Value::maybe(relays.time_p50_ms));
        self.fill("relay_time_p99_ms", Value::maybe(relays.time_p99_ms));
        self.fill("relays_idle_share", Value::Number(relays.idle_share));
        self.fill("sessions_ended", Value::Count(relays.sessions_ended));
        self.fill("sessions_refused", Value::Count(relays.sessions_refused));
        self
    }

    /// Fills in how promotions and waits for replicas went, if there were any.
    #[must_use]
    pub fn with_promotions(mut self, promotions: &Promotions) -> Self {
        if promotions.took().is_some() {
            self.fill(
                "promotion_decided_ms",
                Value::maybe_millis(promotions.decided_after()),
            );
            self.fill("promotion_ms", Value::maybe_millis(promotions.took()));
        }
        let (confirmed, too_few) = promotions.waits();
        if confirmed + too_few > 0 {
            self.fill("waits_confirmed", Value::Count(confirmed));
            self.fill("waits_too_few", Value::Count(too_few));
        }
        self
    }

    fn fill(&mut self, name: &str, value: Value) {
        if let Some(index) = Column::index(name) {
            self.values[index] = value;
        }
    }

    /// Fills in the excess over the run without faults under the same strategy and seed.
    #[must_use]
    pub fn with_control(mut self, control: &Metrics) -> Self {
        for (index, column) in RUN_COLUMNS.iter().enumerate() {
            if let Some(base) = column.base() {
                self.values[index] = self.values[base].beyond(&control.values[base]);
            }
        }
        self
    }

    /// The row, in the order of [`RUN_COLUMNS`].
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of a column; `None` if there is no column of this name.
    pub fn get(&self, column: &str) -> Option<&Value> {
        Column::index(column).map(|index| &self.values[index])
    }

    /// The incidents, in order of beginning.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// The rows of the table of incidents, in the order of [`INCIDENT_COLUMNS`].
    pub fn incident_rows(&self) -> Vec<Vec<Value>> {
        self.incidents
            .iter()
            .enumerate()
            .map(|(index, incident)| rows::incident_row(index, incident))
            .collect()
    }

    /// A row for each exposed app server of each incident.
    pub fn episodes(&self) -> &[EpisodeRow] {
        &self.episodes
    }

    /// The RTOs of all exposed app servers in order; censored ones are
    /// [`SimDuration::FOREVER`](regionfall_kernel::SimDuration::FOREVER).
    pub fn rto(&self) -> Rto {
        Rto(sorted_rtos(self.episodes.iter().map(|row| row.rto)))
    }

    /// Absorbs everything.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        let always = Column::index(LAST_ALWAYS_HASHED).map_or(0, |last| last + 1);
        let (first, later) = self.values.split_at(always);
        let later = later.iter().filter(|value| **value != Value::Missing);
        let incidents = self.incident_rows();
        for value in first.iter().chain(later).chain(incidents.iter().flatten()) {
            value.hash_into(hash);
        }
        for row in &self.episodes {
            hash.absorb2(
                u64::from(row.server.0),
                row.rto.map_or(u64::MAX, SimDuration::as_nanos),
            );
        }
    }
}

/// What a run cost, beside what its facts tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// Bytes of the largest backlog of a replication link that a fault disturbed.
    pub backlog_bytes_max: u64,
    /// Full synchronizations between members.
    pub full_syncs: u64,
    /// Bytes of the largest member, looked at every few seconds.
    pub memory_bytes_max: u64,
    /// Bytes that left one region for another.
    pub cross_region_bytes: u64,
    /// Things that the strategy adds and somebody must run.
    pub components: u64,
}

/// What went through proxies and balancers, where there are any.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RelayCosts {
    /// Bytes of probes.
    pub probe_bytes: u64,
    /// How long a message stays in one, median, in milliseconds.
    pub time_p50_ms: Option<f64>,
    /// The same, 99th percentile.
    pub time_p99_ms: Option<f64>,
    /// The share of the time in which one had no connection of a client, over all.
    pub idle_share: f64,
    /// Connections of clients that they closed, reset, or took with them.
    pub sessions_ended: u64,
    /// Connections of clients that they refused for want of room.
    pub sessions_refused: u64,
}

/// How busy the database was, where that is modelled.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// How long work waited for its process, 99th percentile, in milliseconds.
    pub queue_wait_p99_ms: Option<f64>,
    /// The largest share of one second in which a process worked.
    pub utilisation_max: f64,
    /// Connections refused for a limit.
    pub connections_refused: u64,
    /// Commands refused or delayed for a limit.
    pub commands_throttled: u64,
}

/// How short of memory the database was, where it has a limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shortage {
    /// The largest share of its limit that a shard used.
    pub memory_share_max: f64,
    /// Keys evicted.
    pub keys_evicted: u64,
    /// Commands refused or left without an answer.
    pub oom_errors: u64,
}

/// RTOs of exposed app servers, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rto(Vec<SimDuration>);

impl Rto {
    /// The longest; zero if nobody was exposed, [`SimDuration::FOREVER`] if one is censored.
    pub fn max(&self) -> SimDuration {
        self.0.last().copied().unwrap_or(SimDuration::ZERO)
    }

    /// The quantile of an order in 0..=1 (nearest rank).
    pub fn quantile(&self, order: f64) -> SimDuration {
        nearest_rank(&self.0, order)
            .copied()
            .unwrap_or(SimDuration::ZERO)
    }
}

/// Whether a column counts writes, which can be told apart by keyspace.
pub fn is_count_of_writes(column: &Column) -> bool {
    let none = WriteCounts::default();
    of_writes(&none)
        .iter()
        .any(|(name, _)| *name == column.name)
}

/// A column that counts writes, of one keyspace; `None` if it does not count writes, or there is no such
/// keyspace.
pub fn count_of_writes(account: &Account, column: &Column, keyspace: KeyspaceId) -> Option<u64> {
    let counts = of_writes(account.writes.get(keyspace.index())?);
    let found = counts.iter().find(|(name, _)| *name == column.name);
    found.map(|(_, count)| *count)
}

/// The columns that count writes.
const fn of_writes(writes: &WriteCounts) -> [(&'static str, u64); 13] {
    [
        ("writes_acked", writes.acked),
        ("writes_lost", writes.lost),
        ("writes_late", writes.late),
        ("writes_forfeited", writes.forfeited),
        ("writes_overwritten_by_fault", writes.overwritten_by_fault),
        ("writes_overwritten_ordinary", writes.overwritten_ordinary),
        ("writes_duplicated", writes.duplicated),
        ("writes_resurrected", writes.resurrected),
        ("writes_unknown_present", writes.unknown_present),
        ("writes_unknown_absent", writes.unknown_absent),
        ("writes_undetermined", writes.undetermined),
        ("conflicting_writes", writes.conflicting),
        ("conflicting_writes_commuting", writes.conflicting_commuting),
    ]
}

/// A row that is being filled in by name, so that the order is kept in one place.
struct Row(Vec<Value>);

impl Row {
    fn of(account: &Account, incidents: &[Incident]) -> Vec<Value> {
        let mut row = Self(vec![Value::Missing; RUN_COLUMNS.len()]);
        row.data(account, incidents);
        row.downtime(incidents);
        row.failover(account, incidents);
        row.service(account);
        row.0
    }

    fn set(&mut self, name: &str, value: Value) {
        let index = Column::index(name);
        debug_assert!(index.is_some(), "{name} is a column");
        if let Some(index) = index {
            self.0[index] = value;
        }
    }

    fn data(&mut self, account: &Account, incidents: &[Incident]) {
        let longest = |span: fn(&RecoveryPoint) -> SimDuration| {
            let spans = incidents
                .iter()
                .map(|incident| span(&incident.recovery_point));
            Value::millis(spans.max().unwrap_or(SimDuration::ZERO))
        };
        self.set("rpo_observed_ms", longest(|point| point.observed));
        self.set("rpo_at_resumption_ms", longest(|point| point.at_resumption));
        for (name, count) in of_writes(&account.all_writes()) {
            self.set(name, Value::Count(count));
        }
        for (name, count) in [
            ("stale_reads", account.reads.stale),
            ("stale_reads_beyond_lag", account.reads.stale_beyond_lag),
            ("ryw_violations", account.reads.own_writes_missed),
            ("monotonic_violations", account.reads.went_back),
        ] {
            self.set(name, Value::Count(count));
        }
        self.set(
            "staleness_p99_ms",
            Value::maybe(account.reads.ages.quantile_ms(0.99)),
        );
        self.set("convergence_ms", Value::maybe_millis(account.convergence));
        if account
            .shape
            .keyspaces
            .iter()
            .any(|keyspace| !keyspace.is_plain)
        {
            self.set("writes_torn", Value::Count(account.all_writes().torn));
        }
        let promises = &account.promises;
        for (name, count) in [
            ("oversold_units", promises.oversold_units),
            ("double_claims", promises.double_claims),
            ("double_deliveries", promises.double_deliveries),
        ] {
            self.set(name, count.map_or(Value::Missing, Value::Count));
        }
    }

    fn downtime(&mut self, incidents: &[Incident]) {
        let outcomes = || incidents.iter().flat_map(|incident| &incident.servers);
        let rtos = sorted_rtos(outcomes().map(|outcome| outcome.rto));
        let reads = sorted_rtos(outcomes().map(|outcome| outcome.read_rto));
        let outages = sorted_rtos(outcomes().flat_map(|outcome| outcome.outages.iter().copied()));
        self.set("rto_p50_ms", quantile(&rtos, 0.5));
        self.set("rto_p95_ms", quantile(&rtos, 0.95));
        self.set("rto_p99_ms", quantile(&rtos, 0.99));
        self.set("rto_max_ms", quantile(&rtos, 1.0));
        self.set("read_rto_p50_ms", quantile(&reads, 0.5));
        self.set("read_rto_max_ms", quantile(&reads, 1.0));
        self.set("outage_p50_ms", quantile(&outages, 0.5));
        self.set("outage_max_ms", quantile(&outages, 1.0));
        let service = incidents
            .iter()
            .filter(|incident| !incident.servers.is_empty());
        let services = sorted_rtos(service.map(|incident| incident.service_rto));
        self.set("service_rto_ms", quantile(&services, 1.0));
        let mut switched: Vec<_> = outcomes()
            .filter_map(|outcome| Some((outcome.rto?, outcome.milestones?.parts())))
            .collect();
        switched.sort_unstable();
        if let Some((_, parts)) = nearest_rank(&switched, 0.5) {
            let names = [
                "detect_ms",
                "publish_ms",
                "adopt_ms",
                "reconnect_ms",
                "first_success_ms",
            ];
            for (name, part) in names.into_iter().zip(parts) {
                self.set(name, Value::millis(*part));
            }
        }
        let shares = RecoveredBy::ALL.map(|way| {
            (
                outcomes()
                    .filter(|outcome| outcome.recovered_by == Some(way))
                    .count(),
                way,
            )
        });
        // The first of equals, in the order of the table.
        if let Some((_, way)) = shares
            .into_iter()
            .rev()
            .max_by_key(|share| share.0)
            .filter(|share| share.0 > 0)
        {
            self.set("recovered_by", Value::Text(way.name().into()));
        }
        let sum = |part: fn(&Incident) -> u64| Value::Count(incidents.iter().map(part).sum());
        self.set("exposed", sum(|incident| incident.servers.len() as u64));
        self.set(
            "affected",
            sum(|incident| incident.affected().count() as u64),
        );
        self.set("censored", sum(Incident::censored));
        self.set("collateral", sum(|incident| incident.collateral));
        self.set("fallen", sum(|incident| incident.fallen));
        self.set("incidents", Value::Count(incidents.len() as u64));
    }

    fn failover(&mut self, account: &Account, incidents: &[Incident]) {
        let moves: Vec<Moves> = incidents
            .iter()
            .map(|incident| Moves::of(account, incident))
            .collect();
        let longest = |part: fn(&Moves) -> Option<SimDuration>| {
            Value::maybe_millis(moves.iter().filter_map(part).max())
        };
        self.set("failback_ms", longest(|moves| moves.failback));
        self.set("switch_skew_ms", longest(|moves| moves.switch_skew));
        self.set("failback_skew_ms", longest(|moves| moves.failback_skew));
        self.set("dual_active_ms", Value::millis(account.dual_active));
        let switching = Switching::of(account, incidents.len());
        self.set("policy_switches", Value::Count(switching.policy_switches));
        self.set("false_failovers", Value::Count(switching.false_failovers));
        self.set("flaps", Value::Count(switching.flaps));
    }

    fn service(&mut self, account: &Account) {
        let requests = &account.requests;
        let share = requests.in_time as f64 / requests.issued as f64;
        self.set("availability", Value::maybe(Some(share)));
        self.set("errors", Value::Count(requests.errors));
        self.set("retries", Value::Count(requests.retries));
        self.set("probe_messages", Value::Count(account.probes));
        let [warm_up, storm, calm] = &account.latencies;
        let mut measured = storm.clone();
        measured.merge(calm);
        let parts: [(&str, &Histogram); 4] = [
            ("", &measured),
            ("_warm_up", warm_up),
            ("_storm", storm),
            ("_calm", calm),
        ];
        for (part, histogram) in parts {
            for (name, order) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
                let column = format!("latency_{name}{part}_ms");
                self.set(&column, Value::maybe(histogram.quantile_ms(order)));
            }
        }
    }
}
