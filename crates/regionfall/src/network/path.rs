//! One direction between two places: how long a message takes, and whether it arrives.
//!
//! Two kinds of chance act here. *Weather* (bursts of loss, wandering delay) is a function of seed, path
//! and time. *Draws* for single messages are addressed by who sent what in which attempt, so that an
//! operation meets the same delay whatever else is on the path.

use regionfall_kernel::{
    Address, Addressed, Drift, Sampler, Seed, SimDuration, SimTime, TwoState,
};

use super::disruption::Silence;
use super::host::EffectLog;
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

/// One direction between two places.
#[derive(Clone, Debug)]
pub(super) struct Path {
    id: PathId,
    delay: Sampler,
    /// The delay at the median, for timers that follow the round trip.
    pub typical: SimDuration,
    loss: u32,
    bursts: Option<(TwoState, u32)>,
    drift: Option<(Drift, f64)>,
    bandwidth: Option<u64>,
    busy_until: SimTime,
    /// Whether anything beyond `delay` acts on the path: the common case is that nothing does.
    plain: bool,
    faults: [ClassFaults; 3],
}

/// Faults that act on one kind of traffic of one path.
#[derive(Clone, Debug, Default)]
struct ClassFaults {
    cuts: Vec<(FaultId, Silence)>,
    delays: Vec<(FaultId, Sampler)>,
    losses: Vec<(FaultId, u32)>,
}

/// A share as a threshold for 32 random bits.
fn threshold(share: f64) -> u32 {
    (share * 4_294_967_296.0).min(4_294_967_295.0) as u32
}

impl Path {
    pub fn new(id: PathId, config: &LinkConfig, seed: Seed) -> Self {
        let index = u64::from(id.0);
        let bursts = config.bursts.map(|bursts| {
            let state = TwoState::new(seed, "loss bursts", index, bursts.every, bursts.lasts);
            (state, threshold(bursts.loss))
        });
        let drift = config
            .drift
            .map(|drift| (Drift::new(seed, "delay drift", index, drift.period), drift.amplitude));
        let mut path = Self {
            id,
            delay: Sampler::new(&config.one_way),
            typical: config.one_way.quantile(0.5),
            loss: threshold(config.loss),
            bursts,
            drift,
            bandwidth: config.bandwidth,
            busy_until: SimTime::ZERO,
            plain: true,
            faults: [const { ClassFaults::EMPTY }; 3],
        };
        path.note_plainness();
        path
    }

    /// What becomes of one transmission of `bytes` that leaves at `now`.
    #[inline]
    pub fn transmit(
        &mut self,
        class: TrafficClass,
        now: SimTime,
        bytes: u32,
        draws: Addressed,
        (draw, repetition): (Draw, u8),
        log: &mut EffectLog,
    ) -> Fate {
        let words = draws.words(Address::from([
            u32::from(self.id.0) | (class as u32) << 16 | u32::from(draw.leg) << 24,
            draw.who,
            draw.sequence,
            u32::from(draw.attempt) | u32::from(repetition) << 8,
        ]));
        let delay = self.delay.sample(u64::from(words[0]) << 32 | u64::from(words[1]));
        if self.plain {
            return Fate::Arrives(now + delay);
        }
        self.transmit_in_weather(class, now, bytes, delay, words, log)
    }

    /// The uncommon part of [`Path::transmit`]: cuts, loss, bandwidth, drift, added delay.
    fn transmit_in_weather(
        &mut self,
        class: TrafficClass,
        now: SimTime,
        bytes: u32,
        mut delay: SimDuration,
        words: [u32; 4],
        log: &mut EffectLog,
    ) -> Fate {
        let faults = &self.faults[class as usize];
        if let Some(&(fault, mode)) = faults.cuts.first() {
            return match mode {
                Silence::Silent => {
                    log.note(fault, |effects| effects.dropped += 1);
                    Fate::Swallowed
                }
                Silence::Refusing => {
                    log.note(fault, |effects| effects.refused += 1);
                    Fate::Rejected
                }
            };
        }
        let mut luck = words[2];
        for &(fault, share) in &faults.losses {
            if luck < share {
                log.note(fault, |effects| effects.dropped += 1);
                return Fate::Lost;
            }
            luck = luck.wrapping_mul(0x9E37_79B9).rotate_left(15);
        }
        let burst = match &mut self.bursts {
            Some((state, share)) => state.is_bad_at(now).then_some(*share),
            None => None,
        };
        let share = burst.unwrap_or(self.loss);
        if luck < share {
            return Fate::Lost;
        }
        if let Some((drift, amplitude)) = &mut self.drift {
            let factor = 1.0 + *amplitude * drift.value_at(now);
            delay = SimDuration::from_nanos_f64(delay.as_nanos() as f64 * factor);
        }
        for (fault, sampler) in &faults.delays {
            log.note(*fault, |effects| effects.delayed += 1);
            let bits = u64::from(words[3]) << 32 | u64::from(words[2].rotate_left(7));
            delay += sampler.sample(bits);
        }
        let mut leaves = now;
        if let Some(bandwidth) = self.bandwidth {
            let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bandwidth);
            leaves = self.busy_until.max(now) + SimDuration::from_nanos(nanos as u64);
            self.busy_until = leaves;
        }
        Fate::Arrives(leaves + delay)
    }

    /// Whether a cut swallows or rejects this kind of traffic.
    pub fn cut(&self, class: TrafficClass) -> Option<(FaultId, Silence)> {
        if self.plain {
            return None;
        }
        self.faults[class as usize].cuts.first().copied()
    }

    pub fn begin_cut(&mut self, class: TrafficClass, fault: FaultId, mode: Silence) {
        self.faults[class as usize].cuts.push((fault, mode));
        self.note_plainness();
    }

    pub fn begin_delay(&mut self, class: TrafficClass, fault: FaultId, added: Sampler) {
        self.faults[class as usize].delays.push((fault, added));
        self.note_plainness();
    }

    pub fn begin_loss(&mut self, class: TrafficClass, fault: FaultId, share: f64) {
        self.faults[class as usize].losses.push((fault, threshold(share)));
        self.note_plainness();
    }

    /// Ends all that `fault` does to this kind of traffic.
    pub fn end(&mut self, class: TrafficClass, fault: FaultId) {
        let faults = &mut self.faults[class as usize];
        faults.cuts.retain(|&(other, _)| other != fault);
        faults.delays.retain(|&(other, _)| other != fault);
        faults.losses.retain(|&(other, _)| other != fault);
        self.note_plainness();
    }

    fn note_plainness(&mut self) {
        let quiet = self.faults.iter().all(|faults| {
            faults.cuts.is_empty() && faults.delays.is_empty() && faults.losses.is_empty()
        });
        self.plain = quiet
            && self.loss == 0
            && self.bursts.is_none()
            && self.drift.is_none()
            && self.bandwidth.is_none();
    }
}

impl ClassFaults {
    const EMPTY: Self = Self {
        cuts: Vec::new(),
        delays: Vec::new(),
        losses: Vec::new(),
    };
}
