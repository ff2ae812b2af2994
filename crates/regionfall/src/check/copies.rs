//! Copy accounting: an effect may disappear only if each of its copies was ended by a fact that says so.
//!
//! The checks' own book of who holds what is compared with what the nodes themselves say at rest. A
//! node that holds less than the book says dropped a copy in silence; one that holds more got
//! it by magic. An acknowledged write that is lost must have been ended by a fault.

use regionfall_kernel::SimTime;

use crate::history::{Account, Quiescence};

use super::book::Book;
use super::{Findings, Verdict, VerdictKind};

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Copies {
    findings: Findings,
}

impl Copies {
    /// Compares the book with the nodes at rest.
    pub fn at_rest(&mut self, at: SimTime, book: &Book, quiescence: &Quiescence) {
        for view in &quiescence.nodes {
            for origin in 0..book.origins().max(view.clock.len()) {
                let booked = book.held(origin, view.node.index());
                let says = view.clock.get(origin).copied().unwrap_or(0);
                if booked != says {
                    let node = view.node;
                    self.findings.add(at, || {
                        format!(
                            "{node} holds {says} effects of origin {origin}; the facts say {booked}"
                        )
                    });
                }
            }
        }
    }

    /// The verdict, with acknowledged writes that are gone although nothing ended their copies.
    pub fn verdict(&self, account: &Account) -> Verdict {
        let mut findings = self.findings.clone();
        for write in account.lost.iter().filter(|write| write.cause.is_none()) {
            findings.add(write.acked, || {
                format!("{} is lost, and no fault ended its copies", write.operation)
            });
        }
        findings.verdict("copy accounting", VerdictKind::ModelLaw)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;
    use crate::history::{CopyEnd, Fact, NodeView};
    use crate::topology::{FaultId, NodeId};

    fn is_broken(clock: u64, is_ended: bool) -> bool {
        let mut book = Book::new(2);
        let (node, origin) = (NodeId(1), OriginId(3));
        book.enter(&Fact::EffectsApplied {
            node,
            origin,
            first: 1,
            last: 5,
        });
        if is_ended {
            book.enter(&Fact::CopiesEnded {
                node,
                origin,
                kept: 2,
                cause: CopyEnd::Fault(FaultId(0)),
            });
        }
        let view = NodeView {
            node,
            clock: vec![0, 0, 0, clock],
            digest: 0,
        };
        let mut copies = Copies::default();
        copies.at_rest(
            SimTime::ZERO,
            &book,
            &Quiescence {
                reached: true,
                nodes: vec![view],
            },
        );
        copies.findings.count > 0
    }

    #[test]
    fn copies_end_only_by_a_fact() {
        assert!(!is_broken(5, false));
        assert!(!is_broken(2, true));
        assert!(is_broken(2, false), "three copies went in silence");
        assert!(is_broken(5, true), "three copies came back by magic");
    }
}
