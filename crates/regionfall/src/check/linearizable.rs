//! Each key behaves as one register: every acknowledged operation takes effect at one moment between its call and its answer.
//!
//! Configurations that promise it are standalone databases of one shard; where members merge, nobody promises it.
//! Since every write is known by its number, it can be decided exactly and fast (Gibbons and Korach, *Testing Shared
//! Memories*, SIAM J. Comput. 26(4), 1997): a write with the reads that saw it is a *cluster*; from its first end to its last
//! beginning the register must hold its value, if that is forwards in time; two such times must not overlap, and none may
//! enclose a cluster that would fit at a moment within. A read that ends before its write begins is wrong in itself.
//!
//! Looked at are keys on which nothing but SET, GET and DEL was asked. Writes with an unknown ending may take effect at any
//! time after their call, or never.

use std::collections::BTreeMap;

use regionfall_crdt::{CommandKind, Dot, KeyId};
use regionfall_kernel::SimTime;

use super::book::Book;
use super::{Check, Findings, Verdict, VerdictKind};
use crate::history::{Ending, Fact, Listener, Quiescence};
use crate::topology::{NodeId, OperationId};

/// See the module.
#[derive(Clone, Debug)]
pub struct Linearizable {
    book: Book,
    operations: BTreeMap<OperationId, Operation>,
    /// By key: its writes in the order of execution, with who wrote.
    executed: BTreeMap<KeyId, Vec<(Dot, OperationId)>>,
    /// Keys on which something else was asked.
    left_out: std::collections::BTreeSet<KeyId>,
    findings: Findings,
}

/// An operation on a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Operation {
    key: KeyId,
    is_read: bool,
    begins: SimTime,
    /// When the application had its answer; [`SimTime::NEVER`] if it did not.
    ends: SimTime,
    /// Of a read: the write that it saw; `None` is the empty key of the beginning.
    saw: Option<OperationId>,
}

/// A write with its reads, as times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cluster {
    write: Option<OperationId>,
    first_end: SimTime,
    last_begin: SimTime,
}

impl Linearizable {
    /// The check of a run with so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self {
            book: Book::new(nodes),
            operations: BTreeMap::new(),
            executed: BTreeMap::new(),
            left_out: std::collections::BTreeSet::new(),
            findings: Findings::default(),
        }
    }

    fn read(&mut self, operation: OperationId, node: NodeId) {
        let Some(own) = self.operations.get(&operation) else {
            return;
        };
        let saw = self.executed.get(&own.key).and_then(|writes| {
            let is_there =
                |dot: &Dot| self.book.held(usize::from(dot.origin.0), node.index()) >= dot.sequence;
            writes.iter().rev().find(|(dot, _)| is_there(dot))
        });
        let saw = saw.map(|(_, write)| *write);
        if let Some(own) = self.operations.get_mut(&operation) {
            own.saw = saw;
        }
    }

    /// The clusters of a key, from the operations on it; and reads that ended before their write began.
    fn clusters(operations: &[(OperationId, Operation)]) -> (Vec<Cluster>, Vec<OperationId>) {
        let mut clusters: BTreeMap<Option<OperationId>, Cluster> = BTreeMap::new();
        // The empty key was written before everything.
        let initial = Cluster {
            write: None,
            first_end: SimTime::ZERO,
            last_begin: SimTime::ZERO,
        };
        clusters.insert(None, initial);
        for (id, write) in operations.iter().filter(|(_, one)| !one.is_read) {
            let cluster = Cluster {
                write: Some(*id),
                first_end: write.ends,
                last_begin: write.begins,
            };
            clusters.insert(Some(*id), cluster);
        }
        let mut impossible = Vec::new();
        let mut seen = Vec::new();
        for (id, read) in operations.iter().filter(|(_, one)| one.is_read) {
            let Some(cluster) = clusters.get_mut(&read.saw) else {
                continue;
            };
            let write = read
                .saw
                .and_then(|saw| operations.iter().find(|(id, _)| *id == saw));
            if write.is_some_and(|(_, write)| read.ends < write.begins) {
                impossible.push(*id);
            }
            cluster.first_end = cluster.first_end.min(read.ends);
            cluster.last_begin = cluster.last_begin.max(read.begins);
            seen.push(read.saw);
        }
        // A write without an answer that nobody saw may never have happened.
        clusters
            .retain(|write, cluster| cluster.first_end != SimTime::NEVER || seen.contains(write));
        (clusters.into_values().collect(), impossible)
    }

    fn judge(&mut self, key: KeyId, operations: &[(OperationId, Operation)]) {
        let (clusters, impossible) = Self::clusters(operations);
        for read in impossible {
            self.findings.add(SimTime::ZERO, || {
                format!("{read} read key {} before what it saw was written", key.0)
            });
        }
        if let Some((one, other)) = conflict(&clusters) {
            let name = |write: Option<OperationId>| {
                write.map_or("the empty key".to_owned(), |write| {
                    format!("what {write} wrote")
                })
            };
            self.findings.add(other.first_end.max(one.first_end), || {
                format!(
                    "key {} is no register: {} was there from {} to {}, and {} from {} to {}",
                    key.0,
                    name(one.write),
                    one.first_end.min(one.last_begin),
                    one.first_end.max(one.last_begin),
                    name(other.write),
                    other.first_end.min(other.last_begin),
                    other.first_end.max(other.last_begin),
                )
            });
        }
    }
}

/// Two clusters that no order of moments allows, if there are any.
fn conflict(clusters: &[Cluster]) -> Option<(Cluster, Cluster)> {
    let is_forward = |cluster: &&Cluster| cluster.first_end < cluster.last_begin;
    let mut forward: Vec<Cluster> = clusters.iter().filter(is_forward).copied().collect();
    forward.sort_by_key(|cluster| (cluster.first_end, cluster.last_begin));
    for pair in forward.windows(2) {
        if pair[1].first_end < pair[0].last_begin {
            return Some((pair[0], pair[1]));
        }
    }
    // Forward times are disjoint and in order: the last that begins before a moment is the only one around it.
    let backward = clusters.iter().filter(|cluster| !is_forward(cluster));
    for inner in backward {
        let place = forward.partition_point(|outer| outer.first_end < inner.last_begin);
        let outer = place.checked_sub(1).map(|place| forward[place]);
        if let Some(outer) = outer.filter(|outer| inner.first_end < outer.last_begin) {
            return Some((outer, *inner));
        }
    }
    None
}

impl Listener for Linearizable {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.book.enter(fact);
        match *fact {
            Fact::OperationIssued {
                operation,
                key,
                command,
                ..
            } => {
                let is_read = command == CommandKind::Get;
                if !is_read && !matches!(command, CommandKind::Set | CommandKind::Del) {
                    self.left_out.insert(key);
                    return;
                }
                let own = Operation {
                    key,
                    is_read,
                    begins: at,
                    ends: SimTime::NEVER,
                    saw: None,
                };
                self.operations.insert(operation, own);
            }
            Fact::WriteExecuted {
                operation,
                effect: Some(effect),
                ..
            } => {
                let writes = self.executed.entry(effect.key).or_default();
                writes.push((effect.dot, operation));
            }
            // DEL of a key that is not there changes nothing: it is no write.
            Fact::WriteExecuted {
                operation,
                effect: None,
                ..
            } => {
                self.operations.remove(&operation);
            }
            Fact::ReadExecuted {
                operation, node, ..
            } => self.read(operation, node),
            Fact::OperationEnded {
                operation, ending, ..
            } => match ending {
                Ending::Acknowledged => {
                    if let Some(own) = self.operations.get_mut(&operation) {
                        own.ends = at;
                    }
                }
                Ending::Failed => {
                    self.operations.remove(&operation);
                }
                Ending::Unknown => {}
            },
            _ => {}
        }
    }
}

impl Check for Linearizable {
    fn at_rest(&mut self, _at: SimTime, _quiescence: &Quiescence) {
        let mut by_key: BTreeMap<KeyId, Vec<(OperationId, Operation)>> = BTreeMap::new();
        for (id, operation) in &self.operations {
            // A read without an answer told nobody anything.
            let is_told = !operation.is_read || operation.ends != SimTime::NEVER;
            if is_told && !self.left_out.contains(&operation.key) {
                by_key
                    .entry(operation.key)
                    .or_default()
                    .push((*id, *operation));
            }
        }
        for (key, operations) in by_key {
            self.judge(key, &operations);
        }
    }

    fn verdict(&self) -> Verdict {
        self.findings.verdict("linearizable", VerdictKind::Promise)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Kind (0 writes, 1 reads), begin, length, and for reads which write of those before it was seen.
    fn operations(told: &[(bool, u64, u64, Option<usize>)]) -> Vec<(OperationId, Operation)> {
        let numbered = told.iter().enumerate();
        let make = |(index, &(is_read, begins, length, saw)): (
            usize,
            &(bool, u64, u64, Option<usize>),
        )| {
            let operation = Operation {
                key: KeyId(0),
                is_read,
                begins: SimTime::from_nanos(1 + begins),
                ends: SimTime::from_nanos(1 + begins + length),
                saw: saw.map(OperationId::from_index),
            };
            (OperationId::from_index(index), operation)
        };
        numbered.map(make).collect()
    }

    fn is_fine(operations: &[(OperationId, Operation)]) -> bool {
        let (clusters, impossible) = Linearizable::clusters(operations);
        impossible.is_empty() && conflict(&clusters).is_none()
    }

    /// Whether some order of all operations respects time and gives every read what it saw: by trying.
    fn has_order(operations: &[(OperationId, Operation)]) -> bool {
        fn go(left: &mut Vec<(OperationId, Operation)>, value: Option<OperationId>) -> bool {
            if left.is_empty() {
                return true;
            }
            let first_end = left.iter().map(|(_, one)| one.ends).min();
            for index in 0..left.len() {
                let (id, one) = left[index];
                let may_be_next = first_end.is_some_and(|end| one.begins <= end);
                if !may_be_next || (one.is_read && one.saw != value) {
                    continue;
                }
                let taken = left.remove(index);
                let is_possible = go(left, if one.is_read { value } else { Some(id) });
                left.insert(index, taken);
                if is_possible {
                    return true;
                }
            }
            false
        }
        go(&mut operations.to_vec(), None)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn clusters_decide_as_trying_every_order_does(
            told in prop::collection::vec((any::<bool>(), 0_u64..12, 1_u64..8, any::<prop::sample::Index>()), 1..7)
        ) {
            let writes: Vec<usize> = told.iter().enumerate().filter(|(_, one)| !one.0).map(|(index, _)| index).collect();
            let told: Vec<_> = told.iter().map(|&(is_read, begins, length, saw)| {
                let saw = (is_read && !writes.is_empty()).then(|| {
                    let place = saw.index(writes.len() + 1);
                    writes.get(place).copied()
                });
                // No two moments are the same: what touches is for the definition to say.
                (is_read, begins * 100, length * 100 + begins * 7 % 97 + 1, saw.flatten())
            }).collect();
            let distinct: Vec<_> = told.iter().enumerate().map(|(index, &(is_read, begins, length, saw))| (is_read, begins + 3 * index as u64, length + 2 * index as u64, saw)).collect();
            let operations = operations(&distinct);
            prop_assert_eq!(is_fine(&operations), has_order(&operations), "{:?}", operations);
        }
    }

    #[test]
    fn a_read_of_the_old_value_after_the_new_one_was_acknowledged_is_wrong() {
        let write = |begins| (false, begins, 10, None);
        assert!(is_fine(&operations(&[
            write(0),
            write(20),
            (true, 40, 5, Some(1))
        ])));
        assert!(!is_fine(&operations(&[
            write(0),
            write(20),
            (true, 40, 5, Some(0))
        ])));
        assert!(is_fine(&operations(&[
            write(0),
            write(20),
            (true, 25, 5, Some(0))
        ])));
        assert!(!is_fine(&operations(&[write(0), (true, 40, 5, None)])));
    }

    #[test]
    fn times_that_only_touch_do_not_overlap() {
        let cluster = |first_end, last_begin| Cluster {
            write: None,
            first_end: SimTime::from_nanos(first_end),
            last_begin: SimTime::from_nanos(last_begin),
        };
        // The second value comes at the moment at which the first may go.
        assert_eq!(conflict(&[cluster(10, 20), cluster(20, 30)]), None);
        assert!(conflict(&[cluster(10, 21), cluster(20, 30)]).is_some());
        // What fits in at a moment may do so just before or just after another value was there.
        assert_eq!(conflict(&[cluster(10, 20), cluster(15, 10)]), None);
        assert_eq!(conflict(&[cluster(10, 20), cluster(20, 15)]), None);
        assert!(conflict(&[cluster(10, 20), cluster(19, 11)]).is_some());
    }

    /// A history of one key at two nodes, told as facts.
    struct Told {
        check: Linearizable,
        now: u64,
        next: u32,
    }

    impl Told {
        fn new() -> Self {
            let mut told = Self {
                check: Linearizable::new(2),
                now: 0,
                next: 0,
            };
            for node in 0..2 {
                told.hear(&Fact::OriginBegan {
                    node: NodeId(node),
                    shard: 0,
                    origin: regionfall_crdt::OriginId(u16::from(node)),
                });
            }
            told
        }

        fn hear(&mut self, fact: &Fact<'_>) {
            self.now += 1;
            self.check.observe(SimTime::from_nanos(self.now), fact);
        }

        fn begin(&mut self, command: CommandKind) -> OperationId {
            let operation = OperationId(self.next);
            self.next += 1;
            self.hear(&Fact::OperationIssued {
                operation,
                server: crate::topology::ServerId(0),
                keyspace: crate::topology::KeyspaceId(0),
                key: KeyId(1),
                command,
            });
            operation
        }

        /// Node 0 executes the write, with an effect or without.
        fn execute(&mut self, operation: OperationId, has_effect: bool) {
            let sequence = self.check.book.held(0, 0) + 1;
            let effect = regionfall_crdt::Effect {
                dot: Dot {
                    origin: regionfall_crdt::OriginId(0),
                    sequence,
                },
                key: KeyId(1),
                at: regionfall_crdt::Timestamp(0),
                context: regionfall_crdt::Clock::new(),
                kind: regionfall_crdt::EffectKind::Remove { totals: None },
            };
            self.hear(&Fact::WriteExecuted {
                operation,
                attempt: 0,
                node: NodeId(0),
                effect: has_effect.then_some(&effect),
            });
        }

        fn end(&mut self, operation: OperationId, ending: Ending) {
            self.hear(&Fact::OperationEnded {
                operation,
                ending,
                member: None,
            });
        }

        fn write(&mut self, command: CommandKind) {
            let operation = self.begin(command);
            self.execute(operation, true);
            self.end(operation, Ending::Acknowledged);
        }

        fn read(&mut self, node: u8, ending: Ending) {
            let operation = self.begin(CommandKind::Get);
            self.hear(&Fact::ReadExecuted {
                operation,
                attempt: 0,
                node: NodeId(node),
                key: KeyId(1),
            });
            self.end(operation, ending);
        }

        fn holds(mut self) -> bool {
            let quiescence = Quiescence {
                reached: true,
                nodes: Vec::new(),
            };
            self.check
                .at_rest(SimTime::from_nanos(self.now), &quiescence);
            self.check.verdict().held
        }
    }

    #[test]
    fn who_reads_at_a_node_that_lacks_the_write_reads_the_past() {
        for (node, holds) in [(0, true), (1, false)] {
            let mut told = Told::new();
            told.write(CommandKind::Set);
            told.read(node, Ending::Acknowledged);
            assert_eq!(told.holds(), holds, "at node {node}");
        }
        let mut told = Told::new();
        told.write(CommandKind::Set);
        told.hear(&Fact::EffectsApplied {
            node: NodeId(1),
            origin: regionfall_crdt::OriginId(0),
            first: 1,
            last: 1,
        });
        told.read(1, Ending::Acknowledged);
        assert!(told.holds());
    }

    #[test]
    fn what_nobody_was_told_of_counts_for_nothing() {
        // Reads without an answer.
        for ending in [Ending::Unknown, Ending::Failed] {
            let mut told = Told::new();
            told.write(CommandKind::Set);
            told.read(1, ending);
            assert!(told.holds(), "{ending:?}");
        }
        // A write that may have happened or not, and one that changed nothing.
        for (ending, has_effect) in [(Ending::Unknown, true), (Ending::Acknowledged, false)] {
            let mut told = Told::new();
            let write = told.begin(CommandKind::Del);
            told.execute(write, has_effect);
            told.end(write, ending);
            told.read(1, Ending::Acknowledged);
            assert!(told.holds(), "{ending:?}, {has_effect}");
        }
    }

    #[test]
    fn a_write_that_was_seen_happened_whatever_its_ending() {
        let mut told = Told::new();
        let write = told.begin(CommandKind::Set);
        told.execute(write, true);
        told.end(write, Ending::Unknown);
        told.read(0, Ending::Acknowledged);
        told.read(1, Ending::Acknowledged);
        assert!(!told.holds());
    }

    #[test]
    fn keys_that_are_more_than_registers_are_left_out() {
        let mut told = Told::new();
        told.write(CommandKind::Set);
        told.begin(CommandKind::Append);
        told.read(1, Ending::Acknowledged);
        assert!(told.holds());
    }
}
