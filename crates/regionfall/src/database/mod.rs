//! The database: members, the nodes of their clusters, shards, the journal of effects, the links that carry them, and
//! disks.
//!
//! Only state and rules that need no network; the world moves the messages.

mod availability;
mod backlog;
mod capacity;
mod config;
mod journal;
mod link;
mod member;
mod memory;
mod node;
pub mod persistence;
pub mod promotion;

pub use availability::{
    Availability, AvailabilityConfig, CheckScope, LagCheck, Seen, SourceLag, Unavailable,
    UnreachablePeers,
};
pub use backlog::Backlog;
pub use capacity::{
    CapacityConfig, CommandClass, Limit, Load, OverLimit, Process, RateLimit, ServiceTimes,
};
pub use config::{
    Carrier, DatabaseConfig, DatabaseKind, Entrance, FullSyncConfig, Placement, Stale, SyncConfig,
};
pub use journal::Journal;
pub use link::{FullSync, Link, LinkState, Missed, Progress, Scope, Stage};
pub use member::{Member, Relay, shard_of};
pub use memory::{
    AtLimit, EVICTION_SAMPLES, Eviction, EvictionOrder, KeyUse, MemoryConfig, Pressure,
};
pub use node::{Node, Role, Shard, Standing};
