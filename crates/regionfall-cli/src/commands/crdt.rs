//! `regionfall crdt FILE`: asks the data types the questions of a case file.

use std::io::Write as _;

use regionfall::conflict::{CaseFile, CaseOutcome, Line, Verdict};
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::CrdtArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::scenario_file::Disk;

/// Runs the cases and shows those that failed.
pub(crate) fn run(arguments: &CrdtArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let path = &arguments.file;
    let file = CaseFile::load(path, &Disk::default(), &arguments.set)?;
    let ids = || file.cases.iter().map(|case| case.id.as_str());
    for wanted in &arguments.case {
        if !ids().any(|id| id == wanted) {
            return Err(InputError::unknown("case", wanted, ids()).into());
        }
    }
    let chosen = file
        .cases
        .iter()
        .filter(|case| arguments.case.is_empty() || arguments.case.contains(&case.id));
    let outcomes: Vec<CaseOutcome<'_>> = chosen.map(|case| case.run()).collect();
    let summary = summary(&outcomes);
    if context.is_for_people() {
        for outcome in &outcomes {
            let is_shown = arguments.verbose || outcome.verdict() == Verdict::Failed;
            if is_shown {
                tell(path, outcome, context)?;
            }
        }
        writeln!(context.out(), "{summary}")?;
    } else {
        context.print(&table(&format!("{path}: {summary}"), &outcomes))?;
        context.note(&summary);
    }
    let has_failed = outcomes
        .iter()
        .any(|outcome| outcome.verdict() == Verdict::Failed);
    Ok(if has_failed { Exit::Safety } else { Exit::Held })
}

/// `N passed, N failed, N ambiguous`.
fn summary(outcomes: &[CaseOutcome<'_>]) -> String {
    let count = |is: fn(Verdict) -> bool| {
        outcomes
            .iter()
            .filter(|outcome| is(outcome.verdict()))
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

/// A row for each case, for scripts.
fn table(title: &str, outcomes: &[CaseOutcome<'_>]) -> Table {
    let mut table = Table::new(title);
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
    for outcome in outcomes {
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
        table.push(vec![
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
    }
    table
}
