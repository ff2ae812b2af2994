//! Proxies and load balancers in their places: where they stand, whom they serve, which target they choose.
//!
//! What they do with connections is in `relaying.rs`.

use std::collections::BTreeMap;

use regionfall_kernel::{Addressed, Seed, SimDuration, SimTime, unit_from_bits};

use super::pools::PoolRecords;
use super::sessions::{Session, SessionId};
use super::takeover::Pair;
use super::world::World;
use crate::database::{Entrance, Limit, RateLimit};
use crate::failover::{
    BalancerConfig, Checker, ClientJudge, Decider, OnDown, ProbeKind, Propagation, RelayConfig,
    RelayPlace, Seat, UpstreamConfig, Vantage,
};
use crate::history::{Fact, Histogram, Listener};
use crate::network::ConnectionId;
use crate::route::Route;
use crate::topology::{DeciderId, FaultId, FleetId, HostId, MemberId, NodeId, RelayId, ServerId};

/// All relays of a world, and what goes through them.
#[derive(Clone)]
pub(super) struct Relaying {
    pub(super) relays: Vec<Relay>,
    pub(super) by_host: BTreeMap<HostId, RelayId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) opened: u32,
    /// Connections of clients that were refused for want of room.
    pub(super) refused: u64,
    /// Connections of clients that relays ended.
    pub(super) ended: u64,
    /// Bytes of probes that deciders sent.
    pub(super) probe_bytes: u64,
    /// How long messages stayed in relays.
    pub(super) stays: Histogram,
    /// By dense number of a connection: the session of which it is the clients' side.
    pub(super) fronts: Vec<Option<(ConnectionId, SessionId)>>,
    /// By member: its balancer; empty if there are none.
    pub(super) balancers: Vec<RelayId>,
    /// By fleet: the proxies that serve it, in order; none where each app server has its own.
    pub(super) of_fleet: Vec<Vec<RelayId>>,
    /// By fleet, the addresses of its pool; of pools only.
    pub(super) records: Vec<PoolRecords>,
    /// Two proxies with one address.
    pub(super) pairs: Vec<Pair>,
    /// Faults that keep the syncer from doing anything.
    pub(super) stuck: Vec<FaultId>,
    pub(super) draws: Addressed,
}

/// Whom a relay serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Serves {
    /// The app servers of a fleet.
    Fleet(FleetId),
    /// One app server.
    Server(ServerId),
    /// Whoever wants to reach a member.
    Member(MemberId),
}

/// A proxy, or a load balancer.
#[derive(Clone)]
pub(super) struct Relay {
    pub(super) host: HostId,
    pub(super) serves: Serves,
    pub(super) config: RelayConfig,
    /// Its own judge, if it has one.
    pub(super) decider: Option<DeciderId>,
    /// Its targets: members in order of preference, or a member's nodes.
    pub(super) targets: Vec<RelayTarget>,
    /// The number of the target that its judge, or somebody else's, has chosen; of members only.
    chosen: usize,
    /// The one that it uses, which differs while its own traffic says that the chosen one is bad.
    pub(super) current: usize,
    pub(super) limit: Option<RateLimit>,
    /// Connections of clients that it has, since when it has any, and for how long it had any before.
    pub(super) held: (u32, SimTime, SimDuration),
    /// When it has carried what it was given so far.
    pub(super) busy_until: SimTime,
}

/// A target of a relay.
#[derive(Clone, Copy, Debug)]
pub(super) struct RelayTarget {
    pub(super) member: MemberId,
    /// Of a balancer: the node.
    pub(super) node: Option<NodeId>,
    /// Whether the balancer knows of it; a syncer may not have told it yet.
    pub(super) is_known: bool,
    /// Whether a session ever reached it.
    pub(super) is_used: bool,
    pub(super) failures: u32,
    pub(super) passes: u32,
    pub(super) marked_down: bool,
    pub(super) ejections: u32,
    /// What its judge sends there of the whole, in thousandths, where it spreads traffic over members.
    pub(super) share: u16,
    /// Until when its own traffic keeps it out.
    pub(super) out_until: SimTime,
}

impl RelayTarget {
    fn new(member: MemberId, node: Option<NodeId>) -> Self {
        Self {
            member,
            node,
            is_known: true,
            is_used: false,
            failures: 0,
            passes: 0,
            marked_down: false,
            ejections: 0,
            share: 0,
            out_until: SimTime::ZERO,
        }
    }

    pub(super) fn is_out(&self, now: SimTime) -> bool {
        self.marked_down || now < self.out_until
    }
}

impl World {
    /// Proxies and balancers, if the strategy has any.
    pub(super) fn place_relays(&mut self, seed: Seed) {
        let upstream = match &self.strategy.propagation {
            Propagation::Upstream(upstream) => Some(upstream.clone()),
            _ => None,
        };
        let balancer = self.strategy.balancer.clone();
        if upstream.is_none() && balancer.is_none() {
            return;
        }
        let fleets = self.blueprint.settings().workload.fleets.len();
        self.relaying = Some(Box::new(Relaying {
            relays: Vec::new(),
            by_host: BTreeMap::new(),
            sessions: BTreeMap::new(),
            opened: 0,
            refused: 0,
            ended: 0,
            probe_bytes: 0,
            stays: Histogram::new(),
            fronts: Vec::new(),
            balancers: Vec::new(),
            of_fleet: vec![Vec::new(); fleets],
            records: vec![PoolRecords::default(); fleets],
            pairs: Vec::new(),
            stuck: Vec::new(),
            draws: seed.addressed("relays"),
        }));
        if let Some(balancer) = balancer {
            self.place_balancers(&balancer);
        }
        if let Some(upstream) = upstream {
            self.place_proxies(&upstream);
            self.place_pairs();
        }
        self.hide_added_nodes();
        for index in 0..self.servers.len() {
            let id = ServerId::from_index(index);
            let member = self.servers[index].route.member();
            self.servers[index].route = self.route_to(id, member);
        }
    }

    fn place_balancers(&mut self, config: &BalancerConfig) {
        for index in 0..self.members.len() {
            let member = MemberId::from_index(index);
            let region = self.blueprint.region_of(member);
            let host = self.network.add_host(region, 0);
            let nodes: Vec<NodeId> = match self.blueprint.settings().database.entrance {
                _ if self.asks_for_roles() => self.members[index].nodes().collect(),
                Entrance::Proxy | Entrance::Discovery => self.members[index].nodes().collect(),
                Entrance::Direct | Entrance::Sentinel | Entrance::Cluster => {
                    vec![self.members[index].entrance]
                }
            };
            let targets = nodes.iter();
            let targets = targets.map(|&node| RelayTarget::new(member, Some(node)));
            let targets = targets.collect();
            let relay = self.add_relay(host, Serves::Member(member), &config.relay, targets);
            if let Some(relaying) = &mut self.relaying {
                relaying.balancers.push(relay);
            }
        }
    }

    fn place_proxies(&mut self, config: &UpstreamConfig) {
        let blueprint = self.blueprint.clone();
        let fleets = &blueprint.settings().workload.fleets;
        if config.place == RelayPlace::AppHost {
            for index in 0..self.servers.len() {
                let (id, app) = (self.servers[index].id, self.servers[index].host);
                let host = self.network.add_host_beside(app);
                let home = &fleets[self.servers[index].fleet.index()].home;
                let targets = home.iter().map(|&member| RelayTarget::new(member, None));
                let relay =
                    self.add_relay(host, Serves::Server(id), &config.relay, targets.collect());
                self.servers[index].proxy = Some(relay);
            }
            return;
        }
        for (index, fleet) in fleets.iter().enumerate() {
            let (region, count) = match &config.place {
                RelayPlace::Central { region } => (
                    region.unwrap_or(fleet.region),
                    1 + u32::from(self.has_standby()),
                ),
                RelayPlace::Pool(pool) => (fleet.region, pool.count),
                RelayPlace::Edge | RelayPlace::AppHost => (fleet.region, 1),
            };
            for number in 0..count {
                let zone = number as u16 % self.network.zones(region);
                let host = self.network.add_host(region, zone);
                let targets = fleet.home.iter();
                let targets = targets.map(|&member| RelayTarget::new(member, None));
                let serves = Serves::Fleet(FleetId::from_index(index));
                let relay = self.add_relay(host, serves, &config.relay, targets.collect());
                if let Some(relaying) = &mut self.relaying {
                    relaying.of_fleet[index].push(relay);
                }
            }
        }
    }

    fn add_relay(
        &mut self,
        host: HostId,
        serves: Serves,
        config: &RelayConfig,
        targets: Vec<RelayTarget>,
    ) -> RelayId {
        self.network.gate(host);
        let limit = config.sessions_per_second.map(|per_second| {
            let window = SimDuration::from_secs(1);
            RateLimit::new(Limit { per_second, window }, 1.0)
        });
        let relay = Relay {
            host,
            serves,
            config: config.clone(),
            decider: None,
            targets,
            chosen: 0,
            current: 0,
            limit,
            held: (0, SimTime::ZERO, SimDuration::ZERO),
            busy_until: SimTime::ZERO,
        };
        let Some(relaying) = &mut self.relaying else {
            unreachable!("relays are added to those that there are");
        };
        let id = RelayId::from_index(relaying.relays.len());
        relaying.by_host.insert(host, id);
        relaying.relays.push(relay);
        id
    }

    /// The judges of proxies and balancers, behind all others.
    pub(super) fn place_relay_judges(&mut self, phase: impl Fn(u32, u32) -> f64, draws: Addressed) {
        let Some(relaying) = &self.relaying else {
            return;
        };
        let own_judges = matches!(self.strategy.vantage, Vantage::Proxy);
        for index in 0..relaying.relays.len() {
            let id = RelayId::from_index(index);
            let (host, serves, size) = {
                let relay = &self.relay_state(id);
                (relay.host, relay.serves, relay.targets.len())
            };
            let decider: Box<dyn Decider> = match (serves, &self.strategy.balancer) {
                (Serves::Member(_), Some(balancer)) => {
                    let phases =
                        (0..size).map(|target| phase(0x4000 + index as u32, target as u32));
                    Box::new(Checker::of_targets(balancer, phases.collect()))
                }
                _ if own_judges => {
                    let order = self
                        .relay_state(id)
                        .targets
                        .iter()
                        .map(|target| target.member);
                    let order: Vec<MemberId> = order.collect();
                    let seat = Seat {
                        phase: phase(0x8000 + index as u32, 0),
                        number: self.deciders.len() as u32,
                        fleet_size: 1,
                        draws,
                    };
                    Box::new(ClientJudge::new(&self.strategy, &order, seat))
                }
                _ => continue,
            };
            let decider = self.add_decider(decider, Some(host), None);
            let slot = &mut self.deciders[decider.index()];
            slot.relay = Some(id);
            slot.kept.resize(size.max(slot.kept.len()), None);
            self.relay_state_mut(id).decider = Some(decider);
        }
    }

    pub(super) fn relay_state(&self, id: RelayId) -> &Relay {
        match &self.relaying {
            Some(relaying) => &relaying.relays[id.index()],
            None => unreachable!("whoever names a relay has it"),
        }
    }

    pub(super) fn relay_state_mut(&mut self, id: RelayId) -> &mut Relay {
        match &mut self.relaying {
            Some(relaying) => &mut relaying.relays[id.index()],
            None => unreachable!("whoever names a relay has it"),
        }
    }

    /// The relay that stands on a host.
    pub(super) fn relay_on(&self, host: HostId) -> Option<RelayId> {
        self.relaying.as_ref()?.by_host.get(&host).copied()
    }

    /// How an app server's requests reach a member.
    pub(super) fn route_to(&self, id: ServerId, member: MemberId) -> Route {
        let mut route = Route::direct(member);
        let Some(relaying) = &self.relaying else {
            return route;
        };
        if let Some(&balancer) = relaying.balancers.get(member.index()) {
            route = route.behind(balancer);
        }
        match self.proxy_of(id) {
            Some(proxy) => route.behind(proxy),
            None => route,
        }
    }

    /// The proxy that an app server's next connection leads to, if it has one.
    pub(super) fn proxy_of(&self, id: ServerId) -> Option<RelayId> {
        let server = &self.servers[id.index()];
        let relaying = self.relaying.as_ref()?;
        let of_fleet = &relaying.of_fleet[server.fleet.index()];
        let of_pair = || self.holder_for(server.fleet, server.host);
        server
            .proxy
            .or_else(of_pair)
            .or_else(|| of_fleet.first().copied())
    }

    /// The host at whose address a member is found: its balancer's, or that of a node.
    pub(super) fn endpoint_host(&self, member: MemberId) -> HostId {
        let balancer = self.relaying.as_ref();
        let balancer = balancer.and_then(|relaying| relaying.balancers.get(member.index()));
        match balancer {
            Some(&balancer) => self.relay_state(balancer).host,
            None => self.entrance_host(member),
        }
    }

    /// Where a relay's sessions to one of its targets lead.
    pub(super) fn target_host(&self, target: &RelayTarget) -> HostId {
        match (target.node, self.blueprint.settings().database.entrance) {
            (None, _) => self.endpoint_host(target.member),
            (Some(node), entrance) if entrance.is_proxied() => self.node_host(node),
            (Some(node), _) if self.asks_for_roles() => self.node_host(node),
            // The address moves with the primary.
            (Some(_), _) => self.entrance_host(target.member),
        }
    }

    /// Whether balancers ask each node whether it is the primary.
    fn asks_for_roles(&self) -> bool {
        let balancer = self.strategy.balancer.as_ref();
        balancer.is_some_and(|balancer| {
            let mut probes = balancer.evidence.iter();
            probes.any(|(probe, _)| probe.kind == ProbeKind::Primary)
        })
    }

    /// The target of a new session, by its number; `None` if there is none to use.
    pub(super) fn pick_target(&mut self, now: SimTime, id: RelayId, session: u32) -> Option<usize> {
        let Some(relaying) = &self.relaying else {
            return None;
        };
        let relay = &relaying.relays[id.index()];
        let holds_usable = |index: usize| {
            let name = match relay.serves {
                Serves::Member(_) => MemberId::from_index(index),
                _ => relay.targets[index].member,
            };
            let judge = relay.decider.map(|decider| &self.deciders[decider.index()]);
            judge.is_none_or(|judge| judge.is_usable(now, name))
        };
        if let Serves::Member(_) = relay.serves {
            let fails_open = self.strategy.balancer.as_ref();
            let fails_open = fails_open.is_some_and(|balancer| balancer.fail_open);
            let known = (0..relay.targets.len()).filter(|&index| relay.targets[index].is_known);
            let known: Vec<usize> = known.collect();
            let usable = known.iter().copied();
            let mut usable: Vec<usize> = usable
                .filter(|&index| holds_usable(index) && !relay.targets[index].is_out(now))
                .collect();
            if usable.is_empty() && fails_open {
                usable = known;
            }
            // By a hash of the flow, that is, by chance.
            let words = relaying
                .draws
                .words([u32::from(id.0), session, 0, 0].into());
            let unit = unit_from_bits(u64::from(words[0]) << 32 | u64::from(words[1]));
            let place = (unit * usable.len() as f64) as usize;
            return usable.get(place).copied();
        }
        if let Some(target) = self.spread_target(now, id, session) {
            return Some(target);
        }
        let current = relay.current;
        let is_usable = holds_usable(current) && !relay.targets[current].is_out(now);
        (is_usable || self.strategy.choice.fails_open()).then_some(current)
    }

    /// Proxies of a fleet hear which member somebody else has chosen for it.
    pub(super) fn proxies_hear<L: Listener>(
        &mut self,
        now: SimTime,
        fleet: FleetId,
        member: MemberId,
        listener: &mut L,
    ) {
        if !matches!(self.strategy.propagation, Propagation::Upstream(_)) {
            return;
        }
        let proxies = self.relaying.as_ref();
        let proxies = proxies.map(|relaying| relaying.of_fleet[fleet.index()].clone());
        for proxy in proxies.unwrap_or_default() {
            self.choose_upstream(now, proxy, member, listener);
        }
    }

    /// The judge of a relay, or somebody who judges for it, wants another member used.
    pub(super) fn choose_upstream<L: Listener>(
        &mut self,
        now: SimTime,
        id: RelayId,
        member: MemberId,
        listener: &mut L,
    ) {
        let relay = self.relay_state_mut(id);
        let place = |target: &RelayTarget| target.member == member;
        if let Some(index) = relay.targets.iter().position(place) {
            relay.chosen = index;
            self.settle_upstream(now, id, listener);
        }
    }

    /// Works out which target a relay uses: the chosen one, or the next that its own traffic says nothing against.
    pub(super) fn settle_upstream<L: Listener>(
        &mut self,
        now: SimTime,
        id: RelayId,
        listener: &mut L,
    ) {
        let relay = self.relay_state(id);
        if let Serves::Member(_) = relay.serves {
            return;
        }
        let (old, chosen) = (relay.current, relay.chosen);
        let judge = relay.decider.map(|decider| &self.deciders[decider.index()]);
        let is_good = |&index: &usize| {
            let target = &relay.targets[index];
            !target.is_out(now) && judge.is_none_or(|judge| judge.is_usable(now, target.member))
        };
        let new = if relay.targets[chosen].is_out(now) {
            let next = (0..relay.targets.len()).find(is_good);
            next.unwrap_or(chosen)
        } else {
            chosen
        };
        if new == old {
            return;
        }
        let (from, to) = (relay.targets[old].member, relay.targets[new].member);
        let (serves, cuts) = (relay.serves, new < old && relay.config.cut_on_return);
        self.relay_state_mut(id).current = new;
        self.tell_upstream(now, (id, serves), (from, to), listener);
        let judged_elsewhere = self.relay_state(id).decider.is_none();
        let leaves_ill = new > old && judged_elsewhere;
        if cuts {
            self.shed(now, id, old, OnDown::Cut, listener);
        } else if leaves_ill {
            let on_down = self.relay_state(id).config.on_down;
            self.shed(now, id, old, on_down, listener);
        }
    }

    /// Says who is sent elsewhere by a relay.
    fn tell_upstream<L: Listener>(
        &mut self,
        now: SimTime,
        (id, population): (RelayId, Serves),
        (_, to): (MemberId, MemberId),
        listener: &mut L,
    ) {
        let judges = self.relay_state(id).decider.is_some();
        if let Serves::Fleet(fleet) = population
            && judges
        {
            let relaying = self.relaying.as_ref();
            let is_alone = relaying.is_some_and(|relaying| {
                relaying.of_fleet[fleet.index()].len() == 1 || self.has_standby()
            });
            if is_alone {
                let mut servers = self.servers.iter();
                let is_used = servers
                    .any(|server| server.fleet == fleet && self.proxy_of(server.id) == Some(id));
                if is_used {
                    let member = to;
                    listener.observe(now, &Fact::AnswerPublished { fleet, member });
                }
            }
        }
        for index in 0..self.servers.len() {
            let server = ServerId::from_index(index);
            if self.proxy_of(server) == Some(id) {
                let route = self.route_to(server, to);
                self.adopt(now, server, route, listener);
            }
        }
    }

    /// The judge of a relay changed its mind about a target.
    pub(super) fn target_judged<L: Listener>(
        &mut self,
        now: SimTime,
        (id, decider): (RelayId, DeciderId),
        (name, healthy): (MemberId, bool),
        listener: &mut L,
    ) {
        let relay = self.relay_state_mut(id);
        let index = if let Serves::Member(_) = relay.serves {
            name.index()
        } else {
            let place = |target: &RelayTarget| target.member == name;
            relay.targets.iter().position(place).unwrap_or(0)
        };
        let target = &mut relay.targets[index];
        if healthy {
            target.marked_down = false;
            target.failures = 0;
        }
        let (member, node) = (target.member, target.node);
        let server = match relay.serves {
            Serves::Server(server) => Some(server),
            Serves::Fleet(_) | Serves::Member(_) => None,
        };
        let on_down = relay.config.on_down;
        let fact = match node {
            Some(node) => Fact::TargetJudged {
                decider,
                node,
                healthy,
            },
            None => Fact::Verdict {
                decider,
                server,
                member,
                healthy,
            },
        };
        listener.observe(now, &fact);
        if !healthy {
            self.shed(now, id, index, on_down, listener);
        }
    }

    /// Whether proxies have a second one to take their place.
    pub(super) fn has_standby(&self) -> bool {
        matches!(self.strategy.takeover, crate::failover::Takeover::Vrrp(_))
    }
}
