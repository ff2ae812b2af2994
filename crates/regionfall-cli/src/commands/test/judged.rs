//! From runs to lines: what held, what did not, and how to repeat it.

use std::fmt::Write as _;

use regionfall::check::{SOMETIMES, VerdictKind};
use regionfall::explore::{Answer, Run, judge};
use regionfall::scenario::{Objective, Scenario, Sense};

use super::{Subject, known, replayed};
use crate::exit::Exit;
use crate::shell::quoted;
use crate::study::words;

/// What is said of one variant, case and strategy of a file.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) variant: String,
    pub(super) case: String,
    pub(super) strategy: String,
    pub(super) seeds: usize,
    pub(super) exit: Exit,
    /// In a few words.
    pub(super) what: String,
    /// Objectives that so few seeds say nothing about.
    pub(super) undecided: Vec<String>,
    /// When and why, a sentence each.
    pub(super) evidence: Vec<String>,
    /// The command that repeats the worst run.
    pub(super) repeat: Option<String>,
}

/// What was seen in all runs together.
#[derive(Clone, Default, Debug)]
pub(super) struct Coverage {
    seen: Vec<u64>,
    runs: u64,
}

impl Coverage {
    fn add(&mut self, runs: &[Run]) {
        self.seen.resize(SOMETIMES.len(), 0);
        for run in runs {
            self.runs += 1;
            for (count, seen) in self.seen.iter_mut().zip(&run.seen) {
                *count += u64::from(*seen);
            }
        }
    }

    /// What was seen in how many runs, and what never.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        let named = || SOMETIMES.iter().zip(&self.seen);
        let seen: Vec<String> = named()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let never: Vec<&str> = named()
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| *name)
            .collect();
        let _ = writeln!(told, "seen in {} runs: {}", self.runs, seen.join(", "));
        if !never.is_empty() {
            let _ = writeln!(told, "never seen: {}", never.join(", "));
        }
        told
    }
}

impl Line {
    pub(super) fn result(&self) -> &'static str {
        match self.exit {
            Exit::Held => "ok",
            _ => "FAILED",
        }
    }

    /// What failed, with what shows it and how to repeat it.
    pub(super) fn told(&self) -> String {
        let mut told = format!(
            "\n{}, {}, {}: {}\n",
            self.path, self.case, self.strategy, self.what
        );
        for evidence in &self.evidence {
            let _ = writeln!(told, "  {evidence}");
        }
        if let Some(repeat) = &self.repeat {
            let _ = writeln!(told, "  repeat with: {repeat}");
        }
        told
    }
}

/// The lines of a file.
pub(super) fn lines(
    subject: &Subject,
    set: &[(String, String)],
    coverage: &mut Coverage,
) -> Vec<Line> {
    let scenario = &subject.scenario;
    let mut lines = Vec::new();
    let mut place = 0;
    for variant in &scenario.variants {
        for case in &variant.settings.cases {
            for strategy in &variant.settings.strategies {
                let runs = subject.runs.get(place).map_or(&[][..], Vec::as_slice);
                place += 1;
                coverage.add(runs);
                let mut line = Line {
                    path: subject.path.clone(),
                    variant: variant.name.clone(),
                    case: case.name.clone(),
                    strategy: strategy.name.clone(),
                    seeds: runs.len(),
                    exit: Exit::Held,
                    what: String::new(),
                    undecided: Vec::new(),
                    evidence: Vec::new(),
                    repeat: None,
                };
                let names = Names {
                    path: &subject.path,
                    scenario,
                    set,
                };
                let worst = match &scenario.expect.replay {
                    Some(replay) => replayed::judge(replay, runs, &case.objectives, &mut line),
                    None => worst(runs, &case.objectives, &mut line),
                };
                line.repeat = worst.map(|run| names.repeat(&line, run));
                lines.push(line);
            }
        }
    }
    idle(subject, &mut lines);
    known::excuse(&scenario.expect.fails, &mut lines);
    never_seen(subject, &mut lines);
    lines
}

/// What repeats a run is named so.
struct Names<'a> {
    path: &'a str,
    scenario: &'a Scenario,
    set: &'a [(String, String)],
}

impl Names<'_> {
    fn repeat(&self, line: &Line, run: &Run) -> String {
        let mut out = format!("regionfall run {}", quoted(self.path));
        for (key, value) in self.set {
            let _ = write!(out, " --set {}", quoted(&format!("{key}={value}")));
        }
        if self.scenario.variants.len() > 1 {
            let _ = write!(out, " --variant {}", quoted(&line.variant));
        }
        let _ = write!(
            out,
            " --strategy {} --case {} --seed {} --expect {:016x}  # scenario {}",
            quoted(&line.strategy),
            quoted(&line.case),
            run.seed,
            run.trace,
            self.scenario.digest.get(..16).unwrap_or_default()
        );
        out
    }
}

/// The worst run, and what is said of it.
fn worst<'r>(runs: &'r [Run], objectives: &[Objective], line: &mut Line) -> Option<&'r Run> {
    let mut worst = None;
    for run in runs {
        if let Some((exit, what, evidence)) = broken(run) {
            // Of equally bad ones the first is shown.
            if line.exit.and(exit) != line.exit {
                (line.exit, line.what, line.evidence) = (exit, what, evidence);
                worst = Some(run);
            }
        }
    }
    for objective in objectives {
        let judged = judge(objective, runs, 1.0);
        if matches!(judged.answer, Answer::TooFewSeeds { .. }) {
            line.undecided.push(objective.column.clone());
        }
        if judged.answer != Answer::Missed || line.exit.and(Exit::Objective) == line.exit {
            continue;
        }
        let value = |run: &&Run| run.ranked(&objective.column).unwrap_or(0.0);
        let by_value = |one: &&Run, other: &&Run| value(one).total_cmp(&value(other));
        worst = match objective.sense {
            Sense::AtMost => runs.iter().max_by(by_value),
            Sense::AtLeast => runs.iter().min_by(by_value),
        };
        line.exit = Exit::Objective;
        line.what = format!("{} missed", objective.column);
        line.evidence = worst
            .map(|run| {
                format!(
                    "{} of {} seeds beyond {}; the worst is {}",
                    judged.beyond,
                    judged.seeds,
                    words::value(&objective.column, objective.limit),
                    words::value(&objective.column, value(&run))
                )
            })
            .into_iter()
            .collect();
    }
    worst
}

/// What is broken in a run, if anything is: the worst of it.
pub(super) fn broken(run: &Run) -> Option<(Exit, String, Vec<String>)> {
    let exit = |kind| match kind {
        VerdictKind::ModelLaw | VerdictKind::Promise => Exit::Safety,
        VerdictKind::Eventually | VerdictKind::Sometimes => Exit::Liveness,
    };
    let mut worst: Option<(Exit, String, Vec<String>)> = None;
    for broken in &run.broken {
        let is_worse = worst
            .as_ref()
            .is_none_or(|(known, ..)| known.and(exit(broken.kind)) != *known);
        if is_worse {
            worst = Some((
                exit(broken.kind),
                broken.check.clone(),
                broken.evidence.clone(),
            ));
        }
    }
    if worst.is_none() && !run.is_within_budget {
        let evidence = format!(
            "{} events were not enough: raise `event_budget`",
            run.events
        );
        worst = Some((Exit::Liveness, "event budget".to_owned(), vec![evidence]));
    }
    worst
}

/// A fault of the plan that touched nothing in any run proves nothing.
fn idle(subject: &Subject, lines: &mut [Line]) {
    let mut place = 0;
    for variant in &subject.scenario.variants {
        for case in &variant.settings.cases {
            let planned = if case.chaos.is_some() {
                0
            } else {
                case.faults.len()
            };
            for _ in &variant.settings.strategies {
                let runs = subject.runs.get(place).map_or(&[][..], Vec::as_slice);
                let line = &mut lines[place];
                place += 1;
                let idle =
                    (0..planned).find(|&fault| !runs.iter().any(|run| run.was_touched_by(fault)));
                if let (Some(fault), Exit::Held, false) = (idle, line.exit, runs.is_empty()) {
                    line.exit = Exit::NeverHappened;
                    let kind = words::fault(&case.faults[fault].kind, &variant.settings);
                    line.what = format!("fault {} ({kind}) touched nothing", fault + 1);
                    line.evidence = vec!["what was never in force proves nothing".to_owned()];
                }
            }
        }
    }
}

/// What the file expects to see sometimes, and nobody saw in any of its runs.
fn never_seen(subject: &Subject, lines: &mut Vec<Line>) {
    let runs = || subject.runs.iter().flatten();
    let is_seen = |name: &String| {
        let place = SOMETIMES.iter().position(|known| known == name);
        place.is_some_and(|place| runs().any(|run| run.seen.get(place) == Some(&true)))
    };
    let expected = &subject.scenario.expect.sometimes;
    let missing: Vec<&str> = expected
        .iter()
        .filter(|name| !is_seen(name))
        .map(String::as_str)
        .collect();
    if expected.is_empty() {
        return;
    }
    lines.push(Line {
        path: subject.path.clone(),
        variant: String::new(),
        case: "all".to_owned(),
        strategy: "all".to_owned(),
        seeds: subject.runs.first().map_or(0, Vec::len),
        exit: if missing.is_empty() {
            Exit::Held
        } else {
            Exit::NeverHappened
        },
        what: if missing.is_empty() {
            "what is expected sometimes was seen".to_owned()
        } else {
            format!("never seen: {}", missing.join(", "))
        },
        undecided: Vec::new(),
        evidence: Vec::new(),
        repeat: None,
    });
}
