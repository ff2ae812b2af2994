//! References: what the real thing did, for `regionfall fidelity` to compare runs with.

use core::fmt;

use crate::history::{MomentKind, Rank};
use crate::metric::{Column, Unit};
use crate::topology::KeyspaceId;

/// The ranks that a moment may have, by the word before its parenthesis.
pub(super) const RANKS: [(&str, Rank); 4] = [
    ("first", Rank::Nth(0)),
    ("second", Rank::Nth(1)),
    ("third", Rank::Nth(2)),
    ("last", Rank::Last),
];

/// A measured figure of one variant, strategy and case.
#[derive(Clone, PartialEq, Debug)]
pub struct Reference {
    /// The position of the variant in the scenario.
    pub variant: usize,
    /// The position of the strategy in the variant.
    pub strategy: usize,
    /// The position of the case in the variant.
    pub case: usize,
    /// Which figure.
    pub metric: Metric,
    /// What was measured, in the unit of the figure.
    pub measured: Measured,
    /// A prediction may be off by as much as any of these allows.
    pub tolerances: Vec<Tolerance>,
    /// Where the measurement is from.
    pub source: String,
}

/// A figure of a run that can be measured on the real thing too.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Metric {
    /// A column of `runs.csv`.
    Column(&'static Column),
    /// A count of writes of one keyspace.
    OfKeyspace(&'static Column, KeyspaceId),
    /// The moment of a fact.
    Moment {
        /// Of which kind.
        kind: &'static MomentKind,
        /// Of which subject.
        rank: Rank,
        /// When the clock starts.
        since: Since,
    },
}

/// When the clock of a moment starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// At the beginning of the first fault that touched anything.
    Fault,
    /// When the last fault that touched anything ends.
    Heal,
}

/// What was measured; +∞ is "did not happen as long as it was watched".
#[derive(Clone, PartialEq, Debug)]
pub enum Measured {
    /// A value for each repetition, in ascending order; at least one.
    Samples(Vec<f64>),
    /// Only a quantile is known.
    Quantile {
        /// Its order, in 0..1.
        order: f64,
        /// Its value.
        value: f64,
        /// How many repetitions it summarises, if that is known.
        repetitions: Option<u32>,
    },
}

/// How far a prediction may be off.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tolerance {
    /// By this share of the measured value.
    Share(f64),
    /// By so much, in the unit of the figure.
    By(f64),
}

impl Metric {
    /// What it counts in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Column(column) | Self::OfKeyspace(column, _) => column.unit,
            Self::Moment { .. } => Unit::Milliseconds,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) | Self::OfKeyspace(column, _) => f.write_str(column.name),
            Self::Moment { kind, rank, since } => {
                let name = RANKS.iter().find(|(_, known)| known == rank);
                let rank = name.map_or("first", |(name, _)| name);
                write!(f, "{rank}({})", kind.name)?;
                match since {
                    Since::Fault => Ok(()),
                    Since::Heal => f.write_str(" since the heal"),
                }
            }
        }
    }
}

impl Tolerance {
    /// What is tolerated where a reference says nothing: 10 % or 150 ms of times, 10 % or 2 of counts,
    /// 10 % of anything else. (assumed: the noise of measuring on a shared machine)
    pub fn usual(unit: Unit) -> Vec<Self> {
        let share = Self::Share(0.1);
        match unit {
            Unit::Milliseconds => vec![share, Self::By(150.0)],
            Unit::Writes | Unit::Reads | Unit::Servers | Unit::Count => vec![share, Self::By(2.0)],
            Unit::Share | Unit::Bytes | Unit::Word => vec![share],
        }
    }

    /// Whether a prediction lies within.
    pub fn allows(self, predicted: f64, measured: f64) -> bool {
        if predicted.is_infinite() || measured.is_infinite() {
            // Never is near to never only.
            return predicted.is_infinite() && measured.is_infinite();
        }
        let off = (predicted - measured).abs();
        match self {
            Self::Share(share) => off <= share * measured.abs(),
            Self::By(amount) => off <= amount,
        }
    }
}
