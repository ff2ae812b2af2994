//! People who are alerted and follow a runbook: alert, acknowledge, declare, act.
//!
//! ```text
//! calm ──the fleet's member is down──▶ alerted ──▶ acknowledged ──still down──▶ declared ──▶ acted
//!                                            └──up again──▶ calm          failed ──▶ act again
//! ```
//!
//! Times and the probability of failure are settings, and assumptions unless the user measured them. A
//! return takes the same way as a failover, once the member has been up for as long as the failback says.

use regionfall_kernel::{Addressed, Distribution, SimDuration, TraceHash};

use super::conduct::RunbookConfig;
use super::decider::{Action, Decider, LocalTime, Sight};
use super::watch::Watch;
use super::{Evidence, Failback};
use crate::topology::{FleetId, MemberId};

/// A team with its monitoring.
#[derive(Clone, Debug)]
pub struct Runbook {
    config: RunbookConfig,
    watches: Vec<Watch>,
    phase: f64,
    up: Vec<bool>,
    up_since: Vec<LocalTime>,
    fleets: Vec<Desk>,
    failback: Failback,
    draws: Addressed,
    drawn: u32,
}

/// What is being done about a fleet.
#[derive(Clone, Debug)]
struct Desk {
    order: Vec<MemberId>,
    active: MemberId,
    step: Step,
}

/// How far people are with a fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Calm,
    Alerted,
    Acknowledged,
    Declared(MemberId),
}

/// Tokens of fleets' next steps; watches use smaller ones.
const FIRST_FLEET: u32 = 1 << 20;
/// Tokens of looks whether a member has been up for long enough.
const FIRST_LOOK: u32 = 1 << 21;

impl Runbook {
    /// A team that watches `members` for fleets with their orders of homes. `phase`, in 0..1, sets where in
    /// their intervals its probes begin.
    pub fn new(
        config: RunbookConfig,
        evidence: &[Evidence],
        members: &[MemberId],
        orders: Vec<Vec<MemberId>>,
        (failback, phase, draws): (Failback, f64, Addressed),
    ) -> Self {
        let desk = |order: Vec<MemberId>| Desk {
            active: order[0],
            order,
            step: Step::Calm,
        };
        Self {
            config,
            watches: members
                .iter()
                .map(|&member| Watch::new(member, evidence))
                .collect(),
            phase,
            up: vec![true; members.len()],
            up_since: vec![LocalTime(0); members.len()],
            fleets: orders.into_iter().map(desk).collect(),
            failback,
            draws,
            drawn: 0,
        }
    }

    fn draw(&mut self, what: impl Fn(&RunbookConfig) -> &Distribution) -> SimDuration {
        self.drawn += 1;
        let unit = self.draws.unit([self.drawn, 0, 0, 0].into());
        what(&self.config).quantile(unit)
    }

    /// The member that a fleet should use.
    fn wanted(&self, now: LocalTime, desk: &Desk) -> Option<MemberId> {
        let index = |member: MemberId| member.index();
        let place = |member: MemberId| desk.order.iter().position(|&other| other == member);
        let is_up = self.up[index(desk.active)];
        let good = |&member: &MemberId| {
            let comes_back = place(member) < place(desk.active) && is_up;
            self.up[index(member)] && (!comes_back || self.may_return(now, member))
        };
        let best = desk.order.iter().copied().find(good)?;
        (best != desk.active && (!is_up || place(best) < place(desk.active))).then_some(best)
    }

    fn may_return(&self, now: LocalTime, member: MemberId) -> bool {
        match self.failback {
            Failback::Never | Failback::Manual { .. } => false,
            Failback::Automatic { after } => now.since(self.up_since[member.index()]) >= after,
            Failback::Tick { every, .. } => now.since(self.up_since[member.index()]) >= every,
        }
    }

    /// Looks whether there is anything to be alerted about.
    fn look(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        for index in 0..self.fleets.len() {
            let desk = &self.fleets[index];
            if desk.step == Step::Calm && self.wanted(now, desk).is_some() {
                self.fleets[index].step = Step::Alerted;
                let wait = self.draw(|config| &config.alert);
                next_step(now, wait, index, out);
            }
        }
    }

    /// A fleet's next step is due.
    fn proceed(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        let wait = match self.fleets[index].step {
            Step::Calm => return,
            Step::Alerted => {
                self.fleets[index].step = Step::Acknowledged;
                let looks = self.draw(|config| &config.acknowledge);
                looks + self.draw(|config| &config.declare)
            }
            Step::Acknowledged => {
                let Some(to) = self.wanted(now, &self.fleets[index]) else {
                    self.fleets[index].step = Step::Calm;
                    return;
                };
                self.fleets[index].step = Step::Declared(to);
                self.draw(|config| &config.act)
            }
            Step::Declared(member) => {
                self.drawn += 1;
                let luck = self.draws.unit([self.drawn, 1, 0, 0].into());
                if luck < self.config.failure {
                    self.draw(|config| &config.act)
                } else {
                    self.fleets[index].step = Step::Calm;
                    self.fleets[index].active = member;
                    out.push(Action::Publish {
                        fleet: FleetId::from_index(index),
                        member,
                    });
                    self.look(now, out);
                    return;
                }
            }
        };
        next_step(now, wait, index, out);
    }
}

fn next_step(now: LocalTime, wait: SimDuration, index: usize, out: &mut Vec<Action>) {
    out.push(Action::Wake {
        at: now.plus(wait),
        token: FIRST_FLEET + index as u32,
    });
}

impl Runbook {
    /// What the monitoring sees of a member changed, perhaps.
    fn watched(&mut self, now: LocalTime, index: usize, out: &mut Vec<Action>) {
        let is_up = self.watches[index].is_healthy();
        if is_up == self.up[index] {
            return;
        }
        self.up[index] = is_up;
        let member = self.watches[index].member();
        out.push(Action::Verdict {
            member,
            healthy: is_up,
        });
        if is_up {
            self.up_since[index] = now;
            if let Failback::Automatic { after: wait } | Failback::Tick { every: wait, .. } =
                self.failback
            {
                out.push(Action::Wake {
                    at: now.plus(wait),
                    token: FIRST_LOOK,
                });
            }
        }
        self.look(now, out);
    }
}

impl Decider for Runbook {
    fn start(&mut self, now: LocalTime, actions: &mut Vec<Action>) {
        for (index, watch) in (0..).zip(&mut self.watches) {
            let nanos = watch.interval().as_nanos() as f64 * self.phase;
            watch.start(index, now, SimDuration::from_nanos_f64(nanos), actions);
        }
    }

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Woken { token } if token >= FIRST_LOOK => self.look(now, actions),
            Sight::Woken { token } if token >= FIRST_FLEET => {
                self.proceed(now, (token - FIRST_FLEET) as usize, actions);
            }
            Sight::Woken { token } => {
                let index = Watch::index_of(token);
                self.watches[index].woken(token, now, actions);
                self.watched(now, index, actions);
            }
            Sight::ProbeEnded {
                ticket, outcome, ..
            } => {
                let index = Watch::index_of(ticket);
                self.watches[index].probe_ended(ticket, now, outcome, actions);
                self.watched(now, index, actions);
            }
            _ => {}
        }
    }

    fn is_usable(&self, _now: LocalTime, member: MemberId) -> bool {
        self.up[member.index()]
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        self.watches.iter().for_each(|watch| watch.hash_into(hash));
        for desk in &self.fleets {
            hash.absorb(u64::from(desk.active.0));
        }
        hash.absorb(u64::from(self.drawn));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}
