//! What goes wrong: the fault plan and what each fault touches.

mod degradation;
mod draw;
mod membership;
mod plan;
mod upkeep;

pub use degradation::{Degradation, Skew};
pub use draw::draw_plan;
pub use membership::{MembershipAction, MembershipChange, Trigger};

pub use plan::{
    Disks, FaultKind, FaultSpec, Flapping, OldActive, Part, PathSelector, PlannedFault, Takes,
    TrafficScope,
};

pub use upkeep::{Upkeep, UpkeepTask, Window};

pub use crate::network::{InFlight, Silence};
