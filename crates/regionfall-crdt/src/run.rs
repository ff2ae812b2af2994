//! One command being executed: it reads values, makes changes, and sees what it changed.

use crate::command::dispatch;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::{
    Call, Change, Command, CommandKind, Content, Dot, Effect, EffectKind, Effects, HashChange,
    KeyId, OriginId, Replica, Reply, Timestamp, TtlChange, Value,
};

/// A command under way on a replica.
pub(crate) struct Run<'a> {
    pub(crate) replica: &'a mut Replica,
    at: Timestamp,
    pub(crate) origin: OriginId,
    first: Option<Effect>,
    more: Vec<Effect>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(replica: &'a mut Replica, at: Timestamp, origin: OriginId) -> Self {
        Self {
            replica,
            at,
            origin,
            first: None,
            more: Vec::new(),
        }
    }

    /// What was changed.
    pub(crate) fn into_effects(self) -> Effects {
        match self.first {
            None => Effects::none(),
            Some(first) if self.more.is_empty() => Effects::one(first),
            Some(first) => std::iter::once(first).chain(self.more).collect(),
        }
    }

    /// Executes a command of any kind.
    pub(crate) fn execute(&mut self, command: &Command) -> Reply {
        match command {
            Command::Call(call) => self.call(call),
            Command::Transaction(commands) => Reply::Array(
                commands
                    .iter()
                    .map(|command| self.execute(command))
                    .collect(),
            ),
            _ => self.simple(command),
        }
    }

    fn call(&mut self, call: &Call) -> Reply {
        // The name of a channel is none of a key.
        let is_message = matches!(call.kind(), CommandKind::Publish | CommandKind::SPublish);
        for &key in call.keys().iter().filter(|_| !is_message) {
            self.expire_if_due(key, call.kind().is_write());
        }
        match dispatch(self, call) {
            Ok(reply) => reply,
            Err(error) => Reply::Error(error),
        }
    }

    /// A command that makes at most one change to one key.
    fn simple(&mut self, command: &Command) -> Reply {
        let Some(key) = command.key() else {
            return command.plan(Value::Absent).reply;
        };
        self.expire_if_due(key, command.kind().is_write());
        let plan = command.plan(self.value(key));
        if let Some(kind) = plan.effect {
            self.emit(key, kind);
        }
        plan.reply
    }

    /// Milliseconds of the wall clock.
    pub(crate) fn millis(&self) -> u64 {
        self.at.millis()
    }

    /// Microseconds of the wall clock.
    pub(crate) fn micros(&self) -> u64 {
        self.at.0 / 1000
    }

    /// The number of this instance.
    pub(crate) fn instance(&self) -> u16 {
        self.replica.settings().instance.unwrap_or(self.origin.0)
    }

    /// What is under `key` for clients: nothing if it has expired.
    pub(crate) fn value(&self, key: KeyId) -> Value<'_> {
        self.replica.value_at(key, self.at)
    }

    pub(crate) fn entry(&self, key: KeyId) -> Option<&Entry> {
        self.replica.entry(key)
    }

    /// The dot that the next change on `key` will have: not the very next, if the expiry of a key that was there before must be
    /// forgotten first.
    pub(crate) fn next_dot(&self, key: KeyId) -> Dot {
        let mut dot = self.replica.clock().next(self.origin);
        dot.sequence += u64::from(self.has_stale_expiry(key));
        dot
    }

    /// Makes a change.
    pub(crate) fn emit(&mut self, key: KeyId, kind: EffectKind) {
        let is_whole = match &kind {
            EffectKind::Write { .. } | EffectKind::Remove { .. } => true,
            EffectKind::Change(change) => matches!(
                **change,
                Change::Reset { .. } | Change::Expire { .. } | Change::Message { .. }
            ),
            _ => false,
        };
        // A key that is created has no expiry, whatever was said of one that was there before; and one that is emptied
        // is deleted.
        if !is_whole {
            self.forget_expiry_of_absent(key);
        }
        self.emit_plainly(key, kind);
        if !is_whole {
            self.forget_expiry_of_absent(key);
        }
    }

    fn has_stale_expiry(&self, key: KeyId) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.deadline().is_some() && entry.value().is_absent())
    }

    fn forget_expiry_of_absent(&mut self, key: KeyId) {
        if self.has_stale_expiry(key) {
            self.emit_plainly(key, EffectKind::Remove { totals: None });
        }
    }

    fn emit_plainly(&mut self, key: KeyId, kind: EffectKind) {
        let effect = self.replica.emit(key, kind, self.at, self.origin);
        if self.first.is_none() {
            self.first = Some(effect);
        } else {
            self.more.push(effect);
        }
    }

    /// Makes one of the rarer changes.
    pub(crate) fn change(&mut self, key: KeyId, change: Change) {
        self.emit(key, EffectKind::Change(Box::new(change)));
    }

    /// Writes a string.
    pub(crate) fn write(&mut self, key: KeyId, content: Content, ttl: TtlChange) {
        // Where nothing says anything of an expiry there is none to keep.
        let has_expiry = self
            .entry(key)
            .is_some_and(|entry| entry.deadline().is_some());
        if ttl == TtlChange::Clear || (ttl == TtlChange::Keep && !has_expiry) {
            self.emit(
                key,
                EffectKind::Write {
                    content,
                    totals: None,
                },
            );
            return;
        }
        self.change(
            key,
            Change::Reset {
                content: Some(content),
                totals: None,
                ttl,
                wins: crate::Wins::default(),
            },
        );
    }

    /// Deletes a key; says whether there was anything.
    pub(crate) fn delete(&mut self, key: KeyId) -> bool {
        let is_there = !self.value(key).is_absent();
        if is_there {
            self.emit(key, EffectKind::Remove { totals: None });
        }
        is_there
    }

    /// Chooses among `length` things: `number` different ones, or as many as `-number`, of which some may be the same. As good as
    /// random, yet a function of who executes what when: the crate has no randomness of its own.
    pub(crate) fn choose(&self, length: usize, number: i64) -> Vec<usize> {
        let seed = self.replica.clock().next(self.origin);
        let seed = Digest::new(u64::from(self.origin.0))
            .word(seed.sequence)
            .word(self.at.0);
        let mut draws = (0_u64..).map(|draw| seed.word(draw).finish());
        let mut draw = |below: usize| {
            draws
                .next()
                .map_or(0, |word| (word % below as u64) as usize)
        };
        if length == 0 {
            return Vec::new();
        }
        let wanted = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        if number < 0 {
            return (0..wanted).map(|_| draw(length)).collect();
        }
        let mut places: Vec<usize> = (0..length).collect();
        for place in 0..wanted.min(length) {
            let other = place + draw(length - place);
            places.swap(place, other);
        }
        places.truncate(wanted);
        places
    }

    /// Expires what is due under `key`: if this instance owns the expiry, or if the command writes. A read by another
    /// instance treats it as absent without deleting it (Redis Active-Active documentation, developing applications:
    /// expiry).
    pub(crate) fn expire_if_due(&mut self, key: KeyId, is_write: bool) {
        let millis = self.millis();
        let Some(entry) = self.entry(key) else {
            return;
        };
        if let Some((deadline, owner)) = entry.deadline()
            && deadline <= millis
            && (is_write || owner == self.instance())
        {
            self.emit_plainly(key, EffectKind::Remove { totals: None });
            return;
        }
        if !entry.may_have_fields() {
            return;
        }
        let Value::Hash(hash) = entry.value() else {
            return;
        };
        let instance = self.instance();
        let fields: Vec<_> = hash
            .due(millis)
            .filter(|&(_, owner)| is_write || owner == instance)
            .map(|(field, _)| field.clone())
            .collect();
        if !fields.is_empty() {
            self.change(key, Change::Hash(HashChange::Remove { fields }));
        }
    }
}
