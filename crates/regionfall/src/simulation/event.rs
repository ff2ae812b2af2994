//! Everything that can happen, and everything that can travel: two closed, small, `Copy` enums.

use regionfall_crdt::OriginId;

use super::heartbeats::Beat;
use super::letter::Letter;
use super::sessions::SessionId;
use super::slots::Redirect;
use super::takeover::RouterId;
use crate::client::Slot;
use crate::failover::RouterTimer;
use crate::history::Phase;
use crate::network::{CarriesNetwork, NetworkEvent, Port};
use crate::topology::{
    DeciderId, FaultId, FleetId, MemberId, NodeId, OperationId, RelayId, ServerId,
};

/// Something that will happen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Event {
    /// The network's own business.
    Network(NetworkEvent<Letter>),
    /// An open-loop request arrives at an app server.
    Arrival(ServerId),
    /// A closed-loop client of an app server has thought long enough.
    Thought(ServerId, u32),
    /// The earliest deadline of an app server's requests may have passed.
    Deadline(ServerId),
    /// The wait before an operation's next attempt is over.
    Retry(Slot, OperationId),
    /// An operation has waited long enough for a connection to open.
    OpeningTimeout(ServerId, Slot),
    /// An operation has waited long enough for a connection of the pool.
    PoolTimeout(ServerId, Slot, OperationId),
    /// A name is resolved.
    NameResolved(ServerId, Slot),
    /// A decider had asked to be woken.
    Wake(DeciderId, u32),
    /// A probe has taken too long.
    ProbeTimeout(ProbeId),
    /// A checker's report arrives at its traffic manager.
    Report {
        from: DeciderId,
        member: MemberId,
        healthy: bool,
    },
    /// A fleet's authoritative answer changes.
    AnswerChanges(FleetId, MemberId),
    /// An effect leaves its source.
    Departure {
        link: LinkId,
        origin: OriginId,
        sequence: u32,
    },
    /// A syncer tries to connect.
    LinkRetry(LinkId),
    /// A full synchronization goes a step further: which one of the link.
    StateStep(LinkId, u32),
    /// A stale shard has waited for its sources for long.
    Alone(NodeId, u16),
    /// A syncer may have heard nothing for too long.
    LinkSilence(LinkId),
    /// A syncer tells its source that it is there.
    Heartbeat(LinkId),
    /// A fault begins to act, or stops acting.
    Fault(FaultId, bool),
    /// A node's processes are up again.
    Restart(NodeId),
    /// A request that a proxy handed on reaches the primary.
    Forward(ErrandId),
    /// A reply that had to wait leaves.
    Answer(ErrandId),
    /// A Sentinel's timer is due.
    SentinelTick(PostId),
    /// A watchdog's timer is due.
    WatchdogTick(DogId),
    /// A message between watchdogs arrives.
    Tidings(TidingsId),
    /// What a node's processes do once a second.
    Cron(NodeId),
    /// A reply has waited long enough for replicas.
    WaitOver(WaitId),
    /// A primary's file may have what a reply waits for.
    WaitDisk(WaitId),
    /// A question to a Sentinel, or its answer, arrives.
    Inquiry(InquiryId),
    /// An export of a member is due.
    Export(MemberId),
    /// A member has read an export that an operator restores.
    Imported(MemberId, FaultId),
    /// The timer of a process of a Redis Cluster is due.
    ClusterTick(StationId),
    /// A question for a slot map, or its answer, arrives.
    MapQuestion(MapQuestionId),
    /// A node's processes have loaded what they found on disk.
    Loaded(NodeId),
    /// A reply that waits for a disk may leave.
    DiskAnswer(HeldId),
    /// A disk is to be looked at: a snapshot is due or ends, or the process stands still.
    DiskLook(NodeId, u16),
    /// A process that stood still because of a fault of its disk goes on.
    DiskFree(NodeId, FaultId),
    /// A phase begins.
    Phase(Phase),
    /// A command of an external endpoint leaves.
    Injected(CallId),
    /// An operator's monitoring looks whether it is time for an action.
    Watch(FaultId),
    /// An operator acts on the membership.
    Change(FaultId),
    /// Work on the nodes of a member goes on.
    Upkeep(FaultId),
    /// A process has done what it worked on.
    Served(ProcessId),
    /// A member looks for keys that have expired.
    Expiry(NodeId),
    /// A relay's session has waited long enough.
    SessionTimeout(SessionId),
    /// Nothing may have moved on a relay's session for too long.
    SessionIdle(SessionId),
    /// A client's kernel sends again what a relay will answer with a reset.
    SessionDoomed(SessionId),
    /// A relay has done with a message that reached a port of its host.
    Relayed(Port, Letter),
    /// A relay looks whether what it does not use may be used again.
    RelayLook(RelayId),
    /// A timer of a router that holds a proxy's address fires.
    Router(RouterId, RouterTimer),
    /// An advert reaches such a router.
    Advert(RouterId, u8),
    /// Machines that send to a proxy without its address ask who has it.
    Neighbours(RouterId),
    /// A supervisor has started a proxy again that a fault had ended.
    ProxyStarts(RelayId, FaultId),
    /// The address of a dead proxy is withdrawn from the name of its pool.
    Withdrawal(RelayId),
    /// A syncer looks for a node that was added to a member.
    SyncerLooks(MemberId, u8),
    /// A syncer has told a balancer of that node.
    SyncerApplies(MemberId, u8),
    /// A note of one decider reaches another.
    Note(NoteId),
    /// A heartbeat leaves a member for another.
    Relay(Beat),
}

/// What travels over connections, as a [`Letter`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Message {
    /// A command of an app server.
    Request {
        slot: Slot,
        attempt: u8,
        member: MemberId,
    },
    /// Its answer.
    Reply {
        slot: Slot,
        attempt: u8,
        is_error: bool,
    },
    /// A health check.
    Probe(ProbeId),
    /// Its answer.
    ProbeReply { probe: ProbeId, is_error: bool },
    /// A syncer says what its member has.
    Greeting(LinkId),
    /// A syncer is there.
    Heartbeat,
    /// Effects of one origin, `first..first + count`.
    Effects {
        link: LinkId,
        origin: OriginId,
        count: u16,
        first: u32,
    },
    /// The whole state of a shard, or the last part of it.
    FullState(LinkId),
    /// An earlier part of a state.
    StatePart,
    /// A command of an external endpoint.
    Call(CallId),
    /// Its answer.
    CallReply(CallId),
    /// A message between a Sentinel and another, or a process.
    Dispatch(DispatchId),
    /// A replica reports how far it is.
    Progress {
        link: LinkId,
        origin: OriginId,
        sequence: u32,
        /// How far its append-only file is on disk, where somebody asks.
        durable: u32,
    },
    /// Its primary asks for that.
    AskProgress(LinkId),
    /// A segment of a byte stream.
    Bytes(ChunkId),
    /// A heartbeat of a decider, at any stage of its way.
    Beat(Beat),
    /// A message of the cluster bus.
    Bus(ParcelId),
    /// The answer to a request that is another's, or while the cluster is down.
    Redirect {
        slot: Slot,
        attempt: u8,
        to: Redirect,
    },
}

/// A note between deciders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NoteId(pub u32);

/// A directed link of one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct LinkId(pub u16);

/// A Sentinel in its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PostId(pub u16);

/// A watchdog in its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct DogId(pub u16);

/// A message between watchdogs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TidingsId(pub u32);

/// A reply that waits for replicas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct WaitId(pub u32);

/// A question to a Sentinel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct InquiryId(pub u32);

/// A message of a Sentinel under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct DispatchId(pub u32);
/// A database process: that of one shard of one member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ProcessId(pub u16);

/// A process of a Redis Cluster in its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct StationId(pub u16);

/// A message of the cluster bus under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ParcelId(pub u32);

/// A question for a slot map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct MapQuestionId(pub u32);

/// A probe under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ProbeId(pub u32);

/// A command of an external endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct CallId(pub u32);

/// A reply that waits for a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct HeldId(pub u32);

/// A segment of a byte stream under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ChunkId(pub u32);

/// A request on its way inside a member, or a reply that waits there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ErrandId(pub u32);

impl From<NetworkEvent<Letter>> for Event {
    fn from(event: NetworkEvent<Letter>) -> Self {
        Self::Network(event)
    }
}

impl CarriesNetwork<Letter> for Event {
    fn network(self) -> Option<NetworkEvent<Letter>> {
        match self {
            Self::Network(event) => Some(event),
            _ => None,
        }
    }
}

/// The code of a segment that arrives.
pub(super) const ARRIVAL: u8 = 0;

impl Event {
    /// A small number for each kind, for the trace hash.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Network(NetworkEvent::Data(..) | NetworkEvent::Bare(..)) => ARRIVAL,
            Self::Network(_) => 1,
            Self::Arrival(_) => 2,
            Self::Thought(..) => 3,
            Self::Deadline(_) => 4,
            Self::Retry(..) => 5,
            Self::OpeningTimeout(..) => 6,
            Self::PoolTimeout(..) => 7,
            Self::NameResolved(..) => 8,
            Self::Wake(..) => 9,
            Self::ProbeTimeout(_) => 10,
            Self::Report { .. } => 11,
            Self::AnswerChanges(..) => 12,
            Self::Departure { .. } => 13,
            Self::LinkRetry(_) => 14,
            Self::LinkSilence(_) => 15,
            Self::Fault(..) => 16,
            Self::Restart(_) => 17,
            Self::Phase(_) => 18,
            Self::Injected(_) => 19,
            Self::Heartbeat(_) => 20,
            Self::SentinelTick(_) => 40,
            Self::Inquiry(_) => 41,
            Self::WatchdogTick(_) => 42,
            Self::Tidings(_) => 43,
            Self::Cron(_) => 44,
            Self::ClusterTick(_) => 60,
            Self::MapQuestion(_) => 61,
            Self::WaitOver(_) => 45,
            Self::WaitDisk(_) => 46,
            Self::Forward(_) => 21,
            Self::Answer(_) => 22,
            Self::Expiry(_) => 23,
            Self::Served(_) => 24,
            Self::Watch(_) => 25,
            Self::Change(_) => 26,
            Self::Upkeep(_) => 82,
            Self::Loaded(_) => 30,
            Self::DiskAnswer(_) => 31,
            Self::DiskLook(..) => 32,
            Self::DiskFree(..) => 33,
            Self::Export(_) => 34,
            Self::Imported(..) => 35,
            Self::SessionTimeout(_) => 70,
            Self::SessionIdle(_) => 71,
            Self::SessionDoomed(_) => 72,
            Self::Relayed(..) => 73,
            Self::RelayLook(_) => 74,
            Self::Router(..) => 75,
            Self::Advert(..) => 76,
            Self::Neighbours(_) => 81,
            Self::ProxyStarts(..) => 77,
            Self::Withdrawal(_) => 78,
            Self::SyncerLooks(..) => 79,
            Self::SyncerApplies(..) => 80,
            Self::Note(_) => 50,
            Self::Relay(_) => 51,
            Self::StateStep(..) => 28,
            Self::Alone(..) => 29,
        }
    }
}
