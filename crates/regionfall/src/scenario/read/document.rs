//! TOML text to a tree with marks.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Fields, Mark, Node, Origin, Source, Value};
use crate::scenario::error::{Place, Problem, ProblemKind, ScenarioError};

/// Reads a document. All its syntax errors are reported at once.
pub(crate) fn read(source: &Source, index: usize) -> Result<Fields, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        return Err(errors
            .iter()
            .take(ScenarioError::SOUGHT)
            .map(|error| syntax_problem(source, error))
            .collect());
    }
    Ok(fields(table.get_ref(), index))
}

/// Reads one value, as `--set` takes it.
pub(crate) fn read_value(source: &Source, index: usize) -> Result<Node, Problem> {
    match DeValue::parse(&source.text) {
        Ok(value) => Ok(node(&value, index)),
        Err(error) => Err(syntax_problem(source, &error)),
    }
}

fn syntax_problem(source: &Source, error: &toml::de::Error) -> Problem {
    let message = error.message();
    let message = if message.contains("recurs") {
        "nested too deeply".to_owned()
    } else {
        format!("not TOML: {message}")
    };
    let mut problem = Problem::new(ProblemKind::NotToml, "", message);
    let span = error.span().unwrap_or(0..0);
    problem.place = Some(Box::new(Place::of(
        &source.name,
        &source.text,
        span.start,
        span.end,
    )));
    problem
}

fn fields(table: &DeTable<'_>, source: usize) -> Fields {
    let mut entries: Vec<(String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let mut node = node(value, source);
            let span = key.span();
            node.key = Some(Mark {
                source,
                start: span.start,
                end: span.end,
            });
            (key.get_ref().to_string(), node)
        })
        .collect();
    // The parser sorts by name; people think in the order in which they wrote.
    entries.sort_by_key(|(_, node)| node.key);
    Fields(entries)
}

fn node(value: &Spanned<DeValue<'_>>, source: usize) -> Node {
    let span = value.span();
    let mark = Mark {
        source,
        start: span.start,
        end: span.end,
    };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                // Beyond 64 bits it is out of every range anyhow.
                Err(_) if number.as_str().starts_with('-') => Value::Integer(i64::MIN),
                Err(_) => Value::Integer(i64::MAX),
            }
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, source)).collect()),
        DeValue::Table(table) => Value::Table(fields(table, source)),
    };
    Node::new(value, Origin::File(mark))
}
