//! The candidates that were not chosen: a binary heap and a calendar queue, of lane heads and single
//! events, over a slab of payloads.

use crate::{Event, Queue};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A priority queue of keys: time, sequence and slot in 64, 40 and 24 bits.
pub trait Keys {
    fn push(&mut self, key: u128);
    fn pop_until(&mut self, limit: u64) -> Option<u128>;
}

/// The standard heap.
#[derive(Default)]
pub struct Heap(BinaryHeap<Reverse<u128>>);

impl Keys for Heap {
    #[inline]
    fn push(&mut self, key: u128) {
        self.0.push(Reverse(key));
    }

    #[inline]
    fn pop_until(&mut self, limit: u64) -> Option<u128> {
        let Reverse(first) = self.0.peek()?;
        if (*first >> 64) as u64 > limit {
            None
        } else {
            self.0.pop().map(|Reverse(key)| key)
        }
    }
}

/// A calendar queue (Brown, CACM 31(10), 1988): buckets of one width over the near future, the current one
/// sorted, a heap for the far future. The width follows the density of events, to a power of two.
pub struct Calendar {
    current: Vec<u128>,
    buckets: Vec<Vec<u128>>,
    far: BinaryHeap<Reverse<u128>>,
    shift: u32,
    /// The number of the current bucket, counted from the beginning of time.
    day: u64,
    in_buckets: usize,
    pops: u32,
    checked_at: u64,
}

const BUCKETS: u64 = 1_024;
const CHECK_EVERY: u32 = 8_192;

impl Calendar {
    pub fn new() -> Self {
        Self {
            current: Vec::new(),
            buckets: vec![Vec::new(); BUCKETS as usize],
            far: BinaryHeap::new(),
            shift: 15,
            day: 0,
            in_buckets: 0,
            pops: 0,
            checked_at: 0,
        }
    }

    fn next_day(&mut self) -> bool {
        if self.in_buckets == 0 {
            let Some(Reverse(first)) = self.far.peek() else {
                return false;
            };
            self.day = (*first >> 64) as u64 >> self.shift;
        } else {
            self.day += 1;
        }
        while let Some(Reverse(first)) = self.far.peek() {
            if ((*first >> 64) as u64 >> self.shift) >= self.day + BUCKETS {
                break;
            }
            let Some(Reverse(key)) = self.far.pop() else {
                break;
            };
            self.put((key >> 64) as u64 >> self.shift, key);
        }
        let bucket = &mut self.buckets[(self.day % BUCKETS) as usize];
        std::mem::swap(&mut self.current, bucket);
        self.in_buckets -= self.current.len();
        self.current.sort_unstable_by_key(|key| Reverse(*key));
        true
    }

    #[inline]
    fn put(&mut self, day: u64, key: u128) {
        self.buckets[(day % BUCKETS) as usize].push(key);
        self.in_buckets += 1;
    }

    /// Adapts the width to about one event a bucket.
    #[cold]
    fn adapt(&mut self, now: u64) {
        let gap = (now - self.checked_at) / u64::from(CHECK_EVERY);
        self.checked_at = now;
        let shift = gap.max(1).ilog2();
        if shift.abs_diff(self.shift) < 2 {
            return;
        }
        let mut keys = std::mem::take(&mut self.current);
        keys.extend(self.buckets.iter_mut().flat_map(|bucket| bucket.drain(..)));
        keys.extend(self.far.drain().map(|Reverse(key)| key));
        self.shift = shift;
        self.day = now >> shift;
        self.in_buckets = 0;
        for key in keys {
            self.push(key);
        }
    }
}

impl Keys for Calendar {
    #[inline]
    fn push(&mut self, key: u128) {
        let day = (key >> 64) as u64 >> self.shift;
        if day <= self.day {
            let place = self.current.partition_point(|other| *other > key);
            self.current.insert(place, key);
        } else if day < self.day + BUCKETS {
            self.put(day, key);
        } else {
            self.far.push(Reverse(key));
        }
    }

    #[inline]
    fn pop_until(&mut self, limit: u64) -> Option<u128> {
        while self.current.is_empty() {
            if !self.next_day() {
                return None;
            }
        }
        let first = self.current.last().copied()?;
        let now = (first >> 64) as u64;
        if now > limit {
            return None;
        }
        self.current.pop();
        self.pops += 1;
        if self.pops.is_multiple_of(CHECK_EVERY) {
            self.adapt(now);
        }
        Some(first)
    }
}

/// Payloads in a slab and lanes around a priority queue of keys.
pub struct Laned<K> {
    keys: K,
    slots: Vec<(Event, u32)>,
    free: Vec<u32>,
    lanes: Vec<Lane>,
    sequence: u128,
}

#[derive(Clone, Default)]
struct Lane {
    waiting: VecDeque<(u128, Event)>,
    last: u64,
    is_busy: bool,
}

const NO_LANE: u32 = u32::MAX;

impl<K> Laned<K> {
    pub fn new(keys: K) -> Self {
        Self {
            keys,
            slots: Vec::new(),
            free: Vec::new(),
            lanes: Vec::new(),
            sequence: 0,
        }
    }

    #[inline]
    fn key(&mut self, at: u64) -> u128 {
        self.sequence += 1;
        u128::from(at) << 64 | self.sequence << 24
    }
}

impl<K: Keys> Laned<K> {
    #[inline]
    fn insert(&mut self, key: u128, event: Event, lane: u32) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = (event, lane);
            slot
        } else {
            self.slots.push((event, lane));
            self.slots.len() as u32 - 1
        };
        self.keys.push(key | u128::from(slot));
    }
}

impl<K: Keys> Queue for Laned<K> {
    fn open_lanes(&mut self, count: usize) {
        self.lanes = vec![Lane::default(); count];
    }

    #[inline]
    fn schedule(&mut self, at: u64, event: Event) {
        let key = self.key(at);
        self.insert(key, event, NO_LANE);
    }

    #[inline]
    fn push(&mut self, lane: usize, at: u64, event: Event) {
        let at = at.max(self.lanes[lane].last);
        let key = self.key(at);
        let queued = &mut self.lanes[lane];
        queued.last = at;
        if queued.is_busy {
            queued.waiting.push_back((key, event));
        } else {
            queued.is_busy = true;
            self.insert(key, event, lane as u32);
        }
    }

    #[inline]
    fn pop_until(&mut self, limit: u64) -> Option<(u64, Event)> {
        let key = self.keys.pop_until(limit)?;
        let slot = key as u32 & 0xFF_FFFF;
        let (event, lane) = self.slots[slot as usize];
        if lane == NO_LANE {
            self.free.push(slot);
        } else if let Some((next, waiting)) = self.lanes[lane as usize].waiting.pop_front() {
            self.slots[slot as usize].0 = waiting;
            self.keys.push(next | u128::from(slot));
        } else {
            self.lanes[lane as usize].is_busy = false;
            self.free.push(slot);
        }
        Some(((key >> 64) as u64, event))
    }
}
