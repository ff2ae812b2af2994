//! One primary per shard and epoch: no epoch of a shard is won twice, and epochs go forward.
//!
//! Two processes may both take themselves for the primary for a while (that is what a split brain is); that two were *made*
//! primary in the same epoch never happens, or the model of the election is wrong.

use regionfall_kernel::SimTime;

use super::{Findings, Verdict, VerdictKind};
use crate::history::Fact;
use crate::topology::{MemberId, NodeId};

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Epochs {
    /// By member and shard: the newest epoch and who won it.
    newest: Vec<(MemberId, u16, u32, NodeId)>,
    findings: Findings,
}

impl Epochs {
    /// Hears a fact.
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    pub fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::Promoted {
            member,
            shard,
            node,
            epoch,
        } = *fact
        {
            self.promoted(at, (member, shard), node, epoch);
        }
    }

    #[cold]
    fn promoted(&mut self, at: SimTime, whose: (MemberId, u16), node: NodeId, epoch: u32) {
        let known = self
            .newest
            .iter_mut()
            .find(|(member, shard, ..)| (*member, *shard) == whose);
        let Some((member, shard, newest, holder)) = known else {
            // The primary at the start holds the first epoch.
            if epoch < 2 {
                self.findings.add(at, || {
                    format!(
                        "{node} was made primary of {} in epoch {epoch}, which was taken",
                        whose.0
                    )
                });
            }
            self.newest.push((whose.0, whose.1, epoch, node));
            return;
        };
        if epoch <= *newest {
            let (member, shard, newest, holder) = (*member, *shard, *newest, *holder);
            self.findings.add(at, || {
                format!(
                    "{node} was made primary of shard {shard} of {member} in epoch {epoch}, after {holder} in epoch {newest}"
                )
            });
        }
        (*newest, *holder) = (epoch, node);
    }

    /// The verdict, if there was a promotion at all.
    pub fn verdict(&self) -> Option<Verdict> {
        let verdict = self
            .findings
            .verdict("one primary per epoch", VerdictKind::ModelLaw);
        (!self.newest.is_empty()).then_some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(epochs: &[(u8, u32)]) -> Option<bool> {
        let mut check = Epochs::default();
        for &(node, epoch) in epochs {
            let fact = Fact::Promoted {
                member: MemberId(0),
                shard: 0,
                node: NodeId(node),
                epoch,
            };
            check.observe(SimTime::ZERO, &fact);
        }
        check.verdict().map(|verdict| verdict.held)
    }

    #[test]
    fn an_epoch_is_won_once_and_epochs_go_forward() {
        assert_eq!(held(&[]), None);
        assert_eq!(held(&[(1, 2), (0, 3)]), Some(true));
        assert_eq!(held(&[(1, 2), (0, 2)]), Some(false));
        assert_eq!(held(&[(1, 3), (0, 2)]), Some(false));
        assert_eq!(held(&[(1, 1)]), Some(false), "the first is the start's");
    }
}
