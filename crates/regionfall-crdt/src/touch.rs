//! What an effect does to its key, part by part: for whoever keeps books on what became of writes.
//!
//! A part is named by a digest of its name; the manner says what the rules of the data type make of two effects on the same
//! part neither of which had observed the other. The rules themselves are in the file of each type: nothing here decides
//! what a replica shows.

use crate::digest::Digest;
use crate::{
    Change, Dot, Effect, EffectKind, Element, HashChange, JsonChange, JsonPlace, ListChange,
    Position, SortedSetChange, StreamChange, TtlChange,
};

/// A part of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// All that the key holds.
    Whole,
    /// A field, a member, an element of a set or list, or an entry of a stream, by a digest of its name.
    Cell(u64),
    /// A whole JSON document.
    Document,
    /// A place inside of a JSON document.
    Inside {
        /// The effect that created the object or array that it is a place of.
        container: Dot,
        /// A digest of its name there.
        place: u64,
    },
    /// All consumer groups of a stream.
    Groups,
    /// A consumer group, by a digest of its name.
    Group(u64),
    /// When the key expires.
    Expiry,
}

/// How a part is touched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Manner {
    /// It adds to what is there, and takes nothing away.
    Contribute,
    /// It replaces what it had observed. Of concurrent ones the latest by the wall clock stands, then that of the smaller
    /// origin.
    Assign,
    /// It replaces what it had observed. Of concurrent ones that of the smaller origin stands.
    AssignByOrigin,
    /// It takes away what it had observed, and nothing else.
    Remove,
    /// It takes away what it had observed, and what comes from concurrent operations.
    Destroy,
    /// It says when the key expires, in milliseconds; [`u64::MAX`] is never. Of concurrent ones the longest stands.
    Expire(u64),
    /// The same, said by a write of the key: it counts against others and is not the purpose of the write.
    ExpireBeside(u64),
}

impl Part {
    /// Whether the part contains the other one, or is it.
    pub fn contains(self, other: Self) -> bool {
        self == other
            || match self {
                Self::Whole => true,
                Self::Document => matches!(other, Self::Inside { .. }),
                Self::Groups => matches!(other, Self::Group(_)),
                _ => false,
            }
    }

    /// Whether one of the two contains the other.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether it contains parts of other names.
    pub fn is_wide(self) -> bool {
        matches!(self, Self::Whole | Self::Document | Self::Groups)
    }
}

impl Effect {
    /// Calls `visit` for each part that the effect touches. Messages touch nothing.
    pub fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match &self.kind {
            EffectKind::Write { .. } => {
                visit(Part::Whole, Manner::Assign);
                visit(Part::Expiry, Manner::ExpireBeside(u64::MAX));
            }
            EffectKind::Remove { .. } => visit(Part::Whole, Manner::Remove),
            EffectKind::Delta { .. } => visit(Part::Whole, Manner::Contribute),
            EffectKind::Add { elements } => {
                for element in elements.as_slice() {
                    visit(cell(element), Manner::Contribute);
                }
            }
            EffectKind::Discard { elements } => {
                for element in elements.as_slice() {
                    visit(cell(element), Manner::Remove);
                }
            }
            EffectKind::Change(change) => change.for_each_touch(visit),
        }
    }
}

impl Change {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            Self::Reset {
                content, ttl, wins, ..
            } => {
                if wins.over_hyperloglog {
                    visit(Part::Whole, Manner::Destroy);
                } else if content.is_some() {
                    visit(Part::Whole, Manner::Assign);
                } else {
                    visit(Part::Whole, Manner::Remove);
                }
                if wins.over_groups {
                    visit(Part::Groups, Manner::Destroy);
                }
                match ttl {
                    TtlChange::Clear if content.is_some() => {
                        visit(Part::Expiry, Manner::ExpireBeside(u64::MAX));
                    }
                    TtlChange::Set { deadline, .. } => {
                        visit(Part::Expiry, Manner::ExpireBeside(*deadline));
                    }
                    _ => {}
                }
            }
            Self::Expire { deadline, .. } => {
                visit(Part::Expiry, Manner::Expire(deadline.unwrap_or(u64::MAX)));
            }
            Self::Fraction { .. } | Self::HyperLogLog(_) => visit(Part::Whole, Manner::Contribute),
            Self::Hash(change) => change.for_each_touch(visit),
            Self::SortedSet(change) => change.for_each_touch(visit),
            Self::List(change) => change.for_each_touch(visit),
            Self::Stream(change) => change.for_each_touch(visit),
            Self::Json(change) => change.for_each_touch(visit),
            Self::Message { .. } => {}
        }
    }
}

impl HashChange {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            Self::Set { fields } => {
                for (field, _) in fields {
                    visit(cell(field), Manner::Assign);
                }
            }
            Self::Increment { field, .. } => visit(cell(field), Manner::Contribute),
            Self::Remove { fields } => {
                for field in fields {
                    visit(cell(field), Manner::Remove);
                }
            }
            // The expiry of a field is no part of its own: whoever changes it lets the field be.
            Self::Expire { fields, .. } => {
                for field in fields {
                    visit(cell(field), Manner::Contribute);
                }
            }
        }
    }
}

impl SortedSetChange {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            Self::Set { members } => {
                for (member, _) in members {
                    visit(cell(member), Manner::Assign);
                }
            }
            Self::Increment { member, .. } => visit(cell(member), Manner::Contribute),
            Self::Remove { members } => {
                for member in members {
                    visit(cell(member), Manner::Remove);
                }
            }
        }
    }
}

impl ListChange {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            Self::Insert { first, contents } => {
                for place in 0..contents.len() {
                    visit(Part::Cell(first.plus(place).digest()), Manner::Contribute);
                }
            }
            Self::Set { position, .. } => visit(Part::Cell(position.digest()), Manner::Assign),
            Self::Remove { positions } => {
                for position in positions {
                    visit(Part::Cell(position.digest()), Manner::Remove);
                }
            }
        }
    }
}

impl StreamChange {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            // Only whoever has observed an entry can remove it, and does so by the effect that added it.
            Self::Add { id, .. } => {
                visit(
                    Part::Cell(Digest::new(1).word(id.millis).word(id.sequence).finish()),
                    Manner::Contribute,
                );
            }
            Self::Remove { entries } => {
                for (id, _) in entries {
                    visit(
                        Part::Cell(Digest::new(1).word(id.millis).word(id.sequence).finish()),
                        Manner::Remove,
                    );
                }
            }
            Self::SetId { .. } => {}
            Self::CreateGroup { group, .. } | Self::Acknowledge { group, .. } => {
                visit(group_part(group), Manner::Contribute);
            }
            Self::DestroyGroup { group } => visit(group_part(group), Manner::Destroy),
        }
    }
}

impl JsonChange {
    fn for_each_touch(&self, mut visit: impl FnMut(Part, Manner)) {
        match self {
            Self::Set { place, .. } => visit(place.part(), Manner::AssignByOrigin),
            Self::Insert {
                array,
                first,
                values,
            } => {
                for place in 0..values.len() {
                    let part = Part::Inside {
                        container: array.dot(),
                        place: first.plus(place).digest(),
                    };
                    visit(part, Manner::Contribute);
                }
            }
            Self::Remove { places } => {
                for place in places {
                    visit(place.part(), Manner::Remove);
                }
            }
        }
    }
}

impl JsonPlace {
    fn part(&self) -> Part {
        match self {
            Self::Root => Part::Document,
            Self::Member(object, name) => Part::Inside {
                container: object.dot(),
                place: Digest::new(2)
                    .word(u64::from(object.index()))
                    .bytes(name.as_bytes())
                    .finish(),
            },
            Self::Element(array, position) => Part::Inside {
                container: array.dot(),
                place: position.digest(),
            },
        }
    }
}

impl Position {
    /// A digest of it, the same for the same position only.
    fn digest(&self) -> u64 {
        self.words().fold(Digest::new(3), Digest::word).finish()
    }
}

fn cell(element: &Element) -> Part {
    Part::Cell(match element {
        Element::Number(number) => Digest::new(4).word(*number).finish(),
        Element::Bytes(bytes) => Digest::new(5).bytes(bytes).finish(),
    })
}

fn group_part(name: &[u8]) -> Part {
    Part::Group(Digest::new(6).bytes(name).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{Command, KeyNames, OriginId, Replica, Timestamp};

    fn touches(commands: &[&str]) -> Vec<(Part, Manner)> {
        let mut replica = Replica::new();
        let mut names = KeyNames::default();
        let mut found = Vec::new();
        for (text, at) in commands.iter().zip(1_u64..) {
            let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            let command = Command::parse(&words, &mut names).expect("a command");
            let executed = replica.execute(&command, Timestamp(at * 1_000_000), OriginId(0));
            assert!(!executed.reply.is_error(), "{text}: {:?}", executed.reply);
            found.clear();
            for effect in &executed.effects {
                effect.for_each_touch(|part, manner| found.push((part, manner)));
            }
        }
        found
    }

    #[test]
    fn a_part_has_the_same_name_whoever_touches_it() {
        let pairs = [
            (&["hset k f v"][..], &["hset k f v", "hdel k f"][..]),
            (&["zadd k 1 m"], &["zincrby k 1 m"]),
            (&["rpush k v"], &["rpush k v", "lset k 0 w"]),
            (&["rpush k v"], &["rpush k v", "lpop k"]),
            (
                &["xgroup create k g 0 mkstream"],
                &["xgroup create k g 0 mkstream", "xgroup destroy k g"],
            ),
            (&["json.set k $ {}"], &["json.set k $ 1"]),
        ];
        for (one, other) in pairs {
            let (one, other) = (touches(one), touches(other));
            assert_eq!(one[0].0, other[0].0, "{one:?}, {other:?}");
        }
        let other = [
            (&["hset k f v"][..], &["hset k g v"][..]),
            (&["rpush k v"], &["rpush k v", "rpush k v"]),
        ];
        for (one, other) in other {
            assert_ne!(touches(one)[0].0, touches(other)[0].0);
        }
    }

    #[test]
    fn manners_are_those_of_the_types() {
        assert_eq!(
            touches(&["pfadd k a", "del k"])[0],
            (Part::Whole, Manner::Destroy)
        );
        assert_eq!(
            touches(&["sadd k a", "del k"]),
            [(Part::Whole, Manner::Remove)]
        );
        let set = touches(&["set k v px 100"]);
        assert_eq!(set[0], (Part::Whole, Manner::Assign));
        assert_eq!(set[1], (Part::Expiry, Manner::ExpireBeside(101)));
        assert_eq!(
            touches(&["set k v", "expire k 1"]),
            [(Part::Expiry, Manner::Expire(1_002))]
        );
        assert_eq!(touches(&["sadd k a", "spop k"])[0].1, Manner::Remove);
        assert_eq!(touches(&["publish k v"]), []);
        let [(inside, manner), ..] =
            touches(&["json.set k $ {\"a\":1}", "json.numincrby k $.a 1"])[..]
        else {
            panic!("one place")
        };
        assert_eq!(manner, Manner::AssignByOrigin);
        assert!(Part::Document.contains(inside) && !inside.contains(Part::Document));
    }
}
