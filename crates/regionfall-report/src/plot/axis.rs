//! From values to places along an axis, and the ticks that explain it.

use super::{Spread, writing};
use crate::number;

/// The part of a logarithmic axis that zeros have to themselves.
const ZERO_ROOM: f64 = 0.07;

/// Positive values that span this factor get a logarithmic axis unless told otherwise.
const WIDE: f64 = 50.0;

/// Where values lie along an axis, as a share of its length.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Scale {
    /// From a smallest to a largest value.
    Linear { min: f64, max: f64 },
    /// From a smallest to a largest positive value; with zeros, these at 0 past a break.
    Logarithmic { min: f64, max: f64, has_zero: bool },
}

/// A tick: where, and what it says.
pub(super) type Tick = (f64, String);

impl Scale {
    /// A scale on which all finite values have a place. Without values: 0 to 1.
    pub(super) fn fitting(values: impl Iterator<Item = f64>, spread: Spread) -> Self {
        let (mut low, mut high, mut smallest) = (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
            if value > 0.0 {
                smallest = smallest.min(value);
            }
        }
        if low > high {
            return Self::Linear { min: 0.0, max: 1.0 };
        }
        let can = low >= 0.0 && high > 0.0;
        let is_logarithmic = match spread {
            Spread::Linear => false,
            Spread::Logarithmic => can,
            Spread::Fitting => can && high / smallest >= WIDE,
        };
        if is_logarithmic {
            let (min, max) = (round_down(smallest), round_up(high));
            let max = if max > min { max } else { min * 10.0 };
            return Self::Logarithmic {
                min,
                max,
                has_zero: low <= 0.0,
            };
        }
        let (low, high) = (low.min(0.0), high.max(0.0));
        let step = step(if high > low { high - low } else { 1.0 }, 5.0);
        let max = step * (high / step - 1e-9).ceil();
        let min = step * (low / step + 1e-9).floor();
        Self::Linear {
            min,
            max: if max > min { max } else { min + 1.0 },
        }
    }

    /// The place of a value, from 0 to 1; what lies outside goes to the nearer end.
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear { min, max } => ((value - min) / (max - min)).clamp(0.0, 1.0),
            Self::Logarithmic { min, max, has_zero } => {
                let start = if has_zero { ZERO_ROOM } else { 0.0 };
                if value <= 0.0 {
                    return 0.0;
                }
                let share = libm::log(value / min) / libm::log(max / min);
                start + (1.0 - start) * share.clamp(0.0, 1.0)
            }
        }
    }

    /// The place of the break between zero and the rest, if there is one.
    pub(super) fn gap(self) -> Option<f64> {
        matches!(self, Self::Logarithmic { has_zero: true, .. }).then_some(ZERO_ROOM / 2.0)
    }

    /// As many ticks as have room: their labels do not touch along `length` picture units.
    pub(super) fn ticks(self, length: f64, across: bool) -> Vec<Tick> {
        let candidates = self.candidates();
        let fits = |ticks: &Vec<Tick>| {
            ticks.windows(2).all(|pair| {
                let distance = (self.place(pair[1].0) - self.place(pair[0].0)) * length;
                let room = |tick: &Tick| writing::width(&tick.1, super::canvas::TEXT);
                let needed = if across {
                    f64::midpoint(room(&pair[0]), room(&pair[1])) + 10.0
                } else {
                    18.0
                };
                distance >= needed
            })
        };
        let last = candidates.last().cloned().unwrap_or_default();
        candidates.into_iter().find(fits).unwrap_or(last)
    }

    /// Sets of ticks, from the densest to the sparsest.
    fn candidates(self) -> Vec<Vec<Tick>> {
        let labelled =
            |values: Vec<f64>| values.into_iter().map(|v| (v, number::tick(v))).collect();
        match self {
            Self::Linear { min, max } => {
                let densities = [10.0, 5.0, 4.0, 2.0, 1.0];
                let set = |density: f64| {
                    let step = step(max - min, density);
                    let first = (min / step - 1e-9).ceil() as i64;
                    let last = (max / step + 1e-9).floor() as i64;
                    labelled((first..=last).map(|k| k as f64 * step).collect())
                };
                densities.map(set).to_vec()
            }
            Self::Logarithmic { min, max, has_zero } => {
                let decades = |every: i32, mantissas: &[f64]| {
                    let (first, last) = (exponent(min), exponent(max));
                    let mut values: Vec<f64> = if has_zero { vec![0.0] } else { Vec::new() };
                    for power in (first..=last).filter(|power| (power - first) % every == 0) {
                        let tens = mantissas.iter().map(|mantissa| scaled(*mantissa, power));
                        values.extend(tens.filter(|v| *v >= min * 0.999 && *v <= max * 1.001));
                    }
                    labelled(values)
                };
                vec![
                    decades(1, &[1.0, 2.0, 5.0]),
                    decades(1, &[1.0, 3.0]),
                    decades(1, &[1.0]),
                    decades(2, &[1.0]),
                    decades(4, &[1.0]),
                ]
            }
        }
    }
}

/// A round step (1, 2 or 5 times a power of ten) that divides a span into about so many parts.
fn step(span: f64, parts: f64) -> f64 {
    round_up(span / parts * 0.999)
}

/// The nearest 1, 2 or 5 times a power of ten at or above a positive value.
fn round_up(value: f64) -> f64 {
    let power = exponent(value);
    let candidates = [1.0, 2.0, 5.0, 10.0].map(|mantissa| scaled(mantissa, power));
    candidates
        .into_iter()
        .find(|&c| c >= value * (1.0 - 1e-9))
        .unwrap_or(candidates[3])
}

/// The nearest 1, 2 or 5 times a power of ten at or below a positive value.
fn round_down(value: f64) -> f64 {
    let power = exponent(value);
    let candidates = [5.0, 2.0, 1.0].map(|mantissa| scaled(mantissa, power));
    candidates
        .into_iter()
        .find(|&c| c <= value * (1.0 + 1e-9))
        .unwrap_or(candidates[2])
}

/// The power of ten at or below a positive value.
fn exponent(value: f64) -> i32 {
    (libm::log10(value) + 1e-9).floor() as i32
}

/// A number times a power of ten, exact where it can be: 10³ is multiplied, 10⁻³ divides.
fn scaled(mantissa: f64, power: i32) -> f64 {
    let ten = libm::pow(10.0, f64::from(power.abs()));
    if power < 0 {
        mantissa / ten
    } else {
        mantissa * ten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(values: &[f64], length: f64) -> Vec<String> {
        let scale = Scale::fitting(values.iter().copied(), Spread::Fitting);
        scale
            .ticks(length, true)
            .into_iter()
            .map(|(_, label)| label)
            .collect()
    }

    #[test]
    fn wide_values_get_a_logarithmic_axis_with_a_place_for_zero() {
        let scale = Scale::fitting([0.0, 0.4, 873.0].into_iter(), Spread::Fitting);
        assert_eq!(
            scale,
            Scale::Logarithmic {
                min: 0.2,
                max: 1000.0,
                has_zero: true
            }
        );
        assert!(scale.place(0.0).abs() < 1e-12);
        assert!((scale.place(0.2) - ZERO_ROOM).abs() < 1e-12);
        assert!((scale.place(1000.0) - 1.0).abs() < 1e-12);
        assert_eq!(
            labels(&[0.0, 0.4, 873.0], 700.0),
            [
                "0", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"
            ]
        );
    }

    #[test]
    fn narrow_values_start_at_zero() {
        assert_eq!(
            labels(&[12.0, 87.0], 600.0),
            [
                "0", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100"
            ]
        );
        assert_eq!(
            labels(&[0.0, 0.0], 600.0).first().map(String::as_str),
            Some("0")
        );
        assert!(!labels(&[], 600.0).is_empty());
        assert_eq!(
            labels(&[-3.0, 7.0], 200.0),
            ["−4", "−2", "0", "2", "4", "6", "8"]
        );
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_and_ticks_do_not_touch(
            values in prop::collection::vec(0.0_f64..1e6, 0..20),
            length in 60.0_f64..900.0,
        ) {
            let scale = Scale::fitting(values.iter().copied(), Spread::Fitting);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let places: Vec<f64> = sorted.iter().map(|v| scale.place(*v)).collect();
            prop_assert!(places.is_sorted());
            prop_assert!(places.iter().all(|place| (0.0..=1.0).contains(place)));
            let ticks = scale.ticks(length, true);
            prop_assert!(ticks.len() <= 40);
        }
    }
}
