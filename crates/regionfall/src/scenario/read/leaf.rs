//! Single values against their kind: what may be written, and what is wrong with what was.

use super::distribution;
use super::files::Files;
use super::quantity::{self, QuantityError};
use super::tree::{Node, Value};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::schema::Kind;
use regionfall_kernel::SimDuration;

/// What a kind allows, in words.
pub(crate) fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
        Kind::Number(min, max) => format!("a number from {min} to {max}"),
        Kind::Share(min, max) => format!(
            "a share from {} to {}",
            quantity::share_text(*min),
            quantity::share_text(*max)
        ),
        Kind::Duration(min, max) => format!(
            "a span of time from {} to {}, such as \"250ms\" (units: ns, us, ms, s, m, h, d)",
            span_text(*min),
            span_text(*max)
        ),
        Kind::Delay => distribution::SYNTAX.to_owned(),
        Kind::Size(min, max) => {
            format!(
                "a size from {min} to {max} bytes, such as \"64KiB\" (units: B, KB, MB, GB, KiB, MiB, GiB)"
            )
        }
        Kind::Bandwidth => "a bandwidth above 0, such as \"100MB/s\" or \"1Gbit/s\"".to_owned(),
        Kind::Rate => "a rate above 0, such as \"200/s\" (units: /s, /m, /h, /d)".to_owned(),
        Kind::Word(words) => {
            let words: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            words.join(", ")
        }
        Kind::Popularity => "\"uniform\" or \"zipf(s)\" with s above 0".to_owned(),
        Kind::Limit => "a bound in the column's unit, such as \"60s\", 50 or \"99.9%\"".to_owned(),
        Kind::Region => "the name of a region".to_owned(),
        Kind::Preset => "the name of a preset".to_owned(),
        Kind::Path => "the path of a file".to_owned(),
        Kind::Table(_) | Kind::Forms(_) => "a table".to_owned(),
        Kind::List(Kind::Table(table)) => format!("one or more of {}", table.title),
        Kind::List(Kind::Forms(forms)) => format!("one or more of {}", forms.title),
        Kind::List(inner) => format!("a list, each item {}", allowed(inner)),
        Kind::Either(first, second) => format!("{}; or {}", allowed(first), allowed(second)),
        Kind::Any => "any value".to_owned(),
    }
}

/// A span in the largest unit that is exact: `30d`, `10m`, `90s`.
pub(crate) fn span_text(nanoseconds: u64) -> String {
    const LARGE: [(&str, u64); 3] = [("d", 86_400), ("h", 3_600), ("m", 60)];
    for (unit, seconds) in LARGE {
        let size = seconds * 1_000_000_000;
        if nanoseconds >= size && nanoseconds.is_multiple_of(size) {
            return format!("{}{unit}", nanoseconds / size);
        }
    }
    SimDuration::from_nanos(nanoseconds).to_string()
}

/// Checks a value against its kind; `whole` is the kind to describe in messages.
pub(crate) fn check(
    node: &Node,
    kind: &Kind,
    whole: &Kind,
    path: &str,
    files: &mut Files<'_>,
) -> Result<(), Problem> {
    // Of a number beyond 64 bits only its text says what it was.
    let is_beyond = matches!(node.value, Value::Integer(i64::MIN | i64::MAX));
    let written = node.mark().filter(|_| is_beyond);
    let written = written.and_then(|mark| files.written(mark));
    let fail = |kind, message: &str| {
        Problem::new(kind, path, message)
            .got(written.clone().unwrap_or_else(|| node.excerpt()))
            .allowed(allowed(whole))
    };
    let wrong_type = || {
        fail(
            ProblemKind::WrongType,
            &format!("wrong type: {}", node.shape()),
        )
    };
    match (kind, &node.value) {
        (Kind::Text | Kind::Region | Kind::Preset | Kind::Path, Value::Text(text)) => {
            if text.trim().is_empty() {
                return Err(fail(ProblemKind::Unreadable, "is empty"));
            }
            Ok(())
        }
        (Kind::Flag, Value::Flag(_)) | (Kind::Any, _) | (Kind::Limit, Value::Text(_)) => Ok(()),
        (Kind::Integer(min, max), Value::Integer(number)) => {
            within(*number >= *min && *number <= *max, fail)
        }
        (Kind::Number(min, max), Value::Integer(_) | Value::Number(_)) => {
            let number = number(node);
            within(number >= *min && number <= *max, fail)
        }
        (Kind::Limit, Value::Integer(_) | Value::Number(_)) => {
            within(number(node).is_finite(), fail)
        }
        (Kind::Share(min, max), Value::Text(text)) => match quantity::share(text) {
            Ok(share) => within(share >= *min && share <= *max, fail),
            Err(error) => Err(unreadable(&error, fail)),
        },
        (Kind::Duration(min, max), Value::Text(text)) => match quantity::duration(text) {
            Ok(span) => within((*min..=*max).contains(&span.as_nanos()), fail),
            Err(error) => Err(unreadable(&error, fail)),
        },
        (Kind::Size(min, max), Value::Text(text)) => match quantity::size(text) {
            Ok(size) => within((*min..=*max).contains(&size), fail),
            Err(error) => Err(unreadable(&error, fail)),
        },
        (Kind::Bandwidth, Value::Text(text)) => match quantity::bandwidth(text) {
            Ok(bandwidth) => within(bandwidth > 0, fail),
            Err(error) => Err(unreadable(&error, fail)),
        },
        (Kind::Rate, Value::Text(text)) => match quantity::rate(text) {
            Ok(rate) => within(rate > 0.0 && rate <= 1e9, fail),
            Err(error) => Err(unreadable(&error, fail)),
        },
        (Kind::Delay, Value::Text(text)) => check_delay(node, text, files, fail),
        (Kind::Popularity, Value::Text(text)) => match zipf(text) {
            Some(_) => Ok(()),
            None => Err(fail(ProblemKind::Unreadable, "is no popularity")),
        },
        (Kind::Word(words), Value::Text(text)) => {
            if words.iter().any(|(word, _)| word == text) {
                return Ok(());
            }
            Err(fail(ProblemKind::UnknownName, "unknown word")
                .words(text, words.iter().map(|(word, _)| *word)))
        }
        (
            Kind::Share(..)
            | Kind::Duration(..)
            | Kind::Size(..)
            | Kind::Bandwidth
            | Kind::Rate
            | Kind::Delay,
            Value::Integer(_) | Value::Number(_),
        ) => Err(fail(ProblemKind::MissingUnit, "missing unit")),
        _ => Err(wrong_type()),
    }
}

fn within(is_within: bool, fail: impl Fn(ProblemKind, &str) -> Problem) -> Result<(), Problem> {
    if is_within {
        Ok(())
    } else {
        Err(fail(ProblemKind::OutOfRange, "is out of range"))
    }
}

fn unreadable(error: &QuantityError, fail: impl Fn(ProblemKind, &str) -> Problem) -> Problem {
    let kind = match error {
        QuantityError::MissingUnit => ProblemKind::MissingUnit,
        QuantityError::Negative | QuantityError::TooLarge => ProblemKind::OutOfRange,
        QuantityError::UnknownUnit(_) | QuantityError::NotANumber => ProblemKind::Unreadable,
    };
    fail(kind, &error.to_string())
}

fn check_delay(
    node: &Node,
    text: &str,
    files: &mut Files<'_>,
    fail: impl Fn(ProblemKind, &str) -> Problem,
) -> Result<(), Problem> {
    let mark = node.mark();
    let mut missing = false;
    let read = distribution::parse(text, &mut |path| {
        files.data(mark, path).map_err(|problem| {
            missing = true;
            problem.message
        })
    });
    let Err(error) = read else { return Ok(()) };
    let kind = if missing {
        ProblemKind::MissingFile
    } else if error.is_missing_unit() {
        ProblemKind::MissingUnit
    } else if error.is_out_of_range() {
        ProblemKind::OutOfRange
    } else {
        ProblemKind::Unreadable
    };
    let problem = fail(kind, &error.to_string());
    Err(match error.nearest() {
        Some(word) => problem.help(format!("did you mean `{word}(...)`?")),
        None => problem,
    })
}

/// A number, whole or not.
pub(crate) fn number(node: &Node) -> f64 {
    match node.value {
        Value::Integer(number) => number as f64,
        Value::Number(number) => number,
        _ => f64::NAN,
    }
}

/// The exponent of a popularity: 0 for uniform. `None` if the text is no popularity.
pub(crate) fn zipf(text: &str) -> Option<f64> {
    let text = text.trim();
    if text == "uniform" {
        return Some(0.0);
    }
    let inner = text.strip_prefix("zipf(")?.strip_suffix(')')?;
    let exponent: f64 = inner.trim().parse().ok()?;
    (exponent > 0.0 && exponent <= 10.0).then_some(exponent)
}
