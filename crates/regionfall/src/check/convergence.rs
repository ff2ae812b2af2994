//! Members agree in the end: at rest, each covers what any of them holds.
//!
//! Judged only if quiescence was reached; that it was not is itself a finding.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener, Quiescence};

use super::digests::covers;
use super::{Check, Findings, Verdict, VerdictKind};

/// See the module. Members that a permanent fault keeps down are left out.
#[derive(Clone, Default, Debug)]
pub struct Convergence {
    down: Vec<u8>,
    findings: Findings,
}

impl Convergence {
    /// Leaves out members that a fault keeps down for ever: nobody can expect them to catch up.
    pub fn leave_out(&mut self, member: crate::topology::MemberId) {
        self.down.push(member.0);
    }
}

impl Listener for Convergence {
    fn observe(&mut self, _at: SimTime, _fact: &Fact<'_>) {}
}

impl Check for Convergence {
    fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        if !quiescence.reached {
            self.findings.add(at, || "replication had not drained when the run ended".to_owned());
            return;
        }
        let judged = || quiescence.members.iter().filter(|view| !self.down.contains(&view.member.0));
        let mut behind = Vec::new();
        for view in judged() {
            for other in judged().filter(|other| !covers(&view.clock, &other.clock)) {
                behind.push((view.member, other.member));
            }
        }
        for (member, other) in behind {
            self.findings.add(at, || format!("{member} lacks effects that {other} holds"));
        }
    }

    fn verdict(&self) -> Verdict {
        self.findings.verdict("members converge", VerdictKind::Eventually)
    }
}
