//! From the arguments of a client to a [`Command`].

use super::call::{Call, integer};
use super::{Command, CommandKind};
use crate::{Content, Element, ErrorKind, KeyNames};

impl Command {
    /// The command that a client sends as these arguments, of which the first is its name, in any case. Keys are
    /// interned in `names`, which all replicas of a database share.
    ///
    /// # Errors
    /// What the server would answer: an unknown command, a wrong number of arguments, or a number that is none. Other
    /// mistakes show when the command is executed.
    pub fn parse(arguments: &[&[u8]], names: &mut KeyNames) -> Result<Self, ErrorKind> {
        let Some((&name, rest)) = arguments.split_first() else {
            return Err(ErrorKind::UnknownCommand("".into()));
        };
        let lossy = String::from_utf8_lossy(name);
        let kind = CommandKind::from_name(&lossy)
            .ok_or_else(|| ErrorKind::UnknownCommand(lossy.as_ref().into()))?;
        if kind.is_refused() {
            return Err(ErrorKind::NotSupported(kind.name().into()));
        }
        let arity = kind.arity();
        let length = arguments.len();
        let is_fit = if arity < 0 {
            length >= arity.unsigned_abs() as usize
        } else {
            length == arity as usize
        };
        if !is_fit {
            return Err(ErrorKind::WrongArity(kind.name().into()));
        }
        let element = |bytes: &&[u8]| Element::Bytes((*bytes).into());
        let mut key = || names.intern(rest[0]);
        Ok(match (kind, rest) {
            (CommandKind::Get, _) => Self::Get { key: key() },
            (CommandKind::Set, [_, content]) => Self::Set {
                key: key(),
                content: Content::from(*content),
            },
            (CommandKind::Del, [_]) => Self::Del { key: key() },
            (CommandKind::Exists, [_]) => Self::Exists { key: key() },
            (CommandKind::Incr, _) => Self::Incr { key: key() },
            (CommandKind::Decr, _) => Self::Decr { key: key() },
            (CommandKind::IncrBy, [_, amount]) => Self::IncrBy {
                key: key(),
                amount: integer(amount)?,
            },
            (CommandKind::DecrBy, [_, amount]) => Self::DecrBy {
                key: key(),
                amount: integer(amount)?,
            },
            (CommandKind::SAdd, [_, elements @ ..]) => Self::SAdd {
                key: key(),
                elements: elements.iter().map(element).collect(),
            },
            (CommandKind::SRem, [_, elements @ ..]) => Self::SRem {
                key: key(),
                elements: elements.iter().map(element).collect(),
            },
            (CommandKind::SIsMember, [_, member]) => Self::SIsMember {
                key: key(),
                element: element(member),
            },
            (CommandKind::SMembers, _) => Self::SMembers { key: key() },
            (CommandKind::SCard, _) => Self::SCard { key: key() },
            (CommandKind::Ping, []) => Self::Ping,
            (CommandKind::Ping | CommandKind::Echo, [content]) => Self::Echo {
                content: Content::from(*content),
            },
            _ => Self::Call(Box::new(Call::new(kind, arguments, names)?)),
        })
    }
}
