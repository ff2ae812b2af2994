//! Strings of bytes of which short ones need no heap.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The longest that stands in the value itself: most names of fields, numbers and short texts.
const SHORT: usize = 22;

/// A string of bytes that is not changed, as those of values and elements.
#[derive(Clone)]
pub struct Bytes(Form);

#[derive(Clone)]
enum Form {
    /// Places beyond the length hold 0.
    Short { length: u8, bytes: [u8; SHORT] },
    /// Longer than [`SHORT`].
    Long(Box<[u8]>),
}

impl Bytes {
    /// A copy, made out of line.
    #[inline(never)]
    pub(crate) fn copied(&self) -> Self {
        self.clone()
    }

    /// The decimal digits of a number.
    #[inline(never)]
    pub(crate) fn from_integer(number: i64) -> Self {
        // 20 places hold 2⁶³ and a sign.
        let mut bytes = [0; SHORT];
        let mut rest = number.unsigned_abs();
        let sign = usize::from(number < 0);
        let length = sign + rest.checked_ilog10().unwrap_or(0) as usize + 1;
        for digit in bytes[sign..length].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if sign > 0 {
            bytes[0] = b'-';
        }
        let length = length as u8;
        Self(Form::Short { length, bytes })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Short { length, bytes } => &bytes[..usize::from(*length).min(SHORT)],
            Form::Long(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Bytes {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        if bytes.len() > SHORT {
            return Self(Form::Long(bytes.into()));
        }
        let mut short = [0; SHORT];
        short[..bytes.len()].copy_from_slice(bytes);
        Self(Form::Short {
            length: bytes.len() as u8,
            bytes: short,
        })
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Bytes {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (
                Form::Short { length, bytes },
                Form::Short {
                    length: their_length,
                    bytes: theirs,
                },
            ) => length == their_length && bytes == theirs,
            (Form::Long(own), Form::Long(theirs)) => own == theirs,
            _ => false,
        }
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// As a sequence of numbers.
#[cfg(feature = "serde")]
mod serial {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Bytes;

    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            (**self).serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let bytes = Box::<[u8]>::deserialize(deserializer)?;
            Ok((*bytes).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn bytes_are_small() {
        assert_eq!(size_of::<Bytes>(), 24);
        assert_eq!(size_of::<crate::Content>(), 24);
        assert_eq!(size_of::<crate::Element>(), 24);
    }

    proptest! {
        #[test]
        fn they_are_what_they_were_made_of(
            one in proptest::collection::vec(0_u8..3, 0..30),
            other in proptest::collection::vec(0_u8..3, 0..30),
            number: i64,
        ) {
            let (a, b) = (Bytes::from(one.as_slice()), Bytes::from(other.as_slice()));
            prop_assert_eq!(&*a, one.as_slice());
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(a == b, one == other);
            let (spelt, text) = (Bytes::from_integer(number), number.to_string());
            prop_assert_eq!(&*spelt, text.as_bytes());
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_spelt() {
        for number in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(&*Bytes::from_integer(number), number.to_string().as_bytes());
        }
    }
}
