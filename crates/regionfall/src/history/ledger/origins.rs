//! Who holds which effects, from the facts alone: how far each member has applied each origin, and
//! which operation every effect belongs to, as long as some member lacks it.

use std::collections::VecDeque;

use crate::topology::FaultId;

/// An effect that some member lacks, or lacked a moment ago.
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
    /// The member that writes as this origin; `u8::MAX` if none has begun to.
    member: u8,
    /// Last sequence executed.
    newest: u64,
    /// Every member has applied (at some time) everything up to here.
    everywhere: u64,
    /// Sequence of the entry at the front.
    front: u64,
    entries: VecDeque<Entry>,
    /// Ends of copies, in order: from `kept + 1` on, at one member.
    ended: Vec<(u64, FaultId)>,
}

/// All origins, and the clocks of all members.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    members: usize,
    logs: Vec<Origin>,
    /// `[origin * members + member]`: what the member holds, in memory or on a kept disk.
    applied: Vec<u64>,
    /// The most it ever held.
    peak: Vec<u64>,
}

impl Origins {
    pub(super) fn new(members: usize) -> Self {
        Self {
            members,
            logs: Vec::new(),
            applied: Vec::new(),
            peak: Vec::new(),
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
                member: u8::MAX,
                newest: 0,
                everywhere: 0,
                front: 1,
                entries: VecDeque::new(),
                ended: Vec::new(),
            });
            self.applied.resize(self.logs.len() * self.members, 0);
            self.peak.resize(self.logs.len() * self.members, 0);
        }
    }

    pub(super) fn begin(&mut self, origin: usize, member: usize) {
        self.ensure(origin);
        self.logs[origin].member = member as u8;
    }

    /// The member that writes as `origin`.
    #[inline]
    pub(super) fn member(&self, origin: usize) -> usize {
        usize::from(self.logs[origin].member)
    }

    /// What `member` holds of `origin`.
    #[inline]
    pub(super) fn applied(&self, origin: usize, member: usize) -> u64 {
        self.applied[origin * self.members + member]
    }

    /// The most that `member` ever held of `origin`.
    #[inline]
    pub(super) fn peak(&self, origin: usize, member: usize) -> u64 {
        self.peak[origin * self.members + member]
    }

    /// The oldest sequence that still has an entry.
    pub(super) fn front(&self, origin: usize) -> u64 {
        self.logs[origin].front
    }

    #[inline]
    pub(super) fn everywhere(&self, origin: usize) -> u64 {
        self.logs[origin].everywhere
    }

    /// What an operation at `member` counts as having seen: what the member has, and what every member
    /// has had.
    #[inline]
    pub(super) fn seen(&self, origin: usize, member: usize) -> u64 {
        self.applied(origin, member)
            .max(self.logs[origin].everywhere)
    }

    /// The last sequence that some member holds.
    pub(super) fn held(&self, origin: usize) -> u64 {
        let from = origin * self.members;
        self.applied[from..from + self.members]
            .iter()
            .copied()
            .max()
            .unwrap_or(0)
    }

    /// An effect was executed at `member`.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every write, from one of two places"
    )]
    #[inline(always)]
    pub(super) fn execute(&mut self, origin: usize, member: usize, sequence: u64, entry: Entry) {
        self.ensure(origin);
        let place = origin * self.members + member;
        self.applied[place] = sequence;
        self.peak[place] = self.peak[place].max(sequence);
        let log = &mut self.logs[origin];
        if log.member == u8::MAX {
            log.member = member as u8;
        }
        if log.entries.is_empty() {
            log.front = sequence;
        }
        log.newest = sequence;
        log.entries.push_back(entry);
    }

    /// A member applied up to `last`; returns what it held before, and whether `everywhere` rose.
    pub(super) fn apply(&mut self, origin: usize, member: usize, last: u64) -> (u64, bool) {
        self.ensure(origin);
        let from = origin * self.members;
        let place = from + member;
        let prior = self.applied[place];
        self.applied[place] = last.max(prior);
        let peak = &mut self.peak[place];
        *peak = last.max(*peak);
        let everywhere = self.logs[origin].everywhere;
        if prior > everywhere {
            return (prior, false);
        }
        let common = self.applied[from..from + self.members]
            .iter()
            .copied()
            .min()
            .unwrap_or(0);
        if common > everywhere {
            self.logs[origin].everywhere = common;
        }
        (prior, common > everywhere)
    }

    /// What `member` held of `origin` after `kept` is gone.
    pub(super) fn end_copies(&mut self, origin: usize, member: usize, kept: u64, fault: FaultId) {
        self.ensure(origin);
        let place = origin * self.members + member;
        if self.applied[place] > kept {
            self.applied[place] = kept;
            self.logs[origin].ended.push((kept, fault));
        }
    }

    /// The fault that ended the last copy of an effect that nobody holds any more.
    pub(super) fn ended_by(&self, origin: usize, sequence: u64) -> Option<FaultId> {
        let ends = self.logs[origin].ended.iter().rev();
        ends.into_iter()
            .find(|&&(kept, _)| kept < sequence)
            .map(|&(_, fault)| fault)
    }

    #[inline]
    pub(super) fn entry(&self, origin: usize, sequence: u64) -> Option<&Entry> {
        let log = &self.logs[origin];
        log.entries.get(sequence.checked_sub(log.front)? as usize)
    }

    /// Takes the oldest entry out if every member has applied it, and it is among the first `kept`.
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

    /// How many pairs of member and origin lack something of `union`.
    pub(super) fn lacking(&self, union: &[u64]) -> usize {
        let pairs = union.iter().zip(self.applied.chunks(self.members));
        pairs
            .map(|(&held, applied)| applied.iter().filter(|&&own| own < held).count())
            .sum()
    }
}
