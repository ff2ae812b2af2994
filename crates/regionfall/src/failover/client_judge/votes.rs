//! Whose verdicts count: a process's own, any process's, or those of a majority of its fleet.
//!
//! A process tells its peers when it changes its mind, and repeats that a member is down as long as it is,
//! once in each interval of its probes. A vote holds for two intervals (source: Redis Cluster counts failure
//! reports for twice its node timeout).

use regionfall_kernel::{SimDuration, TraceHash};

use super::super::conduct::Votes;
use super::super::decider::{Action, LocalTime};
use super::super::note::{Note, Party};
use super::super::watch::Watch;
use super::hearing::Hearing;
use super::{ClientJudge, LAPSE, VOTE};

/// What the others say.
#[derive(Clone, Debug)]
pub(super) struct Ballot {
    votes: Votes,
    fleet_size: u32,
    /// By member: who holds it for down, and until when that counts.
    against: Vec<Vec<(u32, LocalTime)>>,
    /// By member: what this process told last.
    told: Vec<bool>,
    repeats: bool,
}

impl Ballot {
    pub(super) fn new(votes: Votes, members: usize, fleet_size: u32) -> Self {
        Self {
            votes,
            fleet_size,
            against: vec![Vec::new(); members],
            told: vec![true; members],
            repeats: false,
        }
    }

    pub(super) fn counts_others(&self) -> bool {
        self.votes != Votes::Own
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        if self.counts_others() {
            for against in &self.against {
                hash.absorb(against.len() as u64);
            }
        }
    }
}

impl ClientJudge {
    /// Tells the others if this process changed its mind.
    pub(super) fn cast_vote(
        &mut self,
        now: LocalTime,
        index: usize,
        healthy: bool,
        out: &mut Vec<Action>,
    ) {
        if !self.ballot.counts_others() || self.ballot.told[index] == healthy {
            return;
        }
        self.ballot.told[index] = healthy;
        self.send_vote(index, out);
        if !healthy && !self.ballot.repeats {
            self.ballot.repeats = true;
            out.push(Action::Wake {
                at: now.plus(self.voting_interval()),
                token: VOTE,
            });
        }
    }

    fn send_vote(&self, index: usize, out: &mut Vec<Action>) {
        let note = Note::Vote {
            member: self.order[index],
            healthy: self.ballot.told[index],
        };
        let to = Party::Peers;
        out.push(Action::Send { to, note });
    }

    fn voting_interval(&self) -> SimDuration {
        let probes = self.watches.first().map(Watch::interval);
        let beats = self.hearing.as_ref().map(Hearing::interval);
        let every = probes.filter(|every| *every > SimDuration::ZERO).or(beats);
        every.unwrap_or(SimDuration::from_secs(1))
    }

    /// Says again which members are down.
    pub(super) fn repeat_votes(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        let down: Vec<usize> = (0..self.order.len())
            .filter(|&index| !self.ballot.told[index])
            .collect();
        self.ballot.repeats = !down.is_empty();
        for index in down {
            self.send_vote(index, out);
        }
        if self.ballot.repeats {
            out.push(Action::Wake {
                at: now.plus(self.voting_interval()),
                token: VOTE,
            });
        }
    }

    /// A vote of another process.
    pub(super) fn count_vote(
        &mut self,
        now: LocalTime,
        (from, index): (u32, usize),
        healthy: bool,
        out: &mut Vec<Action>,
    ) {
        let against = &mut self.ballot.against[index];
        against.retain(|&(who, _)| who != from);
        if !healthy {
            let until = now.plus(self.voting_interval() * 2);
            self.ballot.against[index].push((from, until));
            out.push(Action::Wake {
                at: until,
                token: LAPSE,
            });
        }
        self.reassess(now, index, out);
    }

    /// Whether those whose votes count hold a member for down.
    pub(super) fn is_down_by_votes(&self, now: LocalTime, index: usize) -> bool {
        let others = self.ballot.against[index].iter();
        let others = others.filter(|&&(_, until)| now < until).count() as u32;
        let against = others + u32::from(!self.is_sound(index));
        match self.ballot.votes {
            Votes::Own => !self.is_sound(index),
            Votes::Any => against > 0,
            Votes::Majority => against > self.ballot.fleet_size / 2,
        }
    }
}
