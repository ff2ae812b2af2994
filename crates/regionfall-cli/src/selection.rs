//! Which runs of a scenario a command is about.

use clap::Args;
use regionfall::failover::StrategyConfig;
use regionfall::scenario::{Case, Scenario, Variant};
use regionfall::simulation::{Outcome, PickError, Simulation};
use regionfall_kernel::Seed;

use crate::error::{CommandError, InputError};

/// The names that the arguments ask for; an empty list asks for all.
#[derive(Clone, Default, Debug, Args)]
pub(crate) struct Selection {
    /// Only this variant
    #[arg(long = "variant", value_name = "NAME")]
    pub(crate) variants: Vec<String>,
    /// Only this strategy
    #[arg(long = "strategy", value_name = "NAME")]
    pub(crate) strategies: Vec<String>,
    /// Only this case
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,
}

/// One cell of a comparison: a variant, a strategy and a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'s> {
    /// The variant.
    pub(crate) variant: &'s Variant,
    /// The strategy.
    pub(crate) strategy: &'s StrategyConfig,
    /// The case.
    pub(crate) case: &'s Case,
}

impl Selection {
    /// The cells asked for, in the order of the scenario: by variant, strategy and case.
    pub(crate) fn cells<'s>(&self, scenario: &'s Scenario) -> Result<Vec<Cell<'s>>, CommandError> {
        let all = cells(scenario);
        known(
            "variant",
            &self.variants,
            all.iter().map(|cell| cell.variant.name.as_str()),
        )?;
        known(
            "strategy",
            &self.strategies,
            all.iter().map(|cell| cell.strategy.name.as_str()),
        )?;
        known(
            "case",
            &self.cases,
            all.iter().map(|cell| cell.case.name.as_str()),
        )?;
        let is_asked = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        let asked: Vec<Cell<'s>> = all
            .into_iter()
            .filter(|cell| {
                is_asked(&self.variants, &cell.variant.name)
                    && is_asked(&self.strategies, &cell.strategy.name)
                    && is_asked(&self.cases, &cell.case.name)
            })
            .collect();
        if asked.is_empty() {
            let error = InputError::new("no variant has this strategy and this case");
            return Err(error.into());
        }
        Ok(asked)
    }
}

impl<'s> Cell<'s> {
    /// A run of the cell.
    pub(crate) fn simulation(
        &self,
        scenario: &'s Scenario,
        seed: Seed,
    ) -> Result<Simulation<'s>, PickError> {
        Simulation::new(scenario, seed)
            .variant(&self.variant.name)?
            .case(&self.case.name)?
            .strategy(&self.strategy.name)
    }

    /// Runs it.
    pub(crate) fn run(&self, scenario: &'s Scenario, seed: Seed) -> Result<Outcome, PickError> {
        self.simulation(scenario, seed)?.run()
    }
}

/// All cells of a scenario, by variant, strategy and case.
pub(crate) fn cells(scenario: &Scenario) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    for variant in &scenario.variants {
        for strategy in &variant.settings.strategies {
            let cases = variant.settings.cases.iter();
            cells.extend(cases.map(|case| Cell {
                variant,
                strategy,
                case,
            }));
        }
    }
    cells
}

/// Refuses names that nothing has.
fn known<'a>(
    what: &str,
    asked: &[String],
    all: impl Iterator<Item = &'a str>,
) -> Result<(), InputError> {
    let mut names: Vec<&str> = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match asked.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(InputError::unknown(what, unknown, names)),
        None => Ok(()),
    }
}

impl From<PickError> for CommandError {
    /// Cells are picked from the scenario itself: a name that is not in it is our mistake.
    fn from(error: PickError) -> Self {
        Self::Internal(error.to_string())
    }
}
