//! Commands on consumer groups.

use super::Call;
use super::call::{count, is_word};
use super::streams::{bound, change, entry, id, last_id, read, read_options, streams_and_ids};
use crate::consumer::{LocalGroup, Pending};
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
fn group_of<'a>(
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
fn with_local<T>(
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

/// XPENDING.
pub(super) fn pending(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let name = call.bytes_at(1)?;
    let (_, group) = group_of(run, call, key, name)?;
    let nothing = LocalGroup::default();
    let local = run
        .replica
        .consumers
        .peek(key, name, group)
        .unwrap_or(&nothing);
    if call.from(2).is_empty() {
        return Ok(pending_summary(local));
    }
    let mut place = 2;
    let mut idle = 0;
    if call.is_word(place, "IDLE") {
        idle = u64::try_from(call.integer_at(place + 1)?).unwrap_or(0);
        place += 2;
    }
    let (low, high) = (
        bound(call.bytes_at(place)?, false)?,
        bound(call.bytes_at(place + 1)?, true)?,
    );
    let limit = count(call.bytes_at(place + 2)?)?;
    let consumer = call.from(place + 3).first();
    let millis = run.millis();
    let all = local.pending.iter().filter(|(own, pending)| {
        (low..=high).contains(&own.0)
            && consumer.is_none_or(|consumer| *consumer == pending.consumer)
            && millis.saturating_sub(pending.delivered) >= idle
    });
    let all = all.take(limit).map(|(own, pending)| {
        Reply::Array(vec![
            Reply::bulk(own.0.to_string()),
            Reply::bulk(&pending.consumer),
            Reply::Integer(millis.saturating_sub(pending.delivered).cast_signed()),
            Reply::Integer(pending.count.cast_signed()),
        ])
    });
    Ok(Reply::Array(all.collect()))
}

fn pending_summary(local: &LocalGroup) -> Reply {
    let id = |own: Option<(&EntryKey, &Pending)>| {
        own.map_or(Reply::Nil, |own| Reply::bulk(own.0.0.to_string()))
    };
    let by_consumer: Vec<Reply> = local
        .consumers
        .keys()
        .filter_map(|consumer| {
            let own = local
                .pending
                .values()
                .filter(|own| own.consumer == *consumer);
            let number = own.count();
            (number > 0).then(|| Reply::bulks([&**consumer, number.to_string().as_bytes()]))
        })
        .collect();
    Reply::Array(vec![
        Reply::count(local.pending.len()),
        id(local.pending.iter().next()),
        id(local.pending.iter().next_back()),
        if by_consumer.is_empty() {
            Reply::Nil
        } else {
            Reply::Array(by_consumer)
        },
    ])
}

/// What XCLAIM and XAUTOCLAIM do to each entry.
struct Claim<'a> {
    consumer: &'a [u8],
    min_idle: u64,
    delivered: u64,
    count: Option<u64>,
    only_ids: bool,
}

impl<'a> Claim<'a> {
    /// With the consumer and the least idle time that the call names, and no options yet.
    fn of(call: &'a Call, millis: u64) -> Result<Self, ErrorKind> {
        Ok(Self {
            consumer: call.bytes_at(2)?,
            min_idle: u64::try_from(call.integer_at(3)?).unwrap_or(0),
            delivered: millis,
            count: None,
            only_ids: false,
        })
    }

    /// Whether the entry changed hands.
    fn take(&self, pending: &mut Pending, millis: u64) -> bool {
        if millis.saturating_sub(pending.delivered) < self.min_idle {
            return false;
        }
        pending.consumer = self.consumer.into();
        pending.delivered = self.delivered;
        pending.count = self
            .count
            .unwrap_or(pending.count + u64::from(!self.only_ids));
        true
    }
}

fn claimed(stream: StreamView<'_>, taken: &[EntryKey], only_ids: bool) -> Reply {
    let all = taken.iter().filter_map(|own| {
        let fields = stream.fields(own)?;
        Some(if only_ids {
            Reply::bulk(own.0.to_string())
        } else {
            entry(own.0, fields)
        })
    });
    Reply::Array(all.collect())
}

/// XCLAIM: local, as pending entries are. An ID that several entries have claims all of them.
pub(super) fn claim(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let millis = run.millis();
    let mut claim = Claim::of(call, millis)?;
    let mut place = 4;
    let mut ids = Vec::new();
    while let Some(id) = call
        .arguments()
        .get(place)
        .and_then(|argument| StreamId::parse(argument, 0))
    {
        ids.push(id);
        place += 1;
    }
    let mut forces = false;
    while let Ok(word) = call.bytes_at(place) {
        let mut argument = || {
            place += 1;
            Ok::<u64, ErrorKind>(u64::try_from(call.integer_at(place)?).unwrap_or(0))
        };
        match word {
            word if is_word(word, "IDLE") => claim.delivered = millis.saturating_sub(argument()?),
            word if is_word(word, "TIME") => claim.delivered = argument()?.min(millis),
            word if is_word(word, "RETRYCOUNT") => claim.count = Some(argument()?),
            word if is_word(word, "FORCE") => forces = true,
            word if is_word(word, "JUSTID") => claim.only_ids = true,
            word if is_word(word, "LASTID") => {
                place += 1;
                id(call.bytes_at(place)?, 0)?;
            }
            _ => {
                return Err(id(word, 0).err().unwrap_or(ErrorKind::Syntax));
            }
        }
        place += 1;
    }
    let taken = with_local(run, call, key, call.bytes_at(1)?, |local, _, stream| {
        local.consumers.insert(claim.consumer.into(), millis);
        let mut taken = Vec::new();
        for id in ids {
            let existing = stream.entries().map(|own| *own.0).filter(|own| own.0 == id);
            for own in existing.collect::<Vec<_>>() {
                if forces && !local.pending.contains_key(&own) {
                    local.deliver(own, claim.consumer, 0, true);
                }
                if let Some(pending) = local.pending.get_mut(&own)
                    && claim.take(pending, millis)
                {
                    taken.push(own);
                }
            }
            // Pending entries that were deleted are forgotten when somebody claims them.
            local
                .pending
                .retain(|own, _| own.0 != id || stream.fields(own).is_some());
        }
        taken
    })?;
    Ok(claimed(read(run, key)?, &taken, claim.only_ids))
}

/// XAUTOCLAIM.
pub(super) fn claim_oldest(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let millis = run.millis();
    let mut claim = Claim::of(call, millis)?;
    let start = bound(call.bytes_at(4)?, false)?;
    let (mut limit, mut place) = (100, 5);
    while let Ok(word) = call.bytes_at(place) {
        if is_word(word, "COUNT") {
            place += 1;
            limit = count(call.bytes_at(place)?)?.max(1);
        } else if is_word(word, "JUSTID") {
            claim.only_ids = true;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    let (taken, gone, next) = with_local(run, call, key, call.bytes_at(1)?, |local, _, stream| {
        local.consumers.insert(claim.consumer.into(), millis);
        let (mut taken, mut gone, mut next) = (Vec::new(), Vec::new(), StreamId::default());
        for (own, pending) in local
            .pending
            .range_mut((start, crate::Dot::new(crate::OriginId(0), 0))..)
        {
            if taken.len() >= limit {
                next = own.0;
                break;
            }
            if stream.fields(own).is_none() {
                gone.push(*own);
            } else if claim.take(pending, millis) {
                taken.push(*own);
            }
        }
        for own in &gone {
            local.pending.remove(own);
        }
        (taken, gone, next)
    })?;
    let gone = gone.iter().map(|own| own.0.to_string());
    Ok(Reply::Array(vec![
        Reply::bulk(next.to_string()),
        claimed(read(run, key)?, &taken, claim.only_ids),
        Reply::bulks(gone),
    ]))
}

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
