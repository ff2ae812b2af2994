//! A limit on a rate: the generic cell rate algorithm (ITU-T I.371), which is a token bucket without the
//! tokens. Whole nanoseconds; nothing happens between two events.

use regionfall_kernel::{SimDuration, SimTime};

use super::Limit;

/// How far a limit is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// Time that one event takes of the allowance.
    interval: SimDuration,
    /// How far the next event's turn may lie ahead.
    window: SimDuration,
    /// The turn of the next event.
    turn: SimTime,
}

impl RateLimit {
    /// A limit that nobody has used yet; `share` of the whole.
    pub fn new(limit: Limit, share: f64) -> Self {
        let interval = SimDuration::from_nanos_f64(1e9 / (limit.per_second * share));
        Self {
            interval,
            // One event always fits.
            window: limit.window.saturating_sub(interval),
            turn: SimTime::ZERO,
        }
    }

    /// Takes a turn if one is free now.
    pub fn admits(&mut self, now: SimTime) -> bool {
        let is_free = self.turn <= now + self.window;
        if is_free {
            self.turn = self.turn.max(now) + self.interval;
        }
        is_free
    }

    /// Takes the next turn, and says when it is.
    pub fn next_turn(&mut self, now: SimTime) -> SimTime {
        let ahead = self.turn.saturating_since(now).saturating_sub(self.window);
        self.turn = self.turn.max(now) + self.interval;
        now + ahead
    }
}
