//! Paths into JSON documents: what JSON commands take as `$.a[0]` or `.a[0]`.
//!
//! Names, indices, slices, lists of them, wildcards and descent are understood; filters are not.

use crate::json::{JsonPlace, JsonView, Node};
use crate::{ErrorKind, JsonChange};

/// A step of a path.
#[derive(Clone, PartialEq, Debug)]
enum Segment {
    Name(Box<str>),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    /// Any of these.
    Any(Vec<Segment>),
    /// What follows applies at any depth.
    Descent,
}

/// A path.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct JsonPath {
    segments: Vec<Segment>,
    /// Whether it is of the older kind, which names one value and is answered without an array around it.
    pub(crate) is_legacy: bool,
}

/// A value in a document, and where it is held.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Found {
    pub(crate) place: JsonPlace,
    pub(crate) node: Node,
}

fn invalid(text: &str) -> ErrorKind {
    ErrorKind::Quoting(format!("ERR invalid JSONPath '{text}'").into())
}

impl JsonPath {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ErrorKind> {
        let text = std::str::from_utf8(bytes).map_err(|_| ErrorKind::Syntax)?;
        let is_legacy = !text.starts_with('$');
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut segments = Vec::new();
        // An older path may begin with a name, and "." alone is the root.
        if is_legacy && rest == "." {
            rest = "";
        } else if is_legacy && !rest.is_empty() && !rest.starts_with(['.', '[']) {
            rest = take_name(rest, &mut segments);
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                segments.push(Segment::Descent);
                rest = if after.starts_with('[') {
                    after
                } else {
                    take_name(after, &mut segments)
                };
            } else if let Some(after) = rest.strip_prefix('.') {
                rest = if after.starts_with('[') {
                    after
                } else {
                    take_name(after, &mut segments)
                };
            } else if let Some(after) = rest.strip_prefix('[') {
                rest = take_bracket(after, &mut segments).ok_or_else(|| invalid(text))?;
            } else {
                return Err(invalid(text));
            }
        }
        let is_empty_name = |segment: &Segment| *segment == Segment::Name("".into());
        if segments.iter().any(is_empty_name) {
            return Err(invalid(text));
        }
        Ok(Self {
            segments,
            is_legacy,
        })
    }

    /// Whether it names the document itself.
    pub(crate) fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// The values that it names, in order of the document.
    pub(crate) fn find(&self, json: JsonView<'_>) -> Vec<Found> {
        find(json, &self.segments)
    }

    /// Where a value can be put that does not exist: a member of an existing object.
    pub(crate) fn missing(&self, json: JsonView<'_>) -> Vec<JsonPlace> {
        let Some((Segment::Name(name), parents)) = self.segments.split_last() else {
            return Vec::new();
        };
        let parents = find(json, parents).into_iter();
        parents
            .filter_map(|parent| match parent.node {
                Node::Object(id) if json.member(id, name).is_none() => {
                    Some(JsonPlace::Member(id, name.clone()))
                }
                _ => None,
            })
            .collect()
    }
}

/// Takes a name that ends where the next segment begins.
fn take_name<'a>(text: &'a str, segments: &mut Vec<Segment>) -> &'a str {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    segments.push(match &text[..end] {
        "*" => Segment::Wildcard,
        name => Segment::Name(name.into()),
    });
    &text[end..]
}

/// Takes what stands between brackets, the first of which was taken.
fn take_bracket<'a>(text: &'a str, segments: &mut Vec<Segment>) -> Option<&'a str> {
    let mut alternatives = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let quote = rest.chars().next()?;
        if quote == '\'' || quote == '"' {
            let end = rest[1..].find(quote)? + 1;
            alternatives.push(Segment::Name(rest[1..end].into()));
            rest = &rest[end + 1..];
        } else {
            let end = rest.find([',', ']'])?;
            let item = rest[..end].trim();
            alternatives.push(match item.split_once(':') {
                _ if item == "*" => Segment::Wildcard,
                None => Segment::Index(item.parse().ok()?),
                Some((start, end)) => {
                    let bound = |text: &str| match text.trim() {
                        "" => Some(None),
                        number => number.parse().ok().map(Some),
                    };
                    Segment::Slice(bound(start)?, bound(end)?)
                }
            });
            rest = &rest[end..];
        }
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            let only = if alternatives.len() == 1 {
                alternatives.pop()
            } else {
                None
            };
            segments.push(only.unwrap_or(Segment::Any(alternatives)));
            return Some(after);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

fn find(json: JsonView<'_>, segments: &[Segment]) -> Vec<Found> {
    let root = json.root().map(|node| Found {
        place: JsonPlace::Root,
        node: node.clone(),
    });
    let mut found: Vec<Found> = root.into_iter().collect();
    for segment in segments {
        let mut next = Vec::new();
        for value in &found {
            step(json, segment, value, &mut next);
        }
        found = next;
    }
    found
}

fn children(json: JsonView<'_>, node: &Node) -> Vec<Found> {
    match node {
        Node::Scalar(_) => Vec::new(),
        Node::Object(id) => {
            let all = json.members(*id).map(|(name, node)| Found {
                place: JsonPlace::Member(*id, name.into()),
                node: node.clone(),
            });
            all.collect()
        }
        Node::Array(id) => {
            let all = json.elements(*id).map(|(position, node)| Found {
                place: JsonPlace::Element(*id, position.clone()),
                node: node.clone(),
            });
            all.collect()
        }
    }
}

fn step(json: JsonView<'_>, segment: &Segment, value: &Found, next: &mut Vec<Found>) {
    match (segment, &value.node) {
        (Segment::Name(name), Node::Object(id)) => {
            next.extend(json.member(*id, name).map(|node| Found {
                place: JsonPlace::Member(*id, name.clone()),
                node: node.clone(),
            }));
        }
        (Segment::Index(index), node @ Node::Array(_)) => {
            let mut elements = children(json, node);
            let length = elements.len().cast_signed() as i64;
            let place = if *index < 0 { index + length } else { *index };
            if (0..length).contains(&place) {
                next.push(elements.swap_remove(place as usize));
            }
        }
        (Segment::Slice(start, end), node @ Node::Array(_)) => {
            let elements = children(json, node);
            let length = elements.len().cast_signed() as i64;
            let place = |index: i64| {
                if index < 0 {
                    (index + length).max(0)
                } else {
                    index.min(length)
                }
            };
            let (start, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(length)));
            let within = elements.into_iter().skip(start as usize);
            next.extend(within.take((end - start).max(0) as usize));
        }
        (Segment::Wildcard, node) => next.extend(children(json, node)),
        (Segment::Any(alternatives), _) => {
            for segment in alternatives {
                step(json, segment, value, next);
            }
        }
        (Segment::Descent, node) => {
            next.push(value.clone());
            for child in children(json, node) {
                step(json, segment, &child, next);
            }
        }
        _ => {}
    }
}

impl Found {
    /// Assigns a value there.
    pub(crate) fn set(&self, value: serde_json::Value) -> JsonChange {
        JsonChange::Set {
            place: self.place.clone(),
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Option<usize> {
        JsonPath::parse(text.as_bytes())
            .ok()
            .map(|path| path.segments.len())
    }

    #[test]
    fn paths_are_read() {
        for (text, length) in [
            ("$", 0),
            (".", 0),
            ("$.a", 1),
            ("a", 1),
            (".a.b", 2),
            ("$.a[0]", 2),
            ("$['a'][\"b\"]", 2),
            ("$..a", 2),
            ("$.*", 1),
            ("$[0,1]", 1),
            ("$[1:3]", 1),
            ("$.todo[0][\"done\"]", 3),
        ] {
            assert_eq!(segments(text), Some(length), "{text}");
        }
        for text in ["$.", "$a", "$[", "$[x]", "$['a'"] {
            assert_eq!(segments(text), None, "{text}");
        }
    }
}
