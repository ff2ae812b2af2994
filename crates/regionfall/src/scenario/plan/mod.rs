//! Fault plans as text: what a plan prints is a piece of a scenario file, and is read back as the same plan.
//!
//! Not here: how a fault acts, and whole scenarios.

mod print;
mod routing;
mod upkeep;

use super::build::Builder;
use super::error::ScenarioError;
use super::model::Settings;
use super::read::files::{Files, NoFiles};
use super::read::resolve::Resolver;
use super::read::tree::{Node, Value};
use super::read::{derive, document};
use super::schema::PLAN;
use crate::fault::FaultSpec;
use crate::topology::TopologyConfig;

pub(crate) use print::fields;
#[cfg(feature = "proptest")]
pub(crate) use print::is_act;

/// A plan as `[[fault]]` tables of a scenario file, one key to a line. Regions are called by their names in `topology`.
///
/// Operators' acts (`promote`, `restore`, `force-remove`, …) are not undone: how long they last is not written.
pub fn plan_to_toml(plan: &[FaultSpec], topology: &TopologyConfig) -> String {
    let mut out = String::new();
    for fault in plan {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("[[fault]]\n");
        for (key, node) in fields(fault, topology).0 {
            out.push_str(&key);
            out.push_str(" = ");
            out.push_str(&node.value.to_toml());
            out.push('\n');
        }
    }
    out
}

/// A plan as one line for each fault, as in `fault = [ … ]`.
pub fn plan_lines(plan: &[FaultSpec], topology: &TopologyConfig) -> Vec<String> {
    plan.iter()
        .map(|fault| Value::Table(fields(fault, topology)).to_toml())
        .collect()
}

/// Reads a plan: `[[fault]]` tables against the topology, the phases and the database of `settings`.
///
/// # Errors
/// As for a scenario file: unknown keys, regions that are not there, moments outside of the storm.
pub fn plan_from_toml(text: &str, settings: &Settings) -> Result<Vec<FaultSpec>, ScenarioError> {
    let mut files = Files::new(&NoFiles);
    let source = files.add("plan", text);
    let mut root = document::read(&files.sources[source], source).map_err(ScenarioError::new)?;
    derive::takes(&mut root);
    let mut resolver = Resolver {
        files: &mut files,
        problems: Vec::new(),
    };
    let root = resolver.root(root, &PLAN);
    let mut problems = resolver.problems;
    let mut plan = Vec::new();
    if problems.is_empty() {
        let mut builder = Builder::new(&mut files);
        let nodes = root.get("fault").and_then(Node::list).unwrap_or(&[]);
        plan = builder.plan(nodes, settings);
        problems = builder.problems;
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(ScenarioError::new(problems))
    }
}
