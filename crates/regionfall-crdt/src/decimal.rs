//! Numbers with a fraction, as INCRBYFLOAT counts them: exact sums of decimals.
//!
//! The server adds extended floats and prints 17 decimals (redis/redis, `util.c`), so that 0.1 and 0.2 make 0.3. Whole
//! multiples of 10⁻¹⁷ print the same, and their sums do not depend on the order in which members take them in.

use std::fmt;

/// Decimals behind the point.
const DECIMALS: usize = 17;
const ONE: i128 = 10_i128.pow(DECIMALS as u32);
/// The largest magnitude counted with: well within the range, so that sums of many stay there.
const LIMIT: i128 = 10_i128.pow(19) * ONE;

/// A whole multiple of 10⁻¹⁷ of magnitude up to 10¹⁹.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Decimal {
    // Two words, which are aligned as all else is: replies and values pass through every command.
    high: i64,
    low: u64,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { high: 0, low: 0 };

    const fn new(units: i128) -> Self {
        Self {
            high: (units >> 64) as i64,
            low: units as u64,
        }
    }

    const fn units(self) -> i128 {
        (self.high as i128) << 64 | self.low as i128
    }

    /// The number that bytes spell, with a fraction and an exponent if they like; digits beyond the 17th decimal are cut
    /// off. `None` if they spell none, or one too great.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (is_negative, digits) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        // The place of the point among all digits, once the exponent has moved it.
        let point = i64::from(exponent) + whole.len().cast_signed() as i64;
        let mut number: i128 = 0;
        for (place, digit) in (0_i64..).zip(whole.bytes().chain(fraction.bytes())) {
            let power = point - place - 1 + DECIMALS.cast_signed() as i64;
            if digit == b'0' || power < 0 {
                continue;
            }
            let power = u32::try_from(power).ok().filter(|&power| power < 38)?;
            number = number
                .checked_add(i128::from(digit - b'0').checked_mul(10_i128.checked_pow(power)?)?)?;
        }
        let number = if is_negative { -number } else { number };
        (number.abs() <= LIMIT).then_some(Self::new(number))
    }

    /// A whole number.
    pub fn from_integer(number: i64) -> Self {
        Self::new(i128::from(number) * ONE)
    }

    /// The sum, unless it is too great.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self.units().checked_add(other.units())?;
        (sum.abs() <= LIMIT).then_some(Self::new(sum))
    }

    /// The sum, which wraps around where no sensible number is.
    pub(crate) fn wrapping_add(self, other: Self) -> Self {
        Self::new(self.units().wrapping_add(other.units()))
    }

    /// The number, if it is whole and fits.
    pub fn to_integer(self) -> Option<i64> {
        let units = self.units();
        (units % ONE == 0).then(|| i64::try_from(units / ONE).ok())?
    }
}

/// As the server prints it: without trailing zeros, and never with an exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.units().unsigned_abs();
        let (whole, fraction) = (
            magnitude / ONE.unsigned_abs(),
            magnitude % ONE.unsigned_abs(),
        );
        let sign = if self.high < 0 { "-" } else { "" };
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:017}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Decimal::parse(text.as_bytes()).map(|number| number.to_string())
    }

    #[test]
    fn numbers_read_back() {
        for (text, expected) in [
            ("0", "0"),
            ("3.75", "3.75"),
            ("-0.50", "-0.5"),
            ("+10", "10"),
            ("5.0e3", "5000"),
            ("12e-2", "0.12"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0.00000000000000001", "0.00000000000000001"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "a", "1a", "1 ", "nan", "inf", "1e30", "1e"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let sum = ["0.1", "0.2"]
            .iter()
            .filter_map(|text| Decimal::parse(text.as_bytes()))
            .fold(Decimal::default(), Decimal::wrapping_add);
        assert_eq!(sum.to_string(), "0.3");
        assert_eq!(Decimal::from_integer(i64::MIN).to_integer(), Some(i64::MIN));
    }
}
