//! Hashes: a field is there while a write of it or an increment is left that no removal came after; add and
//! update win (Redis Active-Active documentation, data types: hashes). A field's value is that of a string
//! or counter. An increment that finds no field begins a new one, and comes after all that was there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Past, Seen, unreplaced};
use super::string::{halves, number, together};
use super::{Rules, properties, words};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Write(String, String),
    /// In halves.
    Add(String, i64),
    /// The same, where there was no such field.
    Begin(String, i64),
    Remove(String),
    /// All that is seen goes.
    Clear,
}

impl What {
    fn field(&self) -> Option<&str> {
        match self {
            Self::Write(field, _)
            | Self::Add(field, _)
            | Self::Begin(field, _)
            | Self::Remove(field) => Some(field),
            Self::Clear => None,
        }
    }

    /// Whether what it comes after is gone.
    fn replaces(&self, other: &Self) -> bool {
        match self {
            Self::Clear => true,
            Self::Write(field, _) | Self::Begin(field, _) | Self::Remove(field) => {
                other.field() == Some(field)
            }
            Self::Add(..) => false,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Hashes;

fn fields(past: &Past<What>, seen: &Seen, key: &str) -> BTreeMap<String, String> {
    let left = unreplaced(&past.on(key, seen), |one, other| {
        one.what.replaces(&other.what)
    });
    let mut values = BTreeMap::new();
    for name in ["f", "g", "h"] {
        let mut writes = Vec::new();
        let mut sum = None;
        for &operation in &left {
            match &operation.what {
                What::Write(field, value) if field == name => {
                    writes.push((operation.rank(), value));
                }
                What::Add(field, amount) | What::Begin(field, amount) if field == name => {
                    sum = Some(sum.unwrap_or(0) + amount);
                }
                _ => {}
            }
        }
        let written = writes.into_iter().max().map(|(_, value)| value.clone());
        if let Some(value) = together(written, sum) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

impl Rules for Hashes {
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
        let key = words[1];
        let had = fields(past, seen, key);
        let does = |past: &mut Past<What>, what: What| {
            let here = Here {
                name,
                key,
                seen,
                at,
            };
            past.record(here, what, |what| *what == What::Clear);
        };
        Some(match words[..] {
            ["HSET", _, field, value] => {
                does(past, What::Write(field.to_owned(), value.to_owned()));
                count(usize::from(!had.contains_key(field)))
            }
            ["HSETNX", _, field, value] => {
                let is_free = !had.contains_key(field);
                if is_free {
                    does(past, What::Write(field.to_owned(), value.to_owned()));
                }
                count(usize::from(is_free))
            }
            ["HDEL", _, ref gone @ ..] => {
                let mut gone: Vec<&str> = gone
                    .iter()
                    .copied()
                    .filter(|&field| had.contains_key(field))
                    .collect();
                gone.dedup();
                for field in &gone {
                    does(past, What::Remove((*field).to_owned()));
                }
                count(gone.len())
            }
            ["HINCRBY", _, field, amount] => {
                let amount: i64 = amount.parse().unwrap();
                let current = had.get(field).map_or("0", String::as_str);
                let Ok(current) = current.parse::<i64>() else {
                    return Some(Answer::Error);
                };
                let add = if had.contains_key(field) {
                    What::Add
                } else {
                    What::Begin
                };
                does(past, add(field.to_owned(), 2 * amount));
                Answer::Integer(current + amount)
            }
            ["HINCRBYFLOAT", _, field, amount] => {
                let amount = halves(amount).unwrap();
                let current = had.get(field).map_or("0", String::as_str);
                let Some(current) = halves(current) else {
                    return Some(Answer::Error);
                };
                let add = if had.contains_key(field) {
                    What::Add
                } else {
                    What::Begin
                };
                does(past, add(field.to_owned(), amount));
                text(number(current + amount))
            }
            ["DEL", _] => {
                if !had.is_empty() {
                    does(past, What::Clear);
                }
                count(usize::from(!had.is_empty()))
            }
            _ => unreachable!("{words:?}"),
        })
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let fields = fields(past, seen, key);
        let pairs = fields
            .iter()
            .flat_map(|(field, value)| [text(field), text(value)]);
        let length = count(fields.len());
        let is_there = count(usize::from(!fields.is_empty()));
        let one = fields.get("f").map_or(Answer::Nil, text);
        vec![
            Expected::new(
                &["HGETALL", key],
                Answer::List(pairs.collect()),
                Compare::Map,
            ),
            Expected::new(&["HLEN", key], length, Compare::Exact),
            Expected::new(&["HGET", key, "f"], one, Compare::Exact),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let field = || prop_oneof![3 => Just("f"), 1 => Just("g")];
    let value = prop_oneof![2 => "[a-c]", 3 => "[1-9]"];
    let half = (-9..9_i32).prop_map(|halves| format!("{}", f64::from(halves) / 2.0));
    prop_oneof![
        8 => (field(), value.clone()).prop_map(|(field, value)| words!["HSET", "h", field, value]),
        6 => (field(), -9..9_i32).prop_map(|(field, amount)| words!["HINCRBY", "h", field, amount]),
        5 => field().prop_map(|field| words!["HDEL", "h", field]),
        3 => Just(words!["DEL", "h"]),
        2 => (field(), half).prop_map(|(field, amount)| words!["HINCRBYFLOAT", "h", field, amount]),
        1 => Just(words!["HDEL", "h", "f", "g"]),
        1 => (field(), value).prop_map(|(field, value)| words!["HSETNX", "h", field, value]),
    ]
}

properties!(Hashes, commands(), 30);
