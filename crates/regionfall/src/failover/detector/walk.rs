//! Detectors in full: every sequence of what a probe can bring, second by second, up to a bound. Each verdict is held against
//! the whole history, which the detector does not keep: never down before its threshold, never up before it may.

use regionfall_kernel::SimDuration;

use super::super::decider::{LocalTime, ProbeOutcome};
use super::super::evidence::{
    AccrualConfig, EjectionConfig, GapModel, SilenceConfig, SilenceSince, WindowMoves,
};
use super::super::{Detector, RoundPolicy};
use super::Judgement;

const SECOND: u64 = 1_000_000_000;
/// Probes whose outcomes are all tried: 4^8 sequences.
const STEPS: usize = 8;

/// What a second brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Brought {
    Passed,
    TimedOut,
    Refused,
    /// No probe ends.
    Nothing,
}

const ALL: [Brought; 4] = [
    Brought::Passed,
    Brought::TimedOut,
    Brought::Refused,
    Brought::Nothing,
];

impl Brought {
    const fn outcome(self) -> Option<ProbeOutcome> {
        match self {
            Self::Passed => Some(ProbeOutcome::Passed),
            Self::TimedOut => Some(ProbeOutcome::TimedOut),
            Self::Refused => Some(ProbeOutcome::Refused),
            Self::Nothing => None,
        }
    }

    const fn failed(self) -> bool {
        matches!(self, Self::TimedOut | Self::Refused)
    }
}

/// What came, and the verdict after each.
type History = Vec<(Brought, bool)>;

/// The results of probes, oldest first: the second, whether it passed, and the verdict after it.
fn results(history: &History) -> impl DoubleEndedIterator<Item = (u64, bool, bool)> + '_ {
    let ended = history
        .iter()
        .enumerate()
        .filter(|(_, (brought, _))| *brought != Brought::Nothing);
    ended.map(|(place, (brought, verdict))| (place as u64 + 1, !brought.failed(), *verdict))
}

/// Feeds every sequence to a detector; `law` looks at each history. Returns how many verdicts turned down, and up.
fn walk(
    detector: &Detector,
    round: u32,
    take: fn(&mut Judgement, LocalTime, ProbeOutcome),
    law: &dyn Fn(&History) -> bool,
) -> (usize, usize) {
    let mut judgement = Judgement::new(detector, round, SimDuration::from_secs(1));
    judgement.start(LocalTime(0));
    let mut turns = (0, 0);
    let mut stack = vec![(judgement, History::new())];
    while let Some((judgement, history)) = stack.pop() {
        if history.len() == STEPS {
            continue;
        }
        for brought in ALL {
            let mut next = judgement.clone();
            let now = LocalTime((history.len() as u64 + 1) * SECOND);
            next.tick(now);
            if let Some(outcome) = brought.outcome() {
                take(&mut next, now, outcome);
            }
            match (judgement.is_healthy(), next.is_healthy()) {
                (true, false) => turns.0 += 1,
                (false, true) => turns.1 += 1,
                _ => {}
            }
            let mut history = history.clone();
            history.push((brought, next.is_healthy()));
            assert!(law(&history), "{detector:?}: {history:?}");
            stack.push((next, history));
        }
    }
    turns
}

fn by_result(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    judgement.take(now, outcome == ProbeOutcome::Passed);
}

/// A probe was asked half a second before it ended.
fn by_probe(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    let asked = LocalTime(now.0 - SECOND / 2);
    judgement.take_probe(now, asked, outcome);
}

/// The verdict after the last, and the one before it; up at the start.
fn verdicts(history: &History) -> (bool, bool) {
    let before = history.len().checked_sub(2);
    let before = before.is_none_or(|place| history[place].1);
    (before, history[history.len() - 1].1)
}

fn all_turn((down, up): (usize, usize)) {
    assert!(down > 100, "{down} went down");
    assert!(up > 100, "{up} came up");
}

#[test]
fn results_in_a_row_are_counted_and_nothing_else() {
    for (down, up) in [(1, 1), (2, 3), (3, 2), (4, 1)] {
        let detector = Detector::Consecutive { down, up };
        // The rule over again, backwards: a verdict turns with the last of so many against it, none of which
        // has turned it already.
        let law = move |history: &History| {
            let (before, after) = verdicts(history);
            let needed = if before { down } else { up } as usize;
            let against = results(history)
                .rev()
                .take_while(|&(_, passed, _)| passed != before)
                .zip(
                    results(history)
                        .rev()
                        .skip(1)
                        .map(|(.., verdict)| verdict)
                        .chain([true]),
                )
                .take_while(|&(_, verdict)| verdict == before)
                .count();
            let is_result = history[history.len() - 1].0 != Brought::Nothing;
            (before != after) == (is_result && against >= needed)
        };
        all_turn(walk(&detector, 1, by_result, &law));
    }
}

#[test]
fn a_round_is_judged_when_it_is_decided_and_by_its_own_probes() {
    for (policy, passes, failures) in [
        (RoundPolicy::All, 3, 1),
        (RoundPolicy::Any, 1, 3),
        (RoundPolicy::Majority, 2, 2),
    ] {
        let detector = Detector::Round { policy };
        let law = move |history: &History| {
            let ended: Vec<_> = results(history).collect();
            let (before, after) = verdicts(history);
            let round = ended.chunks(3).next_back().unwrap_or_default();
            let passed = round.iter().filter(|result| result.1).count();
            let verdict = if passed >= passes {
                true
            } else if round.len() - passed >= failures {
                false
            } else {
                before
            };
            after == verdict
        };
        let take = |judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome| {
            by_result(judgement, now, outcome);
            if let super::Rule::Round { passed, failed, .. } = &judgement.rule
                && passed + failed == 3
            {
                judgement.end_round();
            }
        };
        all_turn(walk(&detector, 3, take, &law));
    }
}

#[test]
fn a_window_is_full_of_failures_when_it_turns_and_never_turns_back_by_itself() {
    let rate = |failures, rate, moves| Detector::WindowRate {
        window: SimDuration::from_secs(3),
        failures,
        rate,
        moves,
    };
    for (failures, share) in [(2, 0.5), (3, 0.5), (2, 0.75)] {
        let law = move |history: &History| {
            let (before, after) = verdicts(history);
            let now = history.len() as u64;
            let within = results(history).filter(|&(second, ..)| now - second < 3);
            let (of, failed) = within.fold((0_u32, 0_u32), |(of, failed), (_, passed, _)| {
                (of + 1, failed + u32::from(!passed))
            });
            let is_result = history[history.len() - 1].0 != Brought::Nothing;
            let is_full =
                is_result && failed >= failures && f64::from(failed) >= share * f64::from(of);
            after == (before && !is_full)
        };
        let turns = walk(
            &rate(failures, share, WindowMoves::Sliding),
            1,
            by_result,
            &law,
        );
        assert!(turns.0 > 100 && turns.1 == 0, "{turns:?}");
        // Where only successes move it, failures are at least as many as it needs, over however long.
        let law = move |history: &History| {
            let failed = results(history).filter(|result| !result.1).count();
            let (_, after) = verdicts(history);
            after || failed >= failures as usize
        };
        let turns = walk(
            &rate(failures, share, WindowMoves::OnSuccess),
            1,
            by_result,
            &law,
        );
        assert!(turns.0 > 100 && turns.1 == 0, "{turns:?}");
    }
}

#[test]
fn silence_is_counted_from_the_last_success_and_a_refusal_ends_it_where_it_is_final() {
    for (since, final_refusal) in [
        (SilenceSince::Answer, false),
        (SilenceSince::Question, false),
        (SilenceSince::Answer, true),
    ] {
        let detector = Detector::Silence(SilenceConfig {
            limit: SimDuration::from_secs(2),
            since,
            refusal_is_final: final_refusal,
        });
        let law = move |history: &History| {
            let last = results(history).rev().find(|result| result.1);
            let early = if since == SilenceSince::Question {
                SECOND / 2
            } else {
                0
            };
            let heard = last.map_or(0, |(second, ..)| second * SECOND - early);
            let refused = history
                .iter()
                .rev()
                .take_while(|(brought, _)| *brought != Brought::Passed)
                .any(|(brought, _)| *brought == Brought::Refused);
            let now = history.len() as u64 * SECOND;
            let silent = now - heard >= 2 * SECOND;
            verdicts(history).1 != (silent || final_refusal && refused)
        };
        all_turn(walk(&detector, 1, by_probe, &law));
    }
}

#[test]
fn accrual_waits_for_its_reach_over_the_gaps_that_it_measured() {
    // e-fold means: down after two mean gaps of silence.
    let threshold = 2.0 / core::f64::consts::LN_10;
    let detector = Detector::Accrual(AccrualConfig {
        threshold,
        model: GapModel::Exponential,
        samples: 100,
    });
    let law = |history: &History| {
        // The first gap is the expected one; what was measured while it was down is none.
        let mut gaps = vec![1.0];
        let (mut last, mut was_up) = (0, true);
        let mut silent_for = 0.0;
        for (second, &(brought, verdict)) in (1_u64..).zip(history) {
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            silent_for = (second - last) as f64 / mean;
            if brought == Brought::Passed {
                if was_up && silent_for < 2.0 - 1e-9 && last > 0 {
                    gaps.push((second - last) as f64);
                }
                (last, silent_for) = (second, 0.0);
            }
            was_up = verdict;
        }
        let is_close = (silent_for - 2.0).abs() < 1e-6;
        is_close || verdicts(history).1 == (silent_for < 2.0)
    };
    all_turn(walk(&detector, 1, by_result, &law));
}

#[test]
fn who_is_put_out_has_failed_in_a_row_and_stays_out_for_its_time() {
    let detector = Detector::Ejection(EjectionConfig {
        failures: 2,
        base: SimDuration::from_secs(2),
        max: SimDuration::from_secs(6),
        sweep: SimDuration::from_secs(1),
        max_share: 1.0,
        always_one: true,
    });
    let law = |history: &History| {
        let (mut was_up, mut in_a_row, mut out_for, mut holds) = (true, 0, 0, true);
        for &(brought, is_up) in history {
            if was_up || is_up {
                in_a_row = match brought {
                    Brought::Passed => 0,
                    Brought::Nothing => in_a_row,
                    Brought::TimedOut | Brought::Refused => in_a_row + 1,
                };
                holds &= is_up == (in_a_row < 2);
            }
            // Two seconds at first; then longer, and never longer than the longest.
            holds &= was_up || !is_up || (2..=6).contains(&out_for);
            out_for = if is_up { 0 } else { out_for + 1 };
            in_a_row = if is_up { in_a_row } else { 0 };
            was_up = is_up;
        }
        holds && out_for <= 6
    };
    all_turn(walk(&detector, 1, by_result, &law));
}
