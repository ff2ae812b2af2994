//! What is compared of an answer: the IDs, names or JSON values in it.

use serde_json::Value as Json;

use super::Answer;

/// The IDs of entries in an answer to a command on streams, in their order.
pub(super) fn ids(command: &[String], answer: &Answer) -> Option<Vec<String>> {
    if *answer == Answer::Nil {
        return Some(Vec::new());
    }
    let items = answer.list()?;
    let name = command.first().map_or("", String::as_str);
    if name.eq_ignore_ascii_case("XREAD") || name.eq_ignore_ascii_case("XREADGROUP") {
        // For each stream its name and its entries.
        let streams = items.iter().map(|stream| match stream.list() {
            Some([_, entries]) => first_texts(entries.list()?),
            _ => None,
        });
        return streams
            .collect::<Option<Vec<_>>>()
            .map(|lists| lists.concat());
    }
    if name.eq_ignore_ascii_case("XAUTOCLAIM") {
        return first_texts(items.get(1)?.list()?);
    }
    match items {
        // The summary of XPENDING: a count, the smallest and the greatest ID, consumers.
        [Answer::Integer(_), least, greatest, ..] => {
            let ends = [least, greatest].into_iter();
            Some(ends.filter_map(Answer::text).map(str::to_owned).collect())
        }
        items => first_texts(items),
    }
}

/// The first text of each item, or the item itself where it is a text.
fn first_texts(items: &[Answer]) -> Option<Vec<String>> {
    let first = |item: &Answer| {
        let item = item.list().map_or(Some(item), <[Answer]>::first);
        item.and_then(Answer::text).map(str::to_owned)
    };
    items.iter().map(first).collect()
}

/// The names in a list of descriptions, each a flat list of fields and values.
pub(super) fn names(answer: &Answer) -> Option<Vec<String>> {
    let name = |description: &Answer| {
        let fields = description.list()?;
        let at = fields
            .chunks_exact(2)
            .position(|pair| pair[0].text() == Some("name"))?;
        fields[2 * at + 1].text().map(str::to_owned)
    };
    answer.list()?.iter().map(name).collect()
}

/// An answer as JSON: texts are parsed, and the array around what a path from `$` found is taken off.
pub(super) fn json(command: &[String], answer: &Answer) -> Option<Json> {
    let parsed = plain_json(answer)?;
    let mut paths = command.iter().skip(2).filter(|word| word.starts_with('$'));
    let is_wrapped = paths.next().is_some() && paths.next().is_none();
    match parsed {
        Json::Array(mut found) if is_wrapped && found.len() == 1 => found.pop(),
        parsed => Some(parsed),
    }
}

fn plain_json(answer: &Answer) -> Option<Json> {
    match answer {
        Answer::Nil => Some(Json::Null),
        Answer::Integer(number) => Some((*number).into()),
        Answer::Text(_) => serde_json::from_str(answer.text()?).ok(),
        Answer::List(items) => items.iter().map(plain_json).collect(),
        Answer::Error(_) => None,
    }
}

/// Equal as JSON: members in any order, and 1 is 1.0.
pub(super) fn is_same_json(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || one.as_f64().is_some_and(|one| other.as_f64() == Some(one))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same_json(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other
                        .get(name)
                        .is_some_and(|other| is_same_json(value, other))
                })
        }
        (one, other) => one == other,
    }
}
