//! The mutation suite: the model is broken on purpose, one way at a time, and a property must notice.
//!
//! Each mutation has a world in which it can show, with seeds; the same world without it is the control, and must hold. None of the properties was made for a mutation: they are the laws, promises and bounds that every
//! scenario can ask for. What caught what is written to `docs/mutations.md`, which this test compares.

mod worlds;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regionfall_kernel::Seed;

use super::search::Failure;
use crate::scenario::Scenario;
use crate::simulation::{Mutation, Sabotage, Simulation};

/// Seeds of each world.
const SEEDS: u64 = 6;

/// A mutation in a world.
pub(super) struct Row {
    pub(super) mutation: Mutation,
    /// What is broken, in a sentence.
    pub(super) what: &'static str,
    /// The name of the world, for the table.
    pub(super) world: &'static str,
    /// Its scenario.
    pub(super) text: String,
}

/// Everything that is wrong with a run.
fn failures(scenario: &Scenario, seed: u64, sabotage: Sabotage) -> Vec<String> {
    let run = || {
        Simulation::new(scenario, Seed::new(seed))
            .sabotage(sabotage)
            .run()
            .unwrap()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) => {
            let objectives = &scenario.variants[0].settings.cases[0].objectives;
            let failures = Failure::all(&outcome, objectives);
            failures.into_iter().map(|one| one.property).collect()
        }
        Err(_) => vec!["an assertion of the model".to_owned()],
    }
}

#[test]
fn every_mutation_is_caught_and_every_control_holds() {
    let mut table = String::from(HEAD);
    let mut wrong = Vec::new();
    let rows = worlds::rows();
    for row in &rows {
        let scenario = match Scenario::from_toml(&row.text) {
            Ok(scenario) => scenario,
            Err(error) => panic!("{}: {error}", row.world),
        };
        for seed in 1..=SEEDS {
            let control = failures(&scenario, seed, Sabotage::default());
            if !control.is_empty() {
                wrong.push(format!(
                    "{:?}: the control in `{}` fails with seed {seed}: {control:?}",
                    row.mutation, row.world
                ));
            }
        }
        let caught = (1..=SEEDS).find_map(|seed| {
            let broken = failures(&scenario, seed, Sabotage::of(row.mutation));
            (!broken.is_empty()).then_some((seed, broken))
        });
        match caught {
            Some((seed, broken)) => {
                let _ = writeln!(
                    table,
                    "| {:?} | {} | {} | {} | {seed} |",
                    row.mutation,
                    row.what,
                    row.world,
                    broken.join(", ")
                );
            }
            None => wrong.push(format!(
                "{:?} is not caught in `{}`",
                row.mutation, row.world
            )),
        }
    }
    assert!(rows.len() >= 25);
    assert!(wrong.is_empty(), "{}\n{table}", wrong.join("\n"));
    table.push_str(SOURCES);
    compare(&table);
}

/// Compares with the committed table, or writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its own table"
)]
fn compare(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mutations.md");
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, table).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        expected, table,
        "REGIONFALL_UPDATE_SNAPSHOTS=1 accepts what it got"
    );
}

/// What was found by changing the sources, which is written by hand.
const SOURCES: &str = include_str!("sources.md");

const HEAD: &str = "\
# Mutations

What happens when the model is broken on purpose. Each row is one way to break it, the world in which it was tried, and the
properties that noticed, in the run with the first seed that showed it. The same world without the mutation holds with every seed.
A test makes this table (`cargo test -p regionfall --lib mutations`); none of the properties was made for a mutation.

| Mutation | What is broken | World | Caught by | Seed |
|---|---|---|---|---|
";
