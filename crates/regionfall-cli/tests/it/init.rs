//! `regionfall init`.

use std::path::Path;

use crate::command::{ROOT, folder, regionfall, regionfall_in, snapshot};

#[test]
fn what_it_writes_passes_check() {
    for regions in [
        "us-east-1,eu-west-1,ap-southeast-1",
        "eu-west-1,us-east-1",
        "west-europe,east-us",
    ] {
        let text = regionfall(&["init", "--regions", regions]).well().stdout;
        regionfall_in(Path::new(ROOT), &["check", "-"], text.as_bytes())
            .well()
            .prints(&["-: ok"]);
    }
    snapshot("init.toml", &regionfall(&["init"]).well().stdout);
}

#[test]
fn it_writes_a_new_file_and_never_overwrites() {
    let folder = folder("init");
    let init = ["init", "--out", "story.toml"];
    let ended = regionfall_in(&folder, &init, b"")
        .well()
        .says(&["wrote story.toml"]);
    assert_eq!(ended.stdout, "");
    regionfall_in(&folder, &["check", "story.toml"], b"").well();
    std::fs::write(folder.join("story.toml"), "mine").unwrap();
    regionfall_in(&folder, &init, b"").refused_with(&["is there already", "never overwrites"]);
    assert_eq!(
        std::fs::read_to_string(folder.join("story.toml")).unwrap(),
        "mine"
    );
    regionfall_in(&folder, &["init", "--out", "no/such/folder.toml"], b"")
        .refused_with(&["cannot write `no/such/folder.toml`"]);
}

#[test]
fn a_region_that_no_table_has_is_answered_with_the_nearest() {
    regionfall(&["init", "--regions", "us-east-1,eu-wst-1"])
        .refused_with(&["there is no region `eu-wst-1`", "did you mean `eu-west-1`?"]);
    regionfall(&["init", "--regions", "us-east-1"]).refused_with(&["2 to 10 regions"]);
}
