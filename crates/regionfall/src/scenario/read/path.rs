//! Key paths: `workload.fleet.us.rate`, `fault.0.lasts`, `strategy."DNS, 60 s TTL".propagation.ttl`.

use super::tree::{Fields, Node, Origin, Value, bare_key};
use crate::scenario::error::{Problem, ProblemKind};

/// Deeper than any key of the schema.
const DEEPEST: usize = 24;

/// Splits a key path at its dots; parts in quotes may hold dots.
pub(crate) fn split(path: &str) -> Result<Vec<String>, Problem> {
    let wrong = |message: &str| {
        Problem::new(ProblemKind::Unreadable, path, message)
            .help("write keys with dots between them, such as `database.sync.processing`; names with dots in quotes")
    };
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut quote: Option<char> = None;
    let mut was_quoted = false;
    for c in path.trim().chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') if part.is_empty() && !was_quoted => {
                quote = Some(c);
                was_quoted = true;
            }
            (None, '.') => {
                parts.push(core::mem::take(&mut part));
                was_quoted = false;
            }
            (_, c) => part.push(c),
        }
    }
    if quote.is_some() {
        return Err(wrong("a quote in the key path is never closed"));
    }
    parts.push(part);
    if parts.iter().any(String::is_empty) {
        return Err(wrong("a part of the key path is empty"));
    }
    if parts.len() > DEEPEST {
        return Err(wrong("the key path is deeper than any key"));
    }
    Ok(parts)
}

/// A path in print.
pub(crate) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        bare_key(key)
    } else {
        format!("{parent}.{}", bare_key(key))
    }
}

/// The name by which an item of a list goes: its name, or what stands for one.
pub(crate) fn item_name(item: &Node) -> Option<&str> {
    let fields = item.table()?;
    // Faults go by their place: several may strike one region.
    if ["kind", "at", "lasts"]
        .iter()
        .any(|key| fields.get(key).is_some())
    {
        return None;
    }
    if fields.get("name").is_none() && fields.get("passive").is_some() {
        return Some("passive");
    }
    ["name", "preset", "probe", "class", "region"]
        .iter()
        .find_map(|key| fields.get(key).and_then(Node::text))
}

/// An item of a list in print: by its name if it has one, else by its place.
pub(crate) fn item(parent: &str, item: &Node, index: usize) -> String {
    match item_name(item) {
        Some(name) => join(parent, &slug(name)),
        None => format!("{parent}.{index}"),
    }
}

/// A name as it is written in a path: lower case, with hyphens between words.
pub(crate) fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Sets the value at a path. Tables on the way that are not there are made; items of lists must be.
pub(crate) fn set(
    root: &mut Fields,
    path: &[String],
    node: Node,
    origin: &Origin,
) -> Result<(), Problem> {
    set_in(root, path, node, origin, "")
}

fn set_in(
    fields: &mut Fields,
    path: &[String],
    node: Node,
    origin: &Origin,
    parent: &str,
) -> Result<(), Problem> {
    let [key, rest @ ..] = path else {
        return Ok(());
    };
    if rest.is_empty() {
        fields.set(key, node);
        return Ok(());
    }
    let here = join(parent, key);
    if fields.get(key).is_none() {
        fields.set(
            key,
            Node::new(Value::Table(Fields::default()), origin.clone()),
        );
    }
    let Some(child) = fields.get_mut(key) else {
        return Ok(());
    };
    match &mut child.value {
        Value::Table(inner) => set_in(inner, rest, node, origin, &here),
        Value::List(items) => set_item(items, rest, node, origin, &here),
        // A word gives way to a table: `scope = "home"` to `scope.shared = "5%"`.
        other => {
            *other = Value::Table(Fields::default());
            child.origin = origin.clone();
            match &mut child.value {
                Value::Table(inner) => set_in(inner, rest, node, origin, &here),
                _ => Ok(()),
            }
        }
    }
}

fn set_item(
    items: &mut [Node],
    path: &[String],
    node: Node,
    origin: &Origin,
    parent: &str,
) -> Result<(), Problem> {
    let [name, rest @ ..] = path else {
        return Ok(());
    };
    let place = items
        .iter()
        .position(|item| item_name(item).is_some_and(|known| known == name))
        .or_else(|| {
            items
                .iter()
                .position(|item| item_name(item).is_some_and(|known| slug(known) == slug(name)))
        })
        .or_else(|| {
            name.parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())
        });
    let Some(place) = place else {
        let known: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(index, item)| item_name(item).map_or_else(|| index.to_string(), slug))
            .collect();
        let problem = Problem::new(
            ProblemKind::UnknownName,
            join(parent, name),
            format!("`{parent}` has no item `{name}`"),
        );
        let problem = problem.words(name, known.iter().map(String::as_str));
        let mut longer = known
            .iter()
            .filter(|known| known.starts_with(name.as_str()));
        return Err(match (&problem.help, longer.next(), longer.next()) {
            // `us` where there is one `us-east-1`: far from it by letters, and meant all the same.
            (None, Some(one), None) => problem.help(format!("did you mean `{one}`?")),
            _ => problem,
        });
    };
    let here = join(parent, name);
    if rest.is_empty() {
        items[place] = node;
        return Ok(());
    }
    match &mut items[place].value {
        Value::Table(inner) => set_in(inner, rest, node, origin, &here),
        Value::List(items) => set_item(items, rest, node, origin, &here),
        _ => Err(Problem::new(
            ProblemKind::WrongType,
            here,
            "is no table: it has no keys within",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_at_dots_outside_quotes() {
        assert_eq!(split("a.b-c.0").unwrap(), ["a", "b-c", "0"]);
        assert_eq!(
            split("strategy.\"DNS, 1.5 s\".gate").unwrap(),
            ["strategy", "DNS, 1.5 s", "gate"]
        );
        for wrong in ["", "a..b", "a.\"b", ".a", &"a.".repeat(99)] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_become_words_of_a_path() {
        assert_eq!(slug("DNS, 60 s TTL"), "dns-60-s-ttl");
        assert_eq!(slug("disks kept"), "disks-kept");
    }
}
