//! When a comparison is over: all seeds are there, its figures are sharp enough, or it was stopped.

use std::collections::BTreeMap;

use super::results::{Cell, Completeness};
use super::run::Group;
use super::statistics::sequential::Look;
use super::until::Until;

/// Seed number, then the number of the line (variant and strategy).
pub(super) type Key = (usize, usize);

/// A variant and a strategy with the cases that they are compared under.
pub(super) struct Line {
    pub(super) variant: usize,
    pub(super) strategy: usize,
    pub(super) cases: Vec<usize>,
}

/// How many leading seeds have every group.
pub(super) fn whole_seeds(groups: &BTreeMap<Key, Group>, lines: usize) -> usize {
    let in_order = groups.keys().enumerate();
    in_order
        .take_while(|(position, key)| **key == (position / lines, position % lines))
        .count()
        / lines
}

/// The looks of a comparison that stops when it is sharp enough.
pub(super) struct Ending {
    until: Option<Until>,
    /// How many seeds there are at most.
    of: usize,
    /// The looks still to come.
    looks: Vec<Look>,
    reached: Option<Look>,
}

impl Ending {
    pub(super) fn new(until: Option<Until>, of: usize) -> Self {
        let mut looks: Vec<_> = until
            .iter()
            .flat_map(|_| Until::schedule().looks(of as u32))
            .collect();
        looks.reverse();
        Self {
            until,
            of,
            looks,
            reached: None,
        }
    }

    /// Looks, if a look is due.
    pub(super) fn is_reached(
        &mut self,
        cells: &[Cell],
        lines: &[Line],
        groups: &BTreeMap<Key, Group>,
    ) -> bool {
        let Some(until) = &self.until else {
            return false;
        };
        while let Some(look) = self.looks.last().copied() {
            if self.reached.is_some() || whole_seeds(groups, lines.len()) < look.seeds as usize {
                break;
            }
            self.looks.pop();
            let is_sharp = cells.iter().all(|cell| {
                let values = column(lines, groups, cell, look.seeds as usize, &until.column);
                until.is_sharp(&values, look)
            });
            // The last look is the end in any case, and its intervals are those that hold.
            if is_sharp || look.seeds as usize == self.of {
                self.reached = Some(look);
            }
        }
        self.reached.is_some()
    }

    pub(super) fn completeness(self, whole: usize) -> Completeness {
        match self.reached {
            Some(look) => Completeness::Sharp(look),
            None if whole == self.of => Completeness::Whole,
            None => Completeness::Partial {
                seeds: whole,
                of: self.of,
            },
        }
    }
}

/// The values of a column over the first seeds.
pub(super) fn column(
    lines: &[Line],
    groups: &BTreeMap<Key, Group>,
    cell: &Cell,
    seeds: usize,
    column: &str,
) -> Vec<f64> {
    let wanted = lines
        .iter()
        .position(|line| (line.variant, line.strategy) == (cell.variant, cell.strategy));
    let Some(line) = wanted else {
        return Vec::new();
    };
    let case = lines[line].cases.iter().position(|&case| case == cell.case);
    let of_line = groups
        .iter()
        .take_while(|((seed, _), _)| *seed < seeds)
        .filter(|((_, other), _)| *other == line);
    of_line
        .filter_map(|(_, group)| group.runs.get(case?)?.ranked(column))
        .collect()
}
