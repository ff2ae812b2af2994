//! `regionfall fidelity DIR`: runs what was measured on the real thing, and tells how far predictions are
//! from measurements.

mod tables;

use std::path::Path;

use regionfall::check::VerdictKind;
use regionfall::explore::fidelity::{Bench, Judged, Observation};
use regionfall::scenario::{Loaded, Scenario};
use regionfall::simulation::seeds;
use regionfall_kernel::Seed;

use crate::arguments::FidelityArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::parallel;
use crate::progress::Progress;
use crate::scenario_file::Disk;

/// A scenario with references.
struct Story {
    /// Its file, as it is named in tables.
    file: String,
    scenario: Scenario,
    seeds: u32,
}

/// A run that is to be made.
#[derive(Clone, Copy)]
struct Due {
    story: usize,
    subject: usize,
    seed: Seed,
}

/// A story with all that was predicted.
pub(super) struct Compared<'s> {
    /// Its file.
    pub(super) file: &'s str,
    /// What it is about.
    pub(super) title: &'s str,
    /// How many runs of each subject were made.
    pub(super) seeds: u32,
    /// Each reference with its prediction.
    pub(super) judged: Vec<Judged<'s>>,
}

/// Runs everything that was measured and compares.
pub(crate) fn run(
    arguments: &FidelityArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let stories = stories(arguments, context)?;
    let benches: Vec<Bench<'_>> = stories
        .iter()
        .map(|story| Bench::new(&story.scenario))
        .collect();
    let due = due(&stories, &benches);
    let observed = observe(&benches, &due, arguments, context)?;
    let is_lawful = tell_broken_laws(&stories, &due, &observed, context);
    let compared = compared(&stories, &benches, &due, observed);
    let count = tables::Count::of(&compared);
    if arguments.markdown {
        tables::markdown(&compared, context.out())?;
    } else if context.is_for_people() {
        tables::for_people(&compared, context)?;
    } else {
        context.print(&tables::in_full(&compared))?;
        context.note(&count.summary());
    }
    let mut exit = Exit::Held;
    if count.share() < arguments.least {
        context.warn(&format!(
            "{} of references agree, {} are wanted",
            tables::percent(count.share()),
            tables::percent(arguments.least)
        ));
        exit = Exit::Objective;
    }
    Ok(if is_lawful {
        exit
    } else {
        exit.and(Exit::Safety)
    })
}

/// The scenarios with references, in the order of their names.
fn stories(arguments: &FidelityArguments, context: &Context) -> Result<Vec<Story>, CommandError> {
    let mut stories = Vec::new();
    let mut passed_over = 0_usize;
    for file in files(&arguments.folder)? {
        let Loaded { scenario, .. } = Scenario::load(&file, &Disk::default(), &[])?;
        if scenario.references.is_empty() {
            passed_over += 1;
            continue;
        }
        stories.push(Story {
            seeds: arguments.seeds.unwrap_or(scenario.seeds),
            file,
            scenario,
        });
    }
    if passed_over > 0 {
        context.note(&format!(
            "{passed_over} without `[[reference]]` passed over"
        ));
    }
    if stories.is_empty() {
        let message = format!("nothing was measured in `{}`", arguments.folder.display());
        let error = InputError::new(message).allowed("scenarios with `[[reference]]`");
        return Err(error.into());
    }
    Ok(stories)
}

/// The scenario files of a folder in the order of their names; a file stands for itself.
fn files(folder: &Path) -> Result<Vec<String>, CommandError> {
    if !folder.is_dir() {
        // A file that is not there is answered where it is opened.
        return Ok(vec![folder.display().to_string()]);
    }
    let cannot = |error: std::io::Error| {
        InputError::new(format!(
            "cannot read the folder `{}`: {error}",
            folder.display()
        ))
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_file() && path.extension().is_some_and(|end| end == "toml") {
            files.push(path.display().to_string());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Every run: seed by seed within a subject, so that neighbours take about as long.
fn due(stories: &[Story], benches: &[Bench<'_>]) -> Vec<Due> {
    let mut due = Vec::new();
    for (story, bench) in benches.iter().enumerate() {
        for subject in 0..bench.subjects() {
            due.extend(seeds(stories[story].seeds).map(|seed| Due {
                story,
                subject,
                seed,
            }));
        }
    }
    due
}

fn observe(
    benches: &[Bench<'_>],
    due: &[Due],
    arguments: &FidelityArguments,
    context: &Context,
) -> Result<Vec<Observation>, CommandError> {
    let (stop, progress) = (context.stop(), Progress::new(context, due.len(), "runs"));
    let jobs = arguments
        .jobs
        .map_or_else(parallel::available_jobs, std::num::NonZeroUsize::get);
    let done = parallel::map(
        due,
        jobs,
        || stop.is_requested(),
        |run| {
            let observation = benches[run.story].observe(run.subject, run.seed);
            progress.step();
            observation
        },
    );
    let all: Option<Vec<Observation>> = done.into_iter().collect();
    all.ok_or_else(|| CommandError::Interrupted("not every run was made".to_owned()))
}

/// Says which laws of the model did not hold; true if all did.
fn tell_broken_laws(
    stories: &[Story],
    due: &[Due],
    observed: &[Observation],
    context: &Context,
) -> bool {
    let broken = due.iter().zip(observed).flat_map(|(run, observation)| {
        let laws = observation.broken.iter();
        laws.filter(|broken| broken.kind == VerdictKind::ModelLaw)
            .map(move |broken| (run, broken))
    });
    let broken: Vec<_> = broken.collect();
    for (run, law) in broken.iter().take(3) {
        context.warn(&format!(
            "{}, seed {}: {} does not hold: {}",
            stories[run.story].file,
            run.seed,
            law.check,
            law.evidence.join("; ")
        ));
    }
    if broken.len() > 3 {
        context.warn(&format!("and {} more runs like these", broken.len() - 3));
    }
    broken.is_empty()
}

fn compared<'s>(
    stories: &'s [Story],
    benches: &[Bench<'s>],
    due: &[Due],
    observed: Vec<Observation>,
) -> Vec<Compared<'s>> {
    let mut by_subject: Vec<Vec<Vec<Observation>>> = benches
        .iter()
        .map(|bench| vec![Vec::new(); bench.subjects()])
        .collect();
    for (run, observation) in due.iter().zip(observed) {
        by_subject[run.story][run.subject].push(observation);
    }
    let all = stories.iter().zip(benches).zip(&by_subject);
    all.map(|((story, bench), observed)| Compared {
        file: &story.file,
        title: &story.scenario.title,
        seeds: story.seeds,
        judged: bench.judge(observed),
    })
    .collect()
}
