//! Settings of evidence and detectors beyond the simplest: what probe loops may do, heartbeats through the
//! database, and detectors that count silence.
//!
//! Plain settings; what they do is in `watch`, `detector`, `accrual`, `ejection` and `hearing`.

use regionfall_kernel::SimDuration;

/// What a probe loop does beyond rounds at an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProbeRefinement {
    /// A whole round may take no longer (redis-py cuts a round, not a probe).
    pub round_timeout: Option<SimDuration>,
    /// A probe that timed out is sent again at once, so often; one that was refused is not.
    pub retries: u32,
    /// Each interval is longer by up to this much, drawn anew each time.
    pub jitter: SimDuration,
    /// The interval while the verdict is about to change: some results in a row speak against it, and not enough.
    pub every_when_failing: Option<SimDuration>,
    /// Whether attempts of the application's own traffic feed its detector too.
    pub with_traffic: bool,
    /// How many shards the database has, as a client's map of the cluster tells.
    pub shards: u16,
}

impl Default for ProbeRefinement {
    fn default() -> Self {
        Self {
            round_timeout: None,
            retries: 0,
            jitter: SimDuration::ZERO,
            every_when_failing: None,
            with_traffic: false,
            shards: 1,
        }
    }
}

/// Which keys a probe sets and reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySample {
    /// One in each shard: each is judged by itself.
    OnePerShard,
    /// So many at random, in whatever shards they fall: they pass or fail together.
    Random(u8),
}

/// A check of the user's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CustomCheck {
    /// Round trips before the question, such as TLS and a login.
    pub setup_round_trips: u8,
    /// Bytes of the question and of the answer.
    pub bytes: u32,
    /// Whether it fails while a process loads its data.
    pub sees_loading: bool,
    /// Whether it fails while any shard is down.
    pub sees_shards: bool,
    /// Whether it fails while the member has not caught up since it was cut off.
    pub sees_staleness: bool,
    /// Whether it fails while the member lags further behind its peers.
    pub sees_lag: Option<SimDuration>,
}

/// Messages published on every member, and expected from every other.
#[derive(Clone, PartialEq, Debug)]
pub struct HeartbeatConfig {
    /// The interval between messages.
    pub every: SimDuration,
    /// A channel that brought nothing for this long is broken. It counts from when the message came.
    pub silence: SimDuration,
    /// On which channels.
    pub channels: Channels,
    /// What becomes of a member that answers while nothing of it reaches the others.
    pub isolated: Isolated,
    /// How many shards the database has.
    pub shards: u16,
}

/// The channels of heartbeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channels {
    /// One for the whole database: it lives in one shard and tells of that alone.
    One,
    /// One for each shard, where all members have the same shards.
    PerShard,
    /// One for each range of slots that two members' shards have in common, where members have different
    /// numbers of shards: so many.
    PerRange(u16),
}

/// What becomes of a member that is there for its clients and cut off from its peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolated {
    /// It stays in use: availability before freshness.
    Stays,
    /// It counts as down: freshness before availability.
    Leaves,
}

/// How a window of results moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowMoves {
    /// With every result.
    Sliding,
    /// It is closed and a new one opened by the first success after its end; failures alone never end it
    /// (redis-py). Its share is of the successes that it has seen.
    OnSuccess,
}

/// No success for so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SilenceConfig {
    /// How long.
    pub limit: SimDuration,
    /// From when it counts.
    pub since: SilenceSince,
    /// Whether a refusal means failure at once.
    pub refusal_is_final: bool,
}

/// From when silence counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SilenceSince {
    /// The answer's arrival: "no success within the time".
    Answer,
    /// The question's leaving, which is what a lease can rely on.
    Question,
}

/// Phi accrual: silence judged by the gaps between earlier successes (Hayashibara et al., 2004).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AccrualConfig {
    /// Minus the decimal logarithm of the probability that a gap is longer, above which the member is
    /// down.
    pub threshold: f64,
    /// The distribution that gaps are taken to have.
    pub model: GapModel,
    /// How many gaps are remembered.
    pub samples: u32,
}

/// The distribution of gaps between heartbeats.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum GapModel {
    /// Normal, with a pause that is always forgiven (Akka).
    Normal {
        /// Added to the mean gap.
        pause: SimDuration,
        /// The standard deviation is never taken for less.
        min_deviation: SimDuration,
    },
    /// Exponential (Cassandra).
    Exponential,
}

/// Outlier ejection (Envoy).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EjectionConfig {
    /// Failures in a row.
    pub failures: u32,
    /// For the first time it is out so long, for the n-th n times as long.
    pub base: SimDuration,
    /// Never longer.
    pub max: SimDuration,
    /// Members come back, and each one's count of ejections goes down, in sweeps so far apart.
    pub sweep: SimDuration,
    /// No more than this share of members is out at a time.
    pub max_share: f64,
    /// One member may be out whatever the share says.
    pub always_one: bool,
}
