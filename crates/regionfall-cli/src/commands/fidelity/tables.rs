//! What was predicted and what was measured, as tables: for people, for scripts, for a page.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use regionfall::explore::fidelity::{Agreement, Judged};
use regionfall::metric::Unit;
use regionfall_report::table::{Cell, Column, Table};

use super::Compared;
use crate::context::Context;
use crate::error::CommandError;
use crate::study::words;

/// How many references agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Count {
    /// References that agree.
    agree: usize,
    /// References that there are.
    of: usize,
    /// Variants, strategies and cases of which every reference agrees.
    whole: usize,
    /// Variants, strategies and cases with references.
    of_subjects: usize,
}

impl Count {
    /// Counts.
    pub(super) fn of(compared: &[Compared<'_>]) -> Self {
        let mut count = Self {
            agree: 0,
            of: 0,
            whole: 0,
            of_subjects: 0,
        };
        for story in compared {
            let subject = |one: &Judged<'_>| {
                let reference = one.reference;
                (reference.variant, reference.strategy, reference.case)
            };
            for chunk in story.judged.chunk_by(|a, b| subject(a) == subject(b)) {
                let agree = chunk.iter().filter(|one| one.agrees()).count();
                count.agree += agree;
                count.of += chunk.len();
                count.whole += usize::from(agree == chunk.len());
                count.of_subjects += 1;
            }
        }
        count
    }

    /// The share of references that agree.
    pub(super) fn share(self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        self.agree as f64 / self.of as f64
    }

    /// All of it in a sentence.
    pub(super) fn summary(self) -> String {
        format!(
            "{} of {} references agree ({}); all of them in {} of {} configurations",
            self.agree,
            self.of,
            percent(self.share()),
            self.whole,
            self.of_subjects
        )
    }
}

/// A share in per cent, never rounded up to a limit that it misses.
pub(super) fn percent(share: f64) -> String {
    words::percent((share * 1_000.0).floor() / 1_000.0)
}

/// A table for each scenario, and the sum below.
pub(super) fn for_people(
    compared: &[Compared<'_>],
    context: &mut Context,
) -> Result<(), CommandError> {
    let bold = Style::new().bold();
    for story in compared {
        writeln!(
            context.out(),
            "{bold}{}{bold:#} ({}, {} seeds)",
            story.title,
            story.file,
            story.seeds
        )?;
        let mut table = Table::new("");
        for name in HEADS {
            table = table.column(Column::text(name));
        }
        for one in &story.judged {
            table.push(row(one).map(Cell::text).to_vec());
        }
        context.print(&table)?;
        writeln!(context.out())?;
    }
    let count = Count::of(compared);
    let is_whole = count.agree == count.of;
    let colour = if is_whole {
        AnsiColor::Green
    } else {
        AnsiColor::Yellow
    }
    .on_default();
    writeln!(context.out(), "{colour}{}{colour:#}", count.summary())?;
    Ok(())
}

/// The same in Markdown, for a page.
pub(super) fn markdown(compared: &[Compared<'_>], out: &mut Vec<u8>) -> io::Result<()> {
    let cell = |text: &str| text.replace('|', "\\|");
    writeln!(out, "{}.", Count::of(compared).summary())?;
    for story in compared {
        writeln!(out, "\n### {}\n", story.title)?;
        let name = story.file.rsplit('/').next().unwrap_or(story.file);
        writeln!(out, "`{name}`, {} seeds.\n", story.seeds)?;
        writeln!(out, "| {} |", HEADS.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(HEADS.len()))?;
        for one in &story.judged {
            writeln!(out, "| {} |", row(one).map(|text| cell(&text)).join(" | "))?;
        }
    }
    Ok(())
}

const HEADS: [&str; 6] = [
    "configuration",
    "figure",
    "measured",
    "n",
    "predicted",
    "agrees",
];

/// A reference as people read it.
fn row(one: &Judged<'_>) -> [String; 6] {
    let unit = one.reference.metric.unit();
    let measured = match &one.agreement {
        Some(Agreement {
            measured,
            interval: Some(interval),
            ..
        }) if interval.width() > 0.0 || !interval.contains(*measured) => format!(
            "{} [{} – {}]",
            shown(*measured, unit),
            shown(interval.low, unit),
            shown(interval.high, unit)
        ),
        Some(agreement) => shown(agreement.measured, unit),
        None => String::new(),
    };
    let repetitions = one.agreement.and_then(|agreement| agreement.repetitions);
    let verdict = match &one.agreement {
        Some(agreement) if agreement.agrees() => format!("yes: {}", agreement.reasons()),
        Some(_) => "NO".to_owned(),
        None => "NO: nothing to compare in any run".to_owned(),
    };
    [
        configuration(one),
        figure(one),
        measured,
        repetitions.map_or(String::new(), |count| count.to_string()),
        one.agreement
            .map_or(String::new(), |agreement| shown(agreement.predicted, unit)),
        verdict,
    ]
}

/// Variant, strategy and case, as far as they tell something.
fn configuration(one: &Judged<'_>) -> String {
    let parts = [one.variant, one.strategy, one.case];
    let plain = ["base", "pinned", "faults"];
    let told: Vec<&str> = parts
        .into_iter()
        .filter(|part| !plain.contains(part))
        .collect();
    told.join(", ")
}

fn figure(one: &Judged<'_>) -> String {
    match one.keyspace {
        Some(keyspace) => format!("{} of {keyspace}", one.reference.metric),
        None => one.reference.metric.to_string(),
    }
}

/// A value in its unit.
fn shown(value: f64, unit: Unit) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    match unit {
        Unit::Milliseconds if value.abs() < 1_000.0 => format!("{} ms", words::number(value)),
        Unit::Milliseconds => format!("{:.2} s", value / 1_000.0),
        Unit::Share => percent(value),
        _ => words::number(value),
    }
}

/// Everything, a row for each reference, for scripts.
pub(super) fn in_full(compared: &[Compared<'_>]) -> Table {
    let mut table = Table::new(Count::of(compared).summary());
    for name in [
        "file", "variant", "strategy", "case", "metric", "keyspace", "source",
    ] {
        table = table.column(Column::text(name));
    }
    table = table
        .column(Column::count("n", "repetitions"))
        .column(Column::estimate_of("measured", 3))
        .column(Column::count("seeds", "seeds"))
        .column(Column::estimate_of("predicted", 3))
        .column(Column::share("ks_distance"))
        .column(Column::share("ks_p"));
    for name in ["by_tolerance", "by_interval", "by_distribution", "agrees"] {
        table = table.column(Column::text(name));
    }
    let yes = |holds: bool| Cell::text(if holds { "yes" } else { "no" });
    for story in compared {
        for one in &story.judged {
            let agreement = one.agreement.as_ref();
            let number = |part: fn(&Agreement) -> f64| {
                agreement.map_or(Cell::Missing, |agreement| Cell::Number(part(agreement)))
            };
            let told = |part: fn(&Agreement) -> bool| yes(agreement.is_some_and(part));
            let measured = match agreement.and_then(|one| Some((one.measured, one.interval?))) {
                Some((value, interval)) => Cell::estimate(value, interval.low, interval.high),
                None => number(|agreement| agreement.measured),
            };
            let test = |part: fn(&Agreement) -> Option<f64>| {
                agreement.and_then(part).map_or(Cell::Missing, Cell::Number)
            };
            let repetitions = agreement.and_then(|agreement| agreement.repetitions);
            table.push(vec![
                Cell::text(story.file),
                Cell::text(one.variant),
                Cell::text(one.strategy),
                Cell::text(one.case),
                Cell::text(one.reference.metric.to_string()),
                one.keyspace.map_or(Cell::Missing, Cell::text),
                Cell::text(&one.reference.source),
                repetitions.map_or(Cell::Missing, |count| Cell::Count(u64::from(count))),
                measured,
                Cell::Count(one.predicted.len() as u64),
                number(|agreement| agreement.predicted),
                test(|agreement| agreement.test.map(|test| test.distance)),
                test(|agreement| agreement.test.map(|test| test.p_value)),
                told(|agreement| agreement.is_near),
                told(Agreement::is_within),
                told(Agreement::is_alike),
                yes(one.agrees()),
            ]);
        }
    }
    table
}
