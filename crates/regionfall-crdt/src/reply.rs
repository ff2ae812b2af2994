//! What a command answers.

use std::borrow::Cow;
use std::fmt;

use crate::{Content, Element};

/// The answer to a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Done.
    Ok,
    /// The answer to PING.
    Pong,
    /// Another status.
    Status(&'static str),
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

    /// A value of real bytes.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Content(bytes.as_ref().into())
    }

    /// 1 for yes, 0 for no.
    pub(crate) fn yes_or_no(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }

    /// Values in order.
    pub(crate) fn bulks<T: AsRef<[u8]>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Array(values.into_iter().map(Self::bulk).collect())
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
            Self::Status(text) => 3 + text.len(),
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
///
/// The texts are those of Redis (redis/redis, `server.c` and the files of the types).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErrorKind {
    /// The key holds another type than the command is for.
    WrongType,
    /// INCR and its like on a value that is no number, or an argument that should be one.
    NotAnInteger,
    /// INCRBYFLOAT on a value that is no number, or an argument that should be one.
    NotAFloat,
    /// The result would leave the 59 bits of a counter (Redis Active-Active documentation, data types:
    /// strings). What happens at the limit is documented nowhere; refusing the local command, as
    /// single-node Redis does at 64 bits, is inferred.
    CounterOverflow,
    /// The same for a number with a fraction that leaves what can be counted exactly.
    FloatOverflow,
    /// No such command.
    UnknownCommand(Box<str>),
    /// No such subcommand of a command.
    UnknownSubcommand(Box<str>),
    /// Too few or too many arguments, of a command by its name.
    WrongArity(Box<str>),
    /// The arguments make no sense together.
    Syntax,
    /// An Active-Active database does not support the command.
    NotSupported(Box<str>),
    /// A moment of expiry outside 0 to 2⁴⁹ ms.
    InvalidExpiry(Box<str>),
    /// The key does not exist, and must.
    NoSuchKey,
    /// A place outside of the list.
    IndexOutOfRange,
    /// A refusal of one command only, with its text.
    Other(&'static str),
    /// The same, with a text that quotes arguments.
    Quoting(Box<str>),
}

impl ErrorKind {
    /// The text that the server answers, code included.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value".into()
            }
            Self::NotAnInteger => "ERR value is not an integer or out of range".into(),
            Self::NotAFloat => "ERR value is not a valid float".into(),
            Self::CounterOverflow => "ERR increment or decrement would overflow".into(),
            Self::FloatOverflow => "ERR increment would produce NaN or Infinity".into(),
            Self::UnknownCommand(name) => format!("ERR unknown command '{name}'").into(),
            Self::UnknownSubcommand(name) => format!("ERR unknown subcommand '{name}'").into(),
            Self::WrongArity(name) => {
                format!("ERR wrong number of arguments for '{name}' command").into()
            }
            Self::Syntax => "ERR syntax error".into(),
            Self::NotSupported(name) => {
                format!("ERR command '{name}' is not supported by an Active-Active database").into()
            }
            Self::InvalidExpiry(name) => {
                format!("ERR invalid expire time in '{name}' command").into()
            }
            Self::NoSuchKey => "ERR no such key".into(),
            Self::IndexOutOfRange => "ERR index out of range".into(),
            Self::Other(text) => (*text).into(),
            Self::Quoting(text) => text.to_string().into(),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for ErrorKind {}

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
