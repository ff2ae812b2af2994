//! Clients against what was measured of them: detectors and redis-py's multi-database client.

use regionfall::explore::fidelity::{Bench, Observation};
use regionfall::scenario::Scenario;
use regionfall_kernel::Seed;

use crate::files::{Folder, ROOT};

#[test]
fn nine_in_ten_predictions_of_clients_agree_with_what_was_measured() {
    let (mut agreeing, mut all) = (0, 0);
    let mut disagreeing = Vec::new();
    for file in [
        "heartbeat-detectors.toml",
        "multidb-client-two.toml",
        "multidb-client-three.toml",
    ] {
        let scenario = match Scenario::load(&format!("sims/fidelity/{file}"), &Folder(ROOT), &[]) {
            Ok(loaded) => loaded.scenario,
            Err(error) => panic!("{error}"),
        };
        let bench = Bench::new(&scenario);
        let observed: Vec<Vec<Observation>> = (0..bench.subjects())
            .map(|subject| {
                let seeds = (1..=40).map(Seed::new);
                seeds.map(|seed| bench.observe(subject, seed)).collect()
            })
            .collect();
        for judged in bench.judge(&observed) {
            all += 1;
            agreeing += u32::from(judged.agrees());
            if !judged.agrees() {
                let mut predicted = judged.predicted.clone();
                predicted.sort_by(f64::total_cmp);
                let (strategy, case) = (judged.strategy, judged.case);
                let metric = judged.reference.metric;
                disagreeing.push(format!("{strategy}, {case}: {metric}: {predicted:?}"));
            }
        }
    }
    assert!(all >= 130, "{all} references");
    assert!(
        agreeing * 10 >= all * 9,
        "{agreeing} of {all}: {disagreeing:#?}"
    );
}
