//! The JSON document: a tree of objects and arrays, in which deletion wins over updates inside of what is deleted.
//!
//! Each place (the root, a member of an object, an element of an array) is a register that keeps what no assignment or removal
//! had observed; of several the one of the smaller origin shows, whatever the clocks say. An object or array is named by the
//! assignment that created it, and updates inside name it: so they are lost with it if it is replaced or removed, whoever
//! was first ("creation wins over update", "deletion wins over update", "assigning {} wins over an update inside"). Members that
//! were observed go with JSON.CLEAR, and others stay. Edits of arrays are all kept, each instance's in its order (Redis
//! Active-Active documentation, JSON conflict resolution).
//!
//! The rules name assignments only. JSON.NUMINCRBY, JSON.STRAPPEND and their like are taken for assignments of their result, and
//! the removal of a member against a concurrent assignment to the same member leaves the assignment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Tree;

use crate::cell::CellValue;
use crate::cells::{CellKey, Cells};
use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::position::{Position, Tips};
use crate::{Change, Dot, Effect, EffectKind, OriginId, Value};

/// Names an object or an array: the effect that created it, and which it was of those that the effect created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContainerId {
    dot: Dot,
    index: u32,
}

impl ContainerId {
    /// The effect that created it.
    pub fn dot(self) -> Dot {
        self.dot
    }

    /// Which it was of those that the effect created.
    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// A place that holds a value.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JsonPlace {
    /// The document itself.
    Root,
    /// A member of an object.
    Member(ContainerId, Box<str>),
    /// An element of an array.
    Element(ContainerId, Position),
}

/// What an effect changes in a JSON document.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JsonChange {
    /// A place gets a value; containers in it are new ones.
    Set {
        /// The place.
        place: JsonPlace,
        /// The value.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        value: Tree,
    },
    /// These elements come into an array, side by side.
    Insert {
        /// The array.
        array: ContainerId,
        /// Where the first of them stands.
        first: Position,
        /// The elements, in order.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::texts"))]
        values: Vec<Tree>,
    },
    /// What was observed at these places goes.
    Remove {
        /// The places.
        places: Vec<JsonPlace>,
    },
}

impl JsonChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "JSON.SET",
            Self::Insert { .. } => "JSON.ARRINSERT",
            Self::Remove { .. } => "JSON.DEL",
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Set { place, value } => place.bytes() + tree_bytes(value),
            Self::Insert { first, values, .. } => {
                14 + first.bytes() + values.iter().map(tree_bytes).sum::<usize>()
            }
            Self::Remove { places } => places.iter().map(JsonPlace::bytes).sum(),
        }
    }
}

impl JsonPlace {
    fn bytes(&self) -> usize {
        match self {
            Self::Root => 1,
            Self::Member(_, name) => 14 + name.len(),
            Self::Element(_, position) => 14 + position.bytes(),
        }
    }
}

/// Bytes of a value, about as many as it has characters.
fn tree_bytes(tree: &Tree) -> usize {
    match tree {
        Tree::Null | Tree::Bool(_) => 4,
        Tree::Number(_) => 8,
        Tree::String(text) => 2 + text.len(),
        Tree::Array(elements) => {
            2 + elements
                .iter()
                .map(|own| 1 + tree_bytes(own))
                .sum::<usize>()
        }
        Tree::Object(members) => {
            let members = members.iter();
            2 + members
                .map(|(name, own)| 4 + name.len() + tree_bytes(own))
                .sum::<usize>()
        }
    }
}

/// What a place holds.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Node {
    Scalar(#[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))] Tree),
    Object(ContainerId),
    Array(ContainerId),
}

impl CellValue for Node {
    type Amount = ();
    const IS_TIMED: bool = false;

    fn bytes(&self) -> usize {
        match self {
            Self::Scalar(tree) => tree_bytes(tree),
            _ => 14,
        }
    }
}

impl CellKey for Box<str> {
    type Home<V: Clone + PartialEq> = BTreeMap<Self, V>;

    fn bytes(&self) -> usize {
        self.len()
    }
}

/// The key of the only cell there is.
impl CellKey for () {
    type Home<V: Clone + PartialEq> = BTreeMap<Self, V>;

    fn bytes(&self) -> usize {
        0
    }
}

/// An object or an array. Which it is stands where it is held; updates may come before that.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Container {
    members: Cells<Box<str>, Node>,
    elements: Cells<Position, Node>,
    /// For those who insert next. Forgotten with the elements of an array that is empty, at any time.
    tips: Tips,
}

impl PartialEq for Container {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members && self.elements == other.elements
    }
}

impl Container {
    fn bytes(&self) -> usize {
        24 + self.members.bytes() + self.elements.bytes()
    }
}

/// A document.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Json {
    root: Cells<(), Node>,
    /// Those that are held somewhere, those that were, and those that will be.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    containers: BTreeMap<ContainerId, Container>,
    /// Whether the collector may find something.
    is_untidy: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    bytes: usize,
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.containers == other.containers
    }
}

/// An effect that numbers the containers it creates.
struct Creation<'a> {
    effect: &'a Effect,
    next: u32,
}

impl Json {
    /// Applies `change` to a container, a new one if there is none.
    fn with(&mut self, id: ContainerId, change: impl FnOnce(&mut Container)) {
        let bytes = &mut self.bytes;
        let container = self.containers.entry(id).or_insert_with(|| {
            let new = Container::default();
            *bytes += new.bytes();
            new
        });
        let before = container.bytes();
        change(container);
        self.bytes = self.bytes + container.bytes() - before;
    }

    fn write(&mut self, place: &JsonPlace, node: Node, effect: &Effect, covered: &Clock) {
        let nothing = Clock::new();
        match place {
            JsonPlace::Root => self.root.write(&(), node, effect, covered),
            JsonPlace::Member(id, name) => {
                self.with(*id, |own| own.members.write(name, node, effect, &nothing));
            }
            JsonPlace::Element(id, position) => {
                self.with(*id, |own| {
                    own.elements.write(position, node, effect, &nothing);
                });
            }
        }
    }

    /// Makes a value, with the containers in it.
    fn create(&mut self, tree: &Tree, creation: &mut Creation<'_>) -> Node {
        let id = ContainerId {
            dot: creation.effect.dot,
            index: creation.next,
        };
        let nothing = Clock::new();
        match tree {
            Tree::Object(members) => {
                creation.next += 1;
                self.with(id, |_| {});
                for (name, tree) in members {
                    let place = JsonPlace::Member(id, name.as_str().into());
                    let node = self.create(tree, creation);
                    self.write(&place, node, creation.effect, &nothing);
                }
                Node::Object(id)
            }
            Tree::Array(elements) => {
                creation.next += 1;
                self.with(id, |_| {});
                // Nobody lets this run grow, so that what is added to it next starts at the same place for all.
                let first = Position::first(id.dot);
                for (place, tree) in elements.iter().enumerate() {
                    let place = JsonPlace::Element(id, first.plus(place));
                    let node = self.create(tree, creation);
                    self.write(&place, node, creation.effect, &nothing);
                }
                Node::Array(id)
            }
            scalar => Node::Scalar(scalar.clone()),
        }
    }

    fn sum_up(&mut self) {
        self.bytes = self.containers.values().map(Container::bytes).sum();
    }

    /// The containers that are held somewhere, hidden values included.
    fn reachable(&self) -> BTreeSet<ContainerId> {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<&Node> = self.root.iter().flat_map(|own| own.1.values()).collect();
        while let Some(node) = ahead.pop() {
            let (Node::Object(id) | Node::Array(id)) = node else {
                continue;
            };
            if !reached.insert(*id) {
                continue;
            }
            if let Some(container) = self.containers.get(id) {
                ahead.extend(container.members.iter().flat_map(|own| own.1.values()));
                ahead.extend(container.elements.iter().flat_map(|own| own.1.values()));
            }
        }
        reached
    }
}

impl Merge for Json {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::Json(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        let Change::Json(change) = &**change else {
            return;
        };
        self.is_untidy = true;
        let mut creation = Creation { effect, next: 0 };
        match change {
            JsonChange::Set { place, value } => {
                let node = self.create(value, &mut creation);
                self.write(place, node, effect, covered);
            }
            JsonChange::Insert {
                array,
                first,
                values,
            } => {
                for (place, tree) in values.iter().enumerate() {
                    let place = JsonPlace::Element(*array, first.plus(place));
                    let node = self.create(tree, &mut creation);
                    self.write(&place, node, effect, covered);
                }
                let count = values.len();
                self.with(*array, |own| own.tips.note(effect.dot, first, count));
            }
            JsonChange::Remove { places } => {
                for place in places {
                    match place {
                        JsonPlace::Root => self.root.remove(&(), effect),
                        JsonPlace::Member(id, name) => {
                            self.with(*id, |own| own.members.remove(name, effect));
                        }
                        JsonPlace::Element(id, position) => {
                            self.with(*id, |own| own.elements.remove(position, effect));
                        }
                    }
                }
            }
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.is_untidy = true;
        self.root.reset(covered);
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        let nothing = Clock::new();
        self.is_untidy = true;
        self.root.merge(&other.root, counterpart, covered);
        for id in other.containers.keys() {
            self.containers.entry(*id).or_default();
        }
        let empty = Container::default();
        for (id, own) in &mut self.containers {
            let theirs = other.containers.get(id).unwrap_or(&empty);
            own.members.merge(&theirs.members, counterpart, &nothing);
            own.elements.merge(&theirs.elements, counterpart, &nothing);
            own.tips.merge(&theirs.tips, counterpart);
        }
        self.sum_up();
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.root.smallest_origin()
    }

    fn value(&self) -> Value<'_> {
        if self.root.is_empty() {
            Value::Absent
        } else {
            Value::Json(JsonView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        // Finding out which containers are held is the collector's work.
        self.is_untidy
    }

    fn collect(&mut self, stable: &Clock) {
        self.root.collect(stable);
        let reachable = self.reachable();
        self.containers
            .retain(|id, _| reachable.contains(id) || !stable.covers(id.dot));
        for container in self.containers.values_mut() {
            container.members.collect(stable);
            container.elements.collect(stable);
            if container.elements.is_empty() {
                container.tips.collect(stable);
            }
        }
        self.is_untidy = self.root.has_tombstones()
            || self.containers.iter().any(|(id, container)| {
                !reachable.contains(id)
                    || container.members.has_tombstones()
                    || container.elements.has_tombstones()
            });
        self.sum_up();
    }

    fn bytes(&self) -> usize {
        self.bytes + self.root.bytes()
    }

    fn recount(&mut self) {
        self.root.recount();
        for container in self.containers.values_mut() {
            container.members.recount();
            container.elements.recount();
        }
        self.sum_up();
    }
}

/// A JSON document.
#[derive(Clone, Copy, Debug)]
pub struct JsonView<'a>(&'a Json);

impl<'a> JsonView<'a> {
    /// The whole document.
    pub fn to_value(self) -> Tree {
        self.root().map_or(Tree::Null, |root| self.tree(root))
    }

    pub(crate) fn root(self) -> Option<&'a Node> {
        self.0.root.iter().next()?.1.value()
    }

    /// What a node is for clients.
    pub(crate) fn tree(self, node: &Node) -> Tree {
        match node {
            Node::Scalar(tree) => tree.clone(),
            Node::Object(id) => Tree::Object(
                self.members(*id)
                    .map(|(name, node)| (name.to_owned(), self.tree(node)))
                    .collect(),
            ),
            Node::Array(id) => {
                Tree::Array(self.elements(*id).map(|own| self.tree(own.1)).collect())
            }
        }
    }

    /// The members of an object, in order of their names.
    pub(crate) fn members(self, id: ContainerId) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let container = self.0.containers.get(&id).into_iter();
        let members = container.flat_map(|container| container.members.iter());
        members.filter_map(|(name, cell)| Some((&**name, cell.value()?)))
    }

    pub(crate) fn member(self, id: ContainerId, name: &str) -> Option<&'a Node> {
        let container = self.0.containers.get(&id)?;
        container.members.get(&name.into())?.value()
    }

    /// The elements of an array, in order.
    pub(crate) fn elements(
        self,
        id: ContainerId,
    ) -> impl Iterator<Item = (&'a Position, &'a Node)> {
        let container = self.0.containers.get(&id).into_iter();
        let elements = container.flat_map(|container| container.elements.iter());
        elements.filter_map(|(position, cell)| Some((position, cell.value()?)))
    }

    /// Where `count` elements go in an array, before the `place`-th one; `dot` names the insertion.
    pub(crate) fn between(self, id: ContainerId, place: usize, count: usize, dot: Dot) -> Position {
        let positions: Vec<&Position> = self.elements(id).map(|own| own.0).collect();
        let left = place
            .checked_sub(1)
            .and_then(|left| positions.get(left).copied());
        let right = positions.get(place).copied();
        match self.0.containers.get(&id) {
            Some(container) => container.tips.between(left, right, count, dot),
            None => Position::first(dot),
        }
    }
}
