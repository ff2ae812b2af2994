//! Nodes that hold no copy until one is made there: for a copy that was lost for longer than the grace period, or
//! because an operator adds a node.
//!
//! The new copy is empty and gets a whole state from its primary, as slowly as `database.sync.full_sync` says. A node that
//! returns after its copy was replaced is one copy more: that the products would drop it is left out.

use regionfall_kernel::SimTime;

use super::afflictions::{Affliction, HostFault};
use super::world::World;
use crate::database::{Role, Standing};
use crate::history::{Fact, Listener};
use crate::topology::{FaultId, MemberId, NodeId};

/// What keeps the processes of a node from running that holds no copy.
const NOBODY: FaultId = FaultId::NONE;

impl World {
    /// The last nodes of each member hold nothing at first: no process of the database runs there.
    pub(super) fn hold_spare_nodes(&mut self) {
        let spares = usize::from(self.blueprint.settings().database.spare_nodes);
        for member in 0..self.members.len() {
            for node in self.members[member].nodes().rev().take(spares) {
                let host = self.node_host(node);
                self.nodes[node.index()].is_running = false;
                self.nodes[node.index()].standing = Standing::Spare;
                self.network.boot_host(host, NOBODY);
                self.host_faults[host.index()].push(HostFault {
                    fault: NOBODY,
                    affliction: Affliction::ProcessDead,
                });
            }
        }
    }

    /// Tells which nodes hold nothing.
    pub(super) fn tell_spare_nodes<L: Listener>(&self, now: SimTime, listener: &mut L) {
        for node in &self.nodes {
            if node.standing == Standing::Spare {
                let (node, is_spare) = (node.id, true);
                listener.observe(now, &Fact::NodeSpare { node, is_spare });
            }
        }
    }

    /// Whether a node holds no copy, and nobody expects any of it.
    #[inline]
    pub fn is_spare(&self, node: NodeId) -> bool {
        self.nodes[node.index()].standing == Standing::Spare
    }

    /// The first node of a member that holds no copy, if there is one.
    pub(super) fn spare_of(&self, member: MemberId) -> Option<NodeId> {
        let mut nodes = self.members[member.index()].nodes();
        nodes.find(|&node| self.is_spare(node))
    }

    /// A node gets a copy of every shard of its member: its processes start, follow the primaries and synchronize. Nothing
    /// happens if it has them already.
    pub(super) fn join<L: Listener>(&mut self, now: SimTime, node: NodeId, listener: &mut L) {
        if !self.is_spare(node) {
            return;
        }
        let state = &mut self.nodes[node.index()];
        state.standing = Standing::Joined;
        let primaries = &self.members[state.member.index()].primaries;
        for (process, &primary) in state.shards.iter_mut().zip(primaries) {
            process.role = Role::Replica;
            process.follows = primary;
        }
        let is_spare = false;
        listener.observe(now, &Fact::NodeSpare { node, is_spare });
        // Somebody else is to have what the journal holds.
        self.forget_looks();
        let host = self.node_host(node);
        self.relieve(now, host, NOBODY, listener);
    }
}
