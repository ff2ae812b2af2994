//! Cells by their keys: the fields of a hash, the members of a sorted set, the elements of a list.
//!
//! Those in which nothing is left are kept aside until everyone has observed what emptied them. Sizes, deadlines and what the
//! collector must visit are counted as cells change, so that nobody has to look through all of them.

use std::collections::BTreeMap;
use std::fmt;

use crate::cell::{Cell, CellValue};
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::home::Home;
use crate::stored::Stored;
use crate::{Dot, Effect, OriginId};

/// What names a cell.
pub(crate) trait CellKey: Clone + Ord + Stored {
    /// Where cells with such keys live.
    type Home<V: Clone + PartialEq>: Home<Key = Self, Value = V>;
    fn bytes(&self) -> usize;
}

/// Cells by their keys.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
pub(crate) struct Cells<K: CellKey, V: CellValue> {
    #[cfg_attr(feature = "serde", serde(with = "crate::home::pairs"))]
    live: K::Home<Cell<V>>,
    /// Those in which nothing is left.
    #[cfg_attr(feature = "serde", serde(with = "crate::home::pairs"))]
    dead: K::Home<Cell<V>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    books: Books,
}

/// What is counted of all cells.
#[derive(Clone, PartialEq, Default, Debug)]
struct Books {
    bytes: usize,
    /// In how many cells of those in which something is left something awaits the collector.
    untidy: usize,
    /// How many of those expire when.
    deadlines: BTreeMap<u64, usize>,
}

/// What one cell counts for.
#[derive(Clone, Copy, PartialEq)]
struct Account {
    bytes: usize,
    is_untidy: bool,
    mortality: Option<u64>,
}

impl Account {
    /// That of no cell.
    const NOTHING: Self = Self {
        bytes: 0,
        is_untidy: false,
        mortality: None,
    };

    fn of<V: CellValue>(cell: &Cell<V>) -> Self {
        Self {
            bytes: cell.bytes(),
            is_untidy: cell.is_untidy(),
            mortality: cell.mortality(),
        }
    }
}

impl Books {
    const EMPTY: Self = Self {
        bytes: 0,
        untidy: 0,
        deadlines: BTreeMap::new(),
    };

    /// A cell counted for this, and counts for that now.
    fn note(&mut self, was: Account, is: Account) {
        self.bytes = self.bytes + is.bytes - was.bytes;
        self.untidy = self.untidy + usize::from(is.is_untidy) - usize::from(was.is_untidy);
        if was.mortality != is.mortality {
            self.note_deadlines(was.mortality, is.mortality);
        }
    }

    /// One cell less expires then, and one more now.
    fn note_deadlines(&mut self, was: Option<u64>, is: Option<u64>) {
        if let Some(was) = was
            && let Some(number) = self.deadlines.get_mut(&was)
        {
            *number -= 1;
            if *number == 0 {
                self.deadlines.remove(&was);
            }
        }
        if let Some(is) = is {
            *self.deadlines.entry(is).or_default() += 1;
        }
    }
}

/// In order, so that equal ones look equal.
impl<K: CellKey + fmt::Debug, V: CellValue> fmt::Debug for Cells<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live: Vec<_> = self.live.sorted().collect();
        let dead: Vec<_> = self.dead.sorted().collect();
        f.debug_struct("Cells")
            .field("live", &live)
            .field("dead", &dead)
            .field("books", &self.books)
            .finish()
    }
}

impl<K: CellKey, V: CellValue> Default for Cells<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: CellKey, V: CellValue> Cells<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            live: K::Home::EMPTY,
            dead: K::Home::EMPTY,
            books: Books::EMPTY,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&Cell<V>> {
        self.live.get(key)
    }

    /// Those in which something is left, where they live.
    pub(crate) fn home(&self) -> &K::Home<Cell<V>> {
        &self.live
    }

    /// In order of the keys.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &Cell<V>)> + Clone {
        self.live.sorted()
    }

    /// In no order that means anything.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&K, &Cell<V>)> {
        self.live.all()
    }

    /// Whether anything expires one day.
    pub(crate) fn has_deadlines(&self) -> bool {
        !self.books.deadlines.is_empty()
    }

    /// Whether anything has expired at `millis`.
    pub(crate) fn is_any_due(&self, millis: u64) -> bool {
        self.books
            .deadlines
            .first_key_value()
            .is_some_and(|(&deadline, _)| deadline <= millis)
    }

    /// Takes a write in. `covered` is what the visible resets of the whole key had observed.
    pub(crate) fn write(&mut self, key: &K, value: V, effect: &Effect, covered: &Clock) {
        self.change(key, effect.dot, |cell| cell.write(value, effect, covered));
    }

    /// Takes an increment in.
    pub(crate) fn add(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, effect.dot, |cell| cell.add(amount, effect, covered));
    }

    /// Takes an increment in that found nothing under this key where it was executed.
    pub(crate) fn begin(&mut self, key: &K, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.change(key, effect.dot, |cell| cell.begin(amount, effect, covered));
    }

    /// Takes a removal in.
    pub(crate) fn remove(&mut self, key: &K, effect: &Effect) {
        self.change(key, effect.dot, |cell| cell.remove(effect));
    }

    /// Takes a change of a cell's expiry in.
    pub(crate) fn expire(
        &mut self,
        key: &K,
        claim: (Option<u64>, u16),
        effect: &Effect,
        covered: &Clock,
    ) {
        self.change(key, effect.dot, |cell| {
            cell.expire(claim, effect, covered);
        });
    }

    /// Takes a reset of the whole key in.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        for cell in self.live.values_mut().chain(self.dead.values_mut()) {
            cell.reset(covered);
        }
        self.rehouse();
        self.recount();
    }

    /// Joins what another replica holds, both read once from end to end.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        self.merge_beside(other, counterpart, covered, None);
    }

    /// The same, but leaves out where both took in the same effects, if homes can tell. For whoever lets cells change by effects
    /// and by resets of the whole key only.
    pub(crate) fn merge_news(
        &mut self,
        other: &Self,
        counterpart: Counterpart<'_>,
        covered: &Clock,
    ) {
        let clocks = covered.is_empty().then_some(counterpart);
        self.merge_beside(other, counterpart, covered, clocks);
    }

    fn merge_beside(
        &mut self,
        other: &Self,
        counterpart: Counterpart<'_>,
        covered: &Clock,
        clocks: Option<Counterpart<'_>>,
    ) {
        let nothing = Cell::new();
        let Self { live, dead, books } = self;
        let is_reset = !covered.is_empty();
        // Cells that moved on to the other home.
        let mut is_any_moved = false;
        let mut meet = |own: &mut Cell<V>, theirs: &Cell<V>| {
            let was_empty = own.is_empty();
            let was = Account::of(own);
            own.merge(theirs, counterpart, covered);
            books.note(was, Account::of(own));
            is_any_moved |= was_empty != own.is_empty();
        };
        let mut is_any_visited = false;
        let mut unknown = live.visit_beside(&other.live, clocks, |key, own, theirs| {
            is_any_visited = true;
            if !is_reset && theirs.is_some_and(|theirs| own.is_settled_with(theirs)) {
                return;
            }
            let theirs = theirs.or_else(|| other.dead.get(key)).unwrap_or(&nothing);
            if is_reset || own != theirs {
                meet(own, theirs);
            }
        });
        unknown.retain(|(key, _)| dead.is_empty() || dead.get(key).is_none());
        is_any_visited |= !(unknown.is_empty() && dead.is_empty() && other.dead.is_empty());
        let unknown_dead = dead.visit_beside(&other.dead, None, |key, own, theirs| {
            let theirs = theirs.or_else(|| other.live.get(key)).unwrap_or(&nothing);
            if is_reset || own != theirs {
                meet(own, theirs);
            }
        });
        let is_unknown = |(key, _): &(&K, &Cell<V>)| live.get(key).is_none();
        unknown.extend(unknown_dead.into_iter().filter(is_unknown));
        let mut news = Vec::with_capacity(unknown.len());
        for (key, theirs) in unknown {
            let mut own = Cell::new();
            own.merge(theirs, counterpart, covered);
            books.note(Account::NOTHING, Account::of(&own));
            books.bytes += key.bytes();
            is_any_moved |= own.is_empty();
            news.push((key.clone(), own));
        }
        live.put_all(news);
        if is_any_moved {
            self.rehouse();
        }
        if is_any_visited {
            self.live.touch_all(counterpart.other_clock);
        }
    }

    /// Drops the tombstones that `stable` covers.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.dead.extract(|cell| {
            cell.collect(stable);
            cell.is_forgotten()
        });
        if self.books.untidy > 0 {
            for cell in self.live.values_mut() {
                cell.collect(stable);
            }
        }
        self.recount();
    }

    /// Drops what was said of the expiry of those in which nothing is left; see [`Cell::forget_claims`].
    pub(crate) fn forget_claims(&mut self, stable: &Clock) {
        let Self { dead, books, .. } = self;
        let forgotten = dead.extract(|cell| {
            let was = Account::of(cell);
            cell.forget_claims(stable);
            books.note(was, Account::of(cell));
            cell.is_forgotten()
        });
        for (key, cell) in forgotten {
            books.note(Account::of(&cell), Account::NOTHING);
            books.bytes -= key.bytes();
        }
    }

    pub(crate) fn has_tombstones(&self) -> bool {
        !self.dead.is_empty() || self.books.untidy > 0
    }

    pub(crate) fn smallest_origin(&self) -> Option<OriginId> {
        let all = self.live.all();
        all.filter_map(|own| own.1.smallest_origin()).min()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.books.bytes
    }

    /// Changes a cell, a new one if there is none, and keeps the books.
    fn change(&mut self, key: &K, by: Dot, change: impl FnOnce(&mut Cell<V>)) {
        let Self { live, dead, books } = self;
        let change = |cell: &mut Cell<V>| {
            let was = Account::of(cell);
            change(cell);
            books.note(was, Account::of(cell));
            !cell.is_empty()
        };
        let (spot, change) = match live.change(key, by, change) {
            Ok(None) => return,
            Ok(Some((key, cell))) => return dead.put(key, cell),
            Err(missed) => missed,
        };
        let known = if dead.is_empty() {
            None
        } else {
            dead.take(key)
        };
        let is_new = known.is_none();
        let (key, mut cell) = known.unwrap_or_else(|| (key.clone(), Cell::new()));
        let is_alive = change(&mut cell);
        if is_new {
            books.note(Account::NOTHING, Account::of(&Cell::<V>::new()));
            books.bytes += key.bytes();
        }
        if is_alive {
            live.put_in(spot, key, cell, by);
        } else {
            // Where it would live, what became of it has to be known.
            live.touch(spot, by);
            dead.put(key, cell);
        }
    }

    /// Moves the cells in which nothing is left, and those in which something is again.
    fn rehouse(&mut self) {
        if self.live.all().any(|own| own.1.is_empty()) {
            let emptied = self.live.extract(|cell| cell.is_empty());
            self.dead.put_all(emptied);
        }
        if self.dead.all().any(|own| !own.1.is_empty()) {
            let filled = self.dead.extract(|cell| !cell.is_empty());
            self.live.put_all(filled);
        }
    }

    /// Counts anew what was read or changed as a whole.
    pub(crate) fn recount(&mut self) {
        let mut books = Books::EMPTY;
        for (key, cell) in self.live.all().chain(self.dead.all()) {
            books.note(Account::NOTHING, Account::of(cell));
            books.bytes += key.bytes();
        }
        self.books = books;
    }
}
