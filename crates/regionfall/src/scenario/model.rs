//! A scenario as the model takes it: checked, complete, every value in its type.
//!
//! The file format lives beside this file; here is only what a file means.

use std::borrow::Cow;

use regionfall_kernel::{Seed, SimDuration};

use crate::database::DatabaseConfig;
use crate::database::persistence::PersistenceMode;
use crate::failover::StrategyConfig;
use crate::fault::{ChaosConfig, ChaosPlace, FaultSpec};
use crate::topology::TopologyConfig;
use crate::workload::WorkloadConfig;

use super::expect::Expect;
use super::reference::Reference;

/// A checked scenario: what `regionfall compare` runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Scenario {
    /// What it is about, in a line.
    pub title: String,
    /// How many seeds a comparison runs unless told otherwise.
    pub seeds: u32,
    /// The variants; a file without `[[variant]]` has one, named `base`.
    pub variants: Vec<Variant>,
    /// What tests of the file expect of it: `[expect]` and `[replay]`.
    pub expect: Expect,
    /// What the real thing did, in the order of the file.
    pub references: Vec<Reference>,
    /// Digest of the resolved scenario and of every file it drew on (hexadecimal SHA-256).
    pub digest: String,
}

/// The settings under one name.
#[derive(Clone, PartialEq, Debug)]
pub struct Variant {
    /// Its name in tables.
    pub name: String,
    /// Everything that a run depends on, beside strategy, case and seed.
    pub settings: Settings,
}

/// Everything that a run depends on, beside strategy, case and seed.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The lengths of the phases.
    pub phases: Phases,
    /// How simultaneous events are ordered.
    pub ties: Ties,
    /// Most events of one run; a run that needs more ends there and says so.
    pub event_budget: u64,
    /// Regions and links.
    pub topology: TopologyConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The traffic.
    pub workload: WorkloadConfig,
    /// The strategies to compare.
    pub strategies: Vec<StrategyConfig>,
    /// The fault plans to compare them under; a file with top-level faults has one case.
    pub cases: Vec<Case>,
    /// What "served again" means for a population.
    pub recovered: Recovered,
}

/// The lengths of the phases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phases {
    /// No faults, not measured.
    pub warm_up: SimDuration,
    /// Faults.
    pub storm: SimDuration,
    /// After the heal.
    pub calm: SimDuration,
    /// Bound on the time that replication gets to drain at the end.
    pub quiescence: SimDuration,
}

impl Phases {
    /// How long there is traffic: all but the quiescence.
    pub fn traffic(self) -> SimDuration {
        self.warm_up + self.storm + self.calm
    }
}

/// How simultaneous events are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ties {
    /// As they were scheduled.
    Insertion,
    /// In a permutation drawn from the seed.
    Permuted,
}

/// A fault plan with what is asked of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Its name in tables.
    pub name: String,
    /// The plan, in the order of the file.
    pub faults: Vec<FaultSpec>,
    /// Faults that are drawn for each seed, beside the plan: `[chaos]`.
    pub chaos: Option<ChaosConfig>,
    /// What must hold.
    pub objectives: Vec<Objective>,
}

impl Case {
    /// The plan of a seed: what is written, and what chaos adds.
    pub fn plan(&self, settings: &Settings, seed: Seed) -> Cow<'_, [FaultSpec]> {
        match &self.chaos {
            None => Cow::Borrowed(&self.faults),
            Some(chaos) => {
                let mut faults = self.faults.clone();
                faults.extend(chaos.draw(seed, &settings.chaos_place()));
                Cow::Owned(faults)
            }
        }
    }
}

impl Settings {
    /// Where generated faults may strike.
    pub fn chaos_place(&self) -> ChaosPlace {
        let members = &self.topology.regions[..self.topology.members];
        ChaosPlace {
            members: members.len() as u8,
            zones: members.iter().map(|region| region.zones).min().unwrap_or(1),
            nodes: self.database.nodes_per_member() as u8,
            shards: self.database.shards,
            has_disks: self
                .database
                .persistence
                .as_ref()
                .is_some_and(|config| config.mode != PersistenceMode::None),
            begins: self.phases.warm_up,
            ends: self.phases.warm_up + self.phases.storm,
        }
    }
}

/// A bound on a column, to be met with confidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Objective {
    /// The column of a run, as in `runs.csv`.
    pub column: String,
    /// Which statistic of the column over seeds.
    pub statistic: Statistic,
    /// The bound, in the column's unit.
    pub limit: f64,
    /// Whether the statistic must stay at or below the bound, or at or above it (`availability`).
    pub sense: Sense,
    /// One-sided confidence, in 0.5..1.
    pub confidence: f64,
}

/// A statistic of a column over seeds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Statistic {
    /// The quantile of this order, in 0..1.
    Quantile(f64),
    /// The mean.
    Mean,
    /// The largest value seen. As a bound on every run it is judged as the quantile that the number
    /// of seeds can support.
    Max,
    /// The smallest value seen, for columns of which more is better; judged in the same way.
    Min,
}

/// On which side of its bound a statistic must stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    /// At or below.
    AtMost,
    /// At or above.
    AtLeast,
}

/// What "served again" means for a population: `[objectives.recovered]`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Recovered {
    /// Smallest share of requests in a window that succeed in time.
    pub success: f64,
    /// Bound on the 99th percentile of their latency.
    pub latency_p99: SimDuration,
    /// Length of the window.
    pub window: SimDuration,
    /// Fewest requests in it.
    pub min_requests: u32,
}
