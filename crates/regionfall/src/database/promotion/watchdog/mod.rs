//! The watchdog of a node in a cluster of nodes where a majority decides, as in Redis Software and in managed
//! services: heartbeats between nodes, a look at the node's own processes, and promotion by majority.
//!
//! What is documented is that a node's watchdog notices a process that does not answer, that the nodes
//! together notice a node or zone that is gone, that a majority decides, and how long all this takes (Redis
//! Software docs, *High availability*; for managed services see the preset). How it is done is not published.
//! So the time from the last sign of life to the promotion is drawn from the preset's distribution, and
//! the way to agreement is assumed: the lowest-numbered node that hears a majority proposes, everybody
//! accepts one proposal for a shard in an epoch, and a majority of acceptances decides.
//!
//! There are never two primaries that both serve, whatever becomes of messages and whoever hears whom: each node stands by one
//! node for a shard at a time. It confirms a primary's heartbeats, and a primary serves only as long as heartbeats that a
//! majority has confirmed are young enough (else `no_quorum`); it accepts another, or confirms another, only when the one it
//! stood by can no longer serve on the strength of that. So a bad link between two nodes promotes nobody: a majority must
//! have lost the primary, not one node. Not covered: a process that hangs, goes on, and is cut off with its node in that moment.

mod decide;
mod message;

pub use message::{OwnProcess, WatchdogAction, WatchdogMessage, WatchdogNote, WatchdogSight};

use std::collections::BTreeMap;

use regionfall_kernel::{Address, Addressed, Distribution, SimDuration, TraceHash};

use self::decide::Proposal;
use crate::topology::{LocalTime, NodeId};

/// How watchdogs find failures and decide.
#[derive(Clone, PartialEq, Debug)]
pub struct WatchdogConfig {
    /// From the last sign of life of a node or process to the promotion of another.
    pub takes: Distribution,
    /// Between heartbeats.
    pub heartbeat: SimDuration,
    /// A node that no majority has heard for this long serves nothing. Three heartbeats shorter than the
    /// shortest time of `takes`, or else a promotion takes longer than that says.
    pub serves_alone: SimDuration,
    /// A shard that lost a copy gets a new one after this long; never if there is none.
    pub replica_grace: Option<SimDuration>,
}

/// A node's watchdog and all that it remembers.
#[derive(Clone, Debug)]
pub struct Watchdog {
    id: NodeId,
    config: WatchdogConfig,
    draws: Addressed,
    drawn: u32,
    nodes: Vec<Neighbour>,
    processes: Vec<OwnProcess>,
    /// For each shard, who is primary, decided in which epoch.
    decided: Vec<(NodeId, u32)>,
    /// For each shard, the newest epoch in which it accepted a proposal.
    accepted: Vec<u32>,
    /// For each shard, which node it stands by, and until when that one may serve on the strength of it.
    stands_by: Vec<(NodeId, LocalTime)>,
    /// Failing primaries: by shard, whose, and when another is promoted.
    verdicts: BTreeMap<u16, Verdict>,
    proposal: Option<Proposal>,
    /// Shards that lack a copy, and since when.
    short_since: BTreeMap<u16, LocalTime>,
    has_quorum: bool,
    /// For each shard, since when its silence counts: from the decision for its primary, or from when this node
    /// hears a majority again, whatever it missed before.
    watched_since: Vec<LocalTime>,
}

/// Another node, as a watchdog knows it.
#[derive(Clone, Debug)]
struct Neighbour {
    id: NodeId,
    zone: u16,
    heard_at: LocalTime,
    /// When the newest heartbeat left that came from it, by its own clock.
    sent_at: LocalTime,
    /// When the newest of those left that this node has confirmed.
    given_at: LocalTime,
    /// When the newest heartbeat of this node left that it has confirmed.
    confirmed_at: LocalTime,
    processes: Vec<OwnProcess>,
}

/// A primary that shows no sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Verdict {
    node: NodeId,
    /// The last sign of life.
    alive_at: LocalTime,
    /// When another is promoted, unless it is heard before.
    acts_at: LocalTime,
    is_noted: bool,
}

/// After so many heartbeats without one a neighbour counts as silent.
const SILENT_AFTER: u64 = 3;

impl Watchdog {
    /// The watchdog of node `id` among `nodes` with their zones, its own included; nodes that only vote hold no
    /// shard. `primaries` are those of each shard at the start, decided in epoch 1.
    pub fn new(
        id: NodeId,
        config: WatchdogConfig,
        nodes: &[(NodeId, u16)],
        primaries: &[NodeId],
        draws: Addressed,
    ) -> Self {
        let neighbour = |&(id, zone): &(NodeId, u16)| Neighbour {
            id,
            zone,
            heard_at: LocalTime(0),
            sent_at: LocalTime(0),
            given_at: LocalTime(0),
            confirmed_at: LocalTime(0),
            processes: Vec::new(),
        };
        Self {
            id,
            config,
            draws,
            drawn: 0,
            nodes: nodes.iter().map(neighbour).collect(),
            processes: Vec::new(),
            decided: primaries.iter().map(|&node| (node, 1)).collect(),
            accepted: vec![1; primaries.len()],
            stands_by: primaries.iter().map(|&node| (node, LocalTime(0))).collect(),
            verdicts: BTreeMap::new(),
            proposal: None,
            short_since: BTreeMap::new(),
            has_quorum: true,
            watched_since: vec![LocalTime(0); primaries.len()],
        }
    }

    /// Which node it watches from.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Whether a majority of the nodes hears it.
    pub fn has_quorum(&self) -> bool {
        self.has_quorum
    }

    /// Who is primary of a shard, as it knows.
    pub fn primary(&self, shard: u16) -> NodeId {
        self.decided[usize::from(shard)].0
    }

    /// It starts, or starts again with what was decided as it knew it. Who was down for long has to be heard first: it may have
    /// been replaced.
    pub fn start(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        for node in &mut self.nodes {
            node.heard_at = now;
        }
        self.verdicts.clear();
        self.watched_since.fill(now);
        self.proposal = None;
        self.judge_quorum(now, out);
        let phase = self.draw() * self.config.heartbeat.as_nanos() as f64;
        out.push(WatchdogAction::Wake {
            at: now.plus(SimDuration::from_nanos(phase as u64)),
        });
    }

    /// It sees something.
    pub fn observe(&mut self, now: LocalTime, sight: WatchdogSight, out: &mut Vec<WatchdogAction>) {
        match sight {
            WatchdogSight::Woken(processes) => self.tick(now, processes, out),
            WatchdogSight::Received { from, message } => {
                if let Some(node) = self.nodes.iter_mut().find(|node| node.id == from) {
                    node.heard_at = now;
                }
                self.receive(now, from, message, out);
            }
        }
    }

    fn tick(&mut self, now: LocalTime, processes: Vec<OwnProcess>, out: &mut Vec<WatchdogAction>) {
        self.processes.clone_from(&processes);
        let id = self.id;
        if let Some(own) = self.nodes.iter_mut().find(|node| node.id == id) {
            own.heard_at = now;
            own.processes = processes;
        }
        self.send_heartbeats(now, out);
        self.judge_quorum(now, out);
        self.judge_primaries(now);
        self.propose_if_due(now, out);
        self.replace_lost_copies(now, out);
        out.push(WatchdogAction::Wake {
            at: now.plus(self.config.heartbeat),
        });
    }

    fn send_heartbeats(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        for place in 0..self.nodes.len() {
            self.confirm(now, place);
        }
        let confirmed = self.nodes.iter().map(|node| (node.id, node.given_at));
        let message = WatchdogMessage::Heartbeat {
            sent: now,
            confirmed: confirmed.collect(),
            processes: self.processes.clone(),
            decided: self.decided.clone(),
        };
        for node in self.nodes.iter().filter(|node| node.id != self.id) {
            let message = message.clone();
            let to = node.id;
            out.push(WatchdogAction::Send { to, message });
        }
    }

    /// Confirms what it has of a node, unless it stands by another for a shard of which that one is primary. Its own word
    /// counts like the others'.
    fn confirm(&mut self, now: LocalTime, place: usize) {
        let node = &self.nodes[place];
        let id = node.id;
        let newest = if id == self.id { now } else { node.sent_at };
        if newest <= node.given_at {
            return;
        }
        let shards = 0..self.decided.len();
        let is_primary = |shard: &usize| self.decided[*shard].0 == id;
        if shards
            .clone()
            .filter(is_primary)
            .any(|shard| self.stands_by_another(now, shard, id))
        {
            return;
        }
        let until = now.plus(self.config.serves_alone + self.config.heartbeat);
        for shard in shards {
            let mut own = self.nodes[place].processes.iter();
            let own = own.find(|own| usize::from(own.shard) == shard);
            if self.decided[shard].0 == id && own.is_none_or(|own| own.answers) {
                let before = self.stands_by[shard].1;
                self.stands_by[shard] = (id, until.max(before));
            }
        }
        self.nodes[place].given_at = newest;
        if id == self.id {
            self.nodes[place].confirmed_at = now;
        }
    }

    /// Whether it stands by another node than this one for a shard.
    fn stands_by_another(&self, now: LocalTime, shard: usize, id: NodeId) -> bool {
        let (holder, until) = self.stands_by[shard];
        holder != id && now <= until
    }

    fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    fn judge_quorum(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        let is_young = |node: &&Neighbour| now.since(node.confirmed_at) <= self.config.serves_alone;
        let heard_by = self.nodes.iter().filter(is_young).count();
        let has_quorum = heard_by >= self.majority();
        if has_quorum != self.has_quorum {
            self.has_quorum = has_quorum;
            if has_quorum {
                self.watched_since.fill(now);
            }
            out.push(WatchdogAction::Note(WatchdogNote::Quorum(has_quorum)));
        }
    }

    /// Which primaries show no sign of life, and until when each has.
    fn judge_primaries(&mut self, now: LocalTime) {
        let silent = SimDuration::from_nanos(self.config.heartbeat.as_nanos() * SILENT_AFTER);
        for shard in 0..self.decided.len() as u16 {
            let primary = self.primary(shard);
            let Some(node) = self.nodes.iter().find(|node| node.id == primary) else {
                continue;
            };
            let is_silent = now.since(node.heard_at) > silent;
            // Before its first heartbeat nothing is known of a node's processes.
            let answers = node
                .processes
                .iter()
                .find(|process| process.shard == shard)
                .is_none_or(|process| process.answers);
            let alive_at = if is_silent { node.heard_at } else { now };
            let alive_at = alive_at.max(self.watched_since[usize::from(shard)]);
            if answers && !is_silent {
                self.verdicts.remove(&shard);
            } else if self
                .verdicts
                .get(&shard)
                .is_none_or(|verdict| verdict.node != primary)
            {
                let share = self.draw();
                let takes = self.config.takes.quantile(share);
                let verdict = Verdict {
                    node: primary,
                    alive_at,
                    acts_at: alive_at.plus(takes),
                    is_noted: false,
                };
                self.verdicts.insert(shard, verdict);
            }
        }
    }

    /// A share in 0..1, the next of its own.
    fn draw(&mut self) -> f64 {
        self.drawn += 1;
        let address = Address::new(u32::from(self.id.0), self.drawn, 2, 0);
        self.draws.unit(address)
    }

    /// Its state enters the trace hash.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.id.0) | u64::from(self.has_quorum) << 8);
        hash.absorb(u64::from(self.drawn));
        for (primary, epoch) in &self.decided {
            hash.absorb(u64::from(primary.0) | u64::from(*epoch) << 32);
        }
        for verdict in self.verdicts.values() {
            hash.absorb(verdict.alive_at.0);
            hash.absorb(verdict.acts_at.0);
        }
    }
}

#[cfg(test)]
mod tests;
