//! Random histories, against an oracle that keeps three numbers and looks at every millisecond.

use proptest::prelude::*;
use regionfall_kernel::SimTime;

use super::super::{Crash, PersistenceMode, Rhythm};
use super::{Copy, config, ms};

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Write,
    Hear,
    Stall,
    Unstall,
    Slow(u64),
    Crash(Crash),
    Fold,
    LoseDisk,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u64..400).prop_map(Step::Wait),
        2 => (1_000_u64..9_000).prop_map(Step::Wait),
        1 => (20_000_u64..45_000).prop_map(Step::Wait),
        20 => Just(Step::Write),
        10 => Just(Step::Hear),
        2 => Just(Step::Stall),
        2 => Just(Step::Unstall),
        1 => (1_u64..6).prop_map(Step::Slow),
        1 => Just(Step::Crash(Crash::Process)),
        1 => Just(Step::Crash(Crash::Machine)),
        2 => Just(Step::Fold),
        1 => Just(Step::LoseDisk),
    ];
    prop::collection::vec(step, 1..120)
}

fn mode() -> impl Strategy<Value = PersistenceMode> {
    prop_oneof![
        Just(PersistenceMode::AofAlways),
        Just(PersistenceMode::AofEverySecond),
        Just(PersistenceMode::AofNoFsync),
    ]
}

/// The rules of `flushAppendOnlyFile` and of the kernel, written down as they stand, in whole milliseconds.
struct Oracle {
    mode: PersistenceMode,
    now: u64,
    /// Ahead of the run: of the wall clock; and where tick and flusher stand.
    phases: [u64; 3],
    executed: u64,
    written: u64,
    durable: u64,
    /// Covers so much, and needs so long yet.
    syncing: Option<(u64, u64)>,
    asked_for: u64,
    last_fsync: u64,
    put_off: Option<u64>,
    stuck_since: Option<u64>,
    dirty: Option<u64>,
    stalls: u32,
    fsync_ms: u64,
    slow: u64,
    is_running: bool,
}

impl Oracle {
    fn second(&self) -> u64 {
        (self.now + self.phases[0]) / 1_000
    }

    fn walk(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            if self.stalls == 0
                && let Some((_, left)) = &mut self.syncing
            {
                *left -= 1;
            }
            if let Some((covers, 0)) = self.syncing {
                self.syncing = None;
                self.durable = covers;
                if let Some(since) = self.stuck_since.take() {
                    self.written = self.executed;
                    self.dirty.get_or_insert(self.now);
                    self.put_off = None;
                    self.last_fsync = (since + self.phases[0]) / 1_000;
                }
                if self.is_running && self.mode == PersistenceMode::AofAlways {
                    self.end_turn();
                }
            }
            let is_second = self.mode == PersistenceMode::AofEverySecond;
            if is_second && self.is_running && self.now % 100 == self.phases[1] {
                self.end_turn();
            }
            let flushes = !self.is_running || self.mode == PersistenceMode::AofNoFsync;
            if flushes && self.now % 5_000 == self.phases[2] && self.syncing.is_none() {
                let since = self.dirty.unwrap_or(self.now);
                if self.now - since >= 30_000 {
                    self.sync();
                }
            }
        }
    }

    fn sync(&mut self) {
        self.syncing = Some((self.written, self.fsync_ms * self.slow));
        self.asked_for = self.written;
        self.dirty = None;
    }

    fn write(&mut self) {
        if self.written < self.executed {
            self.written = self.executed;
            self.dirty.get_or_insert(self.now);
        }
    }

    fn end_turn(&mut self) {
        let has_news = self.executed > self.written;
        match self.mode {
            PersistenceMode::AofAlways => {
                if has_news && self.syncing.is_none() {
                    self.write();
                    self.sync();
                }
            }
            PersistenceMode::AofEverySecond => {
                if self.stuck_since.is_some() {
                    return;
                }
                if has_news && self.syncing.is_some() {
                    let since = *self.put_off.get_or_insert(self.second());
                    if self.second() - since >= 2 {
                        self.stuck_since = Some(self.now);
                    }
                    return;
                }
                self.write();
                self.put_off = None;
                let is_due = self.second() > self.last_fsync && self.asked_for != self.written;
                if is_due && self.syncing.is_none() {
                    self.sync();
                    self.last_fsync = self.second();
                }
            }
            _ => self.write(),
        }
    }

    fn crash(&mut self, crash: Crash) {
        self.is_running = false;
        (self.put_off, self.stuck_since) = (None, None);
        self.executed = self.written;
        if crash == Crash::Machine {
            self.executed = self.durable;
            (self.written, self.asked_for) = (self.durable, self.durable);
            (self.syncing, self.dirty) = (None, None);
        }
    }

    fn start(&mut self) {
        self.is_running = true;
        self.last_fsync = self.second();
    }
}

fn play(
    mode: PersistenceMode,
    fsync_ms: u64,
    phases: [u64; 3],
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let nanos = phases.map(|millis| millis * 1_000_000);
    let rhythm = Rhythm::new(nanos[0], [nanos[1], nanos[2]]);
    let mut copy = Copy::new(&config(mode, fsync_ms), rhythm);
    let mut oracle = Oracle {
        mode,
        now: 0,
        phases,
        executed: 0,
        written: 0,
        durable: 0,
        syncing: None,
        asked_for: 0,
        last_fsync: phases[0] / 1_000,
        put_off: None,
        stuck_since: None,
        dirty: None,
        stalls: 0,
        fsync_ms,
        slow: 1,
        is_running: true,
    };
    for step in steps {
        let now: SimTime = ms(oracle.now);
        match step {
            Step::Wait(millis) => oracle.walk(millis),
            // A process that stands still executes nothing.
            Step::Write | Step::Hear if oracle.stuck_since.is_some() => {}
            Step::Write | Step::Hear => {
                oracle.executed += 1;
                oracle.end_turn();
                if matches!(step, Step::Write) {
                    copy.write(now, 1);
                } else {
                    copy.hear(now, 2);
                }
            }
            Step::Stall | Step::Unstall if matches!(step, Step::Stall) == (oracle.stalls > 1) => {}
            Step::Stall => {
                oracle.stalls += 1;
                copy.disk.stall(now, true);
            }
            Step::Unstall => {
                oracle.stalls = oracle.stalls.saturating_sub(1);
                copy.disk.stall(now, false);
            }
            Step::Slow(factor) => {
                oracle.slow = factor;
                copy.disk.slow(now, factor as f64);
            }
            Step::Fold => {
                let file = copy.disk.append_file().expect("it is one");
                file.fold(now, &copy.journal);
                prop_assert_eq!(file.log().base().clock().total(), oracle.durable);
            }
            Step::Crash(crash) => {
                oracle.crash(crash);
                let state = copy.disk.crash(now, crash, &copy.journal);
                let kept = oracle.executed as usize;
                prop_assert_eq!(&state, &copy.prefix(kept), "{:?} at {}", crash, now);
                copy.restart(now, state);
                oracle.start();
            }
            Step::LoseDisk => {
                let mut other = copy.disk.clone();
                other.goes(now);
                let state = other.crash(now, Crash::Process, &copy.journal);
                prop_assert!(state.clock().is_empty());
            }
        }
        let (executed, now) = (oracle.executed, ms(oracle.now));
        let file = copy.disk.append_file().expect("it is one");
        file.advance(now);
        // Positions go on over a crash only as far as they were; numbers start from them.
        prop_assert_eq!(file.log().appended(), executed, "executed at {}", now);
        prop_assert_eq!(file.written(), oracle.written, "written at {}", now);
        prop_assert_eq!(file.durable(), oracle.durable, "durable at {}", now);
        prop_assert_eq!(file.blocked().is_some(), oracle.stuck_since.is_some());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn positions_and_what_a_crash_leaves_are_those_of_the_oracle(
        mode in mode(),
        fsync_ms in prop_oneof![Just(1_u64), Just(7), Just(300), Just(1_300), Just(2_300), Just(4_000)],
        phases in (0_u64..1_000, 0_u64..100, 0_u64..5_000),
        steps in steps(),
    ) {
        play(mode, fsync_ms, [phases.0, phases.1, phases.2], steps)?;
    }
}
