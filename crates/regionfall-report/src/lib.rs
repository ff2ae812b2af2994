//! What people read after a run: tables, plots, the report page, and the manifest that lets it be
//! repeated.
//!
//! ```text
//!   table ──▶ text │ csv │ json        one trait, one file per format
//!   plot  ──▶ svg                      one kind of picture per file
//!   html  ──▶ one page with both       no network, no scripts
//!   manifest                           what was run, and digests of what it wrote
//! ```
//!
//! Everything is a pure function from plain values to text. This crate opens no file, reads no
//! clock, knows no colour of a terminal and nothing of the model: the command converts outcomes
//! into the structs here. The same values give the same bytes on every platform: numbers are
//! formatted in one place, logarithms come from `libm`, and nothing is stamped with a time.
//!
//! ```
//! use regionfall_report::table::{Cell, Column, Format, Table};
//!
//! let mut table = Table::new("Region loss, disks lost")
//!     .column(Column::text("strategy"))
//!     .column(Column::estimate("rto_p99", "s", 1));
//! table.push(vec![Cell::text("jedis-multidb"), Cell::estimate(34.2, 31.0, 38.1)]);
//! let mut text = Vec::new();
//! Format::Table.render(&table, &mut text).unwrap();
//! assert!(String::from_utf8(text).unwrap().contains("34.2 [31.0, 38.1]"));
//! ```

pub mod csv;
pub mod html;
pub mod manifest;
mod number;
pub mod plot;
pub mod table;
