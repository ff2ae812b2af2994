//! Cells by their keys, in order: the fields of a hash, the members of a sorted set, the elements of a list.
//!
//! Those in which nothing is left are kept aside until everyone has observed what emptied them. Sizes, deadlines and what the
//! collector must visit are counted as cells change, so that nobody has to look through all of them.

use std::collections::BTreeMap;

use crate::cell::{Cell, CellValue};
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::stored::Stored;
use crate::{Effect, OriginId};

/// What names a cell.
pub(crate) trait CellKey: Clone + Ord + Stored {
    fn bytes(&self) -> usize;
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
    /// How many of the former expire when.
    #[cfg_attr(feature = "serde", serde(skip))]
    deadlines: BTreeMap<u64, usize>,
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
            deadlines: BTreeMap::new(),
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

    /// Whether anything expires one day.
    pub(crate) fn has_deadlines(&self) -> bool {
        !self.deadlines.is_empty()
    }

    /// Whether anything has expired at `millis`.
    pub(crate) fn is_any_due(&self, millis: u64) -> bool {
        self.deadlines
            .first_key_value()
            .is_some_and(|(&deadline, _)| deadline <= millis)
    }

    /// Takes a write in. `covered` is what the visible resets of the whole key had observed.
    pub(crate) fn write(&mut self, key: &K, value: V, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| cell.write(value, effect, covered));
    }

    /// Takes an increment in.
    pub(crate) fn add(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| cell.add(amount, effect, covered));
    }

    /// Takes an increment in that found nothing under this key where it was executed.
    pub(crate) fn begin(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| cell.begin(amount, effect, covered));
    }

    /// Takes a removal in.
    pub(crate) fn remove(&mut self, key: &K, effect: &Effect) {
        self.change(key, |cell| cell.remove(effect));
    }

    /// Takes a change of a cell's expiry in.
    pub(crate) fn expire(
        &mut self,
        key: &K,
        claim: (Option<u64>, u16),
        effect: &Effect,
        covered: &Clock,
    ) {
        self.change(key, |cell| cell.expire(claim, effect, covered));
    }

    /// Takes a reset of the whole key in.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        for cell in self.live.values_mut().chain(self.dead.values_mut()) {
            cell.reset(covered);
        }
        self.rehouse();
    }

    /// Joins what another replica holds, both read once from end to end.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        let nothing = Cell::new();
        let mut unknown = Vec::new();
        let mut all_theirs = other.live.iter().peekable();
        for (key, own) in &mut self.live {
            while let Some(theirs) = all_theirs.next_if(|theirs| theirs.0 < key) {
                unknown.push(theirs);
            }
            let theirs = match all_theirs.next_if(|theirs| theirs.0 == key) {
                Some((_, theirs)) => Some(theirs),
                None => other.dead.get(key),
            };
            own.merge(theirs.unwrap_or(&nothing), counterpart, covered);
        }
        unknown.extend(all_theirs);
        for (key, own) in &mut self.dead {
            let theirs = other.live.get(key).or_else(|| other.dead.get(key));
            own.merge(theirs.unwrap_or(&nothing), counterpart, covered);
        }
        unknown.extend(other.dead.iter());
        unknown.retain(|(key, _)| !self.live.contains_key(key) && !self.dead.contains_key(key));
        let mut news: BTreeMap<K, Cell<V>> = BTreeMap::new();
        for (key, theirs) in unknown {
            let mut own = Cell::new();
            own.merge(theirs, counterpart, covered);
            news.insert(key.clone(), own);
        }
        // Few are put in one by one; many, as with a replica that was empty, in one pass.
        if news.len() > self.live.len() / 8 {
            self.live.append(&mut news);
        } else {
            self.live.extend(news);
        }
        self.rehouse();
    }

    /// Drops the tombstones that `stable` covers.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.dead.retain(|_, cell| {
            cell.collect(stable);
            !cell.is_forgotten()
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
            let was_mortal = cell.mortality();
            change(cell);
            self.bytes = self.bytes + cell.bytes() - before;
            let is_mortal = cell.mortality();
            if was_mortal != is_mortal {
                note_deadlines(&mut self.deadlines, was_mortal, is_mortal);
            }
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
            self.bytes += key.bytes() + Cell::<V>::BYTES;
            (key.clone(), Cell::new())
        };
        let before = cell.bytes();
        change(&mut cell);
        self.bytes = self.bytes + cell.bytes() - before;
        self.untidy += usize::from(cell.is_untidy());
        note_deadlines(&mut self.deadlines, None, cell.mortality());
        let home = if cell.is_empty() {
            &mut self.dead
        } else {
            &mut self.live
        };
        home.insert(key, cell);
    }

    /// Moves the cells in which nothing is left, and those in which something is again.
    fn rehouse(&mut self) {
        if self.live.values().any(Cell::is_empty) {
            let emptied = self.live.extract_if(.., |_, cell| cell.is_empty());
            self.dead.extend(emptied);
        }
        if self.dead.values().any(|cell| !cell.is_empty()) {
            let filled = self.dead.extract_if(.., |_, cell| !cell.is_empty());
            self.live.extend(filled);
        }
        self.recount();
    }

    /// Counts anew what was read or changed as a whole.
    pub(crate) fn recount(&mut self) {
        let all = self.live.iter().chain(&self.dead);
        self.bytes = all.map(|(key, cell)| key.bytes() + cell.bytes()).sum();
        self.untidy = self.live.values().filter(|cell| cell.is_untidy()).count();
        self.deadlines.clear();
        for cell in self.live.values() {
            note_deadlines(&mut self.deadlines, None, cell.mortality());
        }
    }
}

/// One cell less expires then, and one more now.
fn note_deadlines(deadlines: &mut BTreeMap<u64, usize>, was: Option<u64>, is: Option<u64>) {
    if let Some(was) = was
        && let Some(number) = deadlines.get_mut(&was)
    {
        *number -= 1;
        if *number == 0 {
            deadlines.remove(&was);
        }
    }
    if let Some(is) = is {
        *deadlines.entry(is).or_default() += 1;
    }
}
