//! What a message costs, and what a world costs, beside a plain event loop that does the same work.
//!
//! Run without arguments it prints the table of `docs/performance.md`; with `PART REGIONS MILLISECONDS` it
//! runs one part alone, to count instructions under callgrind.

#![expect(
    clippy::disallowed_types,
    reason = "a benchmark looks at the wall clock"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has nothing to say"
)]

#[expect(unreachable_pub, reason = "shared with another benchmark")]
#[path = "../../regionfall-kernel/benches/floor.rs"]
mod floor;
mod geo_kv_settings;
mod network_alone;

use std::hint::black_box;
use std::time::Instant;

use regionfall::simulation::{Blueprint, World, run_for_benchmark};
use regionfall_kernel::{Seed, SimDuration, SimTime};

const PARTS: [&str; 4] = ["floor", "network", "world", "scenario"];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [part, regions, milliseconds] = &arguments[..] {
        let regions = regions.parse().expect("a number of regions");
        let milliseconds = milliseconds.parse().expect("a number of milliseconds");
        println!("{} messages", run(part, regions, milliseconds));
        return;
    }
    for (regions, milliseconds) in [(3, 60_000), (10, 6_000), (50, 400)] {
        table(regions, milliseconds);
    }
    fresh_worlds();
}

/// Messages per CPU second of each part, interleaved, medians of five.
fn table(regions: usize, milliseconds: u64) {
    // A database has at most ten members; beyond that only the network is compared.
    let parts = if regions <= 10 {
        &PARTS[..]
    } else {
        &PARTS[..2]
    };
    let mut seconds = vec![Vec::new(); parts.len()];
    let mut messages = vec![0; parts.len()];
    for _ in 0..5 {
        for (index, part) in parts.iter().enumerate() {
            let start = Instant::now();
            messages[index] = run(part, regions, milliseconds);
            seconds[index].push(start.elapsed().as_secs_f64());
        }
    }
    let rates: Vec<f64> = seconds
        .iter_mut()
        .zip(&messages)
        .map(|(seconds, messages)| {
            seconds.sort_by(f64::total_cmp);
            *messages as f64 / seconds[seconds.len() / 2] / 1e6
        })
        .collect();
    for ((part, rate), messages) in PARTS.iter().zip(&rates).zip(messages) {
        let ratio = rates[0] / rate;
        println!(
            "{regions:>3} regions  {part:<9} {messages:>8} messages  {rate:6.1} million/s  {ratio:5.2} of the floor"
        );
    }
}

/// Runs one part; returns how many messages it delivered.
fn run(part: &str, regions: usize, milliseconds: u64) -> u64 {
    let length = SimDuration::from_millis(milliseconds);
    match part {
        "floor" => floor::run(regions, milliseconds).messages,
        "network" => network_alone::run(&geo_kv_settings::settings(regions, length), length),
        "world" => {
            let blueprint = Blueprint::new(geo_kv_settings::settings(regions, length));
            let strategy = geo_kv_settings::plain_client();
            let mut world = World::new(&blueprint, &strategy, Vec::new(), Seed::new(1));
            let events = world.advance_until(SimTime::ZERO + length, &mut black_box(()));
            delivered(events, regions)
        }
        "scenario" => {
            let settings = geo_kv_settings::settings(regions, length);
            let events =
                run_for_benchmark(settings, &geo_kv_settings::plain_client(), Seed::new(1));
            delivered(events, regions)
        }
        other => panic!("no part {other}; there are {PARTS:?}"),
    }
}

/// Of the events of an operation (thought, request, reply, effects) all but the thought are messages.
fn delivered(events: u64, regions: usize) -> u64 {
    let per_operation = regions as u64 + 2;
    events * (per_operation - 1) / per_operation
}

/// Worlds of three regions built, run for ten simulated milliseconds and dropped.
fn fresh_worlds() {
    let length = SimDuration::from_millis(10);
    let blueprint = Blueprint::new(geo_kv_settings::settings(3, length));
    let strategy = geo_kv_settings::plain_client();
    let count = 20_000;
    let start = Instant::now();
    for seed in 0..count {
        let mut world = World::new(&blueprint, &strategy, Vec::new(), Seed::new(seed));
        black_box(world.advance_until(SimTime::ZERO + length, &mut ()));
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("fresh worlds, 10 ms each: {rate:.0} per CPU second");
}
