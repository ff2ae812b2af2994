//! `HyperLogLogs`: additions unite, and a deletion wins over any that does not come after it (Redis
//! Active-Active documentation, data types: `HyperLogLog`). So few elements are counted exactly.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Past, Seen};
use super::{Rules, properties, words};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Add(Vec<String>),
    Delete,
}

#[derive(Clone)]
pub(crate) struct HyperLogLogs;

/// What is counted; `None` if there is no key.
fn elements(past: &Past<What>, seen: &Seen, key: &str) -> Option<BTreeSet<String>> {
    let operations = past.on(key, seen);
    let mut found = None;
    for addition in &operations {
        let What::Add(elements) = &addition.what else {
            continue;
        };
        let survives = operations
            .iter()
            .all(|other| other.what != What::Delete || addition.is_after(other));
        if survives {
            let found: &mut BTreeSet<String> = found.get_or_insert_default();
            found.extend(elements.iter().cloned());
        }
    }
    found
}

impl Rules for HyperLogLogs {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["p", "q"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let key = words[1];
        let had = elements(past, seen, key);
        let does = |past: &mut Past<What>, what: What| {
            let here = Here {
                name,
                key,
                seen,
                at,
            };
            past.record(here, what, |_| false);
        };
        Some(match words[..] {
            ["PFADD", _, ref new @ ..] => {
                let had = had.unwrap_or_default();
                let is_news = new.iter().any(|element| !had.contains(*element));
                does(
                    past,
                    What::Add(new.iter().map(|&element| element.to_owned()).collect()),
                );
                count(usize::from(is_news))
            }
            ["PFMERGE", _, other] => {
                let mut all = had.unwrap_or_default();
                all.extend(elements(past, seen, other).unwrap_or_default());
                does(past, What::Add(all.into_iter().collect()));
                text("OK")
            }
            ["DEL", _] => {
                if had.is_some() {
                    does(past, What::Delete);
                }
                count(usize::from(had.is_some()))
            }
            _ => unreachable!("{words:?}"),
        })
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let elements = elements(past, seen, key);
        let is_there = count(usize::from(elements.is_some()));
        let counted = count(elements.map_or(0, |elements| elements.len()));
        vec![
            Expected::new(&["PFCOUNT", key], counted, Compare::Exact),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let key = || prop_oneof![4 => Just("p"), 1 => Just("q")];
    let element = || "[a-f]";
    prop_oneof![
        8 => (key(), element()).prop_map(|(key, element)| words!["PFADD", key, element]),
        2 => (key(), element(), element()).prop_map(|(key, one, other)| words!["PFADD", key, one, other]),
        4 => key().prop_map(|key| words!["DEL", key]),
        1 => Just(words!["PFMERGE", "p", "q"]),
        1 => Just(words!["PFMERGE", "q", "p"]),
    ]
}

properties!(HyperLogLogs, commands(), 30);
