//! Tables of results: built once, written as aligned text, CSV or JSON.
//!
//! A table is data: columns with a name and a unit, and cells that know whether they are text, a
//! count, a number or an estimate with its interval. How it looks is the format's business. Colour
//! is the command's: nothing here emits an escape sequence.

mod json;
mod text;
mod values;

use std::io::Write;

use crate::number;

pub use json::SCHEMA;

/// A table of results.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// What it shows, as a heading above it.
    pub title: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    name: String,
    unit: Option<String>,
    kind: Kind,
    is_named_in_full: bool,
    is_unbroken: bool,
}

/// What a column holds, which decides its alignment and whether it has limits in CSV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Count,
    Number { decimals: usize },
    Estimate { digits: Digits },
}

/// How many digits an estimate is shown with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    /// So many after the point.
    Decimals(usize),
    /// Three that count, as far as they stand after the point.
    Three,
}

/// One value of a table.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// No value: an empty field in CSV, `null` in JSON, a dash in text.
    Missing,
    /// A name or a verdict.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number in the unit of its column.
    Number(f64),
    /// An estimate and the limits of its interval, in the unit of its column.
    Estimate {
        /// The estimate itself.
        value: f64,
        /// The lower limit.
        low: f64,
        /// The upper limit; infinite if the values seen do not bound it.
        high: f64,
    },
}

/// How a table is written: the values of `--format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Aligned text, at most 100 columns wide where its content allows.
    #[default]
    Table,
    /// Comma-separated values, full precision, limits in columns of their own.
    Csv,
    /// JSON as described by [`SCHEMA`], full precision.
    Json,
}

/// A way to write tables. One implementation per format.
pub(crate) trait Writer {
    /// Writes the whole table, ending in a line feed.
    fn write(&self, table: &Table, target: &mut dyn Write) -> std::io::Result<()>;
}

impl Table {
    /// A table without columns or rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The same table under another heading.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a column on the right.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        debug_assert!(self.rows.is_empty(), "columns are stated before rows");
        self.columns.push(column);
        self
    }

    /// Adds a row. Cells that are lacking on the right are missing.
    ///
    /// # Panics
    ///
    /// If there are more cells than columns, or an estimate stands in a column that is not one of
    /// estimates: mistakes of the program, not of its user.
    pub fn push(&mut self, mut row: Vec<Cell>) {
        assert!(
            row.len() <= self.columns.len(),
            "a row has at most one cell per column"
        );
        // Elsewhere CSV would have no place for the limits and lose them in silence.
        let fits = |(column, cell): (&Column, &Cell)| {
            !matches!(cell, Cell::Estimate { .. }) || matches!(column.kind, Kind::Estimate { .. })
        };
        assert!(
            self.columns.iter().zip(&row).all(fits),
            "an estimate stands in a column of estimates"
        );
        row.resize(self.columns.len(), Cell::Missing);
        self.rows.push(row);
    }

    /// The columns from left to right.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows from top to bottom, each with one cell per column.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }
}

impl Column {
    /// A column of names, aligned to the left.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: None,
            kind: Kind::Text,
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of whole numbers of something.
    pub fn count(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.into()),
            kind: Kind::Count,
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of numbers, shown with this many decimals.
    pub fn number(name: impl Into<String>, unit: impl Into<String>, decimals: usize) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.into()),
            kind: Kind::Number { decimals },
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of estimates with intervals, shown with this many decimals. In CSV it becomes three.
    pub fn estimate(name: impl Into<String>, unit: impl Into<String>, decimals: usize) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.into()),
            kind: Kind::Estimate {
                digits: Digits::Decimals(decimals),
            },
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of estimates with intervals, shown with three digits that count: `612`, `11.7`, `0.071`.
    pub fn figure(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.into()),
            kind: Kind::Estimate {
                digits: Digits::Three,
            },
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of estimates whose name carries the unit, for scripts.
    pub fn estimate_of(name: impl Into<String>, decimals: usize) -> Self {
        Self {
            name: name.into(),
            unit: None,
            kind: Kind::Estimate {
                digits: Digits::Decimals(decimals),
            },
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// A column of shares from 0 to 1, for scripts.
    pub fn share(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: None,
            kind: Kind::Number { decimals: 4 },
            is_named_in_full: false,
            is_unbroken: false,
        }
    }

    /// The same column with a name that CSV leaves as it is: it says its unit already, or is one that scripts
    /// know from elsewhere.
    #[must_use]
    pub fn named_in_full(mut self) -> Self {
        self.is_named_in_full = true;
        self
    }

    /// The same column with words that are never broken, however long they are: names of files.
    #[must_use]
    pub fn unbroken(mut self) -> Self {
        self.is_unbroken = true;
        self
    }

    /// The name, as in the definitions of the metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unit of its values, if they have one.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Whether its values are aligned to the right.
    pub fn is_numeric(&self) -> bool {
        self.kind != Kind::Text
    }

    /// A cell of this column as people read it.
    pub fn shown(&self, cell: &Cell) -> String {
        text::shown(self, cell)
    }

    /// Whether numbers are shown with the digits that count, and not with a number of decimals.
    const fn is_rounded(&self) -> bool {
        matches!(
            self.kind,
            Kind::Estimate {
                digits: Digits::Three
            }
        )
    }

    /// The digits after the point of a cell of which this is the largest number that counts.
    fn decimals(&self, leading: f64) -> usize {
        match self.kind {
            Kind::Number { decimals }
            | Kind::Estimate {
                digits: Digits::Decimals(decimals),
            } => decimals,
            Kind::Estimate {
                digits: Digits::Three,
            } => number::decimals_of_three(leading),
            Kind::Text | Kind::Count => 0,
        }
    }
}

impl Cell {
    /// A name or a verdict.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An estimate with its limits.
    pub const fn estimate(value: f64, low: f64, high: f64) -> Self {
        Self::Estimate { value, low, high }
    }
}

impl Format {
    /// All formats, with the names that the command line uses.
    pub const ALL: [(&'static str, Self); 3] = [
        ("table", Self::Table),
        ("json", Self::Json),
        ("csv", Self::Csv),
    ];

    /// Writes a table in this format.
    pub fn render(self, table: &Table, target: &mut dyn Write) -> std::io::Result<()> {
        let writer: &dyn Writer = match self {
            Self::Table => &text::Text,
            Self::Csv => &values::Values,
            Self::Json => &json::Json,
        };
        writer.write(table, target)
    }
}

impl std::str::FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, format)| *format).ok_or_else(|| FormatError {
            got: name.to_owned(),
        })
    }
}

/// The name is that of no format.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("format must be table, json or csv, got {got:?}")]
pub struct FormatError {
    /// The name given.
    pub got: String,
}
