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
    /// The write that prevails.
    write: Option<CellWrite<V>>,
    /// `None` if there is nothing in it.
    extra: Option<Box<Extra<V>>>,
}

/// What a cell that was only ever written, and by one after the other, does not have.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
struct Extra<V: CellValue> {
    /// The writes concurrent with the one that prevails, by falling rank.
    losers: Vec<CellWrite<V>>,
    tally: Tally<V::Amount>,
    expiry: Option<Expiry>,
}

impl<V: CellValue> CellWrite<V> {
    /// The greatest prevails.
    fn rank(&self) -> (Option<Timestamp>, Reverse<OriginId>) {
        (V::IS_TIMED.then_some(self.at), Reverse(self.dot.origin))
    }
}

impl<V: CellValue> Extra<V> {
    fn new() -> Self {
        Self {
            losers: Vec::new(),
            tally: Tally::default(),
            expiry: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.losers.is_empty() && self.tally.is_empty() && self.expiry.is_none()
    }
}

impl<V: CellValue> Cell<V> {
    fn new() -> Self {
        Self {
            covered: Clock::new(),
            write: None,
            extra: None,
        }
    }

    /// The write that prevails.
    pub(crate) fn value(&self) -> Option<&V> {
        self.write.as_ref().map(|write| &write.value)
    }

    /// All writes that nobody replaced.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.writes().map(|write| &write.value)
    }

    fn writes(&self) -> impl Iterator<Item = &CellWrite<V>> {
        let losers = self.extra.iter().flat_map(|extra| &extra.losers);
        self.write.iter().chain(losers)
    }

    /// The sum of the increments, if there are any.
    pub(crate) fn sum(&self) -> Option<V::Amount> {
        self.extra.as_ref()?.tally.sum()
    }

    fn expiry(&self) -> Option<&Expiry> {
        self.extra.as_ref()?.expiry.as_ref()
    }

    /// When it expires, and which instance owns the expiry.
    pub(crate) fn deadline(&self) -> Option<(u64, u16)> {
        let winner = self.expiry()?.winner()?;
        Some((winner.deadline?, winner.owner))
    }

    /// When it expires, if anything is left in it that could.
    fn mortality(&self) -> Option<u64> {
        let (deadline, _) = self.deadline()?;
        (!self.is_empty()).then_some(deadline)
    }

    fn is_empty(&self) -> bool {
        self.write.is_none()
            && self
                .extra
                .as_ref()
                .is_none_or(|extra| extra.tally.is_empty())
    }

    /// Whether something is kept that can be collected, although something is left.
    fn is_untidy(&self) -> bool {
        let Some(extra) = &self.extra else {
            return false;
        };
        !self.is_empty()
            && (extra.tally.is_scattered()
                || (self.write.is_none() && !self.covered.is_empty())
                || extra
                    .expiry
                    .as_ref()
                    .is_some_and(|expiry| expiry.deadline().is_none()))
    }

    fn collect(&mut self, stable: &Clock) {
        let is_dead = self.is_empty();
        if let Some(extra) = &mut self.extra {
            extra.tally.collect(stable);
            extra
                .expiry
                .take_if(|expiry| expiry.is_idle(stable) || (is_dead && expiry.is_within(stable)));
        }
        if self.write.is_none() && stable.dominates(&self.covered) {
            self.covered = Clock::new();
        }
        self.tidy();
    }

    /// Puts a write beside those that are here; [`Cell::settle`] brings them into order.
    fn admit(&mut self, write: CellWrite<V>) {
        if self.write.is_none() {
            self.write = Some(write);
        } else {
            self.extra_mut().losers.push(write);
        }
    }

    fn settle(&mut self, covered: &Clock) {
        let own = &self.covered;
        let is_gone = |write: &mut CellWrite<V>| own.covers(write.dot) || covered.covers(write.dot);
        let Some(extra) = &mut self.extra else {
            self.write.take_if(is_gone);
            return;
        };
        if !extra.losers.is_empty() {
            extra.losers.extend(self.write.take());
            extra.losers.retain_mut(|write| !is_gone(write));
            extra.losers.sort_by_key(|write| Reverse(write.rank()));
            if !extra.losers.is_empty() {
                self.write = Some(extra.losers.remove(0));
            }
        } else {
            self.write.take_if(is_gone);
        }
        extra.tally.reset(own);
        extra.tally.reset(covered);
        self.tidy();
    }

    fn tidy(&mut self) {
        self.extra.take_if(|extra| extra.is_empty());
    }

    fn extra_mut(&mut self) -> &mut Extra<V> {
        self.extra.get_or_insert_with(|| Box::new(Extra::new()))
    }

    fn expiry_mut(&mut self) -> &mut Expiry {
        let claims: Vec<Claim> = match self.expiry() {
            Some(_) => Vec::new(),
            None => self.writes().map(|write| Claim::never(write.dot)).collect(),
        };
        let covered = self.covered.clone();
        self.extra_mut()
            .expiry
            .get_or_insert_with(|| Expiry::new(covered, claims.into_iter()))
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        let written = self.writes().map(|write| write.dot.origin);
        let extra = self.extra.iter();
        let added = extra.filter_map(|extra| extra.tally.smallest_origin());
        written.chain(added).min()
    }

    fn bytes(&self) -> usize {
        let writes = self.writes().map(|write| WRITE_BYTES + write.value.bytes());
        let extra = self.extra.as_ref().map_or(0, |extra| {
            extra.tally.bytes() + extra.expiry.as_ref().map_or(0, Expiry::bytes)
        });
        CELL_BYTES + CLOCK_BYTES * self.covered.len() + writes.sum::<usize>() + extra
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        if self != other {
            self.merge_other(other, counterpart);
        }
        if let Some(extra) = &mut self.extra
            && let Some(expiry) = &mut extra.expiry
        {
            expiry.reset(covered);
        }
        self.settle(covered);
    }

    fn merge_other(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        if self.expiry().is_some() || other.expiry().is_some() {
            let mut theirs = other.clone();
            let theirs = theirs.expiry_mut();
            self.expiry_mut().merge(theirs, counterpart);
        }
        // What one holds and the other does not, though its clock covers it, was replaced or removed there.
        let is_gone = |write: &CellWrite<V>| {
            counterpart.other_clock.covers(write.dot)
                && !other.writes().any(|theirs| theirs.dot == write.dot)
        };
        if let Some(extra) = &mut self.extra {
            extra.losers.retain(|write| !is_gone(write));
        }
        self.write.take_if(|write| is_gone(write));
        for write in other.writes() {
            if !counterpart.own_clock.covers(write.dot) {
                self.admit(write.clone());
            }
        }
        let nothing = Tally::default();
        let theirs = other.extra.as_ref().map_or(&nothing, |extra| &extra.tally);
        if let Some(extra) = &mut self.extra {
            extra.tally.merge(theirs, counterpart);
        } else if !theirs.is_empty() {
            self.extra_mut().tally.merge(theirs, counterpart);
        }
        self.covered.join(&other.covered);
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
        self.change(key, |cell| {
            let extra = cell.extra.as_mut();
            if let Some(expiry) = extra.and_then(|extra| extra.expiry.as_mut()) {
                expiry.claim(Claim::never(effect.dot), &effect.context);
            }
            cell.covered.join(&effect.context);
            let (dot, at) = (effect.dot, effect.at);
            let own = &cell.covered;
            cell.write.take_if(|write| own.covers(write.dot));
            cell.admit(CellWrite { dot, at, value });
            cell.settle(covered);
        });
    }

    /// Takes an increment in.
    pub(crate) fn add(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, |cell| {
            cell.extra_mut().tally.add(effect.dot, amount);
            cell.settle(covered);
        });
    }

    /// Takes a removal in.
    pub(crate) fn remove(&mut self, key: &K, effect: &Effect) {
        self.change(key, |cell| {
            cell.covered.join(&effect.context);
            // The removal's own dot: the tombstone may go once everyone has seen the removal.
            cell.covered.extend_to(effect.dot);
            let extra = cell.extra.as_mut();
            if let Some(expiry) = extra.and_then(|extra| extra.expiry.as_mut()) {
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
            let extra = cell.extra.as_mut();
            if let Some(expiry) = extra.and_then(|extra| extra.expiry.as_mut()) {
                expiry.reset(covered);
            }
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
            cell.expiry().is_some() || !cell.covered.is_empty()
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
            self.bytes += key.bytes() + CELL_BYTES;
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
