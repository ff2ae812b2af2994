//! Snapshots: a copy of the whole state, taken from time to time, which replaces the one before it once it is complete.
//!
//! A rule holds if so much has changed since the last snapshot began and more than so many whole seconds
//! have passed since it ended; the periodic task looks ten times a second (Redis docs, redis.conf, `save`; `serverCron`,
//! `backgroundSaveDoneHandler` in `src/server.c`, `src/rdb.c`). The copy is the state at the fork. What was not complete when the
//! process died is no snapshot: the child ends with its parent.

use regionfall_crdt::Replica;
use regionfall_kernel::{SimDuration, SimTime};

use super::config::{PersistenceConfig, SaveRule, fork_time, time_at_rate};
use super::pace::{Pace, Work};
use super::rhythm::Rhythm;

/// See the module.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    rules: Vec<SaveRule>,
    rate: u64,
    fork_per_gib: SimDuration,
    rhythm: Rhythm,
    pace: Pace,
    /// The last complete one.
    complete: Replica,
    /// When that was begun; the start of the run before any.
    taken: SimTime,
    /// The one that is being written, and when it was begun.
    writing: Option<Writing>,
    /// How many have begun.
    begun: u32,
    /// Changes since the last one began.
    changes: u64,
    /// Until when the process stands still for a fork.
    forks_until: SimTime,
    /// The whole second in which the last one ended, or the process started.
    saved_in: u64,
}

#[derive(Clone, Debug)]
struct Writing {
    state: Box<Replica>,
    taken: SimTime,
    changes: u64,
    work: Work,
}

impl SnapshotFile {
    /// The file of a process that runs, with what it holds.
    pub fn new(config: &PersistenceConfig, base: Replica, rhythm: Rhythm, pace: Pace) -> Self {
        Self {
            rules: config.save.clone(),
            rate: config.snapshot_rate,
            fork_per_gib: config.fork_per_gib,
            rhythm,
            pace,
            complete: base,
            taken: SimTime::ZERO,
            writing: None,
            begun: 0,
            changes: 0,
            forks_until: SimTime::ZERO,
            saved_in: rhythm.second(SimTime::ZERO),
        }
    }

    /// The last complete snapshot.
    pub const fn complete(&self) -> &Replica {
        &self.complete
    }

    /// When the last complete snapshot was taken.
    pub const fn taken(&self) -> SimTime {
        self.taken
    }

    /// How many have begun.
    pub const fn begun(&self) -> u32 {
        self.begun
    }

    /// The process executed so many changes.
    pub const fn note_changes(&mut self, count: u64) {
        self.changes += count;
    }

    /// When a snapshot is due, from `now` on; [`SimTime::NEVER`] if no rule holds by itself, or one is under way.
    pub fn due(&self, now: SimTime) -> SimTime {
        if self.writing.is_some() {
            return SimTime::NEVER;
        }
        let ripe = self
            .rules
            .iter()
            .filter(|rule| self.changes >= rule.changes);
        // More than so many whole seconds: the one after them.
        let moments = ripe.map(|rule| {
            let second = (self.saved_in + 1).saturating_add(rule.seconds);
            self.rhythm.second_begins(second)
        });
        moments.min().map_or(SimTime::NEVER, |moment| {
            self.rhythm.tick_from(moment.max(now))
        })
    }

    /// Begins a snapshot of a state. The process stands still for the fork.
    pub fn begin(&mut self, now: SimTime, state: &Replica) {
        let bytes = state.bytes();
        let fork = fork_time(self.fork_per_gib, bytes);
        let write = self.pace.slowed(time_at_rate(bytes, self.rate));
        let span = fork + write + self.pace.fsync(self.begun);
        self.begun += 1;
        self.writing = Some(Writing {
            state: Box::new(state.clone()),
            taken: now,
            changes: self.changes,
            work: self.pace.begin(now, span),
        });
        self.forks_until = now + fork;
    }

    /// Until when the process stands still for a fork; the past if it does not.
    pub const fn serves_from(&self) -> SimTime {
        self.forks_until
    }

    /// When the one under way ends; [`SimTime::NEVER`] if none is, or the disk stands still.
    pub fn ends(&self) -> SimTime {
        self.writing
            .as_ref()
            .map_or(SimTime::NEVER, |writing| writing.work.ends)
    }

    /// Takes note of its end, if that has come. Whether it has.
    pub fn finish(&mut self, now: SimTime) -> bool {
        let Some(writing) = self.writing.take_if(|writing| writing.work.ends <= now) else {
            return false;
        };
        self.saved_in = self.rhythm.second(writing.work.ends);
        self.complete = *writing.state;
        self.taken = writing.taken;
        self.changes -= writing.changes;
        true
    }

    /// The process dies, by itself or with its machine.
    pub fn process_dies(&mut self, now: SimTime) {
        self.finish(now);
        self.writing = None;
        self.changes = 0;
    }

    /// A process starts.
    pub fn process_starts(&mut self, now: SimTime) {
        self.saved_in = self.rhythm.second(now);
    }

    /// The disk is gone; what is being written goes with it.
    pub fn disk_goes(&mut self, now: SimTime, empty: Replica) {
        self.writing = None;
        self.complete = empty;
        self.taken = now;
    }

    /// The disk stops finishing anything.
    pub fn stall(&mut self, now: SimTime) {
        self.finish(now);
        if self.pace.stall(now)
            && let Some(writing) = &mut self.writing
        {
            writing.work.halt(now);
        }
    }

    /// It goes on.
    pub fn unstall(&mut self, now: SimTime) {
        if self.pace.unstall(now)
            && let Some(writing) = &mut self.writing
        {
            writing.work.resume(now);
        }
    }

    /// What begins from now on takes so many times as long; 1 is as usual.
    pub const fn slow(&mut self, factor: f64) {
        self.pace.slow(factor);
    }
}
