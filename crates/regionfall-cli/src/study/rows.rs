//! The tables of a folder: `runs.csv`, `incidents.csv` and `episodes.csv`, sorted by variant, strategy,
//! case and seed.

use regionfall::explore::{CellRuns, Results, Run};
use regionfall::metric::{INCIDENT_COLUMNS, RUN_COLUMNS, Value};
use regionfall::simulation::MODEL_VERSION;
use regionfall_kernel::SimDuration;
use regionfall_report::csv::{CsvError, CsvWriter, Field};

use super::Files;
use crate::error::CommandError;

/// The columns that name a run.
const KEY: [&str; 6] = [
    "model",
    "scenario_digest",
    "variant",
    "strategy",
    "case",
    "seed",
];
/// The columns of an app server in an incident.
const EPISODE: [&str; 7] = [
    "incident",
    "fleet",
    "server",
    "rto_ms",
    "censored",
    "censored_after_ms",
    "recovered_by",
];

/// Writes the tables.
pub(super) fn write(results: &Results<'_>, files: &mut Files) -> Result<(), CommandError> {
    let mut cells: Vec<CellRuns<'_>> = results.cells().collect();
    cells.sort_by_key(|cell| cell.cell);
    let table = |columns: &[&str], rows: Rows| -> Result<Vec<u8>, CsvError> {
        let mut bytes = Vec::new();
        let mut csv = CsvWriter::new(&mut bytes, KEY.iter().chain(columns).copied())?;
        for cell in &cells {
            for run in cell.runs {
                let key = key(results, cell, run);
                rows(cell, run, &mut |fields| {
                    csv.row(&key.iter().cloned().chain(fields).collect::<Vec<_>>())
                })?;
            }
        }
        csv.finish()?;
        Ok(bytes)
    };
    let columns: Vec<&str> = RUN_COLUMNS.iter().map(|column| column.name).collect();
    for (name, columns, rows) in [
        ("runs.csv", &columns[..], run_rows as Rows),
        ("incidents.csv", INCIDENT_COLUMNS, incident_rows),
        ("episodes.csv", &EPISODE, episode_rows),
    ] {
        let bytes = table(columns, rows)
            .map_err(|error| CommandError::Internal(format!("{name}: {error}")))?;
        files.insert(name.to_owned(), bytes);
    }
    Ok(())
}

type Emit<'e> = &'e mut dyn FnMut(Vec<Field<'_>>) -> Result<(), CsvError>;
type Rows = fn(&CellRuns<'_>, &Run, Emit<'_>) -> Result<(), CsvError>;

fn key<'a>(results: &Results<'a>, cell: &CellRuns<'a>, run: &Run) -> [Field<'a>; 6] {
    [
        Field::Whole(u64::from(MODEL_VERSION)),
        Field::Text(&results.scenario().digest),
        Field::Text(&cell.variant.name),
        Field::Text(&cell.strategy.name),
        Field::Text(&cell.case.name),
        Field::Whole(run.seed.get()),
    ]
}

fn run_rows(_: &CellRuns<'_>, run: &Run, emit: Emit<'_>) -> Result<(), CsvError> {
    emit(run.values.iter().map(field).collect())
}

fn incident_rows(_: &CellRuns<'_>, run: &Run, emit: Emit<'_>) -> Result<(), CsvError> {
    run.incidents
        .iter()
        .try_for_each(|row| emit(row.iter().map(field).collect()))
}

fn episode_rows(cell: &CellRuns<'_>, run: &Run, emit: Emit<'_>) -> Result<(), CsvError> {
    let fleets = &cell.variant.settings.workload.fleets;
    run.episodes.iter().try_for_each(|episode| {
        let is_censored = episode.rto.is_none();
        emit(vec![
            Field::Whole(episode.incident as u64),
            Field::Text(&fleets[episode.fleet.index()].name),
            Field::Whole(u64::from(episode.server.0)),
            Field::from(episode.rto.map(SimDuration::as_millis_f64)),
            Field::Whole(u64::from(is_censored)),
            Field::from(is_censored.then(|| episode.censored_after.as_millis_f64())),
            episode
                .recovered_by
                .map_or(Field::Missing, |way| Field::Text(way.name())),
        ])
    })
}

pub(super) fn field(value: &Value) -> Field<'_> {
    match value {
        Value::Missing => Field::Missing,
        Value::Count(count) => Field::Whole(*count),
        Value::Number(number) => Field::Number(*number),
        Value::Text(text) => Field::Text(text),
    }
}
