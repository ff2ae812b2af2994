//! JSON documents of objects, as the published table of conflicts has them (Redis Active-Active
//! documentation, JSON conflict resolution).
//!
//! A document, and every object within, is what one operation made of it. A member is what the assignments
//! left make of it, those that nothing came after: of several the one of the smallest instance, whatever the
//! clocks say. What was changed inside an object goes with that object: so a creation wins over an update
//! inside the old document, an assignment of `{}` over an update inside, and a deletion over any update
//! inside; but not over a concurrent creation. `JSON.CLEAR` takes the members that it had seen.

use proptest::prelude::*;
use serde_json::Value;

use super::answer::{Answer, Compare, Expected, count, text};
use super::past::{Here, Name, Operation, Past, Seen};
use super::{Rules, properties, words};

/// The names that members have in these histories.
const MEMBERS: [&str; 3] = ["a", "b", "c"];

/// An object: the operation that made it, and where it stands in what that operation wrote.
type Object = (Name, Vec<String>);

/// Where a value stands: a member of an object, or the document itself.
type Place = Option<(Object, String)>;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    /// A place holds this.
    Assign(Place, Value),
    /// A place holds nothing.
    Remove(Place),
    /// An object loses these members, all that it has.
    Clear(Object, Vec<String>),
}

impl What {
    /// Whether it takes away what stood at a place before it.
    fn takes(&self, place: &Place) -> bool {
        match self {
            Self::Assign(own, _) | Self::Remove(own) => own == place,
            Self::Clear(object, members) => place
                .as_ref()
                .is_some_and(|(own, member)| own == object && members.contains(member)),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Documents;

/// A value that stands in the document: who wrote it, and where in what was written it stands.
#[derive(Clone)]
struct Standing {
    by: Name,
    path: Vec<String>,
    value: Value,
}

/// What stands at a place.
fn standing(operations: &[&Operation<What>], place: &Place) -> Option<Standing> {
    let mut candidates = Vec::new();
    for operation in operations {
        match (&operation.what, place) {
            (What::Assign(own, value), place) if own == place => {
                candidates.push((*operation, Vec::new(), value.clone()));
            }
            // A member that came with its object.
            (What::Assign(_, value), Some(((by, path), member))) if operation.name == *by => {
                let mut path = path.clone();
                path.push(member.clone());
                let inner = path.iter().try_fold(value, |value, step| value.get(step));
                if let Some(value) = inner {
                    candidates.push((*operation, path, value.clone()));
                }
            }
            _ => {}
        }
    }
    let is_left = |candidate: &Operation<What>| {
        !operations
            .iter()
            .any(|other| other.is_after(candidate) && other.what.takes(place))
    };
    candidates
        .into_iter()
        .filter(|(operation, ..)| is_left(operation))
        .min_by_key(|(operation, ..)| operation.name)
        .map(|(operation, path, value)| Standing {
            by: operation.name,
            path,
            value,
        })
}

/// The object that stands at a path of member names, if one does.
fn object(operations: &[&Operation<What>], path: &[&str]) -> Option<Object> {
    let mut place = None;
    let mut path = path.iter();
    loop {
        let standing = standing(operations, &place)?;
        if !standing.value.is_object() {
            return None;
        }
        let object = (standing.by, standing.path);
        match path.next() {
            None => return Some(object),
            Some(member) => place = Some((object, (*member).to_owned())),
        }
    }
}

/// The whole of what stands at a place.
fn whole(operations: &[&Operation<What>], place: &Place) -> Option<Value> {
    let standing = standing(operations, place)?;
    if !standing.value.is_object() {
        return Some(standing.value);
    }
    let object = (standing.by, standing.path);
    let mut members = serde_json::Map::new();
    for member in MEMBERS {
        let place = Some((object.clone(), member.to_owned()));
        if let Some(value) = whole(operations, &place) {
            members.insert(member.to_owned(), value);
        }
    }
    Some(Value::Object(members))
}

/// The steps of a path such as `$.a.b`.
fn steps(path: &str) -> Vec<&str> {
    path.split('.').skip(1).collect()
}

impl Rules for Documents {
    type What = What;
    type Watch = ();
    const KEYS: &'static [&'static str] = &["j"];

    fn interpret(
        past: &mut Past<What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let operations = past.on("j", seen);
        let had = whole(&operations, &None);
        // The place that a path names, if the object that holds it is there.
        let place = |path: &str| -> Option<Place> {
            match &steps(path)[..] {
                [] => Some(None),
                [outer @ .., member] => {
                    let object = object(&operations, outer)?;
                    Some(Some((object, (*member).to_owned())))
                }
            }
        };
        let (what, answer) = match words[..] {
            ["JSON.SET", _, path, value] => {
                let value: Value = serde_json::from_str(value).unwrap();
                match place(path) {
                    Some(place) => (Some(What::Assign(place, value)), Some(text("OK"))),
                    // No such place: how this is refused is not for the specification to say.
                    None => (None, None),
                }
            }
            ["JSON.DEL", _, path] => {
                let place = place(path).filter(|place| whole(&operations, place).is_some());
                let answer = count(usize::from(place.is_some()));
                (place.map(What::Remove), Some(answer))
            }
            ["JSON.CLEAR", _, path] => {
                let object = object(&operations, &steps(path));
                let number = place(path).filter(|place| {
                    whole(&operations, place)
                        .and_then(|value| value.as_f64())
                        .is_some_and(|number| number != 0.0)
                });
                // A number becomes 0; one that is 0 already is ignored (Redis commands reference, JSON.CLEAR).
                let zero = number.map(|place| What::Assign(place, Value::from(0)));
                let clear = object.map(|object| {
                    let place = |member: &&str| Some((object.clone(), (*member).to_owned()));
                    let is_there = |member: &&str| whole(&operations, &place(member)).is_some();
                    let members = MEMBERS.into_iter().filter(is_there);
                    let members = members.map(str::to_owned).collect();
                    What::Clear(object, members)
                });
                (clear.or(zero), None)
            }
            ["DEL", _] => {
                let answer = count(usize::from(had.is_some()));
                (had.map(|_| What::Remove(None)), Some(answer))
            }
            _ => unreachable!("{words:?}"),
        };
        if let Some(what) = what {
            let is_whole = |what: &What| *what == What::Remove(None);
            let here = Here {
                name,
                key: "j",
                seen,
                at,
            };
            past.record(here, what, is_whole);
        }
        answer
    }

    fn reads(past: &Past<What>, seen: &Seen, key: &str) -> Vec<Expected> {
        let value = whole(&past.on(key, seen), &None);
        let is_there = count(usize::from(value.is_some()));
        let value = value.map_or(Answer::Nil, |value| text(value.to_string()));
        vec![
            Expected::new(&["JSON.GET", key, "."], value, Compare::Json),
            Expected::new(&["EXISTS", key], is_there, Compare::Exact),
        ]
    }
}

fn commands() -> impl Strategy<Value = Vec<String>> {
    let path = || {
        prop_oneof![
            4 => Just("$.a"), 2 => Just("$.b"), 3 => Just("$.a.a"), 2 => Just("$.a.b"), 1 => Just("$.a.a.c"),
        ]
    };
    let value = || {
        prop_oneof![
            4 => (1..9_u8).prop_map(|number| number.to_string()),
            2 => Just("\"t\"".to_owned()),
            3 => Just("{}".to_owned()),
            2 => (1..9_u8).prop_map(|number| format!("{{\"a\":{number}}}")),
            1 => (1..9_u8).prop_map(|number| format!("{{\"b\":{{\"c\":{number}}}}}")),
        ]
    };
    let document = prop_oneof![
        3 => Just("{}".to_owned()),
        2 => (1..9_u8).prop_map(|number| format!("{{\"a\":{{\"a\":{number}}}}}")),
        1 => (1..9_u8).prop_map(|number| format!("{{\"b\":{number}}}")),
    ];
    let container = prop_oneof![Just("$"), Just("$.a"), Just("$.a.b")];
    prop_oneof![
        10 => (path(), value()).prop_map(|(path, value)| words!["JSON.SET", "j", path, value]),
        5 => document.prop_map(|document| words!["JSON.SET", "j", "$", document]),
        4 => path().prop_map(|path| words!["JSON.DEL", "j", path]),
        3 => container.prop_map(|path| words!["JSON.CLEAR", "j", path]),
        2 => Just(words!["DEL", "j"]),
    ]
}

properties!(Documents, commands(), 30);
