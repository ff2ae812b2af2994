//! Commands on strings: each result is written as a whole.
//!
//! APPEND, SETRANGE and their like read what is here and write all of it: "the value is an opaque binary object; one
//! replica's whole result survives, there is no merging of bytes" (Redis Active-Active documentation, data types: strings).

use super::Call;
use super::call::is_word;
use super::expiry::{deadline_option, ttl_option};
use crate::run::Run;
use crate::{CommandKind, Content, Decimal, ErrorKind, KeyId, Reply, TtlChange, Value};

/// The longest string (redis/redis, `proto-max-bulk-len`).
const LONGEST: usize = 512 * 1024 * 1024;

/// The string under a key, if there is one.
pub(super) fn text(run: &Run<'_>, key: KeyId) -> Result<Option<Vec<u8>>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(None),
        value => match value.text() {
            Some(content) => Ok(Some(content.to_bytes().into_owned())),
            None => Err(ErrorKind::WrongType),
        },
    }
}

fn bulk_or_nil(text: Option<Vec<u8>>) -> Reply {
    text.map_or(Reply::Nil, Reply::bulk)
}

/// SET with options.
pub(super) fn set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let mut ttl = None;
    let (mut only_new, mut only_old, mut answers_old) = (false, false, false);
    let mut place = 2;
    while let Ok(option) = call.bytes_at(place) {
        if is_word(option, "NX") {
            only_new = true;
        } else if is_word(option, "XX") {
            only_old = true;
        } else if is_word(option, "GET") {
            answers_old = true;
        } else if ttl.is_none() && is_word(option, "KEEPTTL") {
            ttl = Some(TtlChange::Keep);
        } else if let (None, Some(deadline)) = (ttl, deadline_option(run, call, place)?) {
            ttl = Some(ttl_option(run, deadline));
            place += 1;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    if only_new && only_old {
        return Err(ErrorKind::Syntax);
    }
    let old = if answers_old { text(run, key)? } else { None };
    let is_there = !run.value(key).is_absent();
    if (only_new && is_there) || (only_old && !is_there) {
        return Ok(bulk_or_nil(old));
    }
    let content = Content::from(call.bytes_at(1)?);
    run.write(key, content, ttl.unwrap_or(TtlChange::Clear));
    Ok(if answers_old {
        bulk_or_nil(old)
    } else {
        Reply::Ok
    })
}

/// SETEX and PSETEX.
pub(super) fn set_with_ttl(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let unit = if call.kind() == CommandKind::SetEx {
        1000
    } else {
        1
    };
    let deadline = super::expiry::relative(run, call.kind(), call.integer_at(1)?, unit)?;
    let ttl = ttl_option(run, deadline);
    run.write(call.key(), call.bytes_at(2)?.into(), ttl);
    Ok(Reply::Ok)
}

/// SETNX.
pub(super) fn set_if_absent(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_absent = run.value(call.key()).is_absent();
    if is_absent {
        run.write(call.key(), call.bytes_at(1)?.into(), TtlChange::Clear);
    }
    Ok(Reply::yes_or_no(is_absent))
}

/// GETSET.
pub(super) fn get_and_set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let old = text(run, call.key())?;
    run.write(call.key(), call.bytes_at(1)?.into(), TtlChange::Clear);
    Ok(bulk_or_nil(old))
}

/// GETDEL.
pub(super) fn get_and_delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let old = text(run, call.key())?;
    run.delete(call.key());
    Ok(bulk_or_nil(old))
}

/// GETEX.
pub(super) fn get_and_expire(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let old = text(run, key)?;
    let deadline = match call.from(1) {
        [] => return Ok(bulk_or_nil(old)),
        [word] if is_word(word, "PERSIST") => None,
        [_, _] => Some(deadline_option(run, call, 1)?.ok_or(ErrorKind::Syntax)?),
        _ => return Err(ErrorKind::Syntax),
    };
    if old.is_some() {
        super::expiry::set_deadline(run, key, deadline);
    }
    Ok(bulk_or_nil(old))
}

/// APPEND.
pub(super) fn append(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let mut whole = text(run, call.key())?.unwrap_or_default();
    whole.extend_from_slice(call.bytes_at(1)?);
    check_length(whole.len())?;
    let length = whole.len();
    run.write(call.key(), whole.as_slice().into(), TtlChange::Keep);
    Ok(Reply::count(length))
}

pub(super) fn check_length(length: usize) -> Result<(), ErrorKind> {
    if length > LONGEST {
        return Err(ErrorKind::Other(
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ));
    }
    Ok(())
}

/// SETRANGE.
pub(super) fn set_range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let offset = usize::try_from(call.integer_at(1)?)
        .map_err(|_| ErrorKind::Other("ERR offset is out of range"))?;
    let patch = call.bytes_at(2)?;
    let mut whole = text(run, call.key())?.unwrap_or_default();
    if patch.is_empty() {
        return Ok(Reply::count(whole.len()));
    }
    let end = offset.saturating_add(patch.len());
    check_length(end)?;
    if whole.len() < end {
        whole.resize(end, 0);
    }
    whole[offset..end].copy_from_slice(patch);
    let length = whole.len();
    run.write(call.key(), whole.as_slice().into(), TtlChange::Keep);
    Ok(Reply::count(length))
}

/// GETRANGE and SUBSTR.
pub(super) fn get_range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (start, end) = (call.integer_at(1)?, call.integer_at(2)?);
    let whole = text(run, call.key())?.unwrap_or_default();
    Ok(Reply::bulk(&whole[between(start, end, whole.len())]))
}

/// The range from `start` to `end`, which may count from the end and lie outside, of a sequence of `length`.
pub(super) fn between(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |index: i64| {
        if index < 0 {
            length.saturating_add(index)
        } else {
            index
        }
    };
    let (start, end) = (place(start).max(0), place(end).min(length - 1));
    if start > end {
        return 0..0;
    }
    start as usize..end as usize + 1
}

/// STRLEN.
pub(super) fn length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(
        text(run, call.key())?.unwrap_or_default().len(),
    ))
}

/// MGET: what is no string is nil.
pub(super) fn get_many(run: &mut Run<'_>, call: &Call) -> Reply {
    let all = call.keys().iter().map(|&key| {
        let text = run.value(key).text();
        text.map_or(Reply::Nil, Reply::Content)
    });
    Reply::Array(all.collect())
}

/// MSET and MSETNX.
pub(super) fn set_many(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let only_new = call.kind() == CommandKind::MSetNx;
    if only_new && call.keys().iter().any(|&key| !run.value(key).is_absent()) {
        return Ok(Reply::Integer(0));
    }
    for (place, &key) in call.keys().iter().enumerate() {
        let content = Content::from(call.bytes_at(2 * place + 1)?);
        run.write(key, content, TtlChange::Clear);
    }
    Ok(if only_new {
        Reply::Integer(1)
    } else {
        Reply::Ok
    })
}

/// INCRBYFLOAT: accumulates, as INCRBY does (Redis Active-Active documentation, data types: hashes, and an earlier edition of
/// the developer page for strings).
pub(super) fn increment_by_float(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let amount = Decimal::parse(call.bytes_at(1)?).ok_or(ErrorKind::NotAFloat)?;
    let current = text(run, call.key())?.map(|text| Decimal::parse(&text));
    let current = current
        .unwrap_or(Some(Decimal::ZERO))
        .ok_or(ErrorKind::NotAFloat)?;
    let sum = current
        .checked_add(amount)
        .ok_or(ErrorKind::FloatOverflow)?;
    run.change(call.key(), crate::Change::Fraction { amount });
    Ok(Reply::bulk(sum.to_string()))
}

/// LCS.
pub(super) fn longest_common(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let [first, second] = [0, 1].map(|place| text(run, call.keys()[place]));
    let (first, second) = (first?.unwrap_or_default(), second?.unwrap_or_default());
    let only_length = match call.from(2) {
        [] => false,
        [word] if is_word(word, "LEN") => true,
        _ => return Err(ErrorKind::Syntax),
    };
    let width = second.len() + 1;
    let mut lengths = vec![0_u32; (first.len() + 1) * width];
    for i in 0..first.len() {
        for j in 0..second.len() {
            lengths[(i + 1) * width + j + 1] = if first[i] == second[j] {
                lengths[i * width + j] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (first.len(), second.len());
    if only_length {
        return Ok(Reply::Integer(i64::from(lengths[i * width + j])));
    }
    let mut common = Vec::new();
    while i > 0 && j > 0 {
        if first[i - 1] == second[j - 1] {
            common.push(first[i - 1]);
            (i, j) = (i - 1, j - 1);
        } else if lengths[(i - 1) * width + j] > lengths[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    common.reverse();
    Ok(Reply::bulk(common))
}
