//! What a draw costs: sequential, addressed, and through a sampler.
//!
//! Prints nanoseconds a draw. To count instructions, run one kind alone under callgrind with two counts
//! and take the difference, see `benches/README.md`.

#![expect(
    clippy::disallowed_types,
    reason = "a benchmark looks at the wall clock"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use regionfall_kernel::{
    Address, Distribution, Rng, Sampler, Seed, SimDuration, SimTime, TwoState,
};
use std::hint::black_box;
use std::time::Instant;

const KINDS: [&str; 6] = [
    "nothing",
    "sequential",
    "addressed",
    "lognormal",
    "uniform",
    "weather",
];

/// The sum of `count` draws of one kind, so that none is optimized away.
fn draw(kind: &str, count: u32) -> u64 {
    let seed = Seed::new(1);
    let [low, high] = [20, 200].map(SimDuration::from_millis);
    let numbers = (0..count).map(black_box);
    match kind {
        "nothing" => numbers.fold(0, |sum, number| sum ^ u64::from(number)),
        "sequential" => {
            let mut rng = seed.stream("bench");
            numbers.fold(0, |sum, number| sum ^ u64::from(number) ^ rng.next_u64())
        }
        "addressed" => {
            let draws = seed.addressed("bench");
            numbers.fold(0, |sum, number| {
                sum ^ draws.bits(Address::new(1, number, 0, 2))
            })
        }
        "lognormal" | "uniform" => {
            let distribution = match kind {
                "uniform" => Distribution::Uniform { low, high },
                _ => Distribution::LogNormal {
                    median: low,
                    p99: high,
                },
            };
            let sampler = Sampler::new(&distribution);
            let spread = |number: u32| u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            numbers.fold(0, |sum, number| {
                sum ^ sampler.sample(spread(number)).as_nanos()
            })
        }
        "weather" => {
            let mut process = TwoState::new(seed, "bench", 0, high, low);
            let at = |number: u32| SimTime::from_nanos(u64::from(number) * 100_000);
            numbers.fold(0, |sum, number| {
                sum + u64::from(process.is_bad_at(at(number)))
            })
        }
        unknown => unreachable!("the kinds are {KINDS:?}, not {unknown}"),
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [kind, count] = &arguments[..] {
        let count = count
            .parse()
            .unwrap_or_else(|_| unreachable!("{count} is no number"));
        println!("{kind}: {}", black_box(draw(kind, count)));
        return;
    }
    for kind in KINDS {
        const COUNT: u32 = 10_000_000;
        let start = Instant::now();
        black_box(draw(kind, COUNT));
        println!(
            "{kind:>10} {:6.2} ns",
            start.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT)
        );
    }
}
