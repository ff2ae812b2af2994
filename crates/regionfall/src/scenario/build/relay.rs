//! What carries traffic: proxies and load balancers.

use super::{Builder, duration, flag, inner, integer, list, optional_duration, share, table, text};
use crate::failover::{
    BalancerConfig, Connections, Detector, Evidence, Observe, ObserveAction, OnDown, PoolConfig,
    ProbeConfig, RelayConfig, RelayPlace, SyncerConfig, Takeover, UpstreamConfig, VrrpConfig,
};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{path, quantity};
use crate::topology::TopologyConfig;

impl Builder<'_, '_> {
    pub(super) fn upstream(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> UpstreamConfig {
        let place = match text(fields, "place") {
            "app-host" => RelayPlace::AppHost,
            "edge" => RelayPlace::Edge,
            "pool" => RelayPlace::Pool(PoolConfig {
                count: integer(fields, "count"),
                ttl: duration(fields, "ttl"),
                withdraw_after: optional_duration(fields, "withdraw_after"),
                tries_all_addresses: flag(fields, "tries_all_addresses"),
            }),
            _ => RelayPlace::Central {
                region: fields
                    .get("region")
                    .and_then(|node| self.region(node, &path::join(here, "region"), topology)),
            },
        };
        UpstreamConfig {
            place,
            relay: relay(fields),
            publish_delay: duration(fields, "publish_delay"),
        }
    }

    pub(super) fn balancer(&mut self, strategy: &Fields, here: &str) -> Option<BalancerConfig> {
        let node = strategy.get("balancer")?;
        let fields = table(strategy, "balancer");
        let here = path::join(here, "balancer");
        let mut probes: Vec<(ProbeConfig, Detector)> = Vec::new();
        for (index, item) in list(fields, "evidence").iter().enumerate() {
            let key = path::item(&path::join(&here, "evidence"), item, index);
            match self.evidence(inner(item), &key) {
                Evidence::Probe(probe, detector) => probes.push((probe, detector)),
                Evidence::Passive(_) | Evidence::PassiveTimeouts(_) | Evidence::Heartbeat(_) => {
                    let message = "a balancer sees its own traffic by `observe`";
                    let problem = Problem::new(ProblemKind::Conflict, key, message);
                    self.report(problem.allowed("a probe"), item.mark());
                }
            }
        }
        if probes.is_empty() {
            let key = path::join(&here, "evidence");
            let problem = Problem::new(ProblemKind::MissingKey, key, "is an empty list")
                .allowed("at least one probe");
            self.report(problem, node.mark());
        }
        Some(BalancerConfig {
            evidence: probes,
            fail_open: flag(fields, "fail_open"),
            relay: relay(fields),
        })
    }
}

fn relay(fields: &Fields) -> RelayConfig {
    let rate = |key: &str| {
        fields.get(key)?;
        quantity::rate(text(fields, key)).ok()
    };
    RelayConfig {
        connections: match text(fields, "connections") {
            "passed" => Connections::Passed,
            "terminated" => Connections::Terminated,
            _ => Connections::Relayed,
        },
        latency: duration(fields, "latency"),
        capacity: rate("capacity"),
        max_sessions: fields
            .get("max_sessions")
            .map(|_| integer(fields, "max_sessions")),
        sessions_per_second: rate("session_rate"),
        connect_timeout: optional_duration(fields, "connect_timeout"),
        retries: integer(fields, "retries"),
        retry_wait: duration(fields, "retry_wait"),
        redispatch: flag(fields, "redispatch"),
        reply_timeout: optional_duration(fields, "reply_timeout"),
        idle_timeout: optional_duration(fields, "idle_timeout"),
        on_down: match text(fields, "on_down") {
            "cut" => OnDown::Cut,
            "reset" => OnDown::Reset,
            _ => OnDown::Keep,
        },
        cut_on_return: fields.get("cut_on_return").is_some() && flag(fields, "cut_on_return"),
        observe: fields
            .get("observe")
            .and_then(Node::table)
            .map(|fields| Observe {
                failures: integer(fields, "failures"),
                action: if text(fields, "action") == "eject" {
                    ObserveAction::Eject {
                        base: duration(fields, "base"),
                        most: duration(fields, "most"),
                        share: share(fields, "share"),
                        always_one: flag(fields, "always_one"),
                        sweep: duration(fields, "sweep"),
                    }
                } else {
                    ObserveAction::MarkDown
                },
            }),
    }
}

pub(super) fn takeover(strategy: &Fields) -> Takeover {
    let fields = table(strategy, "takeover");
    match text(fields, "by") {
        "vrrp" => Takeover::Vrrp(VrrpConfig {
            advert: duration(fields, "advert"),
            missed: integer(fields, "missed"),
            priorities: [
                integer(fields, "priority"),
                integer(fields, "backup_priority"),
            ],
            preempt: flag(fields, "preempt"),
            preempt_delay: duration(fields, "preempt_delay"),
            announces_again: flag(fields, "announces_again"),
            check_every: duration(fields, "check_every"),
            check_fall: integer(fields, "check_fall"),
            check_rise: integer(fields, "check_rise"),
        }),
        "watchdog" => Takeover::Watchdog {
            poll: duration(fields, "poll"),
            restart: duration(fields, "restart"),
        },
        _ => Takeover::None,
    }
}

pub(super) fn syncer(strategy: &Fields) -> Option<SyncerConfig> {
    strategy.get("syncer")?;
    let fields = table(strategy, "syncer");
    Some(SyncerConfig {
        every: duration(fields, "every"),
        apply: duration(fields, "apply"),
        cuts_sessions: flag(fields, "cuts_sessions"),
    })
}
