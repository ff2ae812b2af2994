//! What a scenario file says, as a tree that remembers for each value where it came from.

use core::fmt::Write as _;

use crate::failover::Grade;

/// A text that values came from: a file, the embedded presets, or the command line.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its name in messages: a path, or `--set`.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: String,
}

/// A stretch of a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Mark {
    /// Which source, by its place in the list of sources.
    pub(crate) source: usize,
    /// First byte.
    pub(crate) start: usize,
    /// Byte after the last.
    pub(crate) end: usize,
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The schema.
    Default(Option<Grade>),
    /// Worked out from other values, as described.
    Derived(&'static str),
    /// A scenario file.
    File(Mark),
    /// A preset.
    Preset {
        /// Its name.
        name: String,
        /// How well the number is founded.
        grade: Grade,
    },
    /// The `set` of a variant.
    Variant {
        /// Its name.
        name: String,
        /// Where it says so.
        mark: Mark,
    },
    /// `--set` on the command line.
    Set(Mark),
}

impl Origin {
    /// The text to point at, if there is one.
    pub(crate) const fn mark(&self) -> Option<Mark> {
        match self {
            Self::File(mark) | Self::Variant { mark, .. } | Self::Set(mark) => Some(*mark),
            Self::Default(_) | Self::Derived(_) | Self::Preset { .. } => None,
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) value: Value,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Where its key stands.
    pub(crate) key: Option<Mark>,
}

/// A value as written.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A date or time, which no key takes.
    Date,
    /// A list, of tables or others.
    List(Vec<Node>),
    /// A table.
    Table(Fields),
}

/// The keys of a table with their values, in the order in which they are to be printed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fields(pub(crate) Vec<(String, Node)>);

impl Node {
    /// A value without a place of its key.
    pub(crate) const fn new(value: Value, origin: Origin) -> Self {
        Self {
            value,
            origin,
            key: None,
        }
    }

    /// Where to point for its key, or else for its value.
    pub(crate) fn key_mark(&self) -> Option<Mark> {
        self.key.or_else(|| self.mark())
    }

    /// Where to point for it: its text, or that of the first value within.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.origin.mark().or_else(|| match &self.value {
            Value::Table(fields) => fields.0.iter().find_map(|(_, node)| node.mark()),
            Value::List(items) => items.iter().find_map(Self::mark),
            _ => None,
        })
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub(crate) const fn table(&self) -> Option<&Fields> {
        match &self.value {
            Value::Table(fields) => Some(fields),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub(crate) fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// What it is, in words, for messages.
    pub(crate) fn shape(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Number(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Date => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// It as TOML on one line, cut if it is long.
    pub(crate) fn excerpt(&self) -> String {
        match &self.value {
            Value::List(_) | Value::Table(_) => self.shape().to_owned(),
            scalar => {
                let text = scalar.to_toml();
                match text.char_indices().nth(60) {
                    Some((end, _)) => format!("{}…", &text[..end]),
                    None => text,
                }
            }
        }
    }
}

impl Value {
    /// It as inline TOML.
    pub(crate) fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => {
                let text = number.to_string();
                let is_float = text.contains(['.', 'e', 'n', 'i']);
                if is_float {
                    text.replace("NaN", "nan")
                } else {
                    format!("{text}.0")
                }
            }
            Self::Flag(flag) => flag.to_string(),
            Self::Date => "1970-01-01".to_owned(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.value.to_toml()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(fields) => {
                let pairs: Vec<String> = fields
                    .0
                    .iter()
                    .map(|(key, node)| format!("{} = {}", bare_key(key), node.value.to_toml()))
                    .collect();
                if pairs.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {} }}", pairs.join(", "))
                }
            }
        }
    }
}

impl Fields {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// The value of a key, to change.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0
            .iter_mut()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// Takes a key out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        let place = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(place).1)
    }

    /// Sets a key, in its old place if it has one.
    pub(crate) fn set(&mut self, key: &str, node: Node) {
        match self.get_mut(key) {
            Some(old) => *old = node,
            None => self.0.push((key.to_owned(), node)),
        }
    }
}

/// A text as a TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key as TOML: bare where it can be.
pub(crate) fn bare_key(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { key.to_owned() } else { quoted(key) }
}
