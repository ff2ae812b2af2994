//! What a Sentinel sees, says and does, as values.

use regionfall_kernel::SimDuration;

use crate::topology::{LocalTime, NodeId, SentinelId};

/// Someone whom a Sentinel keeps a link to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Watched {
    /// A process of the database.
    Node(NodeId),
    /// Another Sentinel.
    Sentinel(SentinelId),
}

/// What a Sentinel sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SentinelSight {
    /// Its timer is due.
    Woken,
    /// A link of its own was refused, or broke.
    LinkBroken {
        /// To whom.
        to: Watched,
    },
    /// A request of its own was answered.
    Answered {
        /// By whom.
        by: Watched,
        /// How.
        answer: SentinelAnswer,
    },
    /// Another Sentinel asks.
    Asked {
        /// Who.
        by: SentinelId,
        /// What.
        request: SentinelRequest,
    },
    /// A process of the database passed a Sentinel's greeting on to everybody who listens.
    Heard(Hello),
}

/// What a Sentinel does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SentinelAction {
    /// Wake it at a moment of its own clock.
    Wake {
        /// When.
        at: LocalTime,
    },
    /// Open a link. What it sends before the link is open leaves when it is.
    Connect {
        /// To whom.
        to: Watched,
    },
    /// Close a link.
    Disconnect {
        /// To whom.
        to: Watched,
    },
    /// Send a request over a link. Exactly one answer follows, or the link breaks.
    Send {
        /// To whom.
        to: Watched,
        /// What.
        request: SentinelRequest,
    },
    /// Answer another Sentinel.
    Answer {
        /// Whom.
        to: SentinelId,
        /// What.
        answer: SentinelAnswer,
    },
    /// Tell what it found or did: nobody acts on it.
    Note(Observation),
}

/// A request of a Sentinel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SentinelRequest {
    /// Whether the process answers.
    Ping,
    /// Its role, whom it copies and how far it is.
    Info,
    /// Pass this on to everybody who listens.
    Publish(Hello),
    /// Of another Sentinel: whether it holds the primary for down, and, if a candidate is named, its vote.
    IsPrimaryDown {
        /// Who is meant.
        primary: NodeId,
        /// The asker's epoch.
        epoch: u32,
        /// Who stands for election; nobody if only the state is asked for.
        candidate: Option<SentinelId>,
    },
    /// Copy this process from now on, or be a primary; and drop all clients, so that they ask anew.
    ReplicaOf(Option<NodeId>),
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SentinelAnswer {
    /// To a ping. An error other than "loading" and "my primary is down" does not count as available.
    Pong {
        /// Whether it counts.
        is_available: bool,
    },
    /// What a process says of itself.
    Info(NodeInfo),
    /// Another Sentinel's opinion.
    Opinion {
        /// Whether it holds the primary for down.
        is_down: bool,
        /// Whom it last voted for, and in which epoch.
        vote: Option<(SentinelId, u32)>,
    },
    /// Any other answer: nobody looks at it.
    Done,
}

/// A Sentinel's greeting: who is primary, by which configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Whose.
    pub from: SentinelId,
    /// Its current epoch.
    pub epoch: u32,
    /// Whom it holds for primary.
    pub primary: NodeId,
    /// The epoch of the election that made it so.
    pub configuration: u32,
}

/// The role of a process of the database, as it sees itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NodeRole {
    /// It takes writes.
    Primary,
    /// It copies another.
    Replica {
        /// Whom.
        of: NodeId,
    },
}

/// What a process of the database says of itself (`INFO`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeInfo {
    /// Its role.
    pub role: NodeRole,
    /// Whether its link to its primary is up; false for a primary.
    pub link_is_up: bool,
    /// For how long that link has been down, in whole seconds of its clock; zero if it is up.
    pub link_down_for: SimDuration,
    /// How much of its primary's stream it has applied.
    pub offset: u64,
    /// `replica-priority`: the lowest is promoted first, 0 never.
    pub priority: u8,
    /// A random number of the process: breaks ties.
    pub run: u64,
}

/// What a Sentinel found or did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Observation {
    /// It holds a process of the database for down.
    SubjectivelyDown(NodeId),
    /// No more.
    SubjectivelyUp(NodeId),
    /// Enough Sentinels hold the primary for down.
    ObjectivelyDown(NodeId),
    /// No more.
    ObjectivelyUp(NodeId),
    /// It stands for election.
    Stands {
        /// In this epoch.
        epoch: u32,
    },
    /// It voted.
    Voted {
        /// For whom.
        candidate: SentinelId,
        /// In which epoch.
        epoch: u32,
    },
    /// It was elected.
    Elected {
        /// In which epoch.
        epoch: u32,
    },
    /// It was not elected in time.
    NotElected {
        /// In which epoch.
        epoch: u32,
    },
    /// There is no replica that may be promoted.
    NoGoodReplica,
    /// It tells a replica to be primary.
    Promotes {
        /// Whom.
        node: NodeId,
        /// The epoch of its election.
        epoch: u32,
    },
    /// The promotion did not happen in time.
    PromotionTimedOut(NodeId),
    /// It announces another primary from now on, to clients and Sentinels.
    Switched {
        /// Who it was.
        from: NodeId,
        /// Who it is.
        to: NodeId,
        /// The epoch of the election that made it so.
        epoch: u32,
    },
    /// It tells a process to copy the primary: one that claimed the wrong role, or copied somebody else.
    Corrects(NodeId),
    /// Its timer was late by more than two seconds, or its clock jumped: it only listens for a while.
    Tilted,
}
