//! `regionfall fidelity`.

use std::path::{Path, PathBuf};

use crate::command::{Ended, ROOT, folder, regionfall_in};

const PINNED_KEPT: &str = "strategy = \"pinned\"\ncase = \"disks kept\"\nsource = \"a test\"";
const PINNED_LOST: &str = "strategy = \"pinned\"\ncase = \"disks lost\"\nsource = \"a test\"";

/// A folder with the small scenario under references of its own.
fn story(name: &str, references: &[String]) -> PathBuf {
    let folder = folder(name);
    let small = Path::new(ROOT).join("crates/regionfall-cli/tests/scenarios/small.toml");
    std::fs::copy(small, folder.join("small.toml")).unwrap();
    let blocks: Vec<String> = references
        .iter()
        .map(|keys| format!("[[reference]]\n{keys}\n"))
        .collect();
    let text = format!(
        "extends = \"small.toml\"\ntitle = \"Measured\"\n{}",
        blocks.concat()
    );
    std::fs::write(folder.join("measured.toml"), text).unwrap();
    folder
}

fn reference(metric: &str, measured: &str, of: &str) -> String {
    format!("metric = \"{metric}\"\n{measured}\n{of}")
}

fn fidelity(folder: &Path, arguments: &[&str]) -> Ended {
    let arguments = [&["fidelity", "."], arguments].concat();
    regionfall_in(folder, &arguments, b"")
}

fn rows(ended: &Ended) -> Vec<serde_json::Value> {
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    json["rows"].as_array().unwrap().clone()
}

/// After an outage of 30 s that nothing is done about, clients wait for a retransmission on their old
/// connections; a lost disk loses writes.
fn right() -> Vec<String> {
    vec![
        reference("rto_max_ms", "value = \"53s\"", PINNED_KEPT),
        reference("writes_lost", "value = 0", PINNED_KEPT),
        reference("first(adopted)", "value = \"never\"", PINNED_KEPT),
        reference(
            "first(acknowledged)",
            "value = \"0s\"\nsince = \"heal\"\ntolerance = \"2s\"",
            PINNED_KEPT,
        ),
        reference(
            "writes_lost",
            "keyspace = \"k\"\nsamples = [1, 2, 3, 4, 5, 6]",
            PINNED_LOST,
        ),
    ]
}

#[test]
fn what_agrees_and_what_does_not_is_told_and_counted() {
    let agreeing = fidelity(&story("fidelity-right", &right()), &[]).well();
    let expected = "5 of 5 references agree (100 %); all of them in 2 of 2 configurations";
    let agreeing = agreeing.prints(&["Measured (./measured.toml, 3 seeds)", "never", expected]);
    assert!(!agreeing.stdout.contains("NO"), "{}", agreeing.stdout);
    assert!(
        agreeing
            .stderr
            .contains("1 without `[[reference]]` passed over"),
        "{}",
        agreeing.stderr
    );

    let mut references = right();
    references[0] = reference("rto_max_ms", "value = \"20s\"", PINNED_KEPT);
    let differing = story("fidelity-wrong", &references);
    let ended = fidelity(&differing, &[]).with(12).prints(&[
        "NO",
        "4 of 5 references agree (80 %); all of them in 1 of 2 configurations",
    ]);
    assert!(
        ended
            .stderr
            .contains("80 % of references agree, 90 % are wanted"),
        "{}",
        ended.stderr
    );
    fidelity(&differing, &["--least", "80%"]).well();
    fidelity(&differing, &["--least", "81%"]).with(12);
}

#[test]
fn scripts_get_a_row_for_each_reference() {
    let folder = story("fidelity-rows", &right());
    let ended = fidelity(&folder, &["--format", "json", "--seeds", "4"]).well();
    let rows = rows(&ended);
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0]["metric"], "rto_max_ms");
    assert_eq!(
        (&rows[0]["seeds"], &rows[0]["by_tolerance"]),
        (&4.into(), &"yes".into())
    );
    assert_eq!(rows[1]["predicted"], 0.0);
    assert_eq!(rows[4]["keyspace"], "k");
    assert_eq!(
        (&rows[4]["n"], &rows[4]["agrees"]),
        (&6.into(), &"yes".into())
    );
    let csv = fidelity(&folder, &["--format", "csv", "--quiet"]).well();
    assert_eq!(csv.stdout.lines().count(), 6, "{}", csv.stdout);
    assert_eq!(csv.stderr, "");
    let page = fidelity(&folder, &["--markdown", "--seeds", "4"]).well();
    let page = page.prints(&[
        "### Measured\n",
        "`measured.toml`, 4 seeds.",
        "| configuration | figure |",
    ]);
    assert!(
        page.stdout
            .contains("| disks kept | rto_max_ms | 53.00 s |"),
        "{}",
        page.stdout
    );
}

#[test]
fn threads_change_nothing() {
    let folder = story("fidelity-threads", &right());
    let of = |jobs: &str| {
        fidelity(&folder, &["--format", "json", "--jobs", jobs])
            .well()
            .stdout
    };
    assert_eq!(of("1"), of("3"));
}

#[test]
fn samples_come_from_a_file_beside_the_scenario() {
    let of = |key: &str| {
        let samples = format!("samples = 'file(\"data/real.toml\", \"{key}\")'");
        let folder = story(
            "fidelity-file",
            &[reference("rto_max_ms", &samples, PINNED_KEPT)],
        );
        std::fs::create_dir(folder.join("data")).unwrap();
        let data = "[kill]\nrto_ms = [52900, 53100.5, 53200]\n[stop]\nrto_ms = [1000, 1100]\n";
        std::fs::write(folder.join("data/real.toml"), data).unwrap();
        fidelity(&folder, &[])
    };
    of("kill.rto_ms")
        .well()
        .prints(&["53.10 s", "yes: tolerance"]);
    of("stop.rto_ms").with(12).prints(&["1.05 s", "NO"]);
    of("stpo.rto_ms").refused_with(&["has no `stpo`", "did you mean `stop`?"]);
}

#[test]
fn folders_without_measurements_and_wrong_files_are_refused() {
    let quiet = folder("fidelity-none");
    fidelity(&quiet, &[]).refused_with(&["nothing was measured in `.`"]);
    let wrong = story(
        "fidelity-bad",
        &[reference("rto_mxa_ms", "value = \"1s\"", PINNED_KEPT)],
    );
    fidelity(&wrong, &[]).refused_with(&["measured.toml:", "did you mean `rto_max_ms`?"]);
    regionfall_in(&wrong, &["fidelity", "mesured.toml"], b"")
        .refused_with(&["did you mean `measured.toml`?"]);
    fidelity(&wrong, &["--least", "90"]).refused_with(&["as in `90%`"]);
}
