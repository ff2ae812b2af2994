//! Small scenarios for tests, as text with gaps to fill.

use regionfall::fault::FaultSpec;
use regionfall::history::Listener;
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

/// Three regions 40 to 60 ms apart each way, without jitter; phases, traffic and faults are in `rest`.
pub(crate) fn scenario(rest: &str) -> Scenario {
    let text = format!("{BASE}\n{rest}");
    match Scenario::from_toml(&text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}\nin\n{text}"),
    }
}

/// Runs a small scenario with another listener beside the usual ones; with its own faults, or with others.
pub(crate) fn listened_to<L: Listener + Send>(
    rest: &str,
    strategy: &str,
    faults: Option<Vec<FaultSpec>>,
    (seed, listener): (u64, &mut L),
) -> Outcome {
    let scenario = scenario(rest);
    let mut simulation = Simulation::new(&scenario, Seed::new(seed))
        .strategy(strategy)
        .expect("the strategy is in the scenario");
    if let Some(faults) = faults {
        simulation = simulation.faults(faults);
    }
    simulation.run_with(listener).expect("a strategy is named")
}

/// Runs a scenario of one strategy and one case, with another listener beside the usual ones.
pub(crate) fn run<L: Listener + Send>(text: &str, seed: u64, listener: &mut L) -> Outcome {
    let scenario = Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Simulation::new(&scenario, Seed::new(seed))
        .run_with(listener)
        .expect("one strategy, one case")
}

/// The same, where everything must hold.
pub(crate) fn run_held<L: Listener + Send>(text: &str, seed: u64, listener: &mut L) -> Outcome {
    let outcome = run(text, seed, listener);
    outcome.expect_all_held();
    outcome
}

/// A figure of a run that has it.
pub(crate) fn count(outcome: &Outcome, column: &str) -> f64 {
    let value = outcome.metrics().get(column).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{column} is a number"))
}

const BASE: &str = r#"
title = "small"
seeds = 1
[topology]
regions = ["a", "b", "c"]
[[topology.region]]
name = "a"
same_zone_rtt = "1ms"
[[topology.region]]
name = "b"
same_zone_rtt = "1ms"
[[topology.region]]
name = "c"
same_zone_rtt = "1ms"
[[topology.link]]
from = "a"
to = "b"
one_way = "40ms"
[[topology.link]]
from = "a"
to = "c"
one_way = "60ms"
[[topology.link]]
from = "b"
to = "c"
one_way = "50ms"
"#;

/// A storm over three regions of which two write, with a lag that makes them disagree: the beginning of what recounts
/// look at. Rates are those of the first and the second fleet.
pub(crate) fn two_writers(processing: &str, (first, second): (&str, &str)) -> String {
    format!(
        r#"
[phases]
warm_up = "5s"
storm = "30s"
calm = "20s"
quiescence = "2m"
[database]
shards = 1
[database.sync]
processing = "{processing}"
silence_limit = "5s"
[[workload.fleet]]
name = "a"
region = "a"
servers = 2
rate = "{first}"
home = ["a", "b", "c"]
[[workload.fleet]]
name = "b"
region = "b"
servers = 1
rate = "{second}"
home = ["b", "c"]
"#
    )
}
