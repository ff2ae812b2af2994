//! Management processes at work: they answer availability checks with what they can see from their node.
//!
//! A management process is a process of its own beside the database, with a port of its own: it answers while
//! the database is dead or hangs, and may itself be down while the database is up. It stands on a host of its
//! own here, which falls with the node's.

use regionfall_crdt::Dot;
use regionfall_kernel::{SimDuration, SimTime};

use super::afflictions::Affliction;
use super::world::World;
use crate::database::{Availability, CheckScope, LagCheck, Link, LinkState, Seen, SourceLag};
use crate::failover::{Evidence, ProbeKind};
use crate::history::Listener;
use crate::network::{HostState, InFlight, Silence, TrafficClass};
use crate::topology::{FaultId, HostId, MemberId, RegionId};

impl World {
    /// A management process on each member's node, if any decider asks one.
    pub(super) fn place_management(&mut self) {
        let asks = |evidence: &Evidence| {
            matches!(evidence, Evidence::Probe(probe, _) if matches!(probe.kind, ProbeKind::Availability { .. }))
        };
        if self.strategy.evidence.iter().any(asks) {
            self.management = (0..self.members.len())
                .map(|member| self.network.add_host(RegionId::from_index(member), 0))
                .collect();
        }
    }

    /// Where a probe of a member goes.
    pub(super) fn probed_host(&self, member: MemberId, kind: ProbeKind) -> HostId {
        match kind {
            ProbeKind::Availability { .. } => self.management[member.index()],
            ProbeKind::Connect | ProbeKind::Ping => self.member_host(member),
        }
    }

    /// What a member's management process answers to an availability check.
    pub fn availability(
        &self,
        now: SimTime,
        member: MemberId,
        (scope, lag): (CheckScope, Option<LagCheck>),
    ) -> Availability {
        let state = self.network.host(self.member_host(member)).state;
        let sources = lag.map_or_else(Vec::new, |_| self.source_lags(now, member));
        let seen = Seen {
            // One node is a majority of one.
            has_quorum: true,
            // A process that hangs fails its watchdog's check as a dead one does (assumed: at once).
            shards_reachable: state == HostState::Running,
            port_bound: state.is_process_alive(),
            sources,
        };
        let settings = self.blueprint.settings();
        settings.database.availability.answer(scope, lag, &seen)
    }

    /// How far each link to a member is behind.
    fn source_lags(&self, now: SimTime, member: MemberId) -> Vec<SourceLag> {
        let inbound = self.links.iter().filter(|link| link.target == member);
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

    /// Whether a syncer hears of its source: it streams, and nothing stands between them. That a source fell
    /// silent is noticed at once (assumed; how the product finds out is not published).
    fn is_source_reachable(&self, link: &Link) -> bool {
        let (source, target) = (self.member_host(link.source), self.member_host(link.target));
        matches!(link.state, LinkState::Streaming(_))
            && self.network.host(source).state == HostState::Running
            && !self.network.is_cut(source, target, TrafficClass::Replication)
    }

    /// The age of the oldest effect of the source that the target lacks, by the time that the source's clock put
    /// on it and the clock of the target: skewed clocks show as lag, or hide it.
    fn oldest_missing(&self, now: SimTime, link: &Link) -> SimDuration {
        let shard = usize::from(link.shard);
        let clock = |member: MemberId| self.members[member.index()].shards[shard].replica.clock();
        let (source, target) = (clock(link.source), clock(link.target));
        let here = self.clock_of(now, link.target).0;
        let ages = self.journal.origins_of_shard(link.shard).filter_map(|origin| {
            let known = target.get(origin);
            let is_missing = self.journal.member(origin) == link.source && source.get(origin) > known;
            let effect = is_missing.then(|| self.journal.get(Dot::new(origin, known + 1)))??;
            Some(here.saturating_sub(effect.at.0))
        });
        SimDuration::from_nanos(ages.max().unwrap_or(0))
    }

    /// A node's machine falls or comes back, and its management process with it.
    pub(super) fn switch_management<L: Listener>(
        &mut self,
        now: SimTime,
        fault: FaultId,
        begins: bool,
        (member, affliction): (MemberId, Affliction),
        listener: &mut L,
    ) {
        let Some(&host) = self.management.get(member.index()) else {
            return;
        };
        if begins {
            self.afflict(now, host, (fault, affliction), InFlight::Lost);
        } else {
            self.relieve(now, host, fault, listener);
        }
    }

    /// A management process alone stops answering, or answers again.
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
        self.switch_management(now, fault, begins, (member, affliction), listener);
    }
}
