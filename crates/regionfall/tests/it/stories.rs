//! What the stories of `sims/` on capacity, memory, membership, clocks and checks must show, whatever the seed.

use std::collections::BTreeMap;

use regionfall::check::VerdictKind;
use regionfall::history::{Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::{Seed, SimTime};

/// Runs of a story under seeds 1 and 2; `picks` are variant, case and strategy, each the first if empty.
fn runs(text: &str, picks: [&str; 3]) -> Vec<Outcome> {
    [1, 2].map(|seed| run(text, picks, seed, &mut ())).into()
}

fn run<L: Listener + Send>(text: &str, picks: [&str; 3], seed: u64, listener: &mut L) -> Outcome {
    let scenario = Scenario::from_toml(text).expect("the story is valid");
    let [variant, case, strategy] = picks;
    let mut simulation = Simulation::new(&scenario, Seed::new(seed));
    if !variant.is_empty() {
        simulation = simulation.variant(variant).expect("the variant exists");
    }
    if !case.is_empty() {
        simulation = simulation.case(case).expect("the case exists");
    }
    if !strategy.is_empty() {
        simulation = simulation.strategy(strategy).expect("the strategy exists");
    }
    let outcome = simulation.run_with(listener).expect("a strategy is named");
    let mut laws = outcome.verdicts().iter();
    let broken = laws.find(|verdict| verdict.kind == VerdictKind::ModelLaw && !verdict.held);
    assert!(broken.is_none(), "{broken:?}");
    outcome
}

fn number(outcome: &Outcome, column: &str) -> f64 {
    let value = outcome.metrics().get(column).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{column} has a value"))
}

fn count(outcome: &Outcome, column: &str) -> u64 {
    number(outcome, column) as u64
}

const RETRY_STORM: &str = include_str!("../../../../sims/retry-storm.toml");

#[test]
fn impatient_clients_keep_an_overload_alive_that_patient_ones_pass_through() {
    for outcome in runs(RETRY_STORM, ["", "", "patient"]) {
        outcome.expect_all_held();
        assert_eq!(count(&outcome, "censored"), 0);
        assert!(number(&outcome, "rto_max_ms") < 15_000.0);
        assert!(
            number(&outcome, "utilisation_max") > 0.8,
            "a wave of connections"
        );
    }
    for outcome in runs(RETRY_STORM, ["", "", "impatient"]) {
        // A minute after the region is back most app servers, of both regions, are still not served.
        assert!(number(&outcome, "censored") > 0.0);
        assert_eq!(
            count(&outcome, "collateral"),
            30,
            "nor are those whose region never fell"
        );
        assert!(number(&outcome, "availability") < 0.4);
        assert!(number(&outcome, "queue_wait_p99_ms") > 200.0);
    }
}

const TOMBSTONES: &str = include_str!("../../../../sims/tombstones-and-force-removal.toml");

#[test]
fn an_operator_saves_the_survivors_memory_and_forfeits_the_lost_regions_writes() {
    for outcome in runs(TOMBSTONES, ["", "nobody acts", ""]) {
        assert!(number(&outcome, "oom_errors") > 1_000.0);
        assert!(number(&outcome, "memory_share_max") > 0.95);
        assert_eq!(count(&outcome, "writes_forfeited"), 0);
    }
    for outcome in runs(TOMBSTONES, ["", "removed by force", ""]) {
        assert_eq!(count(&outcome, "oom_errors"), 0);
        let most = number(&outcome, "memory_share_max");
        assert!((0.6..0.95).contains(&most), "{most}");
        let comes_back =
            |verdict: &&regionfall::check::Verdict| verdict.check == "memory comes back";
        assert!(
            outcome
                .verdicts()
                .iter()
                .find(comes_back)
                .is_none_or(|verdict| verdict.held)
        );
    }
}

const STALE_REJOIN: &str = include_str!("../../../../sims/stale-rejoin.toml");

#[test]
fn a_removed_region_that_nobody_notices_loses_all_that_it_is_told() {
    for outcome in runs(STALE_REJOIN, ["", "the cut heals", ""]) {
        outcome.expect_all_held();
        assert_eq!(count(&outcome, "writes_lost"), 0);
    }
    for case in ["removed, and back unnoticed", "removed, and joined again"] {
        for outcome in runs(STALE_REJOIN, ["", case, ""]) {
            // 20 writes a second since the cut, until the end or until it joins again.
            let forfeited = count(&outcome, "writes_forfeited");
            assert_eq!(forfeited, count(&outcome, "writes_lost"));
            let seconds = if case.ends_with("again") {
                200..280
            } else {
                370..410
            };
            let range = seconds.start * 18..seconds.end * 22;
            assert!(range.contains(&forfeited), "{case}: {forfeited}");
            if case.ends_with("again") {
                outcome.expect_all_held();
                assert!(number(&outcome, "full_syncs") >= 1.0);
            }
        }
    }
}

/// Of two writes to one key from different members less than 40 ms apart, neither can have seen the other: how often the
/// earlier had the later time.
#[derive(Default)]
struct Inversions {
    last: BTreeMap<u32, (SimTime, u8, u64)>,
    pairs: u64,
    inverted: u64,
}

impl Listener for Inversions {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::WriteExecuted {
            node,
            effect: Some(effect),
            ..
        } = fact
        {
            let own = (at, node.0, effect.at.0);
            if let Some((before, other, stamp)) = self.last.insert(effect.key.0, own)
                && other != node.0
                && at.saturating_since(before).as_millis_f64() < 40.0
            {
                self.pairs += 1;
                self.inverted += u64::from(stamp > effect.at.0);
            }
        }
    }
}

const CLOCK_SKEW: &str = include_str!("../../../../sims/clock-skew.toml");

#[test]
fn a_wrong_clock_decides_half_of_the_conflicts_wrongly_and_nobody_notices() {
    let share = |case: &str| {
        let mut inversions = Inversions::default();
        let outcome = run(CLOCK_SKEW, ["", case, ""], 1, &mut inversions);
        outcome.expect_all_held();
        assert_eq!(count(&outcome, "writes_lost"), 0);
        assert_eq!(count(&outcome, "policy_switches"), 0);
        assert!(number(&outcome, "conflicting_writes") > 50.0);
        assert!(inversions.pairs > 50, "{}", inversions.pairs);
        inversions.inverted * 100 / inversions.pairs
    };
    assert_eq!(share("clocks agree"), 0);
    for case in ["ahead", "behind"] {
        let share = share(case);
        assert!((30..65).contains(&share), "{case}: {share} %");
    }
}

const CHECKS: &str = include_str!("../../../../sims/availability-checks.toml");

#[test]
fn a_check_that_fails_everywhere_steers_nobody() {
    let [ignored, counted] = [
        "unreachable peers are ignored",
        "unreachable peers count as lag",
    ];
    for strategy in ["PING", "availability", "lag-aware"] {
        for outcome in runs(CHECKS, [ignored, "region lost", strategy]) {
            outcome.expect_all_held();
            assert!(number(&outcome, "rto_max_ms") < 20_000.0, "{strategy}");
        }
    }
    for outcome in runs(CHECKS, [counted, "region lost", "lag-aware"]) {
        // The region is away for two minutes.
        assert!(number(&outcome, "rto_p50_ms") > 60_000.0);
    }
    for outcome in runs(CHECKS, [counted, "region lost", "availability"]) {
        assert!(
            number(&outcome, "rto_max_ms") < 20_000.0,
            "a plain check does not look at peers"
        );
    }
}

#[test]
fn whoever_asks_a_dead_health_endpoint_leaves_a_member_that_serves() {
    let variant = "unreachable peers are ignored";
    for (strategy, leaves) in [("PING", false), ("availability", true), ("lag-aware", true)] {
        for outcome in runs(CHECKS, [variant, "health endpoint lost", strategy]) {
            outcome.expect_all_held();
            assert_eq!(
                number(&outcome, "policy_switches") >= 8.0,
                leaves,
                "{strategy}"
            );
            assert_eq!(count(&outcome, "writes_lost"), 0);
        }
    }
}

const REGION_LOSS: &str = include_str!("../../../../sims/region-loss.toml");

#[test]
fn a_story_speaks_of_regions_and_app_servers_by_the_names_of_its_file() {
    let [outcome, _] = &runs(REGION_LOSS, ["", "disks lost", "jedis-multidb"])[..] else {
        panic!("two seeds");
    };
    let story = outcome.story();
    assert!(
        story.contains("begins: region-outage in us-east-1, disks lost"),
        "{story}"
    );
    assert!(
        story.contains("us server 1 turns from us-east-1 to eu-west-1"),
        "{story}"
    );
    for id in ["server-", "member-", "region-0", "node-", "fleet-"] {
        assert!(!story.contains(id), "{id}: {story}");
    }
}
