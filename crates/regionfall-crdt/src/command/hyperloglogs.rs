//! Commands on `HyperLogLog`s.

use std::borrow::Cow;

use super::Call;
use crate::entry::Entry;
use crate::hyperloglog::{Raise, Registers, raise_of};
use crate::run::Run;
use crate::{Change, ErrorKind, HyperLogLogChange, KeyId, Reply, Value};

/// The registers under a key; `None` if there is nothing. A string of their form counts as what it holds.
fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<Option<Cow<'a, Registers>>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(None),
        Value::HyperLogLog(own) => Ok(Some(own.registers())),
        Value::Content(content) => Registers::decode(&content.to_bytes())
            .map(|registers| Some(Cow::Owned(registers)))
            .ok_or(ErrorKind::Other(
                "WRONGTYPE Key is not a valid HyperLogLog string value.",
            )),
        _ => Err(ErrorKind::WrongType),
    }
}

/// Raises registers, even if none is raised: the key comes to be.
pub(super) fn raise(run: &mut Run<'_>, key: KeyId, raises: Vec<Raise>) {
    // What was set as a string becomes a HyperLogLog.
    let mut raises = raises;
    if matches!(run.value(key), Value::Content(_))
        && let Ok(Some(registers)) = read(run, key)
    {
        raises.extend(registers.iter());
        run.delete(key);
    }
    let collections = run.entry(key).into_iter().flat_map(Entry::collections);
    let known = collections
        .filter_map(|own| own.hyperloglog())
        .map(|own| own.deleted().clone());
    let known = known.reduce(|mut all, one| {
        all.join(&one);
        all
    });
    let known = known.unwrap_or_default();
    run.change(
        key,
        Change::HyperLogLog(HyperLogLogChange { raises, known }),
    );
}

/// PFADD. Elements that were counted before are sent all the same, as SADD sends present elements: the client was told that they
/// count.
pub(super) fn add(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let present = read(run, call.key())?;
    let is_new = present.is_none();
    let registers = present.unwrap_or_default();
    let mut raises: Vec<Raise> = call
        .from(1)
        .iter()
        .map(|element| raise_of(element))
        .collect();
    raises.sort_unstable();
    raises.dedup();
    let is_news = raises
        .iter()
        .any(|&(register, value)| registers.get(register) < value);
    if is_new || !raises.is_empty() {
        raise(run, call.key(), raises);
    }
    Ok(Reply::yes_or_no(is_new || is_news))
}

/// PFCOUNT.
pub(super) fn count(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let mut all = Registers::new();
    for &key in call.keys() {
        all.join(&read(run, key)?.unwrap_or_default());
    }
    Ok(Reply::Integer(all.estimate().cast_signed()))
}

/// PFMERGE: the whole result is added.
pub(super) fn merge(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let mut all = Registers::new();
    for &key in call.keys() {
        all.join(&read(run, key)?.unwrap_or_default());
    }
    raise(run, call.key(), all.iter().collect());
    Ok(Reply::Ok)
}
