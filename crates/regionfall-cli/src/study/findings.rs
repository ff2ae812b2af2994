//! What a comparison found apart from figures: objectives met or missed, what should have held and did
//! not, faults in vain, what was never seen; and how the command ends because of it.

use std::collections::BTreeMap;

use regionfall::check::{SOMETIMES, VerdictKind};
use regionfall::explore::{Answer, Broken, Cell, CellRuns, Judged, Results, judge};
use regionfall::failover::StrategyConfig;
use regionfall::scenario::{Objective, Statistic};

use super::idle::Idle;
use super::words;
use crate::exit::Exit;
use crate::shell::quoted;

/// Whose promises and objectives decide how the command ends.
#[derive(Clone, Copy)]
pub(crate) struct Gates<'a> {
    /// These strategies, beside those that say so themselves.
    pub(crate) names: &'a [String],
    /// Every strategy.
    pub(crate) is_strict: bool,
}

/// Everything that a comparison found.
pub(crate) struct Findings {
    /// Objectives, by cell.
    pub(super) objectives: Vec<JudgedObjective>,
    /// What should have held and did not.
    pub(super) broken: Vec<BrokenFinding>,
    /// Faults that touched nothing in some seeds: one sentence for each, whatever the strategies.
    pub(super) idle: Vec<String>,
    /// What should be seen sometimes and was not; it only should be known.
    pub(super) never: Vec<&'static str>,
    /// Runs that were ended by their budget of events.
    pub(super) over_budget: u64,
    exit: Exit,
}

/// An objective of a cell with its answer.
pub(crate) struct JudgedObjective {
    cell: Cell,
    /// The strategy.
    pub(super) strategy: String,
    /// Variant and case.
    pub(super) block: String,
    /// What was asked.
    pub(super) objective: Objective,
    /// The answer.
    pub(super) judged: Judged,
    /// Whether it decides how the command ends.
    is_gated: bool,
}

/// A property that did not hold in some seeds of a cell.
pub(super) struct BrokenFinding {
    /// The strategy.
    pub(super) strategy: String,
    /// Variant and case.
    pub(super) block: String,
    /// Where it is; `None` for a control run.
    pub(super) cell: Option<Cell>,
    /// What kind of property.
    pub(super) kind: VerdictKind,
    /// Its name.
    pub(super) check: String,
    /// In how many seeds.
    pub(super) seeds: usize,
    /// Of how many.
    pub(super) of: usize,
    /// The evidence of the first.
    pub(super) evidence: Vec<String>,
    /// The line that repeats the first.
    pub(super) repeat: String,
}

impl Gates<'_> {
    fn has(&self, strategy: &StrategyConfig) -> bool {
        self.is_strict || strategy.gate || self.names.contains(&strategy.name)
    }
}

impl Findings {
    /// The findings of a comparison. `file` is the part of a command line that names the scenario.
    pub(crate) fn of(results: &Results<'_>, gates: Gates<'_>, file: &str) -> Self {
        let has_variants = results.scenario().variants.len() > 1;
        let mut findings = Self {
            objectives: Vec::new(),
            broken: Vec::new(),
            idle: Vec::new(),
            never: Vec::new(),
            over_budget: 0,
            exit: Exit::Held,
        };
        let mut idle = Idle::default();
        for cell in results.cells() {
            let block = words::block_name(&cell, has_variants);
            let is_gated = gates.has(cell.strategy);
            for objective in &cell.case.objectives {
                let judged = judge(objective, cell.runs, results.error_share());
                // Too few seeds to say is no promise kept, so that a gate does not open for it.
                let is_kept = matches!(judged.answer, Answer::Met | Answer::DoesNotApply);
                if is_gated && !is_kept {
                    findings.exit = findings.exit.and(Exit::Objective);
                }
                findings.objectives.push(JudgedObjective {
                    cell: cell.cell,
                    strategy: cell.strategy.name.clone(),
                    block: block.clone(),
                    objective: objective.clone(),
                    judged,
                    is_gated,
                });
            }
            findings.broken_in(&cell, &block, is_gated, has_variants, file);
            idle.of_cell(&cell, &block);
            let over = cell.runs.iter().filter(|run| !run.is_within_budget).count();
            findings.over_budget += over as u64;
        }
        findings.idle = idle.sentences();
        findings.broken_controls(results, file);
        if findings.over_budget > 0 {
            findings.exit = findings.exit.and(Exit::Liveness);
        }
        let is_seen = |index: usize| {
            let mut runs = results.cells().flat_map(|cell| cell.runs);
            runs.any(|run| run.seen.get(index).copied().unwrap_or(false))
        };
        let never = SOMETIMES
            .iter()
            .enumerate()
            .filter(|(index, _)| !is_seen(*index));
        findings.never = never.map(|(_, name)| *name).collect();
        findings
    }

    /// How the command ends because of them.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The objectives of a cell.
    pub(super) fn objectives_of(&self, cell: Cell) -> impl Iterator<Item = &JudgedObjective> {
        self.objectives
            .iter()
            .filter(move |judged| judged.cell == cell)
    }

    /// All objectives, cell by cell.
    pub(crate) fn objectives(&self) -> impl Iterator<Item = &JudgedObjective> {
        self.objectives.iter()
    }

    /// What did not hold: in a line, its first evidence, and the command that repeats it.
    pub(crate) fn broken_lines(&self) -> impl Iterator<Item = (String, &str, &str)> {
        self.broken.iter().map(|broken| {
            let title = format!("{}, {}: {}", broken.strategy, broken.block, broken.line());
            let evidence = broken
                .evidence
                .first()
                .map_or("no evidence was kept", String::as_str);
            (title, evidence, broken.repeat.as_str())
        })
    }

    /// What only should be known.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let over_budget = (self.over_budget > 0).then(|| {
            format!(
                "{} runs spent their budget of events and were ended: raise `event_budget`",
                self.over_budget
            )
        });
        let never = (!self.never.is_empty()).then(|| {
            format!(
                "never seen in any run, so that nothing is said about it: {}",
                self.never.join(", ")
            )
        });
        let idle = self.idle.iter().cloned();
        over_budget.into_iter().chain(idle).chain(never)
    }

    /// Everything in lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let objectives = self.objectives.iter().map(JudgedObjective::line);
        let broken = self
            .broken_lines()
            .map(|(title, evidence, repeat)| format!("{title}\n  {evidence}\n  {repeat}"));
        objectives.chain(broken).chain(self.notes()).collect()
    }

    fn broken_in(
        &mut self,
        cell: &CellRuns<'_>,
        block: &str,
        is_gated: bool,
        has_variants: bool,
        file: &str,
    ) {
        let mut found: BTreeMap<(VerdictKind, &str), BrokenFinding> = BTreeMap::new();
        for run in cell.runs {
            for broken in &run.broken {
                let entry = found
                    .entry((broken.kind, &broken.check))
                    .or_insert_with(|| BrokenFinding {
                        strategy: cell.strategy.name.clone(),
                        block: block.to_owned(),
                        cell: Some(cell.cell),
                        kind: broken.kind,
                        check: broken.check.clone(),
                        seeds: 0,
                        of: cell.runs.len(),
                        evidence: broken.evidence.clone(),
                        repeat: repeat(cell, has_variants, file, run.seed.get(), run.trace),
                    });
                entry.seeds += 1;
                self.exit = self.exit.and(exit_of(broken.kind, is_gated));
            }
        }
        self.broken.extend(found.into_values());
    }

    /// Control runs have no faults, so whatever is broken there is a mistake of Regionfall.
    fn broken_controls(&mut self, results: &Results<'_>, file: &str) {
        let laws = |broken: &&Broken| broken.kind == VerdictKind::ModelLaw;
        for (variant, strategy, seed, control) in results.controls() {
            for broken in control.broken.iter().filter(laws) {
                self.exit = self.exit.and(Exit::Safety);
                self.broken.push(BrokenFinding {
                    strategy: strategy.name.clone(),
                    block: "control run without faults".to_owned(),
                    cell: None,
                    kind: broken.kind,
                    check: broken.check.clone(),
                    seeds: 1,
                    of: 1,
                    evidence: broken.evidence.clone(),
                    repeat: format!(
                        "regionfall compare {file}  # control of variant {:?}, seed {seed}",
                        variant.name
                    ),
                });
            }
        }
    }
}

const fn exit_of(kind: VerdictKind, is_gated: bool) -> Exit {
    match kind {
        VerdictKind::ModelLaw => Exit::Safety,
        VerdictKind::Promise if is_gated => Exit::Safety,
        VerdictKind::Eventually if is_gated => Exit::Liveness,
        VerdictKind::Promise | VerdictKind::Eventually | VerdictKind::Sometimes => Exit::Held,
    }
}

/// The line that repeats a run and sees that it is the same.
fn repeat(cell: &CellRuns<'_>, has_variants: bool, file: &str, seed: u64, trace: u64) -> String {
    let variant = if has_variants {
        format!(" --variant {}", quoted(&cell.variant.name))
    } else {
        String::new()
    };
    format!(
        "regionfall run {file}{variant} --strategy {} --case {} --seed {seed} --expect {trace:016x}",
        quoted(&cell.strategy.name),
        quoted(&cell.case.name)
    )
}

impl JudgedObjective {
    /// Variant and case.
    pub(crate) fn block(&self) -> &str {
        &self.block
    }

    /// The answer.
    pub(crate) fn answer(&self) -> Answer {
        self.judged.answer
    }

    /// A sign for the answer, so that it does not depend on colour.
    pub(crate) const fn mark(&self) -> char {
        match self.judged.answer {
            Answer::Met => '✓',
            Answer::Missed => '✗',
            Answer::TooFewSeeds { .. } => '?',
            Answer::DoesNotApply => '–',
        }
    }

    /// The verdict in words.
    pub(super) fn word(&self) -> String {
        match self.judged.answer {
            Answer::Met => "met".to_owned(),
            Answer::Missed => "missed".to_owned(),
            Answer::TooFewSeeds { needs } => format!("too few seeds (needs {needs})"),
            Answer::DoesNotApply => "does not apply".to_owned(),
        }
    }

    /// What decided it.
    pub(super) fn because(&self) -> String {
        let Judged {
            bound,
            beyond,
            seeds,
            beyond_at_most,
            ..
        } = self.judged;
        if self.judged.answer == Answer::DoesNotApply {
            return words::without_value(&self.objective.column).to_owned();
        }
        let own = format!("beyond in {beyond} of {seeds} seeds");
        let column = &self.objective.column;
        let confidence = words::percent(self.objective.confidence);
        match (bound, beyond_at_most) {
            (_, Some(share)) => {
                format!(
                    "{own}; at most {} of runs at {confidence} confidence",
                    words::percent(share)
                )
            }
            (Some(bound), None) => match self.objective.statistic {
                Statistic::Max | Statistic::Min => {
                    format!("{own}, the farthest {}", words::value(column, bound))
                }
                Statistic::Quantile(_) | Statistic::Mean => {
                    format!(
                        "{own}; bound {} at {confidence} confidence",
                        words::value(column, bound)
                    )
                }
            },
            (None, None) => own,
        }
    }

    /// A line about it.
    pub(crate) fn line(&self) -> String {
        let gate = if self.is_gated { " (gate)" } else { "" };
        format!(
            "{}{gate}: {} {}: {}",
            self.strategy,
            words::objective(&self.objective),
            self.word(),
            self.because()
        )
    }
}

impl BrokenFinding {
    /// What it means.
    pub(super) const fn meaning(&self) -> &'static str {
        match self.kind {
            VerdictKind::ModelLaw => {
                "a law of the model is broken, which is a mistake of Regionfall"
            }
            VerdictKind::Promise => "a promise is broken",
            VerdictKind::Eventually | VerdictKind::Sometimes => "did not come to hold",
        }
    }

    /// A line about it.
    pub(super) fn line(&self) -> String {
        format!(
            "{}: {} in {} of {} seeds",
            self.check,
            self.meaning(),
            self.seeds,
            self.of
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gates_make_a_bad_strategy_an_error() {
        assert_eq!(exit_of(VerdictKind::ModelLaw, false), Exit::Safety);
        assert_eq!(exit_of(VerdictKind::Promise, false), Exit::Held);
        assert_eq!(exit_of(VerdictKind::Promise, true), Exit::Safety);
        assert_eq!(exit_of(VerdictKind::Eventually, false), Exit::Held);
        assert_eq!(exit_of(VerdictKind::Eventually, true), Exit::Liveness);
    }
}
