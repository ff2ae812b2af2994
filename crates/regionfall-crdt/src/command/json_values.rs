//! Commands on numbers, strings, truth values and arrays in JSON documents.

use serde_json::Value as Tree;

use super::Call;
use super::call::integer;
use super::json::{change, existing, path_at, shape, tree};
use super::lists::place_of;
use super::strings::between;
use crate::json::{ContainerId, JsonPlace, Node};
use crate::run::Run;
use crate::{CommandKind, ErrorKind, JsonChange, JsonView, Reply};

/// A number as JSON would write it: whole ones stay whole.
fn number(value: f64) -> Result<Tree, ErrorKind> {
    serde_json::Number::from_f64(value)
        .map(Tree::Number)
        .ok_or(ErrorKind::Other("ERR result is not a number"))
}

/// The result of JSON.NUMINCRBY or JSON.NUMMULTBY on one number.
fn arithmetic(kind: CommandKind, old: &Tree, operand: &Tree) -> Option<Result<Tree, ErrorKind>> {
    let is_product = kind == CommandKind::JsonNumMultBy;
    if let (Some(a), Some(b)) = (old.as_i64(), operand.as_i64()) {
        let exact = if is_product {
            a.checked_mul(b)
        } else {
            a.checked_add(b)
        };
        if let Some(exact) = exact {
            return Some(Ok(exact.into()));
        }
    }
    let (a, b) = (old.as_f64()?, operand.as_f64()?);
    Some(number(if is_product { a * b } else { a + b }))
}

/// JSON.NUMINCRBY and JSON.NUMMULTBY: the result is assigned. Of concurrent ones the smaller instance's stays, as of other
/// updates of one field; the sources name no counters in JSON.
pub(super) fn calculate(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let operand = tree(call.bytes_at(2)?)?;
    if !operand.is_number() {
        return Err(ErrorKind::NotAFloat);
    }
    let json = existing(run, call.key())?;
    let (mut results, mut changes) = (Vec::new(), Vec::new());
    for found in path.find(json) {
        let result = match &found.node {
            Node::Scalar(old @ Tree::Number(_)) => arithmetic(call.kind(), old, &operand),
            _ => None,
        };
        let result = result.transpose()?;
        if let Some(value) = &result {
            changes.push(found.set(value.clone()));
        }
        results.push(result);
    }
    for one in changes {
        change(run, call.key(), one);
    }
    if path.is_legacy {
        let text = results
            .into_iter()
            .flatten()
            .map(|value| Some(Reply::bulk(value.to_string())));
        return shape(call, 1, &path, text.collect());
    }
    let all = results.into_iter().map(|value| value.unwrap_or(Tree::Null));
    Ok(Reply::bulk(Tree::Array(all.collect()).to_string()))
}

/// Assigns to each value found what `act` makes of it, with an answer.
fn update(
    run: &mut Run<'_>,
    call: &Call,
    act: impl Fn(&Tree) -> Option<(Tree, Reply)>,
) -> Result<Reply, ErrorKind> {
    // The path may be left out before a value that comes last.
    let has_path = call.kind() == CommandKind::JsonToggle || call.arguments().len() > 2;
    let path = path_at(call, if has_path { 1 } else { usize::MAX })?;
    let json = existing(run, call.key())?;
    let (mut replies, mut changes) = (Vec::new(), Vec::new());
    for found in path.find(json) {
        let result = match &found.node {
            Node::Scalar(old) => act(old),
            _ => None,
        };
        replies.push(result.map(|(value, reply)| {
            changes.push(found.set(value));
            reply
        }));
    }
    for one in changes {
        change(run, call.key(), one);
    }
    shape(call, 1, &path, replies)
}

/// JSON.STRAPPEND: the result is assigned.
pub(super) fn append_text(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let last = call.arguments().len() - 1;
    let Tree::String(suffix) = tree(call.bytes_at(last)?)? else {
        return Err(ErrorKind::Other("ERR expected a JSON string"));
    };
    update(run, call, |old| {
        let whole = format!("{}{suffix}", old.as_str()?);
        let length = Reply::count(whole.chars().count());
        Some((Tree::String(whole), length))
    })
}

/// JSON.TOGGLE: the result is assigned.
pub(super) fn toggle(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_legacy = path_at(call, 1)?.is_legacy;
    update(run, call, |old| {
        let new = !old.as_bool()?;
        let reply = if is_legacy {
            Reply::bulk(new.to_string())
        } else {
            Reply::yes_or_no(new)
        };
        Some((Tree::Bool(new), reply))
    })
}

/// What to do with one array: the change, if there is one, and the answer.
type ArrayAct = (Option<JsonChange>, Reply);

/// Does something with each array found.
fn with_arrays(
    run: &mut Run<'_>,
    call: &Call,
    place: usize,
    act: impl Fn(JsonView<'_>, ContainerId, u64) -> Result<ArrayAct, ErrorKind>,
) -> Result<Reply, ErrorKind> {
    let path = path_at(call, place)?;
    let json = existing(run, call.key())?;
    let (mut replies, mut changes) = (Vec::new(), Vec::new());
    for found in path.find(json) {
        let Node::Array(id) = found.node else {
            replies.push(None);
            continue;
        };
        let (one, reply) = act(json, id, changes.len() as u64)?;
        changes.extend(one);
        replies.push(Some(reply));
    }
    for one in changes {
        change(run, call.key(), one);
    }
    shape(call, place, &path, replies)
}

/// JSON.ARRAPPEND and JSON.ARRINSERT. An index may be one beyond the end, and counts from the end if it is negative.
pub(super) fn insert(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_append = call.kind() == CommandKind::JsonArrAppend;
    let index = if is_append {
        None
    } else {
        Some(call.integer_at(2)?)
    };
    let arguments = call.from(if is_append { 2 } else { 3 });
    let values = arguments.iter().map(|argument| tree(argument));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let dot = run.next_dot(call.key());
    with_arrays(run, call, 1, |json, array, changes_before| {
        let length = json.elements(array).count();
        let place = match index {
            None => length,
            Some(index) => place_of(index, length)
                .or((index == length.cast_signed() as i64).then_some(length))
                .ok_or(ErrorKind::IndexOutOfRange)?,
        };
        let dot = crate::Dot::new(dot.origin, dot.sequence + changes_before);
        let first = json.between(array, place, values.len(), dot);
        let values = values.clone();
        let reply = Reply::count(length + values.len());
        let one = JsonChange::Insert {
            array,
            first,
            values,
        };
        Ok((Some(one), reply))
    })
}

/// JSON.ARRPOP: the last element unless an index says otherwise, which is moved into bounds.
pub(super) fn pop(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let index = call
        .arguments()
        .get(2)
        .map_or(Ok(-1), |argument| integer(argument))?;
    with_arrays(run, call, 1, |json, array, _| {
        let length = json.elements(array).count().cast_signed() as i64;
        let place = if index < 0 { index + length } else { index };
        let place = place.clamp(0, (length - 1).max(0)) as usize;
        let Some((position, node)) = json.elements(array).nth(place) else {
            return Ok((None, Reply::Nil));
        };
        let places = vec![JsonPlace::Element(array, position.clone())];
        let text = json.tree(node).to_string();
        Ok((Some(JsonChange::Remove { places }), Reply::bulk(text)))
    })
}

/// JSON.ARRTRIM: the observed elements outside go.
pub(super) fn trim(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (start, end) = (call.integer_at(2)?, call.integer_at(3)?);
    with_arrays(run, call, 1, |json, array, _| {
        let length = json.elements(array).count();
        let kept = between(start, end, length);
        let outside = json.elements(array).enumerate();
        let places: Vec<JsonPlace> = outside
            .filter(|(place, _)| !kept.contains(place))
            .map(|(_, own)| JsonPlace::Element(array, own.0.clone()))
            .collect();
        let one = (!places.is_empty()).then_some(JsonChange::Remove { places });
        Ok((one, Reply::count(kept.len())))
    })
}

/// JSON.ARRINDEX.
pub(super) fn find(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let wanted = tree(call.bytes_at(2)?)?;
    let bound = |place: usize| {
        call.arguments()
            .get(place)
            .map(|argument| integer(argument))
            .transpose()
    };
    let (start, end) = (bound(3)?.unwrap_or(0), bound(4)?.unwrap_or(0));
    with_arrays(run, call, 1, |json, array, _| {
        let length = json.elements(array).count().cast_signed() as i64;
        let place = |index: i64| {
            if index < 0 {
                (index + length).max(0)
            } else {
                index
            }
        };
        // The end is exclusive, and 0 is the end of the array.
        let end = if end == 0 {
            length
        } else {
            place(end).min(length)
        };
        let start = place(start);
        let within = json.elements(array).enumerate();
        let mut hits = within.filter(|(at, own)| {
            (start..end).contains(&(at.cast_signed() as i64)) && json.tree(own.1) == wanted
        });
        let hit = hits.next().map_or(-1, |(at, _)| at.cast_signed() as i64);
        Ok((None, Reply::Integer(hit)))
    })
}
