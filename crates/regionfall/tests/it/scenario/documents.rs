//! The documents beside the code say what the declaration of keys says.

use regionfall::failover::Catalogue;

use super::*;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_documentation_holds_the_tables_of_the_schema() {
    let path = format!("{ROOT}docs/scenario-format.md");
    let (begin, end) = (
        "<!-- tables of the schema: begin -->\n",
        "<!-- tables of the schema: end -->\n",
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (tables, tail) = rest.split_once(end).unwrap();
    let expected = format!("\n{}\n", schema::markdown());
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{expected}{end}{tail}")).unwrap();
        return;
    }
    assert!(
        tables == expected,
        "docs/scenario-format.md differs from the schema; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_page_of_strategies_is_that_of_the_presets() {
    let path = format!("{ROOT}docs/strategies.md");
    let expected = Catalogue::embedded().markdown();
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let is_equal = std::fs::read_to_string(&path).is_ok_and(|text| text == expected);
    assert!(
        is_equal,
        "docs/strategies.md differs from the presets; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_committed_json_schema_is_that_of_the_declaration() {
    let path = format!("{ROOT}docs/scenario.schema.json");
    let expected = format!("{:#}\n", schema::json_schema());
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let is_equal = std::fs::read_to_string(&path).is_ok_and(|text| text == expected);
    assert!(
        is_equal,
        "docs/scenario.schema.json differs; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the documentation that it checks"
)]
fn the_example_in_the_documentation_is_right() {
    let text = std::fs::read_to_string(format!("{ROOT}docs/scenario-format.md")).unwrap();
    let mut examples = 0;
    for block in text.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        // Fragments show single tables; whole files have a topology and a strategy.
        if example.contains("[topology]") && example.contains("[[strategy]]") {
            Scenario::from_toml(example).unwrap_or_else(|error| panic!("{error}"));
            examples += 1;
        }
    }
    assert!(examples > 0);
}
