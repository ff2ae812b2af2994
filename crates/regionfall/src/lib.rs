//! placeholder
pub mod topology;
pub mod network;
pub mod fault;
pub mod history;
pub mod database;
pub mod workload;
pub mod failover;
pub mod route;
pub mod client;
pub mod check;
pub mod metric;
pub mod scenario;
pub mod simulation;
pub mod explore;
