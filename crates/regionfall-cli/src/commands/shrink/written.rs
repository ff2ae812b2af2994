//! What is written of a shrunk failure: the scenario, the test, the story.

use std::path::Path;

use regionfall::explore::{Names, Shrunk};
use regionfall::simulation::{MODEL_VERSION, Outcome};

use crate::arguments::ShrinkArguments;

/// The three files with their names: scenario, Rust test, story.
pub(super) fn files(
    arguments: &ShrinkArguments,
    shrunk: &Shrunk,
    outcome: &Outcome,
    names: &Names,
) -> [(String, String); 3] {
    let stem = Path::new(&arguments.scenario.file)
        .file_stem()
        .map_or("scenario".into(), |stem| stem.to_string_lossy());
    let name = format!("{stem}-seed-{}", arguments.seed);
    let toml = scenario(arguments, shrunk, outcome, names);
    let test = test(&name, shrunk, &toml);
    let story = story(shrunk, outcome, names);
    [
        (format!("{name}.toml"), toml),
        (format!("{}.rs", slug(&name)), test),
        (format!("{name}.txt"), story),
    ]
}

fn scenario(
    arguments: &ShrinkArguments,
    shrunk: &Shrunk,
    outcome: &Outcome,
    names: &Names,
) -> String {
    let broken = format!("broken = {:?}\n", shrunk.failure.property);
    format!(
        "# {}.\n# Shrunk from {}, seed {}.\n{}\n[replay]\nseed = {}\nmodel = {MODEL_VERSION}\nexpect = \"{}\"\n{broken}",
        names
            .in_words(&shrunk.failure.to_string())
            .replace('\n', "\n#"),
        arguments.scenario.file,
        arguments.seed,
        shrunk.specimen.to_toml(),
        shrunk.specimen.seed,
        outcome.trace_hash()
    )
}

fn test(name: &str, shrunk: &Shrunk, toml: &str) -> String {
    let (function, seed) = (slug(name), shrunk.specimen.seed);
    let property = &shrunk.failure.property;
    format!(
        r##"//! {property}: found by generated faults, and shrunk.

use regionfall::explore::Failure;
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

#[test]
fn {function}() {{
    let scenario = Scenario::from_toml(SCENARIO).expect("the scenario is valid");
    let outcome = Simulation::new(&scenario, Seed::new({seed})).run().expect("a strategy is named");
    let objectives = &scenario.variants[0].settings.cases[0].objectives;
    let failures = Failure::all(&outcome, objectives);
    let failure = failures.iter().find(|failure| failure.property == {property:?});
    assert!(failure.is_none(), "{{failure:?}}\n{{}}", outcome.story());
}}

const SCENARIO: &str = r#"
{toml}"#;
"##
    )
}

fn story(shrunk: &Shrunk, outcome: &Outcome, names: &Names) -> String {
    let failure = names.in_words(&shrunk.failure.to_string());
    format!("{failure}\n\n{}", outcome.story())
}

fn slug(name: &str) -> String {
    let letters = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    });
    let slug: String = letters.collect();
    if slug.starts_with(|c: char| c.is_ascii_digit()) {
        format!("run_{slug}")
    } else {
        slug
    }
}
