//! The four guarantees of a session (Terry et al., *Session Guarantees for Weakly Consistent Replicated Data*, PDIS 1994):
//! read your writes, monotonic reads, monotonic writes, writes follow reads.
//!
//! A session is an app server. What a node has is known from the checks' own [`Book`]; a key's writes are in the order in
//! which they were executed. Reads count when their answer reached the application, writes when they were acknowledged.
//! Not here: transactions over several keys, and values (a node that has a write shows it, or the model's other laws are broken).

use std::collections::BTreeMap;

use regionfall_crdt::{Dot, KeyId};
use regionfall_kernel::SimTime;

use super::book::Book;
use super::{Check, Findings, Verdict, VerdictKind};
use crate::history::{Ending, Fact, Listener};
use crate::topology::{NodeId, OperationId, ServerId};

/// Which of the four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guarantee {
    /// A session reads its own acknowledged writes.
    ReadYourWrites,
    /// A session never reads an older state of a key than before.
    MonotonicReads,
    /// No node has a write of a session without the acknowledged ones before it.
    MonotonicWrites,
    /// No node has a write of a session without the writes that it had read before.
    WritesFollowReads,
}

/// A check of one guarantee.
#[derive(Clone, Debug)]
pub struct SessionGuarantee {
    which: Guarantee,
    book: Book,
    /// What is under way, by operation.
    pending: BTreeMap<OperationId, Pending>,
    /// By key: its writes in the order of execution.
    writes: BTreeMap<KeyId, Vec<Dot>>,
    /// By session and key: the newest write that it knows of.
    known: BTreeMap<(ServerId, KeyId), Dot>,
    /// By session: the last write that it made or read, of any key.
    last: BTreeMap<ServerId, Dot>,
    /// By origin and sequence: what must be there before.
    before: BTreeMap<Dot, (OperationId, Dot)>,
    findings: Findings,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    server: ServerId,
    key: KeyId,
    /// What it must see, or what must be there before it.
    needs: Option<Dot>,
    /// What it did, or saw.
    dot: Option<Dot>,
    /// Where it lacked what it needed.
    lacked_at: Option<(SimTime, NodeId)>,
    is_read: bool,
}

impl SessionGuarantee {
    /// The check of a run with so many nodes.
    pub fn new(which: Guarantee, nodes: usize) -> Self {
        Self {
            which,
            book: Book::new(nodes),
            pending: BTreeMap::new(),
            writes: BTreeMap::new(),
            known: BTreeMap::new(),
            last: BTreeMap::new(),
            before: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    fn has(&self, node: NodeId, dot: Dot) -> bool {
        self.book.held(usize::from(dot.origin.0), node.index()) >= dot.sequence
    }

    const fn is_about_reads(&self) -> bool {
        matches!(
            self.which,
            Guarantee::ReadYourWrites | Guarantee::MonotonicReads
        )
    }

    fn issued(&mut self, operation: OperationId, server: ServerId, key: KeyId) {
        let needs = if self.is_about_reads() {
            self.known.get(&(server, key)).copied()
        } else {
            self.last.get(&server).copied()
        };
        let pending = Pending {
            server,
            key,
            needs,
            dot: None,
            lacked_at: None,
            is_read: false,
        };
        self.pending.insert(operation, pending);
    }

    fn executed(&mut self, at: SimTime, operation: OperationId, node: NodeId, dot: Dot) {
        let Some(pending) = self.pending.get_mut(&operation) else {
            return;
        };
        pending.dot = Some(dot);
        let (key, needs) = (pending.key, pending.needs);
        self.writes.entry(key).or_default().push(dot);
        if self.is_about_reads() {
            return;
        }
        if let Some(needs) = needs.filter(|needs| needs.origin != dot.origin) {
            self.before.insert(dot, (operation, needs));
            self.look(at, node, dot);
        }
    }

    /// A node has `dot` from now on: what must be there before it must be there.
    fn look(&mut self, at: SimTime, node: NodeId, dot: Dot) {
        let Some(&(operation, needs)) = self.before.get(&dot) else {
            return;
        };
        if !self.has(node, needs) {
            let which = self.which;
            self.findings.add(at, || {
                let what = if which == Guarantee::MonotonicWrites {
                    "an earlier write of its session"
                } else {
                    "a write that its session had read before"
                };
                format!("{node} has {operation} without {what}")
            });
        }
    }

    fn read(&mut self, at: SimTime, operation: OperationId, node: NodeId) {
        let Some(pending) = self.pending.get(&operation).copied() else {
            return;
        };
        let seen = self.writes.get(&pending.key).and_then(|writes| {
            let newest = writes.iter().rev().find(|&&dot| self.has(node, dot));
            newest.copied()
        });
        let is_about_reads = self.is_about_reads();
        let lacks = pending.needs.is_some_and(|needs| !self.has(node, needs));
        if let Some(pending) = self.pending.get_mut(&operation) {
            pending.is_read = true;
            pending.dot = seen;
            pending.lacked_at = (lacks && is_about_reads).then_some((at, node));
        }
    }

    fn ended(&mut self, operation: OperationId, ending: Ending) {
        let Some(pending) = self.pending.remove(&operation) else {
            return;
        };
        if ending != Ending::Acknowledged {
            return;
        }
        if let Some((at, node)) = pending.lacked_at {
            let (which, server, key) = (self.which, pending.server, pending.key.0);
            self.findings.add(at, || {
                let what = if which == Guarantee::ReadYourWrites {
                    "its own acknowledged write"
                } else {
                    "a write that it had read before"
                };
                format!("{server} read key {key} at {node} without {what}")
            });
        }
        let Some(dot) = pending.dot else { return };
        let counts = match self.which {
            Guarantee::ReadYourWrites | Guarantee::MonotonicWrites => !pending.is_read,
            Guarantee::MonotonicReads | Guarantee::WritesFollowReads => pending.is_read,
        };
        if counts {
            self.known.insert((pending.server, pending.key), dot);
            self.last.insert(pending.server, dot);
        }
    }
}

impl Listener for SessionGuarantee {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.book.enter(fact);
        match *fact {
            Fact::OperationIssued {
                operation,
                server,
                key,
                ..
            } => self.issued(operation, server, key),
            Fact::WriteExecuted {
                operation,
                node,
                effect: Some(effect),
                ..
            } => self.executed(at, operation, node, effect.dot),
            Fact::ReadExecuted {
                operation, node, ..
            } => self.read(at, operation, node),
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } if !self.is_about_reads() => {
                let range = Dot {
                    origin,
                    sequence: first,
                }..=Dot {
                    origin,
                    sequence: last,
                };
                let dots: Vec<Dot> = self.before.range(range).map(|(dot, _)| *dot).collect();
                for dot in dots {
                    self.look(at, node, dot);
                }
            }
            Fact::OperationEnded {
                operation, ending, ..
            } => {
                self.ended(operation, ending);
            }
            _ => {}
        }
    }
}

impl Check for SessionGuarantee {
    fn verdict(&self) -> Verdict {
        let name = match self.which {
            Guarantee::ReadYourWrites => "read your writes",
            Guarantee::MonotonicReads => "monotonic reads",
            Guarantee::MonotonicWrites => "monotonic writes",
            Guarantee::WritesFollowReads => "writes follow reads",
        };
        self.findings.verdict(name, VerdictKind::Promise)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;

    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);
    const C: NodeId = NodeId(2);

    /// A history of sessions over three nodes, told in short.
    struct Told {
        checks: [SessionGuarantee; 4],
        next: u32,
    }

    impl Told {
        fn new() -> Self {
            let check = |which| SessionGuarantee::new(which, 3);
            let mut told = Self {
                checks: [
                    check(Guarantee::ReadYourWrites),
                    check(Guarantee::MonotonicReads),
                    check(Guarantee::MonotonicWrites),
                    check(Guarantee::WritesFollowReads),
                ],
                next: 0,
            };
            for node in [A, B, C] {
                told.hear(&Fact::OriginBegan {
                    node,
                    shard: 0,
                    origin: OriginId(u16::from(node.0)),
                });
            }
            told
        }

        fn hear(&mut self, fact: &Fact<'_>) {
            for check in &mut self.checks {
                check.observe(SimTime::ZERO, fact);
            }
        }

        fn begin(
            &mut self,
            server: u32,
            key: u64,
            command: regionfall_crdt::CommandKind,
        ) -> OperationId {
            let operation = OperationId(self.next);
            self.next += 1;
            self.hear(&Fact::OperationIssued {
                operation,
                server: ServerId(server),
                keyspace: crate::topology::KeyspaceId(0),
                key: KeyId(key as u32),
                command,
            });
            operation
        }

        fn end(&mut self, operation: OperationId) {
            self.hear(&Fact::OperationEnded {
                operation,
                ending: Ending::Acknowledged,
                member: None,
            });
        }

        fn write(&mut self, server: u32, key: u64, node: NodeId) -> Dot {
            let operation = self.begin(server, key, regionfall_crdt::CommandKind::Set);
            let origin = usize::from(node.0);
            let sequence = self.checks[0].book.held(origin, origin) + 1;
            let dot = Dot {
                origin: OriginId(u16::from(node.0)),
                sequence,
            };
            let effect = effect(dot, KeyId(key as u32));
            self.hear(&Fact::WriteExecuted {
                operation,
                attempt: 0,
                node,
                effect: Some(&effect),
            });
            self.end(operation);
            dot
        }

        fn read(&mut self, server: u32, key: u64, node: NodeId) {
            let operation = self.begin(server, key, regionfall_crdt::CommandKind::Get);
            self.hear(&Fact::ReadExecuted {
                operation,
                attempt: 0,
                node,
                key: KeyId(key as u32),
            });
            self.end(operation);
        }

        fn apply(&mut self, node: NodeId, dot: Dot) {
            self.hear(&Fact::EffectsApplied {
                node,
                origin: dot.origin,
                first: dot.sequence,
                last: dot.sequence,
            });
        }

        /// What the check of one guarantee found, in words.
        fn words(&self, index: usize) -> Vec<String> {
            let verdict = self.checks[index].verdict();
            verdict
                .evidence
                .into_iter()
                .map(|found| found.text)
                .collect()
        }

        fn held(&self) -> [bool; 4] {
            [0, 1, 2, 3].map(|index| self.checks[index].verdict().held)
        }
    }

    /// An effect of which only the dot matters.
    fn effect(dot: Dot, key: KeyId) -> regionfall_crdt::Effect {
        regionfall_crdt::Effect {
            dot,
            key,
            at: regionfall_crdt::Timestamp(0),
            context: regionfall_crdt::Clock::new(),
            kind: regionfall_crdt::EffectKind::Remove { totals: None },
        }
    }

    #[test]
    fn who_moves_before_its_write_arrives_does_not_read_it() {
        let mut told = Told::new();
        told.write(0, 1, A);
        told.read(0, 1, B);
        assert_eq!(told.held(), [false, true, true, true]);
    }

    #[test]
    fn who_saw_a_write_and_then_does_not_went_back() {
        let mut told = Told::new();
        told.write(1, 1, A);
        told.read(0, 1, A);
        told.read(0, 1, B);
        assert_eq!(told.held(), [true, false, true, true]);
    }

    #[test]
    fn a_write_without_the_one_before_it_breaks_the_order() {
        let mut told = Told::new();
        told.write(0, 1, A);
        told.write(0, 2, B);
        assert_eq!(told.held(), [true, true, false, true]);
    }

    #[test]
    fn a_write_without_what_its_session_had_read_does_not_follow_it() {
        let mut told = Told::new();
        told.write(1, 1, A);
        told.read(0, 1, A);
        told.write(0, 2, B);
        assert_eq!(told.held(), [true, true, true, false]);
    }

    #[test]
    fn with_replication_in_between_all_hold() {
        let mut told = Told::new();
        let first = told.write(0, 1, A);
        told.apply(B, first);
        told.read(0, 1, B);
        let second = told.write(0, 2, B);
        told.apply(A, second);
        told.read(0, 2, A);
        assert_eq!(told.held(), [true; 4]);
    }

    #[test]
    fn the_order_is_kept_wherever_writes_arrive() {
        let mut told = Told::new();
        let first = told.write(0, 1, A);
        told.apply(B, first);
        let second = told.write(0, 2, B);
        told.apply(C, second);
        assert_eq!(told.held(), [true, true, false, true]);
        assert_eq!(
            told.words(2),
            ["node-2 has operation-1 without an earlier write of its session"]
        );
    }

    #[test]
    fn what_was_read_is_there_before_what_follows_it() {
        let mut told = Told::new();
        let read = told.write(1, 1, A);
        told.apply(B, read);
        told.read(0, 1, B);
        let answer = told.write(0, 2, B);
        told.apply(C, answer);
        assert_eq!(told.held(), [true, true, true, false]);
        let words = told.words(3);
        assert!(
            words[0].ends_with("without a write that its session had read before"),
            "{words:?}"
        );
    }

    #[test]
    fn a_finding_says_what_was_missed() {
        let mut told = Told::new();
        told.write(0, 1, A);
        told.read(0, 1, A);
        told.read(0, 1, B);
        assert_eq!(told.held(), [false, false, true, true]);
        let own = told.words(0);
        assert!(
            own[0].ends_with("without its own acknowledged write"),
            "{own:?}"
        );
        let seen = told.words(1);
        assert!(
            seen[0].ends_with("without a write that it had read before"),
            "{seen:?}"
        );
    }
}
