//! What competes to leave the queue next: a hierarchy of buckets, refined only where events are dense.
//!
//! Each entry has a slot in an arena, and a 128-bit key: time, tie number, slot. Far entries hang unsorted
//! in buckets; near ones stand sorted by key in `near`. Buckets form a hierarchical timing wheel (Varghese and Lauck,
//! SOSP 1987): level `k` has 16 buckets of 2^(8+4k) ns, and an entry lies at the level of the highest bit
//! in which its time differs from `base`. When the earliest bucket comes due, its entries move to `near` if
//! they are few, whatever its width; a crowded one is spread over the next finer level, as in a ladder
//! queue (Tang, Goh and Thng, ACM TOMACS 15(3), 2005). So the width in use follows the density of
//! events by itself: there is nothing to tune, to resize, or to allocate up front, and minutes without an
//! event cost nothing.
//!
//! What always holds:
//! - an entry that lies before `base` is in `near` (or in `spill`);
//! - an entry in a bucket is not earlier than `earliest`, the start of the earliest occupied bucket; so
//!   whatever in `near` is earlier than that may leave;
//! - every occupied slot has exactly one key or one place in a bucket, cancelled ones included.
//!
//! Of lanes this file knows only that a head has a successor. It does not choose tie numbers.

use super::lane::Lanes;
use crate::time::SimTime;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// The identifier that no entry has; it marks a slot whose entry was cancelled.
pub(super) const DEAD: u64 = u64::MAX;
/// The lane number of an entry that is in no lane.
pub(super) const NO_LANE: u32 = u32::MAX;
/// How many bits a tie number has; the other bits of an identifier number the slot.
pub(super) const TIE_BITS: u32 = 64 - SLOT_BITS;

const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/// The end of a chain of slots.
const END: u32 = u32::MAX;

/// The finest bucket is 2^8 ns wide: far below any gap between events that matters.
const FINEST_BITS: u32 = 8;
const LEVEL_BITS: u32 = 4;
const BUCKETS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = (64 - FINEST_BITS).div_ceil(LEVEL_BITS) as usize;
/// A bucket with at most so many entries is sorted at once instead of being spread.
const FEW: usize = 16;
/// An insertion looks at most so far into `near`; a later place is found by the heap `spill`.
const NEAR_SEARCH_MAX: usize = 32;
/// Below so many cancelled entries it is not worth looking for them.
const SWEEP_MIN: usize = 256;

/// One pending event.
#[derive(Clone, Copy, Debug)]
struct Slot<E> {
    at: u64,
    /// Tie number and slot, the lower half of the key; [`DEAD`] if cancelled or unoccupied.
    id: u64,
    /// The next slot of the bucket, or of the free ones.
    next: u32,
    lane: u32,
    event: E,
}

/// The set of pending events.
#[derive(Clone, Debug)]
pub(super) struct Pending<E> {
    slots: Vec<Slot<E>>,
    free: u32,
    /// Sorted keys, the next one last.
    near: Vec<u128>,
    /// Keys whose place in `near` would be far from its end.
    spill: BinaryHeap<Reverse<u128>>,
    /// The start of the bucket that was opened last.
    base: u64,
    /// Entries before this moment bypass the buckets.
    floor: u64,
    /// The start of the earliest occupied bucket, `u64::MAX` if there is none.
    earliest: u64,
    /// Which levels have an occupied bucket, and which buckets of a level are occupied.
    levels: u32,
    occupied: [u64; LEVELS],
    buckets: [[u32; BUCKETS]; LEVELS],
    /// How many slots belong to cancelled entries that have not surfaced.
    cancelled: usize,
}

#[inline]
fn key(at: u64, id: u64) -> u128 {
    u128::from(at) << 64 | u128::from(id)
}

#[inline]
fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

#[inline]
fn slot_of(id: u64) -> usize {
    (id & SLOT_MASK) as usize
}

impl<E: Copy> Pending<E> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: END,
            near: Vec::new(),
            spill: BinaryHeap::new(),
            base: 0,
            floor: 0,
            earliest: u64::MAX,
            levels: 0,
            occupied: [0; LEVELS],
            buckets: [[END; BUCKETS]; LEVELS],
            cancelled: 0,
        }
    }

    /// Adds an entry and gives its identifier. `now` bounds every later insertion from below.
    #[expect(
        clippy::inline_always,
        reason = "in the hottest loops: the event is written where it stays, not handed over by copy"
    )]
    #[inline(always)]
    pub(super) fn insert(&mut self, at: u64, tie: u64, lane: u32, event: E, now: u64) -> u64 {
        let mut slot = self.free;
        if slot == END {
            slot = self.grow(event);
        } else {
            self.free = self.slots[slot as usize].next;
        }
        let id = self.place(slot, at, tie, lane, event);
        if self.spill.len() > NEAR_SEARCH_MAX {
            self.rewind(now);
        }
        id
    }

    /// Puts an event into a free slot, and gives its identifier.
    #[expect(clippy::inline_always, reason = "as for `insert`, its only caller")]
    #[inline(always)]
    fn place(&mut self, slot: u32, at: u64, tie: u64, lane: u32, event: E) -> u64 {
        let id = tie << SLOT_BITS | u64::from(slot);
        // Field by field: a whole slot would be made on the stack and copied.
        let entry = &mut self.slots[slot as usize];
        entry.at = at;
        entry.id = id;
        entry.lane = lane;
        entry.event = event;
        self.enlist(slot, at, id);
        id
    }

    /// Gives a slot that was written its place in the order.
    #[inline]
    fn enlist(&mut self, slot: u32, at: u64, id: u64) {
        if at < self.floor || self.belongs_near(at) {
            self.insert_near(key(at, id));
        } else {
            self.slots[slot as usize].next = self.hang(slot, at);
        }
    }

    /// Marks an entry as cancelled, if it is still pending. `now` is as in [`Pending::insert`].
    #[inline]
    pub(super) fn cancel(&mut self, id: u64, now: u64) -> bool {
        let Some(entry) = self.slots.get_mut(slot_of(id)) else {
            return false;
        };
        if id == DEAD || entry.id != id {
            return false;
        }
        entry.id = DEAD;
        self.cancelled += 1;
        if self.cancelled > SWEEP_MIN && self.cancelled > self.slots.len() / 2 {
            self.rebuild(now);
        }
        true
    }

    /// The time and slot of the next entry, if it is `limit` or earlier; its key then stands at the end
    /// of `near`. Opens no bucket that begins after `limit`.
    #[inline]
    pub(super) fn front(&mut self, limit: u64) -> Option<(u64, u32)> {
        if let (Some(&first), true) = (self.near.last(), self.spill.is_empty()) {
            let (at, id) = (time_of(first), first as u64);
            if at < self.earliest && at <= limit && self.slots[slot_of(id)].id == id {
                return Some((at, slot_of(id) as u32));
            }
        }
        self.find_front(limit)
    }

    /// [`Pending::front`] where the end of `near` does not answer at once.
    #[inline(never)]
    fn find_front(&mut self, limit: u64) -> Option<(u64, u32)> {
        loop {
            if !self.spill.is_empty() {
                self.unspill();
            }
            let first = self.near.last().copied().unwrap_or(u128::MAX);
            let at = time_of(first);
            if at < self.earliest {
                if at > limit {
                    return None;
                }
                let id = first as u64;
                if self.slots[slot_of(id)].id == id {
                    return Some((at, slot_of(id) as u32));
                }
                self.near.pop();
                self.bury(slot_of(id) as u32);
            } else if self.earliest > limit {
                return None;
            } else {
                self.open_earliest();
            }
        }
    }

    /// Takes the event from the slot that [`Pending::front`] found. If it is the head of a lane, what follows it there
    /// takes its slot.
    #[inline]
    pub(super) fn take_front(&mut self, slot: u32, lanes: &mut Lanes<E>) -> E {
        let entry = &mut self.slots[slot as usize];
        let event = entry.event;
        if entry.lane != NO_LANE {
            let lane = lanes.of_head(entry.lane);
            if let Some(next) = lane.waiting.pop_front() {
                let id = next.tie << SLOT_BITS | u64::from(slot);
                lane.head = id;
                entry.at = next.at;
                entry.id = id;
                entry.event = next.event;
                self.succeed_front(slot, next.at, id);
                return event;
            }
            lane.head = DEAD;
        }
        entry.id = DEAD;
        entry.next = self.free;
        self.free = slot;
        self.near.pop();
        event
    }

    /// Lets a slot that was written anew succeed itself at the front.
    ///
    /// What follows in a lane as a rule leaves at once: a delivery late by chance holds up those behind it, so
    /// that they come at the same moment. Then it stays where it is.
    #[inline]
    fn succeed_front(&mut self, slot: u32, at: u64, id: u64) {
        let new = key(at, id);
        if let Some((first, others)) = self.near.split_last_mut()
            && at < self.earliest
            && others.last().is_none_or(|second| new < *second)
        {
            *first = new;
            return;
        }
        self.near.pop();
        self.enlist(slot, at, id);
    }

    /// Gives back a slot that nothing refers to any more.
    #[inline]
    fn release(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.id = DEAD;
        entry.next = self.free;
        self.free = slot;
    }

    /// Time and event of an entry that is known to be pending.
    pub(super) fn peek(&self, id: u64) -> (SimTime, E) {
        let entry = &self.slots[slot_of(id)];
        debug_assert_eq!(entry.id, id, "the entry is pending");
        (SimTime::from_nanos(entry.at), entry.event)
    }

    /// Gives back the slot of a cancelled entry that has surfaced.
    fn bury(&mut self, slot: u32) {
        self.cancelled -= 1;
        self.release(slot);
    }

    #[cold]
    fn grow(&mut self, event: E) -> u32 {
        let slot = self.slots.len() as u32;
        assert!(
            u64::from(slot) < SLOT_MASK,
            "a queue holds at most 2^24 entries outside of lanes"
        );
        self.slots.push(Slot {
            at: 0,
            id: DEAD,
            next: END,
            lane: NO_LANE,
            event,
        });
        slot
    }

    /// Whether it is cheaper to sort a time into `near` at once: there are few, and it comes before all
    /// buckets or before one of the few.
    #[inline]
    fn belongs_near(&self, at: u64) -> bool {
        self.near.len() <= FEW
            && (at < self.earliest || self.near.first().is_some_and(|last| at < time_of(*last)))
    }

    #[inline]
    fn insert_near(&mut self, new: u128) {
        let len = self.near.len();
        if len > NEAR_SEARCH_MAX && self.near[len - NEAR_SEARCH_MAX] < new {
            self.spill.push(Reverse(new));
            return;
        }
        self.near.push(new);
        sink_last(&mut self.near);
    }

    /// Moves the first key of `spill` to `near` if it comes first of all.
    fn unspill(&mut self) {
        let Some(&Reverse(first)) = self.spill.peek() else {
            return;
        };
        if self.near.last().is_none_or(|nearest| first < *nearest) {
            self.spill.pop();
            self.near.push(first);
        }
    }

    /// Makes a slot, whose time is not before `base`, the first of its bucket, and gives the one that
    /// was first before: the caller stores it as the next.
    #[expect(clippy::inline_always, reason = "as for `place`")]
    #[inline(always)]
    fn hang(&mut self, slot: u32, at: u64) -> u32 {
        // The added bit puts what differs in less than a finest bucket on level 0.
        let differs = (at ^ self.base) | (1 << FINEST_BITS);
        let level = (63 - FINEST_BITS - differs.leading_zeros()) / LEVEL_BITS;
        let shift = FINEST_BITS + level * LEVEL_BITS;
        let number = at >> shift;
        let bucket = number as usize % BUCKETS;
        let level = level as usize;
        self.occupied[level] |= 1 << bucket;
        self.levels |= 1 << level;
        self.earliest = self.earliest.min(number << shift);
        core::mem::replace(&mut self.buckets[level][bucket], slot)
    }

    /// Empties the earliest bucket into `near`, or into the next finer levels.
    fn open_earliest(&mut self) {
        debug_assert!(self.levels != 0, "there is an occupied bucket");
        debug_assert!(self.earliest >= self.base, "buckets are opened in order");
        let level = self.levels.trailing_zeros() as usize;
        let bucket = self.occupied[level].trailing_zeros() as usize % BUCKETS;
        let first = core::mem::replace(&mut self.buckets[level][bucket], END);
        self.occupied[level] &= self.occupied[level] - 1;
        if self.occupied[level] == 0 {
            self.levels &= self.levels - 1;
        }
        self.base = self.earliest;
        // On level 0 there is nothing finer: later arrivals of this bucket join `near` directly.
        self.floor = if level == 0 {
            self.base.saturating_add(1 << FINEST_BITS)
        } else {
            self.base
        };
        if level == 0 || self.is_short(first) {
            self.sort_in(first);
        } else {
            self.spread(first);
        }
        self.earliest = self.start_of_earliest();
    }

    fn is_short(&self, mut slot: u32) -> bool {
        for _ in 0..FEW {
            if slot == END {
                return true;
            }
            slot = self.slots[slot as usize].next;
        }
        slot == END
    }

    /// Moves a chain of slots into `near`.
    fn sort_in(&mut self, mut slot: u32) {
        let before = self.near.len();
        while slot != END {
            let Slot { at, id, next, .. } = self.slots[slot as usize];
            if id == DEAD {
                self.bury(slot);
            } else {
                self.near.push(key(at, id));
                if self.near.len() - before <= FEW {
                    sink_last(&mut self.near);
                }
            }
            slot = next;
        }
        if self.near.len() - before > FEW {
            self.near.sort_unstable_by_key(|key| Reverse(*key));
        }
    }

    /// Hangs a chain of slots into finer buckets.
    fn spread(&mut self, mut slot: u32) {
        while slot != END {
            let Slot { at, id, next, .. } = self.slots[slot as usize];
            if id == DEAD {
                self.bury(slot);
            } else {
                self.slots[slot as usize].next = self.hang(slot, at);
            }
            slot = next;
        }
    }

    #[inline]
    fn start_of_earliest(&self) -> u64 {
        if self.levels == 0 {
            return u64::MAX;
        }
        let level = self.levels.trailing_zeros();
        let bucket = u64::from(self.occupied[level as usize].trailing_zeros());
        let shift = FINEST_BITS + level * LEVEL_BITS;
        let within_level = (BUCKETS as u64 - 1) << shift | ((1 << shift) - 1);
        (self.base & !within_level) | bucket << shift
    }

    /// Begins again at `now` if a look far ahead has put `base` there, so that much of what comes
    /// before it would have to be kept sorted.
    #[cold]
    fn rewind(&mut self, now: u64) {
        // The first condition makes it worth the while, the second pays for it.
        if self.floor - now > 2 << FINEST_BITS && self.spill.len() > self.slots.len() / 8 {
            self.rebuild(now);
        }
    }

    /// Hangs every entry anew, and frees the slots of cancelled ones.
    #[cold]
    fn rebuild(&mut self, now: u64) {
        self.near.clear();
        self.spill.clear();
        self.buckets = [[END; BUCKETS]; LEVELS];
        self.occupied = [0; LEVELS];
        self.levels = 0;
        self.free = END;
        self.cancelled = 0;
        // `base` is always the start of a finest bucket.
        self.base = now >> FINEST_BITS << FINEST_BITS;
        self.floor = self.base;
        self.earliest = u64::MAX;
        for slot in (0..self.slots.len() as u32).rev() {
            let Slot { at, id, .. } = self.slots[slot as usize];
            if id == DEAD {
                self.release(slot);
            } else {
                self.slots[slot as usize].next = self.hang(slot, at);
            }
        }
    }
}

/// Moves the last key of an otherwise sorted list to its place.
#[inline]
fn sink_last(keys: &mut [u128]) {
    let Some(last) = keys.len().checked_sub(1) else {
        return;
    };
    let new = keys[last];
    let mut place = last;
    while place > 0 && keys[place - 1] < new {
        keys[place] = keys[place - 1];
        place -= 1;
    }
    keys[place] = new;
}
