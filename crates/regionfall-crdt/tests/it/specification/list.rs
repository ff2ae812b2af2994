//! Lists: what is in them is a function of the history, their order a promise that holds all along.
//!
//! Locally a command does what it does on a single node. An element is there while its insertion or an
//! assignment to it is left that no removal came after (Redis Active-Active documentation, data types:
//! lists). The documentation calls the order of concurrent insertions arbitrary, but the same everywhere:
//! whatever stood before something else anywhere, stands before it everywhere and for ever.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regionfall_crdt::{KeyNames, Replica};

use super::answer::{Answer, Compare, Expected, count, text, texts};
use super::past::{Here, Name, Past, Seen, unreplaced};
use super::run::Run;
use super::story::{Step, Story, Told};
use super::{Moment, Rules, properties, read, words};

/// Elements go by the value with which they were inserted.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// An element comes in, or becomes something else.
    Write(String, String),
    Remove(String),
    /// All that is seen goes.
    Clear,
}

impl What {
    fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Clear, _) => true,
            (
                Self::Write(one, _) | Self::Remove(one),
                Self::Write(other, _) | Self::Remove(other),
            ) => one == other,
            _ => false,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Lists;

/// What is remembered of lists that were seen.
#[derive(Default)]
pub(crate) struct Watch {
    /// For each value the element that has or had it.
    elements: BTreeMap<String, String>,
    /// Which elements stood before which.
    before: BTreeSet<(String, String)>,
}

/// The values that are there, in no order.
fn values(past: &Past<What>, seen: &Seen, key: &str) -> Vec<String> {
    let left = unreplaced(&past.on(key, seen), |one, other| {
        one.what.replaces(&other.what)
    });
    let mut elements: BTreeMap<&str, (_, &str)> = BTreeMap::new();
    for operation in left {
        if let What::Write(element, value) = &operation.what {
            let new = (operation.rank(), value.as_str());
            let last = elements.entry(element).or_insert(new);
            *last = (*last).max(new);
        }
    }
    elements
        .into_values()
        .map(|(_, value)| value.to_owned())
        .collect()
}

fn range(replica: &Replica, names: &mut KeyNames) -> Vec<String> {
    let all = read(replica, "LRANGE L 0 -1", names);
    all.items()
        .iter()
        .map(|item| item.as_text().to_owned())
        .collect()
}

/// A place counted from the left, or from the right if it is negative.
fn place(index: i64, length: usize) -> i64 {
    if index < 0 {
        index + length.cast_signed() as i64
    } else {
        index
    }
}

/// What a command does to a list on a single node.
fn on_a_single_node(list: &[String], words: &[String]) -> (Answer, Vec<String>) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut list = list.to_vec();
    let own = |values: &[&str]| {
        values
            .iter()
            .map(|&value| value.to_owned())
            .collect::<Vec<_>>()
    };
    let answer = match words[..] {
        ["RPUSH", _, ref new @ ..] => {
            list.extend(own(new));
            count(list.len())
        }
        ["LPUSH", _, ref new @ ..] => {
            for value in own(new) {
                list.insert(0, value);
            }
            count(list.len())
        }
        ["LINSERT", _, side, pivot, new] => match list.iter().position(|value| value == pivot) {
            _ if list.is_empty() => count(0),
            None => Answer::Integer(-1),
            Some(at) => {
                list.insert(at + usize::from(side == "AFTER"), new.to_owned());
                count(list.len())
            }
        },
        ["LPOP" | "RPOP", _] if list.is_empty() => Answer::Nil,
        ["LPOP", _] => text(list.remove(0)),
        ["RPOP", _] => text(list.pop().unwrap()),
        ["LREM", _, "0", gone] => {
            let length = list.len();
            list.retain(|value| value != gone);
            count(length - list.len())
        }
        ["LTRIM", _, begin, end] => {
            let begin = place(begin.parse().unwrap(), list.len()).max(0);
            let end = place(end.parse().unwrap(), list.len());
            let kept = (0_i64..).zip(list);
            let kept = kept.filter(|(at, _)| (begin..=end).contains(at));
            list = kept.map(|(_, value)| value).collect();
            text("OK")
        }
        ["LSET", _, index, new] => {
            let at = place(index.parse().unwrap(), list.len());
            match usize::try_from(at).ok().and_then(|at| list.get_mut(at)) {
                Some(value) => {
                    new.clone_into(value);
                    text("OK")
                }
                None => Answer::Error,
            }
        }
        ["DEL", _] => {
            let is_there = !list.is_empty();
            list.clear();
            count(usize::from(is_there))
        }
        _ => unreachable!("{words:?}"),
    };
    (answer, list)
}

impl Rules for Lists {
    type What = What;
    type Watch = Watch;
    const KEYS: &'static [&'static str] = &["L"];
    const IS_TOLD_BY_COMMANDS: bool = false;

    fn interpret(_: &mut Past<What>, _: &Seen, _: Name, _: &[String], _: u64) -> Option<Answer> {
        None
    }

    fn executed(watch: &mut Watch, told: &mut Told<Self>, moment: &mut Moment<'_>) {
        let before = range(moment.before, moment.names);
        let after = range(moment.after, moment.names);
        let (answer, expected) = on_a_single_node(&before, moment.words);
        assert_eq!(moment.reply, answer, "what {:?} answers", moment.words);
        assert_eq!(
            after, expected,
            "what {:?} makes of {before:?}",
            moment.words
        );
        let mut does = Vec::new();
        if moment.words[0] == "DEL" && !before.is_empty() {
            does.push(What::Clear);
        } else if moment.words[0] == "LSET" && answer != Answer::Error {
            let new = moment.words[3].clone();
            let at = after.iter().position(|value| *value == new).unwrap();
            let element = watch.elements[&before[at]].clone();
            watch.elements.insert(new.clone(), element.clone());
            does.push(What::Write(element, new));
        } else {
            for new in after.iter().filter(|value| !before.contains(value)) {
                watch.elements.insert(new.clone(), new.clone());
                does.push(What::Write(new.clone(), new.clone()));
            }
            for gone in before.iter().filter(|value| !after.contains(value)) {
                does.push(What::Remove(watch.elements[gone].clone()));
            }
        }
        let mut seen = told.seen[moment.name.0].clone();
        seen.0[moment.name.0] -= 1;
        for what in does {
            let here = Here {
                name: moment.name,
                key: "L",
                seen: &seen,
                at: moment.at,
            };
            told.past.record(here, what, |what| *what == What::Clear);
        }
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let values = values(past, seen, key);
        let (length, is_there) = (count(values.len()), count(usize::from(!values.is_empty())));
        vec![
            Expected::new(&["LRANGE", key, "0", "-1"], texts(values), Compare::Set),
            Expected::new(&["LLEN", key], length, Compare::Exact),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ]
    }

    fn watched(watch: &mut Watch, replica: &Replica, names: &mut KeyNames) {
        let list = range(replica, names);
        let elements: Vec<&String> = list.iter().map(|value| &watch.elements[value]).collect();
        for (at, one) in elements.iter().enumerate() {
            for other in &elements[at + 1..] {
                let turned = ((*other).clone(), (*one).clone());
                assert!(
                    !watch.before.contains(&turned),
                    "{turned:?} stood the other way round: {list:?}"
                );
                watch.before.insert(((*one).clone(), (*other).clone()));
            }
        }
    }

    /// What stood before what goes in no circles, even by way of elements that are gone.
    fn finished(watch: &Watch) {
        let mut left: BTreeSet<&String> = watch.elements.values().collect();
        while !left.is_empty() {
            let is_first = |one: &&String| {
                !watch
                    .before
                    .iter()
                    .any(|(before, after)| after == *one && left.contains(before))
            };
            let first = left.iter().copied().find(|one| is_first(one));
            let first = first.unwrap_or_else(|| panic!("the order goes in circles: {left:?}"));
            left.remove(first);
        }
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let side = prop_oneof![Just("BEFORE"), Just("AFTER")];
    let some = || (0..20_usize).prop_map(|number| format!("@{number}"));
    prop_oneof![
        6 => Just(words!["RPUSH", "L", "v#"]),
        5 => Just(words!["LPUSH", "L", "v#"]),
        5 => (side, some()).prop_map(|(side, pivot)| words!["LINSERT", "L", side, pivot, "v#"]),
        3 => some().prop_map(|gone| words!["LREM", "L", "0", gone]),
        2 => Just(words!["LPOP", "L"]),
        2 => Just(words!["RPOP", "L"]),
        2 => (-2..4_i32).prop_map(|at| words!["LSET", "L", at, "v#"]),
        2 => Just(words!["DEL", "L"]),
        1 => (-3..3_i32, -2..4_i32).prop_map(|(first, last)| words!["LTRIM", "L", first, last]),
        1 => Just(words!["RPUSH", "L", "v#a", "v#b"]),
        1 => Just(words!["LPUSH", "L", "v#a", "v#b"]),
    ]
}

properties!(Lists, commands(), 30);

/// What two replicas insert at one place stands in two runs, that of the smaller one first.
#[test]
fn runs_are_not_mixed() {
    let ways: [(&[&str], [&str; 4]); 3] = [
        (&["RPUSH", "L"], ["a0", "a1", "b0", "b1"]),
        (&["LPUSH", "L"], ["a1", "a0", "b1", "b0"]),
        (&["LINSERT", "L", "AFTER", "x"], ["a1", "a0", "b1", "b0"]),
    ];
    for ((way, expected), author) in ways.iter().flat_map(|way| [0, 1, 2].map(|by| (way, by))) {
        // Who inserts before what it added to its own run begins another, and the smaller one's comes
        // between the two. Each one's order is kept; that runs stay whole is no documented promise.
        if way[0] == "LINSERT" && author == 1 {
            continue;
        }
        let mut steps = vec![command(author, &["RPUSH", "L", "x"])];
        steps.extend([0, 1].map(|to| Step::Merge { from: author, to }));
        for (number, owner) in [(0, "a"), (0, "b"), (1, "a"), (1, "b")] {
            let value = format!("{owner}{number}");
            let words = [way, &[value.as_str()][..]].concat();
            steps.push(command(usize::from(owner == "b"), &words));
        }
        steps.extend([
            Step::Deliver { from: 0, to: 1 },
            Step::Deliver { from: 1, to: 0 },
        ]);
        let story: Story<Lists> = Story {
            replicas: 3,
            steps,
            rules: std::marker::PhantomData,
        };
        let run = Run::of(&story);
        let mut list = range(&run.replicas[0], &mut run.key_names().clone());
        list.retain(|value| value != "x");
        assert_eq!(list, *expected, "{way:?} at what {} wrote", author + 1);
    }
}

fn command(replica: usize, words: &[&str]) -> Step {
    Step::Command {
        replica,
        words: words.iter().map(|&word| word.to_owned()).collect(),
        at: 0,
    }
}
