//! What the listeners must know of a run before its first fact: who lives where, who shares what, and
//! when the phases turn. It is data about the run, not about its outcome.

use regionfall_crdt::DataType;
use regionfall_kernel::{SimDuration, SimTime};

use crate::fault::{Disks, FaultKind, PlannedFault, UpkeepTask};
use crate::topology::{FleetId, MemberId, NodeId, RegionId};

/// The shape of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct RunShape {
    /// App servers, by [`ServerId`](crate::topology::ServerId).
    pub servers: Vec<ServerShape>,
    /// Names of the fleets, by [`FleetId`].
    pub fleets: Vec<String>,
    /// Keyspaces, by [`KeyspaceId`](crate::topology::KeyspaceId).
    pub keyspaces: Vec<KeyspaceShape>,
    /// The region of each member, by [`MemberId`]. All of them are configured members.
    pub members: Vec<RegionId>,
    /// The member of each node, by [`NodeId`].
    pub nodes: Vec<MemberId>,
    /// By node: a number that those share who replicate to each other, and so have the same in the end.
    pub groups: Vec<u8>,
    /// Whether a crash may lose what was executed although the disks stay.
    pub crashes_lose: bool,
    /// Shards of each member.
    pub shards: u16,
    /// The fault plan with its moments drawn.
    pub faults: Vec<PlannedFault>,
    /// The end of the warm-up: measuring begins.
    pub storm_begins: SimTime,
    /// The end of the storm.
    pub calm_begins: SimTime,
    /// The end of the calm: the workload stops, and with it everything that is judged by requests.
    pub calm_ends: SimTime,
    /// A request unanswered for longer than this is overdue.
    pub slo_deadline: SimDuration,
    /// When a population counts as served again.
    pub recovered: RecoveryCriterion,
    /// How far back the evidence of a failover may lie: a failover is false if no fault that could
    /// explain it acted within this time before it.
    pub evidence_window: SimDuration,
}

/// An app server.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerShape {
    /// Its fleet.
    pub fleet: FleetId,
    /// Where it runs.
    pub region: RegionId,
    /// Its members in order of preference; never empty. The first is its home.
    pub home: Vec<MemberId>,
    /// The mean time between two of its requests.
    pub mean_interarrival: SimDuration,
}

/// A keyspace.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyspaceShape {
    /// Its name.
    pub name: String,
    /// What its keys hold.
    pub data_type: DataType,
    /// Whether an app server expects to read its own writes, and never an older value than before.
    pub reads_own_writes: bool,
    /// Whether its writes are only SET, DEL, INCR, DECR, SADD, SREM and their like: each has at most one effect, on the
    /// whole of a string or counter or on one element of a set.
    pub is_plain: bool,
    /// What the application takes for granted of its keys.
    pub promise: Promise,
}

/// What an application takes for granted of its keys. Each region keeps it by itself; regions that have not seen each other
/// break it together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// Nothing.
    None,
    /// A counter never falls below a floor: a client decrements only if that leaves, by what it reads at its member, at
    /// least the floor.
    Floor {
        /// What each counter stands at before the first request.
        initial: i64,
        /// The least that it may stand at.
        floor: i64,
    },
    /// Who sets a key that was absent (SETNX) holds it alone until it is deleted or expires.
    Unique,
    /// An element of a list is popped once.
    Queue,
}

/// When a population counts as served again: `[objectives.recovered]` of a scenario.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RecoveryCriterion {
    /// Smallest share of the requests of a window that succeed within the deadline, in 0..=1.
    pub success: f64,
    /// Bound on the 99th percentile of the latency of those that succeed.
    pub latency_p99: SimDuration,
    /// Length of the window.
    pub window: SimDuration,
    /// Fewest requests in it.
    pub min_requests: u32,
}

/// How the quiescence ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Quiescence {
    /// Whether replication drained: nothing is under way that could still change a member.
    pub reached: bool,
    /// The nodes as they then were.
    pub nodes: Vec<NodeView>,
}

/// What a node holds at rest, as the model itself says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeView {
    /// Which.
    pub node: NodeId,
    /// The last applied sequence of each origin, by [`OriginId`](regionfall_crdt::OriginId); origins
    /// beyond the end have none. For a node that is down: what is on its disk.
    pub clock: Vec<u64>,
    /// A digest of all values. Nodes with equal clocks must have equal digests.
    pub digest: u64,
}

impl RunShape {
    /// The home population of a server: those whose first home is the same member.
    pub fn home_of(&self, server: usize) -> MemberId {
        self.servers[server].home[0]
    }

    /// The time without failures that ends an episode of a server: 1 s or five mean inter-arrival
    /// times, whichever is longer.
    pub fn stability_window(&self, server: usize) -> SimDuration {
        SimDuration::from_secs(1).max(self.servers[server].mean_interarrival * 5)
    }

    /// The member that is first to lose no disk any more by the plan, and from when on. Until then "at every member" is not
    /// the same as "for ever", and after that what this member holds is. Where members are no copies of each other each
    /// stands for itself, from when on none of them loses any.
    pub(crate) fn durable(&self) -> (Option<MemberId>, SimTime) {
        let moves_slots = |fault: &PlannedFault| matches!(&fault.kind, FaultKind::Upkeep(upkeep) if matches!(upkeep.task, UpkeepTask::MigrateSlots { .. }));
        if self.faults.iter().any(moves_slots) {
            // What every copy of a shard had may yet go to another, and be lost there.
            return (Some(MemberId(0)), SimTime::NEVER);
        }
        let last_loss = |member: usize| {
            let may_lose = |disks: Disks| self.crashes_lose || disks == Disks::Lost;
            let losses = self.faults.iter().filter(|fault| match fault.kind {
                FaultKind::ProcessCrash {
                    member: hit, disks, ..
                }
                | FaultKind::HostCrash {
                    member: hit, disks, ..
                } => may_lose(disks) && hit.index() == member,
                FaultKind::RegionOutage {
                    region,
                    disks,
                    takes,
                    ..
                }
                | FaultKind::ZoneOutage {
                    region,
                    disks,
                    takes,
                    ..
                } => may_lose(disks) && takes.database && region == self.members[member],
                FaultKind::Restore { member: hit } => hit.index() == member,
                // Its nodes restart, one after the other.
                FaultKind::Upkeep(ref upkeep) => {
                    self.crashes_lose && upkeep.member.index() == member
                }
                _ => false,
            });
            losses
                .map(|fault| fault.ends)
                .max()
                .unwrap_or(SimTime::ZERO)
        };
        let losses = (0..self.members.len()).map(|member| (last_loss(member), member));
        let are_copies = self.groups.windows(2).all(|pair| pair[0] == pair[1]);
        if are_copies {
            let (from, member) = losses.min().unwrap_or((SimTime::ZERO, 0));
            (Some(MemberId::from_index(member)), from)
        } else {
            (None, losses.max().map_or(SimTime::ZERO, |(from, _)| from))
        }
    }
}
