//! Strategies from their six parts.

use super::relay::{syncer, takeover};
use super::topology::region_list;
use super::{
    Builder, duration, flag, inner, integer, list, number, optional_duration, parts, share, table,
    text,
};
use crate::database::{CheckScope, LagCheck};
use crate::failover::{
    Adopt, ClientConfig, Detector, Evidence, Failback, NameConfig, Pace, ProbeConfig, ProbeKind,
    Propagation, ResolverClass, ResolverShare, RoundPolicy, StrategyConfig, Vantage,
};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node};
use crate::topology::TopologyConfig;

impl Builder<'_, '_> {
    pub(super) fn strategies(
        &mut self,
        nodes: &[Node],
        topology: &TopologyConfig,
    ) -> Vec<StrategyConfig> {
        if nodes.is_empty() {
            let problem = Problem::new(ProblemKind::MissingKey, "strategy", "is an empty list")
                .allowed("at least one [[strategy]]");
            self.report(problem, None);
        }
        self.names(nodes, "strategy", "strategy");
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                self.strategy(inner(node), &path::item("strategy", node, index), topology)
            })
            .collect()
    }

    fn strategy(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> StrategyConfig {
        let vantage = self.vantage(fields, here, topology);
        let evidence: Vec<Evidence> = list(fields, "evidence")
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let key = path::item(&path::join(here, "evidence"), node, index);
                self.evidence(inner(node), &key)
            })
            .collect();
        let propagation = self.propagation(fields, here, topology);
        self.parts_together(fields, here, &vantage, &evidence, &propagation);
        StrategyConfig {
            name: text(fields, "name").to_owned(),
            preset: fields
                .get("preset")
                .and_then(Node::text)
                .or_else(|| list(fields, "stack").first().and_then(Node::text))
                .map(str::to_owned),
            gate: flag(fields, "gate"),
            vantage,
            evidence,
            choice: self.choice(
                table(fields, "choice"),
                &path::join(here, "choice"),
                topology,
            ),
            propagation,
            failback: self.failback(fields),
            client: client(table(fields, "client")),
            balancer: self.balancer(fields, here),
            takeover: takeover(fields),
            syncer: syncer(fields),
            conduct: self.conduct(
                table(fields, "vantage"),
                &path::join(here, "vantage"),
                topology,
            ),
            returning: parts::returning(table(fields, "failback")),
        }
    }

    /// Parts that make no sense together.
    fn parts_together(
        &mut self,
        fields: &Fields,
        here: &str,
        vantage: &Vantage,
        evidence: &[Evidence],
        propagation: &Propagation,
    ) {
        let mut conflict = |key: &str, message: &str, help: &str| {
            let problem =
                Problem::new(ProblemKind::Conflict, path::join(here, key), message).help(help);
            self.report(
                problem,
                fields
                    .get(key)
                    .and_then(Node::mark)
                    .or_else(|| fields.get("name").and_then(Node::mark)),
            );
        };
        let is_nobody = matches!(vantage, Vantage::None);
        let observes = matches!(propagation, Propagation::Upstream(upstream) if upstream.relay.observe.is_some());
        if !is_nobody && evidence.is_empty() && !observes {
            conflict(
                "evidence",
                "a decider without evidence decides nothing",
                "add evidence, such as [{ probe = \"ping\" }]",
            );
        }
        if is_nobody && !evidence.is_empty() {
            conflict(
                "vantage",
                "there is evidence and nobody to see it",
                "add vantage = { at = \"client-process\" } or { at = \"checkers\" }",
            );
        }
        match (vantage, propagation) {
            (Vantage::Checkers { .. }, Propagation::Pointer { .. }) => conflict(
                "propagation",
                "a pointer in the client process cannot be moved by checkers",
                "use propagation = { kind = \"dns\" }, or vantage = { at = \"client-process\" }",
            ),
            (Vantage::ClientProcess, Propagation::Dns { .. }) => conflict(
                "propagation",
                "client processes do not publish DNS records",
                "use propagation = { kind = \"pointer\" }, or vantage = { at = \"checkers\" }",
            ),
            (
                Vantage::Proxy,
                Propagation::Pointer { .. } | Propagation::Dns { .. } | Propagation::None,
            ) => {
                conflict(
                    "propagation",
                    "proxies decide about what goes through them, and nothing does",
                    "use propagation = { kind = \"upstream\" }",
                );
            }
            (Vantage::ClientProcess, Propagation::Upstream(_)) => conflict(
                "propagation",
                "client processes do not tell proxies where to send traffic",
                "use propagation = { kind = \"pointer\" }, or vantage = { at = \"proxy\" }",
            ),
            (Vantage::Proxy | Vantage::Checkers { .. }, _)
                if evidence
                    .iter()
                    .any(|piece| matches!(piece, Evidence::Passive(_))) =>
            {
                conflict(
                    "evidence",
                    "checkers have no traffic of their own to watch, and proxies watch theirs by `propagation.observe`",
                    "use a probe",
                );
            }
            _ => {}
        }
    }

    fn vantage(&mut self, strategy: &Fields, here: &str, topology: &TopologyConfig) -> Vantage {
        let fields = table(strategy, "vantage");
        match text(fields, "at") {
            "client-process" | "application" => Vantage::ClientProcess,
            "proxy" => Vantage::Proxy,
            "people" => {
                Vantage::People(self.runbook(fields, &path::join(here, "vantage"), topology))
            }
            "checkers" => Vantage::Checkers {
                count: integer(fields, "count"),
                healthy_share_above: share(fields, "healthy_share_above"),
                regions: {
                    let key = path::join(&path::join(here, "vantage"), "regions");
                    region_list(self, fields.get("regions"), &key, topology)
                },
                report_delay: duration(fields, "report_delay"),
            },
            _ => Vantage::None,
        }
    }

    pub(super) fn evidence(&mut self, fields: &Fields, here: &str) -> Evidence {
        if fields.get("heartbeat").is_some() {
            return parts::heartbeat(fields);
        }
        let detector = detector(table(fields, "detector"));
        if fields.get("probe").is_none() {
            if matches!(detector, Detector::Round { .. }) {
                let key = path::join(here, "detector");
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    key,
                    "a `policy` judges rounds of probes; passive evidence has none",
                )
                .allowed("`consecutive` or `window`");
                self.report(problem, fields.get("detector").and_then(Node::mark));
            }
            if text(fields, "passive") == "timeouts" {
                return Evidence::PassiveTimeouts(detector);
            }
            return Evidence::Passive(detector);
        }
        let probe = ProbeConfig {
            kind: self.probe_kind(fields, here),
            every: duration(fields, "every"),
            timeout: duration(fields, "timeout"),
            pace: if text(fields, "loop") == "fixed-delay" {
                Pace::FixedDelay
            } else {
                Pace::FixedRate
            },
            probes: integer(fields, "probes"),
            gap: duration(fields, "gap"),
            keeps_connection: flag(fields, "keeps_connection"),
            refinement: parts::refinement(fields),
        };
        Evidence::Probe(probe, detector)
    }

    fn probe_kind(&mut self, fields: &Fields, here: &str) -> ProbeKind {
        let probe = text(fields, "probe");
        let special = parts::probe_kind(fields);
        let (allowed, kind): (&[&str], ProbeKind) = match probe {
            _ if special.is_some() => special.unwrap_or((&[], ProbeKind::Ping)),
            "ping" => (&[], ProbeKind::Ping),
            "connect" => (&[], ProbeKind::Connect),
            _ => {
                let scope = match text(fields, "scope") {
                    "node" => CheckScope::Node,
                    _ => CheckScope::Database,
                };
                let is_lag_aware = probe == "availability-lag";
                let lag = is_lag_aware.then(|| LagCheck {
                    tolerance: optional_duration(fields, "lag_tolerance"),
                });
                let allowed: &[&str] = if is_lag_aware {
                    &["scope", "lag_tolerance"]
                } else {
                    &["scope"]
                };
                (allowed, ProbeKind::Availability { scope, lag })
            }
        };
        for key in parts::SPECIAL_PROBE_KEYS {
            if let Some(node) = fields.get(key).filter(|_| !allowed.contains(&key)) {
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    path::join(here, key),
                    format!("`{key}` says nothing to a `{probe}` probe"),
                );
                let problem = if key == "scope" || key == "lag_tolerance" {
                    problem.allowed("`availability` with `scope`, or `availability-lag`")
                } else {
                    problem.allowed(
                        "`set-get` with `keys`, `replication` with `tolerance`, or `custom`",
                    )
                };
                self.report(problem, node.mark());
            }
        }
        kind
    }

    fn failback(&mut self, strategy: &Fields) -> Failback {
        let fields = table(strategy, "failback");
        if fields.get("after").is_some() {
            Failback::Automatic {
                after: duration(fields, "after"),
            }
        } else if fields.get("every").is_some() {
            Failback::Tick {
                every: duration(fields, "every"),
                grace: duration(fields, "grace"),
            }
        } else if fields.get("manual").is_some() {
            Failback::Manual {
                takes: self.delay(fields, "manual"),
            }
        } else {
            Failback::Never
        }
    }

    fn propagation(
        &mut self,
        strategy: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Propagation {
        let fields = table(strategy, "propagation");
        match text(fields, "kind") {
            "pointer" => Propagation::Pointer {
                adopt: if text(fields, "adopt") == "at-once" {
                    Adopt::AtOnce
                } else {
                    Adopt::NextCommand
                },
                cut_sessions: flag(fields, "cut_sessions"),
            },
            "upstream" => {
                let here = path::join(here, "propagation");
                Propagation::Upstream(self.upstream(fields, &here, topology))
            }
            "dns" => {
                let resolvers = list(fields, "resolvers");
                let key = path::join(&path::join(here, "propagation"), "resolvers");
                if resolvers.is_empty() {
                    let problem = Problem::new(ProblemKind::MissingKey, &key, "is an empty list")
                        .allowed("at least one kind of resolver");
                    self.report(problem, fields.get("resolvers").and_then(Node::mark));
                }
                self.shares(resolvers, &key, "resolvers");
                Propagation::Dns {
                    ttl: duration(fields, "ttl"),
                    publish_delay: duration(fields, "publish_delay"),
                    lookup: duration(fields, "lookup"),
                    resolvers: resolvers.iter().map(|node| resolver(inner(node))).collect(),
                    names: names(fields),
                }
            }
            _ => Propagation::None,
        }
    }
}

fn detector(fields: &Fields) -> Detector {
    if let Some(detector) = parts::detector(fields) {
        return detector;
    }
    if fields.get("policy").is_some() {
        let policy = match text(fields, "policy") {
            "any" => RoundPolicy::Any,
            "majority" => RoundPolicy::Majority,
            _ => RoundPolicy::All,
        };
        return Detector::Round { policy };
    }
    if fields.get("window").is_some() {
        return Detector::WindowRate {
            window: duration(fields, "window"),
            failures: integer(fields, "failures"),
            rate: share(fields, "rate"),
            moves: parts::window_moves(fields),
        };
    }
    Detector::Consecutive {
        down: integer(fields, "consecutive"),
        up: integer(fields, "recover"),
    }
}

fn names(fields: &Fields) -> NameConfig {
    NameConfig {
        looks_each_time: text(fields, "looks") == "each-command",
        shares_cache: flag(fields, "shared_cache"),
        counts_seconds: flag(fields, "whole_seconds"),
        serves_stale: flag(fields, "serve_stale"),
        forgets_after: optional_duration(fields, "forgets_after"),
    }
}

fn resolver(fields: &Fields) -> ResolverShare {
    let class = match text(fields, "class") {
        "local-cache" => ResolverClass::LocalCache(duration(fields, "keeps")),
        "extending" => ResolverClass::Extending(duration(fields, "to")),
        "forever" => ResolverClass::Forever,
        "clamping" => ResolverClass::Clamping {
            least: duration(fields, "least"),
            most: duration(fields, "most"),
        },
        "own-cache" => ResolverClass::OwnCache,
        _ => ResolverClass::Honouring,
    };
    ResolverShare {
        class,
        share: share(fields, "share"),
    }
}

fn client(fields: &Fields) -> ClientConfig {
    let keepalive = fields
        .get("keepalive")
        .and_then(Node::table)
        .map(|keepalive| {
            (
                duration(keepalive, "idle"),
                duration(keepalive, "interval"),
                integer(keepalive, "probes"),
            )
        });
    ClientConfig {
        connect_timeout: duration(fields, "connect_timeout"),
        timeout: optional_duration(fields, "timeout"),
        pool_wait: optional_duration(fields, "pool_wait"),
        attempts: integer(fields, "attempts"),
        retry_wait: duration(fields, "retry_wait"),
        retry_multiplier: number(fields, "retry_multiplier"),
        retry_wait_max: duration(fields, "retry_wait_max"),
        retry_unsafe: flag(fields, "retry_unsafe"),
        retry_same_member: flag(fields, "retry_same_member"),
        fails_at_once_when_down: flag(fields, "fails_at_once_when_down"),
        keepalive,
        user_timeout: optional_duration(fields, "user_timeout"),
        keeps_connections: flag(fields, "keeps_connections"),
        habits: parts::habits(fields),
    }
}
