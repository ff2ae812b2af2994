//! From the text of a case file to its cases. Everything wrong with it is found and told at once.

mod field;
mod step;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use field::{Reader, Table};

use super::{Basis, Case, CaseFile, CaseFileError, Config};
use crate::scenario::read::document;
use crate::scenario::read::files::{Files, Loader, NoFiles};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node, Value};
use crate::scenario::{Problem, ProblemKind};

/// How many replicas a case may have: more than any documented group of instances (Redis Cloud has at
/// most 10), and few enough to read.
const REPLICAS: RangeInclusive<i64> = 1..=32;

/// The only version of the format.
const FORMAT: i64 = 1;

const BASES: [(&str, Basis); 3] = [
    ("table", Basis::Table),
    ("prose", Basis::Prose),
    ("inferred", Basis::Inferred),
];

impl CaseFile {
    /// Reads a file of cases.
    ///
    /// `overrides` are pairs of a key and a value as `--set` takes them; the keys are those of `config`,
    /// as in `config.xadd_id_mode`, and win over every case.
    pub fn load(
        path: &str,
        loader: &dyn Loader,
        overrides: &[(String, String)],
    ) -> Result<Self, CaseFileError> {
        let mut files = Files::new(loader);
        let source = files
            .scenario(path)
            .map_err(|problem| CaseFileError::new(vec![problem]))?;
        read(files, source, overrides)
    }

    /// Reads cases from a text.
    pub fn from_toml(text: &str) -> Result<Self, CaseFileError> {
        let mut files = Files::new(&NoFiles);
        let source = files.add("cases", text);
        read(files, source, &[])
    }
}

fn read(
    files: Files<'_>,
    source: usize,
    overrides: &[(String, String)],
) -> Result<CaseFile, CaseFileError> {
    let fields = document::read(&files.sources[source], source).map_err(CaseFileError::new)?;
    let mut reader = Reader::new(files);
    let cases = reader.file(&fields);
    let config = reader.overrides(overrides);
    let (problems, mut cases) = (reader.into_problems(), cases);
    if !problems.is_empty() {
        return Err(CaseFileError::new(problems));
    }
    for case in &mut cases {
        for change in &config {
            change.make(&mut case.config);
        }
    }
    Ok(CaseFile { cases })
}

/// A setting given over the file.
enum Override {
    XaddIdMode(regionfall_crdt::XaddIdMode),
    CausalConsistency(bool),
    Clustered(bool),
}

impl Override {
    fn make(&self, config: &mut Config) {
        match *self {
            Self::XaddIdMode(mode) => config.xadd_id_mode = mode,
            Self::CausalConsistency(is_on) => config.causal_consistency = is_on,
            Self::Clustered(is_on) => config.is_clustered = is_on,
        }
    }
}

const CONFIG_KEYS: [&str; 3] = ["xadd_id_mode", "causal_consistency", "clustered"];

impl Reader<'_> {
    fn file(&mut self, fields: &Fields) -> Vec<Case> {
        let root = Table {
            fields,
            path: String::new(),
            mark: None,
        };
        self.only(&root, &["format", "case"]);
        self.format(&root);
        let mut cases = Vec::new();
        let Some(node) = fields.get("case") else {
            if self.found() == 0 {
                let problem = Problem::new(ProblemKind::Empty, "", "the file has no case")
                    .allowed("one or more `[[case]]`");
                self.report(problem, None);
            }
            return Vec::new();
        };
        let Some(items) = self.tables(node, "case", "`[[case]]`: a list of tables") else {
            return Vec::new();
        };
        if items.is_empty() {
            let problem = Problem::new(ProblemKind::Empty, "case", "the file has no case")
                .allowed("one or more `[[case]]`");
            self.report(problem, node.key_mark());
        }
        let mut ids = BTreeSet::new();
        for (index, item) in items.into_iter().enumerate() {
            let name = item.fields.get("id").and_then(Node::text);
            let name = name.map_or_else(|| index.to_string(), path::slug);
            let table = Table {
                path: path::join("case", &name),
                ..item
            };
            let case = self.case(&table);
            if !ids.insert(case.id.clone()) && !case.id.is_empty() {
                let message = format!("there are two cases `{}`", case.id);
                let problem = Problem::new(ProblemKind::NamedTwice, table.at("id"), message)
                    .allowed("ids that differ");
                self.report(problem, table.fields.get("id").and_then(Node::mark));
            }
            cases.push((case, table));
        }
        for (case, table) in &cases {
            let Some(other) = &case.same_as else { continue };
            if !ids.contains(other) {
                let message = format!("there is no case `{other}`");
                let mut problem =
                    Problem::new(ProblemKind::UnknownName, table.at("same_as"), message)
                        .words(other, ids.iter().map(String::as_str));
                if ids.len() > 30 {
                    problem = problem.allowed("the id of another case");
                }
                self.report(problem, table.fields.get("same_as").and_then(Node::mark));
            }
        }
        cases.into_iter().map(|(case, _)| case).collect()
    }

    fn format(&mut self, root: &Table<'_>) {
        let Some(node) = root.fields.get("format") else {
            return;
        };
        if !matches!(node.value, Value::Integer(FORMAT)) {
            let message = "this version of the format is not known";
            let problem = Problem::new(ProblemKind::OutOfRange, "format", message)
                .got(node.excerpt())
                .allowed(FORMAT.to_string());
            self.report(problem, node.mark());
        }
    }

    fn case(&mut self, table: &Table<'_>) -> Case {
        let found_before = self.found();
        self.only(
            table,
            &[
                "id",
                "type",
                "source",
                "origin",
                "replicas",
                "config",
                "same_as",
                "ambiguous",
                "ambiguity",
                "steps",
                "expect",
                "effects",
                "note",
            ],
        );
        let id = self.required_text(table, "id", "a unique name");
        self.require(table, "replicas", "how many replicas there are");
        let replicas = self.whole(table, "replicas", REPLICAS);
        // Where the number is wrong, numbers of replicas cannot be judged by it.
        let replica_max = replicas.unwrap_or(*REPLICAS.end()) as usize;
        let basis = self.word(table, "origin", &BASES);
        let (flag, ambiguity) = (self.flag(table, "ambiguous"), self.text(table, "ambiguity"));
        if ambiguity.is_some() && flag != Some(true) {
            let message = "`ambiguity` says what is left open, but the case is not ambiguous";
            let problem = Problem::new(ProblemKind::Conflict, table.at("ambiguity"), message)
                .help("add `ambiguous = true`");
            self.report(
                problem,
                table.fields.get("ambiguity").and_then(Node::key_mark),
            );
        }
        if basis == Some(Basis::Inferred) && flag == Some(false) {
            let message = "what is inferred is always ambiguous";
            let problem = Problem::new(ProblemKind::Conflict, table.at("ambiguous"), message);
            self.report(
                problem,
                table.fields.get("ambiguous").and_then(Node::key_mark),
            );
        }
        let config = self.config(table);
        self.require(table, "steps", "a list of steps");
        let steps = self.list(table, "steps", |reader, item| {
            reader.step(item, replica_max)
        });
        let expect = self.list(table, "expect", |reader, item| {
            reader.expectation(item, replica_max)
        });
        let effects = self.list(table, "effects", |reader, item| {
            reader.effect(item, replica_max)
        });
        let asks = table.fields.get("expect").is_some_and(is_filled)
            || table.fields.get("effects").is_some_and(is_filled)
            || table
                .fields
                .get("steps")
                .and_then(Node::list)
                .is_some_and(|steps| {
                    let has_reply =
                        |step: &Node| step.table().is_some_and(|step| step.get("reply").is_some());
                    steps.iter().any(has_reply)
                });
        if !asks && self.found() == found_before {
            let problem = Problem::new(
                ProblemKind::MissingKey,
                table.at("expect"),
                "the case expects nothing, so that it cannot fail",
            )
            .allowed("`expect`, `effects`, or a `reply` in a step");
            self.report(problem, table.mark);
        }
        Case {
            id,
            data_type: self.text(table, "type"),
            source: self.text(table, "source"),
            basis,
            replicas: replica_max,
            config,
            same_as: self.text(table, "same_as"),
            is_ambiguous: flag == Some(true) || basis == Some(Basis::Inferred),
            ambiguity,
            steps,
            expect,
            effects,
            note: self.text(table, "note"),
            line: self.line(table),
        }
    }

    fn config(&mut self, table: &Table<'_>) -> Config {
        let mut config = Config::default();
        let Some(inner) = self.table(table, "config") else {
            return config;
        };
        self.only(&inner, &CONFIG_KEYS);
        if let Some(mode) = self.word(&inner, "xadd_id_mode", &field::XADD_ID_MODES) {
            config.xadd_id_mode = mode;
        }
        config.causal_consistency = self.flag(&inner, "causal_consistency").unwrap_or(false);
        config.is_clustered = self.flag(&inner, "clustered").unwrap_or(false);
        config
    }

    fn overrides(&mut self, overrides: &[(String, String)]) -> Vec<Override> {
        let mut changes = Vec::new();
        for (key, value) in overrides {
            let change = match key.strip_prefix("config.") {
                Some(name) if CONFIG_KEYS.contains(&name) => self.set(name, key, value),
                _ => {
                    let known = CONFIG_KEYS.map(|name| format!("config.{name}"));
                    let problem = Problem::new(
                        ProblemKind::UnknownKey,
                        key,
                        format!("`{key}` cannot be set over a case file"),
                    )
                    .words(key, known.iter().map(String::as_str));
                    self.report_set(problem, key, value);
                    None
                }
            };
            changes.extend(change);
        }
        changes
    }

    fn set(&mut self, name: &str, key: &str, value: &str) -> Option<Override> {
        let text = value.trim().trim_matches('"');
        if name == "xadd_id_mode" {
            let found = field::XADD_ID_MODES.iter().find(|(word, _)| *word == text);
            if let Some((_, mode)) = found {
                return Some(Override::XaddIdMode(*mode));
            }
            let problem = Problem::new(ProblemKind::UnknownName, key, "there is no such mode")
                .got(format!("`{text}`"))
                .words(text, field::XADD_ID_MODES.iter().map(|(word, _)| *word));
            self.report_set(problem, key, value);
            return None;
        }
        let is_on = match text {
            "true" => true,
            "false" => false,
            _ => {
                let problem = Problem::new(ProblemKind::WrongType, key, "true or false is needed")
                    .got(format!("`{text}`"))
                    .words(text, ["true", "false"]);
                self.report_set(problem, key, value);
                return None;
            }
        };
        Some(if name == "clustered" {
            Override::Clustered(is_on)
        } else {
            Override::CausalConsistency(is_on)
        })
    }
}

fn is_filled(node: &Node) -> bool {
    // Whatever is no list is told elsewhere.
    !matches!(&node.value, Value::List(items) if items.is_empty())
}
