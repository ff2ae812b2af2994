//! Stale reads of a history, by definition.

use super::*;

impl Recount<'_> {
    /// Stale reads: the newest write acknowledged by the issue is not held by the member.
    pub(super) fn stale_reads(&self) -> u64 {
        let mut stale = 0;
        for operation in 0..self.issued.len() as u32 {
            let (_, key, command) = self.story.operations[operation as usize];
            let Some((answered, _)) = self.acked(operation) else {
                continue;
            };
            if command.is_write() {
                continue;
            }
            let Fact::AttemptEnded { attempt: last, .. } = self.story.facts[answered - 1].fact
            else {
                panic!("the attempt ends before its operation")
            };
            let execution = self.story.facts[..answered]
                .iter()
                .enumerate()
                .rev()
                .find_map(|(index, recorded)| match recorded.fact {
                    Fact::ReadExecuted {
                        operation: read,
                        attempt,
                        node: member,
                        ..
                    } if read.0 == operation && attempt == last => Some((index, member.index())),
                    _ => None,
                });
            let Some((index, member)) = execution else {
                continue;
            };
            let newest_by = |time: u64| {
                (0..self.issued.len() as u32)
                    .filter(|&write| self.command(write).is_write())
                    .filter(|&write| self.story.operations[write as usize].1 == key)
                    .filter_map(|write| Some((self.acked(write)?.1, write)))
                    .filter(|&(acked, _)| acked <= time)
                    .max()
            };
            if let Some((_, newest)) = newest_by(self.issued[operation as usize]) {
                // What every member has had counts as seen, unless it is the newest of all (and has one
                // effect, by which it can be told).
                let is_newest =
                    newest_by(self.story.facts[index].at.as_nanos()).unwrap().1 == newest;
                let has = self
                    .of(newest)
                    .any(|write| self.holdings[index][member].contains(&write.dot));
                let was_everywhere = self
                    .of(newest)
                    .all(|write| self.everywhere[index].contains(&write.dot));
                let has_effect = self.of(newest).next().is_some();
                let is_told = is_newest && self.of(newest).count() == 1;
                let has = has || (has_effect && was_everywhere && !is_told);
                stale += u64::from(!has);
            }
        }
        stale
    }
}
