//! A decider sees only what a real one could see, and strategies are compared on equal weather.

use std::collections::BTreeMap;

use regionfall::failover::{Catalogue, Preset, Propagation, Vantage};
use regionfall::fault::{
    Disks, FaultKind, FaultSpec, InFlight, Part, PathSelector, Silence, TrafficScope,
};
use regionfall::history::{Fact, Listener};
use regionfall::scenario::{Scenario, Ties};
use regionfall::simulation::Simulation;
use regionfall::topology::{MemberId, OperationId, RegionId};
use regionfall_kernel::{Distribution, Seed, SimDuration, SimTime};

use crate::small::scenario;

/// App servers, checkers, coordinators and people stand in b and c; members everywhere.
fn study() -> Scenario {
    let catalogue = Catalogue::embedded();
    let strategies: String = catalogue.list().iter().map(strategy_of).collect();
    scenario(&format!(
        r#"
[phases]
warm_up = "10s"
storm = "3m"
calm = "1m"
[database]
shards = 2
[database.sync]
processing = "uniform(1ms, 30ms)"
[[workload.fleet]]
name = "far"
region = "b"
servers = 4
connections_per_server = 4
rate = "40/s"
home = ["a", "b", "c"]
[[workload.fleet]]
name = "other"
region = "c"
servers = 2
connections_per_server = 4
rate = "20/s"
home = ["c", "b"]
[[workload.keyspace]]
name = "keys"
share = "100%"
mix = {{ set = 1, get = 1 }}
keys = 1000
{strategies}
"#
    ))
}

/// A preset, with all that decides away from region a.
fn strategy_of(preset: &Preset) -> String {
    let has = |key: &str, value: &str| {
        let mut numbers = preset.numbers.iter();
        numbers.any(|number| number.key.starts_with(key) && number.value.contains(value))
    };
    let place = if has("vantage.at", "checkers") {
        "vantage = { regions = [\"b\", \"c\"] }"
    } else if has("vantage.coordination", "") {
        "vantage = { coordination = { region = \"b\" } }"
    } else if has("vantage.at", "people") {
        "vantage = { region = \"b\", alert = \"10s\", acknowledge = \"5s\", declare = \"5s\", act = \"5s\" }"
    } else {
        ""
    };
    format!("[[strategy]]\npreset = \"{}\"\n{place}\n", preset.name)
}

/// What deciders did, with moments: probes, verdicts, answers, moves.
#[derive(Default)]
struct Decisions(Vec<(SimTime, String)>);

impl Listener for Decisions {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if matches!(
            fact,
            Fact::ProbeSent { .. }
                | Fact::Verdict { .. }
                | Fact::DeciderState { .. }
                | Fact::AnswerPublished { .. }
                | Fact::Adopted { .. }
        ) {
            self.0.push((at, format!("{fact:?}")));
        }
    }
}

fn fault(kind: FaultKind) -> Vec<FaultSpec> {
    let at = Distribution::Constant(SimDuration::from_millis(47_300));
    vec![FaultSpec {
        kind,
        at,
        lasts: None,
        flapping: None,
    }]
}

#[test]
fn a_dead_host_and_a_silent_network_look_the_same_to_every_decider() {
    let mut scenario = study();
    // What happens at one instant happens in the same order in both worlds.
    scenario.variants[0].settings.ties = Ties::Insertion;
    let dead = fault(FaultKind::HostCrash {
        member: MemberId(0),
        part: Part::Whole,
        disks: Disks::Lost,
        in_flight: InFlight::Lost,
    });
    let cut = fault(FaultKind::Partition {
        paths: PathSelector {
            from: vec![RegionId(0)],
            to: vec![RegionId(1), RegionId(2)],
            zone: None,
            both_ways: true,
            scope: TrafficScope::All,
        },
        mode: Silence::Silent,
        in_flight: InFlight::Lost,
    });
    for preset in Catalogue::embedded().list() {
        let strategy = preset.name.as_str();
        // Nobody decides, or only by its own traffic, which is another one in each of the two worlds.
        let strategies = &scenario.variants[0].settings.strategies;
        let is_nobody = strategies.iter().any(|other| {
            let is_blind = matches!(other.vantage, Vantage::None) || other.evidence.is_empty();
            // A balancer stands beside its nodes, and hears of them whatever becomes of the paths between regions.
            let is_blind = is_blind || other.balancer.is_some();
            other.name == strategy && is_blind
        });
        let decisions = |faults: &Vec<FaultSpec>| {
            let mut heard = Decisions::default();
            Simulation::new(&scenario, Seed::new(11))
                .strategy(strategy)
                .expect("the strategy is in the scenario")
                .faults(faults.clone())
                .run_with(&mut heard)
                .expect("a strategy is named");
            // What happens at one instant has no order that a decider could see.
            heard.0.sort();
            // One of the two worlds drains sooner than the other.
            heard
                .0
                .retain(|&(at, _)| at < SimTime::from_nanos(250_000_000_000));
            heard.0
        };
        if is_nobody {
            continue;
        }
        let (one, other) = (decisions(&dead), decisions(&cut));
        assert!(one.len() > 20, "{strategy} decides");
        for (left, right) in one.iter().zip(&other) {
            assert_eq!(left, right, "{strategy}");
        }
        assert_eq!(one.len(), other.len(), "{strategy}");
    }
}

/// When each operation's first attempt left, where to, and when its reply came.
#[derive(Default)]
struct Exchanges {
    asked: Vec<OperationId>,
    sent: BTreeMap<OperationId, (SimTime, MemberId)>,
    answered: BTreeMap<OperationId, SimTime>,
}

impl Listener for Exchanges {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationIssued { operation, .. } => self.asked.push(operation),
            Fact::AttemptSent {
                operation,
                attempt: 0,
                member,
            } => {
                self.sent.insert(operation, (at, member));
            }
            Fact::AttemptEnded {
                operation,
                attempt: 0,
                ..
            } => {
                self.answered.insert(operation, at);
            }
            _ => {}
        }
    }
}

#[test]
fn the_same_request_at_the_same_instant_meets_the_same_delay_under_every_strategy() {
    let text = include_str!("../../../../sims/region-loss.toml");
    let scenario = Scenario::from_toml(text).expect("the README's scenario is valid");
    let exchanges = |strategy: &str| {
        let mut heard = Exchanges::default();
        Simulation::new(&scenario, Seed::new(5))
            .strategy(strategy)
            .expect("the strategy is in the scenario")
            .run_with(&mut heard)
            .expect("a strategy is named");
        heard
    };
    let quiet = exchanges("pinned");
    let busy = exchanges("jedis-multidb");
    let mut compared = 0;
    for (operation, sent) in &quiet.sent {
        let both = (quiet.answered.get(operation), busy.answered.get(operation));
        if let (Some(one), Some(other)) = both
            && busy.sent.get(operation) == Some(sent)
        {
            assert_eq!(one, other, "{operation}");
            compared += 1;
        }
    }
    assert!(
        compared > 150_000,
        "most requests leave at the same instant: {compared}"
    );
}

#[test]
fn operation_k_meets_the_same_delay_under_every_preset() {
    let scenario = study();
    let exchanges = |strategy: &str| {
        let mut heard = Exchanges::default();
        Simulation::new(&scenario, Seed::new(5))
            .strategy(strategy)
            .expect("the strategy is in the scenario")
            .run_with(&mut heard)
            .expect("a strategy is named");
        heard
    };
    let quiet = exchanges("pinned");
    for preset in Catalogue::embedded().list() {
        let settings = &scenario.variants[0].settings;
        let mut strategies = settings.strategies.iter();
        let goes_elsewhere = strategies.any(|strategy| {
            let has_proxies = matches!(strategy.propagation, Propagation::Upstream(_));
            strategy.name == preset.name && (has_proxies || strategy.balancer.is_some())
        });
        if goes_elsewhere {
            // Its requests take another path, over a proxy or a balancer.
            continue;
        }
        let busy = exchanges(&preset.name);
        let is_same_work = busy.asked == quiet.asked;
        assert!(is_same_work, "{}: the same is asked for", preset.name);
        let mut compared = 0;
        for (operation, sent) in &quiet.sent {
            let both = (quiet.answered.get(operation), busy.answered.get(operation));
            if let (Some(one), Some(other)) = both
                && busy.sent.get(operation) == Some(sent)
            {
                assert_eq!(one, other, "{} {operation}", preset.name);
                compared += 1;
            }
        }
        assert!(compared > 3_000, "{}: {compared}", preset.name);
    }
}
