//! Causal consistency: every member passes on what it gets, in the order in which it got it.
//!
//! A link is in order, so whoever gets a reaction from a member has got its cause from that member before it (Redis
//! Software docs, Active-Active causal consistency: an instance keeps the order of what it received from one peer and
//! relays it to the other N - 2). The order kept here is that of all keys of a shard, which is more than the documented
//! order of each key.

use regionfall_crdt::{Clock, Dot, Effect, OriginId};
use regionfall_kernel::SimTime;

use super::event::LinkId;
use super::world::World;
use crate::database::LinkState;
use crate::topology::{MemberId, NodeId};

impl World {
    /// Whether members pass on what they get.
    #[inline]
    pub(super) fn is_causal(&self) -> bool {
        self.blueprint.settings().database.sync.is_causal
    }

    /// A node got effects: it passes them on to the members that did not write or bear them.
    pub(super) fn relay_in_order(
        &mut self,
        now: SimTime,
        node: NodeId,
        shard: u16,
        bearers: [MemberId; 2],
        (origin, first, last): (OriginId, u64, u64),
    ) {
        let member = self.nodes[node.index()].member;
        for target in (0..self.members.len()).map(MemberId::from_index) {
            if target == member || bearers.contains(&target) {
                continue;
            }
            let link = self.link_between(member, target, shard);
            let state = &self.links[usize::from(link.0)];
            if !matches!(state.state, LinkState::Streaming(_)) || state.source != node {
                continue;
            }
            for sequence in first..=last {
                let dot = Dot::new(origin, sequence);
                let bytes = self.journal.get(dot).map_or(0, Effect::bytes) as u32;
                self.process(now, link, dot, bytes);
            }
        }
    }

    /// Sends what a target lacks, causes before reactions.
    pub(super) fn send_in_causal_order(
        &mut self,
        now: SimTime,
        link: LinkId,
        known: &Clock,
        have: &Clock,
    ) {
        let mut sent = known.clone();
        let mut has_moved = true;
        while has_moved {
            has_moved = false;
            for dot in have.iter() {
                let origin = dot.origin;
                let first = sent.get(origin) + 1;
                let mut next = first;
                while next <= dot.sequence && self.is_due(Dot::new(origin, next), &sent) {
                    next += 1;
                }
                if next > first {
                    self.send_range(now, link, origin, (first, next - 1));
                    sent.extend_to(Dot::new(origin, next - 1));
                    has_moved = true;
                }
            }
        }
        debug_assert!(
            sent.dominates(have),
            "a member that keeps the order has every cause"
        );
    }

    /// Whether all that an effect's writer had seen was sent, of other origins.
    fn is_due(&self, dot: Dot, sent: &Clock) -> bool {
        self.journal.get(dot).is_none_or(|effect| {
            let mut causes = effect.context.iter();
            causes.all(|cause| cause.origin == dot.origin || sent.covers(cause))
        })
    }
}
