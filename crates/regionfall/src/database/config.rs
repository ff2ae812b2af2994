//! The database of a scenario.

use regionfall_kernel::{Distribution, SimDuration};

use super::backlog::Backlog;
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
    /// Nodes of each member that hold no copy until one is made there.
    pub spare_nodes: u8,
    /// In which zones the nodes of a member stand.
    pub placement: Placement,
    /// How clients reach a shard.
    pub entrance: Entrance,
    /// Bytes of a member's data; `None` takes what the workload's keys take. A workload is often a sample of the keys
    /// that the real database has: what is copied whole has the real size.
    pub size: Option<u64>,
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
            // Who takes writes of a passive member's database changes: that is for the world.
            Self::Standalone | Self::Independent | Self::PrimaryReplica | Self::GeoPassive => false,
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
    /// The same, and clients find the endpoint's node by asking the cluster's discovery service before they connect.
    Discovery,
    /// At the address that a Sentinel names: clients ask one before they connect.
    Sentinel,
    /// At the node that the client's slot map names for the key (Redis Cluster, OSS Cluster API). A process that does
    /// not serve the slot names the one that does. The primaries of a member's shards are spread over its nodes.
    Cluster,
}

impl Entrance {
    /// Whether a proxy hands each request to the primary of its shard.
    pub const fn is_proxied(self) -> bool {
        matches!(self, Self::Proxy | Self::Discovery)
    }
}

impl DatabaseConfig {
    /// An Active-Active database whose members have one node each.
    pub fn active_active(shards: u16, sync: SyncConfig) -> Self {
        Self {
            kind: DatabaseKind::ActiveActive,
            shards,
            replicas_per_shard: 0,
            spare_nodes: 0,
            placement: Placement::MultiZone,
            entrance: Entrance::Proxy,
            size: None,
            sync,
            promotion: PromotionConfig::NONE,
            capacity: None,
            memory: None,
            availability: AvailabilityConfig::default(),
            persistence: None,
            export: None,
        }
    }

    /// Whether one member at a time takes writes, and which one an operator may change: the others are passive, or
    /// exist only as places where the database can be created again.
    pub fn has_one_active(&self, members: usize) -> bool {
        match self.kind {
            DatabaseKind::GeoPassive => true,
            DatabaseKind::Standalone | DatabaseKind::PrimaryReplica => members > 1,
            DatabaseKind::Independent | DatabaseKind::ActiveActive => false,
        }
    }

    /// Nodes of each member.
    pub fn nodes_per_member(&self) -> usize {
        self.copies_per_shard() + usize::from(self.spare_nodes)
    }

    /// Copies of each shard of a member at first, the primary included: each on a node of its own.
    pub fn copies_per_shard(&self) -> usize {
        usize::from(self.replicas_per_shard) + 1
    }

    /// Which node of a member holds the primary of a shard at first, counted within the member.
    pub fn first_primary(&self, shard: u16) -> usize {
        match self.entrance {
            Entrance::Direct | Entrance::Sentinel => 0,
            Entrance::Proxy | Entrance::Discovery | Entrance::Cluster => {
                usize::from(shard) % self.copies_per_shard()
            }
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
    /// How much of what it wrote a process keeps to send again as single effects.
    pub backlog: Backlog,
    /// How a shard's whole state gets from a member to another.
    pub full_sync: FullSyncConfig,
    /// Whether a restarted shard refuses writes until it has caught up.
    pub stale: Stale,
    /// Which node of the source carries the links to other members.
    pub carrier: Carrier,
    /// Whether every member passes on what it gets, in its order, so that nobody sees a reaction before its cause.
    pub is_causal: bool,
    /// The defect that a syncer which starts must reach all its sources before any of them sends.
    pub needs_all_sources: bool,
    /// Whether a replica that connects anew gets the whole state from its primary, however little it lacks.
    pub replicas_resync_fully: bool,
}

impl SyncConfig {
    /// Links with these timers, and otherwise the simplest of everything: a backlog without limit, full states that
    /// take no time of their own, no stale mode, links from process to process.
    pub fn plain(
        processing: Distribution,
        reconnect_every: SimDuration,
        silence_limit: SimDuration,
        restart: Distribution,
    ) -> Self {
        Self {
            processing,
            reconnect_every,
            silence_limit,
            restart,
            backlog: Backlog::Unlimited,
            full_sync: FullSyncConfig::default(),
            stale: Stale::Off,
            carrier: Carrier::Direct,
            is_causal: false,
            needs_all_sources: false,
            replicas_resync_fully: false,
        }
    }
}

/// How a shard's whole state gets from a member to another: a snapshot is made, sent and loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FullSyncConfig {
    /// Bytes a second that the source writes into a snapshot; `None` takes no time.
    pub snapshot: Option<u64>,
    /// Bytes a second that one link transfers, if the path lets it; `None` is no limit.
    pub transfer: Option<u64>,
    /// Bytes a second that the target takes in; `None` takes no time.
    pub load: Option<u64>,
    /// From how many sources a member takes states at a time; `None` is no limit.
    pub sources: Option<u16>,
    /// How many shards of one source at a time; `None` is no limit.
    pub shards_per_source: Option<u16>,
}

impl FullSyncConfig {
    /// Whether a state takes time beside that of the path, or may have to wait its turn.
    pub fn takes_time(&self) -> bool {
        *self != Self::default()
    }
}

/// Whether a restarted shard of an Active-Active database refuses writes until it has caught up with its peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stale {
    /// It takes writes at once.
    Off,
    /// It serves reads and refuses writes if it holds data. It takes writes again when it has what each source that it
    /// reaches had, or when it has reached none for `alone_after`.
    AfterRestart {
        /// [`SimDuration::FOREVER`] if it waits for a source however long that takes.
        alone_after: SimDuration,
    },
}

/// Which node of the source carries the links to other members (Redis Software docs, Active-Active synchronization
/// mode).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// The one that holds the process which feeds the link.
    Direct,
    /// For all links the one with the database's endpoint.
    Centralized,
    /// Any, by turns.
    Distributed,
}
