//! Real async client code against the model, in simulated time.
#![allow(dead_code)]

pub mod address;
mod app_server;
mod books;
mod connector;
mod error;
mod hub;
mod lane;
mod manager;
mod resp;
mod scope;
mod session;
mod socket;
mod transcript;

pub use app_server::{AppServer, Request, Workload};
pub use connector::{Connection, Connector};
pub use error::LaneError;
pub use lane::Lane;
pub use manager::{Manager, ManagerConfig};
pub use socket::Socket;
pub use transcript::Difference;
