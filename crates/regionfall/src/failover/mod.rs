//! Failover logic: pure deciders and the six parts they are composed of.
//!
//! | part | question | module |
//! |---|---|---|
//! | vantage | who decides? | `checker` with `traffic_manager` (alone: a balancer), `client_judge` (also of a proxy), `coordinator`, `runbook` |
//! | evidence | what does it see? | `watch`, `client_judge/hearing` |
//! | detector | when is it a failure? | `detector`, `accrual`, `ejection` |
//! | choice | where to go? | `choice`, `client_judge/ranking` |
//! | propagation | how do clients learn? | `Propagation`, carried out by `route` and `client`; what carries traffic: `relay` |
//! | failback | when and how back? | `Failback`, `Returning`, carried out by the vantage |

mod accrual;
mod checker;
mod choice;
mod client_judge;
mod conduct;
mod config;
mod coordinator;
mod decider;
mod detector;
mod ejection;
mod evidence;
mod note;
mod preset;
mod preset_clients;
mod preset_page;
mod preset_routes;
mod relay;
mod runbook;
mod traffic_manager;
mod vrrp;
mod watch;

pub use checker::Checker;
pub use client_judge::{ClientJudge, Seat};
pub use conduct::{
    AsksBy, ClientHabits, Conduct, LeaseConfig, RankBy, Ranking, RetryClass, RetryJitter,
    Returning, Rounds, RunbookConfig, Votes,
};
pub use config::{
    Adopt, Choice, ClientConfig, Detector, Evidence, Failback, NameConfig, Pace, ProbeConfig,
    ProbeKind, Propagation, ResolverClass, ResolverShare, RoundPolicy, StrategyConfig, Vantage,
};
pub use coordinator::Coordinator;
pub use decider::{Action, Decider, LocalTime, Probe, ProbeOutcome, Sight};
pub use evidence::{
    AccrualConfig, Channels, CustomCheck, EjectionConfig, GapModel, HeartbeatConfig, Isolated,
    KeySample, ProbeRefinement, SilenceConfig, SilenceSince, WindowMoves,
};
pub use note::{Note, Party};
pub(crate) use preset::PresetError;
pub use preset::{Catalogue, Detection, Grade, Number, Preset};
pub use relay::{
    BalancerConfig, Connections, Observe, ObserveAction, OnDown, PoolConfig, RelayConfig,
    RelayPlace, SyncerConfig, Takeover, UpstreamConfig, VrrpConfig,
};
pub use runbook::Runbook;
pub use traffic_manager::{TrafficManager, TrafficManagerConfig};
pub use vrrp::{RouterAction, RouterState, RouterTimer, VrrpRouter};
