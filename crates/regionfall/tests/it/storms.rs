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
    prop::collection::vec(fault(), 1..5)
}

fn fault() -> impl Strategy<Value = FaultSpec> {
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
    (kind(), moment, length, flapping).prop_map(|(kind, at, lasts, flapping)| FaultSpec {
        kind,
        at,
        lasts: Some(lasts),
        flapping,
    })
}

fn kind() -> impl Strategy<Value = FaultKind> {
    let member = || (0_u8..3).prop_map(MemberId);
    let region = || (0_u16..3).prop_map(RegionId);
    let disks = || prop_oneof![Just(Disks::Kept), Just(Disks::Lost)];
    let in_flight = || prop_oneof![Just(InFlight::Lost), Just(InFlight::Delivered)];
    let mode = || prop_oneof![Just(Silence::Silent), Just(Silence::Refusing)];
    let takes = (any::<bool>(), any::<bool>()).prop_map(|(app_servers, checkers)| Takes {
        database: true,
        app_servers,
        checkers,
    });
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
        (member(), disks(), in_flight()).prop_map(|(member, disks, in_flight)| {
            FaultKind::ProcessCrash {
                member,
                part: Part::Whole,
                disks,
                in_flight,
            }
        }),
        (member(), disks(), in_flight()).prop_map(|(member, disks, in_flight)| {
            FaultKind::HostCrash {
                member,
                part: Part::Whole,
                disks,
                in_flight,
            }
        }),
        member().prop_map(|member| FaultKind::Hang {
            member,
            part: Part::Whole,
        }),
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
