//! What the three strategies of the README's story must show, whatever the seed.

use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

fn study() -> Scenario {
    let text = include_str!("../../../../sims/region-loss.toml");
    Scenario::from_toml(text).expect("the README's scenario is valid")
}

fn outcomes(scenario: &Scenario, strategy: &str, case: &str, seeds: u64) -> Vec<Outcome> {
    let run = |seed| -> Result<Outcome, regionfall::simulation::PickError> {
        Simulation::new(scenario, Seed::new(seed))
            .case(case)?
            .strategy(strategy)?
            .run()
    };
    (1..=seeds)
        .map(|seed| run(seed).expect("case and strategy are in the scenario"))
        .collect()
}

fn number(outcome: &Outcome, column: &str) -> Option<f64> {
    outcome.metrics().get(column).and_then(Value::as_f64)
}

fn word(outcome: &Outcome, column: &str) -> String {
    match outcome.metrics().get(column) {
        Some(Value::Text(word)) => word.to_string(),
        other => panic!("{column} is a word, not {other:?}"),
    }
}

#[test]
fn pinned_clients_recover_when_the_region_does() {
    for outcome in outcomes(&study(), "pinned", "disks kept", 4) {
        assert_eq!(word(&outcome, "recovered_by"), "heal");
        let shortest = number(&outcome, "rto_p50_ms").expect("everyone recovers");
        assert!(
            shortest >= 600_000.0,
            "the region is away for ten minutes: {shortest}"
        );
        assert_eq!(number(&outcome, "policy_switches"), Some(0.0));
        outcome.expect_all_held();
    }
}

#[test]
fn checkers_detect_within_their_worst_case() {
    // Three probes 10 s apart and the last one's 10 s; the report takes another second.
    for outcome in outcomes(&study(), "route53-fast", "disks lost", 12) {
        let detected = number(&outcome, "detect_ms").expect("some app servers switch");
        assert!((30_000.0..=41_000.0).contains(&detected), "{detected}");
        outcome.expect_all_held();
    }
}

#[test]
fn client_libraries_detect_within_their_worst_case() {
    // The quiet part of a round, and the first probe's second.
    for outcome in outcomes(&study(), "jedis-multidb", "disks lost", 12) {
        assert_eq!(word(&outcome, "recovered_by"), "switch");
        let detected = number(&outcome, "detect_ms").expect("everyone switches");
        assert!((0.0..=5_000.0).contains(&detected), "{detected}");
        outcome.expect_all_held();
    }
}

#[test]
fn kept_disks_lose_nothing_and_yet_the_application_sees_less() {
    let scenario = study();
    let kept = outcomes(&scenario, "jedis-multidb", "disks kept", 12);
    let lost = outcomes(&scenario, "jedis-multidb", "disks lost", 12);
    assert!(
        kept.iter()
            .all(|outcome| number(outcome, "rpo_observed_ms") == Some(0.0))
    );
    let felt = |outcome: &&Outcome| number(outcome, "rpo_at_resumption_ms") > Some(0.0);
    assert!(kept.iter().filter(felt).count() > 6, "writes are late");
    let lossy = |outcome: &&Outcome| number(outcome, "writes_lost") > Some(0.0);
    assert!(lost.iter().filter(lossy).count() > 6, "writes are lost");
}

#[test]
fn parts_of_a_recovery_time_sum_to_it() {
    for outcome in outcomes(&study(), "jedis-multidb", "disks kept", 6) {
        for incident in outcome.metrics().incidents() {
            for server in &incident.servers {
                if let (Some(rto), Some(milestones)) = (server.rto, server.milestones) {
                    let sum = milestones
                        .parts()
                        .into_iter()
                        .fold(regionfall_kernel::SimDuration::ZERO, |sum, part| sum + part);
                    assert_eq!(sum, rto);
                }
            }
        }
    }
}
