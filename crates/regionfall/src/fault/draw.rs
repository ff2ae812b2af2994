//! From a fault as the scenario states it to a fault of one run: its moments are drawn.

use regionfall_kernel::{Addressed, Seed, SimTime, unit_from_bits};

use super::{FaultSpec, PlannedFault};
use crate::topology::FaultId;

/// The plan of one run. With the calm, every fault that does not last for ever ends. The moments of the `n`-th fault depend on the seed and on `n` alone, so that
/// strategies and variants meet the same faults.
pub fn draw_plan(specs: &[FaultSpec], seed: Seed, calm_begins: SimTime) -> Vec<PlannedFault> {
    let draws = seed.addressed("faults");
    let plan = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| draw(index, spec, draws));
    plan.map(|fault| match fault.ends {
        SimTime::NEVER => fault,
        ends => PlannedFault {
            ends: ends.min(calm_begins),
            ..fault
        },
    })
    .collect()
}

fn draw(index: usize, spec: &FaultSpec, draws: Addressed) -> PlannedFault {
    let bits = |what: u32| unit_from_bits(draws.bits([index as u32, what, 0, 0].into()));
    let begins = SimTime::ZERO + spec.at.quantile(bits(0));
    let ends = match &spec.lasts {
        Some(lasts) => begins + lasts.quantile(bits(1)),
        None => SimTime::NEVER,
    };
    PlannedFault {
        id: FaultId::from_index(index),
        kind: spec.kind.clone(),
        begins,
        ends,
        flapping: spec.flapping,
    }
}
