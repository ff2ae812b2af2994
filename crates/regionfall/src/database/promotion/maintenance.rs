//! Planned maintenance of a cluster, node by node: what has to happen next.
//!
//! The four steps are those that a managed service documents (Azure docs, *Failover and patching*): one node is
//! selected; if it holds a primary, the replica is promoted cooperatively; the node restarts with the
//! changes and comes back as a replica; it synchronizes. Then the next node.

use crate::topology::NodeId;

/// A round of maintenance over the nodes of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maintenance {
    /// Nodes still to be done, in order; the first is being done.
    left: Vec<NodeId>,
    step: MaintenanceStep,
}

/// How far the node is that is being done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MaintenanceStep {
    /// Its primaries are handed over to replicas that have everything.
    HandingOver,
    /// It restarts.
    Restarting,
    /// Its copies synchronize.
    Synchronizing,
}

/// What has to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaintenanceAction {
    /// Let replicas elsewhere take over from the node's primaries, without loss.
    HandOver(NodeId),
    /// Restart the node.
    Restart(NodeId),
    /// Wait until the node's copies have everything.
    AwaitSynchronization(NodeId),
    /// Every node is done.
    Finished,
}

impl Maintenance {
    /// A round over `nodes` in this order, and what has to be done first.
    pub fn begin(nodes: &[NodeId]) -> (Self, MaintenanceAction) {
        let round = Self {
            left: nodes.to_vec(),
            step: MaintenanceStep::HandingOver,
        };
        let first = round.next();
        (round, first)
    }

    /// The node that is being done, and how far it is.
    pub fn current(&self) -> Option<(NodeId, MaintenanceStep)> {
        self.left.first().map(|&node| (node, self.step))
    }

    /// A step is done: what has to be done now. News of another node or step changes nothing.
    pub fn done(&mut self, node: NodeId, step: MaintenanceStep) -> Option<MaintenanceAction> {
        if self.current() != Some((node, step)) {
            return None;
        }
        self.step = match step {
            MaintenanceStep::HandingOver => MaintenanceStep::Restarting,
            MaintenanceStep::Restarting => MaintenanceStep::Synchronizing,
            MaintenanceStep::Synchronizing => {
                self.left.remove(0);
                MaintenanceStep::HandingOver
            }
        };
        Some(self.next())
    }

    fn next(&self) -> MaintenanceAction {
        match self.current() {
            None => MaintenanceAction::Finished,
            Some((node, MaintenanceStep::HandingOver)) => MaintenanceAction::HandOver(node),
            Some((node, MaintenanceStep::Restarting)) => MaintenanceAction::Restart(node),
            Some((node, MaintenanceStep::Synchronizing)) => {
                MaintenanceAction::AwaitSynchronization(node)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_are_two_nodes_away_at_once_and_none_before_it_handed_over() {
        let nodes = [NodeId(2), NodeId(0), NodeId(1)];
        let (mut round, mut action) = Maintenance::begin(&nodes);
        let mut order = Vec::new();
        while action != MaintenanceAction::Finished {
            order.push(action);
            let (node, step) = round.current().unwrap();
            // News of anything else changes nothing.
            for other in nodes {
                for any in [
                    MaintenanceStep::HandingOver,
                    MaintenanceStep::Restarting,
                    MaintenanceStep::Synchronizing,
                ] {
                    if (other, any) != (node, step) {
                        assert_eq!(round.done(other, any), None);
                    }
                }
            }
            action = round.done(node, step).unwrap();
        }
        let expected: Vec<MaintenanceAction> = nodes
            .into_iter()
            .flat_map(|node| {
                [
                    MaintenanceAction::HandOver(node),
                    MaintenanceAction::Restart(node),
                    MaintenanceAction::AwaitSynchronization(node),
                ]
            })
            .collect();
        assert_eq!(order, expected);
        assert_eq!(round.current(), None);
    }
}
