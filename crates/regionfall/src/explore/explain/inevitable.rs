//! The moment from which a loss was inevitable: the rest of the run is made again and again from a checkpoint, under other noise.
//!
//! A checkpoint is a copy of the world with all who listen. From there the same faults come at the same moments, while every
//! delay that is still to be drawn is drawn anew. If every continuation loses the write too, it was lost from then on, whatever
//! luck would have had in store. The moment is found by halving, so it holds to the step that is told.

use regionfall_kernel::{Seed, SimDuration, SimTime};

use crate::history::LostWrite;
use crate::simulation::{Outcome, PickError, Simulation};

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inevitable {
    /// The write that is looked at: the first that was lost.
    pub write: LostWrite,
    /// From here on every continuation lost it.
    pub from: SimTime,
    /// Here some continuation still kept it; the storm's beginning if none ever did.
    pub not_before: SimTime,
    /// How many continuations kept it at `not_before`.
    pub kept: u32,
    /// How many continuations were made at each moment.
    pub noises: u32,
}

/// The search is over at this distance.
const STEP: SimDuration = SimDuration::from_millis(1);
/// Most halvings: each is as many runs as there are continuations.
const HALVINGS: u32 = 10;

/// Finds the moment for the first lost write, whose last copy ended at `death`.
pub(super) fn find<'s>(
    simulation: &impl Fn() -> Result<Simulation<'s>, PickError>,
    (outcome, death): (&Outcome, SimTime),
    noises: u32,
) -> Result<Option<Inevitable>, PickError> {
    let Some(write) = outcome.account().lost.first().copied() else {
        return Ok(None);
    };
    // How many of the continuations from a moment keep the write.
    let kept_from = |at: SimTime| -> Result<u32, PickError> {
        let seeds = (1..=u64::from(noises)).map(Seed::new);
        let continuations = simulation()?.continuations(at, &seeds.collect::<Vec<_>>())?;
        let is_kept = |outcome: &&Outcome| {
            let lost = &outcome.account().lost;
            lost.iter().all(|other| other.operation != write.operation)
        };
        Ok(continuations.iter().filter(is_kept).count() as u32)
    };
    // Before it was acknowledged the write itself is not the same in every continuation.
    let (mut early, mut late) = (write.acked, death.max(write.acked));
    let mut kept = kept_from(early)?;
    if kept == 0 {
        return Ok(Some(Inevitable {
            write,
            from: early,
            not_before: early,
            kept,
            noises,
        }));
    }
    for _ in 0..HALVINGS {
        if late.saturating_since(early) <= STEP {
            break;
        }
        let middle = early + late.saturating_since(early) / 2;
        let still = kept_from(middle)?;
        if still == 0 {
            late = middle;
        } else {
            (early, kept) = (middle, still);
        }
    }
    Ok(Some(Inevitable {
        write,
        from: late,
        not_before: early,
        kept,
        noises,
    }))
}
