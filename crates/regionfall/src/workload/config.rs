//! What the applications do: fleets of app servers, and the keyspaces they read and write.

use regionfall_crdt::{CommandKind, DataType};
use regionfall_kernel::{Distribution, SimDuration};

use crate::history::Promise;
use crate::topology::{MemberId, RegionId};

/// The traffic of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkloadConfig {
    /// Fleets, in the order of the scenario.
    pub fleets: Vec<FleetConfig>,
    /// Keyspaces; their shares sum to 1.
    pub keyspaces: Vec<KeyspaceConfig>,
    /// A request unanswered for this long is overdue: it opens an episode, and it does not count as
    /// available.
    pub slo_deadline: SimDuration,
}

/// A fleet: like app servers in one region.
#[derive(Clone, PartialEq, Debug)]
pub struct FleetConfig {
    /// Its name, unique in the scenario.
    pub name: String,
    /// Where its servers run. The region need not have a member.
    pub region: RegionId,
    /// Number of app servers, at least 1. Servers spread over the zones of the region in turn.
    pub servers: u32,
    /// Largest number of connections that one server opens to one member, at least 1.
    pub connections_per_server: u32,
    /// How requests arrive.
    pub arrivals: Arrivals,
    /// Members in order of preference; the first is home.
    pub home: Vec<MemberId>,
    /// How long an attempt waits for its reply. `None`: the strategy's client decides.
    pub timeout: Option<SimDuration>,
    /// Round trips that TLS adds to a new connection: 0 without TLS, 1 for TLS 1.3, 2 for TLS 1.2.
    pub tls_round_trips: u8,
    /// Round trips that authentication adds to a new connection.
    pub auth_round_trips: u8,
}

/// How requests of a fleet arrive.
#[derive(Clone, PartialEq, Debug)]
pub enum Arrivals {
    /// Open loop: a Poisson process, `per_second` for the whole fleet, split evenly over its servers.
    Poisson {
        /// Requests per second of the fleet, above 0.
        per_second: f64,
    },
    /// Closed loop: so many clients in the whole fleet, spread evenly over its servers. Each asks,
    /// waits for the answer, thinks, and asks again.
    Closed {
        /// Number of clients of the fleet, at least 1.
        clients: u32,
        /// Time between an answer and the next question.
        think: Distribution,
        /// The same after a question that failed, or was never answered.
        pause_after_error: Distribution,
    },
}

impl Arrivals {
    /// How many requests a second come whatever the answers are like: none in a closed loop.
    pub fn per_second(&self) -> f64 {
        match *self {
            Self::Poisson { per_second } => per_second,
            Self::Closed { .. } => 0.0,
        }
    }
}

/// A keyspace: keys of one kind of use.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyspaceConfig {
    /// Its name, unique in the scenario.
    pub name: String,
    /// The share of operations that go to it, in 0..=1.
    pub share: f64,
    /// Commands with their weights. All of one data type (plus the commands that every type has).
    pub mix: Vec<(CommandKind, f64)>,
    /// Number of keys (per home population where `scope` says so), at least 1.
    pub keys: u32,
    /// How keys are chosen.
    pub popularity: Popularity,
    /// Bytes of a written value.
    pub value_size: ByteSize,
    /// Number of distinct elements of a key: of a set, fields of a hash, members of a sorted set, and so on.
    pub elements: u32,
    /// How long keys live whose commands set an expiry.
    pub ttl: SimDuration,
    /// What the application takes for granted of its keys, although no replicated data type keeps it.
    pub promise: Promise,
    /// Who shares its keys.
    pub scope: Scope,
    /// Whether reads are judged against the session's own writes.
    pub session: Session,
    /// Whether each write waits for replicas (WAIT).
    pub wait: Option<WaitConfig>,
}

/// `WAIT` or `WAITAOF`: the answer to a write comes when enough have it, or when time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitConfig {
    /// Which command.
    pub command: WaitCommand,
    /// How many replicas; at least 1 with `WAIT`.
    pub replicas: u8,
    /// How long the primary waits; for ever if there is none.
    pub timeout: Option<SimDuration>,
    /// What the application does when too few have it.
    pub too_few: TooFew,
}

/// What a write is followed by (source: Redis docs, *WAIT* and *WAITAOF*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitCommand {
    /// `WAIT`: replicas have it in memory.
    Wait,
    /// `WAITAOF`: replicas have it in append-only files that are forced to disk, and so has the primary if `local`.
    WaitAof {
        /// Whether the primary's own file must have it.
        local: bool,
    },
}

/// What an application does when too few replicas have its write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TooFew {
    /// It takes the write for done.
    Accept,
    /// It takes it for unanswered: the outcome is unknown, and the client may try again.
    Fail,
}

impl KeyspaceConfig {
    /// Whether some command of the mix sets an expiry.
    pub fn sets_expiry(&self) -> bool {
        self.mix
            .iter()
            .any(|&(command, _)| super::commands::sets_expiry(command))
    }

    /// Whether the mix has only commands of which each write has one effect on a string, a counter or an element of a set.
    pub fn is_plain(&self) -> bool {
        self.mix
            .iter()
            .all(|&(command, _)| super::commands::is_plain(command))
    }

    /// What its keys hold: the type of the first command that has one.
    pub fn data_type(&self) -> DataType {
        self.mix
            .iter()
            .find_map(|(command, _)| command.data_type())
            .unwrap_or(DataType::String)
    }
}

/// Sizes of values in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ByteSize(pub u32);

/// How keys of a keyspace are chosen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Popularity {
    /// Each key alike.
    Uniform,
    /// Zipf: the key of rank r has weight r^-exponent.
    Zipf {
        /// Above 0; 0.99 is the customary value (YCSB).
        exponent: f64,
    },
}

/// Who shares the keys of a keyspace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scope {
    /// Each home population has keys of its own.
    Home,
    /// All populations use the same keys.
    Global,
    /// This share of accesses goes to keys that all populations use, the rest to the population's own.
    Shared(f64),
}

/// Session guarantee that a keyspace's readers expect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Session {
    /// None is expected.
    None,
    /// An app server expects to read its own acknowledged writes, and never an older value than it
    /// has read before. Violations are counted.
    ReadYourWrites,
}
