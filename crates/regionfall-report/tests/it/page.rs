//! The page stands alone and is the same every time.

use crate::made_up;

#[test]
fn page_needs_nothing_but_itself() {
    let page = made_up::page();
    let names_only = page.replace("http://www.w3.org/2000/svg", "");
    for outside in [
        "http:", "https:", "<script", "<link", "@import", "url(", "src=",
    ] {
        assert!(
            !names_only.contains(outside),
            "the page refers to {outside}"
        );
    }
}

#[test]
fn page_is_the_same_every_time() {
    assert_eq!(made_up::page(), made_up::page());
}

#[test]
fn page_says_what_its_figures_are() {
    let page = made_up::page();
    for words in [
        "estimated by simulation",
        "never measured",
        "too few seeds (needs 299)",
        "regionfall reproduce",
    ] {
        assert!(page.contains(words), "the page lacks {words:?}");
    }
}
