//! The vantage of a traffic manager's health checkers: each watches every member with phases of its own
//! and reports what it finds.

use regionfall_kernel::{SimDuration, TraceHash};

use super::Evidence;
use super::decider::{Action, Decider, LocalTime, Sight};
use super::watch::Watch;
use crate::topology::MemberId;

/// One health checker.
#[derive(Clone, Debug)]
pub struct Checker {
    watches: Vec<Watch>,
    phases: Vec<f64>,
}

impl Checker {
    /// A checker of `members`, one phase in 0..1 for each.
    pub fn new(evidence: &[Evidence], members: &[MemberId], phases: Vec<f64>) -> Self {
        debug_assert_eq!(members.len(), phases.len());
        let watches = members
            .iter()
            .map(|&member| Watch::new(member, evidence))
            .collect();
        Self { watches, phases }
    }
}

impl Decider for Checker {
    fn start(&mut self, now: LocalTime, actions: &mut Vec<Action>) {
        for (index, (watch, phase)) in self.watches.iter_mut().zip(&self.phases).enumerate() {
            let nanos = watch.interval().as_nanos() as f64 * phase;
            watch.start(
                index as u32,
                now,
                SimDuration::from_nanos_f64(nanos),
                actions,
            );
        }
    }

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Woken { token } => {
                self.watches[Watch::index_of(token)].woken(token, now, actions);
            }
            Sight::ProbeEnded {
                ticket, outcome, ..
            } => {
                let watch = &mut self.watches[Watch::index_of(ticket)];
                let before = watch.is_healthy();
                watch.probe_ended(ticket, now, outcome, actions);
                let healthy = watch.is_healthy();
                if healthy != before {
                    actions.push(Action::Report {
                        member: watch.member(),
                        healthy,
                    });
                }
            }
            _ => {}
        }
    }

    fn is_usable(&self, _now: LocalTime, member: MemberId) -> bool {
        self.watches
            .iter()
            .any(|watch| watch.member() == member && watch.is_healthy())
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        self.watches.iter().for_each(|watch| watch.hash_into(hash));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}
