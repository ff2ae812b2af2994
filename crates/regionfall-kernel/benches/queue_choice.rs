//! Which queue? The candidates for [`EventQueue`] on one workload, beside the floor.
//!
//! Prints messages per second of CPU for 3, 10 and 50 regions. To count instructions, run one variant
//! alone under callgrind, see `benches/README.md`, where the figures and the decision are.

#![expect(
    clippy::disallowed_types,
    reason = "a benchmark looks at the wall clock"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(missing_docs, unreachable_pub, reason = "a benchmark has no users")]

#[path = "candidates.rs"]
mod candidates;
#[path = "floor.rs"]
mod floor;

use candidates::{Calendar, Heap, Laned};
use floor::{CLIENTS_PER_REGION, KEYS, Outcome, Register, THINK};
use regionfall_kernel::{EventQueue, LaneId, Seed, SimDuration, SimTime, TieBreak};
use std::hint::black_box;
use std::time::Instant;

/// What a queue must be able to do here.
pub trait Queue {
    fn open_lanes(&mut self, count: usize);
    fn schedule(&mut self, at: u64, event: Event);
    /// Pushes to a lane, not before what was pushed last.
    fn push(&mut self, lane: usize, at: u64, event: Event);
    fn pop_until(&mut self, limit: u64) -> Option<(u64, Event)>;
}

/// An event of the workload: 24 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    stamp: u64,
    key: u32,
    value: u32,
    region: u16,
    kind: Kind,
    client: u8,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Write,
    Reply,
    Effect,
}

/// The workload of `floor.rs`, with the queue as a parameter.
fn run(regions: usize, milliseconds: u64, mut queue: impl Queue) -> Outcome {
    let horizon = milliseconds * 1_000_000;
    let mut rng = floor::generator();
    let mut replicas = vec![Register::default(); regions * KEYS as usize];
    let mut messages = 0_u64;
    queue.open_lanes(regions * regions);
    for region in 0..regions {
        for client in 0..CLIENTS_PER_REGION {
            let at = floor::scaled(&mut rng, THINK) + floor::local_delay(&mut rng);
            let key = floor::scaled(&mut rng, KEYS) as u32;
            let (region, client) = (region as u16, client as u8);
            queue.schedule(
                at,
                Event {
                    stamp: 0,
                    key,
                    value: 0,
                    region,
                    kind: Kind::Write,
                    client,
                },
            );
        }
    }
    while let Some((now, event)) = queue.pop_until(horizon) {
        messages += 1;
        let region = usize::from(event.region);
        match event.kind {
            Kind::Write => {
                let stamp = now << 8 | u64::from(event.region);
                let slot = &mut replicas[region * KEYS as usize + event.key as usize];
                slot.merge(stamp, event.value, event.client);
                let at = now + floor::local_delay(&mut rng);
                queue.schedule(
                    at,
                    Event {
                        kind: Kind::Reply,
                        ..event
                    },
                );
                for target in (0..regions).filter(|target| *target != region) {
                    let at = now + floor::distant_delay(&mut rng);
                    let effect = Event {
                        kind: Kind::Effect,
                        region: target as u16,
                        stamp,
                        ..event
                    };
                    queue.push(region * regions + target, at, effect);
                }
            }
            Kind::Reply => {
                let at = now + THINK + floor::local_delay(&mut rng);
                let key = floor::scaled(&mut rng, KEYS) as u32;
                let value = event.value.wrapping_add(1);
                queue.schedule(
                    at,
                    Event {
                        kind: Kind::Write,
                        key,
                        value,
                        ..event
                    },
                );
            }
            Kind::Effect => {
                let slot = &mut replicas[region * KEYS as usize + event.key as usize];
                slot.merge(event.stamp, event.value, event.client);
            }
        }
    }
    Outcome {
        messages,
        digest: floor::digest(&replicas),
    }
}

/// The chosen queue, behind the same trait.
struct Chosen {
    queue: EventQueue<Event>,
    lanes: Vec<LaneId>,
}

impl Chosen {
    fn new(ties: TieBreak) -> Self {
        Self {
            queue: EventQueue::new(ties),
            lanes: Vec::new(),
        }
    }
}

impl Queue for Chosen {
    fn open_lanes(&mut self, count: usize) {
        self.lanes = (0..count).map(|_| self.queue.open_lane()).collect();
    }

    #[inline]
    fn schedule(&mut self, at: u64, event: Event) {
        self.queue.schedule(SimTime::from_nanos(at), event);
    }

    #[inline]
    fn push(&mut self, lane: usize, at: u64, event: Event) {
        let lane = self.lanes[lane];
        let at = SimTime::from_nanos(at).max(self.queue.lane_last_time(lane));
        self.queue.push_lane(lane, at, event);
    }

    #[inline]
    fn pop_until(&mut self, limit: u64) -> Option<(u64, Event)> {
        self.queue
            .pop_until(SimTime::from_nanos(limit))
            .map(|(at, event)| (at.as_nanos(), event))
    }
}

const VARIANTS: [&str; 5] = ["floor", "heap", "calendar", "queue", "permuted"];

fn run_variant(variant: &str, regions: usize, milliseconds: u64) -> Outcome {
    match variant {
        "floor" => floor::run(regions, milliseconds),
        "heap" => run(regions, milliseconds, Laned::new(Heap::default())),
        "calendar" => run(regions, milliseconds, Laned::new(Calendar::new())),
        "queue" => run(regions, milliseconds, Chosen::new(TieBreak::InsertionOrder)),
        "permuted" => run(
            regions,
            milliseconds,
            Chosen::new(TieBreak::Permuted(Seed::new(1))),
        ),
        unknown => unreachable!("the variants are {VARIANTS:?}, not {unknown}"),
    }
}

/// Median million messages per second over interleaved rounds.
fn table() {
    const ROUNDS: usize = 7;
    println!(
        "{:>10} {:>8} {:>10} {:>22}",
        "variant", "regions", "messages", "million messages / s"
    );
    for (regions, milliseconds) in [(3, 60_000), (10, 6_000), (50, 600)] {
        let mut rates = [const { Vec::new() }; VARIANTS.len()];
        let expected = floor::run(regions, milliseconds);
        for _ in 0..ROUNDS {
            for (variant, rates) in VARIANTS.iter().zip(&mut rates) {
                let start = Instant::now();
                let outcome = black_box(run_variant(variant, black_box(regions), milliseconds));
                let seconds = start.elapsed().as_secs_f64();
                assert!(
                    *variant == "permuted" || outcome == expected,
                    "{variant} does other work"
                );
                rates.push(outcome.messages as f64 / seconds / 1e6);
            }
        }
        for (variant, rates) in VARIANTS.iter().zip(&mut rates) {
            rates.sort_by(f64::total_cmp);
            println!(
                "{variant:>10} {regions:>8} {:>10} {:>22.1}",
                expected.messages,
                rates[ROUNDS / 2]
            );
        }
    }
}

/// What an empty queue costs to make, to use for one event and to drop.
fn construction() {
    const COUNT: u32 = 100_000;
    let start = Instant::now();
    for number in 0..COUNT {
        let mut queue = EventQueue::new(TieBreak::InsertionOrder);
        queue.schedule(
            SimTime::ZERO + SimDuration::from_nanos(u64::from(number)),
            number,
        );
        black_box(queue.pop_until(SimTime::NEVER));
    }
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT);
    println!("a queue made, used for one event and dropped: {each:.0} ns");
}

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match &arguments[..] {
        [] => {
            table();
            construction();
        }
        [variant, regions, milliseconds] => {
            let number = |text: &String| {
                text.parse()
                    .unwrap_or_else(|_| unreachable!("{text} is no number"))
            };
            let outcome = run_variant(variant, number(regions) as usize, number(milliseconds));
            println!("{variant}: {outcome:?}");
        }
        _ => println!("usage: queue_choice [VARIANT REGIONS MILLISECONDS]"),
    }
}
