//! Detectors in full: every sequence of what a probe can bring, second by second, up to a bound. Each verdict is held against
//! the whole history, which the detector does not keep: never down before its threshold, never up before it may.
//!
//! A walk that never fails shows nothing. So each law is held against a detector that is broken as well, and must see it.

use regionfall_kernel::SimDuration;

use super::super::decider::{LocalTime, ProbeOutcome};
use super::super::evidence::{
    AccrualConfig, EjectionConfig, GapModel, SilenceConfig, SilenceSince, WindowMoves,
};
use super::super::{Detector, RoundPolicy};
use super::{Judgement, Rule};

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

/// How a detector takes an outcome.
type Take = fn(&mut Judgement, LocalTime, ProbeOutcome);

/// What became of a walk.
#[derive(Default)]
struct Walked {
    /// How many verdicts turned down, and up.
    turns: (usize, usize),
    /// The first history that is against the law.
    wrong: Option<History>,
}

/// Feeds every sequence to a detector; `law` looks at each history.
fn walk(detector: &Detector, round: u32, take: Take, law: &dyn Fn(&History) -> bool) -> Walked {
    let mut judgement = Judgement::new(detector, round, SimDuration::from_secs(1));
    judgement.start(LocalTime(0));
    let mut walked = Walked::default();
    let turns = &mut walked.turns;
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
            if !law(&history) {
                walked.wrong = Some(history);
                return walked;
            }
            stack.push((next, history));
        }
    }
    walked
}

/// Every history keeps the law. Returns how many verdicts turned down, and up.
fn holds(
    detector: &Detector,
    round: u32,
    take: Take,
    law: &dyn Fn(&History) -> bool,
) -> (usize, usize) {
    let Walked { turns, wrong } = walk(detector, round, take, law);
    assert!(wrong.is_none(), "{detector:?}: {wrong:?}");
    turns
}

fn by_result(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    judgement.take(now, outcome == ProbeOutcome::Passed);
}

/// A probe was asked a second before it ended.
fn by_probe(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    let asked = LocalTime(now.0 - SECOND);
    judgement.take_probe(now, asked, outcome);
}

/// A round of three ends with its third result.
fn by_round(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    by_result(judgement, now, outcome);
    if let Rule::Round { passed, failed, .. } = &judgement.rule
        && passed + failed == 3
    {
        judgement.end_round();
    }
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

/// Down after so many failures, and such a share of them, in so many seconds.
fn rate(seconds: u64, (failures, rate): (u32, f64), moves: WindowMoves) -> Detector {
    Detector::WindowRate {
        window: SimDuration::from_secs(seconds),
        failures,
        rate,
        moves,
    }
}

fn silence(seconds: u64, since: SilenceSince, refusal_is_final: bool) -> Detector {
    Detector::Silence(SilenceConfig {
        limit: SimDuration::from_secs(seconds),
        since,
        refusal_is_final,
    })
}

/// Down after two mean gaps of silence: e-fold means.
fn accrual() -> Detector {
    Detector::Accrual(AccrualConfig {
        threshold: 2.0 / core::f64::consts::LN_10,
        model: GapModel::Exponential,
        samples: 100,
    })
}

/// Out after two failures in a row, for so many seconds at first and six at most.
fn ejection(base: u64) -> Detector {
    Detector::Ejection(EjectionConfig {
        failures: 2,
        base: SimDuration::from_secs(base),
        max: SimDuration::from_secs(6),
        sweep: SimDuration::from_secs(1),
        max_share: 1.0,
        always_one: true,
    })
}

/// So many results against the verdict, one after the other, turn it.
fn in_a_row(down: u32, up: u32) -> impl Fn(&History) -> bool {
    // The rule over again, backwards: a verdict turns with the last of so many against it, none of which
    // has turned it already.
    move |history: &History| {
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
    }
}

/// A round of three turns the verdict with so many passes, or so many failures, of its own.
fn by_rounds(to_pass: usize, to_fail: usize) -> impl Fn(&History) -> bool {
    move |history: &History| {
        let ended: Vec<_> = results(history).collect();
        let (before, after) = verdicts(history);
        let round = ended.chunks(3).next_back().unwrap_or_default();
        let passed = round.iter().filter(|result| result.1).count();
        let verdict = if passed >= to_pass {
            true
        } else if round.len() - passed >= to_fail {
            false
        } else {
            before
        };
        after == verdict
    }
}

/// So many failures, and such a share, of what ended within three seconds turn the verdict down, and nothing turns it back.
fn within_a_window(failures: u32, share: f64) -> impl Fn(&History) -> bool {
    move |history: &History| {
        let (before, after) = verdicts(history);
        let now = history.len() as u64;
        let within = results(history).filter(|&(second, ..)| now - second < 3);
        let (of, failed) = within.fold((0_u32, 0_u32), |(of, failed), (_, passed, _)| {
            (of + 1, failed + u32::from(!passed))
        });
        let is_result = history[history.len() - 1].0 != Brought::Nothing;
        let is_full = is_result && failed >= failures && f64::from(failed) >= share * f64::from(of);
        after == (before && !is_full)
    }
}

/// Down after two seconds without a success, or with a refusal where that is final.
fn two_silent_seconds(since: SilenceSince, final_refusal: bool) -> impl Fn(&History) -> bool {
    move |history: &History| {
        let last = results(history).rev().find(|result| result.1);
        let early = if since == SilenceSince::Question {
            SECOND
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
    }
}

/// Down after two mean gaps of silence.
fn two_mean_gaps() -> impl Fn(&History) -> bool {
    |history: &History| {
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
    }
}

/// Out after two failures in a row, for two to six seconds.
fn out_for_its_time() -> impl Fn(&History) -> bool {
    |history: &History| {
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
    }
}

#[test]
fn results_in_a_row_are_counted_and_nothing_else() {
    for (down, up) in [(1, 1), (2, 3), (3, 2), (4, 1)] {
        let detector = Detector::Consecutive { down, up };
        all_turn(holds(&detector, 1, by_result, &in_a_row(down, up)));
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
        let law = by_rounds(passes, failures);
        all_turn(holds(&detector, 3, by_round, &law));
    }
}

#[test]
fn a_window_is_full_of_failures_when_it_turns_and_never_turns_back_by_itself() {
    for (failures, share) in [(2, 0.5), (3, 0.5), (2, 0.75)] {
        let sliding = rate(3, (failures, share), WindowMoves::Sliding);
        let turns = holds(&sliding, 1, by_result, &within_a_window(failures, share));
        assert!(turns.0 > 100 && turns.1 == 0, "{turns:?}");
        // Where only successes move it, failures are at least as many as it needs, over however long.
        let law = move |history: &History| {
            let failed = results(history).filter(|result| !result.1).count();
            let (_, after) = verdicts(history);
            after || failed >= failures as usize
        };
        let on_success = rate(3, (failures, share), WindowMoves::OnSuccess);
        let turns = holds(&on_success, 1, by_result, &law);
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
        let law = two_silent_seconds(since, final_refusal);
        all_turn(holds(&silence(2, since, final_refusal), 1, by_probe, &law));
    }
}

#[test]
fn accrual_waits_for_its_reach_over_the_gaps_that_it_measured() {
    all_turn(holds(&accrual(), 1, by_result, &two_mean_gaps()));
}

#[test]
fn who_is_put_out_has_failed_in_a_row_and_stays_out_for_its_time() {
    all_turn(holds(&ejection(2), 1, by_result, &out_for_its_time()));
}

/// What speaks for the verdict in between does not begin the count anew.
fn never_counts_anew(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    let Rule::Consecutive {
        against: so_far, ..
    } = judgement.rule
    else {
        return;
    };
    let before = judgement.is_healthy();
    by_result(judgement, now, outcome);
    if let Rule::Consecutive { against, .. } = &mut judgement.rule
        && judgement.healthy == before
    {
        *against = (*against).max(so_far);
    }
}

/// Whatever ends is a sign of life.
fn takes_all_for_life(judgement: &mut Judgement, now: LocalTime, _: ProbeOutcome) {
    by_probe(judgement, now, ProbeOutcome::Passed);
}

/// What a probe was asked for counts from its answer.
fn counts_from_the_answer(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    judgement.take_probe(now, now, outcome);
}

/// Successes are not seen.
fn sees_no_success(judgement: &mut Judgement, now: LocalTime, outcome: ProbeOutcome) {
    if outcome != ProbeOutcome::Passed {
        by_result(judgement, now, outcome);
    }
}

#[test]
fn detectors_that_are_broken_are_seen() {
    use SilenceSince::{Answer, Question};
    type Law = Box<dyn Fn(&History) -> bool>;
    let row = |down, up| Detector::Consecutive { down, up };
    let majority = Detector::Round {
        policy: RoundPolicy::Majority,
    };
    let sliding = |seconds| rate(seconds, (2, 0.75), WindowMoves::Sliding);
    let silent = |since, is_final| -> Law { Box::new(two_silent_seconds(since, is_final)) };
    let broken: [(&str, Detector, Take, Law); 11] = [
        (
            "one too early",
            row(2, 2),
            by_result,
            Box::new(in_a_row(3, 2)),
        ),
        (
            "up one too late",
            row(2, 3),
            by_result,
            Box::new(in_a_row(2, 2)),
        ),
        (
            "never counts anew",
            row(3, 3),
            never_counts_anew,
            Box::new(in_a_row(3, 3)),
        ),
        (
            "rounds run into each other",
            majority.clone(),
            by_result,
            Box::new(by_rounds(2, 2)),
        ),
        (
            "a window too long",
            sliding(4),
            by_result,
            Box::new(within_a_window(2, 0.75)),
        ),
        (
            "sees no success",
            sliding(3),
            sees_no_success,
            Box::new(within_a_window(2, 0.75)),
        ),
        (
            "takes all for life",
            silence(2, Answer, false),
            takes_all_for_life,
            silent(Answer, false),
        ),
        (
            "from the answer",
            silence(2, Question, false),
            counts_from_the_answer,
            silent(Question, false),
        ),
        (
            "a refusal is not final",
            silence(2, Answer, false),
            by_probe,
            silent(Answer, true),
        ),
        (
            "takes all for life",
            accrual(),
            takes_all_for_life,
            Box::new(two_mean_gaps()),
        ),
        (
            "back too early",
            ejection(1),
            by_result,
            Box::new(out_for_its_time()),
        ),
    ];
    for (what, detector, take, law) in broken {
        let wrong = walk(&detector, 3, take, &*law).wrong;
        assert!(wrong.is_some(), "{what}: {detector:?} is not seen");
    }
}
