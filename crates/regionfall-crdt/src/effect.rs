//! The effect: what a replica sends to its peers when a command changed something.

use crate::{Change, Clock, Content, Dot, Element, Elements, KeyId, OriginId, StreamId, Timestamp};

/// A change to one key, to be applied once by every replica.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Effect {
    /// Its name, never used for another effect.
    pub dot: Dot,
    /// The key it changes.
    pub key: KeyId,
    /// What the wall clock of the origin said.
    pub at: Timestamp,
    /// What the operation had observed; see [`Effect::observed`]. Never covers `dot` itself.
    pub context: Clock,
    /// The change.
    pub kind: EffectKind,
}

/// What an [`Effect`] changes.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EffectKind {
    /// The key becomes this string; what it held before, as far as observed, is gone.
    Write {
        /// The string.
        content: Content,
        /// The counter that it replaces, if there was one.
        totals: Option<Box<Totals>>,
    },
    /// The key is deleted, as far as observed.
    Remove {
        /// The counter that is deleted, if there was one.
        totals: Option<Box<Totals>>,
    },
    /// A counter grows.
    Delta {
        /// By how much; negative if it shrinks.
        amount: i64,
    },
    /// A set gains a new instance of each of these.
    Add {
        /// The elements.
        elements: Elements,
    },
    /// A set loses the observed instances of each of these.
    Discard {
        /// The elements.
        elements: Elements,
    },
    /// A rarer kind of change.
    Change(Box<Change>),
}

/// What each origin had contributed to a counter since the key was first counted, as far as
/// the effect's context goes.
///
/// Whoever applies the effect may have applied more increments than it removes, and has only their
/// sum; this tells it which part of that sum to take away.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Totals {
    /// In order of origin.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::serial::ordered"))]
    entries: Vec<(OriginId, i64)>,
}

impl Totals {
    /// Totals from pairs in order of origin.
    pub(crate) fn new(entries: Vec<(OriginId, i64)>) -> Self {
        debug_assert!(
            entries.is_sorted_by(|a, b| a.0 < b.0),
            "one entry an origin, in order"
        );
        Self { entries }
    }

    /// What `origin` had contributed; 0 if nothing.
    pub fn get(&self, origin: OriginId) -> i64 {
        self.entries
            .binary_search_by_key(&origin, |entry| entry.0)
            .map_or(0, |at| self.entries[at].1)
    }

    /// All contributions, in order of origin.
    pub fn iter(&self) -> impl Iterator<Item = (OriginId, i64)> + '_ {
        self.entries.iter().copied()
    }
}

impl EffectKind {
    /// See [`Effect::is_reset`].
    pub(crate) fn is_reset(&self) -> bool {
        match self {
            Self::Write { .. } | Self::Remove { .. } => true,
            Self::Change(change) => matches!(**change, Change::Reset { .. }),
            _ => false,
        }
    }
}

impl Effect {
    /// Whether the operation had observed `dot`, an effect on the same key.
    ///
    /// Observed is what the origin's replica had applied when it executed the operation. A write or
    /// removal of a whole key inherits besides what those that it had observed on that key had
    /// observed: it comes causally after them, also where effects of different origins overtake each
    /// other. About effects on other keys the answer is exact for increments and for additions and
    /// removals of elements, and may be generous otherwise.
    #[inline]
    pub fn observed(&self, dot: Dot) -> bool {
        self.context.covers(dot)
    }

    /// Whether neither operation had observed the other (Redis Active-Active documentation: both
    /// happened between two synchronizations; wall clocks are irrelevant).
    pub fn is_concurrent_with(&self, other: &Effect) -> bool {
        self.dot != other.dot && !self.observed(other.dot) && !other.observed(self.dot)
    }

    /// The command that an operator would know the effect by, such as `SET`, `DEL` or `XACK`.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            EffectKind::Write { .. } => "SET",
            EffectKind::Remove { .. } => "DEL",
            EffectKind::Delta { .. } => "INCRBY",
            EffectKind::Add { .. } => "SADD",
            EffectKind::Discard { .. } => "SREM",
            EffectKind::Change(change) => change.name(),
        }
    }

    /// The stream ID that it names, if it names one: for an `XACK`, the end of the acknowledged prefix.
    pub fn stream_id(&self) -> Option<StreamId> {
        match &self.kind {
            EffectKind::Change(change) => match &**change {
                Change::Stream(change) => change.id(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The channel and the message that it carries to subscribers, if it is one. Such an effect is not stored.
    pub fn message(&self) -> Option<(&[u8], &[u8])> {
        match &self.kind {
            EffectKind::Change(change) => match &**change {
                Change::Message { channel, payload } => Some((channel, payload)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it writes a string.
    pub fn is_register_write(&self) -> bool {
        self.content().is_some()
    }

    /// Whether it removes: a whole key, or elements.
    pub fn is_removal(&self) -> bool {
        match &self.kind {
            EffectKind::Remove { .. } | EffectKind::Discard { .. } => true,
            EffectKind::Change(change) => change.is_removal(),
            _ => false,
        }
    }

    /// Whether it adds elements.
    pub fn is_addition(&self) -> bool {
        match &self.kind {
            EffectKind::Add { .. } => true,
            EffectKind::Change(change) => change.is_addition(),
            _ => false,
        }
    }

    /// Whether it replaces whatever was observed of the whole key: a string write or a deletion.
    pub fn is_reset(&self) -> bool {
        self.kind.is_reset()
    }

    /// By how much it changes a counter, if it does.
    pub fn delta(&self) -> Option<i64> {
        match self.kind {
            EffectKind::Delta { amount } => Some(amount),
            _ => None,
        }
    }

    /// The string it writes, if it does.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            EffectKind::Write { content, .. } => Some(content),
            EffectKind::Change(change) => match &**change {
                Change::Reset { content, .. } => content.as_ref(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The elements that it adds or removes; none if it changes the key as a whole.
    pub fn elements(&self) -> &[Element] {
        match &self.kind {
            EffectKind::Add { elements } | EffectKind::Discard { elements } => elements.as_slice(),
            _ => &[],
        }
    }

    /// Whether the two, if concurrent, both keep their whole effect: increments add up, additions
    /// unite, different elements do not meet, removals agree. Otherwise one wins over the other, in
    /// whole or in part.
    pub fn commutes_with(&self, other: &Effect) -> bool {
        use EffectKind::{Add, Delta, Discard, Remove};
        self.key != other.key
            || match (&self.kind, &other.kind) {
                (Delta { .. }, Delta { .. })
                | (Add { .. }, Add { .. })
                | (Remove { .. } | Discard { .. }, Remove { .. } | Discard { .. }) => true,
                (Add { elements }, Discard { elements: others })
                | (Discard { elements }, Add { elements: others }) => !elements
                    .as_slice()
                    .iter()
                    .any(|element| others.as_slice().contains(element)),
                _ => false,
            }
    }

    /// Bytes on the wire between members, an estimate (assumed; the protocol is not documented): 32
    /// for framing, opcode, timestamp and dot, 16 for the key's name, 10 for each entry of the context,
    /// 18 for each of [`Totals`], 4 and its length for each value or element.
    pub fn bytes(&self) -> usize {
        let totals =
            |totals: &Option<Box<Totals>>| totals.as_ref().map_or(0, |t| 18 * t.entries.len());
        let payload = match &self.kind {
            EffectKind::Write {
                content,
                totals: replaced,
            } => 4 + content.len() + totals(replaced),
            EffectKind::Remove { totals: removed } => totals(removed),
            EffectKind::Delta { .. } => 8,
            EffectKind::Add { elements } | EffectKind::Discard { elements } => {
                4 * elements.as_slice().len() + elements.bytes()
            }
            EffectKind::Change(change) => change.bytes(),
        };
        32 + 16 + 10 * self.context.len() + payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(origin: u16, kind: EffectKind) -> Effect {
        let dot = Dot::new(OriginId(origin), 1);
        Effect {
            dot,
            key: KeyId(0),
            at: Timestamp(0),
            context: Clock::new(),
            kind,
        }
    }

    fn elements(numbers: &[u64]) -> Elements {
        numbers
            .iter()
            .map(|&number| Element::Number(number))
            .collect()
    }

    #[test]
    fn an_effect_is_small() {
        assert!(size_of::<Effect>() <= 112, "{}", size_of::<Effect>());
    }

    #[test]
    fn commuting_is_keeping_both() {
        let write = effect(
            1,
            EffectKind::Write {
                content: "a".into(),
                totals: None,
            },
        );
        let add = effect(
            2,
            EffectKind::Add {
                elements: elements(&[1, 2]),
            },
        );
        let discard = effect(
            3,
            EffectKind::Discard {
                elements: elements(&[2]),
            },
        );
        let elsewhere = effect(
            4,
            EffectKind::Discard {
                elements: elements(&[3]),
            },
        );
        let delta = effect(5, EffectKind::Delta { amount: 1 });
        assert!(!write.commutes_with(&write));
        assert!(delta.commutes_with(&delta));
        assert!(add.commutes_with(&add));
        assert!(!add.commutes_with(&discard));
        assert!(add.commutes_with(&elsewhere));
        assert!(!add.commutes_with(&delta));
        assert!(write.is_concurrent_with(&add));
        assert!(!write.is_concurrent_with(&write));
    }

    #[test]
    fn the_size_grows_with_the_payload() {
        let short = effect(
            1,
            EffectKind::Write {
                content: "a".into(),
                totals: None,
            },
        );
        let long = effect(
            1,
            EffectKind::Write {
                content: Content::Synthetic {
                    token: 1,
                    length: 512,
                },
                totals: None,
            },
        );
        assert_eq!(long.bytes() - short.bytes(), 511);
    }
}
