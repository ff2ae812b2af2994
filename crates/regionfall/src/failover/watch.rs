//! A watch: one member's probe loops and detectors, as one decider sees them.
//!
//! A loop sends rounds of probes. At a fixed rate a round begins an interval after the previous one
//! *began* (or at once, if that one took longer); with a fixed delay, an interval after it *ended*.
//! A round ends early when its verdict is certain.

use regionfall_kernel::{SimDuration, TraceHash};

use super::decider::{Action, LocalTime, Probe, ProbeOutcome};
use super::detector::Judgement;
use super::{Evidence, Pace, ProbeConfig};
use crate::topology::MemberId;

/// One member, watched.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    member: MemberId,
    loops: Vec<ProbeLoop>,
    passive: Vec<Judgement>,
}

/// A wake-up token's meaning: tokens carry the watch in the high bits and the loop in the low ones.
const LOOPS_PER_WATCH: u32 = 16;

#[derive(Clone, Debug)]
struct ProbeLoop {
    config: ProbeConfig,
    judgement: Judgement,
    round_began: LocalTime,
    sent: u32,
    round: u32,
}

impl Watch {
    pub(super) fn new(member: MemberId, evidence: &[Evidence]) -> Self {
        let mut watch = Self {
            member,
            loops: Vec::new(),
            passive: Vec::new(),
        };
        for item in evidence {
            match item {
                Evidence::Probe(config, detector) => watch.loops.push(ProbeLoop {
                    judgement: Judgement::new(detector, config.probes),
                    config: config.clone(),
                    round_began: LocalTime(0),
                    sent: 0,
                    round: 0,
                }),
                Evidence::Passive(detector) => watch.passive.push(Judgement::new(detector, 1)),
            }
        }
        debug_assert!(watch.loops.len() < LOOPS_PER_WATCH as usize);
        watch
    }

    pub(super) fn member(&self) -> MemberId {
        self.member
    }

    /// Whether every active loop finds the member up.
    pub(super) fn is_healthy(&self) -> bool {
        self.loops
            .iter()
            .all(|probe_loop| probe_loop.judgement.is_healthy())
    }

    /// Whether its own traffic says that the member is down: the breaker is open.
    pub(super) fn is_tripped(&self) -> bool {
        self.passive.iter().any(|judgement| !judgement.is_healthy())
    }

    pub(super) fn close_breaker(&mut self) {
        self.passive.iter_mut().for_each(Judgement::reset);
    }

    /// The interval of its first loop, over which phases are uniform.
    pub(super) fn interval(&self) -> SimDuration {
        self.loops
            .first()
            .map_or(SimDuration::ZERO, |probe_loop| probe_loop.config.every)
    }

    /// Begins all loops after `phase`.
    pub(super) fn start(
        &mut self,
        index: u32,
        now: LocalTime,
        phase: SimDuration,
        out: &mut Vec<Action>,
    ) {
        for number in 0..self.loops.len() as u32 {
            out.push(Action::Wake {
                at: now.plus(phase),
                token: index * LOOPS_PER_WATCH + number,
            });
        }
    }

    /// The watch that a token is for.
    pub(super) fn index_of(token: u32) -> usize {
        (token / LOOPS_PER_WATCH) as usize
    }

    /// A loop is due: the next round, or the next probe of one.
    pub(super) fn woken(&mut self, token: u32, now: LocalTime, out: &mut Vec<Action>) {
        let number = token % LOOPS_PER_WATCH;
        let probe_loop = &mut self.loops[number as usize];
        if probe_loop.sent == 0 {
            probe_loop.round_began = now;
        }
        probe_loop.sent += 1;
        out.push(Action::Probe(Probe {
            member: self.member,
            ticket: token,
            kind: probe_loop.config.kind,
            timeout: probe_loop.config.timeout,
            keeps_connection: probe_loop.config.keeps_connection,
        }));
    }

    /// A probe ended.
    pub(super) fn probe_ended(
        &mut self,
        ticket: u32,
        now: LocalTime,
        outcome: ProbeOutcome,
        out: &mut Vec<Action>,
    ) {
        let probe_loop = &mut self.loops[(ticket % LOOPS_PER_WATCH) as usize];
        let open = probe_loop
            .judgement
            .take(now, outcome == ProbeOutcome::Passed);
        let config = &probe_loop.config;
        if open && probe_loop.sent < config.probes {
            out.push(Action::Wake {
                at: now.plus(config.gap),
                token: ticket,
            });
            return;
        }
        probe_loop.judgement.end_round();
        probe_loop.sent = 0;
        probe_loop.round += 1;
        let next = match config.pace {
            Pace::FixedRate => probe_loop.round_began.plus(config.every).max(now),
            Pace::FixedDelay => now.plus(config.every),
        };
        out.push(Action::Wake {
            at: next,
            token: ticket,
        });
    }

    /// An attempt of its own traffic ended.
    pub(super) fn attempt_ended(&mut self, now: LocalTime, failed: bool) {
        for judgement in &mut self.passive {
            judgement.take(now, !failed);
        }
    }

    /// Whether attempts matter to it.
    pub(super) fn watches_traffic(&self) -> bool {
        !self.passive.is_empty()
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        for probe_loop in &self.loops {
            hash.absorb(u64::from(probe_loop.round) << 32 | u64::from(probe_loop.sent));
            probe_loop.judgement.hash_into(hash);
        }
        self.passive
            .iter()
            .for_each(|judgement| judgement.hash_into(hash));
    }
}
