//! What operators do to the membership.

use regionfall_kernel::Distribution;

use super::{Builder, text};
use crate::fault::{MembershipAction, MembershipChange, Trigger};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{path, quantity};
use crate::topology::TopologyConfig;

impl Builder<'_, '_> {
    pub(super) fn membership(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> MembershipChange {
        MembershipChange {
            action: match text(fields, "kind") {
                "purge" => MembershipAction::Purge,
                "rejoin" => MembershipAction::Rejoin,
                _ => MembershipAction::ForceRemove,
            },
            member: self.struck_member(fields, here, topology),
            when: self.trigger(fields, here),
        }
    }

    fn trigger(&mut self, fields: &Fields, here: &str) -> Option<Trigger> {
        let reaction = fields.get("reaction");
        let Some(when) = fields.get("when") else {
            if let Some(reaction) = reaction {
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    path::join(here, "reaction"),
                    "there is nothing to react to",
                )
                .allowed("`reaction` beside a `when`");
                self.report(problem, reaction.mark());
            }
            return None;
        };
        let Some(memory_above) = memory_above(text(fields, "when")) else {
            let problem = Problem::new(
                ProblemKind::Unreadable,
                path::join(here, "when"),
                "is no condition",
            )
            .got(when.excerpt())
            .allowed("\"memory > N%\" with N from 0 to 100, such as \"memory > 90%\"");
            self.report(problem, when.mark());
            return None;
        };
        Some(Trigger {
            memory_above,
            reaction: reaction.map_or(
                Distribution::Constant(regionfall_kernel::SimDuration::ZERO),
                |node: &Node| self.delay_of(node),
            ),
        })
    }
}

/// The share in `memory > N%`.
fn memory_above(condition: &str) -> Option<f64> {
    let bound = condition.trim().strip_prefix("memory")?.trim_start();
    let share = quantity::share(bound.strip_prefix('>')?.trim()).ok()?;
    (0.0..=1.0).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        assert_eq!(memory_above("memory > 90%"), Some(0.9));
        assert_eq!(memory_above(" memory>5% "), Some(0.05));
        for wrong in [
            "memory",
            "memory < 90%",
            "memory > 0.9",
            "memory > 101%",
            "lag > 5%",
        ] {
            assert_eq!(memory_above(wrong), None, "{wrong}");
        }
    }
}
