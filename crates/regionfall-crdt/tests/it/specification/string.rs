//! Strings: the last writer wins, on the whole value (Redis Active-Active documentation, data types:
//! strings). APPEND, SETRANGE and SETBIT write the whole value that they result in. A deletion is a write
//! of nothing.

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Operation, Past, Seen, unreplaced};
use super::{Rules, properties, words};

/// What an operation does to a string or counter.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// The key becomes this, or nothing.
    Write(Option<String>),
    /// A number grows. In halves, so that sums are exact.
    Add(i64),
}

#[derive(Clone)]
pub(crate) struct Strings;

type Operations<'p> = Vec<&'p Operation<What>>;

/// What is left of a key: what no write that is seen came after.
fn left<'p>(past: &'p Past<What>, seen: &Seen, key: &str) -> Operations<'p> {
    unreplaced(&past.on(key, seen), |one, _| {
        matches!(one.what, What::Write(_))
    })
}

/// What a key holds.
pub(crate) fn value(past: &Past<What>, seen: &Seen, key: &str) -> Option<String> {
    let left = left(past, seen, key);
    let writes = left.iter().filter(|one| matches!(one.what, What::Write(_)));
    let written = writes.max_by_key(|one| one.rank());
    let written = written.and_then(|one| match &one.what {
        What::Write(written) => written.clone(),
        What::Add(_) => None,
    });
    let amounts = left.iter().filter_map(|one| match one.what {
        What::Add(amount) => Some(amount),
        What::Write(_) => None,
    });
    let sum = amounts.reduce(|sum, amount| sum + amount);
    together(written, sum)
}

/// A value from what was written and what was added to it: increments add to a number, and hide behind any
/// other text.
pub(crate) fn together(written: Option<String>, sum: Option<i64>) -> Option<String> {
    match (written, sum) {
        (written, None) => written,
        (None, Some(sum)) => Some(number(sum)),
        (Some(written), Some(sum)) => match halves(&written) {
            Some(base) => Some(number(base + sum)),
            None => Some(written),
        },
    }
}

/// A number of halves as the server writes it.
pub(crate) fn number(halves: i64) -> String {
    if halves % 2 == 0 {
        (halves / 2).to_string()
    } else {
        format!("{}", halves as f64 / 2.0)
    }
}

/// A number in halves, if it is one.
pub(crate) fn halves(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    let halves = number * 2.0;
    (halves.fract() == 0.0 && self::number(halves as i64) == text).then_some(halves as i64)
}

/// Adds an operation.
pub(crate) fn push(past: &mut Past<What>, seen: &Seen, name: Name, key: &str, at: u64, what: What) {
    let is_whole = |what: &What| matches!(what, What::Write(_));
    let here = Here {
        name,
        key,
        seen,
        at,
    };
    past.record(here, what, is_whole);
}

impl Rules for Strings {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["k", "l"];
    const LEAVES_NOTHING: bool = false;

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let now = |past: &Past<What>, key: &str| value(past, seen, key);
        let write = |past: &mut Past<What>, key: &str, written: Option<&str>| {
            let what = What::Write(written.map(str::to_owned));
            push(past, seen, name, key, at, what);
        };
        let ok = text("OK");
        let or_nil = |value: Option<String>| value.map_or(Answer::Nil, text);
        Some(match words[..] {
            ["SET", key, new] => {
                write(past, key, Some(new));
                ok
            }
            ["GETSET", key, new] => {
                let old = now(past, key);
                write(past, key, Some(new));
                or_nil(old)
            }
            ["SETNX", key, new] => {
                let is_free = now(past, key).is_none();
                if is_free {
                    write(past, key, Some(new));
                }
                count(usize::from(is_free))
            }
            ["SET", key, new, "XX"] => {
                if now(past, key).is_none() {
                    return Some(Answer::Nil);
                }
                write(past, key, Some(new));
                ok
            }
            ["MSET", one, new, other, other_new] => {
                write(past, one, Some(new));
                write(past, other, Some(other_new));
                ok
            }
            ["APPEND", key, more] => {
                let new = now(past, key).unwrap_or_default() + more;
                write(past, key, Some(&new));
                count(new.len())
            }
            ["SETRANGE", key, at, piece] => {
                let (mut new, at) = (
                    now(past, key).unwrap_or_default(),
                    at.parse::<usize>().unwrap(),
                );
                while new.len() < at + piece.len() {
                    new.push('\0');
                }
                new.replace_range(at..at + piece.len(), piece);
                write(past, key, Some(&new));
                count(new.len())
            }
            ["GETDEL", key] => {
                let old = now(past, key);
                if old.is_some() {
                    write(past, key, None);
                }
                or_nil(old)
            }
            ["DEL", key] => {
                let is_there = now(past, key).is_some();
                if is_there {
                    write(past, key, None);
                }
                count(usize::from(is_there))
            }
            ["INCRBY", key, amount] => {
                let amount: i64 = amount.parse().unwrap();
                let current = now(past, key).unwrap_or_else(|| "0".to_owned());
                let Ok(current) = current.parse::<i64>() else {
                    return Some(Answer::Error);
                };
                push(past, seen, name, key, at, What::Add(2 * amount));
                Answer::Integer(current + amount)
            }
            ["INCRBYFLOAT", key, amount] => {
                let amount = halves(amount).unwrap();
                let current = now(past, key).unwrap_or_else(|| "0".to_owned());
                let Some(current) = halves(&current) else {
                    return Some(Answer::Error);
                };
                push(past, seen, name, key, at, What::Add(amount));
                text(number(current + amount))
            }
            _ => unreachable!("{words:?}"),
        })
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let value = value(past, seen, key);
        let is_there = usize::from(value.is_some());
        vec![
            Expected::new(
                &["GET", key],
                value.map_or(Answer::Nil, text),
                Compare::Exact,
            ),
            Expected::new(&["EXISTS", key], count(is_there), Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let key = || prop_oneof![3 => Just("k"), 1 => Just("l")];
    let value = || "[a-c]{1,2}";
    prop_oneof![
        8 => (key(), value()).prop_map(|(key, value)| words!["SET", key, value]),
        4 => key().prop_map(|key| words!["DEL", key]),
        2 => (key(), value()).prop_map(|(key, value)| words!["APPEND", key, value]),
        2 => (key(), 0..3_usize, value()).prop_map(|(key, at, value)| words!["SETRANGE", key, at, value]),
        1 => (key(), value()).prop_map(|(key, value)| words!["GETSET", key, value]),
        1 => (key(), value()).prop_map(|(key, value)| words!["SETNX", key, value]),
        1 => (key(), value()).prop_map(|(key, value)| words!["SET", key, value, "XX"]),
        1 => key().prop_map(|key| words!["GETDEL", key]),
        1 => (value(), value()).prop_map(|(one, other)| words!["MSET", "k", one, "l", other]),
    ]
}

properties!(Strings, commands(), 30);
