//! Scenario files: what they mean, how they are read, and what is wrong with them.
//!
//! [`Scenario`] is what a file means. [`Scenario::load`] reads one, through the one declared
//! [`schema`]; a [`ScenarioError`] holds everything that is wrong with it, with file, line and key.

pub mod expect;
pub mod model;
pub mod product;
pub mod reference;
pub mod schema;

mod build;
mod columns;
mod error;
mod load;
mod plan;
pub(crate) mod read;
mod resolved;
mod spans;
mod warning;

pub use expect::{Expect, KnownFailure, Promised, Replay};

pub use error::{Place, Problem, ProblemKind, ScenarioError, nearest};
pub use load::Loaded;
pub use model::{
    Case, Objective, Phases, Recovered, Scenario, Sense, Settings, Statistic, Ties, Variant,
};
pub(crate) use plan::fields as fault_fields;
#[cfg(feature = "proptest")]
pub(crate) use plan::is_act;
pub use plan::{plan_from_toml, plan_lines, plan_to_toml};
pub use read::files::{LoadError, Loader, NoFiles};
pub use reference::Reference;
pub use resolved::ResolvedScenario;
pub(crate) use spans::{median_of, span_of, span_text};
pub use warning::Warning;
