//! `regionfall compare`: its tables, its folder, its exit codes, and going on after an interruption.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{SMALL, folder, regionfall};

/// The files of a folder but the one with date and host.
pub(crate) fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    named.filter(|(name, _)| name != "run-info.json").collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_folder_is_whole_and_the_same_whatever_the_jobs() {
    let root = folder("compare-jobs");
    let (one, two) = (root.join("one"), root.join("two"));
    let run = |jobs: &str, out: &Path| {
        regionfall(&[
            "compare",
            SMALL,
            "--seeds",
            "3",
            "--jobs",
            jobs,
            "--out",
            text(out),
        ])
        .well()
    };
    let first = run("1", &one);
    let second = run("2", &two);
    assert_eq!(first.stdout, second.stdout);
    first.prints(&[
        "Small, 3 seeds: estimated by simulation",
        "disks kept",
        "jedis, 5 s grace",
    ]);
    let written = files(&one);
    assert_eq!(written, files(&two));
    for name in [
        "manifest.json",
        "scenario.resolved.toml",
        "runs.csv",
        "incidents.csv",
        "episodes.csv",
        "summary.csv",
        "rto-cdf.svg",
        "rpo-cdf.svg",
        "timeline-disks-lost-pinned.svg",
        "report.html",
    ] {
        assert!(written.contains_key(name), "{name}");
    }
    assert!(one.join("run-info.json").is_file());
    let runs = String::from_utf8(written["runs.csv"].clone()).unwrap();
    assert!(runs.starts_with("model,scenario_digest,variant,strategy,case,seed,rpo_observed_ms,"));
    // Two strategies, two cases, three seeds, sorted.
    let keys: Vec<Vec<&str>> = runs.lines().skip(1).map(key).collect();
    assert_eq!(keys.len(), 12);
    assert_eq!(keys[0], ["pinned", "disks kept", "1"]);
    assert_eq!(keys[3], ["pinned", "disks lost", "1"]);
    assert_eq!(keys[11].last(), Some(&"3"));
    // Nothing else is left beside them.
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
}

/// Strategy, case and seed of a line; the second strategy's name holds a comma and is quoted.
fn key(line: &str) -> Vec<&str> {
    let rest = line.splitn(4, ',').nth(3).unwrap();
    let (strategy, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\",").unwrap(),
        None => rest.split_once(',').unwrap(),
    };
    let mut fields = vec![strategy];
    fields.extend(rest.splitn(3, ',').take(2));
    fields
}

#[test]
fn scripts_get_one_table() {
    let out = folder("compare-json").join("out");
    let ended = regionfall(&[
        "compare",
        SMALL,
        "--seeds",
        "2",
        "--format",
        "json",
        "--out",
        text(&out),
        "--case",
        "disks lost",
    ])
    .well();
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["seeds"], 2);
    assert_eq!(rows[0]["recovered_by_heal"], 1.0);
    let columns = json["columns"].as_array().unwrap();
    let unit = |name: &str| {
        let column = columns.iter().find(|column| column["name"] == name);
        column.unwrap_or_else(|| panic!("{name}"))["unit"].clone()
    };
    assert_eq!(unit("rto_p50_ms_median"), "ms");
    assert_eq!(unit("writes_lost_mean"), "writes");
    let summary = String::from_utf8(files(&out)["summary.csv"].clone()).unwrap();
    assert!(summary.contains(",rto_p50_ms_median,rto_p50_ms_median_low,"));
}

#[test]
fn objectives_are_judged_and_only_gates_decide_the_exit_code() {
    let out = folder("compare-gates").join("out");
    let with = |more: &[&str]| {
        let set = "objectives.rto_target={ max = \"1s\" }";
        let all = [
            "compare",
            SMALL,
            "--seeds",
            "2",
            "--set",
            set,
            "--out",
            text(&out),
        ];
        regionfall(&[&all[..], more].concat())
    };
    with(&[])
        .well()
        .prints(&["✗ pinned: max of rto_p99 ≤ 1 s missed: beyond in 2 of 2 seeds"]);
    with(&["--gate", "pinned"]).with(12);
    with(&["--strict"]).with(12);
    with(&["--gate", "pined"]).refused_with(&["did you mean `pinned`?"]);
    let few = "objectives.rto_target=600s";
    let all = [
        "compare",
        SMALL,
        "--seeds",
        "2",
        "--out",
        text(&out),
        "--set",
        few,
    ];
    regionfall(&all)
        .well()
        .prints(&["too few seeds (needs 299)"]);
    // A gate does not open for what nobody could prove.
    regionfall(&[&all[..], &["--strict"]].concat()).with(12);
}

#[test]
fn an_objective_without_a_value_decides_nothing() {
    let out = folder("compare-nobody").join("out");
    let fault = "case.disks-kept.fault=[{ kind = \"loss\", share = \"0.0000001%\", at = \"10s\", lasts = \"1ms\" }]";
    let all = [
        "compare",
        SMALL,
        "--seeds",
        "2",
        "--strict",
        "--case",
        "disks kept",
        "--out",
        text(&out),
        "--set",
        fault,
        "--set",
        "objectives.rto_target={ max = \"1s\" }",
    ];
    let ended = regionfall(&all).well();
    ended.prints(&["– pinned (gate): max of rto_p99 ≤ 1 s does not apply: nobody was exposed"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_first_run() {
    let root = folder("compare-unwritable");
    let file = root.join("file");
    fs::write(&file, "mine").unwrap();
    let refused = |out: &Path, parts: &[&str]| {
        // With ten hours of storm, nobody would wait for a run.
        let set = "phases.storm=10h";
        regionfall(&[
            "compare",
            SMALL,
            "--seeds",
            "50",
            "--set",
            set,
            "--out",
            text(out),
        ])
        .refused_with(parts)
    };
    refused(&file, &["cannot write results to", "it is a file", "--out"]);
    refused(&file.join("below"), &["cannot write results to", "--out"]);
    refused(&root, &["it holds files that are no results"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn older_results_are_replaced_as_a_whole() {
    let out = folder("compare-replace").join("out");
    let run = |seeds: &str| {
        regionfall(&[
            "compare",
            SMALL,
            "--seeds",
            seeds,
            "--out",
            text(&out),
            "--quiet",
        ])
        .well()
    };
    run("1");
    fs::write(out.join("rest-of-something"), "").unwrap();
    run("2");
    let written = files(&out);
    assert!(!written.contains_key("rest-of-something"));
    let runs = String::from_utf8(written["runs.csv"].clone()).unwrap();
    assert_eq!(runs.lines().count(), 1 + 2 * 2 * 2);
}

#[test]
fn a_shard_takes_every_nth_seed() {
    let out = folder("compare-shard").join("out");
    let all = [
        "compare",
        SMALL,
        "--seeds",
        "5",
        "--shard",
        "2/3",
        "--out",
        text(&out),
    ];
    regionfall(&all).well().prints(&["Small, 2 seeds"]);
    let manifest: Value = serde_json::from_slice(&files(&out)["manifest.json"]).unwrap();
    assert_eq!(manifest["seeds"], serde_json::json!([2, 5]));
}

#[test]
fn a_comparison_ends_once_it_is_sharp_enough() {
    let out = folder("compare-until").join("out");
    let common = [
        "compare",
        SMALL,
        "--seeds",
        "200",
        "--case",
        "disks kept",
        "--out",
        text(&out),
    ];
    // Nothing is lost where disks survive, which the first look shows.
    let ended = regionfall(&[&common[..], &["--until", "rpo_observed=5%"]].concat());
    ended.well().prints(&["Small, 20 seeds"]);
    regionfall(&[&common[..], &["--until", "rto=5%"]].concat())
        .refused_with(&["there is no column `rto`"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_comparison_is_kept_and_gone_on_from() {
    use std::process::{Command, Stdio};
    use std::thread::sleep;
    use std::time::Duration;

    use crate::command::ROOT;

    let root = folder("compare-interrupt");
    let (out, partial, whole) = (
        root.join("out"),
        root.join("out.partial"),
        root.join("whole"),
    );
    let arguments = ["compare", SMALL, "--seeds", "60", "--jobs", "1", "--out"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_regionfall"))
        .args(arguments)
        .arg(&out)
        .args(["--set", "phases.calm=8m"])
        .current_dir(ROOT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(Duration::from_secs(2));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    // What is there is not presented as complete.
    assert!(!out.exists());
    let manifest: Value = serde_json::from_slice(&files(&partial)["manifest.json"]).unwrap();
    assert_eq!(manifest["partial_of"], 60);
    let page = String::from_utf8(files(&partial)["report.html"].clone()).unwrap();
    assert!(page.contains("Partial: the comparison was stopped after"));
    regionfall(&["reproduce", text(&partial)]).refused_with(&["holds a part of 60 seeds"]);
    let more = |out: &Path| {
        let all = [&arguments[..], &[text(out), "--set", "phases.calm=8m"]].concat();
        regionfall(&all).well()
    };
    more(&out).says(&["going on from the "]);
    assert!(!partial.exists());
    more(&whole);
    assert_eq!(files(&out), files(&whole));
}
