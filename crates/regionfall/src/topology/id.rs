//! Identities: small dense numbers, one type each, so that a vector can be indexed by the right one
//! only and no two kinds can be confused.

use core::fmt;

macro_rules! identities {
    ($($(#[$doc:meta])* $name:ident($inner:ty) $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl $name {
            /// The identity as an index of a dense vector.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The identity with this index. Indices beyond the type's range are a bug of the caller.
            pub const fn from_index(index: usize) -> Self {
                debug_assert!(index <= <$inner>::MAX as usize);
                Self(index as $inner)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )+};
}

impl FaultId {
    /// No fault of the plan: what keeps a machine from running that was never started.
    pub const NONE: Self = Self(u16::MAX);
}

identities! {
    /// A region of the topology: members, fleets and checkers live in regions.
    RegionId(u16) "region-";
    /// A machine with a kernel of its own: it runs a member, an app server or a checker.
    HostId(u32) "host-";
    /// A member of the database: one region's instance of it, which clients and deciders address.
    MemberId(u8) "member-";
    /// A node of a member: a machine of its cluster, with a process for each shard that it holds. Numbered
    /// through all members in order.
    NodeId(u8) "node-";
    /// A Sentinel process.
    SentinelId(u8) "sentinel-";
    /// A fleet of app servers.
    FleetId(u16) "fleet-";
    /// An app server, numbered through all fleets in order.
    ServerId(u32) "server-";
    /// A keyspace of the workload.
    KeyspaceId(u16) "keyspace-";
    /// A proxy or a load balancer that carries traffic.
    RelayId(u16) "relay-";
    /// A fault of the plan, in the order of the plan.
    FaultId(u16) "fault-";
    /// A judge of the failover machinery: one checker, one client process, one aggregator.
    DeciderId(u32) "decider-";
    /// What an application asked for once, numbered in the order of asking.
    OperationId(u32) "operation-";
}
