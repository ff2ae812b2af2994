//! Quantities as people write them: `"250ms"`, `"64KiB"`, `"200/s"`, `"5%"`.
//!
//! Units are always written. Numbers are read exactly, with integer arithmetic: how a scenario is
//! spelt never depends on a platform's floating point.

use core::fmt;

use regionfall_kernel::SimDuration;

/// Why a text is not the quantity that was wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum QuantityError {
    /// A number without a unit.
    MissingUnit,
    /// A unit that does not exist.
    UnknownUnit(String),
    /// No number at its beginning.
    NotANumber,
    /// A number below zero.
    Negative,
    /// A number beyond what the type holds.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingUnit => f.write_str("missing unit"),
            Self::UnknownUnit(unit) => write!(f, "unknown unit `{unit}`"),
            Self::NotANumber => f.write_str("no number at its beginning"),
            Self::Negative => f.write_str("must not be negative"),
            Self::TooLarge => f.write_str("absurdly large"),
        }
    }
}

/// Units of time with their nanoseconds.
pub(crate) const TIME_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Units of size with their bytes.
pub(crate) const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Units of bandwidth with their bytes per 8 seconds, so that a bit per second is a whole number.
const BANDWIDTH_UNITS: [(&str, u64); 11] = [
    ("B/s", 8),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
    ("KiB/s", 8 << 10),
    ("MiB/s", 8 << 20),
    ("GiB/s", 8 << 30),
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];

/// Reads a span of time: `"250ms"`, `"1.5s"`, `"10m"`.
pub(crate) fn duration(text: &str) -> Result<SimDuration, QuantityError> {
    let (number, unit) = Decimal::split(text)?;
    if unit.is_empty() && number.is_zero() {
        return Ok(SimDuration::ZERO);
    }
    let nanoseconds = number.times(unit_of(unit, &TIME_UNITS)?)?;
    // A year and more is a slip of the pen, not a simulated time.
    let limit = 366 * 86_400_000_000_000;
    if nanoseconds > limit {
        return Err(QuantityError::TooLarge);
    }
    Ok(SimDuration::from_nanos(nanoseconds))
}

/// Reads a size in bytes: `"512B"`, `"64KiB"`, `"1MB"`.
pub(crate) fn size(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = Decimal::split(text)?;
    if unit.is_empty() && number.is_zero() {
        return Ok(0);
    }
    number.times(unit_of(unit, &SIZE_UNITS)?)
}

/// Reads a bandwidth, in bytes per second: `"100MB/s"`, `"1Gbit/s"`.
pub(crate) fn bandwidth(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = Decimal::split(text)?;
    Ok(number.times(unit_of(unit, &BANDWIDTH_UNITS)?)? / 8)
}

/// Reads a rate, in events per second: `"100/s"`, `"6/m"`.
pub(crate) fn rate(text: &str) -> Result<f64, QuantityError> {
    let (number, unit) = Decimal::split(text)?;
    let seconds = match unit {
        "/s" => 1.0,
        "/m" => 60.0,
        "/h" => 3_600.0,
        "/d" => 86_400.0,
        "" => return Err(QuantityError::MissingUnit),
        other => return Err(QuantityError::UnknownUnit(other.to_owned())),
    };
    Ok(number.as_f64() / seconds)
}

/// Reads a share: `"5%"` is 0.05. Shares beyond 100 % are for the caller to judge.
pub(crate) fn share(text: &str) -> Result<f64, QuantityError> {
    let (number, unit) = Decimal::split(text)?;
    match unit {
        "%" => Ok(Decimal {
            scale: number.scale + 2,
            ..number
        }
        .as_f64()),
        "" => Err(QuantityError::MissingUnit),
        other => Err(QuantityError::UnknownUnit(other.to_owned())),
    }
}

fn unit_of(unit: &str, units: &[(&str, u64)]) -> Result<u64, QuantityError> {
    if unit.is_empty() {
        return Err(QuantityError::MissingUnit);
    }
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
        .ok_or_else(|| QuantityError::UnknownUnit(unit.to_owned()))
}

/// A decimal number as written: `digits × 10^-scale`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    /// Splits a text into its number and its unit.
    fn split(text: &str) -> Result<(Self, &str), QuantityError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('-') {
            let is_number = rest.starts_with(|first: char| first.is_ascii_digit());
            return Err(if is_number {
                QuantityError::Negative
            } else {
                QuantityError::NotANumber
            });
        }
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let starts_well = whole.starts_with(|first: char| first.is_ascii_digit());
        if !starts_well || fraction.contains('.') || (fraction.is_empty() && number.contains('.')) {
            return Err(QuantityError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let mut digits: u128 = 0;
        for digit in whole
            .chars()
            .chain(fraction.chars())
            .filter_map(|c| c.to_digit(10))
        {
            digits = digits
                .checked_mul(10)
                .and_then(|digits| digits.checked_add(u128::from(digit)))
                .ok_or(QuantityError::TooLarge)?;
        }
        let scale = fraction.chars().filter(char::is_ascii_digit).count() as u32;
        Ok((Self { digits, scale }, unit.trim_start()))
    }

    const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The number times a factor, rounded to the nearest whole.
    fn times(self, factor: u64) -> Result<u64, QuantityError> {
        let product = self
            .digits
            .checked_mul(u128::from(factor))
            .ok_or(QuantityError::TooLarge)?;
        let divisor = 10_u128
            .checked_pow(self.scale)
            .ok_or(QuantityError::TooLarge)?;
        let rounded = product
            .checked_add(divisor / 2)
            .ok_or(QuantityError::TooLarge)?
            / divisor;
        u64::try_from(rounded).map_err(|_| QuantityError::TooLarge)
    }

    /// The nearest float: standard parsing is exact on every platform.
    fn as_f64(self) -> f64 {
        format!("{}e-{}", self.digits, self.scale)
            .parse()
            .unwrap_or(f64::NAN)
    }
}

/// Writes a share as read: `5%`.
pub(crate) fn share_text(share: f64) -> String {
    let percent = share * 100.0;
    let rounded = (percent * 1e9).round() / 1e9;
    format!("{rounded}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanoseconds) in [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("500us", 500_000),
            ("0.1 ms", 100_000),
            ("10m", 600_000_000_000),
            ("1h", 3_600_000_000_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(
                duration(text),
                Ok(SimDuration::from_nanos(nanoseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_durations_say_why() {
        assert_eq!(duration("250"), Err(QuantityError::MissingUnit));
        assert_eq!(duration("-5s"), Err(QuantityError::Negative));
        assert_eq!(
            duration("5 sec"),
            Err(QuantityError::UnknownUnit("sec".to_owned()))
        );
        assert_eq!(duration("soon"), Err(QuantityError::NotANumber));
        assert_eq!(duration("1.2.3s"), Err(QuantityError::NotANumber));
        assert_eq!(duration("99999999h"), Err(QuantityError::TooLarge));
        assert_eq!(
            duration(&format!("{}s", "9".repeat(80))),
            Err(QuantityError::TooLarge)
        );
        assert_eq!(
            duration(&format!("0.{}1s", "0".repeat(80))),
            Err(QuantityError::TooLarge)
        );
    }

    #[test]
    fn sizes_rates_and_shares() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1MB"), Ok(1_000_000));
        assert_eq!(size("512"), Err(QuantityError::MissingUnit));
        assert_eq!(bandwidth("1Gbit/s"), Ok(125_000_000));
        assert_eq!(rate("6/m"), Ok(0.1));
        assert_eq!(rate("100"), Err(QuantityError::MissingUnit));
        assert_eq!(share("8.74%"), Ok(0.0874));
        assert_eq!(share("0.05"), Err(QuantityError::MissingUnit));
        assert_eq!(share_text(0.0874), "8.74%");
    }
}
