//! Stopping early: until the interval of a metric is narrow enough in every cell.

use super::estimate::{Over, estimate};
use super::statistics::Level;
use super::statistics::sequential::{Look, Precision, Schedule};
use crate::metric::{Column, Unit};

/// The first look. Fewer seeds say little of a distribution with several modes.
const FIRST_LOOK: u32 = 20;

/// What has to be known how well.
#[derive(Clone, PartialEq, Debug)]
pub struct Until {
    /// The column; its median over seeds is what has to be known.
    pub column: String,
    /// How well.
    pub precision: Precision,
}

impl Until {
    /// The median of a column to this share of itself, or to what nobody would call different: a
    /// millisecond, half a thing, a hundredth of a per cent.
    pub fn relative(column: &Column, share: f64) -> Self {
        let absolute = match column.unit {
            Unit::Milliseconds => 1.0,
            Unit::Share => 1e-4,
            _ => 0.5,
        };
        let precision = Precision {
            relative: share,
            absolute,
        };
        Self {
            column: column.name.to_owned(),
            precision,
        }
    }

    /// When one may look without the looks themselves spoiling the intervals.
    pub(super) fn schedule() -> Schedule {
        Schedule::new(FIRST_LOOK, Level::P95)
    }

    /// Whether a look at these values is enough. A cell without any value has nothing to wait for,
    /// and one whose values never end before the horizon is known well.
    pub(super) fn is_sharp(&self, values: &[f64], look: Look) -> bool {
        let Some(figure) = estimate(values, Over::Median, look.level) else {
            return true;
        };
        let Some(interval) = figure.interval else {
            return false;
        };
        let is_endless = figure.value.is_infinite() && interval.low.is_infinite();
        is_endless || self.precision.is_reached(figure.value, interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_interval_is_sharp_and_a_wide_one_is_not() {
        let column = Column::index("rto_max_ms").map(|index| &crate::metric::RUN_COLUMNS[index]);
        let until = Until::relative(column.unwrap(), 0.05);
        let look = Until::schedule().looks(20).next().unwrap();
        let near: Vec<f64> = (0..20).map(|seed| 1_000.0 + f64::from(seed)).collect();
        assert!(until.is_sharp(&near, look));
        let far: Vec<f64> = (0..20).map(|seed| 1_000.0 * f64::from(seed)).collect();
        assert!(!until.is_sharp(&far, look));
        assert!(until.is_sharp(&[f64::INFINITY; 20], look));
        assert!(until.is_sharp(&[], look));
    }
}
