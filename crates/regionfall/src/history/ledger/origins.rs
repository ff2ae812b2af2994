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
    /// Every node has applied (at some time) everything up to here.
    everywhere: u64,
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
            self.logs[origin].everywhere = common;
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
