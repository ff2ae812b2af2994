//! Where things stand: regions, zones, hosts, and how far apart they are.

mod config;
mod id;
mod rtt;

pub use config::{Drift, LinkConfig, LossBursts, RegionConfig, TopologyConfig};
pub use id::{
    DeciderId, FaultId, FleetId, HostId, KeyspaceId, MemberId, NodeId, OperationId, RegionId,
    ServerId,
};
pub use rtt::{Rtt, RttError, RttTable};
