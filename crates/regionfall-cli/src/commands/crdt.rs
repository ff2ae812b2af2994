//! `regionfall crdt PATH…`: asks the data types the questions of case files.

use std::io::Write as _;
use std::path::Path;

use regionfall::conflict::{CaseFile, CaseOutcome, Line, Verdict};
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::CrdtArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::scenario_file::Disk;
use crate::toml_files;

/// A file of cases with its name.
struct Asked {
    path: String,
    file: CaseFile,
}

/// Runs the cases and shows those that failed.
pub(crate) fn run(arguments: &CrdtArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let disk = Disk::default();
    let mut asked = Vec::new();
    for path in paths(&arguments.paths)? {
        let file = CaseFile::load(&path, &disk, &arguments.set)?;
        asked.push(Asked { path, file });
    }
    let ids = || {
        let cases = asked.iter().flat_map(|one| &one.file.cases);
        cases.map(|case| case.id.as_str())
    };
    for wanted in &arguments.case {
        if !ids().any(|id| id == wanted) {
            return Err(InputError::unknown("case", wanted, ids()).into());
        }
    }
    let mut outcomes: Vec<(&str, CaseOutcome<'_>)> = Vec::new();
    for one in &asked {
        let chosen = one
            .file
            .cases
            .iter()
            .filter(|case| arguments.case.is_empty() || arguments.case.contains(&case.id));
        let before = outcomes.len();
        outcomes.extend(chosen.map(|case| (one.path.as_str(), case.run())));
        if context.is_for_people() {
            let own = &outcomes[before..];
            for (path, outcome) in own {
                if arguments.verbose || outcome.verdict() == Verdict::Failed {
                    tell(path, outcome, context)?;
                }
            }
            if asked.len() > 1 && !own.is_empty() {
                writeln!(context.out(), "{}: {}", one.path, summary(own))?;
            }
        }
    }
    let summary = summary(&outcomes);
    if context.is_for_people() {
        writeln!(context.out(), "{summary}")?;
    } else {
        let table = match &asked[..] {
            [one] => table(&format!("{}: {summary}", one.path), &outcomes, false),
            _ => table(&summary, &outcomes, true),
        };
        context.print(&table)?;
        context.note(&summary);
    }
    let has_failed = outcomes
        .iter()
        .any(|(_, outcome)| outcome.verdict() == Verdict::Failed);
    Ok(if has_failed { Exit::Safety } else { Exit::Held })
}

/// The files in order: those that are named, and those of folders that are named.
fn paths(named: &[String]) -> Result<Vec<String>, InputError> {
    let mut paths = Vec::new();
    for path in named {
        if !Path::new(path).is_dir() {
            // A file that is not there is answered where it is opened.
            paths.push(path.clone());
            continue;
        }
        let listed = toml_files::names(path)?;
        if listed.is_empty() {
            return Err(InputError::new(format!("there are no cases in `{path}`"))
                .allowed("files that end in .toml"));
        }
        paths.extend(listed.iter().map(|name| toml_files::within(path, name)));
    }
    Ok(paths)
}

/// `N passed, N failed, N ambiguous`.
fn summary(outcomes: &[(&str, CaseOutcome<'_>)]) -> String {
    let count = |is: fn(Verdict) -> bool| {
        outcomes
            .iter()
            .filter(|(_, outcome)| is(outcome.verdict()))
            .count()
    };
    format!(
        "{} passed, {} failed, {} ambiguous",
        count(|verdict| verdict == Verdict::Passed),
        count(|verdict| verdict == Verdict::Failed),
        count(|verdict| matches!(verdict, Verdict::Ambiguous { .. }))
    )
}

/// One case with all that happened.
fn tell(file: &str, outcome: &CaseOutcome<'_>, context: &mut Context) -> Result<(), CommandError> {
    let case = outcome.case;
    let verdict = match outcome.verdict() {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::Ambiguous { agreed: true } => "ambiguous, agreed",
        Verdict::Ambiguous { agreed: false } => "ambiguous, differed",
    };
    let data_type = case.data_type.as_ref();
    let data_type = data_type.map_or(String::new(), |data_type| format!(" ({data_type})"));
    let out = context.out();
    writeln!(out, "{}{data_type}: {verdict}", case.id)?;
    writeln!(out, "  {file}:{}", case.line)?;
    let remarks = [
        ("source", &case.source),
        ("same as", &case.same_as),
        ("note", &case.note),
        ("ambiguity", &case.ambiguity),
    ];
    for (name, remark) in remarks {
        if let Some(remark) = remark {
            writeln!(out, "  {name}: {remark}")?;
        }
    }
    context.print(&steps(outcome))?;
    writeln!(context.out())?;
    Ok(())
}

/// What happened in a case, step by step.
fn steps(outcome: &CaseOutcome<'_>) -> Table {
    let mut table = Table::new("");
    for name in ["", "at", "replica", "step", "expected", "got"] {
        table = table.column(Column::text(name));
    }
    for line in &outcome.lines {
        let mark = match (line.is_right, &line.expected) {
            (false, _) => "✗",
            (true, Some(_)) => "✓",
            (true, None) => "",
        };
        let text = |text: &Option<String>| Cell::text(text.as_deref().unwrap_or_default());
        table.push(vec![
            Cell::text(mark),
            Cell::text(line.at.to_string()),
            Cell::text(&line.place),
            Cell::text(&line.what),
            text(&line.expected),
            text(&line.got),
        ]);
    }
    table
}

/// A row for each case, for scripts; with its file where there are several.
fn table(title: &str, outcomes: &[(&str, CaseOutcome<'_>)], has_files: bool) -> Table {
    let mut table = Table::new(title);
    if has_files {
        table = table.column(Column::text("file"));
    }
    for name in ["case", "type", "source"] {
        table = table.column(Column::text(name));
    }
    table = table.column(Column::count("line", "line"));
    for name in ["verdict", "agreed"] {
        table = table.column(Column::text(name));
    }
    table = table.column(Column::count("checks", "checks"));
    table = table.column(Column::count("wrong", "checks"));
    for name in ["wrong_at", "wrong_replica", "wrong_step", "expected", "got"] {
        table = table.column(Column::text(name));
    }
    let optional = |text: Option<&String>| text.map_or(Cell::Missing, Cell::text);
    for (path, outcome) in outcomes {
        let case = outcome.case;
        let (verdict, agreed) = match outcome.verdict() {
            Verdict::Passed => ("passed", true),
            Verdict::Failed => ("failed", false),
            Verdict::Ambiguous { agreed } => ("ambiguous", agreed),
        };
        let count = |is: fn(&Line) -> bool| {
            Cell::Count(outcome.lines.iter().filter(|line| is(line)).count() as u64)
        };
        let wrong = outcome.first_wrong();
        let mut row = Vec::new();
        if has_files {
            row.push(Cell::text(*path));
        }
        row.extend([
            Cell::text(&case.id),
            optional(case.data_type.as_ref()),
            optional(case.source.as_ref()),
            Cell::Count(case.line as u64),
            Cell::text(verdict),
            Cell::text(if agreed { "yes" } else { "no" }),
            count(|line| line.expected.is_some()),
            count(|line| !line.is_right),
            wrong.map_or(Cell::Missing, |line| Cell::text(line.at.to_string())),
            optional(wrong.map(|line| &line.place)),
            optional(wrong.map(|line| &line.what)),
            optional(wrong.and_then(|line| line.expected.as_ref())),
            optional(wrong.and_then(|line| line.got.as_ref())),
        ]);
        table.push(row);
    }
    table
}
