//! Where an app server sends what, beside its route: reads elsewhere than writes, shares, shards.

use std::collections::BTreeMap;

use regionfall_crdt::{Dot, KeyId};

use crate::topology::MemberId;

/// Exceptions from an app server's route.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    /// Where reads go.
    pub reads: Option<MemberId>,
    /// Shares of operations in thousandths; what is left follows the route.
    pub shares: Vec<(MemberId, u16)>,
    /// By shard: where its keys are.
    pub by_shard: Vec<Option<MemberId>>,
    /// The version that requests carry; 0 is none.
    pub version: u32,
    /// The member used before the present one.
    pub left: Option<MemberId>,
    /// The newest write of its own to each key, where reads are checked against it.
    pub wrote: BTreeMap<KeyId, Dot>,
}

impl Steering {
    /// Whether everything follows the route.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.reads.is_none() && self.shares.is_empty() && self.by_shard.is_empty()
    }

    /// Lets everything follow the route.
    pub fn clear(&mut self) {
        self.reads = None;
        self.shares.clear();
        self.by_shard.clear();
    }

    /// Sets a member's share.
    pub fn share(&mut self, member: MemberId, per_mille: u16) {
        self.shares.retain(|&(other, _)| other != member);
        self.shares.push((member, per_mille));
    }

    /// The member that a draw in 0..1000 falls to, if it falls to one that has a share.
    pub fn member_of_draw(&self, draw: u16) -> Option<MemberId> {
        let mut sum = 0;
        let mut shares = self.shares.iter();
        shares
            .find(|(_, share)| {
                sum += share;
                draw < sum
            })
            .map(|&(member, _)| member)
    }

    /// Sends a shard's keys to a member.
    pub fn send_shard(&mut self, shard: u16, member: MemberId) {
        let shard = usize::from(shard);
        if self.by_shard.len() <= shard {
            self.by_shard.resize(shard + 1, None);
        }
        self.by_shard[shard] = Some(member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fall_to_members_by_their_shares() {
        let mut steering = Steering::default();
        steering.share(MemberId(0), 700);
        steering.share(MemberId(1), 200);
        assert_eq!(steering.member_of_draw(0), Some(MemberId(0)));
        assert_eq!(steering.member_of_draw(699), Some(MemberId(0)));
        assert_eq!(steering.member_of_draw(899), Some(MemberId(1)));
        assert_eq!(
            steering.member_of_draw(900),
            None,
            "the rest follows the route"
        );
        steering.share(MemberId(0), 0);
        assert_eq!(steering.member_of_draw(0), Some(MemberId(1)));
    }
}
