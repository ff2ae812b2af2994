//! `regionfall shrink FILE --seed N`: a failing run, made as small as it gets, as a scenario file, a Rust test and a story.

mod written;

use std::cell::Cell as Counter;
use std::io::Write as _;
use std::time::Instant;

use regionfall::explore::{Budget, Failure, Shrunk, Specimen, shrink};
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

use crate::arguments::ShrinkArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::scenario_file::{self, Disk};
use crate::selection::Cell;

/// Shrinks the first run among those selected that fails.
pub(crate) fn run(
    arguments: &ShrinkArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let begun = Instant::now();
    let disk = Disk::default();
    let path = &arguments.scenario.file;
    let loaded = scenario_file::load(&arguments.scenario)?;
    let cells = arguments.selection.cells(&loaded.scenario)?;
    let seed = Seed::new(arguments.seed);
    let stop = context.stop();
    let (cell, failure) = first_failure(&cells, &loaded.scenario, seed, arguments)?;
    context.note(&format!(
        "{}, {}: {}",
        cell.strategy.name, cell.case.name, failure.property
    ));
    let names = (
        cell.variant.name.as_str(),
        cell.strategy.name.as_str(),
        cell.case.name.as_str(),
    );
    let specimen = Specimen::of((path, &loaded), names, seed, &disk)
        .map_err(|error| InputError::new(error.to_string()))?;
    let mut fails = |scenario: &Scenario| {
        let objectives = &scenario.variants[0].settings.cases[0].objectives;
        ran(scenario, seed).map_or_else(Vec::new, |outcome| Failure::all(&outcome, objectives))
    };
    let alone = specimen
        .scenario(&disk)
        .map(|scenario| fails(&scenario))
        .unwrap_or_default();
    if !alone.iter().any(|one| one.is_same(&failure)) {
        let message =
            "the run does not fail by itself: written as a file of its own it is another run";
        return Err(CommandError::Internal(message.to_owned()));
    }
    let faults = Counter::new(specimen.faults());
    let progress = |runs: u32, smallest: &Specimen| {
        if smallest.faults() != faults.get() || runs.is_multiple_of(100) {
            faults.set(smallest.faults());
            context.note(&format!(
                "{runs} runs, {:.0} s: {} faults, {} regions",
                begun.elapsed().as_secs_f64(),
                smallest.faults(),
                smallest.regions()
            ));
        }
    };
    let budget = Budget {
        runs: arguments.runs,
        is_over: &|| begun.elapsed() >= arguments.time || stop.is_requested(),
        progress: &progress,
    };
    let shrunk = shrink(specimen, &failure, &disk, &budget, &mut fails);
    tell(arguments, &shrunk, context)
}

/// The first of the selected runs that fails, and how.
fn first_failure<'s>(
    cells: &[Cell<'s>],
    scenario: &'s Scenario,
    seed: Seed,
    arguments: &ShrinkArguments,
) -> Result<(Cell<'s>, Failure), CommandError> {
    for cell in cells {
        let outcome = cell.run(scenario, seed)?;
        let failures = Failure::all(&outcome, &cell.case.objectives);
        let wanted = failures.into_iter().find(|failure| {
            let property = arguments.property.as_ref();
            property.is_none_or(|property| failure.property == *property)
        });
        if let Some(failure) = wanted {
            return Ok((*cell, failure));
        }
    }
    let runs = match cells.len() {
        1 => "its only run".to_owned(),
        runs => format!("any of {runs} runs"),
    };
    let (what, help) = match &arguments.property {
        Some(property) => (
            format!("`{property}` does not fail with seed {seed}, in {runs}"),
            "try it without --property, or ",
        ),
        None => (
            format!("nothing fails with seed {seed}, in {runs}: there is nothing to shrink"),
            "",
        ),
    };
    let file = scenario_file::repeated(&arguments.scenario);
    let help = format!(
        "{help}look for a seed that fails with `regionfall test {file} --seeds 100`; what must hold in every run is \
         `[expect] promises` or an objective with `{{ max = … }}`: a quantile over many runs fails in none of them"
    );
    Err(CommandError::NeverHappened(
        InputError::new(what).help(help),
    ))
}

fn ran(scenario: &Scenario, seed: Seed) -> Option<Outcome> {
    Simulation::new(scenario, seed).run().ok()
}

/// Writes the three files and shows the story.
fn tell(
    arguments: &ShrinkArguments,
    shrunk: &Shrunk,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let disk = Disk::default();
    let scenario = shrunk.specimen.scenario(&disk)?;
    let Some(outcome) = ran(&scenario, shrunk.specimen.seed) else {
        return Err(CommandError::Internal(
            "the shrunk run has no strategy".to_owned(),
        ));
    };
    let files = written::files(arguments, shrunk, &outcome, &outcome.names());
    std::fs::create_dir_all(&arguments.out).map_err(|error| cannot_write(arguments, &error))?;
    for (name, text) in &files {
        std::fs::write(arguments.out.join(name), text)
            .map_err(|error| cannot_write(arguments, &error))?;
    }
    let end = if shrunk.is_minimal {
        "nothing more can be left out"
    } else {
        "the budget is spent; --time and --runs raise it"
    };
    writeln!(
        context.out(),
        "{} after {} runs: {end}\n\n{}",
        shrunk.failure.property,
        shrunk.runs,
        files[2].1
    )?;
    for (name, _) in &files {
        writeln!(context.out(), "{}", arguments.out.join(name).display())?;
    }
    Ok(Exit::Held)
}

fn cannot_write(arguments: &ShrinkArguments, error: &std::io::Error) -> InputError {
    InputError::new(format!(
        "cannot write to {}: {error}",
        arguments.out.display()
    ))
}
