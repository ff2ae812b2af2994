//! Faults act: on hosts, on paths, on members and app servers, one or many at a time.

use regionfall_crdt::Replica;
use regionfall_kernel::{Sampler, SimTime};

use super::event::{Event, LinkId};
use super::sabotage::Mutation;
use super::world::World;
use crate::fault::{Disks, FaultKind, Part, PathSelector, Takes, TrafficScope};
use crate::history::{CopyEnd, Fact, Listener};
use crate::network::{InFlight, PathId, Silence, TrafficClass};
use crate::topology::{FaultId, HostId, MemberId, NodeId, RegionId, ServerId};

use super::afflictions::Affliction;

/// A region, or one zone of it.
type Place = (RegionId, Option<u16>);

fn silence(mode: Silence) -> Affliction {
    match mode {
        Silence::Silent => Affliction::Silent,
        Silence::Refusing => Affliction::Refusing,
    }
}

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
        SimTime::ZERO + phases.traffic()
    }

    /// A fault begins to act, or stops acting.
    pub(super) fn switch_fault<L: Listener>(
        &mut self,
        now: SimTime,
        id: FaultId,
        begins: bool,
        listener: &mut L,
    ) {
        if self.is_work(now, (id, begins), listener) {
            return;
        }
        Self::tell_of_fault(now, (id, begins), listener);
        let kind = self.faults[id.index()].kind.clone();
        match kind {
            FaultKind::ProcessCrash {
                member,
                part,
                disks,
                in_flight,
            } => {
                let ruin = (Affliction::ProcessDead, disks, in_flight);
                self.switch_member(now, (id, begins), (member, part), ruin, listener);
            }
            FaultKind::HostCrash {
                member,
                part,
                disks,
                in_flight,
            } => {
                let ruin = (Affliction::Silent, disks, in_flight);
                self.switch_member(now, (id, begins), (member, part), ruin, listener);
            }
            FaultKind::Hang { member, part } => {
                self.switch_hang(now, (id, begins), (member, part), listener);
            }
            FaultKind::ZoneOutage {
                region,
                zone,
                mode,
                disks,
                takes,
                in_flight,
            } => {
                let ruin = (silence(mode), disks, in_flight);
                let place = (region, Some(zone));
                self.switch_region(now, id, begins, (place, takes), ruin, listener);
            }
            FaultKind::RegionOutage {
                region,
                mode,
                disks,
                takes,
                in_flight,
            } => {
                let ruin = (silence(mode), disks, in_flight);
                self.switch_region(now, id, begins, ((region, None), takes), ruin, listener);
            }
            FaultKind::FsyncStall { .. } | FaultKind::DiskLost { .. } => {
                self.switch_storage(now, (id, begins), &kind, listener);
            }
            FaultKind::Restore { member } if begins => self.begin_restore(now, id, member),
            FaultKind::Promote { member, node } if begins => {
                self.appoint(now, (id, member), node, listener);
            }
            FaultKind::SyncerStopped { .. }
            | FaultKind::RestartSyncers { .. }
            | FaultKind::FailOver { .. }
            | FaultKind::Recreate { .. } => {
                self.operate(now, (id, begins), &kind, listener);
            }
            FaultKind::Partition {
                paths,
                mode,
                in_flight,
            } => {
                let trouble = Trouble::Cut(mode, in_flight);
                self.trouble_paths(now, (id, begins), &paths, &trouble, listener);
            }
            FaultKind::Latency { paths, add } => {
                let trouble = Trouble::Slow(Sampler::new(&add));
                self.trouble_paths(now, (id, begins), &paths, &trouble, listener);
            }
            FaultKind::Loss { paths, share } => {
                let trouble = Trouble::Lossy(share);
                self.trouble_paths(now, (id, begins), &paths, &trouble, listener);
            }
            // What operators do nobody undoes.
            FaultKind::Restore { .. }
            | FaultKind::Promote { .. }
            | FaultKind::Membership(_)
            | FaultKind::Upkeep(_) => {}
            FaultKind::Degraded(degradation) => {
                self.switch_degradation(now, id, begins, degradation, listener);
            }
            FaultKind::Routing(fault) => self.switch_routing(now, (id, begins), fault, listener),
        }
        self.account_for_abandoned();
    }

    /// What operators do to members and nodes begins with its own condition and ends with its own work: says whether
    /// it is that.
    fn is_work<L: Listener>(
        &mut self,
        now: SimTime,
        (id, begins): (FaultId, bool),
        listener: &mut L,
    ) -> bool {
        let kind = self.faults[id.index()].kind.clone();
        match kind {
            FaultKind::Membership(change) if begins => {
                self.begin_change(now, id, &change, listener);
            }
            FaultKind::Upkeep(upkeep) if begins => self.begin_upkeep(now, id, &upkeep, listener),
            FaultKind::Membership(_) | FaultKind::Upkeep(_) => {}
            _ => return false,
        }
        true
    }

    fn tell_of_fault<L: Listener>(
        now: SimTime,
        (fault, begins): (FaultId, bool),
        listener: &mut L,
    ) {
        let fact = if begins {
            Fact::FaultBegan { fault }
        } else {
            Fact::FaultEnded { fault }
        };
        listener.observe(now, &fact);
    }

    /// The fsyncs of a member's disks stand still, or go on; or disks go, and nobody brings them back.
    fn switch_storage<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        kind: &FaultKind,
        listener: &mut L,
    ) {
        match *kind {
            FaultKind::FsyncStall { member, part } => {
                let nodes = self.struck(member, part, fault);
                self.stall_disks(now, (fault, begins), &nodes);
            }
            FaultKind::DiskLost { member, part } => {
                let nodes = self.struck(member, part, fault);
                if begins {
                    self.take_disks_of(now, fault, &nodes, listener);
                }
            }
            _ => {}
        }
    }

    /// A region or one of its zones falls or comes back: what `takes` names of it.
    fn switch_region<L: Listener>(
        &mut self,
        now: SimTime,
        id: FaultId,
        begins: bool,
        (place, takes): (Place, Takes),
        (affliction, disks, in_flight): (Affliction, Disks, InFlight),
        listener: &mut L,
    ) {
        let (region, zone) = place;
        if let Some(member) = self.blueprint.member_in(region).filter(|_| takes.database) {
            let ruin = (affliction, disks, in_flight);
            let part = zone.map_or(Part::Whole, Part::Zone);
            if begins && disks == Disks::Lost && part == Part::Whole {
                self.lose_exports(member);
            }
            self.switch_member(now, (id, begins), (member, part), ruin, listener);
        }
        if takes.app_servers {
            self.switch_app_servers(now, id, begins, place, (affliction, in_flight), listener);
        }
        if takes.proxies {
            self.switch_relays_in(now, (id, begins), place, affliction, listener);
        }
        if takes.checkers {
            self.switch_checkers(now, id, begins, place, (affliction, in_flight), listener);
        }
        if takes.coordinator
            && let Some((_, host)) = self.conferring.coordinator
            && self.stands_in(host, place)
        {
            self.strike_coordinator(now, (id, begins), (host, affliction), listener);
        }
    }

    /// Whether a host stands in a region, or in one zone of it.
    fn stands_in(&self, host: HostId, (region, zone): Place) -> bool {
        let host = self.network.host(host);
        host.region == region && zone.is_none_or(|zone| host.zone == zone)
    }

    /// The nodes of a member that a fault strikes. A fault that names them by their role strikes those that have it
    /// when it begins, and lets go of the same ones.
    fn struck(&mut self, member: MemberId, part: Part, fault: FaultId) -> Vec<NodeId> {
        let nodes = self.members[member.index()].nodes();
        let primary = |shard: u16| {
            let shard = usize::from(shard % self.shards);
            self.members[member.index()].primaries[shard]
        };
        let struck: Vec<NodeId> = match part {
            Part::Whole => nodes.collect(),
            Part::Node(number) => nodes.skip(usize::from(number)).take(1).collect(),
            Part::Zone(zone) => nodes
                .filter(|&node| self.network.host(self.node_host(node)).zone == zone)
                .collect(),
            Part::Primary { .. } | Part::Replicas { .. }
                if self.role_faults[fault.index()].is_some() =>
            {
                self.role_faults[fault.index()].take().unwrap_or_default()
            }
            Part::Primary { shard } => vec![primary(shard)],
            Part::Replicas { shard } => {
                let primary = primary(shard);
                nodes.filter(|&node| node != primary).collect()
            }
        };
        if let Part::Primary { .. } | Part::Replicas { .. } = part {
            let slot = &mut self.role_faults[fault.index()];
            *slot = match slot.take() {
                None => Some(struck.clone()),
                Some(_) => None,
            };
        }
        struck
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
                _ if !begins && self.sabotage.is(Mutation::NeverHeals) => {}
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
            .flat_map(|(from, to)| self.paths_between(paths, from, to))
            .flat_map(|path| classes.iter().map(move |&class| (path, class)))
            .collect();
        selected.sort_unstable();
        selected.dedup();
        selected
    }

    /// The paths from one region to another that a selector names: all, or those from one zone of a region to its
    /// others.
    fn paths_between(&self, paths: &PathSelector, from: RegionId, to: RegionId) -> Vec<PathId> {
        let Some(zone) = paths.zone.filter(|_| from == to) else {
            return self.network.paths_of_regions(from, to).collect();
        };
        let others = (0..self.network.zones(from)).filter(|&other| other != zone);
        others
            .flat_map(|other| {
                let way =
                    |from_zone, to_zone| self.network.path_between_zones(from, from_zone, to_zone);
                let back = paths.both_ways.then(|| way(other, zone));
                [Some(way(zone, other)), back].into_iter().flatten()
            })
            .collect()
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
        if paths.both_ways || self.sabotage.is(Mutation::IgnoresDirection) {
            pairs.extend(pairs.clone().into_iter().map(|(from, to)| (to, from)));
        }
        pairs
    }

    /// Paths get into trouble or out of it, and the replication links over them.
    fn trouble_paths<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        paths: &PathSelector,
        trouble: &Trouble,
        listener: &mut L,
    ) {
        self.switch_paths(now, fault, begins, paths, trouble);
        self.switch_links(now, begins, paths, listener);
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
            let region = |node: NodeId| self.network.host(self.node_host(node)).region;
            let (source, target) = (self.links[index].source, self.links[index].target);
            let (from, to) = (region(source), region(target));
            if !pairs.contains(&(from, to)) && !pairs.contains(&(to, from)) {
                continue;
            }
            if let Some(zone) = paths.zone {
                let is_in = |node: NodeId| self.network.host(self.node_host(node)).zone == zone;
                if is_in(source) == is_in(target) {
                    continue;
                }
            }
            let link = LinkId(index as u16);
            if begins {
                self.disrupt(now, link, listener);
            } else {
                self.undisrupt(now, link, listener);
            }
        }
    }

    fn switch_member<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        (member, part): (MemberId, Part),
        ruin: (Affliction, Disks, InFlight),
        listener: &mut L,
    ) {
        for node in self.struck(member, part, fault) {
            if begins {
                self.stop_node(now, fault, node, ruin, listener);
            } else {
                let host = self.node_host(node);
                self.relieve(now, host, fault, listener);
                self.switch_management(now, (fault, false), node, ruin.0, listener);
            }
        }
    }

    pub(super) fn stop_node<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        node: NodeId,
        (affliction, disks, in_flight): (Affliction, Disks, InFlight),
        listener: &mut L,
    ) {
        let host = self.node_host(node);
        self.afflict(now, host, (fault, affliction), in_flight);
        if matches!(affliction, Affliction::Silent | Affliction::Refusing) {
            self.switch_management(now, (fault, true), node, affliction, listener);
        }
        self.stop_processes(now, fault, node, listener);
        self.crash_disks(now, node, (affliction, fault), listener);
        self.break_export_off(now, node);
        if disks == Disks::Lost {
            let is_restored = self.sabotage.is(Mutation::RestoresLostDisks);
            let held = is_restored.then(|| self.nodes[node.index()].clone());
            self.take_disks(now, node);
            self.lose_disks(now, node, fault, listener);
            if let Some(held) = held {
                self.nodes[node.index()].shards = held.shards;
            }
        }
    }

    /// Processes hang, or go on.
    fn switch_hang<L: Listener>(
        &mut self,
        now: SimTime,
        (id, begins): (FaultId, bool),
        (member, part): (MemberId, Part),
        listener: &mut L,
    ) {
        for node in self.struck(member, part, id) {
            let host = self.node_host(node);
            if begins {
                self.afflict(now, host, (id, Affliction::Hung), InFlight::Delivered);
                self.freeze_processes(now, node);
                self.freeze_links(now, node, listener);
            } else {
                self.relieve(now, host, id, listener);
            }
        }
    }

    /// A node's processes stop.
    pub(super) fn stop_processes<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        node: NodeId,
        listener: &mut L,
    ) {
        let state = &mut self.nodes[node.index()];
        state.stopped_by.push(fault);
        if state.is_running {
            state.is_running = false;
            self.kill_processes(now, node);
            listener.observe(now, &Fact::NodeStopped { node, fault });
            self.stop_links(now, node, listener);
        } else if self.is_loading(node) {
            self.stop_links(now, node, listener);
        }
    }

    fn lose_disks<L: Listener>(
        &mut self,
        now: SimTime,
        node: NodeId,
        fault: FaultId,
        listener: &mut L,
    ) {
        self.note_lost_disks(node);
        self.disk_losses += 1;
        for shard in &mut self.nodes[node.index()].shards {
            let empty = Replica::with_settings(shard.replica.settings());
            let replica = std::mem::replace(&mut shard.replica, empty);
            for dot in replica.clock().iter() {
                let fact = Fact::CopiesEnded {
                    node,
                    origin: dot.origin,
                    kept: 0,
                    cause: CopyEnd::Fault(fault),
                };
                listener.observe(now, &fact);
            }
        }
        for shard in 0..self.shards {
            self.unsettle(node, shard);
        }
    }

    pub(super) fn switch_app_servers<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        place: Place,
        (affliction, in_flight): (Affliction, InFlight),
        listener: &mut L,
    ) {
        for index in 0..self.servers.len() {
            let (id, host) = (ServerId::from_index(index), self.servers[index].host);
            if !self.stands_in(host, place) {
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
        place: Place,
        (affliction, in_flight): (Affliction, InFlight),
        listener: &mut L,
    ) {
        for index in 0..self.deciders.len() {
            let slot = &self.deciders[index];
            let is_checker = slot.server.is_none() && slot.relay.is_none();
            let Some(host) = slot.host.filter(|_| is_checker) else {
                continue;
            };
            if !self.stands_in(host, place) {
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
