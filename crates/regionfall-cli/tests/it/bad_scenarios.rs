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
