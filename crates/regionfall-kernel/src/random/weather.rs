//! Weather: what a path is like at a moment, as a pure function of seed, path and time.
//!
//! Both kinds answer the same whatever was asked before and in whatever order, so two strategies that
//! probe a path at different moments still live under one sky. They remember only the stretch that was
//! asked last, to answer the next question near it quickly. What weather *does* to a message is not
//! decided here.

use super::Seed;
use super::addressed::{Address, Addressed};
use super::stream::exponential_from_unit;
use crate::time::{SimDuration, SimTime};

/// A process that is good or bad and stays so for exponentially distributed spans: the continuous-time
/// form of Gilbert's channel (Gilbert, *Capacity of a burst-noise channel*, BSTJ 39, 1960).
///
/// It begins in its long-run distribution: bad with the share `mean_bad / (mean_good + mean_bad)`.
///
/// # How it is a pure function of time
///
/// A two-state Markov process with rates 1/good and 1/bad is the same as one that, at the points of a
/// Poisson process with the *sum* of both rates, forgets its state and draws it anew from the long-run
/// shares (uniformization; Jensen 1953). So the state at a moment is the draw of the latest point before it. Time
/// is cut into epochs of eight mean gaps; the points of an epoch are addressed by its number, and only
/// an epoch without points (one in 3,000) needs a look at an earlier one.
#[derive(Clone, Debug)]
pub struct TwoState {
    draws: Addressed,
    /// The mean gap between two points, in nanoseconds.
    gap: f64,
    /// The length of an epoch, in nanoseconds.
    epoch: u64,
    bad_share: f64,
    /// The stretch between two neighbouring points, or bounds of an epoch, that was asked last.
    stretch: Stretch,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: u64,
    until: u64,
    is_bad: bool,
}

/// How many mean gaps an epoch lasts.
const GAPS_PER_EPOCH: f64 = 8.0;
/// No epoch has as many points as this (the chance is below 1e-40).
const POINTS_MAX: u32 = 128;

impl TwoState {
    /// The process of (seed, name, index) that is good for `mean_good` and bad for `mean_bad` on average.
    ///
    /// A mean of zero is a state that is never entered.
    ///
    /// # Panics
    ///
    /// If both means are zero: there would be no state to be in.
    pub fn new(
        seed: Seed,
        name: &str,
        index: u64,
        mean_good: SimDuration,
        mean_bad: SimDuration,
    ) -> Self {
        let (good, bad) = (mean_good.as_nanos() as f64, mean_bad.as_nanos() as f64);
        assert!(
            good + bad > 0.0,
            "a process needs a state in which it spends time"
        );
        let gap = good * bad / (good + bad);
        Self {
            draws: seed.addressed_indexed(name, index),
            gap,
            epoch: SimDuration::from_nanos_f64(gap * GAPS_PER_EPOCH)
                .as_nanos()
                .max(1),
            bad_share: bad / (good + bad),
            stretch: Stretch {
                from: 0,
                until: 0,
                is_bad: false,
            },
        }
    }

    /// Whether the process is bad at `at`. Takes `&mut self` only to remember the stretch it found.
    #[inline]
    pub fn is_bad_at(&mut self, at: SimTime) -> bool {
        let at = at.as_nanos();
        if at < self.stretch.from || at >= self.stretch.until {
            self.stretch = self.find(at);
        }
        self.stretch.is_bad
    }

    /// The share of time spent in the bad state in the long run.
    pub fn bad_share(&self) -> f64 {
        self.bad_share
    }

    fn find(&self, at: u64) -> Stretch {
        if self.gap <= 0.0 {
            return Stretch {
                from: 0,
                until: u64::MAX,
                is_bad: self.bad_share > 0.5,
            };
        }
        let number = at / self.epoch;
        let from = number * self.epoch;
        let (before, until) = self.walk(number, at);
        if let Some((from, is_bad)) = before {
            return Stretch {
                from,
                until,
                is_bad,
            };
        }
        Stretch {
            from,
            until,
            is_bad: self.state_before(number),
        }
    }

    /// Within one epoch: the latest point not after `at` with its state, and the end of that stretch.
    fn walk(&self, epoch: u64, at: u64) -> (Option<(u64, bool)>, u64) {
        let from = epoch * self.epoch;
        let end = from.saturating_add(self.epoch);
        let (mut time, mut latest) = (from, None);
        for point in 0..POINTS_MAX {
            let [gap_low, gap_high, state_low, state_high] =
                self.draws
                    .words(Address::new(epoch as u32, (epoch >> 32) as u32, point, 0));
            let unit =
                |low: u32, high: u32| super::unit_from_bits(u64::from(high) << 32 | u64::from(low));
            time = time.saturating_add(
                exponential_from_unit(unit(gap_low, gap_high), self.gap).as_nanos(),
            );
            if time > at || time >= end {
                return (latest, time.min(end));
            }
            latest = Some((time, unit(state_low, state_high) < self.bad_share));
        }
        (latest, end)
    }

    /// The state in which epoch `number` begins.
    fn state_before(&self, number: u64) -> bool {
        for earlier in (0..number).rev() {
            if let (Some((_, is_bad)), _) = self.walk(earlier, u64::MAX) {
                return is_bad;
            }
        }
        // The draw for the beginning of time has an address that no point has.
        self.draws.unit(Address::new(0, 0, 0, 1)) < self.bad_share
    }
}

/// A smooth random curve in `[-1, 1]`, such as the slow drift of a path's latency.
///
/// Value noise: independent uniform values at whole multiples of the period, joined by the curve
/// 6x⁵ − 15x⁴ + 10x³, whose first and second derivatives vanish at both ends (Perlin, *Improving
/// Noise*, SIGGRAPH 2002). Its long-run mean is 0.
#[derive(Clone, Debug)]
pub struct Drift {
    draws: Addressed,
    period: u64,
    /// The cell that was asked last, and the values at its ends.
    cell: u64,
    ends: [f64; 2],
}

impl Drift {
    /// The curve of (seed, name, index) that wanders from one value to the next in one `period`.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    pub fn new(seed: Seed, name: &str, index: u64, period: SimDuration) -> Self {
        assert!(period > SimDuration::ZERO, "a drift needs a period");
        let draws = seed.addressed_indexed(name, index);
        let ends = [lattice_value(draws, 0), lattice_value(draws, 1)];
        Self {
            draws,
            period: period.as_nanos(),
            cell: 0,
            ends,
        }
    }

    /// The height of the curve at `at`. Takes `&mut self` only to remember the cell it found.
    #[inline]
    pub fn value_at(&mut self, at: SimTime) -> f64 {
        let cell = at.as_nanos() / self.period;
        if cell != self.cell {
            self.cell = cell;
            self.ends = [
                lattice_value(self.draws, cell),
                lattice_value(self.draws, cell.wrapping_add(1)),
            ];
        }
        let x = (at.as_nanos() % self.period) as f64 / self.period as f64;
        let weight = x * x * x * (x * (x * 6.0 - 15.0) + 10.0);
        self.ends[0] + (self.ends[1] - self.ends[0]) * weight
    }
}

fn lattice_value(draws: Addressed, cell: u64) -> f64 {
    draws.unit(Address::new(cell as u32, (cell >> 32) as u32, 0, 2)) * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(milliseconds: u64) -> SimTime {
        SimTime::from_nanos(milliseconds * 1_000_000)
    }

    fn bursts(seed: u64) -> TwoState {
        let [good, bad] = [900, 100].map(SimDuration::from_millis);
        TwoState::new(Seed::new(seed), "loss", 4, good, bad)
    }

    #[test]
    fn the_order_of_questions_does_not_matter() {
        let (mut forward, mut backward) = (bursts(1), bursts(1));
        let answers: Vec<_> = (0..20_000)
            .map(|at| forward.is_bad_at(millis(at)))
            .collect();
        for at in (0..20_000).rev() {
            assert_eq!(
                backward.is_bad_at(millis(at)),
                answers[at as usize],
                "at {at} ms"
            );
        }
        for at in (0..20_000).step_by(997) {
            assert_eq!(
                bursts(1).is_bad_at(millis(at)),
                answers[at as usize],
                "alone at {at} ms"
            );
        }
        assert!(answers.contains(&true) && answers.contains(&false));
    }

    #[test]
    fn sojourns_have_their_means() {
        let mut process = bursts(2);
        let (mut bad, mut entries, mut was_bad) = (0_u32, 0_u32, false);
        let count = 4_000_000;
        for at in 0..count {
            let is_bad = process.is_bad_at(millis(at));
            bad += u32::from(is_bad);
            entries += u32::from(is_bad && !was_bad);
            was_bad = is_bad;
        }
        let mean_bad = f64::from(bad) / f64::from(entries);
        let share = f64::from(bad) / count as f64;
        // 4,000 bad spells of 100 ms: five standard errors are 8 ms, and 0.011 of the share.
        assert!((mean_bad - 100.0).abs() < 8.0, "{mean_bad} ms");
        assert!((share - 0.1).abs() < 0.011, "{share}");
    }

    #[test]
    fn a_state_without_a_span_is_never_entered() {
        let second = SimDuration::from_secs(1);
        let mut calm = TwoState::new(Seed::new(3), "loss", 0, second, SimDuration::ZERO);
        let mut storm = TwoState::new(Seed::new(3), "loss", 0, SimDuration::ZERO, second);
        assert!((0..1_000).all(|at| !calm.is_bad_at(millis(at * 100))));
        assert!((0..1_000).all(|at| storm.is_bad_at(millis(at * 100))));
        let forever = SimDuration::FOREVER;
        assert!(!TwoState::new(Seed::new(3), "loss", 0, forever, second).is_bad_at(SimTime::NEVER));
    }

    #[test]
    fn drift_is_smooth_bounded_and_reaches_far() {
        let period = SimDuration::from_secs(60);
        let mut drift = Drift::new(Seed::new(5), "latency", 1, period);
        let values: Vec<_> = (0..600_000)
            .map(|at| drift.value_at(millis(at * 10)))
            .collect();
        assert!(values.iter().all(|value| value.abs() <= 1.0));
        // The steepest slope of the curve is 15/8 of the difference of its ends, at most 2, a period.
        assert!(
            values
                .windows(2)
                .all(|pair| (pair[1] - pair[0]).abs() <= 3.75 * 0.01 / 60.0 + 1e-12)
        );
        let largest = values.iter().copied().fold(0.0, f64::max);
        assert!(largest > 0.8, "{largest}");
        let mut again = Drift::new(Seed::new(5), "latency", 1, period);
        assert!((again.value_at(millis(10 * 431_077)) - values[431_077]).abs() < f64::EPSILON);
    }
}
