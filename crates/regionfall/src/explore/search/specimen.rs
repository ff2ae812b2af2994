//! A scenario of one strategy and one plan, as what is written in its file: no defaults, nothing that presets say.

use std::fmt::Write as _;

use regionfall_kernel::{Distribution, Seed, SimTime};

use crate::fault::{FaultSpec, draw_plan};
use crate::scenario::read::tree::{Fields, Node, Origin, Value, bare_key};
use crate::scenario::{LoadError, Loaded, Loader, Scenario, ScenarioError, Settings, plan_to_toml};

/// See the module.
#[derive(Clone, Debug)]
pub struct Specimen {
    pub(super) root: Fields,
    /// The path of the file that it came from: other files that it names are found from there.
    pub(super) path: String,
    /// The seed of its run.
    pub seed: Seed,
}

/// Why there is no specimen.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum NoSpecimen {
    /// The scenario has no such variant, strategy or case.
    #[error("the scenario has no {0} of this name")]
    Unknown(&'static str),
    /// What was written for the one case does not read.
    #[error(transparent)]
    Invalid(#[from] ScenarioError),
}

impl Specimen {
    /// The run of one variant, strategy and case of a scenario as a file of its own: the moments of the seed are written into
    /// the plan.
    ///
    /// # Errors
    /// If a name is not in the scenario, or if the scenario cannot stand by itself.
    pub fn of(
        (path, loaded): (&str, &Loaded),
        (variant, strategy, case): (&str, &str, &str),
        seed: Seed,
        files: &dyn Loader,
    ) -> Result<Self, NoSpecimen> {
        let scenario = &loaded.scenario;
        let found = scenario.variants.iter().find(|known| known.name == variant);
        let settings = &found.ok_or(NoSpecimen::Unknown("variant"))?.settings;
        let case = settings.cases.iter().find(|known| known.name == case);
        let case = case.ok_or(NoSpecimen::Unknown("case"))?;
        let plan = as_drawn(&case.plan(settings, seed), settings, seed);
        let of_case = (case.name.as_str(), plan.as_slice());
        Self::with_plan((path, loaded), (variant, strategy), of_case, seed, files)
    }

    /// The same with a plan of one's own; what the case demands stays.
    ///
    /// # Errors
    /// As [`Specimen::of`].
    pub fn with_plan(
        (path, loaded): (&str, &Loaded),
        (variant, strategy): (&str, &str),
        (case, plan): (&str, &[FaultSpec]),
        seed: Seed,
        files: &dyn Loader,
    ) -> Result<Self, NoSpecimen> {
        let root = loaded.resolved.fields(variant);
        let root = root.ok_or(NoSpecimen::Unknown("variant"))?;
        let scenario = &loaded.scenario;
        let settings = scenario.variants.iter().find(|known| known.name == variant);
        let settings = &settings.ok_or(NoSpecimen::Unknown("variant"))?.settings;
        let index = settings
            .strategies
            .iter()
            .position(|known| known.name == strategy);
        let index = index.ok_or(NoSpecimen::Unknown("strategy"))?;
        let make = |is_whole: bool| {
            let mut root = root.clone();
            focus(&mut root, index, case);
            if !is_whole {
                prune(&mut root);
            }
            put_plan(&mut root, plan, settings);
            Self {
                root,
                path: path.to_owned(),
                seed,
            }
        };
        let written = make(false);
        let wanted = &settings.strategies[index];
        let is_equal = written.scenario(files).is_ok_and(|scenario| {
            let own = &scenario.variants[0].settings;
            own.strategies.first() == Some(wanted)
                && own.topology == settings.topology
                && own.database == settings.database
                && own.workload == settings.workload
        });
        // Where leaving defaults out changes the meaning (an item of a preset's list was overridden), all is written.
        let specimen = if is_equal { written } else { make(true) };
        specimen.scenario(files)?;
        Ok(specimen)
    }

    /// The file.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        write_table(&mut out, &self.root, "");
        out
    }

    /// What it means.
    ///
    /// # Errors
    /// What is wrong with it: a move of the shrinker may have gone too far.
    pub fn scenario(&self, files: &dyn Loader) -> Result<Scenario, ScenarioError> {
        let text = self.to_toml();
        let beside = Beside {
            path: &self.path,
            text: &text,
            files,
        };
        Scenario::load(&self.path, &beside, &[]).map(|loaded| loaded.scenario)
    }

    /// How many faults it has.
    pub fn faults(&self) -> usize {
        self.root
            .get("fault")
            .and_then(Node::list)
            .map_or(0, <[Node]>::len)
    }

    /// How many regions have a member.
    pub fn regions(&self) -> usize {
        let topology = self.root.get("topology").and_then(Node::table);
        let regions = topology.and_then(|topology| topology.get("regions"));
        regions.and_then(Node::list).map_or(0, <[Node]>::len)
    }

    /// Sets a text, integer or flag at a path of tables; tables that are missing are made.
    pub fn set_text(&mut self, path: &[&str], text: &str) {
        set(&mut self.root, path, Value::Text(text.to_owned()));
    }

    /// Sets a whole number at a path of tables.
    pub fn set_integer(&mut self, path: &[&str], number: i64) {
        set(&mut self.root, path, Value::Integer(number));
    }
}

/// The plan with the moments that the seed draws; faults that last no time are left out.
fn as_drawn(plan: &[FaultSpec], settings: &Settings, seed: Seed) -> Vec<FaultSpec> {
    let calm_begins = SimTime::ZERO + settings.phases.warm_up + settings.phases.storm;
    let drawn = draw_plan(plan, seed, calm_begins);
    plan.iter()
        .zip(drawn)
        .filter(|(_, drawn)| drawn.ends > drawn.begins)
        .map(|(spec, drawn)| FaultSpec {
            at: Distribution::Constant(drawn.begins.since_start()),
            lasts: (drawn.ends != SimTime::NEVER)
                .then(|| Distribution::Constant(drawn.ends.saturating_since(drawn.begins))),
            ..spec.clone()
        })
        .collect()
}

/// Leaves one strategy and what one case demands.
fn focus(root: &mut Fields, strategy: usize, case: &str) {
    let cases = root.take("case");
    let of_case = cases.as_ref().and_then(Node::list).and_then(|cases| {
        let is_it = |node: &&Node| {
            let name = node.table().and_then(|fields| fields.get("name"));
            name.and_then(Node::text) == Some(case)
        };
        cases.iter().find(is_it).and_then(Node::table)
    });
    let own = of_case
        .and_then(|fields| fields.get("objectives"))
        .and_then(Node::table)
        .cloned();
    if let Some(own) = own {
        if root.get("objectives").is_none() {
            root.set("objectives", plain(Value::Table(Fields::default())));
        }
        if let Some(Value::Table(common)) = root.get_mut("objectives").map(|node| &mut node.value) {
            for (key, node) in own.0 {
                common.set(&key, node);
            }
        }
    }
    for key in [
        "fault",
        "chaos",
        "variant",
        "extends",
        "reference",
        "replay",
        "seeds",
    ] {
        root.take(key);
    }
    if let Some(Value::Table(expect)) = root.get_mut("expect").map(|node| &mut node.value) {
        expect.take("sometimes");
        expect.take("fails");
    }
    if let Some(Value::List(strategies)) = root.get_mut("strategy").map(|node| &mut node.value) {
        let kept = strategies.get(strategy).cloned();
        *strategies = kept.into_iter().collect();
    }
}

/// Takes out what no file says. A table stays if something in it does.
fn prune(fields: &mut Fields) {
    fields.0.retain_mut(|(_, node)| keep(node));
}

fn keep(node: &mut Node) -> bool {
    let is_written = matches!(
        node.origin,
        Origin::File(_) | Origin::Variant { .. } | Origin::Set(_)
    );
    match &mut node.value {
        Value::Table(fields) => {
            prune(fields);
            is_written || !fields.0.is_empty()
        }
        Value::List(items) => {
            let of_tables = items.iter().any(|item| item.table().is_some());
            if of_tables {
                let kept: Vec<bool> = items.iter_mut().map(keep).collect();
                // An item that says nothing still counts, as the next one has its place.
                is_written || kept.contains(&true)
            } else {
                is_written
                    || items
                        .iter()
                        .any(|item| matches!(item.origin, Origin::File(_)))
            }
        }
        _ => is_written,
    }
}

fn put_plan(root: &mut Fields, plan: &[FaultSpec], settings: &Settings) {
    if plan.is_empty() {
        return;
    }
    let faults = plan
        .iter()
        .map(|fault| {
            let fields = crate::scenario::fault_fields(fault, &settings.topology);
            plain(Value::Table(fields))
        })
        .collect();
    debug_assert!(!plan_to_toml(plan, &settings.topology).is_empty());
    root.set("fault", plain(Value::List(faults)));
}

pub(super) const fn plain(value: Value) -> Node {
    Node::new(value, Origin::Default(None))
}

fn set(fields: &mut Fields, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => fields.set(key, plain(value)),
        [key, rest @ ..] => {
            if fields.get(key).and_then(Node::table).is_none() {
                fields.set(key, plain(Value::Table(Fields::default())));
            }
            if let Some(Value::Table(inner)) = fields.get_mut(key).map(|node| &mut node.value) {
                set(inner, rest, value);
            }
        }
    }
}

fn is_block(node: &Node) -> bool {
    match &node.value {
        Value::Table(_) => true,
        Value::List(items) => !items.is_empty() && items.iter().all(|item| item.table().is_some()),
        _ => false,
    }
}

fn write_table(out: &mut String, fields: &Fields, path: &str) {
    // Writing to a string cannot fail.
    for (key, node) in fields.0.iter().filter(|(_, node)| !is_block(node)) {
        let _ = writeln!(out, "{} = {}", bare_key(key), node.value.to_toml());
    }
    for (key, node) in fields.0.iter().filter(|(_, node)| is_block(node)) {
        let place = if path.is_empty() {
            bare_key(key)
        } else {
            format!("{path}.{}", bare_key(key))
        };
        match &node.value {
            // A small table reads better in one line, but only where it cannot be taken for the whole.
            Value::Table(inner) => {
                let _ = writeln!(out, "\n[{place}]");
                write_table(out, inner, &place);
            }
            Value::List(items) => {
                for item in items.iter().filter_map(Node::table) {
                    let _ = writeln!(out, "\n[[{place}]]");
                    write_table(out, item, &place);
                }
            }
            _ => {}
        }
    }
}

/// The text in place of the file that it came from; other files as they are.
struct Beside<'a> {
    path: &'a str,
    text: &'a str,
    files: &'a dyn Loader,
}

impl Loader for Beside<'_> {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == self.path {
            Ok(self.text.as_bytes().to_vec())
        } else {
            self.files.load(path)
        }
    }
}
