//! Scenarios that are right: what they come to, resolved and read back.

use super::*;

const COMMITTED: [&str; 4] = [
    "region-loss",
    "replication-partition",
    "flapping-link",
    "flash-sale",
];

#[test]
fn the_committed_scenarios_are_right() {
    for name in COMMITTED {
        let loaded =
            load(&format!("sims/{name}.toml"), &[]).unwrap_or_else(|error| panic!("{error}"));
        let settings = &loaded.scenario.variants[0].settings;
        let phases = settings.phases;
        let sum = phases.warm_up + phases.storm + phases.calm + phases.quiescence;
        assert!(sum <= SimDuration::from_secs(17 * 60), "{name} takes {sum}");
        assert!(settings.cases.len() == 2, "{name}");
    }
    for name in ["kinds-of-database", "backlog-overflow"] {
        let loaded =
            load(&format!("sims/{name}.toml"), &[]).unwrap_or_else(|error| panic!("{error}"));
        assert!(loaded.scenario.variants.len() >= 3, "{name}");
    }
}

#[test]
fn the_story_of_the_readme_is_read_as_it_is_told() {
    let scenario = region_loss(&[]).scenario;
    assert_eq!(
        (scenario.title.as_str(), scenario.seeds),
        ("Region loss", 100)
    );
    let settings = &scenario.variants[0].settings;
    assert_eq!(scenario.variants[0].name, "base");
    assert_eq!(settings.topology.members, 3);
    let names: Vec<&str> = settings
        .strategies
        .iter()
        .map(|strategy| strategy.name.as_str())
        .collect();
    assert_eq!(names, ["pinned", "route53-fast", "jedis-multidb"]);
    assert_eq!(settings.cases[0].name, "disks kept");
    assert!(matches!(
        settings.cases[1].faults[0].kind,
        FaultKind::RegionOutage { .. }
    ));
    assert_eq!(settings.cases[0].objectives.len(), 2);
    for fleet in &settings.workload.fleets {
        assert!(matches!(fleet.arrivals, Arrivals::Poisson { per_second } if per_second >= 100.0));
    }
}

#[test]
fn what_is_resolved_is_read_back_to_the_same() {
    for name in COMMITTED {
        let loaded = load(&format!("sims/{name}.toml"), &[]).unwrap();
        for (index, variant) in loaded.scenario.variants.iter().enumerate() {
            let text = loaded.resolved.variant_to_toml(&variant.name).unwrap();
            let again =
                Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(
                again.variants[0].settings, variant.settings,
                "{name}, variant {index}"
            );
        }
    }
}

#[test]
fn resolved_output_names_the_origin_of_every_value() {
    let text = region_loss(&[("phases.calm", "6m"), ("seeds", "7")])
        .resolved
        .to_toml();
    for line in [
        "title = \"Region loss\"  # sims/region-loss.toml:",
        "calm = \"6m\"  # --set",
        "seeds = 7  # --set",
        "every = \"5s\"  # preset jedis-multidb (source)",
        "reconnect_every = \"1s\"  # default (assumed)",
        "name = \"pinned\"  # derived: ",
        "# flapping is not set: it acts all the time",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn the_digest_follows_the_settings_and_not_the_comments() {
    let digest = |text: &str| small(text).unwrap().digest;
    let plain = digest(PINNED);
    assert_eq!(plain.len(), 64);
    assert_eq!(plain, digest(&format!("# a remark\n{PINNED}")));
    assert_eq!(
        plain,
        digest(&format!("{PINNED}[phases]\nstorm = \"10m\"\n"))
    );
    assert_ne!(
        plain,
        digest(&format!("{PINNED}[phases]\nstorm = \"11m\"\n"))
    );
}
