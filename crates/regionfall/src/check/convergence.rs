//! Members agree in the end: at rest, each covers what any of them holds.
//!
//! Judged only if quiescence was reached; that it was not is itself a finding.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener, Quiescence};
use crate::topology::NodeId;

use super::digests::covers;
use super::{Check, Findings, Verdict, VerdictKind};

/// See the module. Nodes that are down at rest are left out: nobody can expect them to catch up.
#[derive(Clone, Default, Debug)]
pub struct Convergence {
    /// By node: a number that those share who are expected to agree.
    groups: Vec<u8>,
    down: Vec<u8>,
    left_out: Vec<u8>,
    findings: Findings,
}

impl Convergence {
    /// By node, a number that those share who are expected to agree.
    pub fn new(groups: &[u8]) -> Self {
        Self {
            groups: groups.to_vec(),
            ..Self::default()
        }
    }

    /// Leaves a node out although it runs, since a fault without end keeps it apart.
    pub fn leave_out(&mut self, node: NodeId) {
        self.left_out.push(node.0);
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
            Fact::NodeStopped { node, .. } => self.down.push(node.0),
            Fact::NodeUnlinked { node }
            | Fact::NodeSpare {
                node,
                is_spare: true,
            } => self.leave_out(node),
            Fact::NodeSpare {
                node,
                is_spare: false,
            } => self.left_out.retain(|&other| other != node.0),
            Fact::NodeRestarted { node } => self.down.retain(|&down| down != node.0),
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
            quiescence.nodes.iter().filter(|view| {
                !self.down.contains(&view.node.0) && !self.left_out.contains(&view.node.0)
            })
        };
        let mut behind = Vec::new();
        for view in judged() {
            let group = self.groups.get(view.node.index());
            let peers = judged().filter(|other| self.groups.get(other.node.index()) == group);
            for other in peers.filter(|other| !covers(&view.clock, &other.clock)) {
                behind.push((view.node, other.node));
            }
        }
        for (node, other) in behind {
            self.findings
                .add(at, || format!("{node} lacks effects that {other} holds"));
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
    use crate::history::NodeView;
    use crate::topology::FaultId;

    fn held(second: u64, is_down: bool, reached: bool) -> bool {
        let mut convergence = Convergence::default();
        if is_down {
            let fact = Fact::NodeStopped {
                node: NodeId(1),
                fault: FaultId(0),
            };
            convergence.observe(SimTime::ZERO, &fact);
        }
        let view = |node, clock| NodeView {
            node: NodeId(node),
            clock: vec![clock],
            digest: 0,
        };
        let nodes = vec![view(0, 5), view(1, second)];
        convergence.at_rest(SimTime::ZERO, &Quiescence { reached, nodes });
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

    /// Whether nodes 0 and 1 are judged to agree, where node 1 lacks one effect, after these facts.
    fn agrees_after(facts: &[Fact<'_>]) -> bool {
        let mut convergence = Convergence::default();
        for fact in facts {
            convergence.observe(SimTime::ZERO, fact);
        }
        let view = |node, clock| NodeView {
            node: NodeId(node),
            clock: vec![clock],
            digest: 0,
        };
        let nodes = vec![view(0, 5), view(1, 4)];
        let reached = true;
        convergence.at_rest(SimTime::ZERO, &Quiescence { reached, nodes });
        convergence.verdict().held
    }

    #[test]
    fn who_runs_again_or_is_given_a_copy_is_judged_again_and_nobody_else() {
        let stopped = |node| Fact::NodeStopped {
            node: NodeId(node),
            fault: FaultId(0),
        };
        let spare = |node, is_spare| Fact::NodeSpare {
            node: NodeId(node),
            is_spare,
        };
        let restarted = |node| Fact::NodeRestarted { node: NodeId(node) };
        let unlinked = |node| Fact::NodeUnlinked { node: NodeId(node) };
        assert!(!agrees_after(&[]));
        assert!(agrees_after(&[unlinked(1)]));
        assert!(agrees_after(&[spare(1, true)]));
        assert!(!agrees_after(&[spare(1, true), spare(1, false)]));
        assert!(agrees_after(&[spare(1, true), spare(0, false)]));
        assert!(!agrees_after(&[stopped(1), restarted(1)]));
        assert!(agrees_after(&[stopped(1), restarted(0)]));
    }
}
