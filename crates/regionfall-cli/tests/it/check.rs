//! `regionfall check`.

use crate::command::{SMALL, regionfall};

#[test]
fn a_right_scenario_is_described() {
    regionfall(&["check", SMALL]).well().prints(&[
        "small.toml: ok",
        "members    2: us-east-1, eu-west-1",
        "strategies 2: pinned, jedis, 5 s grace",
        "cases      2: disks kept, disks lost",
        "a run      85s of simulated time",
        "compare    3 seeds: 12 runs",
    ]);
}

#[test]
fn what_will_disappoint_is_no_error() {
    regionfall(&["check", "sims/region-loss.toml", "--set", "seeds=2"])
        .well()
        .says(&["warning: seeds: 2 seeds are too few"]);
}

#[test]
fn resolved_settings_have_origins_and_can_be_read_again() {
    let set = ["check", SMALL, "--resolved", "--set", "database.shards=2"];
    let resolved = regionfall(&set).well().prints(&[
        "shards = 2  # --set",
        "# default",
        "# preset jedis-multidb",
    ]);
    crate::command::regionfall_in(
        std::path::Path::new(crate::command::ROOT),
        &["check", "-"],
        resolved.stdout.as_bytes(),
    )
    .well()
    .prints(&["-: ok"]);
}

#[test]
fn scripts_get_a_row_for_each_variant() {
    let ended = regionfall(&[
        "check",
        "sims/replication-partition.toml",
        "--format",
        "csv",
    ])
    .well();
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    let ended = regionfall(&["--format", "json", "check", SMALL]).well();
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["rows"][0]["members"], 2);
}

#[test]
fn the_schema_is_the_committed_one() {
    let path = std::path::Path::new(crate::command::ROOT).join("docs/scenario.schema.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        regionfall(&["schema"]).well().stdout == committed,
        "docs/scenario.schema.json differs"
    );
}
