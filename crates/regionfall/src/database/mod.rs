//! The Active-Active database: members, shards, the journal of effects, the links that carry them, and disks.
//!
//! Only state and rules that need no network; the world moves the messages.

mod config;
mod journal;
mod link;
mod member;
pub mod persistence;

pub use config::{DatabaseConfig, SyncConfig};
pub use journal::Journal;
pub use link::{Link, LinkState, Missed};
pub use member::{Member, Shard, shard_of};
