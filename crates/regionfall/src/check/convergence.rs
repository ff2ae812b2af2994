//! Members agree in the end: at rest, each covers what any of them holds.
//!
//! Judged only if quiescence was reached; that it was not is itself a finding.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener, Quiescence};
use crate::topology::MemberId;

use super::digests::covers;
use super::{Check, Findings, Verdict, VerdictKind};

/// See the module. Members that are down at rest are left out: nobody can expect them to catch up.
#[derive(Clone, Default, Debug)]
pub struct Convergence {
    down: Vec<u8>,
    left_out: Vec<u8>,
    findings: Findings,
}

impl Convergence {
    /// Leaves a member out although it runs, since a fault without end keeps it apart.
    pub fn leave_out(&mut self, member: MemberId) {
        self.left_out.push(member.0);
    }
}

impl Listener for Convergence {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, _at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::MemberStopped { member, .. } => self.down.push(member.0),
            Fact::MemberRestarted { member } => self.down.retain(|&down| down != member.0),
            _ => {}
        }
    }
}

impl Check for Convergence {
    fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        if !quiescence.reached {
            self.findings.add(at, || {
                "replication had not drained when the run ended".to_owned()
            });
            return;
        }
        let judged = || {
            quiescence.members.iter().filter(|view| {
                !self.down.contains(&view.member.0) && !self.left_out.contains(&view.member.0)
            })
        };
        let mut behind = Vec::new();
        for view in judged() {
            for other in judged().filter(|other| !covers(&view.clock, &other.clock)) {
                behind.push((view.member, other.member));
            }
        }
        for (member, other) in behind {
            self.findings
                .add(at, || format!("{member} lacks effects that {other} holds"));
        }
    }

    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("members converge", VerdictKind::Eventually)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::MemberView;
    use crate::topology::FaultId;

    fn held(second: u64, is_down: bool, reached: bool) -> bool {
        let mut convergence = Convergence::default();
        if is_down {
            let fact = Fact::MemberStopped {
                member: MemberId(1),
                fault: FaultId(0),
            };
            convergence.observe(SimTime::ZERO, &fact);
        }
        let view = |member, clock| MemberView {
            member: MemberId(member),
            clock: vec![clock],
            digest: 0,
        };
        let members = vec![view(0, 5), view(1, second)];
        convergence.at_rest(SimTime::ZERO, &Quiescence { reached, members });
        convergence.verdict().held
    }

    #[test]
    fn every_member_that_runs_covers_the_others() {
        assert!(held(5, false, true));
        assert!(!held(4, false, true));
        assert!(held(4, true, true), "it is down for good");
        assert!(
            !held(5, false, false),
            "nothing can be said before replication drained"
        );
    }
}
