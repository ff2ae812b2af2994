//! A process with one thread and a queue in front of it: first come, first served.
//!
//! It knows neither what the work is nor the clock: it is told when something arrives, how long what begins
//! will take, and when that is over. So a queued piece of work costs its owner one event.

use std::collections::VecDeque;

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::Histogram;

/// A second, over which utilisation is measured.
const WINDOW: SimDuration = SimDuration::from_secs(1);

/// A process, with work of type `W` waiting for it.
#[derive(Clone, Debug)]
pub struct Process<W> {
    waiting: VecDeque<(SimTime, W)>,
    /// What it works on: begun, and to be over.
    current: Option<(SimTime, SimTime)>,
    /// Until when it is busy with what came to it beside the queue, after what it works on.
    beside_until: SimTime,
    /// Since when it stands still.
    frozen: Option<SimTime>,
    load: Load,
}

/// How busy a process was.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Load {
    /// How long each piece of work waited before it began; those that did not wait count as zero.
    pub waits: Histogram,
    /// The largest share of one second of the run in which it worked, in 0..=1.
    pub utilisation_max: f64,
    /// Most pieces of work that waited at one moment.
    pub queue_max: usize,
    window: u64,
    busy: SimDuration,
}

impl<W> Default for Process<W> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            current: None,
            beside_until: SimTime::ZERO,
            frozen: None,
            load: Load::default(),
        }
    }
}

impl<W> Process<W> {
    /// Work arrives. It comes back if it begins at once; [`Process::begin`] must follow.
    pub fn offer(&mut self, now: SimTime, work: W) -> Option<W> {
        if self.current.is_none() && self.frozen.is_none() {
            debug_assert!(self.waiting.is_empty(), "an idle process has no queue");
            self.load.waits.record(SimDuration::ZERO);
            return Some(work);
        }
        self.waiting.push_back((now, work));
        self.load.queue_max = self.load.queue_max.max(self.waiting.len());
        None
    }

    /// It begins to work, for so long. Returns when that will be over.
    pub fn begin(&mut self, now: SimTime, service: SimDuration) -> SimTime {
        debug_assert!(self.current.is_none(), "one thread");
        let begun = now.max(self.beside_until);
        let over = begun + service;
        self.current = Some((begun, over));
        over
    }

    /// What it worked on is over. Returns the work that begins now, if any waits.
    pub fn complete(&mut self, now: SimTime) -> Option<W> {
        if let Some((begun, _)) = self.current.take() {
            self.load.worked(begun, now);
            self.load.worked(now, self.beside_until);
        }
        let (arrived, work) = self.waiting.pop_front()?;
        self.load.waits.record(now.saturating_since(arrived));
        Some(work)
    }

    /// It has something to do beside its queue: after what it works on, before all that waits.
    pub fn owe(&mut self, now: SimTime, work: SimDuration) {
        if let Some((_, over)) = self.current {
            self.beside_until = self.beside_until.max(over) + work;
        } else {
            let begun = self.beside_until.max(now);
            self.beside_until = begun + work;
            self.load.worked(begun, self.beside_until);
        }
    }

    /// Whether it works on something.
    pub fn is_busy(&self) -> bool {
        self.current.is_some()
    }

    /// How much waits.
    pub fn queue(&self) -> usize {
        self.waiting.len()
    }

    /// It stands still from now on, and keeps its queue.
    pub fn freeze(&mut self, now: SimTime) {
        self.frozen.get_or_insert(now);
    }

    /// It goes on where it stood. Returns when the work in hand will be over; without any, what waits
    /// may begin, as after [`Process::complete`].
    pub fn thaw(&mut self, now: SimTime) -> Option<SimTime> {
        let since = self.frozen.take()?;
        let beside = self.beside_until.saturating_since(since);
        if beside > SimDuration::ZERO {
            self.beside_until = now + beside;
        }
        let (begun, over) = self.current.as_mut()?;
        // What was done before the stop is done.
        self.load.worked(*begun, since);
        *over = now + over.saturating_since(since);
        *begun = now;
        Some(*over)
    }

    /// It dies, and its queue with it.
    pub fn kill(&mut self, now: SimTime) -> impl Iterator<Item = W> + use<'_, W> {
        let end = self.frozen.take().unwrap_or(now);
        if let Some((begun, _)) = self.current.take() {
            self.load.worked(begun, end);
        }
        self.beside_until = SimTime::ZERO;
        self.waiting.drain(..).map(|(_, work)| work)
    }

    /// How busy it was so far.
    pub fn load(&self) -> &Load {
        &self.load
    }
}

impl Load {
    /// It worked from one moment to another; such times come in order and do not overlap.
    fn worked(&mut self, from: SimTime, to: SimTime) {
        let (mut from, to, length) = (from.as_nanos(), to.as_nanos(), WINDOW.as_nanos());
        while from < to {
            let window = from / length;
            if window != self.window {
                (self.window, self.busy) = (window, SimDuration::ZERO);
            }
            let end = to.min((window + 1) * length);
            self.busy += SimDuration::from_nanos(end - from);
            let share = self.busy.as_nanos() as f64 / length as f64;
            self.utilisation_max = self.utilisation_max.max(share);
            from = end;
        }
    }
}
