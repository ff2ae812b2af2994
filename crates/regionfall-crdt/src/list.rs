//! The list: a sequence from which each removal takes what it had observed.
//!
//! Concurrent insertions at the same place are all kept, in an order that is the same everywhere; DEL removes observed
//! elements, and a concurrent push survives; two replicas that pop before they synchronize can answer the same element,
//! which is gone once (Redis Active-Active documentation, data types: lists). Left open, and settled as for other
//! collections: LREM and LTRIM remove the elements that they had observed; of concurrent LSETs of one element the last
//! write wins, and an LSET wins over a removal that had not observed it.

use crate::cells::Cells;
use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::position::{Position, Tips};
use crate::{Change, Content, Dot, Effect, EffectKind, OriginId, Value};

/// What an effect changes in a list.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ListChange {
    /// These elements come in, side by side.
    Insert {
        /// Where the first of them stands.
        first: Position,
        /// The elements, in order.
        contents: Vec<Content>,
    },
    /// An element is replaced.
    Set {
        /// Where it stands.
        position: Position,
        /// What replaces it.
        content: Content,
    },
    /// The elements at these positions go, as far as observed.
    Remove {
        /// Where they stand.
        positions: Vec<Position>,
    },
}

impl ListChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Insert { .. } => "LINSERT",
            Self::Set { .. } => "LSET",
            Self::Remove { .. } => "LREM",
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        use crate::cells::CellKey;
        match self {
            Self::Insert { first, contents } => {
                first.bytes()
                    + contents
                        .iter()
                        .map(|content| 4 + content.len())
                        .sum::<usize>()
            }
            Self::Set { position, content } => position.bytes() + 4 + content.len(),
            Self::Remove { positions } => positions.iter().map(CellKey::bytes).sum(),
        }
    }
}

/// The elements of a list.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct List {
    elements: Cells<Position, Content>,
    /// For those who insert next. Forgotten with a list that is gone, at any time.
    tips: Tips,
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.elements == other.elements
    }
}

/// What is read where there is no list.
static NOTHING: List = List {
    elements: Cells::new(),
    tips: Tips::new(),
};

impl Merge for List {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::List(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        match &**change {
            Change::List(ListChange::Insert { first, contents }) => {
                for (place, content) in contents.iter().enumerate() {
                    let position = first.plus(place);
                    self.elements
                        .write(&position, content.clone(), effect, covered);
                }
                self.tips.note(effect.dot, first, contents.len());
            }
            Change::List(ListChange::Set { position, content }) => {
                self.elements
                    .write(position, content.clone(), effect, covered);
            }
            Change::List(ListChange::Remove { positions }) => {
                for position in positions {
                    self.elements.remove(position, effect);
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.elements.reset(covered);
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        self.elements.merge(&other.elements, counterpart, covered);
        self.tips.merge(&other.tips, counterpart);
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.elements.smallest_origin()
    }

    fn value(&self) -> Value<'_> {
        if self.elements.is_empty() {
            Value::Absent
        } else {
            Value::List(ListView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        self.elements.has_tombstones() || (self.elements.is_empty() && !self.tips.is_empty())
    }

    fn collect(&mut self, stable: &Clock) {
        self.elements.collect(stable);
        if self.elements.is_empty() {
            self.tips.collect(stable);
        }
    }

    fn bytes(&self) -> usize {
        self.elements.bytes()
    }

    fn recount(&mut self) {
        self.elements.recount();
    }
}

/// The elements of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListView<'a>(&'a List);

impl<'a> ListView<'a> {
    pub(crate) const EMPTY: ListView<'static> = ListView(&NOTHING);

    /// How many.
    pub fn len(self) -> usize {
        self.0.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.elements.is_empty()
    }

    /// All of them, in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a Content> + Clone {
        let all = self.0.elements.iter();
        all.filter_map(|(_, cell)| cell.value())
    }

    /// All of them with where they stand, in order.
    pub(crate) fn places(self) -> impl DoubleEndedIterator<Item = (&'a Position, &'a Content)> {
        let all = self.0.elements.iter();
        all.filter_map(|(position, cell)| Some((position, cell.value()?)))
    }

    /// The element at a place, with where it stands.
    pub(crate) fn at(self, place: usize) -> Option<(&'a Position, &'a Content)> {
        let (position, cell) = self.0.elements.home().at(place)?;
        Some((position, cell.value()?))
    }

    /// The first element or the last, with where it stands.
    pub(crate) fn end(self, is_first: bool) -> Option<(&'a Position, &'a Content)> {
        let place = if is_first {
            0
        } else {
            self.len().checked_sub(1)?
        };
        self.at(place)
    }

    /// Where `count` elements go between two neighbours; `dot` names the insertion.
    pub(crate) fn between(
        self,
        left: Option<&Position>,
        right: Option<&Position>,
        count: usize,
        dot: Dot,
    ) -> Position {
        self.0.tips.between(left, right, count, dot)
    }
}
