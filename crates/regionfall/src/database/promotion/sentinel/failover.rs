//! The failover of an elected Sentinel: choose a replica, promote it, turn the others, announce it.

use regionfall_kernel::SimDuration;

use super::config::{INFO_PERIOD, PING_PERIOD, RECONFIGURATION_TIMEOUT};
use super::instance::{Instance, Turning};
use super::message::{NodeRole, Observation, SentinelAction, SentinelRequest};
use super::{Hello, Sentinel};
use crate::topology::{LocalTime, NodeId};

/// A failover under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Failover {
    /// The epoch it stands in.
    pub epoch: u32,
    /// When it began, the random delay included.
    pub began: LocalTime,
    pub step: Step,
    /// When the step began.
    pub since: LocalTime,
}

/// How far a failover is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It waits for votes.
    Standing,
    /// It is elected and chooses a replica at the next tick.
    Choosing,
    /// It tells the chosen replica to be primary at the next tick at which there is a link.
    Promoting(NodeId),
    /// It waits until the chosen replica says that it is primary.
    AwaitingPromotion(NodeId),
    /// It turns the other replicas to the new primary.
    Turning(NodeId),
    /// It announces the new primary at the end of this tick.
    Over(NodeId),
}

impl Sentinel {
    /// The primary that it tells everybody.
    pub(super) fn advertised(&self) -> NodeId {
        match self.failover.map(|failover| failover.step) {
            Some(Step::Turning(node) | Step::Over(node)) => node,
            _ => self.primary,
        }
    }

    /// One step of the failover, if one is under way: at most one a tick.
    pub(super) fn go_on_with_failover(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        let Some(failover) = self.failover else {
            return;
        };
        let is_late = now.since(failover.since) > self.config.failover_timeout;
        match failover.step {
            Step::Standing => self.await_election(now, failover, out),
            Step::Choosing => {
                if let Some(node) = self.best_replica(now) {
                    let index = self.index(node);
                    self.nodes[index].is_promoted = true;
                    self.go_to(now, Step::Promoting(node));
                } else {
                    out.push(SentinelAction::Note(Observation::NoGoodReplica));
                    self.abort_failover();
                }
            }
            Step::Promoting(node) => {
                let index = self.index(node);
                if self.nodes[index].line.is_connected {
                    let epoch = failover.epoch;
                    out.push(SentinelAction::Note(Observation::Promotes { node, epoch }));
                    self.nodes[index]
                        .line
                        .send(SentinelRequest::ReplicaOf(None), out);
                    self.go_to(now, Step::AwaitingPromotion(node));
                } else if is_late {
                    self.give_up_promotion(node, out);
                }
            }
            Step::AwaitingPromotion(node) => {
                if is_late {
                    self.give_up_promotion(node, out);
                }
            }
            Step::Turning(node) => self.turn_replicas(now, node, failover.since, out),
            Step::Over(_) => {}
        }
    }

    fn go_to(&mut self, now: LocalTime, step: Step) {
        if let Some(failover) = &mut self.failover {
            failover.step = step;
            failover.since = now;
        }
    }

    fn give_up_promotion(&mut self, node: NodeId, out: &mut Vec<SentinelAction>) {
        out.push(SentinelAction::Note(Observation::PromotionTimedOut(node)));
        self.abort_failover();
    }

    pub(super) fn abort_failover(&mut self) {
        self.failover = None;
        for node in &mut self.nodes {
            node.is_promoted = false;
        }
    }

    /// The replica to promote: reachable, informed lately, not too long without its primary; of those the
    /// lowest priority number, then the largest offset, then the smallest run number.
    fn best_replica(&self, now: LocalTime) -> Option<NodeId> {
        let times = |span: SimDuration, factor: u64| {
            SimDuration::from_nanos(span.as_nanos().saturating_mul(factor))
        };
        let primary = self.primary_line();
        let mut link_down_max = times(self.config.down_after, 10);
        let mut info_age_max = times(INFO_PERIOD, 3);
        if primary.is_down {
            let since = primary.down_since.unwrap_or(now);
            link_down_max += now.since(since);
            info_age_max = times(PING_PERIOD, 5);
        }
        self.nodes
            .iter()
            .filter(|node| node.id != self.primary)
            .filter(|node| {
                !node.line.is_down
                    && node.line.is_connected
                    && now.since(node.line.available_at) <= times(PING_PERIOD, 5)
                    && node
                        .informed_at
                        .is_some_and(|at| now.since(at) <= info_age_max)
                    && node.link_down_for() <= link_down_max
            })
            .filter_map(|node| node.said.map(|said| (node.id, said)))
            .filter(|(_, said)| said.priority > 0)
            .min_by_key(|(_, said)| (said.priority, u64::MAX - said.offset, said.run))
            .map(|(id, _)| id)
    }

    /// The promoted replica says that it is primary: from now on it is told as such.
    pub(super) fn promotion_seen(&mut self, now: LocalTime, node: NodeId) {
        if let Some(failover) = &self.failover {
            self.configuration = failover.epoch;
        }
        self.go_to(now, Step::Turning(node));
        for watched in &mut self.nodes {
            watched.line.hurry();
        }
        for peer in &mut self.peers {
            peer.line.hurry();
        }
    }

    /// Turns a few of the other replicas at a time; over when all that can be reached are turned.
    fn turn_replicas(
        &mut self,
        now: LocalTime,
        promoted: NodeId,
        since: LocalTime,
        out: &mut Vec<SentinelAction>,
    ) {
        let under_way =
            |node: &Instance| matches!(node.turning, Turning::Told(_) | Turning::InProgress);
        let mut turning = self.nodes.iter().filter(|node| under_way(node)).count();
        let parallel = usize::from(self.config.parallel_syncs);
        let primary = self.primary;
        let others = |node: &Instance| node.id != primary && node.id != promoted;
        for node in self.nodes.iter_mut().filter(|node| others(node)) {
            if turning >= parallel {
                break;
            }
            if let Turning::Told(at) = node.turning
                && now.since(at) > RECONFIGURATION_TIMEOUT
            {
                node.turning = Turning::Done;
                continue;
            }
            if node.turning == Turning::Not && node.line.is_connected {
                node.line
                    .send(SentinelRequest::ReplicaOf(Some(promoted)), out);
                node.turning = Turning::Told(now);
                turning += 1;
            }
        }
        if self.nodes[self.index(promoted)].line.is_down {
            return;
        }
        let is_late = now.since(since) > self.config.failover_timeout;
        let is_left =
            |node: &Instance| others(node) && node.turning != Turning::Done && !node.line.is_down;
        if !is_late && self.nodes.iter().any(is_left) {
            return;
        }
        if is_late {
            for node in self.nodes.iter_mut().filter(|node| others(node)) {
                if node.turning == Turning::Not && node.line.is_connected {
                    node.line
                        .send(SentinelRequest::ReplicaOf(Some(promoted)), out);
                    node.turning = Turning::Told(now);
                }
            }
        }
        self.go_to(now, Step::Over(promoted));
    }

    /// How far a replica that was told to turn is, by what it says of itself.
    pub(super) fn note_turning(&mut self, index: usize) {
        let Some(Step::Turning(promoted)) = self.failover.map(|failover| failover.step) else {
            return;
        };
        let node = &mut self.nodes[index];
        let Some(said) = node.said else { return };
        if matches!(node.turning, Turning::Told(_))
            && said.role == (NodeRole::Replica { of: promoted })
        {
            node.turning = Turning::InProgress;
        }
        if node.turning == Turning::InProgress && said.link_is_up {
            node.turning = Turning::Done;
        }
    }

    /// At the end of a tick: a failover that is over becomes the configuration.
    pub(super) fn switch_if_over(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        if let Some(Failover {
            step: Step::Over(node),
            ..
        }) = self.failover
        {
            self.switch(now, node, out);
        }
    }

    /// Another Sentinel's greeting: a newer epoch is taken over, a newer configuration too.
    pub(super) fn heard(&mut self, now: LocalTime, hello: Hello, out: &mut Vec<SentinelAction>) {
        if hello.from == self.id {
            return;
        }
        self.epoch = self.epoch.max(hello.epoch);
        if self.configuration < hello.configuration {
            self.configuration = hello.configuration;
            if hello.primary != self.primary {
                self.switch(now, hello.primary, out);
            }
        }
    }

    /// From now on another is primary; all that is known of the database's processes begins anew.
    fn switch(&mut self, now: LocalTime, to: NodeId, out: &mut Vec<SentinelAction>) {
        let from = self.primary;
        out.push(SentinelAction::Note(Observation::Switched {
            from,
            to,
            epoch: self.configuration,
        }));
        // The table's entry for "the primary" stays, with another address: when it was last tried
        // and informed stays with it.
        let old = &self.nodes[self.index(from)];
        let (tried_at, informed_at) = (old.line.tried_at, old.informed_at);
        self.primary = to;
        for node in &mut self.nodes {
            node.line.close(out);
            *node = Instance::new(node.id, node.id == to, now);
            if node.id == to {
                node.line.tried_at = tried_at;
                node.informed_at = informed_at;
            }
        }
        self.is_objectively_down = false;
        self.vote.0 = None;
        self.failover = None;
        self.stood_at = None;
    }
}
