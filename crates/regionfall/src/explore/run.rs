//! What is kept of a run when many are made: its rows and findings, not its books.

use regionfall_kernel::Seed;

use crate::check::{Verdict, VerdictKind};
use crate::metric::{Column, EpisodeRow, Metrics, Value};
use crate::network::FaultEffects;
use crate::simulation::Outcome;

/// What is kept of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: Seed,
    /// Its row, in the order of [`RUN_COLUMNS`](crate::metric::RUN_COLUMNS), excess over the control
    /// included.
    pub values: Vec<Value>,
    /// Its incidents, in the order of [`INCIDENT_COLUMNS`](crate::metric::INCIDENT_COLUMNS).
    pub incidents: Vec<Vec<Value>>,
    /// A row for each exposed app server of each incident.
    pub episodes: Vec<EpisodeRow>,
    /// What should have held and did not.
    pub broken: Vec<Broken>,
    /// Whether it saw what should be seen sometimes, in the order of
    /// [`SOMETIMES`](crate::check::SOMETIMES).
    pub seen: Vec<bool>,
    /// What each fault did, in the order of the case.
    pub effects: Vec<Effect>,
    /// The hash over everything that happened.
    pub trace: u64,
    /// How many events it took.
    pub events: u64,
    /// Whether it ended by itself, not because its budget of events was spent.
    pub is_within_budget: bool,
}

/// The run without faults that cases are compared with.
#[derive(Clone, PartialEq, Debug)]
pub struct Control {
    /// What should have held and did not.
    pub broken: Vec<Broken>,
    /// The hash over everything that happened.
    pub trace: u64,
    /// Whether it ended by itself.
    pub is_within_budget: bool,
}

/// One variant, strategy and seed: the control and a run for each case.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// The position of the variant in the scenario.
    pub variant: usize,
    /// The position of the strategy in the variant.
    pub strategy: usize,
    /// The seed.
    pub seed: Seed,
    /// The run without faults, if one was made.
    pub control: Option<Control>,
    /// A run for each case that is compared, in the order of the variant.
    pub runs: Vec<Run>,
}

/// Something that should have held and did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The name of the property.
    pub check: String,
    /// What kind of property it is.
    pub kind: VerdictKind,
    /// When and why, a sentence each.
    pub evidence: Vec<String>,
}

/// What a fault did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effect {
    /// When it began, in nanoseconds since the run began.
    pub begins: u64,
    /// What it did.
    pub did: FaultEffects,
}

impl Run {
    /// Whether a fault of the plan, by its position in the case, did anything.
    pub fn was_touched_by(&self, fault: usize) -> bool {
        self.effects
            .get(fault)
            .is_some_and(|effect| effect.did.any())
    }

    /// What is kept of an outcome; `control` is the run without faults of the same seed, if there is one.
    pub(super) fn of(outcome: Outcome, control: Option<&Metrics>) -> Self {
        let seed = outcome.label().seed;
        let (trace, events) = (outcome.trace_hash().finish(), outcome.events());
        let is_within_budget = outcome.is_within_budget();
        let broken = Broken::all(&outcome);
        let sometimes = |verdict: &&Verdict| verdict.kind == VerdictKind::Sometimes;
        let sightings = outcome
            .verdicts()
            .iter()
            .filter(sometimes)
            .map(|verdict| verdict.held)
            .collect();
        let effects = outcome
            .fault_effects()
            .iter()
            .map(|(fault, did)| Effect {
                begins: fault.begins.as_nanos(),
                did: *did,
            })
            .collect();
        let own = outcome.into_metrics();
        let metrics = match control {
            Some(control) => own.with_control(control),
            None => own,
        };
        Self {
            seed,
            values: metrics.values().to_vec(),
            incidents: metrics.incident_rows(),
            episodes: metrics.episodes().to_vec(),
            broken,
            seen: sightings,
            effects,
            trace,
            events,
            is_within_budget,
        }
    }

    /// The value of a column; `None` if there is none of this name.
    pub fn get(&self, column: &str) -> Option<&Value> {
        Column::index(column).and_then(|index| self.values.get(index))
    }

    /// The value of a column as a number.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.get(column)?.as_f64()
    }

    /// The value of a column for ranking over seeds: infinite for a time that did not end before the
    /// horizon, `None` if there is nothing to measure.
    ///
    /// A missing recovery time means either that nobody was exposed, or that the quantile falls on an
    /// app server that was never served again; only the second is a long time.
    pub fn ranked(&self, column: &str) -> Option<f64> {
        self.number(column).or_else(|| {
            let is_recovery = column.starts_with("rto_")
                || column.starts_with("read_rto_")
                || column == "service_rto_ms";
            let is_outage = column.starts_with("outage_");
            let count = |column: &str| self.number(column).unwrap_or(0.0);
            let is_endless = is_recovery && count("exposed") > 0.0
                || is_outage && count("censored") > 0.0
                || column == "convergence_ms" && self.broken.iter().any(Broken::is_divergence);
            is_endless.then_some(f64::INFINITY)
        })
    }
}

impl Group {
    /// How many runs it is, with the control.
    pub(super) fn size(&self) -> usize {
        self.runs.len() + usize::from(self.control.is_some())
    }
}

impl Control {
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self {
            broken: Broken::all(outcome),
            trace: outcome.trace_hash().finish(),
            is_within_budget: outcome.is_within_budget(),
        }
    }
}

impl Broken {
    /// What is broken in a run, with the evidence in the names of its scenario.
    fn all(outcome: &Outcome) -> Vec<Self> {
        let names = outcome.names();
        let broken = outcome.broken().map(|verdict| Self {
            check: verdict.check.to_owned(),
            kind: verdict.kind,
            evidence: verdict
                .evidence
                .iter()
                .map(|seen| names.in_words(&seen.to_string()))
                .collect(),
        });
        broken.collect()
    }

    fn is_divergence(&self) -> bool {
        self.kind == VerdictKind::Eventually && self.check.contains("converge")
    }
}

/// The full name of a column that may lack its `_ms`; `None` if there is none.
pub fn full_name(name: &str) -> Option<&'static Column> {
    let columns = crate::metric::RUN_COLUMNS;
    columns
        .iter()
        .find(|column| column.name == name || column.name.strip_suffix("_ms") == Some(name))
}
