//! The vantage of a load balancer in front of one member: it watches each of its targets, the nodes.
//!
//! It chooses none of them: whoever passes its watch is used, in the share of the balancer's own rule. A target is
//! addressed by its number, in the place of a member's identity.

use regionfall_kernel::{SimDuration, TraceHash};

use super::decider::{Action, Decider, LocalTime, Sight};
use super::watch::Watch;
use super::{BalancerConfig, Evidence};
use crate::topology::MemberId;

/// A load balancer that decides for itself.
#[derive(Clone, Debug)]
pub struct TargetJudge {
    watches: Vec<Watch>,
    phases: Vec<f64>,
}

impl TargetJudge {
    /// A judge of as many targets as there are phases, each in 0..1.
    pub fn new(config: &BalancerConfig, phases: Vec<f64>) -> Self {
        let probe = |(probe, detector): &(_, _)| {
            Evidence::Probe(Clone::clone(probe), Clone::clone(detector))
        };
        let evidence: Vec<Evidence> = config.evidence.iter().map(probe).collect();
        let watch = |target| Watch::new(MemberId::from_index(target), &evidence);
        Self {
            watches: (0..phases.len()).map(watch).collect(),
            phases,
        }
    }
}

impl Decider for TargetJudge {
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
            actions.push(Action::Verdict { member, healthy });
        }
    }

    fn is_usable(&self, _now: LocalTime, member: MemberId) -> bool {
        let watch = self.watches.get(member.index());
        watch.is_some_and(Watch::is_healthy)
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        self.watches.iter().for_each(|watch| watch.hash_into(hash));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}
