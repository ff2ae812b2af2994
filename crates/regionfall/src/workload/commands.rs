//! What each command of a mix asks for: its arguments, drawn for the k-th request of a client.
//!
//! One line for each command. Whether it reads or writes, and whether a repeated attempt changes more than the first, is in
//! the dispatcher's table; how keys and elements are drawn is in [`generator`](super::generator). An argument is a function of the
//! request and of nothing that happened before: a command that must name what an earlier one was answered (XACK, XDEL) is
//! not among them.

use regionfall_crdt::{Call, Command, CommandKind, Content, Element, Elements, KeyId};
use regionfall_kernel::SimDuration;

use CommandKind as Kind;
use Word::{
    Bit, Consumer, Coordinates, Document, DocumentPlace, Element as OfElements, Key, Length,
    Milliseconds, Number, Offset, Score, Seconds, Text, Value,
};

/// How an argument is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    /// The request's key.
    Key,
    /// This text.
    Text(&'static str),
    /// The name of one of the keyspace's elements after a letter: a field, a member, an element of a set.
    Element(&'static str),
    /// A text of the keyspace's value size that no other operation writes.
    Value,
    /// A whole number from 0 to 999.
    Score,
    /// One of the keyspace's elements as a number: a bit, or a place in a list.
    Offset,
    /// 0 or 1.
    Bit,
    /// How many elements the keyspace has: what lists and streams are cut to.
    Length,
    /// The keyspace's `ttl`.
    Seconds,
    /// The same in milliseconds.
    Milliseconds,
    /// A longitude and a latitude, two arguments.
    Coordinates,
    /// One of eight consumers of a group.
    Consumer,
    /// A path and a value, two arguments: every fourth time a whole document, otherwise one of its members.
    Document,
    /// The path of one of a document's members.
    DocumentPlace,
    /// A path and 1, two arguments: the number of a document grows.
    Number,
}

/// The commands beside those that the data types know by numbered elements ([`CommandKind::SIMULATED`]).
const COMMANDS: &[(Kind, &[Word])] = &[
    // Strings and bits.
    (Kind::Append, &[Key, Value]),
    (Kind::GetRange, &[Key, Text("0"), Text("-1")]),
    (Kind::SetRange, &[Key, Offset, Value]),
    (Kind::StrLen, &[Key]),
    (Kind::GetSet, &[Key, Value]),
    (Kind::GetDel, &[Key]),
    (Kind::SetNx, &[Key, Value]),
    (Kind::SetEx, &[Key, Seconds, Value]),
    (Kind::PSetEx, &[Key, Milliseconds, Value]),
    (Kind::SetBit, &[Key, Offset, Bit]),
    (Kind::GetBit, &[Key, Offset]),
    (Kind::BitCount, &[Key]),
    // Counters.
    (Kind::IncrByFloat, &[Key, Text("0.5")]),
    // Hashes. Fields that count have names of their own: HINCRBY refuses what HSET wrote.
    (Kind::HSet, &[Key, OfElements("f"), Value]),
    (Kind::HSetNx, &[Key, OfElements("f"), Value]),
    (Kind::HGet, &[Key, OfElements("f")]),
    (Kind::HGetAll, &[Key]),
    (Kind::HDel, &[Key, OfElements("f")]),
    (Kind::HExists, &[Key, OfElements("f")]),
    (Kind::HLen, &[Key]),
    (Kind::HIncrBy, &[Key, OfElements("n"), Text("1")]),
    // Sets.
    (Kind::SPop, &[Key]),
    (Kind::SRandMember, &[Key]),
    // Sorted sets and places.
    (Kind::ZAdd, &[Key, Score, OfElements("m")]),
    (Kind::ZIncrBy, &[Key, Text("1"), OfElements("m")]),
    (Kind::ZRem, &[Key, OfElements("m")]),
    (Kind::ZScore, &[Key, OfElements("m")]),
    (Kind::ZRank, &[Key, OfElements("m")]),
    (Kind::ZRange, &[Key, Text("0"), Text("9")]),
    (Kind::ZCard, &[Key]),
    (Kind::ZPopMin, &[Key]),
    (Kind::ZPopMax, &[Key]),
    (Kind::GeoAdd, &[Key, Coordinates, OfElements("m")]),
    (Kind::GeoPos, &[Key, OfElements("m")]),
    (
        Kind::GeoSearch,
        &[
            Key,
            Text("FROMLONLAT"),
            Coordinates,
            Text("BYRADIUS"),
            Text("500"),
            Text("km"),
        ],
    ),
    // Lists.
    (Kind::LPush, &[Key, Value]),
    (Kind::RPush, &[Key, Value]),
    (Kind::LPop, &[Key]),
    (Kind::RPop, &[Key]),
    (Kind::LRange, &[Key, Text("0"), Text("9")]),
    (Kind::LIndex, &[Key, Offset]),
    (Kind::LLen, &[Key]),
    (Kind::LSet, &[Key, Offset, Value]),
    (Kind::LTrim, &[Key, Text("0"), Length]),
    // Streams.
    (Kind::XAdd, &[Key, Text("*"), Text("field"), Value]),
    (Kind::XLen, &[Key]),
    (
        Kind::XRange,
        &[Key, Text("-"), Text("+"), Text("COUNT"), Text("10")],
    ),
    (
        Kind::XRead,
        &[Text("COUNT"), Text("10"), Text("STREAMS"), Key, Text("0")],
    ),
    (Kind::XTrim, &[Key, Text("MAXLEN"), Length]),
    (
        Kind::XGroup,
        &[
            Text("CREATE"),
            Key,
            Text("group"),
            Text("0"),
            Text("MKSTREAM"),
        ],
    ),
    (
        Kind::XReadGroup,
        &[
            Text("GROUP"),
            Text("group"),
            Consumer,
            Text("COUNT"),
            Text("10"),
            Text("STREAMS"),
            Key,
            Text(">"),
        ],
    ),
    // HyperLogLogs.
    (Kind::PfAdd, &[Key, Value]),
    (Kind::PfCount, &[Key]),
    // JSON.
    (Kind::JsonSet, &[Key, Document]),
    (Kind::JsonGet, &[Key, Text("$")]),
    (Kind::JsonNumIncrBy, &[Key, Number]),
    (Kind::JsonArrAppend, &[Key, Text("$.list"), Text("1")]),
    (Kind::JsonDel, &[Key, DocumentPlace]),
    // Keys of any type.
    (Kind::Unlink, &[Key]),
    (Kind::Expire, &[Key, Seconds]),
    (Kind::PExpire, &[Key, Milliseconds]),
    (Kind::Persist, &[Key]),
    (Kind::Ttl, &[Key]),
    (Kind::Publish, &[Key, Value]),
    // All of the keyspace's writes: see `Asked::command`.
    (Kind::Exec, &[]),
];

/// Every command that a mix may have.
pub(crate) fn mixable() -> impl Iterator<Item = CommandKind> {
    let plain = CommandKind::SIMULATED.iter().copied();
    let named = plain.filter(|kind| !matches!(kind, Kind::Ping | Kind::Echo));
    named.chain(COMMANDS.iter().map(|&(kind, _)| kind))
}

/// Whether the data types know the command by numbered elements.
#[inline]
pub(crate) fn is_plain(kind: CommandKind) -> bool {
    // They come first in the table of commands.
    kind <= Kind::Echo
}

fn words(kind: CommandKind) -> &'static [Word] {
    let found = COMMANDS.iter().find(|(own, _)| *own == kind);
    found.map_or(&[], |(_, words)| words)
}

/// Whether the command says how long something may live.
pub(crate) fn sets_expiry(kind: CommandKind) -> bool {
    let words = words(kind);
    words.contains(&Seconds) || words.contains(&Milliseconds)
}

/// Whether a request of this command carries a value. Those that the data types know by numbered elements do if they write.
#[inline]
pub(crate) fn carries_value(kind: CommandKind) -> bool {
    if is_plain(kind) {
        kind.is_write()
    } else {
        draws_value(kind)
    }
}

#[cold]
fn draws_value(kind: CommandKind) -> bool {
    let words = words(kind);
    kind == Kind::Exec || words.contains(&Value) || words.contains(&Document)
}

/// What a keyspace gives to the arguments of its commands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Arguments {
    pub value_size: u32,
    pub elements: u32,
    pub ttl: SimDuration,
    /// The commands that a transaction consists of.
    pub transaction: Vec<CommandKind>,
}

/// A request, as far as its arguments depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub key: KeyId,
    /// The number of the operation: it makes values unique.
    pub operation: u32,
    pub element: u32,
    /// Uniform bits of the request's own.
    pub draws: [u32; 4],
}

impl Asked {
    /// The command to execute.
    pub(crate) fn command(self, kind: CommandKind, of: &Arguments) -> Command {
        if kind == Kind::Exec {
            let parts = of.transaction.iter().map(|&kind| self.command(kind, of));
            return Command::Transaction(parts.collect());
        }
        if let Some(command) = self.plain(kind, of.value_size) {
            return command;
        }
        let mut arguments: Vec<Box<[u8]>> = Vec::with_capacity(8);
        for word in words(kind) {
            self.draw(*word, of, &mut |text: &str| {
                arguments.push(text.as_bytes().into());
            });
        }
        Command::Call(Box::new(Call::on_keys(kind, vec![self.key], arguments)))
    }

    /// The commands that the data types know by numbered elements; written values stand for `size` bytes.
    #[inline]
    pub(crate) fn plain(self, kind: CommandKind, size: u32) -> Option<Command> {
        let key = self.key;
        let element = || Element::Number(u64::from(self.element));
        let content = |token| Content::Synthetic {
            token,
            length: size,
        };
        Some(match kind {
            Kind::Get => Command::Get { key },
            Kind::Set => Command::Set {
                key,
                content: content(u64::from(self.operation)),
            },
            Kind::Del => Command::Del { key },
            Kind::Exists => Command::Exists { key },
            Kind::Incr => Command::Incr { key },
            Kind::IncrBy => Command::IncrBy { key, amount: 1 },
            Kind::Decr => Command::Decr { key },
            Kind::DecrBy => Command::DecrBy { key, amount: 1 },
            Kind::SAdd => Command::SAdd {
                key,
                elements: Elements::one(element()),
            },
            Kind::SRem => Command::SRem {
                key,
                elements: Elements::one(element()),
            },
            Kind::SIsMember => Command::SIsMember {
                key,
                element: element(),
            },
            Kind::SMembers => Command::SMembers { key },
            Kind::SCard => Command::SCard { key },
            Kind::Ping => Command::Ping,
            Kind::Echo => Command::Echo {
                content: content(0),
            },
            _ => return None,
        })
    }

    fn draw(self, word: Word, of: &Arguments, put: &mut dyn FnMut(&str)) {
        let [first, second, ..] = self.draws;
        match word {
            Key => put(&self.key.0.to_string()),
            Text(text) => put(text),
            OfElements(letter) => put(&format!("{letter}{}", self.element)),
            Value => put(&self.value(of.value_size)),
            Score => put(&(first % 1_000).to_string()),
            Offset => put(&self.element.to_string()),
            Bit => put(if first % 2 == 0 { "0" } else { "1" }),
            Length => put(&of.elements.to_string()),
            Seconds => put(&of.ttl.as_nanos().div_ceil(1_000_000_000).max(1).to_string()),
            Milliseconds => put(&of.ttl.as_nanos().div_ceil(1_000_000).max(1).to_string()),
            Coordinates => {
                put(&degrees(first, 180));
                put(&degrees(second, 85));
            }
            Consumer => put(&format!("consumer{}", first % 8)),
            Document if first % 4 == 0 => {
                put("$");
                let value = self.value(of.value_size);
                put(&format!(
                    "{{\"text\":\"{value}\",\"number\":0,\"list\":[]}}"
                ));
            }
            Document => {
                put(&format!("$.m{}", self.element));
                put(&format!("\"{}\"", self.value(of.value_size)));
            }
            DocumentPlace => put(&format!("$.m{}", self.element)),
            Number => {
                put("$.number");
                put("1");
            }
        }
    }

    /// A value of so many bytes; of more, where the number of the operation needs them.
    fn value(self, size: u32) -> String {
        format!("{:.>width$}", self.operation, width = size as usize)
    }
}

/// A coordinate in -limit..limit with four places.
fn degrees(draw: u32, limit: i64) -> String {
    let ten_thousandths = ((i64::from(draw) * limit * 20_000) >> 32) - limit * 10_000;
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let size = ten_thousandths.unsigned_abs();
    format!("{sign}{}.{:04}", size / 10_000, size % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    use regionfall_crdt::{KeyNames, OriginId, Replica, Timestamp};

    fn arguments() -> Arguments {
        Arguments {
            value_size: 16,
            elements: 3,
            ttl: SimDuration::from_millis(1_500),
            transaction: vec![Kind::HSet, Kind::HDel],
        }
    }

    fn asked(operation: u32) -> Asked {
        Asked {
            key: KeyId(0),
            operation,
            element: operation % 3,
            draws: [
                operation.wrapping_mul(0x9E37_79B9) >> 7,
                operation << 28,
                0,
                0,
            ],
        }
    }

    /// As a client would send it: so a line of the table that is no command of Redis is found out.
    #[test]
    fn every_command_reads_back_as_a_client_would_send_it() {
        for kind in mixable().filter(|kind| !is_plain(*kind) && *kind != Kind::Exec) {
            let Command::Call(call) = asked(7).command(kind, &arguments()) else {
                panic!("{kind} is a call")
            };
            let mut sent: Vec<&[u8]> = vec![kind.name().as_bytes()];
            sent.extend(call.arguments().iter().map(AsRef::as_ref));
            let mut names = KeyNames::new();
            let read = Command::parse(&sent, &mut names).expect("a command");
            assert_eq!(read, Command::Call(call), "{kind}");
        }
    }

    /// What a command answers about the data is no mistake of its arguments.
    #[test]
    fn every_command_is_understood() {
        for kind in mixable() {
            let mut replica = Replica::new();
            let mut effects = 0;
            for operation in 0..40 {
                // A key needs something for the commands that only change what is there.
                let maker = match kind.data_type() {
                    Some(regionfall_crdt::DataType::List) => Kind::RPush,
                    Some(regionfall_crdt::DataType::Hash) | None => Kind::HSet,
                    Some(regionfall_crdt::DataType::SortedSet) => Kind::ZAdd,
                    Some(regionfall_crdt::DataType::Stream) if kind == Kind::XReadGroup => {
                        Kind::XGroup
                    }
                    Some(regionfall_crdt::DataType::Stream) => Kind::XAdd,
                    Some(regionfall_crdt::DataType::Json) => Kind::JsonSet,
                    Some(regionfall_crdt::DataType::Set) => Kind::SAdd,
                    Some(regionfall_crdt::DataType::String) if kind != Kind::SetNx => Kind::Set,
                    _ => kind,
                };
                for (own, step) in [(maker, 0), (kind, 1)] {
                    let command = asked(2 * operation + step).command(own, &arguments());
                    let at = Timestamp(u64::from(2 * operation + step) * 1_000_000_000);
                    let executed = replica.execute(&command, at, OriginId(0));
                    if own == kind
                        && let regionfall_crdt::Reply::Error(error) = &executed.reply
                    {
                        let text = error.message();
                        let is_about_data = [
                            "no such key",
                            "out of range",
                            "new objects",
                            "BUSYGROUP",
                            "does not exist",
                        ];
                        assert!(
                            is_about_data.iter().any(|part| text.contains(part)),
                            "{command:?}: {text}"
                        );
                    }
                    if own == kind {
                        effects += executed.effects.len();
                    }
                }
            }
            // Reading for a group changes nothing that is replicated; nor does PERSIST where nothing expires.
            let has_none = matches!(kind, Kind::XReadGroup | Kind::Persist);
            assert_eq!(effects > 0, kind.is_write() && !has_none, "{kind}");
        }
    }

    #[test]
    fn plain_commands_are_those_of_numbered_elements() {
        for &kind in CommandKind::ALL {
            assert_eq!(
                is_plain(kind),
                CommandKind::SIMULATED.contains(&kind),
                "{kind}"
            );
        }
    }

    #[test]
    fn coordinates_stay_on_the_map() {
        assert_eq!(degrees(0, 180), "-180.0000");
        assert_eq!(degrees(u32::MAX, 180), "179.9999");
        assert_eq!(degrees(1 << 31, 85), "0.0000");
    }

    #[test]
    fn values_have_their_size_and_differ() {
        assert_eq!(asked(7).value(4), "...7");
        assert_ne!(asked(7).value(1), asked(8).value(1));
        assert_eq!(asked(12_345).value(3), "12345");
    }
}
