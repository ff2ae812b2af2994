//! The vantage of a client process: it watches every member of its order, and points its own traffic
//! at the best usable one.
//!
//! ```text
//! sound    = probes, heartbeats and breaker say up
//! usable   = sound, in the eyes of those whose votes count ∧ grace over
//! active becomes unusable  → grace of the member left begins → best usable member
//! failback timer           → best usable member, if it comes before the active one
//! ```
//!
//! A process that adopts at once switches when a verdict falls; one that adopts with the next command looks
//! when a command begins, and finds then whatever has become usable (redis-py).
//!
//! The breaker closes lazily, when usability is looked at after the grace (source: redis/jedis,
//! `mcf/MultiDbConnectionProvider`). With no usable member the active one stays; nothing but a change of
//! some member's health looks again, unless a timer is set for that (Lettuce).

mod hearing;
mod holder;
mod ranking;
mod returning;
mod rounds;
mod votes;

use regionfall_kernel::{Addressed, SimDuration, TraceHash};

use super::conduct::{Conduct, Returning, Rounds};
use super::decider::{Action, Decider, LocalTime, Sight};
use super::ejection::may_eject;
use super::note::Note;
use super::watch::Watch;
use super::{Adopt, Choice, Evidence, Failback, Propagation, StrategyConfig};
use crate::topology::MemberId;
use hearing::Hearing;
use holder::Holder;
use returning::Stage;
use rounds::RoundPlan;
use votes::Ballot;

/// The token of the failback timer; watches use smaller ones.
const FAILBACK: u32 = u32::MAX;
/// The next step of a return is due.
const STAGE: u32 = u32::MAX - 1;
/// What had to hold for a while may have held for long enough.
const HELD: u32 = u32::MAX - 2;
/// Look again for a usable member.
const LOOK_AGAIN: u32 = u32::MAX - 3;
/// A weight changes.
const WEIGHTS: u32 = u32::MAX - 4;
/// The lease is to be renewed.
const RENEW: u32 = u32::MAX - 5;
/// What was under way when the process let go has had its time.
const DRAINED: u32 = u32::MAX - 6;
/// The next heartbeat is due.
const BEAT: u32 = u32::MAX - 7;
/// A channel may have been silent for too long.
const SILENT: u32 = u32::MAX - 8;
/// A vote is to be repeated.
const VOTE: u32 = u32::MAX - 9;
/// A vote of another may have lapsed.
const LAPSE: u32 = u32::MAX - 10;
/// The smallest token that is not a watch's.
const FIRST_OWN: u32 = u32::MAX - 10;

/// Where a judge sits.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// In 0..1: where in their intervals its loops begin.
    pub phase: f64,
    /// Its number among the deciders.
    pub number: u32,
    /// How many processes its fleet has, itself included.
    pub fleet_size: u32,
    /// Draws for what varies in its own doings.
    pub draws: Addressed,
}

/// A client process that decides for itself.
#[derive(Clone, Debug)]
pub struct ClientJudge {
    watches: Vec<Watch>,
    /// What probes say of each member, as far as the process has taken note of it.
    found: Vec<bool>,
    /// Whether each member counts as up.
    up: Vec<bool>,
    grace_until: Vec<LocalTime>,
    /// How many rounds each member had passed when it was left: without a grace only another closes its
    /// breaker (redis-py).
    passed_when_left: Vec<u32>,
    healthy_since: Vec<LocalTime>,
    /// Since when the conditions of a return have held.
    held_since: Vec<Option<LocalTime>>,
    order: Vec<MemberId>,
    active: MemberId,
    selected_at: LocalTime,
    looks_again: bool,
    choice: Choice,
    weights: Vec<f64>,
    spread: Vec<u16>,
    by_shard: Vec<MemberId>,
    failback: Failback,
    returning: Returning,
    stage: Stage,
    conduct: Conduct,
    is_lazy: bool,
    rounds: RoundPlan,
    ballot: Ballot,
    holder: Option<Holder>,
    hearing: Option<Hearing>,
    seat: Seat,
}

impl ClientJudge {
    /// A judge for a process that prefers members in this `order`.
    pub fn new(strategy: &StrategyConfig, order: &[MemberId], seat: Seat) -> Self {
        let is_led = strategy.conduct.rounds != Rounds::Apart;
        let watch = |&member: &MemberId| {
            let watch = Watch::new(member, &strategy.evidence);
            let mut watch = watch.with_draws(seat.draws, seat.number);
            if is_led {
                watch = watch.led();
            }
            for condition in strategy.returning.conditions() {
                watch.add_condition(&condition);
            }
            watch
        };
        let hearing = strategy.evidence.iter().find_map(|item| match item {
            Evidence::Heartbeat(config) => Some(Hearing::new(config.clone(), order.len())),
            _ => None,
        });
        let members = order.len();
        let is_lazy = matches!(
            strategy.propagation,
            Propagation::Pointer {
                adopt: Adopt::NextCommand,
                ..
            }
        );
        let holder = strategy.conduct.lease.as_ref();
        Self {
            watches: order.iter().map(watch).collect(),
            found: vec![true; members],
            up: vec![true; members],
            grace_until: vec![LocalTime(0); members],
            passed_when_left: vec![0; members],
            healthy_since: vec![LocalTime(0); members],
            held_since: vec![None; members],
            order: order.to_vec(),
            active: order[0],
            selected_at: LocalTime(0),
            looks_again: false,
            weights: strategy.choice.weights(order),
            spread: Vec::new(),
            by_shard: Vec::new(),
            choice: strategy.choice.clone(),
            failback: strategy.failback.clone(),
            returning: strategy.returning.clone(),
            stage: Stage::Settled,
            is_lazy: is_lazy && holder.is_none(),
            rounds: RoundPlan::new(strategy.conduct.rounds, members),
            ballot: Ballot::new(strategy.conduct.votes, members, seat.fleet_size),
            holder: holder.map(|config| Holder::new(config, order[0])),
            conduct: strategy.conduct.clone(),
            hearing,
            seat,
        }
    }

    fn position(&self, member: MemberId) -> Option<usize> {
        self.order.iter().position(|&other| other == member)
    }

    /// Whether a member is up by what this process itself sees.
    fn is_sound(&self, index: usize) -> bool {
        let hears = self.hearing.as_ref();
        self.found[index]
            && !self.watches[index].is_tripped()
            && hears.is_none_or(|hearing| hearing.is_up(index))
    }

    fn usable(&self, now: LocalTime, index: usize) -> bool {
        let is_up = if self.ballot.counts_others() {
            self.up[index]
        } else {
            self.is_sound(index)
        };
        is_up && now >= self.grace_until[index]
    }

    fn is_active_usable(&self, now: LocalTime) -> bool {
        self.position(self.active)
            .is_some_and(|active| self.usable(now, active))
    }

    fn close_breakers_after_grace(&mut self, now: LocalTime) {
        for index in 0..self.watches.len() {
            let watch = &self.watches[index];
            let has_passed = watch.rounds_passed() > self.passed_when_left[index];
            let is_over = now >= self.grace_until[index] && (self.has_grace() || has_passed);
            let watch = &mut self.watches[index];
            if watch.is_tripped() && is_over && watch.ejected().is_none() {
                watch.close_breaker();
                if self.ballot.counts_others() {
                    self.up[index] = !self.is_down_by_votes(now, index);
                } else {
                    self.up[index] = self.is_sound(index);
                }
            }
        }
    }

    /// Looks for a member after the active one became unusable.
    fn leave_active(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if let Some(index) = self.position(self.active) {
            self.begin_grace(now, index, out);
        }
        self.look_elsewhere(now, out);
    }

    fn has_grace(&self) -> bool {
        !matches!(self.failback, Failback::Tick { grace, .. } if grace == SimDuration::ZERO)
    }

    /// A member that was left stays unused for its grace. Where the failback rule has none, a breaker that
    /// tripped stays open until traffic might go back.
    fn begin_grace(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        let is_tripped = self.watches[index].is_tripped();
        self.passed_when_left[index] = self.watches[index].rounds_passed();
        match self.failback {
            Failback::Tick { grace, .. } => self.grace_until[index] = now.plus(grace),
            Failback::Automatic { after } if is_tripped => {
                let at = now.plus(after.max(self.watches[index].interval()));
                self.grace_until[index] = at;
                out.push(Action::Wake {
                    at,
                    token: FAILBACK,
                });
            }
            Failback::Never | Failback::Manual { .. } if is_tripped => {
                self.grace_until[index] = LocalTime(u64::MAX);
            }
            _ => {}
        }
    }

    /// Looks for any usable member.
    fn look_elsewhere(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        self.close_breakers_after_grace(now);
        let next = self.pick(|judge, index| judge.usable(now, index));
        if next.is_none() {
            self.plan_looking_again(now, out);
        }
        self.switch(now, next, out);
    }

    fn plan_looking_again(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if let Some(every) = self.conduct.look_again.filter(|_| !self.looks_again) {
            self.looks_again = true;
            out.push(Action::Wake {
                at: now.plus(every),
                token: LOOK_AGAIN,
            });
        }
    }

    /// Looks for a member that comes before the active one.
    fn try_failback(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        self.close_breakers_after_grace(now);
        let best = self.pick(|judge, index| {
            let is_active = judge.order[index] == judge.active;
            judge.usable(now, index) && (is_active || judge.may_return(now, index))
        });
        if let Some(best) = best.or_else(|| self.open_choice())
            && self.comes_before_active(best)
        {
            self.go_back(now, best, out);
        }
    }

    /// Points traffic to a member, if it is another than the one in use, or asks the coordinator to.
    fn switch(&mut self, now: LocalTime, next: Option<MemberId>, out: &mut Vec<Action>) {
        let Some(member) = next.filter(|&member| member != self.active) else {
            return;
        };
        if let Some(holder) = &mut self.holder {
            holder.propose(member, out);
            return;
        }
        self.settle(now, member, out);
    }

    /// Traffic is at a member from now on.
    fn settle(&mut self, now: LocalTime, member: MemberId, out: &mut Vec<Action>) {
        self.active = member;
        self.selected_at = now;
        self.stage = Stage::Settled;
        out.push(Action::Use { member });
        self.want_conditions(now, out);
    }

    /// An attempt of its own traffic ended, as nearly all do without a change of anybody's mind.
    fn attempt_ended(
        &mut self,
        now: LocalTime,
        index: usize,
        result: (bool, bool),
        out: &mut Vec<Action>,
    ) {
        let watch = &mut self.watches[index];
        let turned = watch.attempt_ended(index as u32, now, result, out);
        // Votes of others lapse, and a ranking looks at graces, as time goes by: any event may find that they did.
        let follows_time = self.ballot.counts_others() || matches!(self.choice, Choice::Ranked(_));
        if turned || follows_time {
            self.change_watch(now, index, out, |_, _| None);
        }
    }

    /// Runs `change` on a watch and acts on a changed verdict.
    fn change_watch(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Watch, &mut Vec<Action>) -> Option<super::watch::RoundEnd>,
    ) {
        let ended = change(&mut self.watches[index], out);
        self.restrain_ejection(index);
        match self.conduct.rounds {
            Rounds::Apart | Rounds::InTurn => self.found[index] = self.watches[index].is_healthy(),
            Rounds::Together => {}
        }
        if let Some(ended) = ended {
            self.round_ended(now, index, ended, out);
        }
        self.reassess(now, index, out);
        self.respread(now, out);
        self.review_conditions(now, index, out);
    }

    /// Lets an ejected member back in if too many would be out.
    fn restrain_ejection(&mut self, index: usize) {
        let Some(config) = self.watches[index].ejected().filter(|_| self.up[index]) else {
            return;
        };
        let members = self.watches.len();
        let mut others = self.watches.iter_mut().enumerate();
        let out = others
            .by_ref()
            .filter_map(|(other, watch)| (other != index).then(|| watch.ejected()).flatten())
            .count();
        if !may_eject(&config, out, members) {
            self.watches[index].close_breaker();
        }
    }

    /// Acts on it if a member counts as up or down from now on.
    fn reassess(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        let is_sound = self.is_sound(index);
        self.cast_vote(now, index, is_sound, out);
        let is_up = if self.ballot.counts_others() {
            !self.is_down_by_votes(now, index)
        } else {
            is_sound
        };
        if is_up == self.up[index] {
            return;
        }
        self.up[index] = is_up;
        let member = self.order[index];
        out.push(Action::Verdict {
            member,
            healthy: is_up,
        });
        if is_up {
            self.healthy_since[index] = now;
        }
        if self.spreads_traffic() {
            return;
        }
        if is_up {
            self.recovered(now, index, out);
        } else if member == self.active && !self.is_lazy {
            self.leave_active(now, out);
        }
        self.abandon_return_to(now, index, out);
    }

    /// A member counts as up again.
    fn recovered(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        if self.is_lazy {
            return;
        }
        if !self.is_active_usable(now) && self.usable(now, index) {
            self.switch(now, Some(self.order[index]), out);
        } else if let Failback::Automatic { after } = self.failback {
            out.push(Action::Wake {
                at: now.plus(after),
                token: FAILBACK,
            });
        }
    }

    /// A command is about to choose a member: a lazy process looks now.
    fn command_begins(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if self.spreads_traffic() {
            return;
        }
        if !self.is_active_usable(now) {
            let in_grace = |index: usize| now < self.grace_until[index];
            if self.position(self.active).is_some_and(in_grace) {
                self.look_elsewhere(now, out);
            } else {
                self.leave_active(now, out);
            }
            return;
        }
        match self.failback {
            Failback::Never | Failback::Manual { .. } => {}
            Failback::Automatic { .. } => self.try_failback(now, out),
            Failback::Tick { every, .. } => {
                if now.since(self.selected_at) >= every {
                    self.selected_at = now;
                    self.try_failback(now, out);
                }
            }
        }
    }

    /// A note of another decider.
    fn received(&mut self, now: LocalTime, (from, note): (u32, Note), out: &mut Vec<Action>) {
        if let Note::Vote { member, healthy } = note {
            if let Some(index) = self.position(member) {
                self.count_vote(now, (from, index), healthy, out);
            }
            return;
        }
        let Some(holder) = &mut self.holder else {
            return;
        };
        if let Some(member) = holder.received(now, note, out) {
            self.settle(now, member, out);
        }
    }

    /// One of its own timers.
    fn own_timer(&mut self, now: LocalTime, token: u32, out: &mut Vec<Action>) {
        match token {
            FAILBACK => {
                self.try_failback(now, out);
                if let Failback::Tick { every, .. } = self.failback {
                    out.push(Action::Wake {
                        at: now.plus(every),
                        token: FAILBACK,
                    });
                }
            }
            STAGE => self.next_stage(now, out),
            HELD => {
                if matches!(self.failback, Failback::Automatic { .. }) {
                    self.try_failback(now, out);
                }
            }
            LOOK_AGAIN => {
                self.looks_again = false;
                if !self.is_active_usable(now) {
                    self.look_elsewhere(now, out);
                }
            }
            WEIGHTS => self.change_weights(now, out),
            RENEW | DRAINED => {
                if let Some(holder) = &mut self.holder {
                    holder.timer(now, token == RENEW, out);
                }
            }
            BEAT | SILENT => self.listen(now, token, out),
            VOTE => self.repeat_votes(now, out),
            _ => (0..self.order.len()).for_each(|index| self.reassess(now, index, out)),
        }
    }
}

impl Decider for ClientJudge {
    fn start(&mut self, now: LocalTime, actions: &mut Vec<Action>) {
        self.start_rounds(now, actions);
        if let Failback::Tick { every, .. } = self.failback
            && !self.is_lazy
        {
            let phase = scaled(every, (self.seat.phase * 7.0).fract());
            actions.push(Action::Wake {
                at: now.plus(phase),
                token: FAILBACK,
            });
        }
        self.plan_weights(now, actions);
        if let Some(hearing) = &mut self.hearing {
            hearing.start(now, self.seat.phase, &self.order, actions);
        }
        if let Some(holder) = &mut self.holder {
            holder.timer(now, true, actions);
        }
        self.respread(now, actions);
    }

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Woken { token } if token >= FIRST_OWN => self.own_timer(now, token, actions),
            Sight::Woken { token } => {
                self.change_watch(now, Watch::index_of(token), actions, |watch, out| {
                    watch.woken(token, now, out)
                });
            }
            Sight::ProbeEnded {
                ticket, outcome, ..
            } => {
                let index = Watch::index_of(ticket);
                if outcome != super::ProbeOutcome::Passed {
                    self.prolong_grace(now, index);
                }
                self.change_watch(now, index, actions, |watch, out| {
                    watch.probe_ended(ticket, now, outcome, out)
                });
            }
            Sight::AttemptEnded {
                member,
                failed,
                timed_out,
            } => {
                if let Some(index) = self.position(member) {
                    self.attempt_ended(now, index, (failed, timed_out), actions);
                }
            }
            Sight::CommandBegins => self.command_begins(now, actions),
            Sight::Heard { from, to, channel } => {
                let ends = (self.position(from), self.position(to));
                if let (Some(from), Some(to)) = ends
                    && let Some(hearing) = &mut self.hearing
                {
                    hearing.heard(now, (from, to), channel);
                    self.review_hearing(now, actions);
                }
            }
            Sight::SubscriptionLost { member } => {
                if let Some(index) = self.position(member)
                    && let Some(hearing) = &mut self.hearing
                {
                    hearing.lost(index);
                    self.review_hearing(now, actions);
                }
            }
            Sight::Received { from, note } => self.received(now, (from, note), actions),
            Sight::Reported { .. } => {}
        }
    }

    fn is_usable(&self, now: LocalTime, member: MemberId) -> bool {
        let holds = self.holder.as_ref();
        holds.is_none_or(|holder| holder.may_use(now, member))
            && self
                .position(member)
                .is_some_and(|index| self.usable(now, index))
    }

    fn watches_traffic(&self) -> bool {
        self.watches.iter().any(Watch::watches_traffic)
    }

    fn wants_commands(&self) -> bool {
        self.is_lazy
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.active.0));
        self.watches.iter().for_each(|watch| watch.hash_into(hash));
        self.grace_until
            .iter()
            .for_each(|until| hash.absorb(until.0));
        self.ballot.hash_into(hash);
        if let Some(holder) = &self.holder {
            holder.hash_into(hash);
        }
        if let Some(hearing) = &self.hearing {
            hearing.hash_into(hash);
        }
        self.spread
            .iter()
            .for_each(|share| hash.absorb(u64::from(*share)));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}

/// A share of a span.
fn scaled(span: SimDuration, share: f64) -> SimDuration {
    SimDuration::from_nanos_f64(span.as_nanos() as f64 * share)
}
