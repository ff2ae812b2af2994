//! A process of a Redis Cluster: pings the others, agrees with them on who is failing, and stands for election
//! when its own primary is.
//!
//! It is a state machine that sees messages and its own clock ([`ClusterSight`]) and asks for messages, links
//! and its next tick ([`ClusterAction`]). Rules: Redis docs, *Redis cluster specification*; periods and orders
//! of steps as in cluster.c of Redis 7.0. A replica is promoted only by the votes of a majority of
//! primaries, and who hears no majority of them stops serving.
//!
//! Not modelled: manual failover other than by takeover, replicas that move to another primary, slots that move, processes that join
//! (everybody knows everybody from the start), and the choice of whom to gossip about: a message tells of all.

mod belief;
mod election;
mod message;

pub use message::{
    BusBody, BusMessage, ClusterAction, ClusterNote, ClusterSight, Health, OwnState, ProcessId,
};

use regionfall_kernel::{Address, Addressed, SimDuration, TraceHash};

use self::belief::Belief;
use self::election::Candidacy;
use crate::topology::LocalTime;

/// The settings of a cluster's processes. Names and defaults: Redis docs, `redis.conf`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClusterConfig {
    /// `cluster-node-timeout`.
    pub node_timeout: SimDuration,
    /// `cluster-replica-validity-factor`: a replica that has been without its primary for longer than this many
    /// node timeouts (and one, and the replication ping period) does not stand; 0: it always does.
    pub validity_factor: u32,
    /// `repl-ping-replica-period`.
    pub replication_ping: SimDuration,
    /// `cluster-require-full-coverage`: while a shard is served by nobody, nobody serves.
    pub full_coverage: bool,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            node_timeout: SimDuration::from_secs(15),
            validity_factor: 10,
            replication_ping: SimDuration::from_secs(10),
            full_coverage: true,
        }
    }
}

/// The timer of cluster.c.
const TICK: SimDuration = SimDuration::from_millis(100);
/// Every so many ticks it pings one more: that of five, drawn at random, which it has heard longest ago.
const TICKS_PER_RANDOM_PING: u32 = 10;
const RANDOM_PINGS: u32 = 5;
/// Who was cut off with a minority waits the node timeout, within these bounds, before it serves again.
const REJOIN_MIN: SimDuration = SimDuration::from_millis(500);
const REJOIN_MAX: SimDuration = SimDuration::from_millis(5_000);
/// A primary that was restarted gives the others this long to tell it who took its place, before it serves.
const RESTART_WAIT: SimDuration = SimDuration::from_millis(2_000);

/// A process of a cluster and all that it remembers.
#[derive(Clone, Debug)]
pub struct ClusterProcess {
    id: ProcessId,
    config: ClusterConfig,
    draws: Addressed,
    drawn: u32,
    ticks: u32,
    /// Whom it copies; nobody if it is a primary.
    replica_of: Option<ProcessId>,
    own: OwnState,
    epoch: u32,
    voted_in: u32,
    /// For each shard, who serves it, and the epoch of the election that made it so.
    served: Vec<(ProcessId, u32)>,
    others: Vec<Belief>,
    candidacy: Candidacy,
    serves: bool,
    in_minority_at: Option<LocalTime>,
    restarted_at: Option<LocalTime>,
}

impl ClusterProcess {
    /// A process that knows everybody. The first process of each shard in `all` is its primary, elected in
    /// epoch shard + 1. `draws` is its own generator.
    ///
    /// # Panics
    /// If a shard below `shards` has no process.
    pub fn new(
        id: ProcessId,
        config: ClusterConfig,
        all: &[ProcessId],
        shards: u16,
        draws: Addressed,
    ) -> Self {
        let served: Vec<(ProcessId, u32)> = (0..shards)
            .map(|shard| {
                let first = all.iter().find(|process| process.shard == shard);
                assert!(first.is_some(), "shard {shard} has no process");
                (*first.unwrap_or(&id), u32::from(shard) + 1)
            })
            .collect();
        let primary = served[usize::from(id.shard)].0;
        let start = LocalTime(0);
        let others = all
            .iter()
            .filter(|&&other| other != id)
            .map(|&other| {
                let primary = served[usize::from(other.shard)].0;
                Belief::new(other, (other != primary).then_some(primary), start)
            })
            .collect();
        Self {
            id,
            config,
            draws,
            drawn: 0,
            ticks: 0,
            replica_of: (id != primary).then_some(primary),
            own: OwnState::default(),
            epoch: u32::from(shards),
            voted_in: 0,
            served,
            others,
            candidacy: Candidacy::default(),
            serves: true,
            in_minority_at: None,
            restarted_at: None,
        }
    }

    /// Who it is.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Whether it is a primary.
    pub fn is_primary(&self) -> bool {
        self.replica_of.is_none()
    }

    /// Whom it copies; nobody if it is a primary.
    pub fn replica_of(&self) -> Option<ProcessId> {
        self.replica_of
    }

    /// Whether it serves clients; otherwise it answers that the cluster is down.
    pub fn serves(&self) -> bool {
        self.serves
    }

    /// Who serves a shard, as it believes: what it redirects clients to.
    pub fn server_of(&self, shard: u16) -> ProcessId {
        self.served[usize::from(shard)].0
    }

    /// Its process starts, with what it had written down: roles and epochs, nothing of who answers.
    pub fn start(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        for other in &mut self.others {
            *other = Belief::new(other.id, other.replica_of, now);
        }
        self.candidacy = Candidacy::default();
        let phase = self.draw_below(TICK.as_nanos());
        out.push(ClusterAction::Wake {
            at: now.plus(SimDuration::from_nanos(phase)),
        });
    }

    /// Its process starts again after it died, with what it had written down. The cluster is down for it until it has
    /// looked, and if it is a primary until it has waited.
    pub fn restart(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        self.restarted_at = Some(now);
        if std::mem::take(&mut self.serves) {
            out.push(ClusterAction::Note(ClusterNote::Serves(false)));
        }
        self.start(now, out);
    }

    /// An operator makes it primary of its shard, whoever is there (`CLUSTER FAILOVER TAKEOVER`): it takes the next epoch
    /// without asking anybody.
    pub fn take_over(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        if !self.is_primary() {
            self.epoch += 1;
            self.become_primary(now, self.epoch, out);
        }
    }

    /// It sees something.
    pub fn observe(&mut self, now: LocalTime, sight: ClusterSight, out: &mut Vec<ClusterAction>) {
        match sight {
            ClusterSight::Woken(own) => {
                self.own = own;
                self.tick(now, out);
            }
            ClusterSight::LinkBroken { to } => {
                if let Some(other) = self.belief(to) {
                    other.link_since = None;
                }
            }
            ClusterSight::Received(message) => self.receive(now, message, out),
        }
    }

    fn tick(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        self.ticks += 1;
        for index in 0..self.others.len() {
            if self.others[index].link_since.is_none() {
                self.others[index].link_since = Some(now);
                let to = self.others[index].id;
                out.push(ClusterAction::Connect { to });
                // A new link begins with a ping. It starts no clock: it never leaves if the link is refused.
                let message = self.message(BusBody::Ping(self.gossip()));
                out.push(ClusterAction::Send { to, message });
            }
        }
        if self.ticks.is_multiple_of(TICKS_PER_RANDOM_PING) {
            self.ping_one_of_five(now, out);
        }
        let timeout = self.config.node_timeout;
        for index in 0..self.others.len() {
            let other = &mut self.others[index];
            other.renew_link_if_silent(now, timeout, out);
            if other.wants_ping(now, timeout) {
                self.ping(now, index, out);
            } else if self.others[index].suspect_if_silent(now, timeout) {
                let id = self.others[index].id;
                out.push(ClusterAction::Note(ClusterNote::Suspects(id)));
                self.fail_if_agreed(now, index, out);
            }
        }
        self.stand_if_due(now, out);
        self.judge_own_service(now, out);
        out.push(ClusterAction::Wake { at: now.plus(TICK) });
    }

    fn ping_one_of_five(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        let mut oldest: Option<usize> = None;
        for _ in 0..RANDOM_PINGS {
            let index = self.draw_below(self.others.len() as u64) as usize;
            let Some(other) = self.others.get(index) else {
                return;
            };
            let heard = |index: usize| self.others[index].ponged_at;
            if other.is_idle() && oldest.is_none_or(|best| heard(index) < heard(best)) {
                oldest = Some(index);
            }
        }
        if let Some(index) = oldest {
            self.ping(now, index, out);
        }
    }

    fn ping(&mut self, now: LocalTime, index: usize, out: &mut Vec<ClusterAction>) {
        let message = self.message(BusBody::Ping(self.gossip()));
        let other = &mut self.others[index];
        other.pinged_at.get_or_insert(now);
        out.push(ClusterAction::Send {
            to: other.id,
            message,
        });
    }

    /// Everything that it thinks of the others.
    fn gossip(&self) -> Vec<(ProcessId, Health)> {
        self.others
            .iter()
            .map(|other| (other.id, other.health))
            .collect()
    }

    fn message(&self, body: BusBody) -> BusMessage {
        BusMessage {
            from: self.id,
            epoch: self.epoch,
            configuration: self.served[usize::from(self.id.shard)].1,
            replica_of: self.replica_of,
            offset: self.own.offset,
            body,
        }
    }

    fn send_to_all(&self, body: &BusBody, out: &mut Vec<ClusterAction>) {
        for other in &self.others {
            out.push(ClusterAction::Send {
                to: other.id,
                message: self.message(body.clone()),
            });
        }
    }

    /// Primaries that a majority is counted among: one for each shard, as it believes.
    fn majority(&self) -> usize {
        self.served.len() / 2 + 1
    }

    fn is_primary_of_a_shard(&self, id: ProcessId) -> bool {
        self.served.iter().any(|(primary, _)| *primary == id)
    }

    fn health_of(&self, id: ProcessId) -> Health {
        let other = self.others.iter().find(|other| other.id == id);
        other.map_or(Health::Fine, |other| other.health)
    }

    fn belief(&mut self, id: ProcessId) -> Option<&mut Belief> {
        self.others.iter_mut().find(|other| other.id == id)
    }

    /// Whether it serves: all shards covered, a majority of primaries heard, and, after a time with a
    /// minority, long enough since.
    fn judge_own_service(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        let health = |&(primary, _): &(ProcessId, u32)| self.health_of(primary);
        let heard = self
            .served
            .iter()
            .filter(|&entry| health(entry) == Health::Fine);
        let in_minority = heard.count() < self.majority();
        let uncovered = self.config.full_coverage
            && self
                .served
                .iter()
                .any(|entry| health(entry) == Health::Failed);
        if in_minority {
            self.in_minority_at = Some(now);
        }
        let serves = !in_minority && !uncovered;
        let wait = self.config.node_timeout.min(REJOIN_MAX).max(REJOIN_MIN);
        let waits = self.is_primary() && self.in_minority_at.is_some_and(|at| now.since(at) < wait);
        let starts = self.is_primary()
            && self
                .restarted_at
                .is_some_and(|at| now.since(at) < RESTART_WAIT);
        if serves == self.serves || serves && (waits || starts) {
            return;
        }
        self.serves = serves;
        out.push(ClusterAction::Note(ClusterNote::Serves(serves)));
    }

    /// A whole number below `bound`, the next of its own.
    fn draw_below(&mut self, bound: u64) -> u64 {
        let who = u32::from(self.id.node.0) << 16 | u32::from(self.id.shard);
        let unit = self.draws.unit(Address::new(who, self.drawn, 1, 0));
        self.drawn += 1;
        (unit * bound as f64) as u64
    }

    /// Its state enters the trace hash.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.id.node.0) | u64::from(self.id.shard) << 8);
        hash.absorb(u64::from(self.epoch) | u64::from(self.voted_in) << 32);
        hash.absorb(u64::from(self.drawn) | u64::from(self.serves) << 32);
        for (primary, epoch) in &self.served {
            hash.absorb(u64::from(primary.node.0) | u64::from(*epoch) << 32);
        }
        for other in &self.others {
            other.hash_into(hash);
        }
    }
}

#[cfg(test)]
mod tests;
