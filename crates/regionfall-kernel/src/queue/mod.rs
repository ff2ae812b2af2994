//! The event queue: what happens next.
//!
//! Events are small `Copy` values. They enter in three ways: plainly ([`EventQueue::schedule`]), as a
//! timer that can be cancelled ([`EventQueue::arm`]), or through a *lane* ([`EventQueue::push_lane`]), a
//! first-in-first-out line such as a connection, of which only the head competes in the queue. What an
//! event means is not known here.
//!
//! The parts: `pending` holds what competes, `lane` what waits behind a head, `tie` says in which
//! order equal times leave. Why it is built like this, with figures: `benches/README.md`.

mod lane;
mod pending;
mod tie;

pub use lane::LaneId;
pub use tie::TieBreak;

use crate::time::SimTime;
use lane::{Lanes, Waiting};
use pending::{NO_LANE, Pending};
use tie::Ties;

/// The moment after which nothing leaves the queue; an event at [`SimTime::NEVER`] stays.
const LAST: u64 = SimTime::NEVER.as_nanos() - 1;

/// A timer that was armed and can be cancelled. It names one arming: once that has fired or was
/// cancelled, the identifier is stale, and cancelling it again does nothing. It says nothing about the
/// run (looking at the queue may change which identifiers it gives out), so it has no place in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId(u64);

impl TimerId {
    /// No timer. Cancelling it does nothing.
    pub const NONE: Self = Self(pending::DEAD);
}

/// A queue of events in the order of their times, with timers and lanes.
///
/// A clone is a snapshot: it goes on exactly as the original does. All operations take constant
/// amortized time, except for events that crowd into one instant, which cost a logarithm.
///
/// ```
/// use regionfall_kernel::{EventQueue, SimTime, TieBreak};
///
/// let mut queue = EventQueue::new(TieBreak::InsertionOrder);
/// queue.schedule(SimTime::from_nanos(20), "second");
/// let timeout = queue.arm(SimTime::from_nanos(30), "timeout");
/// let connection = queue.open_lane();
/// queue.push_lane(connection, SimTime::from_nanos(10), "first");
/// assert!(queue.cancel(timeout));
///
/// let mut seen = Vec::new();
/// while let Some((_, event)) = queue.pop_until(SimTime::from_nanos(100)) {
///     seen.push(event);
/// }
/// assert_eq!(seen, ["first", "second"]);
/// ```
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    pending: Pending<E>,
    lanes: Lanes<E>,
    ties: Ties,
    now: u64,
    popped: u64,
    len: usize,
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue at the beginning of time. It allocates when the first event comes.
    pub fn new(ties: TieBreak) -> Self {
        Self {
            pending: Pending::new(),
            lanes: Lanes::new(),
            ties: Ties::new(ties),
            now: 0,
            popped: 0,
            len: 0,
        }
    }

    /// Adds an event that cannot be cancelled.
    ///
    /// One at [`SimTime::NEVER`] is kept, and counted, but never leaves.
    ///
    /// # Panics
    ///
    /// If `at` lies before [`EventQueue::now`]: the past is over.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, event: E) {
        self.arm(at, event);
    }

    /// Adds an event that can be cancelled.
    ///
    /// # Panics
    ///
    /// If `at` lies before [`EventQueue::now`].
    #[inline]
    pub fn arm(&mut self, at: SimTime, event: E) -> TimerId {
        let at = at.as_nanos();
        assert!(at >= self.now, "an event cannot be scheduled in the past");
        let tie = self.ties.next();
        self.len += 1;
        TimerId(self.pending.insert(at, tie, NO_LANE, event, self.now))
    }

    /// Takes back what [`EventQueue::arm`] added. False if it has fired or was cancelled before.
    ///
    /// Constant time: the entry is marked, and dropped when it surfaces or when marked entries outnumber
    /// the others.
    #[inline]
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        let was_pending = self.pending.cancel(timer.0, self.now);
        self.len -= usize::from(was_pending);
        was_pending
    }

    /// Opens an empty lane. Identifiers of closed lanes are used again, the last closed first.
    pub fn open_lane(&mut self) -> LaneId {
        self.lanes.open(self.now)
    }

    /// Closes a lane and drops what is in it.
    ///
    /// # Panics
    ///
    /// If the lane is not open. (So do the other methods that take a lane.)
    pub fn close_lane(&mut self, lane: LaneId) {
        self.drain_lane(lane);
        self.lanes.close(lane);
    }

    /// Adds an event at the end of a lane. Events of one lane leave in the order in which they were
    /// pushed, under both kinds of tie-breaking.
    ///
    /// # Panics
    ///
    /// If `at` lies before [`EventQueue::lane_last_time`]: a lane does not reorder.
    #[inline]
    pub fn push_lane(&mut self, lane: LaneId, at: SimTime, event: E) {
        assert!(at >= self.lane_last_time(lane), "a lane does not reorder");
        self.push_lane_no_earlier(lane, at, event);
    }

    /// Adds an event at the end of a lane, at `at` or as soon after it as the order of the lane allows.
    ///
    /// # Panics
    ///
    /// If that lies before [`EventQueue::now`].
    #[expect(
        clippy::inline_always,
        reason = "every message goes through here, from one place"
    )]
    #[inline(always)]
    pub fn push_lane_no_earlier(&mut self, lane: LaneId, at: SimTime, event: E) {
        let tie = self.ties.next();
        self.len += 1;
        let queued = self.lanes.get_mut(lane);
        let at = at.as_nanos().max(queued.last);
        assert!(at >= self.now, "an event cannot be scheduled in the past");
        queued.last = at;
        if queued.head == pending::DEAD {
            queued.head = self.pending.insert(at, tie, lane.index(), event, self.now);
        } else {
            queued.waiting.push_back(Waiting { at, tie, event });
        }
    }

    /// How many events are in a lane.
    pub fn lane_len(&self, lane: LaneId) -> usize {
        let queued = self.lanes.get(lane);
        queued.waiting.len() + usize::from(queued.head != pending::DEAD)
    }

    /// The earliest moment at which the next event may be pushed: that of the event last pushed, or that
    /// at which the lane was opened or drained, if it is later.
    pub fn lane_last_time(&self, lane: LaneId) -> SimTime {
        SimTime::from_nanos(self.lanes.get(lane).last)
    }

    /// Takes everything out of a lane at once, for instance because its path was cut. The lane stays open,
    /// and may be used again from now on.
    pub fn drain_lane(&mut self, lane: LaneId) -> Vec<(SimTime, E)> {
        let now = self.now;
        let queued = self.lanes.get_mut(lane);
        queued.last = now;
        if queued.head == pending::DEAD {
            return Vec::new();
        }
        let mut drained = Vec::with_capacity(1 + queued.waiting.len());
        drained.push(self.pending.peek(queued.head));
        self.pending.cancel(queued.head, now);
        queued.head = pending::DEAD;
        drained.extend(
            queued
                .waiting
                .drain(..)
                .map(|entry| (SimTime::from_nanos(entry.at), entry.event)),
        );
        self.len -= drained.len();
        drained
    }

    /// The time of the next event; [`SimTime::NEVER`] if none will come.
    ///
    /// Takes `&mut self` to drop cancelled entries and to sort what comes next.
    #[inline]
    pub fn next_time(&mut self) -> SimTime {
        let found = self.pending.front(LAST);
        found.map_or(SimTime::NEVER, |(at, _)| SimTime::from_nanos(at))
    }

    /// Takes the next event, if its time is `limit` or earlier, and sets the clock to its time.
    #[expect(
        clippy::inline_always,
        reason = "the head of every event loop: the event is looked at where it lies"
    )]
    #[inline(always)]
    pub fn pop_until(&mut self, limit: SimTime) -> Option<(SimTime, E)> {
        let (at, slot) = self.pending.front(limit.as_nanos().min(LAST))?;
        let event = self.pending.take_front(slot, &mut self.lanes);
        debug_assert!(at >= self.now, "time does not run backwards");
        self.now = at;
        self.popped += 1;
        self.len -= 1;
        Some((SimTime::from_nanos(at), event))
    }

    /// The time of the event that left last, or to which the clock was set.
    #[inline]
    pub fn now(&self) -> SimTime {
        SimTime::from_nanos(self.now)
    }

    /// Sets the clock forward over a span in which nothing happens.
    ///
    /// # Panics
    ///
    /// If `at` lies in the past, or an event comes before it.
    pub fn advance_to(&mut self, at: SimTime) {
        assert!(at >= self.now(), "the clock does not run backwards");
        assert!(
            at == SimTime::ZERO || self.pending.front(at.as_nanos() - 1).is_none(),
            "an event comes first"
        );
        self.now = at.as_nanos();
    }

    /// How many events wait, those behind the heads of lanes included.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no event waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many events have left the queue since it was made.
    #[inline]
    pub fn popped(&self) -> u64 {
        self.popped
    }
}
