//! Disks that stand still, and processes that do so with them.

use regionfall_kernel::SimTime;

use super::afflictions::Affliction;
use super::event::Event;
use super::world::World;
use crate::database::persistence::Disk;
use crate::history::Listener;
use crate::network::InFlight;
use crate::topology::{FaultId, NodeId};

impl World {
    /// A process stands still in a write until its disk goes on, and so does all else on the same disk.
    pub(super) fn stand_still<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        listener: &mut L,
    ) {
        let host = self.node_host(node);
        // Where no fault holds the disk up, but an fsync takes that long, only the replies wait.
        let Some(fault) = self.stall_of(node) else {
            return;
        };
        let is_held = self.host_faults[host.index()]
            .iter()
            .any(|held| held.fault == fault);
        if !is_held {
            self.afflict(now, host, (fault, Affliction::Hung), InFlight::Delivered);
            self.freeze_links(now, node, listener);
        }
    }

    /// The disks of some nodes stop finishing anything, or go on.
    pub(super) fn stall_disks(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        nodes: &[NodeId],
    ) {
        for &node in nodes {
            let Some(persisting) = &mut self.persisting else {
                return;
            };
            let mut keeps_anything = false;
            let mut frees = now;
            for disk in persisting.disks_of(node) {
                keeps_anything |= disk.keeps_anything();
                disk.stall(now, begins);
                if disk
                    .append_file()
                    .is_some_and(|file| file.blocked().is_some())
                {
                    frees = frees.max(disk.serves_from());
                }
            }
            if begins {
                if keeps_anything {
                    self.network
                        .effects
                        .note(fault, |effects| effects.hosts += 1);
                }
                self.stalls.push((fault, node));
            } else {
                self.stalls.retain(|&stall| stall != (fault, node));
                if frees == SimTime::NEVER {
                    // Another fault still holds it up.
                    frees = now;
                }
                self.queue.schedule(frees, Event::DiskFree(node, fault));
            }
            for shard in 0..self.shards() {
                self.look_after_disk(now, node, shard);
            }
        }
        self.release_parked(now);
    }

    /// The fault that holds a node's disk up, if one does.
    fn stall_of(&self, node: NodeId) -> Option<FaultId> {
        let stall = self.stalls.iter().find(|&&(_, stalled)| stalled == node);
        stall.map(|&(fault, _)| fault)
    }

    /// A write that stood still went through.
    pub(super) fn free_process<L: Listener>(
        &mut self,
        now: SimTime,
        (node, fault): (NodeId, FaultId),
        listener: &mut L,
    ) {
        let host = self.node_host(node);
        let is_held = self.host_faults[host.index()]
            .iter()
            .any(|held| held.fault == fault);
        if let Some(persisting) = &mut self.persisting {
            for disk in persisting.disks_of(node) {
                if let Some(file) = disk.append_file() {
                    file.advance(now);
                }
            }
        }
        if is_held {
            let still = self.persisting.as_mut().is_some_and(|persisting| {
                let mut files = persisting
                    .disks_of(node)
                    .iter_mut()
                    .filter_map(Disk::append_file);
                files.any(|file| file.blocked().is_some())
            });
            if still {
                // Another fault keeps the disk from going on.
                self.stand_still(now, node, listener);
            }
            self.relieve(now, host, fault, listener);
        }
    }
}
