//! `regionfall presets`.

use crate::command::regionfall;

#[test]
fn the_catalogue_and_each_entry_are_shown() {
    regionfall(&["presets"]).well().prints(&[
        "pinned",
        "route53-fast",
        "jedis-multidb",
        "weakest_grade",
    ]);
    regionfall(&["presets", "jedis-multidb"]).well().prints(&[
        "evidence.0.every",
        "HealthCheckStrategy.java",
        "worst-case detection: 5s",
    ]);
    let json = regionfall(&["presets", "--format", "json"]).well().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"][1]["detect_silent_max"], 40.0);
}

#[test]
fn a_preset_as_toml_is_a_strategy() {
    let text = regionfall(&["presets", "route53-fast", "--toml"])
        .well()
        .stdout;
    let scenario = format!("{text}\n[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n");
    let folder = std::path::Path::new(crate::command::ROOT);
    crate::command::regionfall_in(folder, &["check", "-"], scenario.as_bytes()).well();
}

#[test]
fn an_unknown_preset_is_answered_with_the_nearest() {
    regionfall(&["presets", "route53"]).refused_with(&[
        "there is no preset `route53`",
        "did you mean `route53-fast`?",
    ]);
}
