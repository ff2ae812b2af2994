//! What became of every write, by definition: every pair is compared.

use super::*;

impl Recount<'_> {
    /// Writes that beat `write` without having seen it, and that no knowing replacement excuses.
    fn winners(&self, write: &Write) -> Vec<&Write> {
        let rank = |of: &Write| (of.effect.at.0, u16::MAX - of.dot.0);
        let same_key = |other: &&Write| other.effect.key == write.effect.key;
        let wins = |other: &&Write| {
            other.operation != write.operation
                && self.survives(other.dot)
                && self.are_concurrent(write, other)
                && rank(other) > rank(write)
        };
        let is_excused = |winner: &Write| {
            self.writes.iter().filter(same_key).any(|third| {
                let saw_loser = third.index > write.index && self.saw(third, write.dot);
                let saw_winner = third.index > winner.index && self.saw(third, winner.dot);
                third.index != winner.index && saw_loser && !saw_winner
            })
        };
        self.writes
            .iter()
            .filter(same_key)
            .filter(wins)
            .filter(|winner| !is_excused(winner))
            .collect()
    }

    /// Whether the link was cut at some time from the first of the two executions to the second.
    fn was_cut(&self, loser: &Write, winner: &Write) -> bool {
        let (from, to) = (loser.at.min(winner.at), loser.at.max(winner.at));
        let mut since = None;
        for Recorded { at, fact, .. } in &self.story.facts {
            match *fact {
                Fact::LinkDisrupted { source, target }
                    if (source.index(), target.index()) == (loser.member, winner.member) =>
                {
                    since.get_or_insert(at.as_nanos());
                }
                Fact::LinkCaughtUp { source, target }
                    if (source.index(), target.index()) == (loser.member, winner.member)
                        && since.take().is_some_and(|since| since <= to)
                        && at.as_nanos() >= from =>
                {
                    return true;
                }
                _ => {}
            }
        }
        since.is_some_and(|since| since <= to)
    }

    /// Acknowledged, then missing at a member that somebody of the same home moved to, whether it came there later or never.
    fn is_late(&self, operation: u32) -> bool {
        let Some((acked, _)) = self.acked(operation) else {
            return false;
        };
        let has = |index: usize, member: usize| {
            self.of(operation)
                .any(|write| self.holdings[index][member].contains(&write.dot))
        };
        self.story
            .facts
            .iter()
            .enumerate()
            .any(|(index, recorded)| match recorded.fact {
                Fact::Adopted { server, to, .. } => {
                    server.0 % 3 == self.home(operation)
                        && index > acked
                        && !(0..=index).any(|before| has(before, to.index()))
                }
                _ => false,
            })
    }

    pub(super) fn counts(&self) -> WriteCounts {
        let mut counts = WriteCounts::default();
        for operation in 0..self.issued.len() as u32 {
            if self.command(operation).is_write() {
                self.count(operation, &mut counts);
            }
        }
        counts
    }

    fn count(&self, operation: u32, counts: &mut WriteCounts) {
        let survivors: Vec<&Write> = self
            .of(operation)
            .filter(|write| self.survives(write.dot))
            .collect();
        let has_effect = self.of(operation).next().is_some();
        if self.acked(operation).is_none() {
            if self
                .ended
                .get(&operation)
                .is_some_and(|end| end.2 == Ending::Failed)
                && !has_effect
            {
                return;
            }
            if survivors.is_empty() {
                counts.unknown_absent += 1;
            } else {
                counts.unknown_present += 1;
            }
            return;
        }
        counts.acked += 1;
        if has_effect && survivors.is_empty() {
            counts.lost += 1;
            return;
        }
        counts.late += u64::from(has_effect && self.is_late(operation));
        let is_register = self.story.operations[operation as usize]
            .1
            .is_multiple_of(3);
        let (mut hard, mut soft, mut back) = (false, false, false);
        for own in self.of(operation) {
            for other in self
                .writes
                .iter()
                .filter(|other| other.operation != operation)
            {
                if !Self::touch_alike(&own.effect, &other.effect)
                    || !self.are_concurrent(own, other)
                {
                    continue;
                }
                if !is_register && self.is_removal(operation) == self.is_removal(other.operation) {
                    soft = true;
                } else {
                    hard = true;
                    back |= !is_register && self.is_removal(operation);
                }
            }
        }
        counts.conflicting += u64::from(hard);
        counts.conflicting_commuting += u64::from(soft && !hard);
        counts.duplicated +=
            u64::from(survivors.len() > 1 && !self.command(operation).is_idempotent());
        if is_register && !survivors.is_empty() {
            let winners: Vec<Vec<&Write>> = survivors.iter().map(|own| self.winners(own)).collect();
            if winners.iter().all(|winners| !winners.is_empty()) {
                let earliest = |winners: &[&Write], own: &Write| {
                    let mut origins: BTreeMap<u16, &Write> = BTreeMap::new();
                    for winner in winners {
                        let first = origins.entry(winner.dot.0).or_insert(winner);
                        if winner.dot.1 < first.dot.1 {
                            *first = winner;
                        }
                    }
                    origins.values().any(|winner| self.was_cut(own, winner))
                };
                if survivors
                    .iter()
                    .zip(&winners)
                    .any(|(own, winners)| earliest(winners, own))
                {
                    counts.overwritten_by_fault += 1;
                } else {
                    counts.overwritten_ordinary += 1;
                }
            }
            back |= self.is_removal(operation)
                && winners
                    .iter()
                    .flatten()
                    .any(|winner| !self.is_removal(winner.operation));
        }
        counts.resurrected += u64::from(back);
    }
}
