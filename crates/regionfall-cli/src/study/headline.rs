//! The figures that answer the question, one row for each strategy: for people two narrow tables for
//! each variant and case, for scripts one wide one.

use regionfall::explore::statistics::Level;
use regionfall::explore::statistics::quantile::{self, Probability};
use regionfall::explore::{CellRuns, Estimate, Over, Results, estimate, recovered_shares};
use regionfall::metric::{RecoveredBy, Unit};
use regionfall::simulation::MODEL_VERSION;
use regionfall_report::table::{Cell, Column, Table};

use super::findings::Findings;
use super::words;

/// How a column of runs becomes one of the table.
#[derive(Clone, Copy)]
pub(super) struct Figure {
    /// The heading for people; line breaks keep it narrow.
    pub(super) heading: &'static str,
    /// The column of runs.
    pub(super) column: &'static str,
    /// What of it over seeds.
    pub(super) over: Over,
}

const fn median(heading: &'static str, column: &'static str) -> Figure {
    Figure {
        heading,
        column,
        over: Over::Median,
    }
}

const fn mean(heading: &'static str, column: &'static str) -> Figure {
    Figure {
        heading,
        column,
        over: Over::Mean,
    }
}

const fn rate(heading: &'static str, column: &'static str) -> Figure {
    Figure {
        heading,
        column,
        over: Over::Rate,
    }
}

/// For how long clients are down.
const DOWNTIME: [Figure; 3] = [
    median("RTO p50\nof servers", "rto_p50_ms"),
    median("RTO of the\nslowest", "rto_max_ms"),
    median("service\nRTO", "service_rto_ms"),
];

/// How much data is lost.
const DATA: [Figure; 5] = [
    median("RPO\nobserved", "rpo_observed_ms"),
    median("RPO at\nresumption", "rpo_at_resumption_ms"),
    rate("writes lost\nper run", "writes_lost"),
    rate("writes late\nper run", "writes_late"),
    mean("dual-active\nper run", "dual_active_ms"),
];

/// What else scripts get.
const FURTHER: [Figure; 9] = [
    rate("", "writes_overwritten_by_fault"),
    rate("", "writes_duplicated"),
    mean("", "conflicting_writes"),
    mean("", "stale_reads"),
    mean("", "errors"),
    mean("", "availability"),
    mean("", "false_failovers"),
    median("", "failback_ms"),
    median("", "convergence_ms"),
];

/// The tables of a variant and case for people.
pub(crate) struct Block {
    /// Variant and case.
    pub(crate) name: String,
    /// For how long clients are down.
    pub(crate) downtime: Table,
    /// How much data is lost.
    pub(crate) data: Table,
}

/// The tables for people, in the order of the scenario.
pub(crate) fn for_people(results: &Results<'_>, findings: &Findings) -> Vec<Block> {
    let has_variants = results.scenario().variants.len() > 1;
    let level = results.level();
    let blocks = results.blocks().into_iter().filter_map(|cells| {
        let name = words::block_name(cells.first()?, has_variants);
        Some(Block {
            downtime: downtime(&cells, level),
            data: data(&cells, findings, level),
            name,
        })
    });
    blocks.collect()
}

fn downtime(cells: &[CellRuns<'_>], level: Level) -> Table {
    let mut table = Table::new("").column(Column::text("strategy"));
    for figure in DOWNTIME {
        table = table.column(Column::figure(figure.heading, "s"));
    }
    table = table
        .column(Column::figure("slowest,\n1 run in 20", "s"))
        .column(Column::text("recovered\nby"))
        .column(Column::number("available", "%", 2));
    for cell in cells {
        let mut row = vec![Cell::text(&cell.strategy.name)];
        row.extend(DOWNTIME.map(|figure| shown(cell, figure, level, 1e-3)));
        let tail = Figure {
            heading: "",
            column: "rto_max_ms",
            over: Over::Quantile(Probability::P95),
        };
        // Its limits need more seeds than most comparisons have: the objectives judge it.
        row.push(match of(cell, tail, level) {
            Some(tail) => Cell::Number(tail.value * 1e-3),
            None => Cell::Missing,
        });
        row.push(Cell::text(recovered(cell)));
        let available = estimate(&cell.column("availability"), Over::Mean, level);
        row.push(available.map_or(Cell::Missing, |share| Cell::Number(share.value * 100.0)));
        table.push(row);
    }
    table
}

fn data(cells: &[CellRuns<'_>], findings: &Findings, level: Level) -> Table {
    let mut table = Table::new("").column(Column::text("strategy"));
    let units = DATA.map(|figure| unit_that_fits(cells, figure, level));
    for (figure, (unit, _)) in DATA.iter().zip(units) {
        table = table.column(Column::figure(figure.heading, unit));
    }
    let has_objectives = cells
        .iter()
        .any(|cell| findings.objectives_of(cell.cell).next().is_some());
    if has_objectives {
        table = table.column(Column::text("objectives"));
    }
    for cell in cells {
        let mut row = vec![Cell::text(&cell.strategy.name)];
        let figures = DATA.iter().zip(units);
        row.extend(figures.map(|(figure, (_, factor))| shown(cell, *figure, level, factor)));
        if has_objectives {
            let verdicts = findings.objectives_of(cell.cell).map(|judged| {
                format!(
                    "{}\u{a0}{}",
                    words::short(&judged.objective.column),
                    judged.mark()
                )
            });
            row.push(Cell::text(verdicts.collect::<Vec<_>>().join(" ")));
        }
        table.push(row);
    }
    table
}

/// The unit in which the tables for people show a column of these cells, and what its values are multiplied by.
pub(super) fn unit_of(cells: &[CellRuns<'_>], column: &str, level: Level) -> (&'static str, f64) {
    match DATA.iter().find(|figure| figure.column == column) {
        Some(figure) => unit_that_fits(cells, *figure, level),
        None => {
            words::unit_for_people(words::column(column).map_or(Unit::Count, |column| column.unit))
        }
    }
}

/// What the tables say about their intervals: `95 % intervals`, or how many seeds these would need.
pub(crate) fn intervals(results: &Results<'_>) -> String {
    let needs = quantile::seeds_needed_for_interval(Probability::P50, results.level());
    interval_words(results.seeds().len(), needs)
}

fn interval_words(seeds: usize, needs: usize) -> String {
    let lacking = if seeds >= needs {
        String::new()
    } else if seeds > 1 {
        format!(" (those of medians need {needs} seeds)")
    } else {
        format!(" (those of medians need {needs} seeds, those of means 2)")
    };
    format!("95 % intervals{lacking}")
}

/// Seconds for times of which some are long, milliseconds otherwise: few digits are read best.
fn unit_that_fits(cells: &[CellRuns<'_>], figure: Figure, level: Level) -> (&'static str, f64) {
    const LONG: f64 = 10_000.0;
    let column = words::column(figure.column);
    let is_time = column.is_some_and(|column| column.unit == Unit::Milliseconds);
    let is_short = |cell: &CellRuns<'_>| of(cell, figure, level).is_none_or(|of| of.value < LONG);
    if is_time && cells.iter().all(is_short) {
        ("ms", 1.0)
    } else {
        unit(figure)
    }
}

/// The table for scripts: times in milliseconds, shares as shares, a row for each cell.
pub(crate) fn in_full(results: &Results<'_>, findings: &Findings) -> Table {
    let mut table = Table::new("compare")
        .column(Column::count("model", "version"))
        .column(Column::text("scenario_digest"));
    for name in ["variant", "strategy", "case"] {
        table = table.column(Column::text(name));
    }
    table = table.column(Column::count("seeds", "seeds"));
    let figures = || DOWNTIME.into_iter().chain(DATA).chain(FURTHER);
    for figure in figures() {
        let over = match figure.over {
            Over::Mean | Over::Rate => "mean",
            Over::Median | Over::Quantile(_) => "median",
        };
        let name = format!("{}_{over}", figure.column);
        let unit = words::column(figure.column).map_or("count", |of| words::unit(of.unit));
        table = table.column(Column::estimate(name, unit, 3).named_in_full());
    }
    for way in RecoveredBy::ALL {
        table = table.column(Column::share(format!("recovered_by_{}", way.name())));
    }
    table = table
        .column(Column::share("writes_lost_share"))
        .column(Column::text("objectives"));
    for cell in results.cells() {
        let names = [&cell.variant.name, &cell.strategy.name, &cell.case.name];
        let mut row = vec![
            Cell::Count(u64::from(MODEL_VERSION)),
            Cell::text(&results.scenario().digest),
        ];
        row.extend(names.map(Cell::text));
        row.push(Cell::Count(cell.runs.len() as u64));
        row.extend(figures().map(|figure| shown(&cell, figure, results.level(), 1.0)));
        match recovered_shares(&cell) {
            Some(shares) => row.extend(shares.map(Cell::Number)),
            None => row.extend(RecoveredBy::ALL.map(|_| Cell::Missing)),
        }
        row.push(lost_share(&cell).map_or(Cell::Missing, Cell::Number));
        let verdicts = findings
            .objectives_of(cell.cell)
            .map(|judged| format!("{}: {}", words::objective(&judged.objective), judged.word()));
        row.push(Cell::text(verdicts.collect::<Vec<_>>().join("; ")));
        table.push(row);
    }
    table
}

fn of(cell: &CellRuns<'_>, figure: Figure, level: Level) -> Option<Estimate> {
    estimate(&cell.column(figure.column), figure.over, level)
}

fn unit(figure: Figure) -> (&'static str, f64) {
    words::unit_for_people(words::column(figure.column).map_or(Unit::Count, |column| column.unit))
}

fn shown(cell: &CellRuns<'_>, figure: Figure, level: Level, factor: f64) -> Cell {
    match of(cell, figure, level) {
        None => Cell::Missing,
        Some(Estimate {
            value,
            interval: Some(limits),
            ..
        }) => Cell::estimate(value * factor, limits.low * factor, limits.high * factor),
        Some(Estimate { value, .. }) => Cell::Number(value * factor),
    }
}

/// How affected app servers were served again: `switch 93 %, heal 7 %`.
fn recovered(cell: &CellRuns<'_>) -> String {
    let Some(shares) = recovered_shares(cell) else {
        return "–".to_owned();
    };
    let ways = RecoveredBy::ALL
        .iter()
        .zip(shares)
        .filter(|(_, share)| *share > 0.0)
        .map(|(way, share)| format!("{} {}", way.name(), words::whole_percent(share)));
    ways.collect::<Vec<_>>().join(", ")
}

/// The share of acknowledged writes that are lost, over all seeds.
fn lost_share(cell: &CellRuns<'_>) -> Option<f64> {
    let acked = cell.sum("writes_acked");
    (acked > 0.0).then(|| cell.sum("writes_lost") / acked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_without_intervals_say_how_many_seeds_these_need() {
        let needs = quantile::seeds_needed_for_interval(Probability::P50, Level::P95);
        let words = |seeds| interval_words(seeds, needs);
        assert_eq!(words(6), "95 % intervals");
        assert_eq!(words(5), "95 % intervals (those of medians need 6 seeds)");
        assert!(words(1).ends_with("those of means 2)"));
    }
}
