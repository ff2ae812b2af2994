//! What a client would see under a key: a view that borrows from the replica.

use crate::digest::Digest;
use crate::set::Set;
use crate::{Content, DataType, Element, Reply};

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Nothing: never written, deleted, or emptied.
    Absent,
    /// A string that was written and not counted upon.
    Content(&'a Content),
    /// A counter. Equal to the string that spells the same number.
    Integer(i64),
    /// A set with at least one element.
    Set(SetView<'a>),
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
            Self::Integer(_) => Some(DataType::Counter),
            Self::Set(_) => Some(DataType::Set),
        }
    }

    /// The value as a reply that owns it: content for strings and counters, an array for sets.
    pub fn to_reply(&self) -> Reply {
        match self {
            Self::Absent => Reply::Nil,
            Self::Content(content) => Reply::Content((*content).clone()),
            Self::Integer(number) => Reply::Content(Content::from_integer(*number)),
            Self::Set(set) => Reply::Array(set.iter().cloned().map(Reply::Element).collect()),
        }
    }

    /// A hash of what is visible: equal for equal values.
    pub(crate) fn digest(&self, key: u64) -> u64 {
        let digest = Digest::new(key);
        match self {
            Self::Absent => 0,
            Self::Content(content) => digest_content(digest, content),
            Self::Integer(number) => digest_content(digest, &Content::from_integer(*number)),
            // Elements come in order.
            Self::Set(set) => set
                .iter()
                .fold(digest.word(3), |digest, element| match element {
                    Element::Number(number) => digest.word(0).word(*number),
                    Element::Bytes(bytes) => digest.word(1).bytes(bytes),
                })
                .finish(),
        }
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
            (Self::Set(a), Self::Set(b)) => a.iter().eq(b.iter()),
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
