//! The columns of results that objectives may bound, with their units.

use regionfall_crdt::CommandKind;

/// In what a column counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A share of a whole.
    Share,
    /// Bytes.
    Bytes,
    /// Things.
    Count,
}

/// A column of `runs.csv`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: Unit,
    /// Whether more of it is better.
    pub(crate) is_better_high: bool,
}

const fn ms(name: &'static str) -> Column {
    Column {
        name,
        unit: Unit::Milliseconds,
        is_better_high: false,
    }
}

const fn count(name: &'static str) -> Column {
    Column {
        name,
        unit: Unit::Count,
        is_better_high: false,
    }
}

const fn bytes(name: &'static str) -> Column {
    Column {
        name,
        unit: Unit::Bytes,
        is_better_high: false,
    }
}

/// All of them, in the order of the file.
static COLUMNS: &[Column] = &[
    ms("rpo_observed_ms"),
    ms("rpo_at_resumption_ms"),
    count("writes_acked"),
    count("writes_lost"),
    count("writes_late"),
    count("writes_forfeited"),
    count("writes_overwritten_by_fault"),
    count("writes_overwritten_ordinary"),
    count("writes_duplicated"),
    count("writes_resurrected"),
    count("writes_unknown_present"),
    count("writes_unknown_absent"),
    count("writes_undetermined"),
    ms("rto_p50_ms"),
    ms("rto_p95_ms"),
    ms("rto_p99_ms"),
    ms("rto_max_ms"),
    ms("service_rto_ms"),
    ms("outage_p50_ms"),
    ms("outage_max_ms"),
    ms("detect_ms"),
    ms("publish_ms"),
    ms("adopt_ms"),
    ms("reconnect_ms"),
    ms("first_success_ms"),
    count("exposed"),
    count("affected"),
    count("censored"),
    count("collateral"),
    ms("failback_ms"),
    ms("switch_skew_ms"),
    ms("failback_skew_ms"),
    ms("dual_active_ms"),
    count("conflicting_writes"),
    count("conflicting_writes_commuting"),
    count("stale_reads"),
    count("stale_reads_beyond_lag"),
    ms("staleness_p99_ms"),
    count("ryw_violations"),
    count("monotonic_violations"),
    Column {
        name: "availability",
        unit: Unit::Share,
        is_better_high: true,
    },
    count("errors"),
    count("retries"),
    count("false_failovers"),
    count("policy_switches"),
    count("flaps"),
    ms("latency_p50_ms"),
    ms("latency_p99_ms"),
    ms("latency_p999_ms"),
    ms("convergence_ms"),
    bytes("backlog_bytes_max"),
    count("full_syncs"),
    bytes("memory_bytes_max"),
    count("probe_messages"),
    bytes("cross_region_bytes"),
    count("components"),
];

/// The columns that objectives may bound.
pub(crate) fn known_columns() -> &'static [Column] {
    COLUMNS
}

/// The column that an objective's name means.
pub(crate) fn column(name: &str) -> Option<Column> {
    let name = match name {
        "rto_target" => "rto_p99_ms",
        "rpo_target" => "rpo_observed_ms",
        other => other,
    };
    known_columns()
        .iter()
        .find(|column| column.name == name || column.name.strip_suffix("_ms") == Some(name))
        .copied()
}

/// Every name that an objective may have.
pub(crate) fn objective_names() -> Vec<&'static str> {
    let mut names = vec!["rto_target", "rpo_target"];
    for column in known_columns() {
        names.push(column.name);
        names.extend(column.name.strip_suffix("_ms"));
    }
    names
}

/// Every command that a mix may have.
pub(crate) fn command_names() -> Vec<&'static str> {
    CommandKind::ALL.iter().map(|kind| kind.name()).collect()
}
