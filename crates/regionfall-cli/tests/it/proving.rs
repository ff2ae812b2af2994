//! `test`, `shrink` and `explain`, end to end.

use std::path::Path;

use crate::command::{ROOT, SMALL, folder, regionfall, regionfall_in};

/// A client that stays where it is, and a bound that it misses under any outage of its home.
const MISSED: &str = r#"
title = "somebody waits"
seeds = 1
[phases]
warm_up = "2s"
storm = "30s"
calm = "20s"
[topology]
regions = ["us-east-1", "eu-west-1", "us-west-2"]
[database.sync]
processing = "lognormal(median=20ms, p99=200ms)"
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 4
rate = "60/s"
home = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "eu"
region = "eu-west-1"
servers = 2
rate = "20/s"
home = ["eu-west-1"]
[[strategy]]
preset = "pinned"
[[fault]]
kind = "region-outage"
region = "us-east-1"
at = "uniform(4s, 8s)"
lasts = "uniform(9s, 13s)"
takes = ["database", "checkers"]
mode = "refusing"
[[fault]]
kind = "loss"
between = ["eu-west-1", "us-west-2"]
at = "5s"
lasts = "10s"
share = "20%"
[objectives]
rto_max = { max = "5s" }
"#;

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn scenarios_that_hold_pass_and_each_has_its_line() {
    let out = folder("proving-ok");
    let junit = out.join("junit.xml");
    let ended = regionfall(&[
        "test",
        SMALL,
        "--seeds",
        "2",
        "--junit",
        junit.to_str().unwrap(),
    ])
    .well();
    let ended = ended.prints(&["small.toml", "0 failed", "seen in"]);
    assert!(
        ended
            .stdout
            .lines()
            .filter(|line| line.contains("ok "))
            .count()
            > 1
    );
    let xml = std::fs::read_to_string(junit).unwrap();
    assert!(xml.starts_with("<?xml") && xml.contains("<testcase") && !xml.contains("<failure"));
}

#[test]
fn the_canary_fails_or_nobody_would_notice_that_nothing_does() {
    regionfall(&["test", "sims/canary.toml"]).with(10).prints(&[
        "FAILED",
        "loss within its bound",
        // In the names of the file.
        "of us server 1, taken by us-east-1, is lost",
        "repeat with: regionfall run sims/canary.toml",
    ]);
    // In a folder it is left out, and said so.
    let out = folder("proving-canary");
    write(
        &out,
        "canary.toml",
        &std::fs::read_to_string(Path::new(ROOT).join("sims/canary.toml")).unwrap(),
    );
    write(
        &out,
        "small.toml",
        &std::fs::read_to_string(Path::new(ROOT).join(SMALL)).unwrap(),
    );
    regionfall(&["test", out.to_str().unwrap(), "--seeds", "1"])
        .well()
        .says(&["must fail, and is left out"]);
}

#[test]
fn a_failure_prints_the_line_that_repeats_it() {
    let out = folder("proving-repeat");
    write(&out, "missed.toml", MISSED);
    let ended = regionfall_in(
        &out,
        &["test", "missed.toml", "--seeds", "1", "--junit", "x.xml"],
        b"",
    )
    .with(12);
    let line = ended
        .stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("repeat with: regionfall "));
    let line = line.unwrap().split("  #").next().unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    assert!(words.contains(&"--expect"));
    // The very run, with its hash.
    regionfall_in(&out, &words, b"")
        .with(12)
        .says(&["the trace hash is the expected one"]);
    assert!(
        std::fs::read_to_string(out.join("x.xml"))
            .unwrap()
            .contains("<failure")
    );
}

#[test]
fn what_is_expected_sometimes_and_never_seen_is_told() {
    let out = folder("proving-sometimes");
    let text = MISSED.replace("rto_max = { max = \"5s\" }", "")
        + "[expect]\nsometimes = [\"a failover\"]\n";
    write(&out, "never.toml", &text);
    regionfall_in(&out, &["test", "never.toml", "--seeds", "1"], b"")
        .with(13)
        .prints(&["never seen: a failover"]);
    let seen = text.replace("\"a failover\"", "\"an episode\"");
    write(&out, "seen.toml", &seen);
    regionfall_in(&out, &["test", "seen.toml", "--seeds", "1"], b"").well();
    let unknown = text.replace("\"a failover\"", "\"a failovr\"");
    write(&out, "unknown.toml", &unknown);
    regionfall_in(&out, &["test", "unknown.toml"], b"").refused_with(&["a failover"]);
}

#[test]
fn chaos_is_a_case_of_its_own_and_can_be_repeated() {
    let out = folder("proving-chaos");
    let text = format!(
        "{}\n[chaos]\nrate = \"4/m\"\n[chaos.mix]\nhost-crash = 1\n[chaos.lasts]\nhost-crash = \"uniform(6s, 9s)\"\n",
        MISSED.split("[[fault]]").next().unwrap()
    ) + "[objectives]\nerrors = { max = 0 }\n";
    write(&out, "chaos.toml", &text);
    let ended = regionfall_in(&out, &["test", "chaos.toml", "--seeds", "3"], b"");
    assert!(matches!(ended.status, Some(11 | 12)), "{}", ended.stdout);
    assert!(ended.stdout.contains("chaos"));
    // The plan of a seed is the same when the seed is run by itself.
    let fails = |seed: &str| {
        let arguments = ["run", "chaos.toml", "--case", "chaos", "--seed", seed];
        regionfall_in(&out, &arguments, b"").status != Some(0)
    };
    assert!(["1", "2", "3"].iter().any(|seed| fails(seed)));
}

#[test]
fn a_failing_run_is_shrunk_to_a_file_a_test_and_a_story() {
    let out = folder("proving-shrink");
    write(&out, "missed.toml", MISSED);
    let arguments = [
        "shrink",
        "missed.toml",
        "--seed",
        "3",
        "--runs",
        "400",
        "--out",
        "small",
    ];
    let ended = regionfall_in(&out, &arguments, b"").well();
    ended.prints(&[
        "rto_max_ms",
        "missed-seed-3.toml",
        "missed_seed_3.rs",
        "missed-seed-3.txt",
    ]);
    let toml = std::fs::read_to_string(out.join("small/missed-seed-3.toml")).unwrap();
    assert_eq!(toml.matches("[[fault]]").count(), 1, "{toml}");
    assert!(toml.contains("regions = [\"us-east-1\", \""), "{toml}");
    assert!(
        !(toml.contains("us-west-2") && toml.contains("eu-west-1")),
        "{toml}"
    );
    assert!(
        toml.contains("[replay]") && toml.contains("expect = \""),
        "{toml}"
    );
    let rust = std::fs::read_to_string(out.join("small/missed_seed_3.rs")).unwrap();
    assert!(rust.contains("#[test]\nfn missed_seed_3()"), "{rust}");
    // What it wrote is a scenario that fails in the same way, in the very same run.
    regionfall_in(&out, &["test", "small/missed-seed-3.toml"], b"")
        .well()
        .prints(&["breaks as it did: rto_max_ms"]);
    regionfall_in(
        &out,
        &[
            "shrink",
            "missed.toml",
            "--seed",
            "3",
            "--property",
            "nothing",
        ],
        b"",
    )
    .with(13)
    .says(&["`nothing` does not fail with seed 3, in its only run"]);
}

#[test]
fn a_saved_failure_is_the_same_run_or_says_why_not() {
    let out = folder("proving-replay");
    let saved = |replay: &str| {
        MISSED.replace("rto_max = { max = \"5s\" }", "") + "[replay]\nseed = 3\n" + replay
    };
    write(
        &out,
        "a.toml",
        &saved("model = 2\nexpect = \"0000000000000001\"\n"),
    );
    let model = regionfall::simulation::MODEL_VERSION;
    let expected = if model == 2 { 14 } else { 0 };
    regionfall_in(&out, &["test", "a.toml"], b"").with(expected);
    write(
        &out,
        "b.toml",
        &saved("model = 1\nexpect = \"0000000000000001\"\n"),
    );
    regionfall_in(&out, &["test", "b.toml"], b"")
        .well()
        .prints(&["since model version 1"]);
    write(
        &out,
        "c.toml",
        &saved(&format!(
            "model = {model}\nbroken = \"every client is served\"\n"
        )),
    );
    regionfall_in(&out, &["test", "c.toml"], b"")
        .with(10)
        .prints(&["does not break any more"]);
}

#[test]
fn a_story_is_told_as_text_as_json_and_as_a_picture() {
    let out = folder("proving-explain");
    write(&out, "missed.toml", MISSED);
    let told = regionfall_in(
        &out,
        &[
            "explain",
            "missed.toml",
            "--seed",
            "3",
            "--svg",
            "story.svg",
        ],
        b"",
    )
    .well();
    told.prints(&[
        "the outage of us-east-1 began",
        "Why clients were slow",
        "regionfall run missed.toml",
    ]);
    let svg = std::fs::read_to_string(out.join("story.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("region outage"));
    let json = regionfall_in(
        &out,
        &[
            "explain",
            "missed.toml",
            "--seed",
            "worst:rto",
            "--seeds",
            "3",
            "--format",
            "json",
        ],
        b"",
    )
    .well();
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(value[0]["timeline"].as_array().unwrap().len() > 2);
    assert!(value[0]["slow"][0]["rto_s"].as_f64().unwrap() > 5.0);
    regionfall_in(
        &out,
        &[
            "explain",
            "missed.toml",
            "--seed",
            "median",
            "--seeds",
            "3",
            "--format",
            "csv",
        ],
        b"",
    )
    .well()
    .prints(&["fault"]);
    regionfall_in(&out, &["explain", "missed.toml", "--seed", "best"], b"")
        .refused_with(&["worst:rto"]);
}

#[test]
fn where_nothing_fails_there_is_nothing_to_shrink() {
    let shrink = ["shrink", SMALL, "--seed", "1"];
    let ended = regionfall(&shrink).with(13).says(&[
        "nothing fails with seed 1, in any of 4 runs",
        &format!("regionfall test {SMALL} --seeds 100"),
    ]);
    assert_eq!(ended.stdout, "");
    regionfall(&[&shrink[..], &["--property", "rto_max_ms"]].concat())
        .with(13)
        .says(&[
            "`rto_max_ms` does not fail with seed 1",
            "without --property",
        ]);
}
