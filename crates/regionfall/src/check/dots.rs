//! No dot is used twice: each origin has one member and numbers its effects 1, 2, 3, …, and members apply
//! them in that order, none before it was executed.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener};

use super::{Check, Findings, Verdict, VerdictKind};

/// See the module.
#[derive(Clone, Debug)]
pub struct Dots {
    members: usize,
    /// By origin: its member, if it began, and its newest sequence.
    origins: Vec<(Option<u8>, u64)>,
    /// `[origin * members + member]`: how far each member has applied it.
    applied: Vec<u64>,
    findings: Findings,
}

impl Dots {
    /// The check of a run with so many members.
    pub fn new(members: usize) -> Self {
        Self { members, origins: Vec::new(), applied: Vec::new(), findings: Findings::default() }
    }

    fn ensure(&mut self, origin: usize) {
        if self.origins.len() <= origin {
            self.origins.resize(origin + 1, (None, 0));
            self.applied.resize((origin + 1) * self.members, 0);
        }
    }
}

impl Listener for Dots {
    #[inline]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OriginBegan { member, origin } => {
                self.ensure(usize::from(origin.0));
                let known = &mut self.origins[usize::from(origin.0)];
                if known.0.is_some() {
                    self.findings.add(at, || format!("{member} began origin {}, which was used before", origin.0));
                } else {
                    known.0 = Some(member.0);
                }
            }
            Fact::WriteExecuted { member, effect: Some(effect), .. } => {
                let origin = usize::from(effect.dot.origin.0);
                self.ensure(origin);
                let known = &mut self.origins[origin];
                if known.0 != Some(member.0) || effect.dot.sequence != known.1 + 1 {
                    let (owner, newest) = *known;
                    self.findings.add(at, || {
                        format!("{member} executed {:?}, but {owner:?} owns the origin and the newest is {newest}", effect.dot)
                    });
                }
                known.1 = known.1.max(effect.dot.sequence);
                self.applied[origin * self.members + member.index()] = effect.dot.sequence;
            }
            Fact::EffectsApplied { member, origin, first, last } => {
                let index = usize::from(origin.0);
                self.ensure(index);
                let newest = self.origins[index].1;
                let applied = &mut self.applied[index * self.members + member.index()];
                if first != *applied + 1 || last < first || last > newest {
                    let had = *applied;
                    self.findings.add(at, || {
                        format!("{member} applied {first}..={last} of origin {} after {had} of {newest}", origin.0)
                    });
                }
                *applied = (*applied).max(last);
            }
            Fact::CopiesEnded { member, origin, kept, .. } => {
                self.ensure(usize::from(origin.0));
                let applied = &mut self.applied[usize::from(origin.0) * self.members + member.index()];
                *applied = (*applied).min(kept);
            }
            _ => {}
        }
    }
}

impl Check for Dots {
    fn verdict(&self) -> Verdict {
        self.findings.verdict("dots in order, none used twice", VerdictKind::ModelLaw)
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::OriginId;

    use super::*;
    use crate::topology::MemberId;

    fn held(facts: &[Fact<'_>]) -> bool {
        let mut dots = Dots::new(2);
        for fact in facts {
            dots.observe(SimTime::ZERO, fact);
        }
        dots.verdict().held
    }

    #[test]
    fn ranges_follow_each_other_and_origins_are_used_once() {
        let began = |member, origin| Fact::OriginBegan { member: MemberId(member), origin: OriginId(origin) };
        let applied = |first, last| Fact::EffectsApplied { member: MemberId(1), origin: OriginId(0), first, last };
        assert!(held(&[began(0, 0), began(1, 1)]));
        assert!(!held(&[began(0, 0), began(1, 0)]), "one origin, two members");
        assert!(!held(&[began(0, 0), applied(1, 1)]), "nothing was executed");
        assert!(!held(&[applied(2, 2)]), "a gap");
    }
}
