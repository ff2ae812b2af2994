//! A resolved scenario: every setting with its value and where it came from.

use core::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::read::files::Files;
use super::read::tree::{Fields, Node, Origin, Source, Value, bare_key};
use super::schema::{Default, Kind, ROOT, Table};

/// Every setting of every variant, with its origin.
#[derive(Clone, Debug)]
pub struct ResolvedScenario {
    variants: Vec<(String, Fields)>,
    sources: Vec<Source>,
    data: Vec<(String, String)>,
}

impl ResolvedScenario {
    pub(crate) fn new(variants: Vec<(String, Fields)>, files: &Files<'_>) -> Self {
        Self {
            variants,
            sources: files.sources.clone(),
            data: files.data.clone(),
        }
    }

    /// The names of the variants, in the order of the file.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().map(|(name, _)| name.as_str())
    }

    /// All settings of a variant as a scenario file, with the origin of each value beside it. Read
    /// again, it gives the same settings.
    ///
    /// Returns `None` if there is no such variant.
    pub fn variant_to_toml(&self, name: &str) -> Option<String> {
        let (_, root) = self.variants.iter().find(|(known, _)| known == name)?;
        let mut out = String::new();
        let mut writer = Writer {
            out: &mut out,
            sources: Some(&self.sources),
        };
        writer.table(root, Some(&ROOT), "");
        Some(out)
    }

    /// All variants, one after the other, each under a line with its name.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for (index, (name, _)) in self.variants.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            let text = self.variant_to_toml(name).unwrap_or_default();
            // A comment cannot hold a line break, a name can.
            let _ = write!(out, "{gap}# variant: {}\n\n{text}", name.escape_debug());
        }
        out
    }

    /// SHA-256, in hexadecimal, over the settings of all variants and the content of all data files.
    /// Comments, and which file says what, make no difference.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        for (name, root) in &self.variants {
            let mut out = String::new();
            Writer {
                out: &mut out,
                sources: None,
            }
            .table(root, Some(&ROOT), "");
            add(name);
            add(&out);
        }
        for (path, text) in &self.data {
            add(path);
            add(text);
        }
        hash.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The settings of a variant.
    pub(crate) fn fields(&self, name: &str) -> Option<&Fields> {
        let found = self.variants.iter().find(|(known, _)| known == name);
        found.map(|(_, root)| root)
    }

    /// The first variant.
    pub(crate) fn first(&self) -> &Fields {
        static NOTHING: Fields = Fields(Vec::new());
        self.variants.first().map_or(&NOTHING, |(_, root)| root)
    }
}

/// Writes a tree as TOML; with origins if the sources are given.
struct Writer<'a> {
    out: &'a mut String,
    sources: Option<&'a [Source]>,
}

impl Writer<'_> {
    fn table(&mut self, fields: &Fields, table: Option<&'static Table>, path: &str) {
        // Variants are expanded already, what was extended is merged, and references speak of several
        // variants and change no run, as a replay does not.
        let is_left_out = |key: &str| {
            path.is_empty() && matches!(key, "variant" | "extends" | "reference" | "replay")
        };
        let is_nested = |node: &Node| match &node.value {
            Value::Table(_) => true,
            Value::List(items) => {
                !items.is_empty() && items.iter().all(|item| item.table().is_some())
            }
            _ => false,
        };
        for (key, node) in fields
            .0
            .iter()
            .filter(|(key, node)| !is_left_out(key) && !is_nested(node))
        {
            // An empty list says the same as none, and could not stand before `[[key]]` elsewhere.
            let origin = self.origin(&node.origin);
            let _ = writeln!(
                self.out,
                "{} = {}{origin}",
                bare_key(key),
                node.value.to_toml()
            );
        }
        self.absent(fields, table, path);
        for (key, node) in fields
            .0
            .iter()
            .filter(|(key, node)| !is_left_out(key) && is_nested(node))
        {
            let place = if path.is_empty() {
                bare_key(key)
            } else {
                format!("{path}.{}", bare_key(key))
            };
            match &node.value {
                Value::Table(inner) => {
                    let _ = writeln!(self.out, "\n[{place}]");
                    self.table(inner, child(table, key, inner), &place);
                }
                Value::List(items) => {
                    for item in items {
                        let Value::Table(inner) = &item.value else {
                            continue;
                        };
                        let _ = writeln!(self.out, "\n[[{place}]]");
                        self.table(inner, child(table, key, inner), &place);
                    }
                }
                _ => {}
            }
        }
    }

    /// Comments for keys that hold nothing.
    fn absent(&mut self, fields: &Fields, table: Option<&'static Table>, path: &str) {
        let (Some(table), Some(_)) = (table, self.sources) else {
            return;
        };
        for key in table.keys {
            let is_apart = matches!(
                key.name,
                "extends" | "reference" | "chaos" | "expect" | "replay"
            );
            if path.is_empty() && is_apart {
                continue;
            }
            if let (None, Default::Absent(meaning)) = (fields.get(key.name), &key.default) {
                let _ = writeln!(self.out, "# {} is not set: {meaning}", key.name);
            }
        }
    }

    fn origin(&self, origin: &Origin) -> String {
        let Some(sources) = self.sources else {
            return String::new();
        };
        let line = |mark: &super::read::tree::Mark| {
            let source = sources.get(mark.source);
            let name = source.map_or("?", |source| source.name.as_str());
            let line = source.map_or(0, |source| {
                let end = mark.start.min(source.text.len());
                source.text.get(..end).unwrap_or("").matches('\n').count() + 1
            });
            if name == "--set" {
                name.to_owned()
            } else {
                format!("{name}:{line}")
            }
        };
        let text = match origin {
            Origin::Default(None) => "default".to_owned(),
            Origin::Default(Some(grade)) => format!("default ({grade})"),
            Origin::Derived(how) => format!("derived: {how}"),
            Origin::File(mark) => line(mark),
            Origin::Preset { name, grade } => format!("preset {name} ({grade})"),
            Origin::Variant { name, mark } => {
                format!("variant {}, {}", name.escape_debug(), line(mark))
            }
            Origin::Set(_) => "--set".to_owned(),
        };
        format!("  # {text}")
    }
}

/// The table of the schema that describes what is under a key.
fn child(table: Option<&'static Table>, key: &str, fields: &Fields) -> Option<&'static Table> {
    let kind = &table?.key(key)?.kind;
    described(kind, fields)
}

fn described(kind: &'static Kind, fields: &Fields) -> Option<&'static Table> {
    match kind {
        Kind::Table(table) => Some(table),
        Kind::List(inner) => described(inner, fields),
        Kind::Either(first, second) => {
            described(first, fields).or_else(|| described(second, fields))
        }
        Kind::Forms(forms) => match super::read::layer::told(forms, fields) {
            super::schema::Told::Form(index) => Some(forms.list[index].table),
            _ => None,
        },
        _ => None,
    }
}
