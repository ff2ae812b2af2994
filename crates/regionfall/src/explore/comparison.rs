//! Making the runs of a comparison, on several threads, in an order that nothing but the scenario
//! decides.
//!
//! Groups are begun seed by seed, so that the first figures for every strategy and case come early;
//! they end in any order and are put in their places. What is kept are whole seeds: strategies are
//! compared pair by pair, and a seed that some strategy lacks compares nothing.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use regionfall_kernel::Seed;

use super::ending::{self, Ending, Key, Line, whole_seeds};
use super::results::{Cell, Completeness, Results};
use super::run::{Control, Group, Run};
use super::until::Until;
use crate::failover::StrategyConfig;
use crate::fault::FaultSpec;
use crate::scenario::{Case, Scenario, Variant};
use crate::simulation::{Blueprint, Label, Outcome, Plan, run};

/// A comparison that is to be made: which cells, which seeds, how many threads.
///
/// Unless told otherwise it has every variant, strategy and case of the scenario, its number of seeds
/// from 1, and one thread.
pub struct Comparison<'a> {
    scenario: &'a Scenario,
    cells: Vec<Cell>,
    seeds: Vec<Seed>,
    jobs: NonZeroUsize,
    until: Option<Until>,
    has_controls: bool,
    finished: Vec<Group>,
}

/// The selection leaves nothing to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no variant has such a strategy and such a case")]
pub struct NotFound;

/// How far a comparison is.
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    /// Runs that are done, controls included.
    pub done: usize,
    /// Runs that there are to make.
    pub of: usize,
    scenario: &'a Scenario,
    cells: &'a [Cell],
    lines: &'a [Line],
    /// The groups that are done, in order of seed.
    groups: &'a BTreeMap<Key, Group>,
}

impl<'a> Comparison<'a> {
    /// The comparison of everything that a scenario holds.
    pub fn new(scenario: &'a Scenario) -> Self {
        let mut cells = Vec::new();
        for (variant, of) in scenario.variants.iter().enumerate() {
            for case in 0..of.settings.cases.len() {
                let strategies = 0..of.settings.strategies.len();
                cells.extend(strategies.map(|strategy| Cell {
                    variant,
                    strategy,
                    case,
                }));
            }
        }
        Self {
            scenario,
            cells,
            seeds: crate::simulation::seeds(scenario.seeds).collect(),
            jobs: NonZeroUsize::MIN,
            until: None,
            has_controls: true,
            finished: Vec::new(),
        }
    }

    /// Leaves out the cells that a condition refuses.
    ///
    /// # Errors
    /// If none is left.
    pub fn only(
        mut self,
        wanted: impl Fn(&Variant, &StrategyConfig, &Case) -> bool,
    ) -> Result<Self, NotFound> {
        let scenario = self.scenario;
        self.cells.retain(|cell| {
            let variant = &scenario.variants[cell.variant];
            let settings = &variant.settings;
            wanted(
                variant,
                &settings.strategies[cell.strategy],
                &settings.cases[cell.case],
            )
        });
        if self.cells.is_empty() {
            Err(NotFound)
        } else {
            Ok(self)
        }
    }

    /// The seeds to run, in this order.
    #[must_use]
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// How many groups are run at a time. The results are the same.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Stops as soon as a figure is sharp enough.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = Some(until);
        self
    }

    /// Leaves the control runs out, and with them the columns of excess.
    #[must_use]
    pub fn without_controls(mut self) -> Self {
        self.has_controls = false;
        self
    }

    /// Takes groups that an earlier comparison of the same scenario, cells and version has finished,
    /// and does not run them again.
    #[must_use]
    pub fn go_on_from(mut self, finished: Vec<Group>) -> Self {
        self.finished = finished;
        self
    }

    /// How many runs there are to make, controls included.
    pub fn runs(&self) -> usize {
        let controls = if self.has_controls {
            self.lines().len()
        } else {
            0
        };
        (self.cells.len() + controls) * self.seeds.len()
    }

    /// Makes the runs.
    pub fn run(self) -> Results<'a> {
        self.run_with(&AtomicBool::new(false), &mut |_| ())
    }

    /// Makes the runs until `stop` is set, and tells of every group that is done.
    ///
    /// Groups under way are finished first. What is returned are the leading seeds of which every run
    /// is there.
    pub fn run_with(
        mut self,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&Progress<'_>),
    ) -> Results<'a> {
        let lines = self.lines();
        let of = self.runs();
        let mut groups = self.known(&lines);
        let todo: Vec<Key> = (0..self.seeds.len())
            .flat_map(|seed| (0..lines.len()).map(move |line| (seed, line)))
            .filter(|key| !groups.contains_key(key))
            .collect();
        let blueprints: Vec<Option<Blueprint>> = (0..self.scenario.variants.len())
            .map(|variant| {
                let is_used = lines.iter().any(|line| line.variant == variant);
                is_used.then(|| Blueprint::new(self.scenario.variants[variant].settings.clone()))
            })
            .collect();
        let mut ending = Ending::new(self.until.take(), self.seeds.len());
        let mut done: usize = groups.values().map(Group::size).sum();
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.jobs.get().min(todo.len()) {
                let sender = sender.clone();
                let (todo, lines, blueprints) = (&todo, &lines, &blueprints);
                let (next, is_over, seeds) = (&next, &is_over, &self.seeds);
                let (scenario, has_controls) = (self.scenario, self.has_controls);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) && !is_over.load(Ordering::Relaxed) {
                        let Some(&key) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else {
                            break;
                        };
                        let line = &lines[key.1];
                        let Some(blueprint) = &blueprints[line.variant] else {
                            break;
                        };
                        let group = group(scenario, blueprint, line, seeds[key.0], has_controls);
                        if sender.send((key, group)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            if ending.is_reached(&self.cells, &lines, &groups) {
                is_over.store(true, Ordering::Relaxed);
            }
            // Ends when the last worker is gone.
            for (key, group) in receiver {
                done += group.size();
                groups.insert(key, group);
                let (groups, lines) = (&groups, &lines[..]);
                watch(&Progress {
                    done,
                    of,
                    scenario: self.scenario,
                    cells: &self.cells,
                    lines,
                    groups,
                });
                if ending.is_reached(&self.cells, lines, groups) {
                    is_over.store(true, Ordering::Relaxed);
                }
            }
        });
        let completeness = ending.completeness(whole_seeds(&groups, lines.len()));
        self.collect(&lines, groups, completeness)
    }

    /// The variants and strategies of the cells, with their cases, in the order of the scenario.
    fn lines(&self) -> Vec<Line> {
        let mut lines: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for cell in &self.cells {
            lines
                .entry((cell.variant, cell.strategy))
                .or_default()
                .push(cell.case);
        }
        let lines = lines.into_iter().map(|((variant, strategy), cases)| Line {
            variant,
            strategy,
            cases,
        });
        lines.collect()
    }

    /// The groups that are there already, of the seeds and lines that are asked for.
    fn known(&mut self, lines: &[Line]) -> BTreeMap<Key, Group> {
        let finished = std::mem::take(&mut self.finished);
        let placed = finished.into_iter().filter_map(|group| {
            let seed = self.seeds.iter().position(|seed| *seed == group.seed)?;
            let line = lines.iter().position(|line| {
                (line.variant, line.strategy) == (group.variant, group.strategy)
                    && line.cases.len() == group.runs.len()
            })?;
            Some(((seed, line), group))
        });
        placed.collect()
    }

    /// Puts the runs of the leading whole seeds in the order of the cells.
    fn collect(
        &self,
        lines: &[Line],
        mut groups: BTreeMap<Key, Group>,
        completeness: Completeness,
    ) -> Results<'a> {
        let whole = match completeness {
            Completeness::Sharp(look) => look.seeds as usize,
            Completeness::Whole => self.seeds.len(),
            Completeness::Partial { seeds, .. } => seeds,
        };
        // Groups of seeds beyond those, for whoever goes on.
        let beyond: Vec<Group> = groups.split_off(&(whole, 0)).into_values().collect();
        let mut runs: BTreeMap<(usize, usize, usize), Vec<Run>> = BTreeMap::new();
        let mut controls = Vec::new();
        for ((_, line), group) in groups {
            let line = &lines[line];
            for (&case, run) in line.cases.iter().zip(group.runs) {
                runs.entry((line.variant, line.strategy, case))
                    .or_default()
                    .push(run);
            }
            controls.push((line.variant, line.strategy, group.seed, group.control));
        }
        controls.sort_by_key(|(variant, strategy, ..)| (*variant, *strategy));
        let of_cell = |cell: &Cell| {
            runs.remove(&(cell.variant, cell.strategy, cell.case))
                .unwrap_or_default()
        };
        let cells = self.cells.clone();
        let runs = cells.iter().map(of_cell).collect();
        Results::new(
            self.scenario,
            cells,
            self.seeds[..whole].to_vec(),
            runs,
            controls,
            (completeness, beyond),
        )
    }
}

impl Progress<'_> {
    /// The cells with the names of their strategies, by variant, case and strategy.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &str)> {
        self.cells.iter().map(|cell| {
            let settings = &self.scenario.variants[cell.variant].settings;
            (cell, settings.strategies[cell.strategy].name.as_str())
        })
    }

    /// The values of a column of a cell so far, in order of seed; infinite where it did not end before
    /// the horizon.
    pub fn column(&self, cell: &Cell, column: &str) -> Vec<f64> {
        ending::column(self.lines, self.groups, cell, usize::MAX, column)
    }
}

/// The control of a line and seed, and its runs.
fn group(
    scenario: &Scenario,
    blueprint: &Blueprint,
    line: &Line,
    seed: Seed,
    has_controls: bool,
) -> Group {
    let variant = &scenario.variants[line.variant];
    let strategy = &variant.settings.strategies[line.strategy];
    let make = |case: &str, faults: &[FaultSpec]| {
        run(&Plan {
            blueprint,
            strategy,
            own_decider: None,
            faults,
            promises: &scenario.expect.promises,
            own_checks: &[],
            sabotage: crate::simulation::Sabotage::default(),
            label: Label {
                variant: variant.name.clone(),
                strategy: strategy.name.clone(),
                case: case.to_owned(),
                seed,
                digest: scenario.digest.clone(),
            },
            window: 0..0,
        })
    };
    let control = has_controls.then(|| make("control", &[]));
    let kept = control.as_ref().map(Control::of);
    let control = control.map(Outcome::into_metrics);
    let runs = line.cases.iter().map(|&case| {
        let case = &variant.settings.cases[case];
        let faults = case.plan(&variant.settings, seed);
        Run::of(make(&case.name, &faults), control.as_ref())
    });
    Group {
        variant: line.variant,
        strategy: line.strategy,
        seed,
        runs: runs.collect(),
        control: kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = r#"
        title = "Order"
        seeds = 4
        [phases]
        warm_up = "2s"
        storm = "8s"
        calm = "5s"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [[strategy]]
        preset = "pinned"
        [[strategy]]
        preset = "jedis-multidb"
        [[case]]
        name = "crash"
        fault = [{ kind = "host-crash", region = "us-east-1", at = "3s", lasts = "2s" }]
        [[case]]
        name = "cut"
        fault = [{ kind = "hang", region = "us-east-1", at = "3s", lasts = "2s" }]
    "#;

    fn jobs(jobs: usize) -> NonZeroUsize {
        NonZeroUsize::new(jobs).unwrap()
    }

    #[test]
    fn runs_are_in_the_order_of_the_scenario_whatever_the_threads() {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let of = |count: usize| Comparison::new(&scenario).jobs(jobs(count)).run();
        let (one, three) = (of(1), of(3));
        let names: Vec<(&str, &str)> = one
            .cells()
            .map(|cell| (cell.case.name.as_str(), cell.strategy.name.as_str()))
            .collect();
        let expected = [
            ("crash", "pinned"),
            ("crash", "jedis-multidb"),
            ("cut", "pinned"),
            ("cut", "jedis-multidb"),
        ];
        assert_eq!(names, expected);
        for (one, three) in one.cells().zip(three.cells()) {
            let seeds: Vec<u64> = one.runs.iter().map(|run| run.seed.get()).collect();
            assert_eq!(seeds, [1, 2, 3, 4]);
            assert_eq!(one.runs, three.runs);
        }
        assert_eq!(one.completeness(), Completeness::Whole);
        assert_eq!(one.into_groups(), three.into_groups());
    }

    #[test]
    fn a_stop_keeps_whole_seeds_and_the_rest_goes_on_from_there() {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let whole = Comparison::new(&scenario).run();
        let stop = AtomicBool::new(false);
        // Three groups are a seed and a half.
        let mut groups = 0;
        let part = Comparison::new(&scenario).run_with(&stop, &mut |so_far| {
            groups += 1;
            assert_eq!(so_far.of, 24);
            if groups == 3 {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let Completeness::Partial { seeds, of } = part.completeness() else {
            panic!("it was stopped: {:?}", part.completeness());
        };
        assert!((1..4).contains(&seeds), "{seeds}");
        assert_eq!(of, 4);
        let finished = part.into_groups();
        assert!(finished.len() >= 3, "no finished run is lost");
        let mut made = 0;
        let rest = Comparison::new(&scenario)
            .go_on_from(finished)
            .run_with(&AtomicBool::new(false), &mut |_| made += 1);
        assert!(made <= 5, "{made}");
        assert_eq!(rest.into_groups(), whole.into_groups());
    }

    #[test]
    fn what_nobody_wants_is_refused() {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let none = Comparison::new(&scenario).only(|_, _, case| case.name == "none");
        assert!(none.is_err());
        let one = Comparison::new(&scenario).only(|_, strategy, _| strategy.name == "pinned");
        assert_eq!(one.unwrap().runs(), 3 * 4);
    }
}
