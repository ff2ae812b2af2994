//! `regionfall reproduce FOLDER`: makes results again from what is in their folder, and compares bytes.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use clap::Parser as _;
use regionfall::scenario::nearest;
use regionfall_report::manifest::{FILE_NAME, Manifest, digest};
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::{Arguments, Command, CompareArguments, ReproduceArguments};
use crate::commands::compare::{self, Made};
use crate::commands::curve;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::study::folder::{self, RUN_INFO};
use crate::study::inputs::Inputs;
use crate::study::{Files, RESOLVED, kept, manifest, resolved, sweep};

/// Makes the results of a folder again.
pub(crate) fn run(
    arguments: &ReproduceArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let path = &arguments.folder;
    let (manifest, found) = open(path)?;
    if let Some(of) = manifest.partial_of {
        let message = format!("{} holds a part of {of} seeds", path.display());
        let help = "finish the comparison first: the same command goes on";
        return Err(InputError::new(message).help(help).into());
    }
    tell_differences(&manifest, context);
    let inputs = inputs(&manifest, &found);
    let words = ["regionfall"]
        .into_iter()
        .chain(manifest.arguments.iter().map(String::as_str));
    let parsed = Arguments::try_parse_from(words).map(|arguments| arguments.command);
    let made = match parsed {
        Ok(Command::Compare(mut of)) => {
            of.sweep.jobs = arguments.jobs;
            remake(&manifest, &found, &inputs, &of, context)?
        }
        Ok(Command::Curve(mut of)) => {
            of.sweep.jobs = arguments.jobs;
            curve::remake(&manifest, &found, &inputs, &of, context)?
        }
        Ok(_) | Err(_) => {
            let words = manifest.arguments.join(" ");
            let message = format!("{FILE_NAME}: arguments: no command makes results by `{words}`");
            return Err(InputError::new(message).into());
        }
    };
    for name in foreign(&manifest, &found, &made) {
        context.warn(&format!(
            "{} is none of the results: the manifest does not name it, and it is not compared",
            path.join(name).display()
        ));
    }
    let compared = compare(&manifest, &found, &made);
    let is_same = compared.iter().all(|file| file.verdict == Verdict::Same);
    context.print(&table(&compared))?;
    if context.is_for_people() {
        let (colour, sentence) = if is_same {
            (AnsiColor::Green, "the same bytes")
        } else {
            (AnsiColor::Red, "not the same bytes")
        };
        let colour = colour.on_default();
        writeln!(
            context.out(),
            "\n{colour}{}: {sentence}{colour:#}",
            path.display()
        )?;
    }
    Ok(if is_same {
        Exit::Held
    } else {
        Exit::NotDeterministic
    })
}

/// The manifest of a folder and its files.
fn open(path: &Path) -> Result<(Manifest, Files), InputError> {
    let shown = path.display();
    let found = folder::read(path).map_err(|error| cannot_read(path, &error))?;
    let bytes = found.get(FILE_NAME).ok_or_else(|| {
        InputError::new(format!(
            "`{shown}` holds no results: there is no {FILE_NAME}"
        ))
        .help("`regionfall compare` writes such folders")
    })?;
    let manifest =
        Manifest::from_json(bytes).map_err(|error| InputError::new(format!("{shown}/{error}")))?;
    Ok((manifest, found))
}

/// Why there are no results to read, with the nearest folder that holds some.
fn cannot_read(path: &Path, error: &io::Error) -> InputError {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such folder".to_owned(),
        io::ErrorKind::NotADirectory => "it is a file, not a folder of results".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    let near = (error.kind() == io::ErrorKind::NotFound).then(|| neighbour(path));
    let near = near.flatten().map_or(String::new(), |near| {
        format!("; did you mean `{}`?", near.display())
    });
    InputError::new(format!(
        "cannot read results in `{}`: {reason}{near}",
        path.display()
    ))
}

/// The folder of results with the nearest name, in the same folder or in `results`.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    let places = [parent.unwrap_or(Path::new(".")), Path::new("results")];
    places.into_iter().find_map(|place| {
        let mut names: Vec<String> = place
            .read_dir()
            .ok()?
            .flatten()
            .filter(|entry| entry.path().join(FILE_NAME).is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        // The folder lists them in any order.
        names.sort_unstable();
        let near = nearest(wanted, names.iter().map(String::as_str))?;
        Some(if place == Path::new(".") {
            PathBuf::from(near)
        } else {
            place.join(near)
        })
    })
}

/// Says what differs between the makings although no file is compared yet: it explains what follows.
fn tell_differences(manifest: &Manifest, context: &Context) {
    let now = manifest::build_parts();
    let then = [
        ("model version", &manifest.model_version),
        ("program version", &manifest.crate_version),
        ("lock file", &manifest.lock_digest),
        ("embedded data", &manifest.data_digest),
    ];
    for ((what, then), now) in then.into_iter().zip(now) {
        if *then != now {
            context.note(&format!(
                "the {what} differs: the results were made with {then}, this is {now}"
            ));
        }
    }
}

/// The copies of data files.
fn inputs(manifest: &Manifest, found: &Files) -> Inputs {
    let parts = manifest.inputs.iter().filter_map(|(path, name)| {
        let bytes = found.get(name)?;
        Some((path.clone(), name.clone(), bytes.clone()))
    });
    Inputs::from_parts(parts)
}

/// Makes a comparison again.
fn remake(
    manifest: &Manifest,
    found: &Files,
    inputs: &Inputs,
    arguments: &CompareArguments,
    context: &Context,
) -> Result<Files, CommandError> {
    let text = text(found, RESOLVED)?;
    let again = resolved::reload(text, inputs, &manifest.variants, plain_digest(manifest))?;
    let comparison = compare::comparison(&again.scenario, arguments)?;
    let results = sweep::run(comparison, Vec::new(), context);
    interrupted(context)?;
    let findings = compare::findings(&results, arguments);
    let made = Made {
        resolved: text,
        warnings: &again.warnings,
        inputs,
        arguments: &manifest.arguments,
        jobs: sweep::jobs(arguments.sweep.jobs).get(),
    };
    made.files(&results, &findings)
}

/// The digest of the scenario without the name of its method.
pub(crate) fn plain_digest(manifest: &Manifest) -> &str {
    let digest = &manifest.scenario_digest;
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// A file of the folder as text.
pub(crate) fn text<'f>(found: &'f Files, name: &str) -> Result<&'f str, InputError> {
    let bytes = found.get(name).ok_or_else(|| {
        InputError::new(format!(
            "{name} is not in the folder: it cannot be made again"
        ))
    })?;
    std::str::from_utf8(bytes).map_err(|_| InputError::new(format!("{name} is not UTF-8")))
}

/// What is half made is not compared.
pub(crate) fn interrupted(context: &Context) -> Result<(), CommandError> {
    if context.stop().is_requested() {
        return Err(CommandError::Interrupted(
            "not every run was made".to_owned(),
        ));
    }
    Ok(())
}

/// How a file came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// In the folder is what the manifest says, and what was made again.
    Same,
    /// The file in the folder is not what was once written there.
    Changed,
    /// What was made again differs from what was once written.
    MadeDifferently,
    /// It is not in the folder.
    Missing,
    /// It was made again, and the manifest does not name it.
    Unknown,
}

struct Compared {
    name: String,
    verdict: Verdict,
    detail: String,
}

fn compare(manifest: &Manifest, found: &Files, made: &Files) -> Vec<Compared> {
    let mut compared = Vec::new();
    for (name, expected) in &manifest.files {
        let (verdict, detail) = match (found.get(name), made.get(name)) {
            (None, _) => (Verdict::Missing, String::new()),
            (Some(there), _) if digest(there) != *expected => (
                Verdict::Changed,
                made.get(name)
                    .map_or(String::new(), |made| first_difference(there, made)),
            ),
            (Some(there), Some(made)) if there != made => {
                (Verdict::MadeDifferently, first_difference(there, made))
            }
            (Some(_), None) => (
                Verdict::MadeDifferently,
                "it was not made at all".to_owned(),
            ),
            (Some(_), Some(_)) => (Verdict::Same, String::new()),
        };
        compared.push(Compared {
            name: name.clone(),
            verdict,
            detail,
        });
    }
    let unknown = made.keys().filter(|name| is_unknown(manifest, name));
    compared.extend(unknown.map(|name| Compared {
        name: name.clone(),
        verdict: Verdict::Unknown,
        detail: String::new(),
    }));
    // Results are the same only if the runs are.
    let hashes = |bytes: Option<&Vec<u8>>| {
        let manifest = Manifest::from_json(bytes?).ok()?;
        Some(manifest.trace_hashes)
    };
    if hashes(made.get(FILE_NAME)).as_ref() != Some(&manifest.trace_hashes) {
        compared.push(Compared {
            name: "trace hashes".to_owned(),
            verdict: Verdict::MadeDifferently,
            detail: String::new(),
        });
    }
    compared
}

/// Whether a file of a folder is not one of those that its manifest names.
fn is_unknown(manifest: &Manifest, name: &str) -> bool {
    !([FILE_NAME, RUN_INFO, kept::FILE_NAME].contains(&name) || manifest.files.contains_key(name))
}

/// Files that somebody else put into the folder: they say nothing about the results.
fn foreign<'f>(
    manifest: &'f Manifest,
    found: &'f Files,
    made: &'f Files,
) -> impl Iterator<Item = &'f String> {
    found
        .keys()
        .filter(move |name| is_unknown(manifest, name) && !made.contains_key(*name))
}

/// Where two texts part: the line and what stands there, cut to what can be read.
fn first_difference(there: &[u8], made: &[u8]) -> String {
    const SHOWN: usize = 40;
    let (there, made) = (
        String::from_utf8_lossy(there),
        String::from_utf8_lossy(made),
    );
    let mut lines = there.lines().zip(made.lines()).enumerate();
    let Some((number, (one, other))) = lines.find(|(_, (one, other))| one != other) else {
        return format!(
            "{} and {} bytes, alike as far as the shorter",
            there.len(),
            made.len()
        );
    };
    let same = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let shown = |line: &str| {
        let from = same.saturating_sub(SHOWN / 2);
        line.chars().skip(from).take(SHOWN).collect::<String>()
    };
    format!(
        "line {}: `{}`, made again `{}`",
        number + 1,
        shown(one),
        shown(other)
    )
}

fn table(compared: &[Compared]) -> Table {
    let mut table = Table::new("reproduce")
        .column(Column::text("file"))
        .column(Column::text("verdict"))
        .column(Column::text("difference"));
    for file in compared {
        let verdict = match file.verdict {
            Verdict::Same => "same",
            Verdict::Changed => "changed since it was written",
            Verdict::MadeDifferently => "made differently",
            Verdict::Missing => "missing",
            Verdict::Unknown => "not in the manifest",
        };
        let detail = if file.detail.is_empty() {
            Cell::Missing
        } else {
            Cell::text(&file.detail)
        };
        table.push(vec![Cell::text(&file.name), Cell::text(verdict), detail]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        assert_eq!(
            first_difference(b"a\nb,1\n", b"a\nb,2\n"),
            "line 2: `b,1`, made again `b,2`"
        );
        assert_eq!(
            first_difference(b"a\n", b"a\nb\n"),
            "2 and 4 bytes, alike as far as the shorter"
        );
    }
}
