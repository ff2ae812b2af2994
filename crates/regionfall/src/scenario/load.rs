//! Loading: from the path of a file to a checked scenario.

use super::build::Builder;
use super::error::{Problem, ProblemKind, ScenarioError};
use super::expect::Expect;
use super::model::{Scenario, Variant};
use super::read::files::{Files, Loader, NoFiles};
use super::read::layer::{self, Overlay};
use super::read::resolve::Resolver;
use super::read::tree::{Fields, Node};
use super::read::{derive, path};
use super::resolved::ResolvedScenario;
use super::schema::ROOT;
use super::warning::{self, Warning};
use crate::failover::Catalogue;

/// A scenario with what its reading brought to light.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to run.
    pub scenario: Scenario,
    /// Every setting with its origin.
    pub resolved: ResolvedScenario,
    /// What will disappoint.
    pub warnings: Vec<Warning>,
}

impl Scenario {
    /// Reads a scenario and the files that it names.
    ///
    /// `overrides` are pairs of a key path and a value as `--set` takes them: TOML, or a text without
    /// its quotes. They win over everything.
    pub fn load(
        path: &str,
        loader: &dyn Loader,
        overrides: &[(String, String)],
    ) -> Result<Loaded, ScenarioError> {
        let mut files = Files::new(loader);
        let tree = layer::read_file(&mut files, path).map_err(ScenarioError::new)?;
        let stem = path.rsplit('/').next().unwrap_or(path);
        let title = stem.strip_suffix(".toml").unwrap_or(stem);
        finish(&mut files, &tree, title, overrides)
    }

    /// Reads a scenario that names no other files.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let mut files = Files::new(&NoFiles);
        let source = files.add("scenario", text);
        let chain = ["scenario".to_owned()];
        let tree = layer::read_source(&mut files, source, &chain).map_err(ScenarioError::new)?;
        finish(&mut files, &tree, "scenario", &[]).map(|loaded| loaded.scenario)
    }
}

fn finish(
    files: &mut Files<'_>,
    tree: &Fields,
    title: &str,
    overrides: &[(String, String)],
) -> Result<Loaded, ScenarioError> {
    let catalogue = Catalogue::embedded();
    let set = layer::overrides(files, overrides).map_err(ScenarioError::new)?;
    let mut problems = Vec::new();
    let mut variants = Vec::new();
    let mut trees = Vec::new();
    for (name, overlays) in variant_overlays(files, tree, &mut problems) {
        let mut root = tree.clone();
        let overlays: Vec<Overlay> = overlays.into_iter().chain(set.iter().cloned()).collect();
        problems.extend(layer::compose(&mut root, &overlays, &catalogue, files));
        derive::fill(&mut root, title);
        let mut resolver = Resolver {
            files,
            problems: Vec::new(),
        };
        let root = resolver.root(root, &ROOT);
        problems.append(&mut resolver.problems);
        if problems.is_empty() {
            let mut builder = Builder::new(files);
            let settings = builder.settings(&root);
            problems.append(&mut builder.problems);
            variants.push(Variant {
                name: name.clone(),
                settings,
            });
        }
        trees.push((name, root));
    }
    let mut references = Vec::new();
    let mut expect = Expect::default();
    if let (Some((_, root)), true) = (trees.first(), problems.is_empty()) {
        let mut builder = Builder::new(files);
        references = builder.references(root, &variants);
        expect = builder.expect(root, &variants);
        problems.append(&mut builder.problems);
    }
    if !problems.is_empty() {
        return Err(ScenarioError::new(problems));
    }
    let resolved = ResolvedScenario::new(trees, files);
    let first = resolved.first();
    let scenario = Scenario {
        title: first
            .get("title")
            .and_then(Node::text)
            .unwrap_or(title)
            .to_owned(),
        seeds: super::build::seeds(first),
        variants,
        expect,
        references,
        digest: resolved.digest(),
    };
    let warnings = warning::of(&scenario, &resolved);
    Ok(Loaded {
        scenario,
        resolved,
        warnings,
    })
}

/// The variants of a file with their overlays; a file without any has one, named `base`.
fn variant_overlays(
    files: &Files<'_>,
    tree: &Fields,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Vec<Overlay>)> {
    let mut variants: Vec<(String, Vec<Overlay>)> = Vec::new();
    let written = tree.get("variant").and_then(Node::list).unwrap_or(&[]);
    for (index, variant) in written.iter().enumerate() {
        let Some(fields) = variant.table() else {
            continue;
        };
        let node = fields.get("name");
        let name = node
            .and_then(Node::text)
            .map_or_else(|| index.to_string(), str::to_owned);
        if variants.iter().any(|(known, _)| *known == name) {
            let key = format!("variant.{}.name", path::slug(&name));
            let mut problem = Problem::new(
                ProblemKind::NamedTwice,
                key,
                format!("there are two variants `{name}`"),
            )
            .allowed("names that differ");
            problem.place = files.place(node.and_then(Node::mark));
            problems.push(problem);
        }
        let overlays = match fields.get("set").and_then(Node::table) {
            Some(set) => {
                let (overlays, mut wrong) = layer::variant_overlays(&name, set);
                for problem in &mut wrong {
                    problem.place = files.place(fields.get("set").and_then(Node::key_mark));
                }
                problems.append(&mut wrong);
                overlays
            }
            None => Vec::new(),
        };
        variants.push((name, overlays));
    }
    if variants.is_empty() {
        vec![("base".to_owned(), Vec::new())]
    } else {
        variants
    }
}
