//! The settings of Sentinels, and the periods that are constants of the real thing.

use regionfall_kernel::SimDuration;

/// How Sentinels watch a primary and replace it. Names and defaults: Redis docs, *High availability with
/// Redis Sentinel*, and the sample `sentinel.conf`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentinelConfig {
    /// `down-after-milliseconds`: a process that gave no valid answer for this long is subjectively down.
    pub down_after: SimDuration,
    /// `failover-timeout`: a failed failover is tried again after twice this, and its single steps may
    /// take this long.
    pub failover_timeout: SimDuration,
    /// Sentinels that must hold the primary for down before anybody stands for election.
    pub quorum: u8,
    /// `parallel-syncs`: replicas that are turned to the new primary at the same time.
    pub parallel_syncs: u8,
}

impl Default for SentinelConfig {
    fn default() -> Self {
        Self {
            down_after: SimDuration::from_secs(30),
            failover_timeout: SimDuration::from_secs(180),
            quorum: 2,
            parallel_syncs: 1,
        }
    }
}

const fn millis(count: u64) -> SimDuration {
    SimDuration::from_millis(count)
}

// Constants of sentinel.c (Redis 7.0), which no setting changes.

/// Pings are this far apart, or `down_after` if that is shorter.
pub(super) const PING_PERIOD: SimDuration = millis(1_000);
/// A broken link is opened again no sooner than this after the last try.
pub(super) const RECONNECT_PERIOD: SimDuration = PING_PERIOD;
/// `INFO` in quiet times.
pub(super) const INFO_PERIOD: SimDuration = millis(10_000);
/// `INFO` to replicas while the primary is objectively down, or their own link is.
pub(super) const INFO_PERIOD_IN_TROUBLE: SimDuration = millis(1_000);
/// Greetings through the database, and directly.
pub(super) const PUBLISH_PERIOD: SimDuration = millis(2_000);
/// Questions to the other Sentinels while the primary is subjectively down.
pub(super) const ASK_PERIOD: SimDuration = millis(1_000);
/// An election lasts this long, or `failover_timeout` if that is shorter.
pub(super) const ELECTION_TIMEOUT: SimDuration = millis(10_000);
/// Who stands, or voted for another, waits up to this long more before it stands again.
pub(super) const DESYNCHRONISATION_MAX: SimDuration = millis(1_000);
/// A replica that was told to turn to the new primary and did not counts as turned after this long.
pub(super) const RECONFIGURATION_TIMEOUT: SimDuration = millis(10_000);
/// A link that is younger than this is not given up for silence.
pub(super) const LINK_AGE_MIN: SimDuration = millis(15_000);
/// A timer that is later than this: something is odd about the clock or the process.
pub(super) const TILT_TRIGGER: SimDuration = millis(2_000);
/// For how long a Sentinel only listens then.
pub(super) const TILT_PERIOD: SimDuration = millis(30_000);
/// Requests without an answer on one link, above which no more are sent.
pub(super) const PENDING_MAX: u32 = 100;
/// The timer runs this often per second at least; at each tick the rate is drawn anew, up to almost twice.
pub(super) const TICKS_PER_SECOND: u64 = 10;
