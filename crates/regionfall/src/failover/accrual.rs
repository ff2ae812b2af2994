//! Detectors that need no failure, only silence: a limit on it, and phi accrual.
//!
//! Both say when they will turn if nothing more is heard, so that the decider can be woken then.

use std::collections::VecDeque;

use regionfall_kernel::SimDuration;

use super::decider::{LocalTime, ProbeOutcome};
use super::evidence::{AccrualConfig, GapModel, SilenceConfig, SilenceSince};

/// "No success for so long."
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Silence {
    config: SilenceConfig,
    last: LocalTime,
    refused: bool,
}

impl Silence {
    pub(super) fn new(config: SilenceConfig) -> Self {
        Self {
            config,
            last: LocalTime(0),
            refused: false,
        }
    }

    pub(super) fn start(&mut self, now: LocalTime) {
        self.last = now;
    }

    pub(super) fn take(&mut self, now: LocalTime, asked: LocalTime, outcome: ProbeOutcome) {
        match outcome {
            ProbeOutcome::Passed => {
                self.last = match self.config.since {
                    SilenceSince::Answer => now,
                    SilenceSince::Question => asked,
                };
                self.refused = false;
            }
            ProbeOutcome::Refused => self.refused |= self.config.refusal_is_final,
            ProbeOutcome::TimedOut => {}
        }
    }

    /// When the member will count as down; a moment in the past if it does.
    pub(super) fn turns_at(&self) -> LocalTime {
        if self.refused {
            LocalTime(0)
        } else {
            self.last.plus(self.config.limit)
        }
    }

    pub(super) fn state(&self) -> u64 {
        self.last.0 << 1 | u64::from(self.refused)
    }
}

/// Phi accrual.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Accrual {
    config: AccrualConfig,
    /// How many deviations above the mean, or how many means, the threshold is.
    reach: f64,
    gaps: VecDeque<f64>,
    last: LocalTime,
}

impl Accrual {
    /// A detector of heartbeats that are expected `every` so often. Before the first gap is measured the
    /// history holds two that stand for that expectation with a quarter of it as deviation (source:
    /// Akka, `PhiAccrualFailureDetector`, first heartbeat).
    pub(super) fn new(config: AccrualConfig, every: SimDuration) -> Self {
        let expected = every.as_nanos() as f64;
        let reach = match config.model {
            GapModel::Normal { .. } => normal_tail_inverse(config.threshold),
            GapModel::Exponential => config.threshold * core::f64::consts::LN_10,
        };
        let gaps = match config.model {
            GapModel::Normal { .. } => VecDeque::from([expected * 0.75, expected * 1.25]),
            GapModel::Exponential => VecDeque::from([expected]),
        };
        Self {
            config,
            reach,
            gaps,
            last: LocalTime(0),
        }
    }

    pub(super) fn start(&mut self, now: LocalTime) {
        self.last = now;
    }

    /// A heartbeat came. A gap that had made the member count as down is no sample of normal life.
    pub(super) fn heard(&mut self, now: LocalTime, was_healthy: bool) {
        if was_healthy && self.last.0 > 0 {
            if self.gaps.len() >= self.config.samples as usize {
                self.gaps.pop_front();
            }
            self.gaps.push_back(now.since(self.last).as_nanos() as f64);
        }
        self.last = now;
    }

    /// When the member will count as down.
    pub(super) fn turns_at(&self) -> LocalTime {
        let count = self.gaps.len() as f64;
        let mean = self.gaps.iter().sum::<f64>() / count;
        let after = match self.config.model {
            GapModel::Normal {
                pause,
                min_deviation,
            } => {
                let squares: f64 = self
                    .gaps
                    .iter()
                    .map(|gap| (gap - mean) * (gap - mean))
                    .sum();
                let deviation = libm::sqrt(squares / count).max(min_deviation.as_nanos() as f64);
                mean + pause.as_nanos() as f64 + self.reach * deviation
            }
            GapModel::Exponential => self.reach * mean,
        };
        self.last.plus(SimDuration::from_nanos_f64(after))
    }

    pub(super) fn state(&self) -> u64 {
        self.last.0 << 10 | self.gaps.len() as u64
    }
}

/// The z for which a standard normal variable is larger with probability 10^-`phi`.
fn normal_tail_inverse(phi: f64) -> f64 {
    let wanted = libm::pow(10.0, -phi);
    let tail = |z: f64| 0.5 * libm::erfc(z / core::f64::consts::SQRT_2);
    let (mut low, mut high) = (-8.0, 40.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if tail(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> LocalTime {
        LocalTime(milliseconds * 1_000_000)
    }

    #[test]
    fn the_tail_of_the_normal_distribution_is_that_of_the_tables() {
        for (phi, z) in [(8.0, 5.612), (10.0, 6.361), (12.0, 7.034)] {
            assert!((normal_tail_inverse(phi) - z).abs() < 1e-3, "{phi}");
        }
    }

    fn settled(model: GapModel) -> f64 {
        let config = AccrualConfig {
            threshold: 8.0,
            model,
            samples: 1_000,
        };
        let mut accrual = Accrual::new(config, SimDuration::from_secs(1));
        for beat in 1..2_000 {
            accrual.heard(at(beat * 1_000), true);
        }
        accrual.turns_at().since(at(1_999_000)).as_secs_f64()
    }

    #[test]
    fn regular_heartbeats_are_missed_after_the_published_times() {
        let akka = settled(GapModel::Normal {
            pause: SimDuration::from_secs(3),
            min_deviation: SimDuration::from_millis(100),
        });
        assert!((akka - (1.0 + 3.0 + 0.5612)).abs() < 1e-3, "{akka}");
        let cassandra = settled(GapModel::Exponential);
        assert!((cassandra - 18.42).abs() < 0.01, "{cassandra}");
    }

    #[test]
    fn a_lease_counts_from_the_question_and_a_deadline_from_the_answer() {
        let turns = |since| {
            let mut silence = Silence::new(SilenceConfig {
                limit: SimDuration::from_secs(10),
                since,
                refusal_is_final: false,
            });
            silence.take(at(1_400), at(1_000), ProbeOutcome::Passed);
            silence.take(at(2_000), at(1_900), ProbeOutcome::Refused);
            silence.turns_at()
        };
        assert_eq!(turns(SilenceSince::Question), at(11_000));
        assert_eq!(turns(SilenceSince::Answer), at(11_400));
    }

    #[test]
    fn a_refusal_ends_patience_only_where_it_is_final() {
        let mut silence = Silence::new(SilenceConfig {
            limit: SimDuration::from_secs(120),
            since: SilenceSince::Answer,
            refusal_is_final: true,
        });
        silence.take(at(5_000), at(4_900), ProbeOutcome::Refused);
        assert!(silence.turns_at() < at(5_000));
        silence.take(at(6_000), at(5_900), ProbeOutcome::Passed);
        assert_eq!(silence.turns_at(), at(126_000));
    }
}
