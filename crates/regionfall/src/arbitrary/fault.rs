//! Faults and plans for given settings.

use proptest::prelude::*;
use regionfall_kernel::{Distribution, SimDuration};

use crate::fault::{
    Degradation, Disks, FaultKind, FaultSpec, Flapping, InFlight, MembershipAction,
    MembershipChange, Part, PathSelector, Silence, Skew, Takes, TrafficScope,
};
use crate::scenario::{Settings, is_act};
use crate::topology::{MemberId, RegionId};

use super::{routing, work};

/// One to six faults of a random subset of kinds, for a world with these settings. Earlier kinds are simpler, and
/// a plan shrinks towards fewer, shorter and simpler faults.
pub fn fault_plan(settings: &Settings) -> BoxedStrategy<Vec<FaultSpec>> {
    let kinds = kinds(settings);
    let settings = settings.clone();
    proptest::sample::subsequence(kinds.clone(), 1..=kinds.len())
        .prop_flat_map(move |swarm| {
            let one = proptest::sample::select(swarm);
            let settings = settings.clone();
            let fault = one.prop_flat_map(move |kind| fault_of(kind, &settings));
            proptest::collection::vec(fault, 1..=6)
        })
        .boxed()
}

/// One fault of any kind.
pub fn fault(settings: &Settings) -> BoxedStrategy<FaultSpec> {
    let settings = settings.clone();
    proptest::sample::select(kinds(&settings))
        .prop_flat_map(move |kind| fault_of(kind, &settings))
        .boxed()
}

/// A kind, as far as the settings allow it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    ProcessCrash,
    HostCrash,
    Hang,
    RegionOutage,
    ZoneOutage,
    Partition,
    Latency,
    Loss,
    Degraded,
    Promote,
    FsyncStall,
    DiskLost,
    SlowDisk,
    Restore,
    Membership,
    OnTheWay,
    Syncers,
    Upkeep,
    Slots,
}

fn kinds(settings: &Settings) -> Vec<Kind> {
    let place = settings.chaos_place();
    let mut kinds = vec![
        Kind::ProcessCrash,
        Kind::HostCrash,
        Kind::Hang,
        Kind::RegionOutage,
        Kind::Partition,
        Kind::Latency,
        Kind::Loss,
        Kind::Degraded,
    ];
    if place.zones > 1 {
        kinds.push(Kind::ZoneOutage);
    }
    if place.nodes > 1 {
        kinds.push(Kind::Promote);
    }
    if place.has_disks {
        kinds.extend([Kind::FsyncStall, Kind::DiskLost, Kind::SlowDisk]);
    }
    if settings.database.export.is_some() {
        kinds.push(Kind::Restore);
    }
    if place.members > 2 {
        kinds.push(Kind::Membership);
    }
    let more = [
        (Kind::OnTheWay, routing::on_the_way(settings).is_some()),
        (Kind::Syncers, work::has_syncers(settings)),
        (Kind::Upkeep, work::has_nodes_to_work_on(settings)),
        (Kind::Slots, work::has_slots(settings)),
    ];
    kinds.extend(more.into_iter().filter(|more| more.1).map(|more| more.0));
    kinds
}

fn fault_of(kind: Kind, settings: &Settings) -> BoxedStrategy<FaultSpec> {
    let what = what(kind, settings);
    let (begins, length) = (settings.phases.warm_up, settings.phases.storm);
    let tenths = |span: SimDuration| (span.as_nanos() / 100_000_000).max(1);
    let (first, steps) = (tenths(begins), tenths(length));
    let constant = |tenths: u64| Distribution::Constant(SimDuration::from_millis(tenths * 100));
    let flapping = proptest::option::weighted(0.2, (5_u64..50, 1_u64..9));
    (what, 0..steps, 1..=steps, flapping)
        .prop_map(move |(kind, at, lasts, flapping)| {
            let is_act = is_act(&kind);
            // A syncer that an operator has started does not stop again by itself.
            let may_flap = !is_act && !matches!(kind, FaultKind::SyncerStopped { .. });
            let flapping = flapping.filter(|_| may_flap);
            FaultSpec {
                at: constant(first + at),
                lasts: (!is_act).then(|| constant(lasts.min(steps - at).max(1))),
                flapping: flapping.map(|(period, tenths)| Flapping {
                    period: SimDuration::from_millis(period * 100),
                    down: SimDuration::from_millis(period * tenths * 10),
                }),
                kind,
            }
        })
        .boxed()
}

fn what(kind: Kind, settings: &Settings) -> BoxedStrategy<FaultKind> {
    let place = settings.chaos_place();
    let member = (0..place.members).prop_map(MemberId);
    let part = part(settings);
    match kind {
        Kind::ProcessCrash => (member, part, disks(), in_flight())
            .prop_map(|(member, part, disks, in_flight)| FaultKind::ProcessCrash {
                member,
                part,
                disks,
                in_flight,
            })
            .boxed(),
        Kind::HostCrash => (member, part, disks(), in_flight())
            .prop_map(|(member, part, disks, in_flight)| FaultKind::HostCrash {
                member,
                part,
                disks,
                in_flight,
            })
            .boxed(),
        Kind::Hang => (member, part)
            .prop_map(|(member, part)| FaultKind::Hang { member, part })
            .boxed(),
        Kind::FsyncStall => (member, part)
            .prop_map(|(member, part)| FaultKind::FsyncStall { member, part })
            .boxed(),
        Kind::DiskLost => (member, part)
            .prop_map(|(member, part)| FaultKind::DiskLost { member, part })
            .boxed(),
        Kind::SlowDisk => (member, 2_u32..200)
            .prop_map(|(member, factor)| {
                FaultKind::Degraded(Degradation::SlowDisk {
                    member,
                    factor: f64::from(factor),
                })
            })
            .boxed(),
        Kind::Restore => member
            .prop_map(|member| FaultKind::Restore { member })
            .boxed(),
        Kind::Syncers => work::on_syncers(place.members),
        Kind::Upkeep => work::on_nodes(member, settings),
        Kind::Slots => work::on_slots(member, place.shards),
        Kind::OnTheWay => {
            routing::on_the_way(settings).unwrap_or_else(|| degradation(place.members))
        }
        Kind::RegionOutage => region_outage(member),
        Kind::ZoneOutage => zone_outage(member, place.zones),
        Kind::Partition => (paths(settings), mode(), in_flight())
            .prop_map(|(paths, mode, in_flight)| FaultKind::Partition {
                paths,
                mode,
                in_flight,
            })
            .boxed(),
        Kind::Latency => (paths(settings), 1_u64..2_000)
            .prop_map(|(paths, millis)| FaultKind::Latency {
                paths,
                add: Distribution::Exponential {
                    mean: SimDuration::from_millis(millis),
                },
            })
            .boxed(),
        Kind::Loss => (paths(settings), 1_u32..=100)
            .prop_map(|(paths, percent)| FaultKind::Loss {
                paths,
                share: f64::from(percent) / 100.0,
            })
            .boxed(),
        Kind::Degraded => degradation(place.members),
        Kind::Promote => (member, 0..place.nodes)
            .prop_map(|(member, node)| FaultKind::Promote { member, node })
            .boxed(),
        // Of one member only: whoever is removed is not the last.
        Kind::Membership => membership(MemberId(place.members - 1)),
    }
}

fn membership(member: MemberId) -> BoxedStrategy<FaultKind> {
    let action = prop_oneof![
        Just(MembershipAction::ForceRemove),
        Just(MembershipAction::Purge),
        Just(MembershipAction::Rejoin),
    ];
    action
        .prop_map(move |action| {
            FaultKind::Membership(MembershipChange {
                action,
                member,
                when: None,
            })
        })
        .boxed()
}

fn region_outage(member: impl Strategy<Value = MemberId> + 'static) -> BoxedStrategy<FaultKind> {
    (member, mode(), disks(), takes(), in_flight())
        .prop_map(
            |(member, mode, disks, takes, in_flight)| FaultKind::RegionOutage {
                region: RegionId::from_index(member.index()),
                mode,
                disks,
                takes,
                in_flight,
            },
        )
        .boxed()
}

fn zone_outage(
    member: impl Strategy<Value = MemberId> + 'static,
    zones: u16,
) -> BoxedStrategy<FaultKind> {
    (member, 0..zones, mode(), disks(), takes(), in_flight())
        .prop_map(
            |(member, zone, mode, disks, takes, in_flight)| FaultKind::ZoneOutage {
                region: RegionId::from_index(member.index()),
                zone,
                mode,
                disks,
                takes,
                in_flight,
            },
        )
        .boxed()
}

fn degradation(members: u8) -> BoxedStrategy<FaultKind> {
    let member = (0..members).prop_map(MemberId);
    let skew =
        (any::<bool>(), 1_u64..5_000, 0_u32..100).prop_map(|(is_ahead, offset, drift)| Skew {
            is_ahead,
            offset: SimDuration::from_millis(offset),
            drift: f64::from(drift) / 1_000.0,
        });
    prop_oneof![
        (member.clone(), skew).prop_map(|(member, skew)| Degradation::ClockSkew { member, skew }),
        (proptest::option::of(member.clone()), 2_u32..10).prop_map(|(member, factor)| {
            Degradation::LoadSurge {
                region: member.map(|member| RegionId::from_index(member.index())),
                factor: f64::from(factor),
            }
        }),
        (member.clone(), 2_u32..50).prop_map(|(member, factor)| Degradation::SlowHost {
            member,
            factor: f64::from(factor),
        }),
        (member, mode())
            .prop_map(|(member, mode)| Degradation::HealthEndpointDown { member, mode }),
    ]
    .prop_map(FaultKind::Degraded)
    .boxed()
}

fn part(settings: &Settings) -> BoxedStrategy<Part> {
    let place = settings.chaos_place();
    if place.nodes < 2 {
        return Just(Part::Whole).boxed();
    }
    prop_oneof![
        Just(Part::Whole),
        (0..place.nodes).prop_map(Part::Node),
        (0..place.zones).prop_map(Part::Zone),
        (0..place.shards).prop_map(|shard| Part::Primary { shard }),
        (0..place.shards).prop_map(|shard| Part::Replicas { shard }),
    ]
    .boxed()
}

fn paths(settings: &Settings) -> BoxedStrategy<PathSelector> {
    let members = u16::from(settings.chaos_place().members);
    let scope = proptest::sample::select(vec![
        TrafficScope::All,
        TrafficScope::Replication,
        TrafficScope::Clients,
        TrafficScope::Checks,
    ]);
    // Another region, or all of them.
    let to = if members > 1 {
        proptest::option::of(1..members).boxed()
    } else {
        Just(None).boxed()
    };
    let zones = settings.chaos_place().zones;
    let within = (0..members, 0..zones, any::<bool>(), scope.clone()).prop_map(
        |(region, zone, one_way, scope)| PathSelector {
            from: vec![RegionId(region)],
            to: vec![RegionId(region)],
            zone: Some(zone),
            both_ways: !one_way,
            scope,
        },
    );
    let between =
        (0..members, to, any::<bool>(), scope).prop_map(move |(from, to, one_way, scope)| {
            PathSelector {
                from: vec![RegionId(from)],
                to: to
                    .map(|step| RegionId((from + step) % members))
                    .into_iter()
                    .collect(),
                zone: None,
                both_ways: !one_way,
                scope,
            }
        });
    if zones > 1 {
        prop_oneof![4 => between, 1 => within].boxed()
    } else {
        between.boxed()
    }
}

fn disks() -> impl Strategy<Value = Disks> + Clone {
    prop_oneof![Just(Disks::Kept), Just(Disks::Lost)]
}

fn in_flight() -> impl Strategy<Value = InFlight> + Clone {
    prop_oneof![Just(InFlight::Lost), Just(InFlight::Delivered)]
}

pub(super) fn mode() -> impl Strategy<Value = Silence> + Clone {
    prop_oneof![Just(Silence::Silent), Just(Silence::Refusing)]
}

fn takes() -> impl Strategy<Value = Takes> + Clone {
    any::<[bool; 3]>().prop_map(|[app_servers, checkers, proxies]| Takes {
        database: true,
        app_servers,
        checkers,
        proxies,
        coordinator: false,
    })
}
