//! A little town of cluster processes, with one delay, cuts and stops.

use std::collections::{BTreeMap, BTreeSet};

use regionfall_kernel::{Address, Addressed, Seed};

use super::super::{
    BusMessage, ClusterAction, ClusterConfig, ClusterNote, ClusterProcess, ClusterSight, OwnState,
    ProcessId,
};
use crate::topology::{LocalTime, NodeId};

pub(super) const MS: u64 = 1_000_000;

/// What became of a process, beside what it notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Primary { epoch: u32 },
    Replica { of: ProcessId },
}

#[derive(Clone, Debug)]
enum Event {
    Wake(usize),
    Broken(usize, ProcessId, u32),
    Message(usize, BusMessage, Option<(ProcessId, u32)>),
}

#[derive(Clone)]
pub(super) struct Town {
    pub now: u64,
    pub processes: Vec<ClusterProcess>,
    pub own: Vec<OwnState>,
    pub delay: (u64, u64),
    pub cut: BTreeSet<(usize, usize)>,
    /// They do nothing; killed ones refuse connections, frozen ones take them.
    pub frozen: BTreeSet<usize>,
    pub killed: BTreeSet<usize>,
    pub notes: Vec<(u64, ProcessId, ClusterNote)>,
    pub turns: Vec<(u64, ProcessId, Turn)>,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    links: BTreeMap<(usize, ProcessId), u32>,
    draws: Addressed,
    drawn: u32,
}

impl Town {
    /// Each shard has a primary and `replicas` replicas, every process on a node of its own.
    pub(super) fn new(shards: u16, replicas: u16, config: ClusterConfig, seed: u64) -> Self {
        let seed = Seed::new(seed);
        let all: Vec<ProcessId> = (0..shards * (1 + replicas))
            .map(|index| ProcessId {
                node: NodeId(index as u8),
                shard: index % shards,
            })
            .collect();
        let make = |&id: &ProcessId| {
            let draws = seed.addressed("cluster");
            ClusterProcess::new(id, config, &all, shards, draws)
        };
        let mut town = Self {
            now: 0,
            processes: all.iter().map(make).collect(),
            own: vec![OwnState::default(); all.len()],
            delay: (MS / 10, MS / 10),
            cut: BTreeSet::new(),
            frozen: BTreeSet::new(),
            killed: BTreeSet::new(),
            notes: Vec::new(),
            turns: Vec::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            links: BTreeMap::new(),
            draws: seed.addressed("town"),
            drawn: 0,
        };
        for index in 0..all.len() {
            let mut out = Vec::new();
            town.processes[index].start(LocalTime(0), &mut out);
            town.act(index, out, None);
        }
        town
    }

    pub(super) fn unit(&mut self) -> f64 {
        self.drawn += 1;
        self.draws.unit(Address::new(self.drawn, 0, 0, 0))
    }

    fn travel(&mut self) -> u64 {
        let (fixed, random) = self.delay;
        fixed + (self.unit() * random as f64) as u64
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    fn is_down(&self, index: usize) -> bool {
        self.frozen.contains(&index) || self.killed.contains(&index)
    }

    pub(super) fn set_cut(&mut self, here: &[usize], there: &[usize], is_cut: bool) {
        for &a in here {
            for &b in there {
                for pair in [(a, b), (b, a)] {
                    if is_cut {
                        self.cut.insert(pair);
                    } else {
                        self.cut.remove(&pair);
                    }
                }
            }
        }
    }

    pub(super) fn kill(&mut self, killed: usize) {
        self.killed.insert(killed);
        let to = self.processes[killed].id();
        for index in 0..self.processes.len() {
            if let Some(&generation) = self.links.get(&(index, to)) {
                let at = self.now + self.travel();
                self.schedule(at, Event::Broken(index, to, generation));
            }
        }
    }

    /// An operator lets one take over its shard.
    pub(super) fn take_over(&mut self, index: usize) {
        let mut out = Vec::new();
        self.processes[index].take_over(LocalTime(self.now), &mut out);
        self.act(index, out, None);
    }

    pub(super) fn run_for(&mut self, millis: u64) {
        let until = self.now + millis * MS;
        while let Some((&key, _)) = self.events.first_key_value() {
            if key.0 > until {
                break;
            }
            let event = self.events.remove(&key).unwrap();
            self.now = key.0;
            self.handle(event);
        }
        self.now = until;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake(index) => {
                if self.is_down(index) {
                    self.schedule(self.now + 100 * MS, Event::Wake(index));
                } else {
                    let own = self.own[index];
                    self.show(index, ClusterSight::Woken(own), None);
                }
            }
            Event::Broken(index, to, generation) => {
                if self.links.get(&(index, to)) == Some(&generation) {
                    self.show(index, ClusterSight::LinkBroken { to }, None);
                }
            }
            Event::Message(index, message, over) => {
                let from = message.from.node.index();
                if over.is_some_and(|(to, generation)| {
                    // An answer over a link that was closed since.
                    to == message.from && self.links.get(&(index, to)) != Some(&generation)
                }) {
                    return;
                }
                self.show(index, ClusterSight::Received(message), Some(from));
            }
        }
    }

    fn show(&mut self, index: usize, sight: ClusterSight, asker: Option<usize>) {
        if self.is_down(index) {
            return;
        }
        let mut out = Vec::new();
        self.processes[index].observe(LocalTime(self.now), sight, &mut out);
        self.act(index, out, asker);
    }

    fn act(&mut self, index: usize, actions: Vec<ClusterAction>, asker: Option<usize>) {
        let id = self.processes[index].id();
        for action in actions {
            match action {
                ClusterAction::Wake { at } => self.schedule(at.0, Event::Wake(index)),
                ClusterAction::Connect { to } => {
                    let generation = self.links.entry((index, to)).or_insert(0);
                    *generation += 1;
                    let generation = *generation;
                    let other = to.node.index();
                    if self.killed.contains(&other) && !self.cut.contains(&(index, other)) {
                        let at = self.now + 2 * self.travel();
                        self.schedule(at, Event::Broken(index, to, generation));
                    }
                }
                ClusterAction::Disconnect { to } => {
                    *self.links.entry((index, to)).or_insert(0) += 1;
                }
                ClusterAction::Send { to, message } => {
                    let other = to.node.index();
                    if !self.cut.contains(&(index, other)) {
                        let at = self.now + self.travel();
                        self.schedule(at, Event::Message(other, message, None));
                    }
                }
                ClusterAction::Answer { to, message } => {
                    let other = to.node.index();
                    assert_eq!(asker, Some(other), "answers go to who asked");
                    if !self.cut.contains(&(index, other)) {
                        let generation = self.links.get(&(other, id)).copied().unwrap_or(0);
                        let at = self.now + self.travel();
                        self.schedule(at, Event::Message(other, message, Some((id, generation))));
                    }
                }
                ClusterAction::BecomePrimary { epoch } => {
                    self.turns.push((self.now, id, Turn::Primary { epoch }));
                }
                ClusterAction::BecomeReplica { of } => {
                    self.turns.push((self.now, id, Turn::Replica { of }));
                }
                ClusterAction::Note(note) => self.notes.push((self.now, id, note)),
            }
        }
    }
}
