//! Elements of sets, and the one or several of them that a command names.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use crate::Bytes;
use crate::cells::CellKey;
use crate::table::Table;

/// An element of a set.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Element {
    /// An element that its user numbered, as the simulator does.
    Number(u64),
    /// An element by its bytes. Never equal to a numbered one.
    Bytes(Bytes),
}

/// As that of [`Content`](crate::Content).
impl Clone for Element {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            &Self::Number(number) => Self::Number(number),
            Self::Bytes(bytes) => Self::Bytes(bytes.copied()),
        }
    }
}

impl Element {
    /// How many bytes the element takes; 8 for a numbered one.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(_) => 8,
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Element {
    /// The bytes; the digits of a numbered one.
    pub fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Number(number) => number.to_string().into_bytes().into(),
            Self::Bytes(bytes) => (**bytes).into(),
        }
    }
}

/// A word for a numbered one, and nothing of which kind it is: the two kinds do not meet in one set.
impl Hash for Element {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Number(number) => state.write_u64(*number),
            Self::Bytes(bytes) => state.write(bytes),
        }
    }
}

impl CellKey for Element {
    type Home<V: Clone + PartialEq> = Table<Self, V>;

    fn bytes(&self) -> usize {
        self.len()
    }
}

impl From<&[u8]> for Element {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&str> for Element {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().into())
    }
}

/// Distinct elements in order. A single one, the common case, needs no list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elements(Few);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Few {
    One(Element),
    /// Sorted, without duplicates, and not of length 1.
    Many(Box<[Element]>),
}

impl Elements {
    /// A single element.
    pub fn one(element: Element) -> Self {
        Self(Few::One(element))
    }

    /// The elements in order.
    pub fn as_slice(&self) -> &[Element] {
        match &self.0 {
            Few::One(element) => std::slice::from_ref(element),
            Few::Many(elements) => elements,
        }
    }

    /// How many bytes they take together.
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(Element::len).sum()
    }
}

impl From<Element> for Elements {
    fn from(element: Element) -> Self {
        Self::one(element)
    }
}

/// Sorts, and drops duplicates: a command that names an element twice names it once.
impl FromIterator<Element> for Elements {
    fn from_iter<I: IntoIterator<Item = Element>>(elements: I) -> Self {
        let mut elements: Vec<_> = elements.into_iter().collect();
        elements.sort_unstable();
        elements.dedup();
        match <[Element; 1]>::try_from(elements) {
            Ok([element]) => Self(Few::One(element)),
            Err(elements) => Self(Few::Many(elements.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_have_one_form() {
        let (a, b) = (Element::Number(1), Element::Number(2));
        let twice: Elements = [a.clone(), a.clone()].into_iter().collect();
        assert_eq!(twice, Elements::one(a.clone()));
        let pair: Elements = [b.clone(), a.clone()].into_iter().collect();
        assert_eq!(pair.as_slice(), [a, b]);
        assert_eq!(pair.bytes(), 16);
    }
}
