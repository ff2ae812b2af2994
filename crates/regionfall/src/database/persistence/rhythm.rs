//! The clocks that a process and its kernel look at when they write: whole seconds, the server's
//! periodic task, the kernel's flusher.
//!
//! Each has a phase of its own, so that nothing hangs on where a run happens to begin.

use regionfall_kernel::{SimDuration, SimTime};

const SECOND: u64 = 1_000_000_000;
/// Redis runs `serverCron` `hz` times a second; the default is 10 (Redis docs, redis.conf).
const TICK: SimDuration = SimDuration::from_millis(100);
/// The flusher wakes every 5 s (Linux `sysctl/vm.rst`, `dirty_writeback_centisecs` = 500).
pub const WRITEBACK_EVERY: SimDuration = SimDuration::from_secs(5);
/// It writes back what has been dirty for 30 s (Linux `sysctl/vm.rst`, `dirty_expire_centisecs` = 3000).
pub const DIRTY_EXPIRES: SimDuration = SimDuration::from_secs(30);

/// Where the clocks of one process and its kernel stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rhythm {
    /// Nanoseconds of a second that the wall clock is ahead of the run, below 10^9.
    second: u64,
    /// When the first tick is, below [`TICK`].
    tick: u64,
    /// When the flusher wakes first, below [`WRITEBACK_EVERY`].
    flusher: u64,
}

impl Rhythm {
    /// Clocks with phases drawn: the wall clock's is common to all hosts, the others are a process's own.
    pub fn new(wall_clock: u64, own: [u64; 2]) -> Self {
        Self {
            second: wall_clock % SECOND,
            tick: own[0] % TICK.as_nanos(),
            flusher: own[1] % WRITEBACK_EVERY.as_nanos(),
        }
    }

    /// The number of the whole second that the wall clock shows.
    pub fn second(&self, at: SimTime) -> u64 {
        (at.as_nanos().saturating_add(self.second)) / SECOND
    }

    /// When the wall clock begins to show a whole second.
    pub fn second_begins(&self, second: u64) -> SimTime {
        SimTime::from_nanos(second.saturating_mul(SECOND).saturating_sub(self.second))
    }

    /// The first run of the server's periodic task at or after a moment.
    pub fn tick_from(&self, at: SimTime) -> SimTime {
        next(at, TICK.as_nanos(), self.tick)
    }

    /// The first time at or after a moment that the flusher wakes.
    pub fn flusher_from(&self, at: SimTime) -> SimTime {
        next(at, WRITEBACK_EVERY.as_nanos(), self.flusher)
    }
}

/// The first moment at or after `at` that lies `phase` after a multiple of `period`.
fn next(at: SimTime, period: u64, phase: u64) -> SimTime {
    if at == SimTime::NEVER {
        return at;
    }
    let periods = at.as_nanos().saturating_sub(phase).div_ceil(period);
    SimTime::from_nanos(phase.saturating_add(periods.saturating_mul(period)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_seconds_are_where_their_phases_say() {
        let rhythm = Rhythm::new(300_000_000, [7, 11]);
        let at = SimTime::from_nanos;
        assert_eq!(rhythm.second(at(699_999_999)), 0);
        assert_eq!(rhythm.second(at(700_000_000)), 1);
        assert_eq!(rhythm.second_begins(1), at(700_000_000));
        assert_eq!(rhythm.tick_from(at(0)), at(7));
        assert_eq!(rhythm.tick_from(at(7)), at(7));
        assert_eq!(rhythm.tick_from(at(8)), at(100_000_007));
        assert_eq!(rhythm.flusher_from(at(12)), at(5_000_000_011));
        assert_eq!(rhythm.tick_from(SimTime::NEVER), SimTime::NEVER);
    }
}
