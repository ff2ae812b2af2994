//! The recovery point: how far back the lost writes of an incident go, and how far back those go that
//! an application missed when it resumed.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, CopyEnd, LateWrite, LostWrite};
use crate::topology::FaultId;

use super::incident::ServerOutcome;

/// What an incident cost in data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryPoint {
    /// Acknowledged writes whose last copy a fault of the incident ended.
    pub lost: u64,
    /// `rpo_observed_ms`: 0 if nothing was lost.
    pub observed: SimDuration,
    /// `rpo_at_resumption_ms`: the same over writes that were lost, or that a member lacked (and got
    /// later) when a server of the writer's home population moved to it and was served there again.
    pub at_resumption: SimDuration,
}

/// Oldest and newest acknowledgement.
#[derive(Clone, Copy, Default)]
struct Range(Option<(SimTime, SimTime)>);

impl Range {
    fn add(&mut self, at: SimTime) {
        self.0 = Some(self.0.map_or((at, at), |(oldest, newest)| {
            (oldest.min(at), newest.max(at))
        }));
    }

    /// max(incident begins, newest) − oldest, at least 1 ms.
    fn span(self, begins: SimTime) -> SimDuration {
        self.0.map_or(SimDuration::ZERO, |(oldest, newest)| {
            begins
                .max(newest)
                .saturating_since(oldest)
                .max(SimDuration::from_millis(1))
        })
    }
}

impl RecoveryPoint {
    /// Lost writes that no fault is known to have ended go to the first incident, so that none is
    /// without one.
    pub(super) fn of(
        account: &Account,
        faults: &[FaultId],
        begins: SimTime,
        is_first: bool,
        servers: &[ServerOutcome],
    ) -> Self {
        let is_own = |write: &LostWrite| match write.cause {
            Some(CopyEnd::Fault(fault) | CopyEnd::Removed(fault)) => faults.contains(&fault),
            Some(CopyEnd::Replaced | CopyEnd::Abandoned) | None => is_first,
        };
        let mut lost = Range::default();
        let mut count = 0;
        for write in account.lost.iter().filter(|write| is_own(write)) {
            lost.add(write.acked);
            count += 1;
        }
        let mut missed = lost;
        // Home, member and moment of the moves that servers resumed with.
        let mut resumed: Vec<(u8, u8, u64)> = servers
            .iter()
            .filter_map(|outcome| outcome.resumed)
            .map(|adoption| {
                let home = account.shape.home_of(adoption.server.index());
                (home.0, adoption.to.0, adoption.at.as_nanos())
            })
            .collect();
        resumed.sort_unstable();
        for write in account
            .late
            .iter()
            .filter(|write| was_missed(write, &resumed))
        {
            missed.add(SimTime::from_nanos(write.acked));
        }
        Self {
            lost: count,
            observed: lost.span(begins),
            at_resumption: missed.span(begins),
        }
    }
}

/// Whether somebody of the writer's population resumed at the member between the acknowledgement and the
/// arrival of the write.
fn was_missed(write: &LateWrite, resumed: &[(u8, u8, u64)]) -> bool {
    let from = resumed.partition_point(|&moved| moved < (write.home, write.member, write.acked));
    resumed.get(from).is_some_and(|&(home, member, at)| {
        (home, member) == (write.home, write.member) && at < write.applied
    })
}
