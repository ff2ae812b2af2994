//! Commands on consumer groups.

use super::Call;
use super::call::is_word;
use super::streams::{change, entry, id, last_id, read, read_options, streams_and_ids};
use crate::consumer::LocalGroup;
use crate::run::Run;
use crate::stream::{EntryKey, Group, Mark};
use crate::stream_id::StreamId;
use crate::{ErrorKind, KeyId, Reply, StreamChange, StreamView};

fn no_group(name: &[u8], command: &str) -> ErrorKind {
    let name = String::from_utf8_lossy(name);
    ErrorKind::Quoting(
        format!("NOGROUP No such key or consumer group '{name}' in {command}").into(),
    )
}

/// What is replicated of a group, and a copy of what is known here of its consumers.
pub(super) fn group_of<'a>(
    run: &'a Run<'_>,
    call: &Call,
    key: KeyId,
    name: &[u8],
) -> Result<(StreamView<'a>, &'a Group), ErrorKind> {
    let stream = read(run, key)?;
    let group = stream.group(name);
    let group = group.ok_or_else(|| no_group(name, call.kind().name()))?;
    Ok((stream, group))
}

/// Changes what is known here of the consumers of a group.
pub(super) fn with_local<T>(
    run: &mut Run<'_>,
    call: &Call,
    key: KeyId,
    name: &[u8],
    act: impl FnOnce(&mut LocalGroup, &Group, StreamView<'_>) -> T,
) -> Result<T, ErrorKind> {
    group_of(run, call, key, name)?;
    // Taken out while it is changed, as it is a part of the replica that is looked at.
    let mut consumers = std::mem::take(&mut run.replica.consumers);
    let answer = group_of(run, call, key, name)
        .map(|(stream, group)| act(consumers.of(key, name, group), group, stream));
    run.replica.consumers = consumers;
    answer
}

/// What executes a subcommand.
type Subcommand = fn(&mut Run<'_>, &Call) -> Result<Reply, ErrorKind>;

/// XGROUP.
pub(super) fn group(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let word = call.bytes_at(0)?;
    let arguments = call.arguments().len();
    let (subcommand, is_fit): (Subcommand, bool) = match word {
        word if is_word(word, "CREATE") => (create, arguments >= 4),
        word if is_word(word, "SETID") => (set_id, arguments >= 4),
        word if is_word(word, "DESTROY") => (destroy, arguments == 3),
        word if is_word(word, "CREATECONSUMER") => (create_consumer, arguments == 4),
        word if is_word(word, "DELCONSUMER") => (delete_consumer, arguments == 4),
        word => {
            let word = String::from_utf8_lossy(word);
            return Err(ErrorKind::UnknownSubcommand(word.as_ref().into()));
        }
    };
    if !is_fit || call.keys().is_empty() {
        let name = format!("xgroup|{}", String::from_utf8_lossy(word).to_lowercase());
        return Err(ErrorKind::WrongArity(name.into()));
    }
    subcommand(run, call)
}

/// An ID, or `$` for the newest one.
fn start_of(run: &Run<'_>, key: KeyId, argument: &[u8]) -> Result<StreamId, ErrorKind> {
    if argument == b"$" {
        return Ok(last_id(run, key));
    }
    id(argument, 0)
}

fn create(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let name = call.bytes_at(2)?;
    let start = start_of(run, key, call.bytes_at(3)?)?;
    let (mut makes_stream, mut place) = (false, 4);
    while let Ok(word) = call.bytes_at(place) {
        if is_word(word, "MKSTREAM") {
            makes_stream = true;
        } else if is_word(word, "ENTRIESREAD") {
            place += 1;
            call.integer_at(place)?;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    let stream = read(run, key)?;
    if run.value(key).is_absent() && !makes_stream {
        return Err(ErrorKind::Other(
            "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
        ));
    }
    if stream.group(name).is_some() {
        return Err(ErrorKind::Other(
            "BUSYGROUP Consumer Group name already exists",
        ));
    }
    let group = name.into();
    change(run, key, StreamChange::CreateGroup { group, start });
    Ok(Reply::Ok)
}

/// Local: not replicated.
fn set_id(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let mark = Mark {
        dot: run.next_dot(key),
        id: start_of(run, key, call.bytes_at(3)?)?,
        context: run.replica.clock().clone(),
    };
    with_local(run, call, key, call.bytes_at(2)?, |local, _, _| {
        local.begin_at(mark);
    })?;
    Ok(Reply::Ok)
}

/// Wins over concurrent creations of a group of the same name.
fn destroy(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let name = call.bytes_at(2)?;
    let is_there = read(run, call.key())?.group(name).is_some();
    if is_there {
        let group = name.into();
        change(run, call.key(), StreamChange::DestroyGroup { group });
    }
    Ok(Reply::yes_or_no(is_there))
}

fn create_consumer(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (name, consumer) = (call.bytes_at(2)?, call.bytes_at(3)?);
    let millis = run.millis();
    let is_new = with_local(run, call, call.key(), name, |local, _, _| {
        local.consumers.insert(consumer.into(), millis).is_none()
    })?;
    Ok(Reply::yes_or_no(is_new))
}

/// What it had pending is nobody's any more, and is not delivered again.
fn delete_consumer(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (name, consumer) = (call.bytes_at(2)?, call.bytes_at(3)?);
    let forgotten = with_local(run, call, call.key(), name, |local, _, _| {
        local.consumers.remove(consumer);
        let own = local
            .pending
            .iter()
            .filter(|own| &*own.1.consumer == consumer);
        let own: Vec<EntryKey> = own.map(|own| *own.0).collect();
        for entry in &own {
            local.pending.remove(entry);
            local.deliver(*entry, consumer, 0, false);
        }
        own.len()
    })?;
    Ok(Reply::count(forgotten))
}

/// XREADGROUP. What was read elsewhere and not acknowledged is delivered here too; entries covered by a replicated XACK are not
/// (Redis Active-Active documentation, data types: streams).
pub(super) fn read_group(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    if !call.is_word(0, "GROUP") {
        return Err(ErrorKind::Syntax);
    }
    let (name, consumer) = (call.bytes_at(1)?, call.bytes_at(2)?);
    let (limit, needs_no_ack) = read_options(call, 3)?;
    let (names, ids) = streams_and_ids(call);
    for &key in call.keys() {
        group_of(run, call, key, name)?;
    }
    let millis = run.millis();
    let mut replies = Vec::new();
    for ((&key, stream_name), argument) in call.keys().iter().zip(names).zip(ids) {
        let is_new = &**argument == b">";
        let after = if is_new {
            StreamId::MAX
        } else {
            id(argument, 0)?
        };
        let entries = with_local(run, call, key, name, |local, group, stream| {
            local.consumers.insert(consumer.into(), millis);
            local.tidy(group, stream);
            if is_new {
                let fresh = local.undelivered(group, stream, limit);
                for &entry in &fresh {
                    local.deliver(entry, consumer, millis, !needs_no_ack);
                }
                return fresh;
            }
            let own = local
                .pending
                .iter()
                .filter(|own| own.0.0 > after && &*own.1.consumer == consumer);
            own.take(limit).map(|own| *own.0).collect()
        })?;
        if is_new && entries.is_empty() {
            continue;
        }
        let stream = read(run, key)?;
        let all = entries.iter().map(|own| shown(stream, own));
        replies.push(Reply::Array(vec![
            Reply::bulk(stream_name),
            Reply::Array(all.collect()),
        ]));
    }
    Ok(if replies.is_empty() {
        Reply::Nil
    } else {
        Reply::Array(replies)
    })
}

/// An entry, or nil in place of the fields of one that was deleted.
fn shown(stream: StreamView<'_>, own: &EntryKey) -> Reply {
    match stream.fields(own) {
        Some(fields) => entry(own.0, fields),
        None => Reply::Array(vec![Reply::bulk(own.0.to_string()), Reply::Nil]),
    }
}

/// XACK. What is acknowledged here counts here at once; other regions are told once everything before it is acknowledged too.
pub(super) fn acknowledge(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let name = call.bytes_at(1)?;
    let ids = call.from(2).iter().map(|argument| id(argument, 0));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    if read(run, key)?.group(name).is_none() {
        return Ok(Reply::Integer(0));
    }
    let (number, prefix) = with_local(run, call, key, name, |local, group, stream| {
        let number: usize = ids.iter().map(|&id| local.acknowledge(id)).sum();
        let prefix = (number > 0).then(|| local.prefix(group, stream)).flatten();
        (number, prefix)
    })?;
    if let Some(id) = prefix {
        let group = name.into();
        change(run, key, StreamChange::Acknowledge { group, id });
    }
    Ok(Reply::count(number))
}
