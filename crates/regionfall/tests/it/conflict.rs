//! Reading case files: a collection of wrong ones with the messages that they must give, and mutations of
//! right ones, which must never do worse than an error.

use std::fmt::Write as _;

use proptest::prelude::*;
use regionfall::conflict::{CaseFile, Verdict};

use crate::files::{Bytes, Folder, ROOT, files, mangled, snapshot};

const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad-cases/");

#[test]
fn every_wrong_file_gives_its_message() {
    let mut wrong = Vec::new();
    let names = files(BAD, ".toml");
    assert!(names.len() > 40, "{}", names.len());
    for name in names {
        let got = match CaseFile::load(&name, &Folder(BAD), &[]) {
            Ok(_) => "it was read without an error\n".to_owned(),
            Err(error) => format!("{}\n", error.render(false)),
        };
        if let Err(difference) = snapshot(BAD, &name.replace(".toml", ".stderr"), &got) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_message_says_that_nothing_is_wrong() {
    for name in files(BAD, ".toml") {
        let error = CaseFile::load(&name, &Folder(BAD), &[]).unwrap_err();
        assert!(!error.problems().is_empty(), "{name}");
        for problem in error.problems() {
            let place = problem.place.as_ref();
            assert!(
                place.is_some_and(|place| place.file == name),
                "{name}: {problem:?}"
            );
        }
    }
    let missing = CaseFile::load("nowhere.toml", &Folder(BAD), &[]).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("cannot read `nowhere.toml`: no such file")
    );
}

#[test]
fn what_is_set_wins_over_every_case() {
    let set = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        CaseFile::load("sims/conflicts/stream-ids.toml", &Folder(ROOT), &pairs)
    };
    let file = set(&[("config.causal_consistency", "true")]).unwrap();
    assert!(file.cases.iter().all(|case| case.config.causal_consistency));
    for (key, value, part) in [
        ("config.xadd_id_mode", "libral", "did you mean `liberal`?"),
        (
            "config.clusterd",
            "true",
            "did you mean `config.clustered`?",
        ),
        ("config.clustered", "1", "true or false"),
        ("replicas", "3", "cannot be set"),
    ] {
        let error = set(&[(key, value)]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// Cases beyond those of the documentation, derived from its rules.
#[test]
fn further_cases_pass() {
    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/");
    let file = CaseFile::load("further.toml", &Folder(CASES), &[]).unwrap();
    assert!(file.cases.len() > 30);
    for case in &file.cases {
        let outcome = case.run();
        assert!(
            outcome.verdict() == Verdict::Passed,
            "{}: {:?}",
            case.id,
            outcome.first_wrong()
        );
    }
}

/// The page on data types names every command.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads the page")]
fn every_command_is_on_the_page_of_data_types() {
    let page = std::fs::read_to_string(format!("{ROOT}docs/data-types.md")).unwrap();
    let missing: Vec<&str> = regionfall_crdt::CommandKind::ALL
        .iter()
        .map(|kind| kind.name())
        .filter(|name| !page.contains(&format!("`{}`", name.to_uppercase())))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// Everything that a case may hold.
const EVERYTHING: &str = include_str!("everything.toml");

#[test]
fn everything_that_a_case_may_hold_is_read() {
    let file = CaseFile::from_toml(EVERYTHING).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.cases.len(), 3);
    let [whole, inferred, _] = &file.cases[..] else {
        panic!()
    };
    assert_eq!((whole.line, whole.replicas, whole.steps.len()), (3, 3, 6));
    assert_eq!(whole.expect.len(), 9);
    assert!(inferred.is_ambiguous && inferred.ambiguity.is_none());
}

proptest! {
    #[test]
    fn random_bytes_are_no_case_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = CaseFile::load("a/b.toml", &Bytes(bytes), &[]) {
            prop_assert!(!error.render(true).is_empty());
        }
    }

    #[test]
    fn mutated_files_never_panic(text in mangled(EVERYTHING)) {
        match CaseFile::from_toml(&text) {
            Ok(file) => for case in &file.cases {
                let outcome = case.run();
                let is_settled = outcome.first_wrong().is_none();
                prop_assert_eq!(matches!(outcome.verdict(), Verdict::Passed | Verdict::Ambiguous { agreed: true }), is_settled);
            },
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// Whatever clients say, replicas answer, and agree once everything is exchanged.
fn said() -> impl Strategy<Value = Vec<String>> {
    // Within a transaction nothing is answered.
    let kinds = regionfall_crdt::CommandKind::ALL.iter().copied();
    let kinds = kinds.filter(|kind| *kind != regionfall_crdt::CommandKind::Multi);
    let kinds: Vec<_> = kinds.collect();
    let word = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "k", "$", "$.a", "$..a[0]", "*", "-", "+", "0", "1", "-1", "2.5"]),
        2 => prop::sample::select(vec!["100-1", "inf", "9223372036854775807", "FIELDS", "STREAMS", "GROUP", "CREATE", "MKSTREAM", ">", "NX", "EX", "COUNT", "LEFT", "AFTER", "{\"a\":[1]}", "[]", ""]),
    ];
    let words = proptest::collection::vec(word.prop_map(str::to_owned), 0..6);
    (prop::sample::select(kinds), words).prop_map(|(kind, mut words)| {
        words.insert(0, kind.name().to_uppercase());
        words
    })
}

proptest! {
    #[test]
    fn whatever_is_said_is_answered(
        said in proptest::collection::vec((1..4_usize, said(), 0..4_u8), 1..30),
    ) {
        let mut text = "[[case]]\nid = \"said\"\nreplicas = 3\norigin = \"inferred\"\nsteps = [\n".to_owned();
        for (index, (replica, words, exchange)) in said.iter().enumerate() {
            writeln!(text, "  {{ at = \"t{index}\", replica = {replica}, cmd = {words:?} }},").unwrap();
            if *exchange == 0 {
                writeln!(text, "  {{ at = \"t{index}\", deliver = {{ from = {replica}, to = {} }} }},", replica % 3 + 1).unwrap();
            }
        }
        text += "  { at = \"t99\", sync = \"all\" },\n]\nexpect = [\n";
        for read in ["EXISTS", "TYPE", "GET", "SMEMBERS", "HGETALL", "LLEN", "PFCOUNT", "JSON.GET", "XLEN", "ZCARD", "PTTL"] {
            writeln!(text, "  {{ at = \"t99\", replica = \"all\", cmd = [\"{read}\", \"k\"], nil = true }},").unwrap();
        }
        text += "]\n";
        let file = CaseFile::from_toml(&text).unwrap();
        let outcome = file.cases[0].run();
        for line in outcome.lines.iter().rev().take(11) {
            let got = line.got.as_ref().unwrap();
            prop_assert!(!got.starts_with("1: "), "{} answers {got}\n{text}", line.what);
        }
    }
}
