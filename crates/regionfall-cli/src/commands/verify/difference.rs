//! Where two runs that should be equal part: from checkpoints to a stretch, from the stretch to the
//! first record that differs.

use std::ops::Range;

use regionfall::scenario::Scenario;
use regionfall_kernel::{Checkpoints, Difference, TraceRecord, first_difference};

use crate::error::CommandError;
use crate::fingerprint::{Fingerprint, PlannedRun};

/// Records that are shown before and after the difference.
const CONTEXT: usize = 5;
/// What is not deterministic need not show each time.
const ATTEMPTS: usize = 3;

/// A run that can be made again, here or elsewhere.
pub(super) trait Side {
    /// Makes the run and keeps its checkpoints.
    fn checkpoints(&self) -> Result<Checkpoints, CommandError>;

    /// Makes the run and keeps these records of it.
    fn records(&self, window: Range<u64>) -> Result<Vec<TraceRecord>, CommandError>;
}

/// A run in this process.
pub(super) struct Here<'s> {
    pub(super) run: PlannedRun<'s>,
    pub(super) scenario: &'s Scenario,
}

impl Side for Here<'_> {
    fn checkpoints(&self) -> Result<Checkpoints, CommandError> {
        self.run.checkpoints(self.scenario)
    }

    fn records(&self, window: Range<u64>) -> Result<Vec<TraceRecord>, CommandError> {
        self.run.records(self.scenario, window)
    }
}

/// Describes how two runs differ, with what was seen of each before.
pub(super) fn describe(
    left: (&Fingerprint, &dyn Side),
    right: (&Fingerprint, &dyn Side),
) -> Result<String, CommandError> {
    let mut stretch = None;
    for _ in 0..ATTEMPTS {
        let checkpoints = (left.1.checkpoints()?, right.1.checkpoints()?);
        let Some(window) = first_difference(&checkpoints.0, &checkpoints.1) else {
            continue;
        };
        // With what comes before, so that the context is there if the first record differs.
        let begin = window.start.saturating_sub(CONTEXT as u64);
        let wider = begin..window.end + CONTEXT as u64;
        let records = (left.1.records(wider.clone())?, right.1.records(wider)?);
        if let Some(difference) = Difference::between(begin, &records.0, &records.1, CONTEXT) {
            return Ok(difference.to_string());
        }
        stretch = Some(window);
    }
    if let Some(window) = stretch {
        return Ok(format!(
            "the runs part between records {} and {}, which showed no difference when they were made again\n",
            window.start, window.end
        ));
    }
    let metrics = left.0.differing(right.0);
    if metrics.is_empty() {
        return Ok(format!(
            "the trace hashes are {:016x} and {:016x}; made again {ATTEMPTS} times, the records were equal\n",
            left.0.trace_hash, right.0.trace_hash
        ));
    }
    let lines = metrics
        .iter()
        .map(|(column, one, other)| format!("  {column}: {one} and {other}\n"));
    Ok(format!(
        "the same things happened, and the metrics differ:\n{}",
        lines.collect::<String>()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use regionfall_kernel::{SimTime, TraceHash};

    /// A run of a thousand records, of which one may be another.
    struct Made(Option<u64>);

    impl Made {
        fn text(&self, record: u64) -> String {
            let word = if self.0 == Some(record) {
                "another"
            } else {
                "record"
            };
            format!("{word} {record}")
        }
    }

    impl Side for Made {
        fn checkpoints(&self) -> Result<Checkpoints, CommandError> {
            let (mut checkpoints, mut hash) = (Checkpoints::new(64), TraceHash::new());
            for record in 0..1_000 {
                hash.absorb_str(&self.text(record));
                if record + 1 == checkpoints.due() {
                    checkpoints.keep(record + 1, SimTime::from_nanos(record), &hash);
                }
            }
            checkpoints.close(1_000, SimTime::from_nanos(999), &hash);
            Ok(checkpoints)
        }

        fn records(&self, window: Range<u64>) -> Result<Vec<TraceRecord>, CommandError> {
            let records = window.map(|record| TraceRecord {
                at: SimTime::from_nanos(record),
                text: self.text(record),
            });
            Ok(records.collect())
        }
    }

    fn fingerprint(line: &str) -> Fingerprint {
        Fingerprint::from_line(line).unwrap()
    }

    fn described(left: &Made, right: &Made, metrics: [&str; 2]) -> String {
        let [one, other] = metrics.map(fingerprint);
        describe((&one, left), (&other, right)).unwrap()
    }

    #[test]
    fn the_first_differing_record_is_shown_with_its_surroundings() {
        let text = described(&Made(None), &Made(Some(700)), ["01\t1", "02\t1"]);
        assert!(
            text.starts_with("the runs first differ at record 700"),
            "{text}"
        );
        assert!(
            text.contains("- 0.0007ms record 700") || text.contains("record 700\n"),
            "{text}"
        );
        assert!(
            text.contains("another 700") && text.contains("record 695"),
            "{text}"
        );
        assert!(!text.contains("record 694"), "{text}");
    }

    #[test]
    fn what_differs_after_the_trace_is_found_in_the_metrics() {
        let text = described(&Made(None), &Made(None), ["01\t1.5", "02\t2.5"]);
        assert!(
            text.contains("the metrics differ") && text.contains("1.5 and 2.5"),
            "{text}"
        );
        let text = described(&Made(None), &Made(None), ["01\t1.5", "02\t1.5"]);
        assert!(text.contains("the records were equal"), "{text}");
    }
}
