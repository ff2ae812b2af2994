//! Ctrl-C: the first asks to stop, the second quits.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::command::ROOT;

#[test]
fn an_interruption_is_told_and_has_its_own_exit_code() {
    // Ten hours of storm: the runs under way are not over by themselves.
    let mut child = Command::new(env!("CARGO_BIN_EXE_regionfall"))
        .args(["run", "sims/region-loss.toml", "--set", "phases.storm=10h"])
        .current_dir(ROOT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let interrupt = || Command::new("kill").args(["-INT", &pid]).status().unwrap();
    // Before it listens the first would end it.
    sleep(Duration::from_secs(2));
    assert!(interrupt().success());
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("stopping after the runs under way") {
        line.clear();
        assert!(
            told.read_line(&mut line).unwrap() > 0,
            "it ended at the first"
        );
    }
    assert!(interrupt().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut data = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut data)
        .unwrap();
    assert_eq!(data, "", "no partial data");
}
