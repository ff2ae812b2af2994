//! The schema of scenario files, declared once as static data: every table and key with its kind,
//! range, default and a sentence of documentation.
//!
//! From it follow the reading of files with their errors, the suggestions for unknown keys, the
//! output of `regionfall check --resolved`, the JSON Schema and the tables in
//! `docs/scenario-format.md`.

mod chaos;
mod conduct;
mod degradation;
mod fault;
mod json;
mod limits;
mod markdown;
mod membership;
mod parts;
mod persistence;
mod promotion;
mod propagation;
mod reference;
mod relay;
mod root;
mod routing;
mod strategy;
mod upkeep;
mod world;

use crate::failover::Grade;

pub(crate) use chaos::PLAN;
pub use json::json_schema;
pub use markdown::markdown;
pub(crate) use root::ROOT;

/// A table of a scenario file.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name in the documentation, such as `[[workload.fleet]]`.
    pub(crate) title: &'static str,
    /// What it is, in a sentence or two.
    pub(crate) doc: &'static str,
    /// Its keys, in the order in which they are printed.
    pub(crate) keys: &'static [Key],
    /// Keys of the author's choice beside those.
    pub(crate) open: Option<Open>,
}

/// Keys that are not listed one by one.
#[derive(Debug)]
pub(crate) struct Open {
    /// What a key is, in the documentation.
    pub(crate) name: &'static str,
    /// The keys that exist; `None` is any.
    pub(crate) known: Option<fn() -> Vec<&'static str>>,
    /// What each of them holds.
    pub(crate) kind: Kind,
    /// What they mean.
    pub(crate) doc: &'static str,
}

/// A key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// What it holds if nothing is written.
    pub(crate) default: Default,
    /// How well the default is founded, where it is a number of the model.
    pub(crate) basis: Option<Basis>,
    /// What it means, in a sentence or two.
    pub(crate) doc: &'static str,
}

/// How well a default is founded.
#[derive(Debug)]
pub(crate) struct Basis {
    /// The grade.
    pub(crate) grade: Grade,
    /// Where it is from.
    pub(crate) source: &'static str,
}

/// What a key holds if nothing is written.
#[derive(Debug)]
pub(crate) enum Default {
    /// It must be written.
    Required,
    /// It holds nothing, which means what the text says.
    Absent(&'static str),
    /// It is worked out as the text says.
    Derived(&'static str),
    /// This text.
    Text(&'static str),
    /// This whole number.
    Integer(i64),
    /// This number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A table whose keys all have their defaults, or an empty list.
    Empty,
}

/// What a key holds.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// True or false.
    Flag,
    /// A whole number.
    Integer(i64, i64),
    /// A number.
    Number(f64, f64),
    /// A share, as `"5%"`; the bounds belong to it.
    Share(f64, f64),
    /// A span of time with its bounds in nanoseconds.
    Duration(u64, u64),
    /// A span of time that may vary: a distribution.
    Delay,
    /// A size in bytes with its bounds.
    Size(u64, u64),
    /// Bytes per second.
    Bandwidth,
    /// Events per second.
    Rate,
    /// One of these words; each with its meaning.
    Word(&'static [(&'static str, &'static str)]),
    /// How keys are chosen: `"uniform"` or `"zipf(0.99)"`.
    Popularity,
    /// A bound on a column, in the column's unit.
    Limit,
    /// The name of a region.
    Region,
    /// The name of a preset.
    Preset,
    /// The path of a file, read through the caller's loader.
    Path,
    /// A table.
    Table(&'static Table),
    /// A table in one of several forms.
    Forms(&'static Forms),
    /// A list.
    List(&'static Kind),
    /// Either of two kinds: told apart by the shape of the value, words first.
    Either(&'static Kind, &'static Kind),
    /// Anything: what it is depends on where it is put.
    Any,
}

/// A table that comes in several forms.
#[derive(Debug)]
pub(crate) struct Forms {
    /// Its name in the documentation.
    pub(crate) title: &'static str,
    /// What it is.
    pub(crate) doc: &'static str,
    /// How forms are told apart.
    pub(crate) tag: Tag,
    /// The forms; the first is meant where nothing tells.
    pub(crate) list: &'static [Form],
}

/// How the forms of a table are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    /// By the value of this key.
    Value(&'static str),
    /// By which of their own keys is there.
    Presence,
}

/// One form of a table.
#[derive(Debug)]
pub(crate) struct Form {
    /// The value of the tag, or the key that marks the form.
    pub(crate) word: &'static str,
    /// Its keys. The tag is not among them where its value tells; a marking key is.
    pub(crate) table: &'static Table,
}

impl Key {
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: Default,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default,
            basis: None,
            doc,
        }
    }

    pub(crate) const fn grade(mut self, grade: Grade, source: &'static str) -> Self {
        self.basis = Some(Basis { grade, source });
        self
    }
}

impl Table {
    /// The key with this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        let keys: &'static [Key] = self.keys;
        keys.iter().find(|key| key.name == name)
    }

    /// The names of its keys, listed and open.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.keys.iter().map(|key| key.name).collect();
        if let Some(known) = self.open.as_ref().and_then(|open| open.known) {
            names.extend(known());
        }
        names
    }
}

impl Forms {
    /// The form that a table has, as far as its keys tell.
    pub(crate) fn told<'a>(
        &self,
        text_of: impl Fn(&str) -> Option<&'a str>,
        has: impl Fn(&str) -> bool,
    ) -> Told {
        let forms: &'static [Form] = self.list;
        match self.tag {
            Tag::Value(tag) if has(tag) => match text_of(tag) {
                Some(word) => forms
                    .iter()
                    .position(|form| form.word == word)
                    .map_or(Told::UnknownWord, Told::Form),
                None => Told::UnknownWord,
            },
            Tag::Value(_) => Told::Nothing,
            Tag::Presence => forms
                .iter()
                .position(|form| has(form.word))
                .map_or(Told::Nothing, Told::Form),
        }
    }
}

/// What the keys of a table tell about its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// It has the form with this index.
    Form(usize),
    /// Its tag is no known word.
    UnknownWord,
    /// They do not tell.
    Nothing,
}

/// Nanoseconds, for the bounds of durations.
pub(crate) const MS: u64 = 1_000_000;
/// A second in nanoseconds.
pub(crate) const SECOND: u64 = 1_000 * MS;
/// An hour in nanoseconds.
pub(crate) const HOUR: u64 = 3_600 * SECOND;
/// A day in nanoseconds.
pub(crate) const DAY: u64 = 24 * HOUR;
