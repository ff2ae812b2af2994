//! Pools of active proxies, which clients find by a name with an address for each.
//!
//! The name's addresses are handed out in turn. A dead proxy's is among them until somebody withdraws it and the answer
//! that clients hold has had its time.

use regionfall_kernel::{SimTime, unit_from_bits};

use super::event::Event;
use super::world::World;
use crate::client::{PooledState, Slot};
use crate::failover::{PoolConfig, Propagation, RelayPlace};
use crate::history::Listener;
use crate::network::End;
use crate::topology::{FleetId, RelayId, ServerId};

/// The addresses of a fleet's pool, as they changed.
#[derive(Clone, Debug, Default)]
pub(super) struct PoolRecords {
    changes: Vec<(SimTime, RelayId, bool)>,
}

impl PoolRecords {
    /// Whether an answer given at a moment names a proxy.
    fn names(&self, relay: RelayId, moment: SimTime) -> bool {
        let known = self.changes.iter().rev();
        let mut known = known.filter(|(at, other, _)| *other == relay && *at <= moment);
        known.next().is_none_or(|&(_, _, is_there)| is_there)
    }
}

impl World {
    fn pool(&self) -> Option<&PoolConfig> {
        match &self.strategy.propagation {
            Propagation::Upstream(upstream) => match &upstream.place {
                RelayPlace::Pool(pool) => Some(pool),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many addresses a client may try for one connection.
    pub(super) fn addresses_to_try(&self, id: ServerId) -> u8 {
        let fleet = self.servers[id.index()].fleet;
        match (self.pool(), &self.relaying) {
            (Some(pool), Some(relaying)) if pool.tries_all_addresses => {
                relaying.of_fleet[fleet.index()].len() as u8
            }
            _ => 1,
        }
    }

    /// Resolves the name of an app server's pool for a connection, and `tried` of its addresses before.
    pub(super) fn resolve_pool(&mut self, now: SimTime, id: ServerId, tried: u8) {
        let Some(pool) = self.pool() else { return };
        let ttl = pool.ttl.as_nanos();
        let Some(relaying) = &self.relaying else {
            return;
        };
        let server = &self.servers[id.index()];
        let words = relaying.draws.words([id.0, 0, 2, 0].into());
        let unit = unit_from_bits(u64::from(words[0]) << 32 | u64::from(words[1]));
        let phase = (unit * ttl as f64) as u64;
        let refreshed = if ttl == 0 {
            now
        } else {
            let since = (now.as_nanos() + ttl - phase) % ttl;
            SimTime::from_nanos(now.as_nanos().saturating_sub(since))
        };
        let fleet = server.fleet.index();
        let all = &relaying.of_fleet[fleet];
        let records = &relaying.records[fleet];
        let named: Vec<RelayId> = all
            .iter()
            .copied()
            .filter(|&relay| records.names(relay, refreshed))
            .collect();
        let named = if named.is_empty() { all } else { &named };
        // In turn, from a place of its own.
        let turn = words[2] as usize + server.opened as usize + usize::from(tried);
        let proxy = named[turn % named.len()];
        self.servers[id.index()].proxy = Some(proxy);
    }

    /// A connection to an app server's proxy leads where the proxy sends new ones.
    pub(super) fn heed_proxy<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let Some(proxy) = self.proxy_of(id) else {
            return;
        };
        let relay = self.relay_state(proxy);
        let member = relay.targets[relay.current].member;
        self.operations.get_mut(slot).member = member;
        let route = self.route_to(id, member);
        self.adopt(now, id, route, listener);
    }

    /// A connection to a pool could not be opened: the next address is tried, if there is one and the client does that.
    pub(super) fn tries_next_address<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        position: usize,
        listener: &mut L,
    ) -> bool {
        let most = self.addresses_to_try(id);
        let pooled = &mut self.servers[id.index()].pool[position];
        let PooledState::Opening(slot, timer) = pooled.state else {
            return false;
        };
        if pooled.tried + 1 >= most {
            return false;
        }
        pooled.tried += 1;
        let old = pooled.connection.take();
        self.queue.cancel(timer);
        if let Some(old) = old {
            self.network.close(now, &mut self.queue, old, End::Client);
            self.account_for_abandoned();
        }
        // Each address has the whole time.
        let limit = now + self.strategy.client.connect_timeout;
        let timer = self.queue.arm(limit, Event::OpeningTimeout(id, slot));
        self.servers[id.index()].pool[position].state = PooledState::Opening(slot, timer);
        self.name_resolved(now, id, slot, listener);
        true
    }

    /// Somebody finds that a pool's proxy is gone, and withdraws its address.
    pub(super) fn withdraw_later(&mut self, now: SimTime, relay: RelayId) {
        let after = self.pool().and_then(|pool| pool.withdraw_after);
        if let Some(after) = after {
            self.queue.schedule(now + after, Event::Withdrawal(relay));
        }
    }

    /// A pool's address is withdrawn, if its proxy is still gone.
    pub(super) fn withdraw(&mut self, now: SimTime, relay: RelayId) {
        let host = self.relay_state(relay).host;
        if !self.network.host(host).state.is_process_alive() {
            self.record(now, relay, false);
        }
    }

    /// A pool's address is there again.
    pub(super) fn put_back(&mut self, now: SimTime, relay: RelayId) {
        if self.pool().is_some() {
            self.record(now, relay, true);
        }
    }

    fn record(&mut self, now: SimTime, relay: RelayId, is_there: bool) {
        let Some(relaying) = &mut self.relaying else {
            return;
        };
        let fleet = relaying
            .of_fleet
            .iter()
            .position(|proxies| proxies.contains(&relay));
        if let Some(fleet) = fleet.map(FleetId::from_index) {
            let changes = &mut relaying.records[fleet.index()].changes;
            changes.push((now, relay, is_there));
        }
    }
}
