//! References: which run they speak of, and what was measured.

use super::objective::Sought;
use super::{Builder, inner, list, text};
use crate::history::{MOMENTS, MomentKind};
use crate::metric::{Column, Kind as ColumnKind, Unit};
use crate::scenario::columns::{column, objective_names};
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::model::{Settings, Variant};
use crate::scenario::read::samples::{self, DataKey};
use crate::scenario::read::tree::{Fields, Node, Value};
use crate::scenario::read::{leaf, path, quantity};
use crate::scenario::reference::{Measured, Metric, RANKS, Reference, Since, Tolerance};
use crate::topology::KeyspaceId;

impl Builder<'_, '_> {
    /// The references of a file. They are of use only if no problem was found.
    pub(crate) fn references(&mut self, root: &Fields, variants: &[Variant]) -> Vec<Reference> {
        let written = list(root, "reference").iter().enumerate();
        written
            .filter_map(|(index, node)| {
                self.reference(node, &path::item("reference", node, index), variants)
            })
            .collect()
    }

    fn reference(&mut self, node: &Node, here: &str, variants: &[Variant]) -> Option<Reference> {
        let fields = inner(node);
        let variant = self.chosen(node, here, "variant", names(variants, |one| &one.name))?;
        let settings = &variants[variant].settings;
        let strategies = names(&settings.strategies, |one| &one.name);
        let strategy = self.chosen(node, here, "strategy", strategies);
        let case = self.chosen(node, here, "case", names(&settings.cases, |one| &one.name));
        let metric = self.metric(fields, here, settings)?;
        let measured = self.measured(node, here, metric);
        let tolerances = self.tolerances(fields, here, metric.unit());
        Some(Reference {
            variant,
            strategy: strategy?,
            case: case?,
            metric,
            measured: measured?,
            tolerances,
            source: text(fields, "source").to_owned(),
        })
    }

    /// The position of the variant, strategy or case that a reference speaks of.
    fn chosen(&mut self, node: &Node, here: &str, key: &str, known: Vec<&str>) -> Option<usize> {
        let place = path::join(here, key);
        let (problem, mark) = match inner(node).get(key) {
            Some(written) => {
                let name = written.text()?;
                let found = known.iter().position(|one| *one == name);
                if found.is_some() {
                    return found;
                }
                let message = format!("there is no {key} `{name}`");
                let problem = Problem::new(ProblemKind::UnknownName, place, message);
                (
                    problem.got(written.excerpt()).words(name, known),
                    written.mark(),
                )
            }
            None if known.len() == 1 => return Some(0),
            None => {
                let message = format!("there are {} of `{key}`, and none is named", known.len());
                let problem = Problem::new(ProblemKind::MissingKey, place, message);
                (problem.words("", known), node.mark())
            }
        };
        self.report(problem, mark);
        None
    }

    fn metric(&mut self, fields: &Fields, here: &str, settings: &Settings) -> Option<Metric> {
        let node = fields.get("metric")?;
        let written = node.text()?;
        let place = path::join(here, "metric");
        let Some((rank, fact)) = written
            .strip_suffix(')')
            .and_then(|all| all.split_once('('))
        else {
            let Some(column) = column(written) else {
                let message = format!("there is no column `{written}`");
                let problem = Problem::new(ProblemKind::UnknownName, place, message)
                    .got(node.excerpt())
                    .allowed("a column of `runs.csv`, or a moment such as `first(adopted)`")
                    .words(written, objective_names());
                self.report(problem, node.mark());
                return None;
            };
            if column.kind == ColumnKind::Excess {
                let message = "a difference to a run without faults is not measured";
                let problem = Problem::new(ProblemKind::Conflict, place, message);
                self.report(problem.got(node.excerpt()), node.mark());
                return None;
            }
            if let Some(since) = fields.get("since") {
                self.stray(
                    &path::join(here, "since"),
                    since,
                    "moments, such as `first(adopted)`",
                );
            }
            return match fields.get("keyspace") {
                Some(keyspace) => self.of_keyspace(column, keyspace, here, settings),
                None => Some(Metric::Column(column)),
            };
        };
        let known = RANKS.iter().find(|(word, _)| *word == rank.trim());
        let kind = MomentKind::named(fact.trim());
        if let Some(keyspace) = fields.get("keyspace") {
            self.stray(
                &path::join(here, "keyspace"),
                keyspace,
                "columns that count writes",
            );
        }
        let (Some((_, rank)), Some(kind)) = (known, kind) else {
            let problem = if known.is_none() {
                let message = format!("there is no `{}(…)`", rank.trim());
                Problem::new(ProblemKind::UnknownName, place, message)
                    .words(rank.trim(), RANKS.map(|(word, _)| word))
            } else {
                let message = format!("there is no fact `{}`", fact.trim());
                Problem::new(ProblemKind::UnknownName, place, message)
                    .words(fact.trim(), MOMENTS.iter().map(|kind| kind.name))
            };
            self.report(problem.got(node.excerpt()), node.mark());
            return None;
        };
        let since = match text(fields, "since") {
            "heal" => Since::Heal,
            _ => Since::Fault,
        };
        Some(Metric::Moment {
            kind,
            rank: *rank,
            since,
        })
    }

    fn of_keyspace(
        &mut self,
        column: &'static Column,
        node: &Node,
        here: &str,
        settings: &Settings,
    ) -> Option<Metric> {
        let name = node.text()?;
        let place = path::join(here, "keyspace");
        if !crate::metric::is_count_of_writes(column) {
            self.stray(
                &place,
                node,
                "columns that count writes, such as `writes_lost`",
            );
            return None;
        }
        let known = names(&settings.workload.keyspaces, |one| &one.name);
        let found = known.iter().position(|one| *one == name);
        if found.is_none() {
            let message = format!("there is no keyspace `{name}`");
            let problem = Problem::new(ProblemKind::UnknownName, place, message)
                .got(node.excerpt())
                .words(name, known);
            self.report(problem, node.mark());
        }
        found.map(|index| Metric::OfKeyspace(column, KeyspaceId::from_index(index)))
    }

    fn measured(&mut self, node: &Node, here: &str, metric: Metric) -> Option<Measured> {
        let fields = inner(node);
        let (samples, value) = (fields.get("samples"), fields.get("value"));
        match (samples, value) {
            (Some(samples), None) => {
                if let Some(quantile) = fields.get("quantile") {
                    self.stray(&path::join(here, "quantile"), quantile, "`value`");
                }
                self.samples(fields, samples, here, metric)
                    .map(Measured::Samples)
            }
            (None, Some(value)) => {
                if let Some(never) = fields.get("n_incomplete") {
                    self.stray(&path::join(here, "n_incomplete"), never, "`samples`");
                }
                let order = match text(fields, "quantile").strip_prefix('p') {
                    Some(percent) => percent.parse::<f64>().unwrap_or(50.0) / 100.0,
                    None => 0.5,
                };
                Some(Measured::Quantile {
                    order,
                    value: self.amount(value, &path::join(here, "value"), metric.unit())?,
                    repetitions: count(fields, "n"),
                })
            }
            (Some(_), Some(value)) => {
                let message = "`samples` and `value` do not go together";
                let place = path::join(here, "value");
                let problem = Problem::new(ProblemKind::Conflict, place, message)
                    .help("samples say more: leave out `value`");
                self.report(problem, value.key_mark());
                None
            }
            (None, None) => {
                let problem = Problem::new(ProblemKind::MissingKey, here, "says nothing measured")
                    .allowed("`samples` or `value`");
                self.report(problem, node.mark());
                None
            }
        }
    }

    /// The samples in ascending order, those that are incomplete as +∞.
    fn samples(
        &mut self,
        fields: &Fields,
        node: &Node,
        here: &str,
        metric: Metric,
    ) -> Option<Vec<f64>> {
        let place = path::join(here, "samples");
        let mut values = match node.list() {
            Some(items) => {
                let mut values = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    values.push(self.amount(item, &format!("{place}.{index}"), metric.unit())?);
                }
                values
            }
            None => self.samples_of_file(node, &place)?,
        };
        let complete = values.len();
        let incomplete = count(fields, "n_incomplete").unwrap_or(0);
        values.resize(complete + incomplete as usize, f64::INFINITY);
        values.sort_unstable_by(f64::total_cmp);
        if values.is_empty() {
            let problem = Problem::new(ProblemKind::Empty, place, "there are no samples");
            self.report(problem.got(node.excerpt()), node.mark());
            return None;
        }
        if let Some(stated) = fields.get("n")
            && count(fields, "n") != u32::try_from(values.len()).ok()
        {
            let message = format!("{complete} samples and {incomplete} incomplete are not as many");
            let problem = Problem::new(ProblemKind::Conflict, path::join(here, "n"), message)
                .got(stated.excerpt())
                .allowed(format!("{}", values.len()));
            self.report(problem, stated.mark());
        }
        Some(values)
    }

    fn samples_of_file(&mut self, node: &Node, place: &str) -> Option<Vec<f64>> {
        let report = |this: &mut Self, mut problem: Problem| {
            place.clone_into(&mut problem.key);
            this.report(problem.got(node.excerpt()), node.mark());
        };
        let Some(DataKey { path, key }) = node.text().and_then(samples::data_key) else {
            let problem = Problem::new(ProblemKind::Unreadable, place, "is no list of samples");
            report(self, problem.allowed(samples::SYNTAX));
            return None;
        };
        let read = self.files.data(node.mark(), path);
        match read.and_then(|text| samples::read(path, &text, key)) {
            Ok(values) => Some(values),
            Err(problem) => {
                report(self, problem);
                None
            }
        }
    }

    fn tolerances(&mut self, fields: &Fields, here: &str, unit: Unit) -> Vec<Tolerance> {
        let Some(node) = fields.get("tolerance") else {
            return Tolerance::usual(unit);
        };
        let place = path::join(here, "tolerance");
        let items = node.list().unwrap_or(std::slice::from_ref(node));
        if items.is_empty() {
            let problem = Problem::new(ProblemKind::Empty, &*place, "tolerates nothing");
            self.report(problem.got(node.excerpt()), node.mark());
        }
        items
            .iter()
            .filter_map(
                |item| match item.text().and_then(|text| quantity::share(text).ok()) {
                    Some(share) => Some(Tolerance::Share(share)),
                    None => self.amount(item, &place, unit).map(Tolerance::By),
                },
            )
            .collect()
    }

    /// A measured value in a unit; `"never"` is +∞.
    fn amount(&mut self, node: &Node, place: &str, unit: Unit) -> Option<f64> {
        if node.text() == Some("never") {
            return Some(f64::INFINITY);
        }
        self.in_unit(
            node,
            place,
            &Sought {
                unit,
                what: "is no value of this metric",
            },
        )
    }

    fn stray(&mut self, place: &str, node: &Node, goes_with: &str) {
        let problem = Problem::new(ProblemKind::Conflict, place, "does not belong here")
            .help(format!("it goes with {goes_with}"));
        self.report(problem, node.key_mark());
    }
}

fn names<T>(items: &[T], name: impl Fn(&T) -> &String) -> Vec<&str> {
    items.iter().map(|item| name(item).as_str()).collect()
}

fn count(fields: &Fields, key: &str) -> Option<u32> {
    let node = fields.get(key)?;
    matches!(node.value, Value::Integer(_))
        .then(|| leaf::number(node))
        .map(|number| number as u32)
}
