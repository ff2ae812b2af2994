//! Names for sentences: regions instead of members, fleets and numbers instead of app servers.

use crate::fault::{FaultKind, PathSelector, PlannedFault};
use crate::topology::{FaultId, FleetId, MemberId, NodeId, RegionId, ServerId};

use super::RunShape;

/// The names of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Names {
    /// By member: its region.
    pub members: Vec<String>,
    regions: Vec<String>,
    nodes: Vec<String>,
    servers: Vec<String>,
    fleets: Vec<String>,
    faults: Vec<String>,
}

impl Names {
    /// The names in a run of this shape, in a world of these regions; the first ones have members.
    pub fn new(regions: &[String], shape: &RunShape) -> Self {
        let regions = regions.to_vec();
        let members: Vec<String> = regions[..shape.members.len()].to_vec();
        let per_member = shape.nodes.len() / shape.members.len().max(1);
        let nodes = shape.nodes.iter().enumerate().map(|(index, member)| {
            if per_member == 1 {
                members[member.index()].clone()
            } else {
                format!("node {} of {}", index % per_member, members[member.index()])
            }
        });
        let mut counts = vec![0; shape.fleets.len()];
        let servers = shape.servers.iter().map(|server| {
            let count = &mut counts[server.fleet.index()];
            *count += 1;
            format!("{} server {count}", shape.fleets[server.fleet.index()])
        });
        let servers = servers.collect();
        let mut names = Self {
            nodes: nodes.collect(),
            members,
            regions,
            servers,
            fleets: shape.fleets.clone(),
            faults: Vec::new(),
        };
        names.faults = shape
            .faults
            .iter()
            .map(|fault| names.of_fault(fault))
            .collect();
        names
    }

    /// A member's region.
    pub fn member(&self, member: MemberId) -> &str {
        self.members.get(member.index()).map_or("?", String::as_str)
    }

    /// A node: its region, and its number where a member has several.
    pub fn node(&self, node: NodeId) -> &str {
        self.nodes.get(node.index()).map_or("?", String::as_str)
    }

    /// An app server.
    pub fn server(&self, server: ServerId) -> &str {
        self.servers.get(server.index()).map_or("?", String::as_str)
    }

    /// A fleet.
    pub fn fleet(&self, fleet: FleetId) -> &str {
        self.fleets.get(fleet.index()).map_or("?", String::as_str)
    }

    /// A fault, as a phrase: `the outage of us-east-1`.
    pub fn fault(&self, fault: FaultId) -> &str {
        self.faults.get(fault.index()).map_or("?", String::as_str)
    }

    /// A sentence that speaks of ids, such as evidence, with the names in their places: `server-0`, `member-1`.
    pub fn in_words(&self, text: &str) -> String {
        let kinds: [(&str, &[String]); 5] = [
            ("server-", &self.servers),
            ("member-", &self.members),
            ("region-", &self.regions),
            ("node-", &self.nodes),
            ("fleet-", &self.fleets),
        ];
        let mut out = String::new();
        let mut rest = text;
        // Only at the beginning of a word: `us-east-1` holds no id.
        let mut is_within_word = false;
        while let Some(next) = rest.chars().next() {
            let named = (!is_within_word).then(|| {
                kinds.iter().find_map(|(prefix, names)| {
                    let digits = rest.strip_prefix(prefix)?;
                    let end = digits
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(digits.len());
                    let name = names.get(digits[..end].parse::<usize>().ok()?)?;
                    Some((name.as_str(), prefix.len() + end))
                })
            });
            let (piece, length) = named
                .flatten()
                .unwrap_or((&rest[..next.len_utf8()], next.len_utf8()));
            out.push_str(piece);
            is_within_word = next.is_alphanumeric() || next == '-' || length > next.len_utf8();
            rest = &rest[length..];
        }
        out
    }

    fn region(&self, region: RegionId) -> &str {
        self.regions.get(region.index()).map_or("?", String::as_str)
    }

    fn of_fault(&self, fault: &PlannedFault) -> String {
        let member = |member: &MemberId| self.member(*member).to_owned();
        match &fault.kind {
            FaultKind::ProcessCrash { member: whose, .. } => {
                format!("the process crash in {}", member(whose))
            }
            FaultKind::HostCrash { member: whose, .. } => {
                format!("the host crash in {}", member(whose))
            }
            FaultKind::Hang { member: whose, .. } => format!("the hang in {}", member(whose)),
            FaultKind::ZoneOutage { region, zone, .. } => {
                format!("the outage of zone {zone} of {}", self.region(*region))
            }
            FaultKind::RegionOutage { region, .. } => {
                format!("the outage of {}", self.region(*region))
            }
            FaultKind::FsyncStall { member: whose, .. } => {
                format!("the stall of disks in {}", member(whose))
            }
            FaultKind::DiskLost { member: whose, .. } => {
                format!("the loss of disks in {}", member(whose))
            }
            FaultKind::Restore { member: whose } => format!("the restore of {}", member(whose)),
            FaultKind::Promote {
                member: whose,
                node,
            } => {
                format!("the promotion of node {node} of {}", member(whose))
            }
            FaultKind::SyncerStopped { member: whose, .. } => {
                format!("the stop of syncers in {}", member(whose))
            }
            FaultKind::Partition { paths, .. } => format!("the cut {}", self.paths(paths)),
            FaultKind::Latency { paths, .. } => format!("the delay {}", self.paths(paths)),
            FaultKind::Loss { paths, .. } => format!("the loss of messages {}", self.paths(paths)),
            other => match other {
                FaultKind::Degraded(degradation) => {
                    let whose = degradation.member();
                    let place =
                        whose.map_or(String::new(), |whose| format!(" in {}", member(&whose)));
                    format!("the {}{place}", degradation.name().replace('-', " "))
                }
                FaultKind::Membership(change) => format!(
                    "the {} of {}",
                    change.action.name().replace('-', " "),
                    member(&change.member)
                ),
                _ => format!("the {}", other.word().replace('-', " ")),
            },
        }
    }

    fn paths(&self, paths: &PathSelector) -> String {
        let list = |regions: &[RegionId]| {
            let names: Vec<&str> = regions.iter().map(|&region| self.region(region)).collect();
            if names.is_empty() {
                "everywhere".to_owned()
            } else {
                names.join(" and ")
            }
        };
        let (from, to) = (list(&paths.from), list(&paths.to));
        let way = if paths.both_ways { "between" } else { "from" };
        let joint = if paths.both_ways { "and" } else { "to" };
        format!("{way} {from} {joint} {to}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_give_way_to_names() {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let names = Names {
            members: list(&["us-east-1", "eu-west-1"]),
            regions: list(&["us-east-1", "eu-west-1", "eu-north-1"]),
            nodes: list(&["node 0 of us-east-1"]),
            servers: list(&["us server 1", "us server 2"]),
            fleets: list(&["us"]),
            faults: Vec::new(),
        };
        assert_eq!(
            names.in_words("operation-1 of server-1, taken by member-0, is lost"),
            "operation-1 of us server 2, taken by us-east-1, is lost"
        );
        assert_eq!(
            names.in_words("region-2: node-0 (server-0)"),
            "eu-north-1: node 0 of us-east-1 (us server 1)"
        );
        // What is no id, or nobody's, stays.
        let other = "a-server-0, server-7, server-, ✗";
        assert_eq!(names.in_words(other), other);
    }
}
