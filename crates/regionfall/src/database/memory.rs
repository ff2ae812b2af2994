//! Memory: how much of its limit a shard uses, and what it does as that grows.
//!
//! ```text
//! 0 ------------- evicts_from ---------- 1 - reserve ---------- 1
//!    as usual       keys are evicted       writes are refused      the shard is out of memory
//! ```
//!
//! What counts is the estimate of the data types ([`Replica::bytes`](regionfall_crdt::Replica::bytes)), tombstones
//! and their clocks included, and what the shard keeps of its own effects for peers that lack them, up to the size
//! of its backlog. Not here: reading what is used, and doing something about it.

use regionfall_crdt::KeyId;
use regionfall_kernel::SimTime;

/// How much memory a member has, and what happens at the limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MemoryConfig {
    /// Bytes of a member (`maxmemory`), shared evenly by its shards.
    pub limit: u64,
    /// What happens at the limit.
    pub at_limit: AtLimit,
    /// Which keys make room.
    pub eviction: Eviction,
    /// The share of its limit from which a shard evicts. 80 % (Redis Software docs, memory-performance,
    /// eviction-policy.md).
    pub evicts_from: f64,
}

/// What happens at the limit (Redis Software docs, active-active, planning.md).
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum AtLimit {
    /// Before 8.4: the shard stops replicating and answering, and is reconciled in full once there is room. The
    /// syncer does that by itself unless `crdt_syncer_auto_oom_unlatch` is off.
    Stops {
        /// Whether it does.
        recovers: bool,
    },
    /// From 8.4: within this share of the limit, in 0..=0.2, clients' writes are refused while replication and
    /// collection go on. At the limit itself the shard stops, and recovers.
    RefusesWrites {
        /// The share that is kept for replication.
        reserve: f64,
    },
}

/// Which keys make room (`maxmemory-policy`, Redis docs, eviction.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Eviction {
    /// Which of the candidates goes; `None` is `noeviction`.
    pub order: Option<EvictionOrder>,
    /// Whether only keys with an expiry are candidates.
    pub volatile_only: bool,
}

/// Which candidate goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictionOrder {
    /// The one that was used longest ago.
    LeastRecentlyUsed,
    /// The one that is used least often.
    LeastFrequentlyUsed,
    /// Any.
    Random,
    /// The one that expires first.
    ShortestLife,
}

impl Eviction {
    /// Every policy with its name in Redis.
    pub const ALL: [(&'static str, Self); 8] = [
        ("noeviction", Self::new(None, false)),
        (
            "allkeys-lru",
            Self::new(Some(EvictionOrder::LeastRecentlyUsed), false),
        ),
        (
            "allkeys-lfu",
            Self::new(Some(EvictionOrder::LeastFrequentlyUsed), false),
        ),
        (
            "allkeys-random",
            Self::new(Some(EvictionOrder::Random), false),
        ),
        (
            "volatile-lru",
            Self::new(Some(EvictionOrder::LeastRecentlyUsed), true),
        ),
        (
            "volatile-lfu",
            Self::new(Some(EvictionOrder::LeastFrequentlyUsed), true),
        ),
        (
            "volatile-random",
            Self::new(Some(EvictionOrder::Random), true),
        ),
        (
            "volatile-ttl",
            Self::new(Some(EvictionOrder::ShortestLife), true),
        ),
    ];

    const fn new(order: Option<EvictionOrder>, volatile_only: bool) -> Self {
        Self {
            order,
            volatile_only,
        }
    }

    /// The policy of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, policy)| policy)
    }
}

/// How short of memory a shard is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Pressure {
    /// Not at all.
    None,
    /// Keys are evicted, if the policy evicts any.
    Evicts,
    /// Clients' writes are refused.
    RefusesWrites,
    /// It is out of memory.
    Full,
}

/// Smallest and largest backlog of a shard: 1 % of the database divided by its shards, within these (Redis
/// Software docs, active-active, manage.md).
const BACKLOG: (u64, u64) = (1 << 20, 250 << 20);

impl MemoryConfig {
    /// The limit of one of so many shards.
    pub fn shard_limit(&self, shards: u16) -> u64 {
        self.limit / u64::from(shards.max(1))
    }

    /// Bytes that a shard uses: its data, and of its own effects that peers lack those that its backlog holds.
    pub fn used(&self, data: u64, unsent: u64, shards: u16) -> u64 {
        let backlog = (self.shard_limit(shards) / 100).clamp(BACKLOG.0, BACKLOG.1);
        data + unsent.min(backlog)
    }

    /// How short of memory one of so many shards is that uses so much.
    pub fn pressure(&self, used: u64, shards: u16) -> Pressure {
        let limit = self.shard_limit(shards) as f64;
        let reserve = match self.at_limit {
            AtLimit::Stops { .. } => 0.0,
            AtLimit::RefusesWrites { reserve } => reserve,
        };
        let used = used as f64;
        if used > limit {
            Pressure::Full
        } else if used > limit * (1.0 - reserve) {
            Pressure::RefusesWrites
        } else if used > limit * self.evicts_from && self.eviction.order.is_some() {
            Pressure::Evicts
        } else {
            Pressure::None
        }
    }
}

/// When and how often the keys of a shard were used.
#[derive(Clone, Debug, Default)]
pub struct KeyUse {
    /// By key: when last, and how often.
    uses: Vec<(SimTime, u32)>,
}

/// How many keys are looked at for each that is evicted (`maxmemory-samples`, Redis docs, eviction.md).
pub const EVICTION_SAMPLES: usize = 5;

impl KeyUse {
    /// A key is read or written.
    pub fn note(&mut self, now: SimTime, key: KeyId) {
        let index = key.0 as usize;
        if self.uses.len() <= index {
            self.uses.resize(index + 1, (SimTime::ZERO, 0));
        }
        let (last, times) = &mut self.uses[index];
        *last = now;
        *times = times.saturating_add(1);
    }

    /// Which of a sample goes first; `expiry` gives the moment at which a key expires.
    pub fn pick(
        &self,
        order: EvictionOrder,
        sample: &[KeyId],
        expiry: impl Fn(KeyId) -> u64,
    ) -> Option<KeyId> {
        let of = |key: &KeyId| self.uses.get(key.0 as usize).copied();
        let rank = |key: &KeyId| {
            let (last, times) = of(key).unwrap_or((SimTime::ZERO, 0));
            match order {
                EvictionOrder::LeastRecentlyUsed => last.as_nanos(),
                EvictionOrder::LeastFrequentlyUsed => u64::from(times),
                EvictionOrder::ShortestLife => expiry(*key),
                // A sample is random already.
                EvictionOrder::Random => 0,
            }
        };
        sample.iter().copied().min_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(at_limit: AtLimit, eviction: &str) -> MemoryConfig {
        MemoryConfig {
            limit: 2_000,
            at_limit,
            eviction: Eviction::from_name(eviction).unwrap(),
            evicts_from: 0.8,
        }
    }

    /// What a shard of two does at each hundred bytes of its thousand.
    fn stages(config: &MemoryConfig) -> Vec<Pressure> {
        let used = [700, 801, 951, 1_000, 1_001];
        used.map(|used| config.pressure(used, 2)).to_vec()
    }

    #[test]
    fn pressure_rises_in_stages() {
        use Pressure::{Evicts, Full, None, RefusesWrites};
        let stops = AtLimit::Stops { recovers: true };
        let refuses = AtLimit::RefusesWrites { reserve: 0.05 };
        assert_eq!(
            stages(&config(stops, "noeviction")),
            [None, None, None, None, Full]
        );
        assert_eq!(
            stages(&config(stops, "allkeys-lru")),
            [None, Evicts, Evicts, Evicts, Full]
        );
        assert_eq!(
            stages(&config(refuses, "allkeys-lru")),
            [None, Evicts, RefusesWrites, RefusesWrites, Full]
        );
    }

    #[test]
    fn unsent_effects_count_up_to_the_backlog() {
        let config = MemoryConfig {
            limit: 4 << 30,
            ..config(AtLimit::Stops { recovers: true }, "noeviction")
        };
        // A hundredth of 2 GiB.
        let backlog = (2_u64 << 30) / 100;
        assert_eq!(config.used(7, 5, 2), 12);
        assert_eq!(config.used(7, 1 << 30, 2), 7 + backlog);
        assert_eq!(config.used(0, u64::MAX, u16::MAX), 1 << 20, "at least 1 MB");
    }

    #[test]
    fn each_policy_picks_its_own() {
        let mut uses = KeyUse::default();
        let at = |seconds: u64| SimTime::from_nanos(seconds * 1_000_000_000);
        for (second, key) in [(1, 0), (2, 1), (3, 1), (4, 0), (5, 2), (6, 0)] {
            uses.note(at(second), KeyId(key));
        }
        let sample = [KeyId(0), KeyId(1), KeyId(2)];
        let pick = |order| uses.pick(order, &sample, |key| 100 - u64::from(key.0));
        assert_eq!(pick(EvictionOrder::LeastRecentlyUsed), Some(KeyId(1)));
        assert_eq!(pick(EvictionOrder::LeastFrequentlyUsed), Some(KeyId(2)));
        assert_eq!(pick(EvictionOrder::ShortestLife), Some(KeyId(2)));
        assert_eq!(pick(EvictionOrder::Random), Some(KeyId(0)));
        let never_used = uses.pick(
            EvictionOrder::LeastRecentlyUsed,
            &[KeyId(9), KeyId(0)],
            |_| 0,
        );
        assert_eq!(never_used, Some(KeyId(9)));
    }
}
