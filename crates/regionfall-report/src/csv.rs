//! CSV, written row by row: `runs.csv`, `incidents.csv`, `writes.csv` and curves.
//!
//! RFC 4180 quoting, lines end in `\n`. A missing value is an empty field, never 0. Numbers are the
//! shortest text that reads back as the same bits; infinity ("not within the horizon") is `inf`, as
//! Rust, Python and R read it. Rows are written in the order given and nothing is kept: a sweep of
//! any size needs the memory of one row.

use std::io::Write;

use crate::number;

/// One field of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Field<'a> {
    /// No value.
    Missing,
    /// Text, quoted where needed.
    Text(&'a str),
    /// A count or identifier.
    Whole(u64),
    /// A measured number; "not a number" is written as missing.
    Number(f64),
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// A row has another number of fields than the header.
    #[error("row {row} has {got} fields, the header has {expected}")]
    Fields {
        /// Its number, from 1.
        row: u64,
        /// Its fields.
        got: usize,
        /// The fields of the header.
        expected: usize,
    },
    /// The target refused bytes.
    #[error("the target cannot be written: {0}")]
    Target(#[from] std::io::Error),
}

/// Writes rows under a header.
#[derive(Debug)]
pub struct CsvWriter<W: Write> {
    inner: csv::Writer<W>,
    columns: usize,
    rows: u64,
}

impl<W: Write> CsvWriter<W> {
    /// Writes the header.
    pub fn new<'a>(target: W, header: impl IntoIterator<Item = &'a str>) -> Result<Self, CsvError> {
        // The length of rows is checked here, with the row's number in the message.
        let mut inner = csv::WriterBuilder::new().flexible(true).from_writer(target);
        let mut columns = 0;
        for name in header {
            inner.write_field(name).map_err(into_io)?;
            columns += 1;
        }
        inner.write_record(None::<&[u8]>).map_err(into_io)?;
        Ok(Self {
            inner,
            columns,
            rows: 0,
        })
    }

    /// Writes one row, which has as many fields as the header.
    pub fn row(&mut self, fields: &[Field<'_>]) -> Result<(), CsvError> {
        self.rows += 1;
        if fields.len() != self.columns {
            return Err(CsvError::Fields {
                row: self.rows,
                got: fields.len(),
                expected: self.columns,
            });
        }
        for field in fields {
            match field {
                Field::Missing => self.inner.write_field(""),
                Field::Text(text) => self.inner.write_field(text),
                Field::Whole(value) => self.inner.write_field(value.to_string()),
                Field::Number(value) if value.is_nan() => self.inner.write_field(""),
                Field::Number(value) => self.inner.write_field(number::exact(*value)),
            }
            .map_err(into_io)?;
        }
        self.inner.write_record(None::<&[u8]>).map_err(into_io)?;
        Ok(())
    }

    /// Writes what is still held back. Dropping the writer would do so too, and hide a failure.
    pub fn finish(mut self) -> Result<(), CsvError> {
        self.inner.flush()?;
        Ok(())
    }
}

impl<T: Into<f64>> From<Option<T>> for Field<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, |value| Self::Number(value.into()))
    }
}

/// The only thing that can fail below is the target, since rows are checked before.
fn into_io(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(header: &[&str], rows: &[Vec<Field<'_>>]) -> String {
        let mut bytes = Vec::new();
        let mut writer = CsvWriter::new(&mut bytes, header.iter().copied()).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_are_quoted_only_where_needed() {
        let got = written(
            &["strategy", "seed", "rto_p99_ms"],
            &[
                vec![
                    Field::Text("DNS, 60 s \"TTL\""),
                    Field::Whole(7),
                    Field::Number(0.1),
                ],
                vec![Field::Text("plain"), Field::Whole(8), Field::Missing],
                vec![
                    Field::Text("never"),
                    Field::Whole(9),
                    Field::Number(f64::INFINITY),
                ],
            ],
        );
        let expected =
            "strategy,seed,rto_p99_ms\n\"DNS, 60 s \"\"TTL\"\"\",7,0.1\nplain,8,\nnever,9,inf\n";
        assert_eq!(got, expected);
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused_by_number() {
        let mut writer = CsvWriter::new(Vec::new(), ["a", "b"]).unwrap();
        writer.row(&[Field::Whole(1), Field::Whole(2)]).unwrap();
        let error = writer.row(&[Field::Whole(1)]).unwrap_err();
        assert_eq!(error.to_string(), "row 2 has 1 fields, the header has 2");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(
            rows in prop::collection::vec((".{0,20}", prop::num::f64::NORMAL), 1..20),
        ) {
            let fields: Vec<_> = rows
                .iter()
                .map(|(text, value)| vec![Field::Text(text), Field::Number(*value)])
                .collect();
            let text = written(&["text", "value"], &fields);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            for (record, (text, value)) in reader.records().zip(&rows) {
                let record = record.unwrap();
                prop_assert_eq!(&record[0], text);
                prop_assert_eq!(record[1].parse::<f64>().unwrap().to_bits(), value.to_bits());
            }
        }
    }
}
