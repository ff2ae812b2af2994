//! Reading single keys: what is missing, unknown or of the wrong type becomes a problem with its place.

use std::ops::RangeInclusive;

use regionfall_crdt::XaddIdMode;

use crate::scenario::read::files::Files;
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Mark, Node, Value};
use crate::scenario::{Problem, ProblemKind, ScenarioError};

/// The modes by the words that name them in files.
pub(super) const XADD_ID_MODES: [(&str, XaddIdMode); 3] = [
    ("strict", XaddIdMode::Strict),
    ("semi-strict", XaddIdMode::SemiStrict),
    ("liberal", XaddIdMode::Liberal),
];

/// A table being read.
#[derive(Clone)]
pub(super) struct Table<'n> {
    pub(super) fields: &'n Fields,
    /// Its key path.
    pub(super) path: String,
    /// Where to point if something in it is missing.
    pub(super) mark: Option<Mark>,
}

impl Table<'_> {
    /// The path of a key in it.
    pub(super) fn at(&self, key: &str) -> String {
        path::join(&self.path, key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.get(key).is_some()
    }
}

/// Reads keys and collects what is wrong with them.
pub(super) struct Reader<'f> {
    files: Files<'f>,
    problems: Vec<Problem>,
}

impl<'f> Reader<'f> {
    pub(super) const fn new(files: Files<'f>) -> Self {
        Self {
            files,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// How many problems were found so far.
    pub(super) fn found(&self) -> usize {
        self.problems.len()
    }

    pub(super) fn report(&mut self, mut problem: Problem, mark: Option<Mark>) {
        if self.problems.len() < ScenarioError::SOUGHT {
            problem.place = self.files.place(mark).or_else(|| self.files.whole());
            self.problems.push(problem);
        }
    }

    /// Reports what is wrong with a setting given over the file.
    pub(super) fn report_set(&mut self, problem: Problem, key: &str, value: &str) {
        let text = format!("{key}={value}");
        let source = self.files.add("--set", &text);
        let end = text.len();
        self.report(
            problem,
            Some(Mark {
                source,
                start: 0,
                end,
            }),
        );
    }

    /// The line on which a table begins.
    pub(super) fn line(&self, table: &Table<'_>) -> usize {
        self.files.place(table.mark).map_or(1, |place| place.line)
    }

    /// Says so if a table has other keys.
    pub(super) fn only(&mut self, table: &Table<'_>, known: &[&str]) -> bool {
        let mut is_right = true;
        for (name, node) in &table.fields.0 {
            if !known.contains(&name.as_str()) {
                let message = format!("unknown key `{name}`");
                let problem = Problem::new(ProblemKind::UnknownKey, table.at(name), message)
                    .words(name, known.iter().copied());
                self.report(problem, node.key_mark());
                is_right = false;
            }
        }
        is_right
    }

    /// Says so if a key is missing.
    pub(super) fn require(&mut self, table: &Table<'_>, key: &str, allowed: &str) -> bool {
        if table.has(key) {
            return true;
        }
        let problem = Problem::new(
            ProblemKind::MissingKey,
            table.at(key),
            format!("`{key}` is missing"),
        )
        .allowed(allowed);
        self.report(problem, table.mark);
        false
    }

    pub(super) fn wrong_type(&mut self, node: &Node, key: String, allowed: &str) {
        let problem = Problem::new(ProblemKind::WrongType, key, format!("{allowed} is needed"))
            .got(match &node.value {
                Value::List(_) | Value::Table(_) => node.shape().to_owned(),
                _ => format!("{}: {}", node.shape(), node.excerpt()),
            })
            .allowed(allowed);
        self.report(problem, node.mark());
    }

    pub(super) fn text(&mut self, table: &Table<'_>, key: &str) -> Option<String> {
        let node = table.fields.get(key)?;
        if node.text().is_none() {
            self.wrong_type(node, table.at(key), "a text");
        }
        node.text().map(str::to_owned)
    }

    /// A text that must be there and hold something; empty if it is not.
    pub(super) fn required_text(&mut self, table: &Table<'_>, key: &str, allowed: &str) -> String {
        self.require(table, key, allowed);
        let text = self.text(table, key);
        if let (Some(""), Some(node)) = (text.as_deref(), table.fields.get(key)) {
            let message = format!("`{key}` is empty");
            let problem =
                Problem::new(ProblemKind::OutOfRange, table.at(key), message).allowed(allowed);
            self.report(problem, node.mark());
        }
        text.unwrap_or_default()
    }

    pub(super) fn flag(&mut self, table: &Table<'_>, key: &str) -> Option<bool> {
        let node = table.fields.get(key)?;
        if let Value::Flag(flag) = node.value {
            return Some(flag);
        }
        self.wrong_type(node, table.at(key), "true or false");
        None
    }

    pub(super) fn whole(
        &mut self,
        table: &Table<'_>,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let node = table.fields.get(key)?;
        self.whole_of(node, table.at(key), range)
    }

    pub(super) fn whole_of(
        &mut self,
        node: &Node,
        key: String,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let allowed = if range.start() == range.end() {
            format!("{}", range.start())
        } else {
            format!("a whole number from {} to {}", range.start(), range.end())
        };
        match node.value {
            Value::Integer(number) if range.contains(&number) => Some(number),
            Value::Integer(number) => {
                let message = if number < *range.start() {
                    "too small"
                } else {
                    "too large"
                };
                let problem = Problem::new(ProblemKind::OutOfRange, key, message)
                    .got(node.excerpt())
                    .allowed(allowed);
                self.report(problem, node.mark());
                None
            }
            _ => {
                self.wrong_type(node, key, &allowed);
                None
            }
        }
    }

    pub(super) fn word<T: Copy>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let node = table.fields.get(key)?;
        let Some(text) = node.text() else {
            self.wrong_type(node, table.at(key), "a text");
            return None;
        };
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let what = match key {
                "compare" => "way to compare",
                "xadd_id_mode" => "mode",
                key => key,
            };
            let message = format!("there is no such {what}");
            let problem = Problem::new(ProblemKind::UnknownName, table.at(key), message)
                .got(node.excerpt())
                .words(text, words.iter().map(|(word, _)| *word));
            self.report(problem, node.mark());
        }
        found.map(|(_, meaning)| *meaning)
    }

    pub(super) fn table<'n>(&mut self, table: &Table<'n>, key: &str) -> Option<Table<'n>> {
        let node = table.fields.get(key)?;
        let path = table.at(key);
        let Some(fields) = node.table() else {
            self.wrong_type(node, path, "a table");
            return None;
        };
        Some(Table {
            fields,
            path,
            mark: node.key_mark(),
        })
    }

    /// The tables of a list; what is no table is told and left out.
    pub(super) fn tables<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        allowed: &str,
    ) -> Option<Vec<Table<'n>>> {
        let Some(items) = node.list() else {
            self.wrong_type(node, key.to_owned(), allowed);
            return None;
        };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{key}.{index}");
            match item.table() {
                Some(fields) => tables.push(Table {
                    fields,
                    path,
                    mark: item.mark(),
                }),
                None => self.wrong_type(item, path, "a table"),
            }
        }
        Some(tables)
    }

    /// The items of a list of tables, as far as they can be read.
    pub(super) fn list<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        mut read: impl FnMut(&mut Self, &Table<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = table.fields.get(key) else {
            return Vec::new();
        };
        let items = self.tables(node, &table.at(key), "a list of tables");
        let items = items.unwrap_or_default();
        items.iter().filter_map(|item| read(self, item)).collect()
    }
}
