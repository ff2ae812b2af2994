//! Copy accounting: an effect may disappear only if each of its copies was ended by a fact that says so.
//!
//! The check keeps its own book of who holds what, from the facts alone, and compares it with what the
//! members themselves say at rest. A member that holds less than the book says dropped a copy in
//! silence; one that holds more got it by magic.

use regionfall_kernel::SimTime;

use crate::history::{Account, Fact, Listener, Quiescence};

use super::{Check, Findings, Verdict, VerdictKind};

/// See the module.
#[derive(Clone, Debug)]
pub struct Copies {
    members: usize,
    /// `[origin * members + member]`.
    held: Vec<u64>,
    findings: Findings,
}

impl Copies {
    /// The check of a run with so many members.
    pub fn new(members: usize) -> Self {
        Self { members, held: Vec::new(), findings: Findings::default() }
    }

    fn place(&mut self, origin: u16, member: u8) -> &mut u64 {
        let index = usize::from(origin) * self.members + usize::from(member);
        if self.held.len() <= index {
            self.held.resize((usize::from(origin) + 1) * self.members, 0);
        }
        &mut self.held[index]
    }

    /// The verdict, with acknowledged writes that are gone although nothing ended their copies.
    pub(super) fn with_account(&self, account: &Account) -> Verdict {
        let mut findings = self.findings.clone();
        for write in account.lost.iter().filter(|write| write.fault.is_none()) {
            findings.add(write.acked, || {
                format!("{} is lost, and no fault ended its copies", write.operation)
            });
        }
        findings.verdict("copy accounting", VerdictKind::ModelLaw)
    }
}

impl Listener for Copies {
    #[inline]
    fn observe(&mut self, _at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted { member, effect: Some(effect), .. } => {
                let held = self.place(effect.dot.origin.0, member.0);
                *held = (*held).max(effect.dot.sequence);
            }
            Fact::EffectsApplied { member, origin, last, .. } => {
                let held = self.place(origin.0, member.0);
                *held = (*held).max(last);
            }
            Fact::CopiesEnded { member, origin, kept, .. } => {
                let held = self.place(origin.0, member.0);
                *held = (*held).min(kept);
            }
            _ => {}
        }
    }
}

impl Check for Copies {
    fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        for view in &quiescence.members {
            let origins = (self.held.len() / self.members).max(view.clock.len());
            for origin in 0..origins {
                let index = origin * self.members + view.member.index();
                let booked = self.held.get(index).copied().unwrap_or(0);
                let says = view.clock.get(origin).copied().unwrap_or(0);
                if booked != says {
                    let member = view.member;
                    self.findings.add(at, || {
                        format!("{member} holds {says} effects of origin {origin}; the facts say {booked}")
                    });
                }
            }
        }
    }

    fn verdict(&self) -> Verdict {
        self.findings.verdict("copy accounting", VerdictKind::ModelLaw)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;
    use crate::history::MemberView;
    use crate::topology::{FaultId, MemberId};

    fn verdict(clock: u64, ended: bool) -> Verdict {
        let mut copies = Copies::new(2);
        let (member, origin) = (MemberId(1), OriginId(3));
        copies.observe(SimTime::ZERO, &Fact::EffectsApplied { member, origin, first: 1, last: 5 });
        if ended {
            let fact = Fact::CopiesEnded { member, origin, kept: 2, fault: FaultId(0) };
            copies.observe(SimTime::ZERO, &fact);
        }
        let view = MemberView { member, clock: vec![0, 0, 0, clock], digest: 0 };
        copies.at_rest(SimTime::ZERO, &Quiescence { reached: true, members: vec![view] });
        copies.verdict()
    }

    #[test]
    fn copies_end_only_by_a_fact() {
        assert!(verdict(5, false).held);
        assert!(verdict(2, true).held);
        assert!(!verdict(2, false).held, "three copies went in silence");
        assert!(!verdict(5, true).held, "three copies came back by magic");
    }
}
