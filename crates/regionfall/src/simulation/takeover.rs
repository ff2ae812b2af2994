//! Who takes the place of a proxy that died: pairs that hold one address by VRRP, and supervisors that start it again.
//!
//! An address is where the last announcement that a zone's machines heard has put it. So two masters may both have
//! clients, if zones cannot hear each other.

use regionfall_kernel::{SimDuration, SimTime, unit_from_bits};

use super::afflictions::Affliction;
use super::event::Event;
use super::world::World;
use crate::failover::{RouterAction, RouterState, RouterTimer, Takeover, VrrpRouter};
use crate::history::{Fact, Listener};
use crate::network::{Draw, HostState, TrafficClass};
use crate::topology::{FaultId, FleetId, HostId, LocalTime, RegionId, RelayId};

/// A router: which of a pair. Pairs are numbered by fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RouterId(pub u16);

impl RouterId {
    fn new(pair: usize, number: usize) -> Self {
        Self((pair * 2 + number) as u16)
    }

    fn pair(self) -> usize {
        usize::from(self.0 / 2)
    }

    fn number(self) -> usize {
        usize::from(self.0 % 2)
    }

    fn other(self) -> Self {
        Self(self.0 ^ 1)
    }
}

/// Two proxies with one address.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) fleet: FleetId,
    region: RegionId,
    relays: [RelayId; 2],
    routers: [VrrpRouter; 2],
    /// By zone of the region: who answers at the address there.
    holders: Vec<usize>,
    /// Faults that swallow the adverts of each.
    pub(super) lost: [Vec<FaultId>; 2],
    /// Faults that keep the daemon of each from running.
    pub(super) ended: [Vec<FaultId>; 2],
    /// Whether each has the address, whatever the network believes.
    has_address: [bool; 2],
    sent: u32,
}

/// Draws of adverts, apart from all others'.
const WHO: u32 = 0x2800_0000;
/// A Linux machine that hears nothing more from a neighbour waits 5 s, asks it three times a second apart, and then asks all
/// (source: Linux, `ip-sysctl.rst` and arp(7): `delay_first_probe_time`, `ucast_solicit`, `retrans_time`).
const NEIGHBOUR_TIME: SimDuration = SimDuration::from_secs(8);
/// Ethernet, IP and VRRP of an advert.
const ADVERT_BYTES: u32 = 54;

fn local(now: SimTime) -> LocalTime {
    LocalTime(now.as_nanos())
}

impl World {
    /// What happens to what carries traffic.
    pub(super) fn handle_on_routes<L: Listener>(
        &mut self,
        now: SimTime,
        event: Event,
        listener: &mut L,
    ) {
        match event {
            Event::SessionTimeout(id) => self.session_timeout(now, id, listener),
            Event::SessionIdle(id) => self.session_idle(now, id),
            Event::SessionDoomed(id) => self.session_doomed(now, id),
            Event::Relayed(port, letter) => self.relayed(now, port, letter, listener),
            Event::RelayLook(relay) => self.settle_upstream(now, relay, listener),
            Event::Router(id, timer) => self.router_woken(now, id, timer, listener),
            Event::Advert(id, priority) => self.advert_arrives(now, id, priority, listener),
            Event::Neighbours(id) => self.neighbours_ask(now, id, listener),
            Event::ProxyStarts(relay, fault) => self.release_relay(now, (relay, fault), listener),
            Event::Withdrawal(relay) => self.withdraw(now, relay),
            Event::SyncerLooks(member, node) => self.syncer_looks(now, member, node),
            Event::SyncerApplies(member, node) => {
                self.syncer_applies(now, (member, node), listener);
            }
            _ => unreachable!("everything else is handled by the world"),
        }
    }

    /// Pairs of proxies with their routers, if the strategy has them.
    pub(super) fn place_pairs(&mut self) {
        let Takeover::Vrrp(config) = self.strategy.takeover.clone() else {
            return;
        };
        let zones: Vec<u16> = {
            let regions = self.blueprint.settings().topology.regions.len();
            let region = (0..regions).map(RegionId::from_index);
            region.map(|region| self.network.zones(region)).collect()
        };
        let Some(relaying) = &mut self.relaying else {
            return;
        };
        for (index, relays) in relaying.of_fleet.iter().enumerate() {
            let &[first, second] = relays.as_slice() else {
                continue;
            };
            let host = relaying.relays[first.index()].host;
            let region = self.network.host(host).region;
            let router = |number: usize| VrrpRouter::new(config.clone(), config.priorities[number]);
            let better = usize::from(config.priorities[1] > config.priorities[0]);
            relaying.pairs.push(Pair {
                fleet: FleetId::from_index(index),
                region,
                relays: [first, second],
                routers: [router(0), router(1)],
                holders: vec![better; usize::from(zones[region.index()])],
                lost: [Vec::new(), Vec::new()],
                ended: [Vec::new(), Vec::new()],
                has_address: [better == 0, better == 1],
                sent: 0,
            });
        }
    }

    /// Every pair has run for long.
    pub(super) fn start_pairs<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        let Takeover::Vrrp(config) = self.strategy.takeover.clone() else {
            return;
        };
        let Some(draws) = self.relaying.as_ref().map(|relaying| relaying.draws) else {
            return;
        };
        let pairs = self.pairs().len();
        for pair in 0..pairs {
            for number in 0..2 {
                let id = RouterId::new(pair, number);
                let phase = |what: u32| draws.unit([u32::from(id.0), what, 3, 0].into());
                let part = |span: SimDuration, phase: f64| {
                    SimDuration::from_nanos_f64(span.as_nanos() as f64 * phase)
                };
                let phases = (
                    part(config.check_every, phase(0)),
                    part(config.advert, phase(1)),
                );
                let is_master = self.pairs()[pair].holders[0] == number;
                let mut actions = Vec::new();
                self.router_mut(id)
                    .start_settled(local(now), phases, is_master, &mut actions);
                self.do_router(now, id, &actions, listener);
            }
        }
    }

    fn pairs(&self) -> &[Pair] {
        self.relaying
            .as_ref()
            .map_or(&[], |relaying| &relaying.pairs)
    }

    pub(super) fn pair_mut(&mut self, pair: usize) -> &mut Pair {
        match &mut self.relaying {
            Some(relaying) => &mut relaying.pairs[pair],
            None => unreachable!("whoever names a pair has it"),
        }
    }

    /// The pairs that serve fleets of a region, or all.
    pub(super) fn pairs_of(&self, region: Option<RegionId>) -> Vec<usize> {
        let fleets = &self.blueprint.settings().workload.fleets;
        let is_meant =
            |pair: &Pair| region.is_none_or(|region| fleets[pair.fleet.index()].region == region);
        let pairs = self.pairs().iter().enumerate();
        pairs
            .filter(|(_, pair)| is_meant(pair))
            .map(|(index, _)| index)
            .collect()
    }

    fn router_mut(&mut self, id: RouterId) -> &mut VrrpRouter {
        &mut self.pair_mut(id.pair()).routers[id.number()]
    }

    fn router_host(&self, id: RouterId) -> HostId {
        let relay = self.pairs()[id.pair()].relays[id.number()];
        self.relay_state(relay).host
    }

    /// Whether the machine of a router runs, whatever its proxy does.
    fn has_machine(&self, id: RouterId) -> bool {
        let state = self.network.host(self.router_host(id)).state;
        !matches!(state, HostState::Silent(_) | HostState::Refusing(_))
    }

    /// A router's timer fires.
    pub(super) fn router_woken<L: Listener>(
        &mut self,
        now: SimTime,
        id: RouterId,
        timer: RouterTimer,
        listener: &mut L,
    ) {
        if !self.has_machine(id) {
            return;
        }
        // The script looks whether there is a process, not whether it does anything.
        let state = self.network.host(self.router_host(id)).state;
        let runs = state.is_process_alive();
        let mut actions = Vec::new();
        self.router_mut(id)
            .woken(local(now), timer, runs, &mut actions);
        self.do_router(now, id, &actions, listener);
    }

    /// An advert arrives.
    pub(super) fn advert_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        id: RouterId,
        priority: u8,
        listener: &mut L,
    ) {
        if !self.has_machine(id) {
            return;
        }
        let mut actions = Vec::new();
        self.router_mut(id)
            .heard(local(now), priority, &mut actions);
        self.do_router(now, id, &actions, listener);
    }

    fn do_router<L: Listener>(
        &mut self,
        now: SimTime,
        id: RouterId,
        actions: &[RouterAction],
        listener: &mut L,
    ) {
        self.hold_address(now, id);
        for &action in actions {
            match action {
                RouterAction::Wake(at, timer) => {
                    let at = SimTime::from_nanos(at.0).max(now);
                    self.queue.schedule(at, Event::Router(id, timer));
                }
                RouterAction::Advertise(priority) => self.advertise(now, id, priority),
                RouterAction::Announce => self.announce(now, id, listener),
            }
        }
    }

    /// A master has the address; who is none any more gives it up, unless its daemon was killed.
    fn hold_address(&mut self, now: SimTime, id: RouterId) {
        let state = self.router_mut(id).state();
        let has_address = &mut self.pair_mut(id.pair()).has_address[id.number()];
        let had = *has_address;
        *has_address = match state {
            RouterState::Master => true,
            RouterState::Backup | RouterState::Fault => false,
            RouterState::Stopped => had,
        };
        if had && !*has_address {
            self.queue
                .schedule(now + NEIGHBOUR_TIME, Event::Neighbours(id));
        }
    }

    /// Machines that still send to a proxy without the address have found that nobody answers there, and ask who has it.
    pub(super) fn neighbours_ask<L: Listener>(
        &mut self,
        now: SimTime,
        id: RouterId,
        listener: &mut L,
    ) {
        let pair = &self.pairs()[id.pair()];
        let is_gone = !pair.has_address[id.number()] && pair.has_address[id.other().number()];
        if is_gone && self.has_machine(id.other()) {
            self.announce(now, id.other(), listener);
        }
    }

    /// Whether a relay answers at the address that it may share. Without it, what reaches it meets silence.
    pub(super) fn answers_address(&self, relay: RelayId) -> bool {
        let place = self.router_of(relay);
        place.is_none_or(|(pair, number)| self.pairs()[pair].has_address[number])
    }

    fn advertise(&mut self, now: SimTime, id: RouterId, priority: u8) {
        let hosts = (self.router_host(id), self.router_host(id.other()));
        let pair = self.pair_mut(id.pair());
        pair.sent += 1;
        let sequence = pair.sent;
        if let Some(&fault) = pair.lost[id.number()].first() {
            self.network
                .effects
                .note(fault, |effects| effects.dropped += 1);
            return;
        }
        let draw = Draw {
            who: WHO | u32::from(id.0),
            sequence,
            attempt: 0,
            leg: 0,
        };
        let arrives = self
            .network
            .hop(now, hosts, TrafficClass::Check, ADVERT_BYTES, draw);
        if let Some(at) = arrives {
            self.queue.schedule(at, Event::Advert(id.other(), priority));
        }
    }

    /// A router announces to its network that the address is with it now.
    fn announce<L: Listener>(&mut self, now: SimTime, id: RouterId, listener: &mut L) {
        let here = self.network.host(self.router_host(id)).zone;
        let region = self.pairs()[id.pair()].region;
        for zone in 0..self.network.zones(region) {
            if zone == here || !self.network.are_zones_cut(region, here, zone) {
                self.move_address(now, id, zone, listener);
            }
        }
    }

    /// In one zone, what is sent to the address reaches another proxy from now on. It knows nothing of the connections
    /// that the other had, and answers them with resets.
    fn move_address<L: Listener>(
        &mut self,
        now: SimTime,
        id: RouterId,
        zone: u16,
        listener: &mut L,
    ) {
        let pair = self.pair_mut(id.pair());
        let holder = &mut pair.holders[usize::from(zone)];
        if *holder == id.number() {
            return;
        }
        let old = pair.relays[*holder];
        *holder = id.number();
        let (fleet, region, new) = (pair.fleet, pair.region, pair.relays[id.number()]);
        listener.observe(
            now,
            &Fact::AddressMoved {
                fleet,
                relay: new,
                zone,
            },
        );
        let hosts = (self.relay_state(old).host, self.relay_state(new).host);
        // Whoever is elsewhere comes in by the first zone.
        let moved = self.network.move_servers(&mut self.queue, hosts, |host| {
            (host.region == region && host.zone == zone) || (host.region != region && zone == 0)
        });
        for front in moved {
            self.count_ended(front);
            self.front_gone(now, front);
        }
        self.account_for_abandoned();
        for index in 0..self.servers.len() {
            let server = self.servers[index].id;
            if self.proxy_of(server) == Some(new) {
                let relay = self.relay_state(new);
                let member = relay.targets[relay.current].member;
                let route = self.route_to(server, member);
                self.adopt(now, server, route, listener);
            }
        }
    }

    /// The proxy that answers at the address of a fleet's pair, as seen from a host.
    pub(super) fn holder_for(&self, fleet: FleetId, client: HostId) -> Option<RelayId> {
        let pair = self.pairs().iter().find(|pair| pair.fleet == fleet)?;
        let host = self.network.host(client);
        let zone = if host.region == pair.region {
            usize::from(host.zone)
        } else {
            0
        };
        Some(pair.relays[pair.holders[zone]])
    }

    /// A router's daemon ends with its machine, or by itself.
    pub(super) fn stop_router<L: Listener>(
        &mut self,
        now: SimTime,
        (pair, number): (usize, usize),
        is_orderly: bool,
        listener: &mut L,
    ) {
        let id = RouterId::new(pair, number);
        let mut actions = Vec::new();
        self.router_mut(id).stop(is_orderly, &mut actions);
        if is_orderly || !self.has_machine(id) {
            self.pair_mut(pair).has_address[number] = false;
        }
        self.do_router(now, id, &actions, listener);
    }

    /// A router's daemon starts, if nothing keeps it from that.
    pub(super) fn start_router<L: Listener>(
        &mut self,
        now: SimTime,
        (pair, number): (usize, usize),
        listener: &mut L,
    ) {
        let id = RouterId::new(pair, number);
        let is_free = self.pair_mut(pair).ended[number].is_empty();
        let is_stopped = self.router_mut(id).state() == RouterState::Stopped;
        if is_free && is_stopped && self.has_machine(id) {
            let mut actions = Vec::new();
            self.router_mut(id)
                .start(local(now), SimDuration::ZERO, &mut actions);
            self.do_router(now, id, &actions, listener);
        }
    }

    /// Which router stands on a relay's machine.
    pub(super) fn router_of(&self, relay: RelayId) -> Option<(usize, usize)> {
        let pairs = self.pairs().iter().enumerate();
        pairs
            .flat_map(|(index, pair)| [((index, 0), pair.relays[0]), ((index, 1), pair.relays[1])])
            .find_map(|(place, known)| (known == relay).then_some(place))
    }

    /// A supervisor will find a dead proxy, and start it again.
    pub(super) fn watch_over(&mut self, now: SimTime, relay: RelayId, fault: FaultId) {
        let Takeover::Watchdog { poll, restart } = self.strategy.takeover else {
            return;
        };
        let Some(relaying) = &self.relaying else {
            return;
        };
        let words = relaying.draws.words([u32::from(relay.0), 0, 1, 0].into());
        let unit = unit_from_bits(u64::from(words[0]) << 32 | u64::from(words[1]));
        let period = poll.as_nanos().max(1);
        let phase = (unit * period as f64) as u64;
        let since = (now.as_nanos() + period - phase) % period;
        let found = now + SimDuration::from_nanos(period - since);
        self.queue
            .schedule(found + restart, Event::ProxyStarts(relay, fault));
    }

    /// A relay's processes die or fall silent, and with them its sessions.
    pub(super) fn strike_relay<L: Listener>(
        &mut self,
        now: SimTime,
        (relay, fault): (RelayId, FaultId),
        affliction: Affliction,
        listener: &mut L,
    ) {
        let host = self.relay_state(relay).host;
        let in_flight = match affliction {
            Affliction::ProcessDead | Affliction::Hung => crate::network::InFlight::Delivered,
            Affliction::Refusing | Affliction::Silent => crate::network::InFlight::Lost,
        };
        self.afflict(now, host, (fault, affliction), in_flight);
        if !self.network.host(host).state.is_process_alive() {
            self.drop_sessions_of(relay);
            self.network.forget_clients_at(&mut self.queue, host);
            self.withdraw_later(now, relay);
        }
        match affliction {
            Affliction::ProcessDead => self.watch_over(now, relay, fault),
            Affliction::Silent | Affliction::Refusing => {
                if let Some(place) = self.router_of(relay) {
                    self.stop_router(now, place, false, listener);
                }
            }
            Affliction::Hung => {}
        }
        self.account_for_abandoned();
    }

    /// A fault stops acting on a relay.
    pub(super) fn release_relay<L: Listener>(
        &mut self,
        now: SimTime,
        (relay, fault): (RelayId, FaultId),
        listener: &mut L,
    ) {
        let host = self.relay_state(relay).host;
        let is_struck = self.host_faults[host.index()]
            .iter()
            .any(|other| other.fault == fault);
        if !is_struck {
            return;
        }
        self.relieve(now, host, fault, listener);
        if self.host_faults[host.index()].is_empty() {
            self.put_back(now, relay);
        }
        if let Some(place) = self.router_of(relay) {
            self.start_router(now, place, listener);
        }
    }
}
