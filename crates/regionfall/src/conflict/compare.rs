//! How an answer is compared with what a case wants.

use serde_json::Value as Json;

use super::decoded::{ids, is_same_json, json, names};
use super::{Answer, Literal, Wanted};

/// Numbers that differ by no more are equal.
const TOLERANCE: f64 = 1e-9;

/// How an answer is compared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Compare {
    /// Exact equality of the decoded answer.
    #[default]
    Exact,
    /// An ordered list.
    List,
    /// A list in any order.
    Set,
    /// Names with values, in any order.
    Map,
    /// Numbers, with a tolerance of 10⁻⁹.
    Float,
    /// The IDs of stream entries in order, whatever the entries hold; no list is an empty one.
    Ids,
    /// The names in a list of descriptions, in any order.
    Names,
    /// Equal JSON values, without the array that a path from `$` puts around them.
    Json,
}

impl Compare {
    /// The modes by the words that name them in files.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("list", Self::List),
        ("set", Self::Set),
        ("map", Self::Map),
        ("float", Self::Float),
        ("ids", Self::Ids),
        ("names", Self::Names),
        ("json", Self::Json),
    ];

    /// What a literal must be for this mode, in words, if it is not.
    pub(super) fn misfit(self, literal: &Literal) -> Option<&'static str> {
        let is_text = |literal: &Literal| matches!(literal, Literal::Text(_));
        let (fits, allowed) = match self {
            Self::Exact => (
                is_exact(literal),
                "a text, a whole number or a list of them",
            ),
            Self::List | Self::Set => (
                matches!(literal, Literal::List(items) if items.iter().all(is_exact)),
                "a list of texts and whole numbers",
            ),
            Self::Ids | Self::Names => (
                matches!(literal, Literal::List(items) if items.iter().all(is_text)),
                "a list of texts",
            ),
            Self::Map => (
                matches!(literal, Literal::Map(pairs) if pairs.iter().all(|(_, value)| is_exact(value))),
                "a table of names and values",
            ),
            Self::Float => (
                is_numeric(literal),
                "a number, a text that spells one, or a list of them",
            ),
            Self::Json => (
                matches!(literal, Literal::Text(text) if serde_json::from_str::<Json>(text).is_ok()),
                "a text that is JSON",
            ),
        };
        (!fits).then_some(allowed)
    }
}

/// Whether every one of these answers to a command is what is wanted, and all are the same.
pub(super) fn agrees(
    command: &[String],
    wanted: &Wanted,
    compare: Compare,
    answers: &[Answer],
) -> bool {
    let all = |literal: &Literal| {
        answers
            .iter()
            .all(|answer| matches(command, literal, compare, answer))
    };
    match wanted {
        Wanted::Nil => answers.iter().all(|answer| *answer == Answer::Nil),
        Wanted::Error => answers
            .iter()
            .all(|answer| matches!(answer, Answer::Error(_))),
        Wanted::Value(literal) => all(literal),
        Wanted::AnyOf(literals) => literals.iter().any(all),
    }
}

fn matches(command: &[String], literal: &Literal, compare: Compare, answer: &Answer) -> bool {
    if is_nil(literal) && *answer == Answer::Nil {
        return true;
    }
    match compare {
        Compare::Exact | Compare::List => is_equal(literal, answer),
        Compare::Set => match (literal, answer) {
            (Literal::List(wanted), Answer::List(got)) => is_permutation(wanted, got, is_equal),
            _ => false,
        },
        Compare::Map => is_map(literal, answer),
        Compare::Float => is_near(literal, answer),
        Compare::Ids => texts(literal).is_some_and(|wanted| Some(wanted) == ids(command, answer)),
        Compare::Names => {
            let wanted = texts(literal).map(sorted);
            wanted.is_some() && wanted == names(answer).map(sorted)
        }
        Compare::Json => {
            let Literal::Text(text) = literal else {
                return false;
            };
            let wanted: Option<Json> = serde_json::from_str(text).ok();
            match (wanted, json(command, answer)) {
                (Some(wanted), Some(got)) => is_same_json(&wanted, &got),
                _ => false,
            }
        }
    }
}

fn is_nil(literal: &Literal) -> bool {
    matches!(literal, Literal::Text(text) if text == Literal::NIL)
}

fn is_exact(literal: &Literal) -> bool {
    match literal {
        Literal::Text(_) | Literal::Integer(_) => true,
        Literal::List(items) => items.iter().all(is_exact),
        Literal::Number(_) | Literal::Map(_) => false,
    }
}

fn is_numeric(literal: &Literal) -> bool {
    match literal {
        Literal::Integer(_) | Literal::Number(_) => true,
        Literal::Text(text) => text == Literal::NIL || text.parse::<f64>().is_ok(),
        Literal::List(items) => items.iter().all(is_numeric),
        Literal::Map(_) => false,
    }
}

fn is_equal(literal: &Literal, answer: &Answer) -> bool {
    match (literal, answer) {
        (Literal::Text(text), Answer::Nil) => text == Literal::NIL,
        (Literal::Text(text), Answer::Text(bytes)) => text.as_bytes() == bytes,
        (Literal::Integer(wanted), Answer::Integer(got)) => wanted == got,
        (Literal::List(wanted), Answer::List(got)) => {
            wanted.len() == got.len()
                && wanted
                    .iter()
                    .zip(got)
                    .all(|(one, other)| is_equal(one, other))
        }
        _ => false,
    }
}

/// Whether each wanted item has an answer of its own.
fn is_permutation<W, G>(wanted: &[W], got: &[G], is_equal: impl Fn(&W, &G) -> bool) -> bool {
    let mut left: Vec<&G> = got.iter().collect();
    wanted.len() == got.len()
        && wanted.iter().all(|one| {
            let place = left.iter().position(|other| is_equal(one, other));
            place.map(|place| left.swap_remove(place)).is_some()
        })
}

fn is_map(literal: &Literal, answer: &Answer) -> bool {
    let (Literal::Map(wanted), Some(items)) = (literal, answer.list()) else {
        return false;
    };
    // Flat as on the wire: a name, its value, the next name.
    let got: Vec<(&Answer, &Answer)> = items
        .chunks_exact(2)
        .map(|pair| (&pair[0], &pair[1]))
        .collect();
    items.len() % 2 == 0
        && is_permutation(wanted, &got, |(name, value), (got_name, got_value)| {
            got_name.text() == Some(name) && is_equal(value, got_value)
        })
}

fn is_near(literal: &Literal, answer: &Answer) -> bool {
    let wanted = match literal {
        Literal::Integer(number) => Some(*number as f64),
        Literal::Number(number) => Some(*number),
        Literal::Text(text) if *answer == Answer::Nil => return text == Literal::NIL,
        Literal::Text(text) => text.parse().ok(),
        Literal::List(wanted) => {
            return answer.list().is_some_and(|got| {
                wanted.len() == got.len()
                    && wanted
                        .iter()
                        .zip(got)
                        .all(|(one, other)| is_near(one, other))
            });
        }
        Literal::Map(_) => None,
    };
    match (wanted, answer.number()) {
        // The first comparison is for infinities, whose difference is no number.
        (Some(wanted), Some(got)) => {
            wanted.total_cmp(&got).is_eq() || (wanted - got).abs() <= TOLERANCE
        }
        _ => false,
    }
}

fn texts(literal: &Literal) -> Option<Vec<String>> {
    let Literal::List(items) = literal else {
        return None;
    };
    let text = |item: &Literal| match item {
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    };
    items.iter().map(text).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Answer {
        Answer::Text(text.as_bytes().to_vec())
    }

    fn list(items: &[Answer]) -> Answer {
        Answer::List(items.to_vec())
    }

    fn words(texts: &[&str]) -> Literal {
        Literal::List(
            texts
                .iter()
                .map(|&text| Literal::Text(text.into()))
                .collect(),
        )
    }

    fn holds(command: &str, literal: &Literal, compare: Compare, answer: &Answer) -> bool {
        let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        matches(&command, literal, compare, answer)
    }

    #[test]
    fn exact_tells_numbers_from_texts_and_nil_from_both() {
        let seven = Literal::Text("7".into());
        assert!(holds("GET k", &seven, Compare::Exact, &text("7")));
        assert!(!holds("GET k", &seven, Compare::Exact, &Answer::Integer(7)));
        let nil = words(&["<nil>", "a"]);
        assert!(holds(
            "MGET a b",
            &nil,
            Compare::Exact,
            &list(&[Answer::Nil, text("a")])
        ));
        assert!(!holds(
            "MGET a b",
            &nil,
            Compare::Exact,
            &list(&[text(""), text("a")])
        ));
    }

    #[test]
    fn sets_are_compared_item_by_item() {
        let wanted = words(&["a", "b", "b"]);
        let (a, b) = (text("a"), text("b"));
        let got = list(&[b.clone(), a.clone(), b.clone()]);
        assert!(holds("SMEMBERS s", &wanted, Compare::Set, &got));
        assert!(!holds("SMEMBERS s", &wanted, Compare::List, &got));
        let got = list(&[b, a.clone(), a]);
        assert!(!holds("SMEMBERS s", &wanted, Compare::Set, &got));
    }

    #[test]
    fn numbers_have_a_tolerance_and_infinities_none() {
        let wanted = Literal::Text("0.3".into());
        assert!(holds(
            "GET k",
            &wanted,
            Compare::Float,
            &text("0.30000000000000004")
        ));
        assert!(!holds("GET k", &wanted, Compare::Float, &text("0.300001")));
        let infinite = Literal::Text("inf".into());
        assert!(holds("ZSCORE z a", &infinite, Compare::Float, &text("inf")));
        assert!(!holds(
            "ZSCORE z a",
            &infinite,
            Compare::Float,
            &text("-inf")
        ));
        assert!(!holds(
            "ZSCORE z a",
            &infinite,
            Compare::Float,
            &Answer::Nil
        ));
    }

    #[test]
    fn ids_are_found_in_every_form() {
        let entry = |id: &str| list(&[text(id), list(&[text("field"), text("value")])]);
        let wanted = words(&["1-1", "2-1"]);
        let entries = list(&[entry("1-1"), entry("2-1")]);
        assert!(holds("XRANGE x - +", &wanted, Compare::Ids, &entries));
        let read = list(&[list(&[text("3-3"), entries.clone()])]);
        assert!(holds("XREAD STREAMS x 0", &wanted, Compare::Ids, &read));
        let pending = |id: &str| {
            list(&[
                text(id),
                text("Alice"),
                Answer::Integer(5),
                Answer::Integer(1),
            ])
        };
        let pending = list(&[pending("1-1"), pending("2-1")]);
        assert!(holds("XPENDING x g - + 9", &wanted, Compare::Ids, &pending));
        let summary = list(&[Answer::Integer(2), text("1-1"), text("2-1"), list(&[])]);
        assert!(holds("XPENDING x g", &wanted, Compare::Ids, &summary));
        assert!(holds(
            "XCLAIM x g c 0 1-1 JUSTID",
            &words(&["1-1"]),
            Compare::Ids,
            &list(&[text("1-1")])
        ));
        assert!(holds(
            "XREAD STREAMS x 0",
            &words(&[]),
            Compare::Ids,
            &Answer::Nil
        ));
        assert!(!holds(
            "XRANGE x - +",
            &words(&["2-1", "1-1"]),
            Compare::Ids,
            &entries
        ));
    }

    #[test]
    fn names_and_maps_come_in_any_order() {
        let group = |name: &str| {
            list(&[
                text("name"),
                text(name),
                text("pending"),
                Answer::Integer(0),
            ])
        };
        let groups = list(&[group("b"), group("a")]);
        assert!(holds(
            "XINFO GROUPS x",
            &words(&["a", "b"]),
            Compare::Names,
            &groups
        ));
        assert!(!holds(
            "XINFO GROUPS x",
            &words(&["a"]),
            Compare::Names,
            &groups
        ));
        let map = Literal::Map(vec![
            ("a".into(), Literal::Text("1".into())),
            ("b".into(), Literal::Text("2".into())),
        ]);
        let got = list(&[text("b"), text("2"), text("a"), text("1")]);
        assert!(holds("HGETALL h", &map, Compare::Map, &got));
        assert!(!holds(
            "HGETALL h",
            &map,
            Compare::Map,
            &list(&[text("a"), text("1")])
        ));
    }

    #[test]
    fn json_is_compared_by_value_without_the_array_of_a_path() {
        let wanted = Literal::Text("{\"a\": 1, \"b\": [true]}".into());
        let got = text("[{\"b\":[true],\"a\":1.0}]");
        assert!(holds("JSON.GET doc $", &wanted, Compare::Json, &got));
        assert!(!holds("JSON.GET doc .", &wanted, Compare::Json, &got));
        let list_of_one = Literal::Text("[1]".into());
        assert!(holds(
            "JSON.GET doc .",
            &list_of_one,
            Compare::Json,
            &text("[1]")
        ));
        assert!(holds(
            "JSON.GET doc $",
            &list_of_one,
            Compare::Json,
            &text("[[1]]")
        ));
        assert!(!holds(
            "JSON.GET doc $",
            &wanted,
            Compare::Json,
            &Answer::Nil
        ));
    }

    #[test]
    fn with_several_answers_one_alternative_must_fit_all() {
        let any = Wanted::AnyOf(vec![words(&[]), words(&["a", "b"])]);
        let (empty, both) = (list(&[]), list(&[text("a"), text("b")]));
        let command = ["LRANGE".to_owned()];
        let holds = |answers: &[Answer]| agrees(&command, &any, Compare::Exact, answers);
        assert!(holds(&[both.clone(), both.clone()]));
        assert!(!holds(&[both, empty]));
    }
}
