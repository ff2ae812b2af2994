//! `regionfall reproduce`.

use std::fs;

use crate::command::{SMALL, folder, regionfall, regionfall_in};

/// A scenario with variants and a data file, so that both have to come back.
const WITH_DATA: &str = "
title = \"With data\"
[phases]
warm_up = \"5s\"
storm = \"30s\"
calm = \"20s\"
[topology]
regions = [\"us-east-1\", \"eu-west-1\"]
[database.sync]
processing = 'file(\"data/lag.csv\")'
[[strategy]]
preset = \"jedis-multidb\"
[[fault]]
kind = \"host-crash\"
region = \"us-east-1\"
at = \"10s\"
lasts = \"10s\"
[[variant]]
name = \"one shard\"
[[variant]]
name = \"two shards\"
set = { \"database.shards\" = 2 }
";

#[test]
fn the_same_bytes_are_found_and_a_changed_one_too() {
    let out = folder("reproduce").join("out");
    let path = out.to_str().unwrap();
    regionfall(&["compare", SMALL, "--seeds", "2", "--out", path]).well();
    regionfall(&["reproduce", path, "--jobs", "1"])
        .well()
        .prints(&["the same bytes"]);
    let runs = out.join("runs.csv");
    let text = fs::read_to_string(&runs).unwrap();
    fs::write(&runs, text.replacen(",pinned,", ",Pinned,", 1)).unwrap();
    let ended = regionfall(&["reproduce", path]).with(14);
    ended.prints(&[
        "changed since it was written",
        "line 2",
        "not the same bytes",
    ]);
    fs::write(&runs, text).unwrap();
    // What somebody else put there says nothing about the results.
    fs::write(out.join("note.txt"), "mine").unwrap();
    let ended = regionfall(&["reproduce", path]).well();
    let ended = ended.says(&["note.txt is none of the results"]);
    assert!(!ended.stdout.contains("note.txt"), "{}", ended.stdout);
    fs::remove_file(out.join("report.html")).unwrap();
    regionfall(&["reproduce", path])
        .with(14)
        .prints(&["missing", "not the same bytes"]);
}

#[test]
fn variants_and_data_files_come_back() {
    let root = folder("reproduce-data");
    fs::create_dir(root.join("data")).unwrap();
    fs::write(root.join("data/lag.csv"), "10ms\n20ms\n40ms\n").unwrap();
    fs::write(root.join("a.toml"), WITH_DATA).unwrap();
    let run = |arguments: &[&str]| regionfall_in(&root, arguments, b"");
    run(&["compare", "a.toml", "--seeds", "2"]).well();
    assert!(root.join("results/a/input-1-lag.csv").is_file());
    fs::remove_dir_all(root.join("data")).unwrap();
    fs::remove_file(root.join("a.toml")).unwrap();
    run(&["reproduce", "results/a"])
        .well()
        .prints(&["the same bytes"]);
}

#[test]
fn what_holds_no_results_is_refused() {
    let root = folder("reproduce-nothing");
    let path = root.to_str().unwrap();
    regionfall(&["reproduce", path]).refused_with(&["holds no results", "manifest.json"]);
    regionfall(&["reproduce", "no/such"]).refused_with(&["cannot read results", "no such folder"]);
    for near in ["results/region-los", "region-los"] {
        regionfall(&["reproduce", near])
            .refused_with(&["no such folder; did you mean `results/region-loss`?"]);
    }
    regionfall(&["reproduce", "README.md"]).refused_with(&["it is a file"]);
    fs::write(root.join("manifest.json"), "{}").unwrap();
    regionfall(&["reproduce", path]).refused_with(&["manifest.json"]);
}
