//! IDs of stream entries.

use std::fmt;

/// Milliseconds and a sequence within them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamId {
    /// Milliseconds since the epoch, as a rule.
    pub millis: u64,
    /// Tells entries of one millisecond apart.
    pub sequence: u64,
}

impl StreamId {
    /// Above every ID.
    pub(crate) const MAX: Self = Self {
        millis: u64::MAX,
        sequence: u64::MAX,
    };

    /// The ID that bytes spell; `sequence` completes one that consists of milliseconds alone.
    pub fn parse(bytes: &[u8], sequence: u64) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| digits.parse::<u64>().ok())?
        };
        let (millis, sequence) = match text.split_once('-') {
            Some((millis, sequence)) => (number(millis)?, number(sequence)?),
            None => (number(text)?, sequence),
        };
        Some(Self { millis, sequence })
    }

    /// The next ID, if there is one.
    pub(crate) fn next(self) -> Option<Self> {
        match (self.sequence.checked_add(1), self.millis.checked_add(1)) {
            (Some(sequence), _) => Some(Self { sequence, ..self }),
            (None, Some(millis)) => Some(Self {
                millis,
                sequence: 0,
            }),
            (None, None) => None,
        }
    }

    /// The ID before it, if there is one.
    pub(crate) fn previous(self) -> Option<Self> {
        match (self.sequence.checked_sub(1), self.millis.checked_sub(1)) {
            (Some(sequence), _) => Some(Self { sequence, ..self }),
            (None, Some(millis)) => Some(Self {
                millis,
                sequence: u64::MAX,
            }),
            (None, None) => None,
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_have_neighbours() {
        let id = StreamId::parse(b"100-1", 0);
        assert_eq!(id.map(|id| id.to_string()).as_deref(), Some("100-1"));
        assert_eq!(StreamId::parse(b"100", 7), StreamId::parse(b"100-7", 0));
        for text in ["", "-", "1-", "a-1", "1-2-3", "+1"] {
            assert_eq!(StreamId::parse(text.as_bytes(), 0), None, "{text}");
        }
        let low = StreamId {
            millis: 5,
            sequence: 0,
        };
        assert_eq!(low.previous().and_then(StreamId::next), Some(low));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::default().previous(), None);
    }
}
