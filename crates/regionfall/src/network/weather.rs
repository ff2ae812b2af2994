//! What troubles a path beyond its delay: loss, bursts of it, wander, bandwidth, and faults.
//!
//! Most paths have none of it most of the time, so it lies apart from what every message reads.

use regionfall_kernel::{Drift, Sampler, Seed, SimDuration, SimTime, TwoState};

use super::disruption::Silence;
use super::host::EffectLog;
use super::path::{Fate, TrafficClass};
use crate::topology::{FaultId, LinkConfig};

/// The trouble of one directed path.
#[derive(Clone, Debug, Default)]
pub(super) struct Weather {
    loss: u32,
    bursts: Option<(TwoState, u32)>,
    drift: Option<(Drift, f64)>,
    bandwidth: Option<u64>,
    pub(super) busy_until: SimTime,
    /// By kind of traffic.
    pub(super) faults: [ClassFaults; 3],
}

/// Faults that act on one kind of traffic of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassFaults {
    cuts: Vec<(FaultId, Silence)>,
    delays: Vec<(FaultId, Sampler)>,
    losses: Vec<(FaultId, u32)>,
}

/// A share as a threshold for 32 random bits.
fn threshold(share: f64) -> u32 {
    (share * 4_294_967_296.0).min(4_294_967_295.0) as u32
}

impl Weather {
    /// What the configuration asks for, on the path of this number.
    pub(super) fn new(index: u64, config: &LinkConfig, seed: Seed) -> Self {
        let bursts = config.bursts.map(|bursts| {
            let state = TwoState::new(seed, "loss bursts", index, bursts.every, bursts.lasts);
            (state, threshold(bursts.loss))
        });
        let drift = config.drift.map(|drift| {
            (
                Drift::new(seed, "delay drift", index, drift.period),
                drift.amplitude,
            )
        });
        Self {
            loss: threshold(config.loss),
            bursts,
            drift,
            bandwidth: config.bandwidth,
            ..Self::default()
        }
    }

    /// Whether there is any trouble at all.
    pub(super) fn is_any(&self) -> bool {
        self.loss != 0
            || self.bursts.is_some()
            || self.drift.is_some()
            || self.bandwidth.is_some()
            || !self.faults.iter().all(ClassFaults::is_empty)
    }

    /// Whether a cut swallows or rejects this kind of traffic.
    pub(super) fn cut(&self, class: TrafficClass) -> Option<(FaultId, Silence)> {
        self.faults[class as usize].cuts.first().copied()
    }

    /// What becomes of a transmission that would take `delay`: cuts, loss, wander, added delay, bandwidth. The
    /// 64 random bits are its own.
    pub(super) fn befalls(
        &mut self,
        (class, now, bytes): (TrafficClass, SimTime, u32),
        mut delay: SimDuration,
        bits: u64,
        log: &mut EffectLog,
    ) -> Fate {
        let [first, second] = [bits as u32, (bits >> 32) as u32];
        if let Some((fault, mode)) = self.cut(class) {
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
        let faults = &self.faults[class as usize];
        let mut luck = first;
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
            let bits = u64::from(second) << 32 | u64::from(first.rotate_left(7));
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
}

impl ClassFaults {
    pub(super) fn begin_cut(&mut self, fault: FaultId, mode: Silence) {
        self.cuts.push((fault, mode));
    }

    pub(super) fn begin_delay(&mut self, fault: FaultId, added: Sampler) {
        self.delays.push((fault, added));
    }

    pub(super) fn begin_loss(&mut self, fault: FaultId, share: f64) {
        self.losses.push((fault, threshold(share)));
    }

    /// Ends all that `fault` does. Gives how many cuts that ends.
    pub(super) fn end(&mut self, fault: FaultId) -> usize {
        let before = self.cuts.len();
        self.cuts.retain(|&(other, _)| other != fault);
        self.delays.retain(|&(other, _)| other != fault);
        self.losses.retain(|&(other, _)| other != fault);
        before - self.cuts.len()
    }

    fn is_empty(&self) -> bool {
        self.cuts.is_empty() && self.delays.is_empty() && self.losses.is_empty()
    }
}
