//! Faults that touched nothing: said once for each fault, since what a fault finds to break seldom depends on the
//! strategy.

use regionfall::explore::{CellRuns, Run};

use super::words;

/// Faults, each with the strategies under which it was looked for.
#[derive(Default)]
pub(super) struct Idle {
    faults: Vec<IdleFault>,
}

/// A fault of a case, which may have touched nothing.
struct IdleFault {
    /// Variant and case.
    block: String,
    /// Its position in the case.
    index: usize,
    /// What it is.
    what: String,
    /// By strategy: in how many seeds it touched nothing, of how many.
    strategies: Vec<(String, usize, usize)>,
}

impl Idle {
    /// Takes note of the faults of a cell.
    pub(super) fn of_cell(&mut self, cell: &CellRuns<'_>, block: &str) {
        for (index, fault) in cell.case.faults.iter().enumerate() {
            let is_idle = |run: &&Run| !run.was_touched_by(index);
            let idle = cell.runs.iter().filter(is_idle).count();
            let what = words::fault(&fault.kind, &cell.variant.settings);
            let strategy = (cell.strategy.name.clone(), idle, cell.runs.len());
            self.note(block, index, what, strategy);
        }
    }

    fn note(&mut self, block: &str, index: usize, what: String, strategy: (String, usize, usize)) {
        let is_it = |known: &&mut IdleFault| known.block == block && known.index == index;
        match self.faults.iter_mut().find(is_it) {
            Some(known) => known.strategies.push(strategy),
            None => self.faults.push(IdleFault {
                block: block.to_owned(),
                index,
                what,
                strategies: vec![strategy],
            }),
        }
    }

    /// One sentence, without its full stop, for each fault that touched nothing in some seeds.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.faults.iter().filter_map(IdleFault::sentence).collect()
    }
}

impl IdleFault {
    fn sentence(&self) -> Option<String> {
        // Strategies with the same counts, in the order of the scenario.
        let mut alike: Vec<((usize, usize), Vec<&str>)> = Vec::new();
        for (name, idle, of) in &self.strategies {
            match alike.iter_mut().find(|(counts, _)| *counts == (*idle, *of)) {
                Some((_, names)) => names.push(name),
                None => alike.push(((*idle, *of), vec![name])),
            }
        }
        let is_one = alike.len() == 1 && self.strategies.len() > 1;
        let parts = alike.iter().filter(|((idle, _), _)| *idle > 0);
        let parts: Vec<String> = parts
            .map(|((idle, of), names)| {
                let under = if is_one {
                    "every strategy".to_owned()
                } else {
                    names.join(", ")
                };
                format!("in {idle} of {of} seeds under {under}")
            })
            .collect();
        (!parts.is_empty()).then(|| {
            format!(
                "{}: fault {} ({}) touched nothing {}; such seeds prove nothing",
                self.block,
                self.index + 1,
                self.what,
                parts.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(counts: &[(&str, usize)]) -> Vec<String> {
        let mut idle = Idle::default();
        for (strategy, seeds) in counts {
            idle.note(
                "quiet",
                4,
                "a clock".to_owned(),
                ((*strategy).to_owned(), *seeds, 3),
            );
        }
        idle.sentences()
    }

    #[test]
    fn a_fault_in_vain_is_said_once_for_all_strategies() {
        assert_eq!(
            sentences(&[("a", 3), ("b", 3), ("c", 3)]),
            [
                "quiet: fault 5 (a clock) touched nothing in 3 of 3 seeds under every strategy; such seeds prove nothing"
            ]
        );
        assert_eq!(
            sentences(&[("a", 3), ("b", 1), ("c", 3), ("d", 0)]),
            [
                "quiet: fault 5 (a clock) touched nothing in 3 of 3 seeds under a, c, in 1 of 3 seeds under b; such seeds prove nothing"
            ]
        );
        assert!(sentences(&[("a", 3)])[0].contains("under a;"));
        assert!(sentences(&[("a", 0), ("b", 0)]).is_empty());
    }
}
