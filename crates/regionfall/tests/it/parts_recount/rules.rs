//! What the rules of the data types make of two effects that had not seen each other: written down from the documentation, for the
//! commands of the study.

use regionfall_crdt::{
    Change, Dot, Effect, EffectKind, Element, HashChange, JsonChange, JsonPlace, ListChange,
    SortedSetChange, StreamChange, TtlChange,
};

use super::Write;

/// How a part is touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// It adds to what is there.
    Add,
    /// It is the new value, by the clock.
    Put,
    /// It is the new value, by the origin.
    PutInDocument,
    /// It takes away what it saw.
    Take,
    /// It takes away all there is.
    Kill,
    /// It is when the key expires.
    Expire(u64),
    /// The same, by the way.
    ExpireBeside(u64),
}

/// A part by its path: what is before a `/` contains what is after it, and "" contains all.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Touch {
    pub(super) part: String,
    pub(super) how: How,
    pub(super) removes: bool,
    /// What created the object or array that the part is in.
    inside: Option<Dot>,
}

pub(super) fn contains(outer: &str, inner: &str) -> bool {
    outer.is_empty()
        || inner == outer
        || inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn overlap(one: &str, other: &str) -> bool {
    contains(one, other) || contains(other, one)
}

fn touch(part: impl Into<String>, how: How) -> Touch {
    Touch {
        part: part.into(),
        how,
        removes: matches!(how, How::Take | How::Kill),
        inside: None,
    }
}

fn named(element: &Element) -> String {
    format!("part {element:?}")
}

/// What an effect touches; `is_string` where a deletion is a value among others.
pub(super) fn touches(effect: &Effect, is_string: bool) -> Vec<Touch> {
    let delete = || Touch {
        removes: true,
        ..touch("", if is_string { How::Put } else { How::Take })
    };
    let each =
        |elements: &[Element], how| elements.iter().map(|own| touch(named(own), how)).collect();
    match &effect.kind {
        EffectKind::Write { .. } => vec![
            touch("", How::Put),
            touch("ttl", How::ExpireBeside(u64::MAX)),
        ],
        EffectKind::Remove { .. } => vec![delete()],
        EffectKind::Delta { .. } => vec![touch("", How::Add)],
        EffectKind::Add { elements } => each(elements.as_slice(), How::Add),
        EffectKind::Discard { elements } => each(elements.as_slice(), How::Take),
        EffectKind::Change(change) => match &**change {
            Change::Reset {
                content, ttl, wins, ..
            } => {
                let mut all = vec![match content {
                    Some(_) => touch("", How::Put),
                    None if wins.over_hyperloglog => touch("", How::Kill),
                    None => delete(),
                }];
                if wins.over_groups {
                    all.push(touch("groups", How::Kill));
                }
                if let TtlChange::Set { deadline, .. } = ttl {
                    all.push(touch("ttl", How::ExpireBeside(*deadline)));
                } else if *ttl == TtlChange::Clear && content.is_some() {
                    all.push(touch("ttl", How::ExpireBeside(u64::MAX)));
                }
                all
            }
            Change::Expire { deadline, .. } => {
                vec![touch("ttl", How::Expire(deadline.unwrap_or(u64::MAX)))]
            }
            Change::Hash(HashChange::Set { fields }) => fields
                .iter()
                .map(|own| touch(named(&own.0), How::Put))
                .collect(),
            Change::Hash(HashChange::Increment { field, .. }) => {
                vec![touch(named(field), How::Add)]
            }
            Change::Hash(HashChange::Remove { fields }) => each(fields, How::Take),
            Change::SortedSet(SortedSetChange::Set { members }) => members
                .iter()
                .map(|own| touch(named(&own.0), How::Put))
                .collect(),
            Change::SortedSet(SortedSetChange::Increment { member, .. }) => {
                vec![touch(named(member), How::Add)]
            }
            Change::SortedSet(SortedSetChange::Remove { members }) => each(members, How::Take),
            Change::List(ListChange::Insert { first, contents }) => {
                assert_eq!(contents.len(), 1, "the study pushes one element at a time");
                vec![touch(format!("part {first:?}"), How::Add)]
            }
            Change::List(ListChange::Set { position, .. }) => {
                vec![touch(format!("part {position:?}"), How::Put)]
            }
            Change::List(ListChange::Remove { positions }) => {
                let all = positions.iter();
                all.map(|own| touch(format!("part {own:?}"), How::Take))
                    .collect()
            }
            Change::Stream(StreamChange::Add { id, .. }) => {
                vec![touch(format!("part {id}"), How::Add)]
            }
            Change::Stream(StreamChange::Remove { entries }) => entries
                .iter()
                .map(|own| touch(format!("part {}", own.0), How::Take))
                .collect(),
            Change::Stream(StreamChange::CreateGroup { group, .. }) => {
                vec![touch(format!("groups/{group:?}"), How::Add)]
            }
            Change::Json(change) => in_document(change),
            Change::HyperLogLog(_) => vec![touch("", How::Add)],
            other => panic!("no command of the study has {other:?}"),
        },
    }
}

fn in_document(change: &JsonChange) -> Vec<Touch> {
    match change {
        JsonChange::Set { place, .. } => vec![at(place, How::PutInDocument)],
        JsonChange::Remove { places } => places.iter().map(|place| at(place, How::Take)).collect(),
        JsonChange::Insert {
            array,
            first,
            values,
        } => {
            assert_eq!(values.len(), 1, "the study appends one element at a time");
            vec![Touch {
                inside: Some(array.dot()),
                ..touch(format!("document/{array:?}/{first:?}"), How::Add)
            }]
        }
    }
}

fn at(place: &JsonPlace, how: How) -> Touch {
    match place {
        JsonPlace::Root => touch("document", how),
        JsonPlace::Member(object, name) => Touch {
            inside: Some(object.dot()),
            ..touch(format!("document/{object:?}/{name}"), how)
        },
        JsonPlace::Element(array, position) => Touch {
            inside: Some(array.dot()),
            ..touch(format!("document/{array:?}/{position:?}"), how)
        },
    }
}

/// What comes of a touch when it meets another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Both keep their effect.
    Both,
    /// It stays, and the other does not do what it meant to.
    Stays,
    /// What it took away stays: it was brought back.
    Outlived,
    /// The other stands in its place.
    Beaten,
    /// The other took it away for good.
    TakenAway,
}

/// The fate of the first of two touches neither of which saw the other.
pub(super) fn fate((own, touch): (&Write, &Touch), (other, met): (&Write, &Touch)) -> Fate {
    if is_taken((own, touch), (other, met)) {
        return Fate::TakenAway;
    }
    if is_taken((other, met), (own, touch)) {
        return Fate::Stays;
    }
    if is_beaten((own, touch), (other, met)) {
        return Fate::Beaten;
    }
    if is_beaten((other, met), (own, touch)) {
        return Fate::Stays;
    }
    let is_addition = |how| matches!(how, How::Add | How::Put | How::PutInDocument);
    let is_nested = touch.part != met.part && (touch.inside.is_some() || met.inside.is_some());
    match (touch.how, met.how) {
        _ if is_nested => Fate::Both,
        (How::Take, how) if is_addition(how) => Fate::Outlived,
        (how, How::Take) if is_addition(how) => Fate::Stays,
        _ => Fate::Both,
    }
}

/// Whether the other deletes what cannot come back: a counter of distinct elements, groups, or an object that it knew, with all
/// that others do in it.
fn is_taken((_, touch): (&Write, &Touch), (other, met): (&Write, &Touch)) -> bool {
    let is_addition = matches!(touch.how, How::Add | How::Put | How::PutInDocument);
    let is_around = met.part != touch.part && contains(&met.part, &touch.part);
    match touch.inside {
        Some(created) if is_around => {
            met.how != How::Add && other.knew((created.origin.0, created.sequence))
        }
        _ => met.how == How::Kill && is_addition,
    }
}

/// Whether the other's value shows, as long as it is not replaced.
fn is_beaten((own, touch): (&Write, &Touch), (other, met): (&Write, &Touch)) -> bool {
    let (mine, theirs) = (own.dot().0, other.dot().0);
    let is_around = met.part != touch.part && contains(&met.part, &touch.part);
    if let Some(created) = touch.inside
        && is_around
    {
        return met.how == How::PutInDocument && theirs < created.origin.0;
    }
    if touch.part != met.part {
        return false;
    }
    match (touch.how, met.how) {
        (How::Put, How::Put) => (own.effect.at.0, theirs) < (other.effect.at.0, mine),
        (How::PutInDocument, How::PutInDocument) => theirs < mine,
        (How::Expire(short), How::Expire(long) | How::ExpireBeside(long)) => {
            (short, theirs) < (long, mine)
        }
        _ => false,
    }
}
