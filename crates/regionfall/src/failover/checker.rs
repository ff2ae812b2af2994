//! Who watches and chooses nothing: a health checker of a traffic manager, which reports what it finds of every member, and a
//! load balancer in front of one member, which judges its targets, the nodes.
//!
//! A balancer uses whoever passes its watch, in the share of its own rule. A target is addressed by its number, in the place
//! of a member's identity.

use regionfall_kernel::{SimDuration, TraceHash};

use super::decider::{Action, Decider, LocalTime, Sight};
use super::watch::Watch;
use super::{BalancerConfig, Evidence};
use crate::topology::MemberId;

/// One health checker, or balancer.
#[derive(Clone, Debug)]
pub struct Checker {
    watches: Vec<Watch>,
    phases: Vec<f64>,
    /// Whether somebody else decides on what it finds.
    reports: bool,
}

impl Checker {
    /// A checker of `members`, one phase in 0..1 for each.
    pub fn new(evidence: &[Evidence], members: &[MemberId], phases: Vec<f64>) -> Self {
        debug_assert_eq!(members.len(), phases.len());
        let watches = members
            .iter()
            .map(|&member| Watch::new(member, evidence))
            .collect();
        Self {
            watches,
            phases,
            reports: true,
        }
    }

    /// A balancer of as many targets as there are phases, each in 0..1.
    pub fn of_targets(config: &BalancerConfig, phases: Vec<f64>) -> Self {
        let probe = |(probe, detector): &(_, _)| {
            Evidence::Probe(Clone::clone(probe), Clone::clone(detector))
        };
        let evidence: Vec<Evidence> = config.evidence.iter().map(probe).collect();
        let targets: Vec<MemberId> = (0..phases.len()).map(MemberId::from_index).collect();
        Self {
            reports: false,
            ..Self::new(&evidence, &targets, phases)
        }
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
        let token = match sight {
            Sight::Woken { token } => token,
            Sight::ProbeEnded { ticket, .. } => ticket,
            _ => return,
        };
        let watch = &mut self.watches[Watch::index_of(token)];
        let before = watch.is_healthy();
        if let Sight::ProbeEnded { outcome, .. } = sight {
            watch.probe_ended(token, now, outcome, actions);
        } else {
            watch.woken(token, now, actions);
        }
        let (member, healthy) = (watch.member(), watch.is_healthy());
        if healthy != before {
            actions.push(if self.reports {
                Action::Report { member, healthy }
            } else {
                Action::Verdict { member, healthy }
            });
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
