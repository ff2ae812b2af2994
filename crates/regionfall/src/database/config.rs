//! The database of a scenario.

use regionfall_kernel::{Distribution, SimDuration};

use super::{AvailabilityConfig, CapacityConfig, MemoryConfig};

/// An Active-Active database: one member in each of the first regions of the topology.
#[derive(Clone, PartialEq, Debug)]
pub struct DatabaseConfig {
    /// Shards of each member, at least 1. Every shard streams its effects on links of its own.
    pub shards: u16,
    /// Replication between members.
    pub sync: SyncConfig,
    /// What its nodes can do, and what they admit; `None` is everything, at once.
    pub capacity: Option<CapacityConfig>,
    /// How much memory its nodes have; `None` is as much as they need.
    pub memory: Option<MemoryConfig>,
    /// How they answer availability checks.
    pub availability: AvailabilityConfig,
}

/// Replication between members: one directed link per pair of members and shard.
#[derive(Clone, PartialEq, Debug)]
pub struct SyncConfig {
    /// From a write's acknowledgement to its effect leaving for the peers, beside the network: batching
    /// and the syncer's work. Effects of one link keep their order.
    pub processing: Distribution,
    /// A syncer that lost its connection tries to open a new one after this long, again and again.
    pub reconnect_every: SimDuration,
    /// A syncer that has heard nothing for this long gives its connection up.
    pub silence_limit: SimDuration,
    /// From the start of a database process (or of its host) to its first answer.
    pub restart: Distribution,
}
