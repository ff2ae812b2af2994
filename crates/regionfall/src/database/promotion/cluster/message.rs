//! What a process of a Redis Cluster sees, says and does, as values.

use regionfall_kernel::SimDuration;

use crate::topology::{LocalTime, NodeId};

/// A process of a cluster: one copy of one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProcessId {
    /// The machine it runs on.
    pub node: NodeId,
    /// The shard it holds.
    pub shard: u16,
}

/// What a process sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClusterSight {
    /// Its timer is due.
    Woken(OwnState),
    /// A link of its own was refused, or broke.
    LinkBroken {
        /// To whom.
        to: ProcessId,
    },
    /// A message arrived, over a link of its own or of the sender's.
    Received(BusMessage),
}

/// What a process knows of its own copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OwnState {
    /// How much of its primary's stream it has applied.
    pub offset: u64,
    /// For how long it has had no link to its primary, in whole seconds of its clock.
    pub disconnected_for: SimDuration,
}

/// What a process does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClusterAction {
    /// Wake it at a moment of its own clock.
    Wake {
        /// When.
        at: LocalTime,
    },
    /// Open a link. What it sends before the link is open leaves when it is.
    Connect {
        /// To whom.
        to: ProcessId,
    },
    /// Close a link.
    Disconnect {
        /// To whom.
        to: ProcessId,
    },
    /// Send over its own link.
    Send {
        /// To whom.
        to: ProcessId,
        /// What.
        message: BusMessage,
    },
    /// Answer over the link that a message came by.
    Answer {
        /// Whom.
        to: ProcessId,
        /// What.
        message: BusMessage,
    },
    /// Be primary of its shard from now on.
    BecomePrimary {
        /// The epoch of the election.
        epoch: u32,
    },
    /// Copy another process from now on; if it was primary, that is over.
    BecomeReplica {
        /// Whom.
        of: ProcessId,
    },
    /// Tell what it found: nobody acts on it.
    Note(ClusterNote),
}

/// What a process found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClusterNote {
    /// It holds another for possibly failing.
    Suspects(ProcessId),
    /// A majority of primaries holds another for failing.
    Failed(ProcessId),
    /// It hears that one again.
    Recovered(ProcessId),
    /// It asks for votes.
    Stands {
        /// In this epoch.
        epoch: u32,
    },
    /// It voted.
    Voted {
        /// For whom.
        candidate: ProcessId,
        /// In which epoch.
        epoch: u32,
    },
    /// A majority of primaries voted for it.
    Elected {
        /// In this epoch.
        epoch: u32,
    },
    /// Whether it serves clients: all shards are covered, and it hears a majority of the primaries.
    Serves(bool),
}

/// A message of the cluster bus. Each begins with what its sender is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusMessage {
    /// Who sends.
    pub from: ProcessId,
    /// The newest epoch it has heard of.
    pub epoch: u32,
    /// The epoch of the election that made it, or its primary, primary.
    pub configuration: u32,
    /// Whom it copies; nobody if it is a primary.
    pub replica_of: Option<ProcessId>,
    /// How much of its primary's stream it has applied.
    pub offset: u64,
    /// What it is about.
    pub body: BusBody,
}

/// What a message of the cluster bus is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BusBody {
    /// Whether the other is there, with what the sender thinks of everybody else.
    Ping(Vec<(ProcessId, Health)>),
    /// The answer, with the same; also sent unasked, to all, by a new primary.
    Pong(Vec<(ProcessId, Health)>),
    /// A majority of primaries holds this one for failing.
    Fail(ProcessId),
    /// A replica of a failing primary asks for a vote.
    VoteRequest,
    /// A primary's vote, in the epoch of its header.
    Vote,
    /// The sender is out of date about its shard: who serves it, by which configuration.
    Update {
        /// Who serves it.
        primary: ProcessId,
        /// The epoch of its election.
        configuration: u32,
    },
}

/// What a process thinks of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Health {
    /// It answers.
    Fine,
    /// It has not answered for the node timeout.
    Suspected,
    /// A majority of primaries suspects it.
    Failed,
}
