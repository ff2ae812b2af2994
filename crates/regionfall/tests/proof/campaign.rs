//! Generated scenarios: the laws hold in all of them, and what fails is kept as a file that says it again.

use regionfall::arbitrary::Campaign;
use regionfall::check::VerdictKind;
use regionfall::scenario::Scenario;

#[test]
fn the_laws_of_the_model_hold_whatever_is_generated() {
    let made = Campaign::new("laws", 64).run(|_, outcome| {
        let broken = outcome
            .broken()
            .find(|verdict| verdict.kind == VerdictKind::ModelLaw);
        match broken {
            Some(broken) => Err(broken.to_string()),
            None if outcome.is_within_budget() => Ok(()),
            None => Err("its events were spent".to_owned()),
        }
    });
    match made {
        Ok(made) => assert!(made > 0),
        Err(failed) => panic!("{failed}"),
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the file that it asked for"
)]
fn what_fails_is_shrunk_and_kept() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let failed = Campaign::new("kept", 200)
        .keep_in(folder)
        .run(|_, outcome| {
            if outcome.account().episodes.is_empty() {
                Ok(())
            } else {
                Err("somebody was not served".to_owned())
            }
        })
        .expect_err("faults keep some clients from being served");
    let text = std::fs::read_to_string(&failed.file).expect("it is kept");
    assert_eq!(text, failed.toml);
    let scenario = Scenario::from_toml(&text).expect("it is a scenario");
    assert!(scenario.expect.replay.is_some());
    let faults = scenario.variants[0].settings.cases[0].faults.len();
    assert!(faults <= 2, "{text}");
}
