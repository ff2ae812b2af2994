//! Where things stand: regions, zones, hosts, and how far apart they are.

mod clock;
mod config;
mod id;
mod rtt;

pub use clock::LocalTime;
pub use config::{Drift, LinkConfig, LossBursts, RegionConfig, TopologyConfig};
pub use id::{
    DeciderId, FaultId, FleetId, HostId, KeyspaceId, MemberId, NodeId, OperationId, RegionId,
    RelayId, SentinelId, ServerId,
};
pub use rtt::{Rtt, RttError, RttTable};
