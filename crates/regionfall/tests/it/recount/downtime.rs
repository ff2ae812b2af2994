//! Recovery points, recovery times and episodes, by definition.

use super::*;

impl Recount<'_> {
    /// Whether `member` lacked the write when somebody moved there at `at`, whether it got it later or never.
    pub(super) fn was_missing(&self, operation: u32, member: usize, at: u64) -> bool {
        let has = |index: usize| {
            self.of(operation)
                .any(|write| self.holdings[index][member].contains(&write.dot))
        };
        let facts = &self.story.facts;
        let moved = facts
            .iter()
            .rposition(|recorded| recorded.at.as_nanos() <= at)
            .unwrap();
        self.of(operation).next().is_some() && !(0..=moved).any(has)
    }

    /// From the oldest acknowledgement of those writes to the newest, or to the incident.
    pub(super) fn rpo(&self, begins: u64, counts: impl Fn(u32, u64) -> bool) -> u64 {
        let acked: Vec<u64> = (0..self.issued.len() as u32)
            .filter_map(|operation| Some((operation, self.acked(operation)?.1)))
            .filter(|&(operation, acked)| counts(operation, acked))
            .map(|(_, acked)| acked)
            .collect();
        let Some(&oldest) = acked.iter().min() else {
            return 0;
        };
        acked
            .iter()
            .copied()
            .fold(begins, u64::max)
            .saturating_sub(oldest)
            .max(1_000_000)
    }

    /// From the incident to the end of the first episode of failed writes that overlaps it.
    pub(super) fn rto(&self, server: u32, begins: u64, ends: u64) -> Option<u64> {
        let episodes = self.episodes(server, Traffic::Writes);
        let first = episodes
            .iter()
            .find(|&&(from, to)| from <= ends && to.is_none_or(|to| to > begins));
        first.map_or(Some(0), |&(_, to)| to.map(|to| to - begins))
    }

    /// Episodes of a server: issue of the first bad request, and the end.
    pub(super) fn episodes(&self, server: u32, traffic: Traffic) -> Vec<(u64, Option<u64>)> {
        let second = 1_000_000_000;
        let horizon = self.story.shape.calm_ends.as_nanos();
        // Each bad moment with the issue of its request; each request's span of being overdue.
        let (mut bad, mut good, mut overdue) = (Vec::new(), Vec::new(), Vec::new());
        for operation in 0..self.issued.len() as u32 {
            let (of, _, command) = self.story.operations[operation as usize];
            let issued = self.issued[operation as usize];
            if of != server || command.is_write() != (traffic == Traffic::Writes) {
                continue;
            }
            let end = self.ended.get(&operation);
            let ended = end.map_or(u64::MAX, |end| end.1);
            if ended > issued + second {
                bad.push((issued + second, issued));
                overdue.push((issued + second, ended));
            }
            match end {
                Some(&(_, at, Ending::Acknowledged)) if at <= issued + second => {
                    good.push((at, issued));
                }
                Some(&(_, at, Ending::Failed | Ending::Unknown)) => bad.push((at, issued)),
                _ => {}
            }
        }
        bad.retain(|moment| moment.0 <= horizon);
        bad.sort_unstable();
        good.sort_unstable();
        let mut episodes: Vec<(u64, Option<u64>)> = Vec::new();
        let mut from = 0;
        while let Some(&(shown, _)) = bad.iter().find(|moment| moment.0 >= from) {
            let floor = episodes.last().and_then(|last| last.1).unwrap_or(0);
            let start_by = |by: u64| {
                let issues = bad
                    .iter()
                    .filter(|moment| moment.0 >= shown && moment.0 <= by);
                issues.map(|moment| moment.1).min().unwrap().max(floor)
            };
            let end = good.iter().find(|&&(at, issued)| {
                at > shown
                    && issued > start_by(at)
                    && at + second <= horizon
                    && !bad
                        .iter()
                        .any(|moment| (at..at + second).contains(&moment.0))
                    && !overdue
                        .iter()
                        .any(|&(since, until)| since < at && until > at)
            });
            let Some(&(at, _)) = end else {
                episodes.push((start_by(u64::MAX), None));
                break;
            };
            episodes.push((start_by(at), Some(at)));
            from = at + second;
        }
        episodes
    }
}
