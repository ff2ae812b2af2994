//! Detectors: when evidence means failure.
//!
//! A detector judges one member for one decider. It is fed with single results and with the ends of
//! rounds, and says whether the member is up. Formulas for the times they take are in the documentation
//! of strategies.

use std::collections::VecDeque;

use regionfall_kernel::{SimDuration, TraceHash};

use super::accrual::{Accrual, Silence};
use super::decider::{LocalTime, ProbeOutcome};
use super::ejection::Ejection;
use super::evidence::WindowMoves;
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
        moves: WindowMoves,
        seen: Window,
    },
    Silence(Silence),
    Accrual(Accrual),
    Ejection(Ejection),
}

impl Judgement {
    /// A detector that has seen nothing yet and takes the member for up. `round` is the number of
    /// probes in a round, `every` the interval between rounds.
    pub(super) fn new(detector: &Detector, round: u32, every: SimDuration) -> Self {
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
                moves,
            } => Rule::WindowRate {
                window,
                failures,
                rate,
                moves,
                seen: Window::default(),
            },
            Detector::Silence(config) => Rule::Silence(Silence::new(config)),
            Detector::Accrual(config) => Rule::Accrual(Accrual::new(config, every)),
            Detector::Ejection(config) => Rule::Ejection(Ejection::new(config)),
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

    /// Whether some results in a row speak against the verdict, and not enough of them yet.
    pub(super) fn is_turning(&self) -> bool {
        matches!(self.rule, Rule::Consecutive { against: 1.., .. })
    }

    /// Evidence begins to come: silence counts from here.
    pub(super) fn start(&mut self, now: LocalTime) {
        match &mut self.rule {
            Rule::Silence(silence) => silence.start(now),
            Rule::Accrual(accrual) => accrual.start(now),
            Rule::Consecutive { .. }
            | Rule::Round { .. }
            | Rule::WindowRate { .. }
            | Rule::Ejection(_) => {}
        }
    }

    /// Whether the verdict may turn although nothing more is heard.
    pub(super) fn is_timed(&self) -> bool {
        matches!(
            self.rule,
            Rule::Silence(_) | Rule::Accrual(_) | Rule::Ejection(_)
        )
    }

    /// When the verdict turns if nothing more is heard; `None` if it does not.
    pub(super) fn turns_at(&self) -> Option<LocalTime> {
        match &self.rule {
            Rule::Silence(silence) => self.healthy.then(|| silence.turns_at()),
            Rule::Accrual(accrual) => self.healthy.then(|| accrual.turns_at()),
            Rule::Ejection(ejection) => ejection.turns_at(),
            Rule::Consecutive { .. } | Rule::Round { .. } | Rule::WindowRate { .. } => None,
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self, now: LocalTime) {
        if let Rule::Ejection(ejection) = &mut self.rule {
            ejection.tick(now);
            self.healthy = !ejection.is_out();
        } else if self.turns_at().is_some_and(|at| now >= at) {
            self.healthy = false;
        }
    }

    /// The outlier detector's record, if it is one.
    pub(super) fn ejection(&mut self) -> Option<&mut Ejection> {
        match &mut self.rule {
            Rule::Ejection(ejection) => Some(ejection),
            _ => None,
        }
    }

    /// Takes the outcome of a probe that was asked at a moment. Returns whether the rest of the round can
    /// still change the verdict.
    pub(super) fn take_probe(
        &mut self,
        now: LocalTime,
        asked: LocalTime,
        outcome: ProbeOutcome,
    ) -> bool {
        if let Rule::Silence(silence) = &mut self.rule {
            silence.take(now, asked, outcome);
            self.healthy = now < silence.turns_at();
            return true;
        }
        self.take(now, outcome == ProbeOutcome::Passed)
    }

    /// Takes one result. Returns whether the verdict is another by it.
    pub(super) fn turns_with(&mut self, now: LocalTime, passed: bool) -> bool {
        let before = self.healthy;
        self.take(now, passed);
        self.healthy != before
    }

    /// Takes one result. Returns whether the rest of the round can still change the verdict.
    pub(super) fn take(&mut self, now: LocalTime, passed: bool) -> bool {
        let healthy = self.healthy;
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
                moves,
                seen,
            } => {
                let (failed, of) = match moves {
                    WindowMoves::Sliding => {
                        seen.add(now, *window, !passed);
                        (seen.failed, seen.results.len() as f64)
                    }
                    WindowMoves::OnSuccess => seen.count(now, *window, !passed),
                };
                if failed >= *failures && f64::from(failed) >= *rate * of {
                    self.healthy = false;
                }
                true
            }
            Rule::Silence(silence) => {
                let outcome = if passed {
                    ProbeOutcome::Passed
                } else {
                    ProbeOutcome::TimedOut
                };
                silence.take(now, now, outcome);
                self.healthy = now < silence.turns_at();
                true
            }
            Rule::Accrual(accrual) => {
                if passed {
                    accrual.heard(now, healthy);
                    self.healthy = true;
                } else if now >= accrual.turns_at() {
                    self.healthy = false;
                }
                true
            }
            Rule::Ejection(ejection) => {
                ejection.take(now, passed);
                self.healthy = !ejection.is_out();
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
            Rule::Ejection(ejection) => ejection.pardon(),
            // They follow the evidence alone.
            Rule::Silence(_) | Rule::Accrual(_) => {}
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
            Rule::Silence(silence) => hash.absorb(silence.state()),
            Rule::Accrual(accrual) => hash.absorb(accrual.state()),
            Rule::Ejection(ejection) => hash.absorb(ejection.state()),
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
    /// For a window that successes move: when it began, and how many it has seen.
    opened: Option<LocalTime>,
    passed: u32,
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

    /// Counts in a window that only a success opens and ends; gives the failures in it, and the successes.
    fn count(&mut self, now: LocalTime, length: SimDuration, failed: bool) -> (u32, f64) {
        if failed {
            self.failed += 1;
        } else {
            self.passed += 1;
            if self.opened.is_none_or(|opened| now.since(opened) > length) {
                let is_first = self.opened.is_none();
                self.opened = Some(now);
                (self.failed, self.passed) = if is_first { (self.failed, 1) } else { (0, 0) };
            }
        }
        (self.failed, f64::from(self.passed))
    }
}

#[cfg(test)]
mod walk;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> LocalTime {
        LocalTime(milliseconds * 1_000_000)
    }

    fn feed(detector: &Detector, round: u32, results: &str) -> bool {
        let mut judgement = Judgement::new(detector, round, SimDuration::from_secs(1));
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
            SimDuration::from_secs(1),
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
            moves: WindowMoves::Sliding,
        };
        for (results, healthy) in [
            ("--", true),
            ("---", false),
            ("++++---", true),
            ("++---", false),
        ] {
            assert_eq!(feed(&detector, 1, results), healthy, "{results}");
        }
        let mut slow = Judgement::new(&detector, 1, SimDuration::from_secs(1));
        for second in 0..10 {
            slow.take(at(second * 1_000), false);
        }
        assert!(
            slow.is_healthy(),
            "failures leave the window before they are three"
        );
    }

    #[test]
    fn a_window_that_successes_move_keeps_the_failures_of_a_whole_outage() {
        let detector = Detector::WindowRate {
            window: SimDuration::from_secs(2),
            failures: 3,
            rate: 0.1,
            moves: WindowMoves::OnSuccess,
        };
        let mut judgement = Judgement::new(&detector, 1, SimDuration::from_secs(1));
        judgement.take(at(0), true);
        for second in 1..=2 {
            judgement.take(at(second * 10_000), false);
        }
        assert!(judgement.is_healthy());
        judgement.take(at(30_000), false);
        assert!(!judgement.is_healthy(), "ten seconds apart, and yet three");
        let mut busy = Judgement::new(&detector, 1, SimDuration::from_secs(1));
        for step in 0..80 {
            busy.take(at(step * 20), true);
        }
        let needed = (1..100)
            .find(|step| {
                busy.take(at(1_600 + step * 20), false);
                !busy.is_healthy()
            })
            .unwrap();
        assert_eq!(needed, 8, "a tenth of the eighty successes before them");
    }
}
