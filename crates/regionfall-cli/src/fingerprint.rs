//! What is compared when a run is made again, and how it crosses from one process to another.

use std::ops::Range;

use regionfall::metric::RUN_COLUMNS;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, seeds};
use regionfall_kernel::{Checkpoint, Checkpoints, Seed, SimTime, TraceRecord};

use crate::error::CommandError;
use crate::selection::{Cell, cells};

/// A run that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedRun<'s> {
    /// Variant, strategy and case.
    pub(crate) cell: Cell<'s>,
    /// The seed.
    pub(crate) seed: Seed,
}

/// Every variant, strategy, case and seed, in this order.
pub(crate) fn plan(scenario: &Scenario, seed_count: u32) -> Vec<PlannedRun<'_>> {
    let cells = cells(scenario);
    let runs = cells
        .iter()
        .flat_map(|cell| seeds(seed_count).map(|seed| PlannedRun { cell: *cell, seed }));
    runs.collect()
}

impl<'s> PlannedRun<'s> {
    /// Makes the run and keeps what is compared.
    pub(crate) fn fingerprint(&self, scenario: &'s Scenario) -> Result<Fingerprint, CommandError> {
        Ok(Fingerprint::of(&self.cell.run(scenario, self.seed)?))
    }

    /// Makes the run and keeps its checkpoints.
    pub(crate) fn checkpoints(&self, scenario: &'s Scenario) -> Result<Checkpoints, CommandError> {
        Ok(self.cell.run(scenario, self.seed)?.checkpoints().clone())
    }

    /// Makes the run and keeps these records of it.
    pub(crate) fn records(
        &self,
        scenario: &'s Scenario,
        window: Range<u64>,
    ) -> Result<Vec<TraceRecord>, CommandError> {
        let simulation = self
            .cell
            .simulation(scenario, self.seed)?
            .keep_records(window);
        Ok(simulation.run()?.records().to_vec())
    }
}

/// What two runs must agree in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fingerprint {
    /// The hash over everything that happened, what held, and every metric.
    pub(crate) trace_hash: u64,
    /// The metrics, in the order of the columns.
    metrics: Vec<String>,
}

impl Fingerprint {
    fn of(outcome: &Outcome) -> Self {
        let metrics = outcome
            .metrics()
            .values()
            .iter()
            .map(ToString::to_string)
            .collect();
        Self {
            trace_hash: outcome.trace_hash().finish(),
            metrics,
        }
    }

    /// The fingerprint in one line.
    pub(crate) fn to_line(&self) -> String {
        format!("{:016x}\t{}", self.trace_hash, self.metrics.join("\t"))
    }

    /// The fingerprint in a line, if it is one.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let (hash, metrics) = line.split_once('\t')?;
        let trace_hash = u64::from_str_radix(hash, 16).ok()?;
        Some(Self {
            trace_hash,
            metrics: metrics.split('\t').map(str::to_owned).collect(),
        })
    }

    /// The metrics in which two differ, with both values.
    pub(crate) fn differing<'a>(
        &'a self,
        other: &'a Self,
    ) -> Vec<(&'static str, &'a str, &'a str)> {
        let pairs = self.metrics.iter().zip(&other.metrics).zip(RUN_COLUMNS);
        pairs
            .filter(|((one, other), _)| one != other)
            .map(|((one, other), column)| (column.name, one.as_str(), other.as_str()))
            .collect()
    }
}

/// Checkpoints as lines: records, moment in nanoseconds, hash.
pub(crate) fn checkpoints_to_lines(checkpoints: &Checkpoints) -> String {
    let lines = checkpoints
        .iter()
        .map(|Checkpoint { records, at, hash }| format!("{records}\t{}\t{hash}\n", at.as_nanos()));
    lines.collect()
}

/// Checkpoints from their lines; `None` if they are none.
pub(crate) fn checkpoints_from_lines(text: &str) -> Option<Checkpoints> {
    let checkpoint = |line: &str| {
        let numbers: Option<Vec<u64>> =
            line.split('\t').map(|number| number.parse().ok()).collect();
        let [records, nanos, hash] = numbers?[..] else {
            return None;
        };
        Some(Checkpoint {
            records,
            at: SimTime::from_nanos(nanos),
            hash,
        })
    };
    text.lines().map(checkpoint).collect()
}

/// Records as lines: moment in nanoseconds, text.
pub(crate) fn records_to_lines(records: &[TraceRecord]) -> String {
    let lines = records
        .iter()
        .map(|record| format!("{}\t{}\n", record.at.as_nanos(), record.text));
    lines.collect()
}

/// Records from their lines; `None` if they are none.
pub(crate) fn records_from_lines(text: &str) -> Option<Vec<TraceRecord>> {
    let record = |line: &str| {
        let (nanos, text) = line.split_once('\t')?;
        Some(TraceRecord {
            at: SimTime::from_nanos(nanos.parse().ok()?),
            text: text.to_owned(),
        })
    };
    text.lines().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use regionfall_kernel::TraceHash;

    #[test]
    fn what_crosses_is_what_arrives() {
        let fingerprint = Fingerprint {
            trace_hash: 255,
            metrics: vec!["1.5".to_owned(), String::new(), "heal".to_owned()],
        };
        assert_eq!(
            Fingerprint::from_line(&fingerprint.to_line()),
            Some(fingerprint)
        );
        assert_eq!(Fingerprint::from_line("no hash"), None);

        let mut checkpoints = Checkpoints::new(2);
        let mut hash = TraceHash::new();
        for record in 0..5 {
            hash.absorb(record);
            if record + 1 == checkpoints.due() {
                checkpoints.keep(record + 1, SimTime::from_nanos(record), &hash);
            }
        }
        checkpoints.close(5, SimTime::from_nanos(4), &hash);
        let arrived = checkpoints_from_lines(&checkpoints_to_lines(&checkpoints)).unwrap();
        assert!(arrived.iter().eq(checkpoints.iter()));
        assert_eq!(
            regionfall_kernel::first_difference(&arrived, &checkpoints),
            None
        );

        let records = vec![TraceRecord {
            at: SimTime::from_nanos(7),
            text: "Fact { a: 1 }".to_owned(),
        }];
        assert_eq!(
            records_from_lines(&records_to_lines(&records)),
            Some(records)
        );
        assert_eq!(records_from_lines("x"), None);
    }

    #[test]
    fn differing_metrics_are_named() {
        let with = |value: &str| Fingerprint {
            trace_hash: 0,
            metrics: vec![value.to_owned(), "1".to_owned()],
        };
        assert_eq!(
            with("3").differing(&with("4")),
            [(RUN_COLUMNS[0].name, "3", "4")]
        );
        assert_eq!(with("3").differing(&with("3")), []);
    }
}
