//! Cells: the fields of a hash, the members of a sorted set, the places of a list, each with what was written there.
//!
//! Each cell is a small register: writes replace what they had observed of it, removals take away what they had observed,
//! and increments add up. A cell exists while anything is left in it, so that an addition or update wins over a removal
//! that had not observed it (observed remove: Redis Active-Active documentation, data types: hashes, sorted sets, lists).
//! Of concurrent writes the latest prevails, and then the smaller origin.
//!
//! What writes and removals of a cell had observed is kept until everyone has observed it, also where nothing else is
//! left: effects of different origins may overtake each other, and what was replaced stays replaced where it arrives
//! later.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::expiry::{Claim, Expiry};
use crate::stored::Stored;
use crate::tally::{Amount, Tally};
use crate::{Dot, Effect, OriginId, Timestamp};

/// Bytes of a cell, and of a write, in memory beside their key and value; see [`Replica::bytes`](crate::Replica::bytes).
const CELL_BYTES: usize = 40;
const WRITE_BYTES: usize = 18;
const CLOCK_BYTES: usize = 10;

/// What names a cell.
pub(crate) trait CellKey: Clone + Ord + Stored {
    fn bytes(&self) -> usize;
}

/// What is written to a cell.
pub(crate) trait CellValue: Clone + PartialEq + std::fmt::Debug + Stored {
    /// What can be added to it.
    type Amount: Amount;
    /// Whether the later of two concurrent writes prevails; otherwise the smaller origin does at once.
    const IS_TIMED: bool = true;
    fn bytes(&self) -> usize;
}

/// A write that is visible.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct CellWrite<V> {
    dot: Dot,
    at: Timestamp,
    value: V,
}

/// What is left in one place.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
pub(crate) struct Cell<V: CellValue> {
    /// What the writes and removals so far had observed.
    covered: Clock,
    /// Those that none of them had observed; the first prevails.
    writes: Vec<CellWrite<V>>,
    tally: Tally<V::Amount>,
    expiry: Option<Box<Expiry>>,
}

impl<V: CellValue> Cell<V> {
    fn new() -> Self {
        Self {
            covered: Clock::new(),
            writes: Vec::new(),
            tally: Tally::default(),
            expiry: None,
        }
    }

    /// The write that prevails.
    pub(crate) fn value(&self) -> Option<&V> {
        self.writes.first().map(|write| &write.value)
    }

    /// All writes that nobody replaced.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.writes.iter().map(|write| &write.value)
    }

    /// The sum of the increments, if there are any.
    pub(crate) fn sum(&self) -> Option<V::Amount> {
        self.tally.sum()
    }

    /// When it expires, and which instance owns the expiry.
    pub(crate) fn deadline(&self) -> Option<(u64, u16)> {
        let winner = self.expiry.as_ref()?.winner()?;
        Some((winner.deadline?, winner.owner))
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.tally.is_empty()
    }

    /// Whether something is kept that can be collected, although something is left.
    fn is_untidy(&self) -> bool {
        !self.is_empty()
            && (self.tally.is_scattered()
                || (self.writes.is_empty() && !self.covered.is_empty())
                || self
                    .expiry
                    .as_ref()
                    .is_some_and(|expiry| expiry.deadline().is_none()))
    }

    fn collect(&mut self, stable: &Clock) {
        self.tally.collect(stable);
        let is_dead = self.is_empty();
        if self
            .expiry
            .as_ref()
            .is_some_and(|expiry| expiry.is_idle(stable) || (is_dead && expiry.is_within(stable)))
        {
            self.expiry = None;
        }
        if self.writes.is_empty() && stable.dominates(&self.covered) {
            self.covered = Clock::new();
        }
    }

    fn settle(&mut self, covered: &Clock) {
        let own = &self.covered;
        self.writes
            .retain(|write| !own.covers(write.dot) && !covered.covers(write.dot));
        self.writes.sort_by_key(|write| {
            let time = V::IS_TIMED.then_some(write.at);
            (Reverse(time), write.dot.origin)
        });
        self.tally.reset(&self.covered);
        self.tally.reset(covered);
    }

    fn expiry_mut(&mut self) -> &mut Expiry {
        let (covered, writes) = (&self.covered, &self.writes);
        self.expiry.get_or_insert_with(|| {
            let claims = writes.iter().map(|write| Claim {
                dot: write.dot,
                deadline: None,
                owner: 0,
            });
            Box::new(Expiry::new(covered.clone(), claims))
        })
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        let written = self.writes.iter().map(|write| write.dot.origin);
        written.chain(self.tally.smallest_origin()).min()
    }

    fn bytes(&self) -> usize {
        let writes = self
            .writes
            .iter()
            .map(|write| WRITE_BYTES + write.value.bytes());
        CELL_BYTES
            + CLOCK_BYTES * self.covered.len()
            + writes.sum::<usize>()
            + self.tally.bytes()
            + self.expiry.as_ref().map_or(0, |expiry| expiry.bytes())
    }
}

/// Cells by their keys, in order.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "K: CellKey"))]
pub(crate) struct Cells<K, V: CellValue> {
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    live: BTreeMap<K, Cell<V>>,
    /// Those in which nothing is left.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    dead: BTreeMap<K, Cell<V>>,
    /// In how many of the former something awaits the collector.
    #[cfg_attr(feature = "serde", serde(skip))]
    untidy: usize,
    #[cfg_attr(feature = "serde", serde(skip))]
    bytes: usize,
}

impl<K, V: CellValue> Default for Cells<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V: CellValue> Cells<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            live: BTreeMap::new(),
            dead: BTreeMap::new(),
            untidy: 0,
            bytes: 0,
        }
    }
}

impl<K: CellKey, V: CellValue> Cells<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&Cell<V>> {
        self.live.get(key)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &Cell<V>)> + Clone {
        self.live.iter()
    }

    /// Takes a write in. `covered` is what the visible resets of the whole key had observed.
    pub(crate) fn write(&mut self, key: &K, value: V, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| {
            if let Some(expiry) = &mut cell.expiry {
                let claim = Claim {
                    dot: effect.dot,
                    deadline: None,
                    owner: 0,
                };
                expiry.claim(claim, &effect.context);
            }
            cell.covered.join(&effect.context);
            cell.writes.push(CellWrite {
                dot: effect.dot,
                at: effect.at,
                value,
            });
            cell.settle(covered);
        });
    }

    /// Takes an increment in.
    pub(crate) fn add(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| {
            cell.tally.add(effect.dot, amount);
            cell.settle(covered);
        });
    }

    /// Takes a removal in.
    pub(crate) fn remove(&mut self, key: &K, effect: &Effect) {
        self.change(key, |cell| {
            cell.covered.join(&effect.context);
            // The removal's own dot: the tombstone may go once everyone has seen the removal.
            cell.covered.extend_to(effect.dot);
            if let Some(expiry) = &mut cell.expiry {
                expiry.reset(&cell.covered);
            }
            cell.settle(&Clock::new());
        });
    }

    /// Takes a change of a cell's expiry in.
    pub(crate) fn expire(
        &mut self,
        key: &K,
        (deadline, owner): (Option<u64>, u16),
        effect: &Effect,
        covered: &Clock,
    ) {
        self.change(key, |cell| {
            let claim = Claim {
                dot: effect.dot,
                deadline,
                owner,
            };
            let expiry = cell.expiry_mut();
            expiry.claim(claim, &effect.context);
            expiry.reset(covered);
        });
    }

    /// Takes a reset of the whole key in.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        for cell in self.live.values_mut() {
            cell.settle(covered);
        }
        for cell in self.live.values_mut().chain(self.dead.values_mut()) {
            if let Some(expiry) = &mut cell.expiry {
                expiry.reset(covered);
            }
        }
        self.bury();
    }

    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        for key in other.live.keys().chain(other.dead.keys()) {
            if !self.live.contains_key(key) {
                let cell = self.dead.remove(key).unwrap_or_else(Cell::new);
                self.live.insert(key.clone(), cell);
            }
        }
        let nothing = Cell::new();
        self.live.append(&mut self.dead);
        for (key, own) in &mut self.live {
            let theirs = other.live.get(key).or_else(|| other.dead.get(key));
            own.merge(theirs.unwrap_or(&nothing), counterpart, covered);
        }
        self.bury();
    }

    /// Drops the tombstones that `stable` covers.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.dead.retain(|_, cell| {
            cell.collect(stable);
            cell.expiry.is_some() || !cell.covered.is_empty()
        });
        if self.untidy > 0 {
            for cell in self.live.values_mut() {
                cell.collect(stable);
            }
        }
        self.recount();
    }

    pub(crate) fn has_tombstones(&self) -> bool {
        !self.dead.is_empty() || self.untidy > 0
    }

    pub(crate) fn smallest_origin(&self) -> Option<OriginId> {
        self.live.values().filter_map(Cell::smallest_origin).min()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes a cell, a new one if there is none, and keeps the books.
    fn change(&mut self, key: &K, change: impl FnOnce(&mut Cell<V>)) {
        if let Some(cell) = self.live.get_mut(key) {
            let (before, was_untidy) = (cell.bytes(), cell.is_untidy());
            change(cell);
            self.bytes = self.bytes + cell.bytes() - before;
            self.untidy += usize::from(cell.is_untidy());
            self.untidy -= usize::from(was_untidy);
            if cell.is_empty()
                && let Some((key, cell)) = self.live.remove_entry(key)
            {
                self.dead.insert(key, cell);
            }
            return;
        }
        let (key, mut cell) = if let Some(entry) = self.dead.remove_entry(key) {
            entry
        } else {
            self.bytes += key.bytes() + CELL_BYTES;
            (key.clone(), Cell::new())
        };
        let before = cell.bytes();
        change(&mut cell);
        self.bytes = self.bytes + cell.bytes() - before;
        self.untidy += usize::from(cell.is_untidy());
        let home = if cell.is_empty() {
            &mut self.dead
        } else {
            &mut self.live
        };
        home.insert(key, cell);
    }

    /// Moves the cells in which nothing is left.
    fn bury(&mut self) {
        let emptied = self.live.extract_if(.., |_, cell| cell.is_empty());
        let emptied: Vec<_> = emptied.collect();
        self.dead.extend(emptied);
        self.recount();
    }

    /// Counts anew what was read or changed as a whole.
    pub(crate) fn recount(&mut self) {
        let all = self.live.iter().chain(&self.dead);
        self.bytes = all.map(|(key, cell)| key.bytes() + cell.bytes()).sum();
        self.untidy = self.live.values().filter(|cell| cell.is_untidy()).count();
    }
}

impl<V: CellValue> Cell<V> {
    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        if self.expiry.is_some() || other.expiry.is_some() {
            let mut theirs = other.clone();
            let theirs = theirs.expiry_mut();
            let own = self.expiry_mut();
            own.merge(theirs, counterpart);
            own.reset(covered);
        }
        self.writes.retain(|write| {
            !counterpart.other_clock.covers(write.dot)
                || other.writes.iter().any(|theirs| theirs.dot == write.dot)
        });
        for write in &other.writes {
            if !counterpart.own_clock.covers(write.dot) {
                self.writes.push(write.clone());
            }
        }
        self.tally.merge(&other.tally, counterpart);
        self.covered.join(&other.covered);
        self.settle(covered);
    }
}
