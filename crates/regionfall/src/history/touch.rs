//! Which app servers a fault touches: a matter of homes and of the fault alone, so that it is the same
//! for every strategy.

use super::RunShape;
use crate::fault::{Degradation, FaultKind, PathSelector, RoutingFault, TrafficScope};
use crate::topology::{MemberId, RegionId};

/// Whether the fault touches an app server: its home, or the path to it.
pub(crate) fn touches_server(shape: &RunShape, kind: &FaultKind, server: usize) -> bool {
    let home = shape.home_of(server);
    let home_region = shape.members[home.index()];
    match kind {
        FaultKind::ProcessCrash { member, .. }
        | FaultKind::HostCrash { member, .. }
        | FaultKind::Hang { member, .. }
        | FaultKind::FsyncStall { member, .. }
        | FaultKind::DiskLost { member, .. }
        | FaultKind::Restore { member }
        | FaultKind::Promote { member, .. } => *member == home,
        FaultKind::SyncerStopped { member, source } => {
            *member == home || source.is_none_or(|source| source == home)
        }
        // They mend what others broke.
        FaultKind::RestartSyncers { .. }
        | FaultKind::FailOver { .. }
        | FaultKind::Recreate { .. } => false,
        FaultKind::RegionOutage { region, takes, .. }
        | FaultKind::ZoneOutage { region, takes, .. } => takes.database && *region == home_region,
        FaultKind::Partition { paths, .. }
        | FaultKind::Latency { paths, .. }
        | FaultKind::Loss { paths, .. } => match paths.scope {
            TrafficScope::Checks => false,
            TrafficScope::Replication => touches_replication(shape, paths, home_region),
            TrafficScope::All | TrafficScope::Clients => {
                let region = shape.servers[server].region;
                is_selected(paths, region, home_region) || is_selected(paths, home_region, region)
            }
        },
        FaultKind::Membership(change) => change.member == home,
        FaultKind::Routing(fault) => match fault {
            RoutingFault::ProxyCrash { region, .. }
            | RoutingFault::AddressDaemon { region, .. } => {
                region.is_none_or(|region| region == shape.servers[server].region)
            }
            RoutingFault::BalancerDown { member, .. } => *member == home,
            RoutingFault::DnsDown | RoutingFault::RecordChange { .. } => true,
            // No request goes there, or is meant to.
            RoutingFault::AdvertsLost { .. }
            | RoutingFault::CheckersCutOff { .. }
            | RoutingFault::SyncerStuck
            | RoutingFault::NodeAdded { .. } => false,
        },
        FaultKind::Upkeep(upkeep) => upkeep.member == home,
        FaultKind::Degraded(degradation) => match degradation {
            // No request of an application goes there.
            Degradation::HealthEndpointDown { .. } | Degradation::CoordinatorDown { .. } => false,
            Degradation::LoadSurge { region: None, .. } => true,
            // Whoever shares a member with those who ask more.
            Degradation::LoadSurge {
                region: Some(region),
                ..
            } => (0..shape.servers.len()).any(|other| {
                shape.servers[other].region == *region && shape.home_of(other) == home
            }),
            Degradation::ClockSkew { .. }
            | Degradation::SlowHost { .. }
            | Degradation::SlowDisk { .. } => degradation.member() == Some(home),
        },
    }
}

/// Whether the fault touches a member, or any path of clients or checks that ends at it: what may
/// have made a failover away from it right.
pub(crate) fn may_justify_leaving(shape: &RunShape, kind: &FaultKind, left: MemberId) -> bool {
    let left_region = shape.members[left.index()];
    match kind {
        FaultKind::ProcessCrash { member, .. }
        | FaultKind::HostCrash { member, .. }
        | FaultKind::Hang { member, .. }
        | FaultKind::FsyncStall { member, .. }
        | FaultKind::DiskLost { member, .. }
        | FaultKind::Restore { member }
        | FaultKind::Promote { member, .. } => *member == left,
        FaultKind::SyncerStopped { .. }
        | FaultKind::RestartSyncers { .. }
        | FaultKind::FailOver { .. }
        | FaultKind::Recreate { .. } => false,
        FaultKind::RegionOutage { region, .. } | FaultKind::ZoneOutage { region, .. } => {
            *region == left_region
        }
        FaultKind::Partition { paths, .. }
        | FaultKind::Latency { paths, .. }
        | FaultKind::Loss { paths, .. } => {
            let holds = |side: &[RegionId]| side.is_empty() || side.contains(&left_region);
            paths.scope != TrafficScope::Replication && (holds(&paths.from) || holds(&paths.to))
        }
        FaultKind::Membership(change) => change.member == left,
        FaultKind::Routing(fault) => match fault {
            RoutingFault::BalancerDown { member, .. } => *member == left,
            RoutingFault::CheckersCutOff { .. } | RoutingFault::RecordChange { .. } => true,
            RoutingFault::ProxyCrash { .. }
            | RoutingFault::AddressDaemon { .. }
            | RoutingFault::AdvertsLost { .. }
            | RoutingFault::DnsDown
            | RoutingFault::SyncerStuck
            | RoutingFault::NodeAdded { .. } => false,
        },
        FaultKind::Upkeep(upkeep) => upkeep.member == left,
        FaultKind::Degraded(degradation) => {
            degradation.member().is_none_or(|member| member == left)
        }
    }
}

fn touches_replication(shape: &RunShape, paths: &PathSelector, region: RegionId) -> bool {
    shape.members.iter().any(|&other| {
        other != region && (is_selected(paths, region, other) || is_selected(paths, other, region))
    })
}

/// Whether messages from one region to the other are hit.
fn is_selected(paths: &PathSelector, from: RegionId, to: RegionId) -> bool {
    let holds = |side: &[RegionId], region| side.is_empty() || side.contains(&region);
    (holds(&paths.from, from) && holds(&paths.to, to))
        || (paths.both_ways && holds(&paths.from, to) && holds(&paths.to, from))
}
