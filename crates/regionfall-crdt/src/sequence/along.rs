//! Goes along a sequence, beside another whose keys come in order.

use super::Chunk;
use crate::clock::Clock;

/// What is left of a sequence.
pub(super) struct Along<'o, K, V> {
    chunks: &'o [Chunk<K, V>],
    /// The chunk and the place in it that come next; a place behind the last chunk once all is passed.
    chunk: usize,
    place: usize,
    /// What nobody asked for.
    passed: Vec<(&'o K, &'o V)>,
}

impl<'o, K: Ord, V> Along<'o, K, V> {
    pub(super) fn new(chunks: &'o [Chunk<K, V>]) -> Self {
        Self {
            chunks,
            chunk: 0,
            place: 0,
            passed: Vec::new(),
        }
    }

    fn next(&self) -> Option<(&'o K, &'o V)> {
        let (key, value) = self.chunks.get(self.chunk)?.items.get(self.place)?;
        Some((key, value))
    }

    fn step(&mut self) {
        self.place += 1;
        if self.place == self.chunks[self.chunk].items.len() {
            (self.chunk, self.place) = (self.chunk + 1, 0);
        }
    }

    /// What is under this key, which is greater than the one before.
    pub(super) fn get(&mut self, key: &K) -> Option<&'o V> {
        while let Some((their, value)) = self.next() {
            let order = their.cmp(key);
            if order.is_gt() {
                return None;
            }
            self.step();
            if order.is_eq() {
                return Some(value);
            }
            self.passed.push((their, value));
        }
        None
    }

    /// Leaves out all up to a key, or to the end, if all effects about this stretch are known; says whether they are. Whoever asked
    /// before asked for all keys up to where the stretch begins.
    pub(super) fn pass(&mut self, end: Option<&K>, known: &Clock) -> bool {
        // Behind the last key is the stretch of the last chunk.
        let first = self.chunk.min(self.chunks.len().saturating_sub(1));
        for (number, own) in self.chunks.iter().enumerate().skip(first) {
            if !known.dominates(&own.touched) {
                return false;
            }
            let is_within = |key: &K| end.is_none_or(|end| key <= end);
            if own.items.back().is_some_and(|last| is_within(&last.0)) {
                if number + 1 == self.chunks.len() {
                    (self.chunk, self.place) = (number + 1, 0);
                    return true;
                }
                // The end itself, if it is the last key here, ends the stretch as well.
                if own.items.back().is_some_and(|last| end == Some(&last.0)) {
                    (self.chunk, self.place) = (number + 1, 0);
                    return true;
                }
                continue;
            }
            let place = own.items.partition_point(|item| is_within(&item.0));
            // What was passed in this chunk is no more than what is to be.
            (self.chunk, self.place) = (number, place);
            return true;
        }
        // Where there is no chunk, nothing is known.
        false
    }

    /// What nobody asked for.
    pub(super) fn rest(mut self) -> Vec<(&'o K, &'o V)> {
        while let Some(item) = self.next() {
            self.passed.push(item);
            self.step();
        }
        self.passed
    }
}
