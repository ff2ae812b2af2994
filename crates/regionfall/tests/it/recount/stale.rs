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
            let issued = self.issued[operation as usize];
            let newest = (0..self.issued.len() as u32)
                .filter(|&write| self.command(write).is_write())
                .filter(|&write| self.story.operations[write as usize].1 == key)
                .filter_map(|write| Some((self.acked(write)?.1, write)))
                .filter(|&(acked, _)| acked <= issued)
                .max();
            if let Some((_, newest)) = newest {
                let effects = || self.of(newest).filter(|write| write.index < index);
                let has = effects().any(|write| self.holdings[index][member].contains(&write.dot));
                // Of what took effect several times the books keep no dot once every member has had all of it: that
                // counts as seen.
                let was_repeated = effects().count() > 1
                    && effects().all(|write| self.everywhere[index].contains(&write.dot));
                stale += u64::from(!has && !was_repeated);
            }
        }
        stale
    }
}
