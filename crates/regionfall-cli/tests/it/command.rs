//! A small vocabulary for tests: start the command, and say what is expected of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// A scenario that takes a moment.
pub(crate) const SMALL: &str = "crates/regionfall-cli/tests/scenarios/small.toml";

/// What a command did.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `regionfall` in the root of the workspace.
pub(crate) fn regionfall(arguments: &[&str]) -> Ended {
    regionfall_in(Path::new(ROOT), arguments, &[])
}

/// Runs `regionfall` in a folder, with this on standard input.
pub(crate) fn regionfall_in(folder: &Path, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_regionfall"))
        .args(arguments)
        .current_dir(folder)
        // What the caller's terminal is like must not matter.
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// It ended with this code, and did not panic.
    #[track_caller]
    pub(crate) fn with(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            Some(status),
            "{}\n{}",
            self.stdout,
            self.stderr
        );
        assert!(
            !self.stderr.contains("error: internal error"),
            "{}",
            self.stderr
        );
        assert!(
            !self.stdout.contains('\x1b') && !self.stderr.contains('\x1b'),
            "colour in a pipe"
        );
        self
    }

    /// It ended well.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        self.with(0)
    }

    /// It refused its input, wrote no data, and said all of this.
    #[track_caller]
    pub(crate) fn refused_with(self, parts: &[&str]) -> Self {
        let ended = self.with(2).says(parts);
        assert_eq!(ended.stdout, "");
        ended
    }

    /// Standard error holds all of this.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} in\n{}", self.stderr);
        }
        self
    }

    /// Standard output holds all of this.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "{part:?} in\n{}", self.stdout);
        }
        self
    }
}

/// Compares with a committed text; `REGIONFALL_UPDATE_SNAPSHOTS=1` accepts what it got.
#[track_caller]
pub(crate) fn snapshot(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        expected, got,
        "{name}: REGIONFALL_UPDATE_SNAPSHOTS=1 accepts what it got"
    );
}

/// An empty folder of this test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
