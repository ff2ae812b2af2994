//! The search finds planted bugs, and shrinks them: to a file that still fails for the same reason.

use regionfall::explore::Failure;

use crate::bugs::bugs;

#[test]
fn planted_bugs_are_found_and_shrunk() {
    for bug in bugs() {
        let mut hunt = bug.hunt;
        hunt.runs(300);
        let searched = hunt.search();
        let found = searched
            .found
            .unwrap_or_else(|| panic!("{} was not found", bug.name));
        assert_eq!(found.failure.property, bug.property);
        let shrunk = hunt.shrink(&found, 150).expect("a specimen");
        let toml = shrunk.specimen.to_toml();
        assert!(shrunk.specimen.faults() <= 3, "{}\n{toml}", bug.name);
        assert!(shrunk.specimen.regions() <= 2, "{}\n{toml}", bug.name);
        assert!(shrunk.specimen.faults() <= found.plan.len());
        let outcome = hunt.rerun(&shrunk.specimen).expect("it runs");
        let objectives = Vec::new();
        let still = Failure::all(&outcome, &objectives);
        let is_objective = bug.property.ends_with("_ms");
        assert!(
            is_objective || still.iter().any(|failure| failure.is_same(&shrunk.failure)),
            "{}\n{toml}",
            bug.name
        );
    }
}

#[test]
fn what_holds_is_not_found_broken() {
    let text = r#"
        title = "nothing to find"
        seeds = 1
        [phases]
        warm_up = "2s"
        storm = "10s"
        calm = "30s"
        quiescence = "5m"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [[strategy]]
        preset = "pinned"
    "#;
    let mut hunt = regionfall::explore::Hunt::new(text)
        .expect("valid")
        .but("every client is served");
    let searched = hunt.runs(40).search();
    assert!(searched.found.is_none(), "{:?}", searched.found);
    assert_eq!(searched.runs, 40);
}
