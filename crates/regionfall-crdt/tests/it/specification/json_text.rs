//! JSON texts in one form, so that equal values have equal texts.

/// A text without blanks outside of strings. Members keep their order: the specification writes them in
/// the order that the implementation has to keep.
pub(crate) fn canonical(text: &str) -> String {
    let (mut out, mut is_quoted, mut is_escaped) = (String::new(), false, false);
    for c in text.chars() {
        if is_quoted || !c.is_whitespace() {
            out.push(c);
        }
        is_quoted = if c == '"' && !is_escaped {
            !is_quoted
        } else {
            is_quoted
        };
        is_escaped = is_quoted && c == '\\' && !is_escaped;
    }
    out
}
