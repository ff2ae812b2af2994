//! Streams: an entry is there while no removal came after it; add wins. A consumer group is there if its
//! creation came after every deletion of it that is seen; delete wins. A stream without either is no key
//! (Redis Active-Active documentation, data types: streams).

use std::collections::BTreeSet;

use proptest::prelude::*;
use regionfall_crdt::{KeyNames, Replica, Settings, XaddIdMode};

use super::answer::{Answer, Compare, Expected, count, text, texts};
use super::past::{Here, Name, Operation, Past, Seen};
use super::story::Told;
use super::{Moment, Rules, START_MS, properties, read, words};

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// An entry with its ID and value.
    Add(Id, String),
    /// These entries go, as they were seen: what else has their ID, and is gone here already, may still be
    /// elsewhere.
    Remove(Vec<Name>),
    Create(String),
    Destroy(String),
    /// All entries that are seen go, and every group whose creation did not come after.
    Clear,
}

/// Milliseconds and sequence.
type Id = (u64, u64);

/// Streams whose IDs are generated, or chosen by clients.
#[derive(Clone)]
pub(crate) struct Streams<const CHOSEN: bool>;

fn id(text: &str) -> Id {
    let (milliseconds, sequence) = text.split_once('-').unwrap();
    (milliseconds.parse().unwrap(), sequence.parse().unwrap())
}

/// Entries by ID, with the operations that added them.
fn entries(past: &Past<What>, seen: &Seen, key: &str) -> Vec<(Id, String, Name)> {
    let operations = past.on(key, seen);
    let mut entries = Vec::new();
    for addition in &operations {
        let What::Add(id, value) = &addition.what else {
            continue;
        };
        let is_removed = operations.iter().any(|other| {
            let removes = match &other.what {
                What::Remove(removed) => removed.contains(&addition.name),
                What::Clear => true,
                _ => false,
            };
            removes && other.is_after(addition)
        });
        if !is_removed {
            entries.push((*id, value.clone(), addition.name));
        }
    }
    entries.sort();
    entries
}

fn groups(past: &Past<What>, seen: &Seen, key: &str) -> BTreeSet<String> {
    let operations = past.on(key, seen);
    let mut groups = BTreeSet::new();
    for creation in &operations {
        let What::Create(group) = &creation.what else {
            continue;
        };
        let survives = operations.iter().all(|other| {
            let deletes = match &other.what {
                What::Destroy(destroyed) => destroyed == group,
                What::Clear => true,
                _ => false,
            };
            !deletes || creation.is_after(other)
        });
        if survives {
            groups.insert(group.clone());
        }
    }
    groups
}

/// The entries that a replica shows, in the order in which it shows them.
fn range(replica: &Replica, names: &mut KeyNames) -> Vec<(Id, String)> {
    let all = read(replica, "XRANGE x - +", names);
    let entry = |entry: &Answer| {
        let [id_text, fields] = entry.items() else {
            panic!("{entry} is no entry")
        };
        (
            id(id_text.as_text()),
            fields.items()[1].as_text().to_owned(),
        )
    };
    all.items().iter().map(entry).collect()
}

/// What XADD did, if it was not refused for a reason.
fn added<const CHOSEN: bool>(
    told: &Told<Streams<CHOSEN>>,
    seen: &Seen,
    moment: &Moment<'_>,
    asked: &str,
    value: &str,
) -> Option<What> {
    let had = entries(&told.past, seen, "x");
    if moment.reply == Answer::Error {
        assert!(asked != "*", "a generated ID is always found");
        let ever = told.past.on("x", seen);
        let ever = ever.iter().filter_map(|one| match one.what {
            What::Add(id, _) => Some(id),
            _ => None,
        });
        let milliseconds = asked.split('-').next().unwrap().parse::<u64>().unwrap();
        let is_below = ever.max().is_some_and(|top| top.0 >= milliseconds);
        assert!(is_below, "{asked} is refused for nothing");
        return None;
    }
    let new = id(moment.reply.as_text());
    let ascends = had.iter().all(|(old, ..)| *old < new);
    assert!(ascends, "{new:?} does not ascend from {had:?}");
    if CHOSEN {
        assert!(asked == "*" || id(asked) == new);
    } else {
        // One region may give an ID again after it deleted the stream.
        let is_free = |one: &Operation<What>| {
            one.name.0 == moment.name.0 || !matches!(one.what, What::Add(old, _) if old == new)
        };
        let is_new = told.past.0.iter().all(is_free);
        assert!(is_new, "another region gave {new:?} before");
    }
    Some(What::Add(new, value.to_owned()))
}

impl<const CHOSEN: bool> Rules for Streams<CHOSEN> {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["x"];
    const IS_TOLD_BY_COMMANDS: bool = false;

    fn settings() -> Settings {
        let mut settings = Settings::default();
        if CHOSEN {
            settings.xadd_id_mode = XaddIdMode::Liberal;
        }
        settings
    }

    fn interpret(_: &mut Past<What>, _: &Seen, _: Name, _: &[String], _: u64) -> Option<Answer> {
        None
    }

    fn executed((): &mut (), told: &mut Told<Self>, moment: &mut Moment<'_>) {
        let mut seen = told.seen[moment.name.0].clone();
        seen.0[moment.name.0] -= 1;
        let had = entries(&told.past, &seen, "x");
        let groups = groups(&told.past, &seen, "x");
        let words: Vec<&str> = moment.words.iter().map(String::as_str).collect();
        let reply = &moment.reply;
        let mut does = Vec::new();
        match words[..] {
            ["XADD", _, asked, _, value] => {
                does.extend(added(told, &seen, moment, asked, value));
            }
            ["XDEL", _, gone] => {
                let gone = id(gone);
                let hit = had.iter().filter(|(old, ..)| *old == gone);
                let hit: Vec<Name> = hit.map(|(.., by)| *by).collect();
                assert_eq!(*reply, count(hit.len()), "what {words:?} answers");
                if !hit.is_empty() {
                    does.push(What::Remove(hit));
                }
            }
            ["XTRIM", _, "MAXLEN", most] => {
                let length = had.len().saturating_sub(most.parse().unwrap());
                assert_eq!(*reply, count(length), "what {words:?} answers");
                let shown = range(moment.before, moment.names);
                let left = range(moment.after, moment.names);
                assert_eq!(left, shown[length..], "the oldest are trimmed");
                let is_gone = |(id, value, _): &&(Id, String, Name)| {
                    shown[..length].contains(&(*id, value.clone()))
                };
                let gone: Vec<Name> = had.iter().filter(is_gone).map(|(.., by)| *by).collect();
                does.extend((!gone.is_empty()).then_some(What::Remove(gone)));
            }
            ["XGROUP", "CREATE", _, group, ..] => {
                let expected = if groups.contains(group) {
                    Answer::Error
                } else {
                    text("OK")
                };
                assert_eq!(*reply, expected, "what {words:?} answers");
                if expected != Answer::Error {
                    does.push(What::Create(group.to_owned()));
                }
            }
            ["XGROUP", "DESTROY", _, group] => {
                let is_there = groups.contains(group);
                if !had.is_empty() || !groups.is_empty() {
                    assert_eq!(
                        *reply,
                        count(usize::from(is_there)),
                        "what {words:?} answers"
                    );
                }
                if is_there {
                    does.push(What::Destroy(group.to_owned()));
                }
            }
            ["DEL", _] => {
                let is_there = !had.is_empty() || !groups.is_empty();
                assert_eq!(
                    *reply,
                    count(usize::from(is_there)),
                    "what {words:?} answers"
                );
                if is_there {
                    does.push(What::Clear);
                }
            }
            _ => unreachable!("{words:?}"),
        }
        for what in does {
            let here = Here {
                name: moment.name,
                key: "x",
                seen: &seen,
                at: moment.at,
            };
            told.past.record(here, what, |what| *what == What::Clear);
        }
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let (entries, groups) = (entries(past, seen, key), groups(past, seen, key));
        let is_there = !entries.is_empty() || !groups.is_empty();
        let entry = |((milliseconds, sequence), value, _): &(Id, String, Name)| {
            Answer::List(vec![
                text(format!("{milliseconds}-{sequence}")),
                texts(["f", value]),
            ])
        };
        let all = Answer::List(entries.iter().map(entry).collect());
        let is_there_answer = count(usize::from(is_there));
        let mut reads = vec![
            Expected::new(&["XRANGE", key, "-", "+"], all, Compare::Set),
            Expected::new(&["XLEN", key], count(entries.len()), Compare::Exact),
            Expected::new(&["EXISTS", key], is_there_answer, Compare::Exact),
        ];
        if is_there {
            reads.push(Expected::new(
                &["XINFO", "GROUPS", key],
                texts(groups),
                Compare::Names,
            ));
        }
        reads
    }

    fn watched((): &mut (), replica: &Replica, names: &mut KeyNames) {
        let shown = range(replica, names);
        assert!(
            shown.is_sorted_by_key(|(id, _)| *id),
            "entries come by ID: {shown:?}"
        );
    }
}

fn commands(
    adds: impl Strategy<Value = Vec<String>>,
    ids: impl Strategy<Value = String>,
) -> impl Strategy<Value = Vec<String>> {
    let group = || prop_oneof![2 => Just("g"), 1 => Just("h")];
    prop_oneof![
        9 => adds,
        5 => ids.prop_map(|id| words!["XDEL", "x", id]),
        4 => group().prop_map(|group| words!["XGROUP", "CREATE", "x", group, "0", "MKSTREAM"]),
        3 => group().prop_map(|group| words!["XGROUP", "DESTROY", "x", group]),
        2 => Just(words!["DEL", "x"]),
    ]
}

mod generated {
    use super::*;

    fn all() -> impl Strategy<Value = Vec<String>> {
        let ids =
            (0..5_u64, 1..6_u64).prop_map(|(at, replica)| format!("{}-{replica}", START_MS + at));
        let adds = Just(words!["XADD", "x", "*", "f", "v#"]);
        let trim = (0..3_usize).prop_map(|most| words!["XTRIM", "x", "MAXLEN", most]);
        prop_oneof![12 => commands(adds, ids), 1 => trim]
    }

    properties!(Streams<false>, all(), 30);
}

mod chosen {
    use super::*;

    fn all() -> impl Strategy<Value = Vec<String>> {
        let id = || {
            (1..5_u64, 1..3_u64)
                .prop_map(|(milliseconds, sequence)| format!("{milliseconds}-{sequence}"))
        };
        let adds = id().prop_map(|id| words!["XADD", "x", id, "f", "v#"]);
        commands(adds, id())
    }

    properties!(Streams<true>, all(), 30);
}
