//! Simulated time: moments and spans as integer nanoseconds.
//!
//! Only meaningful arithmetic exists: a moment minus a moment is a span, a moment plus a span is a
//! moment. Sums saturate at the end of time (about 584 years), so that "never" is a value and no
//! fault plan can overflow the clock.

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub};

/// A moment of simulated time, in nanoseconds since the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimTime(u64);

/// A span of simulated time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimDuration(u64);

impl SimTime {
    /// The moment at which every run begins.
    pub const ZERO: Self = Self(0);
    /// A moment that no run reaches: "never".
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanoseconds` after the run began.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the run began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span since the run began.
    pub const fn since_start(self) -> SimDuration {
        SimDuration(self.0)
    }

    /// The span from `earlier` to this moment, zero if `earlier` is in fact later.
    pub const fn saturating_since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const FOREVER: Self = Self(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// A span of whole microseconds.
    pub const fn from_micros(microseconds: u64) -> Self {
        Self(microseconds.saturating_mul(1_000))
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// The span nearest to a number of nanoseconds; negative and not-a-number become zero, too large
    /// becomes [`SimDuration::FOREVER`].
    pub const fn from_nanos_f64(nanoseconds: f64) -> Self {
        // A float-to-integer cast saturates, and maps not-a-number to zero.
        Self((nanoseconds + 0.5) as u64)
    }

    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in milliseconds, for reports.
    pub const fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The span in seconds, for reports.
    pub const fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// This span without `other`, or zero if `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Sub for SimTime {
    type Output = SimDuration;
    /// The span between two moments. The right side must not be later: that is a bug of the caller.
    fn sub(self, earlier: Self) -> SimDuration {
        debug_assert!(earlier <= self, "{earlier} lies after {self}");
        self.saturating_since(earlier)
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for SimDuration {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Div<u64> for SimDuration {
    type Output = Self;
    fn div(self, divisor: u64) -> Self {
        Self(self.0 / divisor)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.pad("never");
        }
        self.since_start().fmt(f)
    }
}

impl fmt::Display for SimDuration {
    /// Writes the span in the largest unit that needs no more than three decimals: `1.5s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
        if *self == Self::FOREVER {
            return f.pad("forever");
        }
        for (size, unit) in UNITS {
            if self.0 >= size && self.0.is_multiple_of(size / 1_000) {
                return f.pad(&format!("{}{unit}", self.0 as f64 / size as f64));
            }
        }
        if self.0 == 0 {
            f.pad("0s")
        } else {
            f.pad(&format!("{}ns", self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_wraps() {
        assert_eq!(SimTime::NEVER + SimDuration::from_secs(1), SimTime::NEVER);
        assert_eq!(SimDuration::from_secs(u64::MAX), SimDuration::FOREVER);
        assert_eq!(
            SimTime::ZERO.saturating_since(SimTime::from_nanos(5)),
            SimDuration::ZERO
        );
    }

    #[test]
    fn floats_saturate_instead_of_wrapping() {
        assert_eq!(SimDuration::from_nanos_f64(-3.0), SimDuration::ZERO);
        assert_eq!(SimDuration::from_nanos_f64(f64::NAN), SimDuration::ZERO);
        assert_eq!(
            SimDuration::from_nanos_f64(f64::INFINITY),
            SimDuration::FOREVER
        );
        assert_eq!(SimDuration::from_nanos_f64(1.6), SimDuration::from_nanos(2));
    }

    #[test]
    fn spans_print_in_the_largest_exact_unit() {
        for (span, text) in [
            (SimDuration::ZERO, "0s"),
            (SimDuration::from_nanos(17), "17ns"),
            (SimDuration::from_micros(1_500), "1.5ms"),
            (SimDuration::from_millis(250), "250ms"),
            (SimDuration::from_millis(1_500), "1.5s"),
            (SimDuration::from_secs(600), "600s"),
            (SimDuration::FOREVER, "forever"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }
}
