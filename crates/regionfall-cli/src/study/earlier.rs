//! Runs that an interrupted command finished: where they are, whose they are, and whether they can still
//! be gone on from. How they are written is [`kept`]'s.

use std::path::{Path, PathBuf};

use regionfall::explore::Group;
use regionfall::scenario::Scenario;

use super::sweep::{self, Extent};
use super::{folder, kept, manifest};
use crate::arguments::SweepArguments;
use crate::context::Context;
use crate::error::CommandError;
use crate::selection::Selection;

/// A scenario of which a command makes runs: a comparison has one, a curve one for each point.
pub(crate) struct Part<'a> {
    /// The scenario.
    pub(crate) scenario: &'a Scenario,
    /// What of it is asked for.
    pub(crate) arguments: &'a SweepArguments,
    /// Whether each seed also has its run without faults.
    pub(crate) has_controls: bool,
}

impl Part<'_> {
    /// What must be the same for finished runs to be those of this part.
    pub(crate) fn belongs_to(&self) -> String {
        format!(
            "build {:?}, scenario {}, variants {:?}, strategies {:?}, cases {:?}, controls {}",
            manifest::build_parts(),
            self.scenario.digest,
            self.arguments.selection.variants,
            self.arguments.selection.strategies,
            self.arguments.selection.cases,
            self.has_controls
        )
    }

    /// Makes a group again that was finished before, and says whether it comes out the same.
    fn makes_again(&self, group: &Group) -> Result<bool, CommandError> {
        let Some(variant) = self.scenario.variants.get(group.variant) else {
            return Ok(false);
        };
        let Some(strategy) = variant.settings.strategies.get(group.strategy) else {
            return Ok(false);
        };
        let only = SweepArguments {
            selection: Selection {
                variants: vec![variant.name.clone()],
                strategies: vec![strategy.name.clone()],
                ..self.arguments.selection.clone()
            },
            ..self.arguments.clone()
        };
        let extent = Extent {
            seeds: 1,
            shard: None,
            until: None,
        };
        let mut comparison = sweep::comparison(self.scenario, &only, extent)?.seeds([group.seed]);
        if !self.has_controls {
            comparison = comparison.without_controls();
        }
        Ok(comparison.run().into_groups().first() == Some(group))
    }
}

/// Where an interrupted command keeps what it had finished.
pub(crate) fn place(target: &Path) -> PathBuf {
    folder::beside(target, ".partial")
}

/// The finished runs of every part, in the order of the parts. One group is made again to see that it is
/// still the same: builds may differ in more than their versions.
pub(crate) fn finished_before(
    target: &Path,
    parts: &[Part<'_>],
    context: &Context,
) -> Result<Vec<Vec<Group>>, CommandError> {
    let none = || parts.iter().map(|_| Vec::new()).collect();
    let path = place(target).join(kept::FILE_NAME);
    let Ok(bytes) = std::fs::read(&path) else {
        return Ok(none());
    };
    let anew = |why: &str| {
        context.note(&format!(
            "{} is of another {why}: beginning anew",
            path.display()
        ));
        Ok(none())
    };
    let known: Vec<Option<Vec<Group>>> = parts
        .iter()
        .map(|part| kept::from_lines(&part.belongs_to(), &bytes))
        .collect();
    if known.iter().all(Option::is_none) {
        return anew("scenario, selection or version");
    }
    let known: Vec<Vec<Group>> = known.into_iter().map(Option::unwrap_or_default).collect();
    let mut samples = parts.iter().zip(&known);
    let sample = samples.find_map(|(part, groups)| Some((part, groups.first()?)));
    if let Some((part, sample)) = sample {
        if !part.makes_again(sample)? {
            return anew("build of the program");
        }
        context.note(&format!(
            "going on from the {} groups of {}",
            known.iter().map(Vec::len).sum::<usize>(),
            path.display()
        ));
    }
    Ok(known)
}
