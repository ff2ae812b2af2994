//! Settings of deciding beyond evidence: how members are ranked, whom a client process listens to, in
//! which steps traffic returns, what only some client libraries do, and what people do.
//!
//! Plain settings; what they do is in `client_judge`, `coordinator`, `runbook` and the client's side of the
//! world.

use regionfall_kernel::{Distribution, SimDuration};

use crate::topology::{MemberId, RegionId};

/// How client processes go about deciding.
#[derive(Clone, PartialEq, Debug)]
pub struct Conduct {
    /// How the rounds of different members follow each other.
    pub rounds: Rounds,
    /// With no usable member: look for one again so often. `None`: only when something changes.
    pub look_again: Option<SimDuration>,
    /// Whether the grace of a member that was left begins anew with each failed probe.
    pub grace_restarts: bool,
    /// Whose verdicts count.
    pub votes: Votes,
    /// Whether one value for all, kept by a coordinator, says where traffic may go.
    pub lease: Option<LeaseConfig>,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            rounds: Rounds::Apart,
            look_again: None,
            grace_restarts: false,
            votes: Votes::Own,
            lease: None,
        }
    }
}

/// How the probe rounds of different members follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounds {
    /// Each member has a loop of its own.
    Apart,
    /// All begin together; verdicts fall, and the next rounds are planned, when the last one ends.
    Together,
    /// One member after another; the interval counts from the first one's beginning.
    InTurn,
}

/// Whose verdicts decide whether a member is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Votes {
    /// The process's own.
    Own,
    /// That of any process of the fleet.
    Any,
    /// Those of more than half of the fleet's processes.
    Majority,
}

/// A coordinator that keeps one value for each fleet, the member to use, and leases to those who follow it.
///
/// A process uses a member only while its lease on that value runs. A new value takes effect when every
/// process has let go of the old one, or its lease has run out.
#[derive(Clone, PartialEq, Debug)]
pub struct LeaseConfig {
    /// Where the coordinator stands.
    pub region: RegionId,
    /// How long a lease lasts, counted by its holder from when it asked.
    pub ttl: SimDuration,
    /// Leases are renewed so often.
    pub renew_every: SimDuration,
    /// The coordinator takes a lease for ended so many times later than its holder does (Consul: 2).
    pub patience: f64,
    /// After a lease ran out without being given back nobody gets the value for this long (Consul's
    /// lock delay).
    pub lock_delay: SimDuration,
    /// A process that lets go waits this long for what it has under way.
    pub drain: SimDuration,
    /// Whether requests carry the version of the value, and members refuse one older than they have seen.
    pub fencing: bool,
}

/// How members are ranked.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranking {
    /// By what.
    pub by: RankBy,
    /// With no usable member: use the best as if it were usable.
    pub fail_open: bool,
}

/// By what members are ranked; ties, and what is not known, go by the fleet's order of homes.
#[derive(Clone, PartialEq, Debug)]
pub enum RankBy {
    /// The greatest weight first.
    Weight {
        /// A member without an entry weighs 1.
        weights: Vec<(MemberId, f64)>,
        /// Whether members of equal weight are ranked by measured latency.
        nearest_of_equals: bool,
        /// Changes while the process runs: when, of whom, to what.
        changes: Vec<(SimDuration, MemberId, f64)>,
    },
    /// The shortest round trip that its own probes measured, if it is shorter by this margin.
    Nearest {
        /// By how much a member must be nearer than the one in use.
        margin: SimDuration,
    },
    /// The next after the one in use, around the order of homes.
    Next,
    /// Shares: what the healthy part of a member can carry, and the rest to the next (Envoy's priority
    /// levels).
    Shares {
        /// A member carries this many times its healthy share, at most everything.
        overprovisioning: f64,
        /// With less than this share healthy over all members health is not looked at.
        panic_below: f64,
    },
    /// For each shard the first member in which it is healthy.
    PerShard,
}

/// What must hold before traffic goes back, and in which steps it does.
#[derive(Clone, PartialEq, Debug)]
pub struct Returning {
    /// The member must lag behind its peers by no more.
    pub synchronized: Option<SimDuration>,
    /// Asked through the management process, or over the data path.
    pub asks: AsksBy,
    /// The member must not be stale.
    pub fresh: bool,
    /// How often that is asked while traffic is away.
    pub check_every: SimDuration,
    /// How long it must have held.
    pub held_for: SimDuration,
    /// Reads go back so long before writes.
    pub reads_first: Option<SimDuration>,
    /// A share of operations goes back for so long before all do.
    pub canary: Option<(f64, SimDuration)>,
}

impl Default for Returning {
    fn default() -> Self {
        Self {
            synchronized: None,
            asks: AsksBy::Management,
            fresh: false,
            check_every: SimDuration::from_secs(5),
            held_for: SimDuration::ZERO,
            reads_first: None,
            canary: None,
        }
    }
}

/// How a client asks a member whether it is in step with its peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsksBy {
    /// The lag-aware availability check of the REST API.
    Management,
    /// Replication offsets, over the data path.
    DataPath,
}

/// What only some client libraries do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "habits that a library has or has not, each for itself"
)]
pub struct ClientHabits {
    /// How waits before retries vary.
    pub retry_jitter: RetryJitter,
    /// Attempts inside one attempt: the member's own client tries so often before anybody hears of a
    /// failure. At least 1.
    pub inner_attempts: u32,
    /// Wait before the second of them; doubles up to `retry_wait_max`.
    pub inner_wait: SimDuration,
    /// Whether a retry goes to the member in use if that is another than the attempt's, though retries
    /// stay otherwise (Jedis `retryOnFailover`).
    pub retry_follows_switch: bool,
    /// Whether a command that timed out leaves its connection in use.
    pub keeps_connection_on_timeout: bool,
    /// Whether connections to every member of the order are opened in advance.
    pub opens_in_advance: bool,
    /// With its own member down a command waits so long for another to be chosen before it fails.
    pub waits_for_failover: Option<SimDuration>,
    /// Which commands may be tried again after they may have taken effect.
    pub retries: RetryClass,
    /// Whether reads are checked against the newest version that the process knows, and repeated at the
    /// member that was left if they are older.
    pub checks_versions: bool,
}

impl Default for ClientHabits {
    fn default() -> Self {
        Self {
            retry_jitter: RetryJitter::None,
            inner_attempts: 1,
            inner_wait: SimDuration::ZERO,
            retry_follows_switch: false,
            keeps_connection_on_timeout: false,
            opens_in_advance: false,
            waits_for_failover: None,
            retries: RetryClass::Idempotent,
            checks_versions: false,
        }
    }
}

/// How waits before retries vary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryJitter {
    /// Not at all.
    None,
    /// Uniform between nothing and the wait, before its bound is applied.
    Full,
    /// Longer by up to so much.
    Upto(SimDuration),
}

/// Which commands may be tried again after they may have taken effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryClass {
    /// None: only what was certainly not sent.
    Unsent,
    /// Reads only.
    Reads,
    /// And writes that leave the same behind if they take effect twice.
    Idempotent,
}

/// People with a runbook.
#[derive(Clone, PartialEq, Debug)]
pub struct RunbookConfig {
    /// Where their monitoring stands.
    pub region: RegionId,
    /// From the monitoring's verdict to somebody's pager.
    pub alert: Distribution,
    /// From the pager to a person who looks.
    pub acknowledge: Distribution,
    /// From looking to the decision.
    pub declare: Distribution,
    /// From the decision to its being carried out.
    pub act: Distribution,
    /// How likely carrying it out fails, so that it has to be done again.
    pub failure: f64,
}
