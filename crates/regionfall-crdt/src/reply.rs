//! What a command answers.

use crate::{Content, Element};

/// The answer to a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Done.
    Ok,
    /// The answer to PING.
    Pong,
    /// A number: a count, a counter's new value, or 1 and 0 for yes and no.
    Integer(i64),
    /// A value.
    Content(Content),
    /// No value.
    Nil,
    /// An element of a collection.
    Element(Element),
    /// Several answers in order.
    Array(Vec<Reply>),
    /// The command was refused and had no effect.
    Error(ErrorKind),
}

impl Reply {
    /// A number of things.
    pub(crate) fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Whether the command was refused.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Bytes on the wire in RESP (Redis documentation, serialization protocol specification), lengths
    /// of stand-ins included.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Ok | Self::Nil => 5,
            Self::Pong => 7,
            Self::Integer(number) => {
                3 + usize::from(*number < 0) + decimal_digits(number.unsigned_abs())
            }
            Self::Content(content) => bulk_bytes(content.len()),
            Self::Element(element) => bulk_bytes(element.len()),
            Self::Array(replies) => {
                3 + decimal_digits(replies.len() as u64)
                    + replies.iter().map(Reply::bytes).sum::<usize>()
            }
            Self::Error(kind) => 3 + kind.message().len(),
        }
    }
}

/// Bytes of a RESP bulk string of `length` bytes.
pub(crate) fn bulk_bytes(length: usize) -> usize {
    5 + decimal_digits(length as u64) + length
}

fn decimal_digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Why a command was refused. A refused command has no effect anywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErrorKind {
    /// The key holds another type than the command is for.
    WrongType,
    /// INCR and its like on a value that is no number.
    NotAnInteger,
    /// The result would leave the 59 bits of a counter (Redis Active-Active documentation, data types:
    /// strings). What happens at the limit is documented nowhere; refusing the local command, as
    /// single-node Redis does at 64 bits, is inferred.
    CounterOverflow,
}

impl ErrorKind {
    /// The text that the server answers, code included.
    pub fn message(self) -> &'static str {
        match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::CounterOverflow => "ERR increment or decrement would overflow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_measured_as_resp() {
        assert_eq!(Reply::Integer(-10).bytes(), ":-10\r\n".len());
        assert_eq!(Reply::Integer(0).bytes(), ":0\r\n".len());
        assert_eq!(Reply::Content("abc".into()).bytes(), "$3\r\nabc\r\n".len());
        assert_eq!(
            Reply::Array(vec![Reply::Integer(1)]).bytes(),
            "*1\r\n:1\r\n".len()
        );
        assert_eq!(
            Reply::Error(ErrorKind::NotAnInteger).bytes(),
            "-ERR value is not an integer or out of range\r\n".len()
        );
    }
}
