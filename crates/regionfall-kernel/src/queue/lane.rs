//! Lanes: first-in-first-out lines of which only the head competes in the queue.
//!
//! A link between two regions carries hundreds of messages at once, in order. With a lane the queue
//! holds one of them, and a cut of the link takes one entry back rather than searching for all. The head
//! itself lives with the pending events; here is what waits behind it.

use super::pending::DEAD;
use std::collections::VecDeque;

/// A lane of an event queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneId(u32);

impl LaneId {
    /// The number of the lane, for dense side tables; numbers of closed lanes are used again.
    #[inline]
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// One lane.
#[derive(Clone, Debug)]
pub(super) struct Lane<E> {
    /// The identifier of the head among the pending events, [`DEAD`] if the lane is empty.
    pub(super) head: u64,
    /// No event may be pushed before this moment, in nanoseconds.
    pub(super) last: u64,
    /// What follows the head, in order.
    pub(super) waiting: VecDeque<Waiting<E>>,
    is_open: bool,
}

/// An event that waits behind the head of its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<E> {
    pub(super) at: u64,
    pub(super) tie: u64,
    pub(super) event: E,
}

/// All lanes of a queue.
#[derive(Clone, Debug)]
pub(super) struct Lanes<E> {
    lanes: Vec<Lane<E>>,
    closed: Vec<u32>,
}

impl<E> Lanes<E> {
    pub(super) const fn new() -> Self {
        Self {
            lanes: Vec::new(),
            closed: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, now: u64) -> LaneId {
        if let Some(index) = self.closed.pop() {
            let lane = &mut self.lanes[index as usize];
            debug_assert!(lane.waiting.is_empty(), "a closed lane is empty");
            lane.is_open = true;
            lane.last = now;
            return LaneId(index);
        }
        let index = self.lanes.len() as u32;
        assert!(index < super::NO_LANE, "a queue has at most 2^32 - 1 lanes");
        self.lanes.push(Lane {
            head: DEAD,
            last: now,
            waiting: VecDeque::new(),
            is_open: true,
        });
        LaneId(index)
    }

    /// Closes a lane that was emptied before.
    pub(super) fn close(&mut self, lane: LaneId) {
        let queued = self.get_mut(lane);
        debug_assert!(
            queued.waiting.is_empty(),
            "a lane is drained before it is closed"
        );
        queued.is_open = false;
        self.closed.push(lane.0);
    }

    /// The lane of a pending head: it is open, for closing it would have drained it.
    #[inline]
    pub(super) fn of_head(&mut self, index: u32) -> &mut Lane<E> {
        let queued = &mut self.lanes[index as usize];
        debug_assert!(queued.is_open, "a closed lane has no head");
        queued
    }

    #[inline]
    pub(super) fn get(&self, lane: LaneId) -> &Lane<E> {
        let queued = &self.lanes[lane.0 as usize];
        assert!(queued.is_open, "the lane is closed");
        queued
    }

    #[inline]
    pub(super) fn get_mut(&mut self, lane: LaneId) -> &mut Lane<E> {
        let queued = &mut self.lanes[lane.0 as usize];
        assert!(queued.is_open, "the lane is closed");
        queued
    }
}
