//! The world and its runs.

mod blueprint;
mod builder;
mod deciding;
mod endpoint;
mod event;
mod outcome;
mod replication;
mod run;
mod serving;
mod storm;
mod traffic;
mod world;

pub use blueprint::Blueprint;
pub use builder::{PickError, Simulation};
pub use endpoint::{Answer, EndpointId};
pub use outcome::{Label, Outcome};
pub use run::{MODEL_VERSION, seeds};
pub use world::World;
