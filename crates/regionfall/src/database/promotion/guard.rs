//! `min-replicas-to-write`: a primary that refuses writes while too few replicas are known to be there; and what
//! a primary knows of how far its replicas are, which WAIT asks for as well.
//!
//! Rules as in replication.c of Redis 7.0 (Redis docs, *Replication*): a replica reports its offset once a second,
//! and at once when asked; the primary counts once a second the replicas whose last report is no older than
//! `min-replicas-max-lag`, in whole seconds of its clock; between two counts the last one holds.

use regionfall_kernel::SimDuration;

use crate::topology::{LocalTime, NodeId};

/// The settings `min-replicas-to-write` and `min-replicas-max-lag`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriteGuard {
    /// Replicas that must be there; 0 switches the guard off.
    pub replicas: u8,
    /// The oldest report that counts, in whole seconds; 0 switches the guard off.
    pub max_lag: u32,
}

impl WriteGuard {
    /// Whether it refuses anything at all.
    pub const fn is_on(self) -> bool {
        self.replicas > 0 && self.max_lag > 0
    }
}

/// What a primary knows of its replicas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reports {
    replicas: Vec<Report>,
    /// Replicas there at the last count.
    good: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Report {
    node: NodeId,
    offset: u64,
    /// How much of it the replica has forced to disk.
    durable: u64,
    at: LocalTime,
}

/// Between two reports of a replica, and between two counts of a primary.
pub const REPORT_PERIOD: SimDuration = SimDuration::from_secs(1);

impl Reports {
    /// A replica is there: it was given what it lacked, and the stream begins. That counts as a report.
    pub fn attached(&mut self, node: NodeId, offset: u64, now: LocalTime) {
        self.detached(node);
        self.replicas.push(Report {
            node,
            offset,
            durable: 0,
            at: now,
        });
        self.replicas.sort_by_key(|report| report.node);
    }

    /// A replica's connection broke.
    pub fn detached(&mut self, node: NodeId) {
        self.replicas.retain(|report| report.node != node);
    }

    /// A replica reported how far it is, in memory and on disk. Offsets never go back on one connection.
    pub fn acknowledged(&mut self, node: NodeId, (offset, durable): (u64, u64), now: LocalTime) {
        let known = self.replicas.iter_mut().find(|report| report.node == node);
        if let Some(report) = known {
            report.offset = report.offset.max(offset);
            report.durable = report.durable.max(durable);
            report.at = now;
        }
    }

    /// How many replicas reported to have everything up to `offset`.
    pub fn covering(&self, offset: u64) -> u8 {
        let covers = |report: &&Report| report.offset >= offset;
        self.replicas.iter().filter(covers).count() as u8
    }

    /// How many replicas reported to have everything up to `offset` on disk.
    pub fn covering_on_disk(&self, offset: u64) -> u8 {
        let covers = |report: &&Report| report.durable >= offset;
        self.replicas.iter().filter(covers).count() as u8
    }

    /// The count of once a second.
    pub fn count(&mut self, guard: WriteGuard, now: LocalTime) {
        let second = |at: LocalTime| at.0 / 1_000_000_000;
        let is_good = |report: &&Report| {
            second(now).saturating_sub(second(report.at)) <= u64::from(guard.max_lag)
        };
        self.good = self.replicas.iter().filter(is_good).count() as u8;
    }

    /// Whether a write is refused, by the last count.
    pub fn refuses(&self, guard: WriteGuard) -> bool {
        guard.is_on() && self.good < guard.replicas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: WriteGuard = WriteGuard {
        replicas: 1,
        max_lag: 2,
    };

    fn at(millis: u64) -> LocalTime {
        LocalTime(millis * 1_000_000)
    }

    #[test]
    fn a_silent_replica_counts_for_the_lag_in_whole_seconds() {
        // Every phase of the last report and of the count within a second.
        for reported in (5_000..6_000).step_by(50) {
            for phase in (0..1_000).step_by(50) {
                let mut reports = Reports::default();
                reports.attached(NodeId(1), 0, at(reported));
                let refused = (0..20)
                    .map(|count| reported - reported % 1_000 + phase + count * 1_000)
                    .filter(|count| *count >= reported)
                    .find(|&count| {
                        reports.count(GUARD, at(count));
                        reports.refuses(GUARD)
                    })
                    .unwrap();
                // More than two whole seconds: the third second after that of the report.
                assert!(
                    refused / 1_000 == reported / 1_000 + 3,
                    "{reported} {refused}"
                );
            }
        }
    }

    #[test]
    fn what_is_off_refuses_nothing_and_a_report_counts_at_the_next_count_only() {
        let mut reports = Reports::default();
        let off = WriteGuard {
            replicas: 0,
            ..GUARD
        };
        reports.count(GUARD, at(0));
        assert!(reports.refuses(GUARD));
        assert!(!reports.refuses(off));
        reports.attached(NodeId(1), 0, at(10));
        assert!(reports.refuses(GUARD));
        reports.count(GUARD, at(1_000));
        assert!(!reports.refuses(GUARD));
        reports.detached(NodeId(1));
        assert!(!reports.refuses(GUARD), "until the next count");
        reports.count(GUARD, at(2_000));
        assert!(reports.refuses(GUARD));
    }

    #[test]
    fn covering_counts_replicas_that_reported_enough_and_never_goes_back() {
        let mut reports = Reports::default();
        reports.attached(NodeId(1), 5, at(0));
        reports.attached(NodeId(2), 7, at(0));
        assert_eq!(
            [5, 6, 7, 8].map(|offset| reports.covering(offset)),
            [2, 1, 1, 0]
        );
        reports.acknowledged(NodeId(1), (8, 4), at(1));
        reports.acknowledged(NodeId(1), (6, 3), at(2));
        reports.acknowledged(NodeId(3), (9, 9), at(2));
        assert_eq!(reports.covering(8), 1);
        assert_eq!(
            [4, 5].map(|offset| reports.covering_on_disk(offset)),
            [1, 0]
        );
        reports.attached(NodeId(1), 0, at(3));
        assert_eq!(reports.covering(1), 1, "a new connection begins anew");
    }
}
