//! `regionfall verify FILE`: every run again, and in a second process too. They are equal, or the first
//! difference is shown.

mod difference;
mod second_process;

use std::io::Write as _;

use regionfall::scenario::Scenario;
use regionfall_kernel::TraceHash;
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::VerifyArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::fingerprint::{Fingerprint, PlannedRun, plan};
use crate::parallel;
use crate::progress::Progress;
use crate::scenario_file::{self, STDIN};
use difference::{Here, describe};
use second_process::SecondProcess;

/// A run with what it came to each time.
struct Compared<'s> {
    number: usize,
    run: PlannedRun<'s>,
    first: Fingerprint,
    again: Fingerprint,
    elsewhere: Fingerprint,
}

impl Compared<'_> {
    fn is_equal(&self) -> bool {
        self.first == self.again && self.first == self.elsewhere
    }
}

/// Makes every run three times.
pub(crate) fn run(
    arguments: &VerifyArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    if arguments.scenario.file == STDIN {
        let error = InputError::new("standard input cannot be read by a second process");
        return Err(error.help("write the scenario into a file").into());
    }
    let loaded = scenario_file::load(&arguments.scenario)?;
    let scenario = &loaded.scenario;
    let runs = plan(scenario, arguments.seeds);
    let second = SecondProcess::new(arguments)?;
    let elsewhere = second.start()?;
    let Some(here) = twice(scenario, &runs, context)? else {
        return Err(CommandError::Interrupted(
            "not every run was made".to_owned(),
        ));
    };
    let elsewhere = elsewhere.fingerprints(runs.len())?;
    let (first, again) = here.split_at(runs.len());
    let compared: Vec<Compared<'_>> = (0..runs.len())
        .map(|number| Compared {
            number,
            run: runs[number],
            first: first[number].clone(),
            again: again[number].clone(),
            elsewhere: elsewhere[number].clone(),
        })
        .collect();
    let different: Vec<&Compared<'_>> = compared.iter().filter(|one| !one.is_equal()).collect();
    if context.is_for_people() {
        write!(
            context.out(),
            "{}",
            line(
                &arguments.scenario.file,
                scenario,
                arguments.seeds,
                &compared
            )
        )?;
    } else {
        context.print(&table(&compared))?;
    }
    let Some(one) = different.first() else {
        return Ok(Exit::Held);
    };
    let told = tell(one, scenario, &second)?;
    if context.is_for_people() {
        write!(context.out(), "{told}")?;
    } else {
        context.note(told.trim_end());
    }
    Ok(Exit::NotDeterministic)
}

/// Every run, and every run again; `None` if the user stopped it.
fn twice(
    scenario: &Scenario,
    runs: &[PlannedRun<'_>],
    context: &Context,
) -> Result<Option<Vec<Fingerprint>>, CommandError> {
    // One after the other, not side by side: a thread that remembers something finds it there.
    let both: Vec<PlannedRun<'_>> = [runs, runs].concat();
    let (stop, progress) = (context.stop(), Progress::new(context, both.len(), "runs"));
    let done = parallel::map(
        &both,
        parallel::available_jobs(),
        || stop.is_requested(),
        |run| {
            let fingerprint = run.fingerprint(scenario);
            progress.step();
            fingerprint
        },
    );
    done.into_iter().map(Option::transpose).collect()
}

/// What came of it in one line.
fn line(file: &str, scenario: &Scenario, seeds: u32, compared: &[Compared<'_>]) -> String {
    let mut all = TraceHash::new();
    for one in compared {
        all.absorb(one.first.trace_hash);
    }
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let counted = format!(
        "{} run{} ({} variant{}, {seeds} seed{})",
        compared.len(),
        plural(compared.len()),
        scenario.variants.len(),
        plural(scenario.variants.len()),
        plural(seeds as usize)
    );
    match compared.iter().filter(|one| !one.is_equal()).count() {
        0 => format!(
            "{file}: {counted}, each twice here and once in a second process: equal, {all}\n"
        ),
        count => format!("{file}: {counted}: {count} not deterministic\n"),
    }
}

fn table(compared: &[Compared<'_>]) -> Table {
    let mut table = Table::new("verify");
    for name in ["variant", "strategy", "case"] {
        table = table.column(Column::text(name));
    }
    table = table.column(Column::count("seed", "seed"));
    for name in [
        "trace_hash",
        "trace_hash_again",
        "trace_hash_second_process",
        "equal",
    ] {
        table = table.column(Column::text(name));
    }
    for one in compared {
        let cell = one.run.cell;
        let mut row: Vec<Cell> = [&cell.variant.name, &cell.strategy.name, &cell.case.name]
            .map(Cell::text)
            .to_vec();
        row.push(Cell::Count(one.run.seed.get()));
        let hashes = [&one.first, &one.again, &one.elsewhere];
        row.extend(
            hashes.map(|fingerprint| Cell::text(format!("{:016x}", fingerprint.trace_hash))),
        );
        row.push(Cell::text(if one.is_equal() { "yes" } else { "no" }));
        table.push(row);
    }
    table
}

/// Where a run differs from itself.
fn tell(
    one: &Compared<'_>,
    scenario: &Scenario,
    second: &SecondProcess<'_>,
) -> Result<String, CommandError> {
    let here = Here {
        run: one.run,
        scenario,
    };
    let is_here = one.first != one.again;
    let (place, shown) = if is_here {
        (
            "in one process",
            describe((&one.first, &here), (&one.again, &here))?,
        )
    } else {
        let there = second.side(one.number);
        (
            "in two processes",
            describe((&one.first, &here), (&one.elsewhere, &there))?,
        )
    };
    let cell = one.run.cell;
    Ok(format!(
        "variant {}, strategy {}, case {}, seed {} differs from itself {place}\n{shown}",
        cell.variant.name, cell.strategy.name, cell.case.name, one.run.seed
    ))
}
