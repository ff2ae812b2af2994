//! The discrete-event kernel of Regionfall: what a deterministic simulator needs before it knows what it
//! simulates. There is no database here, no wall clock, no thread and no file.
//!
//! A tour, in the order in which the parts depend on each other:
//!
//! | Module | What it gives |
//! |---|---|
//! | [`time`] | moments and spans of simulated time, in whole nanoseconds |
//! | [`random`] | a seed, and what grows from it: streams, addressed draws, weather |
//! | [`distribution`] | distributions of spans: checked, printable, exact, and compiled for speed |
//! | [`slab`] | payloads that do not fit into an event |
//! | [`queue`] | what happens next: events, timers and first-in-first-out lanes |
//! | [`trace`] | a rolling hash of what happened, and where two runs first differ |
//!
//! A simulator owns one [`EventQueue`] of its own small event type and matches events in a loop. Here, a
//! server that is pinged once a second over a path with random delay:
//!
//! ```
//! use regionfall_kernel::{
//!     Address, Distribution, EventQueue, Sampler, Seed, SimDuration, SimTime, TieBreak, TraceHash,
//! };
//!
//! #[derive(Clone, Copy)]
//! enum Event {
//!     Ping { number: u32 },
//!     Pong { number: u32 },
//! }
//!
//! let run = |seed: Seed| {
//!     let [median, p99] = [68, 140].map(SimDuration::from_millis);
//!     let delay = Sampler::new(&Distribution::log_normal(median, p99)?);
//!     let draws = seed.addressed("ping delay");
//!     let (mut queue, mut trace) = (EventQueue::new(TieBreak::InsertionOrder), TraceHash::new());
//!     let path = queue.open_lane();
//!     queue.schedule(SimTime::ZERO, Event::Ping { number: 0 });
//!
//!     let horizon = SimTime::ZERO + SimDuration::from_secs(10);
//!     let mut pongs = 0;
//!     while let Some((now, event)) = queue.pop_until(horizon) {
//!         match event {
//!             Event::Ping { number } => {
//!                 // The delay of ping 7 is the same whatever else is drawn.
//!                 let bits = draws.bits(Address::new(0, number, 0, 0));
//!                 let arrival = (now + delay.sample(bits)).max(queue.lane_last_time(path));
//!                 queue.push_lane(path, arrival, Event::Pong { number });
//!                 let next = now + SimDuration::from_secs(1);
//!                 queue.schedule(next, Event::Ping { number: number + 1 });
//!             }
//!             Event::Pong { number } => {
//!                 pongs += 1;
//!                 trace.absorb2(now.as_nanos(), u64::from(number));
//!             }
//!         }
//!     }
//!     Ok::<_, regionfall_kernel::DistributionError>((pongs, trace.finish()))
//! };
//!
//! assert_eq!(run(Seed::new(1))?, run(Seed::new(1))?);
//! assert_ne!(run(Seed::new(1))?, run(Seed::new(2))?);
//! assert_eq!(run(Seed::new(1))?.0, 10);
//! # Ok::<_, regionfall_kernel::DistributionError>(())
//! ```

// Blank lines keep the formatter from sorting: each may use only those before it.
pub mod time;

pub mod random;

pub mod distribution;

pub mod slab;

pub mod queue;

pub mod trace;

pub use distribution::{Distribution, DistributionError, Sampler};
pub use queue::{EventQueue, LaneId, TieBreak, TimerId};
pub use random::{
    Address, Addressed, Drift, Seed, TwoState, below, exponential, shuffle, uniform, unit_from_bits,
};
pub use slab::{Slab, SlabKey};
pub use time::{SimDuration, SimTime};
pub use trace::{Checkpoint, Checkpoints, Difference, TraceHash, TraceRecord, first_difference};

/// The generator of [sequential streams](Seed::stream).
pub use rand_chacha::ChaCha8Rng;
/// What draws words from a [`ChaCha8Rng`].
pub use rand_core::Rng;
