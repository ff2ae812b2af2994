//! What is measured: one data type, of ours or of others, behind one interface.

use std::fmt;

/// Operations in a batch.
pub(crate) const BATCH: u64 = 1_000;

/// What a client asks for, of the element of some number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// That it is added or overwritten; of a list, one more at the end.
    Write,
    /// That it is removed; of a list, the first.
    Erase,
    /// What it is.
    Read,
}

/// A data type on which some actors work.
pub(crate) trait Subject {
    /// What one replica holds.
    type State;
    /// A request, ready to be executed.
    type Request;
    /// What replicas send each other.
    type Effect: Clone;
    /// Whether requests name elements that are not there too, one in two. Of keys that are none they do not.
    const IS_COLLECTION: bool = true;

    /// Nothing yet.
    fn empty() -> Self::State;
    /// The same once more, for this actor to write on.
    fn fork(state: &Self::State, actor: u16) -> Self::State;
    fn request(ask: Ask, number: u64) -> Self::Request;
    /// Executes a write or a removal; says what to send, if anything.
    fn change(state: &mut Self::State, actor: u16, request: &Self::Request)
    -> Option<Self::Effect>;
    /// Executes a read; says something that depends on what was read.
    fn read(state: &mut Self::State, request: &Self::Request) -> usize;
    /// Takes in what other replicas sent; gives back what was not used up.
    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect>;
    /// Takes in all that another replica holds; gives back what was not used up.
    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State>;
}

/// How much there is before the measured operations.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Elements, or keys of types that have none.
    pub(crate) elements: u64,
    /// Actors that wrote them, and go on writing.
    pub(crate) actors: u16,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.elements, self.actors)
    }
}

/// A state of that size: each actor wrote its share, having seen what was there; of keys without elements, all of them.
pub(crate) fn built<S: Subject>(size: Size) -> S::State {
    let mut state = S::empty();
    let share = size.elements / u64::from(size.actors);
    for actor in 0..size.actors {
        state = S::fork(&state, actor);
        let first = u64::from(actor) * share;
        let is_last = actor + 1 == size.actors;
        let end = if is_last {
            size.elements
        } else {
            first + share
        };
        let numbers = if S::IS_COLLECTION {
            first..end
        } else {
            0..size.elements
        };
        write_all::<S>(&mut state, actor, numbers);
    }
    state
}

fn write_all<S: Subject>(state: &mut S::State, actor: u16, numbers: std::ops::Range<u64>) {
    for number in numbers {
        S::change(state, actor, &S::request(Ask::Write, number));
    }
}

/// A batch of requests for elements as good as random.
pub(crate) fn requests<S: Subject>(ask: Ask, size: Size) -> Vec<S::Request> {
    let mix = |number: u64| {
        let mixed = (number ^ 0x5555).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
    };
    let range = if S::IS_COLLECTION {
        2 * size.elements
    } else {
        size.elements
    };
    (0..BATCH)
        .map(|number| S::request(ask, mix(number) % range))
        .collect()
}

/// A batch of what all but the first actor send, by turns; none has seen the others'.
pub(crate) fn effects<S: Subject>(state: &S::State, size: Size) -> Vec<S::Effect> {
    let mut others: Vec<(u16, S::State)> = (1..size.actors)
        .map(|actor| (actor, S::fork(state, actor)))
        .collect();
    let turns = others.len();
    let requests = requests::<S>(Ask::Write, size);
    let sent = requests.iter().enumerate().filter_map(|(turn, request)| {
        let (actor, state) = &mut others[turn % turns];
        S::change(state, *actor, request)
    });
    sent.collect()
}

/// Two states that have all in common but what happened to a hundredth of their elements.
pub(crate) fn diverged<S: Subject>(size: Size) -> (S::State, S::State) {
    let base = built::<S>(size);
    let (mut own, mut other) = (S::fork(&base, 0), S::fork(&base, 1));
    let news = size.elements / 100;
    let first = if S::IS_COLLECTION { size.elements } else { 0 };
    write_all::<S>(&mut own, 0, first..first + news);
    write_all::<S>(&mut other, 1, first + news..first + 2 * news);
    (own, other)
}

/// The `number`-th of some registers, which begin as nothing.
pub(crate) fn nth<T: Default>(all: &mut Vec<T>, number: u64) -> &mut T {
    let number = number as usize;
    if number >= all.len() {
        all.resize_with(number + 1, T::default);
    }
    &mut all[number]
}
