//! `regionfall verify`.

use crate::command::{SMALL, regionfall};

#[test]
fn runs_are_equal_in_one_process_and_in_two() {
    let ended = regionfall(&["verify", SMALL]).well().prints(&[
        "small.toml: 8 runs (1 variant, 2 seeds), each twice here and once in a second process: equal, ",
    ]);
    assert_eq!(ended.stdout.lines().count(), 1);
    let set = [
        "verify",
        SMALL,
        "--seeds",
        "1",
        "--set",
        "title=a=b",
        "--format",
        "csv",
    ];
    let ended = regionfall(&set).well();
    assert_eq!(ended.stdout.lines().count(), 5, "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .lines()
            .skip(1)
            .all(|line| line.ends_with(",yes")),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_second_process_cannot_read_the_same_input() {
    regionfall(&["verify", "-"]).refused_with(&["standard input"]);
}
