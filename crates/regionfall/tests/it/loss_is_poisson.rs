//! With a constant lag, Poisson writes and nothing that survives, the number of lost writes has a known
//! distribution: Poisson with mean rate × (lag to the nearest survivor − time from execution to
//! acknowledgement). With jitter its mean is rate × the measured lag in order.

use std::collections::BTreeMap;

use regionfall::explore::statistics::poisson;
use regionfall::history::{Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::NodeId;
use regionfall_crdt::Dot;
use regionfall_kernel::{Seed, SimTime};

use crate::small::scenario;

const RUNS: u64 = 300;
const RATE: f64 = 200.0;
/// The end of the warm-up.
const WARM: SimTime = SimTime::from_nanos(5_000_000_000);

/// A region whose host dies silently, disks and bytes in flight lost, at a moment uniform over a second.
fn study(processing: &str) -> Scenario {
    scenario(&format!(
        r#"
[phases]
warm_up = "5s"
storm = "6s"
calm = "8s"
quiescence = "30s"
[database.sync]
processing = "{processing}"

[[workload.fleet]]
name = "a"
region = "a"
servers = 8
connections_per_server = 16
rate = "{RATE}/s"
home = ["a", "b"]
[[workload.keyspace]]
name = "keys"
share = "100%"
mix = {{ set = 1 }}
keys = 100000
[[strategy]]
preset = "pinned"
[[fault]]
kind = "region-outage"
region = "a"
at = "uniform(6s, 7s)"
lasts = "4s"
mode = "silent"
disks = "lost"
in_flight = "lost"
"#
    ))
}

fn lost_writes(scenario: &Scenario) -> Vec<u64> {
    let short = |seed| {
        Simulation::new(scenario, Seed::new(seed))
            .run()
            .expect("a strategy is named")
    };
    (1..=RUNS)
        .map(|seed| {
            let outcome = short(seed);
            assert_eq!(
                outcome.metrics().get("writes_undetermined"),
                Some(&Value::Count(0))
            );
            match outcome.metrics().get("writes_lost") {
                Some(Value::Count(count)) => *count,
                other => panic!("lost writes are counted: {other:?}"),
            }
        })
        .collect()
}

#[test]
fn with_constant_lag_losses_are_poisson() {
    // A write executed in the last 40 ms before the outage has not reached b. Of these, those executed in
    // the last 0.5 ms are not acknowledged either: their reply was still on its way.
    let mean = RATE * (0.040 - 0.0005);
    let counts = lost_writes(&study("0ms"));
    let test = poisson::test(&counts, mean).expect("there are counts");
    let average = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    assert!(
        test.p_mean > 0.01,
        "mean {average} against {mean}: p = {}",
        test.p_mean
    );
    assert!(
        test.p_dispersion > 0.01,
        "not Poisson: p = {}",
        test.p_dispersion
    );
}

#[test]
fn with_jitter_the_mean_loss_is_the_rate_times_the_lag_in_order() {
    // Syncers work 5 to 50 ms on each effect, in order: the lag of a stream is longer than that of a
    // single effect, since each waits for those before it.
    let scenario = study("uniform(5ms, 50ms)");
    let counts = lost_writes(&scenario);
    let lags: Vec<f64> = (1..=20)
        .map(|seed| {
            let mut lag = InOrderLag::default();
            let run = Simulation::new(&scenario, Seed::new(1_000 + seed)).control();
            run.run_with(&mut lag).expect("a strategy is named");
            lag.mean_seconds()
        })
        .collect();
    let lag = lags.iter().sum::<f64>() / lags.len() as f64;
    let mean = RATE * (lag - 0.0005);
    let average = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let deviation = (mean / counts.len() as f64).sqrt();
    assert!(
        (average - mean).abs() < 3.3 * deviation,
        "mean {average} against {mean} ± {deviation}"
    );
}

/// Measures the lag of member 0's streams: from the execution of each of its writes to the first moment at
/// which another member has it. Streams keep their order, so a write waits for those before it.
#[derive(Default)]
struct InOrderLag {
    executed: BTreeMap<Dot, SimTime>,
    sum: f64,
    count: u64,
}

impl InOrderLag {
    fn mean_seconds(&self) -> f64 {
        self.sum / self.count as f64
    }
}

impl Listener for InOrderLag {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                node: NodeId(0),
                effect: Some(effect),
                ..
            } => {
                self.executed.insert(effect.dot, at);
            }
            Fact::EffectsApplied {
                node: member,
                origin,
                first,
                last,
            } if member != NodeId(0) => {
                for sequence in first..=last {
                    let executed = self.executed.remove(&Dot::new(origin, sequence));
                    // While the streams are being opened the lag is longer.
                    if let Some(then) = executed.filter(|&then| then >= WARM) {
                        self.sum += (at - then).as_secs_f64();
                        self.count += 1;
                    }
                }
            }
            _ => {}
        }
    }
}
