//! The election of a replica whose primary fails: delays by rank, one vote of each primary in an epoch.

use regionfall_kernel::SimDuration;

use super::ClusterProcess;
use super::message::{BusBody, BusMessage, ClusterAction, ClusterNote, Health, ProcessId};
use crate::topology::LocalTime;

/// Before a replica asks for votes it lets the news of the failure spread.
const DELAY: SimDuration = SimDuration::from_millis(500);
/// And up to this long more, drawn at random.
const RANDOM_DELAY_MAX: SimDuration = SimDuration::from_millis(500);
/// And this long for each other replica that has more data.
const DELAY_PER_RANK: SimDuration = SimDuration::from_millis(1_000);
/// Votes are waited for twice the node timeout, but no less than this.
const VOTING_MIN: SimDuration = SimDuration::from_millis(2_000);

/// How far a replica is with its election.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidacy {
    /// When it asks, or asked, for votes.
    at: Option<LocalTime>,
    rank: u64,
    /// The epoch in which it asked.
    epoch: Option<u32>,
    votes: Vec<ProcessId>,
}

fn times(span: SimDuration, factor: u64) -> SimDuration {
    SimDuration::from_nanos(span.as_nanos().saturating_mul(factor))
}

impl ClusterProcess {
    /// Goes on with its election, if its primary is failing.
    pub(super) fn stand_if_due(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        let Some(primary) = self.replica_of else {
            return;
        };
        if self.health_of(primary) != Health::Failed || !self.data_is_fresh() {
            return;
        }
        let voting = times(self.config.node_timeout, 2).max(VOTING_MIN);
        let is_over = self
            .candidacy
            .at
            .is_none_or(|at| now.since(at) > times(voting, 2));
        if is_over {
            self.schedule(now, primary, out);
            return;
        }
        if self.candidacy.epoch.is_none() {
            let rank = self.rank(primary);
            if rank > self.candidacy.rank {
                let more = times(DELAY_PER_RANK, rank - self.candidacy.rank);
                self.candidacy.at = self.candidacy.at.map(|at| at.plus(more));
                self.candidacy.rank = rank;
            }
        }
        let Some(at) = self.candidacy.at else { return };
        if now < at || now.since(at) > voting {
            return;
        }
        if self.candidacy.epoch.is_none() {
            self.epoch += 1;
            self.candidacy.epoch = Some(self.epoch);
            let epoch = self.epoch;
            out.push(ClusterAction::Note(ClusterNote::Stands { epoch }));
            self.send_to_all(&BusBody::VoteRequest, out);
        } else {
            self.win_if_elected(now, out);
        }
    }

    fn schedule(&mut self, now: LocalTime, primary: ProcessId, out: &mut Vec<ClusterAction>) {
        let millis = RANDOM_DELAY_MAX.as_nanos() / 1_000_000;
        let random = SimDuration::from_millis(self.draw_below(millis));
        let rank = self.rank(primary);
        self.candidacy = Candidacy {
            at: Some(now.plus(DELAY + random + times(DELAY_PER_RANK, rank))),
            rank,
            epoch: None,
            votes: Vec::new(),
        };
        // The other replicas of the same primary hear how far this one is.
        let pong = BusBody::Pong(self.gossip());
        for other in &self.others {
            if other.replica_of == Some(primary) {
                out.push(ClusterAction::Send {
                    to: other.id,
                    message: self.message(pong.clone()),
                });
            }
        }
    }

    /// How many replicas of the same primary have more data.
    fn rank(&self, primary: ProcessId) -> u64 {
        let own = self.own.offset;
        self.others
            .iter()
            .filter(|other| other.replica_of == Some(primary) && other.offset > own)
            .count() as u64
    }

    /// Whether it has not been without its primary for too long.
    fn data_is_fresh(&self) -> bool {
        let config = &self.config;
        if config.validity_factor == 0 {
            return true;
        }
        let mut age = self.own.disconnected_for;
        if age > config.node_timeout {
            age = age.saturating_sub(config.node_timeout);
        }
        let factor = u64::from(config.validity_factor);
        age <= config.replication_ping + times(config.node_timeout, factor)
    }

    /// A replica asks for its vote.
    pub(super) fn vote_if_allowed(
        &mut self,
        now: LocalTime,
        candidate: ProcessId,
        request: &BusMessage,
        out: &mut Vec<ClusterAction>,
    ) {
        let Some(primary) = request.replica_of else {
            return;
        };
        let is_voter = self.is_primary() && self.is_primary_of_a_shard(self.id);
        let (_, known) = self.served[usize::from(candidate.shard)];
        let pause = times(self.config.node_timeout, 2);
        if !is_voter
            || request.epoch < self.epoch
            || self.voted_in == self.epoch
            || self.health_of(primary) != Health::Failed
            || known > request.configuration
        {
            return;
        }
        let epoch = self.epoch;
        let Some(failing) = self.belief(primary) else {
            return;
        };
        if failing.voted_at.is_some_and(|at| now.since(at) < pause) {
            return;
        }
        failing.voted_at = Some(now);
        self.voted_in = epoch;
        out.push(ClusterAction::Note(ClusterNote::Voted { candidate, epoch }));
        out.push(ClusterAction::Send {
            to: candidate,
            message: self.message(BusBody::Vote),
        });
    }

    /// A vote arrived.
    pub(super) fn count_vote(
        &mut self,
        now: LocalTime,
        from: ProcessId,
        epoch: u32,
        out: &mut Vec<ClusterAction>,
    ) {
        let counts = self.candidacy.epoch.is_some_and(|own| epoch >= own)
            && self.is_primary_of_a_shard(from)
            && !self.candidacy.votes.contains(&from);
        if counts {
            self.candidacy.votes.push(from);
            self.stand_if_due(now, out);
        }
    }

    fn win_if_elected(&mut self, now: LocalTime, out: &mut Vec<ClusterAction>) {
        let Some(epoch) = self.candidacy.epoch else {
            return;
        };
        if self.candidacy.votes.len() < self.majority() {
            return;
        }
        out.push(ClusterAction::Note(ClusterNote::Elected { epoch }));
        self.become_primary(now, epoch, out);
    }

    /// It serves its shard from now on, and tells everybody.
    pub(super) fn become_primary(
        &mut self,
        now: LocalTime,
        epoch: u32,
        out: &mut Vec<ClusterAction>,
    ) {
        self.replica_of = None;
        self.served[usize::from(self.id.shard)] = (self.id, epoch);
        self.candidacy = Candidacy::default();
        out.push(ClusterAction::BecomePrimary { epoch });
        let pong = BusBody::Pong(self.gossip());
        self.send_to_all(&pong, out);
        self.judge_own_service(now, out);
    }
}
