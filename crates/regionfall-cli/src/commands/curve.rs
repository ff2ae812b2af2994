//! `regionfall curve FILE --vary KEY=V1,V2,…`: the scenario once for each value, and a metric against it.

use std::path::{Path, PathBuf};
use std::time::Instant;

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
use crate::study::folder::{Folder, RUN_INFO};
use crate::study::inputs::Inputs;
use crate::study::manifest::{self, Making};
use crate::study::sweep::{self, Extent};
use crate::study::{Files, RESOLVED, Study, resolved, words};

/// The most points: each is a whole comparison.
const POINTS_MAX: usize = 1_000;

/// The scenario at one place.
struct At {
    place: Place,
    scenario: Scenario,
    resolved: String,
}

/// What is drawn and under which name.
struct Drawn<'a> {
    arguments: &'a CurveArguments,
    title: String,
    digest: &'a str,
    variants: Vec<String>,
    inputs: &'a Inputs,
    words: Vec<String>,
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
    let target = target(arguments, metric);
    let folder = Folder::prepare(&target)?;
    for warning in &loaded.warnings {
        context.warn(&Study::warning(warning));
    }
    let drawn = Drawn {
        arguments,
        title: loaded.scenario.title.clone(),
        digest: &loaded.scenario.digest,
        variants: names(&loaded),
        inputs: &inputs,
        words: canonical(arguments, loaded.scenario.seeds, metric),
    };
    let resolved = loaded.resolved.to_toml();
    let (mut files, sweep) = files(&drawn, &points, &resolved, context)?;
    if context.is_for_people() {
        let title = format!("{}: estimated by simulation", drawn.title);
        context.print(&sweep.for_people(&title))?;
    } else {
        context.print(&sweep.in_full())?;
    }
    let jobs = sweep::jobs(arguments.sweep.jobs).get();
    files.insert(
        RUN_INFO.to_owned(),
        manifest::run_info(begun.elapsed(), jobs, &drawn.words),
    );
    let written = folder.finish(&files)?;
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
        title,
        digest,
        variants: manifest.variants.clone(),
        inputs,
        words: manifest.arguments.clone(),
    };
    files(&drawn, &points, base, context).map(|(files, _)| files)
}

/// Makes the runs of every point, and every file but the one with date and host.
fn files(
    drawn: &Drawn<'_>,
    points: &[At],
    base: &str,
    context: &Context,
) -> Result<(Files, Sweep), CommandError> {
    let arguments = drawn.arguments;
    let metric = sweep::column(metric(arguments)?)?;
    let mut files = Files::from([(RESOLVED.to_owned(), base.as_bytes().to_vec())]);
    for (name, bytes) in drawn.inputs.files() {
        files.insert(name.to_owned(), bytes.to_vec());
    }
    let mut sweep = Sweep {
        keys: arguments.vary.iter().map(|(key, _)| key.clone()).collect(),
        metric,
        points: Vec::new(),
    };
    let (mut seeds, mut hashes) = (Vec::new(), std::collections::BTreeMap::new());
    for (number, point) in points.iter().enumerate() {
        let extent = Extent {
            seeds: arguments.sweep.seeds.unwrap_or(point.scenario.seeds),
            shard: None,
            until: None,
        };
        let comparison = sweep::comparison(&point.scenario, &arguments.sweep, extent)?;
        let comparison = if metric.name.ends_with("_excess") {
            comparison
        } else {
            comparison.without_controls()
        };
        context.note(&format!(
            "point {} of {}: {}",
            number + 1,
            points.len(),
            point.place.values.join(", ")
        ));
        let results = sweep::run(comparison, Vec::new(), context);
        interrupted(context)?;
        sweep
            .points
            .extend(Point::all(&point.place, &results, metric));
        files.insert(point_name(number), point.resolved.as_bytes().to_vec());
        seeds = results.seeds().iter().map(|seed| seed.get()).collect();
        for cell in results.cells() {
            let names =
                [&cell.variant.name, &cell.strategy.name, &cell.case.name].map(String::as_str);
            let key = format!("point-{}/{}", number + 1, names.join("/"));
            let runs = cell.runs.iter();
            hashes.extend(
                runs.map(|run| (format!("{key}/{}", run.seed), format!("{:016x}", run.trace))),
            );
        }
    }
    let mut csv = Vec::new();
    Format::Csv.render(&sweep.in_full(), &mut csv)?;
    files.insert("curve.csv".to_owned(), csv);
    files.insert(
        "curve.svg".to_owned(),
        sweep.svg(&drawn.title, seeds.len()).into_bytes(),
    );
    let making = Making {
        scenario_digest: drawn.digest,
        variants: drawn.variants.clone(),
        arguments: &drawn.words,
        seeds,
        partial_of: None,
        hashes,
        inputs: drawn.inputs.names(),
    };
    let manifest = manifest::of(making, &files);
    files.insert(FILE_NAME.to_owned(), manifest.to_json().into_bytes());
    Ok((files, sweep))
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
    let loaded = scenario_file::load(&ScenarioArguments {
        file: arguments.scenario.file.clone(),
        set,
    })?;
    Ok(At {
        place,
        resolved: loaded.resolved.to_toml(),
        scenario: loaded.scenario,
    })
}

fn metric(arguments: &CurveArguments) -> Result<&'static str, InputError> {
    let asked = arguments.metric.as_deref();
    let first = arguments.vary.first().map_or("", |(key, _)| key);
    Ok(sweep::column(asked.unwrap_or_else(|| default_metric(first)))?.name)
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
        ("variant", &sweep.variant),
        ("strategy", &sweep.strategy),
        ("case", &sweep.case),
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
