//! What a crash leaves in memory and on disk, and what a disk that goes leaves.

use regionfall_kernel::SimTime;

use super::afflictions::Affliction;
use super::sabotage::Mutation;
use super::world::World;
use crate::database::persistence::Crash;
use crate::history::{CopyEnd, Fact, Listener};
use crate::topology::{FaultId, NodeId};

impl World {
    /// A node's processes died: in memory stands from now on what their disks still hold.
    pub(super) fn crash_disks<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        (affliction, fault): (Affliction, FaultId),
        listener: &mut L,
    ) {
        let crash = match affliction {
            Affliction::Hung => return,
            Affliction::ProcessDead => Crash::Process,
            Affliction::Refusing | Affliction::Silent => Crash::Machine,
        };
        let Some(mut persisting) = self.persisting.take() else {
            return;
        };
        persisting.loaded_at[node.index()] = SimTime::NEVER;
        // Where the disks went before, the crash only shows it.
        let cause = persisting.taken_by[node.index()].unwrap_or(fault);
        self.note_lost_disks(node);
        for index in 0..persisting.shards {
            let state = persisting
                .disk(node, index)
                .crash(now, crash, &self.journal);
            let replica = &mut self.nodes[node.index()].shards[index].replica;
            let before = std::mem::replace(replica, state);
            let kept = self.nodes[node.index()].shards[index].replica.clock();
            let mut is_cut = false;
            for range in before.clock().beyond(kept) {
                is_cut = true;
                let fact = Fact::CopiesEnded {
                    node,
                    origin: range.origin,
                    kept: range.first - 1,
                    cause: CopyEnd::Fault(cause),
                };
                if !self.sabotage.is(Mutation::HidesWhatACrashEnded) {
                    listener.observe(now, &fact);
                }
            }
            if is_cut {
                self.unsettle(node, index as u16);
            }
        }
        self.persisting = Some(persisting);
        self.release_parked(now);
    }

    /// The disks of some nodes go while their processes run, or while they are down or load.
    pub(super) fn take_disks_of<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        nodes: &[NodeId],
        listener: &mut L,
    ) {
        for &node in nodes {
            if !self.take_disks(now, node) {
                continue;
            }
            if let Some(persisting) = &mut self.persisting {
                persisting.taken_by[node.index()] = Some(fault);
            }
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            if !self.nodes[node.index()].is_running {
                // Nothing else holds what a stopped process would start with.
                let loaded_at = self.loaded_at(node);
                self.crash_disks(now, node, (Affliction::ProcessDead, fault), listener);
                if let Some(persisting) = &mut self.persisting {
                    persisting.loaded_at[node.index()] = loaded_at;
                }
            }
        }
    }

    /// A node's disks are gone. What its processes have in memory is not, until they stop.
    pub(super) fn take_disks(&mut self, now: SimTime, node: NodeId) -> bool {
        let Some(persisting) = &mut self.persisting else {
            return false;
        };
        let mut has_any = false;
        for disk in persisting.disks_of(node) {
            has_any |= disk.keeps_anything();
            disk.goes(now);
        }
        self.release_parked(now);
        has_any
    }
}
