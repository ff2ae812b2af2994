//! Where to go: members ranked by order, weight or nearness, shares of traffic by health, and a member for
//! each shard.
//!
//! Source of shares, overprovisioning and panic: Envoy docs, load balancing priority levels and panic
//! threshold. Source of weights with the nearest of equals: StackExchange.Redis, `Availability`.

use core::cmp::Ordering;

use regionfall_kernel::SimDuration;

use super::super::conduct::{RankBy, Ranking};
use super::super::decider::{Action, LocalTime};
use super::super::{Choice, Failback};
use super::returning::per_mille;
use super::{ClientJudge, WEIGHTS};
use crate::topology::MemberId;

impl Choice {
    /// The weight of each member of an order.
    pub(super) fn weights(&self, order: &[MemberId]) -> Vec<f64> {
        let Self::Ranked(Ranking {
            by: RankBy::Weight { weights, .. },
            ..
        }) = self
        else {
            return vec![1.0; order.len()];
        };
        let weight = |member: &MemberId| {
            let own = weights.iter().find(|(other, _)| other == member);
            own.map_or(1.0, |&(_, weight)| weight)
        };
        order.iter().map(weight).collect()
    }

    pub(crate) fn fails_open(&self) -> bool {
        match self {
            Self::Priority { fail_open } | Self::Ranked(Ranking { fail_open, .. }) => *fail_open,
        }
    }
}

impl ClientJudge {
    /// The members, best first, by their places in the order of homes.
    fn ranked(&self) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..self.order.len()).collect();
        let Choice::Ranked(Ranking { by, .. }) = &self.choice else {
            return ranked;
        };
        match by {
            RankBy::Weight {
                nearest_of_equals, ..
            } => ranked.sort_by(|&one, &other| {
                let by_weight = self.weights[other].total_cmp(&self.weights[one]);
                if *nearest_of_equals {
                    by_weight.then_with(|| self.nearer(one, other, SimDuration::ZERO))
                } else {
                    by_weight
                }
            }),
            RankBy::Nearest { margin } => {
                ranked.sort_by(|&one, &other| self.nearer(one, other, *margin));
            }
            RankBy::Next | RankBy::Shares { .. } | RankBy::PerShard => {}
        }
        ranked
    }

    /// Compares what was measured of two members; the one in use counts as nearer by the margin.
    fn nearer(&self, one: usize, other: usize, margin: SimDuration) -> Ordering {
        let measured = |index: usize| {
            let latency = self.watches[index].latency()?;
            let is_active = self.order[index] == self.active;
            let bonus = if is_active { margin } else { SimDuration::ZERO };
            Some(latency.as_nanos().saturating_sub(bonus.as_nanos()))
        };
        match (measured(one), measured(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => Ordering::Equal,
        }
    }

    /// The best member of those that may be used.
    pub(super) fn pick(&self, may_use: impl Fn(&Self, usize) -> bool) -> Option<MemberId> {
        let ranked = self.ranked();
        let is_next = matches!(
            self.choice,
            Choice::Ranked(Ranking {
                by: RankBy::Next,
                ..
            })
        );
        let from = match self.position(self.active).filter(|_| is_next) {
            Some(active) if !may_use(self, active) => active,
            _ => 0,
        };
        let count = ranked.len();
        let mut turn = (0..count).map(|step| ranked[(from + step) % count]);
        let found = turn.find(|&index| may_use(self, index))?;
        Some(self.order[found])
    }

    /// The member to use although none is usable, if the choice fails open.
    pub(super) fn open_choice(&self) -> Option<MemberId> {
        let best = self.ranked().first().copied()?;
        self.choice.fails_open().then(|| self.order[best])
    }

    /// Whether a member ranks before the one in use.
    pub(super) fn comes_before_active(&self, member: MemberId) -> bool {
        let ranked = self.ranked();
        let place = |member| {
            let index = self.position(member)?;
            ranked.iter().position(|&other| other == index)
        };
        place(member) < place(self.active)
    }

    /// Plans the changes of weights.
    pub(super) fn plan_weights(&self, now: LocalTime, out: &mut Vec<Action>) {
        if let Choice::Ranked(Ranking {
            by: RankBy::Weight { changes, .. },
            ..
        }) = &self.choice
        {
            for &(at, ..) in changes {
                out.push(Action::Wake {
                    at: now.plus(at),
                    token: WEIGHTS,
                });
            }
        }
    }

    /// Takes the weights that hold now. What they prefer is taken up as the failback rule says.
    pub(super) fn change_weights(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if let Choice::Ranked(Ranking {
            by: RankBy::Weight { changes, .. },
            ..
        }) = &self.choice
        {
            let mut due: Vec<_> = changes.clone();
            due.retain(|&(at, ..)| now.0 >= at.as_nanos());
            due.sort_by_key(|&(at, ..)| at);
            for (_, member, weight) in due {
                if let Some(index) = self.position(member) {
                    self.weights[index] = weight;
                }
            }
        }
        if matches!(self.failback, Failback::Automatic { .. }) {
            self.try_failback(now, out);
        }
    }

    /// Whether traffic is spread over members instead of going to one.
    pub(super) fn spreads_traffic(&self) -> bool {
        let Choice::Ranked(Ranking { by, .. }) = &self.choice else {
            return false;
        };
        matches!(by, RankBy::Shares { .. } | RankBy::PerShard)
    }

    /// Spreads traffic anew, where the choice is no single member.
    pub(super) fn respread(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        let Choice::Ranked(Ranking { by, .. }) = &self.choice else {
            return;
        };
        match by {
            RankBy::Shares {
                overprovisioning,
                panic_below,
            } => {
                let spread = self.shares(now, *overprovisioning, *panic_below);
                self.take_spread(now, spread, out);
            }
            RankBy::PerShard => self.take_shards(now, out),
            RankBy::Weight {
                nearest_of_equals: true,
                ..
            }
            | RankBy::Nearest { .. } => {
                if matches!(self.failback, Failback::Automatic { .. }) && !self.is_lazy {
                    self.try_failback(now, out);
                }
            }
            RankBy::Weight { .. } | RankBy::Next => {}
        }
    }

    /// What each member carries, in thousandths.
    fn shares(&self, now: LocalTime, overprovisioning: f64, panic_below: f64) -> Vec<u16> {
        let healthy = |index: usize| {
            let is_out = now < self.grace_until[index] || self.watches[index].is_tripped();
            if is_out {
                0.0
            } else {
                self.watches[index].healthy_share()
            }
        };
        let mut healthy: Vec<f64> = (0..self.order.len()).map(healthy).collect();
        let overall = healthy.iter().sum::<f64>() / healthy.len() as f64;
        if overall < panic_below {
            healthy.fill(1.0);
        }
        let mut left = 1.0;
        let mut carried: Vec<f64> = healthy
            .iter()
            .map(|&share| {
                let takes = f64::min(left, share * overprovisioning);
                left -= takes;
                takes
            })
            .collect();
        if left > 0.0 && left < 1.0 {
            for carries in &mut carried {
                *carries /= 1.0 - left;
            }
        }
        carried.into_iter().map(per_mille).collect()
    }

    fn take_spread(&mut self, now: LocalTime, spread: Vec<u16>, out: &mut Vec<Action>) {
        let is_first = self.spread.is_empty();
        if spread == self.spread || spread.iter().all(|&share| share == 0) {
            return;
        }
        self.spread = spread;
        let largest = (0..self.spread.len())
            .max_by_key(|&index| (self.spread[index], core::cmp::Reverse(index)));
        if let Some(main) = largest.map(|index| self.order[index])
            && main != self.active
        {
            self.settle(now, main, out);
        }
        if !is_first || self.spread[0] < 1_000 {
            for (index, &share) in self.spread.iter().enumerate() {
                out.push(Action::Share {
                    member: self.order[index],
                    per_mille: share,
                });
            }
        }
    }

    fn take_shards(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        let shards = self.watches.first().map_or(1, |watch| {
            let number = 0..watch.loops();
            number
                .map(|number| watch.config(number).refinement.shards)
                .max()
                .unwrap_or(1)
        });
        for shard in 0..usize::from(shards) {
            let may_use = |index: &usize| {
                now >= self.grace_until[*index]
                    && !self.watches[*index].is_tripped()
                    && self.watches[*index].is_shard_healthy(shard)
            };
            let known = self.by_shard.get(shard).copied();
            let best = (0..self.order.len()).find(may_use);
            let Some(member) = best.map(|index| self.order[index]).or(known) else {
                continue;
            };
            if known.is_none() {
                self.by_shard.push(member);
            }
            if known.unwrap_or(self.order[0]) != member {
                self.by_shard[shard] = member;
                out.push(Action::UseForShard {
                    shard: shard as u16,
                    member,
                });
            }
        }
    }
}
