//! A failover strategy as a composition of six parts: vantage, evidence, detector, choice,
//! propagation, failback. Beside them stands the client that carries the application's commands.
//!
//! These are plain settings. What they do is in the module of each part.

use regionfall_kernel::{Distribution, SimDuration};

use super::conduct::{ClientHabits, Conduct, Ranking, Returning, RunbookConfig};
use super::evidence::{
    AccrualConfig, CustomCheck, EjectionConfig, HeartbeatConfig, KeySample, ProbeRefinement,
    SilenceConfig, WindowMoves,
};
use super::relay::{BalancerConfig, SyncerConfig, Takeover, UpstreamConfig};
use crate::database::{CheckScope, LagCheck};
use crate::topology::RegionId;

/// A strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyConfig {
    /// Its name in tables, unique in the scenario.
    pub name: String,
    /// The preset it started from, if any.
    pub preset: Option<String>,
    /// Whether its broken promises and missed objectives decide the exit code of `compare`.
    pub gate: bool,
    /// Who decides.
    pub vantage: Vantage,
    /// What the decider sees.
    pub evidence: Vec<Evidence>,
    /// Where traffic goes.
    pub choice: Choice,
    /// How clients learn of it, and when they move.
    pub propagation: Propagation,
    /// When and how traffic goes back.
    pub failback: Failback,
    /// The client that carries commands.
    pub client: ClientConfig,
    /// A load balancer in front of each member.
    pub balancer: Option<BalancerConfig>,
    /// Who takes a dead proxy's place.
    pub takeover: Takeover,
    /// What tells balancers which nodes there are; `None` is somebody who always knows at once.
    pub syncer: Option<SyncerConfig>,
    /// How client processes go about deciding: in what order they probe, whom they listen to.
    pub conduct: Conduct,
    /// What must hold before traffic goes back, and in which steps it does.
    pub returning: Returning,
}

/// Who decides.
#[derive(Clone, PartialEq, Debug)]
pub enum Vantage {
    /// Nobody.
    None,
    /// Health checkers of a traffic manager, with phases of their own; an endpoint counts as healthy
    /// while more than `healthy_share_above` of them find it so.
    Checkers {
        /// How many, at least 1.
        count: u32,
        /// In 0..1.
        healthy_share_above: f64,
        /// Where they stand, in turn; empty: in turn over all regions of the topology.
        regions: Vec<RegionId>,
        /// From a checker's verdict to the traffic manager's knowing it.
        report_delay: SimDuration,
    },
    /// Each client process (app server) for itself.
    ClientProcess,
    /// Each proxy that carries traffic for itself.
    Proxy,
    /// People who are alerted, and follow a runbook.
    People(RunbookConfig),
}

/// One source of evidence, with the detector that judges it.
#[derive(Clone, PartialEq, Debug)]
pub enum Evidence {
    /// Active probes.
    Probe(ProbeConfig, Detector),
    /// The outcome of the application's own attempts.
    Passive(Detector),
    /// Those of the application's own attempts that timed out; other failures do not count.
    PassiveTimeouts(Detector),
    /// Messages published on every member that must come back from every other.
    Heartbeat(HeartbeatConfig),
}

/// An active probe loop, run by each decider for each member it watches.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbeConfig {
    /// What is asked.
    pub kind: ProbeKind,
    /// The interval between rounds.
    pub every: SimDuration,
    /// How long one probe may take, connecting included.
    pub timeout: SimDuration,
    /// What the interval counts from.
    pub pace: Pace,
    /// Probes of one round, at least 1.
    pub probes: u32,
    /// Pause between the probes of one round.
    pub gap: SimDuration,
    /// Whether the probe keeps its connection between rounds (a client's PING), or opens one each
    /// time (a traffic manager's check).
    pub keeps_connection: bool,
    /// What its loop does beyond that.
    pub refinement: ProbeRefinement,
}

/// What a probe asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeKind {
    /// A TCP connection is accepted.
    Connect,
    /// PING is answered with PONG.
    Ping,
    /// The management process of the member's node finds the database available (REST API, port 9443).
    Availability {
        /// What it is asked about.
        scope: CheckScope,
        /// Whether the data must be close to what the peers have.
        lag: Option<LagCheck>,
    },
    /// ECHO gives back what was sent: as PING, with a payload.
    Echo,
    /// A health endpoint beside the database says 200: it asks the process on its own machine.
    Http,
    /// Keys are set and read.
    SetGet(KeySample),
    /// The member says how far behind its peers it is, over the data path (INFO, CRDT.INFO).
    Replication {
        /// The lag that passes.
        tolerance: SimDuration,
    },
    /// A write is tried: a member that has not caught up with its peers since it was cut off refuses it.
    NotStale,
    /// The node says that it is the primary (INFO replication, `role:master`), as role-checking proxies ask.
    Primary,
    /// A check of the user's own, told by what it costs and what it sees.
    Custom(CustomCheck),
}

/// What a probe interval counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// From the start of the previous round.
    FixedRate,
    /// From the end of the previous round.
    FixedDelay,
}

/// When evidence means failure.
#[derive(Clone, PartialEq, Debug)]
pub enum Detector {
    /// So many failures in a row mean down, so many successes in a row mean up.
    Consecutive {
        /// At least 1.
        down: u32,
        /// At least 1.
        up: u32,
    },
    /// Each round is judged by itself.
    Round {
        /// How.
        policy: RoundPolicy,
    },
    /// Both a number and a share of failures within a sliding window.
    WindowRate {
        /// Length of the window.
        window: SimDuration,
        /// Fewest failures in it.
        failures: u32,
        /// Smallest share of failures in it, in 0..=1.
        rate: f64,
        /// How the window moves.
        moves: WindowMoves,
    },
    /// No success for so long.
    Silence(SilenceConfig),
    /// Silence that the gaps between earlier successes make improbable.
    Accrual(AccrualConfig),
    /// So many failures in a row put the member out for a time, which grows each time.
    Ejection(EjectionConfig),
}

/// How the probes of a round are judged together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoundPolicy {
    /// Every probe must pass.
    All,
    /// One must pass.
    Any,
    /// More than half must pass.
    Majority,
}

/// Where traffic goes.
#[derive(Clone, PartialEq, Debug)]
pub enum Choice {
    /// The first healthy member in the fleet's order of homes.
    Priority {
        /// With no healthy member: answer as if all were healthy (fail open), instead of keeping the
        /// last answer.
        fail_open: bool,
    },
    /// By rules that rank members anew each time.
    Ranked(Ranking),
}

/// How clients learn of a decision, and when they move.
#[derive(Clone, PartialEq, Debug)]
pub enum Propagation {
    /// They never do.
    None,
    /// Through a DNS record. A connection stays until it breaks; a new one resolves the name.
    Dns {
        /// Time to live of the record.
        ttl: SimDuration,
        /// From decision to authoritative answer.
        publish_delay: SimDuration,
        /// A query that no cache can answer takes this long.
        lookup: SimDuration,
        /// Kinds of resolvers with the shares of app servers behind them; shares sum to 1.
        resolvers: Vec<ResolverShare>,
        /// How clients use names.
        names: NameConfig,
    },
    /// Through a pointer in the client process.
    Pointer {
        /// When a decision is acted on.
        adopt: Adopt,
        /// Whether connections to the member that is left are closed at once, commands under way
        /// included.
        cut_sessions: bool,
    },
    /// Through what carries the traffic, which sends it elsewhere.
    Upstream(UpstreamConfig),
}

/// How clients use names.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "habits that go together in any way"
)]
pub struct NameConfig {
    /// Whether a client looks at the name before each command and uses only connections to what it means; otherwise
    /// only when it opens a connection.
    pub looks_each_time: bool,
    /// Whether the clients of a region are behind one recursive resolver, so that they learn together.
    pub shares_cache: bool,
    /// Whether recursive resolvers count whole seconds.
    pub counts_seconds: bool,
    /// Whether recursive resolvers answer with an old record when they cannot get a new one (RFC 8767).
    pub serves_stale: bool,
    /// A process without any success for so long forgets what it had cached (somebody starts it anew); `None` is never.
    pub forgets_after: Option<SimDuration>,
}

/// When a client acts on its own decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adopt {
    /// At once.
    AtOnce,
    /// With the next command.
    NextCommand,
}

/// The share of app servers that resolve names in one way.
#[derive(Clone, PartialEq, Debug)]
pub struct ResolverShare {
    /// How they do.
    pub class: ResolverClass,
    /// In 0..=1.
    pub share: f64,
}

/// How an app server resolves names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolverClass {
    /// A recursive resolver that honours the TTL, and no cache of its own.
    Honouring,
    /// A recursive resolver that honours the TTL, and a cache of its own that keeps each answer this
    /// much longer (the JVM's default is 30 s).
    LocalCache(SimDuration),
    /// A recursive resolver that stretches the TTL to this length.
    Extending(SimDuration),
    /// The first answer, for as long as the process lives.
    Forever,
    /// A recursive resolver that keeps records at least and at most so long.
    Clamping {
        /// The shortest.
        least: SimDuration,
        /// The longest.
        most: SimDuration,
    },
    /// No recursive resolver in between: the client asks the authority and keeps the answer for the TTL.
    OwnCache,
}

/// When and how traffic goes back.
#[derive(Clone, PartialEq, Debug)]
pub enum Failback {
    /// Never.
    Never,
    /// As soon as the preferred member counts as healthy (and `after` has passed since).
    Automatic {
        /// How long the preferred member must have counted as healthy.
        after: SimDuration,
    },
    /// A timer looks for a better member.
    Tick {
        /// Its period; the phase is uniform.
        every: SimDuration,
        /// A member that was left is not used again for this long, even if it is healthy.
        grace: SimDuration,
    },
    /// A person brings it back.
    Manual {
        /// From the member's counting as healthy to the person's act; drawn once for each run.
        takes: Distribution,
    },
}

impl Failback {
    /// The same with what a person takes in this run.
    #[must_use]
    pub fn drawn(&self, unit: f64) -> Self {
        match self {
            Self::Manual { takes } => Self::Automatic {
                after: takes.quantile(unit),
            },
            other => other.clone(),
        }
    }
}

/// The client that carries commands.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "habits that go together in any way"
)]
pub struct ClientConfig {
    /// How long opening a connection (TCP, TLS, AUTH) may take.
    pub connect_timeout: SimDuration,
    /// How long an attempt waits for its reply; `None` is for ever. A fleet's own setting wins.
    pub timeout: Option<SimDuration>,
    /// How long a command waits for a connection of the pool; `None` is for ever.
    pub pool_wait: Option<SimDuration>,
    /// Attempts per command, at least 1.
    pub attempts: u32,
    /// Wait before the second attempt.
    pub retry_wait: SimDuration,
    /// Each further wait is so many times longer.
    pub retry_multiplier: f64,
    /// No wait is longer.
    pub retry_wait_max: SimDuration,
    /// Whether commands that are not idempotent are tried again after they may have been sent.
    pub retry_unsafe: bool,
    /// Whether a retry stays with the member chosen for the first attempt.
    pub retry_same_member: bool,
    /// Whether taking a connection to a member that counts as down fails at once.
    pub fails_at_once_when_down: bool,
    /// TCP keepalive on idle connections: idle time before the first probe, interval, probes.
    pub keepalive: Option<(SimDuration, SimDuration, u32)>,
    /// `TCP_USER_TIMEOUT`: a connection whose data stays unacknowledged so long is aborted.
    pub user_timeout: Option<SimDuration>,
    /// Whether a connection is used again; otherwise each command opens one of its own.
    pub keeps_connections: bool,
    /// What only some client libraries do.
    pub habits: ClientHabits,
}

impl ClientConfig {
    /// A pooled client without retries, with the timeouts of Jedis (connect and read 2 s; source:
    /// redis/jedis, `Protocol.java`).
    pub fn plain() -> Self {
        Self {
            connect_timeout: SimDuration::from_secs(2),
            timeout: Some(SimDuration::from_secs(2)),
            pool_wait: None,
            attempts: 1,
            retry_wait: SimDuration::ZERO,
            retry_multiplier: 1.0,
            retry_wait_max: SimDuration::ZERO,
            retry_unsafe: false,
            retry_same_member: true,
            fails_at_once_when_down: false,
            keepalive: None,
            user_timeout: None,
            keeps_connections: true,
            habits: ClientHabits::default(),
        }
    }
}
