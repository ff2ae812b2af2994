//! Ties: in which order events of one instant leave.
//!
//! Every event gets a number that no other has, and the smaller number of an instant leaves first. The number
//! is the count of events so far, or a seeded one-to-one scrambling of it.

use super::pending::TIE_BITS;
use crate::random::Seed;
use rand_core::Rng;

/// The order in which events with equal times leave the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TieBreak {
    /// In the order in which they were added.
    InsertionOrder,
    /// In an order that the seed fixes and that looks arbitrary, so that many seeds explore many orders
    /// (swarm testing) and each can be repeated. Events of one lane keep their order.
    Permuted(Seed),
}

/// The source of tie numbers.
#[derive(Clone, Debug)]
pub(super) struct Ties {
    count: u64,
    scramble: Option<Scramble>,
}

/// A one-to-one map of the tie numbers: additions, odd multiplications and exclusive-or shifts can each
/// be undone, so their composition meets no number twice.
#[derive(Clone, Copy, Debug)]
struct Scramble {
    offset: u64,
    first: u64,
    second: u64,
}

const MASK: u64 = (1 << TIE_BITS) - 1;

impl Ties {
    pub(super) fn new(ties: TieBreak) -> Self {
        let scramble = match ties {
            TieBreak::InsertionOrder => None,
            TieBreak::Permuted(seed) => {
                let mut words = seed.stream("regionfall kernel tie order");
                Some(Scramble {
                    offset: words.next_u64(),
                    first: words.next_u64() | 1,
                    second: words.next_u64() | 1,
                })
            }
        };
        Self { count: 0, scramble }
    }

    /// The tie number of the next event.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let count = self.count;
        assert!(count < MASK, "a queue takes at most 2^40 events");
        self.count += 1;
        match self.scramble {
            None => count,
            Some(scramble) => scramble.apply(count),
        }
    }
}

impl Scramble {
    #[inline]
    fn apply(self, count: u64) -> u64 {
        const HALF: u32 = TIE_BITS / 2;
        let x = count.wrapping_add(self.offset) & MASK;
        let x = (x ^ (x >> HALF)).wrapping_mul(self.first) & MASK;
        let x = (x ^ (x >> HALF)).wrapping_mul(self.second) & MASK;
        x ^ (x >> HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permuted_numbers_are_distinct_and_out_of_order() {
        let mut ties = Ties::new(TieBreak::Permuted(Seed::new(1)));
        let numbers: Vec<_> = (0..10_000).map(|_| ties.next()).collect();
        let rising = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!(rising.abs_diff(5_000) < 500, "{rising}");
        let mut sorted = numbers;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(sorted.iter().all(|number| *number <= MASK));
    }

    #[test]
    fn every_order_of_three_occurs_among_seeds() {
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let mut ties = Ties::new(TieBreak::Permuted(Seed::new(seed)));
            let mut numbers = [0, 1, 2].map(|which| (ties.next(), which));
            numbers.sort_unstable();
            orders.insert(numbers.map(|(_, which)| which));
        }
        assert_eq!(orders.len(), 6);
    }
}
