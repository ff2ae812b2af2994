//! A member: one region's copy of the database, shard by shard.

use regionfall_crdt::{KeyId, OriginId, Replica};

use crate::topology::{FaultId, HostId, MemberId};

/// One region's copy.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its identity.
    pub id: MemberId,
    /// Where it runs.
    pub host: HostId,
    /// Its shards; every key belongs to one.
    pub shards: Vec<Shard>,
    /// Faults that keep it from running.
    pub stopped_by: Vec<FaultId>,
    /// Whether it executes commands and applies effects.
    pub is_running: bool,
}

/// One shard of a member: a replica, and the origin it writes as.
#[derive(Clone, Debug)]
pub struct Shard {
    /// The data.
    pub replica: Replica,
    /// The origin of what it writes now. A restarted shard writes as a new one.
    pub origin: OriginId,
}

/// The shard that a key belongs to, of so many.
pub fn shard_of(key: KeyId, shards: u16) -> u16 {
    if shards == 1 {
        0
    } else {
        (key.0 % u32::from(shards)) as u16
    }
}
