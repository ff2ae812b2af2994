//! Management processes at work: they answer availability checks with what they can see from their node.
//!
//! A management process is a process of its own beside the database, with a port of its own: it answers while
//! the database is dead or hangs, and may itself be down while the database is up. It stands on a host of its
//! own here, which falls with the node's.

use regionfall_crdt::Dot;
use regionfall_kernel::{SimDuration, SimTime};

use super::afflictions::Affliction;
use super::world::World;
use crate::database::{
    Availability, CheckScope, LagCheck, Link, LinkState, Scope, Seen, SourceLag,
};
use crate::failover::{Evidence, ProbeKind};
use crate::history::Listener;
use crate::network::{HostState, InFlight, Silence, TrafficClass};
use crate::topology::{FaultId, HostId, MemberId, NodeId};

impl World {
    /// A management process on each node, if any decider asks one.
    pub(super) fn place_management(&mut self) {
        let is_asked =
            |kind: ProbeKind| matches!(kind, ProbeKind::Availability { .. } | ProbeKind::Http);
        let asks = |evidence: &Evidence| matches!(evidence, Evidence::Probe(probe, _) if is_asked(probe.kind));
        let mut conditions = self.strategy.returning.conditions().into_iter();
        let balancer = self.strategy.balancer.as_ref();
        let of_nodes = balancer.is_some_and(|balancer| {
            balancer
                .evidence
                .iter()
                .any(|(probe, _)| is_asked(probe.kind))
        });
        if of_nodes
            || self.strategy.evidence.iter().any(asks)
            || conditions.any(|probe| is_asked(probe.kind))
        {
            let hosts: Vec<HostId> = self.nodes.iter().map(|node| node.host).collect();
            for host in hosts {
                let (region, zone) = (self.network.host(host).region, self.network.host(host).zone);
                let management = self.network.add_host(region, zone);
                self.management.push(management);
            }
        }
    }

    /// Where a probe of a member goes.
    pub(super) fn probed_host(&self, member: MemberId, kind: ProbeKind) -> HostId {
        let entrance = self.members[member.index()].entrance;
        match kind {
            ProbeKind::Availability { .. } | ProbeKind::Http => self.management[entrance.index()],
            _ => self.node_host(entrance),
        }
    }

    /// What the management process at a member's address answers to an availability check.
    pub fn availability(
        &self,
        now: SimTime,
        member: MemberId,
        (scope, lag): (CheckScope, Option<LagCheck>),
    ) -> Availability {
        let member = &self.members[member.index()];
        let here = member.entrance;
        let state = |node: NodeId| self.network.host(self.node_host(node)).state;
        let reaches = |node: NodeId| {
            let hosts = (self.node_host(here), self.node_host(node));
            node == here
                || !self
                    .network
                    .is_cut(hosts.0, hosts.1, TrafficClass::Replication)
        };
        let is_up = |node: &NodeId| {
            let is_dark = matches!(state(*node), HostState::Silent(_) | HostState::Refusing(_));
            !is_dark && reaches(*node)
        };
        let peers = member.nodes().filter(is_up).count();
        let port_bound = match scope {
            CheckScope::Node => state(here).is_process_alive(),
            CheckScope::Database => {
                let mut nodes = member.nodes().filter(is_up);
                nodes.any(|node| state(node).is_process_alive())
            }
        };
        let sources = lag.map_or_else(Vec::new, |_| self.source_lags(now, member.id));
        let seen = Seen {
            has_quorum: peers * 2 > member.nodes().count(),
            // A process that hangs fails its watchdog's check as a dead one does (assumed: at once).
            shards_reachable: member
                .primaries
                .iter()
                .all(|&node| state(node) == HostState::Running && reaches(node)),
            port_bound,
            sources,
        };
        let settings = self.blueprint.settings();
        settings.database.availability.answer(scope, lag, &seen)
    }

    /// Whether a member that is asked over its data path says that it lags further behind its peers.
    pub(super) fn is_behind(&self, now: SimTime, member: MemberId, tolerance: SimDuration) -> bool {
        let sources = self.source_lags(now, member);
        let mut reachable = sources.iter().filter(|source| source.is_reachable);
        reachable.any(|source| source.lag > tolerance)
    }

    /// How far each link to a member is behind.
    fn source_lags(&self, now: SimTime, member: MemberId) -> Vec<SourceLag> {
        let is_inbound = |link: &&Link| {
            link.scope == Scope::Members && self.nodes[link.target.index()].member == member
        };
        let inbound = self.links[..self.inner_links].iter().filter(is_inbound);
        inbound
            .map(|link| {
                let is_reachable = self.is_source_reachable(link);
                let lag = if is_reachable {
                    self.oldest_missing(now, link)
                } else if link.disrupted_since == SimTime::NEVER {
                    SimDuration::ZERO
                } else {
                    now.saturating_since(link.disrupted_since)
                };
                SourceLag { is_reachable, lag }
            })
            .collect()
    }

    /// Whether a syncer hears of its source: it is connected, be it that effects stream or that a whole state is on its
    /// way, and nothing stands between them. That a source fell silent is noticed at once (assumed; how the product
    /// finds out is not published).
    fn is_source_reachable(&self, link: &Link) -> bool {
        let (source, target) = (self.node_host(link.source), self.node_host(link.target));
        matches!(
            link.state,
            LinkState::Greeting(_) | LinkState::Syncing(_) | LinkState::Streaming(_)
        ) && self.network.host(source).state == HostState::Running
            && !self
                .network
                .is_cut(source, target, TrafficClass::Replication)
    }

    /// The age of the oldest effect of the source's member that the target lacks, by the time that the writer's clock
    /// put on it and the clock of the target: skewed clocks show as lag, or hide it. A target that lost what everybody
    /// had, or is new, lacks it since the beginning.
    fn oldest_missing(&self, now: SimTime, link: &Link) -> SimDuration {
        let shard = usize::from(link.shard);
        let member_of = |node: NodeId| self.nodes[node.index()].member;
        let source = member_of(link.source);
        let primary = self.members[source.index()].primaries[shard];
        let clock = |node: NodeId| self.nodes[node.index()].shards[shard].replica.clock();
        let (has, known) = (clock(primary), clock(link.target));
        let here = self.clock_of(now, member_of(link.target)).0;
        let ages = self
            .journal
            .origins_of_shard(link.shard)
            .filter_map(|origin| {
                let next = known.get(origin) + 1;
                let is_missing =
                    member_of(self.journal.node(origin)) == source && has.get(origin) >= next;
                let effect = || self.journal.get(Dot::new(origin, next));
                // What the journal has forgotten everybody had once: nobody can say how old it is.
                is_missing.then(|| effect().map_or(here, |effect| here.saturating_sub(effect.at.0)))
            });
        SimDuration::from_nanos(ages.max().unwrap_or(0))
    }

    /// A node's machine falls or comes back, and its management process with it.
    pub(super) fn switch_management<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        node: NodeId,
        affliction: Affliction,
        listener: &mut L,
    ) {
        let Some(&host) = self.management.get(node.index()) else {
            return;
        };
        if begins {
            self.afflict(now, host, (fault, affliction), InFlight::Lost);
        } else {
            self.relieve(now, host, fault, listener);
        }
    }

    /// A member's management processes alone stop answering, or answer again.
    pub(super) fn switch_health_endpoint<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        (member, mode): (MemberId, Silence),
        listener: &mut L,
    ) {
        let affliction = match mode {
            Silence::Silent => Affliction::Hung,
            Silence::Refusing => Affliction::ProcessDead,
        };
        for node in self.members[member.index()].nodes() {
            self.switch_management(now, (fault, begins), node, affliction, listener);
        }
    }
}
