//! The hunt: plans from rates, one for each seed, until one of them breaks something.
//!
//! ```
//! use regionfall::explore::Hunt;
//!
//! let scenario = r#"
//!     title = "Who finds a way back?"
//!     [phases]
//!     warm_up = "5s"
//!     storm = "20s"
//!     calm = "10s"
//!     [topology]
//!     regions = ["us-east-1", "eu-west-1"]
//!     [[strategy]]
//!     preset = "pinned"
//!     [objectives]
//!     rto_max = { max = "5s" }
//! "#;
//! let mut hunt = Hunt::new(scenario)?;
//! let searched = hunt.runs(200).search();
//! let found = searched.found.expect("a client that stays where it is waits for the end of the fault");
//! let shrunk = hunt.shrink(&found, 300)?;
//! assert!(shrunk.specimen.faults() == 1, "{}", shrunk.specimen.to_toml());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use regionfall_kernel::Seed;

use super::failure::Failure;
use super::shrink::{Budget, Shrunk, shrink};
use super::specimen::{NoSpecimen, Specimen};
use crate::check::OwnCheck;
use crate::failover::Decider;
use crate::fault::{ChaosConfig, FaultSpec};
use crate::scenario::{LoadError, Loaded, Loader, Scenario, ScenarioError};
use crate::simulation::{Outcome, Simulation};

/// A search for a plan that breaks something, in one variant and strategy of a scenario.
pub struct Hunt {
    path: String,
    text: String,
    loaded: Loaded,
    variant: usize,
    strategy: usize,
    chaos: ChaosConfig,
    first: u64,
    runs: u32,
    only: Vec<String>,
    but: Vec<String>,
    decider: Option<Box<dyn Decider>>,
    checks: Vec<Box<dyn OwnCheck>>,
    is_over: Box<dyn Fn() -> bool>,
}

/// A plan that broke something.
#[derive(Clone, Debug)]
pub struct Found {
    /// The seed.
    pub seed: Seed,
    /// The plan.
    pub plan: Vec<FaultSpec>,
    /// What broke, the worst of it.
    pub failure: Failure,
    /// How many runs it took.
    pub runs: u32,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Searched {
    /// What was found.
    pub found: Option<Found>,
    /// How many runs were made.
    pub runs: u32,
}

impl Hunt {
    /// A search over a scenario that names no other files: its first strategy, under generated faults. If it has `[chaos]`, plans
    /// come from there; the plans of its cases are left out.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn new(text: &str) -> Result<Self, ScenarioError> {
        let path = "scenario.toml".to_owned();
        let loaded = Scenario::load(&path, &Text(text), &[])?;
        let settings = &loaded.scenario.variants[0].settings;
        let own = settings.cases.iter().find_map(|case| case.chaos.clone());
        let chaos = own.unwrap_or_else(|| ChaosConfig::for_search(settings.phases.storm));
        Ok(Self {
            path,
            text: text.to_owned(),
            chaos,
            loaded,
            variant: 0,
            strategy: 0,
            first: 1,
            runs: 1_000,
            only: Vec::new(),
            but: Vec::new(),
            decider: None,
            checks: Vec::new(),
            is_over: Box::new(|| false),
        })
    }

    /// Picks a strategy by name; an unknown one leaves the first.
    #[must_use]
    pub fn strategy(mut self, name: &str) -> Self {
        let strategies = &self.loaded.scenario.variants[self.variant]
            .settings
            .strategies;
        let found = strategies.iter().position(|known| known.name == name);
        self.strategy = found.unwrap_or(self.strategy);
        self
    }

    /// Lets every client process decide by a copy of this decider.
    #[must_use]
    pub fn decider(mut self, decider: impl Decider + 'static) -> Self {
        self.decider = Some(Box::new(decider));
        self
    }

    /// Adds a check of your own.
    #[must_use]
    pub fn check(mut self, check: impl OwnCheck + 'static) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    /// Looks for this property only; may be said several times.
    #[must_use]
    pub fn only(mut self, property: &str) -> Self {
        self.only.push(property.to_owned());
        self
    }

    /// Passes over this property.
    #[must_use]
    pub fn but(mut self, property: &str) -> Self {
        self.but.push(property.to_owned());
        self
    }

    /// Draws plans from this.
    #[must_use]
    pub fn chaos(mut self, chaos: ChaosConfig) -> Self {
        self.chaos = chaos;
        self
    }

    /// The first seed; 1 unless told otherwise.
    #[must_use]
    pub fn from_seed(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Stops when this says so, also while it shrinks: a deadline, say, which only the caller can know.
    #[must_use]
    pub fn until(mut self, is_over: impl Fn() -> bool + 'static) -> Self {
        self.is_over = Box::new(is_over);
        self
    }

    /// Most runs of a search.
    pub fn runs(&mut self, runs: u32) -> &mut Self {
        self.runs = runs;
        self
    }

    /// Searches seed by seed until something breaks.
    pub fn search(&self) -> Searched {
        let settings = &self.loaded.scenario.variants[self.variant].settings;
        let place = settings.chaos_place();
        let mut runs = 0;
        while runs < self.runs && !(self.is_over)() {
            let seed = Seed::new(self.first + u64::from(runs));
            let plan = self.chaos.draw(seed, &place);
            runs += 1;
            let failures = self.failures(&self.loaded.scenario, seed, Some(&plan));
            if let Some(failure) = failures.into_iter().next() {
                let found = Found {
                    seed,
                    plan,
                    failure,
                    runs,
                };
                return Searched {
                    found: Some(found),
                    runs,
                };
            }
        }
        Searched { found: None, runs }
    }

    /// Makes what was found as small as so many runs allow.
    ///
    /// # Errors
    /// If the scenario cannot be written as one that stands by itself.
    pub fn shrink(&self, found: &Found, runs: u32) -> Result<Shrunk, NoSpecimen> {
        let variant = &self.loaded.scenario.variants[self.variant];
        let settings = &variant.settings;
        let case = settings.cases.first().map_or("", |case| case.name.as_str());
        let strategy = &settings.strategies[self.strategy].name;
        let loader = Text(&self.text);
        let specimen = Specimen::with_plan(
            (&self.path, &self.loaded),
            (&variant.name, strategy),
            (case, &found.plan),
            found.seed,
            &loader,
        )?;
        let budget = Budget {
            runs,
            is_over: &self.is_over,
            progress: &|_, _| {},
        };
        let mut fails = |scenario: &Scenario| self.failures(scenario, found.seed, None);
        Ok(shrink(
            specimen,
            &found.failure,
            &loader,
            &budget,
            &mut fails,
        ))
    }

    /// Runs a specimen as the search does, with its decider and its checks.
    pub fn rerun(&self, specimen: &Specimen) -> Option<Outcome> {
        let scenario = specimen.scenario(&Text(&self.text)).ok()?;
        self.outcome(&scenario, specimen.seed, None, 0)
    }

    fn failures(
        &self,
        scenario: &Scenario,
        seed: Seed,
        plan: Option<&[FaultSpec]>,
    ) -> Vec<Failure> {
        let strategy = if plan.is_some() { self.strategy } else { 0 };
        let Some(outcome) = self.outcome(scenario, seed, plan, strategy) else {
            return Vec::new();
        };
        let settings = &scenario.variants[0].settings;
        let objectives = settings
            .cases
            .first()
            .map(|case| case.objectives.as_slice());
        let mut failures = Failure::all(&outcome, objectives.unwrap_or(&[]));
        failures.retain(|failure| {
            let is_sought = self.only.is_empty() || self.only.contains(&failure.property);
            is_sought && !self.but.contains(&failure.property)
        });
        failures
    }

    fn outcome(
        &self,
        scenario: &Scenario,
        seed: Seed,
        plan: Option<&[FaultSpec]>,
        strategy: usize,
    ) -> Option<Outcome> {
        let settings = &scenario.variants[0].settings;
        let mut simulation = Simulation::new(scenario, seed);
        if let Some(strategy) = settings.strategies.get(strategy) {
            simulation = simulation.strategy(&strategy.name).ok()?;
        }
        if let Some(plan) = plan {
            simulation = simulation.faults(plan.to_vec());
        }
        if let Some(decider) = &self.decider {
            simulation = simulation.boxed_decider(decider.clone());
        }
        for check in &self.checks {
            simulation = simulation.boxed_check(check.clone());
        }
        simulation.run().ok()
    }
}

/// One text, whatever is asked for.
struct Text<'a>(&'a str);

impl Loader for Text<'_> {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "scenario.toml" {
            Ok(self.0.as_bytes().to_vec())
        } else {
            Err(LoadError {
                reason: "this scenario was read from a text, which has no files beside it"
                    .to_owned(),
            })
        }
    }
}
