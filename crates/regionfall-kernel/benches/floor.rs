//! The floor: the workload `geo-kv` as a plain hand-written event loop over the standard heap.
//!
//! It is what an engineer would write in an afternoon for this one question, and nothing else: no lanes,
//! no faults, no trace, no way to change anything. Whatever a general simulator costs is quoted as a ratio to
//! it. Other benchmarks include this file by path.
//!
//! `geo-kv`: each region has one replica, a last-writer-wins map of 1,000 keys, and eight closed-loop
//! clients. A client writes to its replica (one way 0.2 to 0.8 ms, uniform), waits for the reply (the same
//! again), thinks for 5 ms. The replica applies the write and sends it to every other region (one way 30 to 90 ms,
//! uniform, order per link kept). Messages delivered are counted; thinking is folded into the send.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

pub const KEYS: u64 = 1_000;
pub const CLIENTS_PER_REGION: usize = 8;
pub const THINK: u64 = 5_000_000;

/// What a run did, to compare runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub messages: u64,
    pub digest: u64,
}

/// A register: when it was written last and by whom, and what is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Register {
    pub stamp: u64,
    pub value: u64,
}

impl Register {
    /// Keeps what was written last.
    #[inline]
    pub fn merge(&mut self, stamp: u64, value: u32, client: u8) {
        if stamp > self.stamp {
            *self = Self {
                stamp,
                value: u64::from(value) << 8 | u64::from(client),
            };
        }
    }
}

/// A delay of the local network.
#[inline]
pub fn local_delay(rng: &mut ChaCha8Rng) -> u64 {
    200_000 + scaled(rng, 600_000)
}

/// A delay between regions.
#[inline]
pub fn distant_delay(rng: &mut ChaCha8Rng) -> u64 {
    30_000_000 + scaled(rng, 60_000_000)
}

/// A whole number in `0..bound`.
#[inline]
pub fn scaled(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// The generator that every variant draws from, in the same order.
pub fn generator() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(42)
}

/// The digest of the final registers.
pub fn digest(replicas: &[Register]) -> u64 {
    replicas.iter().fold(0, |sum: u64, register| {
        (sum ^ register.stamp ^ register.value)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(23)
    })
}

const WRITE: u8 = 0;
const REPLY: u8 = 1;
const EFFECT: u8 = 2;

/// One event: 32 bytes, with its place in the order.
#[derive(Clone, Copy)]
struct Event {
    at: u64,
    sequence: u32,
    region: u16,
    kind: u8,
    client: u8,
    stamp: u64,
    key: u32,
    value: u32,
}

impl Event {
    fn order(&self) -> (u64, u32) {
        (self.at, self.sequence)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    /// The earliest is the greatest, for the standard heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.order().cmp(&self.order())
    }
}

/// Runs `geo-kv` for so many simulated milliseconds.
pub fn run(regions: usize, milliseconds: u64) -> Outcome {
    let horizon = milliseconds * 1_000_000;
    let mut rng = generator();
    let mut heap = BinaryHeap::new();
    let mut replicas = vec![Register::default(); regions * KEYS as usize];
    let mut link_last = vec![0_u64; regions * regions];
    let (mut sequence, mut messages) = (0_u32, 0_u64);
    for region in 0..regions {
        for client in 0..CLIENTS_PER_REGION {
            let at = scaled(&mut rng, THINK) + local_delay(&mut rng);
            let key = scaled(&mut rng, KEYS) as u32;
            let (region, client) = (region as u16, client as u8);
            heap.push(Event {
                at,
                sequence,
                region,
                kind: WRITE,
                client,
                stamp: 0,
                key,
                value: 0,
            });
            sequence += 1;
        }
    }
    while let Some(event) = heap.pop() {
        if event.at > horizon {
            break;
        }
        messages += 1;
        let now = event.at;
        let region = usize::from(event.region);
        match event.kind {
            WRITE => {
                let stamp = now << 8 | u64::from(event.region);
                let slot = &mut replicas[region * KEYS as usize + event.key as usize];
                slot.merge(stamp, event.value, event.client);
                let at = now + local_delay(&mut rng);
                heap.push(Event {
                    at,
                    sequence,
                    kind: REPLY,
                    ..event
                });
                sequence += 1;
                for target in (0..regions).filter(|target| *target != region) {
                    let last = &mut link_last[region * regions + target];
                    let at = (now + distant_delay(&mut rng)).max(*last);
                    *last = at;
                    heap.push(Event {
                        at,
                        sequence,
                        kind: EFFECT,
                        region: target as u16,
                        stamp,
                        ..event
                    });
                    sequence += 1;
                }
            }
            REPLY => {
                let at = now + THINK + local_delay(&mut rng);
                let key = scaled(&mut rng, KEYS) as u32;
                let value = event.value.wrapping_add(1);
                heap.push(Event {
                    at,
                    sequence,
                    kind: WRITE,
                    key,
                    value,
                    ..event
                });
                sequence += 1;
            }
            _ => {
                let slot = &mut replicas[region * KEYS as usize + event.key as usize];
                slot.merge(event.stamp, event.value, event.client);
            }
        }
    }
    Outcome {
        messages,
        digest: digest(&replicas),
    }
}
