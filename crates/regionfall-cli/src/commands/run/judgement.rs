//! What one run shows: verdicts that are broken, objectives beyond their bounds, faults in vain.

use regionfall::check::{Verdict, VerdictKind};
use regionfall::explore::Names;
use regionfall::metric::Metrics;
use regionfall::scenario::{Objective, Sense, Statistic};
use regionfall::simulation::Outcome;

use crate::exit::Exit;
use crate::study::words;

/// Something to say about a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finding {
    /// What, in a line, and the evidence below it.
    pub(super) text: String,
    /// How the command ends because of it; [`Exit::Held`] if it only should be known.
    pub(super) exit: Exit,
}

/// Everything there is to say about a run.
pub(super) fn judge(outcome: &Outcome, objectives: &[Objective]) -> Vec<Finding> {
    let names = outcome.names();
    let broken = outcome.broken().map(|verdict| broken(verdict, &names));
    let mut findings: Vec<Finding> = broken.collect();
    if !outcome.is_within_budget() {
        let text = format!(
            "the run spent its {} events by {} and was ended: raise `event_budget`",
            outcome.events(),
            outcome.ended_at()
        );
        findings.push(Finding {
            text,
            exit: Exit::Liveness,
        });
    }
    findings.extend(
        objectives
            .iter()
            .filter_map(|objective| beyond(objective, outcome.metrics())),
    );
    let idle = outcome
        .fault_effects()
        .iter()
        .filter(|(_, effects)| !effects.any());
    findings.extend(idle.map(|(fault, _)| Finding {
        text: format!(
            "fault {} ({} at {}) touched nothing: it proves nothing",
            fault.id.index() + 1,
            fault.kind.word(),
            fault.begins
        ),
        exit: Exit::Held,
    }));
    findings
}

fn broken(verdict: &Verdict, names: &Names) -> Finding {
    let (kind, exit) = match verdict.kind {
        VerdictKind::ModelLaw => (
            "a law of the model is broken, which is a mistake of Regionfall",
            Exit::Safety,
        ),
        VerdictKind::Promise => ("a promise is broken", Exit::Safety),
        VerdictKind::Eventually | VerdictKind::Sometimes => {
            ("did not come to hold", Exit::Liveness)
        }
    };
    let evidence = verdict.evidence.iter();
    let evidence = evidence.map(|seen| format!("\n  {}", names.in_words(&seen.to_string())));
    let text = format!("{}: {kind}{}", verdict.check, evidence.collect::<String>());
    Finding { text, exit }
}

/// An objective that this run is beyond. Only a bound on every run is missed by one of them; what a
/// quantile or a mean is over many runs, one cannot tell.
fn beyond(objective: &Objective, metrics: &Metrics) -> Option<Finding> {
    let value = value_of(&objective.column, metrics)?;
    let is_within = match objective.sense {
        Sense::AtMost => value <= objective.limit,
        Sense::AtLeast => value >= objective.limit,
    };
    if is_within {
        return None;
    }
    let side = match objective.sense {
        Sense::AtMost => "at most",
        Sense::AtLeast => "at least",
    };
    let bound = format!(
        "{} is {}, its objective {side} {}",
        words::short(&objective.column),
        words::value(&objective.column, value),
        words::value(&objective.column, objective.limit)
    );
    let over_many = |statistic: &str| Finding {
        text: format!("{bound} as {statistic} over many runs, which `regionfall compare` judges"),
        exit: Exit::Held,
    };
    Some(match objective.statistic {
        Statistic::Max | Statistic::Min => Finding {
            text: format!("missed: {bound}"),
            exit: Exit::Objective,
        },
        Statistic::Mean => over_many("mean"),
        Statistic::Quantile(order) => over_many(&format!("p{}", shown(order * 100.0))),
    })
}

/// A number without the noise of its computation.
fn shown(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
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
