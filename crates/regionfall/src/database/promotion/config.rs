//! Who makes a replica primary when a primary fails, as a scenario has it.

use regionfall_kernel::SimDuration;

use super::cluster::ClusterConfig;
use super::guard::WriteGuard;
use super::sentinel::SentinelConfig;
use super::watchdog::WatchdogConfig;

/// Promotion within a member, and the guard against writes that nobody copies.
#[derive(Clone, PartialEq, Debug)]
pub struct PromotionConfig {
    /// Who decides.
    pub rule: PromotionRule,
    /// `min-replicas-to-write` and `min-replicas-max-lag`.
    pub guard: WriteGuard,
}

/// Who decides that a replica becomes primary.
#[derive(Clone, PartialEq, Debug)]
pub enum PromotionRule {
    /// A person: nothing happens by itself.
    Operator,
    /// Sentinels.
    Sentinels(SentinelsConfig),
    /// A majority of the nodes.
    Watchdogs(WatchdogConfig),
    /// The primaries of a Redis Cluster.
    Cluster(ClusterConfig),
}

/// Sentinels, and where they stand.
#[derive(Clone, PartialEq, Debug)]
pub struct SentinelsConfig {
    /// How they watch and decide.
    pub sentinel: SentinelConfig,
    /// How many there are.
    pub count: u8,
    /// Where they stand.
    pub at: SentinelsAt,
}

/// Where Sentinels stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SentinelsAt {
    /// On hosts of their own, in these zones of the member's region in turn; in all if none is named.
    OwnHosts(Vec<u16>),
    /// Beside the processes of the database: the first on the first node, and so on.
    Nodes,
}

impl PromotionConfig {
    /// Nothing happens by itself, and every write is taken.
    pub const NONE: Self = Self {
        rule: PromotionRule::Operator,
        guard: WriteGuard {
            replicas: 0,
            max_lag: 10,
        },
    };
}

impl WatchdogConfig {
    /// A configuration in which a node without a majority stops serving before another can be promoted:
    /// three heartbeats before the shortest time that a promotion takes, and no sooner than after three.
    #[must_use]
    pub fn new(
        takes: regionfall_kernel::Distribution,
        heartbeat: SimDuration,
        replica_grace: Option<SimDuration>,
    ) -> Self {
        let three = heartbeat + heartbeat + heartbeat;
        let shortest = takes.quantile(0.0);
        Self {
            serves_alone: shortest.saturating_sub(three).max(three),
            takes,
            heartbeat,
            replica_grace,
        }
    }
}
