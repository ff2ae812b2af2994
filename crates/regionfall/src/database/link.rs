//! A link: the directed stream of effects of one shard from one member to another.
//!
//! The target's syncer opens a connection to the source, says what it has (its clock), gets what it lacks,
//! and then every new effect of the source in order. While a link is up it carries the source's own effects
//! only: members form a full mesh. What a source learnt while a link was down reaches the target with the
//! next greeting; what it learns from such a greeting itself it passes on.

use regionfall_crdt::{Clock, Dot, Replica};
use regionfall_kernel::{LaneId, SimTime, TimerId};

use crate::network::ConnectionId;
use crate::topology::NodeId;

/// A directed link of one shard.
#[derive(Clone, Debug)]
pub struct Link {
    /// Between whom.
    pub scope: Scope,
    /// The node that it reads from.
    pub source: NodeId,
    /// The node whose process it feeds.
    pub target: NodeId,
    /// Of which shard.
    pub shard: u16,
    /// How far it is.
    pub state: LinkState,
    /// What the target has, or will have by what was sent on this connection, of origins other than the
    /// source's own.
    pub sent: Clock,
    /// The same of the source's own origin: the last sequence sent.
    pub sent_own: u64,
    /// The target's clock in its last greeting.
    pub greeted_with: Clock,
    /// When the target last asked others for what it may have missed over this link.
    pub asked_others_at: SimTime,
    /// Effects on their way out of the source: processed one by one, in order.
    pub departures: LaneId,
    /// Effects that were due while the source's process hung.
    pub held: Vec<Dot>,
    /// What came due for the target's syncer while its process hung.
    pub missed: Missed,
    /// A full state on its way, with the clock it was taken at.
    pub full_state: Option<Box<Replica>>,
    /// Whether that state replaces what the target has, which its new primary never had.
    pub replaces: bool,
    /// Since a fault keeps it from carrying effects; [`SimTime::NEVER`] if none does.
    pub disrupted_since: SimTime,
    /// What the source had when the link came back; the target catches up with it.
    pub catch_up: Option<Clock>,
    /// What the target had and lost with its disks: it gets that back as a state, not from a backlog.
    pub had: Clock,
    /// When its target knew that nothing comes any more; [`SimTime::NEVER`] while the stream flows, and before it
    /// first did.
    pub lost_at: SimTime,
    /// The syncer's next try to connect; [`TimerId::NONE`] if none is due.
    pub retry: TimerId,
    /// Greetings sent, for addressing draws.
    pub greetings: u32,
    /// Full synchronizations so far.
    pub full_syncs: u64,
    /// Full synchronizations that were asked for where they take time, those included that never had their turn.
    pub syncs_begun: u32,
    /// Whether the next greeting follows a whole state: what arose meanwhile is all that it needs.
    pub follows_state: bool,
    /// The full synchronization that it is in, where such a thing takes time.
    pub full_sync: Option<Box<FullSync>>,
    /// Connections that were served from the backlog.
    pub partial_syncs: u64,
    /// Connections that asked for more than the backlog covered.
    pub partial_failures: u64,
    /// How many faults keep its syncer stopped, until an operator acts.
    pub stopped_by: u16,
    /// The node at whose address the target finds the source: a proxy, or the source itself.
    pub carrier: NodeId,
    /// Whether the target has caught up with the source since its process started.
    pub since_start: Progress,
}

/// Whether a target has caught up with its source since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Not yet.
    Awaited,
    /// It tried to reach the source, in vain.
    OutOfReach,
    /// It had at some time what the source had when the link opened.
    InSync,
}

/// A full synchronization: a snapshot is made at the source, sent in parts, and loaded at the target.
#[derive(Clone, Debug)]
pub struct FullSync {
    /// Which one of the link: what belongs to an earlier one means nothing.
    pub number: u32,
    /// How far it is.
    pub stage: Stage,
    /// The state, as it was when the snapshot began.
    pub state: Replica,
    /// Bytes of the snapshot.
    pub bytes: u64,
    /// Bytes that were sent.
    pub sent: u64,
}

/// How far a full synchronization is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Others are before it.
    Waiting,
    /// The source writes the snapshot.
    Snapshot,
    /// Parts are under way.
    Transfer,
    /// The target takes it in.
    Load,
}

/// Between whom a link carries effects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// From a member to another: what the source's member wrote, read from its feeder and written to the other's
    /// primary.
    Members,
    /// From a primary to a replica of the same member: everything that the primary applies.
    Replicas,
}

/// What came due for a syncer while its process hung: it does nothing of it until it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Missed {
    /// Its connection broke: only its kernel knows.
    pub broken: Option<ConnectionId>,
    /// It was to connect.
    pub retry: bool,
    /// It was to look whether it had heard nothing for too long.
    pub silence: bool,
    /// It was to report to its source.
    pub heartbeat: bool,
}

/// How far a link is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// No connection; the target will try at some time.
    Down,
    /// The target's syncer opens a connection.
    Opening(ConnectionId),
    /// The connection is open, the greeting under way.
    Greeting(ConnectionId),
    /// A whole state is on its way, or waits for its turn; effects wait until the target has it.
    Syncing(ConnectionId),
    /// Effects stream.
    Streaming(ConnectionId),
    /// The source died and knows nothing of the connection; the target has not noticed yet.
    Orphaned(ConnectionId),
}

impl Link {
    /// The connection, if there is one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self.state {
            LinkState::Down => None,
            LinkState::Opening(id)
            | LinkState::Greeting(id)
            | LinkState::Syncing(id)
            | LinkState::Streaming(id)
            | LinkState::Orphaned(id) => Some(id),
        }
    }
}
