//! Words for what the model holds: names of files, faults, objectives, numbers in sentences.

use regionfall::explore::CellRuns;
use regionfall::fault::{
    Degradation, Disks, FaultKind, MembershipChange, Part, PathSelector, TrafficScope, Upkeep,
    UpkeepTask,
};
use regionfall::metric::{Column, RUN_COLUMNS, Unit};
use regionfall::network::Silence;
use regionfall::scenario::{Objective, Sense, Settings, Statistic};
use regionfall::topology::{MemberId, RegionId};

/// A name as part of the name of a file: lower case, words joined by hyphens.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() || c == '.' || c == '_' {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches(['-', '.']).to_owned();
    if slug.is_empty() {
        "unnamed".to_owned()
    } else {
        slug
    }
}

/// Names as parts of file names, told apart where their slugs are equal.
pub(crate) fn slugs<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut slugs: Vec<String> = Vec::new();
    for name in names {
        let plain = slug(name);
        let mut own = plain.clone();
        let mut number = 2;
        while slugs.contains(&own) {
            own = format!("{plain}-{number}");
            number += 1;
        }
        slugs.push(own);
    }
    slugs
}

/// The name of a block of a comparison: its case, and its variant if there are several.
pub(crate) fn block_name(cell: &CellRuns<'_>, has_variants: bool) -> String {
    if has_variants {
        format!("{}: {}", cell.variant.name, cell.case.name)
    } else {
        cell.case.name.clone()
    }
}

/// The column of a name that is known to be one.
pub(crate) fn column(name: &str) -> Option<&'static Column> {
    RUN_COLUMNS.iter().find(|column| column.name == name)
}

/// The unit of a column in tables, and what its values are multiplied by.
pub(crate) fn unit_for_people(unit: Unit) -> (&'static str, f64) {
    match unit {
        Unit::Milliseconds => ("s", 1e-3),
        Unit::Writes => ("writes", 1.0),
        Unit::Reads => ("reads", 1.0),
        Unit::Servers => ("app servers", 1.0),
        Unit::Share => ("%", 100.0),
        Unit::Bytes => ("bytes", 1.0),
        Unit::Count | Unit::Word => ("", 1.0),
    }
}

/// The unit of a column as scripts get it: that of the values themselves.
pub(crate) const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Writes => "writes",
        Unit::Reads => "reads",
        Unit::Servers => "app servers",
        Unit::Share => "share",
        Unit::Bytes => "bytes",
        Unit::Count | Unit::Word => "count",
    }
}

/// A value of a column in words: `11.7 s`, `99.91 %`, `7 writes`.
pub(crate) fn value(column: &str, value: f64) -> String {
    let unit = self::column(column).map_or(Unit::Count, |column| column.unit);
    let (unit, factor) = unit_for_people(unit);
    let shown = if value.is_infinite() {
        "not before the end".to_owned()
    } else {
        number(value * factor)
    };
    if unit.is_empty() || value.is_infinite() {
        shown
    } else {
        format!("{shown} {unit}")
    }
}

/// A number with three digits that count.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share in per cent.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// A share of a whole without decimals, of which some is never shown as nothing, nor as all: `<1 %`, `93 %`.
pub(crate) fn whole_percent(share: f64) -> String {
    match share * 100.0 {
        v if v > 0.0 && v < 0.5 => "<1\u{a0}%".to_owned(),
        v if (99.5..100.0).contains(&v) => ">99\u{a0}%".to_owned(),
        v => format!("{v:.0}\u{a0}%"),
    }
}

/// A column's name without its unit.
pub(crate) fn short(column: &str) -> &str {
    column.strip_suffix("_ms").unwrap_or(column)
}

/// Why no run has a value of a column.
pub(crate) fn without_value(column: &str) -> &'static str {
    let is_recovery = ["rto_", "read_rto_", "service_rto_"];
    if is_recovery.iter().any(|start| column.starts_with(start)) {
        "nobody was exposed"
    } else {
        "no run has a value"
    }
}

/// An objective in words: `p95 of rto_p99 ≤ 60 s`.
pub(crate) fn objective(objective: &Objective) -> String {
    let statistic = match objective.statistic {
        Statistic::Quantile(order) => format!("p{}", number(order * 100.0)),
        Statistic::Mean => "mean".to_owned(),
        Statistic::Max => "max".to_owned(),
        Statistic::Min => "min".to_owned(),
    };
    let side = match objective.sense {
        Sense::AtMost => '≤',
        Sense::AtLeast => '≥',
    };
    format!(
        "{statistic} of {} {side} {}",
        short(&objective.column),
        value(&objective.column, objective.limit)
    )
}

/// A fault in a few words.
pub(crate) fn fault(kind: &FaultKind, settings: &Settings) -> String {
    let region = |id: RegionId| settings.topology.regions[id.index()].name.as_str();
    let home = |member: MemberId| region(RegionId::from_index(member.index()));
    match kind {
        FaultKind::ProcessCrash {
            member,
            part,
            disks,
            ..
        } => {
            format!(
                "process crash {} {}, {}",
                nodes(*part),
                home(*member),
                lost(*disks)
            )
        }
        FaultKind::HostCrash {
            member,
            part,
            disks,
            ..
        } => {
            format!(
                "host crash {} {}, {}",
                nodes(*part),
                home(*member),
                lost(*disks)
            )
        }
        FaultKind::Hang { member, part } => format!("hang {} {}", nodes(*part), home(*member)),
        FaultKind::FsyncStall { member, part } => {
            format!("fsync stall {} {}", nodes(*part), home(*member))
        }
        FaultKind::DiskLost { member, part } => {
            format!("disk lost {} {}", nodes(*part), home(*member))
        }
        FaultKind::Restore { .. }
        | FaultKind::Promote { .. }
        | FaultKind::SyncerStopped { .. }
        | FaultKind::RestartSyncers { .. }
        | FaultKind::FailOver { .. }
        | FaultKind::Recreate { .. }
        | FaultKind::Upkeep(_) => operated(kind, home),
        FaultKind::ZoneOutage {
            region: of,
            zone,
            mode,
            disks,
            ..
        } => {
            let (mode, disks) = (silence(*mode), lost(*disks));
            format!("zone {zone} of {} down, {mode}, {disks}", region(*of))
        }
        FaultKind::RegionOutage {
            region: fallen,
            mode,
            disks,
            ..
        } => {
            format!(
                "{} down, {}, {}",
                region(*fallen),
                silence(*mode),
                lost(*disks)
            )
        }
        FaultKind::Partition { paths, mode, .. } => {
            format!(
                "partition {}, {}",
                self::paths(paths, region),
                silence(*mode)
            )
        }
        FaultKind::Latency { paths, .. } => format!("latency {}", self::paths(paths, region)),
        FaultKind::Loss { paths, share } => {
            format!("loss of {} {}", percent(*share), self::paths(paths, region))
        }
        FaultKind::Degraded(degradation) => degraded(degradation, region),
        FaultKind::Routing(fault) => fault.name().replace('-', " "),
        FaultKind::Membership(change) => changed(change, home(change.member)),
    }
}

/// A change of the membership.
fn changed(change: &MembershipChange, home: &str) -> String {
    let when = change.when.as_ref().map_or_else(String::new, |trigger| {
        format!(", memory above {}", percent(trigger.memory_above))
    });
    format!("{} {home}{when}", change.action.name())
}

fn lost(disks: Disks) -> &'static str {
    match disks {
        Disks::Kept => "disk kept",
        Disks::Lost => "disk lost",
    }
}

fn silence(mode: Silence) -> &'static str {
    match mode {
        Silence::Silent => "silent",
        Silence::Refusing => "refusing",
    }
}

fn degraded<'s>(degradation: &Degradation, name: impl Fn(RegionId) -> &'s str) -> String {
    let home = |member: MemberId| name(RegionId::from_index(member.index()));
    match *degradation {
        Degradation::ClockSkew { member, skew } => {
            let way = if skew.is_ahead { "ahead" } else { "behind" };
            let drift = if skew.drift > 0.0 { ", drifting" } else { "" };
            format!("clock of {} {} {way}{drift}", home(member), skew.offset)
        }
        Degradation::LoadSurge { region, factor } => {
            let of = region.map_or("all", &name);
            format!("load of {of} times {factor}")
        }
        Degradation::SlowHost { member, factor } => {
            format!("slow host in {}, {factor} times", home(member))
        }
        Degradation::SlowDisk { member, factor } => {
            format!("slow disks in {}, {factor} times", home(member))
        }
        Degradation::HealthEndpointDown { member, .. } => {
            format!("health endpoint of {} down", home(member))
        }
        Degradation::CoordinatorDown { .. } => "coordinator down".to_owned(),
    }
}

/// Work on the nodes of a member.
fn worked(upkeep: &Upkeep, home: &str) -> String {
    match &upkeep.task {
        UpkeepTask::PlannedMaintenance { node: None, .. } => {
            format!("planned maintenance in {home}")
        }
        UpkeepTask::PlannedMaintenance {
            node: Some(node), ..
        } => format!("planned maintenance of node {node} in {home}"),
        UpkeepTask::AddNode => format!("node added in {home}"),
        UpkeepTask::MigrateShard { shard, node } => {
            format!("shard {shard} of {home} moved to node {node}")
        }
        UpkeepTask::MigrateSlots { from, to, .. } => {
            format!("slots of {home} moved from shard {from} to shard {to}")
        }
        UpkeepTask::MigrateEndpoint { node } => format!("endpoint of {home} moved to node {node}"),
    }
}

/// What is about syncers, or is an operator's act.
fn operated<'s>(kind: &FaultKind, home: impl Fn(MemberId) -> &'s str) -> String {
    match kind {
        FaultKind::Restore { member } => format!("restore {}", home(*member)),
        FaultKind::Promote { member, node } => {
            format!("node {node} promoted in {}", home(*member))
        }
        FaultKind::Upkeep(upkeep) => worked(upkeep, home(upkeep.member)),
        FaultKind::SyncerStopped { member, source } => {
            let from = source.map(|source| format!(" from {}", home(source)));
            let (to, from) = (home(*member), from.unwrap_or_default());
            format!("syncers{from} to {to} stopped")
        }
        FaultKind::RestartSyncers { member } => {
            format!("syncers to {} started by an operator", home(*member))
        }
        FaultKind::FailOver { member, .. } => match member {
            Some(member) => format!("operator fails over to {}", home(*member)),
            None => "operator's failover, to no member".to_owned(),
        },
        FaultKind::Recreate { member } => match member {
            Some(member) => format!("created again in {}", home(*member)),
            None => "created again nowhere".to_owned(),
        },
        _ => kind.word().to_owned(),
    }
}

/// Which nodes of a member, before its name.
fn nodes(part: Part) -> String {
    match part {
        Part::Whole => "in".to_owned(),
        Part::Node(number) => format!("of node {number} in"),
        Part::Zone(zone) => format!("in zone {zone} of"),
        Part::Primary { shard: 0 } => "of the primary in".to_owned(),
        Part::Primary { shard } => format!("of the primary of shard {shard} in"),
        Part::Replicas { .. } => "of the replicas in".to_owned(),
    }
}

fn paths<'s>(paths: &PathSelector, name: impl Fn(RegionId) -> &'s str) -> String {
    let ends = |regions: &[RegionId]| {
        if regions.is_empty() {
            return "all".to_owned();
        }
        let names: Vec<&str> = regions.iter().map(|&region| name(region)).collect();
        names.join("+")
    };
    let arrow = if paths.both_ways { '↔' } else { '→' };
    let scope = match paths.scope {
        TrafficScope::All => "",
        TrafficScope::Replication => " (replication)",
        TrafficScope::Clients => " (clients)",
        TrafficScope::Checks => " (checks)",
    };
    match paths.zone {
        Some(zone) => format!("zone {zone} {arrow} others in {}{scope}", ends(&paths.from)),
        None => format!("{} {arrow} {}{scope}", ends(&paths.from), ends(&paths.to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain_and_differ() {
        assert_eq!(slug("DNS, 60 s TTL"), "dns-60-s-ttl");
        assert_eq!(slug("../.."), "unnamed");
        assert_eq!(slugs(["a b", "a-b", "c"]), ["a-b", "a-b-2", "c"]);
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (number, shown) in [
            (612.39, "612"),
            (11.70, "11.7"),
            (0.0712, "0.071"),
            (60.0, "60"),
            (0.0, "0"),
        ] {
            assert_eq!(super::number(number), shown);
        }
        assert_eq!(value("rto_max_ms", 11_700.0), "11.7 s");
        assert_eq!(value("availability", 0.9991), "99.9 %");
    }

    #[test]
    fn a_few_are_not_none_and_nearly_all_are_not_all() {
        for (share, shown) in [
            (0.0, "0"),
            (0.002, "<1"),
            (0.006, "1"),
            (0.93, "93"),
            (0.998, ">99"),
            (1.0, "100"),
        ] {
            assert_eq!(whole_percent(share), format!("{shown}\u{a0}%"));
        }
    }
}
