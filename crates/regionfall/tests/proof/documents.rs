//! Temporary: writes the documents of the schema.

#[test]
#[expect(clippy::disallowed_methods, reason = "temporary")]
fn write_documents() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let path = format!("{root}docs/scenario-format.md");
    let (begin, end) = (
        "<!-- tables of the schema: begin -->\n",
        "<!-- tables of the schema: end -->\n",
    );
    let text = std::fs::read_to_string(&path).expect("there");
    let (head, rest) = text.split_once(begin).expect("there");
    let (_, tail) = rest.split_once(end).expect("there");
    let expected = format!("\n{}\n", regionfall::scenario::schema::markdown());
    std::fs::write(&path, format!("{head}{begin}{expected}{end}{tail}")).expect("written");
    let schema = format!("{:#}\n", regionfall::scenario::schema::json_schema());
    std::fs::write(format!("{root}docs/scenario.schema.json"), schema).expect("written");
}
