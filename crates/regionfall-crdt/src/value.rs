//! What a client would see under a key: a view that borrows from the replica.

use crate::digest::Digest;
use crate::score::show_score;
use crate::set::Set;
use crate::{
    Content, DataType, Decimal, Element, HashView, HyperLogLogView, JsonView, ListView, Reply,
    SortedSetView, StreamView,
};

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Nothing: never written, deleted, or emptied.
    Absent,
    /// A string that was written and not counted upon.
    Content(&'a Content),
    /// A counter. Equal to the string that spells the same number.
    Integer(i64),
    /// A counter to which something with a fraction was added.
    Fraction(Decimal),
    /// A set with at least one element.
    Set(SetView<'a>),
    /// A hash with at least one field.
    Hash(HashView<'a>),
    /// A sorted set with at least one member.
    SortedSet(SortedSetView<'a>),
    /// A list with at least one element.
    List(ListView<'a>),
    /// A stream with at least one entry or consumer group.
    Stream(StreamView<'a>),
    /// A JSON document.
    Json(JsonView<'a>),
    /// A `HyperLogLog`.
    HyperLogLog(HyperLogLogView<'a>),
}

impl Value<'_> {
    /// Whether there is nothing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The type, or `None` if there is nothing. A written string is a `String` even if it spells a
    /// number.
    pub fn data_type(&self) -> Option<DataType> {
        match self {
            Self::Absent => None,
            Self::Content(_) => Some(DataType::String),
            Self::Integer(_) | Self::Fraction(_) => Some(DataType::Counter),
            Self::Set(_) => Some(DataType::Set),
            Self::Hash(_) => Some(DataType::Hash),
            Self::SortedSet(_) => Some(DataType::SortedSet),
            Self::List(_) => Some(DataType::List),
            Self::Stream(_) => Some(DataType::Stream),
            Self::Json(_) => Some(DataType::Json),
            Self::HyperLogLog(_) => Some(DataType::HyperLogLog),
        }
    }

    /// The same at a moment, in milliseconds of the wall clock: without the parts that have expired by then.
    pub(crate) fn at(self, millis: u64) -> Self {
        match self {
            Self::Hash(hash) if hash.at(millis).is_empty() => Self::Absent,
            Self::Hash(hash) => Self::Hash(hash.at(millis)),
            other => other,
        }
    }

    /// The string, if it is one, counters included.
    pub(crate) fn text(&self) -> Option<Content> {
        match self {
            Self::Content(content) => Some((*content).clone()),
            Self::Integer(number) => Some(Content::from_integer(*number)),
            Self::Fraction(number) => Some(number.to_string().as_str().into()),
            _ => None,
        }
    }

    /// The value as a reply that owns it: content for strings and counters, an array for collections, in which fields and
    /// members are followed by their values and scores.
    pub fn to_reply(&self) -> Reply {
        match self {
            Self::Absent => Reply::Nil,
            Self::Content(content) => Reply::Content((*content).clone()),
            Self::Integer(number) => Reply::Content(Content::from_integer(*number)),
            Self::Fraction(number) => Reply::bulk(number.to_string()),
            Self::Set(set) => Reply::Array(set.iter().cloned().map(Reply::Element).collect()),
            Self::Hash(hash) => Reply::Array(
                hash.iter()
                    .flat_map(|(field, content)| {
                        [Reply::Element(field.clone()), Reply::Content(content)]
                    })
                    .collect(),
            ),
            Self::SortedSet(set) => Reply::Array(
                set.ranked()
                    .flat_map(|(member, score)| {
                        [
                            Reply::Element(member.clone()),
                            Reply::bulk(show_score(score)),
                        ]
                    })
                    .collect(),
            ),
            Self::List(list) => Reply::Array(list.iter().cloned().map(Reply::Content).collect()),
            Self::HyperLogLog(own) => Reply::bulk(own.to_bytes()),
            Self::Json(json) => Reply::bulk(json.to_value().to_string()),
            Self::Stream(stream) => Reply::Array(
                stream
                    .iter()
                    .map(|(id, fields)| {
                        let flat = fields.iter().flat_map(|(name, value)| [name, value]);
                        Reply::Array(vec![Reply::bulk(id.to_string()), Reply::bulks(flat)])
                    })
                    .collect(),
            ),
        }
    }

    /// A hash of what is visible: equal for equal values.
    pub(crate) fn digest(&self, key: u64) -> u64 {
        let digest = Digest::new(key);
        match self {
            Self::Absent => 0,
            Self::Content(content) => digest_content(digest, content),
            Self::Integer(number) => digest_content(digest, &Content::from_integer(*number)),
            Self::Fraction(number) => digest_content(digest, &number.to_string().as_str().into()),
            // Elements come in order.
            Self::Set(set) => set.iter().fold(digest.word(3), digest_element).finish(),
            Self::Hash(hash) => hash
                .iter()
                .fold(digest.word(4), |digest, (field, content)| {
                    let digest = digest_element(digest, field);
                    digest.word(digest_content(Digest::new(0), &content))
                })
                .finish(),
            Self::SortedSet(set) => set
                .iter()
                .fold(digest.word(5), |digest, (member, score)| {
                    // The two zeros are one.
                    digest_element(digest, member).word((score + 0.0).to_bits())
                })
                .finish(),
            Self::Json(json) => digest
                .word(8)
                .bytes(json.to_value().to_string().as_bytes())
                .finish(),
            Self::HyperLogLog(own) => digest.word(9).bytes(&own.to_bytes()).finish(),
            Self::Stream(stream) => {
                let entries = stream.iter().fold(digest.word(7), |digest, (id, fields)| {
                    let digest = digest.word(id.millis).word(id.sequence);
                    fields.iter().fold(digest, |digest, (name, value)| {
                        digest.bytes(name).bytes(value)
                    })
                });
                stream.groups().fold(entries, Digest::bytes).finish()
            }
            Self::List(list) => list
                .iter()
                .fold(digest.word(6), |digest, content| {
                    digest.word(digest_content(Digest::new(0), content))
                })
                .finish(),
        }
    }
}

fn digest_element(digest: Digest, element: &Element) -> Digest {
    match element {
        Element::Number(number) => digest.word(0).word(*number),
        Element::Bytes(bytes) => digest.word(1).bytes(bytes),
    }
}

fn digest_content(digest: Digest, content: &Content) -> u64 {
    match content {
        Content::Synthetic { token, length } => {
            digest.word(1).word(*token).word(u64::from(*length))
        }
        Content::Bytes(bytes) => digest.word(2).bytes(bytes),
    }
    .finish()
}

/// Equal if no client could tell them apart by reading.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::Content(a), Self::Content(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Content(a), Self::Integer(b)) | (Self::Integer(b), Self::Content(a)) => {
                a.as_integer() == Some(*b)
            }
            (Self::Fraction(_), _) | (_, Self::Fraction(_)) => {
                self.text().is_some() && self.text() == other.text()
            }
            (Self::Set(a), Self::Set(b)) => a.iter().eq(b.iter()),
            (Self::Hash(a), Self::Hash(b)) => a.iter().eq(b.iter()),
            (Self::SortedSet(a), Self::SortedSet(b)) => a.iter().eq(b.iter()),
            (Self::List(a), Self::List(b)) => a.iter().eq(b.iter()),
            (Self::HyperLogLog(a), Self::HyperLogLog(b)) => a.registers() == b.registers(),
            (Self::Json(a), Self::Json(b)) => a.to_value() == b.to_value(),
            (Self::Stream(a), Self::Stream(b)) => {
                a.iter().eq(b.iter()) && a.groups().eq(b.groups())
            }
            _ => false,
        }
    }
}

/// The elements of a set.
#[derive(Clone, Copy, Debug)]
pub struct SetView<'a>(pub(crate) &'a Set);

/// What is read where there is no set.
static NOTHING: Set = Set::new();

impl<'a> SetView<'a> {
    pub(crate) const EMPTY: Self = Self(&NOTHING);

    /// How many.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none. Not so for a set found under a key: an empty set is no key.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `element` is among them.
    pub fn contains(self, element: &Element) -> bool {
        self.0.contains(element)
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a Element> {
        self.0.iter()
    }
}
