//! A Sentinel: watches a primary and its replicas, agrees with the others that the primary is down, is
//! elected, and promotes a replica.
//!
//! It is a state machine. It sees its timer, answers, questions and greetings ([`SentinelSight`]) and its own
//! clock, and asks for links, messages and the next tick ([`SentinelAction`]); who carries them out, and how
//! long that takes, is not its business. Its rules are those of Redis Sentinel (Redis docs, *High
//! availability with Redis Sentinel*; periods and orders of steps as in sentinel.c of Redis 7.0).
//!
//! Not modelled: scripts, renamed commands, several primaries watched by one process (each group of a primary
//! and its replicas has Sentinels of its own here, with epochs of its own), and discovery: at the start
//! everybody knows everybody.

mod config;
mod election;
mod failover;
mod info;
mod instance;
mod message;

pub use config::SentinelConfig;
pub use message::{
    Hello, NodeInfo, NodeRole, Observation, SentinelAction, SentinelAnswer, SentinelRequest,
    SentinelSight, Watched,
};

use regionfall_kernel::{Address, Addressed, SimDuration, TraceHash};

use self::config::{
    INFO_PERIOD, INFO_PERIOD_IN_TROUBLE, TICKS_PER_SECOND, TILT_PERIOD, TILT_TRIGGER,
};
use self::failover::Failover;
use self::instance::{Instance, Line, Peer};
use crate::topology::{LocalTime, NodeId, SentinelId};

/// A Sentinel and all that it remembers.
#[derive(Clone, Debug)]
pub struct Sentinel {
    id: SentinelId,
    config: SentinelConfig,
    draws: Addressed,
    drawn: u32,
    /// Whom it holds for primary.
    primary: NodeId,
    nodes: Vec<Instance>,
    peers: Vec<Peer>,
    /// The newest epoch it has heard of.
    epoch: u32,
    /// The epoch of the election that made the primary it knows.
    configuration: u32,
    is_objectively_down: bool,
    /// Its last vote: for whom, and in which epoch. A switch forgets the candidate, never the epoch.
    vote: (Option<SentinelId>, u32),
    failover: Option<Failover>,
    /// When a failover last began, or will be over its random delay; before that, and twice
    /// `failover_timeout` after, it does not stand.
    stood_at: Option<LocalTime>,
    ticked_at: LocalTime,
    tilted_at: Option<LocalTime>,
}

/// What a Sentinel tells a client that asks for the primary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrimaryView {
    /// The address it gives (`get-master-addr-by-name`): during its own failover the promoted replica
    /// as soon as that is known to be primary.
    pub node: NodeId,
    /// The primary of its table (`SENTINEL MASTERS`): changes with the switch only.
    pub listed: NodeId,
    /// Whether that one is flagged as subjectively or objectively down. Clients that read the
    /// table do not use a primary that is.
    pub is_down: bool,
}

impl Sentinel {
    /// A Sentinel that knows `primary`, all `nodes` of the group (the primary included) and all other
    /// Sentinels. `draws` is its own generator.
    pub fn new(
        id: SentinelId,
        config: SentinelConfig,
        (primary, nodes): (NodeId, &[NodeId]),
        peers: &[SentinelId],
        draws: Addressed,
    ) -> Self {
        let start = LocalTime(0);
        Self {
            id,
            config,
            draws,
            drawn: 0,
            primary,
            nodes: nodes
                .iter()
                .map(|&node| Instance::new(node, node == primary, start))
                .collect(),
            peers: peers
                .iter()
                .filter(|&&peer| peer != id)
                .map(|&peer| Peer::new(peer, start))
                .collect(),
            epoch: 0,
            configuration: 0,
            is_objectively_down: false,
            vote: (None, 0),
            failover: None,
            stood_at: None,
            ticked_at: start,
            tilted_at: None,
        }
    }

    /// Who it is.
    pub fn id(&self) -> SentinelId {
        self.id
    }

    /// What it tells clients.
    pub fn view(&self) -> PrimaryView {
        let node = self.advertised();
        PrimaryView {
            node,
            listed: self.primary,
            is_down: self.is_objectively_down || self.primary_line().is_down,
        }
    }

    /// The epoch of the election that made the primary it knows.
    pub fn configuration(&self) -> u32 {
        self.configuration
    }

    /// Its process starts, with what its file says (`sentinel.conf`): the configuration, the epochs, and that it has voted. A
    /// failover that it had under way is forgotten, and everything that it remembers of links is as of now.
    pub fn start(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        self.failover = None;
        self.stood_at = None;
        self.tilted_at = None;
        self.is_objectively_down = false;
        for node in &mut self.nodes {
            *node = Instance::new(node.id, node.id == self.primary, now);
        }
        for peer in &mut self.peers {
            *peer = Peer::new(peer.id, now);
        }
        self.ticked_at = now;
        // The first tick comes somewhere in a period: processes are not started in step.
        let phase = self.draw_below(1_000_000_000 / TICKS_PER_SECOND);
        out.push(SentinelAction::Wake {
            at: now.plus(SimDuration::from_nanos(phase)),
        });
    }

    /// It sees something.
    pub fn observe(&mut self, now: LocalTime, sight: SentinelSight, out: &mut Vec<SentinelAction>) {
        match sight {
            SentinelSight::Woken => self.tick(now, out),
            SentinelSight::LinkBroken { to } => {
                if let Some(line) = self.line(to) {
                    line.broke();
                }
            }
            SentinelSight::Answered { by, answer } => self.answered(now, by, answer, out),
            SentinelSight::Asked { by, request } => {
                let answer = self.asked(now, request, out);
                out.push(SentinelAction::Answer { to: by, answer });
            }
            SentinelSight::Heard(hello) => self.heard(now, hello, out),
        }
    }

    /// The timer: every process it watches in turn, the primary first, then all that follows from it.
    fn tick(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        if now.since(self.ticked_at) > TILT_TRIGGER {
            self.tilted_at = Some(now);
            out.push(SentinelAction::Note(Observation::Tilted));
        }
        self.ticked_at = now;
        let primary = self.index(self.primary);
        self.tend_node(now, primary, out);
        let acts = self.acts(now);
        if acts {
            self.judge_objectively(out);
            self.stand_if_due(now, out);
            self.go_on_with_failover(now, out);
            self.ask_others(now, false, out);
        }
        for index in 0..self.nodes.len() {
            if index != primary {
                self.tend_node(now, index, out);
            }
        }
        for index in 0..self.peers.len() {
            self.tend_peer(now, index, out);
        }
        self.switch_if_over(now, out);
        let rate = TICKS_PER_SECOND + self.draw_below(TICKS_PER_SECOND);
        out.push(SentinelAction::Wake {
            // The timer of the real thing counts whole milliseconds.
            at: now.plus(SimDuration::from_millis(1_000 / rate)),
        });
    }

    /// Whether it does more than listen.
    fn acts(&mut self, now: LocalTime) -> bool {
        if self
            .tilted_at
            .is_some_and(|since| now.since(since) >= TILT_PERIOD)
        {
            self.tilted_at = None;
        }
        self.tilted_at.is_none()
    }

    fn tend_node(&mut self, now: LocalTime, index: usize, out: &mut Vec<SentinelAction>) {
        let hello = self.hello();
        let acts = self.acts(now);
        let is_primary = self.nodes[index].id == self.primary;
        let in_trouble = !is_primary
            && (self.is_objectively_down
                || self.failover.is_some()
                || self.nodes[index].link_down_for() > SimDuration::ZERO);
        let period = if in_trouble {
            INFO_PERIOD_IN_TROUBLE
        } else {
            INFO_PERIOD
        };
        let down_after = self.config.down_after;
        let node = &mut self.nodes[index];
        node.line.reconnect(now, out);
        if node.line.takes_more() {
            if node.informed_at.is_none_or(|at| now.since(at) > period) {
                node.line.send(SentinelRequest::Info, out);
            }
            node.line.ping_if_due(now, down_after, out);
            if node.line.publishes(now) {
                node.line.send(SentinelRequest::Publish(hello), out);
            }
        }
        if acts {
            // A primary that says it is a replica for long enough is as good as down.
            let denies = is_primary
                && !node.is_primary_reported
                && now.since(node.role_reported_at) > down_after + INFO_PERIOD + INFO_PERIOD;
            judge(&mut node.line, now, down_after, denies, out);
        }
    }

    fn tend_peer(&mut self, now: LocalTime, index: usize, out: &mut Vec<SentinelAction>) {
        let hello = self.hello();
        let acts = self.acts(now);
        let down_after = self.config.down_after;
        let line = &mut self.peers[index].line;
        line.reconnect(now, out);
        if line.takes_more() {
            line.ping_if_due(now, down_after, out);
            if line.publishes(now) {
                line.send(SentinelRequest::Publish(hello), out);
            }
        }
        if acts {
            judge(line, now, down_after, false, out);
        }
    }

    fn answered(
        &mut self,
        now: LocalTime,
        by: Watched,
        answer: SentinelAnswer,
        out: &mut Vec<SentinelAction>,
    ) {
        let Some(line) = self.line(by) else { return };
        line.answered();
        match (answer, by) {
            (SentinelAnswer::Pong { is_available }, _) => line.ponged(now, is_available),
            (SentinelAnswer::Info(info), Watched::Node(node)) => {
                self.informed(now, node, info, out);
            }
            (SentinelAnswer::Opinion { is_down, vote }, Watched::Sentinel(id)) => {
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) {
                    peer.opined_at = now;
                    peer.says_down = is_down;
                    if vote.is_some() {
                        peer.vote = vote;
                    }
                }
            }
            _ => {}
        }
    }

    fn asked(
        &mut self,
        now: LocalTime,
        request: SentinelRequest,
        out: &mut Vec<SentinelAction>,
    ) -> SentinelAnswer {
        match request {
            SentinelRequest::Ping => SentinelAnswer::Pong { is_available: true },
            SentinelRequest::Publish(hello) => {
                self.heard(now, hello, out);
                SentinelAnswer::Done
            }
            SentinelRequest::IsPrimaryDown {
                primary,
                epoch,
                candidate,
            } => self.opinion(now, primary, (epoch, candidate), out),
            SentinelRequest::Info | SentinelRequest::ReplicaOf(_) => SentinelAnswer::Done,
        }
    }

    /// What it greets the others with.
    fn hello(&self) -> Hello {
        Hello {
            from: self.id,
            epoch: self.epoch,
            primary: self.advertised(),
            configuration: self.configuration,
        }
    }

    /// Where a process is in the list. A group's nodes are all known, and only they are spoken of.
    fn index(&self, id: NodeId) -> usize {
        let place = self.nodes.iter().position(|node| node.id == id);
        debug_assert!(place.is_some(), "{id} is no part of the group");
        place.unwrap_or(0)
    }

    fn line(&mut self, to: Watched) -> Option<&mut Line> {
        match to {
            Watched::Node(id) => self
                .nodes
                .iter_mut()
                .find(|node| node.id == id)
                .map(|node| &mut node.line),
            Watched::Sentinel(id) => self
                .peers
                .iter_mut()
                .find(|peer| peer.id == id)
                .map(|peer| &mut peer.line),
        }
    }

    fn primary_line(&self) -> &Line {
        &self.nodes[self.index(self.primary)].line
    }

    /// A whole number below `bound`, the next of its own.
    fn draw_below(&mut self, bound: u64) -> u64 {
        let address = Address::new(u32::from(self.id.0), self.drawn, 0, 0);
        self.drawn += 1;
        (self.draws.unit(address) * bound as f64) as u64
    }

    /// Its state enters the trace hash.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.primary.0) | u64::from(self.id.0) << 8);
        hash.absorb(u64::from(self.epoch) | u64::from(self.configuration) << 32);
        hash.absorb(u64::from(self.vote.1) | u64::from(self.is_objectively_down) << 32);
        hash.absorb(u64::from(self.drawn));
        for node in &self.nodes {
            node.line.hash_into(hash);
        }
        for peer in &self.peers {
            peer.line.hash_into(hash);
        }
    }
}

/// Whether the other end of a line is subjectively down.
fn judge(
    line: &mut Line,
    now: LocalTime,
    down_after: SimDuration,
    denies: bool,
    out: &mut Vec<SentinelAction>,
) {
    let silent = line.silent_for(now);
    line.renew_if_silent(now, down_after, out);
    let is_down = silent > down_after || denies;
    if is_down == line.is_down {
        return;
    }
    line.is_down = is_down;
    if is_down {
        line.down_since = Some(now);
    }
    if let Watched::Node(node) = line.to {
        let note = if is_down {
            Observation::SubjectivelyDown(node)
        } else {
            Observation::SubjectivelyUp(node)
        };
        out.push(SentinelAction::Note(note));
    }
}

#[cfg(test)]
mod tests;
