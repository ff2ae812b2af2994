//! Proxies that spread traffic over members: what the healthy part of a member can carry stays with it, and the rest goes to
//! the next (Envoy docs, priority levels and overprovisioning). What cannot be told apart by its request goes by
//! session: each keeps its place as long as the shares are what they are.

use regionfall_kernel::{SimTime, unit_from_bits};

use super::world::World;
use crate::topology::{MemberId, RelayId};

/// Shares are in thousandths.
const WHOLE: f64 = 1_000.0;

impl World {
    /// The judge of a relay sends all of its traffic to one member again.
    pub(super) fn gather_upstream(&mut self, id: RelayId) {
        for target in &mut self.relay_state_mut(id).targets {
            target.share = 0;
        }
    }

    /// The judge of a relay sends a share of its traffic to a member.
    pub(super) fn spread_upstream(&mut self, id: RelayId, member: MemberId, per_mille: u16) {
        let mut targets = self.relay_state_mut(id).targets.iter_mut();
        if let Some(target) = targets.find(|target| target.member == member) {
            target.share = per_mille;
        }
    }

    /// Where a session goes whose relay spreads traffic; `None` if it does not, or if what is drawn is out for other
    /// reasons.
    pub(super) fn spread_target(&self, now: SimTime, id: RelayId, session: u32) -> Option<usize> {
        let targets = &self.relay_state(id).targets;
        if targets.iter().all(|target| target.share == 0) {
            return None;
        }
        let draws = &self.relaying.as_ref()?.draws;
        let bits = draws.words([u32::from(id.0), session, 0, 0].into());
        let mut left = WHOLE * unit_from_bits(u64::from(bits[0]) << 32 | u64::from(bits[1]));
        let chosen = targets.iter().position(|target| {
            left -= f64::from(target.share);
            left < 0.0
        });
        chosen.filter(|&index| !targets[index].is_out(now))
    }
}
