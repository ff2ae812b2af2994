//! Elements in order, found by their keys and by their places.
//!
//! Ordered chunks of bounded length. Each knows the number of its first element, counted from where nobody cares: what comes in or
//! goes at an end changes no number but that of the chunk there, and what does elsewhere those of the fewer chunks.
//!
//! Each chunk knows the effects that were about its stretch as well: what is behind the last key of the chunk before it, up to its own
//! last key, or to the end if it is the last chunk. A merge leaves out the stretches of which each side knows all effects that
//! the other's chunks there tell of: both took in the same there, and what they show is a function of that.

mod along;

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::Dot;
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::home::{Changed, Home};
use along::Along;

/// Elements in a chunk before it is cut in two.
const LONGEST: usize = if cfg!(test) { 8 } else { 64 };

/// Keys in order with what is under them.
#[derive(Clone, Debug)]
pub(crate) struct Sequence<K, V> {
    /// None is empty.
    chunks: Vec<Chunk<K, V>>,
    length: usize,
    /// The effects about anything, where there is no chunk to know them.
    touched: Clock,
    /// Whether the effects are not known, as they are not written.
    is_untold: bool,
}

#[derive(Clone, Debug)]
struct Chunk<K, V> {
    /// The number of its first element. The next chunk begins where this one ends.
    first: i64,
    items: VecDeque<(K, V)>,
    /// The effects about its stretch, and maybe more.
    touched: Clock,
}

impl<K, V> Chunk<K, V> {
    fn of(first: i64, item: (K, V), touched: Clock) -> Self {
        Self {
            first,
            items: VecDeque::from([item]),
            touched,
        }
    }
}

/// A chunk and a place in it.
type Spot = (usize, usize);

impl<K, V> Sequence<K, V> {
    const EMPTY: Self = Self {
        chunks: Vec::new(),
        length: 0,
        touched: Clock::new(),
        is_untold: false,
    };

    /// The element at a place.
    pub(crate) fn at(&self, place: usize) -> Option<(&K, &V)> {
        if place >= self.length {
            return None;
        }
        let number = self.chunks.first()?.first + place.cast_signed() as i64;
        // What grew at its end has full chunks, so that the place tells which it is.
        let likely = self.chunks.get(place / LONGEST).filter(|own| {
            let within = number - own.first;
            (0..own.items.len().cast_signed() as i64).contains(&within)
        });
        let chunk = match likely {
            Some(chunk) => chunk,
            None => &self.chunks[self.chunks.partition_point(|own| own.first <= number) - 1],
        };
        let (key, value) = chunk.items.get((number - chunk.first) as usize)?;
        Some((key, value))
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        let all = self.chunks.iter().flat_map(|own| &own.items);
        all.map(|(key, value)| (key, value))
    }

    /// Numbers anew once a chunk has become longer or shorter: what follows it, or all up to it the other way.
    fn renumber(&mut self, chunk: usize, growth: i64) {
        let (upto, after) = self.chunks.split_at_mut(chunk + 1);
        if after.len() < upto.len() {
            for own in after {
                own.first += growth;
            }
        } else {
            for own in upto {
                own.first -= growth;
            }
        }
    }

    /// Puts an element in where it belongs; says in which chunk it is.
    fn put_at(&mut self, (mut chunk, mut place): Spot, item: (K, V)) -> usize {
        self.length += 1;
        let number = self.chunks.len();
        let Some(own) = self.chunks.get_mut(chunk) else {
            let touched = std::mem::take(&mut self.touched);
            self.chunks.push(Chunk::of(0, item, touched));
            return 0;
        };
        if own.items.len() == LONGEST {
            // Whatever is cut off from a stretch may be what its effects were about.
            let (first, touched) = (own.first, own.touched.clone());
            // What grows at its ends fills its chunks.
            if place == LONGEST && chunk + 1 == number {
                let first = first + LONGEST.cast_signed() as i64;
                self.chunks.push(Chunk::of(first, item, touched));
                return number;
            }
            if place == 0 && chunk == 0 {
                self.chunks.insert(0, Chunk::of(first - 1, item, touched));
                return 0;
            }
            let items = own.items.split_off(LONGEST / 2);
            let first = first + (LONGEST / 2).cast_signed() as i64;
            let half = Chunk {
                first,
                items,
                touched,
            };
            self.chunks.insert(chunk + 1, half);
            if place > LONGEST / 2 {
                (chunk, place) = (chunk + 1, place - LONGEST / 2);
            }
        }
        self.chunks[chunk].items.insert(place, item);
        self.renumber(chunk, 1);
        chunk
    }

    fn take_at(&mut self, (chunk, place): Spot) -> Option<(K, V)> {
        let own = &mut self.chunks[chunk];
        let item = own.items.remove(place)?;
        let is_cut = place == own.items.len();
        self.length -= 1;
        self.renumber(chunk, -1);
        if is_cut {
            self.pass_on(chunk);
        }
        if self.chunks[chunk].items.is_empty() {
            self.chunks.remove(chunk);
        }
        Some(item)
    }

    /// The end of a chunk's stretch falls to the next chunk, or all of it to the one before, if there is no more of it.
    fn pass_on(&mut self, chunk: usize) {
        let (upto, after) = self.chunks.split_at_mut(chunk + 1);
        let [before @ .., own] = upto else {
            return;
        };
        match (before, after) {
            (_, [next, ..]) => next.touched.join(&own.touched),
            _ if !own.items.is_empty() => {}
            ([.., last], []) => last.touched.join(&own.touched),
            ([], []) => self.touched.join(&own.touched),
        }
    }
}

impl<K: Ord, V> Sequence<K, V> {
    /// Where a key is, or would be.
    fn find(&self, key: &K) -> Result<Spot, Spot> {
        let [first, .., last] = self.chunks.as_slice() else {
            return match self.chunks.first() {
                None => Err((0, 0)),
                Some(only) => only.find(key).map(|at| (0, at)).map_err(|at| (0, at)),
            };
        };
        // Most of what comes in or goes does so at the ends.
        let last_chunk = self.chunks.len() - 1;
        if last.items.front().is_some_and(|own| own.0 <= *key) {
            let found = last.find(key);
            return found
                .map(|at| (last_chunk, at))
                .map_err(|at| (last_chunk, at));
        }
        let chunk = if first.items.back().is_some_and(|own| own.0 >= *key) {
            0
        } else {
            self.chunks
                .partition_point(|own| own.items.back().is_some_and(|own| own.0 < *key))
        };
        let found = self.chunks[chunk].find(key);
        found.map(|at| (chunk, at)).map_err(|at| (chunk, at))
    }
}

impl<K: Ord, V> Chunk<K, V> {
    fn find(&self, key: &K) -> Result<usize, usize> {
        if let Some(last) = self.items.back() {
            let length = self.items.len();
            match last.0.cmp(key) {
                Ordering::Less => return Err(length),
                Ordering::Equal => return Ok(length - 1),
                Ordering::Greater => {}
            }
        }
        if let Some(first) = self.items.front() {
            match first.0.cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(0),
                Ordering::Greater => return Err(0),
            }
        }
        self.items.binary_search_by(|own| own.0.cmp(key))
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Sequence<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> Home for Sequence<K, V> {
    type Key = K;
    type Value = V;
    type Spot = Spot;
    const EMPTY: Self = Self::EMPTY;

    fn len(&self) -> usize {
        self.length
    }

    fn get(&self, key: &K) -> Option<&V> {
        let (chunk, place) = self.find(key).ok()?;
        Some(&self.chunks[chunk].items[place].1)
    }

    fn change<F: FnOnce(&mut V) -> bool>(
        &mut self,
        key: &K,
        by: Dot,
        change: F,
    ) -> Changed<Self, F> {
        let (chunk, place) = match self.find(key) {
            Ok(spot) => spot,
            Err(spot) => return Err((spot, change)),
        };
        let own = &mut self.chunks[chunk];
        own.touched.extend_to(by);
        if change(&mut own.items[place].1) {
            Ok(None)
        } else {
            Ok(self.take_at((chunk, place)))
        }
    }

    fn put_in(&mut self, spot: Spot, key: K, value: V, by: Dot) {
        let chunk = self.put_at(spot, (key, value));
        self.chunks[chunk].touched.extend_to(by);
    }

    fn put(&mut self, key: K, value: V) {
        if let Err(spot) = self.find(&key) {
            self.put_at(spot, (key, value));
        }
    }

    fn touch(&mut self, (chunk, _): Spot, by: Dot) {
        let own = self.chunks.get_mut(chunk);
        let touched = own.map_or(&mut self.touched, |own| &mut own.touched);
        touched.extend_to(by);
    }

    fn touch_all(&mut self, by: &Clock) {
        self.touched.join(by);
        for own in &mut self.chunks {
            own.touched.join(by);
        }
    }

    #[cfg(feature = "serde")]
    fn forget_touches(&mut self) {
        self.is_untold = true;
    }

    fn take(&mut self, key: &K) -> Option<(K, V)> {
        let spot = self.find(key).ok()?;
        self.take_at(spot)
    }

    fn extract(&mut self, mut is_wanted: impl FnMut(&mut V) -> bool) -> Vec<(K, V)> {
        let mut extracted = Vec::new();
        let old = std::mem::replace(self, Self::EMPTY);
        self.is_untold = old.is_untold;
        let mut touched = old.touched;
        for own in &old.chunks {
            touched.join(&own.touched);
        }
        for mut item in old.chunks.into_iter().flat_map(|own| own.items) {
            if is_wanted(&mut item.1) {
                extracted.push(item);
            } else {
                let last = self.chunks.len().saturating_sub(1);
                let end = self.chunks.last().map_or(0, |own| own.items.len());
                self.put_at((last, end), item);
            }
        }
        self.touch_all(&touched);
        extracted
    }

    fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.iter()
    }

    fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let all = self.chunks.iter_mut().flat_map(|own| &mut own.items);
        all.map(|own| &mut own.1)
    }

    fn sorted(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.iter()
    }

    fn visit_beside<'o>(
        &mut self,
        other: &'o Self,
        clocks: Option<Counterpart<'_>>,
        mut visit: impl FnMut(&K, &mut V, Option<&'o V>),
    ) -> Vec<(&'o K, &'o V)> {
        let clocks = clocks.filter(|_| !self.is_untold && !other.is_untold);
        let mut along = Along::new(&other.chunks);
        let last = self.chunks.len().saturating_sub(1);
        for (number, own) in self.chunks.iter_mut().enumerate() {
            if let Some(clocks) = clocks
                && clocks.other_clock.dominates(&own.touched)
            {
                let end = own.items.back().filter(|_| number < last);
                if along.pass(end.map(|end| &end.0), clocks.own_clock) {
                    continue;
                }
            }
            for (key, value) in &mut own.items {
                let theirs = along.get(key);
                visit(key, value, theirs);
            }
        }
        along.rest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    /// What is done: an element comes in at a key, or goes; or all of one kind go.
    #[derive(Clone, Debug)]
    enum Step {
        Put(u32),
        Take(u32),
        Ends(bool, bool),
        Extract(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (0_u32..2_000).prop_map(Step::Put),
            3 => (0_u32..2_000).prop_map(Step::Take),
            4 => (any::<bool>(), any::<bool>()).prop_map(|(head, comes)| Step::Ends(head, comes)),
        ];
        let rare = (2_u32..5).prop_map(Step::Extract);
        proptest::collection::vec(prop_oneof![400 => step, 1 => rare], 0..1_500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_sequence_is_a_map_that_counts(steps in steps()) {
            let (mut own, mut map) = (Sequence::EMPTY, BTreeMap::new());
            let (mut low, mut high) = (1_000_i64, 1_000_i64);
            for step in steps {
                let (key, comes) = match step {
                    Step::Put(key) => (i64::from(key), true),
                    Step::Take(key) => (i64::from(key), false),
                    Step::Ends(true, true) => { low -= 1; (low, true) }
                    Step::Ends(false, true) => { high += 1; (high, true) }
                    Step::Ends(true, false) => (map.keys().next().copied().unwrap_or(0), false),
                    Step::Ends(false, false) => (map.keys().next_back().copied().unwrap_or(0), false),
                    Step::Extract(divisor) => {
                        let divisor = i64::from(divisor);
                        let taken = own.extract(|value: &mut i64| *value % divisor == 0);
                        let wanted: Vec<_> = map.extract_if(.., |_, value| *value % divisor == 0).collect();
                        prop_assert_eq!(taken, wanted);
                        continue;
                    }
                };
                prop_assert_eq!(own.get(&key), map.get(&key));
                if comes {
                    own.put(key, key * 7);
                    map.insert(key, key * 7);
                } else {
                    prop_assert_eq!(own.take(&key), map.remove_entry(&key));
                }
                prop_assert_eq!(own.len(), map.len());
            }
            prop_assert!(own.sorted().eq(map.iter()));
            prop_assert!(own.sorted().rev().eq(map.iter().rev()));
            for (place, item) in map.iter().enumerate() {
                prop_assert_eq!(own.at(place), Some(item));
            }
            prop_assert_eq!(own.at(map.len()), None);
            let mut other = own.clone();
            other.extract(|value| *value % 3 == 0);
            let mut both = Vec::new();
            let rest = other.visit_beside(&own, None, |key, _, theirs| both.push((*key, theirs.copied())));
            prop_assert!(rest.iter().all(|own| own.1 % 3 == 0));
            prop_assert_eq!(rest.len() + both.len(), map.len());
            prop_assert!(both.iter().all(|(key, theirs)| *theirs == Some(key * 7)));
        }
    }
}
