//! Reading the values of arguments that are more than a word or a number.
//!
//! What is wrong is said in a sentence without its beginning: the argument's name and the value got
//! stand before it.

use std::num::NonZeroUsize;

/// `KEY=VALUE`. The value may hold further equals signs.
pub(super) fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a key and a value are needed, as in `phases.calm=5m`".to_owned()),
    }
}

/// The most seeds of one command, as of the key `seeds` of a scenario.
const SEEDS_MAX: u32 = 1_000_000;

/// A number of seeds.
pub(super) fn seeds(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(seeds) if (1..=SEEDS_MAX).contains(&seeds) => Ok(seeds),
        _ => Err(format!("allowed: a whole number from 1 to {SEEDS_MAX}")),
    }
}

/// `KEY=V1,V2`. Commas within brackets and quotes separate nothing.
pub(super) fn key_and_values(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, list) = key_and_value(text)?;
    let values: Vec<String> = split_list(&list)
        .into_iter()
        .map(|value| value.trim().to_owned())
        .collect();
    if values.iter().any(String::is_empty) {
        return Err("a value between two commas is missing".to_owned());
    }
    Ok((key, values))
}

fn split_list(text: &str) -> Vec<&str> {
    let (mut values, mut begin, mut depth, mut is_quoted) = (Vec::new(), 0, 0_u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !is_quoted => {
                values.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    values.push(&text[begin..]);
    values
}

/// `METRIC=5%`: a share above 0 and below 100 %.
pub(super) fn precision(text: &str) -> Result<(String, f64), String> {
    let wrong = || "a metric and a share are needed, as in `rto_p99=5%`".to_owned();
    let (metric, share) = key_and_value(text).map_err(|_| wrong())?;
    let percent: f64 = share
        .trim()
        .strip_suffix('%')
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(wrong)?;
    if percent > 0.0 && percent < 100.0 {
        Ok((metric, percent / 100.0))
    } else {
        Err("the share must be above 0% and below 100%".to_owned())
    }
}

/// `90%`: a share from 0 to 100 %.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let percent = text.trim().strip_suffix('%').map(str::trim);
    match percent.map(str::parse::<f64>) {
        Some(Ok(percent)) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a share from 0% to 100% is needed, as in `90%`".to_owned()),
    }
}

/// Which seed a story is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WhichSeed {
    /// This one.
    Number(u64),
    /// The one with the slowest client.
    WorstRto,
    /// The one that loses most.
    WorstLost,
    /// The one in the middle, by its slowest client.
    Median,
}

/// `7`, `worst:rto`, `worst:lost` or `median`.
pub(super) fn which_seed(text: &str) -> Result<WhichSeed, String> {
    match text.trim() {
        "worst:rto" => Ok(WhichSeed::WorstRto),
        "worst:lost" => Ok(WhichSeed::WorstLost),
        "median" => Ok(WhichSeed::Median),
        number => number
            .parse()
            .map(WhichSeed::Number)
            .map_err(|_| "a number, `worst:rto`, `worst:lost` or `median` is needed".to_owned()),
    }
}

/// `60s`: a time of the real clock.
pub(super) fn time(text: &str) -> Result<std::time::Duration, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("a time with its unit is needed, as in `60s` or `5m`".to_owned()),
    };
    let number: f64 = number.parse().unwrap_or(f64::NAN);
    std::time::Duration::try_from_secs_f64(number * seconds)
        .map_err(|_| "a time with its unit is needed, as in `60s` or `5m`".to_owned())
}

/// `I/N`, counted from 1.
pub(super) fn shard(text: &str) -> Result<(u32, u32), String> {
    let numbers = text
        .split_once('/')
        .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((part, of)) if 1 <= part && part <= of => Ok((part, of)),
        _ => Err("a part and the number of parts are needed, from `1/4` to `4/4`".to_owned()),
    }
}

/// A number of threads.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(jobs) if jobs.get() <= 1_024 => Ok(jobs),
        _ => Err("1 to 1024 are allowed".to_owned()),
    }
}

/// A trace hash as it is printed.
pub(super) fn trace_hash(text: &str) -> Result<u64, String> {
    let is_hash = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = if is_hash {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    };
    hash.ok_or_else(|| "a trace hash has 16 hexadecimal digits".to_owned())
}

/// `RUN:FIRST:END`.
pub(super) fn records(text: &str) -> Result<(usize, u64, u64), String> {
    let mut parts = text.split(':');
    let parsed = (|| {
        let run = parts.next()?.parse().ok()?;
        let first = parts.next()?.parse().ok()?;
        Some((run, first, parts.next()?.parse().ok()?))
    })();
    parsed.ok_or_else(|| "RUN:FIRST:END is needed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(
            key_and_value("a.b=lognormal(median=2ms)"),
            pair("a.b", "lognormal(median=2ms)")
        );
        assert!(key_and_value("=5").is_err());
        assert!(key_and_value("phases.calm").is_err());
    }

    #[test]
    fn commas_in_brackets_and_quotes_separate_nothing() {
        let values = |text: &str| key_and_values(text).map(|(_, values)| values);
        assert_eq!(values("k=5s, 30s,60s").unwrap(), ["5s", "30s", "60s"]);
        assert_eq!(
            values("k=uniform(1s, 2s),[1, 2],\"a,b\"").unwrap(),
            ["uniform(1s, 2s)", "[1, 2]", "\"a,b\""]
        );
        assert_eq!(values("k=5s").unwrap(), ["5s"]);
        assert!(values("k=5s,,6s").is_err());
        assert!(values("k=").is_err());
    }

    #[test]
    fn shares_and_parts_are_bounded() {
        assert_eq!(precision("rto_p99=5%"), Ok(("rto_p99".to_owned(), 0.05)));
        for wrong in [
            "rto_p99",
            "rto_p99=5",
            "rto_p99=0%",
            "rto_p99=100%",
            "rto_p99=NaN%",
        ] {
            assert!(precision(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shard("2/4"), Ok((2, 4)));
        for wrong in ["0/4", "5/4", "2", "a/b", "1/0"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
        assert!(jobs("0").is_err());
        assert!(jobs("2000").is_err());
    }

    #[test]
    fn seeds_are_bounded_as_in_scenarios() {
        assert_eq!(seeds("1000000"), Ok(1_000_000));
        for wrong in ["0", "1000001", "-1", "many", "99999999999999999999"] {
            assert_eq!(
                seeds(wrong),
                Err("allowed: a whole number from 1 to 1000000".to_owned()),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_hash_has_sixteen_digits() {
        assert_eq!(trace_hash("00000000000000ff"), Ok(255));
        assert!(trace_hash("ff").is_err());
        assert!(trace_hash("+00000000000000f").is_err());
    }
}
