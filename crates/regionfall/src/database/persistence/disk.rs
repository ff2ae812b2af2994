//! The disk of one copy of one shard: what it would restart with.

use std::sync::Arc;

use regionfall_crdt::{Clock, OriginId, Replica};
use regionfall_kernel::{SimDuration, SimTime};

use super::append_file::AppendFile;
use super::config::{PersistenceConfig, PersistenceMode, time_at_rate};
use super::log::Change;
use super::pace::Pace;
use super::rhythm::Rhythm;
use super::snapshot_file::SnapshotFile;
use crate::database::Journal;

/// What dies with a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// The process alone: what it had handed to the kernel stays.
    Process,
    /// The machine: what was not on the disk for good is gone.
    Machine,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Disk {
    file: File,
    load_rate: u64,
    empty: Replica,
}

#[derive(Clone, Debug)]
enum File {
    /// Nothing is kept.
    None,
    Append(Box<AppendFile>),
    Snapshot(Box<SnapshotFile>),
}

impl Disk {
    /// The disk of a process that begins, empty, at the start of a run.
    pub fn new(config: &PersistenceConfig, empty: Replica, rhythm: Rhythm, pace: Pace) -> Self {
        let base = empty.clone();
        let file = match config.mode {
            PersistenceMode::None => File::None,
            PersistenceMode::Snapshot => {
                File::Snapshot(Box::new(SnapshotFile::new(config, base, rhythm, pace)))
            }
            _ => File::Append(Box::new(AppendFile::new(config, base, rhythm, pace))),
        };
        Self {
            file,
            load_rate: config.load_rate,
            empty,
        }
    }

    /// A disk on which nothing is kept: that of a copy that does not persist.
    pub const fn none(empty: Replica) -> Self {
        Self {
            file: File::None,
            load_rate: 1,
            empty,
        }
    }

    /// The append-only file, if there is one.
    pub fn append_file(&mut self) -> Option<&mut AppendFile> {
        match &mut self.file {
            File::Append(file) => Some(file),
            _ => None,
        }
    }

    /// The file of snapshots, if there is one.
    pub fn snapshot_file(&mut self) -> Option<&mut SnapshotFile> {
        match &mut self.file {
            File::Snapshot(file) => Some(file),
            _ => None,
        }
    }

    /// The process executed or applied effects `first..=last` of `origin`. Returns their position, for
    /// those who wait for them; 0 if nothing is appended.
    pub fn append(&mut self, now: SimTime, (origin, first, last): (OriginId, u64, u64)) -> u64 {
        match &mut self.file {
            File::None => 0,
            File::Append(file) => {
                file.append(
                    now,
                    Change::Effects {
                        origin,
                        first,
                        last,
                    },
                );
                file.log().appended()
            }
            File::Snapshot(file) => {
                file.note_changes(last + 1 - first);
                0
            }
        }
    }

    /// The process took a whole state in, beside what it had or in its place.
    pub fn take_state(&mut self, now: SimTime, state: &Replica, replaces: bool) {
        match &mut self.file {
            File::None => {}
            File::Append(file) => {
                let bytes = state.bytes();
                let state = Arc::new(state.clone());
                let change = if replaces {
                    Change::Replaced(state)
                } else {
                    Change::Merged(state)
                };
                file.append(now, change);
                file.grow(bytes, replaces);
            }
            File::Snapshot(file) => file.note_changes(1),
        }
    }

    /// Takes what is durable into the state of the file, and says what effects the journal may forget as far as
    /// this disk is concerned; `None` if it needs none.
    pub fn fold(&mut self, now: SimTime, journal: &Journal) -> Option<&Clock> {
        match &mut self.file {
            File::Append(file) if !file.is_lost() => {
                file.fold(now, journal);
                Some(file.log().base().clock())
            }
            File::None | File::Append(_) | File::Snapshot(_) => None,
        }
    }

    /// How many effects of an origin are on the disk for good, in an append-only file.
    pub fn durable_of(&mut self, now: SimTime, origin: OriginId, journal: &Journal) -> u64 {
        self.fold(now, journal).map_or(0, |clock| clock.get(origin))
    }

    /// What the process has appended so far, as a position; 0 if it appends nothing.
    pub const fn appended(&self) -> u64 {
        match &self.file {
            File::Append(file) => file.log().appended(),
            File::None | File::Snapshot(_) => 0,
        }
    }

    /// Drops tombstones that everyone has observed, disks included.
    pub fn collect(&mut self, stable: &Clock) {
        if let File::Append(file) = &mut self.file {
            file.log_mut().collect(stable);
        }
    }

    /// A crash: what the next process would start with.
    pub fn crash(&mut self, now: SimTime, crash: Crash, journal: &Journal) -> Replica {
        match (&mut self.file, crash) {
            (File::None, _) => {}
            (File::Append(file), Crash::Process) => file.process_dies(now),
            (File::Append(file), Crash::Machine) => file.machine_dies(now),
            (File::Snapshot(file), _) => file.process_dies(now),
        }
        self.state(journal)
    }

    /// What a process would start with.
    pub fn state(&self, journal: &Journal) -> Replica {
        match &self.file {
            File::None => self.empty.clone(),
            File::Append(file) => file.log().state(journal),
            File::Snapshot(file) => file.complete().clone(),
        }
    }

    /// The disk is gone. What a running process has in memory is not.
    pub fn goes(&mut self, now: SimTime) {
        match &mut self.file {
            File::None => {}
            File::Append(file) => file.disk_goes(now, self.empty.clone()),
            File::Snapshot(file) => file.disk_goes(now, self.empty.clone()),
        }
    }

    /// Until when the process stands still for its file and answers nobody; the past if it does not.
    pub fn serves_from(&self) -> SimTime {
        match &self.file {
            File::None => SimTime::ZERO,
            File::Append(file) => file.serves_from().max(file.forks_until()),
            File::Snapshot(file) => file.serves_from(),
        }
    }

    /// What must be durable before the answer to a command leaves that was executed just now; 0 if nothing need be.
    pub fn answer_waits_for(&self, wrote: bool) -> u64 {
        match &self.file {
            File::Append(file) => file.answer_waits_for(wrote),
            File::None | File::Snapshot(_) => 0,
        }
    }

    /// The earliest moment at which an answer that waits for a position may leave, as far as one can tell now; the
    /// past if it may.
    pub fn answers_from(&mut self, now: SimTime, position: u64) -> SimTime {
        match &mut self.file {
            File::None => SimTime::ZERO,
            File::Append(file) => {
                file.advance(now);
                let forks_until = file.forks_until();
                let forks = forks_until > now;
                let from = file.durable_by(position);
                if forks { from.max(forks_until) } else { from }
            }
            File::Snapshot(file) => file.serves_from(),
        }
    }

    /// Whether anything is kept.
    pub const fn keeps_anything(&self) -> bool {
        !matches!(self.file, File::None)
    }

    /// How long a process needs to load so many bytes.
    pub fn loads_in(&self, bytes: u64) -> SimDuration {
        match &self.file {
            File::None => SimDuration::ZERO,
            File::Append(_) | File::Snapshot(_) => time_at_rate(bytes, self.load_rate),
        }
    }

    /// A process has loaded what [`Disk::crash`] said, and serves.
    pub fn process_starts(&mut self, now: SimTime) {
        match &mut self.file {
            File::None => {}
            File::Append(file) => file.process_starts(now),
            File::Snapshot(file) => file.process_starts(now),
        }
    }

    /// The disk stops finishing anything, or goes on.
    pub fn stall(&mut self, now: SimTime, begins: bool) {
        match (&mut self.file, begins) {
            (File::None, _) => {}
            (File::Append(file), true) => file.stall(now),
            (File::Append(file), false) => file.unstall(now),
            (File::Snapshot(file), true) => file.stall(now),
            (File::Snapshot(file), false) => file.unstall(now),
        }
    }

    /// Fsyncs and snapshots that began so far.
    pub fn fsyncs(&mut self, now: SimTime) -> u64 {
        match &mut self.file {
            File::None => 0,
            File::Append(file) => {
                file.advance(now);
                u64::from(file.fsyncs())
            }
            File::Snapshot(file) => u64::from(file.begun()),
        }
    }

    /// What begins from now on takes so many times as long; 1 is as usual.
    pub fn slow(&mut self, now: SimTime, factor: f64) {
        match &mut self.file {
            File::None => {}
            File::Append(file) => file.slow(now, factor),
            File::Snapshot(file) => file.slow(factor),
        }
    }
}
