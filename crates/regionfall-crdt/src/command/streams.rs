//! Commands on the entries of streams.

use super::Call;
use super::call::{count, integer, is_word};
use crate::entry::Entry;
use crate::run::Run;
use crate::stream::EntryKey;
use crate::stream_id::StreamId;
use crate::{
    Change, CommandKind, ErrorKind, KeyId, Reply, StreamChange, StreamFields, StreamView, Value,
    XaddIdMode,
};

const INVALID_ID: ErrorKind =
    ErrorKind::Other("ERR Invalid stream ID specified as stream command argument");

/// The stream under a key, an empty one if there is nothing.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<StreamView<'a>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(StreamView::EMPTY),
        Value::Stream(stream) => Ok(stream),
        _ => Err(ErrorKind::WrongType),
    }
}

/// The newest ID ever given under a key, even if nothing is there any more.
pub(super) fn last_id(run: &Run<'_>, key: KeyId) -> StreamId {
    let streams = run.entry(key).into_iter().flat_map(Entry::collections);
    streams
        .filter_map(|collection| collection.stream())
        .map(|stream| StreamView::of(stream).last_id())
        .max()
        .unwrap_or_default()
}

pub(super) fn change(run: &mut Run<'_>, key: KeyId, change: StreamChange) {
    run.change(key, Change::Stream(change));
}

/// An ID as an argument; `sequence` completes one of milliseconds alone.
pub(super) fn id(argument: &[u8], sequence: u64) -> Result<StreamId, ErrorKind> {
    StreamId::parse(argument, sequence).ok_or(INVALID_ID)
}

/// An entry as it is answered: its ID, and fields followed by their values.
pub(super) fn entry(id: StreamId, fields: &StreamFields) -> Reply {
    let flat = fields.iter().flat_map(|(name, value)| [name, value]);
    Reply::Array(vec![Reply::bulk(id.to_string()), Reply::bulks(flat)])
}

/// How a stream is to be trimmed.
struct Trim {
    by_length: bool,
    threshold: Box<[u8]>,
}

/// Trimming options from the `place`-th argument on, and where they end.
fn trim_options(call: &Call, mut place: usize) -> Result<(Option<Trim>, usize), ErrorKind> {
    let by_length = call.is_word(place, "MAXLEN");
    if !by_length && !call.is_word(place, "MINID") {
        return Ok((None, place));
    }
    place += 1;
    let is_approximate = call.bytes_at(place)? == b"~";
    if is_approximate || call.bytes_at(place)? == b"=" {
        place += 1;
    }
    let threshold: Box<[u8]> = call.bytes_at(place)?.into();
    place += 1;
    if call.is_word(place, "LIMIT") {
        if !is_approximate {
            return Err(ErrorKind::Other(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        call.integer_at(place + 1)?;
        place += 2;
    }
    Ok((
        Some(Trim {
            by_length,
            threshold,
        }),
        place,
    ))
}

/// Skips the options that say what becomes of references to removed entries. ACKED is not supported (Redis Software release
/// notes, 8.4).
fn reference_option(call: &Call, place: usize) -> Result<usize, ErrorKind> {
    if call.is_word(place, "ACKED") {
        return Err(ErrorKind::NotSupported("ACKED".into()));
    }
    let is_option = call.is_word(place, "KEEPREF") || call.is_word(place, "DELREF");
    Ok(place + usize::from(is_option))
}

/// Removes what a trim cuts off, in exact terms also where an estimate would do.
fn trim(run: &mut Run<'_>, key: KeyId, options: &Trim) -> Result<usize, ErrorKind> {
    let stream = read(run, key)?;
    let cut: Vec<EntryKey> = if options.by_length {
        let kept = count(&options.threshold)
            .map_err(|_| ErrorKind::Other("ERR The MAXLEN argument must be >= 0."))?;
        let excess = stream.len().saturating_sub(kept);
        stream.entries().take(excess).map(|own| *own.0).collect()
    } else {
        let first = id(&options.threshold, 0)?;
        let below = stream.entries().take_while(|own| own.0.0 < first);
        below.map(|own| *own.0).collect()
    };
    let removed = cut.len();
    if removed > 0 {
        change(run, key, StreamChange::Remove { entries: cut });
    }
    Ok(removed)
}

/// The ID that a new entry gets.
///
/// A generated one has the instance as its sequence, so that regions never collide; where the newest ID forbids it, the next
/// millisecond is taken, since the sequence cannot grow (the documentation leaves a second entry in one millisecond open).
fn new_id(run: &Run<'_>, argument: &[u8], last: StreamId) -> Result<StreamId, ErrorKind> {
    let mode = run.replica.settings().xadd_id_mode;
    let region = u64::from(run.instance());
    if argument == b"*" {
        let mut id = StreamId {
            millis: run.millis().max(last.millis),
            sequence: region,
        };
        if id <= last {
            id.millis = id.millis.checked_add(1).ok_or(INVALID_ID)?;
        }
        return Ok(id);
    }
    let too_small = ErrorKind::Other(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
    let is_full = argument.contains(&b'-') && !argument.ends_with(b"-*");
    let id = if is_full {
        if mode == XaddIdMode::Strict {
            return Err(ErrorKind::Other(
                "ERR Full stream IDs are not accepted by XADD in strict mode",
            ));
        }
        id(argument, 0)?
    } else {
        let millis = argument.strip_suffix(b"-*").unwrap_or(argument);
        let mut id = id(
            millis,
            if mode == XaddIdMode::Liberal {
                0
            } else {
                region
            },
        )?;
        let is_automatic = millis.len() < argument.len();
        if mode == XaddIdMode::Liberal && is_automatic && id.millis == last.millis {
            id = last.next().ok_or_else(|| too_small.clone())?;
        }
        id
    };
    if id == StreamId::default() {
        return Err(ErrorKind::Other(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    if id <= last { Err(too_small) } else { Ok(id) }
}

/// XADD.
pub(super) fn add(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let key = call.key();
    let mut place = 1;
    let only_old = call.is_word(place, "NOMKSTREAM");
    place = reference_option(call, place + usize::from(only_old))?;
    let (options, place) = trim_options(call, place)?;
    let fields = call.from(place + 1);
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(ErrorKind::WrongArity(call.kind().name().into()));
    }
    read(run, key)?;
    if only_old && run.value(key).is_absent() {
        return Ok(Reply::Nil);
    }
    let id = new_id(run, call.bytes_at(place)?, last_id(run, key))?;
    let fields = fields
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    change(run, key, StreamChange::Add { id, fields });
    if let Some(options) = options {
        trim(run, key, &options)?;
    }
    Ok(Reply::bulk(id.to_string()))
}

/// XLEN.
pub(super) fn length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(read(run, call.key())?.len()))
}

/// A bound of a range of IDs; `sequence` completes one of milliseconds alone.
pub(super) fn bound(argument: &[u8], is_end: bool) -> Result<StreamId, ErrorKind> {
    let sequence = if is_end { u64::MAX } else { 0 };
    match argument {
        b"-" => Ok(StreamId::default()),
        b"+" => Ok(StreamId::MAX),
        [b'(', open @ ..] => {
            let id = id(open, sequence)?;
            let inner = if is_end { id.previous() } else { id.next() };
            inner.ok_or(ErrorKind::Other("ERR invalid start ID for the interval"))
        }
        closed => id(closed, sequence),
    }
}

/// XRANGE and XREVRANGE.
pub(super) fn range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_reverse = call.kind() == CommandKind::XRevRange;
    let (low, high) = if is_reverse { (2, 1) } else { (1, 2) };
    let (low, high) = (
        bound(call.bytes_at(low)?, false)?,
        bound(call.bytes_at(high)?, true)?,
    );
    let limit = match call.from(3) {
        [] => usize::MAX,
        [word, number] if is_word(word, "COUNT") => usize::try_from(integer(number)?).unwrap_or(0),
        _ => return Err(ErrorKind::Syntax),
    };
    let within = read(run, call.key())?
        .iter()
        .filter(|own| low <= own.0 && own.0 <= high);
    let all: Vec<Reply> = if is_reverse {
        within
            .rev()
            .take(limit)
            .map(|own| entry(own.0, own.1))
            .collect()
    } else {
        within.take(limit).map(|own| entry(own.0, own.1)).collect()
    };
    Ok(Reply::Array(all))
}

/// The options before STREAMS: how many entries at most, and whether they need no acknowledgement. Nothing ever blocks here: a
/// caller that wants to wait asks again.
pub(super) fn read_options(call: &Call, mut place: usize) -> Result<(usize, bool), ErrorKind> {
    let (mut limit, mut needs_no_ack) = (usize::MAX, false);
    while !call.is_word(place, "STREAMS") {
        if call.is_word(place, "COUNT") {
            limit = usize::try_from(call.integer_at(place + 1)?).unwrap_or(0);
            limit = if limit == 0 { usize::MAX } else { limit };
            place += 2;
        } else if call.is_word(place, "BLOCK") {
            call.integer_at(place + 1)?;
            place += 2;
        } else if call.kind() == CommandKind::XReadGroup && call.is_word(place, "NOACK") {
            needs_no_ack = true;
            place += 1;
        } else {
            return Err(ErrorKind::Syntax);
        }
    }
    Ok((limit, needs_no_ack))
}

/// An argument as it came.
type Argument = Box<[u8]>;

/// The names of the streams and the IDs after them.
pub(super) fn streams_and_ids(call: &Call) -> (&[Argument], &[Argument]) {
    let number = call.keys().len();
    let tail = &call.arguments()[call.arguments().len() - 2 * number..];
    tail.split_at(number)
}

/// XREAD. An entry from another region with an ID below the one given is never returned (Redis Active-Active documentation, data
/// types: streams).
pub(super) fn read_after(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (limit, _) = read_options(call, 0)?;
    let (names, ids) = streams_and_ids(call);
    let mut replies = Vec::new();
    for ((&key, name), argument) in call.keys().iter().zip(names).zip(ids) {
        let stream = read(run, key)?;
        let after = match &**argument {
            b"$" => stream.last_id(),
            // The newest entry.
            b"+" => {
                let newest = stream.iter().next_back().map(|own| own.0);
                newest.and_then(StreamId::previous).unwrap_or(StreamId::MAX)
            }
            argument => id(argument, 0)?,
        };
        let news = stream.iter().filter(|own| own.0 > after).take(limit);
        let news: Vec<Reply> = news.map(|own| entry(own.0, own.1)).collect();
        if !news.is_empty() {
            replies.push(Reply::Array(vec![Reply::bulk(name), Reply::Array(news)]));
        }
    }
    Ok(if replies.is_empty() {
        Reply::Nil
    } else {
        Reply::Array(replies)
    })
}

/// XDEL: all observed entries with the IDs, duplicates too.
pub(super) fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let ids = call.from(1).iter().map(|argument| id(argument, 0));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let stream = read(run, call.key())?;
    let hit = stream.entries().filter(|own| ids.contains(&own.0.0));
    let entries: Vec<EntryKey> = hit.map(|own| *own.0).collect();
    let reply = Reply::count(entries.len());
    if !entries.is_empty() {
        change(run, call.key(), StreamChange::Remove { entries });
    }
    Ok(reply)
}

/// XTRIM.
pub(super) fn trim_command(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (options, place) = trim_options(call, 1)?;
    let options = options.ok_or(ErrorKind::Syntax)?;
    if !call.from(reference_option(call, place)?).is_empty() {
        return Err(ErrorKind::Syntax);
    }
    Ok(Reply::count(trim(run, call.key(), &options)?))
}

/// XSETID, which fails below the newest ID.
pub(super) fn set_id(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let new = id(call.bytes_at(1)?, 0)?;
    let stream = read(run, call.key())?;
    if run.value(call.key()).is_absent() {
        return Err(ErrorKind::NoSuchKey);
    }
    if new < stream.last_id() {
        return Err(ErrorKind::Other(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    change(run, call.key(), StreamChange::SetId { id: new });
    Ok(Reply::Ok)
}
