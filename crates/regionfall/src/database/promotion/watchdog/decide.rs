//! How watchdogs agree on a new primary, and where a lost copy is made anew.

use super::message::{WatchdogAction, WatchdogMessage, WatchdogNote};
use super::{Neighbour, SILENT_AFTER, Watchdog};
use regionfall_kernel::SimDuration;

use crate::topology::{LocalTime, NodeId};

/// A proposal under way.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    shard: u16,
    epoch: u32,
    node: NodeId,
    made_at: LocalTime,
    /// Who accepted, itself included.
    accepted_by: Vec<NodeId>,
}

/// A proposal that is not decided after this many heartbeats is made anew, in another epoch.
const PROPOSAL_LASTS: u64 = 4;

impl Watchdog {
    fn heartbeats(&self, count: u64) -> SimDuration {
        SimDuration::from_nanos(self.config.heartbeat.as_nanos() * count)
    }

    fn is_heard(&self, now: LocalTime, node: &Neighbour) -> bool {
        now.since(node.heard_at) <= self.heartbeats(SILENT_AFTER)
    }

    /// Whether it is the one to propose: it hears a majority, and of those it is the first.
    fn leads(&self, now: LocalTime) -> bool {
        let mut heard = self.nodes.iter().filter(|node| self.is_heard(now, node));
        let first = heard.clone().map(|node| node.id).min();
        heard.by_ref().count() >= self.majority() && first == Some(self.id)
    }

    /// The copy of a shard to promote: on a node that is heard, its process answers, most data first.
    fn successor(&self, now: LocalTime, shard: u16, failing: NodeId) -> Option<NodeId> {
        self.nodes
            .iter()
            .filter(|node| node.id != failing && self.is_heard(now, node))
            .filter_map(|node| {
                let process = node.processes.iter().find(|own| own.shard == shard)?;
                process
                    .answers
                    .then_some((u64::MAX - process.offset, node.id))
            })
            .min()
            .map(|(_, id)| id)
    }

    pub(super) fn propose_if_due(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        if let Some(proposal) = &self.proposal {
            if now.since(proposal.made_at) <= self.heartbeats(PROPOSAL_LASTS) {
                return;
            }
            self.proposal = None;
        }
        if !self.leads(now) {
            return;
        }
        let due = self
            .verdicts
            .iter()
            .find(|(_, verdict)| verdict.acts_at <= now)
            .map(|(&shard, verdict)| (shard, verdict.node));
        let Some((shard, failing)) = due else { return };
        if let Some(verdict) = self.verdicts.get_mut(&shard)
            && !verdict.is_noted
        {
            verdict.is_noted = true;
            let note = WatchdogNote::Failing {
                shard,
                node: failing,
            };
            out.push(WatchdogAction::Note(note));
        }
        let Some(node) = self.successor(now, shard, failing) else {
            return;
        };
        if !self.stands_by_another(now, usize::from(shard), node) {
            self.propose_for(now, (shard, node), false, out);
        }
    }

    /// Accepts a node as primary of a shard in an epoch: it stands by that one at least until nobody can decide for it any more,
    /// and then for as long as it serves on the strength of what was confirmed before.
    fn accept(&mut self, now: LocalTime, (shard, node): (u16, NodeId), epoch: u32) {
        let until = now.plus(self.heartbeats(PROPOSAL_LASTS + 2) + self.config.serves_alone);
        self.accepted[usize::from(shard)] = epoch;
        self.stands_by[usize::from(shard)] = (node, until);
    }

    /// Proposes a primary in a new epoch, in place of one that has not failed: the management service hands a shard over before
    /// it restarts a node.
    pub fn propose(
        &mut self,
        now: LocalTime,
        shard: u16,
        node: NodeId,
        out: &mut Vec<WatchdogAction>,
    ) {
        self.propose_for(now, (shard, node), true, out);
    }

    fn propose_for(
        &mut self,
        now: LocalTime,
        (shard, node): (u16, NodeId),
        is_planned: bool,
        out: &mut Vec<WatchdogAction>,
    ) {
        let epoch = self.accepted[usize::from(shard)] + 1;
        self.accept(now, (shard, node), epoch);
        self.proposal = Some(Proposal {
            shard,
            epoch,
            node,
            made_at: now,
            accepted_by: vec![self.id],
        });
        for neighbour in self.nodes.iter().filter(|other| other.id != self.id) {
            out.push(WatchdogAction::Send {
                to: neighbour.id,
                message: WatchdogMessage::Propose {
                    shard,
                    epoch,
                    node,
                    is_planned,
                },
            });
        }
        self.decide_if_agreed(now, out);
    }

    pub(super) fn receive(
        &mut self,
        now: LocalTime,
        from: NodeId,
        message: WatchdogMessage,
        out: &mut Vec<WatchdogAction>,
    ) {
        match message {
            WatchdogMessage::Heartbeat {
                sent,
                confirmed,
                processes,
                decided,
            } => {
                let confirmed = confirmed.iter().find(|(node, _)| *node == self.id);
                let confirmed = confirmed.map_or(LocalTime(0), |(_, at)| *at);
                if let Some(node) = self.nodes.iter_mut().find(|node| node.id == from) {
                    node.processes = processes;
                    node.sent_at = node.sent_at.max(sent);
                    node.confirmed_at = node.confirmed_at.max(confirmed);
                }
                for (shard, (node, epoch)) in decided.into_iter().enumerate() {
                    self.adopt(now, (shard as u16, node, epoch), out);
                }
                self.judge_quorum(now, out);
            }
            WatchdogMessage::Propose {
                shard,
                epoch,
                node,
                is_planned,
            } => {
                let index = usize::from(shard);
                let may = is_planned || !self.stands_by_another(now, index, node);
                if epoch > self.accepted[index] && may {
                    self.accept(now, (shard, node), epoch);
                    out.push(WatchdogAction::Send {
                        to: from,
                        message: WatchdogMessage::Accept { shard, epoch },
                    });
                }
            }
            WatchdogMessage::Accept { shard, epoch } => {
                let lasts = self.heartbeats(PROPOSAL_LASTS);
                if let Some(proposal) = &mut self.proposal
                    && (proposal.shard, proposal.epoch) == (shard, epoch)
                    && now.since(proposal.made_at) <= lasts
                    && !proposal.accepted_by.contains(&from)
                {
                    proposal.accepted_by.push(from);
                    self.decide_if_agreed(now, out);
                }
            }
        }
    }

    fn decide_if_agreed(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        let majority = self.majority();
        let Some(proposal) = self
            .proposal
            .take_if(|proposal| proposal.accepted_by.len() >= majority)
        else {
            return;
        };
        let Proposal {
            shard, epoch, node, ..
        } = proposal;
        out.push(WatchdogAction::Note(WatchdogNote::Decided {
            shard,
            node,
            epoch,
        }));
        self.adopt(now, (shard, node, epoch), out);
        // The others hear of it at once, not with the next heartbeat.
        self.send_heartbeats(now, out);
    }

    /// Takes over what was decided, if it is newer than what it knows.
    fn adopt(
        &mut self,
        now: LocalTime,
        (shard, node, epoch): (u16, NodeId, u32),
        out: &mut Vec<WatchdogAction>,
    ) {
        let known = &mut self.decided[usize::from(shard)];
        if epoch <= known.1 {
            return;
        }
        *known = (node, epoch);
        let accepted = &mut self.accepted[usize::from(shard)];
        *accepted = epoch.max(*accepted);
        self.verdicts.remove(&shard);
        self.watched_since[usize::from(shard)] = now;
        let holds = self.processes.iter().any(|own| own.shard == shard);
        if node == self.id {
            out.push(WatchdogAction::BecomePrimary { shard, epoch });
        } else if holds {
            out.push(WatchdogAction::BecomeReplica {
                shard,
                of: node,
                epoch,
            });
        }
    }

    /// The first node that hears a majority has a copy made for each shard that has lacked one for the
    /// grace period, in a zone of its own if there is one.
    pub(super) fn replace_lost_copies(&mut self, now: LocalTime, out: &mut Vec<WatchdogAction>) {
        let Some(grace) = self.config.replica_grace else {
            return;
        };
        let leads = self.leads(now);
        for shard in 0..self.decided.len() as u16 {
            let holds = |node: &Neighbour| {
                let process = node.processes.iter().find(|own| own.shard == shard);
                process.is_some_and(|process| process.answers)
            };
            let heard: Vec<&Neighbour> = self
                .nodes
                .iter()
                .filter(|node| self.is_heard(now, node))
                .collect();
            let copies = heard.iter().filter(|node| holds(node)).count();
            if copies != 1 {
                self.short_since.remove(&shard);
                continue;
            }
            let primary = self.primary(shard);
            let zone = self.nodes.iter().find(|node| node.id == primary);
            let zone = zone.map(|node| node.zone);
            // A node that only votes has no processes at all.
            let place = heard
                .iter()
                .filter(|node| !holds(node) && !node.processes.is_empty())
                .min_by_key(|node| (Some(node.zone) == zone, node.processes.len(), node.id))
                .map(|node| node.id);
            let since = *self.short_since.entry(shard).or_insert(now);
            if let Some(node) = place
                && leads
                && now.since(since) >= grace
            {
                self.short_since.remove(&shard);
                out.push(WatchdogAction::AddReplica { shard, node });
            }
        }
    }
}
