//! The story of one run: what happened when, why each lost write was lost, why each slow client was slow, and from when on a loss
//! could not be avoided any more.
//!
//! A run is made twice: once to know what became of everything, once more with a listener that watches what is of interest.
//! Both are the same run, which the trace hash shows. Not here: how the story looks; the command writes it as text, JSON or a picture.

mod chain;
mod inevitable;
mod slow;
mod timeline;

use regionfall_kernel::Seed;

use crate::scenario::Scenario;
use crate::simulation::{Outcome, PickError, Simulation};

pub use crate::history::Names;
pub use chain::{LostChain, Step};
pub use inevitable::Inevitable;
pub use slow::{Part, SlowClient};
pub use timeline::{Arrow, Told, ToldKind};

use chain::Chains;
use timeline::Timeline;

/// Most chains of lost writes that are told one by one.
const CHAINS_MAX: usize = 12;

/// What is told of a run.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The run.
    pub outcome: Outcome,
    /// Names of regions, app servers and nodes, as sentences use them.
    pub names: Names,
    /// What happened, in order.
    pub timeline: Vec<Told>,
    /// Lost writes, oldest first: at most twelve.
    pub lost: Vec<LostChain>,
    /// Clients that were not served for a while, the slowest first.
    pub slow: Vec<SlowClient>,
    /// From when on a loss could not be avoided, if there was one.
    pub inevitable: Option<Inevitable>,
    /// Messages of interest, for a diagram of space and time.
    pub arrows: Vec<Arrow>,
}

/// Tells the story of a run of a variant, strategy and case. With `noises` above 0 it also looks for the moment from which a loss
/// was inevitable, with so many other continuations from each moment that it looks at.
///
/// # Errors
/// If a name is unknown.
pub fn explain(
    scenario: &Scenario,
    (variant, strategy, case): (&str, &str, &str),
    seed: Seed,
    noises: u32,
) -> Result<Explanation, PickError> {
    let simulation = || -> Result<Simulation<'_>, PickError> {
        Simulation::new(scenario, seed)
            .variant(variant)?
            .case(case)?
            .strategy(strategy)
    };
    let first = simulation()?.run()?;
    let found = scenario.variants.iter().find(|known| known.name == variant);
    let settings = &found.unwrap_or(&scenario.variants[0]).settings;
    let names = first.names();
    let lost: Vec<_> = first
        .account()
        .lost
        .iter()
        .take(CHAINS_MAX)
        .copied()
        .collect();
    let mut listener = (
        Timeline::new(names.clone()),
        Chains::new(names.clone(), &lost),
    );
    let outcome = simulation()?.run_with(&mut listener)?;
    debug_assert_eq!(outcome.trace_hash().finish(), first.trace_hash().finish());
    let (timeline, chains) = listener;
    let (timeline, arrows) = (timeline.finish(outcome.fault_effects()), chains.arrows());
    let lost = chains.finish(outcome.account(), settings);
    let strategy_config = settings
        .strategies
        .iter()
        .find(|known| known.name == strategy);
    let slow = slow::clients(&outcome, strategy_config, &names);
    let death = lost.first().and_then(LostChain::death);
    let inevitable = match death {
        Some(death) if noises > 0 => inevitable::find(&simulation, (&outcome, death), noises)?,
        _ => None,
    };
    Ok(Explanation {
        outcome,
        names,
        timeline,
        lost,
        slow,
        inevitable,
        arrows,
    })
}
