//! Commands on expiry.

use super::Call;
use super::call::is_word;
use crate::expiry::LATEST_DEADLINE;
use crate::run::Run;
use crate::{Change, CommandKind, ErrorKind, KeyId, Reply, TtlChange};

/// A TTL in milliseconds as a deadline.
pub(super) fn relative(
    run: &Run<'_>,
    kind: CommandKind,
    amount: i64,
    unit: i64,
) -> Result<u64, ErrorKind> {
    let invalid = || ErrorKind::InvalidExpiry(kind.name().into());
    let ttl = amount
        .checked_mul(unit)
        .filter(|&ttl| ttl > 0)
        .ok_or_else(invalid)?;
    absolute(run.millis().checked_add(ttl as u64), kind)
}

fn absolute(deadline: Option<u64>, kind: CommandKind) -> Result<u64, ErrorKind> {
    deadline
        .filter(|&deadline| deadline <= LATEST_DEADLINE)
        .ok_or_else(|| ErrorKind::InvalidExpiry(kind.name().into()))
}

/// The deadline that EX, PX, EXAT or PXAT at this place and its argument name; `None` if it is another word.
pub(super) fn deadline_option(
    run: &Run<'_>,
    call: &Call,
    place: usize,
) -> Result<Option<u64>, ErrorKind> {
    let (unit, is_relative) = match call.bytes_at(place)? {
        word if is_word(word, "EX") => (1000, true),
        word if is_word(word, "PX") => (1, true),
        word if is_word(word, "EXAT") => (1000, false),
        word if is_word(word, "PXAT") => (1, false),
        _ => return Ok(None),
    };
    let amount = call.integer_at(place + 1)?;
    if is_relative {
        return relative(run, call.kind(), amount, unit).map(Some);
    }
    let invalid = || ErrorKind::InvalidExpiry(call.kind().name().into());
    let deadline = amount
        .checked_mul(unit)
        .filter(|&at| at > 0)
        .ok_or_else(invalid)?;
    absolute(Some(deadline as u64), call.kind()).map(Some)
}

/// A write with this deadline, owned here.
pub(super) fn ttl_option(run: &Run<'_>, deadline: u64) -> TtlChange {
    TtlChange::Set {
        deadline,
        owner: run.instance(),
    }
}

/// Sets or takes away the expiry of a key that exists; says whether anything changed.
pub(super) fn set_deadline(run: &mut Run<'_>, key: KeyId, deadline: Option<u64>) -> bool {
    let present = run.entry(key).and_then(crate::entry::Entry::deadline);
    match deadline {
        None if present.is_none() => return false,
        // Redis deletes at once what would have expired already.
        Some(at) if at <= run.millis() => {
            run.delete(key);
        }
        _ => {
            let owner = run.instance();
            run.change(key, Change::Expire { deadline, owner });
        }
    }
    true
}

/// Whether an option of EXPIRE lets a change pass.
pub(super) fn passes(option: Option<&[u8]>, old: Option<u64>, new: u64) -> Result<bool, ErrorKind> {
    Ok(match option {
        None => true,
        Some(word) if is_word(word, "NX") => old.is_none(),
        Some(word) if is_word(word, "XX") => old.is_some(),
        // No expiry is the longest.
        Some(word) if is_word(word, "GT") => old.is_some_and(|old| new > old),
        Some(word) if is_word(word, "LT") => old.is_none_or(|old| new < old),
        Some(word) => {
            let word = String::from_utf8_lossy(word);
            return Err(ErrorKind::Quoting(
                format!("ERR Unsupported option {word}").into(),
            ));
        }
    })
}

/// The deadline that one of the EXPIRE family means; 0 stands for any moment that has passed.
pub(super) fn deadline_of(run: &Run<'_>, kind: CommandKind, amount: i64) -> Result<u64, ErrorKind> {
    let (unit, is_relative) = match kind {
        CommandKind::Expire | CommandKind::HExpire => (1000, true),
        CommandKind::PExpire | CommandKind::HPExpire => (1, true),
        CommandKind::ExpireAt | CommandKind::HExpireAt => (1000, false),
        _ => (1, false),
    };
    let invalid = || ErrorKind::InvalidExpiry(kind.name().into());
    let base = if is_relative { run.millis() } else { 0 };
    let millis = amount
        .checked_mul(unit)
        .and_then(|millis| millis.checked_add(base.cast_signed()))
        .ok_or_else(invalid)?;
    absolute(Some(u64::try_from(millis).unwrap_or(0)), kind)
}

/// EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
pub(super) fn expire(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let deadline = deadline_of(run, call.kind(), call.integer_at(1)?)?;
    let old = run.entry(key).and_then(crate::entry::Entry::deadline);
    let option = call.from(2).first().map(AsRef::as_ref);
    let is_due =
        passes(option, old.map(|(deadline, _)| deadline), deadline)? && !run.value(key).is_absent();
    if is_due {
        set_deadline(run, key, Some(deadline));
    }
    Ok(Reply::yes_or_no(is_due))
}

/// PERSIST.
pub(super) fn persist(run: &mut Run<'_>, call: &Call) -> Reply {
    let key = call.key();
    let is_there = !run.value(key).is_absent();
    Reply::yes_or_no(is_there && set_deadline(run, key, None))
}

/// TTL, PTTL, EXPIRETIME and PEXPIRETIME. Seconds are rounded to the nearest, as in single-node Redis.
pub(super) fn time_to_live(run: &mut Run<'_>, call: &Call) -> Reply {
    let key = call.key();
    if run.value(key).is_absent() {
        return Reply::Integer(-2);
    }
    let deadline = run.entry(key).and_then(crate::entry::Entry::deadline);
    let deadline = deadline.map(|(deadline, _)| deadline);
    Reply::Integer(shown_deadline(run, call.kind(), deadline))
}

/// A deadline as the TTL family answers it; -1 if there is none.
pub(super) fn shown_deadline(run: &Run<'_>, kind: CommandKind, deadline: Option<u64>) -> i64 {
    let Some(deadline) = deadline else {
        return -1;
    };
    let left = deadline.saturating_sub(run.millis());
    let shown = match kind {
        CommandKind::Ttl | CommandKind::HTtl => (left + 500) / 1000,
        CommandKind::PTtl | CommandKind::HPTtl => left,
        CommandKind::ExpireTime | CommandKind::HExpireTime => deadline / 1000,
        _ => deadline,
    };
    i64::try_from(shown).unwrap_or(i64::MAX)
}
