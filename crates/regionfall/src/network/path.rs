//! One direction between two places: how long a message takes, and whether it arrives.
//!
//! Two kinds of chance act on a path. *Weather* (bursts of loss, wandering delay) is a function of seed, path
//! and time. *Draws* for single messages are addressed by who sent what in which attempt, so that an
//! operation meets the same delay whatever else is on the path.

use regionfall_kernel::{Address, Addressed, Sampler, Seed, SimDuration, SimTime};

use super::disruption::Silence;
use super::host::EffectLog;
use super::weather::{ClassFaults, Weather};
use crate::topology::{FaultId, LinkConfig};

/// A directed path: from a region to another, or within a region.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PathId(pub(super) u16);

/// What kind of traffic a message is. Faults act on kinds, and draws are addressed by them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TrafficClass {
    /// Between app servers and members.
    Client,
    /// Between members.
    Replication,
    /// Health checks.
    Check,
}

impl TrafficClass {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Client, Self::Replication, Self::Check];
}

/// Addresses the draws of one message: who sent it, the number of what it belongs to, the attempt, and
/// the leg of that attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    /// The client, decider or link whose message this is.
    pub who: u32,
    /// The number of the operation, probe or effect, counted by `who`.
    pub sequence: u32,
    /// The attempt.
    pub attempt: u8,
    /// Which of the attempt's messages: 0 for the request, 1 for the reply, more for handshakes.
    pub leg: u8,
}

impl Draw {
    /// The same exchange, another leg.
    #[must_use]
    pub fn leg(self, leg: u8) -> Self {
        Self { leg, ..self }
    }
}

/// What becomes of one transmission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It arrives at this moment.
    Arrives(SimTime),
    /// The path lost it, as paths do.
    Lost,
    /// A cut swallows it.
    Swallowed,
    /// A firewall answers it with a reset.
    Rejected,
}

/// One direction between two places: what every message needs. What troubles it is in its weather.
#[derive(Clone, Debug)]
pub(super) struct Path {
    delay: Sampler,
    /// Loss, wander, bandwidth and faults; none on a path that only delays, which is the common case.
    weather: Option<Box<Weather>>,
    id: PathId,
    /// Bytes that left on it so far.
    pub(super) bytes: u64,
    /// The delay at the median, for timers that follow the round trip.
    pub(super) typical: SimDuration,
}

impl Path {
    pub(super) fn new(id: PathId, config: &LinkConfig, seed: Seed) -> Self {
        let weather = Weather::new(u64::from(id.0), config, seed);
        Self {
            delay: Sampler::new(&config.one_way),
            weather: weather.is_any().then(|| Box::new(weather)),
            id,
            bytes: 0,
            typical: config.one_way.quantile(0.5),
        }
    }

    /// How long a message takes, if the path does nothing but delay it.
    #[expect(
        clippy::inline_always,
        reason = "every message goes through here, from one place"
    )]
    #[inline(always)]
    pub(super) fn plain_delay(
        &self,
        class: TrafficClass,
        draws: &Addressed,
        draw: Draw,
    ) -> Option<SimDuration> {
        if self.weather.is_some() {
            return None;
        }
        let [bits, _] = draws.pair(self.address(class, draw, 0));
        Some(self.sample(bits))
    }

    /// What becomes of one transmission of `bytes` that leaves at `now`.
    pub(super) fn transmit(
        &mut self,
        class: TrafficClass,
        now: SimTime,
        bytes: u32,
        draws: &Addressed,
        (draw, repetition): (Draw, u8),
        log: &mut EffectLog,
    ) -> Fate {
        self.bytes += u64::from(bytes);
        let [bits, luck] = draws.pair(self.address(class, draw, repetition));
        let delay = self.sample(bits);
        match &mut self.weather {
            None => Fate::Arrives(now + delay),
            Some(weather) => weather.befalls((class, now, bytes), delay, luck, log),
        }
    }

    #[inline]
    fn address(&self, class: TrafficClass, draw: Draw, repetition: u8) -> Address {
        Address::from([
            u32::from(self.id.0) | (class as u32) << 16 | u32::from(draw.leg) << 24,
            draw.who,
            draw.sequence,
            u32::from(draw.attempt) | u32::from(repetition) << 8,
        ])
    }

    /// The delay that the first 64 bits of a draw stand for, read as two words of which the first counts most.
    #[inline]
    fn sample(&self, bits: u64) -> SimDuration {
        self.delay.sample(bits.rotate_left(32))
    }

    /// When it has carried all that waits for its bandwidth.
    pub(super) fn free_at(&self) -> SimTime {
        let weather = self.weather.as_ref();
        weather.map_or(SimTime::ZERO, |weather| weather.busy_until)
    }

    /// Whether a cut swallows or rejects this kind of traffic.
    pub(super) fn cut(&self, class: TrafficClass) -> Option<(FaultId, Silence)> {
        self.weather.as_ref()?.cut(class)
    }

    /// The faults that act on one kind of traffic, to add one.
    pub(super) fn faults(&mut self, class: TrafficClass) -> &mut ClassFaults {
        &mut self.weather.get_or_insert_default().faults[class as usize]
    }

    /// Ends all that `fault` does to this kind of traffic. Gives how many cuts that ends.
    pub(super) fn end(&mut self, class: TrafficClass, fault: FaultId) -> usize {
        let Some(weather) = &mut self.weather else {
            return 0;
        };
        let ended = weather.faults[class as usize].end(fault);
        if !weather.is_any() {
            self.weather = None;
        }
        ended
    }
}
