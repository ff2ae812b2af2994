//! Faults act: on hosts, on paths, on members and app servers, one or many at a time.

use regionfall_kernel::{Sampler, SimTime};

use super::event::{Event, LinkId};
use super::world::World;
use crate::fault::{Disks, FaultKind, PathSelector, Takes, TrafficScope};
use crate::history::{Fact, Listener};
use crate::network::{InFlight, PathId, Silence, TrafficClass};
use crate::topology::{FaultId, MemberId, RegionId, ServerId};

use super::afflictions::Affliction;

/// What a fault does to paths.
enum Trouble {
    Cut(Silence, InFlight),
    Slow(Sampler),
    Lossy(f64),
}

impl World {
    /// Schedules every beginning and end of the plan.
    pub(super) fn schedule_faults(&mut self) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            let (id, ends) = (fault.id, fault.ends);
            let mut begins = fault.begins;
            let Some(flapping) = fault.flapping else {
                self.queue.schedule(begins, Event::Fault(id, true));
                if ends != SimTime::NEVER {
                    self.queue.schedule(ends, Event::Fault(id, false));
                }
                continue;
            };
            let bound = ends.min(self.end_of_calm());
            while begins < bound {
                self.queue.schedule(begins, Event::Fault(id, true));
                self.queue
                    .schedule((begins + flapping.down).min(ends), Event::Fault(id, false));
                begins += flapping.period;
            }
        }
    }

    pub(super) fn end_of_calm(&self) -> SimTime {
        let phases = self.blueprint.settings().phases;
        SimTime::ZERO + phases.warm_up + phases.storm + phases.calm
    }

    /// A fault begins to act, or stops acting.
    pub(super) fn switch_fault<L: Listener>(
        &mut self,
        now: SimTime,
        id: FaultId,
        begins: bool,
        listener: &mut L,
    ) {
        let fact = if begins {
            Fact::FaultBegan { fault: id }
        } else {
            Fact::FaultEnded { fault: id }
        };
        listener.observe(now, &fact);
        let kind = self.faults[id.index()].kind.clone();
        match kind {
            FaultKind::ProcessCrash {
                member,
                disks,
                in_flight,
            } => {
                let affliction = Affliction::ProcessDead;
                self.switch_member(
                    now,
                    id,
                    begins,
                    member,
                    (affliction, disks, in_flight),
                    listener,
                );
            }
            FaultKind::HostCrash {
                member,
                disks,
                in_flight,
            } => {
                let affliction = Affliction::Silent;
                self.switch_member(
                    now,
                    id,
                    begins,
                    member,
                    (affliction, disks, in_flight),
                    listener,
                );
            }
            FaultKind::Hang { member } => {
                let host = self.member_host(member);
                if begins {
                    self.afflict(now, host, (id, Affliction::Hung), InFlight::Delivered);
                    self.freeze_processes(now, member);
                    self.freeze_links(now, member, listener);
                } else {
                    self.relieve(now, host, id, listener);
                }
            }
            FaultKind::RegionOutage {
                region,
                mode,
                disks,
                takes,
                in_flight,
            } => {
                let affliction = match mode {
                    Silence::Silent => Affliction::Silent,
                    Silence::Refusing => Affliction::Refusing,
                };
                let ruin = (affliction, disks, in_flight);
                self.switch_region(now, id, begins, (region, takes), ruin, listener);
            }
            FaultKind::Partition {
                paths,
                mode,
                in_flight,
            } => {
                self.switch_paths(now, id, begins, &paths, &Trouble::Cut(mode, in_flight));
                self.switch_links(now, begins, &paths, listener);
            }
            FaultKind::Latency { paths, add } => {
                self.switch_paths(now, id, begins, &paths, &Trouble::Slow(Sampler::new(&add)));
                self.switch_links(now, begins, &paths, listener);
            }
            FaultKind::Loss { paths, share } => {
                self.switch_paths(now, id, begins, &paths, &Trouble::Lossy(share));
                self.switch_links(now, begins, &paths, listener);
            }
            FaultKind::Degraded(degradation) => {
                self.switch_degradation(now, id, begins, degradation, listener);
            }
        }
        self.account_for_abandoned();
    }

    /// A region falls or comes back: what `takes` names of it.
    fn switch_region<L: Listener>(
        &mut self,
        now: SimTime,
        id: FaultId,
        begins: bool,
        (region, takes): (RegionId, Takes),
        (affliction, disks, in_flight): (Affliction, Disks, InFlight),
        listener: &mut L,
    ) {
        if let Some(member) = self.blueprint.member_in(region).filter(|_| takes.database) {
            let ruin = (affliction, disks, in_flight);
            self.switch_member(now, id, begins, member, ruin, listener);
        }
        if takes.app_servers {
            self.switch_app_servers(now, id, begins, region, (affliction, in_flight), listener);
        }
        if takes.checkers {
            self.switch_checkers(now, id, begins, region, (affliction, in_flight), listener);
        }
    }

    /// Trouble begins or ends on every selected path.
    fn switch_paths(
        &mut self,
        now: SimTime,
        id: FaultId,
        begins: bool,
        paths: &PathSelector,
        trouble: &Trouble,
    ) {
        for target in self.selected(paths) {
            match trouble {
                _ if !begins => self.network.mend(&mut self.queue, target, id),
                Trouble::Cut(mode, in_flight) => {
                    self.network
                        .cut(now, &mut self.queue, target, (id, *mode), *in_flight);
                }
                Trouble::Slow(added) => self.network.slow(target, id, added.clone()),
                Trouble::Lossy(share) => self.network.lose(target, id, *share),
            }
        }
    }

    /// Every path and kind of traffic that a selector names.
    pub(super) fn selected(&self, paths: &PathSelector) -> Vec<(PathId, TrafficClass)> {
        let classes: &[TrafficClass] = match paths.scope {
            TrafficScope::All => &TrafficClass::ALL,
            TrafficScope::Replication => &[TrafficClass::Replication],
            TrafficScope::Clients => &[TrafficClass::Client],
            TrafficScope::Checks => &[TrafficClass::Check],
        };
        let mut selected: Vec<(PathId, TrafficClass)> = self
            .selected_pairs(paths)
            .into_iter()
            .flat_map(|(from, to)| self.network.paths_of_regions(from, to).collect::<Vec<_>>())
            .flat_map(|path| classes.iter().map(move |&class| (path, class)))
            .collect();
        selected.sort_unstable();
        selected.dedup();
        selected
    }

    pub(super) fn selected_pairs(&self, paths: &PathSelector) -> Vec<(RegionId, RegionId)> {
        let regions = self.blueprint.settings().topology.regions.len();
        let all: Vec<RegionId> = (0..regions).map(RegionId::from_index).collect();
        let from = if paths.from.is_empty() {
            &all
        } else {
            &paths.from
        };
        let to = if paths.to.is_empty() { &all } else { &paths.to };
        let mut pairs: Vec<(RegionId, RegionId)> = from
            .iter()
            .flat_map(|&from| to.iter().map(move |&to| (from, to)))
            // A cut between regions leaves the inside of each alone, unless it names just that.
            .filter(|&(from, to)| from != to || (paths.from == paths.to && paths.from.len() == 1))
            .collect();
        if paths.both_ways {
            pairs.extend(pairs.clone().into_iter().map(|(from, to)| (to, from)));
        }
        pairs
    }

    /// Replication links over the selected paths are disturbed, or no more.
    pub(super) fn switch_links<L: Listener>(
        &mut self,
        now: SimTime,
        begins: bool,
        paths: &PathSelector,
        listener: &mut L,
    ) {
        if !matches!(paths.scope, TrafficScope::All | TrafficScope::Replication) {
            return;
        }
        let pairs = self.selected_pairs(paths);
        for index in 0..self.links.len() {
            let source = self.blueprint.region_of(self.links[index].source);
            let target = self.blueprint.region_of(self.links[index].target);
            if !pairs.contains(&(source, target)) && !pairs.contains(&(target, source)) {
                continue;
            }
            let link = LinkId(index as u16);
            if begins {
                self.disrupt(now, link, listener);
            } else {
                self.undisrupt(now, link, listener);
            }
        }
    }

    pub(super) fn switch_member<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        member: MemberId,
        (affliction, disks, in_flight): (Affliction, Disks, InFlight),
        listener: &mut L,
    ) {
        let host = self.member_host(member);
        if matches!(affliction, Affliction::Silent | Affliction::Refusing) {
            self.switch_management(now, fault, begins, (member, affliction), listener);
        }
        if !begins {
            self.relieve(now, host, fault, listener);
            return;
        }
        self.afflict(now, host, (fault, affliction), in_flight);
        let state = &mut self.members[member.index()];
        state.stopped_by.push(fault);
        if state.is_running {
            state.is_running = false;
            self.kill_processes(now, member);
            listener.observe(now, &Fact::MemberStopped { member, fault });
            self.stop_links(now, member, listener);
        }
        if disks == Disks::Lost {
            self.lose_disks(now, member, fault, listener);
        }
    }

    pub(super) fn lose_disks<L: Listener>(
        &mut self,
        now: SimTime,
        member: MemberId,
        fault: FaultId,
        listener: &mut L,
    ) {
        self.note_lost_disks(member);
        for shard in &mut self.members[member.index()].shards {
            let replica = std::mem::take(&mut shard.replica);
            for dot in replica.clock().iter() {
                let origin = dot.origin;
                listener.observe(
                    now,
                    &Fact::CopiesEnded {
                        member,
                        origin,
                        kept: 0,
                        fault,
                    },
                );
            }
        }
    }

    pub(super) fn switch_app_servers<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        region: RegionId,
        (affliction, in_flight): (Affliction, InFlight),
        listener: &mut L,
    ) {
        for index in 0..self.servers.len() {
            let (id, host) = (ServerId::from_index(index), self.servers[index].host);
            if self.fleet_region(self.servers[index].fleet) != region {
                continue;
            }
            if begins {
                self.afflict(now, host, (fault, affliction), in_flight);
                if self.servers[index].is_running {
                    self.stop_server(now, id, listener);
                    self.network.forget_clients_at(&mut self.queue, host);
                }
            } else {
                self.relieve(now, host, fault, listener);
                if self.host_faults[host.index()].is_empty() {
                    self.restart_server(now, id, listener);
                }
            }
        }
    }

    pub(super) fn switch_checkers<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        region: RegionId,
        (affliction, in_flight): (Affliction, InFlight),
        listener: &mut L,
    ) {
        for index in 0..self.deciders.len() {
            let slot = &self.deciders[index];
            let Some(host) = slot.host.filter(|_| slot.server.is_none()) else {
                continue;
            };
            if self.network.host(host).region != region {
                continue;
            }
            if begins {
                self.afflict(now, host, (fault, affliction), in_flight);
            } else {
                self.relieve(now, host, fault, listener);
            }
        }
    }
}
