//! Faults that make things worse.

use super::fault::silence;
use super::{Builder, duration, number, share, text};
use crate::fault::{Degradation, Skew};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node};
use crate::topology::TopologyConfig;

impl Builder<'_, '_> {
    pub(super) fn degradation(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Degradation {
        let kind = text(fields, "kind");
        if kind == "load-surge" {
            let region = fields.get("region");
            return Degradation::LoadSurge {
                region: region
                    .and_then(|node| self.region(node, &path::join(here, "region"), topology)),
                factor: number(fields, "factor"),
            };
        }
        if kind == "coordinator-down" {
            let mode = silence(fields);
            return Degradation::CoordinatorDown { mode };
        }
        let member = self.struck_member(fields, here, topology);
        match kind {
            "slow-host" => Degradation::SlowHost {
                member,
                factor: number(fields, "factor"),
            },
            "slow-disk" => Degradation::SlowDisk {
                member,
                factor: number(fields, "factor"),
            },
            "health-endpoint-down" => Degradation::HealthEndpointDown {
                member,
                mode: silence(fields),
            },
            _ => Degradation::ClockSkew {
                member,
                skew: self.skew(fields, here),
            },
        }
    }

    fn skew(&mut self, fields: &Fields, here: &str) -> Skew {
        let skew = Skew {
            is_ahead: text(fields, "direction") != "behind",
            offset: duration(fields, "offset"),
            drift: share(fields, "drift"),
        };
        if skew.offset.as_nanos() == 0 && skew.drift == 0.0 {
            let problem = Problem::new(
                ProblemKind::MissingKey,
                path::join(here, "offset"),
                "a clock without offset and drift is right",
            )
            .allowed("an `offset` above 0s, a `drift` above 0%, or both");
            let mark = fields.get("offset").and_then(Node::mark);
            self.report(
                problem,
                mark.or_else(|| fields.get("kind").and_then(Node::mark)),
            );
        }
        skew
    }
}
