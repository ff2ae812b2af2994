//! How the probe rounds of different members follow each other: each for itself, all together, or one after
//! another.

use super::super::Pace;
use super::super::conduct::Rounds;
use super::super::decider::{Action, LocalTime};
use super::super::watch::{RoundEnd, Watch};
use super::{ClientJudge, scaled};
use crate::failover::Failback;

/// Which rounds are open, loop by loop and member by member.
#[derive(Clone, Debug)]
pub(super) struct RoundPlan {
    kind: Rounds,
    /// `ended[loop][member]`.
    ended: Vec<Vec<bool>>,
    /// When the first member's round of the present turn began.
    began: Vec<LocalTime>,
    members: usize,
}

impl RoundPlan {
    pub(super) fn new(kind: Rounds, members: usize) -> Self {
        Self {
            kind,
            ended: Vec::new(),
            began: Vec::new(),
            members,
        }
    }
}

impl ClientJudge {
    /// Begins the probe loops at this process's phase.
    pub(super) fn start_rounds(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        let loops = self.watches.first().map_or(0, Watch::loops) as usize;
        self.rounds.ended = vec![vec![false; self.rounds.members]; loops];
        self.rounds.began = vec![now; loops];
        for (index, watch) in (0..).zip(&mut self.watches) {
            let phase = scaled(watch.interval(), self.seat.phase);
            if self.rounds.kind == Rounds::InTurn && index > 0 {
                watch.stand_by(index, now, out);
            } else {
                watch.start(index, now, phase, out);
            }
        }
    }

    /// A round ended whose successor is planned here.
    pub(super) fn round_ended(
        &mut self,
        now: LocalTime,
        index: usize,
        end: RoundEnd,
        out: &mut Vec<Action>,
    ) {
        let number = end.number as usize;
        match self.rounds.kind {
            Rounds::Apart => {}
            Rounds::Together => {
                let ended = &mut self.rounds.ended[number];
                ended[index] = true;
                if !ended.iter().all(|&ended| ended) {
                    return;
                }
                ended.fill(false);
                for other in 0..self.watches.len() {
                    self.found[other] = self.watches[other].is_healthy();
                    if other != index {
                        self.reassess(now, other, out);
                    }
                }
                let config = self.watches[index].config(end.number);
                let next = match config.pace {
                    Pace::FixedRate => end.began.plus(config.every).max(now),
                    Pace::FixedDelay => now.plus(config.every),
                };
                for other in 0..self.watches.len() as u32 {
                    let token = Watch::round_token(other, end.number);
                    out.push(Action::Wake { at: next, token });
                }
            }
            Rounds::InTurn => {
                if index == 0 {
                    self.rounds.began[number] = end.began;
                }
                let next = index + 1;
                let (member, at) = if next < self.watches.len() {
                    (next as u32, now)
                } else {
                    let config = self.watches[index].config(end.number);
                    let at = match config.pace {
                        Pace::FixedRate => self.rounds.began[number].plus(config.every).max(now),
                        Pace::FixedDelay => now.plus(config.every),
                    };
                    (0, at)
                };
                let token = Watch::round_token(member, end.number);
                out.push(Action::Wake { at, token });
            }
        }
    }

    /// A probe of a member failed: where grace begins anew with it, it does.
    pub(super) fn prolong_grace(&mut self, now: LocalTime, index: usize) {
        if let Failback::Tick { grace, .. } = self.failback
            && self.conduct.grace_restarts
            && now < self.grace_until[index]
        {
            self.grace_until[index] = now.plus(grace);
        }
    }
}
