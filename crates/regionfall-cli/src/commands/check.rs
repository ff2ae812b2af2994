//! `regionfall check FILE`: whether a scenario can be run, how large it is, and what will disappoint.

use std::io::Write as _;

use regionfall::scenario::{Scenario, Variant};
use regionfall_report::table::{Cell, Column, Table};

use crate::arguments::CheckArguments;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::scenario_file;

/// Checks a scenario. What is wrong with it is an error; warnings are told and harm nothing.
pub(crate) fn run(arguments: &CheckArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let loaded = scenario_file::load(&arguments.scenario)?;
    for warning in &loaded.warnings {
        context.warn(&format!("{}: {}", warning.key, warning.message));
    }
    if arguments.resolved {
        context
            .out()
            .write_all(loaded.resolved.to_toml().as_bytes())?;
    } else if context.is_for_people() {
        describe(&arguments.scenario.file, &loaded.scenario, context.out())?;
    } else {
        context.print(&table(&loaded.scenario))?;
    }
    Ok(Exit::Held)
}

/// What there is to run, in lines.
fn describe(file: &str, scenario: &Scenario, out: &mut Vec<u8>) -> Result<(), CommandError> {
    writeln!(out, "{file}: ok")?;
    writeln!(out, "  title      {}", scenario.title)?;
    writeln!(out, "  digest     {}", scenario.digest)?;
    for variant in &scenario.variants {
        if scenario.variants.len() > 1 {
            writeln!(out, "  variant    {}", variant.name)?;
        }
        let settings = &variant.settings;
        let (regions, members) = (&settings.topology.regions, settings.topology.members);
        let names = |names: &mut dyn Iterator<Item = &String>| {
            names.map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let fleets = settings.workload.fleets.iter();
        let lines = [
            (
                "members",
                members,
                names(&mut regions[..members].iter().map(|region| &region.name)),
            ),
            (
                "others",
                regions.len() - members,
                names(&mut regions[members..].iter().map(|region| &region.name)),
            ),
            (
                "fleets",
                settings.workload.fleets.len(),
                names(&mut fleets.map(|fleet| &fleet.name)),
            ),
            (
                "strategies",
                settings.strategies.len(),
                names(&mut settings.strategies.iter().map(|one| &one.name)),
            ),
            (
                "cases",
                settings.cases.len(),
                names(&mut settings.cases.iter().map(|case| &case.name)),
            ),
        ];
        for (what, count, names) in lines {
            // Most scenarios have no region without a member.
            if count > 0 || what != "others" {
                writeln!(out, "  {what:<10} {count}: {names}")?;
            }
        }
        let phases = settings.phases;
        writeln!(
            out,
            "  a run      {} of simulated time: {} warm-up, {} storm, {} calm; then at most {} to drain",
            settings.phases.traffic(),
            phases.warm_up,
            phases.storm,
            phases.calm,
            phases.quiescence
        )?;
    }
    let runs: usize = scenario.variants.iter().map(cells).sum();
    let seeds = scenario.seeds;
    writeln!(
        out,
        "  compare    {seeds} seeds: {} runs, and their controls",
        runs * seeds as usize
    )?;
    Ok(())
}

/// The same as a table with a row for each variant.
fn table(scenario: &Scenario) -> Table {
    let mut table = Table::new(scenario.title.clone())
        .column(Column::text("variant"))
        .column(Column::text("scenario_digest"));
    for name in [
        "regions",
        "members",
        "fleets",
        "servers",
        "strategies",
        "cases",
        "seeds",
    ] {
        table = table.column(Column::count(name, "count"));
    }
    table = table.column(Column::number("simulated_time_s", "s", 3).named_in_full());
    for variant in &scenario.variants {
        let settings = &variant.settings;
        let servers: u64 = settings
            .workload
            .fleets
            .iter()
            .map(|fleet| u64::from(fleet.servers))
            .sum();
        let count = |number: usize| Cell::Count(number as u64);
        table.push(vec![
            Cell::text(&variant.name),
            Cell::text(&scenario.digest),
            count(settings.topology.regions.len()),
            count(settings.topology.members),
            count(settings.workload.fleets.len()),
            Cell::Count(servers),
            count(settings.strategies.len()),
            count(settings.cases.len()),
            Cell::Count(u64::from(scenario.seeds)),
            Cell::Number(settings.phases.traffic().as_secs_f64()),
        ]);
    }
    table
}

fn cells(variant: &Variant) -> usize {
    variant.settings.strategies.len() * variant.settings.cases.len()
}
