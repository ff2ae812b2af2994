//! The database of a scenario.

use regionfall_kernel::{Distribution, SimDuration};

use super::persistence::{ExportConfig, PersistenceConfig};
use super::promotion::PromotionConfig;
use super::{AvailabilityConfig, CapacityConfig, MemoryConfig};

/// A database.
#[derive(Clone, PartialEq, Debug)]
pub struct DatabaseConfig {
    /// Who takes writes, and who follows whom.
    pub kind: DatabaseKind,
    /// Shards of each member, at least 1. Every shard streams its effects on links of its own.
    pub shards: u16,
    /// Copies of each shard beside the primary, within the member: each on a node of its own.
    pub replicas_per_shard: u16,
    /// In which zones the nodes of a member stand.
    pub placement: Placement,
    /// How clients reach a shard.
    pub entrance: Entrance,
    /// Replication between members.
    pub sync: SyncConfig,
    /// Who becomes primary when a primary fails, and when a primary refuses writes.
    pub promotion: PromotionConfig,
    /// What its nodes can do, and what they admit; `None` is everything, at once.
    pub capacity: Option<CapacityConfig>,
    /// How much memory its nodes have; `None` is as much as they need.
    pub memory: Option<MemoryConfig>,
    /// How they answer availability checks.
    pub availability: AvailabilityConfig,
    /// What is kept on disk; `None` is an idealized disk, on which everything executed is at once and at no cost.
    pub persistence: Option<PersistenceConfig>,
    /// Exports of members, if there are any.
    pub export: Option<ExportConfig>,
}

/// Who takes writes, and who follows whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DatabaseKind {
    /// One member; no region but its own has a copy.
    Standalone,
    /// Members that know nothing of each other.
    Independent,
    /// One member with replicas in its own region, of which one is promoted when the primary fails.
    PrimaryReplica,
    /// The first member takes writes, the others follow it and refuse them until an operator promotes one.
    GeoPassive,
    /// Every member takes writes; conflicts are resolved by data type.
    ActiveActive,
}

impl DatabaseKind {
    /// Whether effects of one member go to another.
    pub fn replicates(self, from: usize, to: usize) -> bool {
        match self {
            Self::Standalone | Self::Independent | Self::PrimaryReplica => false,
            Self::GeoPassive => from == 0 && to != 0,
            Self::ActiveActive => from != to,
        }
    }
}

/// In which zones the nodes of a member stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// All in the first.
    SingleZone,
    /// Each in the next zone of the region in turn (rack-zone awareness).
    MultiZone,
}

/// How clients reach a shard of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrance {
    /// At the primary's own address.
    Direct,
    /// At an endpoint on one of the nodes: a proxy that hands each request to the primary of its shard. The
    /// primaries of a member's shards are spread over its nodes.
    Proxy,
    /// At the address that a Sentinel names: clients ask one before they connect.
    Sentinel,
}

impl DatabaseConfig {
    /// An Active-Active database whose members have one node each.
    pub fn active_active(shards: u16, sync: SyncConfig) -> Self {
        Self {
            kind: DatabaseKind::ActiveActive,
            shards,
            replicas_per_shard: 0,
            placement: Placement::MultiZone,
            entrance: Entrance::Proxy,
            sync,
            promotion: PromotionConfig::NONE,
            capacity: None,
            memory: None,
            availability: AvailabilityConfig::default(),
            persistence: None,
            export: None,
        }
    }

    /// Nodes of each member.
    pub fn nodes_per_member(&self) -> usize {
        usize::from(self.replicas_per_shard) + 1
    }

    /// Which node of a member holds the primary of a shard at first, counted within the member.
    pub fn first_primary(&self, shard: u16) -> usize {
        match self.entrance {
            Entrance::Direct | Entrance::Sentinel => 0,
            Entrance::Proxy => usize::from(shard) % self.nodes_per_member(),
        }
    }
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
