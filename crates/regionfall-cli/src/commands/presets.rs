//! `regionfall presets`: the catalogue of strategies, with the source and grade of every number.

use std::io::Write as _;

use regionfall::failover::{Catalogue, Preset};
use regionfall_kernel::SimDuration;
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::PresetsArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;

/// Lists all presets, or shows one.
pub(crate) fn run(
    arguments: &PresetsArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let catalogue = Catalogue::embedded();
    let asked = match &arguments.name {
        None => None,
        Some(name) => {
            let unknown = || InputError::unknown("preset", name, catalogue.names());
            Some(catalogue.get(name).ok_or_else(unknown)?)
        }
    };
    match (asked, arguments.toml) {
        (None, false) => list(&catalogue, context)?,
        (None, true) => {
            let texts: Vec<String> = catalogue.list().iter().map(Preset::to_toml).collect();
            write!(context.out(), "{}", texts.join("\n"))?;
        }
        (Some(preset), false) => show(preset, context)?,
        (Some(preset), true) => write!(context.out(), "{}", preset.to_toml())?,
    }
    Ok(Exit::Held)
}

fn list(catalogue: &Catalogue, context: &mut Context) -> Result<(), CommandError> {
    let is_for_people = context.is_for_people();
    let mut table = Table::new(if is_for_people { "" } else { "presets" })
        .column(Column::text("preset"))
        .column(Column::text("family"))
        .column(Column::count("settings", "count"))
        .column(Column::number("detect_silent_max", "s", 1))
        .column(Column::number("detect_refusing_max", "s", 1))
        .column(Column::text("weakest_grade"));
    if !is_for_people {
        table = table
            .column(Column::text("summary"))
            .column(Column::text("parameters"))
            .column(Column::text("sources"));
    }
    for preset in catalogue.list() {
        let detection = |part: fn(&regionfall::failover::Detection) -> SimDuration| {
            let span = preset.detection.as_ref().map(part);
            span.map_or(Cell::Missing, |span| Cell::Number(span.as_secs_f64()))
        };
        let weakest = preset.numbers.iter().map(|number| number.grade).min();
        let mut row = vec![
            Cell::text(&preset.name),
            Cell::text(&preset.family),
            Cell::Count(preset.numbers.len() as u64),
            detection(|detection| detection.silent),
            detection(|detection| detection.refusing),
            weakest.map_or(Cell::Missing, |grade| Cell::text(grade.name())),
        ];
        if !is_for_people {
            row.push(Cell::text(&preset.summary));
            row.push(Cell::text(preset.parameters()));
            row.push(Cell::text(preset.sources().join("; ")));
        }
        table.push(row);
    }
    context.print(&table)?;
    if is_for_people {
        writeln!(context.out())?;
        for preset in catalogue.list() {
            writeln!(context.out(), "{}\n    {}", preset.name, preset.summary)?;
            writeln!(context.out(), "    {}", preset.parameters())?;
            let sources = preset.sources().join("; ");
            if !sources.is_empty() {
                writeln!(context.out(), "    from: {sources}")?;
            }
        }
        let note = "\n`regionfall presets NAME` shows each setting with its source, `--toml` a text to paste.";
        writeln!(context.out(), "{note}")?;
    }
    Ok(())
}

fn show(preset: &Preset, context: &mut Context) -> Result<(), CommandError> {
    let mut table = Table::new(if context.is_for_people() {
        ""
    } else {
        &preset.name
    })
    .column(Column::text("key"))
    .column(Column::text("value"))
    .column(Column::text("grade"))
    .column(Column::text("source"));
    for number in &preset.numbers {
        let cells = [
            &number.key,
            &number.value,
            number.grade.name(),
            &number.source,
        ];
        table.push(cells.map(Cell::text).to_vec());
    }
    if context.is_for_people() {
        writeln!(
            context.out(),
            "{} ({})\n{}\n",
            preset.name,
            preset.family,
            preset.summary
        )?;
    }
    context.print(&table)?;
    if let (true, Some(detection)) = (context.is_for_people(), &preset.detection) {
        writeln!(
            context.out(),
            "\nworst-case detection: {} if the member falls silent, {} if it refuses\n  {}",
            detection.silent,
            detection.refusing,
            detection.formula
        )?;
    }
    Ok(())
}
