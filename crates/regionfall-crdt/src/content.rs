//! What a string key holds: real bytes, or the simulator's stand-in for them.

use std::borrow::Cow;

use crate::Bytes;

/// The content of a value.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Content {
    /// A stand-in for `length` bytes that operation `token` wrote: it says who wrote the value
    /// without holding the value. Never a number, so that INCR refuses it.
    Synthetic {
        /// Whatever identifies the write for its author; equal tokens mean equal bytes.
        token: u64,
        /// How many bytes the real value would have.
        length: u32,
    },
    /// Real bytes.
    Bytes(Bytes),
}

/// A stand-in is copied in place, bytes out of line: otherwise every copy costs what bytes cost.
impl Clone for Content {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            &Self::Synthetic { token, length } => Self::Synthetic { token, length },
            Self::Bytes(bytes) => Self::Bytes(bytes.copied()),
        }
    }
}

impl Content {
    /// The decimal digits of `number`, as the server stores and answers them.
    pub fn from_integer(number: i64) -> Self {
        Self::Bytes(Bytes::from_integer(number))
    }

    /// How many bytes the value has.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Synthetic { length, .. } => *length as usize,
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the value has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Becomes equal to `other`. A stand-in over a stand-in frees nothing and allocates nothing.
    #[inline]
    pub(crate) fn replace_with(&mut self, other: &Self) {
        if let (
            Self::Synthetic { token, length },
            Self::Synthetic {
                token: new,
                length: now,
            },
        ) = (&mut *self, other)
        {
            (*token, *length) = (*new, *now);
        } else {
            self.clone_from(other);
        }
    }

    /// The number that the bytes spell, if they spell one the way the server itself would: decimal,
    /// no sign but a minus, no leading zeros, no blanks.
    pub fn as_integer(&self) -> Option<i64> {
        let Self::Bytes(bytes) = self else {
            return None;
        };
        integer_of(bytes)
    }

    /// The bytes; as many zeros for a stand-in.
    pub fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Synthetic { length, .. } => vec![0; *length as usize].into(),
            Self::Bytes(bytes) => (**bytes).into(),
        }
    }
}

/// The number that bytes spell; see [`Content::as_integer`].
pub(crate) fn integer_of(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_canonical = match digits {
        [b'0'] => digits.len() == bytes.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if !is_canonical {
        return None;
    }
    // As many digits cannot pass 64 bits.
    if digits.len() <= 18 {
        let mut number = 0;
        for digit in digits {
            let value = digit.wrapping_sub(b'0');
            if value > 9 {
                return None;
            }
            number = 10 * number + i64::from(value);
        }
        let is_negative = digits.len() < bytes.len();
        return Some(if is_negative { -number } else { number });
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_numbers() {
        let longest = 999_999_999_999_999_999;
        for number in [
            0,
            1,
            -1,
            10,
            longest,
            -longest,
            longest + 1,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(Content::from_integer(number).as_integer(), Some(number));
        }
        for text in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "1a",
            "1/",
            "1:",
            "9223372036854775808",
        ] {
            assert_eq!(Content::from(text).as_integer(), None, "{text:?}");
        }
        assert_eq!(
            Content::Synthetic {
                token: 1,
                length: 1
            }
            .as_integer(),
            None
        );
    }
}
