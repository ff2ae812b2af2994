//! What must hold of the source tree: the direction of crates and modules, the form of files, and
//! documents that agree with the code.

use std::collections::BTreeMap;
use std::path::Path;

use regionfall::simulation::MODEL_VERSION;

use crate::command::ROOT;
use crate::tree::{files, files_ending, words_from};

/// The crates, and which of the others each may use.
const CRATES: &[(&str, &[&str])] = &[
    ("regionfall-kernel", &[]),
    ("regionfall-crdt", &[]),
    ("regionfall", &["regionfall-kernel", "regionfall-crdt"]),
    (
        "regionfall-tokio",
        &["regionfall-kernel", "regionfall-crdt", "regionfall"],
    ),
    (
        "regionfall-report",
        &["regionfall-kernel", "regionfall-crdt", "regionfall"],
    ),
    (
        "regionfall-cli",
        &[
            "regionfall-kernel",
            "regionfall-crdt",
            "regionfall",
            "regionfall-report",
        ],
    ),
];

/// The modules of `regionfall` in order: each may use those before it.
const MODULES: &[&str] = &[
    "topology",
    "network",
    "fault",
    "history",
    "database",
    "workload",
    "failover",
    "route",
    "client",
    "check",
    "metric",
    "scenario",
    "conflict",
    "simulation",
    "explore",
    "arbitrary",
];

/// Uses of a later module that are accepted, with the reason.
const ACCEPTED_ARROWS: &[(&str, &str, &str)] = &[];

/// Most lines of a file.
const LINES_MAX: usize = 600;

/// Asserts that nothing was found, and shows what was.
#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn crates_use_only_those_below_them() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for manifest in files_ending("crates", "/Cargo.toml") {
        let name = manifest.path.split('/').nth(1).unwrap();
        let allowed = CRATES.iter().find(|(known, _)| *known == name);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{name} is not in the table of crates"));
            continue;
        };
        seen += 1;
        let mut is_dependency = false;
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                is_dependency = line.contains("dependencies");
            }
            let used = line.split(['.', ' ', '=']).next().unwrap();
            let is_ours = CRATES.iter().any(|(known, _)| *known == used);
            // A crate names itself to have its own features in its tests.
            if is_dependency && is_ours && used != name && !allowed.contains(&used) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    none("crates against the direction", &wrong);
    assert_eq!(seen, CRATES.len(), "every crate of the table exists");
}

#[test]
fn modules_use_only_those_before_them() {
    let place = |name: &str| MODULES.iter().position(|module| *module == name);
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files_ending("crates/regionfall/src", ".rs") {
        let own = file.path.split('/').nth(3).unwrap().trim_end_matches(".rs");
        if own == "lib" {
            continue;
        }
        let Some(own_place) = place(own) else {
            wrong.push(format!("{own} is not in the table of modules"));
            continue;
        };
        *seen.entry(MODULES[own_place]).or_default() += 1;
        for used in uses(&file.text) {
            let is_accepted = ACCEPTED_ARROWS
                .iter()
                .any(|(from, to, _)| *from == own && *to == used);
            if place(&used).is_some_and(|used| used > own_place) && !is_accepted {
                wrong.push(format!("{} uses crate::{used}", file.path));
            }
        }
    }
    none("modules against the direction", &wrong);
    assert_eq!(
        seen.len(),
        MODULES.len(),
        "every module of the table exists: {seen:?}"
    );
}

/// The modules of the crate that a text names, in code; documentation may link anywhere.
fn uses(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut names = Vec::new();
    for (at, beginning) in code.match_indices("crate::") {
        let rest = &code[at + beginning.len()..];
        let list = match rest.strip_prefix('{') {
            // The first word of each item of the list; inner lists are of one module.
            Some(list) => outer_items(list),
            None => vec![rest],
        };
        names.extend(list.iter().map(|item| {
            let item = item.trim_start();
            let end = item.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            item[..end.unwrap_or(item.len())].to_owned()
        }));
    }
    names
}

/// The items of a list in braces, up to its end.
fn outer_items(list: &str) -> Vec<&str> {
    let (mut items, mut begin, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&list[begin..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    items
}

#[test]
fn uses_are_found_in_every_form() {
    let text = "use crate::fault::{A, B};\n//! crate::explore\nuse crate::{check::{X, Y}, metric as m};\nf(crate::route::z)";
    assert_eq!(uses(text), ["fault", "check", "metric", "route"]);
}

#[test]
fn every_source_file_says_what_it_is() {
    let is_silent = |text: &str| !text.starts_with("//! ");
    let silent = files_ending("crates", ".rs")
        .into_iter()
        .filter(|file| is_silent(&file.text));
    none(
        "files that do not open with `//!`",
        &silent.map(|file| file.path).collect::<Vec<_>>(),
    );
}

#[test]
fn no_source_file_is_too_long() {
    let mut long = Vec::new();
    for file in files_ending("crates", ".rs") {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            long.push(format!("{}: {lines} lines, at most {LINES_MAX}", file.path));
        }
    }
    none("files with a second concept in them", &long);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file does not find itself.
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    let mut found = Vec::new();
    for file in files_ending("crates", ".rs") {
        let here = words.iter().filter(|word| file.text.contains(**word));
        found.extend(here.map(|word| format!("{}: {word}", file.path)));
    }
    none("stubs", &found);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let folders = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
    ];
    let mut found = Vec::new();
    for file in files("") {
        let here = folders.iter().filter(|folder| has_path(&file.text, folder));
        found.extend(here.map(|folder| format!("{}: {folder}", file.path)));
    }
    none("paths of one machine", &found);
}

/// Whether an absolute path begins so: within a longer path or address it is something else.
fn has_path(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && !"-_.~}/".contains(c))
    })
}

#[test]
fn files_that_documents_name_exist() {
    let mut missing = Vec::new();
    for file in files_ending("", ".md") {
        for beginning in ["sims/", "presets/"] {
            // A name in capitals stands for any.
            let is_toml =
                |name: &&str| Path::new(name).extension().is_some_and(|end| end == "toml");
            let is_name = |name: &&str| is_toml(name) && !name.contains("NAME");
            for name in words_from(&file.text, beginning, "-_./").filter(is_name) {
                let folder = if beginning == "sims/" {
                    ""
                } else {
                    "crates/regionfall/"
                };
                if !Path::new(ROOT).join(folder).join(name).exists() {
                    missing.push(format!("{}: {name}", file.path));
                }
            }
        }
    }
    none("files that documents name and that are not there", &missing);
}

#[test]
fn the_change_log_speaks_of_the_model_version() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).unwrap();
    let version = format!("model version {MODEL_VERSION}");
    assert!(
        text.to_lowercase().contains(&version),
        "CHANGELOG.md does not speak of {version}"
    );
}

#[test]
fn bans_of_the_workspace_hold_in_crates_with_lists_of_their_own() {
    let paths = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once("path = \""));
        lines
            .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    // What the command may do and nobody else; thread::spawn stays banned in it all the same.
    let lifted = [
        "std::time::",
        "std::env::",
        "std::fs::",
        "std::thread::sleep",
    ];
    let own = paths("crates/regionfall-cli/clippy.toml");
    let forgotten = paths("clippy.toml").into_iter().filter(|path| {
        !own.contains(path) && !lifted.iter().any(|lifted| path.starts_with(lifted))
    });
    none(
        "bans that crates/regionfall-cli/clippy.toml forgets",
        &forgotten.collect::<Vec<_>>(),
    );
}
