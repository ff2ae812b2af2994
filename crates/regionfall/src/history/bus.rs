//! What the processes of a Redis Cluster find out, vote and decide, as facts.

use crate::topology::{MemberId, NodeId};

/// A fact about a process of a Redis Cluster: one copy of one shard, named by its node and its shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusFact {
    /// It has had no answer from another for the node timeout (PFAIL).
    Suspected {
        /// Who suspects.
        by: (NodeId, u16),
        /// Whom.
        node: NodeId,
        /// The shard of that process.
        shard: u16,
    },
    /// It knows that a majority of the primaries suspects another (FAIL).
    Failed {
        /// Who knows.
        by: (NodeId, u16),
        /// Who is failing.
        node: NodeId,
        /// The shard of that process.
        shard: u16,
    },
    /// It holds another for failing no longer.
    Recovered {
        /// Who.
        by: (NodeId, u16),
        /// Who answers again.
        node: NodeId,
        /// The shard of that process.
        shard: u16,
    },
    /// It asks all primaries for their votes.
    Stood {
        /// Whose shard.
        member: MemberId,
        /// Who.
        node: NodeId,
        /// Its shard.
        shard: u16,
        /// The epoch of the election.
        epoch: u32,
    },
    /// It voted for another.
    Voted {
        /// Whose vote.
        by: (NodeId, u16),
        /// For whom.
        node: NodeId,
        /// The shard of that process.
        shard: u16,
        /// The epoch of the election.
        epoch: u32,
    },
    /// It was elected primary of its shard.
    Elected {
        /// Whose shard.
        member: MemberId,
        /// Who.
        node: NodeId,
        /// Its shard.
        shard: u16,
        /// The epoch of the election.
        epoch: u32,
    },
    /// It serves clients from now on, or answers that the cluster is down.
    Serves {
        /// Who.
        node: NodeId,
        /// Its shard.
        shard: u16,
        /// Whether it serves.
        serves: bool,
    },
    /// Its state, as a digest: it enters the trace.
    State {
        /// Whose.
        node: NodeId,
        /// Its shard.
        shard: u16,
        /// Of its state.
        digest: u64,
    },
}

impl BusFact {
    /// Who found, decided or did it.
    pub fn process(&self) -> (NodeId, u16) {
        match *self {
            Self::Suspected { by, .. }
            | Self::Failed { by, .. }
            | Self::Recovered { by, .. }
            | Self::Voted { by, .. } => by,
            Self::Stood { node, shard, .. }
            | Self::Elected { node, shard, .. }
            | Self::Serves { node, shard, .. }
            | Self::State { node, shard, .. } => (node, shard),
        }
    }

    /// The fact as a small code and two words, for the trace.
    pub(super) fn words(&self) -> (u64, u64, u64) {
        let pair = |node: NodeId, shard: u16| u64::from(node.0) | u64::from(shard) << 8;
        let (by_node, by_shard) = self.process();
        let by = pair(by_node, by_shard);
        match *self {
            Self::Suspected { node, shard, .. } => (0, by, pair(node, shard)),
            Self::Failed { node, shard, .. } => (1, by, pair(node, shard)),
            Self::Recovered { node, shard, .. } => (2, by, pair(node, shard)),
            Self::Stood { epoch, .. } => (3, by, u64::from(epoch)),
            Self::Voted {
                node, shard, epoch, ..
            } => (4, by, pair(node, shard) | u64::from(epoch) << 24),
            Self::Elected { epoch, .. } => (5, by, u64::from(epoch)),
            Self::Serves { serves, .. } => (6, by, u64::from(serves)),
            Self::State { digest, .. } => (7, by, digest),
        }
    }
}
