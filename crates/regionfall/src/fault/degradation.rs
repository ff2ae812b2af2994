//! Faults that break nothing and make everything worse: wrong clocks, too much traffic, slow machines, a health
//! endpoint that does not answer.

use regionfall_kernel::{SimDuration, SimTime};

use crate::network::Silence;
use crate::topology::{MemberId, RegionId};

/// What gets worse.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Degradation {
    /// The clock of a member's machine is wrong: its processes put wrong times on what they write. It is right
    /// again, with a step, when the fault ends.
    ClockSkew {
        /// Whose.
        member: MemberId,
        /// How wrong.
        skew: Skew,
    },
    /// Applications ask more than usual.
    LoadSurge {
        /// Of app servers in this region; `None` is everywhere.
        region: Option<RegionId>,
        /// So many times more: rates are multiplied by it, thinking times divided. Above 0.
        factor: f64,
    },
    /// The machine of a member is slow: its processes work so many times longer on everything.
    SlowHost {
        /// Whose.
        member: MemberId,
        /// Above 0.
        factor: f64,
    },
    /// The disks of a member's machines are slow: what begins on them takes so many times longer.
    SlowDisk {
        /// Whose.
        member: MemberId,
        /// Above 0.
        factor: f64,
    },
    /// The management process of a member's node does not answer; the database does. Such a thing happened
    /// when applying a certificate made the REST API unreachable for minutes (Redis Software release notes,
    /// 8.0.20, RS208996).
    HealthEndpointDown {
        /// Whose.
        member: MemberId,
        /// Refusing: its port is closed. Silent: it accepts and does not answer.
        mode: Silence,
    },
    /// The coordinator that client processes follow does not answer.
    CoordinatorDown {
        /// Refusing: it is gone. Silent: it is cut off.
        mode: Silence,
    },
}

/// How wrong a clock is: by an offset from the moment at which the fault begins, and by a rate from then on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Skew {
    /// Whether it is ahead of the right time, or behind.
    pub is_ahead: bool,
    /// At once.
    pub offset: SimDuration,
    /// And by this share of the time that passes, in 0..=1: a clock that gains 200 ppm has 0.0002.
    pub drift: f64,
}

impl Degradation {
    /// Its word in scenario files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClockSkew { .. } => "clock-skew",
            Self::LoadSurge { .. } => "load-surge",
            Self::SlowHost { .. } => "slow-host",
            Self::SlowDisk { .. } => "slow-disk",
            Self::HealthEndpointDown { .. } => "health-endpoint-down",
            Self::CoordinatorDown { .. } => "coordinator-down",
        }
    }

    /// The member that it acts on, if it is one.
    pub const fn member(&self) -> Option<MemberId> {
        match self {
            Self::ClockSkew { member, .. }
            | Self::SlowHost { member, .. }
            | Self::SlowDisk { member, .. }
            | Self::HealthEndpointDown { member, .. } => Some(*member),
            Self::LoadSurge { .. } | Self::CoordinatorDown { .. } => None,
        }
    }
}

impl Skew {
    /// What a clock shows, of which this is wrong `since` a moment, where a right clock would show `shown`
    /// and the time is `now`.
    pub fn shown(&self, shown: SimTime, now: SimTime, since: SimTime) -> SimTime {
        let passed = now.saturating_since(since).as_nanos() as f64;
        let wrong = self.offset + SimDuration::from_nanos_f64(passed * self.drift);
        if self.is_ahead {
            shown + wrong
        } else {
            // No clock shows a time before the first.
            SimTime::from_nanos(shown.as_nanos().saturating_sub(wrong.as_nanos()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    #[test]
    fn a_skewed_clock_is_off_by_its_offset_and_drifts_from_there() {
        let skew = |is_ahead| Skew {
            is_ahead,
            offset: SimDuration::from_secs(3),
            drift: 0.01,
        };
        assert_eq!(skew(true).shown(at(50), at(50), at(50)), at(53));
        assert_eq!(skew(true).shown(at(150), at(150), at(50)), at(154));
        assert_eq!(skew(false).shown(at(150), at(150), at(50)), at(146));
        assert_eq!(skew(false).shown(at(1), at(1), at(1)), SimTime::ZERO);
    }
}
