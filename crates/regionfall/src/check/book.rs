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
