//! The hash: fields that are added and updated win over their concurrent removal; each is a string or a counter.
//!
//! "OR-Set of fields: concurrent new fields are united; HDEL touches only fields already seen. A field's value behaves as a
//! string or, if initialised by HINCRBY or HINCRBYFLOAT, as a counter" (Redis Active-Active documentation, data types:
//! hashes). As with keys, HSET resets the increments that it had observed, and an unobserved one adds to the number that it
//! wrote.
//!
//! Fields may expire. The conflict rule is documented for keys only, and taken from there: the longest wins.

use crate::cell::{Cell, CellValue};
use crate::cells::Cells;
use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::{Change, Content, Decimal, Effect, EffectKind, Element, OriginId, Value};

/// What an effect changes in a hash.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HashChange {
    /// These fields get these values.
    Set {
        /// Fields with their values.
        fields: Vec<(Element, Content)>,
    },
    /// A field grows.
    Increment {
        /// The field.
        field: Element,
        /// By how much; negative if it shrinks.
        amount: Decimal,
        /// Whether there was no such field where it was executed, so that it begins a new one: what was said there of the
        /// expiry of a former one does not hold for it.
        creates: bool,
    },
    /// These fields go, as far as observed.
    Remove {
        /// The fields.
        fields: Vec<Element>,
    },
    /// The expiry of these fields changes.
    Expire {
        /// The fields.
        fields: Vec<Element>,
        /// When they expire, in milliseconds of the wall clock; `None` is never.
        deadline: Option<u64>,
        /// The instance that owns the expiry.
        owner: u16,
    },
}

impl HashChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "HSET",
            Self::Increment { .. } => "HINCRBYFLOAT",
            Self::Remove { .. } => "HDEL",
            Self::Expire { deadline: None, .. } => "HPERSIST",
            Self::Expire { .. } => "HPEXPIREAT",
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let names = |fields: &[Element]| fields.iter().map(|field| 4 + field.len()).sum();
        match self {
            Self::Set { fields } => fields
                .iter()
                .map(|(field, content)| 8 + field.len() + content.len())
                .sum(),
            Self::Increment { field, .. } => 4 + field.len() + 16,
            Self::Remove { fields } => names(fields),
            Self::Expire { fields, .. } => 10 + names(fields),
        }
    }
}

impl CellValue for Content {
    type Amount = Decimal;

    fn bytes(&self) -> usize {
        self.len()
    }
}

/// The fields of a hash.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Hash {
    fields: Cells<Element, Content>,
}

/// What is read where there is no hash.
static NOTHING: Hash = Hash {
    fields: Cells::new(),
};

impl Merge for Hash {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::Hash(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        let Change::Hash(change) = &**change else {
            return;
        };
        match change {
            HashChange::Set { fields } => {
                for (field, content) in fields {
                    self.fields.write(field, content.clone(), effect, covered);
                }
            }
            HashChange::Increment {
                field,
                amount,
                creates,
            } => {
                let add = if *creates { Cells::begin } else { Cells::add };
                add(&mut self.fields, field, *amount, effect, covered);
            }
            HashChange::Remove { fields } => {
                for field in fields {
                    self.fields.remove(field, effect);
                }
            }
            HashChange::Expire {
                fields,
                deadline,
                owner,
            } => {
                for field in fields {
                    self.fields
                        .expire(field, (*deadline, *owner), effect, covered);
                }
            }
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.fields.reset(covered);
    }

    fn is_special(&self) -> bool {
        self.fields.has_deadlines()
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        self.fields.merge(&other.fields, counterpart, covered);
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.fields.smallest_origin()
    }

    fn value(&self) -> Value<'_> {
        if self.fields.is_empty() {
            Value::Absent
        } else {
            Value::Hash(HashView {
                hash: self,
                millis: 0,
            })
        }
    }

    fn has_tombstones(&self) -> bool {
        self.fields.has_tombstones()
    }

    fn collect(&mut self, stable: &Clock) {
        self.fields.collect(stable);
    }

    fn forget_claims(&mut self, stable: &Clock) {
        self.fields.forget_claims(stable);
    }

    fn bytes(&self) -> usize {
        self.fields.bytes()
    }

    fn recount(&mut self) {
        self.fields.recount();
    }
}

/// When a field expires, in milliseconds of the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FieldExpiry {
    NoField,
    Never,
    At(u64),
}

/// The fields of a hash at a moment.
#[derive(Clone, Copy, Debug)]
pub struct HashView<'a> {
    hash: &'a Hash,
    /// Milliseconds of the wall clock: fields that have expired by then are not seen.
    millis: u64,
}

impl<'a> HashView<'a> {
    pub(crate) const EMPTY: HashView<'static> = HashView {
        hash: &NOTHING,
        millis: 0,
    };

    /// The same at another moment.
    pub(crate) fn at(self, millis: u64) -> Self {
        Self { millis, ..self }
    }

    /// How many.
    pub fn len(self) -> usize {
        if self.hash.fields.is_any_due(self.millis) {
            let all = self.hash.fields.all();
            all.filter(|own| !self.is_due(own.1)).count()
        } else {
            self.hash.fields.len()
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn get(self, field: &Element) -> Option<Content> {
        let cell = self.hash.fields.get(field)?;
        (!self.is_due(cell)).then(|| shown(cell))
    }

    /// Whether there is such a field.
    pub(crate) fn contains(self, field: &Element) -> bool {
        let cell = self.hash.fields.get(field);
        cell.is_some_and(|cell| !self.is_due(cell))
    }

    /// All of them with their values, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a Element, Content)> {
        self.cells().map(|(field, cell)| (field, shown(cell)))
    }

    /// When a field expires.
    pub(crate) fn deadline(self, field: &Element) -> FieldExpiry {
        match self.hash.fields.get(field) {
            Some(cell) if !self.is_due(cell) => match cell.deadline() {
                Some((deadline, _)) => FieldExpiry::At(deadline),
                None => FieldExpiry::Never,
            },
            _ => FieldExpiry::NoField,
        }
    }

    /// The fields that have expired at `millis`, with the instances that own their expiry.
    pub(crate) fn due(self, millis: u64) -> impl Iterator<Item = (&'a Element, u16)> {
        let is_any = self.hash.fields.is_any_due(millis);
        let all = is_any.then(|| self.hash.fields.iter());
        all.into_iter().flatten().filter_map(move |(field, cell)| {
            let (deadline, owner) = cell.deadline()?;
            (deadline <= millis).then_some((field, owner))
        })
    }

    fn cells(self) -> impl Iterator<Item = (&'a Element, &'a Cell<Content>)> {
        let all = self.hash.fields.iter();
        all.filter(move |(_, cell)| !self.is_due(cell))
    }

    fn is_due(self, cell: &Cell<Content>) -> bool {
        cell.deadline()
            .is_some_and(|(deadline, _)| deadline <= self.millis)
    }
}

/// What a client would see in a field.
fn shown(cell: &Cell<Content>) -> Content {
    let number = |sum: Decimal| Content::from(sum.to_string().as_str());
    match (cell.value(), cell.sum()) {
        (Some(content), None) => content.clone(),
        (None, sum) => number(sum.unwrap_or_default()),
        (Some(content), Some(sum)) => match Decimal::parse(&content.to_bytes()) {
            Some(base) => number(base.wrapping_add(sum)),
            None => content.clone(),
        },
    }
}
