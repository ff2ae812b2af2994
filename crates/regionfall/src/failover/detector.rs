//! Detectors: when evidence means failure.
//!
//! A detector judges one member for one decider. It is fed with single results and with the ends of
//! rounds, and says whether the member is up. Formulas for the times they take are in the documentation
//! of strategies.

use std::collections::VecDeque;

use regionfall_kernel::{SimDuration, TraceHash};

use super::decider::LocalTime;
use super::{Detector, RoundPolicy};

/// The state of a detector.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Judgement {
    healthy: bool,
    rule: Rule,
}

#[derive(Clone, PartialEq, Debug)]
enum Rule {
    Consecutive {
        down: u32,
        up: u32,
        against: u32,
    },
    Round {
        policy: RoundPolicy,
        size: u32,
        passed: u32,
        failed: u32,
    },
    WindowRate {
        window: SimDuration,
        failures: u32,
        rate: f64,
        seen: Window,
    },
}

impl Judgement {
    /// A detector that has seen nothing yet and takes the member for up. `round` is the number of
    /// probes in a round.
    pub(super) fn new(detector: &Detector, round: u32) -> Self {
        let rule = match *detector {
            Detector::Consecutive { down, up } => Rule::Consecutive {
                down,
                up,
                against: 0,
            },
            Detector::Round { policy } => Rule::Round {
                policy,
                size: round,
                passed: 0,
                failed: 0,
            },
            Detector::WindowRate {
                window,
                failures,
                rate,
            } => Rule::WindowRate {
                window,
                failures,
                rate,
                seen: Window::default(),
            },
        };
        Self {
            healthy: true,
            rule,
        }
    }

    /// Whether the member counts as up.
    pub(super) fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// Takes one result. Returns whether the rest of the round can still change the verdict.
    pub(super) fn take(&mut self, now: LocalTime, passed: bool) -> bool {
        match &mut self.rule {
            Rule::Consecutive { down, up, against } => {
                if passed == self.healthy {
                    *against = 0;
                } else {
                    *against += 1;
                    let needed = if self.healthy { *down } else { *up };
                    if *against >= needed {
                        self.healthy = passed;
                        *against = 0;
                    }
                }
                true
            }
            Rule::Round {
                policy,
                size,
                passed: good,
                failed,
            } => {
                *(if passed { &mut *good } else { &mut *failed }) += 1;
                let verdict = policy.verdict(*size, *good, *failed);
                if let Some(verdict) = verdict {
                    self.healthy = verdict;
                }
                verdict.is_none()
            }
            Rule::WindowRate {
                window,
                failures,
                rate,
                seen,
            } => {
                seen.add(now, *window, !passed);
                let failed = seen.failed;
                let share = f64::from(failed) / seen.results.len() as f64;
                if failed >= *failures && share >= *rate {
                    self.healthy = false;
                }
                true
            }
        }
    }

    /// A round ended, with a verdict or without.
    pub(super) fn end_round(&mut self) {
        if let Rule::Round { passed, failed, .. } = &mut self.rule {
            (*passed, *failed) = (0, 0);
        }
    }

    /// Forgets what it saw and takes the member for up: a breaker that closes.
    pub(super) fn reset(&mut self) {
        self.healthy = true;
        match &mut self.rule {
            Rule::Consecutive { against, .. } => *against = 0,
            Rule::Round { passed, failed, .. } => (*passed, *failed) = (0, 0),
            Rule::WindowRate { seen, .. } => *seen = Window::default(),
        }
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.healthy));
        match &self.rule {
            Rule::Consecutive { against, .. } => hash.absorb(u64::from(*against)),
            Rule::Round { passed, failed, .. } => {
                hash.absorb(u64::from(*passed) << 32 | u64::from(*failed));
            }
            Rule::WindowRate { seen, .. } => {
                hash.absorb((seen.results.len() as u64) << 32 | u64::from(seen.failed));
            }
        }
    }
}

impl RoundPolicy {
    /// What a round of `size` probes means once so many passed and failed; `None` while it is open.
    fn verdict(self, size: u32, passed: u32, failed: u32) -> Option<bool> {
        let needed = match self {
            Self::All => size,
            Self::Any => 1,
            Self::Majority => size / 2 + 1,
        };
        if passed >= needed {
            Some(true)
        } else if failed > size - needed {
            Some(false)
        } else {
            None
        }
    }
}

/// Results within a sliding window of time.
#[derive(Clone, PartialEq, Debug, Default)]
struct Window {
    results: VecDeque<(LocalTime, bool)>,
    failed: u32,
}

impl Window {
    fn add(&mut self, now: LocalTime, length: SimDuration, failed: bool) {
        while let Some(&(at, old)) = self.results.front() {
            if now.since(at) < length {
                break;
            }
            self.results.pop_front();
            self.failed -= u32::from(old);
        }
        self.results.push_back((now, failed));
        self.failed += u32::from(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> LocalTime {
        LocalTime(milliseconds * 1_000_000)
    }

    fn feed(detector: &Detector, round: u32, results: &str) -> bool {
        let mut judgement = Judgement::new(detector, round);
        for (index, result) in results.chars().enumerate() {
            if result == '|' {
                judgement.end_round();
            } else {
                judgement.take(at(index as u64 * 100), result == '+');
            }
        }
        judgement.is_healthy()
    }

    #[test]
    fn consecutive_needs_its_numbers_in_a_row() {
        let detector = Detector::Consecutive { down: 3, up: 2 };
        for (results, healthy) in [
            ("--", true),
            ("--+--", true),
            ("---", false),
            ("---+", false),
            ("---++", true),
            ("---+-+", false),
        ] {
            assert_eq!(feed(&detector, 1, results), healthy, "{results}");
        }
    }

    #[test]
    fn rounds_are_judged_by_their_policy() {
        let all = Detector::Round {
            policy: RoundPolicy::All,
        };
        let any = Detector::Round {
            policy: RoundPolicy::Any,
        };
        let majority = Detector::Round {
            policy: RoundPolicy::Majority,
        };
        for (detector, results, healthy) in [
            (&all, "+-", false),
            (&all, "-|++", false),
            (&all, "-|+++", true),
            (&any, "--", true),
            (&any, "---", false),
            (&any, "---|+", true),
            (&majority, "-+", true),
            (&majority, "--", false),
        ] {
            assert_eq!(feed(detector, 3, results), healthy, "{results}");
        }
    }

    #[test]
    fn a_failed_probe_decides_a_round_that_needs_all() {
        let mut judgement = Judgement::new(
            &Detector::Round {
                policy: RoundPolicy::All,
            },
            3,
        );
        assert!(judgement.take(at(0), true));
        assert!(
            !judgement.take(at(500), false),
            "the third probe cannot change anything"
        );
    }

    #[test]
    fn a_window_needs_number_and_share() {
        let detector = Detector::WindowRate {
            window: SimDuration::from_secs(2),
            failures: 3,
            rate: 0.5,
        };
        for (results, healthy) in [
            ("--", true),
            ("---", false),
            ("++++---", true),
            ("++---", false),
        ] {
            assert_eq!(feed(&detector, 1, results), healthy, "{results}");
        }
        let mut slow = Judgement::new(&detector, 1);
        for second in 0..10 {
            slow.take(at(second * 1_000), false);
        }
        assert!(
            slow.is_healthy(),
            "failures leave the window before they are three"
        );
    }
}
