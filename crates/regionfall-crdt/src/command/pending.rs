//! Commands on what consumers have pending: XPENDING, XCLAIM and XAUTOCLAIM. All of it is local to a region.

use super::Call;
use super::call::{count, is_word};
use super::groups::{group_of, with_local};
use super::streams::{bound, entry, id, read};
use crate::consumer::{LocalGroup, Pending};
use crate::run::Run;
use crate::stream::EntryKey;
use crate::stream_id::StreamId;
use crate::{ErrorKind, Reply, StreamView};

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
