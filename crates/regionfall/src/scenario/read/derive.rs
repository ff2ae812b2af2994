//! Settings that follow from other settings, filled in before the schema is applied.

use super::layer;
use super::tree::{Fields, Node, Origin, Value};
use crate::scenario::schema::{Kind, ROOT};

/// Fills in what follows from the rest.
pub(crate) fn fill(root: &mut Fields, title: &str) {
    if root.get("title").is_none() {
        let origin = Origin::Derived("the file's name");
        root.set("title", Node::new(Value::Text(title.to_owned()), origin));
    }
    disk(root);
    let regions = member_regions(root);
    workload(root, &regions);
    if let Some(Value::List(strategies)) = root.get_mut("strategy").map(|node| &mut node.value) {
        for strategy in strategies {
            if let Value::Table(fields) = &mut strategy.value {
                strategy_parts(fields);
            }
        }
    }
    if let Some(Value::List(cases)) = root.get_mut("case").map(|node| &mut node.value) {
        for case in cases {
            if let Value::Table(fields) = &mut case.value {
                takes(fields);
            }
        }
    }
    takes(root);
}

fn member_regions(root: &Fields) -> Vec<String> {
    root.get("topology")
        .and_then(Node::table)
        .and_then(|topology| topology.get("regions"))
        .and_then(Node::list)
        .map(|regions| {
            let mut names: Vec<String> = Vec::new();
            for name in regions.iter().filter_map(Node::text) {
                if names.iter().all(|known| known != name) {
                    names.push(name.to_owned());
                }
            }
            names
        })
        .unwrap_or_default()
}

/// Where something is kept on disk, the disk has its defaults.
fn disk(root: &mut Fields) {
    let Some(Value::Table(database)) = root.get_mut("database").map(|node| &mut node.value) else {
        return;
    };
    if database.get("persistence").is_some() && database.get("disk").is_none() {
        let origin = Origin::Derived("there is persistence");
        let disk = Node::new(Value::Table(Fields::default()), origin);
        database.set("disk", disk);
    }
}

fn workload(root: &mut Fields, regions: &[String]) {
    if root.get("workload").is_none() {
        root.set(
            "workload",
            Node::new(Value::Table(Fields::default()), Origin::Default(None)),
        );
    }
    let Some(Value::Table(workload)) = root.get_mut("workload").map(|node| &mut node.value) else {
        return;
    };
    if workload.get("fleet").is_none() {
        let origin = Origin::Derived("one fleet in each region of the topology");
        let fleets = regions
            .iter()
            .map(|region| {
                let region = Node::new(Value::Text(region.clone()), origin.clone());
                Node::new(
                    Value::Table(Fields(vec![("region".to_owned(), region)])),
                    origin.clone(),
                )
            })
            .collect();
        workload.set("fleet", Node::new(Value::List(fleets), origin));
    }
    if workload.get("keyspace").is_none() {
        let origin = Origin::Derived("one keyspace");
        let one = Node::new(Value::Table(Fields::default()), origin.clone());
        workload.set("keyspace", Node::new(Value::List(vec![one]), origin));
    }
    for (key, fill) in [
        ("fleet", fleet as fn(&mut Fields, &[String])),
        ("keyspace", keyspace),
    ] {
        if let Some(Value::List(items)) = workload.get_mut(key).map(|node| &mut node.value) {
            for item in items {
                if let Value::Table(fields) = &mut item.value {
                    fill(fields, regions);
                }
            }
        }
    }
}

fn fleet(fields: &mut Fields, regions: &[String]) {
    let Some(region) = fields.get("region").and_then(Node::text).map(str::to_owned) else {
        return;
    };
    if fields.get("name").is_none() {
        let origin = Origin::Derived("the fleet's region");
        fields.set("name", Node::new(Value::Text(region.clone()), origin));
    }
    if fields.get("rate").is_none() && fields.get("clients").is_none() {
        fields.set(
            "rate",
            Node::new(Value::Text("100/s".to_owned()), Origin::Default(None)),
        );
    }
    if fields.get("clients").is_some() && fields.get("think").is_none() {
        fields.set(
            "think",
            Node::new(Value::Text("0s".to_owned()), Origin::Default(None)),
        );
    }
    if fields.get("home").is_none() {
        let origin = Origin::Derived("own region first, then in the order of the topology");
        let own = regions.iter().filter(|name| **name == region);
        let others = regions.iter().filter(|name| **name != region);
        let home = own
            .chain(others)
            .map(|name| Node::new(Value::Text(name.clone()), origin.clone()))
            .collect();
        fields.set("home", Node::new(Value::List(home), origin));
    }
}

fn keyspace(fields: &mut Fields, _regions: &[String]) {
    if fields.get("mix").is_none() {
        let weight = |name: &str, weight| {
            (
                name.to_owned(),
                Node::new(Value::Integer(weight), Origin::Default(None)),
            )
        };
        let mix = Fields(vec![weight("get", 7), weight("set", 3)]);
        fields.set("mix", Node::new(Value::Table(mix), Origin::Default(None)));
    }
}

fn strategy_parts(fields: &mut Fields) {
    if fields.get("name").is_none() {
        let stack = fields.get("stack").and_then(Node::list);
        let stack = stack.map(|names| {
            let names: Vec<&str> = names.iter().filter_map(Node::text).collect();
            names.join(" + ")
        });
        let preset = fields.get("preset").and_then(Node::text);
        let preset = preset.map(str::to_owned);
        let name = stack.or(preset).unwrap_or_else(|| "strategy".to_owned());
        let origin = Origin::Derived("the preset's name");
        fields.set("name", Node::new(Value::Text(name), origin));
    }
    let shared = fields.get("detector").cloned();
    if let Some(Value::List(items)) = fields.get_mut("evidence").map(|node| &mut node.value) {
        for item in items {
            if let Value::Table(item) = &mut item.value {
                piece_of_evidence(item, shared.as_ref());
            }
        }
    }
    if let Some(Value::Table(balancer)) = fields.get_mut("balancer").map(|node| &mut node.value)
        && let Some(Value::List(items)) = balancer.get_mut("evidence").map(|node| &mut node.value)
    {
        for item in items {
            if let Value::Table(item) = &mut item.value {
                piece_of_evidence(item, None);
            }
        }
    }
    let Some(Value::Table(propagation)) = fields.get_mut("propagation").map(|node| &mut node.value)
    else {
        return;
    };
    let is_dns = propagation.get("kind").and_then(Node::text) == Some("dns");
    if is_dns && propagation.get("resolvers").is_none() {
        let origin = Origin::Derived("all honour the TTL");
        let text = |text: &str| Node::new(Value::Text(text.to_owned()), origin.clone());
        let one = Fields(vec![
            ("class".to_owned(), text("honouring")),
            ("share".to_owned(), text("100%")),
        ]);
        let one = Node::new(Value::Table(one), origin.clone());
        propagation.set("resolvers", Node::new(Value::List(vec![one]), origin));
    }
}

/// A detector for all holds where a piece of evidence has none of its own, or only the preset's.
fn piece_of_evidence(item: &mut Fields, shared: Option<&Node>) {
    if let Some(shared) = shared {
        let is_presets = |node: &Node| matches!(node.origin, Origin::Preset { .. });
        match item.take("detector") {
            None => item.set("detector", shared.clone()),
            Some(own) if is_presets(&own) && !is_presets(shared) => {
                let kind = detector_kind();
                item.set("detector", layer::merge(&own, shared.clone(), kind));
            }
            Some(own) => item.set("detector", own),
        }
    }
    if item.get("keeps_connection").is_none()
        && let Some(probe) = item.get("probe").and_then(Node::text)
    {
        let origin = Origin::Derived("true for `ping`, else false");
        let keeps = Value::Flag(probe == "ping");
        item.set("keeps_connection", Node::new(keeps, origin));
    }
}

fn detector_kind() -> &'static Kind {
    match ROOT.key("strategy").map(|key| &key.kind) {
        Some(Kind::List(Kind::Table(table))) => {
            table.key("detector").map_or(&Kind::Any, |key| &key.kind)
        }
        _ => &Kind::Any,
    }
}

/// What falls with a region or a zone, where nothing is said: the database.
pub(crate) fn takes(fields: &mut Fields) {
    let Some(Value::List(faults)) = fields.get_mut("fault").map(|node| &mut node.value) else {
        return;
    };
    for fault in faults {
        let Value::Table(fault) = &mut fault.value else {
            continue;
        };
        let kind = fault.get("kind").and_then(Node::text);
        let is_outage = matches!(kind, Some("region-outage" | "zone-outage"));
        if is_outage && fault.get("takes").is_none() {
            let origin = Origin::Default(None);
            let database = Node::new(Value::Text("database".to_owned()), origin.clone());
            fault.set("takes", Node::new(Value::List(vec![database]), origin));
        }
    }
}
