//! Generated faults: any kind, anywhere, for any time within a storm from 5 s to 35 s over three regions.

use proptest::prelude::*;
use regionfall::fault::{
    Disks, FaultKind, FaultSpec, Flapping, InFlight, Part, PathSelector, Silence, Takes,
    TrafficScope,
};
use regionfall::topology::{MemberId, RegionId};
use regionfall_kernel::{Distribution, SimDuration};

/// How many storms are generated: so many, or what a long campaign asks for.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told how long to run"
)]
pub(crate) fn cases(few: u32) -> u32 {
    std::env::var("CHAOS_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(few)
}

/// One to four faults.
pub(crate) fn storm() -> impl Strategy<Value = Vec<FaultSpec>> {
    prop::collection::vec(fault(kind(Just(Part::Whole))), 1..5)
}

/// One to six faults that also strike single nodes of three zones, with promotions among them.
pub(crate) fn storm_in_clusters() -> impl Strategy<Value = Vec<FaultSpec>> {
    let part = prop_oneof![
        1 => Just(Part::Whole),
        2 => (0_u8..2).prop_map(Part::Node),
        1 => (0_u16..3).prop_map(Part::Zone),
        2 => (0_u16..2).prop_map(|shard| Part::Primary { shard }),
        1 => (0_u16..2).prop_map(|shard| Part::Replicas { shard }),
    ];
    let promotion = (0_u8..3, 0_u8..2).prop_map(|(member, node)| FaultKind::Promote {
        member: MemberId(member),
        node,
    });
    let zone = (0_u16..3, 0_u16..3, any::<bool>()).prop_map(|(region, zone, both_ways)| {
        FaultKind::Partition {
            paths: PathSelector {
                from: vec![RegionId(region)],
                to: vec![RegionId(region)],
                zone: Some(zone),
                both_ways,
                scope: TrafficScope::All,
            },
            mode: Silence::Silent,
            in_flight: InFlight::Lost,
        }
    });
    let kind = prop_oneof![3 => kind(part).boxed(), 2 => promotion.boxed(), 1 => zone.boxed()];
    prop::collection::vec(fault(kind), 1..7)
}

fn fault(kind: impl Strategy<Value = FaultKind>) -> impl Strategy<Value = FaultSpec> {
    let moment =
        (5_000_u64..34_000).prop_map(|at| Distribution::Constant(SimDuration::from_millis(at)));
    let length =
        (10_u64..25_000).prop_map(|lasts| Distribution::Constant(SimDuration::from_millis(lasts)));
    let flapping = prop::option::weighted(0.3, (500_u64..5_000, 1_u64..9)).prop_map(|flapping| {
        flapping.map(|(period, tenths)| Flapping {
            period: SimDuration::from_millis(period),
            down: SimDuration::from_millis(period * tenths / 10),
        })
    });
    (kind, moment, length, flapping).prop_map(|(kind, at, lasts, flapping)| FaultSpec {
        kind,
        at,
        lasts: Some(lasts),
        flapping,
    })
}

fn kind(part: impl Strategy<Value = Part> + Clone) -> impl Strategy<Value = FaultKind> {
    let member = || (0_u8..3).prop_map(MemberId);
    let region = || (0_u16..3).prop_map(RegionId);
    let disks = || prop_oneof![Just(Disks::Kept), Just(Disks::Lost)];
    let in_flight = || prop_oneof![Just(InFlight::Lost), Just(InFlight::Delivered)];
    let mode = || prop_oneof![Just(Silence::Silent), Just(Silence::Refusing)];
    let takes = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(app_servers, checkers, proxies)| Takes {
            database: true,
            app_servers,
            checkers,
            proxies,
            coordinator: false,
        },
    );
    let paths = || {
        let scope = prop_oneof![
            Just(TrafficScope::All),
            Just(TrafficScope::Replication),
            Just(TrafficScope::Clients),
            Just(TrafficScope::Checks),
        ];
        (region(), region(), any::<bool>(), scope).prop_map(|(from, to, both_ways, scope)| {
            PathSelector {
                from: vec![from],
                to: vec![to],
                zone: None,
                both_ways,
                scope,
            }
        })
    };
    prop_oneof![
        (member(), part.clone(), disks(), in_flight()).prop_map(
            |(member, part, disks, in_flight)| {
                FaultKind::ProcessCrash {
                    member,
                    part,
                    disks,
                    in_flight,
                }
            }
        ),
        (member(), part.clone(), disks(), in_flight()).prop_map(
            |(member, part, disks, in_flight)| {
                FaultKind::HostCrash {
                    member,
                    part,
                    disks,
                    in_flight,
                }
            }
        ),
        (member(), part).prop_map(|(member, part)| FaultKind::Hang { member, part }),
        (region(), mode(), disks(), takes, in_flight()).prop_map(
            |(region, mode, disks, takes, in_flight)| FaultKind::RegionOutage {
                region,
                mode,
                disks,
                takes,
                in_flight
            }
        ),
        (paths(), mode(), in_flight()).prop_map(|(paths, mode, in_flight)| FaultKind::Partition {
            paths,
            mode,
            in_flight
        }),
        (paths(), 1_u64..2_000).prop_map(|(paths, add)| FaultKind::Latency {
            paths,
            add: Distribution::Exponential {
                mean: SimDuration::from_millis(add)
            }
        }),
        (paths(), 0.01_f64..1.0).prop_map(|(paths, share)| FaultKind::Loss { paths, share }),
    ]
}
