//! Faults of what carries traffic, and of what decides where to, as far as a strategy has any of it.

use proptest::prelude::*;

use super::fault::mode;
use crate::failover::{Propagation, StrategyConfig, Takeover, Vantage};
use crate::fault::{Degradation, FaultKind, ProxyEnd, RoutingFault};
use crate::scenario::Settings;
use crate::topology::{MemberId, RegionId};

/// Those that the strategies of a scenario can meet; nothing if they only have clients.
pub(super) fn on_the_way(settings: &Settings) -> Option<BoxedStrategy<FaultKind>> {
    let has = |what: fn(&StrategyConfig) -> bool| settings.strategies.iter().any(what);
    let members = settings.chaos_place().members;
    let member = || (0..members).prop_map(MemberId);
    let region = || proptest::option::of((0..u16::from(members)).prop_map(RegionId));
    let mut kinds: Vec<BoxedStrategy<FaultKind>> = Vec::new();
    let mut add = |kind: BoxedStrategy<RoutingFault>| {
        kinds.push(kind.prop_map(FaultKind::Routing).boxed());
    };
    if has(|strategy| matches!(strategy.propagation, Propagation::Dns { .. })) {
        add(Just(RoutingFault::DnsDown).boxed());
        add(member()
            .prop_map(|member| RoutingFault::RecordChange { member })
            .boxed());
    }
    if has(|strategy| matches!(strategy.vantage, Vantage::Checkers { .. })) {
        add((region(), any::<bool>())
            .prop_map(|(region, reports_lost)| RoutingFault::CheckersCutOff {
                region,
                reports_lost,
            })
            .boxed());
    }
    if has(|strategy| matches!(strategy.propagation, Propagation::Upstream(_))) {
        let how = prop_oneof![
            Just(ProxyEnd::Crash),
            Just(ProxyEnd::Host),
            Just(ProxyEnd::Hang)
        ];
        let number = proptest::option::of(0_u8..2);
        add((region(), number, how)
            .prop_map(|(region, number, how)| RoutingFault::ProxyCrash {
                region,
                number,
                how,
            })
            .boxed());
    }
    if has(|strategy| strategy.balancer.is_some()) {
        add((member(), mode())
            .prop_map(|(member, mode)| RoutingFault::BalancerDown { member, mode })
            .boxed());
    }
    if has(|strategy| matches!(strategy.takeover, Takeover::Vrrp(_))) {
        add((region(), 0_u8..2, any::<bool>())
            .prop_map(|(region, number, orderly)| RoutingFault::AddressDaemon {
                region,
                number,
                orderly,
            })
            .boxed());
        add((region(), proptest::option::of(0_u8..2))
            .prop_map(|(region, from)| RoutingFault::AdvertsLost { region, from })
            .boxed());
    }
    if has(|strategy| strategy.syncer.is_some()) {
        add(Just(RoutingFault::SyncerStuck).boxed());
    }
    if has(|strategy| strategy.conduct.lease.is_some()) {
        let down = mode().prop_map(|mode| Degradation::CoordinatorDown { mode });
        kinds.push(down.prop_map(FaultKind::Degraded).boxed());
    }
    (!kinds.is_empty()).then(|| proptest::strategy::Union::new(kinds).boxed())
}
