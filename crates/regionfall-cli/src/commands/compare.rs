//! `regionfall compare FILE`: every variant, strategy and case over many seeds; tables with intervals,
//! and a folder of results.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use regionfall::explore::{Answer, Comparison, Completeness, Results};
use regionfall::scenario::Scenario;

use crate::arguments::{CompareArguments, ScenarioArguments};
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::scenario_file;
use crate::study::earlier::{self, Part};
use crate::study::findings::{Findings, Gates};
use crate::study::folder::{self, Folder, RUN_INFO};
use crate::study::inputs::Inputs;
use crate::study::manifest::{self, Making};
use crate::study::sweep::{self, Extent};
use crate::study::{Files, REPORT, RESOLVED, Study, headline, kept};

/// Compares.
pub(crate) fn run(
    arguments: &CompareArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let begun = Instant::now();
    let (loaded, inputs) = scenario_file::load_with_inputs(&arguments.scenario)?;
    let words = canonical(arguments, loaded.scenario.seeds);
    let comparison = comparison(&loaded.scenario, arguments)?;
    let target = target(arguments);
    // Whether the results can be written is known before the first run.
    let folder = Folder::prepare(&target)?;
    refuse_unknown_gates(arguments, &loaded.scenario)?;
    for warning in &loaded.warnings {
        context.warn(&Study::warning(warning));
    }
    let part = Part {
        scenario: &loaded.scenario,
        arguments: &arguments.sweep,
        has_controls: true,
    };
    let known = earlier::finished_before(&target, std::slice::from_ref(&part), context)?;
    let results = sweep::run(comparison, known.concat(), context);
    let findings = findings(&results, arguments);
    print(&results, &findings, context)?;
    let mut exit = findings.exit();
    let jobs = sweep::jobs(arguments.sweep.jobs).get();
    let warnings: Vec<String> = loaded.warnings.iter().map(Study::warning).collect();
    let made = Made {
        resolved: &loaded.resolved.to_toml(),
        warnings: &warnings,
        inputs: &inputs,
        arguments: &words,
        jobs,
    };
    let mut files = made.files(&results, &findings)?;
    let info = |words: &[String]| manifest::run_info(begun.elapsed(), jobs, words);
    files.insert(RUN_INFO.to_owned(), info(&words));
    if let Completeness::Partial { seeds, of } = results.completeness() {
        let partial = earlier::place(&target);
        drop(folder);
        let groups = results.into_groups();
        files.insert(
            kept::FILE_NAME.to_owned(),
            kept::to_lines(&part.belongs_to(), &groups),
        );
        Folder::prepare(&partial)?.finish(&files)?;
        context.warn(&format!(
            "interrupted: {seeds} of {of} seeds are done and kept in {}; the same command goes on from there",
            partial.display()
        ));
        exit = exit.and(Exit::Interrupted);
    } else {
        let written = folder.finish(&files)?;
        // What was kept has done its service.
        let _ = folder::remove(&earlier::place(&target));
        context.note(&format!(
            "results are in {}, the report is {}",
            written.display(),
            written.join(REPORT).display()
        ));
    }
    Ok(exit)
}

/// What a comparison was made from, for its folder.
pub(crate) struct Made<'a> {
    /// The scenario with every value expanded.
    pub(crate) resolved: &'a str,
    /// What will disappoint.
    pub(crate) warnings: &'a [String],
    /// The data files that it names.
    pub(crate) inputs: &'a Inputs,
    /// The command in canonical form.
    pub(crate) arguments: &'a [String],
    /// How many runs are made at a time.
    pub(crate) jobs: usize,
}

impl Made<'_> {
    /// Every file of the folder but the one with date and host.
    pub(crate) fn files(
        &self,
        results: &Results<'_>,
        findings: &Findings,
    ) -> Result<Files, CommandError> {
        let scenario = results.scenario();
        let study = Study {
            results,
            findings,
            resolved: self.resolved,
            warnings: self.warnings,
            arguments: self.arguments,
            inputs: self.inputs,
            jobs: self.jobs,
        };
        let mut files = if results.seeds().is_empty() {
            Files::from([(RESOLVED.to_owned(), self.resolved.as_bytes().to_vec())])
        } else {
            study.files()?
        };
        let hashes = results.cells().flat_map(|cell| {
            let names =
                [&cell.variant.name, &cell.strategy.name, &cell.case.name].map(String::as_str);
            let key = names.join("/");
            let runs = cell.runs.iter();
            runs.map(move |run| (format!("{key}/{}", run.seed), format!("{:016x}", run.trace)))
        });
        let partial_of = match results.completeness() {
            Completeness::Partial { of, .. } => Some(of as u64),
            Completeness::Whole | Completeness::Sharp(_) => None,
        };
        let making = Making {
            scenario_digest: &scenario.digest,
            variants: scenario
                .variants
                .iter()
                .map(|variant| variant.name.clone())
                .collect(),
            arguments: self.arguments,
            seeds: results.seeds().iter().map(|seed| seed.get()).collect(),
            partial_of,
            hashes: hashes.collect(),
            inputs: self.inputs.names(),
        };
        let manifest = manifest::of(making, &files);
        files.insert(
            regionfall_report::manifest::FILE_NAME.to_owned(),
            manifest.to_json().into_bytes(),
        );
        Ok(files)
    }
}

/// The comparison that the arguments ask for.
pub(crate) fn comparison<'s>(
    scenario: &'s Scenario,
    arguments: &CompareArguments,
) -> Result<Comparison<'s>, CommandError> {
    let until = arguments.until.as_ref();
    let extent = Extent {
        seeds: arguments.sweep.seeds.unwrap_or(scenario.seeds),
        shard: arguments.shard,
        until: until.map(|(metric, share)| (metric.as_str(), *share)),
    };
    sweep::comparison(scenario, &arguments.sweep, extent)
}

/// What the comparison found.
pub(crate) fn findings(results: &Results<'_>, arguments: &CompareArguments) -> Findings {
    let gates = Gates {
        names: &arguments.gate,
        is_strict: arguments.strict,
    };
    Findings::of(
        results,
        gates,
        &scenario_file::repeated(&arguments.scenario),
    )
}

fn refuse_unknown_gates(
    arguments: &CompareArguments,
    scenario: &Scenario,
) -> Result<(), CommandError> {
    let selection = crate::selection::Selection {
        strategies: arguments.gate.clone(),
        ..Default::default()
    };
    selection.cells(scenario).map(|_| ())
}

/// The arguments that decide results, in one order and with the number of seeds.
fn canonical(arguments: &CompareArguments, seeds: u32) -> Vec<String> {
    let sweep = &arguments.sweep;
    let mut words = vec!["compare".to_owned(), arguments.scenario.file.clone()];
    let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    for (key, value) in &arguments.scenario.set {
        add("set", format!("{key}={value}"));
    }
    add("seeds", sweep.seeds.unwrap_or(seeds).to_string());
    for (name, values) in [
        ("variant", &sweep.selection.variants),
        ("strategy", &sweep.selection.strategies),
        ("case", &sweep.selection.cases),
        ("gate", &arguments.gate),
    ] {
        for value in values {
            add(name, value.clone());
        }
    }
    if let Some((metric, share)) = &arguments.until {
        add(
            "until",
            format!("{metric}={}%", (share * 1e11).round() / 1e9),
        );
    }
    if let Some((part, of)) = arguments.shard {
        add("shard", format!("{part}/{of}"));
    }
    if arguments.strict {
        words.push("--strict".to_owned());
    }
    words
}

/// The folder of the results.
fn target(arguments: &CompareArguments) -> PathBuf {
    let shard = arguments
        .shard
        .map_or(String::new(), |(part, of)| format!("-shard-{part}-of-{of}"));
    arguments.sweep.out.clone().unwrap_or_else(|| {
        Path::new("results").join(format!("{}{shard}", stem(&arguments.scenario)))
    })
}

/// The name of a scenario file without its folder and ending.
pub(crate) fn stem(scenario: &ScenarioArguments) -> String {
    let name = Path::new(&scenario.file)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    if scenario.file == scenario_file::STDIN || name.is_empty() {
        "stdin".to_owned()
    } else {
        name.into_owned()
    }
}

fn print(
    results: &Results<'_>,
    findings: &Findings,
    context: &mut Context,
) -> Result<(), CommandError> {
    if !context.is_for_people() {
        context.print(&headline::in_full(results, findings))?;
        for line in findings.lines() {
            context.note(&line);
        }
        return Ok(());
    }
    let bold = Style::new().bold();
    let scenario = results.scenario();
    let mark = match results.completeness() {
        Completeness::Partial { seeds, of } => format!(", PARTIAL: {seeds} of {of} seeds"),
        Completeness::Sharp(_) | Completeness::Whole => {
            format!(", {} seeds", results.seeds().len())
        }
    };
    writeln!(
        context.out(),
        "{bold}{}{mark}: estimated by simulation{bold:#}",
        scenario.title
    )?;
    if results.seeds().is_empty() {
        return Ok(());
    }
    writeln!(
        context.out(),
        "medians over seeds (means where it says \"per run\"), [{}] over seeds",
        headline::intervals(results)
    )?;
    for block in headline::for_people(results, findings) {
        writeln!(context.out(), "\n{bold}{}{bold:#}", block.name)?;
        context.print(&block.downtime)?;
        writeln!(context.out())?;
        context.print(&block.data)?;
    }
    let told = tell(findings);
    if !told.is_empty() {
        write!(context.out(), "\n{told}")?;
    }
    Ok(())
}

/// Objectives and findings below the tables.
fn tell(findings: &Findings) -> String {
    let mut told = String::new();
    let bold = Style::new().bold();
    let mut say = |line: String| {
        told.push_str(&line);
        told.push('\n');
    };
    let mut block = "";
    for judged in findings.objectives() {
        if judged.block() != block {
            block = judged.block();
            say(format!("{bold}Objectives, {block}{bold:#}"));
        }
        let colour = match judged.answer() {
            Answer::Met => AnsiColor::Green,
            Answer::Missed => AnsiColor::Red,
            Answer::TooFewSeeds { .. } => AnsiColor::Yellow,
            Answer::DoesNotApply => AnsiColor::BrightBlack,
        }
        .on_default();
        say(format!(
            "  {colour}{}{colour:#} {}",
            judged.mark(),
            judged.line()
        ));
    }
    let red = AnsiColor::Red.on_default();
    for broken in findings.broken_lines() {
        say(format!(
            "{red}{}{red:#}\n  {}\n  {}",
            broken.0, broken.1, broken.2
        ));
    }
    let yellow = AnsiColor::Yellow.on_default();
    for other in findings.notes() {
        say(format!("{yellow}{other}{yellow:#}"));
    }
    told
}
