//! The book of the checks: who holds what, from the facts alone. It is the checks' own, and shares
//! nothing with the ledger's or with the model's clocks.

use crate::history::Fact;

/// How far each node holds each origin, and how far each origin got.
#[derive(Clone, Debug)]
pub struct Book {
    nodes: usize,
    /// By origin: its node, if it began, and its newest sequence.
    origins: Vec<(Option<u8>, u64)>,
    /// `[origin * nodes + node]`.
    held: Vec<u64>,
}

/// What a fact did to the order of things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// What it should.
    InOrder,
    /// The origin was begun before.
    OriginTwice,
    /// Another node executed as this origin, or its dot is not the one after `newest`.
    WrongDot {
        /// The last one executed.
        newest: u64,
    },
    /// The range does not follow what the node held, or goes beyond what was executed.
    WrongRange {
        /// What the node held.
        held: u64,
        /// What was executed.
        newest: u64,
    },
}

impl Book {
    /// The empty book of so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self {
            nodes,
            origins: Vec::new(),
            held: Vec::new(),
        }
    }

    /// What `node` holds of `origin`.
    pub fn held(&self, origin: usize, node: usize) -> u64 {
        self.held
            .get(origin * self.nodes + node)
            .copied()
            .unwrap_or(0)
    }

    /// How many origins are in it.
    pub fn origins(&self) -> usize {
        self.origins.len()
    }

    #[inline]
    fn ensure(&mut self, origin: usize) {
        if self.origins.len() <= origin {
            self.origins.resize(origin + 1, (None, 0));
            self.held.resize((origin + 1) * self.nodes, 0);
        }
    }

    /// Enters a fact.
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    pub fn enter(&mut self, fact: &Fact<'_>) -> Entry {
        match *fact {
            Fact::WriteExecuted {
                node,
                effect: Some(effect),
                ..
            }
            | Fact::Evicted { node, effect }
            | Fact::WriteContinued { node, effect, .. }
            | Fact::Expired { node, effect, .. }
            | Fact::Migrated { node, effect, .. } => {
                let origin = usize::from(effect.dot.origin.0);
                self.ensure(origin);
                let (owner, newest) = self.origins[origin];
                let is_right = owner == Some(node.0) && effect.dot.sequence == newest + 1;
                self.origins[origin].1 = newest.max(effect.dot.sequence);
                self.held[origin * self.nodes + node.index()] = effect.dot.sequence;
                if is_right {
                    Entry::InOrder
                } else {
                    Entry::WrongDot { newest }
                }
            }
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } => {
                let origin = usize::from(origin.0);
                self.ensure(origin);
                let newest = self.origins[origin].1;
                let own = &mut self.held[origin * self.nodes + node.index()];
                let held = *own;
                *own = held.max(last);
                let is_right = first == held + 1 && first <= last && last <= newest;
                if is_right {
                    Entry::InOrder
                } else {
                    Entry::WrongRange { held, newest }
                }
            }
            Fact::CopiesEnded {
                node, origin, kept, ..
            } => {
                let origin = usize::from(origin.0);
                self.ensure(origin);
                let own = &mut self.held[origin * self.nodes + node.index()];
                *own = (*own).min(kept);
                Entry::InOrder
            }
            Fact::OriginBegan { node, origin, .. } => {
                let origin = usize::from(origin.0);
                self.ensure(origin);
                let owner = &mut self.origins[origin].0;
                let is_right = owner.is_none();
                owner.get_or_insert(node.0);
                if is_right {
                    Entry::InOrder
                } else {
                    Entry::OriginTwice
                }
            }
            _ => Entry::InOrder,
        }
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::{Clock, Dot, Effect, EffectKind, KeyId, OriginId, Timestamp};

    use super::*;
    use crate::topology::NodeId;

    fn begin(book: &mut Book, node: u8, origin: u16) -> Entry {
        book.enter(&Fact::OriginBegan {
            node: NodeId(node),
            shard: 0,
            origin: OriginId(origin),
        })
    }

    fn apply(book: &mut Book, node: u8, origin: u16, (first, last): (u64, u64)) -> Entry {
        book.enter(&Fact::EffectsApplied {
            node: NodeId(node),
            origin: OriginId(origin),
            first,
            last,
        })
    }

    /// A node executes something as an origin.
    fn execute(book: &mut Book, node: u8, origin: u16, sequence: u64) -> Entry {
        let effect = Effect {
            dot: Dot::new(OriginId(origin), sequence),
            key: KeyId(1),
            at: Timestamp(0),
            context: Clock::new(),
            kind: EffectKind::Delta { amount: 1 },
        };
        book.enter(&Fact::Evicted {
            node: NodeId(node),
            effect: &effect,
        })
    }

    #[test]
    fn only_its_own_node_executes_as_an_origin_one_after_the_other() {
        let mut book = Book::new(2);
        assert_eq!(begin(&mut book, 1, 2), Entry::InOrder);
        assert_eq!(book.origins(), 3, "numbers below it may come later");
        for sequence in 1..=3 {
            assert_eq!(execute(&mut book, 1, 2, sequence), Entry::InOrder);
            assert_eq!(book.held(2, 1), sequence);
        }
        let wrong = Entry::WrongDot { newest: 3 };
        assert_eq!(execute(&mut book, 1, 2, 3), wrong, "used before");
        assert_eq!(execute(&mut book, 1, 2, 5), wrong, "one is left out");
        let wrong = Entry::WrongDot { newest: 5 };
        assert_eq!(execute(&mut book, 0, 2, 6), wrong, "another node");
        assert_eq!(begin(&mut book, 1, 2), Entry::OriginTwice);
    }

    #[test]
    fn what_is_applied_follows_what_is_held_and_was_executed() {
        let mut book = Book::new(2);
        begin(&mut book, 0, 0);
        for sequence in 1..=4 {
            execute(&mut book, 0, 0, sequence);
        }
        assert_eq!(apply(&mut book, 1, 0, (1, 2)), Entry::InOrder);
        assert_eq!(apply(&mut book, 1, 0, (3, 3)), Entry::InOrder);
        let held = |held| Entry::WrongRange { held, newest: 4 };
        assert_eq!(apply(&mut book, 1, 0, (3, 4)), held(3), "held already");
        assert_eq!(book.held(0, 1), 4);
        assert_eq!(apply(&mut book, 1, 0, (5, 4)), held(4), "nothing");
        assert_eq!(apply(&mut book, 1, 0, (5, 5)), held(4), "not executed");
        assert_eq!(book.held(0, 0), 4, "the other node's stays as it is");
    }
}
