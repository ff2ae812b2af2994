//! Who becomes primary when a primary fails: state machines for what the products do.
//!
//! | product | who decides | module |
//! |---|---|---|
//! | Redis Cluster | the replica that a majority of primaries votes for | `cluster` |
//! | Redis with Sentinel | an elected Sentinel, when enough of them hold the primary for down | `sentinel` |
//!
//! They see messages, answers, timers and the clock of their own host; they know nothing of the world.

pub mod cluster;
pub mod sentinel;
