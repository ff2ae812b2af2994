//! What carries traffic from an app server to a member: routes, and the names that lead to them.

mod dns;
mod hops;

pub use dns::{Answers, Resolved, Resolver};
pub use hops::{Hop, Route};
