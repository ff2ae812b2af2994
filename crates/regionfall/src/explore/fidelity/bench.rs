//! The runs that a scenario's references ask for, and what each says of them.

use regionfall_kernel::{Seed, SimTime};

use super::agreement::{Agreement, agreement};
use crate::explore::run::{Broken, Run};
use crate::explore::statistics::Sample;
use crate::history::{Account, MomentKind, Moments};
use crate::metric::count_of_writes;
use crate::scenario::Scenario;
use crate::scenario::reference::{Metric, Reference, Since};
use crate::simulation::{Blueprint, Label, Plan, run_with};

/// Everything in a scenario that was measured, ready to run.
///
/// A *subject* is a variant, strategy and case with references. Runs of it are independent, so that
/// whoever holds a bench may make them in any order and on any thread.
pub struct Bench<'a> {
    scenario: &'a Scenario,
    blueprints: Vec<Option<Blueprint>>,
    subjects: Vec<Subject<'a>>,
}

/// A variant, strategy and case with references.
struct Subject<'a> {
    variant: usize,
    strategy: usize,
    case: usize,
    references: Vec<&'a Reference>,
}

/// What a run says of the references of its subject.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// For each reference of the subject the predicted figure: +∞ if it did not happen before the run
    /// ended, `None` if there was nothing to measure.
    values: Vec<Option<f64>>,
    /// What should have held in every run and did not.
    pub broken: Vec<Broken>,
}

/// A reference with what was predicted.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged<'a> {
    /// What was measured.
    pub reference: &'a Reference,
    /// The name of the variant.
    pub variant: &'a str,
    /// The name of the strategy.
    pub strategy: &'a str,
    /// The name of the case.
    pub case: &'a str,
    /// The name of the keyspace, if the figure is of one.
    pub keyspace: Option<&'a str>,
    /// The predictions that there are, in order of seed.
    pub predicted: Vec<f64>,
    /// How they compare; `None` if no run gave a prediction.
    pub agreement: Option<Agreement>,
}

impl<'a> Bench<'a> {
    /// The bench of a scenario; without references it has no subjects.
    pub fn new(scenario: &'a Scenario) -> Self {
        let mut subjects: Vec<Subject<'a>> = Vec::new();
        for reference in &scenario.references {
            let known = subjects.iter_mut().find(|subject| {
                (subject.variant, subject.strategy, subject.case)
                    == (reference.variant, reference.strategy, reference.case)
            });
            match known {
                Some(subject) => subject.references.push(reference),
                None => subjects.push(Subject {
                    variant: reference.variant,
                    strategy: reference.strategy,
                    case: reference.case,
                    references: vec![reference],
                }),
            }
        }
        let blueprint = |(index, variant): (usize, &crate::scenario::Variant)| {
            let is_used = subjects.iter().any(|subject| subject.variant == index);
            is_used.then(|| Blueprint::new(variant.settings.clone()))
        };
        Self {
            scenario,
            blueprints: scenario
                .variants
                .iter()
                .enumerate()
                .map(blueprint)
                .collect(),
            subjects,
        }
    }

    /// How many subjects there are.
    pub fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Runs a subject once.
    ///
    /// # Panics
    /// If there is no such subject.
    pub fn observe(&self, subject: usize, seed: Seed) -> Observation {
        let subject = &self.subjects[subject];
        let Some(blueprint) = &self.blueprints[subject.variant] else {
            unreachable!("every variant with references has a blueprint");
        };
        let variant = &self.scenario.variants[subject.variant];
        let settings = &variant.settings;
        let strategy = &settings.strategies[subject.strategy];
        let case = &settings.cases[subject.case];
        let kinds = subject
            .references
            .iter()
            .filter_map(|one| moment(one.metric));
        let mut moments = Moments::new(kinds);
        let plan = Plan {
            blueprint,
            strategy,
            own_decider: None,
            faults: &case.plan(settings, seed),
            promises: &[],
            own_checks: &[],
            sabotage: crate::simulation::Sabotage::default(),
            label: Label {
                variant: variant.name.clone(),
                strategy: strategy.name.clone(),
                case: case.name.clone(),
                seed,
                digest: self.scenario.digest.clone(),
            },
            window: 0..0,
        };
        let outcome = run_with(&plan, &mut moments);
        let from_account: Vec<Option<f64>> = subject
            .references
            .iter()
            .map(|reference| value(reference.metric, outcome.account(), &moments))
            .collect();
        let run = Run::of(outcome, None);
        let values = subject.references.iter().zip(from_account);
        Observation {
            values: values
                .map(|(reference, value)| match reference.metric {
                    Metric::Column(column) => run.ranked(column.name),
                    Metric::OfKeyspace(..) | Metric::Moment { .. } => value,
                })
                .collect(),
            broken: run.broken,
        }
    }

    /// Compares what the runs of each subject said with what was measured: `observed` has for each
    /// subject its observations in order of seed. The answer is by subject, then in the order of the file.
    ///
    /// # Panics
    /// If a subject is missing.
    pub fn judge(&self, observed: &[Vec<Observation>]) -> Vec<Judged<'a>> {
        let scenario: &'a Scenario = self.scenario;
        let mut judged = Vec::new();
        for (subject, observations) in self.subjects.iter().zip(observed) {
            let variant = &scenario.variants[subject.variant];
            let settings = &variant.settings;
            for (index, &reference) in subject.references.iter().enumerate() {
                let values = observations.iter().filter_map(|one| one.values[index]);
                let predicted: Vec<f64> = values.collect();
                let agreement = Sample::new(&predicted)
                    .ok()
                    .map(|sample| agreement(&sample, &reference.measured, &reference.tolerances));
                judged.push(Judged {
                    reference,
                    variant: &variant.name,
                    strategy: &settings.strategies[subject.strategy].name,
                    case: &settings.cases[subject.case].name,
                    keyspace: match reference.metric {
                        Metric::OfKeyspace(_, keyspace) => {
                            Some(&settings.workload.keyspaces[keyspace.index()].name)
                        }
                        Metric::Column(_) | Metric::Moment { .. } => None,
                    },
                    predicted,
                    agreement,
                });
            }
        }
        judged
    }
}

impl Judged<'_> {
    /// Whether the prediction agrees with the measurement; without a prediction it does not.
    pub fn agrees(&self) -> bool {
        self.agreement.is_some_and(|agreement| agreement.agrees())
    }
}

fn moment(metric: Metric) -> Option<&'static MomentKind> {
    match metric {
        Metric::Moment { kind, .. } => Some(kind),
        Metric::Column(_) | Metric::OfKeyspace(..) => None,
    }
}

/// The figure as far as it is no column.
fn value(metric: Metric, account: &Account, moments: &Moments) -> Option<f64> {
    match metric {
        Metric::Column(_) => None,
        Metric::OfKeyspace(column, keyspace) => {
            count_of_writes(account, column, keyspace).map(|count| count as f64)
        }
        Metric::Moment { kind, rank, since } => {
            let start = start(account, since)?;
            let met = moments.find(kind, rank, start);
            Some(met.map_or(f64::INFINITY, |at| {
                at.saturating_since(start).as_millis_f64()
            }))
        }
    }
}

/// When the clock of a moment starts.
fn start(account: &Account, since: Since) -> Option<SimTime> {
    let touched = account.faults.iter().filter(|span| span.touched.is_some());
    match since {
        Since::Fault => touched.map(|span| span.begins).min(),
        Since::Heal => touched
            .map(|span| span.ends)
            .max()
            .filter(|end| *end != SimTime::NEVER),
    }
}
