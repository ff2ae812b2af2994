//! What a run costs, as far as the world itself counts it; the backlog of links is in `backlog.rs`.

use regionfall_kernel::SimDuration;

use super::world::{Owner, World};
use crate::failover::{Propagation, RelayPlace, Takeover};
use crate::metric::RelayCosts;
use crate::network::ConnectionId;

impl World {
    /// What went through proxies and balancers, if there are any.
    pub fn relay_costs(&self) -> Option<RelayCosts> {
        let relaying = self.relaying.as_ref()?;
        let now = self.now();
        let busy = relaying.relays.iter().map(|relay| {
            let (count, since, before) = relay.held;
            let open = if count > 0 {
                now.saturating_since(since)
            } else {
                SimDuration::ZERO
            };
            (before + open).as_secs_f64()
        });
        let whole = now.since_start().as_secs_f64() * relaying.relays.len() as f64;
        let busy: f64 = busy.sum();
        Some(RelayCosts {
            probe_bytes: relaying.probe_bytes,
            time_p50_ms: relaying.stays.quantile_ms(0.5),
            time_p99_ms: relaying.stays.quantile_ms(0.99),
            idle_share: if whole > 0.0 { 1.0 - busy / whole } else { 0.0 },
            sessions_ended: relaying.ended,
            sessions_refused: relaying.refused,
        })
    }

    /// Proxies and balancers, and what stands in for proxies or configures balancers: things that somebody has to run, or
    /// to rent. The edges of a global load balancer are one.
    pub fn relay_components(&self) -> u64 {
        let Some(relaying) = &self.relaying else {
            return 0;
        };
        let is_edge = matches!(&self.strategy.propagation, Propagation::Upstream(upstream) if upstream.place == RelayPlace::Edge);
        let balancers = relaying.balancers.len();
        let proxies = relaying.relays.len() - balancers;
        // Each proxy of a pair has a daemon beside it, each that is watched a supervisor.
        let beside = match self.strategy.takeover {
            Takeover::None => 0,
            Takeover::Vrrp(_) | Takeover::Watchdog { .. } => proxies,
        };
        let proxies = if is_edge { 1 } else { proxies + beside };
        (proxies + balancers + usize::from(self.strategy.syncer.is_some())) as u64
    }

    /// A relay ended a connection of a client.
    pub(super) fn count_ended(&mut self, front: ConnectionId) {
        let is_pooled = matches!(self.owner(front), Some(Owner::Pool(_)));
        if let Some(relaying) = self.relaying.as_mut().filter(|_| is_pooled) {
            relaying.ended += 1;
        }
    }

    /// Full synchronizations so far.
    pub fn full_syncs(&self) -> u64 {
        self.links.iter().map(|link| link.full_syncs).sum()
    }

    /// Bytes that left one region for another so far.
    pub fn cross_region_bytes(&self) -> u64 {
        self.network.cross_region_bytes()
    }

    /// Bytes that the largest node takes in memory, by the estimate of the data types.
    pub fn largest_memory(&self) -> u64 {
        let shards = self.nodes.iter().map(|node| &node.shards);
        let bytes = shards.map(|shards| shards.iter().map(|shard| shard.replica.bytes()).sum());
        bytes.max().unwrap_or(0)
    }
}
