//! Commands on lists.

use super::Call;
use super::call::{count, count_after_key, count_at_end, is_word};
use super::strings::between;
use crate::position::Position;
use crate::run::Run;
use crate::{Change, CommandKind, Content, ErrorKind, KeyId, ListChange, ListView, Reply, Value};

/// The list under a key, an empty one if there is nothing.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<ListView<'a>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(ListView::EMPTY),
        Value::List(list) => Ok(list),
        _ => Err(ErrorKind::WrongType),
    }
}

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Head,
    Tail,
}

/// Adds elements, in the order in which they will stand, at one end.
pub(super) fn insert_at(
    run: &mut Run<'_>,
    key: KeyId,
    end: At,
    contents: Vec<Content>,
) -> Result<usize, ErrorKind> {
    let dot = run.next_dot(key);
    let list = read(run, key)?;
    let first = match end {
        At::Head => list.between(None, list.end(true).map(|own| own.0), contents.len(), dot),
        At::Tail => list.between(list.end(false).map(|own| own.0), None, contents.len(), dot),
    };
    let length = list.len() + contents.len();
    run.change(key, Change::List(ListChange::Insert { first, contents }));
    Ok(length)
}

/// LPUSH, RPUSH, LPUSHX and RPUSHX.
pub(super) fn push(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let kind = call.kind();
    let only_old = matches!(kind, CommandKind::LPushX | CommandKind::RPushX);
    if read(run, call.key())?.is_empty() && only_old {
        return Ok(Reply::Integer(0));
    }
    let mut contents: Vec<Content> = call.from(1).iter().map(|bytes| (&**bytes).into()).collect();
    let end = if matches!(kind, CommandKind::LPush | CommandKind::LPushX) {
        // Each is put before the one that came before it.
        contents.reverse();
        At::Head
    } else {
        At::Tail
    };
    Ok(Reply::count(insert_at(run, call.key(), end, contents)?))
}

fn remove(run: &mut Run<'_>, key: KeyId, positions: Vec<Position>) {
    if !positions.is_empty() {
        run.change(key, Change::List(ListChange::Remove { positions }));
    }
}

/// Takes elements away at one end, in the order in which they come.
fn pop_at(
    run: &mut Run<'_>,
    key: KeyId,
    end: At,
    number: usize,
) -> Result<Vec<Content>, ErrorKind> {
    let list = read(run, key)?;
    let number = number.min(list.len());
    let (positions, contents) = match end {
        At::Head => list.places().take(number).map(owned).unzip(),
        At::Tail => list.places().rev().take(number).map(owned).unzip(),
    };
    remove(run, key, positions);
    Ok(contents)
}

/// Takes the element at one end away.
fn pop_one(run: &mut Run<'_>, key: KeyId, end: At) -> Result<Option<Content>, ErrorKind> {
    let list = read(run, key)?;
    let Some((position, content)) = list.end(end == At::Head).map(owned) else {
        return Ok(None);
    };
    remove(run, key, vec![position]);
    Ok(Some(content))
}

fn owned((position, content): (&Position, &Content)) -> (Position, Content) {
    (position.clone(), content.clone())
}

fn array(contents: Vec<Content>) -> Reply {
    Reply::Array(contents.into_iter().map(Reply::Content).collect())
}

/// LPOP and RPOP. Two replicas may pop the same element before they synchronize.
pub(super) fn pop(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let number = count_after_key(call)?;
    let end = if call.kind() == CommandKind::LPop {
        At::Head
    } else {
        At::Tail
    };
    if let Some(number) = number {
        if read(run, call.key())?.is_empty() {
            return Ok(Reply::Nil);
        }
        return Ok(array(pop_at(run, call.key(), end, number)?));
    }
    let popped = pop_one(run, call.key(), end)?;
    Ok(popped.map_or(Reply::Nil, Reply::Content))
}

/// LMPOP.
pub(super) fn pop_first(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let place = 1 + call.keys().len();
    let end = end_at(call, place)?;
    let number = count_at_end(call, place + 1)?;
    for (index, &key) in call.keys().iter().enumerate() {
        let popped = pop_at(run, key, end, number)?;
        if !popped.is_empty() {
            let name = Reply::bulk(call.bytes_at(1 + index)?);
            return Ok(Reply::Array(vec![name, array(popped)]));
        }
    }
    Ok(Reply::Nil)
}

fn end_at(call: &Call, place: usize) -> Result<At, ErrorKind> {
    match call.bytes_at(place)? {
        word if is_word(word, "LEFT") => Ok(At::Head),
        word if is_word(word, "RIGHT") => Ok(At::Tail),
        _ => Err(ErrorKind::Syntax),
    }
}

/// RPOPLPUSH and LMOVE: a removal here and an insertion there, each of which meets what others do on its own.
pub(super) fn move_between(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (from, to) = if call.kind() == CommandKind::RPopLPush {
        (At::Tail, At::Head)
    } else {
        (end_at(call, 2)?, end_at(call, 3)?)
    };
    let (source, target) = (call.keys()[0], call.keys()[1]);
    read(run, target)?;
    let Some(content) = pop_one(run, source, from)? else {
        return Ok(Reply::Nil);
    };
    insert_at(run, target, to, vec![content.clone()])?;
    Ok(Reply::Content(content))
}

/// LLEN.
pub(super) fn length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(read(run, call.key())?.len()))
}

/// The place that an index names, which may count from the end.
pub(super) fn place_of(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if index < 0 {
        index.checked_add(length)?
    } else {
        index
    };
    (0..length).contains(&place).then_some(place as usize)
}

/// LINDEX.
pub(super) fn at_index(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let index = call.integer_at(1)?;
    let list = read(run, call.key())?;
    let found = place_of(index, list.len()).and_then(|place| list.at(place));
    Ok(found.map_or(Reply::Nil, |(_, content)| Reply::Content(content.clone())))
}

/// LRANGE.
pub(super) fn range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (start, end) = (call.integer_at(1)?, call.integer_at(2)?);
    let list = read(run, call.key())?;
    let places = between(start, end, list.len());
    let behind = list.len() - places.end;
    let within: Vec<Content> = if behind < places.start {
        let mut within: Vec<Content> = list
            .iter()
            .rev()
            .skip(behind)
            .take(places.len())
            .cloned()
            .collect();
        within.reverse();
        within
    } else {
        let ahead = list.iter().skip(places.start);
        ahead.take(places.len()).cloned().collect()
    };
    Ok(array(within))
}

/// LSET.
pub(super) fn set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let index = call.integer_at(1)?;
    let list = read(run, call.key())?;
    if list.is_empty() {
        return Err(ErrorKind::NoSuchKey);
    }
    let place = place_of(index, list.len()).and_then(|place| list.at(place));
    let position = place.ok_or(ErrorKind::IndexOutOfRange)?.0.clone();
    let content = Content::from(call.bytes_at(2)?);
    run.change(
        call.key(),
        Change::List(ListChange::Set { position, content }),
    );
    Ok(Reply::Ok)
}

/// LINSERT.
pub(super) fn insert(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let is_before = call.is_word(1, "BEFORE");
    if !is_before && !call.is_word(1, "AFTER") {
        return Err(ErrorKind::Syntax);
    }
    let pivot = Content::from(call.bytes_at(2)?);
    let dot = run.next_dot(key);
    let list = read(run, key)?;
    if list.is_empty() {
        return Ok(Reply::Integer(0));
    }
    let Some(place) = list.iter().position(|content| *content == pivot) else {
        return Ok(Reply::Integer(-1));
    };
    let right = place + usize::from(!is_before);
    let at = |place: Option<usize>| place.and_then(|place| list.at(place)).map(|own| own.0);
    let first = list.between(at(right.checked_sub(1)), at(Some(right)), 1, dot);
    let reply = Reply::count(list.len() + 1);
    let contents = vec![call.bytes_at(3)?.into()];
    run.change(key, Change::List(ListChange::Insert { first, contents }));
    Ok(reply)
}

/// LREM: the observed occurrences go.
pub(super) fn remove_occurrences(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let number = call.integer_at(1)?;
    let wanted = Content::from(call.bytes_at(2)?);
    let list = read(run, call.key())?;
    let limit = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let limit = if limit == 0 { usize::MAX } else { limit };
    let found = list
        .places()
        .filter(|own| *own.1 == wanted)
        .map(|own| own.0);
    let positions: Vec<Position> = if number < 0 {
        found.rev().take(limit).cloned().collect()
    } else {
        found.take(limit).cloned().collect()
    };
    let reply = Reply::count(positions.len());
    remove(run, call.key(), positions);
    Ok(reply)
}

/// LTRIM: the observed elements outside go.
pub(super) fn trim(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (start, end) = (call.integer_at(1)?, call.integer_at(2)?);
    let list = read(run, call.key())?;
    let kept = between(start, end, list.len());
    let outside = list
        .places()
        .enumerate()
        .filter(|(place, _)| !kept.contains(place));
    let positions = outside.map(|(_, own)| own.0.clone()).collect();
    remove(run, call.key(), positions);
    Ok(Reply::Ok)
}

/// LPOS.
pub(super) fn find(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let wanted = Content::from(call.bytes_at(1)?);
    let (mut rank, mut number, mut longest) = (1, None, 0);
    for option in call.from(2).chunks(2) {
        let [word, argument] = option else {
            return Err(ErrorKind::Syntax);
        };
        match &**word {
            word if is_word(word, "RANK") => rank = super::call::integer(argument)?,
            word if is_word(word, "COUNT") => number = Some(count(argument)?),
            word if is_word(word, "MAXLEN") => longest = count(argument)?,
            _ => return Err(ErrorKind::Syntax),
        }
    }
    if rank == 0 {
        return Err(ErrorKind::Other(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        ));
    }
    let list = read(run, call.key())?;
    let mut places: Vec<usize> = (0..list.len()).collect();
    if rank < 0 {
        places.reverse();
    }
    let all: Vec<&Content> = list.iter().collect();
    let longest = if longest == 0 { usize::MAX } else { longest };
    let skipped = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let mut found = places
        .into_iter()
        .take(longest)
        .filter(|&place| *all[place] == wanted)
        .skip(skipped);
    Ok(match number {
        None => found.next().map_or(Reply::Nil, Reply::count),
        Some(0) => Reply::Array(found.map(Reply::count).collect()),
        Some(number) => Reply::Array(found.take(number).map(Reply::count).collect()),
    })
}
