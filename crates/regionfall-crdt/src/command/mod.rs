//! Commands with their arguments, and what each answers and changes given what its key holds.
//!
//! One file for each family. Each holds a function of (command, value) and of nothing else: that an
//! effect gets a dot, a context and a time is the dispatcher's business
//! ([`Replica::execute`](crate::Replica::execute)).

mod bits;
pub(crate) mod call;
mod copies;
mod counter;
mod dispatch;
mod expiry;
mod geo;
mod groups;
mod hash;
mod hyperloglogs;
mod json;
mod json_values;
mod keys;
mod kind;
mod lists;
mod parse;
mod pending;
mod ranges;
mod set;
mod sets;
mod sorted_sets;
mod stream_info;
mod streams;
mod strings;
mod table;

pub use call::Call;
pub use copies::Dump;
pub(crate) use counter::increased;
pub(crate) use dispatch::dispatch;
pub use kind::DataType;
pub use table::CommandKind;

use crate::reply::bulk_bytes;
use crate::{Content, EffectKind, Element, Elements, ErrorKind, KeyId, Reply, Value};

/// A command of a client.
///
/// The first variants are those that the simulator builds itself, with numbered elements and contents that only stand for
/// bytes. Whatever else clients send is a [`Call`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Reads a string or a counter.
    Get {
        /// The key.
        key: KeyId,
    },
    /// Writes a string, whatever the key held.
    Set {
        /// The key.
        key: KeyId,
        /// The string.
        content: Content,
    },
    /// Deletes a key of any type.
    Del {
        /// The key.
        key: KeyId,
    },
    /// Whether a key exists.
    Exists {
        /// The key.
        key: KeyId,
    },
    /// Adds 1.
    Incr {
        /// The key.
        key: KeyId,
    },
    /// Adds `amount`.
    IncrBy {
        /// The key.
        key: KeyId,
        /// What to add; may be negative.
        amount: i64,
    },
    /// Subtracts 1.
    Decr {
        /// The key.
        key: KeyId,
    },
    /// Subtracts `amount`.
    DecrBy {
        /// The key.
        key: KeyId,
        /// What to subtract; may be negative.
        amount: i64,
    },
    /// Adds elements to a set.
    SAdd {
        /// The key.
        key: KeyId,
        /// The elements.
        elements: Elements,
    },
    /// Removes elements from a set.
    SRem {
        /// The key.
        key: KeyId,
        /// The elements.
        elements: Elements,
    },
    /// Whether an element is in a set.
    SIsMember {
        /// The key.
        key: KeyId,
        /// The element.
        element: Element,
    },
    /// The elements of a set, in order.
    SMembers {
        /// The key.
        key: KeyId,
    },
    /// How many elements a set has.
    SCard {
        /// The key.
        key: KeyId,
    },
    /// Answers PONG.
    Ping,
    /// Answers its argument.
    Echo {
        /// The argument.
        content: Content,
    },
    /// Any other command, with its arguments as bytes.
    Call(Box<Call>),
    /// Several commands of which nothing comes between, as MULTI and EXEC make them. Answers an array.
    Transaction(Box<[Command]>),
}

impl Command {
    /// The command without its arguments.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Get { .. } => CommandKind::Get,
            Self::Set { .. } => CommandKind::Set,
            Self::Del { .. } => CommandKind::Del,
            Self::Exists { .. } => CommandKind::Exists,
            Self::Incr { .. } => CommandKind::Incr,
            Self::IncrBy { .. } => CommandKind::IncrBy,
            Self::Decr { .. } => CommandKind::Decr,
            Self::DecrBy { .. } => CommandKind::DecrBy,
            Self::SAdd { .. } => CommandKind::SAdd,
            Self::SRem { .. } => CommandKind::SRem,
            Self::SIsMember { .. } => CommandKind::SIsMember,
            Self::SMembers { .. } => CommandKind::SMembers,
            Self::SCard { .. } => CommandKind::SCard,
            Self::Ping => CommandKind::Ping,
            Self::Echo { .. } => CommandKind::Echo,
            Self::Call(call) => call.kind(),
            Self::Transaction(_) => CommandKind::Exec,
        }
    }

    /// Whether it may change more than one key, or the same one more than once.
    #[inline]
    pub(crate) fn is_composite(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Transaction(_))
    }

    /// The first key that it names, if it names one.
    #[inline]
    pub fn key(&self) -> Option<KeyId> {
        match *self {
            Self::Call(ref call) => call.keys().first().copied(),
            Self::Transaction(ref commands) => commands.iter().find_map(Command::key),
            Self::Get { key }
            | Self::Set { key, .. }
            | Self::Del { key }
            | Self::Exists { key }
            | Self::Incr { key }
            | Self::IncrBy { key, .. }
            | Self::Decr { key }
            | Self::DecrBy { key, .. }
            | Self::SAdd { key, .. }
            | Self::SRem { key, .. }
            | Self::SIsMember { key, .. }
            | Self::SMembers { key }
            | Self::SCard { key } => Some(key),
            Self::Ping | Self::Echo { .. } => None,
        }
    }

    /// Bytes of the request on the wire in RESP, taking keys as 16 bytes and amounts as 4 digits.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Call(call) => return call.size(),
            Self::Transaction(commands) => return commands.iter().map(Command::bytes).sum(),
            _ => {}
        }
        let arguments = match self {
            Self::Set { content, .. } | Self::Echo { content } => bulk_bytes(content.len()),
            Self::IncrBy { .. } | Self::DecrBy { .. } => bulk_bytes(4),
            Self::SAdd { elements, .. } | Self::SRem { elements, .. } => elements
                .as_slice()
                .iter()
                .map(|element| bulk_bytes(element.len()))
                .sum(),
            Self::SIsMember { element, .. } => bulk_bytes(element.len()),
            _ => 0,
        };
        let key = self.key().map_or(0, |_| bulk_bytes(16));
        4 + bulk_bytes(self.kind().name().len()) + key + arguments
    }

    /// What the command answers and changes, given what its key holds.
    #[inline]
    pub(crate) fn plan(&self, value: Value<'_>) -> Plan {
        match self {
            Self::Get { .. } => match value {
                Value::Absent => Plan::answer(Reply::Nil),
                Value::Fraction(number) => Plan::answer(Reply::bulk(number.to_string())),
                // Of the commands on strings only GET and SET work on a HyperLogLog (Redis Active-Active documentation, data
                // types: HyperLogLog).
                Value::HyperLogLog(own) => Plan::answer(Reply::bulk(own.to_bytes())),
                Value::Content(content) => Plan::answer(Reply::Content(content.clone())),
                Value::Integer(number) => {
                    Plan::answer(Reply::Content(Content::from_integer(number)))
                }
                _ => Plan::refusal(ErrorKind::WrongType),
            },
            Self::Set { content, .. } => Plan::change(
                Reply::Ok,
                EffectKind::Write {
                    content: content.clone(),
                    totals: None,
                },
            ),
            // Deleting what is not there removes nothing that was observed: no effect.
            Self::Del { .. } if value.is_absent() => Plan::answer(Reply::Integer(0)),
            Self::Del { .. } => {
                Plan::change(Reply::Integer(1), EffectKind::Remove { totals: None })
            }
            Self::Exists { .. } => Plan::answer(Reply::Integer(i64::from(!value.is_absent()))),
            Self::Incr { .. } => counter::add(value, Some(1)),
            Self::IncrBy { amount, .. } => counter::add(value, Some(*amount)),
            Self::Decr { .. } => counter::add(value, Some(-1)),
            Self::DecrBy { amount, .. } => counter::add(value, amount.checked_neg()),
            Self::SAdd { elements, .. } => set::add(value, elements),
            Self::SRem { elements, .. } => set::remove(value, elements),
            Self::SIsMember { element, .. } => set::is_member(value, element),
            Self::SMembers { .. } => set::members(value),
            Self::SCard { .. } => set::count(value),
            Self::Ping => Plan::answer(Reply::Pong),
            Self::Echo { content } => Plan::answer(Reply::Content(content.clone())),
            // These do not come here: they change more than one value can tell.
            Self::Call(_) | Self::Transaction(_) => Plan::refusal(ErrorKind::Syntax),
        }
    }
}

/// What a command answers, and what it changes if it changes anything.
pub(crate) struct Plan {
    pub(crate) reply: Reply,
    pub(crate) effect: Option<EffectKind>,
}

impl Plan {
    fn answer(reply: Reply) -> Self {
        Self {
            reply,
            effect: None,
        }
    }

    fn refusal(error: ErrorKind) -> Self {
        Self::answer(Reply::Error(error))
    }

    fn change(reply: Reply, effect: EffectKind) -> Self {
        Self {
            reply,
            effect: Some(effect),
        }
    }
}
