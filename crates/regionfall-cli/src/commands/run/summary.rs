//! The table of `regionfall run`: a few columns for people, all of them for scripts.

use regionfall::metric::{Metrics, RUN_COLUMNS, Unit, Value};
use regionfall::scenario::Scenario;
use regionfall::simulation::MODEL_VERSION;
use regionfall_kernel::Seed;
use regionfall_report::table::{Cell, Column, Table};

use super::Ran;
use crate::exit::Exit;

/// The spans that answer the question, with their headings: names in two lines keep the table narrow.
const SPANS: [(&str, &str); 4] = [
    ("rto\np50", "rto_p50_ms"),
    ("rto\nmax", "rto_max_ms"),
    ("rpo\nobserved", "rpo_observed_ms"),
    ("rpo at\nresumption", "rpo_at_resumption_ms"),
];

/// The table for people.
pub(super) fn for_people(scenario: &Scenario, seed: Seed, runs: &[Ran<'_>]) -> Table {
    let has_variants = scenario.variants.len() > 1;
    let mut table = Table::new(format!("{}, seed {seed}", scenario.title));
    if has_variants {
        table = table.column(Column::text("variant"));
    }
    table = table
        .column(Column::text("strategy"))
        .column(Column::text("case"));
    for (heading, _) in SPANS {
        table = table.column(Column::number(heading, "s", 2));
    }
    table = table
        .column(Column::count("writes\nlost", "writes"))
        .column(Column::text("recovered\nby"))
        .column(Column::number("available", "%", 2));
    for run in runs {
        let metrics = run.outcome.metrics();
        let mut row = Vec::new();
        if has_variants {
            row.push(Cell::text(&run.cell.variant.name));
        }
        row.extend([&run.cell.strategy.name, &run.cell.case.name].map(Cell::text));
        row.extend(SPANS.map(|(_, column)| span(metrics, column)));
        row.extend(["writes_lost", "recovered_by"].map(|column| cell(metrics.get(column))));
        row.push(match metrics.get("availability").and_then(Value::as_f64) {
            Some(share) => Cell::Number(share * 100.0),
            None => Cell::Missing,
        });
        table.push(row);
    }
    table
}

/// The table for scripts: every column of `runs.csv`, the trace hash, and what held.
pub(super) fn in_full(runs: &[Ran<'_>]) -> Table {
    let mut table = Table::new("run").column(Column::count("model", "version"));
    for name in ["scenario_digest", "variant", "strategy", "case"] {
        table = table.column(Column::text(name));
    }
    table = table.column(Column::count("seed", "seed"));
    for column in RUN_COLUMNS {
        table = table.column(match (column.unit, unit(column.unit)) {
            (Unit::Word, _) => Column::text(column.name),
            (Unit::Milliseconds | Unit::Share, unit) => Column::number(column.name, unit, 3),
            (_, unit) => Column::count(column.name, unit),
        });
    }
    for name in ["held", "trace_hash", "repeat"] {
        table = table.column(Column::text(name));
    }
    for run in runs {
        let label = run.outcome.label();
        let mut row = vec![Cell::Count(u64::from(MODEL_VERSION))];
        row.extend([&label.digest, &label.variant, &label.strategy, &label.case].map(Cell::text));
        row.push(Cell::Count(label.seed.get()));
        row.extend(
            run.outcome
                .metrics()
                .values()
                .iter()
                .map(|value| cell(Some(value))),
        );
        row.extend(
            [
                held(run).to_owned(),
                run.outcome.trace_hash().to_string(),
                run.repeat.clone(),
            ]
            .map(Cell::text),
        );
        table.push(row);
    }
    table
}

/// What held, in a word: the worst finding.
fn held(run: &Ran<'_>) -> &'static str {
    match run
        .findings
        .iter()
        .fold(Exit::Held, |exit, finding| exit.and(finding.exit))
    {
        Exit::Safety => "broken",
        Exit::Liveness => "not in time",
        Exit::Objective => "missed",
        _ => "held",
    }
}

/// A span in seconds; infinite if somebody was never served again.
fn span(metrics: &Metrics, column: &str) -> Cell {
    let censored = metrics
        .get("censored")
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    match metrics.get(column).and_then(Value::as_f64) {
        Some(millis) => Cell::Number(millis / 1_000.0),
        None if censored > 0.0 && column.starts_with("rto_") => Cell::Number(f64::INFINITY),
        None => Cell::Missing,
    }
}

fn cell(value: Option<&Value>) -> Cell {
    match value {
        None | Some(Value::Missing) => Cell::Missing,
        Some(Value::Count(count)) => Cell::Count(*count),
        Some(Value::Number(number)) => Cell::Number(*number),
        Some(Value::Text(text)) => Cell::text(text.as_ref()),
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Writes => "writes",
        Unit::Reads => "reads",
        Unit::Servers => "app servers",
        Unit::Share => "share",
        Unit::Bytes => "bytes",
        Unit::Count | Unit::Word => "count",
    }
}
