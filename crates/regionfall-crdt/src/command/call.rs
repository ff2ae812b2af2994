//! A command as clients send it: its name, the keys it names, and its other arguments as bytes.

use super::CommandKind;
use super::kind::KeyArguments;
use crate::reply::bulk_bytes;
use crate::{ErrorKind, KeyId, KeyNames};

/// A command with its arguments as bytes. They are interpreted when it is executed, as a server does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    kind: CommandKind,
    keys: Vec<KeyId>,
    /// All but the name, keys included.
    arguments: Vec<Box<[u8]>>,
}

impl Call {
    pub(super) fn new(
        kind: CommandKind,
        arguments: &[&[u8]],
        names: &mut KeyNames,
    ) -> Result<Self, ErrorKind> {
        let mut keys = Vec::new();
        for place in key_places(kind, arguments)? {
            keys.push(names.intern(arguments[place]));
        }
        let arguments = arguments[1..]
            .iter()
            .map(|&argument| argument.into())
            .collect();
        Ok(Self {
            kind,
            keys,
            arguments,
        })
    }

    /// A command on keys that are known by number: `arguments` are all after the name, and what stands there in the
    /// place of keys is only shown.
    pub fn on_keys(kind: CommandKind, keys: Vec<KeyId>, arguments: Vec<Box<[u8]>>) -> Self {
        Self {
            kind,
            keys,
            arguments,
        }
    }

    /// The command without its arguments.
    pub fn kind(&self) -> CommandKind {
        self.kind
    }

    /// The keys that it names, in the order of its arguments.
    pub fn keys(&self) -> &[KeyId] {
        &self.keys
    }

    /// The arguments after the name, keys included.
    pub fn arguments(&self) -> &[Box<[u8]>] {
        &self.arguments
    }

    /// The first key. Whoever reads it knows that the command has one.
    pub(crate) fn key(&self) -> KeyId {
        self.keys[0]
    }

    /// The `place`-th argument after the name.
    pub(crate) fn bytes_at(&self, place: usize) -> Result<&[u8], ErrorKind> {
        self.arguments
            .get(place)
            .map(AsRef::as_ref)
            .ok_or(ErrorKind::Syntax)
    }

    /// The arguments from the `place`-th on; none if there are not so many.
    pub(crate) fn from(&self, place: usize) -> &[Box<[u8]>] {
        self.arguments.get(place..).unwrap_or(&[])
    }

    pub(crate) fn integer_at(&self, place: usize) -> Result<i64, ErrorKind> {
        integer(self.bytes_at(place)?)
    }

    /// Whether the `place`-th argument is the word, in any case.
    pub(crate) fn is_word(&self, place: usize, word: &str) -> bool {
        self.arguments
            .get(place)
            .is_some_and(|argument| is_word(argument, word))
    }

    pub(super) fn size(&self) -> usize {
        4 + bulk_bytes(self.kind.name().len())
            + self
                .arguments
                .iter()
                .map(|argument| bulk_bytes(argument.len()))
                .sum::<usize>()
    }
}

/// Whether an argument is a word of the command language, which ignores case.
pub(crate) fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// An argument that must be a whole number of 64 bits, spelt as the server itself would.
pub(crate) fn integer(argument: &[u8]) -> Result<i64, ErrorKind> {
    crate::content::integer_of(argument).ok_or(ErrorKind::NotAnInteger)
}

/// An argument that must be a number that is not negative.
pub(crate) fn count(argument: &[u8]) -> Result<usize, ErrorKind> {
    usize::try_from(integer(argument)?)
        .map_err(|_| ErrorKind::Other("ERR value is out of range, must be positive"))
}

/// The number that may follow the key; that of elements to pop, say.
pub(super) fn count_after_key(call: &Call) -> Result<Option<usize>, ErrorKind> {
    let argument = call.from(1).first();
    argument.map(|argument| count(argument)).transpose()
}

/// `COUNT number` at the end, from a place on; 1 without it, and at least 1.
pub(super) fn count_at_end(call: &Call, place: usize) -> Result<usize, ErrorKind> {
    match call.from(place) {
        [] => Ok(1),
        [word, number] if is_word(word, "COUNT") => Ok(count(number)?.max(1)),
        _ => Err(ErrorKind::Syntax),
    }
}

/// An argument that must be a number; infinities may be named.
pub(crate) fn float(argument: &[u8]) -> Result<f64, ErrorKind> {
    let text = std::str::from_utf8(argument).map_err(|_| ErrorKind::NotAFloat)?;
    let number: f64 = match text.to_ascii_lowercase().as_str() {
        "inf" | "+inf" | "infinity" | "+infinity" => f64::INFINITY,
        "-inf" | "-infinity" => f64::NEG_INFINITY,
        text if text.starts_with(|first: char| {
            first.is_ascii_digit() || matches!(first, '+' | '-' | '.')
        }) =>
        {
            text.parse().map_err(|_| ErrorKind::NotAFloat)?
        }
        _ => return Err(ErrorKind::NotAFloat),
    };
    if number.is_nan() {
        return Err(ErrorKind::NotAFloat);
    }
    Ok(number)
}

/// The places of the keys among `arguments`, of which the first is the name.
fn key_places(kind: CommandKind, arguments: &[&[u8]]) -> Result<Vec<usize>, ErrorKind> {
    let length = arguments.len();
    let wrong_arity = || ErrorKind::WrongArity(kind.name().into());
    let counted = |at: usize| {
        let number = arguments.get(at).ok_or_else(wrong_arity)?;
        let number = integer(number)?;
        let number = usize::try_from(number).unwrap_or(0);
        if number == 0 {
            return Err(ErrorKind::Other("ERR numkeys should be greater than 0"));
        }
        if at + number >= length {
            return Err(ErrorKind::Syntax);
        }
        Ok(at + 1..=at + number)
    };
    Ok(match kind.key_arguments() {
        KeyArguments::First => vec![1],
        KeyArguments::Second if length > 2 => vec![2],
        KeyArguments::None | KeyArguments::Second => vec![],
        KeyArguments::Two => vec![1, 2],
        KeyArguments::All => (1..length).collect(),
        KeyArguments::AllButLast => (1..length - 1).collect(),
        KeyArguments::Pairs if length.is_multiple_of(2) => return Err(wrong_arity()),
        KeyArguments::Pairs => (1..length).step_by(2).collect(),
        KeyArguments::Triples if length % 3 != 1 => return Err(wrong_arity()),
        KeyArguments::Triples => (1..length).step_by(3).collect(),
        KeyArguments::BitOp => (2..length).collect(),
        KeyArguments::Counted1 => counted(1)?.collect(),
        KeyArguments::Counted2 => std::iter::once(1).chain(counted(2)?).collect(),
        KeyArguments::Streams => {
            let word = (1..length)
                .find(|&place| is_word(arguments[place], "STREAMS"))
                .ok_or(ErrorKind::Syntax)?;
            let names_and_ids = length - word - 1;
            if names_and_ids == 0 || !names_and_ids.is_multiple_of(2) {
                return Err(ErrorKind::Quoting(
                    format!(
                        "ERR Unbalanced '{}' list of streams: for each stream key an ID or '>' must be specified.",
                        kind.name()
                    )
                    .into(),
                ));
            }
            (word + 1..=word + names_and_ids / 2).collect()
        }
    })
}
