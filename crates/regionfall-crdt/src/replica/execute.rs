//! What a replica does for its clients: it executes commands, and expires what is due.

use super::Replica;
use crate::clock::Clock;
use crate::command::increased;
use crate::entry::Entry;
use crate::run::Run;
use crate::{
    Command, Content, Effect, EffectKind, Effects, Element, KeyId, OriginId, Reply, Timestamp,
    Value,
};

/// What a command answered, and the effects to send to the peers, if it had any.
#[derive(Clone, PartialEq, Debug)]
pub struct Executed {
    /// The answer to the client.
    pub reply: Reply,
    /// What changed. Already applied here.
    pub effects: Effects,
}

impl Replica {
    /// Executes a command for a client. Each effect gets the next dot of `origin` and is applied at once.
    ///
    /// This is the one place where commands are executed. `origin` is this shard's present incarnation:
    /// one that restarts without all that it had sent must go on under a new one, or it would give dots
    /// out twice. `at` is what the origin's wall clock says;
    /// it matters if another origin writes the same string before it observes this write, and for expiry.
    #[inline]
    pub fn execute(&mut self, command: &Command, at: Timestamp, origin: OriginId) -> Executed {
        // By far the most common commands have ways of their own, if the key holds what it mostly holds.
        match *command {
            Command::Get { key } => self.get(command, key, (at, origin)),
            Command::Set { key, ref content } => self.set(command, (key, content), (at, origin)),
            Command::Incr { key } => self.increase(command, key, (at, origin)),
            _ => self.execute_any(command, at, origin),
        }
    }

    /// GET of a string, or of a counter as the string that spells it.
    #[inline]
    fn get(
        &mut self,
        command: &Command,
        key: KeyId,
        (at, origin): (Timestamp, OriginId),
    ) -> Executed {
        let Some(content) = self.entry(key).and_then(Entry::lone_text) else {
            return self.execute_any(command, at, origin);
        };
        Executed {
            reply: Reply::Content(content),
            effects: Effects::none(),
        }
    }

    /// SET over a string. What it writes comes after all that was ever applied here.
    fn set(
        &mut self,
        command: &Command,
        (key, text): (KeyId, &Content),
        (at, origin): (Timestamp, OriginId),
    ) -> Executed {
        let place = self.place(key);
        let own = place.and_then(|place| self.entries[place].text_mut());
        let Some(own) = own else {
            return self.execute_any(command, at, origin);
        };
        let mut context = self.clock.clone();
        context.join_known(own.covered());
        let dot = self.clock.advance_next(origin);
        let growth = own.supersede((dot, at), text, &context);
        self.bytes = self.bytes.wrapping_add_signed(growth as i64);
        let kind = EffectKind::Write {
            content: text.clone(),
            totals: None,
        };
        Executed {
            reply: Reply::Ok,
            effects: Effects::one(Effect {
                dot,
                key,
                at,
                context,
                kind,
            }),
        }
    }

    /// INCR of a counter on which the origin has counted before.
    fn increase(
        &mut self,
        command: &Command,
        key: KeyId,
        (at, origin): (Timestamp, OriginId),
    ) -> Executed {
        let dot = self.clock.next(origin);
        let place = self.place(key);
        let counter = place.and_then(|place| self.entries[place].counter_mut());
        let sum = counter.and_then(|own| {
            let sum = increased(own.whole_sum(), 1)?;
            own.add_again(dot, 1).then_some(sum)
        });
        let Some(sum) = sum else {
            return self.execute_any(command, at, origin);
        };
        let context = self.clock.clone();
        self.clock.advance_next(origin);
        Executed {
            reply: Reply::Integer(sum),
            effects: Effects::one(Effect {
                dot,
                key,
                at,
                context,
                kind: EffectKind::Delta { amount: 1 },
            }),
        }
    }

    /// Executes a command for which there is no shorter way.
    #[inline(never)]
    fn execute_any(&mut self, command: &Command, at: Timestamp, origin: OriginId) -> Executed {
        if command.is_composite() {
            return self.execute_at_length(command, at, origin);
        }
        let Some(key) = command.key() else {
            return Executed {
                reply: command.plan(Value::Absent).reply,
                effects: Effects::none(),
            };
        };
        let entry = self.entry(key);
        if entry.is_some_and(Entry::is_special) {
            return self.execute_at_length(command, at, origin);
        }
        if let Command::SIsMember { element, .. } = command
            && let Some(set) = entry.and_then(Entry::plain_set)
        {
            let is_there = set.contains(element);
            return Executed {
                reply: Reply::yes_or_no(is_there),
                effects: Effects::none(),
            };
        }
        let (reply, mut kind) = if let Command::Set { content, .. } = command {
            // What a key holds does not matter to who replaces it.
            let (content, totals) = (content.clone(), None);
            (Reply::Ok, EffectKind::Write { content, totals })
        } else if let Command::SAdd { elements, .. } = command
            && let Some(set) = entry.and_then(Entry::plain_set)
            && !elements.as_slice().is_empty()
        {
            let elements = elements.clone();
            let is_new = |element: &&Element| !set.contains(element);
            let added = elements.as_slice().iter().filter(is_new).count();
            (Reply::count(added), EffectKind::Add { elements })
        } else if let Command::SRem { elements, .. } = command
            && let Some(set) = entry.and_then(Entry::plain_set)
            && let all = elements.as_slice()
            && !all.is_empty()
            && all.iter().all(|element| set.contains(element))
        {
            let elements = elements.clone();
            (Reply::count(all.len()), EffectKind::Discard { elements })
        } else {
            let plan = command.plan(entry.map_or(Value::Absent, Entry::value));
            let Some(kind) = plan.effect else {
                return Executed {
                    reply: plan.reply,
                    effects: Effects::none(),
                };
            };
            (plan.reply, kind)
        };
        let mut context = self.clock.clone();
        if let (EffectKind::Write { totals, .. } | EffectKind::Remove { totals }, Some(entry)) =
            (&mut kind, entry)
        {
            // A reset comes after whatever the resets before it came after, even where this replica has
            // not received all of it: it must not lose against a write that its predecessor replaced.
            context.join(entry.covered());
            *totals = entry.totals(&self.clock);
        }
        let effect = self.make(key, kind, context, (at, origin));
        Executed {
            reply,
            effects: Effects::one(effect),
        }
    }

    /// The same for commands that are more than one effect on one key that does not expire.
    #[cold]
    fn execute_at_length(
        &mut self,
        command: &Command,
        at: Timestamp,
        origin: OriginId,
    ) -> Executed {
        let mut run = Run::new(self, at, origin);
        let reply = run.execute(command);
        Executed {
            reply,
            effects: run.into_effects(),
        }
    }

    /// Expires the keys and fields that are due and that this instance owns the expiry of, and tells the peers (Redis Active-Active
    /// documentation, developing applications: expiry).
    pub fn expire(&mut self, at: Timestamp, origin: OriginId) -> Effects {
        let millis = at.millis();
        let keys: Vec<KeyId> = self
            .entries
            .iter()
            .filter(|entry| entry.is_special() && entry.may_be_due(millis))
            .map(|entry| entry.key)
            .collect();
        let mut run = Run::new(self, at, origin);
        for key in keys {
            run.expire_if_due(key, false);
        }
        run.into_effects()
    }

    /// Makes a change: numbers it and applies it.
    pub(crate) fn emit(
        &mut self,
        key: KeyId,
        mut kind: EffectKind,
        at: Timestamp,
        origin: OriginId,
    ) -> Effect {
        let mut context = self.clock.clone();
        if kind.is_reset()
            && let Some(entry) = self.entry(key)
        {
            // As in `execute`.
            context.join(entry.covered());
            kind = entry.complete_reset(kind, &self.clock);
        }
        self.make(key, kind, context, (at, origin))
    }

    /// An effect with the next dot of its origin, applied here.
    #[inline]
    fn make(
        &mut self,
        key: KeyId,
        kind: EffectKind,
        context: Clock,
        (at, origin): (Timestamp, OriginId),
    ) -> Effect {
        let effect = Effect {
            dot: self.clock.advance_next(origin),
            key,
            at,
            context,
            kind,
        };
        self.take(&effect);
        effect
    }
}
