//! Expiry of the fields of a hash: as for keys, of the times to live that nothing came after the longest
//! stays, and none at all is the longest. No source says so for fields; the rule of keys is taken over. A
//! write of a field says that there is none, a removal takes what was said before. An increment says nothing, unless it finds
//! no field: what was said of a former one does not hold for the one that it creates. Nothing expires here.

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Past, Seen, unreplaced};
use super::string::together;
use super::{Rules, START_MS, properties, words};

/// What happens to the one field of these histories.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Write(String),
    /// In halves.
    Add {
        halves: i64,
        creates: bool,
    },
    Remove,
    /// The whole hash goes.
    Clear,
    /// The field stays as it is until then.
    Until(Option<u64>),
}

#[derive(Clone)]
pub(crate) struct FieldExpiry;

fn value(past: &Past<What>, seen: &Seen, key: &str) -> Option<(String, Option<u64>)> {
    let operations = past.on(key, seen);
    let left = unreplaced(&operations, |one, other| match (&one.what, &other.what) {
        // A change of the time to live replaces nothing but what was said of it.
        (What::Until(_), What::Until(_)) => true,
        (What::Until(_), _) | (What::Add { creates: false, .. }, _) => false,
        _ => true,
    });
    let mut writes = Vec::new();
    let mut sum = None;
    for one in left {
        match &one.what {
            What::Write(value) => writes.push((one.rank(), value)),
            What::Add { halves, .. } => sum = Some(sum.unwrap_or(0) + halves),
            _ => {}
        }
    }
    let written = writes.into_iter().max().map(|(_, value)| value.clone());
    let value = together(written, sum)?;
    let claims = unreplaced(&operations, |one, _| {
        !matches!(one.what, What::Add { creates: false, .. })
    });
    let deadlines = claims.iter().filter_map(|one| match one.what {
        What::Until(Some(deadline)) => Some(deadline),
        What::Until(None) | What::Write(_) => Some(u64::MAX),
        What::Add { .. } | What::Remove | What::Clear => None,
    });
    let deadline = deadlines.max().filter(|&deadline| deadline < u64::MAX);
    Some((value, deadline))
}

impl Rules for FieldExpiry {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["h"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let had = value(past, seen, "h");
        let does = |past: &mut Past<What>, what: What| {
            let here = Here {
                name,
                key: "h",
                seen,
                at,
            };
            past.record(here, what, |what| *what == What::Clear);
        };
        Some(match words[..] {
            ["HSET", _, _, new] => {
                does(past, What::Write(new.to_owned()));
                count(usize::from(had.is_none()))
            }
            ["HINCRBY", _, _, amount] => {
                let amount: i64 = amount.parse().unwrap();
                let current = had.as_ref().map_or("0", |(value, _)| value);
                let Ok(current) = current.parse::<i64>() else {
                    return Some(Answer::Error);
                };
                let what = What::Add {
                    halves: 2 * amount,
                    creates: had.is_none(),
                };
                does(past, what);
                Answer::Integer(current + amount)
            }
            ["HDEL", ..] => {
                if had.is_some() {
                    does(past, What::Remove);
                }
                count(usize::from(had.is_some()))
            }
            ["DEL", _] => {
                if had.is_some() {
                    does(past, What::Clear);
                }
                count(usize::from(had.is_some()))
            }
            ["HPEXPIRE", _, milliseconds, ..] => {
                if had.is_some() {
                    let milliseconds: u64 = milliseconds.parse().unwrap();
                    does(past, What::Until(Some(at + milliseconds)));
                }
                let answer = if had.is_some() { 1 } else { -2 };
                Answer::List(vec![Answer::Integer(answer)])
            }
            ["HPERSIST", ..] => {
                let answer = match had {
                    None => -2,
                    Some((_, None)) => -1,
                    Some((_, Some(_))) => {
                        does(past, What::Until(None));
                        1
                    }
                };
                Answer::List(vec![Answer::Integer(answer)])
            }
            _ => unreachable!("{words:?}"),
        })
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let (value, left) = match value(past, seen, key) {
            None => (Answer::Nil, -2),
            Some((value, None)) => (text(value), -1),
            Some((value, Some(deadline))) => (text(value), (deadline - START_MS).cast_signed()),
        };
        let left = Answer::List(vec![Answer::Integer(left)]);
        vec![
            Expected::new(&["HGET", key, "f"], value, Compare::Exact),
            Expected::new(&["HPTTL", key, "FIELDS", "1", "f"], left, Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let long = (1..9_u32).prop_map(|seconds| 1_000 * seconds);
    prop_oneof![
        5 => (1..9_u32).prop_map(|amount| words!["HINCRBY", "h", "f", amount]),
        6 => "[a-b1-3]".prop_map(|value| words!["HSET", "h", "f", value]),
        8 => long.prop_map(|long| words!["HPEXPIRE", "h", long, "FIELDS", "1", "f"]),
        3 => Just(words!["HPERSIST", "h", "FIELDS", "1", "f"]),
        3 => Just(words!["HDEL", "h", "f"]),
        2 => Just(words!["DEL", "h"]),
    ]
}

properties!(FieldExpiry, commands(), 30);
