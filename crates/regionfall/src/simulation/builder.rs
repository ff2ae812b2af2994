//! The way in for code: pick a run of a scenario, change it if you like, run it.

use std::ops::Range;

use regionfall_kernel::{Seed, SimDuration, SimTime};

use super::blueprint::Blueprint;
use super::outcome::{Label, OWN_CLIENT, Outcome};
use super::run::{Course, Plan, run, run_with};
use super::sabotage::Sabotage;
use super::stepped::SteppedRun;
use crate::check::OwnCheck;
use crate::failover::{
    Adopt, Choice, Conduct, Decider, Failback, Propagation, Returning, StrategyConfig, Takeover,
    Vantage,
};
use crate::fault::FaultSpec;
use crate::history::Listener;
use crate::scenario::Scenario;

/// One run of a scenario, to be picked and started.
///
/// Unless told otherwise it is the first variant, the first case and the first strategy.
pub struct Simulation<'a> {
    scenario: &'a Scenario,
    seed: Seed,
    variant: usize,
    case: usize,
    strategy: usize,
    faults: Option<Vec<FaultSpec>>,
    decider: Option<Box<dyn Decider>>,
    checks: Vec<Box<dyn OwnCheck>>,
    control: bool,
    sabotage: Sabotage,
    window: Range<u64>,
}

/// What cannot be picked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PickError {
    /// No variant, case or strategy has this name.
    #[error("no {what} named {got:?}; there are {known:?}")]
    Unknown {
        /// A variant, a case or a strategy.
        what: &'static str,
        /// The name that was asked for.
        got: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The scenario names no strategy, and no decider was given.
    #[error("the scenario has no strategy")]
    NoStrategy,
}

impl<'a> Simulation<'a> {
    /// A run of `scenario`.
    pub fn new(scenario: &'a Scenario, seed: Seed) -> Self {
        Self {
            scenario,
            seed,
            variant: 0,
            case: 0,
            strategy: 0,
            faults: None,
            decider: None,
            checks: Vec::new(),
            control: false,
            sabotage: Sabotage::default(),
            window: 0..0,
        }
    }

    /// Picks a variant by name.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn variant(mut self, name: &str) -> Result<Self, PickError> {
        let names = self.scenario.variants.iter().map(|variant| &variant.name);
        self.variant = pick("variant", name, names)?;
        Ok(self)
    }

    /// Picks a case by name.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn case(mut self, name: &str) -> Result<Self, PickError> {
        let cases = &self.scenario.variants[self.variant].settings.cases;
        self.case = pick("case", name, cases.iter().map(|case| &case.name))?;
        Ok(self)
    }

    /// Picks a strategy by name.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn strategy(mut self, name: &str) -> Result<Self, PickError> {
        let strategies = &self.scenario.variants[self.variant].settings.strategies;
        self.strategy = pick(
            "strategy",
            name,
            strategies.iter().map(|strategy| &strategy.name),
        )?;
        Ok(self)
    }

    /// Lets every client process decide by a copy of this decider, acting on its own traffic at once.
    #[must_use]
    pub fn decider(mut self, decider: impl Decider + 'static) -> Self {
        self.decider = Some(Box::new(decider));
        self
    }

    /// Replaces the case's faults.
    #[must_use]
    pub fn faults(mut self, plan: Vec<FaultSpec>) -> Self {
        self.faults = Some(plan);
        self
    }

    /// Adds a check of your own: it hears every fact, sees the members at rest, and gives a verdict.
    #[must_use]
    pub fn check(mut self, check: impl OwnCheck + 'static) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    pub(crate) fn boxed_decider(mut self, decider: Box<dyn Decider>) -> Self {
        self.decider = Some(decider);
        self
    }

    /// Breaks the model on purpose.
    #[cfg(test)]
    pub(crate) fn sabotage(mut self, sabotage: Sabotage) -> Self {
        self.sabotage = sabotage;
        self
    }

    pub(crate) fn boxed_check(mut self, check: Box<dyn OwnCheck>) -> Self {
        self.checks.push(check);
        self
    }

    /// Leaves all faults out: the control of a case.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.control = true;
        self
    }

    /// Keeps the text of these records of the trace, to be found in [`Outcome::records`].
    #[must_use]
    pub fn keep_records(mut self, window: Range<u64>) -> Self {
        self.window = window;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// If the scenario has no strategy and no decider was given.
    pub fn run(self) -> Result<Outcome, PickError> {
        self.with_plan(run)
    }

    /// Runs it with a listener of your own, which hears every fact.
    ///
    /// # Errors
    /// If the scenario has no strategy and no decider was given.
    pub fn run_with(self, listener: &mut (dyn Listener + Send)) -> Result<Outcome, PickError> {
        self.with_plan(|plan| run_with(plan, listener))
    }

    /// Begins it, to be stepped and driven from outside; its strategy is called `own client` in tables. The strategy that
    /// was picked is that of the fleets that are not taken over, and publishes what names mean.
    ///
    /// # Errors
    /// If the scenario has no strategy.
    pub fn stepped(self) -> Result<SteppedRun, PickError> {
        self.with_plan(|plan| {
            let mut label = plan.label.clone();
            OWN_CLIENT.clone_into(&mut label.strategy);
            let plan = Plan {
                label,
                window: plan.window.clone(),
                ..*plan
            };
            SteppedRun::new(Course::begin(&plan, None))
        })
    }

    /// Runs it up to a moment, and from there to the end once for each of `noises`: the same faults and requests, while every
    /// delay that is still to be drawn is drawn from that seed.
    ///
    /// # Errors
    /// If the scenario has no strategy and no decider was given.
    pub fn continuations(self, at: SimTime, noises: &[Seed]) -> Result<Vec<Outcome>, PickError> {
        self.with_plan(|plan| {
            let mut so_far = Course::begin(plan, None);
            so_far.go_to(at);
            let go_on = |&noise: &Seed| {
                let mut course = so_far.checkpoint();
                course.renoise(noise);
                course.go_to_the_end();
                course.conclude()
            };
            noises.iter().map(go_on).collect()
        })
    }

    fn with_plan<T>(self, use_it: impl FnOnce(&Plan<'_>) -> T) -> Result<T, PickError> {
        let variant = &self.scenario.variants[self.variant];
        let settings = &variant.settings;
        let given = settings.strategies.get(self.strategy);
        let own = self.decider.as_ref().map(|_| own_strategy(given));
        let strategy = own.as_ref().or(given).ok_or(PickError::NoStrategy)?;
        let case = settings.cases.get(self.case);
        let drawn = case.map(|case| case.plan(settings, self.seed));
        let case_faults = drawn.as_deref().unwrap_or(&[]);
        let faults = if self.control {
            &[]
        } else {
            self.faults.as_deref().unwrap_or(case_faults)
        };
        let blueprint = Blueprint::new(settings.clone());
        let plan = Plan {
            blueprint: &blueprint,
            strategy,
            own_decider: self.decider.as_deref(),
            faults,
            promises: &self.scenario.expect.promises,
            own_checks: &self.checks,
            sabotage: self.sabotage,
            label: Label {
                variant: variant.name.clone(),
                strategy: strategy.name.clone(),
                case: case.map_or_else(String::new, |case| case.name.clone()),
                seed: self.seed,
                digest: self.scenario.digest.clone(),
            },
            window: self.window,
        };
        Ok(use_it(&plan))
    }
}

/// The composition around a decider of the user's own: the client of the scenario's strategy, a pointer
/// in the process.
fn own_strategy(given: Option<&StrategyConfig>) -> StrategyConfig {
    let client = given.map_or_else(crate::failover::ClientConfig::plain, |given| {
        given.client.clone()
    });
    StrategyConfig {
        name: "own decider".into(),
        preset: None,
        gate: false,
        vantage: Vantage::ClientProcess,
        evidence: Vec::new(),
        choice: Choice::Priority { fail_open: false },
        propagation: Propagation::Pointer {
            adopt: Adopt::AtOnce,
            cut_sessions: false,
        },
        failback: Failback::Automatic {
            after: SimDuration::ZERO,
        },
        client,
        balancer: None,
        takeover: Takeover::None,
        syncer: None,
        conduct: Conduct::default(),
        returning: Returning::default(),
    }
}

fn pick<'n>(
    what: &'static str,
    name: &str,
    known: impl Iterator<Item = &'n String> + Clone,
) -> Result<usize, PickError> {
    known
        .clone()
        .position(|other| other == name)
        .ok_or_else(|| PickError::Unknown {
            what,
            got: name.to_owned(),
            known: known.cloned().collect(),
        })
}
