//! The specification, as slow and as plain as can be: what a key shows is a function of the set of
//! operations that are visible and of what each of them had observed.
//!
//! No clocks, no merging, no state: sets of operations, looked through from the start each time. It
//! borrows the crate's commands and replies, to read the one and predict the other, and none of its
//! rules.

use std::collections::BTreeSet;

use regionfall_crdt::{Command, Content, Element, ErrorKind, KeyId, Reply};

/// An operation: its origin and its number there.
pub(crate) type Name = (u16, u64);
/// A set of operations.
pub(crate) type Visible = BTreeSet<Name>;

#[derive(Clone, Debug)]
enum What {
    Write(Content),
    Delete,
    Count(i64),
    Add(Vec<Element>),
    Remove(Vec<Element>),
}

#[derive(Clone, Debug)]
struct Operation {
    name: Name,
    key: KeyId,
    at: u64,
    what: What,
    observed: Visible,
}

/// What a key shows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shown {
    Nothing,
    Text(Content),
    Number(i64),
    Members(Vec<Element>),
}

/// Every operation that ever had an effect.
#[derive(Clone, Default, Debug)]
pub(crate) struct Oracle {
    operations: Vec<Operation>,
}

impl Oracle {
    /// What `command` answers where `visible` is seen; remembers it as `name` if it has an effect.
    pub(crate) fn execute(
        &mut self,
        command: &Command,
        at: u64,
        name: Name,
        visible: &Visible,
    ) -> (Reply, bool) {
        let Some(key) = command.key() else {
            let reply = match command {
                Command::Echo { content } => Reply::Content(content.clone()),
                _ => Reply::Pong,
            };
            return (reply, false);
        };
        let (reply, what) = answer(command, self.shown(key, visible));
        let has_effect = what.is_some();
        if let Some(what) = what {
            let mut observed = visible.clone();
            if matches!(what, What::Write(_) | What::Delete) {
                // A reset comes after whatever the resets of the key that it sees came after.
                for before in self.resets(key, visible) {
                    observed.extend(&before.observed);
                }
            }
            self.operations.push(Operation {
                name,
                key,
                at,
                what,
                observed,
            });
        }
        (reply, has_effect)
    }

    /// What `key` shows where `visible` is seen.
    pub(crate) fn shown(&self, key: KeyId, visible: &Visible) -> Shown {
        let is_reset = |name: Name| {
            self.resets(key, visible)
                .any(|reset| reset.observed.contains(&name))
        };
        let alive: Vec<_> = self
            .on(key, visible)
            .filter(|operation| !is_reset(operation.name))
            .collect();

        // Strings: the latest of the writes and deletions that none of them had observed.
        let latest = alive
            .iter()
            .filter(|operation| matches!(operation.what, What::Write(_) | What::Delete))
            .max_by_key(|operation| (operation.at, -i32::from(operation.name.0)));
        let text = latest.and_then(|latest| match &latest.what {
            What::Write(content) => Some((latest.name.0, content.clone())),
            _ => None,
        });

        // Counters: the sum.
        let counts: Vec<(u16, i64)> = alive
            .iter()
            .filter_map(|operation| match operation.what {
                What::Count(amount) => Some((operation.name.0, amount)),
                _ => None,
            })
            .collect();
        let sum: i64 = counts.iter().map(|count| count.1).sum();
        let text_origin = text
            .iter()
            .map(|text| text.0)
            .chain(counts.iter().map(|count| count.0))
            .min();
        let text = match (text, counts.is_empty()) {
            (None, true) => Shown::Nothing,
            (None, false) => Shown::Number(sum),
            (Some((_, content)), true) => Shown::Text(content),
            (Some((_, content)), false) => match number(&content) {
                Some(base) => Shown::Number(base + sum),
                None => Shown::Text(content),
            },
        };

        // Sets: the elements of additions that no removal had observed.
        let mut members = BTreeSet::new();
        let mut set_origin = None;
        for operation in &alive {
            let What::Add(elements) = &operation.what else {
                continue;
            };
            for element in elements {
                let is_removed = self.on(key, visible).any(|removal| {
                    matches!(&removal.what, What::Remove(removed) if removed.contains(element))
                        && removal.observed.contains(&operation.name)
                });
                if !is_removed {
                    members.insert(element.clone());
                    set_origin = set_origin.into_iter().chain([operation.name.0]).min();
                }
            }
        }

        // Two types: the one with the smallest origin.
        match (text_origin, set_origin) {
            (_, None) => text,
            (Some(text_origin), Some(set_origin)) if text_origin <= set_origin => text,
            _ => Shown::Members(members.into_iter().collect()),
        }
    }

    fn on<'a>(&'a self, key: KeyId, visible: &'a Visible) -> impl Iterator<Item = &'a Operation> {
        self.operations
            .iter()
            .filter(move |operation| operation.key == key && visible.contains(&operation.name))
    }

    fn resets<'a>(
        &'a self,
        key: KeyId,
        visible: &'a Visible,
    ) -> impl Iterator<Item = &'a Operation> {
        self.on(key, visible)
            .filter(|operation| matches!(operation.what, What::Write(_) | What::Delete))
    }
}

/// A single-node server's answer and change.
fn answer(command: &Command, shown: Shown) -> (Reply, Option<What>) {
    let members = match &shown {
        Shown::Nothing => Some(vec![]),
        Shown::Members(members) => Some(members.clone()),
        _ => None,
    };
    let wrong_type = (Reply::Error(ErrorKind::WrongType), None);
    let count = |count: usize| Reply::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    match command {
        Command::Get { .. } => match shown {
            Shown::Nothing => (Reply::Nil, None),
            Shown::Text(content) => (Reply::Content(content), None),
            Shown::Number(number) => (Reply::Content(number.to_string().as_str().into()), None),
            Shown::Members(_) => wrong_type,
        },
        Command::Set { content, .. } => (Reply::Ok, Some(What::Write(content.clone()))),
        Command::Del { .. } if shown == Shown::Nothing => (count(0), None),
        Command::Del { .. } => (count(1), Some(What::Delete)),
        Command::Exists { .. } => (count(usize::from(shown != Shown::Nothing)), None),
        Command::Incr { .. } => increment(shown, 1),
        Command::Decr { .. } => increment(shown, -1),
        Command::IncrBy { amount, .. } => increment(shown, *amount),
        Command::DecrBy { amount, .. } => increment(shown, -*amount),
        Command::SAdd { elements, .. } => match members {
            None => wrong_type,
            Some(members) => {
                let elements = elements.as_slice().to_vec();
                let fresh = elements
                    .iter()
                    .filter(|element| !members.contains(element))
                    .count();
                (count(fresh), Some(What::Add(elements)))
            }
        },
        Command::SRem { elements, .. } => match members {
            None => wrong_type,
            Some(members) => {
                let gone: Vec<_> = elements
                    .as_slice()
                    .iter()
                    .filter(|element| members.contains(element))
                    .cloned()
                    .collect();
                (
                    count(gone.len()),
                    (!gone.is_empty()).then_some(What::Remove(gone)),
                )
            }
        },
        Command::SIsMember { element, .. } => match members {
            None => wrong_type,
            Some(members) => (count(usize::from(members.contains(element))), None),
        },
        Command::SMembers { .. } => match members {
            None => wrong_type,
            Some(members) => (
                Reply::Array(members.into_iter().map(Reply::Element).collect()),
                None,
            ),
        },
        Command::SCard { .. } => match members {
            None => wrong_type,
            Some(members) => (count(members.len()), None),
        },
        Command::Ping | Command::Echo { .. } | Command::Call(_) | Command::Transaction(_) => {
            unreachable!("no key")
        }
    }
}

/// Histories here stay far from 59 bits; the limit has tests of its own.
fn increment(shown: Shown, amount: i64) -> (Reply, Option<What>) {
    let current = match shown {
        Shown::Nothing => 0,
        Shown::Number(number) => number,
        Shown::Text(content) => match number(&content) {
            Some(number) => number,
            None => return (Reply::Error(ErrorKind::NotAnInteger), None),
        },
        Shown::Members(_) => return (Reply::Error(ErrorKind::WrongType), None),
    };
    (Reply::Integer(current + amount), Some(What::Count(amount)))
}

fn number(content: &Content) -> Option<i64> {
    let Content::Bytes(bytes) = content else {
        return None;
    };
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse()
        .ok()
        .filter(|number: &i64| number.to_string() == text)
}
