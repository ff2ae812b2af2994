//! The first record in which two runs differ, shown with what surrounds it on both sides.
//!
//! This compares text; which stretch to compare is found with checkpoints.

use crate::time::SimTime;
use core::fmt;

/// One record of a run as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceRecord {
    /// When it happened.
    pub at: SimTime,
    /// What happened, in one line.
    pub text: String,
}

/// The first record in which two runs differ, with what surrounds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The number of the record, from 0.
    pub index: u64,
    /// When it happened, on the side where it came earlier.
    pub at: SimTime,
    /// How many of the lines on each side come before the difference, and are equal.
    pub context: usize,
    /// The lines of the left run around the difference; it ends early if the run did.
    pub left: Vec<String>,
    /// The lines of the right run around the difference; it ends early if the run did.
    pub right: Vec<String>,
}

impl Difference {
    /// Compares the records of two runs, of which the first is number `first_index`, and shows the first
    /// difference with up to `context` records before and after it. `None` if there is none.
    pub fn between(
        first_index: u64,
        left: &[TraceRecord],
        right: &[TraceRecord],
        context: usize,
    ) -> Option<Self> {
        let common = left
            .iter()
            .zip(right)
            .take_while(|(one, other)| one == other)
            .count();
        let at = match (left.get(common), right.get(common)) {
            (None, None) => return None,
            (Some(only), None) | (None, Some(only)) => only.at,
            (Some(one), Some(other)) => one.at.min(other.at),
        };
        let from = common.saturating_sub(context);
        let lines = |records: &[TraceRecord]| {
            let shown = records.iter().skip(from).take(common - from + 1 + context);
            shown
                .map(|record| format!("{} {}", record.at, record.text))
                .collect()
        };
        Some(Self {
            index: first_index + common as u64,
            at,
            context: common - from,
            left: lines(left),
            right: lines(right),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the runs first differ at record {}, {}",
            self.index, self.at
        )?;
        for line in &self.left[..self.context] {
            writeln!(f, "  {line}")?;
        }
        for (sign, lines) in [('-', &self.left), ('+', &self.right)] {
            if lines.len() == self.context {
                writeln!(f, "{sign} (the run has ended)")?;
            }
            for line in &lines[self.context..] {
                writeln!(f, "{sign} {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_shown_with_context_from_both_sides() {
        let record = |number: u64, text: &str| TraceRecord {
            at: SimTime::from_nanos(number * 1_000_000),
            text: text.to_owned(),
        };
        let left = [
            record(1, "a"),
            record(2, "b"),
            record(3, "c"),
            record(4, "d"),
            record(5, "e"),
        ];
        let mut right = left.clone();
        right[3] = record(3, "x");
        assert_eq!(Difference::between(100, &left, &left, 1), None);
        let shown = Difference::between(100, &left, &right, 1).unwrap();
        let expected = "the runs first differ at record 103, 3ms\n  3ms c\n- 4ms d\n- 5ms e\n+ 3ms x\n+ 5ms e\n";
        assert_eq!(shown.to_string(), expected);
        let ended = Difference::between(0, &left, &left[..2], 0).unwrap();
        assert_eq!(
            ended.to_string(),
            "the runs first differ at record 2, 3ms\n- 3ms c\n+ (the run has ended)\n"
        );
    }
}
