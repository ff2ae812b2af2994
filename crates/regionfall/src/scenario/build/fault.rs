//! Fault plans.

use regionfall_kernel::SimDuration;

use super::topology::region_list;
use super::{Builder, duration, inner, integer, list, share, table, text};
use crate::fault::{
    Disks, FaultKind, FaultSpec, Flapping, InFlight, OldActive, Part, PathSelector, RoutingFault,
    Silence, Takes, TrafficScope, UpkeepTask,
};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::model::Phases;
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{distribution, leaf, path};
use crate::topology::{MemberId, RegionId, TopologyConfig};

impl Builder<'_, '_> {
    pub(super) fn faults(
        &mut self,
        nodes: &[Node],
        here: &str,
        topology: &TopologyConfig,
        phases: Phases,
    ) -> Vec<FaultSpec> {
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                self.fault(inner(node), &format!("{here}.{index}"), topology, phases)
            })
            .collect()
    }

    fn fault(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
        phases: Phases,
    ) -> FaultSpec {
        let at = match fields.get("at") {
            Some(node) => self.delay_of(node),
            // Only operators' actions may say nothing: they watch from the beginning of the storm.
            None => regionfall_kernel::Distribution::Constant(phases.warm_up),
        };
        self.within_storm(fields, here, &at, phases);
        let lasts = match fields.get("lasts") {
            Some(node) if node.text() == Some("forever") => None,
            Some(node) => Some(self.delay_of(node)),
            None => None,
        };
        if lasts.as_ref().and_then(distribution::longest) == Some(SimDuration::ZERO) {
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                path::join(here, "lasts"),
                "a fault that lasts no time is none",
            )
            .got(fields.get("lasts").map(Node::excerpt).unwrap_or_default())
            .allowed("a span above 0s, or \"forever\"");
            self.report(problem, fields.get("lasts").and_then(Node::mark));
        }
        FaultSpec {
            kind: self.fault_kind(fields, here, topology),
            at,
            lasts,
            flapping: self.flapping(fields, here),
        }
    }

    fn within_storm(
        &mut self,
        fields: &Fields,
        here: &str,
        at: &regionfall_kernel::Distribution,
        phases: Phases,
    ) {
        let begins = phases.warm_up;
        let ends = phases.warm_up + phases.storm;
        let latest = distribution::longest(at);
        let is_within =
            distribution::shortest(at) >= begins && latest.is_some_and(|latest| latest <= ends);
        if is_within {
            return;
        }
        let message = match latest {
            None => "the fault may begin at any time, also outside the storm",
            Some(_) => "the fault may begin outside the storm",
        };
        let problem = Problem::new(ProblemKind::FaultOutsideStorm, path::join(here, "at"), message)
            .got(fields.get("at").map(Node::excerpt).unwrap_or_default())
            .allowed(format!(
                "from {} (end of warm-up) to {} (end of storm), counted from the start of the run, such as \"uniform({0}, {})\"",
                leaf::span_text(begins.as_nanos()),
                leaf::span_text(ends.as_nanos()),
                leaf::span_text((begins + phases.storm / 2).as_nanos()),
            ));
        self.report(problem, fields.get("at").and_then(Node::mark));
    }

    fn flapping(&mut self, fields: &Fields, here: &str) -> Option<Flapping> {
        fields.get("flapping")?;
        let flap = table(fields, "flapping");
        let flapping = Flapping {
            period: duration(flap, "period"),
            down: duration(flap, "down"),
        };
        if flapping.down >= flapping.period {
            let key = path::join(&path::join(here, "flapping"), "down");
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                key,
                "must be shorter than the period",
            )
            .got(flapping.down.to_string())
            .allowed(format!("less than {}", flapping.period));
            self.report(problem, flap.get("down").and_then(Node::mark));
        }
        Some(flapping)
    }

    fn fault_kind(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> FaultKind {
        self.kept_by(fields, here);
        match text(fields, "kind") {
            "host-crash" => FaultKind::HostCrash {
                member: self.struck_member(fields, here, topology),
                part: self.part(fields, here, topology),
                disks: disks(fields),
                in_flight: in_flight(fields),
            },
            "hang" => FaultKind::Hang {
                member: self.struck_member(fields, here, topology),
                part: self.part(fields, here, topology),
            },
            "region-outage" => FaultKind::RegionOutage {
                region: fields
                    .get("region")
                    .and_then(|node| self.region(node, &path::join(here, "region"), topology))
                    .unwrap_or(RegionId(0)),
                mode: silence(fields),
                disks: disks(fields),
                takes: self.takes(fields, here),
                in_flight: in_flight(fields),
            },
            "fsync-stall" => FaultKind::FsyncStall {
                member: self.struck_member(fields, here, topology),
                part: self.part(fields, here, topology),
            },
            "disk-lost" => FaultKind::DiskLost {
                member: self.struck_member(fields, here, topology),
                part: self.part(fields, here, topology),
            },
            "restore" => FaultKind::Restore {
                member: self.struck_member(fields, here, topology),
            },
            "promote" => FaultKind::Promote {
                member: self.struck_member(fields, here, topology),
                node: integer(fields, "node"),
            },
            "syncer-stopped" | "restart-syncers" | "fail-over" | "recreate" => {
                self.operated(fields, here, topology)
            }
            "zone-outage" => {
                let region = fields
                    .get("region")
                    .and_then(|node| self.region(node, &path::join(here, "region"), topology))
                    .unwrap_or(RegionId(0));
                FaultKind::ZoneOutage {
                    region,
                    zone: self.zone(fields, here, topology, region).unwrap_or(0),
                    mode: silence(fields),
                    disks: disks(fields),
                    takes: self.takes(fields, here),
                    in_flight: in_flight(fields),
                }
            }
            "partition" => FaultKind::Partition {
                paths: self.paths(fields, here, topology),
                mode: silence(fields),
                in_flight: in_flight(fields),
            },
            "latency" => FaultKind::Latency {
                paths: self.paths(fields, here, topology),
                add: self.delay(fields, "add"),
            },
            "loss" => FaultKind::Loss {
                paths: self.paths(fields, here, topology),
                share: share(fields, "share"),
            },
            "force-remove" | "purge" | "rejoin" => {
                FaultKind::Membership(self.membership(fields, here, topology))
            }
            word if UpkeepTask::WORDS.contains(&word) => {
                FaultKind::Upkeep(self.upkeep(fields, here, topology))
            }
            word if RoutingFault::WORDS.contains(&word) => {
                FaultKind::Routing(self.routing(fields, here, topology))
            }
            "clock-skew"
            | "load-surge"
            | "slow-host"
            | "slow-disk"
            | "health-endpoint-down"
            | "coordinator-down" => FaultKind::Degraded(self.degradation(fields, here, topology)),
            _ => FaultKind::ProcessCrash {
                member: self.struck_member(fields, here, topology),
                part: self.part(fields, here, topology),
                disks: disks(fields),
                in_flight: in_flight(fields),
            },
        }
    }

    pub(super) fn struck_member(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> MemberId {
        fields
            .get("region")
            .and_then(|node| self.member(node, &path::join(here, "region"), topology))
            .unwrap_or(MemberId(0))
    }

    /// What is about syncers, or is an operator's act.
    fn operated(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> FaultKind {
        match text(fields, "kind") {
            "syncer-stopped" => FaultKind::SyncerStopped {
                member: self.struck_member(fields, here, topology),
                source: fields
                    .get("source")
                    .and_then(|node| self.member(node, &path::join(here, "source"), topology)),
            },
            "restart-syncers" => FaultKind::RestartSyncers {
                member: self.struck_member(fields, here, topology),
            },
            "fail-over" => FaultKind::FailOver {
                member: self.member_if_any(fields, here, topology),
                old: if text(fields, "old") == "unlinked" {
                    OldActive::Unlinked
                } else {
                    OldActive::Follows
                },
            },
            _ => FaultKind::Recreate {
                member: self.member_if_any(fields, here, topology),
            },
        }
    }

    /// The member in the region that is named; a variant of the scenario may have none there.
    fn member_if_any(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Option<MemberId> {
        let node = fields.get("region")?;
        let region = self.region(node, &path::join(here, "region"), topology)?;
        (region.index() < topology.members).then(|| MemberId::from_index(region.index()))
    }

    /// Which nodes of the member are struck.
    fn part(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> Part {
        let member = self.struck_member(fields, here, topology);
        let zone = self.zone(fields, here, topology, RegionId::from_index(member.index()));
        if let (Some(_), Some(node)) = (zone, fields.get("node")) {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "zone"),
                "`zone` does not go with `node`",
            );
            self.report(problem, node.key_mark());
        }
        let shard = integer(fields, "shard");
        match (fields.get("node"), zone) {
            (None, None) => Part::Whole,
            (None, Some(zone)) => Part::Zone(zone),
            (Some(node), _) => match node.text() {
                Some("primary") => Part::Primary { shard },
                Some(_) => Part::Replicas { shard },
                None => Part::Node(integer(fields, "node")),
            },
        }
    }

    /// The zone that is named, if one is and the region has it.
    fn zone(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
        region: RegionId,
    ) -> Option<u16> {
        let node = fields.get("zone")?;
        let zone: u16 = integer(fields, "zone");
        let zones = topology.regions[region.index()].zones.max(1);
        if zone >= zones {
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                path::join(here, "zone"),
                "the region has no such zone",
            )
            .got(node.excerpt())
            .allowed(format!("0 to {}, counted from 0", zones - 1));
            self.report(problem, node.mark());
            return None;
        }
        Some(zone)
    }

    fn takes(&mut self, fields: &Fields, here: &str) -> Takes {
        let words: Vec<&str> = list(fields, "takes")
            .iter()
            .filter_map(Node::text)
            .collect();
        let takes = Takes {
            database: words.contains(&"database"),
            app_servers: words.contains(&"app-servers"),
            checkers: words.contains(&"checkers"),
            proxies: words.contains(&"proxies"),
            coordinator: words.contains(&"coordinator"),
        };
        if words.is_empty() {
            let problem = Problem::new(
                ProblemKind::MissingKey,
                path::join(here, "takes"),
                "an outage that takes nothing is none",
            )
            .allowed("at least one of \"database\", \"app-servers\", \"checkers\", \"proxies\", \"coordinator\"");
            self.report(problem, fields.get("takes").and_then(Node::mark));
        }
        takes
    }

    fn paths(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> PathSelector {
        let both_ways = text(fields, "direction") != "one-way";
        let scope = match text(fields, "scope") {
            "replication" => TrafficScope::Replication,
            "clients" => TrafficScope::Clients,
            "checks" => TrafficScope::Checks,
            _ => TrafficScope::All,
        };
        if let Some(within) = fields.get("within") {
            return self.paths_within(within, fields, here, topology, (both_ways, scope));
        }
        if let Some(zone) = fields.get("zone") {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "zone"),
                "`zone` goes with `within`",
            );
            self.report(problem, zone.key_mark());
        }
        let Some(between) = fields.get("between") else {
            let mut ends =
                |key: &str| region_list(self, fields.get(key), &path::join(here, key), topology);
            return PathSelector {
                from: ends("from"),
                to: ends("to"),
                zone: None,
                both_ways,
                scope,
            };
        };
        if let Some(other) = fields.get("from").or_else(|| fields.get("to")) {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "between"),
                "`between` does not go with `from` and `to`",
            );
            self.report(problem, other.key_mark());
        }
        let key = path::join(here, "between");
        let regions = region_list(self, Some(between), &key, topology);
        let is_pair = between.list().is_some_and(|ends| ends.len() == 2);
        if !is_pair || (regions.len() == 2 && regions[0] == regions[1]) {
            let problem =
                Problem::new(ProblemKind::OutOfRange, key, "names the two ends of a path")
                    .got(between.value.to_toml())
                    .allowed("two regions that differ");
            self.report(problem, between.mark());
        }
        PathSelector {
            from: regions.first().copied().into_iter().collect(),
            to: regions.get(1).copied().into_iter().collect(),
            zone: None,
            both_ways,
            scope,
        }
    }

    /// The paths inside of one region.
    fn paths_within(
        &mut self,
        within: &Node,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
        (both_ways, scope): (bool, TrafficScope),
    ) -> PathSelector {
        for other in ["between", "from", "to"] {
            if let Some(other) = fields.get(other) {
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    path::join(here, "within"),
                    "`within` does not go with `between`, `from` and `to`",
                );
                self.report(problem, other.key_mark());
            }
        }
        let region = self
            .region(within, &path::join(here, "within"), topology)
            .unwrap_or(RegionId(0));
        PathSelector {
            from: vec![region],
            to: vec![region],
            zone: self.zone(fields, here, topology, region),
            both_ways,
            scope,
        }
    }
}

fn disks(fields: &Fields) -> Disks {
    if text(fields, "disks") == "lost" {
        Disks::Lost
    } else {
        Disks::Kept
    }
}

fn in_flight(fields: &Fields) -> InFlight {
    if text(fields, "in_flight") == "delivered" {
        InFlight::Delivered
    } else {
        InFlight::Lost
    }
}

pub(super) fn silence(fields: &Fields) -> Silence {
    if text(fields, "mode") == "refusing" {
        Silence::Refusing
    } else {
        Silence::Silent
    }
}
