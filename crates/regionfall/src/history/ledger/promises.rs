//! What applications take for granted and no replicated data type keeps: each member keeps it by itself, and members that
//! have not seen each other break it together.
//!
//! - *Oversold*: a counter with a floor fell below it at some member, since others had decremented it too. Counted in units: how
//!   deep it fell, at the member and moment at which it was deepest, over the whole run.
//! - *Double claims*: a client was told that it had set a key that was absent, while another member had told the same to another
//!   client whose key was neither deleted nor expired.
//! - *Double deliveries*: a client was given an element of a list by a pop that had not seen another one, which gave it away.
//!
//! The last two count from the storm on, as writes do, and only what clients were told: a claim or element whose answer was
//! lost on the way was given to nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use regionfall_crdt::{CommandKind, Dot, Effect, KeyId, Manner, Part};
use regionfall_kernel::SimTime;

use crate::history::Promise;
use crate::topology::{KeyspaceId, NodeId};

use super::origins::Origins;

/// Whether a command takes what it takes for itself.
pub(super) fn takes(command: CommandKind) -> bool {
    matches!(
        command,
        CommandKind::SetNx | CommandKind::LPop | CommandKind::RPop
    )
}

/// Pieces of evidence that are kept; what is beyond is only counted.
const EVIDENCE: usize = 1_000;

/// What was broken, and how often.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct BrokenPromises {
    /// Units below the floors of all counters; `None` if no keyspace has a floor.
    pub oversold_units: Option<u64>,
    /// Claims on keys that another member had granted; `None` if no keyspace is unique.
    pub double_claims: Option<u64>,
    /// Deliveries of an element beyond its first; `None` if no keyspace is a queue.
    pub double_deliveries: Option<u64>,
    /// By keyspace: units oversold, claims or deliveries.
    pub units: Vec<u64>,
    /// Each of them, in order of time; at most 1,000 of each kind.
    pub evidence: Vec<BrokenPromise>,
}

/// One promise that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenPromise {
    /// Which.
    pub kind: BrokenKind,
    /// The keyspace.
    pub keyspace: KeyspaceId,
    /// The key.
    pub key: KeyId,
    /// When it was first broken for this key; of claims and deliveries, when the second was granted.
    pub at: SimTime,
    /// The nodes that broke it together. Of a counter: the one that sold a unit, then the one where that showed.
    pub nodes: [NodeId; 2],
}

/// What kind of promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokenKind {
    /// A counter fell so many units below its floor.
    Oversold(u64),
    /// A key was claimed twice.
    ClaimedTwice,
    /// An element was delivered twice.
    DeliveredTwice,
}

/// An effect, as far as promises are concerned.
#[derive(Clone, Copy)]
pub(super) struct Executed<'a> {
    pub now: u64,
    pub operation: u32,
    pub keyspace: usize,
    pub node: usize,
    pub effect: &'a Effect,
    /// Whether the operation claims a key or takes an element.
    pub takes: bool,
}

/// A counter with a floor.
#[derive(Clone, Debug)]
struct Stock {
    keyspace: usize,
    /// By node: what it stands at.
    values: Vec<i64>,
    deepest: u64,
    first: Option<(u64, [usize; 2])>,
}

/// Something granted to a client: a key, or an element.
#[derive(Clone, Copy, Debug)]
struct Grant {
    operation: u32,
    dot: Dot,
    node: usize,
    at: u64,
    /// Whether the client was told.
    is_told: bool,
}

/// Two claims on one key, or two takers of one element; the later one had not seen the earlier.
#[derive(Clone, Copy, Debug)]
struct Pair {
    kind: BrokenKind,
    earlier: Grant,
    later: Grant,
    keyspace: usize,
    key: KeyId,
}

impl Executed<'_> {
    fn grant(&self) -> Grant {
        Grant {
            operation: self.operation,
            dot: self.effect.dot,
            node: self.node,
            at: self.now,
            is_told: false,
        }
    }
}

fn tell<'g>(grants: impl IntoIterator<Item = &'g mut Grant>, operation: u32, is_told: bool) {
    for grant in grants {
        grant.is_told |= is_told && grant.operation == operation;
    }
}

/// The books of promises.
#[derive(Clone, Debug)]
pub(super) struct Promises {
    rules: Vec<Promise>,
    nodes: usize,
    storm_begins: u64,
    durable_from: u64,
    stocks: BTreeMap<KeyId, Stock>,
    /// Changes of counters that some member lacks.
    deltas: BTreeMap<(u16, u64), (KeyId, i64)>,
    /// Claims that stand.
    claims: BTreeMap<KeyId, Vec<Grant>>,
    pairs: Vec<Pair>,
    counted: BTreeSet<u32>,
    /// Who took an element, by key and element.
    taken: BTreeMap<(KeyId, Part), Vec<Grant>>,
    /// Elements that an operation took, until it ends.
    open: BTreeMap<u32, Vec<(KeyId, Part)>>,
    queue: VecDeque<(Dot, (KeyId, Part))>,
    found: BrokenPromises,
}

impl Promises {
    /// What every member has may be gone all the same.
    pub(super) fn never_settle(&mut self) {
        self.durable_from = super::rows::NEVER;
    }

    /// The books of keyspaces with these promises; `None` if there is none to keep.
    pub(super) fn new(
        rules: Vec<Promise>,
        nodes: usize,
        (storm_begins, durable_from): (u64, u64),
    ) -> Option<Box<Self>> {
        let has = |which: fn(&Promise) -> bool| rules.iter().any(which).then_some(0);
        let found = BrokenPromises {
            oversold_units: has(|rule| matches!(rule, Promise::Floor { .. })),
            double_claims: has(|rule| *rule == Promise::Unique),
            double_deliveries: has(|rule| *rule == Promise::Queue),
            units: vec![0; rules.len()],
            evidence: Vec::new(),
        };
        rules.iter().any(|rule| *rule != Promise::None).then(|| {
            Box::new(Self {
                rules,
                nodes,
                storm_begins,
                durable_from,
                stocks: BTreeMap::new(),
                deltas: BTreeMap::new(),
                claims: BTreeMap::new(),
                pairs: Vec::new(),
                counted: BTreeSet::new(),
                taken: BTreeMap::new(),
                open: BTreeMap::new(),
                queue: VecDeque::new(),
                found,
            })
        })
    }

    /// A member made an effect.
    pub(super) fn executed(&mut self, of: &Executed<'_>, origins: &Origins) {
        match self.rules[of.keyspace] {
            Promise::None => {}
            Promise::Floor { initial, .. } => {
                let Some(amount) = of.effect.delta() else {
                    return;
                };
                let stock = self.stocks.entry(of.effect.key).or_insert_with(|| Stock {
                    keyspace: of.keyspace,
                    values: vec![initial; self.nodes],
                    deepest: 0,
                    first: None,
                });
                stock.values[of.node] += amount;
                let dot = of.effect.dot;
                self.deltas
                    .insert((dot.origin.0, dot.sequence), (of.effect.key, amount));
            }
            Promise::Unique => self.claim(of),
            Promise::Queue => self.take(of, origins),
        }
    }

    /// A member applied effects of another.
    pub(super) fn applied(
        &mut self,
        now: u64,
        (writer, node): (usize, usize),
        (origin, first, last): (usize, u64, u64),
        everywhere: u64,
    ) {
        if self.deltas.is_empty() {
            return;
        }
        let origin = origin as u16;
        for (_, (key, amount)) in self.deltas.range((origin, first)..=(origin, last)) {
            let Some(stock) = self.stocks.get_mut(key) else {
                continue;
            };
            stock.values[node] += amount;
            let Promise::Floor { floor, .. } = self.rules[stock.keyspace] else {
                continue;
            };
            let below = u64::try_from(floor - stock.values[node]).unwrap_or(0);
            if below > 0 {
                stock.first.get_or_insert((now, [writer, node]));
                stock.deepest = stock.deepest.max(below);
            }
        }
        if now >= self.durable_from {
            while let Some((&dot, _)) = self.deltas.range((origin, 0)..=(origin, everywhere)).next()
            {
                self.deltas.remove(&dot);
            }
        }
    }

    /// What `node` held of an origin after `kept`, up to `held`, is gone.
    pub(super) fn copies_ended(&mut self, node: usize, origin: usize, (kept, held): (u64, u64)) {
        let origin = origin as u16;
        if kept < held {
            for (_, (key, amount)) in self.deltas.range((origin, kept + 1)..=(origin, held)) {
                if let Some(stock) = self.stocks.get_mut(key) {
                    stock.values[node] -= amount;
                }
            }
        }
    }

    /// The application has the answer of an operation, or gave it up.
    pub(super) fn ended(&mut self, operation: u32, is_told: bool) {
        for element in self.open.remove(&operation).into_iter().flatten() {
            let grants = self.taken.get_mut(&element).into_iter().flatten();
            tell(grants, operation, is_told);
        }
        tell(self.claims.values_mut().flatten(), operation, is_told);
        let mut done = Vec::new();
        self.pairs.retain_mut(|pair| {
            for grant in [&mut pair.earlier, &mut pair.later] {
                if grant.operation == operation {
                    if !is_told {
                        return false;
                    }
                    grant.is_told = true;
                }
            }
            let is_done = pair.earlier.is_told && pair.later.is_told;
            if is_done {
                done.push(*pair);
            }
            !is_done
        });
        for pair in done {
            if self.counted.insert(pair.later.operation) {
                let nodes = [pair.earlier.node, pair.later.node];
                let place = (pair.keyspace, pair.key, pair.later.at);
                self.find(pair.kind, place, nodes);
            }
        }
    }

    fn claim(&mut self, of: &Executed<'_>) {
        let effect = of.effect;
        let standing = self.claims.entry(effect.key).or_default();
        if of.takes && effect.is_register_write() {
            let later = of.grant();
            let unseen = standing
                .iter()
                .filter(|claim| claim.node != of.node && !effect.context.covers(claim.dot));
            let pairs = unseen.map(|&earlier| Pair {
                kind: BrokenKind::ClaimedTwice,
                earlier,
                later,
                keyspace: of.keyspace,
                key: effect.key,
            });
            self.pairs.extend(pairs);
            standing.push(later);
        } else if effect.is_reset() {
            standing.retain(|claim| !effect.context.covers(claim.dot));
        }
        if standing.is_empty() {
            self.claims.remove(&effect.key);
        }
    }

    fn take(&mut self, of: &Executed<'_>, origins: &Origins) {
        if !of.takes {
            return;
        }
        // Of several attempts the last one counts: the client gave the others up.
        self.pairs
            .retain(|pair| ![pair.earlier.operation, pair.later.operation].contains(&of.operation));
        for element in self.open.remove(&of.operation).into_iter().flatten() {
            if let Some(grants) = self.taken.get_mut(&element) {
                grants.retain(|grant| grant.operation != of.operation);
            }
        }
        let key = of.effect.key;
        let mut elements = Vec::new();
        of.effect.for_each_touch(|part, manner| {
            if manner == Manner::Remove && matches!(part, Part::Cell(_)) {
                elements.push((key, part));
            }
        });
        let later = of.grant();
        for &element in &elements {
            let grants = self.taken.entry(element).or_default();
            let has_seen = |dot: Dot| {
                of.effect.context.covers(dot)
                    || origins.seen(usize::from(dot.origin.0), of.node) >= dot.sequence
            };
            let unseen = grants.iter().filter(|grant| !has_seen(grant.dot));
            let pairs = unseen.map(|&earlier| Pair {
                kind: BrokenKind::DeliveredTwice,
                earlier,
                later,
                keyspace: of.keyspace,
                key,
            });
            self.pairs.extend(pairs);
            grants.push(later);
            self.queue.push_back((of.effect.dot, element));
        }
        self.open.insert(of.operation, elements);
        self.forget(of.now, origins);
    }

    /// What every member knows to be taken is seen by all that comes.
    fn forget(&mut self, now: u64, origins: &Origins) {
        while let Some(&(dot, element)) = self.queue.front() {
            let is_everywhere = origins.everywhere(usize::from(dot.origin.0)) >= dot.sequence;
            if !is_everywhere || now < self.durable_from {
                return;
            }
            self.queue.pop_front();
            if let Some(grants) = self.taken.get_mut(&element) {
                grants.retain(|grant| grant.dot != dot);
                if grants.is_empty() {
                    self.taken.remove(&element);
                }
            }
        }
    }

    fn find(
        &mut self,
        kind: BrokenKind,
        (keyspace, key, at): (usize, KeyId, u64),
        nodes: [usize; 2],
    ) {
        let count = match kind {
            BrokenKind::Oversold(units) => self
                .found
                .oversold_units
                .as_mut()
                .map(|count| (count, units)),
            _ if at < self.storm_begins => None,
            BrokenKind::ClaimedTwice => self.found.double_claims.as_mut().map(|count| (count, 1)),
            BrokenKind::DeliveredTwice => self
                .found
                .double_deliveries
                .as_mut()
                .map(|count| (count, 1)),
        };
        let Some((count, units)) = count else {
            return;
        };
        *count += units;
        self.found.units[keyspace] += units;
        let is_like = |one: &&BrokenPromise| {
            std::mem::discriminant(&one.kind) == std::mem::discriminant(&kind)
        };
        if self.found.evidence.iter().filter(is_like).count() < EVIDENCE {
            self.found.evidence.push(BrokenPromise {
                kind,
                keyspace: KeyspaceId::from_index(keyspace),
                key,
                at: SimTime::from_nanos(at),
                nodes: nodes.map(NodeId::from_index),
            });
        }
    }

    /// Closes the books.
    pub(super) fn finish(mut self) -> BrokenPromises {
        for (key, stock) in std::mem::take(&mut self.stocks) {
            if let Some((at, nodes)) = stock.first {
                let place = (stock.keyspace, key, at);
                self.find(BrokenKind::Oversold(stock.deepest), place, nodes);
            }
        }
        self.found.evidence.sort_by_key(|one| (one.at, one.key));
        self.found
    }
}
