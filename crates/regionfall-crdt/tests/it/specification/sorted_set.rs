//! Sorted sets: a member is there while an assignment or an increment of its score is left that no removal
//! came after; the score is the last assignment left, and the increments left on top of it (Redis
//! Active-Active documentation, data types: sorted sets).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Past, Seen, unreplaced};
use super::string::{halves, number};
use super::{Rules, properties, words};

/// Scores are in halves.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Assign(String, i64),
    Add(String, i64),
    Remove(String),
    /// All that is seen goes.
    Clear,
}

impl What {
    fn member(&self) -> Option<&str> {
        match self {
            Self::Assign(member, _) | Self::Add(member, _) | Self::Remove(member) => Some(member),
            Self::Clear => None,
        }
    }

    /// Whether what it comes after is gone.
    fn replaces(&self, other: &Self) -> bool {
        match self {
            Self::Clear => true,
            Self::Assign(member, _) | Self::Remove(member) => other.member() == Some(member),
            Self::Add(..) => false,
        }
    }
}

#[derive(Clone)]
pub(crate) struct SortedSets;

fn scores(past: &Past<What>, seen: &Seen, key: &str) -> BTreeMap<String, i64> {
    let left = unreplaced(&past.on(key, seen), |one, other| {
        one.what.replaces(&other.what)
    });
    let mut bases = BTreeMap::new();
    let mut scores: BTreeMap<String, i64> = BTreeMap::new();
    for operation in left {
        match &operation.what {
            What::Assign(member, score) => {
                let base = bases.entry(member).or_insert((operation.rank(), *score));
                *base = (*base).max((operation.rank(), *score));
            }
            What::Add(member, amount) => *scores.entry(member.clone()).or_default() += amount,
            What::Remove(_) | What::Clear => {}
        }
    }
    for (member, (_, base)) in bases {
        *scores.entry(member.clone()).or_default() += base;
    }
    scores
}

/// Members by score, and by name where scores are equal.
fn ordered(scores: &BTreeMap<String, i64>) -> Vec<(String, i64)> {
    let mut members: Vec<(String, i64)> = scores
        .iter()
        .map(|(member, score)| (member.clone(), *score))
        .collect();
    members.sort_by_key(|(member, score)| (*score, member.clone()));
    members
}

impl Rules for SortedSets {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["z", "y"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let now = |past: &Past<What>, key: &str| scores(past, seen, key);
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
            ["ZADD", key, score, member] => {
                let had = now(past, key);
                does(
                    past,
                    key,
                    What::Assign(member.to_owned(), halves(score).unwrap()),
                );
                count(usize::from(!had.contains_key(member)))
            }
            ["ZADD", key, option, score, member] => {
                let had = now(past, key).get(member).copied();
                let score = halves(score).unwrap();
                let is_done = match option {
                    "NX" => had.is_none(),
                    "XX" => had.is_some(),
                    "GT" => had.is_none_or(|had| score > had),
                    _ => had.is_none_or(|had| score < had),
                };
                if is_done {
                    does(past, key, What::Assign(member.to_owned(), score));
                }
                count(usize::from(is_done && had.is_none()))
            }
            ["ZINCRBY", key, amount, member] => {
                let had = now(past, key).get(member).copied().unwrap_or(0);
                let amount = halves(amount).unwrap();
                does(past, key, What::Add(member.to_owned(), amount));
                text(number(had + amount))
            }
            ["ZREM", key, member] => {
                let is_there = now(past, key).contains_key(member);
                if is_there {
                    does(past, key, What::Remove(member.to_owned()));
                }
                count(usize::from(is_there))
            }
            ["ZPOPMIN", key] => match ordered(&now(past, key)).first() {
                Some((member, score)) => {
                    does(past, key, What::Remove(member.clone()));
                    Answer::List(vec![text(member), text(number(*score))])
                }
                None => Answer::List(vec![]),
            },
            ["ZUNIONSTORE", target, "2", one, other] => {
                let mut result = now(past, one);
                for (member, score) in now(past, other) {
                    *result.entry(member).or_default() += score;
                }
                if !now(past, target).is_empty() {
                    does(past, target, What::Clear);
                }
                for (member, score) in &result {
                    does(past, target, What::Assign(member.clone(), *score));
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
        let scores = scores(past, seen, key);
        let range = ordered(&scores)
            .into_iter()
            .flat_map(|(member, score)| [text(member), text(number(score))]);
        let one = scores
            .get("a")
            .map_or(Answer::Nil, |score| text(number(*score)));
        let is_there = count(usize::from(!scores.is_empty()));
        vec![
            Expected::new(
                &["ZRANGE", key, "0", "-1", "WITHSCORES"],
                Answer::List(range.collect()),
                Compare::Float,
            ),
            Expected::new(&["ZCARD", key], count(scores.len()), Compare::Exact),
            Expected::new(&["ZSCORE", key, "a"], one, Compare::Float),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let key = || prop_oneof![4 => Just("z"), 1 => Just("y")];
    let member = || "[a-c]";
    let score = || (-9..9_i32).prop_map(|halves| format!("{}", f64::from(halves) / 2.0));
    let option = prop_oneof![Just("NX"), Just("XX"), Just("GT"), Just("LT")];
    prop_oneof![
        7 => (key(), score(), member()).prop_map(|(key, score, member)| words!["ZADD", key, score, member]),
        7 => (key(), score(), member()).prop_map(|(key, score, member)| words!["ZINCRBY", key, score, member]),
        5 => (key(), member()).prop_map(|(key, member)| words!["ZREM", key, member]),
        3 => key().prop_map(|key| words!["DEL", key]),
        2 => (key(), option, score(), member())
            .prop_map(|(key, option, score, member)| words!["ZADD", key, option, score, member]),
        1 => key().prop_map(|key| words!["ZPOPMIN", key]),
        1 => Just(words!["ZUNIONSTORE", "y", "2", "z", "y"]),
    ]
}

properties!(SortedSets, commands(), 30);
