//! `regionfall curve`, and going on after an interruption.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{ROOT, SMALL, folder, regionfall};
use crate::compare::files;

#[test]
fn the_recovery_point_grows_with_the_lag() {
    let out = folder("curve-lag").join("out");
    let vary = "database.sync.processing=10ms,500ms,2s";
    let all = [
        "curve",
        SMALL,
        "--vary",
        vary,
        "--seeds",
        "6",
        "--case",
        "disks lost",
    ];
    let metric = ["--metric", "rpo_observed", "--out", out.to_str().unwrap()];
    let ended = regionfall(&[&all[..], &metric].concat()).well();
    ended.prints(&["rpo_observed", "pinned", "500ms"]);
    let written = files(&out);
    let svg = String::from_utf8(written["curve.svg"].clone()).unwrap();
    assert!(
        svg.contains("database.sync.processing (s)"),
        "the axis has its unit"
    );
    let csv = String::from_utf8(written["curve.csv"].clone()).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(header[..3], ["database.sync.processing", "at", "at_low"]);
    let value = header.iter().position(|name| *name == "value").unwrap();
    let pinned = csv.lines().filter(|line| line.contains(",pinned,"));
    let values: Vec<f64> = pinned
        .map(|line| line.split(',').nth(value).unwrap().parse().unwrap())
        .collect();
    assert_eq!(values.len(), 3);
    assert!(values[0] < values[1] && values[1] < values[2], "{values:?}");
    regionfall(&["reproduce", out.to_str().unwrap()])
        .well()
        .prints(&["the same bytes"]);
}

#[test]
fn what_cannot_be_varied_is_refused() {
    let out = folder("curve-refused").join("out");
    let refused = |more: &[&str], parts: &[&str]| {
        let all = ["curve", SMALL, "--out", out.to_str().unwrap()];
        regionfall(&[&all[..], more].concat()).refused_with(parts)
    };
    refused(&["--vary", "phases.kalm=1s,2s"], &["kalm"]);
    refused(&["--vary", "phases.calm=1s,-2s"], &["phases.calm"]);
    refused(
        &["--vary", "phases.calm=30s", "--metric", "rto_p5"],
        &["there is no column `rto_p5`"],
    );
    assert!(!out.exists());
}

/// The story: half an hour of points, and Ctrl-C at the second. What was finished stays, and the same
/// command comes to the same files as one that nobody stopped.
#[test]
fn an_interrupted_curve_goes_on_where_it_was() {
    let root = folder("curve-interrupted");
    let (out, partial) = (root.join("out"), root.join("out.partial"));
    let words = |out: &Path| -> Vec<String> {
        let vary = "strategy.jedis, 5 s grace.failback.grace=5s,10s,15s";
        let words = ["curve", SMALL, "--vary", vary, "--seeds", "30"];
        let words = words
            .into_iter()
            .chain(["--case", "disks lost", "--jobs", "1"]);
        let words = words.map(str::to_owned);
        words
            .chain(["--out".to_owned(), out.to_str().unwrap().to_owned()])
            .collect()
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_regionfall"))
        .args(words(&out))
        .current_dir(ROOT)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let told = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    for line in told.lines() {
        let line = line.unwrap();
        if line.contains("point 2 of 3") {
            let status = Command::new("kill").args(["-INT", &pid]).status().unwrap();
            assert!(status.success());
        }
        said.push_str(&line);
    }
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(
        said.contains("interrupted: 1 of 3 points are done and kept in "),
        "{said}"
    );
    assert!(
        said.contains("the same command goes on from there"),
        "{said}"
    );
    assert!(!out.exists());
    let kept = files(&partial);
    let manifest: Value = serde_json::from_slice(&kept["manifest.json"]).unwrap();
    assert_eq!(manifest["partial_of"], 30);
    let first = |csv: &[u8]| -> Vec<String> {
        let text = String::from_utf8(csv.to_vec()).unwrap();
        text.lines().take(3).map(str::to_owned).collect()
    };
    regionfall(&["reproduce", partial.to_str().unwrap()]).refused_with(&["holds a part of"]);
    let again = |out: &Path| {
        let words = words(out);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        regionfall(&words).well()
    };
    again(&out).says(&["going on from the "]);
    assert!(!partial.exists());
    let whole = root.join("whole");
    again(&whole);
    assert!(files(&out) == files(&whole), "as if nobody had stopped it");
    // The first point was whole when it was kept.
    assert_eq!(
        first(&kept["curve.csv"]),
        first(&files(&whole)["curve.csv"])
    );
    regionfall(&["reproduce", out.to_str().unwrap()])
        .well()
        .prints(&["the same bytes"]);
}
