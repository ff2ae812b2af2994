//! What the ledger found: the account of a run, before anything is summed up into a table.

use std::sync::Arc;

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{CopyEnd, Histogram, RunShape};
use crate::topology::{FaultId, KeyspaceId, MemberId, OperationId, ServerId};

use super::moves::{Adoption, Judgement, Publication};
use super::promises::{BrokenKind, BrokenPromises};
use super::service::{Requests, Traffic};

/// Counts of writes. Those that were issued in the warm-up are counted only if they were lost or late.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WriteCounts {
    /// The application got a success.
    pub acked: u64,
    /// Acknowledged, and no effect of it survived.
    pub lost: u64,
    /// Lost in part: of several effects of one operation (a transaction, say) the first ones survived and the last did not.
    /// Counted among the lost.
    pub torn: u64,
    /// Lost because its only holder was removed by force. No fault does that yet.
    pub forfeited: u64,
    /// Acknowledged before somebody of the writer's home population moved to a member that lacked it
    /// (and had never had it) and got it later. Those that were lost are not late.
    pub late: u64,
    /// Kept, but a write that could not have seen it won.
    pub overwritten_by_fault: u64,
    /// Kept, but a write that had not seen it won, as happens within the replication lag.
    pub overwritten_ordinary: u64,
    /// More than one attempt of a command that is not idempotent survived.
    pub duplicated: u64,
    /// A removal whose key or element a concurrent addition brought back.
    pub resurrected: u64,
    /// Not acknowledged, not refused, and there.
    pub unknown_present: u64,
    /// Not acknowledged, not refused, and not there.
    pub unknown_absent: u64,
    /// Acknowledged, held by nobody, but something may still be under way.
    pub undetermined: u64,
    /// Acknowledged, with a concurrent write of another member to the same key or element that does
    /// not commute with it.
    pub conflicting: u64,
    /// Acknowledged, with concurrent writes of other members that all commute with it.
    pub conflicting_commuting: u64,
}

/// What reads missed. Only reads whose answer reached the application count.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ReadCounts {
    /// Executed by a member without the newest write to the key that was acknowledged when the read
    /// was issued.
    pub stale: u64,
    /// The same with the newest that was acknowledged at least the steady-state lag before.
    pub stale_beyond_lag: u64,
    /// Without the session's own newest acknowledged write.
    pub own_writes_missed: u64,
    /// Without the newest write that the session's last read of the key could see.
    pub went_back: u64,
    /// Of stale reads: issue minus the first acknowledgement that was missing.
    pub ages: Histogram,
}

/// Counts of requests that were issued from the storm on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RequestCounts {
    /// All.
    pub issued: u64,
    /// Those that succeeded within the deadline.
    pub in_time: u64,
    /// Those that ended without success.
    pub errors: u64,
    /// Attempts beyond the first of a request.
    pub retries: u64,
}

/// An acknowledged write that did not survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostWrite {
    /// Which.
    pub operation: OperationId,
    /// Who wrote it.
    pub server: ServerId,
    /// Where it belongs.
    pub keyspace: KeyspaceId,
    /// The member that took it.
    pub member: MemberId,
    /// When the application got its success.
    pub acked: SimTime,
    /// What ended its last copy; `None` would be a fault of the model.
    pub cause: Option<CopyEnd>,
}

/// A write that a member got late; in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LateWrite {
    pub acked: u64,
    pub applied: u64,
    pub home: u8,
    pub member: u8,
}

/// A time in which an app server was not served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Episode {
    /// Whose.
    pub server: ServerId,
    /// Its reads or its writes.
    pub traffic: Traffic,
    /// Issue of the first request that failed or was overdue.
    pub begins: SimTime,
    /// When that showed.
    pub shown: SimTime,
    /// Completion of the success that opened a stability window; `None` if none did (censored).
    pub ends: Option<SimTime>,
    /// The member that the server used when the failure showed.
    pub member_before: MemberId,
    /// The member that answered the success.
    pub member_after: MemberId,
}

/// A time during which a fault was in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultSpan {
    /// Which.
    pub fault: FaultId,
    /// Its beginning.
    pub begins: SimTime,
    /// Its (last) end; [`SimTime::NEVER`] if it did not end.
    pub ends: SimTime,
    /// Its first effect, if it had one.
    pub touched: Option<SimTime>,
}

/// The account of a run.
#[derive(Clone, Debug)]
pub struct Account {
    /// The shape of the run.
    pub shape: Arc<RunShape>,
    /// Whether replication drained in time.
    pub quiescence_reached: bool,
    /// Writes, by keyspace.
    pub writes: Vec<WriteCounts>,
    /// Reads.
    pub reads: ReadCounts,
    /// Requests.
    pub requests: RequestCounts,
    /// Lost writes in the order of asking.
    pub lost: Vec<LostWrite>,
    pub(crate) late: Vec<LateWrite>,
    /// Episodes, by server, then writes before reads, then time.
    pub episodes: Vec<Episode>,
    /// Adoptions in order.
    pub adoptions: Vec<Adoption>,
    /// Publications in order.
    pub publications: Vec<Publication>,
    /// Judgements in order.
    pub judgements: Vec<Judgement>,
    /// Faults that began, in order of beginning.
    pub faults: Vec<FaultSpan>,
    /// App servers that stopped with their host, and when.
    pub stopped: Vec<(ServerId, SimTime)>,
    /// Latencies of successful requests, by the phase in which they were issued: warm-up, storm, calm.
    pub latencies: [Histogram; 3],
    /// Requests by fleet and step of [`Account::step`].
    pub timeline: Vec<Vec<Requests>>,
    /// Length of a step of the timeline.
    pub step: SimDuration,
    /// Time in which some home population had several active members.
    pub dual_active: SimDuration,
    /// From heal to equal knowledge; `None` if there was no heal or it never came to that.
    pub convergence: Option<SimDuration>,
    /// Probes sent from the storm on.
    pub probes: u64,
    /// Rows that were kept at once, at most: what bounds the memory of the ledger.
    pub rows_max: u32,
    /// What applications took for granted, and members that had not seen each other broke.
    pub promises: BrokenPromises,
}

impl WriteCounts {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &WriteCounts) {
        self.acked += other.acked;
        self.lost += other.lost;
        self.torn += other.torn;
        self.forfeited += other.forfeited;
        self.late += other.late;
        self.overwritten_by_fault += other.overwritten_by_fault;
        self.overwritten_ordinary += other.overwritten_ordinary;
        self.duplicated += other.duplicated;
        self.resurrected += other.resurrected;
        self.unknown_present += other.unknown_present;
        self.unknown_absent += other.unknown_absent;
        self.undetermined += other.undetermined;
        self.conflicting += other.conflicting;
        self.conflicting_commuting += other.conflicting_commuting;
    }
}

impl Account {
    /// What applications took for granted and was broken, a sentence for each keyspace and kind, with the first case of it.
    pub fn broken_promises(&self) -> Vec<(SimTime, String)> {
        let mut told: Vec<(SimTime, String)> = Vec::new();
        for (index, keyspace) in self.shape.keyspaces.iter().enumerate() {
            let own = self.promises.evidence.iter();
            let own: Vec<_> = own
                .filter(|broken| broken.keyspace.index() == index)
                .collect();
            let Some(first) = own.first() else {
                continue;
            };
            let (units, name, key) = (self.promises.units[index], &keyspace.name, first.key.0);
            let [one, other] = first.nodes;
            let text = match first.kind {
                BrokenKind::Oversold(_) => format!(
                    "{name}: {units} units oversold; first of key {key}, where {other} learnt what {one} had sold"
                ),
                BrokenKind::ClaimedTwice => format!(
                    "{name}: {units} keys claimed twice; first key {key}, by {one} and then by {other}"
                ),
                BrokenKind::DeliveredTwice => format!(
                    "{name}: {units} elements delivered twice; the first of key {key}, by {one} and then by {other}"
                ),
            };
            told.push((first.at, text));
        }
        told
    }

    /// Writes of all keyspaces.
    pub fn all_writes(&self) -> WriteCounts {
        let mut all = WriteCounts::default();
        for counts in &self.writes {
            all.add(counts);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_each_kind_of_write() {
        // Every kind has a number of its own.
        let counts = |scale: u64| WriteCounts {
            acked: scale,
            lost: 2 * scale,
            torn: 3 * scale,
            forfeited: 4 * scale,
            late: 5 * scale,
            overwritten_by_fault: 6 * scale,
            overwritten_ordinary: 7 * scale,
            duplicated: 8 * scale,
            resurrected: 9 * scale,
            unknown_present: 10 * scale,
            unknown_absent: 11 * scale,
            undetermined: 12 * scale,
            conflicting: 13 * scale,
            conflicting_commuting: 14 * scale,
        };
        let mut sum = counts(1);
        sum.add(&counts(10));
        assert_eq!(sum, counts(11));
    }
}
