//! Going back: what must hold, for how long, and in which steps traffic returns.
//!
//! ```text
//! away ──usable, allowed by the failback rule, conditions held──▶ reads back ──▶ canary ──▶ settled
//! any of these fails ──▶ away
//! ```
//!
//! Source of the criteria and of reads before writes: Redis docs, application failover with Active-Active
//! databases ("available, resynchronized, not stale").

use regionfall_kernel::SimDuration;

use super::super::conduct::{AsksBy, Returning};
use super::super::decider::{Action, LocalTime};
use super::super::evidence::ProbeRefinement;
use super::super::{Failback, Pace, ProbeConfig, ProbeKind};
use super::{ClientJudge, HELD, STAGE};
use crate::database::{CheckScope, LagCheck};
use crate::topology::MemberId;

/// How far a return is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// All traffic is at one member.
    Settled,
    /// Reads are back at a member.
    Reads(MemberId, LocalTime),
    /// A share of everything is.
    Canary(MemberId, LocalTime),
}

impl Returning {
    /// The probes that find out whether its conditions hold.
    pub(crate) fn conditions(&self) -> Vec<ProbeConfig> {
        let probe = |kind| ProbeConfig {
            kind,
            every: self.check_every,
            timeout: self.check_every.min(SimDuration::from_secs(1)),
            pace: Pace::FixedDelay,
            probes: 1,
            gap: SimDuration::ZERO,
            keeps_connection: false,
            refinement: ProbeRefinement::default(),
        };
        let synchronized = self.synchronized.map(|tolerance| match self.asks {
            AsksBy::Management => ProbeKind::Availability {
                scope: CheckScope::Database,
                lag: Some(LagCheck {
                    tolerance: Some(tolerance),
                }),
            },
            AsksBy::DataPath => ProbeKind::Replication { tolerance },
        });
        let fresh = self.fresh.then_some(ProbeKind::NotStale);
        synchronized.into_iter().chain(fresh).map(probe).collect()
    }

    fn has_conditions(&self) -> bool {
        self.synchronized.is_some() || self.fresh
    }
}

impl ClientJudge {
    /// Whether traffic may go back to a member that was left.
    pub(super) fn may_return(&self, now: LocalTime, index: usize) -> bool {
        let is_allowed = match self.failback {
            Failback::Never | Failback::Manual { .. } => false,
            Failback::Automatic { after } => now.since(self.healthy_since[index]) >= after,
            Failback::Tick { .. } => true,
        };
        is_allowed && (!self.returning.has_conditions() || self.has_held(now, index))
    }

    fn has_held(&self, now: LocalTime, index: usize) -> bool {
        self.held_since[index].is_some_and(|since| now.since(since) >= self.returning.held_for)
    }

    /// Asks for the conditions of those members that traffic may go back to, and of no others.
    pub(super) fn want_conditions(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if !self.returning.has_conditions() {
            return;
        }
        let active = self.position(self.active).unwrap_or(0);
        for index in 0..self.order.len() {
            self.watches[index].want_conditions(index as u32, now, index < active, out);
            self.held_since[index] = None;
        }
    }

    /// A member's conditions may have changed.
    pub(super) fn review_conditions(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<Action>,
    ) {
        if !self.returning.has_conditions() {
            return;
        }
        let hold = self.watches[index].conditions_hold();
        match (hold, self.held_since[index]) {
            (true, None) => {
                self.held_since[index] = Some(now);
                out.push(Action::Wake {
                    at: now.plus(self.returning.held_for),
                    token: HELD,
                });
            }
            (false, Some(_)) => {
                self.held_since[index] = None;
                self.abandon_return_to(now, index, out);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Begins the return to a member: at once, or step by step.
    pub(super) fn go_back(&mut self, now: LocalTime, to: MemberId, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Reads(member, _) | Stage::Canary(member, _) if member == to => {}
            Stage::Settled | Stage::Reads(..) | Stage::Canary(..) => {
                if let Some(length) = self.returning.reads_first {
                    self.stage = Stage::Reads(to, now);
                    out.push(Action::UseForReads { member: to });
                    out.push(Action::Wake {
                        at: now.plus(length),
                        token: STAGE,
                    });
                } else {
                    self.canary_or_all(now, to, out);
                }
            }
        }
    }

    fn canary_or_all(&mut self, now: LocalTime, to: MemberId, out: &mut Vec<Action>) {
        match self.returning.canary {
            Some((share, length)) => {
                self.stage = Stage::Canary(to, now);
                out.push(Action::Share {
                    member: to,
                    per_mille: per_mille(share),
                });
                out.push(Action::Wake {
                    at: now.plus(length),
                    token: STAGE,
                });
            }
            None => self.switch(now, Some(to), out),
        }
    }

    /// A step may be over.
    pub(super) fn next_stage(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Reads(to, since)
                if self
                    .returning
                    .reads_first
                    .is_some_and(|length| now >= since.plus(length)) =>
            {
                self.canary_or_all(now, to, out);
            }
            Stage::Canary(to, since)
                if self
                    .returning
                    .canary
                    .is_some_and(|(_, length)| now >= since.plus(length)) =>
            {
                self.switch(now, Some(to), out);
            }
            Stage::Settled | Stage::Reads(..) | Stage::Canary(..) => {}
        }
    }

    /// Gives a return up if it is one to a member that cannot be used, or must not.
    pub(super) fn abandon_return_to(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<Action>,
    ) {
        let (Stage::Reads(to, _) | Stage::Canary(to, _)) = self.stage else {
            return;
        };
        let holds = !self.returning.has_conditions() || self.held_since[index].is_some();
        if to == self.order[index] && !(self.usable(now, index) && holds) {
            self.stage = Stage::Settled;
            out.push(Action::Use {
                member: self.active,
            });
        }
    }
}

/// A share in thousandths.
pub(super) fn per_mille(share: f64) -> u16 {
    libm::round(share.clamp(0.0, 1.0) * 1_000.0) as u16
}
