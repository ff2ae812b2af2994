//! What a comparison came to: runs in the order of the scenario, and how complete they are.

use std::collections::BTreeMap;

use regionfall_kernel::Seed;

use super::run::{Control, Group, Run};
use super::statistics::Level;
use super::statistics::sequential::Look;
use crate::failover::StrategyConfig;
use crate::scenario::{Case, Scenario, Variant};

/// A variant, a strategy and a case, by their positions in the scenario.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cell {
    /// The position of the variant.
    pub variant: usize,
    /// The position of the strategy in the variant.
    pub strategy: usize,
    /// The position of the case in the variant.
    pub case: usize,
}

/// Whether all seeds are there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Completeness {
    /// All that were asked for.
    Whole,
    /// Those of the look at which the comparison was sharp enough, or could go no further.
    Sharp(Look),
    /// It was stopped before.
    Partial {
        /// Seeds that are there.
        seeds: usize,
        /// Seeds that were asked for.
        of: usize,
    },
}

/// What a comparison came to.
#[derive(Clone, Debug)]
pub struct Results<'a> {
    scenario: &'a Scenario,
    cells: Vec<Cell>,
    seeds: Vec<Seed>,
    runs: Vec<Vec<Run>>,
    controls: Vec<(usize, usize, Seed, Option<Control>)>,
    completeness: Completeness,
    beyond: Vec<Group>,
}

/// The runs of a cell, one for each seed, in order.
#[derive(Clone, Copy, Debug)]
pub struct CellRuns<'a> {
    /// Where they are in the scenario.
    pub cell: Cell,
    /// The variant.
    pub variant: &'a Variant,
    /// The strategy.
    pub strategy: &'a StrategyConfig,
    /// The case.
    pub case: &'a Case,
    /// The runs.
    pub runs: &'a [Run],
}

impl<'a> Results<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        cells: Vec<Cell>,
        seeds: Vec<Seed>,
        runs: Vec<Vec<Run>>,
        controls: Vec<(usize, usize, Seed, Option<Control>)>,
        (completeness, beyond): (Completeness, Vec<Group>),
    ) -> Self {
        debug_assert_eq!(cells.len(), runs.len(), "every cell has its runs");
        debug_assert!(
            runs.iter().all(|runs| runs.len() == seeds.len()),
            "every cell has every seed"
        );
        Self {
            scenario,
            cells,
            seeds,
            runs,
            controls,
            completeness,
            beyond,
        }
    }

    /// The scenario.
    pub fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// The seeds of which every run is there.
    pub fn seeds(&self) -> &[Seed] {
        &self.seeds
    }

    /// Whether these are all that were asked for.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// The cells by variant, case and strategy, each with its runs.
    pub fn cells(&self) -> impl Iterator<Item = CellRuns<'_>> {
        self.cells.iter().zip(&self.runs).map(|(cell, runs)| {
            let variant = &self.scenario.variants[cell.variant];
            CellRuns {
                cell: *cell,
                variant,
                strategy: &variant.settings.strategies[cell.strategy],
                case: &variant.settings.cases[cell.case],
                runs,
            }
        })
    }

    /// The cells of each variant and case, with a row for each strategy.
    pub fn blocks(&self) -> Vec<Vec<CellRuns<'_>>> {
        let mut blocks: BTreeMap<(usize, usize), Vec<CellRuns<'_>>> = BTreeMap::new();
        for cell in self.cells() {
            blocks
                .entry((cell.cell.variant, cell.cell.case))
                .or_default()
                .push(cell);
        }
        blocks.into_values().collect()
    }

    /// The control runs by variant, strategy and seed.
    pub fn controls(
        &self,
    ) -> impl Iterator<Item = (&'a Variant, &'a StrategyConfig, Seed, &Control)> {
        self.controls
            .iter()
            .filter_map(|(variant, strategy, seed, control)| {
                let variant = &self.scenario.variants[*variant];
                let strategy = &variant.settings.strategies[*strategy];
                Some((variant, strategy, *seed, control.as_ref()?))
            })
    }

    /// The level at which intervals are computed so that those that are shown hold at 95 %.
    ///
    /// That is 95 %, unless the number of seeds was decided by looking at the figures.
    pub fn level(&self) -> Level {
        match self.completeness {
            Completeness::Sharp(look) => look.level,
            Completeness::Whole | Completeness::Partial { .. } => Level::P95,
        }
    }

    /// The share of an allowed error that may be spent here: 1, unless the number of seeds was decided
    /// by looking at the figures.
    pub fn error_share(&self) -> f64 {
        match self.completeness {
            Completeness::Sharp(look) => {
                1.0 / (f64::from(look.number) * f64::from(look.number + 1))
            }
            Completeness::Whole | Completeness::Partial { .. } => 1.0,
        }
    }

    /// Takes everything apart into groups, for whoever goes on later: those of whole seeds and those
    /// beyond.
    pub fn into_groups(self) -> Vec<Group> {
        let mut runs: BTreeMap<(usize, usize), Vec<std::vec::IntoIter<Run>>> = BTreeMap::new();
        for (cell, of_cell) in self.cells.iter().zip(self.runs) {
            let line = runs.entry((cell.variant, cell.strategy)).or_default();
            line.push(of_cell.into_iter());
        }
        let mut groups: Vec<Group> = Vec::new();
        for (variant, strategy, seed, control) in self.controls {
            let line = runs.get_mut(&(variant, strategy));
            groups.push(Group {
                variant,
                strategy,
                seed,
                control,
                runs: line
                    .into_iter()
                    .flatten()
                    .filter_map(Iterator::next)
                    .collect(),
            });
        }
        groups.extend(self.beyond);
        groups
    }
}

impl CellRuns<'_> {
    /// The values of a column, one for each seed that has one; infinite where it did not end before
    /// the horizon.
    pub fn column(&self, column: &str) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|run| run.ranked(column))
            .collect()
    }

    /// The sum of a column over seeds.
    pub fn sum(&self, column: &str) -> f64 {
        self.runs.iter().filter_map(|run| run.number(column)).sum()
    }
}
