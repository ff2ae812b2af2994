//! How long promotions took, and how waits for replicas ended: figures of a run that facts tell by themselves.

use regionfall_kernel::{SimDuration, SimTime};

use super::{Fact, Listener};
use crate::topology::MemberId;

/// Listens for promotions and waits.
#[derive(Clone, Default, Debug)]
pub struct Promotions {
    fault_began: Option<SimTime>,
    /// Shards whose primary somebody set out to replace, and since when.
    begun: Vec<(MemberId, u16, SimTime)>,
    /// The longest time from the newest fault to such a moment, of promotions that came about.
    decided_after: Option<SimDuration>,
    /// The longest time from such a moment to the promotion.
    took: Option<SimDuration>,
    confirmed: u64,
    too_few: u64,
}

impl Promotions {
    /// From the newest fault's beginning to the moment at which somebody set out to replace a primary, longest over the
    /// promotions.
    pub fn decided_after(&self) -> Option<SimDuration> {
        self.decided_after
    }

    /// From there to the promotion, longest.
    pub fn took(&self) -> Option<SimDuration> {
        self.took
    }

    /// Waits for replicas or their disks: how many were confirmed, and how many came back too few.
    pub fn waits(&self) -> (u64, u64) {
        (self.confirmed, self.too_few)
    }

    fn promoted(&mut self, now: SimTime, member: MemberId, shard: u16) {
        let is_ours = |begun: &(MemberId, u16, SimTime)| (begun.0, begun.1) == (member, shard);
        // An operator's act is decided and done at once.
        let began = match self.begun.iter().position(is_ours) {
            Some(place) => self.begun.swap_remove(place).2,
            None => now,
        };
        self.took = self.took.max(Some(now.saturating_since(began)));
        let after = self.fault_began.map(|fault| began.saturating_since(fault));
        self.decided_after = self.decided_after.max(after);
    }
}

impl Listener for Promotions {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::FaultBegan { .. } => self.fault_began = Some(at),
            Fact::PromotionBegan { member, shard, .. } => {
                let is_ours =
                    |begun: &(MemberId, u16, SimTime)| (begun.0, begun.1) == (member, shard);
                // The try that leads to the promotion counts.
                self.begun.retain(|begun| !is_ours(begun));
                self.begun.push((member, shard, at));
            }
            Fact::Promoted { member, shard, .. } => self.promoted(at, member, shard),
            Fact::WaitEnded { confirmed, .. } => {
                self.confirmed += u64::from(confirmed);
                self.too_few += u64::from(!confirmed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{FaultId, NodeId, OperationId};

    #[test]
    fn the_longest_of_each_counts_and_the_last_try_before_a_promotion() {
        let mut heard = Promotions::default();
        let second = |second: u64| SimTime::ZERO + SimDuration::from_secs(second);
        let (member, node) = (MemberId(0), NodeId(0));
        let fault = FaultId(0);
        let began = |shard| Fact::PromotionBegan {
            member,
            shard,
            node,
        };
        let done = |shard| Fact::Promoted {
            member,
            shard,
            node,
            epoch: 2,
        };
        heard.observe(second(10), &Fact::FaultBegan { fault });
        heard.observe(second(13), &began(0));
        heard.observe(second(14), &began(1));
        heard.observe(second(15), &done(0));
        heard.observe(second(20), &began(1));
        heard.observe(second(21), &done(1));
        assert_eq!(heard.decided_after(), Some(SimDuration::from_secs(10)));
        assert_eq!(heard.took(), Some(SimDuration::from_secs(2)));
        for confirmed in [true, false, true] {
            let ended = Fact::WaitEnded {
                operation: OperationId(0),
                attempt: 0,
                node,
                confirmed,
            };
            heard.observe(second(22), &ended);
        }
        assert_eq!(heard.waits(), (2, 1));
    }
}
