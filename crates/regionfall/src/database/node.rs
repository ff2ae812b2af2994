//! A node: a machine of a member's cluster, with one process for each shard that it holds.

use regionfall_crdt::{Clock, OriginId, Replica};

use crate::topology::{FaultId, HostId, MemberId, NodeId};

/// A machine of a member's cluster.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its identity.
    pub id: NodeId,
    /// The member whose data it holds.
    pub member: MemberId,
    /// The machine.
    pub host: HostId,
    /// Its processes, by shard.
    pub shards: Vec<Shard>,
    /// Faults that keep it from running.
    pub stopped_by: Vec<FaultId>,
    /// Whether its processes execute commands and apply effects.
    pub is_running: bool,
    /// Whether it holds copies.
    pub standing: Standing,
}

/// Whether a node holds copies, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// From the start.
    Original,
    /// It holds none, and nobody expects any of it.
    Spare,
    /// It was given some later.
    Joined,
}

/// One process: a copy of one shard of a member.
#[derive(Clone, Debug)]
pub struct Shard {
    /// The data.
    pub replica: Replica,
    /// The origin of what it writes now. A restarted or newly promoted primary writes as a new one.
    pub origin: OriginId,
    /// What the process believes that it is; others may know better.
    pub role: Role,
    /// Of a replica: the node whose process it follows.
    pub follows: NodeId,
    /// Effects up to here it cannot send one by one: they are older than its backlog, which is in memory only.
    pub floor: Clock,
    /// Whether it refuses writes because it has not caught up since its start.
    pub is_stale: bool,
}

/// What a process believes that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary of the same member and refuses writes.
    Replica,
}

impl Shard {
    /// Whether it takes writes.
    pub fn is_primary(&self) -> bool {
        self.role == Role::Primary
    }
}
