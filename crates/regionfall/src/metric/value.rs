//! One cell of a table: a count, a number, a word, or nothing.

use std::borrow::Cow;
use std::fmt;

use regionfall_kernel::{SimDuration, TraceHash};

/// The value of a column. What is missing is missing, never 0.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// There is no such value: empty in CSV, `null` in JSON.
    Missing,
    /// A count.
    Count(u64),
    /// A number; always finite.
    Number(f64),
    /// A word.
    Text(Cow<'static, str>),
}

impl Value {
    /// A span in milliseconds.
    pub fn millis(span: SimDuration) -> Self {
        Self::Number(span.as_millis_f64())
    }

    /// A span in milliseconds, if there is one.
    pub fn maybe_millis(span: Option<SimDuration>) -> Self {
        span.map_or(Self::Missing, Self::millis)
    }

    /// A number, if there is one and it is finite.
    pub fn maybe(number: Option<f64>) -> Self {
        match number {
            Some(number) if number.is_finite() => Self::Number(number),
            _ => Self::Missing,
        }
    }

    /// The value as a number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) => Some(*number),
            Self::Missing | Self::Text(_) => None,
        }
    }

    /// Whether there is no value.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The value beyond that of a control run; missing if either is.
    #[must_use]
    pub fn beyond(&self, control: &Self) -> Self {
        Self::maybe(
            self.as_f64()
                .zip(control.as_f64())
                .map(|(own, control)| own - control),
        )
    }

    /// Absorbs the value.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        match self {
            Self::Missing => hash.absorb(0),
            Self::Count(count) => hash.absorb2(1, *count),
            Self::Number(number) => hash.absorb2(2, number.to_bits()),
            Self::Text(text) => {
                hash.absorb(3);
                hash.absorb_str(text);
            }
        }
    }
}

impl fmt::Display for Value {
    /// Writes the shortest text that reads back equal; nothing for a missing value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_equal() {
        for number in [0.0, 0.1, 1.0 / 3.0, 1e-9, 123_456_789.123, f64::MAX] {
            assert_eq!(Value::Number(number).to_string().parse::<f64>(), Ok(number));
        }
        assert_eq!(
            Value::millis(SimDuration::from_nanos(1_500_000)).to_string(),
            "1.5"
        );
    }

    #[test]
    fn nothing_is_not_zero() {
        assert_eq!(Value::Missing.to_string(), "");
        assert_eq!(Value::maybe(Some(f64::NAN)), Value::Missing);
        assert_eq!(Value::Count(3).beyond(&Value::Missing), Value::Missing);
        assert_eq!(
            Value::Count(3).beyond(&Value::Count(5)),
            Value::Number(-2.0)
        );
        let hash = |value: Value| {
            let mut hash = TraceHash::new();
            value.hash_into(&mut hash);
            hash.finish()
        };
        assert_ne!(hash(Value::Missing), hash(Value::Count(0)));
    }
}
