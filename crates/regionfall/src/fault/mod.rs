//! What goes wrong: the fault plan and what each fault touches.

mod draw;
mod plan;

pub use draw::draw_plan;

pub use plan::{
    Disks, FaultKind, FaultSpec, Flapping, OldActive, Part, PathSelector, PlannedFault, Takes,
    TrafficScope,
};

pub use crate::network::{InFlight, Silence};
