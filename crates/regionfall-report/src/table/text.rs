//! Aligned plain text, for terminals and for a README.

use std::io::Write;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width,
};

use super::{Cell, Column, Table, Writer};
use crate::number;

/// The width that names are wrapped to, in characters.
const WIDTH: u16 = 116;
/// Names are not wrapped to less than this, or their longest word.
const NAME: usize = 24;

/// A rule below the header and nothing else: narrow, and easy to paste.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Writes a heading, the columns with their units, a rule, and the rows.
pub(super) struct Text;

impl Writer for Text {
    fn write(&self, table: &Table, target: &mut dyn Write) -> std::io::Result<()> {
        let mut grid = comfy_table::Table::new();
        grid.load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(table.columns().iter().map(heading));
        for row in table.rows() {
            let cells = table.columns().iter().zip(row);
            grid.add_row(cells.map(|(column, cell)| shown(column, cell)));
        }
        for (column, shape) in table.columns().iter().zip(grid.column_iter_mut()) {
            if column.is_numeric() {
                // Names wrap; numbers never do, since half a number misleads.
                shape.set_cell_alignment(CellAlignment::Right);
                shape.set_constraint(ColumnConstraint::ContentWidth);
            } else {
                let word = u16::try_from(longest_word(table, column)).unwrap_or(u16::MAX);
                // The padding counts.
                let least = Width::Fixed(word.saturating_add(2));
                shape.set_constraint(ColumnConstraint::LowerBoundary(least));
            }
        }
        if !table.title.is_empty() {
            writeln!(target, "{}", table.title)?;
        }
        for line in grid.lines() {
            writeln!(target, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The longest word of a column of names, in characters: half a name misleads too.
fn longest_word(table: &Table, column: &Column) -> usize {
    let index = table
        .columns()
        .iter()
        .position(|other| std::ptr::eq(other, column));
    let cells = table.rows().iter().filter_map(|row| match row.get(index?) {
        Some(Cell::Text(text)) => Some(text.as_str()),
        _ => None,
    });
    let words = cells
        .chain([column.name()])
        .flat_map(|text| text.split([' ', '\n']));
    let longest = words.map(|word| word.chars().count()).max().unwrap_or(0);
    if column.is_unbroken {
        longest
    } else {
        longest.min(NAME)
    }
}

/// A cell as people read it: `34.2 [31.0, 38.1]`.
pub(super) fn shown(column: &Column, cell: &Cell) -> String {
    match cell {
        Cell::Missing => "–".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Count(value) => number::count(*value),
        Cell::Number(value) => number::fixed(*value, column.decimals(*value)),
        Cell::Estimate { value, low, high } => {
            // Where the estimate is 0 or was not reached, a limit says how fine the numbers are.
            let leading = [*value, *high, *low]
                .into_iter()
                .find(|v| v.is_finite() && *v != 0.0);
            let decimals = column.decimals(leading.unwrap_or(0.0));
            // A true zero has no digits that count.
            let shown = |v: f64| number::fixed(v, if v == 0.0 { 0 } else { decimals });
            let figures = [*value, *low, *high];
            let [value, low, high] = if column.is_rounded() {
                figures.map(shown)
            } else {
                figures.map(|v| number::fixed(v, decimals))
            };
            format!("{value} [{low}, {high}]")
        }
    }
}

/// The name above the unit, so that a long name does not widen a column of short numbers.
fn heading(column: &Column) -> String {
    column.unit().map_or_else(
        || column.name().to_owned(),
        |unit| format!("{}\n({unit})", column.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Table};
    use super::*;

    fn written(table: &Table) -> String {
        let mut bytes = Vec::new();
        Format::Table.render(table, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn example() -> Table {
        let mut table = Table::new("disks lost, 200 seeds (test data)")
            .column(Column::text("strategy"))
            .column(Column::estimate("rto_p99", "s", 1))
            .column(Column::count("writes_lost", "writes"))
            .column(Column::text("rto_target"));
        table.push(vec![
            Cell::text("jedis-multidb"),
            Cell::estimate(34.2, 31.0, 38.1),
            Cell::Count(12_345),
            Cell::text("met"),
        ]);
        table.push(vec![
            Cell::text("pinned"),
            Cell::estimate(f64::INFINITY, 600.0, f64::INFINITY),
            Cell::Missing,
            Cell::text("too few seeds (needs 299)"),
        ]);
        table
    }

    #[test]
    fn numbers_align_and_units_stand_in_the_header() {
        let expected = "\
disks lost, 200 seeds (test data)
 strategy                 rto_p99  writes_lost  rto_target
                              (s)     (writes)
──────────────────────────────────────────────────────────────────────────
 jedis-multidb  34.2 [31.0, 38.1]       12\u{a0}345  met
 pinned              ∞ [600.0, ∞]            –  too few seeds (needs 299)
";
        assert_eq!(written(&example()), expected);
    }

    #[test]
    fn names_of_files_are_not_broken() {
        let file = "sims/regressions/a-partition-that-outlasts-the-backlog.toml";
        let wide = "what came of it, told at a length that leaves no place for anything else in this table";
        let table = |column: Column| {
            let mut table = Table::new("").column(column).column(Column::text("what"));
            table.push(vec![Cell::text(file), Cell::text(wide)]);
            written(&table)
        };
        let text = table(Column::text("scenario").unbroken());
        assert!(text.contains(file), "{text}");
        // Other names give way.
        let text = table(Column::text("scenario"));
        assert!(!text.contains(file), "{text}");
    }

    #[test]
    fn long_names_wrap_and_numbers_do_not() {
        let mut table = Table::new("")
            .column(Column::text("strategy"))
            .column(Column::estimate("rto_p50", "s", 1))
            .column(Column::estimate("rto_p99", "s", 1))
            .column(Column::estimate("rpo_observed_p99", "s", 1));
        let name = "a global traffic manager in front of two load balancers with sixty seconds TTL";
        let estimate = Cell::estimate(100.0, 99.0, 101.0);
        table.push(vec![
            Cell::text(name),
            estimate.clone(),
            estimate.clone(),
            estimate,
        ]);
        let text = written(&table);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= usize::from(WIDTH)),
            "{text}"
        );
        assert_eq!(text.matches("100.0 [99.0, 101.0]").count(), 3, "{text}");
    }
}
