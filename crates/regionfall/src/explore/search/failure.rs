//! What is wrong with a run, and whether two runs are wrong in the same way.

use core::fmt;

use crate::check::{Verdict, VerdictKind};
use crate::metric::Metrics;
use crate::scenario::{Objective, Sense, Statistic};
use crate::simulation::Outcome;

/// What kind of thing is wrong. The order is that of how bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FailureKind {
    /// A law of the model, or a promise.
    Safety,
    /// Something that should have come to hold did not, or the run spent its budget of events.
    Liveness,
    /// An objective that bounds every run is missed.
    Objective,
}

/// A property that failed in a run, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Its name: of a check, or of an objective's column.
    pub property: String,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// When and why, a sentence each.
    pub evidence: Vec<String>,
    /// The first sentence without its numbers: what makes two failures the same.
    reason: String,
}

impl Failure {
    /// Everything that is wrong with a run, the worst first. Of the objectives only bounds on every run count: what a quantile is,
    /// one run cannot tell.
    pub fn all(outcome: &Outcome, objectives: &[Objective]) -> Vec<Self> {
        let mut failures: Vec<Self> = outcome.broken().map(Self::broken).collect();
        if !outcome.is_within_budget() {
            failures.push(Self::new(
                "event budget",
                FailureKind::Liveness,
                vec!["the run spent its events and was ended".to_owned()],
            ));
        }
        let missed = objectives
            .iter()
            .filter_map(|objective| Self::missed(objective, outcome.metrics()));
        failures.extend(missed);
        failures.sort_by_key(|failure| failure.kind);
        failures
    }

    /// Whether another failure is of the same property for the same reason.
    pub fn is_same(&self, other: &Self) -> bool {
        self.property == other.property && self.reason == other.reason
    }

    fn new(property: &str, kind: FailureKind, evidence: Vec<String>) -> Self {
        let reason = evidence.first().map(|text| template(text));
        Self {
            property: property.to_owned(),
            kind,
            reason: reason.unwrap_or_default(),
            evidence,
        }
    }

    fn broken(verdict: &Verdict) -> Self {
        let kind = match verdict.kind {
            VerdictKind::ModelLaw | VerdictKind::Promise => FailureKind::Safety,
            VerdictKind::Eventually | VerdictKind::Sometimes => FailureKind::Liveness,
        };
        let evidence = verdict.evidence.iter();
        let evidence = evidence.map(ToString::to_string);
        Self {
            // The moment is no part of the reason.
            reason: verdict
                .evidence
                .first()
                .map(|seen| template(&seen.text))
                .unwrap_or_default(),
            ..Self::new(verdict.check, kind, evidence.collect())
        }
    }

    fn missed(objective: &Objective, metrics: &Metrics) -> Option<Self> {
        let is_of_every_run = matches!(objective.statistic, Statistic::Max | Statistic::Min);
        let value = value_of(&objective.column, metrics).filter(|_| is_of_every_run)?;
        let (is_within, side) = match objective.sense {
            Sense::AtMost => (value <= objective.limit, "at most"),
            Sense::AtLeast => (value >= objective.limit, "at least"),
        };
        let column = &objective.column;
        let [value, limit] = [value, objective.limit].map(|value| shown(column, value));
        let text = format!("{column} is {value}, its objective {side} {limit}");
        (!is_within).then(|| Self::new(column, FailureKind::Objective, vec![text]))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.property)?;
        for evidence in &self.evidence {
            write!(f, "\n  {evidence}")?;
        }
        Ok(())
    }
}

/// A value of a column with its unit: times in seconds, as stories have them.
fn shown(column: &str, value: f64) -> String {
    if column.ends_with("_ms") && value.is_finite() {
        format!("{:.3} s", value / 1_000.0)
    } else {
        value.to_string()
    }
}

/// The value of a column; infinite if it is missing because somebody was never served again.
fn value_of(column: &str, metrics: &Metrics) -> Option<f64> {
    let number = |column: &str| metrics.get(column)?.as_f64();
    number(column).or_else(|| {
        let is_span = column.starts_with("rto_")
            || column.starts_with("outage_")
            || column == "service_rto_ms";
        (is_span && number("censored")? > 0.0).then_some(f64::INFINITY)
    })
}

/// A sentence without what differs from run to run: numbers, and the units that follow them.
fn template(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(' ') {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.contains(|c: char| c.is_ascii_digit()) {
            let stem: String = word.chars().take_while(|c| !c.is_ascii_digit()).collect();
            out.push_str(&stem);
            out.push('#');
        } else if word != "inf" {
            out.push_str(word);
        } else {
            out.push('#');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_part_of_a_reason() {
        let one = template("server-3 was not served again before 95s");
        assert_eq!(one, template("server-12 was not served again before 1.5s"));
        assert_ne!(
            one,
            template("replication had not drained when the run ended")
        );
        assert_eq!(
            template("rto_max_ms is inf, its objective at most 5"),
            "rto_max_ms is inf, its objective at most #"
        );
    }

    #[test]
    fn values_are_told_with_their_units() {
        assert_eq!(shown("rto_max_ms", 19_650.598_195), "19.651 s");
        assert_eq!(shown("rto_max_ms", f64::INFINITY), "inf");
        assert_eq!(shown("writes_lost", 3.0), "3");
    }
}
