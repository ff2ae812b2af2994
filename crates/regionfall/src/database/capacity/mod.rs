//! Capacity: how long a process works on each command, how many clients a node admits, and how fast.
//!
//! A database process has one thread and takes work in the order in which it arrives. What cannot be served at
//! once waits, and is served even if its client has given up meanwhile: that is why a burst of retries may
//! keep a process busy with answers that nobody reads any more (a *metastable* overload).
//!
//! Not here: which message is which work, and when it is executed: the world does both.

mod limit;
mod process;

pub use limit::RateLimit;
pub use process::{Load, Process};

use regionfall_crdt::CommandKind;
use regionfall_kernel::{Distribution, SimDuration};

/// What a node can do, and what it admits.
#[derive(Clone, PartialEq, Debug)]
pub struct CapacityConfig {
    /// How long a process works.
    pub service: ServiceTimes,
    /// Most client connections of a node, as Redis's `maxclients`; `None` is no limit.
    pub max_clients: Option<u32>,
    /// New client connections of a node per second, beyond which they are refused; `None` is no limit.
    pub new_connections: Option<Limit>,
    /// Commands of a member per second, shared evenly by its shards; `None` is no limit.
    pub commands: Option<(Limit, OverLimit)>,
}

/// How long a process works on one thing, all beside the network.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceTimes {
    /// A command that reads one key or element.
    pub read: Distribution,
    /// A command that writes.
    pub write: Distribution,
    /// Added for each element that an O(N) command returns.
    pub per_element: SimDuration,
    /// An effect of another member, applied.
    pub apply: SimDuration,
    /// A new connection, accepted.
    pub accept: SimDuration,
    /// The TLS handshake of a new connection, where the client uses TLS.
    pub tls: SimDuration,
}

/// A rate with the burst that it lets pass.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limit {
    /// Events per second, above 0.
    pub per_second: f64,
    /// How much unused allowance is kept: `per_second` times this may pass at one moment.
    pub window: SimDuration,
}

/// What becomes of a command beyond the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverLimit {
    /// It waits for its turn, and all behind it.
    Delayed,
    /// It is answered with an error and not executed.
    Refused,
}

/// What a command costs, roughly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandClass {
    /// Reads one key or element, or nothing.
    Read,
    /// Writes.
    Write,
    /// Reads all elements of a key: its time grows with their number.
    Heavy,
}

impl CommandClass {
    /// The class of a command.
    pub fn of(command: CommandKind) -> Self {
        if command.is_write() {
            Self::Write
        } else if command == CommandKind::SMembers {
            Self::Heavy
        } else {
            Self::Read
        }
    }
}

#[cfg(test)]
mod tests;
