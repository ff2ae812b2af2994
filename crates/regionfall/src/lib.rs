//! A deterministic model of multi-region Active-Active databases and their failover.
//!
//! It runs members that merge by CRDT rules, the network between them, app servers with their connection
//! pools, and the failover machinery, under seeded and repeatable faults; it checks what must hold and measures
//! what is lost and how long clients are down.
//!
//! ```
//! use regionfall::scenario::Scenario;
//! use regionfall::simulation::Simulation;
//! use regionfall_kernel::{Seed, SimDuration};
//!
//! let scenario = Scenario::from_toml(r#"
//!     title = "A host dies"
//!     [phases]
//!     warm_up = "5s"
//!     storm = "30s"
//!     calm = "10s"
//!     [topology]
//!     rtt = "aws"
//!     regions = ["us-east-1", "eu-west-1"]
//!     [[strategy]]
//!     preset = "jedis-multidb"
//!     [[fault]]
//!     kind = "host-crash"
//!     region = "us-east-1"
//!     at = "10s"
//!     lasts = "20s"
//! "#)?;
//! let outcome = Simulation::new(&scenario, Seed::new(7)).run()?;
//! outcome.expect_all_held();
//! assert!(outcome.metrics().rto().max() < SimDuration::from_secs(60), "{}", outcome.story());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Modules are in the order in which they depend on each other: each uses only those before it.

pub mod topology;

pub mod network;

pub mod fault;

pub mod history;

pub mod database;

pub mod workload;

pub mod failover;

pub mod route;

pub mod client;

pub mod check;

pub mod metric;

pub mod scenario;

pub mod conflict;

pub mod simulation;

pub mod explore;

#[cfg(feature = "proptest")]
pub mod arbitrary;
