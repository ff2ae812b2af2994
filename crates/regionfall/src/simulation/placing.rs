//! Who stands where at the beginning: members and their links, app servers, deciders.

use regionfall_crdt::{Clock, OriginId, Replica, Settings};
use regionfall_kernel::{Seed, SimDuration, SimTime, TimerId, unit_from_bits};

use super::deciding::DeciderSlot;
use super::world::World;
use crate::client::{AppServer, Finding, Steering};
use crate::database::{
    DatabaseKind, Link, LinkState, Member, Missed, Node, Placement, Progress, Role, Scope, Shard,
    Standing,
};
use crate::failover::{
    Checker, ClientJudge, Coordinator, Decider, Propagation, ResolverClass, ResolverShare, Runbook,
    Seat, TrafficManager, TrafficManagerConfig, Vantage,
};
use crate::route::{Answers, Resolver, Route};
use crate::topology::{DeciderId, HostId, MemberId, NodeId, RegionId, ServerId};

impl World {
    /// One member in each of the first regions, with its nodes and all their shards.
    pub(super) fn place_members(&mut self) {
        let blueprint = self.blueprint.clone();
        let (topology, database) = (
            &blueprint.settings().topology,
            &blueprint.settings().database,
        );
        let copies = database.nodes_per_member();
        for index in 0..topology.members {
            let region = RegionId::from_index(index);
            let zones = topology.regions[index].zones.max(1);
            let first = index * copies;
            let primary = |shard: u16| NodeId::from_index(first + database.first_primary(shard));
            let primaries: Vec<NodeId> = (0..database.shards).map(primary).collect();
            for number in 0..copies {
                let zone = match database.placement {
                    Placement::SingleZone => 0,
                    Placement::MultiZone => number as u16 % zones,
                };
                let host = self.network.add_host(region, zone);
                let id = NodeId::from_index(first + number);
                self.place_node(id, MemberId::from_index(index), host, &primaries);
            }
            self.members.push(Member {
                id: MemberId::from_index(index),
                nodes: first as u8..(first + copies) as u8,
                entrance: primaries[0],
                epochs: vec![1; primaries.len()],
                relays: Vec::new(),
                is_passive: database.kind == DatabaseKind::GeoPassive && index > 0,
                is_unlinked: false,
                has_reached_all: false,
                primaries,
            });
        }
    }

    fn place_node(&mut self, id: NodeId, member: MemberId, host: HostId, primaries: &[NodeId]) {
        let process = |(shard, &primary): (usize, &NodeId)| {
            let is_primary = primary == id;
            Shard {
                // A member keeps its name, also where a restart gives it another origin: it owns its expiries.
                replica: Replica::with_settings(Settings {
                    instance: Some(u16::from(member.0)),
                    ..Settings::default()
                }),
                origin: if is_primary {
                    self.journal.begin(id, shard as u16)
                } else {
                    OriginId(u16::MAX)
                },
                role: if is_primary {
                    Role::Primary
                } else {
                    Role::Replica
                },
                follows: primary,
                floor: Clock::new(),
                is_stale: false,
            }
        };
        let shards = primaries.iter().enumerate().map(process).collect();
        self.nodes.push(Node {
            id,
            member,
            host,
            shards,
            stopped_by: Vec::new(),
            is_running: true,
            standing: Standing::Original,
        });
    }

    /// The links between members that replicate, by pair and shard in the order that [`World::link_between`] counts;
    /// behind them those from node to node within a member.
    pub(super) fn place_links(&mut self) {
        let members = self.members.len();
        let shards = self.shards();
        for source in 0..members {
            for target in (0..members).filter(|&target| target != source) {
                for shard in 0..shards {
                    let source = self.members[source].primaries[usize::from(shard)];
                    let target = self.members[target].primaries[usize::from(shard)];
                    self.place_link(Scope::Members, source, target, shard);
                }
            }
        }
        self.inner_links = self.links.len();
        for member in 0..members {
            for source in self.members[member].nodes() {
                for target in self.members[member].nodes() {
                    for shard in (0..shards).filter(|_| target != source) {
                        self.place_link(Scope::Replicas, source, target, shard);
                    }
                }
            }
        }
    }

    fn place_link(&mut self, scope: Scope, source: NodeId, target: NodeId, shard: u16) {
        self.links.push(Link {
            scope,
            source,
            target,
            shard,
            state: LinkState::Down,
            sent: Clock::new(),
            sent_own: 0,
            greeted_with: Clock::new(),
            asked_others_at: SimTime::ZERO,
            departures: self.queue.open_lane(),
            held: Vec::new(),
            missed: Missed::default(),
            full_state: None,
            replaces: false,
            lost_at: SimTime::NEVER,
            disrupted_since: SimTime::NEVER,
            catch_up: None,
            had: Clock::new(),
            retry: TimerId::NONE,
            greetings: 0,
            full_syncs: 0,
            syncs_begun: 0,
            follows_state: false,
            full_sync: None,
            partial_syncs: 0,
            partial_failures: 0,
            stopped_by: 0,
            carrier: source,
            since_start: Progress::Awaited,
        });
    }

    /// Every app server on a host of its own, with its way to find a member.
    pub(super) fn place_servers(&mut self, seed: Seed) {
        let blueprint = self.blueprint.clone();
        let settings = blueprint.settings();
        for fleet in &settings.workload.fleets {
            self.answers.push(Answers::new(fleet.home[0]));
        }
        let draws = seed.addressed("resolvers");
        let looks_each_time = matches!(&self.strategy.propagation, Propagation::Dns { names, .. } if names.looks_each_time);
        for (index, &(fleet_id, zone)) in blueprint.servers().iter().enumerate() {
            let fleet = &settings.workload.fleets[fleet_id.index()];
            let words = draws.words([index as u32, 0, 0, 0].into());
            let unit = |high: u32, low: u32| unit_from_bits(u64::from(high) << 32 | u64::from(low));
            let finding = match &self.strategy.propagation {
                Propagation::None | Propagation::Upstream(_) => Finding::Fixed,
                Propagation::Dns {
                    ttl,
                    resolvers,
                    names,
                    ..
                } => {
                    let class = class_of(resolvers, unit(words[0], words[1]));
                    let own = unit(words[2], words[3]);
                    // Behind one resolver all see one phase.
                    let shared = draws.unit([u32::from(fleet.region.0), 1, 0, 0].into());
                    let phase = if names.shares_cache { shared } else { own };
                    let mut resolver = Resolver::new(class, *ttl, phase);
                    if names.counts_seconds {
                        resolver = resolver.counting_seconds(phase);
                    }
                    if names.serves_stale {
                        resolver = resolver.serving_stale();
                    }
                    if class == ResolverClass::OwnCache {
                        resolver = resolver.having_asked(&self.answers[fleet_id.index()], own);
                    }
                    Finding::Name(resolver)
                }
                Propagation::Pointer { .. } => Finding::Pointer(DeciderId(u32::MAX)),
            };
            let clients = match fleet.arrivals {
                crate::workload::Arrivals::Poisson { .. } => 0,
                crate::workload::Arrivals::Closed { clients, .. } => {
                    // Spread evenly, the first servers taking the remainder.
                    let number = self
                        .servers
                        .iter()
                        .filter(|other| other.fleet == fleet_id)
                        .count();
                    clients / fleet.servers + u32::from((number as u32) < clients % fleet.servers)
                }
            };
            let timeout = fleet
                .timeout
                .or(self.strategy.client.timeout)
                .unwrap_or(SimDuration::FOREVER);
            let host = self.network.add_host(fleet.region, zone);
            self.servers.push(AppServer {
                id: ServerId::from_index(index),
                fleet: fleet_id,
                host,
                is_running: true,
                pool: Vec::new(),
                pool_limit: fleet.connections_per_server as usize,
                waiting: std::collections::VecDeque::new(),
                route: Route::direct(fleet.home[0]),
                next_route: None,
                finding,
                proxy: None,
                primary: None,
                asks_first: 0,
                slot_map: self.first_slot_map(),
                asks_for_map: false,
                issued: 0,
                clients: vec![0; clients as usize],
                opened: 0,
                deadline_check: false,
                timeout,
                looks_each_time,
                trouble_since: SimTime::NEVER,
                steering: Steering::default(),
                stranded: Vec::new(),
            });
        }
    }

    /// The deciders of the strategy, each where it stands.
    pub(super) fn place_deciders(&mut self, seed: Seed) {
        let draws = seed.addressed("phases");
        let phase = |who: u32, what: u32| draws.unit([who, what, 0, 0].into());
        let members: Vec<MemberId> = self.members.iter().map(|member| member.id).collect();
        self.strategy.failback = self.strategy.failback.drawn(phase(u32::MAX, 0));
        match self.strategy.vantage.clone() {
            // Judges of relays stand behind all others.
            Vantage::None | Vantage::Proxy => {}
            Vantage::ClientProcess => {
                let draws = seed.addressed("judges");
                for index in 0..self.servers.len() {
                    let server = &self.servers[index];
                    let fleet = &self.blueprint.settings().workload.fleets[server.fleet.index()];
                    let seat = Seat {
                        phase: phase(index as u32, 0),
                        number: index as u32,
                        fleet_size: fleet.servers,
                        draws,
                    };
                    let judge = ClientJudge::new(&self.strategy, &fleet.home, seat);
                    let (id, host) = (server.id, server.host);
                    let decider = self.add_decider(Box::new(judge), Some(host), Some(id));
                    self.servers[index].finding = Finding::Pointer(decider);
                }
                self.place_coordinator();
            }
            Vantage::People(config) => {
                let host = self.network.add_host(config.region, 0);
                let fleets = &self.blueprint.settings().workload.fleets;
                let orders = fleets.iter().map(|fleet| fleet.home.clone()).collect();
                let evidence = &self.strategy.evidence;
                let own = (
                    self.strategy.failback.clone(),
                    phase(0, 0),
                    seed.addressed("people"),
                );
                let runbook = Runbook::new(config, evidence, &members, orders, own);
                self.add_decider(Box::new(runbook), Some(host), None);
            }
            Vantage::Checkers {
                count,
                healthy_share_above,
                regions,
                ..
            } => {
                let everywhere = self.blueprint.settings().topology.regions.len();
                for number in 0..count {
                    let region = if regions.is_empty() {
                        RegionId::from_index(number as usize % everywhere)
                    } else {
                        regions[number as usize % regions.len()]
                    };
                    let host = self.network.add_host(region, 0);
                    let phases = (0..members.len())
                        .map(|member| phase(number, member as u32))
                        .collect();
                    let checker = Checker::new(&self.strategy.evidence, &members, phases);
                    self.add_decider(Box::new(checker), Some(host), None);
                }
                let fleets = &self.blueprint.settings().workload.fleets;
                let manager = TrafficManager::new(TrafficManagerConfig {
                    members: members.len(),
                    checkers: count,
                    share_above: healthy_share_above,
                    orders: fleets.iter().map(|fleet| fleet.home.clone()).collect(),
                    choice: self.strategy.choice.clone(),
                    failback: self.strategy.failback.clone(),
                });
                self.add_decider(Box::new(manager), None, None);
            }
        }
        self.place_relay_judges(phase, seed.addressed("judges"));
    }

    /// The coordinator that the client processes follow, if they follow one.
    fn place_coordinator(&mut self) {
        let Some(config) = self.strategy.conduct.lease.clone() else {
            return;
        };
        let fleets = &self.blueprint.settings().workload.fleets;
        let values: Vec<MemberId> = fleets.iter().map(|fleet| fleet.home[0]).collect();
        let of_server = |server: &AppServer| server.fleet.0;
        let followers = self.servers.iter().map(of_server).collect();
        let host = self.network.add_host(config.region, 0);
        let coordinator = Coordinator::new(config, &values, followers);
        let id = self.add_decider(Box::new(coordinator), Some(host), None);
        self.conferring.coordinator = Some((id, host));
    }

    /// Adds a decider on a host, or one that is a service without a host.
    pub(super) fn add_decider(
        &mut self,
        decider: Box<dyn Decider>,
        host: Option<HostId>,
        server: Option<ServerId>,
    ) -> DeciderId {
        let kept = vec![None; self.members.len()];
        self.deciders
            .push(DeciderSlot::new(decider, host, server, kept));
        DeciderId::from_index(self.deciders.len() - 1)
    }
}

/// The class that a uniform draw falls into.
fn class_of(resolvers: &[ResolverShare], draw: f64) -> ResolverClass {
    let mut sum = 0.0;
    for resolver in resolvers {
        sum += resolver.share;
        if draw < sum {
            return resolver.class;
        }
    }
    resolvers
        .last()
        .map_or(ResolverClass::Honouring, |resolver| resolver.class)
}
