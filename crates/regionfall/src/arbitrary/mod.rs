//! Generated scenarios and their parts for property tests: with [`proptest`], which shrinks what fails by itself.
//!
//! ```
//! use proptest::prelude::*;
//! use regionfall::arbitrary;
//! use regionfall::simulation::Simulation;
//! use regionfall_kernel::Seed;
//!
//! # let mut config = ProptestConfig::with_cases(2);
//! # config.failure_persistence = None;
//! proptest!(config, |(drawn in arbitrary::scenario(), seed in 0_u64..1_000)| {
//!     let outcome = Simulation::new(&drawn.scenario, Seed::new(seed)).run().unwrap();
//!     prop_assert!(outcome.is_within_budget(), "{}\n{}", outcome.story(), drawn.toml);
//! });
//! ```
//!
//! The plan shrinks, the seed does not: another seed is another run, not a simpler one. What is drawn is small on purpose:
//! a few members, app servers and keys, a storm of half a minute. Small worlds run in milliseconds, and collide often.
//!
//! Not here: faults drawn from rates, which scenario files use (`[chaos]`), and the search that needs no proptest
//! ([`Hunt`](crate::explore::Hunt)).

mod campaign;
mod fault;
mod routing;
mod work;
mod world;

pub use campaign::{Campaign, Failed};
pub use fault::{fault, fault_plan};
pub use world::{Generated, scenario, topology, workload};
