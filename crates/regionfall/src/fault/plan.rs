//! The fault plan: values that can be printed, saved, generated and shrunk.

use regionfall_kernel::{Distribution, SimDuration, SimTime};

use super::degradation::Degradation;
use super::membership::MembershipChange;
use super::routing::RoutingFault;
use super::upkeep::Upkeep;
use crate::network::{InFlight, Silence};
use crate::topology::{FaultId, MemberId, RegionId};

/// A fault as the scenario states it: its moment and length may still vary with the seed.
#[derive(Clone, PartialEq, Debug)]
pub struct FaultSpec {
    /// What happens.
    pub kind: FaultKind,
    /// When it begins, counted from the start of the run; within the storm.
    pub at: Distribution,
    /// How long it lasts; `None` is for ever.
    pub lasts: Option<Distribution>,
    /// On and off again while it lasts.
    pub flapping: Option<Flapping>,
}

/// A fault of one run: [`FaultSpec`] with its moments drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedFault {
    /// Its place in the plan.
    pub id: FaultId,
    /// What happens.
    pub kind: FaultKind,
    /// When it begins.
    pub begins: SimTime,
    /// When it heals; [`SimTime::NEVER`] if it lasts for ever.
    pub ends: SimTime,
    /// On and off again in between.
    pub flapping: Option<Flapping>,
}

/// A fault that comes and goes with a period: down for `down`, then up for the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flapping {
    /// From one beginning to the next.
    pub period: SimDuration,
    /// The part of each period in which the fault acts; shorter than the period.
    pub down: SimDuration,
}

/// What happens.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultKind {
    /// The database process of a member dies; the kernel under it lives and answers with resets.
    ProcessCrash {
        /// Whose.
        member: MemberId,
        /// Which of its nodes.
        part: Part,
        /// What becomes of its memory and disk: processes restart from a kept disk.
        disks: Disks,
        /// What becomes of bytes on the wire (default: delivered).
        in_flight: InFlight,
    },
    /// The machine of a member dies: silence.
    HostCrash {
        /// Whose.
        member: MemberId,
        /// Which of its nodes.
        part: Part,
        /// What becomes of its disk.
        disks: Disks,
        /// What becomes of bytes on the wire (default: lost).
        in_flight: InFlight,
    },
    /// The database process of a member accepts connections and requests and never answers; what
    /// waits is executed when it goes on.
    Hang {
        /// Whose.
        member: MemberId,
        /// Which of its nodes.
        part: Part,
    },
    /// A zone of a region falls.
    ZoneOutage {
        /// The region.
        region: RegionId,
        /// Which of its zones, counted from 0.
        zone: u16,
        /// How the network answers for it.
        mode: Silence,
        /// What becomes of the disks of the nodes in it.
        disks: Disks,
        /// What falls with it.
        takes: Takes,
        /// What becomes of bytes on the wire (default: lost).
        in_flight: InFlight,
    },
    /// A region falls.
    RegionOutage {
        /// Which.
        region: RegionId,
        /// How the network answers for it.
        mode: Silence,
        /// What becomes of the disks of its member.
        disks: Disks,
        /// What falls with it.
        takes: Takes,
        /// What becomes of bytes on the wire (default: lost).
        in_flight: InFlight,
    },
    /// The disks of a member finish nothing: no fsync, no writing back, no snapshot.
    FsyncStall {
        /// Whose.
        member: MemberId,
        /// Which of its nodes.
        part: Part,
    },
    /// The disks of a member are gone while its processes run. They show it when they restart.
    DiskLost {
        /// Whose.
        member: MemberId,
        /// Which of its nodes.
        part: Part,
    },
    /// An operator restores a member from its last complete export.
    Restore {
        /// Which.
        member: MemberId,
    },
    /// An operator makes a node of a member the primary of every shard.
    Promote {
        /// Whose.
        member: MemberId,
        /// Which of its nodes, counted from 0 within the member.
        node: u8,
    },
    /// The syncers by which a member gets others' effects exit with an error that they cannot recover from. They do not
    /// try again: while the fault lasts no operator has started them.
    SyncerStopped {
        /// Whose.
        member: MemberId,
        /// Only the one that reads from this member.
        source: Option<MemberId>,
    },
    /// An operator starts the stopped syncers of a member.
    RestartSyncers {
        /// Whose.
        member: MemberId,
    },
    /// An operator makes a passive member take writes.
    FailOver {
        /// Which, if there is one in the region that is named.
        member: Option<MemberId>,
        /// What becomes of the one that took them.
        old: OldActive,
    },
    /// An operator deletes the database and creates it again, empty, in another region.
    Recreate {
        /// Where, if there is a place for it in the region that is named.
        member: Option<MemberId>,
    },
    /// A path is cut.
    Partition {
        /// Which paths.
        paths: PathSelector,
        /// What the sender sees.
        mode: Silence,
        /// What becomes of bytes on the wire (default: lost, and sent again after the heal).
        in_flight: InFlight,
    },
    /// Messages take longer.
    Latency {
        /// Which paths.
        paths: PathSelector,
        /// Added to each one-way delay, drawn for each message.
        add: Distribution,
    },
    /// Messages are lost.
    Loss {
        /// Which paths.
        paths: PathSelector,
        /// The share of messages lost, in 0..=1.
        share: f64,
    },
    /// Nothing breaks, and something gets worse.
    Degraded(Degradation),
    /// An operator changes the membership.
    Membership(MembershipChange),
    /// Something that carries traffic, or decides where to, fails.
    Routing(RoutingFault),
    /// Work on the nodes of a member.
    Upkeep(Upkeep),
}

impl FaultKind {
    /// Its word in scenario files.
    pub fn word(&self) -> &'static str {
        match self {
            Self::ProcessCrash { .. } => "process-crash",
            Self::HostCrash { .. } => "host-crash",
            Self::Hang { .. } => "hang",
            Self::RegionOutage { .. } => "region-outage",
            Self::ZoneOutage { .. } => "zone-outage",
            Self::FsyncStall { .. } => "fsync-stall",
            Self::DiskLost { .. } => "disk-lost",
            Self::Restore { .. } => "restore",
            Self::Promote { .. } => "promote",
            Self::SyncerStopped { .. } => "syncer-stopped",
            Self::RestartSyncers { .. } => "restart-syncers",
            Self::FailOver { .. } => "fail-over",
            Self::Recreate { .. } => "recreate",
            Self::Partition { .. } => "partition",
            Self::Latency { .. } => "latency",
            Self::Loss { .. } => "loss",
            Self::Degraded(degradation) => degradation.name(),
            Self::Membership(change) => change.action.name(),
            Self::Routing(fault) => fault.name(),
            Self::Upkeep(upkeep) => upkeep.task.name(),
        }
    }
}

impl FaultKind {
    /// Whether it repairs something instead of breaking it: it opens no incident.
    pub fn is_repair(&self) -> bool {
        matches!(
            self,
            Self::RestartSyncers { .. } | Self::FailOver { .. } | Self::Recreate { .. }
        )
    }
}

/// What becomes of the member that took writes when another is made to take them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OldActive {
    /// It follows the new one, and loses what that one never got.
    Follows,
    /// It is left to itself: nothing goes to it or comes from it.
    Unlinked,
}

/// Which nodes of a member a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// All of them.
    Whole,
    /// One, counted from 0 within the member.
    Node(u8),
    /// Those in one zone, counted from 0.
    Zone(u16),
    /// The primary of a shard, as it is when the fault begins.
    Primary {
        /// The shard.
        shard: u16,
    },
    /// Every other node than the primary of a shard.
    Replicas {
        /// The shard.
        shard: u16,
    },
}

/// The paths that a fault acts on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathSelector {
    /// Sending regions; empty means every region.
    pub from: Vec<RegionId>,
    /// Receiving regions; empty means every region.
    pub to: Vec<RegionId>,
    /// Within one region: only the paths between this zone and the others.
    pub zone: Option<u16>,
    /// Whether the way back is hit too.
    pub both_ways: bool,
    /// What kind of traffic is hit.
    pub scope: TrafficScope,
}

/// A kind of traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrafficScope {
    /// Everything.
    All,
    /// Between members.
    Replication,
    /// Between app servers and members.
    Clients,
    /// Health checks: of checkers, and of clients' own probes.
    Checks,
}

/// What becomes of disks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disks {
    /// Everything that was acknowledged is on them and stays.
    Kept,
    /// They are gone; the member restarts empty.
    Lost,
}

/// What falls with a region, beside the network in front of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of what may fall: each falls or does not, and all combinations make sense"
)]
pub struct Takes {
    /// The member.
    pub database: bool,
    /// App servers in the region. They are counted apart and have no RTO.
    pub app_servers: bool,
    /// Health checkers in the region.
    pub checkers: bool,
    /// Proxies and load balancers in the region; edges of a global load balancer are no part of it.
    pub proxies: bool,
    /// The coordinator that client processes follow, if it stands there.
    pub coordinator: bool,
}
