//! Checkpoints of the hash of a run, and the stretch in which two runs first differ.
//!
//! What the differing record says is not kept here: it takes a second run to see.

use super::hash::TraceHash;
use crate::time::SimTime;
use core::cmp::Ordering;
use core::ops::Range;

/// The hash after a number of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// How many records the hash covers.
    pub records: u64,
    /// When the last of them happened.
    pub at: SimTime,
    /// The hash of all of them.
    pub hash: u64,
}

/// The checkpoints of one run: one every so many records, and one for the last.
///
/// Memory is bounded: when there are 4,096, every other one is forgotten and the distance doubles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoints {
    every: u64,
    due: u64,
    kept: Vec<Checkpoint>,
    latest: Checkpoint,
}

const CHECKPOINTS_MAX: usize = 4_096;

impl Checkpoints {
    /// Keeps one checkpoint for each `every` records.
    ///
    /// # Panics
    ///
    /// If `every` is zero.
    pub const fn new(every: u64) -> Self {
        assert!(every > 0, "checkpoints need a distance");
        let nothing = Checkpoint {
            records: 0,
            at: SimTime::ZERO,
            hash: TraceHash::new().finish(),
        };
        Self {
            every,
            due: every,
            kept: Vec::new(),
            latest: nothing,
        }
    }

    /// After how many records the next checkpoint is to be kept.
    #[inline]
    pub const fn due(&self) -> u64 {
        self.due
    }

    /// Keeps a checkpoint: `records` records, the last of which happened at `at`, were absorbed into `trace`.
    ///
    /// # Panics
    ///
    /// If it is not due.
    pub fn keep(&mut self, records: u64, at: SimTime, trace: &TraceHash) {
        assert_eq!(records, self.due, "checkpoints are kept when they are due");
        if self.kept.len() == CHECKPOINTS_MAX {
            self.every *= 2;
            let every = self.every;
            self.kept
                .retain(|checkpoint| checkpoint.records.is_multiple_of(every));
        }
        if records.is_multiple_of(self.every) {
            let hash = trace.finish();
            self.kept.push(Checkpoint { records, at, hash });
        }
        self.due = records - records % self.every + self.every;
    }

    /// Notes the hash of the whole run.
    pub fn close(&mut self, records: u64, at: SimTime, trace: &TraceHash) {
        let hash = trace.finish();
        self.latest = Checkpoint { records, at, hash };
    }

    /// How many records the closed run has.
    pub const fn records(&self) -> u64 {
        self.latest.records
    }

    /// The checkpoints kept, in order, and then the state at [`Checkpoints::close`].
    pub fn iter(&self) -> impl Iterator<Item = Checkpoint> {
        let is_apart = self
            .kept
            .last()
            .is_none_or(|last| last.records < self.latest.records);
        self.kept
            .iter()
            .copied()
            .chain(is_apart.then_some(self.latest))
    }
}

impl FromIterator<Checkpoint> for Checkpoints {
    /// The checkpoints of a closed run, in order, as [`Checkpoints::iter`] gave them: those that another
    /// process kept, say.
    fn from_iter<I: IntoIterator<Item = Checkpoint>>(kept: I) -> Self {
        let mut checkpoints = Self::new(1);
        checkpoints.kept.extend(kept);
        if let Some(&latest) = checkpoints.kept.last() {
            checkpoints.latest = latest;
        }
        checkpoints
    }
}

/// The range of records in which two closed runs first differ: all records before it are equal, and one
/// in it is not (or is missing from one side). `None` if the runs are equal.
///
/// Records are numbered from 0. The runs may have kept different distances. What was absorbed after the
/// last record counts as part of it, or as one more record if a checkpoint was kept in between.
pub fn first_difference(left: &Checkpoints, right: &Checkpoints) -> Option<Range<u64>> {
    let mut equal_until = 0;
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(one), Some(other)) = (lefts.peek(), rights.peek()) {
        match one.records.cmp(&other.records) {
            Ordering::Less => lefts.next(),
            Ordering::Greater => rights.next(),
            Ordering::Equal if one == other => {
                equal_until = one.records;
                lefts.next();
                rights.next()
            }
            Ordering::Equal => return Some(equal_until..one.records),
        };
    }
    let longer = left.records().max(right.records());
    if equal_until < longer {
        return Some(equal_until..longer);
    }
    (left.latest.hash != right.latest.hash).then_some(longer..longer + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of `count` records of which one, if any, is changed.
    fn run(every: u64, count: u64, changed: Option<u64>) -> Checkpoints {
        let (mut trace, mut checkpoints) = (TraceHash::new(), Checkpoints::new(every));
        for record in 0..count {
            trace.absorb(record + u64::from(changed == Some(record)) * 1_000_000);
            if record + 1 == checkpoints.due() {
                checkpoints.keep(record + 1, SimTime::from_nanos(record), &trace);
            }
        }
        checkpoints.close(count, SimTime::from_nanos(count - 1), &trace);
        checkpoints
    }

    #[test]
    fn the_first_difference_is_narrowed_to_one_stretch() {
        let reference = run(10, 105, None);
        assert_eq!(first_difference(&reference, &run(10, 105, None)), None);
        assert_eq!(
            first_difference(&reference, &run(10, 105, Some(0))),
            Some(0..10)
        );
        assert_eq!(
            first_difference(&reference, &run(10, 105, Some(37))),
            Some(30..40)
        );
        assert_eq!(
            first_difference(&reference, &run(10, 105, Some(40))),
            Some(40..50)
        );
        assert_eq!(
            first_difference(&reference, &run(10, 105, Some(103))),
            Some(100..105)
        );
        assert_eq!(
            first_difference(&reference, &run(10, 103, None)),
            Some(100..105)
        );
        assert_eq!(
            first_difference(&reference, &run(20, 105, Some(37))),
            Some(20..40)
        );
        for (count, range) in [(105, 100..105), (110, 110..111)] {
            let mut closed_otherwise = run(10, count, None);
            closed_otherwise.latest.hash ^= 1;
            assert_eq!(
                first_difference(&run(10, count, None), &closed_otherwise),
                Some(range)
            );
        }
    }

    #[test]
    fn checkpoints_that_crossed_over_compare_as_before() {
        for count in [100, 105] {
            let there: Checkpoints = run(10, count, Some(37)).iter().collect();
            assert_eq!(first_difference(&there, &run(10, count, Some(37))), None);
            assert_eq!(
                first_difference(&there, &run(10, count, None)),
                Some(30..40)
            );
        }
    }

    #[test]
    fn checkpoints_stay_few_and_comparable() {
        let (long, other) = (run(1, 50_000, None), run(1, 50_000, Some(44_444)));
        assert!(long.iter().count() <= CHECKPOINTS_MAX + 1);
        let range = first_difference(&long, &other).unwrap();
        assert!(
            range.contains(&44_444) && range.end - range.start <= 32,
            "{range:?}"
        );
        assert!(
            first_difference(&long, &run(16, 50_000, Some(44_444)))
                .unwrap()
                .contains(&44_444)
        );
    }
}
