//! Detection times of presets against the formulas of their loops: least, mean and most, for a member that
//! falls silent and for one that refuses.
//!
//! Phases are uniform, so that the app servers of one fleet sample a loop. No traffic: what is measured is
//! the active check.

use regionfall::failover::{
    Channels, Detector, Evidence, Pace, ProbeConfig, RoundPolicy, Rounds, StrategyConfig,
};
use regionfall::history::{Fact, Listener};
use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_kernel::{Seed, SimTime};

use crate::small::scenario;

const SERVERS: u32 = 60;
const FAULT_MS: f64 = 300_000.0;
/// The round trip from the clients in b to the member in a, and what a handshake adds at most.
const ROUND_TRIP: f64 = 80.0;

/// When each judge first held member 0 for down.
#[derive(Default)]
struct Verdicts(Vec<(u32, f64)>);

impl Listener for Verdicts {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::Verdict {
            decider,
            member: MemberId(0),
            healthy: false,
            ..
        } = fact
            && self.0.iter().all(|(known, _)| *known != decider.0)
        {
            let since = at.as_nanos() as f64 / 1e6 - FAULT_MS;
            self.0.push((decider.0, since));
        }
    }
}

fn detect(preset: &str, fault: &str) -> (StrategyConfig, Vec<f64>) {
    let text = format!(
        r#"
[phases]
warm_up = "4m"
storm = "4m"
calm = "10s"
[database]
shards = 2
[[workload.fleet]]
region = "b"
servers = {SERVERS}
connections_per_server = 1
clients = {SERVERS}
think = "2h"
home = ["a", "b"]
[[strategy]]
preset = "{preset}"
[[case]]
name = "silent"
fault = [{{ kind = "host-crash", region = "a", at = "5m", lasts = "forever" }}]
[[case]]
name = "refusing"
fault = [{{ kind = "process-crash", region = "a", at = "5m", lasts = "forever" }}]
"#
    );
    let scenario = scenario(&text);
    let strategy = scenario.variants[0].settings.strategies[0].clone();
    let mut verdicts = Verdicts::default();
    Simulation::new(&scenario, Seed::new(3))
        .case(fault)
        .expect("the case is in the scenario")
        .run_with(&mut verdicts)
        .expect("there is one strategy");
    assert_eq!(verdicts.0.len() as u32, SERVERS, "{preset}, {fault}");
    let times = verdicts.0.into_iter().map(|(_, time)| time).collect();
    (strategy, times)
}

/// Least, mean and most, in milliseconds; no mean where the formula has none.
type Times = (f64, Option<f64>, f64);

fn ms(span: regionfall_kernel::SimDuration) -> f64 {
    span.as_nanos() as f64 / 1e6
}

/// The formulas of `docs/strategies.md`.
fn predicted(strategy: &StrategyConfig, is_silent: bool) -> Times {
    match &strategy.evidence[0] {
        Evidence::Probe(probe, detector) => {
            by_probes(probe, detector, strategy.conduct.rounds, is_silent)
        }
        Evidence::Heartbeat(beats) => {
            assert_ne!(beats.channels, Channels::PerRange(0));
            let (every, silence) = (ms(beats.every), ms(beats.silence));
            if is_silent {
                (silence - every, Some(silence - every / 2.0), silence)
            } else {
                (0.0, Some(ROUND_TRIP / 2.0), ROUND_TRIP)
            }
        }
        other => panic!("{other:?}"),
    }
}

fn by_probes(probe: &ProbeConfig, detector: &Detector, rounds: Rounds, is_silent: bool) -> Times {
    let (every, timeout, gap) = (ms(probe.every), ms(probe.timeout), ms(probe.gap));
    let count = f64::from(probe.probes);
    let costs = if is_silent { timeout } else { 0.0 };
    match (detector, probe.pace, rounds) {
        (Detector::Consecutive { down, .. }, Pace::FixedRate, _) => {
            let down = f64::from(*down);
            let mean = (down - 0.5) * every + costs;
            (
                (down - 1.0) * every + costs,
                Some(mean),
                down * every + costs,
            )
        }
        (Detector::Consecutive { down, .. }, Pace::FixedDelay, _) => {
            let before = (f64::from(*down) - 1.0) * (every + costs) + costs;
            (before, Some(before + every / 2.0), before + every)
        }
        (Detector::Round { policy }, Pace::FixedRate, _) => {
            assert_eq!(*policy, RoundPolicy::All);
            let step = gap + ROUND_TRIP;
            let quiet = every - (count - 1.0) * step;
            if quiet <= gap {
                // Rounds run back to back.
                return (costs, None, step.max(every) + costs);
            }
            let mean = (quiet * quiet + (count - 1.0) * step * step) / (2.0 * every);
            (costs, Some(mean + costs), quiet + costs)
        }
        (Detector::Round { .. }, Pace::FixedDelay, Rounds::Together) => {
            let busy = (count - 1.0) * gap + count * ROUND_TRIP;
            if !is_silent {
                return (0.0, None, every + busy);
            }
            let within = probe.refinement.round_timeout.is_some();
            let least = if within { timeout - busy } else { timeout };
            // In the quiet part it waits for the next round, in a round for what is left of the timeout.
            let mean = if within {
                let share = every / (every + busy);
                share * (every / 2.0 + timeout) + (1.0 - share) * (timeout - busy / 2.0)
            } else {
                every / 2.0 + timeout
            };
            (least, Some(mean), every + timeout)
        }
        (Detector::Accrual(_), ..) => unreachable!("told apart"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn detection_takes_what_the_formulas_say() {
    let presets = [
        "jedis-multidb",
        "jedis-multidb-fast",
        "redis-py-multidb",
        "lettuce-multidb",
        "se-redis-group",
        "go-redis-multidb",
        "app-pubsub",
        "app-guide",
    ];
    for preset in presets {
        for (fault, is_silent) in [("silent", true), ("refusing", false)] {
            let (strategy, times) = detect(preset, fault);
            let (least, mean, most) = predicted(&strategy, is_silent);
            let place = format!("{preset}, {fault}: {least} {mean:?} {most}: {times:?}");
            // A handshake, TLS and the probe itself take up to four round trips beside the formula.
            let slack = 4.0 * ROUND_TRIP;
            for &time in &times {
                assert!(time >= least - slack && time <= most + slack, "{place}");
            }
            let found = times.iter().sum::<f64>() / times.len() as f64;
            if let Some(mean) = mean {
                // Three standard errors of a uniform variable, and the slack.
                let error = 3.0 * (most - least) / (12.0 * times.len() as f64).sqrt();
                assert!((found - mean).abs() <= error + slack, "{found} in {place}");
            }
            let longest = times.iter().copied().fold(0.0, f64::max);
            assert!(longest >= least + 0.8 * (most - least) - slack, "{place}");
        }
    }
}

#[test]
fn phi_accrual_takes_what_its_threshold_says() {
    for (preset, threshold) in [("phi-akka", 4_561.0), ("phi-cassandra", 18_421.0)] {
        let (_, times) = detect(preset, "silent");
        // From the last answer, which came up to an interval before the fault. Jitter there is none.
        for &time in &times {
            let in_time = time >= threshold - 1_000.0 - 200.0 && time <= threshold + 200.0;
            assert!(in_time, "{preset}: {times:?}");
        }
        let found = times.iter().sum::<f64>() / times.len() as f64;
        let mean = threshold - 500.0;
        assert!((found - mean).abs() < 200.0, "{preset}: {found}");
    }
}

#[test]
fn a_vote_is_over_when_half_the_fleet_agrees() {
    for preset in ["etcd-lease", "consul-session"] {
        let (_, times) = detect(preset, "silent");
        // Three probes of a second, a second apart, and the vote: everybody within a vote's way of everybody else.
        let (first, last) = times
            .iter()
            .fold((f64::MAX, 0.0_f64), |(first, last), &time| {
                (first.min(time), last.max(time))
            });
        assert!(first >= 5_000.0 && last <= 6_500.0, "{preset}: {times:?}");
        assert!(last - first < 100.0, "{preset}: {times:?}");
    }
}

/// When app servers moved, in milliseconds from the fault.
#[derive(Default)]
struct Moves(Vec<f64>);
impl Listener for Moves {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::Adopted { .. } = fact {
            self.0.push(at.as_nanos() as f64 / 1e6 - FAULT_MS);
        }
    }
}

#[test]
fn people_take_their_steps_one_after_another() {
    let text = r#"
[phases]
warm_up = "4m"
storm = "30m"
calm = "10s"
[[workload.fleet]]
region = "b"
servers = 2
connections_per_server = 1
rate = "2/s"
home = ["a", "b"]
[[strategy]]
preset = "manual-runbook"
vantage = { region = "b", alert = "1m", acknowledge = "2m", declare = "3m", act = "4m", failure = "0%" }
[[strategy]]
name = "clumsy"
preset = "manual-runbook"
vantage = { region = "b", alert = "1m", acknowledge = "2m", declare = "3m", act = "4m", failure = "99%" }
[[case]]
name = "silent"
fault = [{ kind = "host-crash", region = "a", at = "5m", lasts = "forever" }]
"#;
    let scenario = scenario(text);
    let moves = |strategy: &str| {
        let mut moves = Moves::default();
        Simulation::new(&scenario, Seed::new(3))
            .strategy(strategy)
            .unwrap()
            .run_with(&mut moves)
            .unwrap();
        moves.0
    };
    let steps = 600_000.0;
    let deft = moves("manual-runbook");
    assert_eq!(deft.len(), 2, "both app servers read the flag");
    for at in deft {
        // Monitoring knows after (n-1)I+T to nI+T.
        assert!((steps + 70_000.0..=steps + 101_000.0).contains(&at), "{at}");
    }
    assert!(
        moves("clumsy").iter().all(|&at| at >= steps + 240_000.0),
        "a try that fails is repeated, and takes as long"
    );
}
