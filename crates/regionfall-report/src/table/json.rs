//! A table as JSON, for scripts. The form is published as a JSON Schema and may only grow.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{Cell, Table, Writer};

/// The JSON Schema of what [`super::Format::Json`] writes.
pub const SCHEMA: &str = include_str!("../../schema/table.schema.json");

/// The form of the document, stated in it.
const FORM: &str = "regionfall.table/1";

/// Writes one object with columns and rows.
pub(super) struct Json;

impl Writer for Json {
    fn write(&self, table: &Table, target: &mut dyn Write) -> std::io::Result<()> {
        let columns: Vec<Value> = table
            .columns()
            .iter()
            .map(|column| json!({ "name": column.name(), "unit": column.unit() }))
            .collect();
        let rows: Vec<Value> = table.rows().iter().map(|row| object(table, row)).collect();
        let document = json!({
            "form": FORM, "title": table.title, "columns": columns, "rows": rows,
        });
        serde_json::to_writer_pretty(&mut *target, &document)?;
        writeln!(target)
    }
}

/// A row as an object from the names of columns to values.
fn object(table: &Table, row: &[Cell]) -> Value {
    let pairs = table.columns().iter().zip(row);
    let pairs = pairs.map(|(column, cell)| (column.name().to_owned(), value(cell)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// A cell. JSON has no infinity: a number or limit that was not reached is `null`.
fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Count(value) => json!(value),
        Cell::Number(value) => json!(value),
        Cell::Estimate { value, low, high } => json!({ "value": value, "low": low, "high": high }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Format};
    use super::*;

    #[test]
    fn rows_are_objects_and_missing_is_null() {
        let mut table = Table::new("test")
            .column(Column::text("strategy"))
            .column(Column::estimate("rto_p99", "s", 1))
            .column(Column::count("writes_lost", "writes"));
        table.push(vec![
            Cell::text("a"),
            Cell::estimate(0.1, 0.05, f64::INFINITY),
        ]);
        let mut bytes = Vec::new();
        Format::Json.render(&table, &mut bytes).unwrap();
        let got: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(got["form"], FORM);
        assert_eq!(got["columns"][1], json!({ "name": "rto_p99", "unit": "s" }));
        let limits = json!({ "value": 0.1, "low": 0.05, "high": null });
        assert_eq!(
            got["rows"][0],
            json!({ "strategy": "a", "rto_p99": limits, "writes_lost": null })
        );
    }

    #[test]
    fn the_published_schema_is_json_and_names_the_form() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["properties"]["form"]["const"], FORM);
    }
}
