//! The facts that a run emits, and the listeners that hear them.
//!
//! The model says what happened; the ledger, the checks, the metrics and the trace only listen. A fact
//! is a small `Copy` value, and replication facts carry ranges of dots, so that a full
//! synchronization is a handful of facts. Nothing that listens can change the run.

use regionfall_crdt::{CommandKind, Dot, Effect, KeyId, OriginId};
use regionfall_kernel::SimTime;

use super::BusFact;
use crate::topology::{
    DeciderId, FaultId, FleetId, KeyspaceId, MemberId, NodeId, OperationId, RelayId, SentinelId,
    ServerId,
};

/// A listener: hears every fact of a run in order, and can change nothing.
///
/// The books are dispatched statically; `()` hears nothing and costs nothing. Who listens besides, to tell a story or to take
/// times, is a guest (`&mut dyn Listener`), so that the world is compiled once and not for each of them.
pub trait Listener {
    /// Hears that `fact` happened at `at`. Times never decrease.
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>);

    /// Hears that an event of a kind is about to happen, for listeners that trace the run itself.
    #[inline]
    fn event(&mut self, _at: SimTime, _kind: u8) {}
}

impl Listener for () {
    fn observe(&mut self, _at: SimTime, _fact: &Fact<'_>) {}
}

impl<A: Listener, B: Listener> Listener for (A, B) {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.0.observe(at, fact);
        self.1.observe(at, fact);
    }

    #[inline]
    fn event(&mut self, at: SimTime, kind: u8) {
        self.0.event(at, kind);
        self.1.event(at, kind);
    }
}

impl<L: Listener + ?Sized> Listener for &mut L {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        // A copy: what is handed out of sight has to be in memory, and the others' facts stay in registers.
        let fact = *fact;
        (**self).observe(at, &fact);
    }

    #[inline]
    fn event(&mut self, at: SimTime, kind: u8) {
        (**self).event(at, kind);
    }
}

impl<L: Listener> Listener for Option<L> {
    #[expect(
        clippy::inline_always,
        reason = "the look whether there is one is all that most runs pay"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Some(listener) = self {
            listener.observe(at, fact);
        }
    }

    #[inline]
    fn event(&mut self, at: SimTime, kind: u8) {
        if let Some(listener) = self {
            listener.event(at, kind);
        }
    }
}

/// The part of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// No faults; not measured.
    WarmUp,
    /// Faults from the plan.
    Storm,
    /// Every fault that ends is healed; no new ones.
    Calm,
    /// The workload stopped; replication drains; convergence is judged here.
    Quiescence,
}

/// How an operation ended for the application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ending {
    /// The application got a success.
    Acknowledged,
    /// The application got an error that proves no effect: nothing was ever sent, or the server
    /// refused to execute.
    Failed,
    /// Anything else: a timeout, a lost connection after sending.
    Unknown,
}

/// How one attempt of an operation ended, as the client saw it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AttemptEnding {
    /// A reply that is a success.
    Reply,
    /// A reply that is an error of the server (out of memory, wrong type, loading).
    ErrorReply,
    /// The connection could not be opened: refused.
    Refused,
    /// The connection could not be opened in time.
    ConnectTimeout,
    /// No reply within the command timeout.
    Timeout,
    /// The connection broke while the reply was awaited.
    ConnectionLost,
    /// The client refused to try, since it held the target for down.
    TargetDown,
    /// No connection of the pool became free in time.
    PoolExhausted,
    /// The process named another that serves the slot (MOVED); the next attempt goes there at once.
    Redirected,
}

/// What ended a copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CopyEnd {
    /// A fault destroyed it.
    Fault(FaultId),
    /// The member was removed by force: nobody will ever get it from there.
    Removed(FaultId),
    /// The state of a new primary replaced it: what a former primary had and had not passed on is discarded.
    Replaced,
    /// It is still there, on a node that is no primary any more and that its new primary has not reached.
    Abandoned,
}

impl core::fmt::Display for CopyEnd {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Removed(fault) => write!(f, "the removal by {fault}"),
            Self::Replaced => f.write_str("the state of a new primary"),
            Self::Abandoned => f.write_str("a promotion of another node"),
        }
    }
}

/// A key that went from one shard to another with its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MovedKey {
    /// The key.
    pub key: KeyId,
    /// The shard that had it.
    pub from: u16,
    /// The shard that has it.
    pub to: u16,
    /// The last effect of its writing there: whoever lacks this lacks all that the key held.
    pub copied: Dot,
    /// The effect of its removal here: whoever lacks this still has it.
    pub removed: Dot,
}

/// One thing that happened in a run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fact<'a> {
    /// A phase began.
    PhaseBegan {
        /// Which.
        phase: Phase,
    },

    /// An application asked for something. Operations are numbered 0, 1, 2, … in this order.
    OperationIssued {
        /// The operation.
        operation: OperationId,
        /// The app server that asked.
        server: ServerId,
        /// The keyspace it belongs to.
        keyspace: KeyspaceId,
        /// The key, unique over all keyspaces.
        key: KeyId,
        /// The command.
        command: CommandKind,
    },
    /// An attempt left for a member over an open connection.
    AttemptSent {
        /// The operation.
        operation: OperationId,
        /// 0 for the first attempt.
        attempt: u8,
        /// Where to.
        member: MemberId,
    },
    /// A node executed a write; `effect` is what it will send to its peers.
    /// Writes without effect (SREM of an unseen element) come with `effect: None`.
    WriteExecuted {
        /// The operation.
        operation: OperationId,
        /// The attempt whose request was executed.
        attempt: u8,
        /// Where.
        node: NodeId,
        /// The effect. Its dot is the next of its origin; it is at once visible at `node`.
        effect: Option<&'a Effect>,
    },
    /// The other members dropped a member: they take nothing from it any more.
    MemberRemoved {
        /// Which.
        member: MemberId,
        /// The action that did it.
        fault: FaultId,
    },
    /// A removed member is one again, as a new one: empty, and under new origins.
    MemberRejoined {
        /// Which.
        member: MemberId,
    },
    /// A node evicted a key for want of memory: it made an effect that no application asked for.
    Evicted {
        /// Where.
        node: NodeId,
        /// The effect. Its dot is the next of its origin.
        effect: &'a Effect,
    },
    /// A further effect of the write that was executed just before, at the same node and with the next dot: a transaction,
    /// or a command that first removes what had expired.
    WriteContinued {
        /// The operation.
        operation: OperationId,
        /// The attempt whose request was executed.
        attempt: u8,
        /// Where.
        node: NodeId,
        /// The effect.
        effect: &'a Effect,
    },
    /// A node made an effect that no application asked for: a key or field expired.
    Expired {
        /// Where.
        node: NodeId,
        /// The keyspace of the key.
        keyspace: KeyspaceId,
        /// The effect.
        effect: &'a Effect,
    },
    /// A node made an effect that no application asked for: a key came to it with its slot, or left it.
    Migrated {
        /// Where.
        node: NodeId,
        /// The keyspace of the key.
        keyspace: KeyspaceId,
        /// The effect.
        effect: &'a Effect,
    },
    /// A key is with another shard of its member from now on. [`Fact::Migrated`] came before, for each of its effects.
    KeyMoved(MovedKey),
    /// A node executed a read.
    ReadExecuted {
        /// The operation.
        operation: OperationId,
        /// The attempt.
        attempt: u8,
        /// Where.
        node: NodeId,
        /// The key that was read.
        key: KeyId,
    },
    /// The client knows how an attempt ended.
    AttemptEnded {
        /// The operation.
        operation: OperationId,
        /// The attempt.
        attempt: u8,
        /// The member it was meant for.
        member: MemberId,
        /// How.
        ending: AttemptEnding,
    },
    /// The application has its answer. Exactly one per operation, unless the run or the app server
    /// ends before it.
    OperationEnded {
        /// The operation.
        operation: OperationId,
        /// How.
        ending: Ending,
        /// The member whose reply decided, if one did.
        member: Option<MemberId>,
    },

    /// A node applied effects `first..=last` of `origin` (all visible there from now on).
    EffectsApplied {
        /// Where.
        node: NodeId,
        /// Whose.
        origin: OriginId,
        /// First sequence of the range.
        first: u64,
        /// Last sequence of the range.
        last: u64,
    },
    /// A node stopped executing, and applies nothing until it restarts.
    NodeStopped {
        /// Which.
        node: NodeId,
        /// The fault that stopped it.
        fault: FaultId,
    },
    /// Every copy that `node` held of effects of `origin` after `kept` ended: memory and disk.
    /// Emitted when the copies end (a disk lost at the moment of the outage), before
    /// [`Fact::NodeRestarted`].
    CopiesEnded {
        /// Which.
        node: NodeId,
        /// Whose effects.
        origin: OriginId,
        /// The last sequence that survived there; 0 if none did.
        kept: u64,
        /// What ended them.
        cause: CopyEnd,
    },
    /// A node runs again, with what [`Fact::CopiesEnded`] left it.
    NodeRestarted {
        /// Which.
        node: NodeId,
    },
    /// From now on `node` is the primary of a shard of its member and writes as `origin`: at the start, when it is
    /// promoted, and after each restart (a restarted primary never reuses a dot).
    OriginBegan {
        /// Which.
        node: NodeId,
        /// The shard of which it now is the primary.
        shard: u16,
        /// The new origin.
        origin: OriginId,
    },
    /// Whoever decides it made a node the primary of a shard: the `epoch`-th of that shard, the first at the start
    /// counted as 1. [`Fact::OriginBegan`] follows.
    Promoted {
        /// Whose shard.
        member: MemberId,
        /// Which shard.
        shard: u16,
        /// The node.
        node: NodeId,
        /// Its number.
        epoch: u32,
    },
    /// The reply to a write that waited for replicas (WAIT) leaves its primary.
    WaitEnded {
        /// The operation.
        operation: OperationId,
        /// The attempt.
        attempt: u8,
        /// The primary.
        node: NodeId,
        /// Whether as many replicas as asked for have the write; otherwise time was over.
        confirmed: bool,
    },
    /// A Sentinel holds the primary of a shard for down.
    SubjectivelyDown {
        /// Which Sentinel of the member.
        sentinel: SentinelId,
        /// Which shard.
        shard: u16,
        /// The primary that it knows.
        node: NodeId,
    },
    /// A Sentinel knows that enough of them hold the primary of a shard for down.
    ObjectivelyDown {
        /// Which Sentinel of the member.
        sentinel: SentinelId,
        /// Which shard.
        shard: u16,
        /// The primary that it knows.
        node: NodeId,
    },
    /// Somebody set out to replace the primary of a shard: stands for election, or proposes another.
    PromotionBegan {
        /// Whose shard.
        member: MemberId,
        /// Which shard.
        shard: u16,
        /// The primary to be replaced.
        node: NodeId,
    },
    /// A Sentinel names another primary from now on.
    PrimaryAnnounced {
        /// Which Sentinel of the member.
        sentinel: SentinelId,
        /// Whose shard.
        member: MemberId,
        /// Which shard.
        shard: u16,
        /// The new primary.
        node: NodeId,
        /// The epoch of the election that made it so.
        epoch: u32,
    },
    /// The state of somebody who decides on promotion, as a digest: it enters the trace.
    SentinelState {
        /// Whose: a Sentinel, or a node's process or watchdog.
        sentinel: SentinelId,
        /// Of its state.
        digest: u64,
    },
    /// Something about a process of a Redis Cluster.
    Bus(BusFact),
    /// A stale shard serves reads and refuses writes until it has caught up with its peers.
    Staleness {
        /// Where.
        node: NodeId,
        /// Which shard.
        shard: u16,
        /// Whether it begins or ends.
        is_stale: bool,
    },
    /// From now on this member alone takes writes; what it does not hold does not survive. Told at the start too, where
    /// a database has one such member.
    ActiveChanged {
        /// Which.
        member: MemberId,
    },
    /// A node was taken out of the database for good: nothing goes to it or comes from it.
    NodeUnlinked {
        /// Which.
        node: NodeId,
    },
    /// A node holds no copy, and none is expected of it; or it is given some from now on.
    NodeSpare {
        /// Which.
        node: NodeId,
        /// Whether it holds none.
        is_spare: bool,
    },
    /// A replication link stopped carrying effects because of a fault.
    LinkDisrupted {
        /// From.
        source: NodeId,
        /// To.
        target: NodeId,
    },
    /// A replication link carries effects again, and the target has everything that the source had
    /// when the link was re-established.
    LinkCaughtUp {
        /// From.
        source: NodeId,
        /// To.
        target: NodeId,
    },

    /// A fault began.
    FaultBegan {
        /// Which.
        fault: FaultId,
    },
    /// A fault ended: healed, or all that it broke was started again.
    FaultEnded {
        /// Which.
        fault: FaultId,
    },
    /// A fault had its first effect: it stopped something, or dropped, delayed or refused a message.
    FaultTouched {
        /// Which.
        fault: FaultId,
    },
    /// An app server stopped because its host did.
    ServerStopped {
        /// Which.
        server: ServerId,
    },
    /// An app server runs again.
    ServerRestarted {
        /// Which.
        server: ServerId,
    },

    /// A judge changed its mind about a member.
    Verdict {
        /// Who.
        decider: DeciderId,
        /// The app server whose client process this is, or `None` for a judge that serves many.
        server: Option<ServerId>,
        /// About which member.
        member: MemberId,
        /// Up or down.
        healthy: bool,
    },
    /// A load balancer changed its mind about one of its targets, a node.
    TargetJudged {
        /// Who.
        decider: DeciderId,
        /// About which node.
        node: NodeId,
        /// Up or down.
        healthy: bool,
    },
    /// A connection through a load balancer reached one of its nodes for the first time.
    TargetReached {
        /// Through which.
        relay: RelayId,
        /// Which node.
        node: NodeId,
    },
    /// The address that a pair of proxies shares is with another of them, for those who are in one zone.
    AddressMoved {
        /// The fleet whose proxies they are.
        fleet: FleetId,
        /// Where the address is now.
        relay: RelayId,
        /// For whom.
        zone: u16,
    },
    /// The state of a decider, as a digest: it enters the trace, so that a decider that depends on
    /// something else than its sights is found out.
    DeciderState {
        /// Whose.
        decider: DeciderId,
        /// Of its state.
        digest: u64,
    },
    /// A fleet's published answer changed (a DNS record, say); clients learn of it later.
    AnswerPublished {
        /// Whose answer.
        fleet: FleetId,
        /// The member that the answer names.
        member: MemberId,
    },
    /// An app server sends new operations to another member from now on.
    Adopted {
        /// Who.
        server: ServerId,
        /// The member it used until now.
        from: MemberId,
        /// The member it will use.
        to: MemberId,
    },
    /// An app server began to open a connection.
    ConnectBegan {
        /// Who.
        server: ServerId,
        /// Where to.
        member: MemberId,
    },
    /// A connection of an app server became usable (TCP, TLS and AUTH done).
    Connected {
        /// Who.
        server: ServerId,
        /// Where to.
        member: MemberId,
    },
    /// Decider `decider` sent a probe over the network.
    ProbeSent {
        /// Who.
        decider: DeciderId,
        /// Whom it probes.
        member: MemberId,
        /// Bytes on the wire.
        bytes: u32,
    },
}

impl Fact<'_> {
    /// The dot of the effect in this fact, if there is one.
    pub fn dot(&self) -> Option<Dot> {
        match self {
            Fact::WriteExecuted {
                effect: Some(effect),
                ..
            }
            | Fact::Evicted { effect, .. }
            | Fact::WriteContinued { effect, .. }
            | Fact::Expired { effect, .. }
            | Fact::Migrated { effect, .. } => Some(effect.dot),
            _ => None,
        }
    }
}
