//! No dot is used twice: each origin has one node and numbers its effects 1, 2, 3, …, and nodes apply
//! them in that order, none before it was executed.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener};

use super::book::{Book, Entry};
use super::{Check, Findings, Verdict, VerdictKind};

/// See the module. It keeps the book that other checks read.
#[derive(Clone, Debug)]
pub struct Dots {
    book: Book,
    findings: Findings,
}

impl Dots {
    /// The check of a run with so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self {
            book: Book::new(nodes),
            findings: Findings::default(),
        }
    }

    /// Who holds what.
    pub fn book(&self) -> &Book {
        &self.book
    }

    #[cold]
    fn find(&mut self, at: SimTime, fact: &Fact<'_>, entry: Entry) {
        self.findings.add(at, || match (*fact, entry) {
            (Fact::OriginBegan { node, origin, .. }, _) => {
                format!("{node} began origin {}, which was used before", origin.0)
            }
            (
                Fact::WriteExecuted {
                    node,
                    effect: Some(effect),
                    ..
                }
                | Fact::WriteContinued { node, effect, .. }
                | Fact::Expired { node, effect, .. }
                | Fact::Migrated { node, effect, .. },
                Entry::WrongDot { newest },
            ) => {
                format!("{node} executed {:?} after {newest}", effect.dot)
            }
            (
                Fact::EffectsApplied {
                    node,
                    origin,
                    first,
                    last,
                },
                Entry::WrongRange { held, newest },
            ) => format!(
                "{node} applied {first}..={last} of origin {} after {held} of {newest}",
                origin.0
            ),
            _ => format!("{fact:?} is out of order"),
        });
    }
}

impl Listener for Dots {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let entry = self.book.enter(fact);
        if entry != Entry::InOrder {
            let fact = *fact;
            self.find(at, &fact, entry);
        }
    }
}

impl Check for Dots {
    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("dots in order, none used twice", VerdictKind::ModelLaw)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;
    use crate::topology::NodeId;

    fn held(facts: &[Fact<'_>]) -> bool {
        let mut dots = Dots::new(2);
        for fact in facts {
            dots.observe(SimTime::ZERO, fact);
        }
        dots.verdict().held
    }

    #[test]
    fn ranges_follow_each_other_and_origins_are_used_once() {
        let began = |node, origin| Fact::OriginBegan {
            shard: 0,
            node: NodeId(node),
            origin: OriginId(origin),
        };
        let applied = |first, last| Fact::EffectsApplied {
            node: NodeId(1),
            origin: OriginId(0),
            first,
            last,
        };
        assert!(held(&[began(0, 0), began(1, 1)]));
        assert!(!held(&[began(0, 0), began(1, 0)]), "one origin, two nodes");
        assert!(!held(&[began(0, 0), applied(1, 1)]), "nothing was executed");
        assert!(!held(&[applied(2, 2)]), "a gap");
    }
}
