//! The world and its runs.

mod afflictions;
mod answering;
mod asking;
mod backlog;
mod blueprint;
mod builder;
mod costs;
mod deciding;
mod endpoint;
mod event;
mod external;
mod letter;
mod link_health;
mod links;
mod outcome;
mod placing;
mod pooling;
mod promoting;
mod replication;
mod routing;
mod run;
mod serving;
mod stepped;
mod storm;
mod stream;
mod world;

pub use blueprint::Blueprint;
pub use builder::{PickError, Simulation};
pub use endpoint::{Answer, EndpointId};
pub use external::Question;
pub use outcome::{Label, Outcome};
pub use run::{MODEL_VERSION, run_for_benchmark, seeds};
pub(crate) use run::{Plan, run, run_with};
pub use stepped::SteppedRun;
pub use stream::{Heard, SEGMENT_BYTES, StreamEvent, StreamId, Taken, WINDOW_BYTES};
pub use world::World;
