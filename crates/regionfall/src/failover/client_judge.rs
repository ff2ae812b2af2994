//! The vantage of a client process: it watches every member of its order, and points its own traffic
//! at the best usable one.
//!
//! ```text
//! usable   = healthy ∧ breaker closed ∧ grace over
//! active becomes unusable  → grace of the member left begins → best usable member, at once
//! failback timer           → best usable member, if it comes before the active one
//! ```
//!
//! The breaker closes lazily, when usability is looked at after the grace (source: redis/jedis,
//! `mcf/MultiDbConnectionProvider`). With no usable member the active one stays; nothing but a change of
//! some member's health looks again.

use regionfall_kernel::{SimDuration, TraceHash};

use super::decider::{Action, Decider, LocalTime, Sight};
use super::watch::Watch;
use super::{Choice, Failback, StrategyConfig};
use crate::topology::MemberId;

/// The token of the failback timer; watches use smaller ones.
const FAILBACK: u32 = u32::MAX;

/// A client process that decides for itself.
#[derive(Clone, Debug)]
pub struct ClientJudge {
    watches: Vec<Watch>,
    grace_until: Vec<LocalTime>,
    healthy_since: Vec<LocalTime>,
    order: Vec<MemberId>,
    active: MemberId,
    choice: Choice,
    failback: Failback,
    phase: f64,
}

impl ClientJudge {
    /// A judge for a process that prefers members in this `order`. `phase`, in 0..1, sets where in
    /// their intervals its loops begin.
    pub fn new(strategy: &StrategyConfig, order: &[MemberId], phase: f64) -> Self {
        Self {
            watches: order
                .iter()
                .map(|&member| Watch::new(member, &strategy.evidence))
                .collect(),
            grace_until: vec![LocalTime(0); order.len()],
            healthy_since: vec![LocalTime(0); order.len()],
            order: order.to_vec(),
            active: order[0],
            choice: strategy.choice,
            failback: strategy.failback.clone(),
            phase,
        }
    }

    fn position(&self, member: MemberId) -> Option<usize> {
        self.order.iter().position(|&other| other == member)
    }

    fn usable(&self, now: LocalTime, index: usize) -> bool {
        let watch = &self.watches[index];
        watch.is_healthy() && !watch.is_tripped() && now >= self.grace_until[index]
    }

    /// Whether traffic may go back to a member that was left.
    fn may_return(&self, now: LocalTime, index: usize) -> bool {
        match self.failback {
            Failback::Never => false,
            Failback::Automatic { after } => now.since(self.healthy_since[index]) >= after,
            Failback::Tick { .. } => true,
        }
    }

    fn close_breakers_after_grace(&mut self, now: LocalTime) {
        for (watch, &until) in self.watches.iter_mut().zip(&self.grace_until) {
            if watch.is_tripped() && now >= until {
                watch.close_breaker();
            }
        }
    }

    /// Looks for a member after the active one became unusable.
    fn leave_active(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if let (Some(index), Failback::Tick { grace, .. }) =
            (self.position(self.active), &self.failback)
        {
            self.grace_until[index] = now.plus(*grace);
        }
        self.close_breakers_after_grace(now);
        let choice = Choice::Priority { fail_open: false };
        let next = choice.pick(&self.order, |member| {
            self.position(member)
                .is_some_and(|index| self.usable(now, index))
        });
        self.switch(next, out);
    }

    /// Looks for a member that comes before the active one.
    fn try_failback(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        self.close_breakers_after_grace(now);
        let best = self.choice.pick(&self.order, |member| {
            self.position(member)
                .is_some_and(|index| self.usable(now, index) && self.may_return(now, index))
        });
        let rank = |member| self.order.iter().position(|&other| other == member);
        if best.is_some_and(|best| rank(best) < rank(self.active)) {
            self.switch(best, out);
        }
    }

    fn switch(&mut self, next: Option<MemberId>, out: &mut Vec<Action>) {
        if let Some(member) = next.filter(|&member| member != self.active) {
            self.active = member;
            out.push(Action::Use { member });
        }
    }

    /// Runs `change` on a watch and acts on a changed verdict.
    fn change_watch(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Watch, &mut Vec<Action>),
    ) {
        let sound = |watch: &Watch| watch.is_healthy() && !watch.is_tripped();
        let watch = &mut self.watches[index];
        let before = sound(watch);
        change(watch, out);
        let after = sound(watch);
        if before == after {
            return;
        }
        let member = watch.member();
        out.push(Action::Verdict {
            member,
            healthy: after,
        });
        if after {
            self.healthy_since[index] = now;
            self.recovered(now, index, out);
        } else if member == self.active {
            self.leave_active(now, out);
        }
    }

    /// A member counts as up again.
    fn recovered(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        let active_usable = self
            .position(self.active)
            .is_some_and(|active| self.usable(now, active));
        if !active_usable && self.usable(now, index) {
            self.switch(Some(self.order[index]), out);
        } else if let Failback::Automatic { after } = self.failback {
            out.push(Action::Wake {
                at: now.plus(after),
                token: FAILBACK,
            });
        }
    }
}

impl Decider for ClientJudge {
    fn start(&mut self, now: LocalTime, actions: &mut Vec<Action>) {
        for (index, watch) in self.watches.iter_mut().enumerate() {
            let phase = scaled(watch.interval(), self.phase);
            watch.start(index as u32, now, phase, actions);
        }
        if let Failback::Tick { every, .. } = self.failback {
            let phase = scaled(every, (self.phase * 7.0).fract());
            actions.push(Action::Wake {
                at: now.plus(phase),
                token: FAILBACK,
            });
        }
    }

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Woken { token: FAILBACK } => {
                self.try_failback(now, actions);
                if let Failback::Tick { every, .. } = self.failback {
                    actions.push(Action::Wake {
                        at: now.plus(every),
                        token: FAILBACK,
                    });
                }
            }
            Sight::Woken { token } => {
                self.watches[Watch::index_of(token)].woken(token, now, actions);
            }
            Sight::ProbeEnded {
                ticket, outcome, ..
            } => {
                self.change_watch(now, Watch::index_of(ticket), actions, |watch, out| {
                    watch.probe_ended(ticket, now, outcome, out);
                });
            }
            Sight::AttemptEnded { member, failed } => {
                if let Some(index) = self.position(member) {
                    self.change_watch(now, index, actions, |watch, _| {
                        watch.attempt_ended(now, failed);
                    });
                }
            }
            Sight::Reported { .. } => {}
        }
    }

    fn is_usable(&self, now: LocalTime, member: MemberId) -> bool {
        self.position(member)
            .is_some_and(|index| self.usable(now, index))
    }

    fn watches_traffic(&self) -> bool {
        self.watches.iter().any(Watch::watches_traffic)
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.active.0));
        self.watches.iter().for_each(|watch| watch.hash_into(hash));
        self.grace_until
            .iter()
            .for_each(|until| hash.absorb(until.0));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}

/// A share of a span.
fn scaled(span: SimDuration, share: f64) -> SimDuration {
    SimDuration::from_nanos_f64(span.as_nanos() as f64 * share)
}
