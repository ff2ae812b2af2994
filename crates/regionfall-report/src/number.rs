//! How numbers are written: one place, so that all tables, pictures and pages agree.

/// A value with a fixed number of decimals; `∞` for what was not reached, `–` for what is no number.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let text = format!("{value:.decimals$}");
    // A small negative value rounds to "-0.0", which looks like a mistake.
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

/// How many decimals show three digits that count, at most three: none from 100 up.
pub(crate) fn decimals_of_three(value: f64) -> usize {
    match value.abs() {
        v if v >= 99.95 || v == 0.0 || !v.is_finite() => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    }
}

/// The shortest text that reads back as the same number; `inf` for infinity.
pub(crate) fn exact(value: f64) -> String {
    format!("{value}")
}

/// A short label for an axis: no more digits than needed to tell ticks apart.
pub(crate) fn tick(value: f64) -> String {
    // Ticks are multiples of powers of ten, so rounding to 12 digits removes only noise.
    let rounded = format!("{value:.9}");
    let trimmed = rounded.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" || trimmed.is_empty() {
        return "0".to_owned();
    }
    grouped(trimmed)
}

/// A count with thin groups of three digits from 10,000 up: `12 345`.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A share in per cent with as many decimals as it needs: `0.4 %`, `37 %`. A few are never shown as none, nor nearly
/// all as all: `<0.1 %`, `>99.9 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        return "<0.1\u{a0}%".to_owned();
    }
    // What only rounding keeps from the whole is the whole.
    if (99.95..100.0 - 1e-7).contains(&percent) {
        return ">99.9\u{a0}%".to_owned();
    }
    // One decimal where it tells something from nothing or from all, judged after rounding.
    let decimals =
        usize::from(percent > 0.0 && percent < 9.95 || percent > 90.05 && percent < 99.95);
    format!("{}\u{a0}%", fixed(percent, decimals))
}

/// Groups the whole part of a decimal number from five digits up.
fn grouped(text: &str) -> String {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |digits| ("−", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, ""), |(w, f)| (w, f));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if whole.len() > 4 && index > 0 && (whole.len() - index) % 3 == 0 {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_people_write_them() {
        assert_eq!(fixed(34.25, 1), "34.2");
        assert_eq!(fixed(-0.01, 1), "0.0");
        assert_eq!(fixed(f64::INFINITY, 1), "∞");
        assert_eq!(tick(0.5), "0.5");
        assert_eq!(tick(0.1 + 0.2), "0.3");
        assert_eq!(tick(-2.0), "−2");
        assert_eq!(tick(20_000.0), "20\u{a0}000");
        assert_eq!(count(1_234), "1234");
        assert_eq!(percent(0.123), "12\u{a0}%");
        assert_eq!(percent(0.004), "0.4\u{a0}%");
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.000_4), "<0.1\u{a0}%");
        assert_eq!(percent(0.999_6), ">99.9\u{a0}%");
        assert_eq!(percent(1.0 - 1e-12), "100\u{a0}%");
        assert_eq!(percent(0.099_999_999), "10\u{a0}%");
        assert_eq!(percent(1.0), "100\u{a0}%");
    }

    #[test]
    fn exact_reads_back_equal() {
        for value in [0.1, 1.0 / 3.0, 1e-300, 123_456_789.123, f64::INFINITY] {
            assert_eq!(
                exact(value).parse::<f64>().unwrap().to_bits(),
                value.to_bits()
            );
        }
    }
}
