//! The database of a scenario.

use regionfall_kernel::{Distribution, SimDuration};

use super::persistence::{ExportConfig, PersistenceConfig};

/// An Active-Active database: one member in each of the first regions of the topology.
#[derive(Clone, PartialEq, Debug)]
pub struct DatabaseConfig {
    /// Shards of each member, at least 1. Every shard streams its effects on links of its own.
    pub shards: u16,
    /// Replication between members.
    pub sync: SyncConfig,
    /// What is kept on disk; `None` is an idealized disk, on which everything executed is at once and at no cost.
    pub persistence: Option<PersistenceConfig>,
    /// Exports of members, if there are any.
    pub export: Option<ExportConfig>,
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
