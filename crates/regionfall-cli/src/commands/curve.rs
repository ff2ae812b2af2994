//! `regionfall curve FILE --vary KEY=V1,V2,…`: the scenario once for each value, and a metric against it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use regionfall::explore::{Completeness, Group, Results};
use regionfall::metric::Column;
use regionfall::scenario::{Loaded, Scenario};
use regionfall_report::manifest::{FILE_NAME, Manifest};
use regionfall_report::table::Format;

use super::compare::stem;
use super::reproduce::{interrupted, plain_digest, text};
use crate::arguments::{CurveArguments, ScenarioArguments};
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::scenario_file;
use crate::study::curve::{Place, Point, Sweep, default_metric};
use crate::study::earlier::{self, Part};
use crate::study::folder::{self, Folder, RUN_INFO};
use crate::study::inputs::Inputs;
use crate::study::manifest::{self, Making};
use crate::study::sweep::{self, Extent};
use crate::study::{Files, RESOLVED, Study, kept, resolved, words};

/// The most points: each is a whole comparison.
const POINTS_MAX: usize = 1_000;

/// The scenario at one place.
struct At {
    place: Place,
    scenario: Scenario,
    resolved: String,
}

impl At {
    /// The runs that are made of it.
    fn part<'a>(&'a self, drawn: &Drawn<'a>) -> Part<'a> {
        Part {
            scenario: &self.scenario,
            arguments: &drawn.arguments.sweep,
            has_controls: drawn.has_controls(),
        }
    }
}

/// What is drawn and under which name.
struct Drawn<'a> {
    arguments: &'a CurveArguments,
    metric: &'static Column,
    title: String,
    digest: &'a str,
    variants: Vec<String>,
    inputs: &'a Inputs,
    words: Vec<String>,
}

impl Drawn<'_> {
    /// Whether runs without faults are needed: only for what is subtracted from them.
    fn has_controls(&self) -> bool {
        self.metric.name.ends_with("_excess")
    }
}

/// Draws.
pub(crate) fn run(arguments: &CurveArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let begun = Instant::now();
    let (loaded, inputs) = scenario_file::load_with_inputs(&arguments.scenario)?;
    // What is wrong with a value is found before the first run.
    let points: Vec<At> = places(arguments)?
        .into_iter()
        .map(|place| at(place, arguments))
        .collect::<Result<_, _>>()?;
    let metric = metric(arguments)?;
    let target = target(arguments, metric.name);
    let folder = Folder::prepare(&target)?;
    for warning in &loaded.warnings {
        context.warn(&Study::warning(warning));
    }
    let drawn = Drawn {
        arguments,
        metric,
        title: loaded.scenario.title.clone(),
        digest: &loaded.scenario.digest,
        variants: names(&loaded),
        inputs: &inputs,
        words: canonical(arguments, loaded.scenario.seeds, metric.name),
    };
    let parts: Vec<Part<'_>> = points.iter().map(|point| point.part(&drawn)).collect();
    let known = earlier::finished_before(&target, &parts, context)?;
    let resolved = loaded.resolved.to_toml();
    let made = made(&drawn, &points, known, context)?;
    let mut files = made.files(&drawn, &points, &resolved)?;
    let mark = match made.stopped_at {
        Some(done) => format!(", PARTIAL: {done} of {} points", points.len()),
        None => String::new(),
    };
    if context.is_for_people() {
        let title = format!("{}{mark}: estimated by simulation", drawn.title);
        if made.sweep.points.is_empty() {
            writeln!(context.out(), "{title}\nno point was finished")?;
        } else {
            context.print(&made.sweep.for_people(&title))?;
        }
    } else {
        context.print(&made.sweep.in_full())?;
    }
    let jobs = sweep::jobs(arguments.sweep.jobs).get();
    files.insert(
        RUN_INFO.to_owned(),
        manifest::run_info(begun.elapsed(), jobs, &drawn.words),
    );
    if let Some(done) = made.stopped_at {
        drop(folder);
        let lines = parts
            .iter()
            .zip(&made.groups)
            .map(|(part, groups)| kept::to_lines(&part.belongs_to(), groups));
        files.insert(
            kept::FILE_NAME.to_owned(),
            lines.collect::<Vec<_>>().concat(),
        );
        let partial = earlier::place(&target);
        Folder::prepare(&partial)?.finish(&files)?;
        context.warn(&format!(
            "interrupted: {done} of {} points are done and kept in {}; the same command goes on from there",
            points.len(),
            partial.display()
        ));
        return Ok(Exit::Interrupted);
    }
    let written = folder.finish(&files)?;
    // What was kept has done its service.
    let _ = folder::remove(&earlier::place(&target));
    context.note(&format!(
        "the curve is in {}, its picture is {}",
        written.display(),
        written.join("curve.svg").display()
    ));
    Ok(Exit::Held)
}

/// Makes a curve again from what is in its folder.
pub(crate) fn remake(
    manifest: &Manifest,
    found: &Files,
    inputs: &Inputs,
    arguments: &CurveArguments,
    context: &Context,
) -> Result<Files, CommandError> {
    let base = text(found, RESOLVED)?;
    let digest = plain_digest(manifest);
    let title = resolved::reload(base, inputs, &manifest.variants, digest)?
        .scenario
        .title;
    let mut points = Vec::new();
    for (number, place) in places(arguments)?.into_iter().enumerate() {
        let text = text(found, &point_name(number))?;
        points.push(At {
            place,
            scenario: resolved::reload(text, inputs, &manifest.variants, digest)?.scenario,
            resolved: text.to_owned(),
        });
    }
    let drawn = Drawn {
        arguments,
        metric: metric(arguments)?,
        title,
        digest,
        variants: manifest.variants.clone(),
        inputs,
        words: manifest.arguments.clone(),
    };
    let known = points.iter().map(|_| Vec::new()).collect();
    let made = made(&drawn, &points, known, context)?;
    interrupted(context)?;
    made.files(&drawn, &points, base)
}

/// The runs of every point, until the user stops them.
fn made(
    drawn: &Drawn<'_>,
    points: &[At],
    known: Vec<Vec<Group>>,
    context: &Context,
) -> Result<Made, CommandError> {
    let arguments = drawn.arguments;
    let metric = drawn.metric;
    let mut made = Made {
        sweep: Sweep {
            keys: arguments.vary.iter().map(|(key, _)| key.clone()).collect(),
            metric,
            points: Vec::new(),
        },
        seeds: Vec::new(),
        hashes: BTreeMap::new(),
        groups: Vec::new(),
        stopped_at: None,
        seeds_asked: 0,
    };
    let mut known = known.into_iter();
    for (number, point) in points.iter().enumerate() {
        let extent = Extent {
            seeds: arguments.sweep.seeds.unwrap_or(point.scenario.seeds),
            shard: None,
            until: None,
        };
        made.seeds_asked = extent.seeds;
        let comparison = sweep::comparison(&point.scenario, &arguments.sweep, extent)?;
        let comparison = if drawn.has_controls() {
            comparison
        } else {
            comparison.without_controls()
        };
        let known = known.next().unwrap_or_default();
        if made.stopped_at.is_some() {
            // What an earlier interruption had finished of later points is not given up.
            made.groups.push(known);
            continue;
        }
        context.note(&format!(
            "point {} of {}: {}",
            number + 1,
            points.len(),
            point.place.values.join(", ")
        ));
        let results = sweep::run(comparison, known, context);
        if let Completeness::Partial { .. } = results.completeness() {
            made.stopped_at = Some(number);
        }
        if !results.seeds().is_empty() {
            made.add(number, &point.place, &results);
        }
        made.groups.push(results.into_groups());
    }
    Ok(made)
}

/// What came out at the points.
struct Made {
    sweep: Sweep,
    /// The seeds of the last point.
    seeds: Vec<u64>,
    hashes: BTreeMap<String, String>,
    /// The runs of each point.
    groups: Vec<Vec<Group>>,
    /// How many points were done when the user stopped it.
    stopped_at: Option<usize>,
    /// How many seeds each point was to have.
    seeds_asked: u32,
}

impl Made {
    /// Takes over what a point came to.
    fn add(&mut self, number: usize, place: &Place, results: &Results<'_>) {
        let metric = self.sweep.metric;
        self.sweep.points.extend(Point::all(place, results, metric));
        self.seeds = results.seeds().iter().map(|seed| seed.get()).collect();
        for cell in results.cells() {
            let names =
                [&cell.variant.name, &cell.strategy.name, &cell.case.name].map(String::as_str);
            let key = format!("point-{}/{}", number + 1, names.join("/"));
            let runs = cell.runs.iter();
            self.hashes.extend(
                runs.map(|run| (format!("{key}/{}", run.seed), format!("{:016x}", run.trace))),
            );
        }
    }

    /// Every file but the one with date and host.
    fn files(&self, drawn: &Drawn<'_>, points: &[At], base: &str) -> Result<Files, CommandError> {
        let mut files = Files::from([(RESOLVED.to_owned(), base.as_bytes().to_vec())]);
        for (name, bytes) in drawn.inputs.files() {
            files.insert(name.to_owned(), bytes.to_vec());
        }
        for (number, point) in points.iter().enumerate() {
            files.insert(point_name(number), point.resolved.as_bytes().to_vec());
        }
        if !self.sweep.points.is_empty() {
            let mut csv = Vec::new();
            Format::Csv.render(&self.sweep.in_full(), &mut csv)?;
            files.insert("curve.csv".to_owned(), csv);
            let svg = self.sweep.svg(&drawn.title, self.seeds.len());
            files.insert("curve.svg".to_owned(), svg.into_bytes());
        }
        let making = Making {
            scenario_digest: drawn.digest,
            variants: drawn.variants.clone(),
            arguments: &drawn.words,
            seeds: self.seeds.clone(),
            partial_of: self.stopped_at.map(|_| u64::from(self.seeds_asked)),
            hashes: self.hashes.clone(),
            inputs: drawn.inputs.names(),
        };
        let manifest = manifest::of(making, &files);
        files.insert(FILE_NAME.to_owned(), manifest.to_json().into_bytes());
        Ok(files)
    }
}

/// The name of the scenario at a point.
fn point_name(number: usize) -> String {
    format!("point-{}.resolved.toml", number + 1)
}

/// Every combination of values; those of the first key change fastest.
fn places(arguments: &CurveArguments) -> Result<Vec<Place>, InputError> {
    let mut places = vec![Vec::new()];
    for (_, values) in arguments.vary.iter().rev() {
        places = places
            .iter()
            .flat_map(|rest: &Vec<String>| {
                values
                    .iter()
                    .map(|value| [std::slice::from_ref(value), &rest[..]].concat())
            })
            .collect();
        if places.len() > POINTS_MAX {
            let message = format!("--vary gives more than {POINTS_MAX} points");
            return Err(InputError::new(message).help("vary fewer keys, or give fewer values"));
        }
    }
    Ok(places.into_iter().map(|values| Place { values }).collect())
}

/// The scenario at a place: the values are set over everything.
fn at(place: Place, arguments: &CurveArguments) -> Result<At, CommandError> {
    let mut set = arguments.scenario.set.clone();
    let keys = arguments.vary.iter().map(|(key, _)| key.clone());
    set.extend(keys.zip(place.values.iter().cloned()));
    let varied = scenario_file::load(&ScenarioArguments {
        file: arguments.scenario.file.clone(),
        set,
    });
    // Without the varied values the scenario was read already, so that they are what is wrong.
    let loaded = varied.map_err(|error| match error {
        CommandError::Scenario(error) => CommandError::Scenario(error.of_argument("--vary")),
        other => other,
    })?;
    Ok(At {
        place,
        resolved: loaded.resolved.to_toml(),
        scenario: loaded.scenario,
    })
}

fn metric(arguments: &CurveArguments) -> Result<&'static Column, InputError> {
    let asked = arguments.metric.as_deref();
    let first = arguments.vary.first().map_or("", |(key, _)| key);
    sweep::column(asked.unwrap_or_else(|| default_metric(first)))
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded
        .scenario
        .variants
        .iter()
        .map(|variant| variant.name.clone())
        .collect()
}

/// The arguments that decide results, in one order and with the number of seeds.
fn canonical(arguments: &CurveArguments, seeds: u32, metric: &str) -> Vec<String> {
    let sweep = &arguments.sweep;
    let mut words = vec!["curve".to_owned(), arguments.scenario.file.clone()];
    let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    for (key, value) in &arguments.scenario.set {
        add("set", format!("{key}={value}"));
    }
    for (key, values) in &arguments.vary {
        add("vary", format!("{key}={}", values.join(",")));
    }
    add("metric", metric.to_owned());
    add("seeds", sweep.seeds.unwrap_or(seeds).to_string());
    for (name, values) in [
        ("variant", &sweep.selection.variants),
        ("strategy", &sweep.selection.strategies),
        ("case", &sweep.selection.cases),
    ] {
        for value in values {
            add(name, value.clone());
        }
    }
    words
}

/// The folder: its name says what was varied, and what is drawn.
fn target(arguments: &CurveArguments, metric: &str) -> PathBuf {
    let keys: Vec<String> = arguments
        .vary
        .iter()
        .map(|(key, _)| words::slug(key))
        .collect();
    let name = format!(
        "{}-curve-{}-{}",
        stem(&arguments.scenario),
        keys.join("-"),
        words::slug(words::short(metric))
    );
    arguments
        .sweep
        .out
        .clone()
        .unwrap_or_else(|| Path::new("results").join(name))
}
