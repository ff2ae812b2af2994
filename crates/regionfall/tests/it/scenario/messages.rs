//! What is wrong with a scenario is said where it is: message by message, and never by a panic.

use super::*;

#[test]
fn every_wrong_scenario_gives_its_message() {
    let mut wrong = Vec::new();
    for name in files(BAD, ".toml") {
        let message = match Scenario::load(&name, &Folder(BAD), &[]) {
            Ok(_) => "it was read without an error\n".to_owned(),
            Err(error) => format!("{error}\n"),
        };
        if let Err(difference) = snapshot(BAD, &name.replace(".toml", ".stderr"), &message) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wrong_overrides_are_shown_as_they_were_given() {
    let error = load("sims/region-loss.toml", &[("phases.strom", "5m")]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("--set:1:1") && text.contains("did you mean `storm`?"),
        "{text}"
    );
    let error = load("sims/region-loss.toml", &[("seeds", "none")]).unwrap_err();
    assert!(error.to_string().contains("seeds = none"), "{error}");
    assert!(load("sims/region-loss.toml", &[("a..b", "1")]).is_err());
}

#[test]
fn warnings_say_what_will_disappoint() {
    let loaded = region_loss(&[
        ("phases.storm", "70s"),
        ("phases.calm", "90s"),
        ("seeds", "20"),
    ]);
    let text = loaded
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    for part in [
        "a storm of 70s is shorter",
        "a calm of 90s is shorter",
        "20 seeds are too few",
        "assumed mix of resolvers",
        "how long a restart takes",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_fault_that_is_cut_short_is_told() {
    let told = |lasts: &str| {
        let loaded = region_loss(&[("case.disks-kept.fault.0.lasts", lasts)]);
        let mut warnings = loaded.warnings.iter().map(ToString::to_string);
        warnings.find(|warning| warning.contains("ends with the storm"))
    };
    let cut = told("100h").unwrap();
    assert!(
        cut.contains("fault 1 of `disks kept` (region-outage)"),
        "{cut}"
    );
    assert!(cut.contains("`lasts = \"forever\"`"), "{cut}");
    assert_eq!(told("10m"), None);
    assert_eq!(told("forever"), None);
}

#[test]
fn depth_does_not_overflow_the_stack() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "{a=".repeat(50_000), "}".repeat(50_000)),
        format!("[{}a]\n", "a.".repeat(100_000)),
        format!("{}a = 1\n", "a.".repeat(100_000)),
    ] {
        let error = Scenario::from_toml(&text).unwrap_err();
        assert_eq!(error.problems()[0].kind, ProblemKind::NotToml);
    }
    let path = "a.".repeat(50_000) + "a";
    assert!(load("sims/region-loss.toml", &[(&path, "1")]).is_err());
}

#[test]
fn a_file_full_of_mistakes_is_reported_in_short_and_in_time() {
    let text: String = (0..20_000).fold(String::new(), |mut text, index| {
        let _ = writeln!(text, "key{index} = {index}");
        text
    });
    let error = Scenario::from_toml(&text).unwrap_err();
    assert_eq!(error.problems().len(), 20);
    assert!(
        error
            .to_string()
            .ends_with("... and at least 180 more problems"),
        "{error}"
    );
}

#[test]
fn colour_is_only_in_the_coloured_rendering() {
    let error = small("seed = 1\n[[strategy]]\npreset = \"pinned\"\n").unwrap_err();
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.to_string().contains('\u{1b}'));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_scenario_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = Scenario::load("a/b.toml", &Bytes(bytes), &[]) {
            prop_assert!(!error.render(true).is_empty());
        }
    }

    #[test]
    fn mutated_scenarios_never_panic(
        text in prop_oneof![mangled(STORIES[0]), mangled(STORIES[1]), mangled(STORIES[2])],
    ) {
        match Scenario::from_toml(&text) {
            Ok(scenario) => prop_assert!(!scenario.variants.is_empty()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn wrong_values_under_right_keys_never_panic(
        key in prop::sample::select(KEYS.to_vec()),
        value in prop_oneof![mutation(), "[ -~]{0,20}", "\\PC{0,8}"],
    ) {
        if let Err(error) = load("sims/region-loss.toml", &[(key, &value)]) {
            prop_assert!(!error.render(true).is_empty());
        }
    }
}

const STORIES: [&str; 3] = [
    include_str!("../../../../../sims/region-loss.toml"),
    include_str!("../../../../../sims/replication-partition.toml"),
    include_str!("../../../../../sims/flapping-link.toml"),
];

const KEYS: [&str; 16] = [
    "seeds",
    "phases.storm",
    "topology.regions",
    "topology.rtt",
    "topology.regions.1",
    "database.shards",
    "database.sync.processing",
    "workload.fleet",
    "workload.fleet.us.home",
    "workload.keyspace.0.mix",
    "strategy",
    "strategy.pinned.preset",
    "strategy.jedis-multidb.failback",
    "strategy.route53-fast.propagation.resolvers.0",
    "case.0.fault.0.at",
    "objectives.rto_target",
];
