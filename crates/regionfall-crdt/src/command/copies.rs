//! RENAME, RENAMENX and COPY, and DUMP with RESTORE as MIGRATE uses them: what a key holds is deleted there and written
//! here, as far as it is visible.
//!
//! The sources say nothing of their conflicts. Here they are what their parts are: a deletion of what was observed, and writes
//! that meet what others do on their own. What was not observed of the old key stays there. Consumer groups are lost, and so
//! are duplicates of stream entries (Redis Active-Active documentation, data types: streams; Redis commands, RENAME and COPY).

use super::Call;
use super::call::is_word;
use super::hyperloglogs::raise;
use super::lists::{At, insert_at};
use crate::run::Run;
use crate::{
    Change, CommandKind, Content, EffectKind, Effects, Elements, ErrorKind, HashChange, JsonChange,
    JsonPlace, KeyId, OriginId, Replica, Reply, SortedSetChange, StreamChange, StreamId, Timestamp,
    TtlChange, Value,
};

/// What a key held at one moment, with its expiry, to be written elsewhere (Redis commands, DUMP and RESTORE). Nobody can tell
/// from it who wrote what.
#[derive(Clone, Debug)]
pub struct Dump {
    copy: Copied,
    deadline: Option<u64>,
}

impl Replica {
    /// What a client would see under `key`, with its expiry; `None` if that is nothing.
    pub fn dump(&self, key: KeyId) -> Option<Dump> {
        Some(Dump {
            copy: copied(self.value(key))?,
            deadline: self.deadline(key),
        })
    }

    /// Writes what another replica held under `key`, in the place of what this one holds. The expiry is owned here from now on.
    ///
    /// # Errors
    /// If the value cannot be written here; a part of it may have been.
    pub fn restore_dump(
        &mut self,
        key: KeyId,
        dump: Dump,
        at: Timestamp,
        origin: OriginId,
    ) -> Result<Effects, ErrorKind> {
        let mut run = Run::new(self, at, origin);
        put(&mut run, key, dump.copy)?;
        if let Some(deadline) = dump.deadline {
            super::expiry::set_deadline(&mut run, key, Some(deadline));
        }
        Ok(run.into_effects())
    }

    /// Bytes that a key would take in a real server's memory, by the same estimate as [`Replica::bytes`].
    pub fn bytes_of(&self, key: KeyId) -> u64 {
        self.entry(key).map_or(0, |entry| entry.bytes() as u64)
    }
}

/// A copy of a value that was read.
#[derive(Clone, Debug)]
enum Copied {
    Text(Content),
    Set(Elements),
    Hash(Vec<(crate::Element, Content)>),
    SortedSet(Vec<(crate::Element, f64)>),
    List(Vec<Content>),
    Stream(Vec<(StreamId, crate::StreamFields)>, StreamId),
    HyperLogLog(Vec<(u16, u8)>),
    Json(serde_json::Value),
}

fn copied(value: Value<'_>) -> Option<Copied> {
    Some(match value {
        Value::Absent => return None,
        Value::Content(_) | Value::Integer(_) | Value::Fraction(_) => Copied::Text(value.text()?),
        Value::Set(set) => Copied::Set(set.iter().cloned().collect()),
        Value::Hash(hash) => {
            let fields = hash.iter();
            Copied::Hash(
                fields
                    .map(|(field, content)| (field.clone(), content))
                    .collect(),
            )
        }
        Value::SortedSet(set) => {
            let members = set.iter();
            Copied::SortedSet(
                members
                    .map(|(member, score)| (member.clone(), score))
                    .collect(),
            )
        }
        Value::List(list) => Copied::List(list.iter().cloned().collect()),
        Value::Stream(stream) => {
            let entries = stream.iter().map(|(id, fields)| (id, fields.clone()));
            let mut entries: Vec<_> = entries.collect();
            entries.dedup_by_key(|entry| entry.0);
            Copied::Stream(entries, stream.last_id())
        }
        Value::HyperLogLog(own) => Copied::HyperLogLog(own.registers().iter().collect()),
        Value::Json(json) => Copied::Json(json.to_value()),
    })
}

/// Writes a copy to a key, instead of what it held.
fn put(run: &mut Run<'_>, key: KeyId, copy: Copied) -> Result<(), ErrorKind> {
    if let Copied::Text(content) = copy {
        run.write(key, content, TtlChange::Clear);
        return Ok(());
    }
    run.delete(key);
    match copy {
        Copied::Text(_) => {}
        Copied::Set(elements) => run.emit(key, EffectKind::Add { elements }),
        Copied::Hash(fields) => run.change(key, Change::Hash(HashChange::Set { fields })),
        Copied::SortedSet(members) => {
            run.change(key, Change::SortedSet(SortedSetChange::Set { members }));
        }
        Copied::List(contents) => {
            insert_at(run, key, At::Tail, contents)?;
        }
        Copied::Stream(entries, last) => {
            for (id, fields) in entries {
                run.change(key, Change::Stream(StreamChange::Add { id, fields }));
            }
            run.change(key, Change::Stream(StreamChange::SetId { id: last }));
        }
        Copied::HyperLogLog(raises) => raise(run, key, raises),
        Copied::Json(value) => {
            let place = JsonPlace::Root;
            run.change(key, Change::Json(JsonChange::Set { place, value }));
        }
    }
    Ok(())
}

/// Copies what is visible under a key with its expiry; says whether there was anything. The expiry of a copy is owned here.
fn copy_to(run: &mut Run<'_>, source: KeyId, target: KeyId) -> Result<bool, ErrorKind> {
    let Some(copy) = copied(run.value(source)) else {
        return Ok(false);
    };
    let deadline = run.entry(source).and_then(crate::entry::Entry::deadline);
    put(run, target, copy)?;
    if let Some((deadline, _)) = deadline {
        super::expiry::set_deadline(run, target, Some(deadline));
    }
    Ok(true)
}

/// RENAME and RENAMENX.
pub(super) fn rename(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (source, target) = (call.keys()[0], call.keys()[1]);
    let only_new = call.kind() == CommandKind::RenameNx;
    if run.value(source).is_absent() {
        return Err(ErrorKind::NoSuchKey);
    }
    if only_new && !run.value(target).is_absent() {
        return Ok(Reply::Integer(0));
    }
    if source != target {
        copy_to(run, source, target)?;
        run.delete(source);
    }
    Ok(if only_new {
        Reply::Integer(1)
    } else {
        Reply::Ok
    })
}

/// COPY.
pub(super) fn copy(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (source, target) = (call.keys()[0], call.keys()[1]);
    let replaces = match call.from(2) {
        [] => false,
        [word] if is_word(word, "REPLACE") => true,
        [word, ..] if is_word(word, "DB") => return Err(ErrorKind::NotSupported("copy|db".into())),
        _ => return Err(ErrorKind::Syntax),
    };
    if source == target {
        return Err(ErrorKind::Other(
            "ERR source and destination objects are the same",
        ));
    }
    if !replaces && !run.value(target).is_absent() {
        return Ok(Reply::Integer(0));
    }
    Ok(Reply::yes_or_no(copy_to(run, source, target)?))
}
