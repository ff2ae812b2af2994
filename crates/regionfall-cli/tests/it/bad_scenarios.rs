//! The collection of wrong scenarios through the command: exit code 2, the message, and no panic.

use std::path::Path;

use crate::command::{ROOT, regionfall, regionfall_in};

#[test]
fn every_wrong_scenario_is_refused_with_its_message() {
    let folder = Path::new(ROOT).join("crates/regionfall/tests/bad-scenarios");
    let mut names: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    names.sort();
    assert!(names.len() > 40, "{}", names.len());
    for name in names {
        let got = regionfall_in(&folder, &["check", &name], b"").refused_with(&[]);
        let expected =
            std::fs::read_to_string(folder.join(name.replace(".toml", ".stderr"))).unwrap();
        // The command also knows which file of that folder may be meant.
        let lines = expected
            .lines()
            .map(|line| line.strip_suffix("no such file").unwrap_or(line));
        for (line, shown) in lines.zip(got.stderr.lines()) {
            assert!(
                shown.starts_with(line),
                "{name}: expected\n{expected}\ngot\n{}",
                got.stderr
            );
        }
        assert_eq!(
            expected.lines().count(),
            got.stderr.lines().count(),
            "{name}"
        );
    }
}

#[test]
fn no_command_runs_a_wrong_scenario() {
    let file = "crates/regionfall/tests/bad-scenarios/unknown-key.toml";
    for command in ["run", "verify"] {
        regionfall(&[command, file]).refused_with(&["unknown-key.toml:", "did you mean"]);
    }
}

#[test]
fn a_missing_file_is_answered_with_the_nearest() {
    regionfall(&["check", "sims/region-los.toml"]).refused_with(&[
        "sims/region-los.toml",
        "no such file; did you mean `sims/region-loss.toml`?",
    ]);
    regionfall(&["check", "sims"]).refused_with(&["it is a folder, not a file"]);
    regionfall(&["check", "no-such-folder/x.toml"]).refused_with(&["no such file"]);
}

#[test]
fn what_is_set_is_checked_like_the_file() {
    let set = ["check", "sims/region-loss.toml", "--set", "phases.strom=5m"];
    regionfall(&set).refused_with(&["--set", "did you mean `storm`?"]);
    regionfall(&["check", "sims/region-loss.toml", "--set", "phases.calm"])
        .refused_with(&["a key and a value are needed"]);
}

#[test]
fn a_value_is_told_as_it_was_given() {
    let file = "sims/region-loss.toml";
    let many = "seeds=99999999999999999999";
    regionfall(&["check", file, "--set", many]).refused_with(&["got 99999999999999999999"]);
    regionfall(&["compare", file, "--seeds", "2000000"]).refused_with(&[
        "'2000000' for '--seeds <N>'",
        "a whole number from 1 to 1000000",
    ]);
    let varied = "strategy.route53-fast.propagation.ttl=10s,60x";
    let ended = regionfall(&["curve", file, "--vary", varied]).refused_with(&["--vary:1:", "60x"]);
    assert!(!ended.stderr.contains("--set"), "{}", ended.stderr);
}

#[test]
fn what_is_read_before_cannot_be_set() {
    for (set, help) in [
        ("extends=b.toml", "write a file with `extends"),
        ("variant.base.name=x", "pick one with --variant"),
    ] {
        regionfall(&["check", "sims/region-loss.toml", "--set", set])
            .refused_with(&["cannot be set over a scenario", help]);
    }
}

#[test]
fn an_item_is_meant_by_the_beginning_of_its_name() {
    let folder = crate::command::folder("item-by-its-beginning");
    let regions = [
        "init",
        "--regions",
        "us-east-1,eu-west-1",
        "--out",
        "mine.toml",
    ];
    regionfall_in(&folder, &regions, b"").well();
    let set = |key: &str| regionfall_in(&folder, &["check", "mine.toml", "--set", key], b"");
    // The row of the README, on the scenario that its first row makes.
    set("workload.fleet.us-east-1.rate=500/s").well();
    set("workload.fleet.us.rate=500/s").refused_with(&[
        "`workload.fleet` has no item `us`",
        "allowed: `us-east-1`, `eu-west-1`",
        "did you mean `us-east-1`?",
    ]);
}
