//! The discovery service of a cluster's nodes in small worlds: clients ask one of them where the endpoint is before they connect.
//! Each world is run beside the same one in which clients know that by themselves.

use regionfall::history::{Ending, Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::{Seed, SimTime};

use super::upkeep::database;

/// When connections were opened and requests failed, in milliseconds.
#[derive(Clone, Default, Debug)]
struct Heard {
    /// From the beginning of each connection to its end.
    opened: Vec<(f64, f64)>,
    begun: Option<f64>,
    failed: Vec<f64>,
    acknowledged: Vec<f64>,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let now = at.as_nanos() as f64 / 1e6;
        match *fact {
            Fact::AttemptSent { .. } => {
                if let Some(begun) = self.begun.take() {
                    self.opened.push((begun, now));
                }
            }
            Fact::OperationIssued { .. } if self.opened.is_empty() => {
                self.begun.get_or_insert(now);
            }
            Fact::OperationEnded { ending, .. } => {
                if ending == Ending::Acknowledged {
                    self.acknowledged.push(now);
                } else {
                    self.failed.push(now);
                }
            }
            _ => {}
        }
    }
}

impl Heard {
    /// The longest time in which nobody got a write through from a moment on.
    fn pause_after(&self, from: f64) -> f64 {
        let times: Vec<f64> = self
            .acknowledged
            .iter()
            .copied()
            .filter(|&at| at > from)
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.fold(0.0, f64::max)
    }
}

fn run(entrance: &str, replicas: u8, more: &str) -> (Outcome, Heard) {
    let text = database(replicas, &format!("entrance = \"{entrance}\"\n{more}"))
        .replace("storm = \"120s\"", "storm = \"40s\"");
    let scenario = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut heard = Heard::default();
    let outcome = Simulation::new(&scenario, Seed::new(1))
        .run_with(&mut heard)
        .expect("one strategy, one case");
    outcome.expect_all_held();
    (outcome, heard)
}

fn fault(kind: &str, node: u8, at: u32, more: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nnode = {node}\nat = \"{at}s\"\n{more}")
}

#[test]
fn a_client_asks_before_it_connects_and_then_no_more() {
    let (known, asked) = (run("proxy", 2, "").1, run("discovery", 2, "").1);
    let first = |heard: &Heard| heard.opened[0].1 - heard.opened[0].0;
    // One way and back within a zone takes 0.2 ms.
    let dearer = first(&asked) - first(&known);
    assert!((0.19..0.25).contains(&dearer), "{dearer}");
    assert!(asked.failed.is_empty());
    let (known, asked) = (known.acknowledged.len(), asked.acknowledged.len());
    assert!(known.abs_diff(asked) < known / 1_000, "{known} {asked}");
}

#[test]
fn an_endpoint_that_migrates_is_found_by_asking_again() {
    let (outcome, heard) = run("discovery", 2, &fault("migrate-endpoint", 1, 20, ""));
    assert!(
        heard.pause_after(19_000.0) < 30.0,
        "{}",
        heard.pause_after(19_000.0)
    );
    assert_eq!(outcome.account().all_writes().lost, 0);
    // What was under way broke; all 24 clients go on.
    assert!(heard.failed.len() <= 24, "{}", heard.failed.len());
}

/// Shard and endpoint go to node 1, and node 0 dies, which everybody asked last. When the endpoint goes on to node 2 the question to
/// node 0 costs its time limit, and then node 1 answers.
#[test]
fn a_node_that_does_not_answer_costs_the_time_limit_of_the_question() {
    let pause = |entrance: &str, crash: &str| {
        let faults = [
            fault("migrate-shard", 1, 16, ""),
            fault("migrate-endpoint", 1, 18, ""),
            fault(crash, 0, 20, "lasts = \"30s\"\n"),
            fault("migrate-endpoint", 2, 25, ""),
        ];
        let (_, heard) = run(entrance, 2, &faults.concat());
        heard.pause_after(24_000.0)
    };
    let (known, asked) = (
        pause("proxy", "host-crash"),
        pause("discovery", "host-crash"),
    );
    assert!(known < 30.0, "{known}");
    assert!(
        (500.0..560.0).contains(&asked),
        "{asked}: the timeout of a command"
    );
    // A process that dies leaves the service beside it, which answers at once.
    let beside = pause("discovery", "process-crash");
    assert!(beside < 30.0, "{beside}");
}

/// The endpoint falls with its node: clients ask for it until the cluster has a new one.
#[test]
fn an_endpoint_that_falls_is_found_when_there_is_a_new_one() {
    let (outcome, heard) = run(
        "discovery",
        2,
        &fault("host-crash", 0, 20, "lasts = \"30s\"\n"),
    );
    let rto = outcome.metrics().get("rto_max_ms").and_then(Value::as_f64);
    assert!(
        rto.is_some_and(|rto| (2_000.0..9_000.0).contains(&rto)),
        "{rto:?}"
    );
    assert!(!heard.failed.is_empty());
}
