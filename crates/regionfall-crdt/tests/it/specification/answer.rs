//! Answers as plain data, and what is expected of a read, as it is written in a case.

use std::fmt;

use regionfall_crdt::{Content, Element, Reply};

#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub(crate) enum Answer {
    Nil,
    Integer(i64),
    Text(String),
    List(Vec<Answer>),
    Error,
}

/// How an answer is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compare {
    Exact,
    Set,
    Map,
    Float,
    /// The names in a list of descriptions, in any order.
    Names,
    Json,
}

/// A read, and what it must answer.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) words: Vec<String>,
    pub(crate) wanted: Answer,
    pub(crate) compare: Compare,
}

impl Expected {
    pub(crate) fn new(words: &[&str], wanted: Answer, compare: Compare) -> Self {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Self {
            words,
            wanted,
            compare,
        }
    }

    pub(crate) fn holds(&self, got: &Reply) -> bool {
        let got = Answer::from(got);
        let got = match self.compare {
            Compare::Names => got.names(),
            _ => got,
        };
        self.compare.canonical(&self.wanted) == self.compare.canonical(&got)
    }

    /// The part of a case after the command.
    pub(crate) fn result(&self) -> String {
        let compare = match self.compare {
            Compare::Exact => "",
            Compare::Set => ", compare = \"set\"",
            Compare::Map => ", compare = \"map\"",
            Compare::Float => ", compare = \"float\"",
            Compare::Names => ", compare = \"names\"",
            Compare::Json => ", compare = \"json\"",
        };
        match (&self.wanted, self.compare) {
            (Answer::Nil, _) => "nil = true".to_owned(),
            (Answer::Error, _) => "error = true".to_owned(),
            (Answer::List(pairs), Compare::Map) => {
                let pairs = pairs
                    .chunks(2)
                    .map(|pair| format!("{} = {}", pair[0], pair[1]));
                format!(
                    "result = {{ {} }}{compare}",
                    pairs.collect::<Vec<_>>().join(", ")
                )
            }
            (wanted, _) => format!("result = {wanted}{compare}"),
        }
    }
}

impl Compare {
    /// Equal for answers that are equal in this way.
    fn canonical(self, answer: &Answer) -> Answer {
        match (self, answer) {
            (Self::Set | Self::Names, Answer::List(items)) => {
                let mut items = items.clone();
                items.sort_by(|a, b| a.partial_cmp(b).unwrap());
                Answer::List(items)
            }
            (Self::Map, Answer::List(items)) => {
                let mut pairs: Vec<Answer> = items
                    .chunks(2)
                    .map(|pair| Answer::List(pair.to_vec()))
                    .collect();
                pairs.sort_by(|a, b| a.partial_cmp(b).unwrap());
                Answer::List(pairs)
            }
            (Self::Float, Answer::List(items)) => {
                Answer::List(items.iter().map(|item| self.canonical(item)).collect())
            }
            // Amounts are multiples of a half, so that sums are exact.
            (Self::Float, Answer::Text(text)) => match text.parse::<f64>() {
                Ok(number) => Answer::Text(format!("{}", number + 0.0)),
                Err(_) => answer.clone(),
            },
            (Self::Json, Answer::Text(text)) => {
                // Members in the order of their names.
                let value: Result<serde_json::Value, _> = serde_json::from_str(text);
                value.map_or(answer.clone(), |value| Answer::Text(value.to_string()))
            }
            _ => answer.clone(),
        }
    }
}

impl Answer {
    /// The items of a list; none if it is something else.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is one; else nothing.
    pub(crate) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// The names in a list of descriptions.
    fn names(&self) -> Self {
        let name = |description: &Self| {
            let fields = description.items().chunks(2);
            let mut named = fields.filter(|pair| pair[0].as_text() == "name");
            named.next().map_or(Self::Nil, |pair| pair[1].clone())
        };
        match self {
            Self::List(items) => Self::List(items.iter().map(name).collect()),
            other => other.clone(),
        }
    }
}

impl From<&Reply> for Answer {
    fn from(reply: &Reply) -> Self {
        let text = |bytes: &[u8]| Self::Text(String::from_utf8_lossy(bytes).into_owned());
        match reply {
            Reply::Nil => Self::Nil,
            Reply::Ok => Self::Text("OK".to_owned()),
            Reply::Pong => Self::Text("PONG".to_owned()),
            Reply::Status(status) => Self::Text((*status).to_owned()),
            Reply::Integer(number) => Self::Integer(*number),
            Reply::Content(Content::Bytes(bytes)) | Reply::Element(Element::Bytes(bytes)) => {
                text(bytes)
            }
            Reply::Content(content) => text(&content.to_bytes()),
            Reply::Element(Element::Number(number)) => Self::Text(number.to_string()),
            Reply::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Reply::Error(_) => Self::Error,
        }
    }
}

/// As TOML.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("\"<nil>\""),
            Self::Error => f.write_str("\"<error>\""),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

/// A text as an answer.
pub(crate) fn text(text: impl Into<String>) -> Answer {
    Answer::Text(text.into())
}

/// A count as an answer.
pub(crate) fn count(count: usize) -> Answer {
    Answer::Integer(i64::try_from(count).unwrap())
}

/// Texts as an answer.
pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Answer {
    Answer::List(texts.into_iter().map(text).collect())
}
