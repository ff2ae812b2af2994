//! A watch: one member's probe loops and detectors, as one decider sees them.
//!
//! A loop sends rounds of probes. At a fixed rate a round begins an interval after the previous one
//! *began* (or at once, if that one took longer); with a fixed delay, an interval after it *ended*.
//! A round ends early when its verdict is certain. A loop that asks each shard has a lane for each: in
//! every step of a round one probe for each lane, each lane with a detector of its own.
//!
//! Beside the loops that judge a member stand conditions: loops that run only while somebody wants to
//! return to it, and say nothing about its health.

use regionfall_kernel::{Addressed, SimDuration, TraceHash};

use super::decider::{Action, LocalTime, Probe, ProbeOutcome};
use super::detector::Judgement;
use super::evidence::KeySample;
use super::{Detector, Evidence, Pace, ProbeConfig, ProbeKind, RoundPolicy};
use crate::topology::MemberId;

/// One member, watched.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    member: MemberId,
    loops: Vec<ProbeLoop>,
    passive: Vec<Judgement>,
    /// Of each of these: whether only attempts that timed out count as failures.
    only_timeouts: Vec<bool>,
    /// Wake-ups that are planned for detectors of passive evidence.
    passive_alarms: Vec<Option<LocalTime>>,
    /// Draws of jitter, and who draws.
    draws: Option<(Addressed, u32)>,
    /// Whether another plans when rounds begin.
    is_led: bool,
    /// Whether one of its detectors may turn by itself.
    is_timed: bool,
    /// Rounds after which everything was well.
    rounds_passed: u32,
}

/// A wake-up token's meaning: tokens carry the watch in the high bits and the loop in the low ones. Tickets
/// of probes carry the lane above both.
const LOOPS_PER_WATCH: u32 = 32;
/// Below this are loops; from here alarms of their detectors.
const LOOP_ALARMS: u32 = 8;
/// From here alarms of passive detectors.
const PASSIVE_ALARMS: u32 = 16;
const LANE_SHIFT: u32 = 16;

#[derive(Clone, Debug)]
struct ProbeLoop {
    config: ProbeConfig,
    lanes: Vec<Judgement>,
    alarm: Option<LocalTime>,
    round_began: LocalTime,
    step_began: LocalTime,
    sent: u32,
    awaited: u32,
    retries_left: u32,
    is_open: bool,
    round: u32,
    latency: Option<SimDuration>,
    /// A condition, and whether it is wanted now.
    condition: Option<Condition>,
}

/// The state of a condition for going back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Condition {
    is_wanted: bool,
    is_planned: bool,
    has_answered: bool,
}

/// What a round that ended means for the plan of rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RoundEnd {
    /// Which loop.
    pub(super) number: u32,
    /// When the round began.
    pub(super) began: LocalTime,
}

impl Watch {
    pub(super) fn new(member: MemberId, evidence: &[Evidence]) -> Self {
        let mut watch = Self {
            member,
            loops: Vec::new(),
            passive: Vec::new(),
            only_timeouts: Vec::new(),
            passive_alarms: Vec::new(),
            draws: None,
            is_led: false,
            is_timed: false,
            rounds_passed: 0,
        };
        for item in evidence {
            match item {
                Evidence::Probe(config, detector) => {
                    watch.loops.push(ProbeLoop::new(config, detector, None));
                }
                Evidence::Passive(detector) | Evidence::PassiveTimeouts(detector) => {
                    let only_timeouts = matches!(item, Evidence::PassiveTimeouts(_));
                    watch.only_timeouts.push(only_timeouts);
                    let judgement = Judgement::new(detector, 1, SimDuration::ZERO);
                    watch.passive.push(judgement);
                }
                Evidence::Heartbeat(_) => {}
            }
        }
        watch.passive_alarms = vec![None; watch.passive.len()];
        let lanes = watch.loops.iter().flat_map(|one| &one.lanes);
        watch.is_timed = lanes.chain(&watch.passive).any(Judgement::is_timed);
        debug_assert!(watch.loops.len() < LOOP_ALARMS as usize);
        watch
    }

    /// Draws for jitter come from here.
    pub(super) fn with_draws(mut self, draws: Addressed, who: u32) -> Self {
        self.draws = Some((draws, who));
        self
    }

    /// Rounds begin when somebody else says so.
    pub(super) fn led(mut self) -> Self {
        self.is_led = true;
        self
    }

    /// Adds a condition for going back.
    pub(super) fn add_condition(&mut self, config: &ProbeConfig) {
        let all = Detector::Round {
            policy: RoundPolicy::All,
        };
        let condition = Some(Condition::default());
        self.loops.push(ProbeLoop::new(config, &all, condition));
        debug_assert!(self.loops.len() < LOOP_ALARMS as usize);
    }

    pub(super) fn member(&self) -> MemberId {
        self.member
    }

    fn judging(&self) -> impl Iterator<Item = &ProbeLoop> {
        self.loops.iter().filter(|one| one.condition.is_none())
    }

    /// Whether every active loop finds the member up, in every lane.
    pub(super) fn is_healthy(&self) -> bool {
        self.judging()
            .all(|one| one.lanes.iter().all(Judgement::is_healthy))
    }

    /// The share of lanes in which the member is up, by its worst loop.
    pub(super) fn healthy_share(&self) -> f64 {
        let share = |one: &ProbeLoop| {
            let up = one.lanes.iter().filter(|lane| lane.is_healthy()).count();
            up as f64 / one.lanes.len() as f64
        };
        self.judging().map(share).fold(1.0, f64::min)
    }

    /// Whether the member is up as far as a shard is concerned: by the lane of the shard where a loop has
    /// one, else by the whole loop.
    pub(super) fn is_shard_healthy(&self, shard: usize) -> bool {
        self.judging().all(|one| match one.lanes.as_slice() {
            [only] => only.is_healthy(),
            lanes => lanes.get(shard).is_none_or(Judgement::is_healthy),
        })
    }

    /// Whether its own traffic says that the member is down: the breaker is open.
    pub(super) fn is_tripped(&self) -> bool {
        self.passive.iter().any(|judgement| !judgement.is_healthy())
    }

    /// Whether all conditions are wanted, answered, and hold.
    pub(super) fn conditions_hold(&self) -> bool {
        let mut conditions = self
            .loops
            .iter()
            .filter_map(|one| one.condition.map(|condition| (one, condition)));
        conditions.all(|(one, condition)| {
            condition.has_answered && one.lanes.iter().all(Judgement::is_healthy)
        })
    }

    /// Starts asking for the conditions, or stops.
    pub(super) fn want_conditions(
        &mut self,
        index: u32,
        now: LocalTime,
        wanted: bool,
        out: &mut Vec<Action>,
    ) {
        for (number, one) in (0..).zip(&mut self.loops) {
            let Some(condition) = &mut one.condition else {
                continue;
            };
            if condition.is_wanted == wanted {
                continue;
            }
            condition.is_wanted = wanted;
            condition.has_answered = false;
            if wanted && !condition.is_planned {
                condition.is_planned = true;
                let token = index * LOOPS_PER_WATCH + number;
                out.push(Action::Wake { at: now, token });
            }
        }
    }

    pub(super) fn close_breaker(&mut self) {
        self.passive.iter_mut().for_each(Judgement::reset);
    }

    /// Whether a breaker of the outlier kind is open, with its settings.
    pub(super) fn ejected(&mut self) -> Option<super::evidence::EjectionConfig> {
        self.passive.iter_mut().find_map(|judgement| {
            let ejection = judgement.ejection()?;
            ejection.is_out().then_some(ejection.config)
        })
    }

    /// How many rounds have passed.
    pub(super) fn rounds_passed(&self) -> u32 {
        self.rounds_passed
    }

    /// The round trip that its last passed probe took.
    pub(super) fn latency(&self) -> Option<SimDuration> {
        self.judging().find_map(|one| one.latency)
    }

    /// The interval of its first loop, over which phases are uniform.
    pub(super) fn interval(&self) -> SimDuration {
        self.loops
            .first()
            .map_or(SimDuration::ZERO, |probe_loop| probe_loop.config.every)
    }

    /// How many loops judge it.
    pub(super) fn loops(&self) -> u32 {
        self.judging().count() as u32
    }

    /// The settings of a loop.
    pub(super) fn config(&self, number: u32) -> &ProbeConfig {
        &self.loops[number as usize].config
    }

    /// Begins all loops after `phase`.
    pub(super) fn start(
        &mut self,
        index: u32,
        now: LocalTime,
        phase: SimDuration,
        out: &mut Vec<Action>,
    ) {
        for (number, one) in (0..).zip(&mut self.loops) {
            one.lanes.iter_mut().for_each(|lane| lane.start(now));
            if one.condition.is_none() {
                out.push(Action::Wake {
                    at: now.plus(phase),
                    token: index * LOOPS_PER_WATCH + number,
                });
            }
        }
        self.plan_alarms(index, out);
    }

    /// Evidence counts from here, but somebody else begins the rounds.
    pub(super) fn stand_by(&mut self, index: u32, now: LocalTime, out: &mut Vec<Action>) {
        for one in &mut self.loops {
            one.lanes.iter_mut().for_each(|lane| lane.start(now));
        }
        self.plan_alarms(index, out);
    }

    /// The token that begins a round of a loop.
    pub(super) fn round_token(index: u32, number: u32) -> u32 {
        index * LOOPS_PER_WATCH + number
    }

    /// The watch that a token or a ticket is for.
    pub(super) fn index_of(token: u32) -> usize {
        ((token & ((1 << LANE_SHIFT) - 1)) / LOOPS_PER_WATCH) as usize
    }

    /// A loop is due (the next round, or the next probe of one), or time has told a detector something.
    pub(super) fn woken(
        &mut self,
        token: u32,
        now: LocalTime,
        out: &mut Vec<Action>,
    ) -> Option<RoundEnd> {
        let index = token / LOOPS_PER_WATCH;
        let number = token % LOOPS_PER_WATCH;
        let ended = if number < LOOP_ALARMS {
            self.step(token, number, now, out)
        } else {
            if number < PASSIVE_ALARMS {
                let one = &mut self.loops[(number - LOOP_ALARMS) as usize];
                one.alarm = None;
                one.lanes.iter_mut().for_each(|lane| lane.tick(now));
            } else {
                let number = (number - PASSIVE_ALARMS) as usize;
                self.passive_alarms[number] = None;
                self.passive[number].tick(now);
            }
            None
        };
        self.plan_alarms(index, out);
        ended
    }

    /// The next probes of a round.
    fn step(
        &mut self,
        token: u32,
        number: u32,
        now: LocalTime,
        out: &mut Vec<Action>,
    ) -> Option<RoundEnd> {
        let one = &mut self.loops[number as usize];
        if let Some(condition) = &mut one.condition
            && !condition.is_wanted
        {
            condition.is_planned = false;
            return None;
        }
        if one.sent == 0 {
            one.round_began = now;
            one.is_open = false;
        }
        let mut timeout = one.config.timeout;
        if let Some(limit) = one.config.refinement.round_timeout {
            let end = one.round_began.plus(limit);
            if now >= end {
                for lane in &mut one.lanes {
                    lane.take_probe(now, one.step_began, ProbeOutcome::TimedOut);
                }
                return self.end_round(token, number, now, out);
            }
            timeout = timeout.min(end.since(now));
        }
        one.step_began = now;
        one.sent += 1;
        one.awaited = one.lanes.len() as u32;
        one.retries_left = one.config.refinement.retries;
        for lane in 0..one.awaited {
            out.push(Action::Probe(one.probe(self.member, token, lane, timeout)));
        }
        None
    }

    /// A probe ended. Gives the round that ended with it, if somebody else plans the next.
    pub(super) fn probe_ended(
        &mut self,
        ticket: u32,
        now: LocalTime,
        outcome: ProbeOutcome,
        out: &mut Vec<Action>,
    ) -> Option<RoundEnd> {
        let (token, lane) = (ticket & ((1 << LANE_SHIFT) - 1), ticket >> LANE_SHIFT);
        let number = token % LOOPS_PER_WATCH;
        let one = &mut self.loops[number as usize];
        if outcome == ProbeOutcome::TimedOut && one.retries_left > 0 {
            one.retries_left -= 1;
            let again = one.probe(self.member, token, lane, one.config.timeout);
            out.push(Action::Probe(again));
            return None;
        }
        if outcome == ProbeOutcome::Passed {
            one.latency = Some(now.since(one.step_began));
        }
        let asked = one.step_began;
        one.is_open |= one.lanes[lane as usize].take_probe(now, asked, outcome);
        one.awaited -= 1;
        let ended = if one.awaited > 0 {
            None
        } else if std::mem::take(&mut one.is_open) && one.sent < one.config.probes {
            out.push(Action::Wake {
                at: now.plus(one.config.gap),
                token,
            });
            None
        } else {
            self.end_round(token, number, now, out)
        };
        self.plan_alarms(token / LOOPS_PER_WATCH, out);
        ended
    }

    fn end_round(
        &mut self,
        token: u32,
        number: u32,
        now: LocalTime,
        out: &mut Vec<Action>,
    ) -> Option<RoundEnd> {
        let one = &mut self.loops[number as usize];
        one.lanes.iter_mut().for_each(Judgement::end_round);
        one.sent = 0;
        one.round += 1;
        let is_well = one.lanes.iter().all(Judgement::is_healthy);
        self.rounds_passed += u32::from(is_well && one.condition.is_none());
        if let Some(condition) = &mut one.condition {
            condition.has_answered = condition.is_wanted;
        } else if self.is_led {
            return Some(RoundEnd {
                number,
                began: one.round_began,
            });
        }
        let (began, round) = (one.round_began, one.round);
        let config = &one.config;
        let is_turning = one.lanes.iter().any(Judgement::is_turning);
        let when_failing = config.refinement.every_when_failing.filter(|_| is_turning);
        let every = when_failing.unwrap_or(config.every);
        let mut next = match config.pace {
            Pace::FixedRate => began.plus(every).max(now),
            Pace::FixedDelay => now.plus(every),
        };
        if let Some((draws, who)) = self.draws
            && config.refinement.jitter > SimDuration::ZERO
        {
            let share = draws.unit([who, token, round, 1].into());
            let jitter = config.refinement.jitter.as_nanos() as f64 * share;
            next = next.plus(SimDuration::from_nanos_f64(jitter));
        }
        out.push(Action::Wake { at: next, token });
        None
    }

    /// An attempt of its own traffic ended. Says whether a verdict turned by it.
    pub(super) fn attempt_ended(
        &mut self,
        index: u32,
        now: LocalTime,
        (failed, timed_out): (bool, bool),
        out: &mut Vec<Action>,
    ) -> bool {
        let mut turned = false;
        for (judgement, only_timeouts) in self.passive.iter_mut().zip(&self.only_timeouts) {
            if !only_timeouts || timed_out || !failed {
                turned |= judgement.turns_with(now, !failed);
            }
        }
        for one in &mut self.loops {
            if one.config.refinement.with_traffic {
                for lane in &mut one.lanes {
                    turned |= lane.turns_with(now, !failed);
                }
            }
        }
        self.plan_alarms(index, out);
        turned
    }

    /// Whether attempts matter to it.
    pub(super) fn watches_traffic(&self) -> bool {
        let shared = |one: &ProbeLoop| one.config.refinement.with_traffic;
        !self.passive.is_empty() || self.loops.iter().any(shared)
    }

    /// Asks to be woken when a detector would turn by itself; at most one wake-up for each is planned.
    fn plan_alarms(&mut self, index: u32, out: &mut Vec<Action>) {
        if !self.is_timed {
            return;
        }
        let base = index * LOOPS_PER_WATCH;
        for (number, one) in (0..).zip(&mut self.loops) {
            let turns = one.lanes.iter().filter_map(Judgement::turns_at).min();
            plan(&mut one.alarm, turns, base + LOOP_ALARMS + number, out);
        }
        let passive = self.passive.iter().zip(&mut self.passive_alarms);
        for (number, (judgement, alarm)) in (0..).zip(passive) {
            let token = base + PASSIVE_ALARMS + number;
            plan(alarm, judgement.turns_at(), token, out);
        }
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        for probe_loop in &self.loops {
            hash.absorb(u64::from(probe_loop.round) << 32 | u64::from(probe_loop.sent));
            probe_loop
                .lanes
                .iter()
                .for_each(|lane| lane.hash_into(hash));
        }
        self.passive
            .iter()
            .for_each(|judgement| judgement.hash_into(hash));
    }
}

/// Plans a wake-up unless one is planned: when that comes, the next is planned.
fn plan(planned: &mut Option<LocalTime>, at: Option<LocalTime>, token: u32, out: &mut Vec<Action>) {
    if let (None, Some(at)) = (*planned, at) {
        *planned = Some(at);
        out.push(Action::Wake { at, token });
    }
}

impl ProbeLoop {
    fn new(config: &ProbeConfig, detector: &Detector, condition: Option<Condition>) -> Self {
        let lanes = match config.kind {
            ProbeKind::SetGet(KeySample::OnePerShard) => config.refinement.shards.max(1),
            _ => 1,
        };
        let lane = Judgement::new(detector, config.probes, config.every);
        Self {
            config: config.clone(),
            lanes: vec![lane; usize::from(lanes)],
            alarm: None,
            round_began: LocalTime(0),
            step_began: LocalTime(0),
            sent: 0,
            awaited: 0,
            retries_left: 0,
            is_open: false,
            round: 0,
            latency: None,
            condition,
        }
    }

    fn probe(&self, member: MemberId, token: u32, lane: u32, timeout: SimDuration) -> Probe {
        let per_shard = self.config.kind == ProbeKind::SetGet(KeySample::OnePerShard);
        Probe {
            member,
            ticket: token | lane << LANE_SHIFT,
            kind: self.config.kind,
            timeout,
            keeps_connection: self.config.keeps_connection,
            shard: per_shard.then_some(lane as u16),
        }
    }
}
