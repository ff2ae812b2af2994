//! What is kept on disk, how, and by which copies of a shard.

use regionfall_kernel::{Distribution, SimDuration};

/// How the processes of a database keep their data on disk.
#[derive(Clone, PartialEq, Debug)]
pub struct PersistenceConfig {
    /// What is written, and when it is forced onto the disk.
    pub mode: PersistenceMode,
    /// Which copies of a shard have a disk.
    pub on: PersistsOn,
    /// How long the disk takes for one fsync.
    pub fsync: Distribution,
    /// Bytes per second that a starting process reads and rebuilds; at least 1.
    pub load_rate: u64,
    /// When snapshots are taken; the first rule that holds decides.
    pub save: Vec<SaveRule>,
    /// Bytes per second that a snapshot writes; at least 1.
    pub snapshot_rate: u64,
    /// How long the process stands still while it forks, for each GiB of its data.
    pub fork_per_gib: SimDuration,
    /// When append-only files are rewritten; `None` if never.
    pub rewrite: Option<RewriteConfig>,
}

/// When append-only files are rewritten, and what that costs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RewriteConfig {
    /// By what share of its size after the last rewrite a file must have grown.
    pub growth: f64,
    /// Bytes that it must exceed.
    pub min_size: u64,
    /// Bytes per second that the child writes; at least 1.
    pub rate: u64,
    /// How long the process stands still while it forks, for each GiB of its data.
    pub fork_per_gib: SimDuration,
    /// So many times as long as usual an fsync takes meanwhile; at least 1.
    pub slows: f64,
    /// Whether there is none meanwhile (`no-appendfsync-on-rewrite yes`).
    pub no_fsync: bool,
}

/// What is written, and when it is forced onto the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PersistenceMode {
    /// Nothing: a process that restarts is empty.
    None,
    /// An append-only file, forced before the acknowledgement.
    AofAlways,
    /// An append-only file, forced once a second.
    AofEverySecond,
    /// An append-only file that the kernel writes back when it sees fit.
    AofNoFsync,
    /// A copy of the whole state from time to time.
    Snapshot,
}

/// Which copies of a shard have a disk. A shard without replicas persists on its primary, whatever this says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PersistsOn {
    /// The replicas (Redis Software docs, database persistence: the default, `master_persistence` is off).
    Replica,
    /// The primary.
    Primary,
    /// Both.
    Both,
}

/// A snapshot is taken if so much has changed and so much time has passed (Redis docs, `save`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaveRule {
    /// Whole seconds since the last snapshot ended, which must be exceeded.
    pub seconds: u64,
    /// Least number of changes since the last snapshot began.
    pub changes: u64,
}

impl PersistenceMode {
    /// Whether effects are appended to a file.
    pub const fn is_append_only(self) -> bool {
        matches!(
            self,
            Self::AofAlways | Self::AofEverySecond | Self::AofNoFsync
        )
    }
}

impl PersistsOn {
    /// Whether a copy in this role has a disk. A primary without replicas always has one.
    pub const fn includes(self, is_primary: bool, has_replicas: bool) -> bool {
        match self {
            Self::Both => true,
            Self::Primary => is_primary,
            Self::Replica => !is_primary || !has_replicas,
        }
    }
}

/// How long a process of so many bytes stands still while it forks.
pub(super) fn fork_time(per_gib: SimDuration, bytes: u64) -> SimDuration {
    let nanoseconds = u128::from(per_gib.as_nanos()) * u128::from(bytes) / (1 << 30);
    SimDuration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// The time that something of so many bytes takes at so many bytes a second.
pub fn time_at_rate(bytes: u64, rate: u64) -> SimDuration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    SimDuration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_persists_at_all_has_a_disk_somewhere() {
        for on in [PersistsOn::Replica, PersistsOn::Primary, PersistsOn::Both] {
            assert!(on.includes(true, false), "{on:?}, alone");
            assert!(
                on.includes(true, true) || on.includes(false, true),
                "{on:?}"
            );
        }
        assert!(!PersistsOn::Replica.includes(true, true));
        assert!(!PersistsOn::Primary.includes(false, true));
    }

    #[test]
    fn rates_do_not_overflow() {
        assert_eq!(time_at_rate(500, 1_000), SimDuration::from_millis(500));
        assert_eq!(time_at_rate(u64::MAX, 0), SimDuration::FOREVER);
    }
}
