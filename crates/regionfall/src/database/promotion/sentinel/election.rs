//! Agreement that the primary is down, and the election of the Sentinel that replaces it.

use super::Sentinel;
use super::config::{ASK_PERIOD, DESYNCHRONISATION_MAX, ELECTION_TIMEOUT};
use super::failover::{Failover, Step};
use super::message::{Observation, SentinelAction, SentinelAnswer, SentinelRequest};
use crate::topology::{LocalTime, NodeId, SentinelId};

impl Sentinel {
    /// Whether enough Sentinels hold the primary for down, by what they last said.
    pub(super) fn judge_objectively(&mut self, out: &mut Vec<SentinelAction>) {
        let others = self.peers.iter().filter(|peer| peer.says_down).count();
        let is_down = self.primary_line().is_down && others + 1 >= usize::from(self.config.quorum);
        if is_down == self.is_objectively_down {
            return;
        }
        self.is_objectively_down = is_down;
        let note = if is_down {
            Observation::ObjectivelyDown(self.primary)
        } else {
            Observation::ObjectivelyUp(self.primary)
        };
        out.push(SentinelAction::Note(note));
    }

    /// Stands for election if the primary is objectively down and the last attempt, its own or one that it
    /// voted for, is long enough ago.
    pub(super) fn stand_if_due(&mut self, now: LocalTime, out: &mut Vec<SentinelAction>) {
        let pause = self.config.failover_timeout + self.config.failover_timeout;
        let is_early = self.stood_at.is_some_and(|stood| now.since(stood) < pause);
        if !self.is_objectively_down || self.failover.is_some() || is_early {
            return;
        }
        self.epoch += 1;
        let began = self.after_random_delay(now);
        self.stood_at = Some(began);
        self.failover = Some(Failover {
            epoch: self.epoch,
            began,
            step: Step::Standing,
            since: now,
        });
        out.push(SentinelAction::Note(Observation::Stands {
            epoch: self.epoch,
        }));
        self.ask_others(now, true, out);
    }

    /// Asks the other Sentinels whether the primary is down for them, and for their votes if it stands.
    pub(super) fn ask_others(
        &mut self,
        now: LocalTime,
        at_once: bool,
        out: &mut Vec<SentinelAction>,
    ) {
        let is_down = self.primary_line().is_down;
        let request = SentinelRequest::IsPrimaryDown {
            primary: self.primary,
            epoch: self.epoch,
            candidate: self.failover.as_ref().map(|_| self.id),
        };
        for peer in &mut self.peers {
            let age = now.since(peer.opined_at);
            if age > ASK_PERIOD + ASK_PERIOD + ASK_PERIOD + ASK_PERIOD + ASK_PERIOD {
                peer.says_down = false;
                peer.vote = None;
            }
            if is_down && peer.line.is_connected && (at_once || age >= ASK_PERIOD) {
                peer.line.send(request, out);
            }
        }
    }

    /// What it answers another Sentinel that asks about a primary.
    pub(super) fn opinion(
        &mut self,
        now: LocalTime,
        primary: NodeId,
        (epoch, candidate): (u32, Option<SentinelId>),
        out: &mut Vec<SentinelAction>,
    ) -> SentinelAnswer {
        let is_mine = primary == self.primary;
        let is_down = is_mine && self.tilted_at.is_none() && self.primary_line().is_down;
        let vote = match candidate {
            Some(candidate) if is_mine => self.vote_for(now, epoch, candidate, out),
            _ => None,
        };
        SentinelAnswer::Opinion { is_down, vote }
    }

    /// Votes for a candidate, once in an epoch, and says whom it voted for last.
    fn vote_for(
        &mut self,
        now: LocalTime,
        epoch: u32,
        candidate: SentinelId,
        out: &mut Vec<SentinelAction>,
    ) -> Option<(SentinelId, u32)> {
        self.epoch = self.epoch.max(epoch);
        if self.vote.1 < epoch && self.epoch <= epoch {
            self.vote = (Some(candidate), epoch);
            out.push(SentinelAction::Note(Observation::Voted {
                candidate,
                epoch,
            }));
            if candidate != self.id {
                // It leaves the failover to that one for a while.
                let stood = self.after_random_delay(now);
                self.stood_at = Some(stood);
            }
        }
        self.vote.0.map(|candidate| (candidate, self.vote.1))
    }

    /// Whether it is elected in the epoch it stands in; if it has not voted yet, it votes now.
    fn is_elected(&mut self, now: LocalTime, epoch: u32, out: &mut Vec<SentinelAction>) -> bool {
        let votes_for = |sentinel: &Self, candidate: SentinelId| {
            sentinel
                .peers
                .iter()
                .filter(|peer| peer.vote == Some((candidate, sentinel.epoch)))
                .count()
        };
        // Its own vote goes to whoever has most, or to itself if nobody has any.
        let mut favourite = (self.id, 0);
        for peer in &self.peers {
            if let Some((candidate, _)) = peer.vote {
                let votes = votes_for(self, candidate);
                if votes > favourite.1 {
                    favourite = (candidate, votes);
                }
            }
        }
        let own = self.vote_for(now, epoch, favourite.0, out);
        let mut votes = votes_for(self, self.id);
        votes += usize::from(own == Some((self.id, epoch)));
        let sentinels = self.peers.len() + 1;
        let majority = sentinels / 2 + 1;
        votes >= majority && votes >= usize::from(self.config.quorum)
    }

    /// It stands: elected, or out of time.
    pub(super) fn await_election(
        &mut self,
        now: LocalTime,
        failover: Failover,
        out: &mut Vec<SentinelAction>,
    ) {
        if self.is_elected(now, failover.epoch, out) {
            out.push(SentinelAction::Note(Observation::Elected {
                epoch: failover.epoch,
            }));
            self.failover = Some(Failover {
                step: Step::Choosing,
                since: now,
                ..failover
            });
            return;
        }
        let limit = ELECTION_TIMEOUT.min(self.config.failover_timeout);
        if now.since(failover.began) > limit {
            out.push(SentinelAction::Note(Observation::NotElected {
                epoch: failover.epoch,
            }));
            self.abort_failover();
        }
    }

    fn after_random_delay(&mut self, now: LocalTime) -> LocalTime {
        let millis = DESYNCHRONISATION_MAX.as_nanos() / 1_000_000;
        let delay = self.draw_below(millis) * 1_000_000;
        LocalTime(now.0.saturating_add(delay))
    }
}
