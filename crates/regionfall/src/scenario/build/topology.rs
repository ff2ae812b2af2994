//! Regions and links: the table of round trips with the scenario's own settings over it.

use regionfall_kernel::{Distribution, SimDuration};

use super::{Builder, database_kind, duration, inner, integer, list, share, table, text};
use crate::database::DatabaseKind;
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::product::Product;
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{path, quantity};
use crate::topology::{
    Drift, LinkConfig, LossBursts, RegionConfig, RegionId, RttTable, TopologyConfig,
};

/// A region with the value that brought it in.
struct Named<'f> {
    name: &'f str,
    node: &'f Node,
    key: String,
}

impl Builder<'_, '_> {
    pub(super) fn topology(&mut self, fields: &Fields, root: &Fields) -> TopologyConfig {
        let rtt = self.rtt_table(fields);
        let mut named = self.members(list(fields, "regions"), table(root, "database"));
        let members = named.len();
        others(root, &mut named);
        let regions: Vec<RegionConfig> = named
            .iter()
            .map(|region| plain_region(region.name))
            .collect();
        let links = named
            .iter()
            .map(|from| {
                named
                    .iter()
                    .map(|to| link(rtt.one_way(from.name, to.name)))
                    .collect()
            })
            .collect();
        let mut topology = TopologyConfig {
            regions,
            members,
            links,
        };
        self.region_settings(list(fields, "region"), &mut topology);
        let is_known = self.link_settings(list(fields, "link"), &mut topology, &rtt, &named);
        self.missing_links(&named, &is_known, &rtt);
        topology
    }

    fn rtt_table(&mut self, fields: &Fields) -> RttTable {
        let name = text(fields, "rtt");
        match name {
            "aws" => return RttTable::aws(),
            "azure" => return RttTable::azure(),
            _ => {}
        }
        let mark = fields.get("rtt").and_then(Node::mark);
        let read = self.files.data(mark, name).and_then(|csv| {
            RttTable::from_csv(&csv).map_err(|error| {
                Problem::new(ProblemKind::Unreadable, "", format!("`{name}`: {error}"))
            })
        });
        read.unwrap_or_else(|mut problem| {
            "topology.rtt".clone_into(&mut problem.key);
            let problem = problem
                .got(quoted(name))
                .allowed("\"aws\", \"azure\", or the path of a CSV file with the columns of either")
                .words(name, ["aws", "azure"]);
            self.report(problem, mark);
            RttTable::aws()
        })
    }

    fn members<'f>(&mut self, nodes: &'f [Node], database: &Fields) -> Vec<Named<'f>> {
        let kind = database_kind(database);
        let mut named: Vec<Named<'f>> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some(name) = node.text() else { continue };
            let key = format!("topology.regions.{index}");
            if named.iter().any(|known| known.name == name) {
                let problem = Problem::new(
                    ProblemKind::NamedTwice,
                    key,
                    format!("region `{name}` is named twice"),
                )
                .got(node.excerpt())
                .allowed("each region once");
                self.report(problem, node.mark());
                continue;
            }
            named.push(Named { name, node, key });
        }
        let (count, allowed) = match kind {
            DatabaseKind::Standalone | DatabaseKind::PrimaryReplica => (
                1..=10,
                "1 region with the database, and up to 9 where an operator can create it again",
            ),
            _ => (2..=10, "2 to 10 regions, one for each member"),
        };
        if !count.contains(&named.len()) {
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                "topology.regions",
                "is out of range",
            )
            .got(format!("a list of {}", named.len()))
            .allowed(allowed);
            self.report(problem, nodes.first().and_then(Node::mark));
        }
        self.within_product(nodes, database);
        named
    }

    /// A product has kinds of database that it offers, and a greatest number of members.
    fn within_product(&mut self, regions: &[Node], database: &Fields) {
        let Some(product) = Product::named(text(database, "product")) else {
            return;
        };
        let kind = text(database, "kind");
        if product.kinds.iter().all(|offered| offered != kind) {
            let problem = Problem::new(
                ProblemKind::Conflict,
                "database.kind",
                format!("{} has no such kind of database", product.name),
            )
            .got(quoted(kind))
            .allowed(product.kinds.join(", "));
            self.report(problem, database.get("kind").and_then(Node::mark));
        }
        if regions.len() > usize::from(product.members) {
            let (most, basis) = (product.members, &product.members_basis.1);
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                "topology.regions",
                format!("{} has databases of at most {most} members", product.name),
            )
            .got(format!("a list of {}", regions.len()))
            .allowed(format!("up to {most} ({basis})"));
            self.report(problem, regions.first().and_then(Node::mark));
        }
    }

    fn region_settings(&mut self, nodes: &[Node], topology: &mut TopologyConfig) {
        self.names(nodes, "topology.region", "settings of region");
        for (index, node) in nodes.iter().enumerate() {
            let fields = inner(node);
            let key = path::join(&path::item("topology.region", node, index), "name");
            let Some(name) = fields.get("name") else {
                continue;
            };
            let Some(id) = self.region(name, &key, topology) else {
                continue;
            };
            let region = RegionConfig {
                name: topology.regions[id.index()].name.clone(),
                zones: integer(fields, "zones"),
                same_zone: link(Some(self.delay(fields, "same_zone_rtt").scaled(0.5))),
                cross_zone: link(Some(self.delay(fields, "cross_zone_rtt").scaled(0.5))),
            };
            topology.regions[id.index()] = region;
        }
    }

    /// Lays the links of the scenario over the table; returns for which pairs a delay is known.
    fn link_settings(
        &mut self,
        nodes: &[Node],
        topology: &mut TopologyConfig,
        rtt: &RttTable,
        named: &[Named<'_>],
    ) -> Vec<Vec<bool>> {
        let mut is_known: Vec<Vec<bool>> = named
            .iter()
            .map(|from| {
                named
                    .iter()
                    .map(|to| from.name == to.name || rtt.rtt(from.name, to.name).is_some())
                    .collect()
            })
            .collect();
        for (index, node) in nodes.iter().enumerate() {
            let fields = inner(node);
            let here = format!("topology.link.{index}");
            let mut end = |key: &str| {
                let node = fields.get(key)?;
                self.region(node, &path::join(&here, key), topology)
            };
            let (Some(from), Some(to)) = (end("from"), end("to")) else {
                continue;
            };
            if from == to {
                let problem = Problem::new(ProblemKind::Conflict, here, "a link leads from a region to another one")
                    .help("delays within a region are `same_zone_rtt` and `cross_zone_rtt` of `[[topology.region]]`");
                self.report(problem, fields.get("to").and_then(Node::mark));
                continue;
            }
            if let (Some(_), Some(one_way)) = (fields.get("rtt"), fields.get("one_way")) {
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    path::join(&here, "one_way"),
                    "`rtt` and `one_way` do not go together",
                );
                self.report(problem, one_way.key_mark());
            }
            let both = [(from, to), (to, from)];
            let ways = if text(fields, "direction") == "one-way" {
                &both[..1]
            } else {
                &both[..]
            };
            for (from, to) in ways {
                self.lay_link(fields, &mut topology.links[from.index()][to.index()]);
                if fields.get("rtt").is_some() || fields.get("one_way").is_some() {
                    is_known[from.index()][to.index()] = true;
                }
            }
        }
        is_known
    }

    fn lay_link(&mut self, fields: &Fields, link: &mut LinkConfig) {
        if fields.get("rtt").is_some() {
            link.one_way = self.delay(fields, "rtt").scaled(0.5);
        }
        if fields.get("one_way").is_some() {
            link.one_way = self.delay(fields, "one_way");
        }
        if fields.get("loss").is_some() {
            link.loss = share(fields, "loss");
        }
        if fields.get("bursts").is_some() {
            let bursts = table(fields, "bursts");
            link.bursts = Some(LossBursts {
                every: duration(bursts, "every"),
                lasts: duration(bursts, "lasts"),
                loss: share(bursts, "loss"),
            });
        }
        if fields.get("bandwidth").is_some() {
            link.bandwidth = quantity::bandwidth(text(fields, "bandwidth")).ok();
        }
        if fields.get("drift").is_some() {
            let drift = table(fields, "drift");
            link.drift = Some(Drift {
                amplitude: share(drift, "amplitude"),
                period: duration(drift, "period"),
            });
        }
    }

    /// Reports, for each region, the others to which no distance is known.
    fn missing_links(&mut self, named: &[Named<'_>], is_known: &[Vec<bool>], rtt: &RttTable) {
        let is_missing = |a: usize, b: usize| !is_known[a][b] || !is_known[b][a];
        for (index, region) in named.iter().enumerate() {
            let is_absent = !rtt.has_region(region.name);
            let missing: Vec<&str> = named
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index && is_missing(index, *other))
                // A pair is reported once: at the region that the table lacks.
                .filter(|(other, to)| (is_absent && rtt.has_region(to.name)) || index < *other)
                .filter(|(_, to)| is_absent || rtt.has_region(to.name))
                .map(|(_, to)| to.name)
                .collect();
            let Some(first) = missing.first() else {
                continue;
            };
            let ends: Vec<String> = missing.iter().map(|to| format!("`{to}`")).collect();
            let message = format!(
                "no round trip is known between `{}` and {}",
                region.name,
                ends.join(", ")
            );
            let near = crate::scenario::error::nearest(region.name, rtt.regions());
            let link = format!(
                "add [[topology.link]] with from = \"{}\", to = \"{first}\" and rtt = \"...\"",
                region.name
            );
            let help = match near {
                Some(near) if is_absent => format!("did you mean `{near}`? If not, {link}"),
                _ => link,
            };
            let problem = Problem::new(ProblemKind::MissingLink, region.key.clone(), message)
                .got(region.node.excerpt())
                .allowed("a region of the table of round trips, or one with links to all others")
                .help(help);
            self.report(problem, region.node.mark());
        }
    }
}

/// Regions that fleets and checkers name beside the members.
fn others<'f>(root: &'f Fields, named: &mut Vec<Named<'f>>) {
    let mut add = |node: &'f Node, key: String| {
        if let Some(name) = node.text()
            && named.iter().all(|known| known.name != name)
        {
            named.push(Named { name, node, key });
        }
    };
    for (index, fleet) in list(table(root, "workload"), "fleet").iter().enumerate() {
        if let Some(region) = inner(fleet).get("region") {
            add(
                region,
                path::join(&path::item("workload.fleet", fleet, index), "region"),
            );
        }
    }
    for (index, strategy) in list(root, "strategy").iter().enumerate() {
        let vantage = table(inner(strategy), "vantage");
        for region in list(vantage, "regions") {
            let key = path::item("strategy", strategy, index);
            add(region, path::join(&path::join(&key, "vantage"), "regions"));
        }
    }
}

fn plain_region(name: &str) -> RegionConfig {
    RegionConfig {
        name: name.to_owned(),
        zones: 3,
        same_zone: link(Some(Distribution::Constant(SimDuration::from_micros(50)))),
        cross_zone: link(Some(Distribution::Constant(SimDuration::from_millis(1)))),
    }
}

fn link(one_way: Option<Distribution>) -> LinkConfig {
    LinkConfig {
        one_way: one_way.unwrap_or(Distribution::Constant(SimDuration::ZERO)),
        loss: 0.0,
        bursts: None,
        bandwidth: None,
        drift: None,
    }
}

fn quoted(text: &str) -> String {
    crate::scenario::read::tree::quoted(text)
}

/// Regions by their names, where the schema allows one or several.
pub(super) fn region_list(
    builder: &mut Builder<'_, '_>,
    node: Option<&Node>,
    key: &str,
    topology: &TopologyConfig,
) -> Vec<RegionId> {
    let Some(node) = node else { return Vec::new() };
    let one = [node.clone()];
    let nodes = node.list().unwrap_or(&one);
    nodes
        .iter()
        .filter_map(|node| builder.region(node, key, topology))
        .collect()
}
