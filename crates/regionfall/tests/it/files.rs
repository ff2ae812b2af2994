//! What tests of readers have in common: files, snapshots of messages, and text that was tampered with.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own files fails"
)]

use proptest::prelude::*;
use regionfall::scenario::{LoadError, Loader};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

/// Opens files below a folder, in place of the command.
pub(crate) struct Folder(pub(crate) &'static str);

impl Loader for Folder {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test stands in for the command, which opens files"
    )]
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        std::fs::read(format!("{}{path}", self.0)).map_err(|error| LoadError {
            reason: match error.kind() {
                std::io::ErrorKind::NotFound => "no such file".to_owned(),
                _ => error.to_string(),
            },
        })
    }
}

/// Gives the same bytes for every file.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Loader for Bytes {
    fn load(&self, _path: &str) -> Result<Vec<u8>, LoadError> {
        Ok(self.0.clone())
    }
}

/// Compares with what is written in a folder, or writes it there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its own snapshots"
)]
pub(crate) fn snapshot(folder: &str, name: &str, message: &str) -> Result<(), String> {
    let path = format!("{folder}{name}");
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, message).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected == message {
        return Ok(());
    }
    Err(format!(
        "{name}: expected\n{expected}\ngot\n{message}\n(REGIONFALL_UPDATE_SNAPSHOTS=1 accepts what it got)"
    ))
}

/// The names of the files of a folder that end so, in order.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    names
}

/// A text of which a few pieces were replaced by others.
pub(crate) fn mangled(text: &'static str) -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), 0..12_usize, mutation());
    prop::collection::vec(cut, 1..6).prop_map(move |cuts| {
        let mut text = text.to_owned();
        for (place, length, put) in cuts {
            let start = text.floor_char_boundary(place.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &put);
        }
        text
    })
}

/// Text that is likely to mean something in the wrong place.
pub(crate) fn mutation() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "0",
        "-1",
        "1e999",
        "nan",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        ".",
        "#",
        "é",
        "\u{0}",
        "true",
        "\"never\"",
        "\"0s\"",
        "\"1e9s\"",
        "\"uniform(\"",
        "\"file(x)\"",
        "[]",
        "{}",
        "[[strategy]]\n",
        "[x]\n",
        "99999999999999999999",
        "\"us-east-1\"",
        "\"\\u0000\"",
        "1979-05-27",
        "\"100%\"",
        "0.5",
        "{ a = 1 }",
        "\"zipf()\"",
        "\"t9\"",
    ])
    .prop_map(str::to_owned)
}
