//! What relays learn from their own traffic: a target that fails it is marked down, or left alone for a time.

use regionfall_kernel::{SimDuration, SimTime};

use super::event::Event;
use super::relays::{RelayTarget, Serves};
use super::world::World;
use crate::failover::ObserveAction;
use crate::history::{Fact, Listener};
use crate::topology::{MemberId, RelayId};

impl World {
    /// A session of a balancer reached one of its nodes for the first time.
    pub(super) fn tell_first_use<L: Listener>(
        &mut self,
        now: SimTime,
        id: RelayId,
        index: usize,
        listener: &mut L,
    ) {
        let target = &mut self.relay_state_mut(id).targets[index];
        if let Some(node) = target.node.filter(|_| !target.is_used) {
            target.is_used = true;
            listener.observe(now, &Fact::TargetReached { relay: id, node });
        }
    }

    /// A relay's own traffic to a target went well, or did not.
    pub(super) fn observe_target<L: Listener>(
        &mut self,
        now: SimTime,
        (id, index): (RelayId, usize),
        failed: bool,
        listener: &mut L,
    ) {
        let relay = self.relay_state_mut(id);
        let Some(observe) = relay.config.observe.clone() else {
            return;
        };
        let size = relay.targets.len() as f64;
        let out = relay.targets.iter().filter(|target| target.is_out(now));
        let out = out.count();
        let target = &mut relay.targets[index];
        if !failed {
            target.failures = 0;
            return;
        }
        target.failures += 1;
        if target.failures < observe.failures || target.is_out(now) {
            return;
        }
        target.failures = 0;
        match observe.action {
            ObserveAction::MarkDown => {
                target.marked_down = true;
                target.passes = 0;
                let on_down = relay.config.on_down;
                self.settle_upstream(now, id, listener);
                self.shed(now, id, index, on_down, listener);
            }
            ObserveAction::Eject {
                base,
                most,
                share,
                always_one,
                sweep,
            } => {
                let fits = (out + 1) as f64 <= share * size + 1e-9;
                if !(fits || always_one && out == 0) {
                    return;
                }
                target.ejections += 1;
                let length = (base * u64::from(target.ejections)).min(most);
                target.out_until = next_sweep(now + length, sweep);
                let over = target.out_until;
                self.queue.schedule(over, Event::RelayLook(id));
                self.settle_upstream(now, id, listener);
            }
        }
    }

    /// A check of a relay ended: enough that pass in a row bring back what its traffic had marked down.
    pub(super) fn relay_probed<L: Listener>(
        &mut self,
        now: SimTime,
        id: RelayId,
        (name, passed): (MemberId, bool),
        listener: &mut L,
    ) {
        let needed = self.passes_to_return();
        let relay = self.relay_state_mut(id);
        let is_member = matches!(relay.serves, Serves::Member(_));
        let place = |(index, target): (usize, &RelayTarget)| {
            (is_member && index == name.index()) || (!is_member && target.member == name)
        };
        let Some(index) = relay.targets.iter().enumerate().position(place) else {
            return;
        };
        let target = &mut relay.targets[index];
        target.passes = if passed { target.passes + 1 } else { 0 };
        if target.marked_down && target.passes >= needed {
            target.marked_down = false;
            self.settle_upstream(now, id, listener);
        }
    }

    /// How many checks in a row must pass before a proxy takes a target for up again.
    fn passes_to_return(&self) -> u32 {
        use crate::failover::{Detector, Evidence};
        let up = |evidence: &Evidence| match evidence {
            Evidence::Probe(_, Detector::Consecutive { up, .. }) => Some(*up),
            _ => None,
        };
        self.strategy.evidence.iter().find_map(up).unwrap_or(1)
    }
}

/// The first look at or after a moment, of those that come every `sweep`.
fn next_sweep(at: SimTime, sweep: SimDuration) -> SimTime {
    let period = sweep.as_nanos();
    if period == 0 {
        return at;
    }
    SimTime::from_nanos(at.as_nanos().div_ceil(period) * period)
}
