//! Every data type beside those of others: local operations, effects that arrive, merges of whole states.
//!
//! A bench executes 1,000 operations on a state of so many elements by so many actors. Without an argument all are run; a word
//! selects those whose names contain it: `cargo bench -p regionfall-crdt --bench types -- merge`.

#![expect(
    clippy::panic,
    reason = "a benchmark may stop at what cannot be measured"
)]

mod bare;
mod ours;
mod sent;
mod subject;
mod theirs;

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;

use bare::{BareCounter, BareRegister};
use ours::{Counters, Hash, HyperLogLog, Json, Ranks, Set, SortedSet, Stream, Strings};
use sent::Sent;
use subject::{Ask, BATCH, Size, Subject, built, diverged, effects, requests};
use theirs::{CrdtsList, LwwReg, MapOfMvReg, MvReg, OrswotSet, PnCounter, YrsArray};

fn main() {
    divan::main();
}

const fn size(elements: u64, actors: u16) -> Size {
    Size { elements, actors }
}

const SIZES: [Size; 4] = [
    size(1_000, 2),
    size(1_000, 5),
    size(1_000, 10),
    size(100_000, 3),
];
/// Whatever is linear in an element that is added takes too long to become large.
const SMALL: [Size; 3] = [size(1_000, 2), size(1_000, 5), size(1_000, 10)];

/// A local operation, with the effect to be sent.
#[divan::bench(sample_count = 20, sample_size = 1, args = SIZES, types = [
    Strings, BareRegister, LwwReg, Sent<LwwReg>, MvReg, Sent<MvReg>, Counters, BareCounter, PnCounter,
    Sent<PnCounter>, Set, OrswotSet, Hash, MapOfMvReg, SortedSet, ours::List, YrsArray, Stream, Json, HyperLogLog,
])]
fn write<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    writing::<S>(bencher, size);
}

#[divan::bench(sample_count = 20, sample_size = 1, args = SMALL, types = [CrdtsList])]
fn write_small<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    writing::<S>(bencher, size);
}

fn writing<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let (base, requests) = (built::<S>(size), requests::<S>(Ask::Write, size));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| S::fork(&base, 0))
        .bench_local_refs(|state| {
            for request in &requests {
                black_box(S::change(state, 0, request));
            }
        });
}

/// A local removal, with the effect to be sent. Half of the elements are not there.
#[divan::bench(sample_count = 20, sample_size = 1, args = SIZES, types = [
    Strings, Set, OrswotSet, Hash, MapOfMvReg, SortedSet, ours::List, YrsArray, Json,
])]
fn erase<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    erasing::<S>(bencher, size);
}

#[divan::bench(sample_count = 20, sample_size = 1, args = SMALL, types = [CrdtsList])]
fn erase_small<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    erasing::<S>(bencher, size);
}

fn erasing<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let (base, requests) = (built::<S>(size), requests::<S>(Ask::Erase, size));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| S::fork(&base, 0))
        .bench_local_refs(|state| {
            for request in &requests {
                black_box(S::change(state, 0, request));
            }
        });
}

/// A look at one element; of a sorted set by name and at the ten best, of a stream at the newest ten.
#[divan::bench(sample_count = 20, sample_size = 1, args = SIZES, types = [
    Strings, BareRegister, LwwReg, MvReg, Counters, BareCounter, PnCounter, Set, OrswotSet, Hash, MapOfMvReg, SortedSet, Ranks,
    ours::List, YrsArray, Stream, Json, HyperLogLog,
])]
fn read<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    reading::<S>(bencher, size);
}

#[divan::bench(sample_count = 20, sample_size = 1, args = SMALL, types = [CrdtsList])]
fn read_small<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    reading::<S>(bencher, size);
}

fn reading<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let (mut base, requests) = (built::<S>(size), requests::<S>(Ask::Read, size));
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for request in &requests {
            black_box(S::read(&mut base, request));
        }
    });
}

/// The ten best after each member that came in.
#[divan::bench(sample_count = 20, sample_size = 1, args = SIZES)]
fn write_and_rank(bencher: Bencher<'_, '_>, size: Size) {
    let (base, requests) = (built::<Ranks>(size), requests::<Ranks>(Ask::Write, size));
    let best = Ranks::request(Ask::Read, 0);
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| Ranks::fork(&base, 0))
        .bench_local_refs(|state| {
            for request in &requests {
                black_box(Ranks::change(state, 0, request));
                black_box(Ranks::read(state, &best));
            }
        });
}

/// Effects of the other actors arrive, concurrent with each other.
#[divan::bench(sample_count = 20, sample_size = 1, args = SIZES, types = [
    Strings, BareRegister, LwwReg, Sent<LwwReg>, MvReg, Sent<MvReg>, Counters, BareCounter, PnCounter,
    Sent<PnCounter>, Set, OrswotSet, Hash, MapOfMvReg, SortedSet, ours::List, YrsArray, Stream, Json, HyperLogLog,
])]
fn apply<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    applying::<S>(bencher, size);
}

#[divan::bench(sample_count = 20, sample_size = 1, args = SMALL, types = [CrdtsList])]
fn apply_small<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    applying::<S>(bencher, size);
}

fn applying<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let base = built::<S>(size);
    let effects = effects::<S>(&base, size);
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| (S::fork(&base, 0), effects.clone()))
        .bench_local_values(|(mut state, effects)| {
            let left = S::apply(&mut state, effects);
            (state, left)
        });
}

const STATES: [Size; 6] = [
    size(1_000, 2),
    size(1_000, 5),
    size(1_000, 10),
    size(100_000, 2),
    size(100_000, 5),
    size(100_000, 10),
];

/// Two states that have all but a hundredth of their elements in common.
#[divan::bench(sample_count = 10, sample_size = 1, args = STATES, types = [
    Strings, BareRegister, LwwReg, MvReg, Counters, BareCounter, PnCounter, Set, OrswotSet, Hash, MapOfMvReg, SortedSet,
    ours::List, YrsArray, Stream, Json, HyperLogLog,
])]
fn merge<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let (own, other) = diverged::<S>(size);
    bencher
        .counter(ItemsCount::new(size.elements))
        .with_inputs(|| (S::fork(&own, 0), S::fork(&other, 1)))
        .bench_local_values(|(mut own, other)| {
            let left = S::merge(&mut own, other);
            (own, left)
        });
}
