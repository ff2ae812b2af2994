//! Objectives over seeds: an objective is met only if a one-sided bound meets it.

use super::run::Run;
use super::statistics::bootstrap::{Bootstrap, Method};
use super::statistics::quantile::{self, Probability, TooFewSeeds};
use super::statistics::share;
use super::statistics::{Level, Sample, Side};
use crate::scenario::{Objective, Sense, Statistic};

/// The key of the resampling.
const KEY: u64 = 2;
/// With fewer seeds a bootstrap says less than its level.
const SEEDS_FOR_MEAN: usize = 10;

/// The answer to an objective.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A one-sided bound at the confidence asked meets the limit.
    Met,
    /// It does not, or the limit is surely exceeded.
    Missed,
    /// No bound exists with so few seeds.
    TooFewSeeds {
        /// The smallest number of seeds with which one exists.
        needs: usize,
    },
    /// No run has a value: nobody was exposed, so that there is no recovery time. It decides nothing.
    DoesNotApply,
}

/// An objective with its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// The answer.
    pub answer: Answer,
    /// The bound that decided it, in the unit of the column; `None` if there is none.
    pub bound: Option<f64>,
    /// For bounds on every run: the largest share of seeds that may be beyond, with the confidence
    /// asked, although none was.
    pub beyond_at_most: Option<f64>,
    /// Seeds with a value.
    pub seeds: usize,
    /// Seeds whose own value is beyond the limit.
    pub beyond: usize,
}

/// Judges an objective by the runs of a cell. `error_share` is the part of the allowed error that may be
/// spent, from [`Results::error_share`](super::Results::error_share).
pub fn judge(objective: &Objective, runs: &[Run], error_share: f64) -> Judged {
    let values: Vec<f64> = runs
        .iter()
        .filter_map(|run| run.ranked(&objective.column))
        .collect();
    let mut judged = judge_values(objective, &values, error_share);
    if values.is_empty() && !runs.is_empty() {
        judged.answer = Answer::DoesNotApply;
    }
    judged
}

fn judge_values(objective: &Objective, values: &[f64], error_share: f64) -> Judged {
    let is_within = |value: f64| match objective.sense {
        Sense::AtMost => value <= objective.limit,
        Sense::AtLeast => value >= objective.limit,
    };
    let beyond = values.iter().filter(|&&value| !is_within(value)).count();
    let mut judged = Judged {
        answer: Answer::TooFewSeeds { needs: 1 },
        bound: None,
        beyond_at_most: None,
        seeds: values.len(),
        beyond,
    };
    let level = Level::new(1.0 - (1.0 - objective.confidence) * error_share).unwrap_or(Level::P95);
    let Ok(sample) = Sample::new(values) else {
        return judged;
    };
    match objective.statistic {
        Statistic::Quantile(order) => {
            let Ok(probability) = Probability::new(order) else {
                return judged;
            };
            let bounds = bounds(&sample, probability, level, objective.sense);
            (judged.answer, judged.bound) = by_quantile(bounds, is_within);
        }
        Statistic::Mean => {
            judged.bound = mean_bound(&sample, level, objective.sense);
            judged.answer = match judged.bound {
                Some(bound) if is_within(bound) => Answer::Met,
                Some(_) => Answer::Missed,
                None => Answer::TooFewSeeds {
                    needs: SEEDS_FOR_MEAN,
                },
            };
        }
        Statistic::Max | Statistic::Min => {
            judged.bound = Some(match objective.sense {
                Sense::AtMost => sample.max(),
                Sense::AtLeast => sample.min(),
            });
            if beyond == 0 {
                judged.answer = Answer::Met;
                judged.beyond_at_most = share::upper_if_none(values.len() as u64, level);
            } else {
                judged.answer = Answer::Missed;
            }
        }
    }
    judged
}

/// The bound on the side of the limit, and the one on the other side: beyond the limit it proves a miss
/// where the first does not exist yet.
fn bounds(
    sample: &Sample,
    probability: Probability,
    level: Level,
    sense: Sense,
) -> (Result<f64, TooFewSeeds>, Result<f64, TooFewSeeds>) {
    let (near, far) = match sense {
        Sense::AtMost => (Side::Upper, Side::Lower),
        Sense::AtLeast => (Side::Lower, Side::Upper),
    };
    let bound = |side| quantile::bound(sample, probability, level, side);
    (bound(near), bound(far))
}

fn by_quantile(
    (near, far): (Result<f64, TooFewSeeds>, Result<f64, TooFewSeeds>),
    is_within: impl Fn(f64) -> bool,
) -> (Answer, Option<f64>) {
    match (near, far) {
        (Ok(bound), _) if is_within(bound) => (Answer::Met, Some(bound)),
        (Ok(bound), _) => (Answer::Missed, Some(bound)),
        (Err(_), Ok(bound)) if !is_within(bound) => (Answer::Missed, Some(bound)),
        (Err(too_few), _) => {
            let needs = too_few.needs;
            (Answer::TooFewSeeds { needs }, None)
        }
    }
}

/// A one-sided bound of the mean: one end of a two-sided interval with twice the error.
fn mean_bound(sample: &Sample, level: Level, sense: Sense) -> Option<f64> {
    if sample.count() < SEEDS_FOR_MEAN {
        return None;
    }
    if sample.max().is_infinite() {
        return Some(match sense {
            Sense::AtMost => f64::INFINITY,
            Sense::AtLeast => sample.min(),
        });
    }
    let settings = Bootstrap {
        level: Level::new(1.0 - 2.0 * level.error()).ok()?,
        method: Method::BiasCorrected,
        ..Bootstrap::standard(KEY)
    };
    let interval = settings.mean(sample.sorted())?;
    Some(match sense {
        Sense::AtMost => interval.high,
        Sense::AtLeast => interval.low,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(statistic: Statistic, limit: f64) -> Objective {
        Objective {
            column: "rto_p99_ms".to_owned(),
            statistic,
            limit,
            sense: Sense::AtMost,
            confidence: 0.95,
        }
    }

    fn seeds(count: u32) -> Vec<f64> {
        (1..=count).map(f64::from).collect()
    }

    #[test]
    fn a_quantile_is_met_only_by_its_bound() {
        let p95 = Statistic::Quantile(0.95);
        let few = judge_values(&objective(p95, 100.0), &seeds(20), 1.0);
        assert_eq!(few.answer, Answer::TooFewSeeds { needs: 59 });
        // Of 100 seeds the largest but one bounds the 95th percentile.
        let met = judge_values(&objective(p95, 99.0), &seeds(100), 1.0);
        assert_eq!((met.answer, met.bound), (Answer::Met, Some(99.0)));
        // The 95th percentile itself is within, its bound is not.
        let missed = judge_values(&objective(p95, 97.0), &seeds(100), 1.0);
        assert_eq!((missed.answer, missed.bound), (Answer::Missed, Some(99.0)));
    }

    #[test]
    fn a_sure_miss_needs_no_more_seeds() {
        let missed = judge_values(&objective(Statistic::Quantile(0.95), 0.5), &seeds(20), 1.0);
        assert_eq!(missed.answer, Answer::Missed);
        assert!(missed.bound.is_some_and(|bound| bound > 0.5));
        assert_eq!(missed.beyond, 20);
    }

    #[test]
    fn who_never_recovered_counts() {
        let mut values = seeds(100);
        values[..10].fill(f64::INFINITY);
        let judged = judge_values(&objective(Statistic::Quantile(0.95), 1e9), &values, 1.0);
        assert_eq!(judged.answer, Answer::Missed);
        let judged = judge_values(&objective(Statistic::Mean, 1e9), &values, 1.0);
        assert_eq!(judged.answer, Answer::Missed);
    }

    #[test]
    fn a_bound_on_every_run_says_what_share_may_still_be_beyond() {
        let met = judge_values(&objective(Statistic::Max, 100.0), &seeds(100), 1.0);
        assert_eq!(met.answer, Answer::Met);
        assert!(
            met.beyond_at_most
                .is_some_and(|share| (0.029..0.030).contains(&share))
        );
        let missed = judge_values(&objective(Statistic::Max, 99.0), &seeds(100), 1.0);
        assert_eq!((missed.answer, missed.beyond), (Answer::Missed, 1));
    }

    #[test]
    fn looking_often_costs_confidence() {
        // 59 seeds bound the 95th percentile once; at the second look they do not.
        let p95 = objective(Statistic::Quantile(0.95), 100.0);
        assert_eq!(judge_values(&p95, &seeds(59), 1.0).answer, Answer::Met);
        let answer = judge_values(&p95, &seeds(59), 1.0 / 6.0).answer;
        assert!(
            matches!(answer, Answer::TooFewSeeds { needs } if needs > 59),
            "{answer:?}"
        );
    }

    #[test]
    fn a_mean_has_a_bound_above_it() {
        let judged = judge_values(&objective(Statistic::Mean, 12.0), &seeds(20), 1.0);
        assert_eq!(judged.answer, Answer::Missed);
        assert!(
            judged
                .bound
                .is_some_and(|bound| bound > 12.0 && bound < 14.0)
        );
        let judged = judge_values(&objective(Statistic::Mean, 14.0), &seeds(20), 1.0);
        assert_eq!(judged.answer, Answer::Met);
        let few = judge_values(&objective(Statistic::Mean, 14.0), &seeds(9), 1.0);
        assert_eq!(few.answer, Answer::TooFewSeeds { needs: 10 });
    }
}
