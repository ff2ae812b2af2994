//! `regionfall explain FILE --seed N`: the story of a run, as text, as JSON, and as a diagram of space and time.

mod picture;
mod words;

use std::io::Write as _;

use regionfall::explore::{Comparison, Explanation, explain};
use regionfall::scenario::Scenario;
use regionfall_kernel::Seed;
use regionfall_report::table::Format;

use crate::arguments::ExplainArguments;
use crate::arguments::value::WhichSeed;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::parallel;
use crate::progress::Progress;
use crate::scenario_file;
use crate::selection::Cell;

/// Tells the story of each selected run.
pub(crate) fn run(
    arguments: &ExplainArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let loaded = scenario_file::load(&arguments.scenario)?;
    let scenario = &loaded.scenario;
    let cells = arguments.selection.cells(scenario)?;
    let chosen = choose(arguments, &cells, scenario, context)?;
    if arguments.svg.is_some() && chosen.len() > 1 {
        let message = format!("--svg is about one run, these are {}", chosen.len());
        let help = "add --variant, --strategy and --case until one is left";
        return Err(InputError::new(message).help(help).into());
    }
    let (stop, progress) = (
        context.stop(),
        Progress::new(context, chosen.len(), "stories"),
    );
    let stories = parallel::map(
        &chosen,
        parallel::available_jobs(),
        || stop.is_requested(),
        |(cell, seed)| {
            let names = (
                cell.variant.name.as_str(),
                cell.strategy.name.as_str(),
                cell.case.name.as_str(),
            );
            let story = explain(scenario, names, *seed, arguments.noises);
            progress.step();
            story
        },
    );
    drop(progress);
    let mut told: Vec<Explanation> = Vec::new();
    for story in stories {
        match story {
            Some(story) => told.push(story?),
            None => {
                return Err(CommandError::Interrupted(
                    "not every story was told".to_owned(),
                ));
            }
        }
    }
    if let (Some(path), Some(story)) = (&arguments.svg, told.first()) {
        std::fs::write(path, picture::of(story).to_svg()).map_err(|error| {
            InputError::new(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    match context.format {
        Format::Json => words::json(&told, context.out())?,
        Format::Csv => {
            let table = words::table(&told);
            context.print(&table)?;
        }
        Format::Table => {
            for (index, story) in told.iter().enumerate() {
                if index > 0 {
                    writeln!(context.out())?;
                }
                words::text(
                    story,
                    &scenario_file::repeated(&arguments.scenario),
                    context.out(),
                )?;
            }
        }
    }
    Ok(Exit::Held)
}

/// The runs to tell of: each cell with its seed, or the one that stands out.
fn choose<'s>(
    arguments: &ExplainArguments,
    cells: &[Cell<'s>],
    scenario: &'s Scenario,
    context: &Context,
) -> Result<Vec<(Cell<'s>, Seed)>, CommandError> {
    if let WhichSeed::Number(seed) = arguments.seed {
        let seed = Seed::new(seed);
        return Ok(cells.iter().map(|cell| (*cell, seed)).collect());
    }
    let is_asked = |variant: &str, strategy: &str, case: &str| {
        cells.iter().any(|cell| {
            cell.variant.name == variant && cell.strategy.name == strategy && cell.case.name == case
        })
    };
    let comparison = Comparison::new(scenario)
        .only(|variant, strategy, case| is_asked(&variant.name, &strategy.name, &case.name))
        .map_err(|_| InputError::new("no run is selected"))?
        .seeds((1..=u64::from(arguments.seeds)).map(Seed::new))
        .without_controls();
    let comparison = match std::num::NonZeroUsize::new(parallel::available_jobs()) {
        Some(jobs) => comparison.jobs(jobs),
        None => comparison,
    };
    let progress = Progress::new(context, comparison.runs(), "runs");
    let results = comparison.run_with(context.stop().flag(), &mut |so_far| {
        progress.show(so_far.done, String::new());
    });
    drop(progress);
    let column = match arguments.seed {
        WhichSeed::WorstLost => "writes_lost",
        _ => "rto_max_ms",
    };
    let mut ranked: Vec<(f64, Seed, usize)> = Vec::new();
    for (place, cell) in results.cells().enumerate() {
        let value = |run: &regionfall::explore::Run| run.ranked(column).unwrap_or(0.0);
        ranked.extend(cell.runs.iter().map(|run| (value(run), run.seed, place)));
    }
    // Of equals the smaller seed.
    ranked.sort_by(|one, other| {
        one.0
            .total_cmp(&other.0)
            .then(other.1.get().cmp(&one.1.get()))
    });
    let place = match arguments.seed {
        WhichSeed::Median => ranked.len() / 2,
        _ => ranked.len().saturating_sub(1),
    };
    let Some(&(value, seed, place)) = ranked.get(place) else {
        return Err(CommandError::Interrupted("no run was made".to_owned()));
    };
    let found = results.cells().nth(place);
    let cell = found.and_then(|found| {
        cells.iter().find(|cell| {
            cell.variant.name == found.variant.name
                && cell.strategy.name == found.strategy.name
                && cell.case.name == found.case.name
        })
    });
    let cell = cell.ok_or_else(|| CommandError::Internal("a run without a cell".to_owned()))?;
    context.note(&format!("seed {seed}: {column} is {value}"));
    Ok(vec![(*cell, seed)])
}
