//! Measured samples in a file of their own: `file("measured.toml", "kill.rto_ms")`.
//!
//! Such a file is TOML: tables by configuration, and in each a list of numbers under the name of what
//! was measured, beside whatever else is worth telling about it.

use super::document;
use super::leaf;
use super::path;
use super::tree::{Fields, Node, Source, Value};
use crate::scenario::error::{Problem, ProblemKind, nearest};

/// How samples in a file are written.
pub(crate) const SYNTAX: &str =
    "a list such as [\"1.2s\", \"1.4s\"], or \"file(\\\"measured.toml\\\", \\\"table.key\\\")\"";

/// A list in a file.
pub(crate) struct DataKey<'t> {
    /// The file.
    pub(crate) path: &'t str,
    /// The key path of the list.
    pub(crate) key: &'t str,
}

/// The file and key that a text names.
pub(crate) fn data_key(text: &str) -> Option<DataKey<'_>> {
    let inner = text.trim().strip_prefix("file(")?.strip_suffix(')')?;
    let (path, key) = inner.split_once(',')?;
    Some(DataKey {
        path: unquoted(path)?,
        key: unquoted(key)?,
    })
}

fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .filter(|inner| !inner.is_empty())
}

/// The numbers of a list in a file; an empty list is none.
pub(crate) fn read(name: &str, text: &str, key: &str) -> Result<Vec<f64>, Problem> {
    let source = Source {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let root = document::read(&source, 0).map_err(|problems| {
        let first = problems.into_iter().next();
        let message = first.map_or(String::new(), |problem| problem.message);
        Problem::new(ProblemKind::NotToml, "", format!("`{name}` is {message}"))
    })?;
    let parts = path::split(key)?;
    let mut here = &root;
    for (depth, part) in parts.iter().enumerate() {
        let found = here.get(part).ok_or_else(|| unknown(name, here, part))?;
        let is_last = depth + 1 == parts.len();
        match &found.value {
            Value::List(items) if is_last => return numbers(name, key, items),
            Value::Table(inner) if !is_last => here = inner,
            _ => break,
        }
    }
    let message = format!("`{key}` in `{name}` is no list");
    Err(Problem::new(ProblemKind::WrongType, "", message).allowed("a list of numbers"))
}

fn unknown(name: &str, here: &Fields, part: &str) -> Problem {
    let known: Vec<&str> = here.0.iter().map(|(key, _)| key.as_str()).collect();
    let message = format!("`{name}` has no `{part}` there");
    let problem = Problem::new(ProblemKind::UnknownName, "", message);
    match nearest(part, known) {
        Some(word) => problem.help(format!("did you mean `{word}`?")),
        None => problem,
    }
}

fn numbers(name: &str, key: &str, items: &[Node]) -> Result<Vec<f64>, Problem> {
    let is_number = |node: &&Node| matches!(node.value, Value::Integer(_) | Value::Number(_));
    let numbers: Vec<f64> = items.iter().filter(is_number).map(leaf::number).collect();
    if numbers.len() == items.len() && numbers.iter().all(|number| number.is_finite()) {
        return Ok(numbers);
    }
    let message = format!("`{key}` in `{name}` holds something that is no number");
    Err(Problem::new(ProblemKind::WrongType, "", message).allowed("a list of numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[kill]\nrto_ms = [3, 1.5]\nn = 2\nwords = [1, \"2\"]\n";

    #[test]
    fn a_list_is_found_by_its_key() {
        let named = data_key("file(\"a/b.toml\", \"kill.rto_ms\")").unwrap();
        assert_eq!((named.path, named.key), ("a/b.toml", "kill.rto_ms"));
        assert_eq!(read("b.toml", FILE, named.key).unwrap(), [3.0, 1.5]);
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (key, message) in [
            ("kil.rto_ms", "`b.toml` has no `kil` there"),
            ("kill.n", "`kill.n` in `b.toml` is no list"),
            ("kill", "`kill` in `b.toml` is no list"),
            (
                "kill.words",
                "`kill.words` in `b.toml` holds something that is no number",
            ),
        ] {
            assert_eq!(read("b.toml", FILE, key).unwrap_err().message, message);
        }
        for text in [
            "file(\"a\")",
            "file(a, b)",
            "empirical(1ms)",
            "file(\"\", \"a\")",
        ] {
            assert!(data_key(text).is_none(), "{text}");
        }
    }
}
