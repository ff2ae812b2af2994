//! The words that every method shares: a confidence level and an interval.

use core::fmt;

/// How sure an interval is: the share of repetitions of the whole experiment in which it would hold
/// the true value. Lies strictly between 0 and 1; 0.95 is the usual choice.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Level(f64);

/// The level was not strictly between 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LevelError {
    /// What was given instead.
    pub got: f64,
}

/// An estimate from below and from above, both inclusive, in the unit of the values.
///
/// A limit may be infinite: an upper limit of `+∞` means that recovery was not seen often enough to
/// bound it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The lower limit.
    pub low: f64,
    /// The upper limit, at least as large as the lower.
    pub high: f64,
}

/// Which side of a value is to be bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// A value that the true one does not fall below.
    Lower,
    /// A value that the true one does not exceed. Objectives such as "p99 at most 60 s" need this.
    Upper,
}

impl Level {
    /// 95 %, the level of every table unless the reader asks for another.
    pub const P95: Self = Self(0.95);

    /// A level, checked to lie strictly between 0 and 1.
    pub fn new(level: f64) -> Result<Self, LevelError> {
        if level > 0.0 && level < 1.0 {
            Ok(Self(level))
        } else {
            Err(LevelError { got: level })
        }
    }

    /// The level as a share, 0.95 for 95 %.
    pub const fn share(self) -> f64 {
        self.0
    }

    /// The error that the level allows, 0.05 for 95 %.
    pub const fn error(self) -> f64 {
        1.0 - self.0
    }

    /// The level that allows `error`, kept inside the open interval.
    pub(super) const fn of_error(error: f64) -> Self {
        Self(1.0 - error.clamp(1e-12, 1.0 - 1e-12))
    }
}

impl Interval {
    /// An interval from two limits in either order.
    pub const fn new(one: f64, other: f64) -> Self {
        Self {
            low: one.min(other),
            high: one.max(other),
        }
    }

    /// Whether `value` lies within, limits included.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// The distance between the limits.
    pub fn width(self) -> f64 {
        self.high - self.low
    }
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "confidence level must lie strictly between 0 and 1, got {}",
            self.got
        )
    }
}

impl core::error::Error for LevelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_outside_the_open_interval_are_refused() {
        for wrong in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
            assert!(Level::new(wrong).is_err());
        }
        assert_eq!(Level::new(0.95), Ok(Level::P95));
        assert_eq!(
            Level::new(95.0).map_err(|error| error.to_string()),
            Err("confidence level must lie strictly between 0 and 1, got 95".to_owned())
        );
    }

    #[test]
    fn limits_are_put_in_order() {
        let interval = Interval::new(3.0, 1.0);
        assert!(interval.contains(1.0) && interval.contains(3.0) && !interval.contains(3.1));
        assert!((interval.width() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_level_of_any_error_lies_inside_the_open_interval() {
        for error in [-1.0, 0.0, 0.05, 1.0, 5.0] {
            let level = Level::of_error(error);
            assert_eq!(Level::new(level.share()), Ok(level), "error {error}");
        }
    }
}
