//! A table as CSV: units in the names, full precision, limits in columns of their own.

use std::io::Write;

use super::{Cell, Column, Kind, Table, Writer};
use crate::csv::{CsvError, CsvWriter, Field};

/// Writes one header and one line per row.
pub(super) struct Values;

impl Writer for Values {
    fn write(&self, table: &Table, target: &mut dyn Write) -> std::io::Result<()> {
        let header: Vec<String> = table.columns().iter().flat_map(names).collect();
        let written =
            CsvWriter::new(target, header.iter().map(String::as_str)).and_then(|mut csv| {
                for row in table.rows() {
                    let cells = table.columns().iter().zip(row);
                    csv.row(
                        &cells
                            .flat_map(|(column, cell)| fields(column, cell))
                            .collect::<Vec<_>>(),
                    )?;
                }
                csv.finish()
            });
        written.map_err(|error| match error {
            CsvError::Target(error) => error,
            fields @ CsvError::Fields { .. } => std::io::Error::other(fields),
        })
    }
}

/// The names of a column: `rto_p99_s`, and for an estimate also `rto_p99_s_low`, `rto_p99_s_high`.
fn names(column: &Column) -> Vec<String> {
    let name = match (column.unit(), column.kind) {
        // A count's unit is in its name already: writes_lost.
        (Some(unit), Kind::Number { .. } | Kind::Estimate { .. }) if !column.is_named_in_full => {
            format!("{}_{}", column.name(), spelt(unit))
        }
        _ => column.name().to_owned(),
    };
    match column.kind {
        Kind::Estimate { .. } => vec![name.clone(), format!("{name}_low"), format!("{name}_high")],
        _ => vec![name],
    }
}

/// A unit that can stand in the name of a column.
fn spelt(unit: &str) -> String {
    match unit {
        "%" => "percent".to_owned(),
        _ => unit.replace('/', "_per_").replace(' ', "_"),
    }
}

/// The fields of a cell, as many as its column has names.
fn fields<'a>(column: &Column, cell: &'a Cell) -> Vec<Field<'a>> {
    let first = match cell {
        Cell::Missing => Field::Missing,
        Cell::Text(text) => Field::Text(text),
        Cell::Count(value) => Field::Whole(*value),
        Cell::Number(value) | Cell::Estimate { value, .. } => Field::Number(*value),
    };
    match (column.kind, cell) {
        (Kind::Estimate { .. }, Cell::Estimate { low, high, .. }) => {
            vec![first, Field::Number(*low), Field::Number(*high)]
        }
        (Kind::Estimate { .. }, _) => vec![first, Field::Missing, Field::Missing],
        _ => vec![first],
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    #[test]
    fn an_estimate_has_three_columns() {
        let mut table = Table::new("not written")
            .column(Column::text("strategy"))
            .column(Column::estimate("rto_p99", "s", 1))
            .column(Column::count("writes_lost", "writes"));
        table.push(vec![
            Cell::text("a, b"),
            Cell::estimate(0.1, 0.05, f64::INFINITY),
            Cell::Count(3),
        ]);
        table.push(vec![Cell::text("c")]);
        let mut bytes = Vec::new();
        Format::Csv.render(&table, &mut bytes).unwrap();
        let expected = "strategy,rto_p99_s,rto_p99_s_low,rto_p99_s_high,writes_lost\n\
                        \"a, b\",0.1,0.05,inf,3\nc,,,,\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_name_in_full_gets_no_unit() {
        let mut table = Table::new("not written")
            .column(Column::number("rto_p50_ms", "ms", 1).named_in_full())
            .column(Column::estimate("rpo_ms_median", "ms", 1).named_in_full());
        table.push(vec![Cell::Number(1.5), Cell::estimate(2.0, 1.0, 3.0)]);
        let mut bytes = Vec::new();
        Format::Csv.render(&table, &mut bytes).unwrap();
        let expected = "rto_p50_ms,rpo_ms_median,rpo_ms_median_low,rpo_ms_median_high\n1.5,2,1,3\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
