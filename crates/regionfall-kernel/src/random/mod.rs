//! Randomness: the seed of a run, and what grows from it.
//!
//! Three kinds of draw come from one [`Seed`], and none of them can shift another:
//!
//! - a *stream* ([`Seed::stream`]) is a named sequence, for what is drawn in a fixed order, such as
//!   building a world or generating a fault plan;
//! - an *addressed* draw ([`Seed::addressed`]) is a pure function of (seed, name, address), for what
//!   happens to one message: two runs that send different probes still give operation 7 its delay;
//! - *weather* ([`TwoState`], [`Drift`]) is a pure function of (seed, path, time).
//!
//! This is not a source of entropy: nothing here can be made without naming a seed.

mod addressed;
mod stream;
mod weather;

pub use addressed::{Address, Addressed, unit_from_bits};
pub use stream::{below, exponential, shuffle, uniform};
pub use weather::{Drift, TwoState};

use core::fmt;
use rand_chacha::ChaCha8Rng;

/// The number from which every random choice of a run grows.
///
/// There is no default: a forgotten seed must not turn into a run that nobody can repeat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seed(u64);

impl Seed {
    /// Every number is a seed, and no two give related runs.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number this seed was made of.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sequential stream called `name`; the same as [`Seed::stream_indexed`] with index 0.
    ///
    /// The derivation is stable: the same seed and name give the same words in every later version.
    pub fn stream(self, name: &str) -> ChaCha8Rng {
        stream::sequential(self, name, 0)
    }

    /// One of many sequential streams that share a name, for instance one per client.
    pub fn stream_indexed(self, name: &str, index: u64) -> ChaCha8Rng {
        stream::sequential(self, name, index)
    }

    /// The addressed generator called `name`: draws that depend on an [`Address`] and on nothing that
    /// was drawn before. The same as [`Seed::addressed_indexed`] with index 0.
    pub fn addressed(self, name: &str) -> Addressed {
        self.addressed_indexed(name, 0)
    }

    /// One of many addressed generators that share a name, for instance one per path.
    pub fn addressed_indexed(self, name: &str, index: u64) -> Addressed {
        Addressed::keyed(stream::addressed_key(self, name, index))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
