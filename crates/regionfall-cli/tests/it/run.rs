//! `regionfall run`.

use serde_json::Value;

use crate::command::{SMALL, regionfall};

fn rows(arguments: &[&str]) -> Vec<Value> {
    let ended = regionfall(&[arguments, &["--format", "json"]].concat()).well();
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    json["rows"].as_array().unwrap().clone()
}

#[test]
fn each_strategy_and_case_is_run_once() {
    regionfall(&["run", SMALL, "--seed", "7"]).well().prints(&[
        "Small, seed 7",
        "(ms)",
        "pinned, disks kept",
        "--strategy 'jedis, 5 s grace' --case 'disks lost' --seed 7 --expect ",
    ]);
    let rows = rows(&["run", SMALL]);
    let names: Vec<[&str; 2]> = rows
        .iter()
        .map(|row| {
            [
                row["strategy"].as_str().unwrap(),
                row["case"].as_str().unwrap(),
            ]
        })
        .collect();
    assert_eq!(
        names,
        [
            ["pinned", "disks kept"],
            ["pinned", "disks lost"],
            ["jedis, 5 s grace", "disks kept"],
            ["jedis, 5 s grace", "disks lost"],
        ]
    );
    assert_eq!(rows[0]["recovered_by"], "heal");
    assert!(rows[0]["rto_max_ms"].as_f64().unwrap() > 20_000.0);
}

#[test]
fn columns_for_scripts_are_named_as_in_the_folder() {
    let one = ["--strategy", "pinned", "--case", "disks lost"];
    let csv = regionfall(&[&["run", SMALL, "--format", "csv"], &one[..]].concat()).well();
    let header: Vec<&str> = csv.stdout.lines().next().unwrap().split(',').collect();
    let columns = regionfall::metric::RUN_COLUMNS.iter();
    let columns: Vec<&str> = columns.map(|column| column.name).collect();
    assert_eq!(header[6..header.len() - 3], columns);
    let json = regionfall(&[&["run", SMALL, "--format", "json"], &one[..]].concat()).well();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["columns"][6]["name"], columns[0]);
    assert_eq!(json["columns"][6]["unit"], "ms");
}

#[test]
fn the_same_run_has_the_same_hash_and_another_seed_another() {
    let one = ["run", SMALL, "--strategy", "pinned", "--case", "disks lost"];
    let hash = |seed: &str| {
        let rows = rows(&[&one[..], &["--seed", seed]].concat());
        assert_eq!(rows.len(), 1);
        rows[0]["trace_hash"].as_str().unwrap().to_owned()
    };
    let first = hash("1");
    assert_eq!(first, hash("1"));
    assert_ne!(first, hash("2"));
    let expect = |hash: &str| regionfall(&[&one[..], &["--expect", hash]].concat());
    expect(&first)
        .well()
        .says(&["the trace hash is the expected one"]);
    expect("0123456789abcdef")
        .with(14)
        .says(&[&first, "expected was 0123456789abcdef"]);
}

#[test]
fn an_expectation_is_about_one_run() {
    regionfall(&["run", SMALL, "--expect", "0123456789abcdef"])
        .refused_with(&["--expect is about one run, these are 4"]);
    regionfall(&["run", SMALL, "--expect", "12"]).refused_with(&["16 hexadecimal digits"]);
}

#[test]
fn names_that_do_not_exist_are_answered_with_the_nearest() {
    let cases = [
        ("--strategy", "pined", "did you mean `pinned`?"),
        ("--case", "disks-lost", "did you mean `disks lost`?"),
        ("--variant", "basis", "did you mean `base`?"),
    ];
    for (argument, name, help) in cases {
        regionfall(&["run", SMALL, argument, name]).refused_with(&[name, "allowed: ", help]);
    }
}

#[test]
fn a_bound_on_every_run_is_missed_by_one() {
    let set = [
        "run",
        SMALL,
        "--strategy",
        "pinned",
        "--set",
        "objectives.rto_target={ max = \"1s\" }",
    ];
    regionfall(&set)
        .with(12)
        .prints(&["missed: rto_p99 is 48 s, its objective at most 1 s"]);
    let set = [
        "run",
        SMALL,
        "--strategy",
        "pinned",
        "--set",
        "objectives.rto_target=1s",
    ];
    regionfall(&set).well().prints(&["as p99 over many runs"]);
}

#[test]
fn a_fault_in_vain_is_reported() {
    let set = "case.disks-kept.fault=[{ kind = \"loss\", share = \"0.0000001%\", at = \"10s\", lasts = \"1ms\" }]";
    let ended = regionfall(&["run", SMALL, "--case", "disks kept", "--set", set]).well();
    ended.prints(&["fault 1 (loss at 10s) touched nothing"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_regionfall"))
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
