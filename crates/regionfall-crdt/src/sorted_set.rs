//! The sorted set: members that are added and updated win over their concurrent removal; a score is written or added to.
//!
//! "Phase 1, membership: OR-Set with add and update wins. Phase 2, score: like a counter." ZADD against ZADD: the last
//! write wins. ZINCRBY against ZINCRBY: increments add up on the common base. ZREM against ZINCRBY: the observed score
//! goes, the unobserved increment stays (Redis Active-Active documentation, data types: sorted sets). Left open, and
//! settled by taking ZADD for an assignment: ZREM against ZADD leaves the score that ZADD wrote; ZADD against ZINCRBY
//! leaves the sum of both.

use std::fmt;
use std::sync::OnceLock;

use crate::cell::Cell;
use crate::cells::Cells;
use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::ranking::Ranking;
use crate::score::Score;
use crate::{Change, Effect, EffectKind, Element, OriginId, Value};

/// What an effect changes in a sorted set.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SortedSetChange {
    /// These members get these scores.
    Set {
        /// Members with their scores.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::scores"))]
        members: Vec<(Element, f64)>,
    },
    /// A score grows.
    Increment {
        /// The member.
        member: Element,
        /// By how much; negative if it shrinks.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::score"))]
        amount: f64,
    },
    /// These members go, as far as observed.
    Remove {
        /// The members.
        members: Vec<Element>,
    },
}

impl SortedSetChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "ZADD",
            Self::Increment { .. } => "ZINCRBY",
            Self::Remove { .. } => "ZREM",
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Set { members } => members.iter().map(|(member, _)| 12 + member.len()).sum(),
            Self::Increment { member, .. } => 12 + member.len(),
            Self::Remove { members } => members.iter().map(|member| 4 + member.len()).sum(),
        }
    }
}

/// The members of a sorted set.
#[derive(Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct SortedSet {
    members: Cells<Element, Score>,
    /// Made when somebody asks.
    #[cfg_attr(feature = "serde", serde(skip))]
    ranking: OnceLock<Ranking>,
}

impl PartialEq for SortedSet {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl fmt::Debug for SortedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.members.fmt(f)
    }
}

/// What is read where there is no sorted set.
static NOTHING: SortedSet = SortedSet {
    members: Cells::new(),
    ranking: OnceLock::new(),
};

impl SortedSet {
    /// Changes a member, and keeps the ranking up if there is one.
    fn change(&mut self, member: &Element, change: impl FnOnce(&mut Cells<Element, Score>)) {
        let Some(ranking) = self.ranking.get_mut() else {
            change(&mut self.members);
            return;
        };
        let before = self.members.get(member).map(score_of);
        change(&mut self.members);
        let after = self.members.get(member).map(score_of);
        if before == after {
            return;
        }
        if let Some(before) = before {
            ranking.remove(before, member);
        }
        if let Some(after) = after {
            ranking.insert(after, member.clone());
        }
    }
}

impl Merge for SortedSet {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::SortedSet(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        match &**change {
            Change::SortedSet(SortedSetChange::Set { members }) => {
                for (member, score) in members {
                    self.change(member, |own| {
                        own.write(member, Score(*score), effect, covered);
                    });
                }
            }
            Change::SortedSet(SortedSetChange::Increment { member, amount }) => {
                self.change(member, |own| {
                    own.add(member, Score(*amount), effect, covered);
                });
            }
            Change::SortedSet(SortedSetChange::Remove { members }) => {
                for member in members {
                    self.change(member, |own| own.remove(member, effect));
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.ranking.take();
        self.members.reset(covered);
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        self.ranking.take();
        self.members.merge(&other.members, counterpart, covered);
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.members.smallest_origin()
    }

    fn value(&self) -> Value<'_> {
        if self.members.is_empty() {
            Value::Absent
        } else {
            Value::SortedSet(SortedSetView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        self.members.has_tombstones()
    }

    fn collect(&mut self, stable: &Clock) {
        self.members.collect(stable);
    }

    fn bytes(&self) -> usize {
        self.members.bytes()
    }

    fn recount(&mut self) {
        self.members.recount();
    }
}

/// The members of a sorted set.
#[derive(Clone, Copy, Debug)]
pub struct SortedSetView<'a>(&'a SortedSet);

impl<'a> SortedSetView<'a> {
    pub(crate) const EMPTY: SortedSetView<'static> = SortedSetView(&NOTHING);

    /// How many.
    pub fn len(self) -> usize {
        self.0.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.members.is_empty()
    }

    /// The score of a member.
    pub fn score(self, member: &Element) -> Option<f64> {
        self.0.members.get(member).map(score_of)
    }

    /// All of them with their scores, in order of their names.
    pub fn iter(self) -> impl Iterator<Item = (&'a Element, f64)> {
        let all = self.0.members.iter();
        all.map(|(member, cell)| (member, score_of(cell)))
    }

    /// All of them with their scores, in order of scores, and of names where scores are equal.
    pub fn ranked(self) -> impl DoubleEndedIterator<Item = (&'a Element, f64)> {
        self.ranking().range(0..usize::MAX)
    }

    pub(crate) fn ranking(self) -> &'a Ranking {
        self.0.ranking.get_or_init(|| {
            let all = self.0.members.all();
            Ranking::new(all.map(|(member, cell)| (member, score_of(cell))))
        })
    }
}

/// Scores are never NaN when written; sums of opposite infinities are, and count as 0 as in single-node Redis.
fn score_of(cell: &Cell<Score>) -> f64 {
    let base = cell.value().map_or(0.0, |score| score.0);
    let score = cell.sum().map_or(base, |sum| base + sum.0);
    if score.is_nan() { 0.0 } else { score }
}
