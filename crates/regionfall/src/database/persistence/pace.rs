//! How long a disk takes for an fsync, and what holds it up.

use regionfall_kernel::{Address, Addressed, Sampler, SimDuration, SimTime};

/// How fast the disk of one copy is. The n-th fsync takes the same time whatever happened before it.
#[derive(Clone, Debug)]
pub struct Pace {
    sampler: Sampler,
    draws: Addressed,
    who: u32,
    /// Faults that keep the disk from finishing anything.
    stalls: u32,
    /// Since when, and for how long in all before that.
    stalled_since: SimTime,
    stalled: SimDuration,
    /// What a fault makes of each duration: so many times as long.
    slowness: f64,
}

/// Work that the disk is at: it ends at a known time unless the disk stands still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    /// When it ends; [`SimTime::NEVER`] while the disk stands still.
    pub ends: SimTime,
    /// What is left of it once the disk goes on; counts only while it stands still.
    left: SimDuration,
}

impl Pace {
    /// The pace of a disk whose owner has this number, with draws that all disks share.
    pub const fn new(sampler: Sampler, draws: Addressed, who: u32) -> Self {
        Self {
            sampler,
            draws,
            who,
            stalls: 0,
            stalled_since: SimTime::NEVER,
            stalled: SimDuration::ZERO,
            slowness: 1.0,
        }
    }

    /// How long the `number`-th fsync takes.
    pub fn fsync(&self, number: u32) -> SimDuration {
        let bits = self.draws.bits(Address::new(self.who, number, 0, 0));
        self.slowed(self.sampler.sample(bits))
    }

    /// A duration as a slow disk has it.
    pub fn slowed(&self, span: SimDuration) -> SimDuration {
        if self.slowness > 1.0 {
            SimDuration::from_nanos_f64(span.as_nanos() as f64 * self.slowness)
        } else {
            span
        }
    }

    /// Work that begins now.
    pub fn begin(&self, now: SimTime, span: SimDuration) -> Work {
        let ends = if self.is_stalled() {
            SimTime::NEVER
        } else {
            now + span
        };
        Work { ends, left: span }
    }

    /// Whether nothing is finished at present.
    pub const fn is_stalled(&self) -> bool {
        self.stalls > 0
    }

    /// A fault begins to keep the disk from finishing anything. Whether it went on until now.
    pub fn stall(&mut self, now: SimTime) -> bool {
        self.stalls += 1;
        if self.stalls == 1 {
            self.stalled_since = now;
        }
        self.stalls == 1
    }

    /// A fault of that kind ends. Whether the disk goes on.
    pub fn unstall(&mut self, now: SimTime) -> bool {
        if self.stalls == 0 {
            return false;
        }
        self.stalls -= 1;
        if self.stalls == 0 {
            self.stalled = self.stalled(now);
            self.stalled_since = SimTime::NEVER;
        }
        self.stalls == 0
    }

    /// For how long it stood still so far.
    pub fn stalled(&self, now: SimTime) -> SimDuration {
        self.stalled + now.saturating_since(self.stalled_since)
    }

    /// So many times as long as usual fsyncs take that begin now.
    pub const fn slowness(&self) -> f64 {
        self.slowness
    }

    /// From now on fsyncs that begin take so many times as long; 1 is as usual.
    pub const fn slow(&mut self, factor: f64) {
        self.slowness = factor;
    }
}

impl Work {
    /// The disk stands still.
    pub fn halt(&mut self, now: SimTime) {
        self.left = self.ends.saturating_since(now);
        self.ends = SimTime::NEVER;
    }

    /// It goes on.
    pub fn resume(&mut self, now: SimTime) {
        self.ends = now + self.left;
    }
}
