//! Failover logic: pure deciders and the six parts they are composed of.
//!
//! | part | question | module |
//! |---|---|---|
//! | vantage | who decides? | `checker` with `traffic_manager`, `client_judge` |
//! | evidence | what does it see? | `watch` |
//! | detector | when is it a failure? | `detector` |
//! | choice | where to go? | `choice` |
//! | propagation | how do clients learn? | `Propagation`, carried out by `route` and `client` |
//! | failback | when and how back? | `Failback`, carried out by the vantage |

mod checker;
mod choice;
mod client_judge;
mod config;
mod decider;
mod detector;
mod preset;
mod traffic_manager;
mod watch;

pub use checker::Checker;
pub use client_judge::ClientJudge;
pub use config::{
    Adopt, Choice, ClientConfig, Detector, Evidence, Failback, Pace, ProbeConfig, ProbeKind,
    Propagation, ResolverClass, ResolverShare, RoundPolicy, StrategyConfig, Vantage,
};
pub use decider::{Action, Decider, LocalTime, Probe, ProbeOutcome, Sight};
pub(crate) use preset::PresetError;
pub use preset::{Catalogue, Detection, Grade, Number, Preset};
pub use traffic_manager::{TrafficManager, TrafficManagerConfig};
