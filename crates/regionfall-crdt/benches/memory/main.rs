//! What a state of 100,000 elements takes in memory, as the allocator sees it: the bytes of a copy.
//!
//! `max alloc` of `held`, divided by the elements, is the memory of each. The other benches tell what operations allocate; their
//! times are none, since counting slows them down.

#![expect(
    clippy::panic,
    reason = "a benchmark may stop at what cannot be measured"
)]

#[path = "../types/bare.rs"]
mod bare;
#[path = "../types/ours.rs"]
mod ours;
#[path = "../types/subject.rs"]
mod subject;
#[path = "../types/theirs.rs"]
mod theirs;

use std::hint::black_box;

use divan::{AllocProfiler, Bencher};

use bare::{BareCounter, BareRegister};
use ours::{Counters, Hash, HyperLogLog, Json, Ranks, Set, SortedSet, Stream, Strings};
use subject::{Ask, Size, Subject, built, diverged, effects, requests};
use theirs::{CrdtsList, LwwReg, MapOfMvReg, MvReg, OrswotSet, PnCounter, YrsArray};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const LARGE: [Size; 3] = [
    Size {
        elements: 100_000,
        actors: 2,
    },
    Size {
        elements: 100_000,
        actors: 5,
    },
    Size {
        elements: 100_000,
        actors: 10,
    },
];
const SMALL: [Size; 1] = [Size {
    elements: 1_000,
    actors: 5,
}];

#[divan::bench(sample_count = 1, sample_size = 1, args = LARGE, types = [
    Strings, BareRegister, LwwReg, MvReg, Counters, BareCounter, PnCounter, Set, OrswotSet, Hash, MapOfMvReg, SortedSet, Ranks,
    ours::List, YrsArray, Stream, Json, HyperLogLog,
])]
fn held<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let mut base = built::<S>(size);
    black_box(S::read(&mut base, &S::request(Ask::Read, 0)));
    bencher.bench_local(|| S::fork(&base, 0));
}

/// A thousand of each: local writes and removals, effects, one merge.
#[divan::bench(sample_count = 1, sample_size = 1, args = SMALL, types = [
    Strings, BareRegister, LwwReg, MvReg, Counters, BareCounter, PnCounter, Set, OrswotSet, Hash, MapOfMvReg, SortedSet,
    ours::List, CrdtsList, YrsArray, Stream, Json, HyperLogLog,
])]
fn allocated<S: Subject>(bencher: Bencher<'_, '_>, size: Size) {
    let (own, other) = diverged::<S>(size);
    let effects = effects::<S>(&own, size);
    let requests = [Ask::Write, Ask::Erase].map(|ask| requests::<S>(ask, size));
    bencher
        .with_inputs(|| (S::fork(&own, 0), S::fork(&other, 1), effects.clone()))
        .bench_local_values(|(mut own, other, effects)| {
            let effects = S::apply(&mut own, effects);
            for request in requests.iter().flatten() {
                black_box(S::change(&mut own, 0, request));
            }
            let left = S::merge(&mut own, other);
            (own, left, effects)
        });
}
