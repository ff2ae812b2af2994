//! `regionfall init`: a commented scenario to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use regionfall::topology::RttTable;

use crate::arguments::InitArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::shell::quoted;

/// The scenario, with places for what the regions decide.
const TEMPLATE: &str = include_str!("template.toml");
/// A fleet of it.
const FLEET: &str = include_str!("fleet.toml");

/// Writes the scenario.
pub(crate) fn run(arguments: &InitArguments, context: &mut Context) -> Result<Exit, CommandError> {
    let text = scenario(&arguments.regions)?;
    let Some(path) = &arguments.out else {
        context.out().write_all(text.as_bytes())?;
        return Ok(Exit::Held);
    };
    write_new(path, &text)?;
    let name = quoted(&path.display().to_string());
    context.note(&format!("wrote {name}; next: regionfall check {name}"));
    Ok(Exit::Held)
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), InputError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            InputError::new(format!("`{}` is there already", path.display()))
                .help("`init` never overwrites: name a new file, or remove this one")
        }
        _ => InputError::new(format!("cannot write `{}`: {error}", path.display())),
    })
}

/// The scenario for these regions.
fn scenario(regions: &[String]) -> Result<String, InputError> {
    let rtt = table_of(regions)?;
    let names: Vec<String> = regions.iter().map(|name| format!("\"{name}\"")).collect();
    let fleets: Vec<String> = (0..names.len()).map(|own| fleet(&names, own)).collect();
    Ok(TEMPLATE
        .replace("{{rtt}}", rtt)
        .replace("{{regions}}", &names.join(", "))
        .replace("{{first}}", &names[0])
        .replace("{{fleets}}", fleets.join("\n").trim_end()))
}

/// The fleet of one region: at home there, and in the others in their order.
fn fleet(names: &[String], own: usize) -> String {
    let others = names.iter().enumerate().filter(|(index, _)| *index != own);
    let home: Vec<&str> = [names[own].as_str()]
        .into_iter()
        .chain(others.map(|(_, name)| name.as_str()))
        .collect();
    FLEET
        .replace("{{region}}", &names[own])
        .replace("{{home}}", &home.join(", "))
}

/// The name of the table that knows the distances between all of the regions.
fn table_of(regions: &[String]) -> Result<&'static str, InputError> {
    if !(2..=10).contains(&regions.len()) {
        let error = InputError::new(format!("--regions: got {}", count(regions.len())));
        return Err(error.allowed("2 to 10 regions, separated by commas"));
    }
    if let Some((_, twice)) = regions
        .iter()
        .enumerate()
        .find(|(index, name)| regions[..*index].contains(name))
    {
        return Err(InputError::new(format!(
            "--regions: the region `{twice}` is there twice"
        )));
    }
    let tables = [("aws", RttTable::aws()), ("azure", RttTable::azure())];
    let knows_all = |table: &RttTable| regions.iter().all(|name| table.has_region(name));
    if let Some((name, _)) = tables.iter().find(|(_, table)| knows_all(table)) {
        return Ok(name);
    }
    let is_known = |name: &str| tables.iter().any(|(_, table)| table.has_region(name));
    let known = || tables.iter().flat_map(|(_, table)| table.regions());
    match regions.iter().find(|name| !is_known(name)) {
        Some(unknown) => Err(InputError::unknown("region", unknown, known())),
        None => Err(InputError::new("--regions: no table of round trips knows all of them")
            .allowed("regions of AWS, or regions of Azure")
            .help("start from regions of one provider, then add the others with a `[[topology.link]]` to each")),
    }
}

fn count(regions: usize) -> String {
    if regions == 1 {
        "1 region".to_owned()
    } else {
        format!("{regions} regions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regionfall::scenario::Scenario;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn the_scenario_is_right_for_any_regions_of_one_provider() {
        for regions in [
            "us-east-1,eu-west-1,ap-southeast-1",
            "eu-west-1,us-east-1",
            "west-europe,sweden-central,east-us",
        ] {
            let text =
                scenario(&names(regions)).unwrap_or_else(|error| panic!("{regions}: {error:?}"));
            let scenario =
                Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let settings = &scenario.variants[0].settings;
            assert_eq!(settings.topology.members, names(regions).len());
            assert_eq!(settings.workload.fleets.len(), names(regions).len());
            assert!(!text.contains("{{"), "{text}");
        }
    }

    #[test]
    fn regions_that_no_table_knows_are_refused() {
        let refusal = |regions: &str| format!("{:?}", scenario(&names(regions)).unwrap_err());
        assert!(refusal("us-east-1,eu-wst-1").contains("did you mean `eu-west-1`?"));
        assert!(refusal("us-east-1").contains("2 to 10 regions"));
        assert!(refusal("us-east-1,us-east-1").contains("twice"));
        assert!(refusal("us-east-1,west-europe").contains("regions of AWS, or regions of Azure"));
    }
}
