//! The table of `regionfall run`: a few columns for people, all of them for scripts.

use regionfall::metric::{Metrics, RUN_COLUMNS, Unit, Value};
use regionfall::scenario::Scenario;
use regionfall::simulation::MODEL_VERSION;
use regionfall_kernel::Seed;
use regionfall_report::table::{Cell, Column, Table};

use super::Ran;
use crate::exit::Exit;
use crate::study::words;

/// The spans that answer the question, with their headings: names in two lines keep the table narrow.
const SPANS: [(&str, &str); 4] = [
    ("rto\np50", "rto_p50_ms"),
    ("rto\nmax", "rto_max_ms"),
    ("rpo\nobserved", "rpo_observed_ms"),
    ("rpo at\nresumption", "rpo_at_resumption_ms"),
];
/// From here on a recovery point is read best in seconds, as `compare` has it too.
const LONG_MS: f64 = 10_000.0;

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
    let units = SPANS.map(|(_, column)| unit_that_fits(runs, column));
    for ((heading, _), (unit, _, decimals)) in SPANS.into_iter().zip(units) {
        table = table.column(Column::number(heading, unit, decimals));
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
        let spans = SPANS.iter().zip(units);
        row.extend(spans.map(|((_, column), (_, factor, _))| span(metrics, column, factor)));
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
        table = table.column(match (column.unit, words::unit(column.unit)) {
            (Unit::Word, _) => Column::text(column.name),
            (Unit::Milliseconds | Unit::Share, unit) => {
                Column::number(column.name, unit, 3).named_in_full()
            }
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

/// The unit of a span, what milliseconds are multiplied by, and its decimals: recovery points are milliseconds
/// as long as none is long, so that a small one does not read as none.
fn unit_that_fits(runs: &[Ran<'_>], column: &str) -> (&'static str, f64, usize) {
    let value = |run: &Ran<'_>| run.outcome.metrics().get(column).and_then(Value::as_f64);
    let is_short = |run: &Ran<'_>| value(run).is_none_or(|value| value < LONG_MS);
    if column.starts_with("rpo_") && runs.iter().all(is_short) {
        ("ms", 1.0, 1)
    } else {
        ("s", 1e-3, 2)
    }
}

/// A span times a factor; infinite if somebody was never served again.
fn span(metrics: &Metrics, column: &str, factor: f64) -> Cell {
    let censored = metrics
        .get("censored")
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    match metrics.get(column).and_then(Value::as_f64) {
        Some(millis) => Cell::Number(millis * factor),
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
