//! Reading scenarios: the committed ones, a collection of wrong ones with the messages that they must
//! give, and mutations of both, which must never do worse than an error.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own files fails"
)]

use std::fmt::Write as _;

use proptest::prelude::*;
use regionfall::failover::{Catalogue, Failback, Propagation};
use regionfall::fault::FaultKind;
use regionfall::scenario::{
    LoadError, Loaded, Loader, Objective, ProblemKind, Scenario, ScenarioError, Sense, Statistic,
    schema,
};
use regionfall::workload::Arrivals;
use regionfall_kernel::SimDuration;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad-scenarios/");

/// Opens files below a folder, in place of the command.
struct Folder(&'static str);

impl Loader for Folder {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test stands in for the command, which opens files"
    )]
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        std::fs::read(format!("{}{path}", self.0)).map_err(|error| LoadError {
            reason: match error.kind() {
                std::io::ErrorKind::NotFound => "no such file".to_owned(),
                _ => error.to_string(),
            },
        })
    }
}

fn load(path: &str, set: &[(&str, &str)]) -> Result<Loaded, ScenarioError> {
    let set: Vec<(String, String)> = set
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Scenario::load(path, &Folder(ROOT), &set)
}

fn region_loss(set: &[(&str, &str)]) -> Loaded {
    load("sims/region-loss.toml", set).unwrap_or_else(|error| panic!("{error}"))
}

/// A small scenario with the rest of it as given.
fn small(rest: &str) -> Result<Scenario, ScenarioError> {
    Scenario::from_toml(&format!(
        "[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n{rest}"
    ))
}

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";

#[test]
fn the_committed_scenarios_are_right() {
    for name in ["region-loss", "replication-partition", "flapping-link"] {
        let loaded =
            load(&format!("sims/{name}.toml"), &[]).unwrap_or_else(|error| panic!("{error}"));
        let settings = &loaded.scenario.variants[0].settings;
        let phases = settings.phases;
        let sum = phases.warm_up + phases.storm + phases.calm + phases.quiescence;
        assert!(sum <= SimDuration::from_secs(17 * 60), "{name} takes {sum}");
        assert!(settings.cases.len() == 2, "{name}");
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
fn every_wrong_scenario_gives_its_message() {
    let mut wrong = Vec::new();
    for name in files(BAD, ".toml") {
        let message = match Scenario::load(&name, &Folder(BAD), &[]) {
            Ok(_) => "it was read without an error\n".to_owned(),
            Err(error) => format!("{error}\n"),
        };
        if let Err(difference) = snapshot(&name.replace(".toml", ".stderr"), &message) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its own snapshots"
)]
fn snapshot(name: &str, message: &str) -> Result<(), String> {
    let path = format!("{BAD}{name}");
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, message).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected == message {
        return Ok(());
    }
    Err(format!(
        "{name}: expected\n{expected}\ngot\n{message}\n(REGIONFALL_UPDATE_SNAPSHOTS=1 accepts what it got)"
    ))
}

fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_resolved_is_read_back_to_the_same() {
    for name in ["region-loss", "replication-partition", "flapping-link"] {
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
fn set_reaches_list_items_by_name_and_by_place() {
    let loaded = region_loss(&[
        ("workload.fleet.us.rate", "250/s"),
        ("strategy.jedis-multidb.failback.grace", "10s"),
        ("strategy.route53-fast.propagation.ttl", "5s"),
        ("strategy.jedis-multidb.evidence.ping.every", "1s"),
        ("case.disks-kept.fault.0.lasts", "2m"),
        (
            "topology.regions",
            "[\"us-east-1\", \"eu-west-1\", \"ap-southeast-1\"]",
        ),
    ]);
    let settings = &loaded.scenario.variants[0].settings;
    assert_eq!(
        settings.workload.fleets[0].arrivals,
        Arrivals::Poisson { per_second: 250.0 }
    );
    let grace = SimDuration::from_secs(10);
    let every = SimDuration::from_secs(120);
    assert_eq!(
        settings.strategies[2].failback,
        Failback::Tick { every, grace }
    );
    let Propagation::Dns { ttl, resolvers, .. } = &settings.strategies[1].propagation else {
        panic!("route53-fast publishes by DNS");
    };
    assert_eq!((*ttl, resolvers.len()), (SimDuration::from_secs(5), 4));
    assert_eq!(
        settings.cases[0].faults[0]
            .lasts
            .as_ref()
            .unwrap()
            .to_string(),
        "120s"
    );
    assert_eq!(
        settings.cases[1].faults[0]
            .lasts
            .as_ref()
            .unwrap()
            .to_string(),
        "600s"
    );
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
fn a_partial_override_of_a_preset_keeps_the_rest_and_another_form_replaces_it() {
    let read = |failback: &str| {
        let text = format!("[[strategy]]\npreset = \"jedis-multidb\"\nfailback = {failback}\n");
        small(&text)
            .unwrap()
            .variants
            .remove(0)
            .settings
            .strategies
            .remove(0)
            .failback
    };
    let seconds = SimDuration::from_secs;
    assert_eq!(
        read("{ grace = \"7s\" }"),
        Failback::Tick {
            every: seconds(120),
            grace: seconds(7)
        }
    );
    assert_eq!(
        read("{ after = \"9s\" }"),
        Failback::Automatic { after: seconds(9) }
    );
    assert_eq!(read("\"never\""), Failback::Never);
}

#[test]
fn a_preset_spelt_out_is_the_preset() {
    for preset in Catalogue::embedded().list() {
        let short = small(&format!("[[strategy]]\npreset = \"{}\"\n", preset.name)).unwrap();
        let long = small(&preset.to_toml())
            .unwrap_or_else(|error| panic!("{error}\n{}", preset.to_toml()));
        let mut short = short.variants[0].settings.strategies[0].clone();
        short.preset = None;
        assert_eq!(short, long.variants[0].settings.strategies[0]);
    }
}

#[test]
fn a_strategy_is_composed_from_parts() {
    let text = r#"
        [[strategy]]
        name = "ours"
        vantage = { at = "client-process" }
        evidence = [{ probe = "ping", every = "1s", timeout = "500ms", loop = "fixed-delay" }, { passive = "errors" }]
        detector = { consecutive = 3 }
        choice = { order = "priority" }
        propagation = { kind = "pointer", adopt = "next-command", cut_sessions = true }
        failback = { after = "60s" }
    "#;
    let strategy = &small(text).unwrap().variants[0].settings.strategies[0];
    let detectors: String = strategy
        .evidence
        .iter()
        .fold(String::new(), |mut all, piece| {
            let _ = write!(all, "{piece:?}");
            all
        });
    assert_eq!(
        detectors.matches("Consecutive { down: 3, up: 1 }").count(),
        2,
        "{detectors}"
    );
}

#[test]
fn variants_overlay_any_key() {
    let text = format!(
        "{PINNED}[[variant]]\nname = \"plain\"\n[[variant]]\nname = \"slow\"\nset = {{ \"database.sync.processing\" = \"1s\", \"workload.keyspace.0.scope\" = {{ shared = \"5%\" }} }}\n"
    );
    let text = format!("{text}[[workload.keyspace]]\nname = \"k\"\n");
    let scenario = small(&text).unwrap();
    let lag = |index: usize| {
        scenario.variants[index]
            .settings
            .database
            .sync
            .processing
            .to_string()
    };
    assert_eq!(
        (lag(0).as_str(), lag(1).as_str()),
        ("lognormal(median=20ms, p99=200ms)", "1s")
    );
}

#[test]
fn objectives_turn_into_bounds_in_the_unit_of_their_column() {
    let text = format!(
        "{PINNED}[objectives]\nrto_target = \"60s\"\navailability = \"99%\"\nwrites_lost = {{ max = 50, confidence = 0.9 }}\n"
    );
    let scenario = small(&text).unwrap();
    let objectives = &scenario.variants[0].settings.cases[0].objectives;
    let objective = |column: &str, statistic, limit, sense, confidence| Objective {
        column: column.to_owned(),
        statistic,
        limit,
        sense,
        confidence,
    };
    assert_eq!(
        objectives,
        &[
            objective(
                "rto_p99_ms",
                Statistic::Quantile(0.99),
                60_000.0,
                Sense::AtMost,
                0.95
            ),
            objective(
                "availability",
                Statistic::Quantile(1.0 - 0.99),
                0.99,
                Sense::AtLeast,
                0.95
            ),
            objective("writes_lost", Statistic::Max, 50.0, Sense::AtMost, 0.9),
        ]
    );
}

#[test]
fn a_case_wins_over_the_objectives_of_the_file() {
    let text = format!(
        "{PINNED}[objectives]\nrto_target = \"60s\"\n[[case]]\nname = \"c\"\nobjectives = {{ rto_p99_ms = \"30s\" }}\n"
    );
    let objectives = &small(&text).unwrap().variants[0].settings.cases[0].objectives;
    assert_eq!(objectives.len(), 1);
    assert!((objectives[0].limit - 30_000.0).abs() < 1e-9);
}

#[test]
fn links_are_layered_over_the_table_and_a_region_it_lacks_needs_them() {
    let text = r#"
        [topology]
        regions = ["us-east-1", "moon"]
        [[topology.link]]
        from = "us-east-1"
        to = "moon"
        rtt = "quantiles(p50=2500ms, p95=2600ms, p99=3s)"
        [[topology.link]]
        from = "moon"
        to = "us-east-1"
        direction = "one-way"
        one_way = "1300ms"
        loss = "2%"
        [[strategy]]
        preset = "pinned"
    "#;
    let scenario = Scenario::from_toml(text).unwrap();
    let links = &scenario.variants[0].settings.topology.links;
    assert_eq!(
        links[0][1].one_way.to_string(),
        "quantiles(p50=1.25s, p95=1.3s, p99=1.5s)"
    );
    assert_eq!(links[1][0].one_way.to_string(), "1.3s");
    assert!((links[1][0].loss - 0.02).abs() < 1e-12 && links[0][1].loss == 0.0);
}

#[test]
fn regions_of_fleets_follow_the_members() {
    let scenario = small(&format!(
        "{PINNED}[[workload.fleet]]\nregion = \"eu-central-1\"\n"
    ))
    .unwrap();
    let topology = &scenario.variants[0].settings.topology;
    let names: Vec<&str> = topology
        .regions
        .iter()
        .map(|region| region.name.as_str())
        .collect();
    assert_eq!(
        (topology.members, names.as_slice()),
        (2, ["us-east-1", "eu-west-1", "eu-central-1"].as_slice())
    );
    assert_eq!(
        scenario.variants[0].settings.workload.fleets[0].home.len(),
        2
    );
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

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_documentation_holds_the_tables_of_the_schema() {
    let path = format!("{ROOT}docs/scenario-format.md");
    let (begin, end) = (
        "<!-- tables of the schema: begin -->\n",
        "<!-- tables of the schema: end -->\n",
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (tables, tail) = rest.split_once(end).unwrap();
    let expected = format!("\n{}\n", schema::markdown());
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{expected}{end}{tail}")).unwrap();
        return;
    }
    assert!(
        tables == expected,
        "docs/scenario-format.md differs from the schema; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_committed_json_schema_is_that_of_the_declaration() {
    let path = format!("{ROOT}docs/scenario.schema.json");
    let expected = format!("{:#}\n", schema::json_schema());
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let is_equal = std::fs::read_to_string(&path).is_ok_and(|text| text == expected);
    assert!(
        is_equal,
        "docs/scenario.schema.json differs; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_example_in_the_documentation_is_right() {
    let text = std::fs::read_to_string(format!("{ROOT}docs/scenario-format.md")).unwrap();
    let mut examples = 0;
    for block in text.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        // Fragments show single tables; whole files have a topology and a strategy.
        if example.contains("[topology]") && example.contains("[[strategy]]") {
            Scenario::from_toml(example).unwrap_or_else(|error| panic!("{error}"));
            examples += 1;
        }
    }
    assert!(examples > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_scenario_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        struct Bytes(Vec<u8>);
        impl Loader for Bytes {
            fn load(&self, _path: &str) -> Result<Vec<u8>, LoadError> {
                Ok(self.0.clone())
            }
        }
        if let Err(error) = Scenario::load("a/b.toml", &Bytes(bytes), &[]) {
            prop_assert!(!error.render(true).is_empty());
        }
    }

    #[test]
    fn mutated_scenarios_never_panic(
        story in 0..3_usize,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, mutation()), 1..6),
    ) {
        let mut text = STORIES[story].to_owned();
        for (place, length, put) in cuts {
            let mut start = place.index(text.len() + 1);
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, &put);
        }
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
    include_str!("../../../../sims/region-loss.toml"),
    include_str!("../../../../sims/replication-partition.toml"),
    include_str!("../../../../sims/flapping-link.toml"),
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

/// Text that is likely to mean something in the wrong place.
fn mutation() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "0",
        "-1",
        "1e999",
        "nan",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        ".",
        "#",
        "é",
        "\u{0}",
        "true",
        "\"never\"",
        "\"0s\"",
        "\"1e9s\"",
        "\"uniform(\"",
        "\"file(x)\"",
        "[]",
        "{}",
        "[[strategy]]\n",
        "[x]\n",
        "99999999999999999999",
        "\"us-east-1\"",
        "\"\\u0000\"",
        "1979-05-27",
        "\"100%\"",
        "0.5",
        "{ a = 1 }",
        "\"zipf()\"",
    ])
    .prop_map(str::to_owned)
}
