//! Stories: what is told of a run is what happened in it.

use regionfall::check::Recoverability;
use regionfall::explore::{ToldKind, explain};
use regionfall::scenario::Scenario;
use regionfall_kernel::{Seed, SimDuration};

const DISKS_LOST: &str = r#"
title = "a region falls with its disks"
seeds = 1
[phases]
warm_up = "5s"
storm = "60s"
calm = "30s"
[topology]
regions = ["us-east-1", "eu-west-1"]
[database.sync]
processing = "300ms"
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 2
rate = "100/s"
home = ["us-east-1", "eu-west-1"]
[[workload.keyspace]]
name = "keys"
mix = { set = 1 }
[[strategy]]
preset = "jedis-multidb"
[[fault]]
kind = "region-outage"
region = "us-east-1"
at = "20s"
lasts = "30s"
disks = "lost"
"#;

#[test]
fn a_story_tells_why_writes_were_lost_and_clients_slow() {
    let scenario = Scenario::from_toml(DISKS_LOST).expect("valid");
    let story = explain(
        &scenario,
        ("base", "jedis-multidb", "faults"),
        Seed::new(3),
        6,
    )
    .expect("the names are known");
    let kinds = [
        ToldKind::Fault,
        ToldKind::Detection,
        ToldKind::Route,
        ToldKind::Loss,
    ];
    for kind in kinds {
        assert!(
            story.timeline.iter().any(|told| told.kind == kind),
            "{kind:?}\n{:#?}",
            story.timeline
        );
    }
    assert!(
        story
            .timeline
            .windows(2)
            .all(|pair| pair[0].at <= pair[1].at)
    );

    assert!(!story.lost.is_empty());
    for chain in &story.lost {
        let texts: Vec<&str> = chain.steps.iter().map(|step| step.text.as_str()).collect();
        let place = |part: &str| texts.iter().position(|text| text.contains(part));
        let (asked, executed) = (place("asks for"), place("executes it"));
        let (told, died) = (place("has its success"), place("destroyed by"));
        assert!(
            asked < executed && executed < told && told < died,
            "{texts:?}"
        );
        assert!(asked.is_some());
        // 300 ms of processing was time enough for a copy over 40 ms or so, unless it came right before the fault.
        assert!(matches!(
            chain.judgement,
            Some(Recoverability::Physics { .. } | Recoverability::Configuration { .. })
        ));
    }

    let slowest = story.slow.first().expect("clients were slow");
    let sum = slowest
        .parts
        .iter()
        .fold(SimDuration::ZERO, |sum, part| sum + part.took);
    assert_eq!(Some(sum), slowest.rto, "the parts sum up to the whole");

    let found = story.inevitable.expect("a write was lost");
    let fault = story.outcome.account().faults[0].begins;
    assert!(
        found.from <= fault,
        "with the fault nothing can be saved: {found:?}"
    );
    assert!(found.from >= found.not_before);
}
