//! The columns of results that objectives may bound, and the commands that a mix may have.

use regionfall_crdt::CommandKind;

use crate::metric::{Column, RUN_COLUMNS, Unit};
use crate::workload::commands::mixable;

/// The columns that objectives may bound: those that are numbers.
fn known_columns() -> impl Iterator<Item = &'static Column> {
    RUN_COLUMNS
        .iter()
        .filter(|column| column.unit != Unit::Word)
}

/// The column that an objective's name means.
pub(crate) fn column(name: &str) -> Option<&'static Column> {
    let name = match name {
        "rto_target" => "rto_p99_ms",
        "rpo_target" => "rpo_observed_ms",
        other => other,
    };
    known_columns()
        .find(|column| column.name == name || column.name.strip_suffix("_ms") == Some(name))
}

/// Whether more of a column is better.
pub(crate) fn is_better_high(column: &Column) -> bool {
    matches!(column.name, "availability" | "writes_acked")
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
    mixable().map(CommandKind::name).collect()
}
