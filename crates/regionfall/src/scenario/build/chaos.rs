//! Faults from rates.

use super::{Builder, flag, integer, share, table, text};
use crate::fault::{ChaosConfig, ChaosKind};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::model::{Case, Objective};
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{leaf, quantity};

impl Builder<'_, '_> {
    /// Adds the case `chaos`, if there is a `[chaos]`. Where nothing else is written it is the only one.
    pub(super) fn chaos(&mut self, root: &Fields, common: &[Objective], cases: &mut Vec<Case>) {
        if root.get("chaos").is_none() {
            return;
        }
        let fields = table(root, "chaos");
        let weight_of = |kind: ChaosKind| {
            let mix = fields.get("mix").and_then(Node::table);
            mix.map_or(1.0, |mix| mix.get(kind.word()).map_or(0.0, leaf::number))
        };
        let lasts = table(fields, "lasts");
        let chaos = ChaosConfig {
            rate: quantity::rate(text(fields, "rate")).unwrap_or_default(),
            at_least: integer(fields, "at_least"),
            at_most: integer(fields, "at_most"),
            swarm: flag(fields, "swarm"),
            correlated: share(fields, "correlated"),
            flapping: share(fields, "flapping"),
            mix: ChaosKind::ALL.map(|kind| (kind, weight_of(kind))).to_vec(),
            lasts: ChaosKind::ALL
                .map(|kind| (kind, self.delay(lasts, kind.word())))
                .to_vec(),
        };
        if chaos.at_least > chaos.at_most {
            let node = fields.get("at_least");
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                "chaos.at_least",
                "must not be more than `at_most`",
            )
            .got(node.map(Node::excerpt).unwrap_or_default())
            .allowed(format!("0 to {}", chaos.at_most));
            self.report(problem, node.and_then(Node::mark));
        }
        let is_alone = matches!(cases.as_slice(), [only] if only.name == "no faults" && only.faults.is_empty())
            && root
                .get("case")
                .and_then(Node::list)
                .is_none_or(<[Node]>::is_empty);
        if is_alone {
            cases.clear();
        }
        if let Some(taken) = cases.iter().position(|case| case.name == "chaos") {
            let problem = Problem::new(
                ProblemKind::NamedTwice,
                format!("case.{taken}.name"),
                "`[chaos]` makes a case of this name",
            )
            .allowed("another name");
            self.report(problem, root.get("case").and_then(Node::mark));
        }
        cases.push(Case {
            name: "chaos".to_owned(),
            faults: Vec::new(),
            chaos: Some(chaos),
            objectives: common.to_vec(),
        });
    }
}
