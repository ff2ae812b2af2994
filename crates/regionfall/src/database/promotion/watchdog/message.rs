//! What a node's watchdog sees, says and does, as values.

use crate::topology::{LocalTime, NodeId};

/// What a watchdog sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchdogSight {
    /// Its timer is due; how the node's own processes are.
    Woken(Vec<OwnProcess>),
    /// Another node's watchdog sent something.
    Received {
        /// Which node.
        from: NodeId,
        /// What.
        message: WatchdogMessage,
    },
}

/// A process of the watchdog's own node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnProcess {
    /// The shard it holds.
    pub shard: u16,
    /// Whether it answers.
    pub answers: bool,
    /// How much of the shard's stream it has.
    pub offset: u64,
}

/// What a watchdog does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchdogAction {
    /// Wake it at a moment of its own clock.
    Wake {
        /// When.
        at: LocalTime,
    },
    /// Send to another node's watchdog. Nothing is repeated: the next heartbeat says the same.
    Send {
        /// To which node.
        to: NodeId,
        /// What.
        message: WatchdogMessage,
    },
    /// The node's process of this shard is primary from now on.
    BecomePrimary {
        /// Of which shard.
        shard: u16,
        /// The epoch of the decision.
        epoch: u32,
    },
    /// The node's process of this shard copies another node's from now on.
    BecomeReplica {
        /// Of which shard.
        shard: u16,
        /// Whose.
        of: NodeId,
        /// The epoch of the decision.
        epoch: u32,
    },
    /// A new copy of a shard is to be made on another node.
    AddReplica {
        /// Of which shard.
        shard: u16,
        /// Where.
        node: NodeId,
    },
    /// Tell what it found: nobody acts on it.
    Note(WatchdogNote),
}

/// What a watchdog found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchdogNote {
    /// It holds a node, or its process of a shard, for failed, and looks for another primary of a shard.
    Failing {
        /// Of which shard.
        shard: u16,
        /// The node that was primary.
        node: NodeId,
    },
    /// A majority agreed on the primary that it proposed.
    Decided {
        /// Of which shard.
        shard: u16,
        /// The new primary.
        node: NodeId,
        /// The epoch of the decision.
        epoch: u32,
    },
    /// Whether it hears a majority of the nodes; without one it serves nothing.
    Quorum(bool),
}

/// A message between watchdogs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchdogMessage {
    /// The sender is there; how its processes are, what it knows to be decided, and whom it hears.
    Heartbeat {
        /// When it left, by the sender's clock.
        sent: LocalTime,
        /// For each node, when the newest heartbeat left on the strength of which it may serve as far as the sender is
        /// concerned, by that node's clock.
        confirmed: Vec<(NodeId, LocalTime)>,
        /// Its processes.
        processes: Vec<OwnProcess>,
        /// For each shard, primary and epoch.
        decided: Vec<(NodeId, u32)>,
    },
    /// The sender wants a new primary.
    Propose {
        /// Of which shard.
        shard: u16,
        /// In which epoch.
        epoch: u32,
        /// Whom.
        node: NodeId,
        /// Whether the shard is handed over by a primary that has not failed.
        is_planned: bool,
    },
    /// The sender agrees.
    Accept {
        /// To the proposal for this shard.
        shard: u16,
        /// In this epoch.
        epoch: u32,
    },
}
