//! The append-only file: what of it is in the process's buffer, in the kernel's page cache, on the disk.
//!
//! Three positions of the log say all: *appended* (executed), *written* (given to the kernel, safe from
//! the process's death) and *durable* (safe from the machine's). When they move is the whole machine:
//!
//! - **always**: at the end of a turn of the event loop all that was executed in it is written and forced
//!   by one fsync, in the thread that serves; what comes meanwhile makes the next turn.
//! - **every second**: each turn writes; the first turn in a new whole second starts an fsync in a thread
//!   of its own. A turn comes with a command or with the periodic task. If an fsync is still under way,
//!   writing is put off; after 2 whole seconds the process writes all the same, and stands still in it until
//!   the fsync ends.
//! - **no fsync**: each turn writes; the kernel's flusher writes back what has been dirty for 30 s.
//!
//! Sources: `flushAppendOnlyFile` and `serverCron` in Redis 7.0 (`src/aof.c`, `src/server.c`; later versions count 1000 ms from
//! the last fsync instead of whole seconds); Linux `Documentation/admin-guide/sysctl/vm.rst`. Nothing here
//! is an event: positions are worked out when somebody asks, by [`AppendFile::advance`].

use regionfall_crdt::Replica;
use regionfall_kernel::{SimDuration, SimTime};

use super::config::{PersistenceConfig, PersistenceMode};
use super::log::{Change, Log};
use super::pace::{Pace, Work};
use super::rewriting::Rewriting;
use super::rhythm::{DIRTY_EXPIRES, Rhythm};
use crate::database::Journal;

/// Whole seconds for which a write is put off while an fsync is under way (Redis `flushAppendOnlyFile`).
const PUT_OFF: u64 = 2;

/// See the module.
#[derive(Clone, Debug)]
pub struct AppendFile {
    mode: PersistenceMode,
    rhythm: Rhythm,
    pace: Pace,
    log: Log,
    written: u64,
    durable: u64,
    /// What the last fsync begun covers.
    covered: u64,
    /// The fsync, or the kernel's writing back, that is under way.
    flight: Option<Work>,
    /// How many fsyncs have begun, and the longest of them, standing still not counted.
    begun: u32,
    longest: SimDuration,
    /// The whole second of the last fsync, for once a second.
    fsynced_in: u64,
    /// The whole second since which writing is put off.
    put_off: Option<u64>,
    /// Since when the process stands still in a write.
    blocked: Option<SimTime>,
    /// Since when the page cache holds what the disk does not.
    dirty: Option<SimTime>,
    is_running: bool,
    /// The disk went under a running process: what it writes goes nowhere.
    is_lost: bool,
    rewriting: Option<Box<Rewriting>>,
    /// So many times as long as usual everything takes because of a fault.
    slowness: f64,
    /// When a position moves next if nobody does anything.
    next: SimTime,
}

impl AppendFile {
    /// The file of a process that runs, with what it holds.
    pub fn new(config: &PersistenceConfig, base: Replica, rhythm: Rhythm, pace: Pace) -> Self {
        let rewriting = config
            .rewrite
            .map(|rewrite| Box::new(Rewriting::new(rewrite)));
        let slowness = pace.slowness();
        Self {
            mode: config.mode,
            rhythm,
            pace,
            log: Log::new(base),
            written: 0,
            durable: 0,
            covered: 0,
            flight: None,
            begun: 0,
            longest: SimDuration::ZERO,
            fsynced_in: rhythm.second(SimTime::ZERO),
            put_off: None,
            blocked: None,
            dirty: None,
            is_running: true,
            is_lost: false,
            rewriting,
            slowness,
            next: SimTime::NEVER,
        }
    }

    /// What it holds.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The same, to drop tombstones in it.
    pub const fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Up to which position the kernel has it, as of the last [`AppendFile::advance`].
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Up to which position the disk has it, as of the last [`AppendFile::advance`].
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// Since when the process stands still in a write, if it does.
    pub const fn blocked(&self) -> Option<SimTime> {
        self.blocked
    }

    /// When a position moves next if nobody does anything; [`SimTime::NEVER`] if none will.
    pub const fn next(&self) -> SimTime {
        self.next
    }

    /// The longest fsync so far, standing still not counted; and for how long the disk stood still.
    pub fn times(&self, now: SimTime) -> (SimDuration, SimDuration) {
        (self.longest, self.pace.stalled(now))
    }

    /// The process executed a change.
    pub fn append(&mut self, now: SimTime, change: Change) {
        self.advance(now);
        if self.is_lost {
            return;
        }
        debug_assert!(self.is_running, "a stopped process executes nothing");
        self.log.push(change);
        self.turn(now);
        self.next = self.plan(now);
    }

    /// Lets everything up to a moment happen.
    pub fn advance(&mut self, now: SimTime) {
        while self.next <= now {
            let at = self.next;
            match self.flight {
                Some(flight) if flight.ends <= at => self.land(at),
                _ => self.turn(at),
            }
            self.next = self.plan(at);
        }
    }

    /// The earliest moment at which a position can be durable, as far as one can tell now: a reply that
    /// waits for it is due then, and asks again. The past if it is; [`SimTime::NEVER`] while the disk stands still.
    pub fn durable_by(&self, position: u64) -> SimTime {
        let needs_no_fsync = self.mode == PersistenceMode::AofAlways && self.leaves_fsyncs_out();
        if position <= self.durable || needs_no_fsync && position <= self.written {
            return SimTime::ZERO;
        }
        match (self.mode, self.flight) {
            (PersistenceMode::AofAlways, Some(flight)) if position > self.covered => {
                flight.ends + self.pace.fsync(self.begun)
            }
            (_, Some(flight)) => flight.ends,
            (_, None) => self.next,
        }
    }

    /// What must be durable before the answer to a command leaves that was executed just now: what it wrote, if
    /// acknowledgements wait for that; else what the serving thread is at, since it reads nothing before. 0 if it is
    /// at nothing.
    pub fn answer_waits_for(&self, wrote: bool) -> u64 {
        if wrote && self.present_mode() == PersistenceMode::AofAlways {
            self.log.appended()
        } else if self.serves_from() > SimTime::ZERO {
            self.covered
        } else {
            0
        }
    }

    /// Until when the serving thread is in an fsync, or stands still in a write, and answers nobody; the past if it
    /// is in neither.
    pub fn serves_from(&self) -> SimTime {
        match self.flight {
            Some(flight)
                if self.present_mode() == PersistenceMode::AofAlways || self.blocked.is_some() =>
            {
                flight.ends
            }
            _ => SimTime::ZERO,
        }
    }

    /// When the process will stand still in a write, if nothing changes; [`SimTime::NEVER`] if it will not.
    pub fn blocks_at(&self) -> SimTime {
        let Some((flight, since)) = self.flight.zip(self.put_off) else {
            return SimTime::NEVER;
        };
        let at = self
            .rhythm
            .tick_from(self.rhythm.second_begins(since + PUT_OFF));
        if self.blocked.is_none() && at < flight.ends {
            at
        } else {
            SimTime::NEVER
        }
    }

    /// A turn of the event loop ends, or the kernel's flusher wakes.
    fn turn(&mut self, now: SimTime) {
        match self.present_mode() {
            _ if !self.is_running => self.write_back(now),
            PersistenceMode::AofAlways => {
                if self.flight.is_none() {
                    self.write(now);
                    self.fsync(now);
                }
            }
            PersistenceMode::AofEverySecond => self.turn_of_a_second(now),
            _ => {
                let is_new = self.log.appended() > self.written;
                self.write(now);
                if !is_new {
                    self.write_back(now);
                }
            }
        }
    }

    fn turn_of_a_second(&mut self, now: SimTime) {
        let second = self.rhythm.second(now);
        let has_news = self.log.appended() > self.written;
        if has_news && self.flight.is_some() {
            let since = *self.put_off.get_or_insert(second);
            if second - since >= PUT_OFF {
                self.blocked.get_or_insert(now);
            }
            return;
        }
        if has_news {
            self.write(now);
        }
        self.fsync_if_second_changed(now);
    }

    fn fsync_if_second_changed(&mut self, now: SimTime) {
        let second = self.rhythm.second(now);
        if second <= self.fsynced_in {
            return;
        }
        if self.flight.is_none() && self.covered < self.written {
            self.fsync(now);
            self.fsynced_in = second;
        }
    }

    /// The process hands its buffer to the kernel.
    fn write(&mut self, now: SimTime) {
        self.put_off = None;
        if self.written < self.log.appended() {
            self.written = self.log.appended();
            self.dirty.get_or_insert(now);
        }
    }

    /// What the kernel has begins to be forced onto the disk.
    fn fsync(&mut self, now: SimTime) {
        let span = self.pace.fsync(self.begun);
        self.begun += 1;
        self.longest = self.longest.max(span);
        self.covered = self.written;
        self.dirty = None;
        self.flight = Some(self.pace.begin(now, span));
    }

    /// The flusher looks: what has been dirty for long is written back, and what came after it with it.
    fn write_back(&mut self, now: SimTime) {
        let is_old = self.dirty.is_some_and(|since| since + DIRTY_EXPIRES <= now);
        if is_old && self.flight.is_none() {
            self.fsync(now);
        }
    }

    /// The fsync under way ends.
    fn land(&mut self, now: SimTime) {
        self.flight = None;
        self.durable = self.covered;
        if !self.is_running {
            return;
        }
        match self.mode {
            PersistenceMode::AofAlways if self.covered < self.log.appended() => {
                self.write(now);
                if !self.leaves_fsyncs_out() {
                    self.fsync(now);
                }
            }
            PersistenceMode::AofEverySecond => {
                if let Some(since) = self.blocked.take() {
                    // The write goes through; the next turn forces it, if the second is a new one.
                    self.write(now);
                    self.fsynced_in = self.rhythm.second(since);
                }
            }
            _ => {}
        }
    }

    /// When a position moves next, after `now`.
    fn plan(&self, now: SimTime) -> SimTime {
        let lands = self.flight.map_or(SimTime::NEVER, |flight| flight.ends);
        let looks = if self.is_running {
            match self.present_mode() {
                PersistenceMode::AofAlways => SimTime::NEVER,
                PersistenceMode::AofEverySecond => self.next_turn(now),
                _ => self.flusher_looks(now),
            }
        } else {
            self.flusher_looks(now)
        };
        lands.min(looks)
    }

    /// The next run of the periodic task that has something to do.
    fn next_turn(&self, now: SimTime) -> SimTime {
        if self.flight.is_some() {
            return self.blocks_at();
        }
        let new_second = self.rhythm.second_begins(self.fsynced_in + 1);
        if self.written < self.log.appended() {
            self.rhythm.tick_from(now)
        } else if self.covered < self.written {
            self.rhythm.tick_from(now.max(new_second))
        } else {
            SimTime::NEVER
        }
    }

    fn flusher_looks(&self, now: SimTime) -> SimTime {
        match self.dirty {
            Some(since) if self.flight.is_none() => {
                self.rhythm.flusher_from(now.max(since + DIRTY_EXPIRES))
            }
            _ => SimTime::NEVER,
        }
    }
}

/// Faults and recovery.
impl AppendFile {
    /// Takes what is durable into the state.
    pub fn fold(&mut self, now: SimTime, journal: &Journal) {
        self.advance(now);
        self.log.fold(self.durable, journal);
    }

    /// The process dies: what it had not handed to the kernel is gone, the rest stays in the page cache.
    pub fn process_dies(&mut self, now: SimTime) {
        self.advance(now);
        self.is_running = false;
        self.put_off = None;
        self.blocked = None;
        self.rewrite_given_up();
        self.log.cut(self.written);
        self.next = self.plan(now);
    }

    /// The machine dies: what is not on the disk is gone. An fsync under way has done nothing, which is the worst case.
    pub fn machine_dies(&mut self, now: SimTime) {
        self.process_dies(now);
        self.log.cut(self.durable);
        (self.written, self.covered) = (self.durable, self.durable);
        self.flight = None;
        self.dirty = None;
        self.next = SimTime::NEVER;
    }

    /// The disk is gone, and an empty one is there at the next start.
    pub fn disk_goes(&mut self, now: SimTime, empty: Replica) {
        self.advance(now);
        self.log.lose(empty);
        let end = self.log.appended();
        (self.written, self.durable, self.covered) = (end, end, end);
        self.flight = None;
        self.dirty = None;
        self.put_off = None;
        self.blocked = None;
        self.is_lost = self.is_running;
        self.next = SimTime::NEVER;
    }

    /// Whether the disk went under the process that runs: nothing of what it writes is kept.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// A process starts and goes on with the file as it is.
    pub fn process_starts(&mut self, now: SimTime) {
        self.advance(now);
        self.is_running = true;
        self.is_lost = false;
        self.rewrite_given_up();
        self.fsynced_in = self.rhythm.second(now);
        self.next = self.plan(now);
    }

    /// The disk stops finishing anything.
    pub fn stall(&mut self, now: SimTime) {
        self.advance(now);
        let stops = self.pace.stall(now);
        if stops && let Some(flight) = &mut self.flight {
            flight.halt(now);
        }
        if stops && let Some(rewriting) = &mut self.rewriting {
            rewriting.hold(now, true);
        }
        self.next = self.plan(now);
    }

    /// It goes on.
    pub fn unstall(&mut self, now: SimTime) {
        self.advance(now);
        let goes_on = self.pace.unstall(now);
        if goes_on && let Some(flight) = &mut self.flight {
            flight.resume(now);
        }
        if goes_on && let Some(rewriting) = &mut self.rewriting {
            rewriting.hold(now, false);
        }
        self.next = self.plan(now);
    }

    /// Fsyncs that begin from now on take so many times as long; 1 is as usual.
    pub fn slow(&mut self, now: SimTime, factor: f64) {
        self.advance(now);
        self.slowness = factor;
        self.set_pace();
    }

    fn set_pace(&mut self) {
        let rewriting = self.rewriting.as_ref().map_or(1.0, |own| own.slowness());
        self.pace.slow(self.slowness * rewriting);
    }
}

/// Rewriting.
impl AppendFile {
    /// How far rewriting is, if the file is ever rewritten.
    pub fn rewriting(&self) -> Option<&Rewriting> {
        self.rewriting.as_deref()
    }

    /// Fsyncs so far, with those of the kernel.
    pub const fn fsyncs(&self) -> u32 {
        self.begun
    }

    /// What the process does at present: while a child writes it may leave fsyncs to the kernel.
    fn present_mode(&self) -> PersistenceMode {
        if self.leaves_fsyncs_out() {
            PersistenceMode::AofNoFsync
        } else {
            self.mode
        }
    }

    fn leaves_fsyncs_out(&self) -> bool {
        let rewriting = self.rewriting.as_ref();
        rewriting.is_some_and(|own| own.leaves_fsyncs_out())
    }

    /// The file grew by so many bytes; or it holds so many from now on, and nothing else.
    pub fn grow(&mut self, bytes: u64, replaces: bool) {
        if let Some(rewriting) = self.rewriting.as_mut().filter(|_| !self.is_lost) {
            rewriting.grow(bytes, replaces);
        }
    }

    /// When a rewrite begins, from `now` on, or the one under way ends; [`SimTime::NEVER`] if neither will by itself.
    pub fn rewrite_at(&self, now: SimTime) -> SimTime {
        let rewriting = self.rewriting.as_ref();
        rewriting.map_or(SimTime::NEVER, |own| own.next(now, self.rhythm))
    }

    /// A rewrite ends, if one is over; or begins, if one is due in a process with so many bytes of data.
    pub fn rewrite(&mut self, now: SimTime, bytes: u64) {
        self.advance(now);
        let is_stuck = self.blocked.is_some() || !self.is_running;
        let Some(rewriting) = self.rewriting.as_mut() else {
            return;
        };
        if rewriting.ends(now) {
            self.set_pace();
            // What the kernel was left alone with is forced now.
            self.turn(now);
        } else if !rewriting.is_under_way() && !is_stuck && rewriting.next(now, self.rhythm) <= now
        {
            let fsync = self.pace.fsync(self.begun);
            self.begun += 1;
            rewriting.begin(now, bytes, (&self.pace, fsync));
            self.set_pace();
        }
        self.next = self.plan(now);
    }

    /// Until when the process stands still for a fork; the past if it does not.
    pub fn forks_until(&self) -> SimTime {
        let rewriting = self.rewriting.as_ref();
        rewriting.map_or(SimTime::ZERO, |own| own.forks_until())
    }

    fn rewrite_given_up(&mut self) {
        if let Some(rewriting) = &mut self.rewriting {
            rewriting.give_up();
            self.set_pace();
        }
    }
}
