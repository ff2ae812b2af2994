//! The traffic manager behind its checkers: an endpoint is up while more than a share of the checkers
//! find it so, and each fleet's answer is the first endpoint of its order that is up.
//!
//! Source of the share rule: Amazon Route 53 Developer Guide, "How Amazon Route 53 determines whether a
//! health check is healthy".

use regionfall_kernel::TraceHash;

use super::decider::{Action, Decider, LocalTime, Sight};
use super::{Choice, Failback};
use crate::topology::{FleetId, MemberId};

/// The part of a traffic manager that turns reports into answers.
#[derive(Clone, Debug)]
pub struct TrafficManager {
    /// `found_up[member][checker]`.
    found_up: Vec<Vec<bool>>,
    up: Vec<bool>,
    up_since: Vec<LocalTime>,
    share_above: f64,
    orders: Vec<Vec<MemberId>>,
    answers: Vec<MemberId>,
    choice: Choice,
    failback: Failback,
}

/// What a traffic manager is set up with.
#[derive(Clone, Debug)]
pub struct TrafficManagerConfig {
    /// How many members it knows.
    pub members: usize,
    /// How many checkers report to it.
    pub checkers: u32,
    /// An endpoint is up while more than this share finds it so.
    pub share_above: f64,
    /// The order of members of each fleet.
    pub orders: Vec<Vec<MemberId>>,
    /// How it picks.
    pub choice: Choice,
    /// When it goes back.
    pub failback: Failback,
}

impl TrafficManager {
    /// A traffic manager that takes everything for up.
    pub fn new(config: TrafficManagerConfig) -> Self {
        Self {
            found_up: vec![vec![true; config.checkers as usize]; config.members],
            up: vec![true; config.members],
            up_since: vec![LocalTime(0); config.members],
            share_above: config.share_above,
            answers: config.orders.iter().map(|order| order[0]).collect(),
            orders: config.orders,
            choice: config.choice,
            failback: config.failback,
        }
    }

    /// Picks every fleet's answer anew.
    fn answer(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        for (index, order) in self.orders.iter().enumerate() {
            let current = self.answers[index];
            let place = |member: MemberId| order.iter().position(|&other| other == member);
            let picked = self.choice.pick(order, |member| {
                let comes_back = place(member) < place(current);
                self.up[member.index()] && (!comes_back || self.may_return(now, member))
            });
            if let Some(member) = picked.filter(|&member| member != current) {
                self.answers[index] = member;
                out.push(Action::Publish {
                    fleet: FleetId::from_index(index),
                    member,
                });
            }
        }
    }

    fn may_return(&self, now: LocalTime, member: MemberId) -> bool {
        match self.failback {
            Failback::Never | Failback::Manual { .. } => !self.up[member.index()],
            Failback::Automatic { after } => now.since(self.up_since[member.index()]) >= after,
            Failback::Tick { .. } => true,
        }
    }
}

impl Decider for TrafficManager {
    fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Reported {
                reporter,
                member,
                healthy,
            } => {
                let found = &mut self.found_up[member.index()];
                found[reporter as usize] = healthy;
                let share = found.iter().filter(|&&up| up).count() as f64 / found.len() as f64;
                let up = share > self.share_above;
                if up == self.up[member.index()] {
                    return;
                }
                self.up[member.index()] = up;
                actions.push(Action::Verdict {
                    member,
                    healthy: up,
                });
                if up {
                    self.up_since[member.index()] = now;
                    if let Failback::Automatic { after } = self.failback {
                        actions.push(Action::Wake {
                            at: now.plus(after),
                            token: 0,
                        });
                        return;
                    }
                }
                self.answer(now, actions);
            }
            Sight::Woken { .. } => self.answer(now, actions),
            _ => {}
        }
    }

    fn is_usable(&self, _now: LocalTime, member: MemberId) -> bool {
        self.up[member.index()]
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        for (up, found) in self.up.iter().zip(&self.found_up) {
            let count = found.iter().filter(|&&up| up).count() as u64;
            hash.absorb(count << 1 | u64::from(*up));
        }
        self.answers
            .iter()
            .for_each(|answer| hash.absorb(u64::from(answer.0)));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}
