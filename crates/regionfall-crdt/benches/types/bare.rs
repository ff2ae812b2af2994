//! Our counter and register by themselves, one for each number, as the others are used.

use regionfall_crdt::bare::{Counter, Register, Write};
use regionfall_crdt::{Content, Dot, OriginId, Timestamp};

use crate::subject::{Ask, Subject, nth};

/// Counters without keys and commands.
pub(crate) struct BareCounter;

impl Subject for BareCounter {
    type State = Vec<Counter>;
    type Request = (Ask, u64);
    type Effect = (u64, (Dot, i64));
    const IS_COLLECTION: bool = false;

    fn empty() -> Self::State {
        Vec::new()
    }

    fn fork(state: &Self::State, _: u16) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        state: &mut Self::State,
        actor: u16,
        &(_, number): &Self::Request,
    ) -> Option<Self::Effect> {
        let counter = nth(state, number);
        Some((number, counter.increase(OriginId(actor), 1)))
    }

    fn read(state: &mut Self::State, &(_, number): &Self::Request) -> usize {
        nth(state, number).value() as usize
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        for &(number, (dot, amount)) in &effects {
            nth(state, number).apply(dot, amount);
        }
        effects
    }

    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State> {
        for (number, theirs) in (0..).zip(&other) {
            nth(state, number).merge(theirs);
        }
        Some(other)
    }
}

/// Registers without keys and commands.
pub(crate) struct BareRegister;

impl Subject for BareRegister {
    type State = (Vec<Register>, u64);
    type Request = (Ask, u64);
    type Effect = (u64, Write);
    const IS_COLLECTION: bool = false;

    fn empty() -> Self::State {
        (Vec::new(), 0)
    }

    fn fork(state: &Self::State, _: u16) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        (all, at): &mut Self::State,
        actor: u16,
        &(_, number): &Self::Request,
    ) -> Option<Self::Effect> {
        *at += 1;
        let content = Content::Synthetic {
            token: number,
            length: 8,
        };
        let write = nth(all, number).write(content, Timestamp(*at), OriginId(actor));
        Some((number, write))
    }

    fn read((all, _): &mut Self::State, &(_, number): &Self::Request) -> usize {
        nth(all, number).content().map_or(0, Content::len)
    }

    fn apply((all, _): &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        for (number, write) in &effects {
            nth(all, *number).apply(write);
        }
        effects
    }

    fn merge((all, _): &mut Self::State, other: Self::State) -> Option<Self::State> {
        for (number, theirs) in (0..).zip(&other.0) {
            nth(all, number).merge(theirs);
        }
        Some(other)
    }
}
