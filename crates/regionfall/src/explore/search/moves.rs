//! The moves of the shrinker on the plan: fewer faults, simpler ones, shorter ones, round moments.

use regionfall_kernel::SimDuration;

use super::spans;
use super::specimen::{Specimen, plain};
use super::world_moves;
use crate::scenario::read::tree::{Fields, Node, Value};

/// A smaller specimen, and what was done.
pub(super) struct Move {
    pub(super) what: String,
    pub(super) specimen: Specimen,
}

/// All moves from here, the boldest first. The order is fixed: after a move is kept, trying goes on at the same place.
pub(super) fn moves(specimen: &Specimen) -> Vec<Move> {
    let mut moves = Moves {
        from: specimen,
        list: Vec::new(),
    };
    moves.fewer_faults();
    world_moves::fewer_parts(&mut moves);
    // What makes runs short comes before what makes them simple.
    moves.shorter_faults();
    world_moves::phases(&mut moves);
    moves.simpler_faults();
    world_moves::simpler_settings(&mut moves);
    moves.list
}

pub(super) struct Moves<'a> {
    pub(super) from: &'a Specimen,
    list: Vec<Move>,
}

impl Moves<'_> {
    /// Adds what an edit makes of the tree, if it changes anything.
    pub(super) fn add(&mut self, what: impl Into<String>, edit: impl FnOnce(&mut Fields) -> bool) {
        let mut specimen = self.from.clone();
        if edit(&mut specimen.root) {
            self.list.push(Move {
                what: what.into(),
                specimen,
            });
        }
    }

    fn fewer_faults(&mut self) {
        let count = self.from.faults();
        let mut size = count;
        while size > 0 {
            for begin in (0..count).step_by(size) {
                let end = (begin + size).min(count);
                let what = match end - begin {
                    1 => format!("without fault {}", begin + 1),
                    _ => format!("without faults {} to {end}", begin + 1),
                };
                self.add(what, |root| {
                    faults(root).is_some_and(|faults| {
                        faults.drain(begin..end);
                        true
                    })
                });
            }
            size /= 2;
        }
    }

    fn simpler_faults(&mut self) {
        for index in 0..self.from.faults() {
            let Some(fault) = fault(self.from, index) else {
                continue;
            };
            let number = index + 1;
            for key in [
                "flapping",
                "takes",
                "in_flight",
                "mode",
                "scope",
                "direction",
                "disks",
                "shard",
                "node",
                "zone",
            ] {
                if fault.get(key).is_some() {
                    self.edit(index, format!("fault {number} without `{key}`"), |fault| {
                        fault.take(key).is_some()
                    });
                }
            }
            let kind = fault.get("kind").and_then(Node::text).unwrap_or("");
            for &(from, to) in SIMPLER_KINDS.iter().filter(|(from, _)| *from == kind) {
                self.edit(index, format!("fault {number}: {from} to {to}"), |fault| {
                    as_kind(fault, to);
                    true
                });
            }
        }
    }

    fn shorter_faults(&mut self) {
        let phases = self.from.root.get("phases").and_then(Node::table);
        let warm_up = phases
            .and_then(|phases| phases.get("warm_up"))
            .and_then(Node::text)
            .and_then(crate::scenario::span_of)
            .unwrap_or(SimDuration::ZERO);
        for index in 0..self.from.faults() {
            let Some(fault) = fault(self.from, index).cloned() else {
                continue;
            };
            for (key, least) in [
                ("lasts", SimDuration::ZERO),
                ("at", warm_up),
                ("add", SimDuration::ZERO),
                ("offset", SimDuration::ZERO),
            ] {
                let Some(text) = fault.get(key).and_then(Node::text) else {
                    continue;
                };
                for simpler in spans::simpler(text, least) {
                    let what = format!("fault {}: {key} = {simpler}", index + 1);
                    self.edit(index, what, |fault| {
                        fault.set(key, plain(Value::Text(simpler)));
                        true
                    });
                }
            }
        }
    }

    fn edit(&mut self, index: usize, what: String, edit: impl FnOnce(&mut Fields) -> bool) {
        self.add(what, |root| {
            let fault = faults(root).and_then(|faults| faults.get_mut(index));
            match fault.map(|node| &mut node.value) {
                Some(Value::Table(fields)) => edit(fields),
                _ => false,
            }
        });
    }
}

/// A kind and one that takes fewer words to explain.
const SIMPLER_KINDS: &[(&str, &str)] = &[
    ("region-outage", "host-crash"),
    ("region-outage", "process-crash"),
    ("zone-outage", "host-crash"),
    ("zone-outage", "process-crash"),
    ("host-crash", "process-crash"),
    ("latency", "partition"),
    ("loss", "partition"),
    ("disk-lost", "process-crash"),
    ("fsync-stall", "hang"),
];

/// Makes a fault one of another kind: keys that this kind does not have are taken out.
fn as_kind(fault: &mut Fields, kind: &str) {
    let mut drop = vec!["takes", "add", "share"];
    if kind != "partition" {
        drop.extend([
            "between",
            "from",
            "to",
            "within",
            "direction",
            "scope",
            "mode",
        ]);
    }
    if kind == "hang" {
        drop.extend(["disks", "in_flight"]);
    }
    for key in drop {
        fault.take(key);
    }
    fault.set("kind", plain(Value::Text(kind.to_owned())));
    if fault.get("lasts").is_none() {
        fault.set("lasts", plain(Value::Text("1s".to_owned())));
    }
}

pub(super) fn faults(root: &mut Fields) -> Option<&mut Vec<Node>> {
    match root.get_mut("fault").map(|node| &mut node.value) {
        Some(Value::List(faults)) => Some(faults),
        _ => None,
    }
}

fn fault(specimen: &Specimen, index: usize) -> Option<&Fields> {
    let faults = specimen.root.get("fault").and_then(Node::list)?;
    faults.get(index)?.table()
}
