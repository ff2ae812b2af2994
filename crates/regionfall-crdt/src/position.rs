//! Positions in a sequence: where an element stands among all others, told by itself and for ever.
//!
//! A sequence is a tree of runs. A run is what one origin inserted without a break, each element beside the one before; a run
//! begins at the left or right side of an element of another run, or at the root. Read from left to right, the tree is the
//! sequence (much as in Fugue: Weidner, Kleppmann, The Art of the Fugue, 2023). What two origins insert at the same
//! place at the same time stands in two runs one after the other, the smaller origin's first, and runs are not mixed. What is
//! inserted between two elements stands beside the left one, also where the right one is removed meanwhile. Both as the examples of the
//! Redis Active-Active documentation have it (data types: lists, JSON).
//!
//! A position holds its whole path, so that an element needs no other to be there: effects may overtake each other, and
//! nothing is kept of removed elements for the sake of order. Paths do not grow without end: what is pushed at an end of a
//! sequence begins anew at the root, at a rank of its own, where the path would become too long.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::cells::CellKey;
use crate::clock::{Clock, pack, unpack};
use crate::collection::Counterpart;
use crate::sequence::Sequence;
use crate::{Dot, OriginId};

/// Runs in a path beyond which pushes begin at the root.
const DEEPEST: usize = 4;

/// Which side of an element a run begins at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Side {
    Left,
    Right,
}

/// An element of a run, as a step of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Step {
    /// The effect that began the run, in one word.
    run: u64,
    /// Its first element has 0; a run grows to both sides.
    offset: i32,
    /// The precedence, and as the lowest bit the side.
    ///
    /// Of the runs that begin at the right side of an element, those of a higher precedence are nearer to it: they were put
    /// between it and others that were there.
    branch: u32,
}

impl Step {
    fn new(side: Side, precedence: u32, run: Dot, offset: i32) -> Self {
        Self {
            run: pack(run),
            offset,
            branch: precedence << 1 | side as u32,
        }
    }

    fn side(self) -> Side {
        if self.branch & 1 == 0 {
            Side::Left
        } else {
            Side::Right
        }
    }

    fn precedence(self) -> u32 {
        self.branch >> 1
    }

    fn is_of_run(self, run: Dot) -> bool {
        self.run == pack(run)
    }
}

/// What all elements of a run have in common: the path to the element that the run begins at.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Above {
    /// Orders the runs at the root.
    rank: i64,
    steps: Box<[Step]>,
}

/// Where an element stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// `None` for a run at the root of rank 0. Shared by the elements of a run, and never changed.
    above: Option<Arc<Above>>,
    last: Step,
}

impl Position {
    fn of(rank: i64, steps: &[Step], last: Step) -> Self {
        let above = (rank != 0 || !steps.is_empty()).then(|| {
            let steps = steps.into();
            Arc::new(Above { rank, steps })
        });
        Self { above, last }
    }

    fn rank(&self) -> i64 {
        self.above.as_ref().map_or(0, |above| above.rank)
    }

    /// The steps before the last.
    fn steps_above(&self) -> &[Step] {
        self.above.as_ref().map_or(&[], |above| &above.steps)
    }

    /// Steps from the root to the element, at least one.
    fn depth(&self) -> usize {
        self.steps_above().len() + 1
    }

    /// From the root to the element.
    fn steps(&self) -> impl Iterator<Item = &Step> + Clone {
        self.steps_above().iter().chain([&self.last])
    }

    fn step(&self, depth: usize) -> Option<&Step> {
        self.steps().nth(depth)
    }

    /// All that tells it from others.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let steps = self.steps().flat_map(|step| {
            let run = unpack(step.run);
            let place = u64::from(step.offset.cast_unsigned()) << 1 | step.side() as u64;
            let branch = u64::from(run.origin.0) << 32 | u64::from(step.precedence());
            [place, branch, run.sequence]
        });
        std::iter::once(self.rank().cast_unsigned()).chain(steps)
    }

    /// The `count`-th position of the same run to the right.
    #[inline]
    pub(crate) fn plus(&self, count: usize) -> Self {
        let mut next = self.clone();
        next.last.offset += count.cast_signed() as i32;
        next
    }

    /// The `count`-th position of the same run to the left.
    fn minus(&self, count: usize) -> Self {
        let mut next = self.clone();
        next.last.offset -= count.cast_signed() as i32;
        next
    }

    /// The first position of a run at the root, with which a whole sequence begins.
    pub(crate) fn first(run: Dot) -> Self {
        Self::at_root(0, run, 0)
    }

    fn at_root(rank: i64, run: Dot, offset: i32) -> Self {
        Self::of(rank, &[], Step::new(Side::Right, 0, run, offset))
    }

    fn child(&self, side: Side, precedence: u32, run: Dot, offset: i32) -> Self {
        let steps: Vec<Step> = self.steps().copied().collect();
        let last = Step::new(side, precedence, run, offset);
        Self::of(self.rank(), &steps, last)
    }

    /// What a run that begins at the right side of `left` needs to come before this one, which stands further right: the
    /// lowest precedence that does.
    fn precedence_after(&self, left: &Self) -> u32 {
        let above = left.steps_above();
        let Some(own) = self.step(above.len()) else {
            return 0;
        };
        let theirs = left.last;
        if self.rank() != left.rank()
            || !self.steps().take(above.len()).eq(above)
            || (own.branch, own.run) != (theirs.branch, theirs.run)
        {
            return 0;
        }
        match own.offset.cmp(&theirs.offset) {
            Ordering::Equal => {
                let child = self.step(above.len() + 1);
                child.map_or(0, |child| child.precedence() + 1)
            }
            // Further on in the same run.
            Ordering::Greater if theirs.offset >= 0 => 1,
            _ => 0,
        }
    }
}

impl CellKey for Position {
    type Home<V: Clone + PartialEq> = Sequence<Self, V>;

    fn bytes(&self) -> usize {
        4 + 14 * self.depth()
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Position {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let is_beside = match (&self.above, &other.above) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            _ => false,
        };
        if is_beside {
            return siblings(&self.last, &other.last)
                .then(self.last.offset.cmp(&other.last.offset));
        }
        self.cmp_apart(other)
    }
}

impl Position {
    /// The order of two elements of which it is not known that their runs begin at the same element.
    fn cmp_apart(&self, other: &Self) -> Ordering {
        let ranks = self.rank().cmp(&other.rank());
        if ranks.is_ne() {
            return ranks;
        }
        let (own, theirs) = (self.steps_above(), other.steps_above());
        let common = own
            .iter()
            .zip(theirs)
            .take_while(|(own, theirs)| own == theirs);
        let common = common.count();
        compare(
            own[common..].iter().chain([&self.last]),
            theirs[common..].iter().chain([&other.last]),
        )
    }
}

/// The order of runs that begin at the same element.
#[inline]
fn siblings(own: &Step, other: &Step) -> Ordering {
    (own.side().cmp(&other.side()))
        .then(other.branch.cmp(&own.branch))
        .then(own.run.cmp(&other.run))
}

/// The order of two elements below the same element.
fn compare<'a, I: Iterator<Item = &'a Step>>(mut mine: I, mut theirs: I) -> Ordering {
    loop {
        let (own, other) = match (mine.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(other)) => return before_child(other.side()),
            (Some(own), None) => return before_child(own.side()).reverse(),
            (Some(own), Some(other)) => (own, other),
        };
        let siblings = siblings(own, other);
        if siblings.is_ne() {
            return siblings;
        }
        match own.offset.cmp(&other.offset) {
            Ordering::Equal => {}
            Ordering::Less => return compare_in_run(own, mine.next(), other, theirs.next()),
            Ordering::Greater => {
                return compare_in_run(other, theirs.next(), own, mine.next()).reverse();
            }
        }
    }
}

/// An element against a child at that side.
fn before_child(side: Side) -> Ordering {
    match side {
        Side::Left => Ordering::Greater,
        Side::Right => Ordering::Less,
    }
}

/// The order of what stands below two elements of one run, `left` being further left: of what follows in the paths. Along a run
/// each element is the child of the one nearer to the first.
fn compare_in_run(
    left: &Step,
    below_left: Option<&Step>,
    right: &Step,
    below_right: Option<&Step>,
) -> Ordering {
    if left.offset >= 0 {
        // The right one is below the left one's neighbour, which is a right child of the left one.
        return match below_left {
            Some(step) if step.side() == Side::Right && step.precedence() == 0 => {
                step.run.cmp(&left.run)
            }
            _ => Ordering::Less,
        };
    }
    if right.offset <= 0 {
        // The left one is below the right one's neighbour, which is a left child of the right one.
        return match below_right {
            Some(step) if step.side() == Side::Left => right.run.cmp(&step.run),
            _ => Ordering::Less,
        };
    }
    Ordering::Less
}

/// The newest run of an origin in one sequence, and how far it has grown: only its author may let it grow, and never over the
/// place of an element that was there.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Tip {
    /// The newest insertion of the origin.
    newest: Dot,
    run: Dot,
    low: i32,
    high: i32,
}

impl Tip {
    /// Whether the run can grow to the left of this position.
    fn begins_at(&self, position: &Position) -> bool {
        let last = position.last;
        last.is_of_run(self.run) && self.low == last.offset && last.offset <= 0
    }
}

/// The newest runs of each origin, in order of origin.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Tips(Vec<Tip>);

impl Tips {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Where `count` elements go between two neighbours, of which either may be the end of the sequence: the position of the
    /// leftmost. `dot` names the insertion.
    pub(crate) fn between(
        &self,
        left: Option<&Position>,
        right: Option<&Position>,
        count: usize,
        dot: Dot,
    ) -> Position {
        let tip = self.0.iter().find(|tip| tip.run.origin == dot.origin);
        let width = count.cast_signed() as i32;
        match (left, right) {
            (None, None) => Position::first(dot),
            (Some(left), right) => {
                let last = left.last;
                let precedence = right.map_or(0, |right| right.precedence_after(left));
                // What its author goes on putting after the same element grows to the left.
                if precedence > 0
                    && let (Some(tip), Some(right)) = (tip, right)
                    && tip.begins_at(right)
                {
                    return right.minus(count);
                }
                match tip {
                    Some(tip)
                        if precedence == 0
                            && last.is_of_run(tip.run)
                            && tip.high == last.offset
                            && last.offset >= 0 =>
                    {
                        left.plus(1)
                    }
                    _ if right.is_none() && left.depth() >= DEEPEST => {
                        Position::at_root(left.rank() + 1, dot, 0)
                    }
                    _ => left.child(Side::Right, precedence, dot, 0),
                }
            }
            (None, Some(right)) => match tip {
                Some(tip) if tip.begins_at(right) => right.minus(count),
                _ if right.depth() >= DEEPEST => {
                    Position::at_root(right.rank() - 1, dot, 1 - width)
                }
                _ => right.child(Side::Left, 0, dot, 1 - width),
            },
        }
    }

    /// Notes an insertion of `count` elements from `first` on.
    pub(crate) fn note(&mut self, dot: Dot, first: &Position, count: usize) {
        let last = first.last;
        let run = unpack(last.run);
        let (low, high) = (last.offset, last.offset + count.cast_signed() as i32 - 1);
        let place = self.0.partition_point(|tip| tip.run.origin < dot.origin);
        let newest = Tip {
            newest: dot,
            run,
            low,
            high,
        };
        match self.0.get_mut(place) {
            Some(tip) if tip.run.origin == dot.origin => {
                if tip.newest.sequence >= dot.sequence {
                    return;
                }
                if tip.run == run {
                    (tip.low, tip.high) = (tip.low.min(low), tip.high.max(high));
                    tip.newest = dot;
                } else {
                    *tip = newest;
                }
            }
            _ => self.0.insert(place, newest),
        }
    }

    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        let is_ahead = |origin: OriginId| {
            counterpart.own_clock.get(origin) >= counterpart.other_clock.get(origin)
        };
        self.0.retain(|tip| is_ahead(tip.run.origin));
        for tip in &other.0 {
            if !is_ahead(tip.run.origin) {
                self.0.push(tip.clone());
            }
        }
        self.0.sort_by_key(|tip| tip.run.origin);
    }

    /// Forgets the runs that everyone has observed, of a sequence in which nothing is left.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.0.retain(|tip| !stable.covers(tip.newest));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As its rank and its whole path.
#[cfg(feature = "serde")]
mod serial {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Dot, Position, Side, Step, unpack};

    #[derive(Serialize, Deserialize)]
    #[serde(rename = "Position")]
    struct Written {
        rank: i64,
        #[serde(deserialize_with = "crate::serial::some")]
        steps: Box<[WrittenStep]>,
    }

    #[derive(Clone, Copy, Serialize, Deserialize)]
    #[serde(rename = "Step")]
    struct WrittenStep {
        side: Side,
        precedence: u32,
        run: Dot,
        offset: i32,
    }

    impl Serialize for Position {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let steps = self.steps().map(|step| WrittenStep {
                side: step.side(),
                precedence: step.precedence(),
                run: unpack(step.run),
                offset: step.offset,
            });
            let (rank, steps) = (self.rank(), steps.collect());
            Written { rank, steps }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Position {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let Written { rank, steps } = Written::deserialize(deserializer)?;
            let mut steps = steps.iter().map(|&step| {
                let WrittenStep {
                    side,
                    precedence,
                    run,
                    offset,
                } = step;
                Step::new(side, precedence, run, offset)
            });
            // There is at least one.
            let last = steps.next_back();
            let above: Vec<Step> = steps.collect();
            last.map(|last| Self::of(rank, &above, last))
                .ok_or_else(|| serde::de::Error::custom("a position without steps"))
        }
    }
}
