//! Presets, variants, overrides, objectives: what wins over what.

use regionfall::scenario::{LoadError, Loader};

use super::*;

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

/// Files that extend each other in a row, by number; the last stands alone.
struct Chain(usize);

impl Loader for Chain {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let number = path.trim_end_matches(".toml").parse::<usize>();
        let number = number.map_err(|error| LoadError {
            reason: error.to_string(),
        })?;
        let text = if number < self.0 {
            format!("extends = \"{}.toml\"\n", number + 1)
        } else {
            format!("[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n{PINNED}")
        };
        Ok(text.into_bytes())
    }
}

#[test]
fn a_chain_of_files_has_sixteen_at_most() {
    assert!(Scenario::load("1.toml", &Chain(16), &[]).is_ok());
    let error = Scenario::load("1.toml", &Chain(17), &[]).unwrap_err();
    assert_eq!(error.problems()[0].kind, ProblemKind::ExtendsTooDeep);
    let text = error.to_string();
    assert!(
        text.contains("`17.toml` is the 17th file of a chain"),
        "{text}"
    );
    assert!(!text.contains("comes back"), "{text}");
}

#[test]
fn a_variant_cannot_extend() {
    let text = format!("{PINNED}[[variant]]\nname = \"v\"\nset = {{ extends = \"b.toml\" }}\n");
    let error = small(&text).unwrap_err().to_string();
    assert!(error.contains("cannot be set over a scenario"), "{error}");
}
