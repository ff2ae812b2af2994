//! A little town to try Sentinels in: processes of a database, Sentinels, a network with one delay, and faults.
//! It keeps time by whole events and knows nothing of the simulation's network.

use std::collections::{BTreeMap, BTreeSet};

use regionfall_kernel::{Addressed, Seed, SimDuration};

use super::super::{
    NodeInfo, NodeRole, Observation, Sentinel, SentinelAction, SentinelAnswer, SentinelConfig,
    SentinelRequest, SentinelSight, Watched,
};
use crate::topology::{LocalTime, NodeId, SentinelId};

pub(super) const MS: u64 = 1_000_000;

/// A process of the database.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub role: NodeRole,
    pub offset: u64,
    pub priority: u8,
    pub is_killed: bool,
    pub is_frozen: bool,
    pub promotions: u32,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Wake(SentinelId),
    /// A connection attempt is refused, or a link of a dead process breaks.
    Broken(SentinelId, Watched, u32),
    Request(SentinelId, Watched, u32, SentinelRequest),
    Answer(SentinelId, Watched, u32, SentinelAnswer),
    Heard(SentinelId, super::super::Hello),
}

#[derive(Clone)]
pub(super) struct Town {
    pub now: u64,
    pub sentinels: Vec<Sentinel>,
    pub processes: Vec<Process>,
    /// One-way delay of everything, and a random part on top.
    pub delay: (u64, u64),
    /// Who does not get through to whom: pairs of places, see [`place`].
    pub cut: BTreeSet<(u16, u16)>,
    /// Sentinels that do nothing.
    pub stopped: BTreeSet<SentinelId>,
    pub notes: Vec<(u64, SentinelId, Observation)>,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    /// The generation of each link.
    links: BTreeMap<(SentinelId, Watched), u32>,
    draws: Addressed,
    drawn: u32,
}

/// A place on the map: processes from 0, Sentinels from 100.
pub(super) fn place(watched: Watched) -> u16 {
    match watched {
        Watched::Node(node) => u16::from(node.0),
        Watched::Sentinel(id) => 100 + u16::from(id.0),
    }
}

impl Town {
    /// Process 0 is primary, the others copy it.
    pub(super) fn new(sentinels: u8, processes: u8, config: SentinelConfig, seed: u64) -> Self {
        let seed = Seed::new(seed);
        let nodes: Vec<NodeId> = (0..processes).map(NodeId).collect();
        let peers: Vec<SentinelId> = (0..sentinels).map(SentinelId).collect();
        let make = |&id: &SentinelId| {
            let draws = seed.addressed("sentinels");
            Sentinel::new(id, config, (NodeId(0), &nodes), &peers, draws)
        };
        let process = |index: u8| Process {
            role: if index == 0 {
                NodeRole::Primary
            } else {
                NodeRole::Replica { of: NodeId(0) }
            },
            offset: 0,
            priority: 100,
            is_killed: false,
            is_frozen: false,
            promotions: 0,
        };
        let mut town = Self {
            now: 0,
            sentinels: peers.iter().map(make).collect(),
            processes: (0..processes).map(process).collect(),
            delay: (MS / 10, MS / 10),
            cut: BTreeSet::new(),
            stopped: BTreeSet::new(),
            notes: Vec::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            links: BTreeMap::new(),
            draws: seed.addressed("town"),
            drawn: 0,
        };
        for id in peers {
            let mut out = Vec::new();
            town.sentinels[id.index()].start(LocalTime(0), &mut out);
            town.act(id, out);
        }
        town
    }

    pub(super) fn unit(&mut self) -> f64 {
        self.drawn += 1;
        self.draws
            .unit(regionfall_kernel::Address::new(self.drawn, 0, 0, 0))
    }

    fn travel(&mut self) -> u64 {
        let (fixed, random) = self.delay;
        fixed + (self.unit() * random as f64) as u64
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    fn is_cut(&self, from: Watched, to: Watched) -> bool {
        self.cut.contains(&(place(from), place(to)))
    }

    /// Cuts or heals both ways between two sets of places.
    pub(super) fn set_cut(&mut self, here: &[u16], there: &[u16], is_cut: bool) {
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

    /// The process dies; its kernel lives and resets its connections.
    pub(super) fn kill(&mut self, node: u8) {
        self.processes[usize::from(node)].is_killed = true;
        for index in 0..self.sentinels.len() {
            let id = SentinelId::from_index(index);
            let to = Watched::Node(NodeId(node));
            let generation = self.links.get(&(id, to)).copied().unwrap_or(0);
            let at = self.now + self.travel();
            self.schedule(at, Event::Broken(id, to, generation));
        }
    }

    pub(super) fn run_until(&mut self, until: u64) {
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

    pub(super) fn run_for(&mut self, millis: u64) {
        self.run_until(self.now + millis * MS);
    }

    fn show(&mut self, id: SentinelId, sight: SentinelSight) {
        if self.stopped.contains(&id) {
            return;
        }
        let mut out = Vec::new();
        self.sentinels[id.index()].observe(LocalTime(self.now), sight, &mut out);
        self.act(id, out);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake(id) => {
                if self.stopped.contains(&id) {
                    let at = self.now + 100 * MS;
                    self.schedule(at, Event::Wake(id));
                }
                self.show(id, SentinelSight::Woken);
            }
            Event::Broken(id, to, generation) => {
                if self.links.get(&(id, to)) == Some(&generation) {
                    self.show(id, SentinelSight::LinkBroken { to });
                }
            }
            Event::Request(id, to, generation, request) => self.serve(id, to, generation, request),
            Event::Answer(id, by, generation, answer) => {
                if self.links.get(&(id, by)) == Some(&generation) {
                    self.show(id, SentinelSight::Answered { by, answer });
                }
            }
            Event::Heard(id, hello) => self.show(id, SentinelSight::Heard(hello)),
        }
    }

    fn serve(&mut self, id: SentinelId, to: Watched, generation: u32, request: SentinelRequest) {
        let answer = match to {
            Watched::Sentinel(other) => {
                if self.stopped.contains(&other) {
                    return;
                }
                let mut out = Vec::new();
                let sight = SentinelSight::Asked { by: id, request };
                self.sentinels[other.index()].observe(LocalTime(self.now), sight, &mut out);
                let (answers, rest): (Vec<_>, Vec<_>) = out
                    .into_iter()
                    .partition(|action| matches!(action, SentinelAction::Answer { .. }));
                self.act(other, rest);
                match answers[..] {
                    [SentinelAction::Answer { answer, .. }] => answer,
                    _ => panic!("one answer to one question"),
                }
            }
            Watched::Node(node) => {
                let process = &self.processes[node.index()];
                if process.is_killed || process.is_frozen {
                    return;
                }
                self.execute(node, request)
            }
        };
        let at = self.now + self.travel();
        if !self.is_cut(to, Watched::Sentinel(id)) {
            self.schedule(at, Event::Answer(id, to, generation, answer));
        }
    }

    fn execute(&mut self, node: NodeId, request: SentinelRequest) -> SentinelAnswer {
        match request {
            SentinelRequest::Ping => SentinelAnswer::Pong { is_available: true },
            SentinelRequest::Info => {
                let process = &self.processes[node.index()];
                let link_is_up = match process.role {
                    NodeRole::Primary => false,
                    NodeRole::Replica { of } => {
                        let source = &self.processes[of.index()];
                        let cut = self.is_cut(Watched::Node(node), Watched::Node(of));
                        !source.is_killed && !cut && source.role == NodeRole::Primary
                    }
                };
                SentinelAnswer::Info(NodeInfo {
                    role: process.role,
                    link_is_up,
                    link_down_for: SimDuration::ZERO,
                    offset: process.offset,
                    priority: process.priority,
                    run: u64::from(node.0),
                })
            }
            SentinelRequest::Publish(hello) => {
                for index in 0..self.sentinels.len() {
                    let id = SentinelId::from_index(index);
                    if !self.is_cut(Watched::Node(node), Watched::Sentinel(id)) {
                        let at = self.now + self.travel();
                        self.schedule(at, Event::Heard(id, hello));
                    }
                }
                SentinelAnswer::Done
            }
            SentinelRequest::ReplicaOf(source) => {
                let process = &mut self.processes[node.index()];
                let role = match source {
                    None => NodeRole::Primary,
                    Some(of) => NodeRole::Replica { of },
                };
                if role == NodeRole::Primary && process.role != role {
                    process.promotions += 1;
                }
                process.role = role;
                SentinelAnswer::Done
            }
            SentinelRequest::IsPrimaryDown { .. } => panic!("a Sentinel's question"),
        }
    }

    fn act(&mut self, id: SentinelId, actions: Vec<SentinelAction>) {
        for action in actions {
            match action {
                SentinelAction::Wake { at } => self.schedule(at.0, Event::Wake(id)),
                SentinelAction::Connect { to } => {
                    let generation = self.links.entry((id, to)).or_insert(0);
                    *generation += 1;
                    let generation = *generation;
                    let refuses = match to {
                        Watched::Node(node) => self.processes[node.index()].is_killed,
                        Watched::Sentinel(_) => false,
                    };
                    if refuses && !self.is_cut(Watched::Sentinel(id), to) {
                        let at = self.now + 2 * self.travel();
                        self.schedule(at, Event::Broken(id, to, generation));
                    }
                }
                SentinelAction::Disconnect { to } => {
                    *self.links.entry((id, to)).or_insert(0) += 1;
                }
                SentinelAction::Send { to, request } => {
                    if !self.is_cut(Watched::Sentinel(id), to) {
                        let generation = self.links[&(id, to)];
                        let at = self.now + self.travel();
                        self.schedule(at, Event::Request(id, to, generation, request));
                    }
                }
                SentinelAction::Answer { .. } => panic!("answers are taken where asked"),
                SentinelAction::Note(note) => self.notes.push((self.now, id, note)),
            }
        }
    }

    /// When something was first noted, in milliseconds after `since`.
    pub(super) fn first(&self, since: u64, what: impl Fn(&Observation) -> bool) -> Option<f64> {
        self.times(since, what).first().copied()
    }

    /// When something was noted, in milliseconds after `since`.
    pub(super) fn times(&self, since: u64, what: impl Fn(&Observation) -> bool) -> Vec<f64> {
        self.notes
            .iter()
            .filter(|(at, _, note)| *at >= since && what(note))
            .map(|(at, _, _)| (at - since) as f64 / MS as f64)
            .collect()
    }
}
