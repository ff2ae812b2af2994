//! WAIT: a request that is answered when enough replicas of the member have what its connection wrote, or in time.
//!
//! Source: Redis commands reference, WAIT. Replicas are those within the member; other members never count. Whether they
//! have caught up is looked at whenever the driver steps, so the answer is late by its step at most.

use regionfall::simulation::SteppedRun;
use regionfall_crdt::Clock;
use regionfall_kernel::{SimDuration, SimTime};

use super::Session;
use crate::books::Line;
use crate::resp::encode_length;

/// A request that waits.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    needs: usize,
    pub(crate) until: SimTime,
    /// By shard, what the member's primaries had when it was asked.
    mark: Vec<Clock>,
}

impl Session {
    /// Begins to wait; returns whether the request was refused.
    pub(super) fn begin_wait(
        &mut self,
        run: &mut SteppedRun,
        number: u64,
        words: &[&[u8]],
    ) -> bool {
        let argument = |place: usize| -> Option<u64> {
            std::str::from_utf8(words.get(place)?).ok()?.parse().ok()
        };
        let (Some(needs), Some(timeout)) = (argument(1), argument(2)) else {
            return self.refuse("ERR value is not an integer or out of range".to_owned());
        };
        let until = if timeout == 0 {
            SimTime::NEVER
        } else {
            run.now() + SimDuration::from_millis(timeout)
        };
        let wait = Wait {
            needs: usize::try_from(needs).unwrap_or(usize::MAX),
            until,
            mark: run.primary_clocks(self.id),
        };
        let have = run.replicas_with(self.id, &wait.mark);
        if have >= wait.needs {
            encode_length(b':', have, &mut self.output);
        } else {
            self.waiting = Some((number, wait));
        }
        false
    }

    /// Answers the request that waits, if it is time.
    pub(super) fn look_at_replicas(&mut self, run: &mut SteppedRun, line: &mut Line) {
        let Some((number, wait)) = &self.waiting else {
            return;
        };
        let number = *number;
        let have = run.replicas_with(self.id, &wait.mark);
        if have < wait.needs && run.now() < wait.until {
            return;
        }
        self.waiting = None;
        let before = self.output.len();
        encode_length(b':', have, &mut self.output);
        self.replied(run, line, (number, None), (before, false));
    }
}
