//! A data type of others with what a member needs around it, so that equal work is compared: a version vector that numbers what
//! is sent, tells what it had observed, and finds out what comes twice or too early. Ours have that built in.

use std::marker::PhantomData;

use crdts::{CmRDT, Dot, VClock};

use crate::subject::{Ask, Subject};

/// A data type whose effects are numbered and know what they come after.
pub(crate) struct Sent<S>(PhantomData<S>);

/// An effect with its number.
#[derive(Clone)]
pub(crate) struct Numbered<E> {
    dot: Dot<u16>,
    context: VClock<u16>,
    effect: E,
}

impl<S: Subject> Subject for Sent<S> {
    type State = (S::State, VClock<u16>);
    type Request = S::Request;
    type Effect = Numbered<S::Effect>;
    const IS_COLLECTION: bool = S::IS_COLLECTION;

    fn empty() -> Self::State {
        (S::empty(), VClock::new())
    }

    fn fork((state, clock): &Self::State, actor: u16) -> Self::State {
        (S::fork(state, actor), clock.clone())
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        S::request(ask, number)
    }

    fn change(
        (state, clock): &mut Self::State,
        actor: u16,
        request: &Self::Request,
    ) -> Option<Self::Effect> {
        let effect = S::change(state, actor, request)?;
        let context = clock.clone();
        let dot = clock.inc(actor);
        clock.apply(dot);
        Some(Numbered {
            dot,
            context,
            effect,
        })
    }

    fn read((state, _): &mut Self::State, request: &Self::Request) -> usize {
        S::read(state, request)
    }

    fn apply((state, clock): &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        let admitted = effects.into_iter().map(|sent| {
            assert_eq!(clock.get(&sent.dot.actor) + 1, sent.dot.counter);
            assert!(sent.context.get(&sent.dot.actor) < sent.dot.counter);
            clock.apply(sent.dot);
            sent.effect
        });
        let admitted = admitted.collect();
        S::apply(state, admitted);
        Vec::new()
    }

    fn merge(
        (state, clock): &mut Self::State,
        (other, theirs): Self::State,
    ) -> Option<Self::State> {
        S::merge(state, other);
        crdts::CvRDT::merge(clock, theirs);
        None
    }
}
