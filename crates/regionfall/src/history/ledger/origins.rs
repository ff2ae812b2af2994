//! Who holds which effects, from the facts alone: how far each node has applied each origin, and
//! which operation every effect belongs to, as long as some node lacks it.

use std::collections::VecDeque;

use crate::history::CopyEnd;
use crate::topology::MemberId;

/// An effect that some node lacks, or lacked a moment ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub operation: u32,
    /// How many sequences back the previous effect of this origin on the same key (and element) is; 0
    /// if there is none.
    pub back: u32,
    /// When it was executed, in nanoseconds.
    pub executed: u64,
    /// What the wall clock of its origin said.
    pub stamp: u64,
}

/// What is known of an origin.
#[derive(Clone, Debug)]
struct Origin {
    /// The node that writes as this origin; `u8::MAX` if none has begun to.
    node: u8,
    /// The shard it belongs to.
    shard: u16,
    /// Last sequence executed.
    newest: u64,
    /// Every node has applied (at some time) everything up to here. Falls with what is lost as long as all may lose it.
    everywhere: u64,
    /// The most that every node had at one time, whatever was lost since.
    had_by_all: u64,
    /// Sequence of the entry at the front.
    front: u64,
    entries: VecDeque<Entry>,
    /// Ends of copies, in order: from `kept + 1` on, at one node.
    ended: Vec<(u64, CopyEnd)>,
}

/// All origins, and the clocks of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    nodes: usize,
    /// By node: its member.
    members: Vec<MemberId>,
    /// By node: the range of those that replicate to each other, with it.
    peers: Vec<(u8, u8)>,
    /// `[shard * members + member]`: the node that is the primary, or was last.
    serving: Vec<u8>,
    /// The one member that takes writes, where only one does.
    active: Option<usize>,
    /// Nodes that were taken out: what only they hold is lost.
    unlinked: Vec<usize>,
    logs: Vec<Origin>,
    /// `[origin * nodes + node]`: what the node holds, in memory or on a kept disk.
    applied: Vec<u64>,
    /// The most it ever held.
    peak: Vec<u64>,
    /// By node: whether its member is removed. Nobody waits for it, and what it has counts for nothing.
    absent: Vec<bool>,
}

impl Origins {
    /// The books of members with these nodes, and so many shards each.
    pub(super) fn new(members: &[MemberId], groups: &[u8], shards: u16) -> Self {
        let count = members.iter().map(|member| member.index() + 1).max();
        let first = |member: usize| {
            let place = members.iter().position(|own| own.index() == member);
            place.unwrap_or(0) as u8
        };
        let first: Vec<u8> = (0..count.unwrap_or(0)).map(first).collect();
        let peers = |group: &u8| {
            let first = groups.iter().position(|own| own == group);
            let last = groups.iter().rposition(|own| own == group);
            (
                first.unwrap_or(0) as u8,
                last.map_or(0, |last| last + 1) as u8,
            )
        };
        Self {
            nodes: members.len(),
            peers: groups.iter().map(peers).collect(),
            members: members.to_vec(),
            serving: first.repeat(usize::from(shards)),
            active: None,
            unlinked: Vec::new(),
            logs: Vec::new(),
            applied: Vec::new(),
            peak: Vec::new(),
            absent: vec![false; members.len()],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }

    #[inline]
    fn ensure(&mut self, origin: usize) {
        if self.logs.len() <= origin {
            self.add(origin);
        }
    }

    #[cold]
    fn add(&mut self, origin: usize) {
        while self.logs.len() <= origin {
            self.logs.push(Origin {
                node: u8::MAX,
                shard: 0,
                newest: 0,
                everywhere: 0,
                had_by_all: 0,
                front: 1,
                entries: VecDeque::new(),
                ended: Vec::new(),
            });
            self.applied.resize(self.logs.len() * self.nodes, 0);
            self.peak.resize(self.logs.len() * self.nodes, 0);
        }
    }

    /// `node` is the primary of a shard from now on, and writes as `origin`.
    pub(super) fn begin(&mut self, origin: usize, node: usize, shard: u16) {
        self.ensure(origin);
        self.logs[origin].node = node as u8;
        self.logs[origin].shard = shard;
        let member = self.members[node].index();
        let place = usize::from(shard) * self.serving_of_a_shard() + member;
        self.serving[place] = node as u8;
    }

    fn serving_of_a_shard(&self) -> usize {
        self.members.last().map_or(0, |member| member.index() + 1)
    }

    /// The primaries of the shard of `origin`, of all members.
    fn serving(&self, origin: usize) -> &[u8] {
        let members = self.serving_of_a_shard();
        let from = usize::from(self.logs[origin].shard) * members;
        &self.serving[from..from + members]
    }

    /// The member of a node.
    #[inline]
    pub(super) fn member_of(&self, node: usize) -> usize {
        self.members[node].index()
    }

    /// Whether two nodes belong to the same member: what one of them wrote and the other had not seen is no conflict
    /// between members.
    #[inline]
    pub(super) fn are_of_one_member(&self, one: usize, other: usize) -> bool {
        self.members[one] == self.members[other]
    }

    /// Whether `node` is the primary of its member for the shard of `origin`.
    pub(super) fn serves(&self, origin: usize, node: usize) -> bool {
        self.serving(origin)[self.member_of(node)] == node as u8
    }

    /// The primary of a member for the shard of `origin`, if what is written there is meant to come to it.
    pub(super) fn server_of(&self, origin: usize, member: usize) -> Option<usize> {
        let node = usize::from(*self.serving(origin).get(member)?);
        let (first, end) = *self.peers.get(self.node(origin))?;
        let is_peer = (usize::from(first)..usize::from(end)).contains(&node);
        (is_peer && !self.absent[node]).then_some(node)
    }

    /// The node that writes as `origin`.
    #[inline]
    pub(super) fn node(&self, origin: usize) -> usize {
        usize::from(self.logs[origin].node)
    }

    /// What `node` holds of `origin`.
    #[inline]
    pub(super) fn applied(&self, origin: usize, node: usize) -> u64 {
        self.applied[origin * self.nodes + node]
    }

    /// The most that `node` ever held of `origin`.
    #[inline]
    pub(super) fn peak(&self, origin: usize, node: usize) -> u64 {
        self.peak[origin * self.nodes + node]
    }

    /// The oldest sequence that still has an entry.
    pub(super) fn front(&self, origin: usize) -> u64 {
        self.logs[origin].front
    }

    /// The shard that an origin belongs to.
    pub(super) fn shard(&self, origin: usize) -> u16 {
        self.logs[origin].shard
    }

    #[inline]
    pub(super) fn everywhere(&self, origin: usize) -> u64 {
        self.logs[origin].everywhere
    }

    /// What every node had at one time: nobody is held to it for what a session saw, also where a disk was lost since.
    #[inline]
    pub(super) fn had_by_all(&self, origin: usize) -> u64 {
        self.logs[origin].had_by_all
    }

    /// What an operation at `node` counts as having seen: what the node has, and what every node
    /// has had.
    #[inline]
    pub(super) fn seen(&self, origin: usize, node: usize) -> u64 {
        self.applied(origin, node).max(self.logs[origin].everywhere)
    }

    /// The last sequence that survives: that some member's primary holds. What only a replica or a former primary
    /// has nobody will ever read.
    pub(super) fn held(&self, origin: usize) -> u64 {
        let serving = self.serving(origin).iter().map(|&node| usize::from(node));
        let counts = |node: &usize| {
            let is_active = self
                .active
                .is_none_or(|active| self.member_of(*node) == active);
            is_active && !self.absent[*node]
        };
        serving
            .filter(counts)
            .map(|node| self.applied(origin, node))
            .max()
            .unwrap_or(0)
    }

    /// What of an origin nobody will lose, if `durable` loses nothing any more; if that is none, if its own member does not.
    #[inline]
    pub(super) fn kept_for_good(&self, origin: usize, durable: Option<MemberId>) -> u64 {
        let own = || self.members.get(self.node(origin)).copied();
        let Some(member) = durable.or_else(own) else {
            return 0;
        };
        let own = &self.applied[origin * self.nodes..(origin + 1) * self.nodes];
        let nodes = own.iter().zip(&self.members);
        let kept = nodes
            .filter(|&(_, own)| *own == member)
            .map(|(held, _)| *held);
        kept.min().unwrap_or(0)
    }

    /// A node was taken out for good.
    pub(super) fn unlink(&mut self, node: usize) {
        self.unlinked.push(node);
    }

    /// From now on what `member` does not hold does not survive, whoever else holds it.
    pub(super) fn activate(&mut self, member: usize) {
        let is_first = self.active.is_none();
        self.active = Some(member);
        if is_first {
            return;
        }
        for origin in 0..self.logs.len() {
            let kept = self.held(origin);
            if self.logs[origin].newest > kept {
                self.logs[origin].ended.push((kept, CopyEnd::Replaced));
            }
        }
    }

    /// An effect was executed at `node`.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every write, from one of two places"
    )]
    #[inline(always)]
    pub(super) fn execute(&mut self, origin: usize, node: usize, sequence: u64, entry: Entry) {
        self.ensure(origin);
        let place = origin * self.nodes + node;
        self.applied[place] = sequence;
        self.peak[place] = self.peak[place].max(sequence);
        let log = &mut self.logs[origin];
        if log.node == u8::MAX {
            log.node = node as u8;
        }
        if log.entries.is_empty() {
            log.front = sequence;
        }
        log.newest = sequence;
        log.entries.push_back(entry);
    }

    /// A node applied up to `last`; returns what it held before, and whether `everywhere` rose.
    pub(super) fn apply(&mut self, origin: usize, node: usize, last: u64) -> (u64, bool) {
        self.ensure(origin);
        let from = origin * self.nodes;
        let place = from + node;
        let prior = self.applied[place];
        self.applied[place] = last.max(prior);
        let peak = &mut self.peak[place];
        *peak = last.max(*peak);
        let everywhere = self.logs[origin].everywhere;
        if prior > everywhere {
            return (prior, false);
        }
        let (first, end) = self.peers[node];
        let peers = usize::from(first)..usize::from(end);
        let own = &self.applied[from + peers.start..from + peers.end];
        let present = own.iter().zip(&self.absent[peers]);
        let common = present.filter(|(_, absent)| !**absent).map(|(own, _)| *own);
        let common = common.min().unwrap_or(0);
        if common > everywhere {
            let log = &mut self.logs[origin];
            log.everywhere = common;
            log.had_by_all = log.had_by_all.max(common);
        }
        (prior, common > everywhere)
    }

    /// A node holds no copy and is expected to hold none, or is given some.
    pub(super) fn set_spare(&mut self, node: usize, is_spare: bool) {
        self.absent[node] = is_spare;
    }

    /// A member is removed, or one again.
    pub(super) fn set_absent(&mut self, member: MemberId, is_absent: bool) {
        for (absent, own) in self.absent.iter_mut().zip(&self.members) {
            if *own == member {
                *absent = is_absent;
            }
        }
    }

    /// What `node` held of `origin` after `kept` is gone.
    pub(super) fn end_copies(&mut self, origin: usize, node: usize, kept: u64, cause: CopyEnd) {
        self.ensure(origin);
        let place = origin * self.nodes + node;
        if self.applied[place] > kept {
            self.applied[place] = kept;
            self.logs[origin].ended.push((kept, cause));
        }
    }

    /// What every peer of a node holds, after it lost some.
    pub(super) fn review_everywhere(&mut self, origin: usize, node: usize) {
        let held = self.applied[origin * self.nodes + node];
        let everywhere = &mut self.logs[origin].everywhere;
        *everywhere = (*everywhere).min(held);
    }

    /// What ended the last copy of an effect that no primary holds any more.
    pub(super) fn ended_by(&self, origin: usize, sequence: u64) -> Option<CopyEnd> {
        let mut ends = self.logs[origin].ended.iter().rev();
        let ended = ends.find(|&&(kept, _)| kept < sequence);
        let is_somewhere = || (0..self.nodes).any(|node| self.applied(origin, node) >= sequence);
        ended
            .map(|&(_, cause)| cause)
            .or_else(|| {
                let is_out = self.unlinked.contains(&self.node(origin));
                is_out.then_some(CopyEnd::Replaced)
            })
            .or_else(|| is_somewhere().then_some(CopyEnd::Abandoned))
    }

    #[inline]
    pub(super) fn entry(&self, origin: usize, sequence: u64) -> Option<&Entry> {
        let log = &self.logs[origin];
        log.entries.get(sequence.checked_sub(log.front)? as usize)
    }

    /// Takes the oldest entry out if every node has applied it, and it is among the first `kept`.
    #[inline]
    pub(super) fn pop_everywhere(&mut self, origin: usize, kept: u64) -> Option<(u64, Entry)> {
        let log = &mut self.logs[origin];
        if log.front > log.everywhere.min(kept) {
            return None;
        }
        let entry = log.entries.pop_front()?;
        log.front += 1;
        Some((log.front - 1, entry))
    }

    /// Entries that are kept, for the tests of bounded memory.
    pub(super) fn entries(&self) -> usize {
        self.logs.iter().map(|origin| origin.entries.len()).sum()
    }

    /// What is held by somebody, of every origin.
    pub(super) fn union(&self) -> Vec<u64> {
        (0..self.logs.len())
            .map(|origin| self.held(origin))
            .collect()
    }

    /// What a session at `node` counts as seen: what the node has, and what every node had at one time.
    #[inline]
    pub(super) fn seen_by_session(&self, origin: usize, node: usize) -> u64 {
        self.applied(origin, node).max(self.had_by_all(origin))
    }

    /// Whether nobody waits for a node: it is a spare, or its member was removed.
    #[inline]
    pub(super) fn is_absent(&self, node: usize) -> bool {
        self.absent[node]
    }

    /// How many pairs of node and origin lack something of `union` that the node will get.
    pub(super) fn lacking(&self, union: &[u64]) -> usize {
        let of_an_origin = |(origin, &held): (usize, &u64)| {
            let log = &self.logs[origin];
            let peers = self.peers.get(usize::from(log.node)).copied();
            let (first, end) = peers.unwrap_or((0, self.nodes as u8));
            let own = &self.applied[origin * self.nodes..(origin + 1) * self.nodes];
            let own = &own[usize::from(first)..usize::from(end)];
            let absent = &self.absent[usize::from(first)..usize::from(end)];
            let lacks = |(own, absent): &(&u64, &bool)| !**absent && **own < held;
            own.iter().zip(absent).filter(lacks).count()
        };
        union.iter().enumerate().map(of_an_origin).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::FaultId;

    /// Members 0 and 1 with two nodes each: 0 and 1, 2 and 3. The first of each is the primary of shard 0 and writes as its
    /// origin, the second of shard 1.
    fn origins(groups: [u8; 4]) -> Origins {
        let members = [0, 0, 1, 1].map(MemberId);
        let mut origins = Origins::new(&members, &groups, 2);
        for (node, shard) in [(0, 0), (1, 1), (2, 0), (3, 1)] {
            origins.begin(node, node, shard);
        }
        origins
    }

    /// Node 0 writes so many effects, one for each operation.
    fn write(origins: &mut Origins, count: u32) {
        for operation in 1..=count {
            let entry = Entry {
                operation,
                back: 0,
                executed: 0,
                stamp: 0,
            };
            origins.execute(0, 0, u64::from(operation), entry);
        }
    }

    #[test]
    fn each_shard_has_a_primary_at_each_member() {
        let mut origins = origins([0; 4]);
        let primaries =
            |origins: &Origins, origin| [0, 1, 2, 3].map(|node| origins.serves(origin, node));
        assert_eq!(primaries(&origins, 0), [true, false, true, false]);
        assert_eq!(primaries(&origins, 3), [false, true, false, true]);
        assert_eq!((origins.shard(2), origins.shard(3)), (0, 1));
        let servers =
            |origins: &Origins, origin| [0, 1, 2].map(|member| origins.server_of(origin, member));
        assert_eq!(servers(&origins, 0), [Some(0), Some(2), None]);
        assert_eq!(servers(&origins, 1), [Some(1), Some(3), None]);
        // Node 1 is promoted for shard 0, and node 2 is not there for anybody.
        origins.begin(4, 1, 0);
        origins.set_spare(2, true);
        assert_eq!(servers(&origins, 0), [Some(1), None, None]);
        assert_eq!(servers(&origins, 3), [Some(1), Some(3), None]);
        // What is no copy does not get it.
        let apart = self::origins([0, 0, 1, 1]);
        assert_eq!(servers(&apart, 0), [Some(0), None, None]);
        assert!(apart.are_of_one_member(2, 3) && !apart.are_of_one_member(1, 2));
    }

    #[test]
    fn what_counts_is_held_by_a_primary_of_a_member_that_is_there() {
        let mut origins = origins([0; 4]);
        write(&mut origins, 5);
        origins.apply(0, 1, 4);
        origins.apply(0, 2, 3);
        assert_eq!(origins.held(0), 5);
        let cause = CopyEnd::Fault(FaultId(0));
        origins.end_copies(0, 0, 1, cause);
        assert_eq!(origins.held(0), 3, "replicas do not count");
        origins.set_absent(MemberId(1), true);
        assert_eq!(origins.held(0), 1, "nor do those who are removed");
        origins.set_absent(MemberId(1), false);
        assert_eq!(origins.union(), [3, 0, 0, 0]);
        origins.activate(0);
        assert_eq!(origins.held(0), 1, "one member alone takes writes");
        origins.activate(1);
        assert_eq!(origins.held(0), 3);
    }

    #[test]
    fn everywhere_is_what_each_peer_that_is_there_has() {
        let mut origins = origins([0; 4]);
        write(&mut origins, 5);
        assert_eq!(origins.apply(0, 1, 4), (0, false));
        assert_eq!(origins.apply(0, 2, 3), (0, false));
        assert_eq!(origins.apply(0, 3, 2), (0, true));
        assert_eq!(origins.everywhere(0), 2);
        assert_eq!(origins.apply(0, 3, 3), (2, true));
        assert_eq!((origins.everywhere(0), origins.seen(0, 3)), (3, 3));
        assert_eq!(origins.apply(0, 1, 5), (4, false), "that was not missing");
        assert_eq!(origins.lacking(&[5, 0, 0, 0]), 2);
        origins.set_spare(2, true);
        assert_eq!(origins.lacking(&[5, 0, 0, 0]), 1);
        assert_eq!(origins.apply(0, 3, 5), (3, true));
        assert_eq!(origins.everywhere(0), 5);
        // Node 1 lost some of it before anything was settled.
        let cause = CopyEnd::Fault(FaultId(0));
        origins.end_copies(0, 1, 4, cause);
        assert_eq!((origins.everywhere(0), origins.peak(0, 1)), (5, 5));
        origins.review_everywhere(0, 1);
        assert_eq!((origins.everywhere(0), origins.applied(0, 1)), (4, 4));
        assert_eq!(origins.had_by_all(0), 5, "it had it");
        origins.end_copies(0, 1, 2, cause);
        origins.review_everywhere(0, 1);
        assert_eq!(origins.apply(0, 1, 3), (2, true));
        assert_eq!((origins.everywhere(0), origins.had_by_all(0)), (3, 5));
    }

    #[test]
    fn what_leaves_is_everywhere_and_kept_for_good() {
        let mut origins = origins([0; 4]);
        write(&mut origins, 5);
        for (node, last) in [(1, 4), (2, 5), (3, 3)] {
            origins.apply(0, node, last);
        }
        assert_eq!(origins.entries(), 5);
        assert_eq!(origins.kept_for_good(0, Some(MemberId(0))), 4);
        assert_eq!(origins.kept_for_good(0, Some(MemberId(1))), 3);
        assert_eq!(origins.kept_for_good(0, None), 4, "the writer's own");
        let mut popped = Vec::new();
        while let Some((sequence, entry)) = origins.pop_everywhere(0, 2) {
            popped.push((sequence, entry.operation));
        }
        assert_eq!(popped, [(1, 1), (2, 2)]);
        assert_eq!(
            origins.pop_everywhere(0, 9).map(|(sequence, _)| sequence),
            Some(3)
        );
        assert!(origins.pop_everywhere(0, 9).is_none(), "node 3 lacks it");
        assert_eq!((origins.front(0), origins.entries()), (4, 2));
        let operations =
            [3, 4, 5, 6].map(|sequence| origins.entry(0, sequence).map(|one| one.operation));
        assert_eq!(operations, [None, Some(4), Some(5), None]);
    }

    #[test]
    fn the_last_end_of_a_copy_is_what_it_was_lost_by() {
        let mut origins = origins([0; 4]);
        write(&mut origins, 5);
        let [one, other] = [0, 1].map(|fault| CopyEnd::Fault(FaultId(fault)));
        assert_eq!(
            origins.ended_by(0, 5),
            Some(CopyEnd::Abandoned),
            "it is there"
        );
        assert_eq!(origins.ended_by(0, 6), None, "there is none");
        origins.end_copies(0, 0, 5, one);
        assert_eq!(
            origins.ended_by(0, 5),
            Some(CopyEnd::Abandoned),
            "nothing ended"
        );
        origins.end_copies(0, 0, 3, one);
        assert_eq!(
            (origins.ended_by(0, 4), origins.ended_by(0, 3)),
            (Some(one), Some(CopyEnd::Abandoned))
        );
        origins.end_copies(0, 0, 2, other);
        assert_eq!(
            (origins.ended_by(0, 4), origins.ended_by(0, 3)),
            (Some(other), Some(other))
        );
        origins.unlink(0);
        assert_eq!(
            origins.ended_by(0, 2),
            Some(CopyEnd::Replaced),
            "on a node that is out"
        );
    }

    #[test]
    fn who_is_made_active_later_ends_what_it_lacks() {
        let mut origins = origins([0; 4]);
        origins.activate(0);
        write(&mut origins, 5);
        origins.apply(0, 2, 3);
        origins.activate(1);
        assert_eq!(origins.ended_by(0, 4), Some(CopyEnd::Replaced));
        assert_eq!(
            origins.ended_by(0, 3),
            Some(CopyEnd::Abandoned),
            "it has that one"
        );
    }
}
