//! Whose fault a lost write is: of physics, or of the strategy or configuration.
//!
//! *Lost by physics*: between its execution and the fault that destroyed it there was less time than a message needs to the nearest
//! place that could have kept a copy, so whatever decides about routes could not have saved it; only waiting for a copy before
//! acknowledging (and so taking longer over every write) could. Anything else could have been kept: by moving clients away in time, by a replication or a
//! persistence that is not behind, by not promoting or removing.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, CopyEnd, LostWrite};

/// The judgement on a lost write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recoverability {
    /// No strategy could have kept it.
    Physics {
        /// From its execution to the fault.
        had: SimDuration,
        /// What a message to the nearest other place takes at least.
        needs: SimDuration,
    },
    /// It was acknowledged when the fault already acted: clients that had moved away would have written elsewhere.
    Strategy {
        /// How long the fault had acted.
        since: SimDuration,
    },
    /// There was time for a copy, and none was made.
    Configuration {
        /// From its execution to the fault.
        had: SimDuration,
        /// What a message to the nearest other place takes at least.
        needs: SimDuration,
    },
    /// A new primary's state took its place.
    Promotion,
    /// An operator removed its only holder.
    Removal,
}

impl Recoverability {
    /// Judges a lost write that was executed at a moment, where a message to the nearest place that could keep a copy takes at
    /// least `needs`.
    pub fn of(
        write: &LostWrite,
        executed: SimTime,
        account: &Account,
        needs: SimDuration,
    ) -> Option<Self> {
        let fault = match write.cause? {
            CopyEnd::Fault(fault) => fault,
            CopyEnd::Removed(_) => return Some(Self::Removal),
            CopyEnd::Replaced | CopyEnd::Abandoned => return Some(Self::Promotion),
        };
        let span = account.faults.iter().find(|span| span.fault == fault)?;
        if executed > span.begins {
            return Some(Self::Strategy {
                since: executed.saturating_since(span.begins),
            });
        }
        let had = span.begins.saturating_since(executed);
        Some(if had < needs {
            Self::Physics { had, needs }
        } else {
            Self::Configuration { had, needs }
        })
    }

    /// Whether no strategy could have kept it.
    pub const fn is_physics(self) -> bool {
        matches!(self, Self::Physics { .. })
    }
}

impl std::fmt::Display for Recoverability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |span: &SimDuration| span.as_nanos() as f64 / 1e6;
        match self {
            Self::Physics { had, needs } => write!(
                f,
                "lost by physics: the fault came {:.1} ms after it, and a copy needs at least {:.1} ms to the nearest other place",
                millis(had),
                millis(needs)
            ),
            Self::Strategy { since } => write!(
                f,
                "lost by the strategy: the fault had acted for {:.1} ms, and the client still wrote there",
                millis(since)
            ),
            Self::Configuration { had, needs } => write!(
                f,
                "lost by configuration: there were {:.1} ms before the fault, a copy needs {:.1} ms at least, and none was made",
                millis(had),
                millis(needs)
            ),
            Self::Promotion => {
                f.write_str("lost by configuration: the state of a new primary, which lacked it, took its place")
            }
            Self::Removal => f.write_str("lost by decision: an operator removed its only holder"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{FaultSpan, Ledger, Quiescence, RecoveryCriterion, RunShape};
    use crate::topology::{FaultId, KeyspaceId, MemberId, OperationId, ServerId};

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    fn account() -> Account {
        let shape = RunShape {
            servers: Vec::new(),
            fleets: Vec::new(),
            keyspaces: Vec::new(),
            members: Vec::new(),
            nodes: Vec::new(),
            groups: Vec::new(),
            crashes_lose: false,
            shards: 1,
            faults: Vec::new(),
            storm_begins: at(0),
            calm_begins: at(500),
            calm_ends: at(1_000),
            slo_deadline: SimDuration::from_secs(1),
            recovered: RecoveryCriterion {
                success: 0.999,
                latency_p99: SimDuration::from_secs(1),
                window: SimDuration::from_secs(1),
                min_requests: 1,
            },
            evidence_window: SimDuration::ZERO,
        };
        let quiescence = Quiescence {
            reached: true,
            nodes: Vec::new(),
        };
        let mut account = Ledger::new(shape.into()).finish(at(1_000), &quiescence);
        account.faults = vec![FaultSpan {
            fault: FaultId(0),
            begins: at(100),
            ends: SimTime::NEVER,
            touched: Some(at(100)),
        }];
        account
    }

    fn judged(executed: u64, cause: CopyEnd) -> Option<Recoverability> {
        let write = LostWrite {
            operation: OperationId(0),
            server: ServerId(0),
            keyspace: KeyspaceId(0),
            member: MemberId(0),
            acked: at(executed + 1),
            cause: Some(cause),
        };
        Recoverability::of(
            &write,
            at(executed),
            &account(),
            SimDuration::from_millis(40),
        )
    }

    #[test]
    fn only_what_had_no_time_to_travel_is_lost_by_physics() {
        let fault = CopyEnd::Fault(FaultId(0));
        assert!(judged(90, fault).is_some_and(Recoverability::is_physics));
        assert!(matches!(
            judged(50, fault),
            Some(Recoverability::Configuration { .. })
        ));
        assert!(matches!(
            judged(150, fault),
            Some(Recoverability::Strategy { .. })
        ));
        assert_eq!(
            judged(50, CopyEnd::Replaced),
            Some(Recoverability::Promotion)
        );
        assert_eq!(
            judged(50, CopyEnd::Removed(FaultId(0))),
            Some(Recoverability::Removal)
        );
    }

    #[test]
    fn to_the_moment_there_was_time_or_there_was_not() {
        let fault = CopyEnd::Fault(FaultId(0));
        let needs = SimDuration::from_millis(40);
        // Together with the fault: before it, and too late.
        let had = SimDuration::ZERO;
        assert_eq!(
            judged(100, fault),
            Some(Recoverability::Physics { had, needs })
        );
        // Just in time for a message, so nothing forbade it.
        let had = needs;
        let just = judged(60, fault);
        assert_eq!(just, Some(Recoverability::Configuration { had, needs }));
        assert!(!just.is_some_and(Recoverability::is_physics));
    }

    #[test]
    fn a_judgement_says_how_many_milliseconds_there_were() {
        let fault = CopyEnd::Fault(FaultId(0));
        let words = |executed, cause| judged(executed, cause).map(|judged| judged.to_string());
        for (executed, expected) in [
            (
                90,
                "lost by physics: the fault came 10.0 ms after it, and a copy needs at least 40.0 ms to the nearest other place",
            ),
            (
                50,
                "lost by configuration: there were 50.0 ms before the fault, a copy needs 40.0 ms at least, and none was made",
            ),
            (
                150,
                "lost by the strategy: the fault had acted for 50.0 ms, and the client still wrote there",
            ),
        ] {
            assert_eq!(words(executed, fault).as_deref(), Some(expected));
        }
    }
}
