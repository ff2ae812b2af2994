//! `regionfall test [PATH…]`: scenarios as tests, for people and for CI.
//!
//! ```text
//!   paths ──files──▶ scenarios ──sweep──▶ runs by cell ──judged──▶ lines ──▶ table, JUnit, exit code
//! ```
//!
//! Every file is run with the same seeds: a fixed number of them, or as many as fit into a time. What is printed on standard
//! output depends on the files and on the seeds alone; how long it took stands in the JUnit file.

mod files;
mod judged;
mod junit;
mod known;
mod replayed;

use std::io::Write as _;
use std::time::Instant;

use regionfall::explore::{Comparison, Run};
use regionfall::scenario::{Loaded, Scenario};
use regionfall_kernel::Seed;
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::TestArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::parallel;
use crate::progress::Progress;
use crate::scenario_file::Disk;
use judged::{Coverage, Line};

/// Seeds of each scenario where nothing is said.
const SEEDS: u32 = 5;

/// A file under test.
struct Subject {
    path: String,
    scenario: Scenario,
    /// By variant, case and strategy: the runs so far.
    runs: Vec<Vec<Run>>,
    seconds: f64,
}

impl Subject {
    /// How often it is run in so many rounds: a replay once.
    fn rounds(&self, rounds: u32) -> usize {
        let is_replay = self.scenario.expect.replay.is_some();
        if is_replay { 1 } else { rounds as usize }
    }
}

/// Runs scenarios as tests.
pub(crate) fn run(arguments: &TestArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let begun = Instant::now();
    let paths = files::find(&arguments.paths, context)?;
    let mut subjects = Vec::new();
    for path in paths {
        let loaded: Loaded = Scenario::load(&path, &Disk::default(), &arguments.set)?;
        subjects.push(Subject {
            path,
            scenario: loaded.scenario,
            runs: Vec::new(),
            seconds: 0.0,
        });
    }
    let first = match arguments.seed {
        Some(seed) => seed,
        None => from_environment("REGIONFALL_SEED")?.unwrap_or(1),
    };
    let time = match arguments.time {
        Some(time) => Some(time.as_secs_f64()),
        None => from_environment("REGIONFALL_TIME")?.map(|seconds| seconds as f64),
    };
    let asked = match arguments.seeds {
        Some(seeds) => Some(seeds),
        None => from_environment("REGIONFALL_CASES")?.map(|cases| cases as u32),
    };
    // With a time and no number, seeds go on until the time is over.
    let rounds = asked.unwrap_or(if time.is_some() { u32::MAX } else { SEEDS });
    // How many rounds fit into a time is not known before: the first of them is shown.
    let shown = if rounds == u32::MAX { 1 } else { rounds };
    let steps: usize = subjects.iter().map(|one| one.rounds(shown)).sum();
    let is_late = || time.is_some_and(|time| begun.elapsed().as_secs_f64() >= time);
    let jobs = arguments
        .jobs
        .map_or_else(parallel::available_jobs, usize::from);
    let (stop, progress) = (context.stop(), Progress::new(context, steps, "sweeps"));
    for round in 0..rounds {
        // At least one seed of each, however short the time.
        if stop.is_requested() || (round > 0 && is_late()) {
            break;
        }
        for subject in &mut subjects {
            if stop.is_requested() || (round > 0 && is_late()) {
                break;
            }
            let is_replay = subject.scenario.expect.replay.is_some();
            if is_replay && round > 0 {
                continue;
            }
            let seed = match &subject.scenario.expect.replay {
                Some(replay) => replay.seed,
                None => first.wrapping_add(u64::from(round)),
            };
            sweep(subject, Seed::new(seed), jobs, stop.flag());
            if round < shown {
                progress.step();
            }
        }
        if subjects
            .iter()
            .all(|subject| subject.scenario.expect.replay.is_some())
        {
            break;
        }
    }
    drop(progress);
    if stop.is_requested() {
        return Err(CommandError::Interrupted(
            "not every test was run".to_owned(),
        ));
    }
    let mut coverage = Coverage::default();
    let mut lines = Vec::new();
    for subject in &subjects {
        lines.extend(judged::lines(subject, &arguments.set, &mut coverage));
    }
    if let Some(path) = &arguments.junit {
        junit::write(path, &lines, &subjects).map_err(|error| {
            InputError::new(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    show(&lines, &coverage, context)?;
    Ok(lines
        .iter()
        .fold(Exit::Held, |exit, line| exit.and(line.exit)))
}

/// One more seed of a file.
fn sweep(subject: &mut Subject, seed: Seed, jobs: usize, stop: &std::sync::atomic::AtomicBool) {
    let begun = Instant::now();
    let mut comparison = Comparison::new(&subject.scenario)
        .seeds([seed])
        .without_controls();
    if let Some(jobs) = std::num::NonZeroUsize::new(jobs) {
        comparison = comparison.jobs(jobs);
    }
    let results = comparison.run_with(stop, &mut |_| ());
    for (place, cell) in results.cells().enumerate() {
        if subject.runs.len() <= place {
            subject.runs.push(Vec::new());
        }
        subject.runs[place].extend(cell.runs.iter().cloned());
    }
    subject.seconds += begun.elapsed().as_secs_f64();
}

/// A number that the environment gives.
fn from_environment(key: &str) -> Result<Option<u64>, InputError> {
    let Ok(text) = std::env::var(key) else {
        return Ok(None);
    };
    match text.trim().trim_end_matches('s').parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(InputError::new(format!("{key} is {text:?}")).allowed("a whole number")),
    }
}

fn show(lines: &[Line], coverage: &Coverage, context: &mut Context) -> Result<(), CommandError> {
    let mut table = Table::new("tests");
    table = table
        .column(Column::text("result"))
        .column(Column::text("scenario").unbroken());
    for name in ["variant", "case", "strategy"] {
        table = table.column(Column::text(name));
    }
    table = table
        .column(Column::count("seeds", "seeds"))
        .column(Column::text("what"));
    for line in lines {
        let words = [
            line.result(),
            &line.path,
            &line.variant,
            &line.case,
            &line.strategy,
        ];
        let mut row: Vec<Cell> = words.into_iter().map(Cell::text).collect();
        row.push(Cell::Count(line.seeds as u64));
        row.push(Cell::text(&line.what));
        table.push(row);
    }
    context.print(&table)?;
    let mut told = String::new();
    for line in lines.iter().filter(|line| line.exit != Exit::Held) {
        told.push_str(&line.told());
    }
    let failed = lines.iter().filter(|line| line.exit != Exit::Held).count();
    let passed = lines.len() - failed;
    told.extend([
        "\n".to_owned(),
        format!("{passed} passed, {failed} failed\n"),
    ]);
    told.push_str(&coverage.told());
    if context.is_for_people() {
        write!(context.out(), "{told}")?;
    } else {
        context.note(told.trim());
    }
    Ok(())
}
