//! Help, completions, and wrong arguments.

use crate::command::{regionfall, snapshot};

#[test]
fn the_help_is_the_committed_one() {
    snapshot("help.txt", &regionfall(&["--help"]).well().stdout);
    for command in [
        "check", "crdt", "fidelity", "init", "presets", "run", "verify",
    ] {
        let help = regionfall(&[command, "--help"]).well().stdout;
        snapshot(&format!("help-{command}.txt"), &help);
    }
}

#[test]
fn the_hidden_command_stays_hidden() {
    assert!(
        !regionfall(&["--help"])
            .well()
            .stdout
            .contains("fingerprint")
    );
}

#[test]
fn wrong_arguments_are_bad_input() {
    regionfall(&["chek"]).refused_with(&["chek", "check"]);
    regionfall(&["run"]).refused_with(&["<FILE>"]);
    regionfall(&["schema", "--format", "jsn"]).refused_with(&["table", "json", "csv"]);
    regionfall(&["verify", "sims/region-loss.toml", "--seeds", "0"]).refused_with(&["--seeds"]);
    regionfall(&[]).with(2);
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        regionfall(&["completions", shell])
            .well()
            .prints(&["verify"]);
    }
    regionfall(&["completions", "cmd"]).refused_with(&["bash"]);
}

#[test]
fn the_version_is_that_of_the_crate() {
    regionfall(&["--version"])
        .well()
        .prints(&[env!("CARGO_PKG_VERSION")]);
}
