//! What goes wrong: the fault plan and what each fault touches.

mod chaos;
mod degradation;
mod draw;
mod membership;
mod plan;
mod routing;
mod told;
mod upkeep;

pub use chaos::{ChaosConfig, ChaosKind, ChaosPlace};
pub use degradation::{Degradation, Skew};
pub use draw::draw_plan;
pub use membership::{MembershipAction, MembershipChange, Trigger};

pub use plan::{
    Disks, FaultKind, FaultSpec, Flapping, OldActive, Part, PathSelector, PlannedFault, Takes,
    TrafficScope,
};

pub use routing::{ProxyEnd, RoutingFault};
pub use upkeep::{Upkeep, UpkeepTask, Window};

pub use crate::network::{InFlight, Silence};
