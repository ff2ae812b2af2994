//! Sets: an element is there while an addition is left that no removal of it came after; add wins (Redis
//! Active-Active documentation, data types: sets). An addition of what is there is an addition too.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, texts};
use super::past::{Here, Name, Past, Seen};
use super::{Rules, properties, words};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Add(String),
    Remove(String),
    /// All that is seen goes.
    Clear,
}

#[derive(Clone)]
pub(crate) struct Sets;

fn members(past: &Past<What>, seen: &Seen, key: &str) -> BTreeSet<String> {
    let operations = past.on(key, seen);
    let mut members = BTreeSet::new();
    for addition in &operations {
        let What::Add(element) = &addition.what else {
            continue;
        };
        let is_removed = operations.iter().any(|other| {
            let removes = match &other.what {
                What::Remove(removed) => removed == element,
                What::Clear => true,
                What::Add(_) => false,
            };
            removes && other.is_after(addition)
        });
        if !is_removed {
            members.insert(element.clone());
        }
    }
    members
}

impl Rules for Sets {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["s", "u"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let now = |past: &Past<What>, key: &str| members(past, seen, key);
        let does = |past: &mut Past<What>, key: &str, what: What| {
            let here = Here {
                name,
                key,
                seen,
                at,
            };
            past.record(here, what, |what| *what == What::Clear);
        };
        Some(match words[..] {
            ["SADD", key, ref elements @ ..] => {
                let had = now(past, key);
                let elements: BTreeSet<&str> = elements.iter().copied().collect();
                for element in &elements {
                    does(past, key, What::Add((*element).to_owned()));
                }
                count(
                    elements
                        .iter()
                        .filter(|element| !had.contains(**element))
                        .count(),
                )
            }
            ["SREM", key, ref elements @ ..] => {
                let had = now(past, key);
                let elements: BTreeSet<&str> = elements.iter().copied().collect();
                let gone = elements.iter().filter(|element| had.contains(**element));
                let gone: Vec<&&str> = gone.collect();
                for element in &gone {
                    does(past, key, What::Remove((**element).to_owned()));
                }
                count(gone.len())
            }
            ["SMOVE", from, to, element] => {
                let is_there = now(past, from).contains(element);
                if is_there && from != to {
                    does(past, from, What::Remove(element.to_owned()));
                    does(past, to, What::Add(element.to_owned()));
                }
                count(usize::from(is_there))
            }
            [
                store @ ("SINTERSTORE" | "SUNIONSTORE" | "SDIFFSTORE"),
                target,
                one,
                other,
            ] => {
                let (one, other) = (now(past, one), now(past, other));
                let result: BTreeSet<String> = match store {
                    "SINTERSTORE" => one.intersection(&other).cloned().collect(),
                    "SUNIONSTORE" => one.union(&other).cloned().collect(),
                    _ => one.difference(&other).cloned().collect(),
                };
                if !now(past, target).is_empty() {
                    does(past, target, What::Clear);
                }
                for element in &result {
                    does(past, target, What::Add(element.clone()));
                }
                count(result.len())
            }
            ["DEL", key] => {
                let is_there = !now(past, key).is_empty();
                if is_there {
                    does(past, key, What::Clear);
                }
                count(usize::from(is_there))
            }
            _ => unreachable!("{words:?}"),
        })
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let members = members(past, seen, key);
        let cardinality = count(members.len());
        let is_there = count(usize::from(!members.is_empty()));
        let mut reads = vec![
            Expected::new(&["SMEMBERS", key], texts(members.clone()), Compare::Set),
            Expected::new(&["SCARD", key], cardinality, Compare::Exact),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ];
        for element in ["a", "b"] {
            let is_member = count(usize::from(members.contains(element)));
            reads.push(Expected::new(
                &["SISMEMBER", key, element],
                is_member,
                Compare::Exact,
            ));
        }
        reads
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let key = || prop_oneof![3 => Just("s"), 1 => Just("u")];
    let element = || "[a-c]";
    prop_oneof![
        8 => (key(), element()).prop_map(|(key, element)| words!["SADD", key, element]),
        5 => (key(), element()).prop_map(|(key, element)| words!["SREM", key, element]),
        3 => key().prop_map(|key| words!["DEL", key]),
        2 => (key(), element(), element()).prop_map(|(key, one, other)| words!["SADD", key, one, other]),
        2 => (key(), element(), element()).prop_map(|(key, one, other)| words!["SREM", key, one, other]),
        1 => element().prop_map(|element| words!["SMOVE", "s", "u", element]),
        1 => prop_oneof![Just("SINTERSTORE"), Just("SUNIONSTORE"), Just("SDIFFSTORE")]
            .prop_map(|store| words![store, "u", "s", "u"]),
    ]
}

properties!(Sets, commands(), 30);
