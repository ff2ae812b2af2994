//! Objectives: bounds on columns, in the column's unit.

use super::{Builder, duration, integer, number, share, table};
use crate::metric::{Column, Unit};
use crate::scenario::columns::{column, is_better_high};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::model::{Objective, Recovered, Sense, Statistic};
use crate::scenario::read::tree::{Fields, Node, Value};
use crate::scenario::read::{leaf, path, quantity};

/// Confidence where only a bare bound is written.
const CONFIDENCE: f64 = 0.95;

/// What a value should be.
pub(super) struct Sought<'a> {
    /// Its unit.
    pub(super) unit: Unit,
    /// What is wrong if it cannot be read so.
    pub(super) what: &'a str,
}

impl Builder<'_, '_> {
    /// The objectives of a table, and what it says of recovery.
    pub(super) fn objectives(
        &mut self,
        fields: &Fields,
        here: &str,
    ) -> (Vec<Objective>, Option<Recovered>) {
        let mut objectives = Vec::new();
        for (name, node) in &fields.0 {
            let Some(column) = column(name) else { continue };
            let key = path::join(here, name);
            match &node.value {
                Value::Table(bound) => objectives.extend(self.bounds(bound, node, &key, column)),
                _ => objectives.extend(self.objective(node, &key, column, "p99", CONFIDENCE)),
            }
        }
        let recovered = fields.get("recovered").map(|_| {
            let recovered = table(fields, "recovered");
            Recovered {
                success: share(recovered, "success"),
                latency_p99: duration(recovered, "latency_p99"),
                window: duration(recovered, "window"),
                min_requests: integer(recovered, "min_requests"),
            }
        });
        (objectives, recovered)
    }

    fn bounds(
        &mut self,
        bound: &Fields,
        node: &Node,
        key: &str,
        column: &Column,
    ) -> Vec<Objective> {
        let confidence = number(bound, "confidence");
        let objectives: Vec<Objective> = bound
            .0
            .iter()
            .filter(|(name, _)| name != "confidence")
            .filter_map(|(name, node)| {
                self.objective(node, &path::join(key, name), column, name, confidence)
            })
            .collect();
        if bound.0.iter().all(|(name, _)| name == "confidence") {
            let problem = Problem::new(ProblemKind::MissingKey, key, "bounds nothing")
                .allowed("at least one of p50, p90, p95, p99, p999, mean, max, min");
            self.report(problem, node.mark());
        }
        objectives
    }

    fn objective(
        &mut self,
        node: &Node,
        key: &str,
        column: &Column,
        statistic: &str,
        confidence: f64,
    ) -> Option<Objective> {
        let order = match statistic {
            "p50" => Some(0.5),
            "p90" => Some(0.9),
            "p95" => Some(0.95),
            "p99" => Some(0.99),
            "p999" => Some(0.999),
            _ => None,
        };
        let worst = if is_better_high(column) { "min" } else { "max" };
        let statistic = match (order, statistic) {
            // Of a column of which more is better, "99 % of seeds" leave out the lowest.
            (Some(order), _) if is_better_high(column) => Statistic::Quantile(1.0 - order),
            (Some(order), _) => Statistic::Quantile(order),
            (None, "mean") => Statistic::Mean,
            (None, "max") if worst == "max" => Statistic::Max,
            (None, "min") if worst == "min" => Statistic::Min,
            (None, _) => {
                let problem = Problem::new(
                    ProblemKind::Conflict,
                    key,
                    format!("`{}` is bounded on its other side", column.name),
                )
                .allowed(format!("`{worst}`, a quantile or `mean`"));
                self.report(problem, node.key_mark());
                return None;
            }
        };
        let limit = self.limit(node, key, column)?;
        let sense = if is_better_high(column) {
            Sense::AtLeast
        } else {
            Sense::AtMost
        };
        Some(Objective {
            column: column.name.to_owned(),
            statistic,
            limit,
            sense,
            confidence,
        })
    }

    fn limit(&mut self, node: &Node, key: &str, column: &Column) -> Option<f64> {
        let sought = Sought {
            unit: column.unit,
            what: &format!("is no bound for `{}`", column.name),
        };
        self.in_unit(node, key, &sought)
    }

    /// A value as a number in a unit, or a message about what is wrong with it.
    pub(super) fn in_unit(&mut self, node: &Node, key: &str, sought: &Sought<'_>) -> Option<f64> {
        let unit = sought.unit;
        let (read, allowed) = match (unit, &node.value) {
            (Unit::Milliseconds, Value::Text(text)) => (
                quantity::duration(text)
                    .map(regionfall_kernel::SimDuration::as_millis_f64)
                    .ok(),
                "a span of time such as \"60s\"",
            ),
            (Unit::Milliseconds, _) => (None, "a span of time such as \"60s\""),
            (Unit::Share, Value::Text(text)) => (
                quantity::share(text)
                    .ok()
                    .filter(|share| (0.0..=1.0).contains(share)),
                "a share from 0% to 100%",
            ),
            (Unit::Share, _) => (None, "a share from 0% to 100%"),
            (Unit::Bytes, Value::Text(text)) => (
                quantity::size(text).map(|size| size as f64).ok(),
                "a size such as \"64MiB\"",
            ),
            (Unit::Bytes, _) => (None, "a size such as \"64MiB\""),
            (Unit::Count | Unit::Writes | Unit::Reads | Unit::Servers | Unit::Word, _) => (
                Some(leaf::number(node)).filter(|number| *number >= 0.0),
                "a number from 0",
            ),
        };
        if read.is_none() {
            let is_number = matches!(node.value, Value::Integer(_) | Value::Number(_));
            let (kind, message) =
                if is_number && matches!(unit, Unit::Milliseconds | Unit::Share | Unit::Bytes) {
                    (ProblemKind::MissingUnit, "missing unit".to_owned())
                } else {
                    (ProblemKind::Unreadable, sought.what.to_owned())
                };
            let problem = Problem::new(kind, key, message)
                .got(node.excerpt())
                .allowed(allowed);
            self.report(problem, node.mark());
        }
        read
    }
}
