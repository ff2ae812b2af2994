//! `regionfall run FILE`: one run of each strategy and case, what it came to, and how to repeat it.

mod judgement;
mod summary;

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use regionfall::simulation::Outcome;
use regionfall_kernel::Seed;

use crate::arguments::RunArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::parallel;
use crate::progress::Progress;
use crate::scenario_file;
use crate::selection::Cell;
use crate::shell::quoted;
use judgement::{Finding, judge};

/// A run with what is to be said about it.
struct Ran<'s> {
    cell: Cell<'s>,
    outcome: Outcome,
    findings: Vec<Finding>,
    /// The command line that repeats it.
    repeat: String,
}

/// Runs each selected strategy and case once.
pub(crate) fn run(arguments: &RunArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let loaded = scenario_file::load(&arguments.scenario)?;
    let scenario = &loaded.scenario;
    let cells = arguments.selection.cells(scenario)?;
    if arguments.expect.is_some() && cells.len() > 1 {
        let message = format!("--expect is about one run, these are {}", cells.len());
        let help = "add --variant, --strategy and --case until one is left";
        return Err(InputError::new(message).help(help).into());
    }
    let seed = Seed::new(arguments.seed);
    let (stop, progress) = (context.stop(), Progress::new(context, cells.len(), "runs"));
    let outcomes = parallel::map(
        &cells,
        parallel::available_jobs(),
        || stop.is_requested(),
        |cell| {
            let outcome = cell.run(scenario, seed);
            progress.step();
            outcome
        },
    );
    drop(progress);
    let mut runs = Vec::new();
    for (cell, outcome) in cells.into_iter().zip(outcomes) {
        let Some(outcome) = outcome else {
            return Err(CommandError::Interrupted(
                "not every run was made".to_owned(),
            ));
        };
        let outcome = outcome?;
        let findings = judge(&outcome, &cell.case.objectives);
        let repeat = repeat_line(arguments, scenario.variants.len() > 1, &outcome);
        runs.push(Ran {
            cell,
            outcome,
            findings,
            repeat,
        });
    }
    let exit = runs
        .iter()
        .flat_map(|run| &run.findings)
        .fold(Exit::Held, |exit, one| exit.and(one.exit));
    if context.is_for_people() {
        context.print(&summary::for_people(scenario, seed, &runs))?;
        let told: String = runs.iter().map(tell).collect();
        write!(context.out(), "\n{told}")?;
    } else {
        context.print(&summary::in_full(&runs))?;
        let broken = runs.iter().filter(|run| !run.findings.is_empty());
        broken.for_each(|run| context.note(tell(run).trim_end()));
    }
    Ok(exit.and(compare(arguments.expect, &runs, context)))
}

/// Whether the one run has the hash that was expected.
fn compare(expected: Option<u64>, runs: &[Ran<'_>], context: &Context) -> Exit {
    let (Some(expected), [run]) = (expected, runs) else {
        return Exit::Held;
    };
    let hash = run.outcome.trace_hash();
    if hash.finish() == expected {
        context.note("the trace hash is the expected one");
        return Exit::Held;
    }
    context.warn(&format!(
        "the trace hash is {hash}, expected was {expected:016x}: the scenario or the model is another one, or \
         `regionfall verify` finds where runs part"
    ));
    Exit::NotDeterministic
}

/// What is said about a run below the table.
fn tell(run: &Ran<'_>) -> String {
    let label = run.outcome.label();
    let bold = Style::new().bold();
    let title = format!("{bold}{}, {}{bold:#}", label.strategy, label.case);
    let yellow = AnsiColor::Yellow.on_default();
    let broken = run.outcome.account().broken_promises();
    let broken = broken.into_iter().map(|(at, text)| {
        let at = at.since_start().as_secs_f64();
        format!("  {yellow}{text}, at {at:.1} s{yellow:#}\n")
    });
    let broken: String = broken.collect();
    if run.findings.is_empty() {
        let green = AnsiColor::Green.on_default();
        return format!(
            "{title}: {green}everything held{green:#}\n{broken}  {}\n",
            run.repeat
        );
    }
    let findings = run.findings.iter().map(|finding| {
        let is_serious = finding.exit != Exit::Held;
        let colour = if is_serious {
            AnsiColor::Red
        } else {
            AnsiColor::Yellow
        }
        .on_default();
        let (first, evidence) = finding.text.split_once('\n').unwrap_or((&finding.text, ""));
        let evidence = evidence.lines().map(|line| format!("  {line}\n"));
        format!(
            "  {colour}{first}{colour:#}\n{}",
            evidence.collect::<String>()
        )
    });
    format!(
        "{title}\n{}{broken}  {}\n",
        findings.collect::<String>(),
        run.repeat
    )
}

/// The line that repeats a run and sees that it is the same.
fn repeat_line(arguments: &RunArguments, has_variants: bool, outcome: &Outcome) -> String {
    let label = outcome.label();
    let scenario = scenario_file::repeated(&arguments.scenario);
    let variant = if has_variants {
        format!(" --variant {}", quoted(&label.variant))
    } else {
        String::new()
    };
    let (strategy, case) = (quoted(&label.strategy), quoted(&label.case));
    format!(
        "regionfall run {scenario}{variant} --strategy {strategy} --case {case} --seed {} --expect {}",
        label.seed,
        outcome.trace_hash()
    )
}
