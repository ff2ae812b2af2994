//! What operators do to links and members, and what only they can undo: syncers that stopped for good, a failover to a
//! passive member, a database that is created again elsewhere.

use regionfall_kernel::SimTime;

use super::afflictions::{Affliction, HostFault};
use super::event::LinkId;
use super::world::World;
use crate::database::{DatabaseKind, LinkState, Scope};
use crate::fault::{Disks, FaultKind, OldActive};
use crate::history::{Fact, Listener};
use crate::network::InFlight;
use crate::topology::{FaultId, MemberId, NodeId};

impl World {
    /// Carries out what is about syncers, or is an operator's act.
    pub(super) fn operate<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        kind: &FaultKind,
        listener: &mut L,
    ) {
        match *kind {
            FaultKind::SyncerStopped { member, source } => {
                self.switch_syncer(now, (fault, begins), (member, source), listener);
            }
            FaultKind::RestartSyncers { member } if begins => {
                self.restart_syncers(now, fault, member);
            }
            FaultKind::FailOver {
                member: Some(member),
                old,
            } if begins => self.fail_over(now, (fault, member), old, listener),
            FaultKind::Recreate {
                member: Some(member),
            } if begins => self.recreate(now, (fault, member), listener),
            _ => {}
        }
    }

    /// Whether effects of one member go to another.
    pub(super) fn replicates(&self, from: MemberId, to: MemberId) -> bool {
        let is_out =
            |member: MemberId| self.members[member.index()].is_unlinked || self.is_removed(member);
        let goes = match self.blueprint.settings().database.kind {
            DatabaseKind::GeoPassive => from == self.active,
            kind => kind.replicates(from.index(), to.index()),
        };
        goes && from != to && !is_out(from) && !is_out(to)
    }

    /// The links by which a member gets effects from another, or from all.
    fn links_to(&self, target: MemberId, source: Option<MemberId>) -> Vec<LinkId> {
        let member_of = |node: NodeId| self.nodes[node.index()].member;
        let links = self.links.iter().enumerate().filter(|(_, link)| {
            link.scope == Scope::Members
                && member_of(link.target) == target
                && source.is_none_or(|source| member_of(link.source) == source)
        });
        links.map(|(index, _)| LinkId(index as u16)).collect()
    }

    /// A syncer meets an error that it cannot recover from, and exits (Redis Software docs, Active-Active syncer: exit
    /// code 4, state stopped). When the fault ends an operator has started it again.
    pub(super) fn switch_syncer<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        (target, source): (MemberId, Option<MemberId>),
        listener: &mut L,
    ) {
        for link in self.links_to(target, source) {
            let stopped_by = &mut self.links[usize::from(link.0)].stopped_by;
            if begins {
                *stopped_by += 1;
                self.network
                    .effects
                    .note(fault, |effects| effects.hosts += 1);
                self.hang_up(now, link, listener);
            } else if *stopped_by > 0 {
                *stopped_by -= 1;
                if *stopped_by == 0 {
                    self.connect_link(now, link);
                }
            }
        }
    }

    /// An operator starts the stopped syncers of a member again.
    pub(super) fn restart_syncers(&mut self, now: SimTime, fault: FaultId, target: MemberId) {
        self.members[target.index()].has_reached_all = false;
        for link in self.links_to(target, None) {
            let stopped_by = &mut self.links[usize::from(link.0)].stopped_by;
            if std::mem::take(stopped_by) > 0 {
                self.network
                    .effects
                    .note(fault, |effects| effects.hosts += 1);
                self.connect_link(now, link);
            }
        }
    }

    /// An operator makes a passive member take writes, and the others follow it. The former active member is either
    /// left to itself, or follows too, and loses what it alone has.
    ///
    /// Nothing happens if the database has no passive members, or that one does not run.
    pub(super) fn fail_over<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, member): (FaultId, MemberId),
        old: OldActive,
        listener: &mut L,
    ) {
        let kind = self.blueprint.settings().database.kind;
        let runs = |node: &NodeId| self.nodes[node.index()].is_running;
        let state = &self.members[member.index()];
        let may_act = kind == DatabaseKind::GeoPassive
            && state.is_passive
            && !state.is_unlinked
            && state.primaries.iter().all(runs);
        if !may_act {
            return;
        }
        self.network
            .effects
            .note(fault, |effects| effects.hosts += 1);
        let former = std::mem::replace(&mut self.active, member);
        self.members[member.index()].is_passive = false;
        match old {
            OldActive::Follows => self.members[former.index()].is_passive = true,
            OldActive::Unlinked => self.unlink(now, former, listener),
        }
        listener.observe(now, &Fact::ActiveChanged { member });
        for index in 0..self.inner_links {
            self.hang_up(now, LinkId(index as u16), listener);
        }
        for shard in 0..self.shards {
            let primary = self.members[member.index()].primaries[usize::from(shard)];
            for index in self.links_within(primary) {
                self.settle_own(LinkId(index as u16));
            }
            self.begin_origin(now, primary, shard, listener);
        }
        for index in 0..self.inner_links {
            self.connect_link(now, LinkId(index as u16));
        }
    }

    /// A member is taken out for good.
    fn unlink<L: Listener>(&mut self, now: SimTime, member: MemberId, listener: &mut L) {
        self.members[member.index()].is_unlinked = true;
        for node in self.members[member.index()].nodes() {
            listener.observe(now, &Fact::NodeUnlinked { node });
        }
    }

    /// Members that exist only once an operator creates the database there: nothing runs on their machines.
    pub(super) fn hold_spares(&mut self) {
        let kind = self.blueprint.settings().database.kind;
        if !matches!(
            kind,
            DatabaseKind::Standalone | DatabaseKind::PrimaryReplica
        ) {
            return;
        }
        for index in 0..self.nodes.len() {
            if self.nodes[index].member != self.active {
                let host = self.nodes[index].host;
                self.nodes[index].is_running = false;
                self.network.boot_host(host, NOBODY);
                self.host_faults[host.index()].push(HostFault {
                    fault: NOBODY,
                    affliction: Affliction::ProcessDead,
                });
            }
        }
    }

    /// An operator deletes the database where it is, and creates it anew and empty in another region.
    ///
    /// Nothing happens if there is one already.
    pub(super) fn recreate<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, member): (FaultId, MemberId),
        listener: &mut L,
    ) {
        let is_spare = |node: NodeId| {
            let host = self.node_host(node);
            let mut faults = self.host_faults[host.index()].iter();
            faults.any(|held| held.fault == NOBODY)
        };
        let nodes: Vec<NodeId> = self.members[member.index()].nodes().collect();
        if !nodes.iter().all(|&node| is_spare(node)) {
            return;
        }
        let former = std::mem::replace(&mut self.active, member);
        let ruin = (Affliction::ProcessDead, Disks::Lost, InFlight::Delivered);
        for node in self.members[former.index()].nodes() {
            self.stop_node(now, fault, node, ruin, listener);
        }
        self.unlink(now, former, listener);
        listener.observe(now, &Fact::ActiveChanged { member });
        for node in nodes
            .into_iter()
            .filter(|&node| !self.is_spare(node))
            .collect::<Vec<_>>()
        {
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            let host = self.node_host(node);
            self.relieve(now, host, NOBODY, listener);
        }
    }

    /// With the defect that a syncer must reach all its sources to start, none of its links goes on before: says
    /// whether this one has to wait, and lets the others go if it was the last.
    pub(super) fn waits_for_other_sources(&mut self, now: SimTime, link: LinkId) -> bool {
        let state = &self.links[usize::from(link.0)];
        let needs_all = self.blueprint.settings().database.sync.needs_all_sources;
        let target = self.nodes[state.target.index()].member;
        if !needs_all
            || state.scope != Scope::Members
            || self.members[target.index()].has_reached_all
        {
            return false;
        }
        let links = self.links_to(target, None);
        let is_reached = |link: &LinkId| {
            let state = &self.links[usize::from(link.0)];
            matches!(state.state, LinkState::Greeting(_)) || state.stopped_by > 0
        };
        if !links.iter().all(is_reached) {
            return true;
        }
        self.members[target.index()].has_reached_all = true;
        for other in links {
            if other != link {
                self.greet(now, other);
            }
        }
        false
    }
}

/// What keeps a machine from running that was never started.
const NOBODY: FaultId = FaultId::NONE;
