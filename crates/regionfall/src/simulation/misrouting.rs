//! Faults of what carries traffic and of what decides where to act: proxies, their address, DNS, checkers, syncers.

use regionfall_kernel::SimTime;

use super::afflictions::Affliction;
use super::event::Event;
use super::relays::Serves;
use super::world::World;
use crate::failover::{OnDown, Propagation, RelayPlace};
use crate::fault::{FaultKind, ProxyEnd, RoutingFault};
use crate::history::Listener;
use crate::network::Silence;
use crate::topology::{FaultId, FleetId, HostId, MemberId, RegionId, RelayId};

impl World {
    /// A fault of the routes begins to act, or stops acting.
    pub(super) fn switch_routing<L: Listener>(
        &mut self,
        now: SimTime,
        (id, begins): (FaultId, bool),
        fault: RoutingFault,
        listener: &mut L,
    ) {
        match fault {
            RoutingFault::ProxyCrash {
                region,
                number,
                how,
            } => {
                let affliction = match how {
                    ProxyEnd::Crash => Affliction::ProcessDead,
                    ProxyEnd::Host => Affliction::Silent,
                    ProxyEnd::Hang => Affliction::Hung,
                };
                for relay in self.proxies_meant(region, number) {
                    self.switch_relay(now, (id, begins), (relay, affliction), listener);
                }
            }
            RoutingFault::BalancerDown { member, mode } => {
                let affliction = match mode {
                    Silence::Silent => Affliction::Silent,
                    Silence::Refusing => Affliction::Refusing,
                };
                let balancers = self.relaying.as_ref().map(|all| all.balancers.clone());
                let balancer = balancers.and_then(|all| all.get(member.index()).copied());
                if let Some(relay) = balancer {
                    self.switch_relay(now, (id, begins), (relay, affliction), listener);
                }
            }
            RoutingFault::AddressDaemon { .. } | RoutingFault::AdvertsLost { .. } => {
                self.switch_pairs(now, (id, begins), fault, listener);
            }
            RoutingFault::DnsDown => {
                for answers in &mut self.answers {
                    answers.switch(now, begins);
                }
                if begins && !self.answers.is_empty() {
                    self.network.effects.note(id, |effects| effects.hosts += 1);
                }
            }
            RoutingFault::CheckersCutOff {
                region,
                reports_lost,
            } => {
                self.cut_checkers_off((id, begins), (region, reports_lost));
            }
            RoutingFault::SyncerStuck => {
                let has_syncer = self.strategy.syncer.is_some();
                if let Some(relaying) = self.relaying.as_mut().filter(|_| has_syncer) {
                    if begins {
                        relaying.stuck.push(id);
                    } else {
                        relaying.stuck.retain(|&other| other != id);
                    }
                    self.network
                        .effects
                        .note(id, |effects| effects.altered += 1);
                }
            }
            RoutingFault::NodeAdded { member, node } if begins => {
                self.add_target(now, id, member, usize::from(node));
            }
            RoutingFault::RecordChange { member } if begins => {
                for fleet in 0..self.answers.len() {
                    let fleet = FleetId::from_index(fleet);
                    self.queue
                        .schedule(now, Event::AnswerChanges(fleet, member));
                }
                self.network
                    .effects
                    .note(id, |effects| effects.altered += 1);
            }
            // What operators do nobody undoes.
            RoutingFault::NodeAdded { .. } | RoutingFault::RecordChange { .. } => {}
        }
    }

    /// What befalls the protocol that holds the address of a pair.
    fn switch_pairs<L: Listener>(
        &mut self,
        now: SimTime,
        (id, begins): (FaultId, bool),
        fault: RoutingFault,
        listener: &mut L,
    ) {
        match fault {
            RoutingFault::AddressDaemon {
                region,
                number,
                orderly,
            } => {
                for pair in self.pairs_of(region) {
                    let place = (pair, usize::from(number.min(1)));
                    let ended = &mut self.pair_mut(pair).ended[place.1];
                    if begins {
                        ended.push(id);
                        self.network.effects.note(id, |effects| effects.hosts += 1);
                        self.stop_router(now, place, orderly, listener);
                    } else {
                        ended.retain(|&other| other != id);
                        self.start_router(now, place, listener);
                    }
                }
            }
            RoutingFault::AdvertsLost { region, from } => {
                for pair in self.pairs_of(region) {
                    for number in 0..2 {
                        if from.is_none_or(|from| usize::from(from) == number) {
                            let lost = &mut self.pair_mut(pair).lost[number];
                            if begins {
                                lost.push(id);
                            } else {
                                lost.retain(|&other| other != id);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// The proxies of the fleets of a region, or those with a number among them.
    fn proxies_meant(&self, region: Option<RegionId>, number: Option<u8>) -> Vec<RelayId> {
        let Some(relaying) = &self.relaying else {
            return Vec::new();
        };
        let is_edge = matches!(&self.strategy.propagation, Propagation::Upstream(upstream) if upstream.place == RelayPlace::Edge);
        if is_edge {
            return Vec::new();
        }
        let fleets = &self.blueprint.settings().workload.fleets;
        let mut counts = vec![0u8; fleets.len()];
        let mut meant = Vec::new();
        for (index, relay) in relaying.relays.iter().enumerate() {
            let fleet = match relay.serves {
                Serves::Fleet(fleet) => fleet,
                Serves::Server(server) => self.servers[server.index()].fleet,
                Serves::Member(_) => continue,
            };
            let place = counts[fleet.index()];
            counts[fleet.index()] = place.saturating_add(1);
            let is_there = region.is_none_or(|region| fleets[fleet.index()].region == region);
            if is_there && number.is_none_or(|number| number == place) {
                meant.push(RelayId::from_index(index));
            }
        }
        meant
    }

    fn switch_relay<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        (relay, affliction): (RelayId, Affliction),
        listener: &mut L,
    ) {
        if begins {
            self.strike_relay(now, (relay, fault), affliction, listener);
        } else {
            self.release_relay(now, (relay, fault), listener);
        }
    }

    /// Proxies and balancers that stand in a region, or in one zone of it, fall with it or come back. Edges of a global
    /// load balancer are no part of it.
    pub(super) fn switch_relays_in<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        (region, zone): (RegionId, Option<u16>),
        affliction: Affliction,
        listener: &mut L,
    ) {
        let is_edge = matches!(&self.strategy.propagation, Propagation::Upstream(upstream) if upstream.place == RelayPlace::Edge);
        let Some(relaying) = &self.relaying else {
            return;
        };
        let stands_there = |host: HostId| {
            let host = self.network.host(host);
            host.region == region && zone.is_none_or(|zone| host.zone == zone)
        };
        let falls = |(index, relay): (usize, &super::relays::Relay)| {
            let is_balancer = matches!(relay.serves, Serves::Member(_));
            ((is_balancer || !is_edge) && stands_there(relay.host))
                .then(|| RelayId::from_index(index))
        };
        let fallen: Vec<RelayId> = relaying
            .relays
            .iter()
            .enumerate()
            .filter_map(falls)
            .collect();
        for relay in fallen {
            self.switch_relay(now, (fault, begins), (relay, affliction), listener);
        }
    }

    /// Checkers lose their network, or get it back.
    fn cut_checkers_off(
        &mut self,
        (fault, begins): (FaultId, bool),
        (region, reports_lost): (Option<RegionId>, bool),
    ) {
        for index in 0..self.deciders.len() {
            let slot = &self.deciders[index];
            if slot.server.is_some() || slot.relay.is_some() {
                continue;
            }
            let Some(host) = slot.host else { continue };
            if region.is_some_and(|region| self.network.host(host).region != region) {
                continue;
            }
            let cut_off = &mut self.deciders[index].cut_off;
            if begins {
                cut_off.push((fault, reports_lost));
            } else {
                cut_off.retain(|&(other, _)| other != fault);
            }
        }
    }

    /// Before the run: nodes that operators will add are known to no balancer.
    pub(super) fn hide_added_nodes(&mut self) {
        let added = |kind: &FaultKind| match kind {
            FaultKind::Routing(RoutingFault::NodeAdded { member, node }) => Some((*member, *node)),
            _ => None,
        };
        let added: Vec<(MemberId, u8)> = self
            .faults
            .iter()
            .filter_map(|fault| added(&fault.kind))
            .collect();
        for (member, node) in added {
            if let Some(target) = self.target_of(member, usize::from(node)) {
                target.is_known = false;
            }
        }
    }

    fn target_of(
        &mut self,
        member: MemberId,
        node: usize,
    ) -> Option<&mut super::relays::RelayTarget> {
        let relaying = self.relaying.as_mut()?;
        let balancer = *relaying.balancers.get(member.index())?;
        relaying.relays[balancer.index()].targets.get_mut(node)
    }

    /// A node is there now; its balancer uses it when it hears of it.
    fn add_target(&mut self, now: SimTime, fault: FaultId, member: MemberId, node: usize) {
        if self.target_of(member, node).is_none() {
            return;
        }
        self.network
            .effects
            .note(fault, |effects| effects.altered += 1);
        match &self.strategy.syncer {
            None => {
                if let Some(target) = self.target_of(member, node) {
                    target.is_known = true;
                }
            }
            Some(syncer) => {
                let period = syncer.every.as_nanos().max(1);
                let looks = SimTime::from_nanos(now.as_nanos().div_ceil(period) * period);
                self.queue
                    .schedule(looks, Event::SyncerLooks(member, node as u8));
            }
        }
    }

    /// A syncer looks for a node that was added.
    pub(super) fn syncer_looks(&mut self, now: SimTime, member: MemberId, node: u8) {
        let Some(syncer) = self.strategy.syncer.clone() else {
            return;
        };
        let stuck = self.relaying.as_ref();
        let stuck = stuck.is_some_and(|relaying| !relaying.stuck.is_empty());
        if stuck {
            self.queue
                .schedule(now + syncer.every, Event::SyncerLooks(member, node));
        } else {
            self.queue
                .schedule(now + syncer.apply, Event::SyncerApplies(member, node));
        }
    }

    /// A syncer has told a balancer of a node.
    pub(super) fn syncer_applies<L: Listener>(
        &mut self,
        now: SimTime,
        (member, node): (MemberId, u8),
        listener: &mut L,
    ) {
        if let Some(target) = self.target_of(member, usize::from(node)) {
            target.is_known = true;
        }
        let cuts = self.strategy.syncer.as_ref();
        let cuts = cuts.is_some_and(|syncer| syncer.cuts_sessions);
        let balancer = self.relaying.as_ref();
        let balancer = balancer.and_then(|all| all.balancers.get(member.index()).copied());
        if let Some(balancer) = balancer.filter(|_| cuts) {
            for target in 0..self.relay_state(balancer).targets.len() {
                self.shed(now, balancer, target, OnDown::Cut, listener);
            }
        }
    }
}
