//! The backlog of a link: what its source wrote and holds, and its target never had.
//!
//! It is looked at while a fault disturbs the link, whenever it is about to shrink: in between it only
//! grows, so that the largest one seen is the largest there was. A healthy link costs nothing.

use regionfall_crdt::OriginId;
use regionfall_kernel::SimTime;

use super::event::LinkId;
use super::world::World;
use crate::topology::{MemberId, NodeId};

impl World {
    /// Bytes of the largest backlog of a disturbed link so far. A link carries one shard from one member to
    /// another.
    pub fn backlog_bytes_max(&self) -> u64 {
        let links = 0..self.links.len();
        links
            .filter(|&index| self.links[index].disrupted_since != SimTime::NEVER)
            .map(|index| self.backlog(LinkId(index as u16)))
            .fold(self.backlog_bytes_max, u64::max)
    }

    /// A member is about to get a full state of a shard: the backlogs of all links to it may shrink.
    pub(super) fn measure_backlogs(&mut self, target: NodeId, shard: u16) {
        let target = self.nodes[target.index()].member;
        for source in 0..self.members.len() {
            let source = MemberId::from_index(source);
            if source != target {
                self.measure_backlog(self.link_between(source, target, shard));
            }
        }
    }

    /// Looks at the backlog of a link, if it is disturbed.
    #[inline]
    pub(super) fn measure_backlog(&mut self, link: LinkId) {
        if self.links[usize::from(link.0)].disrupted_since != SimTime::NEVER {
            self.backlog_bytes_max = self.backlog_bytes_max.max(self.backlog(link));
        }
    }

    /// A node is about to lose its disks. As a source it holds nothing any more; as a target it had what it
    /// loses, and waits for none of it.
    pub(super) fn note_lost_disks(&mut self, node: NodeId) {
        for index in 0..self.links.len() {
            let (source, target) = (self.links[index].source, self.links[index].target);
            let shard = usize::from(self.links[index].shard);
            if source == node {
                self.measure_backlog(LinkId(index as u16));
            } else if target == node {
                let clock = self.nodes[node.index()].shards[shard].replica.clock();
                self.links[index].had.join(clock);
            }
        }
    }

    fn backlog(&self, link: LinkId) -> u64 {
        let link = &self.links[usize::from(link.0)];
        let clock = |node: NodeId| {
            self.nodes[node.index()].shards[usize::from(link.shard)]
                .replica
                .clock()
        };
        let (source, target) = (clock(link.source), clock(link.target));
        let member = |node: NodeId| self.nodes[node.index()].member;
        let is_own = |origin: &OriginId| member(self.journal.node(*origin)) == member(link.source);
        self.journal
            .origins_of_shard(link.shard)
            .filter(is_own)
            .map(|origin| {
                let had = target.get(origin).max(link.had.get(origin));
                let holds = source.get(origin);
                self.journal.bytes_between(origin, had, holds.max(had))
            })
            .sum()
    }
}
