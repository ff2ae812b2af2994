//! `regionfall curve`.

use crate::command::{SMALL, folder, regionfall};
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
