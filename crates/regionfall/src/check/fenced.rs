//! A removed member's writes never come back: after its removal nobody else gets an effect of its that no other member
//! had by then.

use regionfall_kernel::SimTime;

use super::book::Book;
use super::{Findings, Verdict, VerdictKind};
use crate::history::Fact;
use crate::topology::MemberId;

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Fenced {
    /// By node: its member.
    members: Vec<MemberId>,
    /// By origin: the member that writes, or wrote, as it.
    writers: Vec<Option<MemberId>>,
    /// Origins of removed members, with the last sequence that another member had.
    fences: Vec<(usize, MemberId, u64)>,
    has_removals: bool,
    findings: Findings,
}

impl Fenced {
    /// The check of a run whose nodes belong to these members.
    pub fn new(members: &[MemberId]) -> Self {
        Self {
            members: members.to_vec(),
            ..Self::default()
        }
    }

    /// Hears a fact; `book` is that of all checks.
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    pub fn observe(&mut self, at: SimTime, fact: &Fact<'_>, book: &Book) {
        match *fact {
            Fact::EffectsApplied {
                node, origin, last, ..
            } if !self.fences.is_empty() => {
                self.look(at, usize::from(origin.0), self.members[node.index()], last);
            }
            Fact::OriginBegan { node, origin, .. } => {
                let origin = usize::from(origin.0);
                if self.writers.len() <= origin {
                    self.writers.resize(origin + 1, None);
                }
                self.writers[origin] = Some(self.members[node.index()]);
            }
            Fact::MemberRemoved { member, .. } => self.fence(member, book),
            _ => {}
        }
    }

    #[cold]
    fn fence(&mut self, member: MemberId, book: &Book) {
        self.has_removals = true;
        for (origin, writer) in self.writers.iter().enumerate() {
            if *writer == Some(member) {
                let others = (0..self.members.len()).filter(|&node| self.members[node] != member);
                let had = others.map(|node| book.held(origin, node)).max();
                self.fences.push((origin, member, had.unwrap_or(0)));
            }
        }
    }

    #[cold]
    fn look(&mut self, at: SimTime, origin: usize, member: MemberId, last: u64) {
        let broken = self
            .fences
            .iter()
            .find(|&&(fenced, removed, had)| fenced == origin && removed != member && last > had);
        if let Some(&(_, removed, had)) = broken {
            self.findings.add(at, || {
                format!("{member} got effect {last} of origin {origin} from {removed}, which was removed when others had {had}")
            });
        }
    }

    /// What it found; nothing if nobody was removed.
    pub fn verdict(&self) -> Option<Verdict> {
        let verdict = || {
            self.findings
                .verdict("removed members stay fenced", VerdictKind::ModelLaw)
        };
        self.has_removals.then(verdict)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;
    use crate::topology::{FaultId, NodeId};

    /// Member 1 wrote 5 effects, of which member 0 had 3 when member 1 was removed; member 2 gets some later.
    fn held(later: u64) -> bool {
        let members = [MemberId(0), MemberId(1), MemberId(2)];
        let (mut fenced, mut book) = (Fenced::new(&members), Book::new(3));
        let origin = OriginId(0);
        let began = Fact::OriginBegan {
            node: NodeId(1),
            shard: 0,
            origin,
        };
        let applied = |node, last| Fact::EffectsApplied {
            node: NodeId(node),
            origin,
            first: 1,
            last,
        };
        let removed = Fact::MemberRemoved {
            member: MemberId(1),
            fault: FaultId(0),
        };
        for fact in [began, applied(0, 3), removed, applied(2, later)] {
            book.enter(&fact);
            fenced.observe(SimTime::ZERO, &fact, &book);
        }
        fenced.verdict().is_some_and(|verdict| verdict.held)
    }

    #[test]
    fn others_may_pass_on_what_they_had_and_nothing_more() {
        assert!(held(3));
        assert!(!held(4), "only the removed member had it");
    }

    #[test]
    fn it_says_nothing_where_nobody_was_removed() {
        assert_eq!(Fenced::new(&[]).verdict(), None);
    }

    #[test]
    fn others_go_on_writing_and_the_removed_member_keeps_its_own() {
        let members = [MemberId(0), MemberId(1), MemberId(2)];
        let (mut fenced, mut book) = (Fenced::new(&members), Book::new(3));
        let began = |node: u8| Fact::OriginBegan {
            node: NodeId(node),
            shard: 0,
            origin: OriginId(u16::from(node)),
        };
        let applied = |node: u8, origin: u16, last| Fact::EffectsApplied {
            node: NodeId(node),
            origin: OriginId(origin),
            first: 1,
            last,
        };
        let removed = Fact::MemberRemoved {
            member: MemberId(1),
            fault: FaultId(0),
        };
        let told = [
            began(0),
            began(1),
            applied(0, 1, 3),
            removed,
            // From a writer that is still there, and from its own disk.
            applied(2, 0, 9),
            applied(1, 1, 5),
        ];
        for fact in told {
            book.enter(&fact);
            fenced.observe(SimTime::ZERO, &fact, &book);
        }
        assert!(fenced.verdict().is_some_and(|verdict| verdict.held));
    }
}
