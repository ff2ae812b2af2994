//! Members that know the same hold the same: equal clocks, equal digests of all values.

use regionfall_kernel::SimTime;

use crate::history::{Fact, Listener, Quiescence};

use super::{Check, Findings, Verdict, VerdictKind};

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Digests {
    findings: Findings,
}

impl Listener for Digests {
    fn observe(&mut self, _at: SimTime, _fact: &Fact<'_>) {}
}

impl Check for Digests {
    fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        for (index, one) in quiescence.nodes.iter().enumerate() {
            for other in &quiescence.nodes[index + 1..] {
                if covers(&one.clock, &other.clock)
                    && covers(&other.clock, &one.clock)
                    && one.digest != other.digest
                {
                    self.findings.add(at, || {
                        format!(
                            "{} and {} have equal clocks and different values",
                            one.node, other.node
                        )
                    });
                }
            }
        }
    }

    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("equal clocks, equal values", VerdictKind::ModelLaw)
    }
}

/// Whether one clock has everything of another; what is beyond its end is 0.
pub(super) fn covers(own: &[u64], other: &[u64]) -> bool {
    other
        .iter()
        .enumerate()
        .all(|(origin, &sequence)| own.get(origin).copied().unwrap_or(0) >= sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::NodeView;
    use crate::topology::NodeId;

    #[test]
    fn equal_clocks_mean_equal_values() {
        let held = |first: (&[u64], u64), second: (&[u64], u64)| {
            let view = |node, (clock, digest): (&[u64], u64)| NodeView {
                node: NodeId(node),
                clock: clock.to_vec(),
                digest,
            };
            let mut digests = Digests::default();
            let nodes = vec![view(0, first), view(1, second)];
            digests.at_rest(
                SimTime::ZERO,
                &Quiescence {
                    reached: true,
                    nodes,
                },
            );
            digests.verdict().held
        };
        assert!(held((&[1, 2], 7), (&[1, 2, 0], 7)));
        assert!(held((&[1, 2], 7), (&[1, 3], 8)));
        assert!(!held((&[1, 2], 7), (&[1, 2, 0], 8)));
    }
}
