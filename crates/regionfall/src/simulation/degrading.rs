//! What faults make worse while they act: clocks, load, the speed of machines.
//!
//! Where nothing is worse, each question below costs a look at an empty list.

use regionfall_crdt::Timestamp;
use regionfall_kernel::{SimDuration, SimTime};

use super::world::World;
use crate::database::persistence::Disk;
use crate::fault::Degradation;
use crate::history::Listener;
use crate::topology::{FaultId, FleetId, MemberId, NodeId};

/// A degradation that acts, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acting {
    fault: FaultId,
    degradation: Degradation,
    since: SimTime,
}

impl World {
    /// A degradation begins or ends.
    pub(super) fn switch_degradation<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        degradation: Degradation,
        listener: &mut L,
    ) {
        if let Degradation::HealthEndpointDown { member, mode } = degradation {
            self.switch_health_endpoint(now, fault, begins, (member, mode), listener);
            return;
        }
        if let Degradation::CoordinatorDown { mode } = degradation {
            self.switch_coordinator(now, (fault, begins), mode, listener);
            return;
        }
        if let Degradation::SlowDisk { member, .. } = degradation {
            self.note_slowed_fsyncs(now, (fault, begins), member);
        }
        if begins {
            self.degradations.push(Acting {
                fault,
                degradation,
                since: now,
            });
        } else {
            self.degradations.retain(|acting| acting.fault != fault);
        }
        if let Degradation::SlowDisk { member, .. } = degradation {
            self.slow_disks(now, member);
        }
    }

    /// What the clock of a node's machine shows to a process that puts a time on a write.
    #[inline]
    pub(super) fn stamp(&mut self, now: SimTime, node: NodeId) -> Timestamp {
        if self.degradations.is_empty() {
            return Timestamp(now.as_nanos());
        }
        let member = self.nodes[node.index()].member;
        for acting in &self.degradations {
            if let Degradation::ClockSkew { member: skewed, .. } = acting.degradation
                && skewed == member
            {
                self.network
                    .effects
                    .note(acting.fault, |effects| effects.altered += 1);
            }
        }
        self.clock_of(now, member)
    }

    /// What the clocks of a member's machines show.
    pub(super) fn clock_of(&self, now: SimTime, member: MemberId) -> Timestamp {
        let skewed = |shown, acting: &Acting| match acting.degradation {
            Degradation::ClockSkew {
                member: skewed,
                skew,
            } if skewed == member => skew.shown(shown, now, acting.since),
            _ => shown,
        };
        Timestamp(self.degradations.iter().fold(now, skewed).as_nanos())
    }

    /// How many times longer than usual a member's processes work.
    pub(super) fn slowness(&mut self, member: MemberId) -> f64 {
        let mut slowness = 1.0;
        for acting in &self.degradations {
            if let Degradation::SlowHost {
                member: struck,
                factor,
            } = acting.degradation
                && struck == member
            {
                slowness *= factor;
                self.network
                    .effects
                    .note(acting.fault, |effects| effects.altered += 1);
            }
        }
        slowness
    }

    /// So many times longer than usual a member's disks take.
    fn disk_slowness(&self, member: MemberId) -> f64 {
        let factor = |acting: &Acting| match acting.degradation {
            Degradation::SlowDisk {
                member: struck,
                factor,
            } if struck == member => factor,
            _ => 1.0,
        };
        self.degradations.iter().map(factor).product()
    }

    /// The disks of a member go on at the pace that faults leave them.
    fn slow_disks(&mut self, now: SimTime, member: MemberId) {
        let factor = self.disk_slowness(member);
        let nodes: Vec<NodeId> = self.members[member.index()].nodes().collect();
        for node in nodes {
            let Some(persisting) = &mut self.persisting else {
                return;
            };
            persisting.slowness[node.index()] = factor;
            for disk in persisting.disks_of(node) {
                disk.slow(now, factor);
            }
            for shard in 0..self.shards() {
                self.look_after_disk(now, node, shard);
            }
        }
    }

    /// What a fault that slows disks down did: at its beginning the machines whose disks are at work, at its end the
    /// fsyncs that began meanwhile.
    fn note_slowed_fsyncs(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        member: MemberId,
    ) {
        let nodes = self.members[member.index()].nodes();
        let Some(persisting) = &mut self.persisting else {
            return;
        };
        for node in nodes {
            let disks = persisting.disks_of(node);
            if !disks.iter().any(Disk::keeps_anything) {
                continue;
            }
            let fsyncs: u64 = disks.iter_mut().map(|disk| disk.fsyncs(now)).sum();
            if begins {
                persisting.slowed.push((fault, node, fsyncs));
                self.network
                    .effects
                    .note(fault, |effects| effects.hosts += 1);
                continue;
            }
            let is_ours = |slowed: &(FaultId, NodeId, u64)| (slowed.0, slowed.1) == (fault, node);
            let Some(place) = persisting.slowed.iter().position(is_ours) else {
                continue;
            };
            let (.., before) = persisting.slowed.swap_remove(place);
            self.network.effects.note(fault, |effects| {
                effects.altered += fsyncs.saturating_sub(before);
            });
        }
    }

    /// The gap between two requests of a fleet's app servers, as a surge leaves it. A gap that began before
    /// the surge stays as it was.
    #[inline]
    pub(super) fn surged(&mut self, gap: SimDuration, fleet: FleetId) -> SimDuration {
        if self.degradations.is_empty() {
            return gap;
        }
        let region = self.blueprint.settings().workload.fleets[fleet.index()].region;
        let mut nanos = gap.as_nanos() as f64;
        for acting in &self.degradations {
            if let Degradation::LoadSurge {
                region: struck,
                factor,
            } = acting.degradation
                && struck.is_none_or(|struck| struck == region)
            {
                nanos /= factor;
                self.network
                    .effects
                    .note(acting.fault, |effects| effects.altered += 1);
            }
        }
        SimDuration::from_nanos_f64(nanos)
    }
}
