//! Do two samples come from one distribution? The two-sample Kolmogorov–Smirnov test.
//!
//! It looks at the largest distance between the two empirical distribution functions, so it sees any
//! difference: of place, of width, and of the share of each mode, which matters where times have
//! several. Its p-value here is exact, with ties too: given the pooled values, every way to share
//! them out between the two samples is as likely as any other (Schröer and Trenkler, *Exact and
//! randomization distributions of Kolmogorov–Smirnov tests for two or three samples*, 1995), and
//! the share of ways with such a distance is counted along lattice paths. The work is the product of
//! the two counts.
//!
//! `+∞` ("did not happen before watching ended") is a value like any other: those of both samples tie.

use super::sample::Sample;

/// What the test found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the two empirical distribution functions, in 0..=1.
    pub distance: f64,
    /// How likely a distance at least as large is if both samples come from one distribution.
    pub p_value: f64,
}

/// Tests two samples against each other; which comes first makes no difference.
pub fn two_sample(one: &Sample, other: &Sample) -> KolmogorovSmirnov {
    let steps = steps(one, other);
    let counts = (one.count() as u64, other.count() as u64);
    // The distance times both counts is whole, so that nothing hangs on rounding.
    let largest = steps
        .iter()
        .map(|&(first, second)| gap(first, second, counts))
        .max()
        .unwrap_or(0);
    KolmogorovSmirnov {
        distance: largest as f64 / (counts.0 as f64 * counts.1 as f64),
        p_value: share_at_least(largest, &steps, counts),
    }
}

/// The smallest p-value that samples with so many values can have: that of samples that lie wholly apart.
/// A test that cannot come below its limit tells nothing.
pub fn smallest_p_value(one: usize, other: usize) -> f64 {
    // Two of all ways to deal the values out put every value of one sample first.
    let (few, many) = (one.min(other), one.max(other));
    let ways = (1..=few).fold(1.0, |ways, drawn| {
        ways * (many + drawn) as f64 / drawn as f64
    });
    (2.0 / ways).min(1.0)
}

/// After each distinct value: how many values of either sample lie at or below it.
fn steps(one: &Sample, other: &Sample) -> Vec<(u64, u64)> {
    let (one, other) = (one.sorted(), other.sorted());
    let (mut first, mut second) = (0, 0);
    let mut steps = Vec::new();
    while first < one.len() || second < other.len() {
        let value = match (one.get(first), other.get(second)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        first += one[first..]
            .iter()
            .take_while(|next| **next <= value)
            .count();
        second += other[second..]
            .iter()
            .take_while(|next| **next <= value)
            .count();
        steps.push((first as u64, second as u64));
    }
    steps
}

/// The distance of the two distribution functions at a place, times both counts.
const fn gap(first: u64, second: u64, counts: (u64, u64)) -> u64 {
    (first * counts.1).abs_diff(second * counts.0)
}

/// The share of all ways to deal the pooled values out to the samples in which the distance is, after
/// some distinct value, at least `largest`.
fn share_at_least(largest: u64, steps: &[(u64, u64)], counts: (u64, u64)) -> f64 {
    let (columns, rows) = (counts.0 as usize, counts.1 as usize);
    // Only after the last of equal values are the distribution functions told apart.
    let mut is_judged = vec![false; columns + rows + 1];
    for &(first, second) in steps {
        is_judged[(first + second) as usize] = true;
    }
    let is_outside = |first: usize, second: usize| {
        is_judged[first + second] && gap(first as u64, second as u64, counts) >= largest
    };
    // The chance that dealing so many values has got here without ever being outside. Of the ways to
    // deal `first` and `second` values, those that end with one for the first sample are the share
    // first / (first + second).
    let mut inside = vec![0.0_f64; rows + 1];
    for first in 0..=columns {
        for second in 0..=rows {
            let share = if is_outside(first, second) {
                0.0
            } else if first == 0 && second == 0 {
                1.0
            } else {
                let dealt = (first + second) as f64;
                let from_first = if first > 0 {
                    inside[second] * first as f64
                } else {
                    0.0
                };
                let from_second = if second > 0 {
                    inside[second - 1] * second as f64
                } else {
                    0.0
                };
                (from_first + from_second) / dealt
            };
            inside[second] = share;
        }
    }
    (1.0 - inside[rows]).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values).unwrap()
    }

    fn test(one: &[f64], other: &[f64]) -> KolmogorovSmirnov {
        two_sample(&sample(one), &sample(other))
    }

    /// The distance by its definition, at every value.
    fn distance(one: &[f64], other: &[f64]) -> f64 {
        let share = |values: &[f64], at: f64| {
            values.iter().filter(|value| **value <= at).count() as f64 / values.len() as f64
        };
        one.iter()
            .chain(other)
            .map(|&at| (share(one, at) - share(other, at)).abs())
            .fold(0.0, f64::max)
    }

    /// The p-value by its definition: every choice of which pooled values are the first sample.
    fn by_permutation(one: &[f64], other: &[f64]) -> f64 {
        let pooled: Vec<f64> = one.iter().chain(other).copied().collect();
        let seen = distance(one, other);
        let (mut ways, mut as_far) = (0_u32, 0_u32);
        for choice in 0_u32..1 << pooled.len() {
            if choice.count_ones() as usize != one.len() {
                continue;
            }
            let is_first = |index: usize| choice & (1 << index) != 0;
            let part = |wanted: bool| -> Vec<f64> {
                let values = pooled.iter().enumerate();
                values
                    .filter(|(index, _)| is_first(*index) == wanted)
                    .map(|(_, value)| *value)
                    .collect()
            };
            ways += 1;
            as_far += u32::from(distance(&part(true), &part(false)) >= seen - 1e-9);
        }
        f64::from(as_far) / f64::from(ways)
    }

    /// Gnedenko and Korolyuk (1951): with equal counts n and no ties, a distance of at least k/n has
    /// probability 2 (C(2n, n-k) - C(2n, n-2k) + …) / C(2n, n).
    fn of_equal_counts(count: u32, steps: u32) -> f64 {
        let choose = |below: u32| {
            (0..below).fold(1.0, |product, index| {
                product * f64::from(2 * count - index) / f64::from(index + 1)
            })
        };
        let terms = (1..=count / steps).map(|term| {
            let sign = if term % 2 == 1 { 2.0 } else { -2.0 };
            sign * choose(count - term * steps)
        });
        terms.sum::<f64>() / choose(count)
    }

    #[test]
    fn agrees_with_the_closed_form_for_equal_counts() {
        for count in [3, 20, 45] {
            let one: Vec<f64> = (0..count).map(f64::from).collect();
            for steps in 1..=count {
                let shift = f64::from(steps) - 0.5;
                let other: Vec<f64> = one.iter().map(|value| value + shift).collect();
                let got = test(&one, &other);
                let expected = (
                    f64::from(steps) / f64::from(count),
                    of_equal_counts(count, steps),
                );
                assert!(
                    (got.distance - expected.0).abs() < 1e-12,
                    "{count}, {steps}: {got:?}"
                );
                assert!(
                    (got.p_value - expected.1).abs() < 1e-9,
                    "{count}, {steps}: {got:?}"
                );
            }
        }
    }

    #[test]
    fn the_smallest_p_value_is_that_of_samples_apart() {
        for (one, other) in [(1, 1), (3, 3), (5, 5), (2, 9), (20, 40)] {
            let values: Vec<f64> = (0..one + other).map(|value| value as f64).collect();
            let apart = test(&values[..one], &values[one..]);
            let smallest = smallest_p_value(one, other);
            assert!(
                (apart.p_value - smallest).abs() < 1e-12,
                "{one}, {other}: {apart:?}"
            );
        }
    }

    #[test]
    fn samples_apart_are_told_apart_and_equal_ones_are_not() {
        let never = f64::INFINITY;
        let apart = test(&[1.0; 20], &[2.0; 200]);
        assert!(
            (apart.distance - 1.0).abs() < 1e-12 && apart.p_value < 1e-9,
            "{apart:?}"
        );
        let equal = test(&[0.0; 20], &[0.0; 30]);
        assert_eq!((equal.distance, equal.p_value), (0.0, 1.0));
        let never = test(&[1.0, never, never], &[1.0, never, never]);
        assert_eq!((never.distance, never.p_value), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn is_what_counting_every_way_gives(
            one in prop::collection::vec(0_u8..6, 1..7),
            other in prop::collection::vec(0_u8..6, 1..7),
        ) {
            let one: Vec<f64> = one.into_iter().map(f64::from).collect();
            let other: Vec<f64> = other.into_iter().map(f64::from).collect();
            let got = test(&one, &other);
            prop_assert!((got.distance - distance(&one, &other)).abs() < 1e-12);
            prop_assert!((got.p_value - by_permutation(&one, &other)).abs() < 1e-9, "{got:?}");
        }

        #[test]
        fn the_order_of_samples_and_a_common_shift_change_nothing(
            one in prop::collection::vec(0_u8..40, 1..30),
            other in prop::collection::vec(0_u8..40, 1..30),
        ) {
            let [one, other] = [one, other].map(|values| {
                values.into_iter().map(f64::from).collect::<Vec<f64>>()
            });
            let straight = test(&one, &other);
            let turned = test(&other, &one);
            prop_assert!((straight.distance - turned.distance).abs() < 1e-12);
            prop_assert!((straight.p_value - turned.p_value).abs() < 1e-9);
            let moved = |values: &[f64]| values.iter().map(|value| value + 7.0).collect::<Vec<_>>();
            prop_assert_eq!(straight, test(&moved(&one), &moved(&other)));
        }
    }
}
