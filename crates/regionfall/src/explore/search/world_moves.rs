//! The moves of the shrinker on everything but the plan: fewer regions, fleets and keyspaces, smaller numbers, shorter phases,
//! fewer settings that differ from their defaults.

use regionfall_kernel::SimDuration;

use super::moves::Moves;
use super::spans;
use super::specimen::plain;
use crate::scenario::read::tree::{Fields, Node, Value};

/// Fewer regions, fleets and keyspaces.
pub(super) fn fewer_parts(moves: &mut Moves<'_>) {
    let root = moves.from.root.clone();
    for region in texts(at(&root, &["topology", "regions"])) {
        moves.add(format!("without the region {region}"), |root| {
            without_region(root, &region);
            true
        });
    }
    for (list, what) in [("fleet", "fleet"), ("keyspace", "keyspace")] {
        let count = at(&root, &["workload", list])
            .and_then(Node::list)
            .map_or(0, <[Node]>::len);
        for index in (0..count).filter(|_| count > 1) {
            moves.add(format!("without {what} {}", index + 1), |root| {
                let Some(Value::List(items)) = at_mut(root, &["workload", list]) else {
                    return false;
                };
                items.remove(index);
                if list == "keyspace" {
                    share_out(items);
                }
                true
            });
        }
    }
}

/// Smaller numbers, and defaults in place of what is written.
pub(super) fn simpler_settings(moves: &mut Moves<'_>) {
    let root = moves.from.root.clone();
    let mut places = Vec::new();
    collect(&root, &mut Vec::new(), &mut places);
    for (path, node) in &places {
        let name = shown(path);
        let key = path.last().map_or("", |step| match step {
            Step::Key(key) => key.as_str(),
            Step::Item(_) => "",
        });
        if may_be_left_out(path) {
            moves.add(format!("without {name}"), |root| take(root, path));
        }
        match &node.value {
            Value::Integer(number) => {
                for smaller in smaller(*number) {
                    moves.add(format!("{name} = {smaller}"), |root| {
                        put(root, path, Value::Integer(smaller))
                    });
                }
            }
            Value::Text(text) if is_rate(text) => {
                for slower in slower(text) {
                    moves.add(format!("{name} = {slower}"), |root| {
                        put(root, path, Value::Text(slower))
                    });
                }
            }
            Value::Text(text) if text.contains('(') && key != "title" => {
                // A distribution: always its median is simpler.
                if let Some(constant) = crate::scenario::median_of(text) {
                    moves.add(format!("{name} = {constant}"), |root| {
                        put(root, path, Value::Text(constant))
                    });
                }
            }
            Value::Text(text) if key == "one_way" => {
                for simpler in spans::simpler(text, SimDuration::from_millis(1)) {
                    moves.add(format!("{name} = {simpler}"), |root| {
                        put(root, path, Value::Text(simpler))
                    });
                }
            }
            _ => {}
        }
    }
}

/// Shorter phases.
pub(super) fn phases(moves: &mut Moves<'_>) {
    let root = &moves.from.root.clone();
    for phase in ["calm", "storm", "warm_up", "quiescence"] {
        let Some(text) = at(root, &["phases", phase]).and_then(Node::text) else {
            continue;
        };
        let least = SimDuration::from_secs(1);
        for simpler in spans::simpler(text, least) {
            let before = crate::scenario::span_of(text).unwrap_or_default();
            let after = crate::scenario::span_of(&simpler).unwrap_or_default();
            moves.add(format!("phases.{phase} = {simpler}"), |root| {
                if phase == "warm_up" {
                    earlier(root, before, after);
                }
                let path = [Step::Key("phases".to_owned()), Step::Key(phase.to_owned())];
                put(root, &path, Value::Text(simpler))
            });
        }
    }
}

/// With a shorter warm-up every fault begins as much earlier.
fn earlier(root: &mut Fields, before: SimDuration, after: SimDuration) {
    let Some(faults) = super::moves::faults(root) else {
        return;
    };
    for fault in faults {
        let Value::Table(fields) = &mut fault.value else {
            continue;
        };
        let at = fields.get("at").and_then(Node::text);
        if let Some(at) = at.and_then(crate::scenario::span_of) {
            let moved = after + at.saturating_sub(before);
            fields.set("at", plain(Value::Text(crate::scenario::span_text(moved))));
        }
    }
}

/// Takes a region out, and what speaks of it.
fn without_region(root: &mut Fields, region: &str) {
    let is_it = |node: &Node| node.text() == Some(region);
    let names = |node: &Node, key: &str| {
        node.table()
            .and_then(|fields| fields.get(key))
            .is_some_and(is_it)
    };
    if let Some(Value::List(regions)) = at_mut(root, &["topology", "regions"]) {
        regions.retain(|node| !is_it(node));
    }
    if let Some(Value::List(regions)) = at_mut(root, &["topology", "region"]) {
        regions.retain(|node| !names(node, "name"));
    }
    if let Some(Value::List(links)) = at_mut(root, &["topology", "link"]) {
        links.retain(|node| !names(node, "from") && !names(node, "to"));
    }
    if let Some(Value::List(fleets)) = at_mut(root, &["workload", "fleet"]) {
        fleets.retain(|node| !names(node, "region"));
        for fleet in fleets {
            if let Value::Table(fields) = &mut fleet.value
                && let Some(Value::List(home)) = fields.get_mut("home").map(|node| &mut node.value)
            {
                home.retain(|node| !is_it(node));
            }
        }
    }
    if let Some(faults) = super::moves::faults(root) {
        let speaks = |node: &Node| {
            ["region", "within", "between", "from", "to"]
                .iter()
                .any(|key| {
                    names(node, key)
                        || node
                            .table()
                            .and_then(|fields| fields.get(key)?.list())
                            .is_some_and(|list| list.iter().any(is_it))
                })
        };
        faults.retain(|node| !speaks(node));
    }
}

/// Shares of what is left add up again.
fn share_out(items: &mut [Node]) {
    let count = items.len();
    for (index, item) in items.iter_mut().enumerate() {
        if let Value::Table(fields) = &mut item.value {
            let even = 100 / count;
            let share = if index == 0 {
                100 - even * (count - 1)
            } else {
                even
            };
            fields.set("share", plain(Value::Text(format!("{share}%"))));
        }
    }
}

/// A step of a path through tables and lists.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

fn collect(fields: &Fields, path: &mut Vec<Step>, places: &mut Vec<(Vec<Step>, Node)>) {
    for (key, node) in &fields.0 {
        // The plan has its own moves, and what is asked of the runs is not made easier.
        let is_apart = path.is_empty()
            && matches!(
                key.as_str(),
                "fault" | "phases" | "title" | "objectives" | "expect" | "event_budget" | "ties"
            );
        if is_apart {
            continue;
        }
        path.push(Step::Key(key.clone()));
        places.push((path.clone(), node.clone()));
        match &node.value {
            Value::Table(inner) => collect(inner, path, places),
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(inner) = item.table() {
                        path.push(Step::Item(index));
                        collect(inner, path, places);
                        path.pop();
                    }
                }
            }
            _ => {}
        }
        path.pop();
    }
}

fn shown(path: &[Step]) -> String {
    let parts = path.iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Item(index) => index.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// What is simpler when its default holds. Sizes are not: their defaults may be large.
fn may_be_left_out(path: &[Step]) -> bool {
    let keys: Vec<&str> = path
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
        .collect();
    match keys.as_slice() {
        ["topology", "rtt" | "region" | "link", ..] | ["topology", "regions"] => {
            keys.last() != Some(&"rtt")
                && keys.len() > 2
                && matches!(
                    keys.last(),
                    Some(&"loss" | &"bursts" | &"drift" | &"bandwidth")
                )
        }
        ["workload", "fleet" | "keyspace", key] => !matches!(
            *key,
            "region"
                | "servers"
                | "rate"
                | "clients"
                | "think"
                | "home"
                | "keys"
                | "mix"
                | "share"
                | "name"
                | "connections_per_server"
                | "elements"
        ),
        ["workload", "fleet" | "keyspace"]
        | ["workload" | "topology" | "database" | "strategy"]
        | ["strategy", "preset" | "name"] => false,
        [..] => true,
    }
}

fn smaller(number: i64) -> Vec<i64> {
    let mut smaller = vec![0, 1, 2, number / 10, number / 2, number - 1];
    smaller.retain(|&one| one >= 0 && one < number);
    smaller.sort_unstable();
    smaller.dedup();
    smaller
}

fn is_rate(text: &str) -> bool {
    text.ends_with("/s") && text.starts_with(|c: char| c.is_ascii_digit())
}

fn slower(text: &str) -> Vec<String> {
    let number: f64 = text.trim_end_matches("/s").parse().unwrap_or(0.0);
    let round = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let slower = round.into_iter().filter(|rate| *rate < number);
    slower.map(|rate| format!("{rate}/s")).collect()
}

fn texts(node: Option<&Node>) -> Vec<String> {
    let items = node.and_then(Node::list).unwrap_or(&[]);
    items
        .iter()
        .filter_map(|item| item.text().map(str::to_owned))
        .collect()
}

fn at<'f>(fields: &'f Fields, path: &[&str]) -> Option<&'f Node> {
    match path {
        [] => None,
        [key] => fields.get(key),
        [key, rest @ ..] => at(fields.get(key)?.table()?, rest),
    }
}

fn at_mut<'f>(fields: &'f mut Fields, path: &[&str]) -> Option<&'f mut Value> {
    match path {
        [] => None,
        [key] => fields.get_mut(key).map(|node| &mut node.value),
        [key, rest @ ..] => match &mut fields.get_mut(key)?.value {
            Value::Table(inner) => at_mut(inner, rest),
            _ => None,
        },
    }
}

/// The table that holds the last key of a path.
fn holder<'f>(fields: &'f mut Fields, path: &[Step]) -> Option<(&'f mut Fields, String)> {
    match path {
        [Step::Key(key)] => Some((fields, key.clone())),
        [Step::Key(key), Step::Item(index), rest @ ..] => {
            let Value::List(items) = &mut fields.get_mut(key)?.value else {
                return None;
            };
            match &mut items.get_mut(*index)?.value {
                Value::Table(inner) => holder(inner, rest),
                _ => None,
            }
        }
        [Step::Key(key), rest @ ..] => match &mut fields.get_mut(key)?.value {
            Value::Table(inner) => holder(inner, rest),
            _ => None,
        },
        _ => None,
    }
}

fn put(root: &mut Fields, path: &[Step], value: Value) -> bool {
    match holder(root, path) {
        Some((fields, key)) => {
            fields.set(&key, plain(value));
            true
        }
        None => false,
    }
}

fn take(root: &mut Fields, path: &[Step]) -> bool {
    holder(root, path).is_some_and(|(fields, key)| fields.take(&key).is_some())
}
