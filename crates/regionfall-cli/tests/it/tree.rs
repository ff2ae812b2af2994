//! The source tree as texts: what `tidy` looks at.

use std::path::Path;

use crate::command::ROOT;

/// A file with its path from the root of the workspace, written with `/`.
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All text files of the project below a folder, by path.
pub(crate) fn files(below: &str) -> Vec<Text> {
    let mut found = Vec::new();
    collect(
        &Path::new(ROOT).join(below),
        below.trim_end_matches('/'),
        &mut found,
    );
    found.sort_by(|one: &Text, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "{below} holds files");
    found
}

/// The files whose names end so.
pub(crate) fn files_ending(below: &str, ending: &str) -> Vec<Text> {
    files(below)
        .into_iter()
        .filter(|file| file.path.ends_with(ending))
        .collect()
}

fn collect(folder: &Path, path: &str, found: &mut Vec<Text>) {
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        // In a second work tree `.git` is a file.
        if ["target", ".git"].contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &path, found);
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            found.push(Text { path, text });
        }
    }
}

/// The stretches of these bytes that follow a beginning, wherever it stands; the beginning included.
pub(crate) fn words_from<'t>(
    text: &'t str,
    beginning: &'t str,
    more: &'t str,
) -> impl Iterator<Item = &'t str> {
    text.match_indices(beginning).map(move |(at, _)| {
        let rest = &text[at + beginning.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !more.contains(c));
        let word = &text[at..at + beginning.len() + end.unwrap_or(rest.len())];
        // What ends a sentence is no part of a name.
        word.trim_end_matches('.')
    })
}

#[test]
fn words_end_where_names_do() {
    let text = "see `sims/a-b.toml` and (sims/base/c.toml).";
    let words: Vec<&str> = words_from(text, "sims/", "-_./").collect();
    assert_eq!(words, ["sims/a-b.toml", "sims/base/c.toml"]);
}
