//! Who becomes primary when a primary fails: state machines for what the products do.
//!
//! | product | who decides | module |
//! |---|---|---|
//! | Redis Cluster | the replica that a majority of primaries votes for | `cluster` |
//! | Redis Software, managed services | a majority of the nodes' watchdogs | `watchdog` |
//! | Redis with Sentinel | an elected Sentinel, when enough of them hold the primary for down | `sentinel` |
//!
//! They see messages, answers, timers and the clock of their own host; they know nothing of the world.
//! Beside them: planned maintenance, and what a primary knows of its replicas.

pub mod cluster;
mod config;
pub mod guard;
pub mod maintenance;
pub mod sentinel;
pub mod watchdog;

pub use config::{PromotionConfig, PromotionRule, SentinelsAt, SentinelsConfig};
