//! The world and its runs.

mod afflictions;
mod answering;
mod asking;
mod backlog;
mod blueprint;
mod builder;
mod causal;
mod collecting;
mod costs;
mod deciding;
mod endpoint;
mod event;
mod letter;
mod link_health;
mod links;
mod operating;
mod outcome;
mod placing;
mod pooling;
mod promoting;
mod replication;
mod routing;
mod run;
mod serving;
mod stale;
mod storm;
mod synchronizing;
mod world;

pub use blueprint::Blueprint;
pub use builder::{PickError, Simulation};
pub use endpoint::{Answer, EndpointId};
pub use outcome::{Label, Outcome};
pub use run::{MODEL_VERSION, run_for_benchmark, seeds};
pub(crate) use run::{Plan, run, run_with};
pub use synchronizing::Synchronizations;
pub use world::World;
