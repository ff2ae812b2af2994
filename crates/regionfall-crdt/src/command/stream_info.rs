//! XINFO: what is known of a stream, its groups and their consumers.

use super::Call;
use super::call::is_word;
use super::groups::group_of;
use super::streams::{entry, read};
use crate::consumer::LocalGroup;
use crate::run::Run;
use crate::stream_id::StreamId;
use crate::{ErrorKind, Reply};

/// XINFO.
pub(super) fn info(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let word = call.bytes_at(0)?;
    let Some(&key) = call.keys().first() else {
        return Err(ErrorKind::WrongArity("xinfo".into()));
    };
    let stream = read(run, key)?;
    if run.value(key).is_absent() {
        return Err(ErrorKind::NoSuchKey);
    }
    let consumers = &run.replica.consumers;
    if is_word(word, "STREAM") {
        let item = |own: Option<(StreamId, &crate::StreamFields)>| {
            own.map_or(Reply::Nil, |own| entry(own.0, own.1))
        };
        return Ok(map([
            ("length", Reply::count(stream.len())),
            (
                "last-generated-id",
                Reply::bulk(stream.last_id().to_string()),
            ),
            ("groups", Reply::count(stream.groups().count())),
            ("first-entry", item(stream.iter().next())),
            ("last-entry", item(stream.iter().next_back())),
        ]));
    }
    let nothing = LocalGroup::default();
    if is_word(word, "GROUPS") {
        let all = stream.groups().filter_map(|name| {
            let group = stream.group(name)?;
            let local = consumers.peek(key, name, group).unwrap_or(&nothing);
            let last = local.last_delivered.max(group.position());
            Some(map([
                ("name", Reply::bulk(name)),
                ("consumers", Reply::count(local.consumers.len())),
                ("pending", Reply::count(local.pending.len())),
                ("last-delivered-id", Reply::bulk(last.to_string())),
            ]))
        });
        return Ok(Reply::Array(all.collect()));
    }
    if is_word(word, "CONSUMERS") {
        let name = call.bytes_at(2)?;
        let (_, group) = group_of(run, call, key, name)?;
        let local = consumers.peek(key, name, group).unwrap_or(&nothing);
        let all = local.consumers.iter().map(|(consumer, seen)| {
            let pending = local
                .pending
                .values()
                .filter(|own| own.consumer == *consumer);
            let idle = run.millis().saturating_sub(*seen).cast_signed();
            map([
                ("name", Reply::bulk(consumer)),
                ("pending", Reply::count(pending.count())),
                ("idle", Reply::Integer(idle)),
            ])
        });
        return Ok(Reply::Array(all.collect()));
    }
    let word = String::from_utf8_lossy(word);
    Err(ErrorKind::UnknownSubcommand(word.as_ref().into()))
}

/// Names with values, one after the other.
fn map<const N: usize>(pairs: [(&str, Reply); N]) -> Reply {
    let flat = pairs
        .into_iter()
        .flat_map(|(name, value)| [Reply::bulk(name), value]);
    Reply::Array(flat.collect())
}
