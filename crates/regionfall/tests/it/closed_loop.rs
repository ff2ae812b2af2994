//! Closed-loop clients: each asks, waits for the answer, pauses, and asks again.

use regionfall::history::{Ending, Fact, Listener};
use regionfall_kernel::{SimDuration, SimTime};

use crate::small::listened_to;

/// How long the only client paused after each ending.
#[derive(Default)]
struct Pauses {
    ended: Option<(SimTime, Ending)>,
    seen: Vec<(Ending, SimDuration)>,
}

impl Listener for Pauses {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationEnded { ending, .. } => self.ended = Some((at, ending)),
            Fact::OperationIssued { .. } => {
                if let Some((ended, ending)) = self.ended.take() {
                    self.seen.push((ending, at - ended));
                }
            }
            _ => {}
        }
    }
}

/// One client whose member's process dies for ten seconds.
fn pauses(keys: &str) -> Vec<(Ending, SimDuration)> {
    let rest = format!(
        "[phases]\nwarm_up = \"1s\"\nstorm = \"20s\"\ncalm = \"10s\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 1\nclients = 1\nthink = \"2ms\"\n{keys}\n\
         [[strategy]]\npreset = \"pinned\"\n\
         [[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"5s\"\nlasts = \"10s\"\n"
    );
    let mut pauses = Pauses::default();
    listened_to(&rest, "pinned", None, (1, &mut pauses));
    pauses.seen
}

#[test]
fn a_client_pauses_longer_after_an_error_if_it_is_told_to() {
    let all_are = |seen: &[(Ending, SimDuration)], after_error: u64| {
        let (well, badly): (Vec<_>, Vec<_>) = seen
            .iter()
            .partition(|(ending, _)| *ending == Ending::Acknowledged);
        assert!(
            well.len() > 100 && badly.len() > 100,
            "{}, {}",
            well.len(),
            badly.len()
        );
        let is = |pauses: &[&(Ending, SimDuration)], millis: u64| {
            pauses
                .iter()
                .all(|(_, pause)| *pause == SimDuration::from_millis(millis))
        };
        assert!(is(&well, 2) && is(&badly, after_error), "{badly:?}");
    };
    all_are(&pauses("pause_after_error = \"10ms\""), 10);
    all_are(&pauses(""), 2);
}
