//! Counter and register by themselves, without keys, commands and replies: for whoever measures them beside other libraries.
//!
//! What each does is what it does under a key; only the clock of a whole replica is not there, so that each keeps one of its own.

use crate::clock::Clock;
use crate::counter;
use crate::register;
use crate::{Content, Dot, OriginId, Timestamp};

/// A counter that nobody resets.
#[derive(Clone, Default, Debug)]
pub struct Counter(counter::Counter);

impl Counter {
    /// Adds to the counter for `origin`; says what to send.
    #[inline]
    pub fn increase(&mut self, origin: OriginId, amount: i64) -> (Dot, i64) {
        let dot = Dot::new(origin, self.0.newest(origin) + 1);
        self.apply(dot, amount);
        (dot, amount)
    }

    /// Takes in what another sent, in the order of its origin; what comes again is left.
    #[inline]
    pub fn apply(&mut self, dot: Dot, amount: i64) {
        if self.0.newest(dot.origin) < dot.sequence && !self.0.add_again(dot, amount) {
            self.0.add(dot, amount);
        }
    }

    /// The sum.
    #[inline]
    pub fn value(&self) -> i64 {
        self.0.whole_sum()
    }

    /// Takes in all that another holds.
    pub fn merge(&mut self, other: &Self) {
        let nothing = Clock::new();
        self.0.merge(&other.0, &nothing, &nothing);
    }
}

/// A last-writer-wins register that knows causes.
#[derive(Clone, Default, Debug)]
pub struct Register {
    /// What the visible writes had observed.
    covered: Clock,
    register: register::Register,
}

/// A write of a [`Register`], as it is sent.
#[derive(Clone, Debug)]
pub struct Write {
    dot: Dot,
    at: Timestamp,
    context: Clock,
    content: Content,
}

impl Register {
    /// Writes for `origin`; says what to send.
    #[inline]
    pub fn write(&mut self, content: Content, at: Timestamp, origin: OriginId) -> Write {
        let mut seen = self.covered.clone();
        self.register.observe(&mut seen);
        let write = Write {
            dot: seen.next(origin),
            at,
            context: seen,
            content,
        };
        self.apply(&write);
        write
    }

    /// Takes in what another sent, in the order of its origin.
    #[inline]
    pub fn apply(&mut self, write: &Write) {
        self.covered.join(&write.context);
        self.register
            .overwrite(write.dot, write.at, &write.content, &self.covered);
    }

    /// What shows.
    #[inline]
    pub fn content(&self) -> Option<&Content> {
        self.register.content()
    }

    /// Takes in all that another holds.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        // The visible writes tell what they had observed, and a single one is told by its name.
        if !self.register.is_same_single(&other.register) {
            self.covered.join(&other.covered);
            self.register.unite(&other.register, &self.covered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_adds_up_what_all_sent_and_nothing_twice() {
        let (mut east, mut west) = (Counter::default(), Counter::default());
        let (dot, amount) = east.increase(OriginId(0), 5);
        west.increase(OriginId(1), -2);
        west.apply(dot, amount);
        west.apply(dot, amount);
        assert_eq!(west.value(), 3);
        east.merge(&west);
        east.merge(&west);
        assert_eq!(east.value(), 3);
    }

    #[test]
    fn a_register_shows_the_latest_of_those_that_nobody_had_observed() {
        let (mut east, mut west) = (Register::default(), Register::default());
        let first = east.write("a".into(), Timestamp(9), OriginId(0));
        let crossing = west.write("b".into(), Timestamp(8), OriginId(1));
        west.apply(&first);
        assert_eq!(west.content(), Some(&"a".into()));
        // It had observed both, whatever the time.
        let last = west.write("c".into(), Timestamp(1), OriginId(1));
        east.apply(&crossing);
        let mut by_merging = east.clone();
        by_merging.merge(&west);
        east.apply(&last);
        for all in [&east, &by_merging] {
            assert_eq!(all.content(), Some(&"c".into()));
        }
    }
}
