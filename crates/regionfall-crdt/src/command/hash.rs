//! Commands on hashes.

use super::Call;
use super::call::{count, integer, is_word};
use super::counter;
use super::expiry::{deadline_of, passes, shown_deadline};
use crate::hash::FieldExpiry;
use crate::run::Run;
use crate::{
    Change, CommandKind, Content, Decimal, Element, ErrorKind, HashChange, HashView, KeyId, Reply,
    Value,
};

/// The hash under a key, an empty one if there is nothing.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<HashView<'a>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(HashView::EMPTY),
        Value::Hash(hash) => Ok(hash),
        _ => Err(ErrorKind::WrongType),
    }
}

fn change(run: &mut Run<'_>, key: KeyId, change: HashChange) {
    run.change(key, Change::Hash(change));
}

/// Sets the moment of expiry of fields; `None` takes it away.
fn expire_fields(run: &mut Run<'_>, key: KeyId, fields: Vec<Element>, deadline: Option<u64>) {
    let owner = run.instance();
    let expiry = HashChange::Expire {
        fields,
        deadline,
        owner,
    };
    change(run, key, expiry);
}

/// Distinct fields, in order; of those named twice, the last value.
fn pairs(arguments: &[Box<[u8]>]) -> Vec<(Element, Content)> {
    let mut fields: Vec<(Element, Content)> = Vec::new();
    for pair in arguments.chunks_exact(2) {
        let (field, content) = (Element::from(&*pair[0]), Content::from(&*pair[1]));
        match fields.iter_mut().find(|(own, _)| *own == field) {
            Some((_, old)) => *old = content,
            None => fields.push((field, content)),
        }
    }
    fields
}

/// HSET and HMSET.
pub(super) fn set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let arguments = call.from(1);
    if !arguments.len().is_multiple_of(2) {
        return Err(ErrorKind::WrongArity(call.kind().name().into()));
    }
    let fields = pairs(arguments);
    let hash = read(run, call.key())?;
    let new = fields
        .iter()
        .filter(|(field, _)| !hash.contains(field))
        .count();
    change(run, call.key(), HashChange::Set { fields });
    Ok(if call.kind() == CommandKind::HMSet {
        Reply::Ok
    } else {
        Reply::count(new)
    })
}

/// HSETNX.
pub(super) fn set_if_absent(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let fields = pairs(call.from(1));
    let is_absent = !read(run, call.key())?.contains(&fields[0].0);
    if is_absent {
        change(run, call.key(), HashChange::Set { fields });
    }
    Ok(Reply::yes_or_no(is_absent))
}

/// HGET.
pub(super) fn get(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let content = read(run, call.key())?.get(&call.bytes_at(1)?.into());
    Ok(content.map_or(Reply::Nil, Reply::Content))
}

/// HMGET.
pub(super) fn get_many(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let hash = read(run, call.key())?;
    Ok(values(hash, call.from(1)))
}

fn values(hash: HashView<'_>, fields: &[Box<[u8]>]) -> Reply {
    let value = |field: &[u8]| hash.get(&Element::from(field));
    let all = fields
        .iter()
        .map(|field| value(field).map_or(Reply::Nil, Reply::Content));
    Reply::Array(all.collect())
}

/// HGETALL, HKEYS and HVALS.
pub(super) fn get_all(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (names, contents) = match call.kind() {
        CommandKind::HKeys => (true, false),
        CommandKind::HVals => (false, true),
        _ => (true, true),
    };
    let mut all = Vec::new();
    for (field, content) in read(run, call.key())?.iter() {
        if names {
            all.push(Reply::Element(field.clone()));
        }
        if contents {
            all.push(Reply::Content(content));
        }
    }
    Ok(Reply::Array(all))
}

/// HSCAN: everything at once, as the server does for small hashes.
pub(super) fn scan(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let reply = get_all(run, call)?;
    Ok(Reply::Array(vec![Reply::bulk("0"), reply]))
}

/// HLEN.
pub(super) fn length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(read(run, call.key())?.len()))
}

/// HEXISTS.
pub(super) fn exists(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let field = call.bytes_at(1)?.into();
    Ok(Reply::yes_or_no(read(run, call.key())?.contains(&field)))
}

/// HSTRLEN.
pub(super) fn value_length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let content = read(run, call.key())?.get(&call.bytes_at(1)?.into());
    Ok(Reply::count(content.map_or(0, |content| content.len())))
}

/// HDEL. Fields that are not seen here are not mentioned: removing the unseen has no effect anywhere (Redis Active-Active
/// documentation, data types: hashes).
pub(super) fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let fields = present(read(run, call.key())?, call.from(1));
    let reply = Reply::count(fields.len());
    if !fields.is_empty() {
        change(run, call.key(), HashChange::Remove { fields });
    }
    Ok(reply)
}

/// Those of the named fields that exist, once each.
fn present(hash: HashView<'_>, names: &[Box<[u8]>]) -> Vec<Element> {
    let mut fields: Vec<Element> = names.iter().map(|name| Element::from(&**name)).collect();
    fields.retain(|field| hash.contains(field));
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// HINCRBY.
pub(super) fn increment(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let field = Element::from(call.bytes_at(1)?);
    let amount = call.integer_at(2)?;
    let content = read(run, call.key())?.get(&field);
    let creates = content.is_none();
    let current = match content {
        None => 0,
        Some(content) => content
            .as_integer()
            .filter(|number| counter::RANGE.contains(number))
            .ok_or(ErrorKind::Other("ERR hash value is not an integer"))?,
    };
    let sum = current
        .checked_add(amount)
        .filter(|sum| counter::RANGE.contains(sum));
    let sum = sum.ok_or(ErrorKind::CounterOverflow)?;
    let amount = Decimal::from_integer(amount);
    let increment = HashChange::Increment {
        field,
        amount,
        creates,
    };
    change(run, call.key(), increment);
    Ok(Reply::Integer(sum))
}

/// HINCRBYFLOAT.
pub(super) fn increment_by_float(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let field = Element::from(call.bytes_at(1)?);
    let amount = Decimal::parse(call.bytes_at(2)?).ok_or(ErrorKind::NotAFloat)?;
    let content = read(run, call.key())?.get(&field);
    let creates = content.is_none();
    let current = match content {
        None => Decimal::ZERO,
        Some(content) => Decimal::parse(&content.to_bytes())
            .ok_or(ErrorKind::Other("ERR hash value is not a float"))?,
    };
    let sum = current
        .checked_add(amount)
        .ok_or(ErrorKind::FloatOverflow)?;
    let increment = HashChange::Increment {
        field,
        amount,
        creates,
    };
    change(run, call.key(), increment);
    Ok(Reply::bulk(sum.to_string()))
}

/// HRANDFIELD.
pub(super) fn random(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let all: Vec<_> = read(run, call.key())?
        .iter()
        .map(|(field, content)| (field.clone(), content))
        .collect();
    let Some(number) = call.from(1).first() else {
        let field = run
            .choose(all.len(), 1)
            .first()
            .map(|&place| all[place].0.clone());
        return Ok(field.map_or(Reply::Nil, Reply::Element));
    };
    let number = integer(number)?;
    let with_values = match call.from(2) {
        [] => false,
        [word] if is_word(word, "WITHVALUES") => true,
        _ => return Err(ErrorKind::Syntax),
    };
    let mut replies = Vec::new();
    for place in run.choose(all.len(), number) {
        let (field, content) = all[place].clone();
        replies.push(Reply::Element(field));
        if with_values {
            replies.push(Reply::Content(content));
        }
    }
    Ok(Reply::Array(replies))
}

/// The fields after FIELDS and their number, which must end the command.
fn fields_after(call: &Call, place: usize) -> Result<&[Box<[u8]>], ErrorKind> {
    if !call.is_word(place, "FIELDS") {
        return Err(ErrorKind::Other(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let number = count(call.bytes_at(place + 1)?)?;
    let fields = call.from(place + 2);
    if number == 0 || number != fields.len() {
        return Err(ErrorKind::Other(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT.
pub(super) fn expire(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let deadline = deadline_of(run, call.kind(), call.integer_at(1)?)?;
    let has_option = !call.is_word(2, "FIELDS");
    let option = if has_option {
        Some(call.bytes_at(2)?)
    } else {
        None
    };
    let names = fields_after(call, 2 + usize::from(has_option))?;
    let hash = read(run, call.key())?;
    let is_past = deadline <= run.millis();
    let (mut replies, mut fields) = (Vec::new(), Vec::new());
    for name in names {
        let field = Element::from(&**name);
        let old = match hash.deadline(&field) {
            FieldExpiry::NoField => {
                replies.push(Reply::Integer(-2));
                continue;
            }
            FieldExpiry::Never => None,
            FieldExpiry::At(deadline) => Some(deadline),
        };
        if passes(option, old, deadline)? {
            replies.push(Reply::Integer(1 + i64::from(is_past)));
            fields.push(field);
        } else {
            replies.push(Reply::Integer(0));
        }
    }
    if !fields.is_empty() {
        if is_past {
            change(run, call.key(), HashChange::Remove { fields });
        } else {
            expire_fields(run, call.key(), fields, Some(deadline));
        }
    }
    Ok(Reply::Array(replies))
}

/// HPERSIST.
pub(super) fn persist(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let names = fields_after(call, 1)?;
    let hash = read(run, call.key())?;
    let (mut replies, mut fields) = (Vec::new(), Vec::new());
    for name in names {
        let field = Element::from(&**name);
        replies.push(Reply::Integer(match hash.deadline(&field) {
            FieldExpiry::NoField => -2,
            FieldExpiry::Never => -1,
            FieldExpiry::At(_) => {
                fields.push(field);
                1
            }
        }));
    }
    if !fields.is_empty() {
        expire_fields(run, call.key(), fields, None);
    }
    Ok(Reply::Array(replies))
}

/// HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME.
pub(super) fn time_to_live(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let names = fields_after(call, 1)?;
    let hash = read(run, call.key())?;
    let all = names.iter().map(|name| {
        let deadline = match hash.deadline(&Element::from(&**name)) {
            FieldExpiry::NoField => return Reply::Integer(-2),
            FieldExpiry::Never => None,
            FieldExpiry::At(deadline) => Some(deadline),
        };
        Reply::Integer(shown_deadline(run, call.kind(), deadline))
    });
    Ok(Reply::Array(all.collect()))
}

/// HGETDEL.
pub(super) fn get_and_delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let names = fields_after(call, 1)?;
    let hash = read(run, call.key())?;
    let reply = values(hash, names);
    let fields = present(hash, names);
    if !fields.is_empty() {
        change(run, call.key(), HashChange::Remove { fields });
    }
    Ok(reply)
}

/// HGETEX.
pub(super) fn get_and_expire(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (deadline, place) = if call.is_word(1, "FIELDS") {
        (None, 1)
    } else if call.is_word(1, "PERSIST") {
        (Some(None), 2)
    } else {
        let deadline = super::expiry::deadline_option(run, call, 1)?.ok_or(ErrorKind::Syntax)?;
        (Some(Some(deadline)), 3)
    };
    let names = fields_after(call, place)?;
    let hash = read(run, call.key())?;
    let reply = values(hash, names);
    let fields = present(hash, names);
    if let (Some(deadline), false) = (deadline, fields.is_empty()) {
        expire_fields(run, call.key(), fields, deadline);
    }
    Ok(reply)
}

/// HSETEX.
pub(super) fn set_and_expire(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (mut place, mut deadline, mut condition) = (1, None, None);
    while !call.is_word(place, "FIELDS") {
        if call.is_word(place, "FNX") || call.is_word(place, "FXX") {
            condition = Some(call.is_word(place, "FXX"));
        } else if let Some(at) = super::expiry::deadline_option(run, call, place)? {
            deadline = Some(at);
            place += 1;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    let number = count(call.bytes_at(place + 1)?)?;
    let arguments = call.from(place + 2);
    if number == 0 || arguments.len() != 2 * number {
        return Err(ErrorKind::Other(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    let fields = pairs(arguments);
    let hash = read(run, call.key())?;
    let passes = condition.is_none_or(|exists| {
        fields
            .iter()
            .all(|(field, _)| hash.contains(field) == exists)
    });
    if passes {
        let names: Vec<Element> = fields.iter().map(|(field, _)| field.clone()).collect();
        change(run, call.key(), HashChange::Set { fields });
        if deadline.is_some() {
            expire_fields(run, call.key(), names, deadline);
        }
    }
    Ok(Reply::yes_or_no(passes))
}
