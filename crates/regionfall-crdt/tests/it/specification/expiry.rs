//! Expiry: of the times to live that nothing came after the longest stays, and none at all is the longest
//! (Redis Active-Active documentation, developing applications). A write without a time to live says that
//! there is none; a deletion takes what was said before. Nothing expires in these histories.

use proptest::prelude::*;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Past, Seen, unreplaced};
use super::{Rules, START_MS, properties, words};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// The key becomes this until then.
    Write(String, Option<u64>),
    Delete,
    /// The key stays as it is until then.
    Until(Option<u64>),
}

#[derive(Clone)]
pub(crate) struct Expiry;

/// What a key holds, and until when.
fn value(past: &Past<What>, seen: &Seen, key: &str) -> Option<(String, Option<u64>)> {
    let operations = past.on(key, seen);
    let is_whole = |what: &What| !matches!(what, What::Until(_));
    let writes = unreplaced(&operations, |one, other| {
        is_whole(&one.what) && is_whole(&other.what)
    });
    let last = writes
        .into_iter()
        .filter(|one| is_whole(&one.what))
        .max_by_key(|one| one.rank())?;
    let What::Write(value, _) = &last.what else {
        return None;
    };
    let claims = unreplaced(&operations, |_, _| true);
    let deadlines = claims.iter().filter_map(|one| match one.what {
        What::Write(_, deadline) | What::Until(deadline) => Some(deadline.unwrap_or(u64::MAX)),
        What::Delete => None,
    });
    let deadline = deadlines.max().filter(|&deadline| deadline < u64::MAX);
    Some((value.clone(), deadline))
}

impl Rules for Expiry {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["k"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let key = words[1];
        let had = value(past, seen, key);
        let until = |milliseconds: &str| Some(at + milliseconds.parse::<u64>().unwrap());
        let does = |past: &mut Past<What>, what: What| {
            let is_whole = |what: &What| !matches!(what, What::Until(_));
            let here = Here {
                name,
                key,
                seen,
                at,
            };
            past.record(here, what, is_whole);
        };
        Some(match words[..] {
            ["SET", _, new] => {
                does(past, What::Write(new.to_owned(), None));
                text("OK")
            }
            ["SET", _, new, "PX", milliseconds] => {
                does(past, What::Write(new.to_owned(), until(milliseconds)));
                text("OK")
            }
            ["SET", _, new, "KEEPTTL"] => {
                does(
                    past,
                    What::Write(new.to_owned(), had.and_then(|(_, deadline)| deadline)),
                );
                text("OK")
            }
            ["PEXPIRE", _, milliseconds] => {
                if had.is_some() {
                    does(past, What::Until(until(milliseconds)));
                }
                count(usize::from(had.is_some()))
            }
            ["PERSIST", _] => {
                let has_deadline = had.is_some_and(|(_, deadline)| deadline.is_some());
                if has_deadline {
                    does(past, What::Until(None));
                }
                count(usize::from(has_deadline))
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
        let (value, left) = match value(past, seen, key) {
            None => (Answer::Nil, -2),
            Some((value, None)) => (text(value), -1),
            Some((value, Some(deadline))) => (text(value), (deadline - START_MS).cast_signed()),
        };
        vec![
            Expected::new(&["GET", key], value, Compare::Exact),
            Expected::new(&["PTTL", key], Answer::Integer(left), Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let long = || (1..9_u32).prop_map(|seconds| 1_000 * seconds);
    prop_oneof![
        8 => long().prop_map(|long| words!["PEXPIRE", "k", long]),
        4 => "[a-c]".prop_map(|value| words!["SET", "k", value]),
        3 => ("[a-c]", long()).prop_map(|(value, long)| words!["SET", "k", value, "PX", long]),
        3 => Just(words!["PERSIST", "k"]),
        2 => Just(words!["DEL", "k"]),
    ]
}

properties!(Expiry, commands(), 30);
