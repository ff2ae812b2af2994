//! What a replica answered, decoded: what a case compares with, and how it is shown.

use core::fmt;

/// A decoded answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Nothing.
    Nil,
    /// A text: a bulk string or a status.
    Text(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A list.
    List(Vec<Answer>),
    /// An error with its text.
    Error(String),
}

impl Answer {
    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number that it is or spells.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Text(_) => self.text().and_then(|text| text.parse().ok()),
            _ => None,
        }
    }
}

/// A text as one would write it in a case: JSON without a backslash before each quote.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        text.contains('"') && !text.contains(['\'', '\\']) && !text.contains(char::is_control);
    if is_plain {
        format!("'{text}'")
    } else {
        format!("{text:?}")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => f.write_str(&quoted(text)),
                Err(_) => write!(f, "\"{}\"", bytes.escape_ascii()),
            },
            Self::Integer(number) => write!(f, "{number}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Error(text) => write!(f, "error: {text}"),
        }
    }
}
