//! What the applications do: arrivals, mixes, keyspaces, fleets.

pub(crate) mod commands;
mod config;
mod generator;
mod popularity;

pub use config::{
    Arrivals, ByteSize, FleetConfig, KeyspaceConfig, Popularity, Scope, Session, TooFew,
    WaitCommand, WaitConfig, WorkloadConfig,
};
pub use generator::{Request, Workload, arrival_bits, request_draws};
