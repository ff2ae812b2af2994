//! A member: one region's instance of the database, on the nodes of its cluster.

use regionfall_crdt::{KeyId, OriginId};

use crate::topology::{MemberId, NodeId};

/// One region's instance.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its identity.
    pub id: MemberId,
    /// Its nodes: the range of their numbers.
    pub nodes: std::ops::Range<u8>,
    /// By shard: the node whose process is the primary, as whoever decides that last said.
    pub primaries: Vec<NodeId>,
    /// By shard: how many primaries there were, the first included.
    pub epochs: Vec<u32>,
    /// The node at whose address clients find it.
    pub entrance: NodeId,
    /// Whether it refuses writes because another member takes them.
    pub is_passive: bool,
    /// Whether it was taken out for good: nothing goes to it or comes from it.
    pub is_unlinked: bool,
    /// Whether its syncers have reached every source since they started.
    pub has_reached_all: bool,
    /// Effects of other members that it did not get from their writers, and that others may lack therefore: its
    /// feeder passes them on once it has them.
    pub relays: Vec<Relay>,
}

/// A range of effects to pass on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relay {
    /// Of which shard.
    pub shard: u16,
    /// Whose.
    pub origin: OriginId,
    /// From here.
    pub first: u64,
    /// To here.
    pub last: u64,
}

impl Member {
    /// Its nodes, in order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        self.nodes.clone().map(NodeId)
    }

    /// Whether it has more than one node.
    pub fn is_cluster(&self) -> bool {
        self.nodes.len() > 1
    }
}

/// The shard that a key belongs to, of so many.
pub fn shard_of(key: KeyId, shards: u16) -> u16 {
    if shards == 1 {
        0
    } else {
        (key.0 % u32::from(shards)) as u16
    }
}
