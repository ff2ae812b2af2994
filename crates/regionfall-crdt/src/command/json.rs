//! Commands on JSON documents as a whole and on values of any type in them.

use serde_json::Value as Tree;

use super::Call;
use super::call::is_word;
use crate::json::{JsonPlace, Node};
use crate::json_path::{Found, JsonPath};
use crate::run::Run;
use crate::{Change, CommandKind, ErrorKind, JsonChange, JsonView, KeyId, Reply, Value};

/// The document under a key, if there is one.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<Option<JsonView<'a>>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(None),
        Value::Json(json) => Ok(Some(json)),
        _ => Err(ErrorKind::WrongType),
    }
}

const NO_DOCUMENT: ErrorKind =
    ErrorKind::Other("ERR could not perform this operation on a key that doesn't exist");

pub(super) fn existing<'a>(run: &'a Run<'_>, key: KeyId) -> Result<JsonView<'a>, ErrorKind> {
    read(run, key)?.ok_or(NO_DOCUMENT)
}

pub(super) fn change(run: &mut Run<'_>, key: KeyId, change: JsonChange) {
    run.change(key, Change::Json(change));
}

pub(super) fn tree(argument: &[u8]) -> Result<Tree, ErrorKind> {
    serde_json::from_slice(argument)
        .map_err(|error| ErrorKind::Quoting(format!("ERR invalid JSON: {error}").into()))
}

/// The path at this argument, or the root of the older kind if there is none.
pub(super) fn path_at(call: &Call, place: usize) -> Result<JsonPath, ErrorKind> {
    JsonPath::parse(call.arguments().get(place).map_or(b".", |path| path))
}

fn no_path(call: &Call, place: usize) -> ErrorKind {
    let path = call.arguments().get(place).map_or(&b"."[..], |path| path);
    let path = String::from_utf8_lossy(path);
    ErrorKind::Quoting(format!("ERR Path '{path}' does not exist or is of another type").into())
}

/// One answer for each value found; `None` for one of a wrong type. A path of the older kind gets a single one, which must be
/// there.
pub(super) fn shape(
    call: &Call,
    place: usize,
    path: &JsonPath,
    replies: Vec<Option<Reply>>,
) -> Result<Reply, ErrorKind> {
    if path.is_legacy {
        let mut fitting = replies.into_iter().flatten();
        return fitting.next_back().ok_or_else(|| no_path(call, place));
    }
    let all = replies.into_iter().map(|reply| reply.unwrap_or(Reply::Nil));
    Ok(Reply::Array(all.collect()))
}

/// JSON.SET.
pub(super) fn set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (only_new, only_old) = match call.from(3) {
        [] => (false, false),
        [word] if is_word(word, "NX") => (true, false),
        [word] if is_word(word, "XX") => (false, true),
        _ => return Err(ErrorKind::Syntax),
    };
    let path = path_at(call, 1)?;
    let value = tree(call.bytes_at(2)?)?;
    let places = places_to_set(run, call.key(), &path, only_new, only_old)?;
    let is_any = !places.is_empty();
    for place in places {
        let value = value.clone();
        change(run, call.key(), JsonChange::Set { place, value });
    }
    Ok(if is_any { Reply::Ok } else { Reply::Nil })
}

/// Where a value goes: to what the path names, or to a member of that name if there is none.
fn places_to_set(
    run: &Run<'_>,
    key: KeyId,
    path: &JsonPath,
    only_new: bool,
    only_old: bool,
) -> Result<Vec<JsonPlace>, ErrorKind> {
    let Some(json) = read(run, key)? else {
        return match path.is_root() {
            true if only_old => Ok(Vec::new()),
            true => Ok(vec![JsonPlace::Root]),
            false => Err(ErrorKind::Other(
                "ERR new objects must be created at the root",
            )),
        };
    };
    let found = path.find(json);
    if found.is_empty() && !only_old {
        return Ok(path.missing(json));
    }
    if only_new {
        return Ok(Vec::new());
    }
    Ok(found.into_iter().map(|found| found.place).collect())
}

/// JSON.MSET.
pub(super) fn set_many(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let mut changes = Vec::new();
    for (&key, triple) in call.keys().iter().zip(call.arguments().chunks_exact(3)) {
        let path = JsonPath::parse(&triple[1])?;
        let value = tree(&triple[2])?;
        changes.push((key, path, value));
    }
    for (key, path, value) in changes {
        for place in places_to_set(run, key, &path, false, false)? {
            let value = value.clone();
            change(run, key, JsonChange::Set { place, value });
        }
    }
    Ok(Reply::Ok)
}

fn found_trees(json: JsonView<'_>, path: &JsonPath) -> Vec<Tree> {
    path.find(json)
        .iter()
        .map(|found| json.tree(&found.node))
        .collect()
}

/// JSON.GET.
pub(super) fn get(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let mut place = 1;
    while ["INDENT", "NEWLINE", "SPACE"]
        .iter()
        .any(|word| call.is_word(place, word))
    {
        place += 2;
    }
    let Some(json) = read(run, call.key())? else {
        return Ok(Reply::Nil);
    };
    let paths = call.from(place);
    let parsed = paths.iter().map(|path| JsonPath::parse(path));
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let are_legacy = parsed.iter().all(|path| path.is_legacy);
    let value = |path: &JsonPath| {
        let mut found = found_trees(json, path);
        if are_legacy {
            found.pop()
        } else {
            Some(Tree::Array(found))
        }
    };
    let answer = match &parsed[..] {
        [] => json.to_value(),
        [path] => value(path).ok_or_else(|| no_path(call, place))?,
        several => {
            let mut members = serde_json::Map::new();
            for (name, path) in paths.iter().zip(several) {
                let name = String::from_utf8_lossy(name).into_owned();
                members.insert(name, value(path).ok_or_else(|| no_path(call, place))?);
            }
            Tree::Object(members)
        }
    };
    Ok(Reply::bulk(answer.to_string()))
}

/// JSON.MGET.
pub(super) fn get_many(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, call.arguments().len() - 1)?;
    let all = call.keys().iter().map(|&key| {
        let Ok(Some(json)) = read(run, key) else {
            return Reply::Nil;
        };
        let mut found = found_trees(json, &path);
        let found = if path.is_legacy {
            found.pop()
        } else {
            Some(Tree::Array(found))
        };
        found.map_or(Reply::Nil, |found| Reply::bulk(found.to_string()))
    });
    Ok(Reply::Array(all.collect()))
}

/// JSON.DEL and JSON.FORGET. The whole document goes as any key does.
pub(super) fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let Some(json) = read(run, call.key())? else {
        return Ok(Reply::Integer(0));
    };
    if path.is_root() {
        return Ok(Reply::yes_or_no(run.delete(call.key())));
    }
    let places: Vec<JsonPlace> = path
        .find(json)
        .into_iter()
        .map(|found| found.place)
        .collect();
    let reply = Reply::count(places.len());
    if places.contains(&JsonPlace::Root) {
        run.delete(call.key());
    } else if !places.is_empty() {
        change(run, call.key(), JsonChange::Remove { places });
    }
    Ok(reply)
}

/// JSON.CLEAR: observed members go, and what is added meanwhile stays.
pub(super) fn clear(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let json = existing(run, call.key())?;
    let mut changes = Vec::new();
    for found in path.find(json) {
        let places: Vec<JsonPlace> = match &found.node {
            Node::Object(id) => {
                let members = json.members(*id);
                members
                    .map(|(name, _)| JsonPlace::Member(*id, name.into()))
                    .collect()
            }
            Node::Array(id) => {
                let elements = json.elements(*id);
                elements
                    .map(|(at, _)| JsonPlace::Element(*id, at.clone()))
                    .collect()
            }
            Node::Scalar(Tree::Number(number)) if number.as_f64() != Some(0.0) => {
                changes.push(found.set(0.into()));
                continue;
            }
            Node::Scalar(_) => continue,
        };
        if !places.is_empty() {
            changes.push(JsonChange::Remove { places });
        }
    }
    let reply = Reply::count(changes.len());
    for one in changes {
        change(run, call.key(), one);
    }
    Ok(reply)
}

/// JSON.MERGE (RFC 7396): members are merged one by one, and null removes them.
pub(super) fn merge(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let target = path_at(call, 1)?;
    let patch = tree(call.bytes_at(2)?)?;
    let Some(json) = read(run, call.key())? else {
        if !target.is_root() {
            return Err(ErrorKind::Other(
                "ERR new objects must be created at the root",
            ));
        }
        let value = without_nulls(patch);
        let place = JsonPlace::Root;
        change(run, call.key(), JsonChange::Set { place, value });
        return Ok(Reply::Ok);
    };
    let mut changes = Vec::new();
    let found = target.find(json);
    if found.is_empty() {
        for place in target.missing(json) {
            let value = without_nulls(patch.clone());
            changes.push(JsonChange::Set { place, value });
        }
    }
    for found in found {
        plan_merge(json, &found, &patch, &mut changes);
    }
    for one in changes {
        change(run, call.key(), one);
    }
    Ok(Reply::Ok)
}

fn plan_merge(json: JsonView<'_>, found: &Found, patch: &Tree, changes: &mut Vec<JsonChange>) {
    let (Node::Object(id), Tree::Object(members)) = (&found.node, patch) else {
        if patch.is_null() {
            let places = vec![found.place.clone()];
            changes.push(JsonChange::Remove { places });
        } else {
            changes.push(found.set(without_nulls(patch.clone())));
        }
        return;
    };
    for (name, patch) in members {
        let place = JsonPlace::Member(*id, name.as_str().into());
        match json.member(*id, name) {
            Some(node) => {
                let node = node.clone();
                plan_merge(json, &Found { place, node }, patch, changes);
            }
            None if patch.is_null() => {}
            None => {
                let value = without_nulls(patch.clone());
                changes.push(JsonChange::Set { place, value });
            }
        }
    }
}

fn without_nulls(tree: Tree) -> Tree {
    match tree {
        Tree::Object(members) => Tree::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}

fn type_name(node: &Node) -> &'static str {
    match node {
        Node::Object(_) => "object",
        Node::Array(_) => "array",
        Node::Scalar(Tree::String(_)) => "string",
        Node::Scalar(Tree::Bool(_)) => "boolean",
        Node::Scalar(Tree::Number(number)) if number.is_f64() => "number",
        Node::Scalar(Tree::Number(_)) => "integer",
        Node::Scalar(_) => "null",
    }
}

/// JSON.TYPE.
pub(super) fn type_of(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let Some(json) = read(run, call.key())? else {
        return Ok(Reply::Nil);
    };
    let found = path.find(json).into_iter();
    let types: Vec<_> = found
        .map(|found| Some(Reply::bulk(type_name(&found.node))))
        .collect();
    if path.is_legacy && types.is_empty() {
        return Ok(Reply::Nil);
    }
    shape(call, 1, &path, types)
}

/// JSON.OBJKEYS, JSON.OBJLEN, JSON.STRLEN and JSON.ARRLEN.
pub(super) fn lengths(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let Some(json) = read(run, call.key())? else {
        return Ok(Reply::Nil);
    };
    let length = |node: &Node| match (call.kind(), node) {
        (CommandKind::JsonObjKeys, Node::Object(id)) => {
            Some(Reply::bulks(json.members(*id).map(|own| own.0)))
        }
        (CommandKind::JsonObjLen, Node::Object(id)) => {
            Some(Reply::count(json.members(*id).count()))
        }
        (CommandKind::JsonArrLen, Node::Array(id)) => {
            Some(Reply::count(json.elements(*id).count()))
        }
        (CommandKind::JsonStrLen, Node::Scalar(Tree::String(text))) => {
            Some(Reply::count(text.chars().count()))
        }
        _ => None,
    };
    let replies = path
        .find(json)
        .iter()
        .map(|found| length(&found.node))
        .collect();
    shape(call, 1, &path, replies)
}

/// JSON.RESP.
pub(super) fn as_replies(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let path = path_at(call, 1)?;
    let Some(json) = read(run, call.key())? else {
        return Ok(Reply::Nil);
    };
    let replies = found_trees(json, &path)
        .iter()
        .map(|tree| Some(resp(tree)))
        .collect();
    shape(call, 1, &path, replies)
}

fn resp(tree: &Tree) -> Reply {
    match tree {
        Tree::Null => Reply::Nil,
        Tree::Bool(true) => Reply::Status("true"),
        Tree::Bool(false) => Reply::Status("false"),
        Tree::Number(number) => match number.as_i64() {
            Some(integer) => Reply::Integer(integer),
            None => Reply::bulk(number.to_string()),
        },
        Tree::String(text) => Reply::bulk(text),
        Tree::Array(elements) => {
            let start = std::iter::once(Reply::Status("["));
            Reply::Array(start.chain(elements.iter().map(resp)).collect())
        }
        Tree::Object(members) => {
            let start = std::iter::once(Reply::Status("{"));
            let members = members.iter();
            let flat = members.flat_map(|(name, value)| [Reply::bulk(name), resp(value)]);
            Reply::Array(start.chain(flat).collect())
        }
    }
}
