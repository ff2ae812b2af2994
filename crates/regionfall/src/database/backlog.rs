//! The backlog of a shard: how much of its newest effects a process can send again one by one.
//!
//! A rule on sizes only. The effects themselves are in the [`Journal`](super::Journal), which forgets nothing that
//! somebody may still need: what lies beyond the backlog is there, and may not be sent as effects any more.

/// How much of what it wrote a process keeps to send again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backlog {
    /// Everything.
    Unlimited,
    /// 1 % of the database's size, divided by its shards, and at least 1 MB and at most 250 MB (Redis Software docs,
    /// durability-ha/replication.md and active-active/manage.md).
    Auto,
    /// So many bytes for each shard.
    Bytes(u64),
}

impl Backlog {
    /// Smallest automatic backlog of a shard.
    pub const AUTO_LEAST: u64 = 1_000_000;
    /// Largest automatic backlog of a shard.
    pub const AUTO_MOST: u64 = 250_000_000;

    /// Bytes of a shard's backlog in a database of so many bytes and shards.
    pub fn bytes(self, database: u64, shards: u16) -> u64 {
        match self {
            Self::Unlimited => u64::MAX,
            Self::Auto => {
                let share = database / 100 / u64::from(shards.max(1));
                share.clamp(Self::AUTO_LEAST, Self::AUTO_MOST)
            }
            Self::Bytes(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automatic_backlog_is_one_percent_of_a_shard_within_bounds() {
        let of = |database, shards| Backlog::Auto.bytes(database, shards);
        // The example of the documentation: 10 GB in four shards.
        assert_eq!(of(10_000_000_000, 4), 25_000_000);
        assert_eq!(of(10_000_000, 1), 1_000_000);
        assert_eq!(of(0, 1), 1_000_000);
        assert_eq!(of(1_000_000_000_000, 2), 250_000_000);
        assert_eq!(Backlog::Bytes(7).bytes(1 << 40, 1), 7);
        assert_eq!(Backlog::Unlimited.bytes(1, 1), u64::MAX);
    }
}
