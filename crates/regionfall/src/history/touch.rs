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

#[cfg(test)]
mod tests {
    use regionfall_kernel::{SimDuration, SimTime};

    use super::*;
    use crate::fault::{Disks, InFlight, Part, ProxyEnd, Silence, Skew, Takes};
    use crate::history::{RecoveryCriterion, ServerShape};
    use crate::topology::FleetId;

    /// Members 0, 1 and 2 in regions 0, 1 and 2. Servers 0, 1 and 2 stand in these regions and are at home there; server 3
    /// stands in region 0 and is at home at member 1.
    fn shape() -> RunShape {
        let server = |region: u16, home: u8| ServerShape {
            fleet: FleetId(0),
            region: RegionId(region),
            home: vec![MemberId(home)],
            mean_interarrival: SimDuration::from_millis(100),
        };
        RunShape {
            servers: vec![server(0, 0), server(1, 1), server(2, 2), server(0, 1)],
            fleets: vec!["all".to_owned()],
            keyspaces: Vec::new(),
            members: (0..3).map(RegionId).collect(),
            nodes: (0..3).map(MemberId).collect(),
            groups: vec![0; 3],
            crashes_lose: false,
            shards: 1,
            faults: Vec::new(),
            storm_begins: SimTime::ZERO,
            calm_begins: SimTime::ZERO,
            calm_ends: SimTime::ZERO,
            slo_deadline: SimDuration::from_secs(1),
            recovered: RecoveryCriterion {
                success: 0.99,
                latency_p99: SimDuration::from_secs(1),
                window: SimDuration::from_secs(10),
                min_requests: 1,
            },
            evidence_window: SimDuration::from_secs(60),
        }
    }

    /// Which servers a fault touches, and which members it may be right to leave for it.
    fn touched(kind: &FaultKind) -> (Vec<usize>, Vec<u8>) {
        let shape = shape();
        let servers = (0..4).filter(|&server| touches_server(&shape, kind, server));
        let members = (0..3).filter(|&member| may_justify_leaving(&shape, kind, MemberId(member)));
        (servers.collect(), members.collect())
    }

    const MEMBER: MemberId = MemberId(1);
    const OF_MEMBER: &[usize] = &[1, 3];

    fn partition(from: &[u16], to: &[u16], both_ways: bool, scope: TrafficScope) -> FaultKind {
        let regions = |side: &[u16]| side.iter().copied().map(RegionId).collect();
        FaultKind::Partition {
            paths: PathSelector {
                from: regions(from),
                to: regions(to),
                zone: None,
                both_ways,
                scope,
            },
            mode: Silence::Silent,
            in_flight: InFlight::Lost,
        }
    }

    #[test]
    fn what_strikes_a_member_touches_those_at_home_there() {
        let (member, part, disks) = (MEMBER, Part::Whole, Disks::Kept);
        let in_flight = InFlight::Lost;
        let skew = Skew {
            is_ahead: true,
            offset: SimDuration::ZERO,
            drift: 0.0,
        };
        for kind in [
            FaultKind::ProcessCrash {
                member,
                part,
                disks,
                in_flight,
            },
            FaultKind::HostCrash {
                member,
                part,
                disks,
                in_flight,
            },
            FaultKind::Hang { member, part },
            FaultKind::FsyncStall { member, part },
            FaultKind::DiskLost { member, part },
            FaultKind::Restore { member },
            FaultKind::Promote { member, node: 0 },
            FaultKind::Membership(crate::fault::MembershipChange {
                action: crate::fault::MembershipAction::Purge,
                member,
                when: None,
            }),
            FaultKind::Routing(RoutingFault::BalancerDown {
                member,
                mode: Silence::Silent,
            }),
            FaultKind::Upkeep(crate::fault::Upkeep {
                member,
                task: crate::fault::UpkeepTask::AddNode,
            }),
            FaultKind::Degraded(Degradation::ClockSkew { member, skew }),
            FaultKind::Degraded(Degradation::SlowHost {
                member,
                factor: 2.0,
            }),
            FaultKind::Degraded(Degradation::SlowDisk {
                member,
                factor: 2.0,
            }),
        ] {
            assert_eq!(touched(&kind), (OF_MEMBER.to_vec(), vec![1]), "{kind:?}");
        }
    }

    #[test]
    fn a_region_that_falls_touches_its_population_if_its_database_falls() {
        for (database, servers) in [(true, OF_MEMBER), (false, &[])] {
            let (region, mode, disks) = (RegionId(1), Silence::Silent, Disks::Kept);
            let in_flight = InFlight::Lost;
            let takes = Takes {
                database,
                app_servers: true,
                checkers: true,
                proxies: true,
                coordinator: true,
            };
            for kind in [
                FaultKind::RegionOutage {
                    region,
                    mode,
                    disks,
                    takes,
                    in_flight,
                },
                FaultKind::ZoneOutage {
                    region,
                    zone: 0,
                    mode,
                    disks,
                    takes,
                    in_flight,
                },
            ] {
                assert_eq!(touched(&kind), (servers.to_vec(), vec![1]), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_cut_touches_those_whose_requests_or_whose_member_it_cuts_off() {
        use TrafficScope::{All, Checks, Clients, Replication};
        for (from, to, both_ways, scope, servers, members) in [
            // Requests of server 3 go from region 0 to region 1, and answers come back.
            (&[0][..], &[1][..], false, Clients, &[3][..], &[0, 1][..]),
            (&[1], &[0], false, Clients, &[3], &[0, 1]),
            (&[0], &[1], true, All, &[3], &[0, 1]),
            (&[0], &[2], true, All, &[], &[0, 2]),
            (&[2], &[0], false, All, &[], &[0, 2]),
            // No region named is every region, a member's own too.
            (&[], &[1], false, All, &[1, 3], &[0, 1, 2]),
            (&[1], &[], false, All, &[1, 3], &[0, 1, 2]),
            // Nobody asks on the way of checks, and who leaves for them had a reason.
            (&[0], &[1], true, Checks, &[], &[0, 1]),
            // A member that replication is cut from, whichever way; no reason to leave it.
            (&[0], &[1], false, Replication, &[0, 1, 3], &[]),
            (&[2], &[0], true, Replication, &[0, 2], &[]),
            (&[2], &[2], true, Replication, &[], &[]),
        ] {
            let kind = partition(from, to, both_ways, scope);
            let expected = (servers.to_vec(), members.to_vec());
            assert_eq!(touched(&kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn syncers_touch_both_ends_and_justify_nothing() {
        let member = MEMBER;
        let one = FaultKind::SyncerStopped {
            member,
            source: Some(MemberId(2)),
        };
        assert_eq!(touched(&one), (vec![1, 2, 3], Vec::new()));
        let all = FaultKind::SyncerStopped {
            member,
            source: None,
        };
        assert_eq!(touched(&all), (vec![0, 1, 2, 3], Vec::new()));
        assert_eq!(touched(&FaultKind::RestartSyncers { member }).0, [0; 0]);
    }

    #[test]
    fn what_carries_traffic_touches_those_whose_traffic_it_carries() {
        let region = Some(RegionId(0));
        let proxy = |region| RoutingFault::ProxyCrash {
            region,
            number: None,
            how: ProxyEnd::Crash,
        };
        let daemon = |region| RoutingFault::AddressDaemon {
            region,
            number: 0,
            orderly: false,
        };
        let everyone = vec![0, 1, 2, 3];
        for (fault, servers, members) in [
            (proxy(region), vec![0, 3], vec![]),
            (proxy(None), everyone.clone(), vec![]),
            (daemon(region), vec![0, 3], vec![]),
            (RoutingFault::DnsDown, everyone.clone(), vec![]),
            (
                RoutingFault::RecordChange { member: MEMBER },
                everyone,
                vec![0, 1, 2],
            ),
            (
                RoutingFault::CheckersCutOff {
                    region,
                    reports_lost: false,
                },
                vec![],
                vec![0, 1, 2],
            ),
            (
                RoutingFault::AdvertsLost { region, from: None },
                vec![],
                vec![],
            ),
            (RoutingFault::SyncerStuck, vec![], vec![]),
        ] {
            let kind = FaultKind::Routing(fault);
            assert_eq!(touched(&kind), (servers, members), "{kind:?}");
        }
    }

    #[test]
    fn who_shares_a_member_with_those_who_ask_more_is_touched() {
        let surge = |region| {
            FaultKind::Degraded(Degradation::LoadSurge {
                region,
                factor: 3.0,
            })
        };
        // Those in region 0 are at home at members 0 and 1.
        assert_eq!(touched(&surge(Some(RegionId(0)))).0, [0, 1, 3]);
        assert_eq!(touched(&surge(Some(RegionId(2)))).0, [2]);
        assert_eq!(touched(&surge(None)), (vec![0, 1, 2, 3], vec![0, 1, 2]));
        let (member, mode) = (MEMBER, Silence::Silent);
        let endpoint = Degradation::HealthEndpointDown { member, mode };
        assert_eq!(touched(&FaultKind::Degraded(endpoint)), (vec![], vec![1]));
    }
}
