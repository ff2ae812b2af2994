//! The Active-Active database: members, shards, the journal of effects, and the links that carry them.
//!
//! Only state and rules that need no network; the world moves the messages.

mod availability;
mod capacity;
mod config;
mod journal;
mod link;
mod member;
mod memory;

pub use availability::{
    Availability, AvailabilityConfig, CheckScope, LagCheck, Seen, SourceLag, Unavailable,
    UnreachablePeers,
};
pub use capacity::{CapacityConfig, CommandClass, Limit, Load, OverLimit, Process, RateLimit, ServiceTimes};
pub use config::{DatabaseConfig, SyncConfig};
pub use journal::Journal;
pub use link::{Link, LinkState, Missed};
pub use memory::{AtLimit, EVICTION_SAMPLES, Eviction, EvictionOrder, KeyUse, MemoryConfig, Pressure};
pub use member::{Member, Shard, shard_of};
