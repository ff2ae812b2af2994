//! From the arguments of a command that makes many runs to the comparison they ask for.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use regionfall::explore::statistics::Level;
use regionfall::explore::{
    Comparison, Group, Over, Progress as SoFar, Results, Until, estimate, full_name,
};
use regionfall::metric::{Column, RUN_COLUMNS};
use regionfall::scenario::Scenario;
use regionfall::simulation::seeds;

use super::words;
use crate::arguments::SweepArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::parallel;
use crate::progress::Progress;

/// How often the figures beside the progress bar are computed.
const FIGURES_EVERY: Duration = Duration::from_millis(500);

/// Which seeds, and when to stop.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'a> {
    /// How many seeds.
    pub(crate) seeds: u32,
    /// Which part of how many, from 1.
    pub(crate) shard: Option<(u32, u32)>,
    /// A column and how well its median has to be known, as a share of itself.
    pub(crate) until: Option<(&'a str, f64)>,
}

/// The comparison that the arguments ask for.
pub(crate) fn comparison<'s>(
    scenario: &'s Scenario,
    arguments: &SweepArguments,
    extent: Extent<'_>,
) -> Result<Comparison<'s>, CommandError> {
    let selection = &arguments.selection;
    // It refuses names that do not exist.
    selection.cells(scenario)?;
    let is_asked = |names: &[String], name: &String| names.is_empty() || names.contains(name);
    let comparison = Comparison::new(scenario).only(|variant, strategy, case| {
        is_asked(&selection.variants, &variant.name)
            && is_asked(&selection.strategies, &strategy.name)
            && is_asked(&selection.cases, &case.name)
    });
    let comparison = comparison.map_err(|error| InputError::new(error.to_string()))?;
    let is_of_shard = |position: usize| {
        extent
            .shard
            .is_none_or(|(part, of)| position as u64 % u64::from(of) == u64::from(part - 1))
    };
    let wanted = seeds(extent.seeds)
        .enumerate()
        .filter(|(position, _)| is_of_shard(*position))
        .map(|(_, seed)| seed);
    let mut comparison = comparison.seeds(wanted).jobs(jobs(arguments.jobs));
    if let Some((metric, share)) = extent.until {
        comparison = comparison.until(Until::relative(column(metric)?, share));
    }
    Ok(comparison)
}

/// How many groups are made at a time.
pub(crate) fn jobs(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    asked
        .or_else(|| NonZeroUsize::new(parallel::available_jobs()))
        .unwrap_or(NonZeroUsize::MIN)
}

/// The column of runs that a name means.
pub(crate) fn column(name: &str) -> Result<&'static Column, InputError> {
    full_name(name).ok_or_else(|| {
        let known = RUN_COLUMNS.iter().map(|column| column.name);
        InputError::unknown("column", name, known)
    })
}

/// Makes the runs under a progress bar, with the figures so far, until the user stops it.
pub(crate) fn run<'s>(
    comparison: Comparison<'s>,
    known: Vec<Group>,
    context: &Context,
) -> Results<'s> {
    let progress = Progress::new(context, comparison.runs(), "runs");
    let stop = context.stop();
    let mut figures = String::new();
    let mut newest: Option<Instant> = None;
    comparison
        .go_on_from(known)
        .run_with(stop.flag(), &mut |so_far| {
            if newest.is_none_or(|at| at.elapsed() >= FIGURES_EVERY) {
                newest = Some(Instant::now());
                figures = figures_so_far(so_far);
            }
            progress.show(so_far.done, figures.clone());
        })
}

/// The median recovery time of the slowest app server of each strategy, in the first case.
fn figures_so_far(so_far: &SoFar<'_>) -> String {
    let Some(first) = so_far.cells().next().map(|(cell, _)| cell) else {
        return String::new();
    };
    let such = so_far
        .cells()
        .filter(|(cell, _)| (cell.variant, cell.case) == (first.variant, first.case));
    let figures = such.filter_map(|(cell, strategy)| {
        let values = so_far.column(cell, "rto_max_ms");
        let median = estimate(&values, Over::Median, Level::P95)?;
        Some(format!(
            "{strategy} {}",
            words::value("rto_max_ms", median.value)
        ))
    });
    let figures: Vec<String> = figures.collect();
    if figures.is_empty() {
        String::new()
    } else {
        format!("RTO so far: {}", figures.join(", "))
    }
}
