//! Commands on keys of any type, and those on no key at all.

use super::Call;
use crate::run::Run;
use crate::{Change, DataType, ErrorKind, KeyId, Reply};

/// DEL and UNLINK, which blocks too (Redis Active-Active documentation, planning).
pub(super) fn delete(run: &mut Run<'_>, call: &Call) -> Reply {
    let deleted = call.keys().iter().filter(|&&key| run.delete(key)).count();
    Reply::count(deleted)
}

/// EXISTS and TOUCH: a key named twice counts twice.
pub(super) fn exists(run: &mut Run<'_>, call: &Call) -> Reply {
    let there = call
        .keys()
        .iter()
        .filter(|&&key| !run.value(key).is_absent());
    Reply::count(there.count())
}

/// TYPE.
pub(super) fn type_of(run: &mut Run<'_>, call: &Call) -> Reply {
    Reply::Status(match run.value(call.key()).data_type() {
        None => "none",
        Some(DataType::String | DataType::Counter | DataType::HyperLogLog) => "string",
        Some(DataType::Set) => "set",
        Some(DataType::Hash) => "hash",
        Some(DataType::SortedSet) => "zset",
        Some(DataType::List) => "list",
        Some(DataType::Stream) => "stream",
        Some(DataType::Json) => "ReJSON-RL",
    })
}

/// DBSIZE: keys that clients would see. (The product counts headers, of which a key may have several before a conflict is
/// resolved.)
pub(super) fn database_size(run: &mut Run<'_>) -> Reply {
    let keys: Vec<KeyId> = run.replica.keys().collect();
    let there = keys.iter().filter(|&&key| !run.value(key).is_absent());
    Reply::count(there.count())
}

/// TIME.
pub(super) fn time(run: &mut Run<'_>) -> Reply {
    let micros = run.micros();
    Reply::bulks([micros / 1_000_000, micros % 1_000_000].map(|part| part.to_string()))
}

/// PUBLISH and SPUBLISH: the message goes to all regions as an effect that nobody stores. Who subscribes, the caller knows; the answer
/// is that of a server without subscribers.
pub(super) fn publish(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let channel = call.bytes_at(0)?.into();
    let payload = call.bytes_at(1)?.into();
    run.change(call.key(), Change::Message { channel, payload });
    Ok(Reply::Integer(0))
}
