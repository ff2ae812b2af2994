//! `regionfall crdt`.

use std::path::Path;

use crate::command::{ROOT, regionfall, regionfall_in};

/// A case with this as what must be read in the end.
fn case(id: &str, expected: &str, more: &str) -> String {
    format!(
        r#"
[[case]]
id = "{id}"
type = "string"
replicas = 2
{more}
steps = [
  {{ at = "t1", replica = 1, cmd = ["SET", "text", "a"] }},
  {{ at = "t2", replica = 2, cmd = ["SET", "text", "b"] }},
  {{ at = "t3", sync = "all" }},
]
expect = [{{ at = "t10", replica = "all", cmd = ["GET", "text"], result = "{expected}" }}]
"#
    )
}

fn crdt(arguments: &[&str], cases: &[String]) -> crate::command::Ended {
    let arguments = [&["crdt", "-"], arguments].concat();
    regionfall_in(Path::new(ROOT), &arguments, cases.concat().as_bytes())
}

#[test]
fn what_passes_is_counted_and_not_shown() {
    let ended = crdt(&[], &[case("right", "b", "")]).well();
    assert_eq!(ended.stdout, "1 passed, 0 failed, 0 ambiguous\n");
}

#[test]
fn a_case_that_fails_is_shown_with_its_steps() {
    let cases = [case("right", "b", ""), case("wrong", "a", "note = \"why\"")];
    let ended = crdt(&[], &cases).with(10).prints(&[
        "wrong (string): FAILED",
        "-:14",
        "note: why",
        "SET text a",
        "exchange everything",
        "✗  t10  all      GET text             \"a\"       \"b\"",
    ]);
    assert!(!ended.stdout.contains("right"), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .ends_with("\n1 passed, 1 failed, 0 ambiguous\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn what_is_ambiguous_neither_passes_nor_fails() {
    let cases = [
        case("agrees", "b", "ambiguous = true"),
        case(
            "differs",
            "a",
            "ambiguous = true\nambiguity = \"it is open\"",
        ),
    ];
    let ended = crdt(&[], &cases).well();
    assert_eq!(ended.stdout, "0 passed, 0 failed, 2 ambiguous\n");
    crdt(&["--verbose"], &cases).well().prints(&[
        "agrees (string): ambiguous, agreed",
        "differs (string): ambiguous, differed",
        "ambiguity: it is open",
        "0 passed, 0 failed, 2 ambiguous\n",
    ]);
}

#[test]
fn single_cases_can_be_chosen() {
    let cases = [case("right", "b", ""), case("wrong", "a", "")];
    crdt(&["--case", "right"], &cases)
        .well()
        .prints(&["1 passed, 0 failed"]);
    crdt(&["--case", "rihgt"], &cases).refused_with(&["there is no case `rihgt`", "`right`"]);
}

#[test]
fn scripts_get_a_row_for_each_case() {
    let cases = [case("right", "b", ""), case("wrong", "a", "")];
    let ended = crdt(&["--format", "json"], &cases)
        .with(10)
        .says(&["1 passed, 1 failed, 0 ambiguous"]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| &row["verdict"]).collect();
    assert_eq!(verdicts, ["passed", "failed"]);
    assert_eq!(rows[1]["wrong_at"], "t10");
    assert_eq!(rows[1]["got"], "\"b\"");
    assert_eq!(json["title"], "-: 1 passed, 1 failed, 0 ambiguous");
    let ended = crdt(&["--format", "csv", "--quiet"], &cases).with(10);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_wrong_file_is_refused() {
    let wrong = case("right", "b", "").replace("replica = \"all\"", "replica = 3");
    crdt(&[], &[wrong]).refused_with(&["-:12:", "got 3", "from 1 to 2"]);
    let wrong = case("right", "b", "").replace("cmd =", "cdm =");
    crdt(&[], &[wrong]).refused_with(&["unknown key `cdm`", "did you mean `cmd`?"]);
    crdt(&[], &["[[case]".to_owned()]).refused_with(&["not TOML"]);
    crdt(
        &["--set", "config.clusterd=true"],
        &[case("right", "b", "")],
    )
    .refused_with(&["did you mean `config.clustered`?"]);
    regionfall(&["crdt", "sims/conflicts/stream-id.toml"])
        .refused_with(&["no such file; did you mean `sims/conflicts/stream-ids.toml`?"]);
    regionfall(&["crdt", "sims/conflicts", "sims/no-such.toml"]).refused_with(&["no such file"]);
    regionfall(&["crdt", "crates"]).refused_with(&["there are no cases in `crates`"]);
    regionfall(&["crdt"]).refused_with(&["<PATH>"]);
}

#[test]
fn several_files_and_folders_end_with_one_total() {
    let folder = crate::command::folder("crdt-several");
    std::fs::create_dir(folder.join("more")).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("a.toml", case("right", "b", ""));
    write("more/b.toml", case("wrong", "a", ""));
    write("more/c.toml", case("open", "b", "ambiguous = true"));
    let run = |more: &[&str]| {
        let arguments = [&["crdt", "a.toml", "more"], more].concat();
        regionfall_in(&folder, &arguments, b"")
    };
    let ended = run(&[]).with(10).prints(&[
        "a.toml: 1 passed, 0 failed, 0 ambiguous\n",
        "wrong (string): FAILED\n  more/b.toml:2\n",
        "more/c.toml: 0 passed, 0 failed, 1 ambiguous\n",
    ]);
    assert!(
        ended
            .stdout
            .ends_with("\n1 passed, 1 failed, 1 ambiguous\n"),
        "{}",
        ended.stdout
    );
    // A case is looked for in all of them.
    let one = run(&["--case", "right"]).well();
    assert_eq!(
        one.stdout,
        "a.toml: 1 passed, 0 failed, 0 ambiguous\n1 passed, 0 failed, 0 ambiguous\n"
    );
    run(&["--case", "rihgt"]).refused_with(&["did you mean `right`?"]);
    let csv = run(&["--format", "csv"]).with(10);
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert!(lines[0].starts_with("file,case,type,"), "{}", lines[0]);
    assert!(lines[2].starts_with("more/b.toml,wrong,"), "{}", lines[2]);
}

#[test]
fn the_stories_hold() {
    let folder = Path::new(ROOT).join("sims/conflicts");
    let mut names: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let file = format!("sims/conflicts/{name}");
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(text.starts_with("# "), "{name} tells its story first");
        regionfall(&["crdt", &file])
            .well()
            .prints(&[" passed, 0 failed, 0 ambiguous"]);
    }
}

/// The page shows what the command prints.
#[test]
fn the_page_on_conflicts_tells_the_truth() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/conflicts.md")).unwrap();
    let block = |text: &str, language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        let blocks = text.split(begin.as_str()).skip(1);
        let blocks = blocks.map(|rest| rest.split("```\n").next().unwrap().to_owned());
        blocks.collect()
    };
    let folder = crate::command::folder("page-on-conflicts");
    std::fs::write(folder.join("mine.toml"), &block(&page, "toml")[0]).unwrap();
    let shown = block(&page, "console");
    assert!(shown.len() > 10, "{}", shown.len());
    for session in shown {
        let (line, output) = session.split_once('\n').unwrap();
        let arguments: Vec<&str> = line
            .strip_prefix("$ regionfall ")
            .unwrap()
            .split(' ')
            .collect();
        let is_own = arguments.contains(&"mine.toml");
        let folder = if is_own {
            folder.as_path()
        } else {
            Path::new(ROOT)
        };
        let ended = regionfall_in(folder, &arguments, b"").with(if is_own { 10 } else { 0 });
        assert_eq!(ended.stdout, output, "{line}");
    }
}

/// The documentation's own tables, with its prose where it has no table.
#[test]
fn the_documented_cases_hold() {
    let file = "crates/regionfall/tests/cases/documented.toml";
    regionfall(&["crdt", file])
        .well()
        .prints(&["31 passed, 0 failed, 8 ambiguous\n"]);
}
