//! What a process of a cluster believes of another, and how it comes to believe that it fails.

use regionfall_kernel::{SimDuration, TraceHash};

use super::ClusterProcess;
use super::message::{BusBody, BusMessage, ClusterAction, ClusterNote, Health, ProcessId};
use crate::topology::LocalTime;

/// What it knows of another process.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    pub id: ProcessId,
    pub replica_of: Option<ProcessId>,
    pub offset: u64,
    pub health: Health,
    failed_at: LocalTime,
    /// Since when it has a link to it.
    pub link_since: Option<LocalTime>,
    /// Since when a ping is unanswered.
    pub pinged_at: Option<LocalTime>,
    pub ponged_at: LocalTime,
    heard_at: LocalTime,
    /// Primaries that suspect it, and when they last said so.
    reports: Vec<(ProcessId, LocalTime)>,
    /// When it last voted for a replica of this one.
    pub voted_at: Option<LocalTime>,
}

fn half(span: SimDuration) -> SimDuration {
    SimDuration::from_nanos(span.as_nanos() / 2)
}

fn twice(span: SimDuration) -> SimDuration {
    span + span
}

impl Belief {
    pub(super) fn new(id: ProcessId, replica_of: Option<ProcessId>, now: LocalTime) -> Self {
        Self {
            id,
            replica_of,
            offset: 0,
            health: Health::Fine,
            failed_at: now,
            link_since: None,
            pinged_at: None,
            ponged_at: now,
            heard_at: now,
            reports: Vec::new(),
            voted_at: None,
        }
    }

    /// Whether it has a link, and no ping is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.link_since.is_some() && self.pinged_at.is_none()
    }

    pub(super) fn wants_ping(&self, now: LocalTime, timeout: SimDuration) -> bool {
        self.is_idle() && now.since(self.ponged_at) > half(timeout)
    }

    /// Another connection may get through where this one does not.
    pub(super) fn renew_link_if_silent(
        &mut self,
        now: LocalTime,
        timeout: SimDuration,
        out: &mut Vec<ClusterAction>,
    ) {
        let is_old = self
            .link_since
            .is_some_and(|since| now.since(since) > timeout);
        let is_silent = self
            .pinged_at
            .is_some_and(|at| now.since(at) > half(timeout))
            && now.since(self.heard_at) > half(timeout);
        if is_old && is_silent {
            self.link_since = None;
            out.push(ClusterAction::Disconnect { to: self.id });
        }
    }

    /// Whether it is suspected from now on.
    pub(super) fn suspect_if_silent(&mut self, now: LocalTime, timeout: SimDuration) -> bool {
        let Some(pinged) = self.pinged_at else {
            return false;
        };
        let silent = now.since(pinged).min(now.since(self.heard_at));
        let is_new = silent > timeout && self.health == Health::Fine;
        if is_new {
            self.health = Health::Suspected;
        }
        is_new
    }

    fn report(&mut self, by: ProcessId, now: LocalTime) {
        self.reports.retain(|(reporter, _)| *reporter != by);
        self.reports.push((by, now));
    }

    fn withdraw(&mut self, by: ProcessId) {
        self.reports.retain(|(reporter, _)| *reporter != by);
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(self.health as u64 | (self.reports.len() as u64) << 2);
        hash.absorb(self.ponged_at.0);
    }
}

impl ClusterProcess {
    /// A message arrived.
    pub(super) fn receive(
        &mut self,
        now: LocalTime,
        message: BusMessage,
        out: &mut Vec<ClusterAction>,
    ) {
        let from = message.from;
        let Some(sender) = self.belief(from) else {
            return;
        };
        sender.heard_at = now;
        sender.offset = message.offset;
        sender.replica_of = message.replica_of;
        self.epoch = self.epoch.max(message.epoch);
        match message.body {
            BusBody::Ping(gossip) => {
                let answer = self.message(BusBody::Pong(self.gossip()));
                out.push(ClusterAction::Answer {
                    to: from,
                    message: answer,
                });
                self.compare_configurations(
                    now,
                    from,
                    message.replica_of,
                    message.configuration,
                    out,
                );
                self.hear_gossip(now, from, &gossip, out);
            }
            BusBody::Pong(gossip) => {
                self.ponged(now, from, out);
                self.compare_configurations(
                    now,
                    from,
                    message.replica_of,
                    message.configuration,
                    out,
                );
                self.hear_gossip(now, from, &gossip, out);
            }
            BusBody::Fail(failing) => {
                if let Some(other) = self.belief(failing)
                    && other.health != Health::Failed
                {
                    other.health = Health::Failed;
                    other.failed_at = now;
                    out.push(ClusterAction::Note(ClusterNote::Failed(failing)));
                    self.stand_if_due(now, out);
                }
            }
            BusBody::VoteRequest => self.vote_if_allowed(now, from, &message, out),
            BusBody::Vote => self.count_vote(now, from, message.epoch, out),
            BusBody::Update {
                primary,
                configuration,
            } => self.hear_configuration(now, primary, configuration, out),
        }
    }

    fn ponged(&mut self, now: LocalTime, from: ProcessId, out: &mut Vec<ClusterAction>) {
        let has_shard = self.is_primary_of_a_shard(from);
        let undo = twice(self.config.node_timeout);
        let Some(sender) = self.belief(from) else {
            return;
        };
        sender.ponged_at = now;
        sender.pinged_at = None;
        let recovers = match sender.health {
            Health::Fine => false,
            Health::Suspected => true,
            // A primary that serves a shard, failed and yet there: nobody took its place in all this time.
            Health::Failed => !has_shard || now.since(sender.failed_at) > undo,
        };
        if recovers {
            sender.health = Health::Fine;
            out.push(ClusterAction::Note(ClusterNote::Recovered(from)));
        }
    }

    /// Reports of primaries count; those of replicas do not.
    fn hear_gossip(
        &mut self,
        now: LocalTime,
        from: ProcessId,
        gossip: &[(ProcessId, Health)],
        out: &mut Vec<ClusterAction>,
    ) {
        if !self.is_primary_of_a_shard(from) {
            return;
        }
        for &(about, health) in gossip {
            let Some(index) = self.others.iter().position(|other| other.id == about) else {
                continue;
            };
            if health == Health::Fine {
                self.others[index].withdraw(from);
            } else {
                self.others[index].report(from, now);
                self.fail_if_agreed(now, index, out);
            }
        }
    }

    /// Declares a process failing that it suspects itself and a majority of primaries does.
    pub(super) fn fail_if_agreed(
        &mut self,
        now: LocalTime,
        index: usize,
        out: &mut Vec<ClusterAction>,
    ) {
        let valid = twice(self.config.node_timeout);
        let majority = self.majority();
        let own = usize::from(self.is_primary());
        let other = &mut self.others[index];
        other.reports.retain(|(_, at)| now.since(*at) <= valid);
        if other.health != Health::Suspected || other.reports.len() + own < majority {
            return;
        }
        other.health = Health::Failed;
        other.failed_at = now;
        let id = other.id;
        out.push(ClusterAction::Note(ClusterNote::Failed(id)));
        self.send_to_all(&BusBody::Fail(id), out);
        self.stand_if_due(now, out);
    }

    /// Who serves the sender's shard, by the newest configuration: it, or somebody whom it should be told of.
    fn compare_configurations(
        &mut self,
        now: LocalTime,
        from: ProcessId,
        replica_of: Option<ProcessId>,
        configuration: u32,
        out: &mut Vec<ClusterAction>,
    ) {
        let (primary, known) = self.served[usize::from(from.shard)];
        if replica_of.is_none() && configuration > known {
            self.hear_configuration(now, from, configuration, out);
        } else if configuration < known && from != primary {
            out.push(ClusterAction::Answer {
                to: from,
                message: self.message(BusBody::Update {
                    primary,
                    configuration: known,
                }),
            });
        }
    }

    /// A shard is served by this one from now on, if the configuration is newer than the one it knows.
    fn hear_configuration(
        &mut self,
        now: LocalTime,
        primary: ProcessId,
        configuration: u32,
        out: &mut Vec<ClusterAction>,
    ) {
        let served = &mut self.served[usize::from(primary.shard)];
        if configuration <= served.1 {
            return;
        }
        *served = (primary, configuration);
        if let Some(other) = self.belief(primary) {
            other.replica_of = None;
        }
        if primary.shard == self.id.shard && primary != self.id {
            self.replica_of = Some(primary);
            self.candidacy = super::Candidacy::default();
            out.push(ClusterAction::BecomeReplica { of: primary });
        }
        self.judge_own_service(now, out);
    }
}
