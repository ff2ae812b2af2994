//! The database: members, the nodes of their clusters, shards, the journal of effects, and the links that carry them.
//!
//! Only state and rules that need no network; the world moves the messages.

mod backlog;
mod config;
mod journal;
mod link;
mod member;
mod node;

pub use backlog::Backlog;
pub use config::{
    Carrier, DatabaseConfig, DatabaseKind, Entrance, FullSyncConfig, Placement, Stale, SyncConfig,
};
pub use journal::Journal;
pub use link::{FullSync, Link, LinkState, Missed, Progress, Scope, Stage};
pub use member::{Member, Relay, shard_of};
pub use node::{Node, Role, Shard};
