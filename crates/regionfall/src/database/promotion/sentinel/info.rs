//! What follows from what a process of the database says of itself.

use super::Sentinel;
use super::config::{INFO_PERIOD, PUBLISH_PERIOD};
use super::failover::Step;
use super::message::{NodeInfo, NodeRole, Observation, SentinelAction, SentinelRequest};
use crate::topology::{LocalTime, NodeId};

impl Sentinel {
    /// A process said what it is.
    pub(super) fn informed(
        &mut self,
        now: LocalTime,
        id: NodeId,
        info: NodeInfo,
        out: &mut Vec<SentinelAction>,
    ) {
        let index = self.index(id);
        let node = &mut self.nodes[index];
        let source = node.source();
        node.said = Some(info);
        node.informed_at = Some(now);
        let is_primary = info.role == NodeRole::Primary;
        if !is_primary && node.source() != source {
            node.source_changed_at = now;
        }
        if is_primary != node.is_primary_reported {
            node.is_primary_reported = is_primary;
            node.role_reported_at = now;
            if !is_primary {
                node.source_changed_at = now;
            }
        }
        if self.tilted_at.is_some() || id == self.primary {
            return;
        }
        match info.role {
            NodeRole::Primary => self.replica_claims_primary(now, index, out),
            NodeRole::Replica { of } => {
                self.correct_source(now, index, of, out);
                self.note_turning(index);
            }
        }
    }

    /// A process that should be a replica says that it is primary: the promoted one, or one that missed
    /// a failover. The latter is turned after four greetings' time, in which a newer configuration
    /// would have been heard of.
    fn replica_claims_primary(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<SentinelAction>,
    ) {
        let id = self.nodes[index].id;
        let awaited = self.failover.map(|failover| failover.step);
        if self.nodes[index].is_promoted && awaited == Some(Step::AwaitingPromotion(id)) {
            self.promotion_seen(now, id);
            return;
        }
        let wait = PUBLISH_PERIOD + PUBLISH_PERIOD + PUBLISH_PERIOD + PUBLISH_PERIOD;
        let node = &self.nodes[index];
        if !node.is_promoted
            && node.line.was_up_for(now, wait)
            && now.since(node.role_reported_at) > wait
            && self.primary_looks_sane(now)
        {
            self.correct(index, out);
        }
    }

    /// A replica that copies somebody else than the primary is turned, after a failover's time.
    fn correct_source(
        &mut self,
        now: LocalTime,
        index: usize,
        of: NodeId,
        out: &mut Vec<SentinelAction>,
    ) {
        let wait = self.config.failover_timeout;
        let node = &self.nodes[index];
        if of != self.primary
            && node.line.was_up_for(now, wait)
            && now.since(node.source_changed_at) > wait
            && self.primary_looks_sane(now)
        {
            self.correct(index, out);
        }
    }

    fn correct(&mut self, index: usize, out: &mut Vec<SentinelAction>) {
        if self.nodes[index].line.is_connected {
            let primary = self.primary;
            out.push(SentinelAction::Note(Observation::Corrects(
                self.nodes[index].id,
            )));
            self.nodes[index]
                .line
                .send(SentinelRequest::ReplicaOf(Some(primary)), out);
        }
    }

    /// Whether the primary is up, says that it is primary, and said so lately.
    fn primary_looks_sane(&self, now: LocalTime) -> bool {
        let primary = &self.nodes[self.index(self.primary)];
        primary.is_primary_reported
            && !primary.line.is_down
            && !self.is_objectively_down
            && primary
                .informed_at
                .is_some_and(|at| now.since(at) < INFO_PERIOD + INFO_PERIOD)
    }
}
