//! A fault as a table of a scenario file: what equals its default is left out.

use regionfall_kernel::{Distribution, SimDuration};

use crate::fault::{
    Degradation, Disks, FaultKind, FaultSpec, InFlight, MembershipChange, OldActive, Part,
    PathSelector, RoutingFault, Silence, Skew, Takes, TrafficScope,
};
use crate::scenario::read::leaf;
use crate::scenario::read::tree::{Fields, Node, Origin, Value};
use crate::topology::{MemberId, RegionId, TopologyConfig};

/// A fault as a table.
pub(crate) fn fields(fault: &FaultSpec, topology: &TopologyConfig) -> Fields {
    let mut table = Printer {
        topology,
        fields: Fields::default(),
    };
    table.text("kind", fault.kind.word());
    table.whom(&fault.kind);
    table.text("at", &delay(&fault.at));
    if !is_act(&fault.kind) {
        let lasts = fault.lasts.as_ref();
        table.text("lasts", &lasts.map_or("forever".to_owned(), delay));
    }
    table.how(&fault.kind);
    let may_flap = !is_act(&fault.kind) && !matches!(fault.kind, FaultKind::SyncerStopped { .. });
    if let Some(flapping) = fault.flapping.filter(|_| may_flap) {
        let spans = [("period", flapping.period), ("down", flapping.down)];
        let spans = spans.map(|(key, value)| (key.to_owned(), node(Value::Text(span(value)))));
        table.put("flapping", Value::Table(Fields(spans.to_vec())));
    }
    table.fields
}

/// Whether it is something that happens once and is not undone: an operator's act, or a disk that is gone.
pub(crate) fn is_act(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Restore { .. }
            | FaultKind::Promote { .. }
            | FaultKind::DiskLost { .. }
            | FaultKind::RestartSyncers { .. }
            | FaultKind::FailOver { .. }
            | FaultKind::Recreate { .. }
            | FaultKind::Membership(_)
            | FaultKind::Upkeep(_)
            | FaultKind::Routing(
                RoutingFault::NodeAdded { .. } | RoutingFault::RecordChange { .. }
            )
    )
}

/// A share as a percentage that is read back as the same number.
pub(crate) fn percent(share: f64) -> String {
    // The shortest decimal of the share, with its point moved by two places.
    let text = share.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = format!("{fraction:0<2}");
    let (up, rest) = fraction.split_at(2);
    let whole = format!("{whole}{up}");
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() {
        format!("{whole}%")
    } else {
        format!("{whole}.{rest}%")
    }
}

/// A span as people write it.
pub(crate) fn span(span: SimDuration) -> String {
    leaf::span_text(span.as_nanos())
}

pub(super) fn delay(distribution: &Distribution) -> String {
    match distribution {
        Distribution::Constant(constant) => span(*constant),
        other => other.to_string(),
    }
}

pub(super) const fn node(value: Value) -> Node {
    Node::new(value, Origin::Default(None))
}

pub(super) struct Printer<'a> {
    topology: &'a TopologyConfig,
    fields: Fields,
}

impl Printer<'_> {
    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.fields.0.push((key.to_owned(), node(value)));
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.put(key, Value::Text(text.to_owned()));
    }

    fn name(&self, region: RegionId) -> String {
        self.topology.regions[region.index()].name.clone()
    }

    pub(super) fn region(&mut self, region: RegionId) {
        let name = self.name(region);
        self.text("region", &name);
    }

    pub(super) fn member(&mut self, member: MemberId) {
        self.region(RegionId::from_index(member.index()));
    }

    fn regions(&mut self, key: &str, regions: &[RegionId]) {
        let names: Vec<Node> = regions
            .iter()
            .map(|&region| node(Value::Text(self.name(region))))
            .collect();
        match regions {
            [] => {}
            [one] => {
                let name = self.name(*one);
                self.text(key, &name);
            }
            _ => self.put(key, Value::List(names)),
        }
    }

    /// Whom it strikes.
    fn whom(&mut self, kind: &FaultKind) {
        match kind {
            FaultKind::ProcessCrash { member, part, .. }
            | FaultKind::HostCrash { member, part, .. }
            | FaultKind::Hang { member, part }
            | FaultKind::FsyncStall { member, part }
            | FaultKind::DiskLost { member, part } => {
                self.member(*member);
                self.part(*part);
            }
            FaultKind::RegionOutage { region, .. } => self.region(*region),
            FaultKind::ZoneOutage { region, zone, .. } => {
                self.region(*region);
                self.put("zone", Value::Integer(i64::from(*zone)));
            }
            FaultKind::Restore { member } | FaultKind::RestartSyncers { member } => {
                self.member(*member);
            }
            FaultKind::SyncerStopped { member, source } => {
                self.member(*member);
                if let Some(source) = source {
                    let name = self.name(RegionId::from_index(source.index()));
                    self.text("source", &name);
                }
            }
            FaultKind::FailOver { member, .. } | FaultKind::Recreate { member } => {
                if let Some(member) = member {
                    self.member(*member);
                }
            }
            FaultKind::Promote { member, node } => {
                self.member(*member);
                self.put("node", Value::Integer(i64::from(*node)));
            }
            FaultKind::Partition { paths, .. }
            | FaultKind::Latency { paths, .. }
            | FaultKind::Loss { paths, .. } => self.paths(paths),
            FaultKind::Degraded(Degradation::LoadSurge { region, .. }) => {
                if let Some(region) = region {
                    self.region(*region);
                }
            }
            FaultKind::Degraded(degradation) => {
                if let Some(member) = degradation.member() {
                    self.member(member);
                }
            }
            FaultKind::Membership(change) => self.member(change.member),
            FaultKind::Routing(fault) => self.whom_on_the_way(*fault),
            FaultKind::Upkeep(upkeep) => self.member(upkeep.member),
        }
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Whole => {}
            Part::Node(number) => self.put("node", Value::Integer(i64::from(number))),
            Part::Zone(zone) => self.put("zone", Value::Integer(i64::from(zone))),
            Part::Primary { shard } => self.role("primary", shard),
            Part::Replicas { shard } => self.role("replicas", shard),
        }
    }

    fn role(&mut self, role: &str, shard: u16) {
        self.text("node", role);
        if shard != 0 {
            self.put("shard", Value::Integer(i64::from(shard)));
        }
    }

    fn paths(&mut self, paths: &PathSelector) {
        match (&paths.from[..], &paths.to[..]) {
            ([from], [to]) if from == to => {
                let name = self.name(*from);
                self.text("within", &name);
                if let Some(zone) = paths.zone {
                    self.put("zone", Value::Integer(i64::from(zone)));
                }
            }
            ([from], [to]) => {
                let ends = [*from, *to].map(|end| node(Value::Text(self.name(end))));
                self.put("between", Value::List(ends.to_vec()));
            }
            (from, to) => {
                self.regions("from", from);
                self.regions("to", to);
            }
        }
        if !paths.both_ways {
            self.text("direction", "one-way");
        }
        match paths.scope {
            TrafficScope::All => {}
            TrafficScope::Replication => self.text("scope", "replication"),
            TrafficScope::Clients => self.text("scope", "clients"),
            TrafficScope::Checks => self.text("scope", "checks"),
        }
    }

    /// What it does to them.
    fn how(&mut self, kind: &FaultKind) {
        match kind {
            FaultKind::ProcessCrash {
                disks, in_flight, ..
            } => {
                self.disks(*disks);
                self.in_flight(*in_flight, InFlight::Delivered);
            }
            FaultKind::HostCrash {
                disks, in_flight, ..
            } => {
                self.disks(*disks);
                self.in_flight(*in_flight, InFlight::Lost);
            }
            FaultKind::ZoneOutage {
                mode,
                disks,
                takes,
                in_flight,
                ..
            }
            | FaultKind::RegionOutage {
                mode,
                disks,
                takes,
                in_flight,
                ..
            } => {
                self.mode(*mode);
                self.disks(*disks);
                self.takes(*takes);
                self.in_flight(*in_flight, InFlight::Lost);
            }
            FaultKind::Partition {
                mode, in_flight, ..
            } => {
                self.mode(*mode);
                self.in_flight(*in_flight, InFlight::Lost);
            }
            FaultKind::Latency { add, .. } => self.text("add", &delay(add)),
            FaultKind::Loss { share, .. } => self.text("share", &percent(*share)),
            FaultKind::Degraded(degradation) => self.degradation(degradation),
            FaultKind::Membership(change) => self.trigger(change),
            FaultKind::Routing(fault) => self.how_on_the_way(*fault),
            FaultKind::Upkeep(upkeep) => self.upkeep(&upkeep.task),
            FaultKind::FailOver { old, .. } => {
                if *old == OldActive::Unlinked {
                    self.text("old", "unlinked");
                }
            }
            FaultKind::SyncerStopped { .. }
            | FaultKind::RestartSyncers { .. }
            | FaultKind::Recreate { .. }
            | FaultKind::Hang { .. }
            | FaultKind::FsyncStall { .. }
            | FaultKind::DiskLost { .. }
            | FaultKind::Restore { .. }
            | FaultKind::Promote { .. } => {}
        }
    }

    fn degradation(&mut self, degradation: &Degradation) {
        match degradation {
            Degradation::ClockSkew { skew, .. } => self.skew(skew),
            Degradation::LoadSurge { factor, .. }
            | Degradation::SlowHost { factor, .. }
            | Degradation::SlowDisk { factor, .. } => {
                self.put("factor", Value::Number(*factor));
            }
            Degradation::HealthEndpointDown { mode, .. }
            | Degradation::CoordinatorDown { mode } => self.mode(*mode),
        }
    }

    fn skew(&mut self, skew: &Skew) {
        if skew.offset > SimDuration::ZERO {
            self.text("offset", &span(skew.offset));
        }
        if skew.drift > 0.0 {
            self.text("drift", &percent(skew.drift));
        }
        if !skew.is_ahead {
            self.text("direction", "behind");
        }
    }

    fn trigger(&mut self, change: &MembershipChange) {
        let Some(trigger) = &change.when else { return };
        self.text(
            "when",
            &format!("memory > {}", percent(trigger.memory_above)),
        );
        let zero = Distribution::Constant(SimDuration::ZERO);
        if trigger.reaction != zero {
            self.text("reaction", &delay(&trigger.reaction));
        }
    }

    fn disks(&mut self, disks: Disks) {
        if disks == Disks::Lost {
            self.text("disks", "lost");
        }
    }

    pub(super) fn mode(&mut self, mode: Silence) {
        if mode == Silence::Refusing {
            self.text("mode", "refusing");
        }
    }

    fn in_flight(&mut self, in_flight: InFlight, usual: InFlight) {
        if in_flight != usual {
            let word = match in_flight {
                InFlight::Lost => "lost",
                InFlight::Delivered => "delivered",
            };
            self.text("in_flight", word);
        }
    }

    fn takes(&mut self, takes: Takes) {
        let words = [
            (takes.database, "database"),
            (takes.app_servers, "app-servers"),
            (takes.checkers, "checkers"),
            (takes.proxies, "proxies"),
            (takes.coordinator, "coordinator"),
        ];
        if words.map(|(is_taken, _)| is_taken) != [true, false, false, false, false] {
            let words = words.iter().filter(|(is_taken, _)| *is_taken);
            let words = words.map(|(_, word)| node(Value::Text((*word).to_owned())));
            self.put("takes", Value::List(words.collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_printed_without_noise() {
        for (share, text) in [
            (0.07, "7%"),
            (0.07125, "7.125%"),
            (1.0, "100%"),
            (0.5, "50%"),
            (0.0002, "0.02%"),
            (0.0, "0%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
