//! Plans as text: what a plan prints is read back as the same plan, and as a part of a whole file too.

use proptest::prelude::*;
use regionfall::arbitrary;
use regionfall::scenario::{Scenario, plan_from_toml, plan_to_toml};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_read_back_as_it_was_printed(drawn in arbitrary::scenario()) {
        let settings = &drawn.scenario.variants[0].settings;
        let plan = &settings.cases[0].faults;
        let text = plan_to_toml(plan, &settings.topology);
        let read = plan_from_toml(&text, settings).expect("a printed plan is valid");
        prop_assert_eq!(plan, &read, "{}", text);
    }

    #[test]
    fn a_plan_of_chaos_is_read_back_as_it_was_printed(drawn in arbitrary::scenario(), seed in any::<u64>()) {
        let settings = &drawn.scenario.variants[0].settings;
        let chaos = regionfall::fault::ChaosConfig::for_search(settings.phases.storm);
        let plan = chaos.draw(regionfall_kernel::Seed::new(seed), &settings.chaos_place());
        let text = plan_to_toml(&plan, &settings.topology);
        let read = plan_from_toml(&text, settings).expect("a printed plan is valid");
        prop_assert_eq!(&plan, &read, "{}", text);
    }
}

#[test]
fn triggers_and_distributions_are_printed_too() {
    let scenario = Scenario::from_toml(
        r#"
        title = "acts"
        [topology]
        regions = ["us-east-1", "eu-west-1", "us-west-2"]
        [[strategy]]
        preset = "pinned"
        [[fault]]
        kind = "force-remove"
        region = "us-west-2"
        at = "40s"
        when = "memory > 12.5%"
        reaction = "exponential(20s)"
        [[fault]]
        kind = "region-outage"
        region = "us-east-1"
        at = "uniform(31s, 60s)"
        lasts = "forever"
        takes = ["app-servers", "database"]
        [[fault]]
        kind = "partition"
        from = ["us-east-1", "eu-west-1"]
        at = "1m"
        lasts = "lognormal(median=10s, p99=1m)"
        direction = "one-way"
        scope = "checks"
        mode = "refusing"
        in_flight = "delivered"
        flapping = { period = "4s", down = "1s" }
        "#,
    )
    .expect("valid");
    let settings = &scenario.variants[0].settings;
    let plan = &settings.cases[0].faults;
    let text = plan_to_toml(plan, &settings.topology);
    assert_eq!(
        plan,
        &plan_from_toml(&text, settings).expect("valid"),
        "{text}"
    );
}

#[test]
fn what_is_wrong_with_a_plan_is_said_with_its_line() {
    let scenario = Scenario::from_toml(
        "title = \"x\"\n[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n[[strategy]]\npreset = \"pinned\"\n",
    )
    .expect("valid");
    let settings = &scenario.variants[0].settings;
    let wrong = "[[fault]]\nkind = \"hang\"\nregion = \"us-est-1\"\nat = \"1m\"\nlasts = \"5s\"\n";
    let error = plan_from_toml(wrong, settings)
        .expect_err("no such region")
        .to_string();
    assert!(
        error.contains("us-east-1") && error.contains("plan:3"),
        "{error}"
    );
}
