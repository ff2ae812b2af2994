//! Reading scenarios: the committed ones, a collection of wrong ones with the messages that they must
//! give, and mutations of both, which must never do worse than an error.

mod documents;
mod layers;
mod messages;
mod reading;

use std::fmt::Write as _;

use proptest::prelude::*;
use regionfall::failover::{Catalogue, Failback, Propagation};
use regionfall::fault::FaultKind;
use regionfall::scenario::{
    Loaded, Objective, ProblemKind, Scenario, ScenarioError, Sense, Statistic, schema,
};
use regionfall::workload::Arrivals;
use regionfall_kernel::SimDuration;

use crate::files::{Bytes, Folder, ROOT, files, mangled, mutation, snapshot};

const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad-scenarios/");

fn load(path: &str, set: &[(&str, &str)]) -> Result<Loaded, ScenarioError> {
    let set: Vec<(String, String)> = set
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Scenario::load(path, &Folder(ROOT), &set)
}

fn region_loss(set: &[(&str, &str)]) -> Loaded {
    load("sims/region-loss.toml", set).unwrap_or_else(|error| panic!("{error}"))
}

/// A small scenario with the rest of it as given.
fn small(rest: &str) -> Result<Scenario, ScenarioError> {
    Scenario::from_toml(&format!(
        "[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n{rest}"
    ))
}

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";
