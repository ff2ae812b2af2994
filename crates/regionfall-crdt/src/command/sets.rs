//! Commands on sets beyond those that the simulator builds itself.

use std::collections::BTreeSet;

use super::Call;
use super::call::{count_after_key, integer};
use crate::run::Run;
use crate::{CommandKind, EffectKind, Element, ErrorKind, KeyId, Reply, SetView, Value};

/// The set under a key, an empty one if there is nothing.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<SetView<'a>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(SetView::EMPTY),
        Value::Set(set) => Ok(set),
        _ => Err(ErrorKind::WrongType),
    }
}

fn array(elements: impl IntoIterator<Item = Element>) -> Reply {
    Reply::Array(elements.into_iter().map(Reply::Element).collect())
}

fn discard(run: &mut Run<'_>, key: KeyId, elements: Vec<Element>) {
    if !elements.is_empty() {
        let elements = elements.into_iter().collect();
        run.emit(key, EffectKind::Discard { elements });
    }
}

/// SPOP.
pub(super) fn pop(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let number = count_after_key(call)?;
    let all: Vec<Element> = read(run, call.key())?.iter().cloned().collect();
    let chosen = run.choose(all.len(), number.unwrap_or(1).cast_signed() as i64);
    let popped: Vec<Element> = chosen.into_iter().map(|place| all[place].clone()).collect();
    discard(run, call.key(), popped.clone());
    if number.is_some() {
        return Ok(array(popped));
    }
    Ok(popped.into_iter().next().map_or(Reply::Nil, Reply::Element))
}

/// SRANDMEMBER.
pub(super) fn random(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let number = call
        .from(1)
        .first()
        .map(|argument| integer(argument))
        .transpose()?;
    let all: Vec<Element> = read(run, call.key())?.iter().cloned().collect();
    let chosen = run.choose(all.len(), number.unwrap_or(1));
    let mut chosen = chosen.into_iter().map(|place| all[place].clone());
    if number.is_some() {
        return Ok(array(chosen));
    }
    Ok(chosen.next().map_or(Reply::Nil, Reply::Element))
}

/// SMOVE: a removal here and an addition there, each of which meets what others do on its own.
pub(super) fn move_between(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (from, to) = (call.keys()[0], call.keys()[1]);
    let element = Element::from(call.bytes_at(2)?);
    read(run, to)?;
    if !read(run, from)?.contains(&element) {
        return Ok(Reply::Integer(0));
    }
    if from != to {
        discard(run, from, vec![element.clone()]);
        let elements = element.into();
        run.emit(to, EffectKind::Add { elements });
    }
    Ok(Reply::Integer(1))
}

/// SMISMEMBER.
pub(super) fn are_members(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let set = read(run, call.key())?;
    let all = call.from(1).iter();
    Ok(Reply::Array(
        all.map(|name| Reply::yes_or_no(set.contains(&Element::from(&**name))))
            .collect(),
    ))
}

/// SSCAN: everything at once, as the server does for small sets.
pub(super) fn scan(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let all = array(read(run, call.key())?.iter().cloned());
    Ok(Reply::Array(vec![Reply::bulk("0"), all]))
}

fn combine(
    run: &Run<'_>,
    kind: CommandKind,
    keys: &[KeyId],
) -> Result<BTreeSet<Element>, ErrorKind> {
    let sets: Vec<SetView<'_>> = keys
        .iter()
        .map(|&key| read(run, key))
        .collect::<Result<_, _>>()?;
    let Some((first, rest)) = sets.split_first() else {
        return Ok(BTreeSet::new());
    };
    let mut result: BTreeSet<Element> = first.iter().cloned().collect();
    for set in rest {
        match kind {
            CommandKind::SUnion | CommandKind::SUnionStore => {
                result.extend(set.iter().cloned());
            }
            CommandKind::SDiff | CommandKind::SDiffStore => {
                result.retain(|element| !set.contains(element));
            }
            _ => result.retain(|element| set.contains(element)),
        }
    }
    Ok(result)
}

/// SUNION, SINTER and SDIFF.
pub(super) fn algebra(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(array(combine(run, call.kind(), call.keys())?))
}

/// SINTERCARD.
pub(super) fn intersection_size(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let limit = limit_option(call, 1 + call.keys().len())?;
    let size = combine(run, call.kind(), call.keys())?.len();
    Ok(Reply::count(size.min(limit)))
}

/// The optional LIMIT of the commands that count; 0 is no limit.
pub(super) fn limit_option(call: &Call, place: usize) -> Result<usize, ErrorKind> {
    match call.from(place) {
        [] => Ok(usize::MAX),
        [_, number] if call.is_word(place, "LIMIT") => {
            let limit = usize::try_from(integer(number)?)
                .map_err(|_| ErrorKind::Other("ERR LIMIT can't be negative"))?;
            Ok(if limit == 0 { usize::MAX } else { limit })
        }
        _ => Err(ErrorKind::Syntax),
    }
}

/// SUNIONSTORE, SINTERSTORE and SDIFFSTORE: a deletion of what was there, and an addition of the result.
pub(super) fn store_algebra(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (target, sources) = (call.keys()[0], &call.keys()[1..]);
    let result = combine(run, call.kind(), sources)?;
    run.delete(target);
    let reply = Reply::count(result.len());
    if !result.is_empty() {
        let elements = result.into_iter().collect();
        run.emit(target, EffectKind::Add { elements });
    }
    Ok(reply)
}
