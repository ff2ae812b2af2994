//! Rewriting of append-only files: a child writes what the data are now into a new file, which takes the place of the old one.
//!
//! The periodic task looks whether the file is larger than a least size and has grown by so much since the last rewrite (or the
//! start of the process). The process stands still while it forks; while the child writes, the disk has less left for fsyncs,
//! or there are none, if the process is told to leave them out. Sources: redis.conf, `auto-aof-rewrite-percentage 100`,
//! `auto-aof-rewrite-min-size 64mb`, `no-appendfsync-on-rewrite no`; `serverCron` (`src/server.c`) and `src/aof.c` in Redis 7.0.

use regionfall_kernel::{SimDuration, SimTime};

use super::config::{RewriteConfig, fork_time, time_at_rate};
use super::pace::{Pace, Work};
use super::rhythm::Rhythm;

/// How far the rewriting of one file is.
#[derive(Clone, Debug)]
pub struct Rewriting {
    config: RewriteConfig,
    /// Bytes of the file, and of what it was after the last rewrite.
    size: u64,
    base: u64,
    under_way: Option<UnderWay>,
    /// Until when the process stands still for a fork.
    forks_until: SimTime,
    done: u32,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    /// Bytes that the child writes.
    bytes: u64,
    /// Bytes of the file when it began: what comes after them is in the new one too.
    size: u64,
    work: Work,
}

impl Rewriting {
    pub(super) const fn new(config: RewriteConfig) -> Self {
        Self {
            config,
            size: 0,
            base: 0,
            under_way: None,
            forks_until: SimTime::ZERO,
            done: 0,
        }
    }

    /// The file grew by so many bytes; or it holds so many from now on, and nothing else.
    pub(super) const fn grow(&mut self, bytes: u64, replaces: bool) {
        if replaces {
            (self.size, self.base) = (bytes, bytes);
        } else {
            self.size += bytes;
        }
    }

    /// When the periodic task begins a rewrite, from `now` on, or the one under way ends; [`SimTime::NEVER`] if neither
    /// happens by itself.
    pub(super) fn next(&self, now: SimTime, rhythm: Rhythm) -> SimTime {
        if let Some(under_way) = self.under_way {
            return under_way.work.ends;
        }
        let base = self.base.max(1) as f64;
        let has_grown = self.size as f64 >= base * (1.0 + self.config.growth);
        if self.size > self.config.min_size && has_grown {
            rhythm.tick_from(now)
        } else {
            SimTime::NEVER
        }
    }

    /// A rewrite of so many bytes of data begins; its own fsync counts as one more of the disk's.
    pub(super) fn begin(&mut self, now: SimTime, bytes: u64, (pace, fsync): (&Pace, SimDuration)) {
        let fork = fork_time(self.config.fork_per_gib, bytes);
        let writes = pace.slowed(time_at_rate(bytes, self.config.rate));
        self.forks_until = now + fork;
        self.under_way = Some(UnderWay {
            bytes,
            size: self.size,
            work: pace.begin(now, fork + writes + fsync),
        });
    }

    /// Whether the rewrite under way is over by now: the new file takes the place of the old one.
    pub(super) fn ends(&mut self, now: SimTime) -> bool {
        let Some(under_way) = self.under_way.filter(|one| one.work.ends <= now) else {
            return false;
        };
        self.under_way = None;
        self.size = under_way.bytes + self.size.saturating_sub(under_way.size);
        self.base = self.size;
        self.done += 1;
        true
    }

    /// The process died, and its child with it; or it starts, and counts from what it finds.
    pub(super) const fn give_up(&mut self) {
        self.under_way = None;
        self.base = self.size;
    }

    /// The disk stands still, or goes on.
    pub(super) fn hold(&mut self, now: SimTime, stands_still: bool) {
        if let Some(under_way) = &mut self.under_way {
            if stands_still {
                under_way.work.halt(now);
            } else {
                under_way.work.resume(now);
            }
        }
    }

    /// Whether a child writes.
    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether fsyncs are left out at present.
    pub(super) const fn leaves_fsyncs_out(&self) -> bool {
        self.config.no_fsync && self.is_under_way()
    }

    /// So many times as long as usual fsyncs take at present.
    pub(super) const fn slowness(&self) -> f64 {
        if self.is_under_way() {
            self.config.slows
        } else {
            1.0
        }
    }

    /// Until when the process stands still for a fork; the past if it does not.
    pub(super) const fn forks_until(&self) -> SimTime {
        self.forks_until
    }

    /// How many rewrites are done.
    pub const fn done(&self) -> u32 {
        self.done
    }

    /// Bytes of the file.
    pub const fn size(&self) -> u64 {
        self.size
    }
}
