//! Three nodes in full: heartbeat by heartbeat, whatever becomes of each message, in each direction by itself, and whichever
//! node is down or starts again. However these meet, no two nodes serve one shard.
//!
//! A walk that never fails shows nothing. So it is walked over two watchdogs that are broken as the real thing must not be: one
//! that counts whom it hears, not who hears it, and one that lets another node be promoted though it hears the primary well.

use std::collections::BTreeSet;

use regionfall_kernel::{Distribution, Seed, SimDuration};

use super::super::{
    OwnProcess, Watchdog, WatchdogAction, WatchdogConfig, WatchdogMessage, WatchdogSight,
};
use crate::topology::{LocalTime, NodeId};

const HEARTBEAT: u64 = 1_000_000_000;
const NODES: usize = 3;
/// Ages beyond this make no difference to any rule.
const OLD: u64 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    Nothing,
    CountsWhomItHears,
    AcceptsThoughItHears,
}

/// What becomes of the messages between each two nodes in a round, [`PAIRS`].
type Links = [Link; 3];

const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Link {
    Open,
    Cut,
    /// What the lower of the two sends is lost.
    CutUp,
    CutDown,
    /// It arrives in the next round.
    Late,
}

impl Link {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::Cut,
        Self::CutUp,
        Self::CutDown,
        Self::Late,
    ];
}

type Letter = (NodeId, usize, WatchdogMessage);

#[derive(Clone)]
struct Town {
    now: u64,
    dogs: Vec<Watchdog>,
    is_primary: [bool; NODES],
    is_down: [bool; NODES],
    late: Vec<Letter>,
    promotions: u32,
    /// Two nodes served at some moment.
    is_split: bool,
}

impl Town {
    fn new() -> Self {
        let seconds = SimDuration::from_secs;
        let config = WatchdogConfig {
            takes: Distribution::Constant(seconds(4)),
            heartbeat: seconds(1),
            serves_alone: seconds(2),
            replica_grace: None,
        };
        let ids: Vec<NodeId> = (0..NODES).map(NodeId::from_index).collect();
        let nodes: Vec<(NodeId, u16)> = ids.iter().map(|&id| (id, u16::from(id.0))).collect();
        let draws = Seed::new(1).addressed("walk");
        let dog = |&id: &NodeId| Watchdog::new(id, config.clone(), &nodes, &ids[..1], draws);
        let mut dogs: Vec<Watchdog> = ids.iter().map(dog).collect();
        for dog in &mut dogs {
            dog.start(LocalTime(0), &mut Vec::new());
        }
        Self {
            now: 0,
            dogs,
            is_primary: [true, false, false],
            is_down: [false; NODES],
            late: Vec::new(),
            promotions: 0,
            is_split: false,
        }
    }

    /// A node falls, or starts again.
    fn switch(&mut self, node: usize) {
        self.is_down[node] ^= true;
        if !self.is_down[node] {
            self.dogs[node].start(LocalTime(self.now), &mut Vec::new());
        }
    }

    /// A heartbeat of every node, and all that follows from it at once.
    fn pass(&mut self, links: Links, broken: Broken) {
        self.now += HEARTBEAT;
        for letter in std::mem::take(&mut self.late) {
            self.deliver(letter, links, broken);
        }
        for node in 0..NODES {
            // The third node only votes.
            let own = OwnProcess {
                shard: 0,
                answers: true,
                offset: 0,
            };
            let own = if node < 2 { vec![own] } else { Vec::new() };
            self.show(node, WatchdogSight::Woken(own), links, broken);
        }
    }

    fn deliver(&mut self, (from, to, mut message): Letter, links: Links, broken: Broken) {
        match (&mut message, broken) {
            (WatchdogMessage::Heartbeat { confirmed, .. }, Broken::CountsWhomItHears) => {
                for (_, at) in confirmed {
                    *at = LocalTime(self.now);
                }
            }
            (WatchdogMessage::Propose { is_planned, .. }, Broken::AcceptsThoughItHears) => {
                *is_planned = true;
            }
            _ => {}
        }
        self.show(to, WatchdogSight::Received { from, message }, links, broken);
    }

    fn show(&mut self, node: usize, sight: WatchdogSight, links: Links, broken: Broken) {
        if self.is_down[node] {
            return;
        }
        let mut out = Vec::new();
        self.dogs[node].observe(LocalTime(self.now), sight, &mut out);
        let mut letters = Vec::new();
        for action in out {
            match action {
                WatchdogAction::Send { to, message } => {
                    letters.push((NodeId::from_index(node), to.index(), message));
                }
                WatchdogAction::BecomePrimary { .. } => {
                    self.is_primary[node] = true;
                    self.promotions += 1;
                }
                WatchdogAction::BecomeReplica { .. } => self.is_primary[node] = false,
                _ => {}
            }
        }
        let serves = |&node: &usize| {
            self.is_primary[node] && !self.is_down[node] && self.dogs[node].has_quorum()
        };
        self.is_split |= (0..NODES).filter(serves).count() > 1;
        for letter in letters {
            match link(links, node, letter.1) {
                Link::Open => self.deliver(letter, links, broken),
                Link::Late => self.late.push(letter),
                Link::Cut | Link::CutUp | Link::CutDown => {}
            }
        }
    }

    /// What tells one state from another: ages instead of moments, so that what happens again is known again.
    fn key(&self) -> Vec<u64> {
        let age = |at: LocalTime| (self.now.saturating_sub(at.0) / HEARTBEAT).min(OLD);
        let mut key = Vec::new();
        for (index, dog) in self.dogs.iter().enumerate() {
            for node in &dog.nodes {
                key.push(
                    age(node.heard_at)
                        | age(node.sent_at) << 8
                        | age(node.confirmed_at) << 16
                        | age(node.given_at) << 24,
                );
            }
            let (decided, epoch) = dog.decided[0];
            key.push(u64::from(decided.0) | u64::from(epoch) << 8);
            let (node, until) = dog.stands_by[0];
            let left = until.0.saturating_sub(self.now) / HEARTBEAT;
            key.push(u64::from(node.0) | u64::from(dog.accepted[0]) << 8 | left << 40);
            key.push(dog.verdicts.get(&0).map_or(0, |verdict| {
                let due = verdict.acts_at.0.saturating_sub(self.now) / HEARTBEAT;
                1 + u64::from(verdict.node.0) + (due << 8)
            }));
            let flags = [dog.has_quorum, self.is_primary[index], self.is_down[index]];
            key.extend(flags.map(u64::from));
            key.push(age(dog.watched_since[0]));
        }
        key
    }

    fn state(&self) -> (Vec<u64>, String) {
        let proposals: Vec<_> = self.dogs.iter().map(|dog| &dog.proposal).collect();
        let is_busy = proposals.iter().any(|proposal| proposal.is_some()) || !self.late.is_empty();
        let rest = if is_busy {
            format!("{proposals:?} {:?}", self.late)
        } else {
            String::new()
        };
        (self.key(), rest)
    }
}

fn link(links: Links, from: usize, to: usize) -> Link {
    let pair = (from.min(to), from.max(to));
    let place = PAIRS.iter().position(|&known| known == pair);
    match (place.map_or(Link::Open, |place| links[place]), from < to) {
        (Link::CutUp, false) | (Link::CutDown, true) => Link::Open,
        (link, _) => link,
    }
}

/// A walk of all sequences of rounds up to a length, in which the links change, or a node falls or starts again, so many times.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    links: &'a [Link],
    nodes_fall: bool,
    changes: usize,
    length: usize,
}

struct Walked {
    states: usize,
    promotions: u32,
    /// What the links were, round by round, until two served.
    split: Option<Vec<Links>>,
}

#[derive(Clone)]
struct Walker {
    town: Town,
    links: Links,
    changes: usize,
    path: Vec<Links>,
}

impl Walker {
    /// Every round that can come next.
    fn steps(&self, bounds: Bounds<'_>, broken: Broken) -> Vec<Self> {
        let mut next = vec![self.clone()];
        if self.changes < bounds.changes {
            let changed = Self {
                changes: self.changes + 1,
                ..self.clone()
            };
            for &one in bounds.links {
                for &two in bounds.links {
                    let links = bounds.links.iter().map(|&three| [one, two, three]);
                    next.extend(
                        links
                            .filter(|links| *links != self.links)
                            .map(|links| Self {
                                links,
                                ..changed.clone()
                            }),
                    );
                }
            }
            for node in (0..NODES).filter(|_| bounds.nodes_fall) {
                let mut walker = changed.clone();
                walker.town.switch(node);
                next.push(walker);
            }
        }
        for walker in &mut next {
            walker.town.pass(walker.links, broken);
            walker.path.push(walker.links);
        }
        next
    }
}

fn walk(bounds: Bounds<'_>, broken: Broken) -> Walked {
    let mut walked = Walked {
        states: 0,
        promotions: 0,
        split: None,
    };
    let mut seen = BTreeSet::new();
    let mut layer = vec![Walker {
        town: Town::new(),
        links: [Link::Open; 3],
        changes: 0,
        path: Vec::new(),
    }];
    for _ in 0..bounds.length {
        let steps = layer.iter().flat_map(|walker| walker.steps(bounds, broken));
        let mut next = Vec::new();
        for walker in steps {
            walked.promotions = walked.promotions.max(walker.town.promotions);
            if walker.town.is_split {
                walked.split = Some(walker.path);
                return walked;
            }
            if seen.insert((walker.town.state(), walker.links, walker.changes)) {
                next.push(walker);
            }
        }
        layer = next;
    }
    walked.states = seen.len();
    walked
}

const NO_BOUNDS: Bounds<'_> = Bounds {
    links: &[],
    nodes_fall: false,
    changes: 0,
    length: 0,
};

fn holds(bounds: Bounds<'_>, states: usize) {
    let walked = walk(bounds, Broken::Nothing);
    assert_eq!(walked.split, None, "two nodes serve one shard");
    assert!(walked.states > states, "{} states", walked.states);
    assert!(walked.promotions > 0, "somebody was promoted");
}

#[test]
fn no_two_serve_whichever_direction_of_which_link_is_cut() {
    let links = &Link::ALL[..4];
    holds(
        Bounds {
            links,
            changes: 2,
            length: 9,
            ..NO_BOUNDS
        },
        50_000,
    );
}

#[test]
fn no_two_serve_while_nodes_fall_and_start_again() {
    let links = &Link::ALL[..2];
    holds(
        Bounds {
            links,
            nodes_fall: true,
            changes: 3,
            length: 12,
        },
        30_000,
    );
}

#[test]
fn no_two_serve_where_messages_come_a_heartbeat_late() {
    let links = &[Link::Open, Link::Cut, Link::Late];
    holds(
        Bounds {
            links,
            changes: 2,
            length: 9,
            ..NO_BOUNDS
        },
        10_000,
    );
}

#[test]
fn watchdogs_that_are_broken_are_seen() {
    let bounds = Bounds {
        links: &Link::ALL[..4],
        changes: 2,
        length: 9,
        ..NO_BOUNDS
    };
    for broken in [Broken::CountsWhomItHears, Broken::AcceptsThoughItHears] {
        let split = walk(bounds, broken).split;
        assert!(split.is_some(), "{broken:?} is not seen");
    }
}
