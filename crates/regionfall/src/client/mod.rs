//! The application's side: app servers, their pools, operations under way, and retries.
//!
//! Only state and rules; the world carries out what they decide.

mod operation;
mod retry;
mod server;
mod steering;

pub use operation::{Operation, Operations, Slot};
pub use retry::{next_attempt_after, proves_no_effect};
pub use server::{AppServer, Finding, Pooled, PooledState};
pub use steering::Steering;
