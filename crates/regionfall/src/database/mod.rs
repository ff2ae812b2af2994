//! The database: members, the nodes of their clusters, shards, the journal of effects, the links that carry them, and
//! disks.
//!
//! Only state and rules that need no network; the world moves the messages.

mod availability;
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
pub use capacity::{
    CapacityConfig, CommandClass, Limit, Load, OverLimit, Process, RateLimit, ServiceTimes,
};
pub use config::{DatabaseConfig, DatabaseKind, Entrance, Placement, SyncConfig};
pub use journal::Journal;
pub use link::{Link, LinkState, Missed, Scope};
pub use member::{Member, Relay, shard_of};
pub use memory::{
    AtLimit, EVICTION_SAMPLES, Eviction, EvictionOrder, KeyUse, MemoryConfig, Pressure,
};
pub use node::{Node, Role, Shard};
