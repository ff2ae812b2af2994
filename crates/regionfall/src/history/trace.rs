//! The trace: every event and fact of a run as words of a rolling hash, with checkpoints, and on request the
//! text of the records in a range.

use core::ops::Range;

use regionfall_crdt::Effect;
use regionfall_kernel::{Checkpoints, SimTime, TraceHash, TraceRecord};

use super::{CopyEnd, Fact, Listener};
use crate::topology::{NodeId, SentinelId};

/// Records between two checkpoints, at first.
const CHECKPOINT_EVERY: u64 = 4_096;

/// A listener that hashes what it hears.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: TraceHash,
    records: u64,
    /// How many records there are when a checkpoint is due, or a text to be kept. Until then a record is
    /// nothing but its words in the hash.
    due: u64,
    /// When the latest record happened.
    at: SimTime,
    checkpoints: Checkpoints,
    window: Range<u64>,
    kept: Vec<TraceRecord>,
}

impl Trace {
    /// A trace that keeps no text.
    pub fn new() -> Self {
        Self::with_window(0..0)
    }

    /// A trace that keeps the text of these records.
    pub fn with_window(window: Range<u64>) -> Self {
        let mut trace = Self {
            hash: TraceHash::new(),
            records: 0,
            due: 0,
            at: SimTime::ZERO,
            checkpoints: Checkpoints::new(CHECKPOINT_EVERY),
            window,
            kept: Vec::new(),
        };
        trace.due = trace.next_due();
        trace
    }

    /// The hash so far; more may be absorbed into a copy of it.
    pub fn hash(&self) -> TraceHash {
        self.hash
    }

    /// The checkpoints, the last one at the last record.
    pub fn checkpoints(&self) -> Checkpoints {
        let mut closed = self.checkpoints.clone();
        closed.close(self.records, self.at, &self.hash);
        closed
    }

    /// The text of the records in the window.
    pub fn kept(&self) -> &[TraceRecord] {
        &self.kept
    }

    /// One record was absorbed. Whether something is due with it.
    #[inline]
    fn is_due(&mut self) -> bool {
        self.records += 1;
        self.records == self.due
    }

    /// A record for which something is due.
    #[cold]
    #[inline(never)]
    fn pause(&mut self, text: impl FnOnce() -> String) {
        if self.records == self.checkpoints.due() {
            self.checkpoints.keep(self.records, self.at, &self.hash);
        }
        if self.window.contains(&(self.records - 1)) {
            let (at, text) = (self.at, text());
            self.kept.push(TraceRecord { at, text });
        }
        self.due = self.next_due();
    }

    fn next_due(&self) -> u64 {
        let text = self.window.start.max(self.records) + 1;
        let has_text = !self.window.is_empty() && text <= self.window.end;
        let text = if has_text { text } else { u64::MAX };
        self.checkpoints.due().min(text)
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener for Trace {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let (first, second) = words(fact);
        self.hash.absorb2(first, second);
        self.at = at;
        if self.is_due() {
            // A copy: what is handed out of sight has to be in memory.
            let fact = *fact;
            self.pause(|| format!("{fact:?}"));
        }
    }

    #[inline]
    fn event(&mut self, at: SimTime, kind: u8) {
        self.hash.absorb(at.as_nanos() << 5 | u64::from(kind));
        self.at = at;
        if self.is_due() {
            self.pause(|| format!("event of kind {kind}"));
        }
    }
}

/// A fact as two words: its kind in the low byte of the first, its fields above and in the second. The
/// moment need not enter: it is that of the event before.
#[expect(
    clippy::inline_always,
    reason = "at each place of call only the arm of that fact is left"
)]
#[inline(always)]
#[expect(clippy::too_many_lines, reason = "one arm for each fact")]
fn words(fact: &Fact<'_>) -> (u64, u64) {
    match *fact {
        Fact::PhaseBegan { phase } => (pack(0, phase as u32, 0), 0),
        Fact::OperationIssued {
            operation,
            server,
            keyspace,
            key,
            command,
        } => (
            pack(1, operation.0, u64::from(keyspace.0)),
            u64::from(server.0) << 32 | u64::from(key.0) ^ (command as u64) << 56,
        ),
        Fact::AttemptSent {
            operation,
            attempt,
            member,
        } => (
            pack(2, operation.0, u64::from(member.0)),
            u64::from(attempt),
        ),
        Fact::WriteExecuted {
            operation,
            attempt,
            node,
            effect,
        } => (
            pack(3, operation.0, u64::from(attempt) << 8 | u64::from(node.0)),
            effect.map_or(0, of_effect),
        ),
        Fact::WriteContinued {
            operation,
            attempt,
            node,
            effect,
        } => (
            pack(28, operation.0, u64::from(attempt) << 8 | u64::from(node.0)),
            of_effect(effect),
        ),
        Fact::Expired {
            node,
            keyspace,
            effect,
        } => (
            pack(27, u32::from(node.0), u64::from(keyspace.0)),
            of_effect(effect),
        ),
        Fact::Migrated {
            node,
            keyspace,
            effect,
        } => (
            pack(85, u32::from(node.0), u64::from(keyspace.0)),
            of_effect(effect),
        ),
        Fact::KeyMoved(moved) => (
            pack(
                86,
                moved.key.0,
                u64::from(moved.from) << 12 | u64::from(moved.to),
            ),
            moved.copied.sequence << 32 ^ moved.removed.sequence,
        ),
        Fact::MemberRemoved { member, fault } => {
            (pack(41, u32::from(member.0), u64::from(fault.0)), 0)
        }
        Fact::MemberRejoined { member } => (pack(42, u32::from(member.0), 0), 0),
        Fact::Evicted { node, effect } => (
            pack(40, u32::from(effect.dot.origin.0), u64::from(node.0)),
            effect.dot.sequence ^ effect.at.0 << 20,
        ),
        Fact::ReadExecuted {
            operation,
            attempt,
            node,
            key,
        } => (
            pack(4, operation.0, u64::from(attempt) << 8 | u64::from(node.0)),
            u64::from(key.0),
        ),
        Fact::AttemptEnded {
            operation,
            attempt,
            member,
            ending,
        } => (
            pack(
                5,
                operation.0,
                u64::from(attempt) << 8 | u64::from(member.0),
            ),
            ending as u64,
        ),
        Fact::OperationEnded {
            operation,
            ending,
            member,
        } => (
            pack(6, operation.0, ending as u64),
            member.map_or(u64::MAX, |member| u64::from(member.0)),
        ),
        Fact::EffectsApplied {
            node,
            origin,
            first,
            last,
        } => (
            pack(7, u32::from(node.0), u64::from(origin.0)),
            first << 32 ^ last,
        ),
        Fact::NodeStopped { node, fault } => (pack(8, u32::from(node.0), u64::from(fault.0)), 0),
        Fact::CopiesEnded {
            node,
            origin,
            kept,
            cause,
        } => {
            let cause = match cause {
                CopyEnd::Fault(fault) => u64::from(fault.0),
                CopyEnd::Replaced => u64::from(u16::MAX),
                CopyEnd::Removed(fault) => 1 << 15 | u64::from(fault.0),
                CopyEnd::Abandoned => u64::from(u16::MAX - 1),
            };
            (
                pack(9, u32::from(node.0), u64::from(origin.0)),
                kept << 16 | cause,
            )
        }
        Fact::NodeRestarted { node } => (pack(10, u32::from(node.0), 0), 0),
        Fact::OriginBegan { node, origin, .. } => {
            (pack(11, u32::from(node.0), u64::from(origin.0)), 0)
        }
        Fact::Promoted {
            member,
            shard,
            node,
            epoch,
        } => (
            pack(
                26,
                u32::from(member.0) | u32::from(shard) << 8,
                u64::from(node.0),
            ),
            u64::from(epoch),
        ),
        Fact::WaitEnded {
            operation,
            attempt,
            node,
            confirmed,
        } => (
            pack(45, u32::from(attempt), u64::from(operation.0)),
            u64::from(node.0) | u64::from(confirmed) << 8,
        ),
        Fact::SubjectivelyDown {
            sentinel,
            shard,
            node,
        } => of_sentinel(40, sentinel, shard, node),
        Fact::ObjectivelyDown {
            sentinel,
            shard,
            node,
        } => of_sentinel(41, sentinel, shard, node),
        Fact::PromotionBegan {
            member,
            shard,
            node,
        } => (
            pack(42, u32::from(member.0), u64::from(shard)),
            u64::from(node.0),
        ),
        Fact::PrimaryAnnounced {
            sentinel,
            member,
            shard,
            node,
            epoch,
        } => (
            pack(
                43,
                u32::from(sentinel.0) | u32::from(member.0) << 8,
                u64::from(shard),
            ),
            u64::from(node.0) | u64::from(epoch) << 8,
        ),
        Fact::SentinelState { sentinel, digest } => (pack(44, u32::from(sentinel.0), 0), digest),
        Fact::Bus(fact) => {
            let (code, by, rest) = fact.words();
            (pack(60 + code, by as u32, 0), rest)
        }
        Fact::Staleness {
            node,
            shard,
            is_stale,
        } => (
            pack(
                46,
                u32::from(node.0) | u32::from(shard) << 8,
                u64::from(is_stale),
            ),
            0,
        ),
        Fact::ActiveChanged { member } => (pack(47, u32::from(member.0), 0), 0),
        Fact::NodeSpare { node, is_spare } => (pack(60, u32::from(node.0), u64::from(is_spare)), 0),
        Fact::NodeUnlinked { node } => (pack(48, u32::from(node.0), 0), 0),
        Fact::LinkDisrupted { source, target } => {
            (pack(12, u32::from(source.0), u64::from(target.0)), 0)
        }
        Fact::LinkCaughtUp { source, target } => {
            (pack(13, u32::from(source.0), u64::from(target.0)), 0)
        }
        Fact::FaultBegan { fault } => (pack(14, u32::from(fault.0), 0), 0),
        Fact::FaultEnded { fault } => (pack(15, u32::from(fault.0), 0), 0),
        Fact::FaultTouched { fault } => (pack(16, u32::from(fault.0), 0), 0),
        Fact::ServerStopped { server } => (pack(17, server.0, 0), 0),
        Fact::ServerRestarted { server } => (pack(18, server.0, 0), 0),
        Fact::Verdict {
            decider,
            server,
            member,
            healthy,
        } => (
            pack(19, decider.0, u64::from(member.0) << 1 | u64::from(healthy)),
            server.map_or(u64::MAX, |server| u64::from(server.0)),
        ),
        Fact::DeciderState { decider, digest } => (pack(20, decider.0, 0), digest),
        Fact::AnswerPublished { fleet, member } => {
            (pack(21, u32::from(fleet.0), u64::from(member.0)), 0)
        }
        Fact::Adopted { server, from, to } => (
            pack(22, server.0, u64::from(from.0) << 8 | u64::from(to.0)),
            0,
        ),
        Fact::ConnectBegan { server, member } => (pack(23, server.0, u64::from(member.0)), 0),
        Fact::Connected { server, member } => (pack(24, server.0, u64::from(member.0)), 0),
        Fact::ProbeSent {
            decider,
            member,
            bytes,
        } => (pack(25, decider.0, u64::from(member.0)), u64::from(bytes)),
        Fact::TargetReached { relay, node } => (pack(52, u32::from(relay.0), u64::from(node.0)), 0),
        Fact::AddressMoved { fleet, relay, zone } => (
            pack(51, u32::from(fleet.0), u64::from(relay.0)),
            u64::from(zone),
        ),
        Fact::TargetJudged {
            decider,
            node,
            healthy,
        } => (
            pack(50, decider.0, u64::from(node.0) << 1 | u64::from(healthy)),
            0,
        ),
    }
}

/// An effect as a word.
/// The kind of a fact and two of its numbers as one word.
const fn pack(kind: u64, low: u32, high: u64) -> u64 {
    kind | (low as u64) << 8 | high << 40
}

/// A fact of one Sentinel about a node.
fn of_sentinel(code: u64, sentinel: SentinelId, shard: u16, node: NodeId) -> (u64, u64) {
    (
        pack(code, u32::from(sentinel.0), u64::from(shard)),
        u64::from(node.0),
    )
}

fn of_effect(effect: &Effect) -> u64 {
    u64::from(effect.dot.origin.0) << 48 ^ effect.dot.sequence ^ effect.at.0 << 20
}
