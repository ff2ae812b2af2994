//! Our data types, through the commands of clients.

use std::fmt::Write;

use regionfall_crdt::{
    Applied, Command, Content, Effect, Element, KeyId, KeyNames, OriginId, Replica, Reply,
    Timestamp,
};

use crate::subject::{Ask, Subject};

const AT: u64 = 1_700_000_000_000_000_000;

/// A replica with the names of its keys and the time.
pub(crate) struct Ours {
    replica: Replica,
    at: u64,
}

impl Ours {
    fn execute(&mut self, actor: u16, command: &Command) -> (Reply, Option<Effect>) {
        self.at += 1_000;
        let executed = self
            .replica
            .execute(command, Timestamp(self.at), OriginId(actor));
        (executed.reply, executed.effects.into_first())
    }
}

/// The one key of types that have elements.
const KEY: KeyId = KeyId(0);

/// A command in which the key is `k`, and `#` stands for the number.
fn spelt(pattern: &str, number: u64) -> Command {
    let mut names = KeyNames::new();
    names.intern(b"k");
    let mut text = String::new();
    for part in pattern.split_inclusive('#') {
        text.push_str(part.trim_end_matches('#'));
        if part.ends_with('#') {
            let _ = write!(text, "{number}");
        }
    }
    let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
    match Command::parse(&words, &mut names) {
        Ok(command) => command,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

macro_rules! subjects {
    ($($(#[$doc:meta])* $Name:ident, $is_collection:literal: $write:expr, $erase:expr, $read:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $Name;

            impl Subject for $Name {
                type State = Ours;
                type Request = Command;
                type Effect = Effect;
                const IS_COLLECTION: bool = $is_collection;

                fn empty() -> Ours {
                    Ours { replica: Replica::new(), at: AT }
                }

                fn fork(state: &Ours, _: u16) -> Ours {
                    Ours { replica: state.replica.clone(), at: state.at }
                }

                fn request(ask: Ask, number: u64) -> Command {
                    match ask {
                        Ask::Write => ($write)(number),
                        Ask::Erase => ($erase)(number),
                        Ask::Read => ($read)(number),
                    }
                }

                fn change(state: &mut Ours, actor: u16, request: &Command) -> Option<Effect> {
                    state.execute(actor, request).1
                }

                fn read(state: &mut Ours, request: &Command) -> usize {
                    let (reply, _) = state.execute(0, request);
                    usize::from(!matches!(reply, Reply::Nil))
                }

                fn apply(state: &mut Ours, effects: Vec<Effect>) -> Vec<Effect> {
                    for effect in &effects {
                        assert_eq!(state.replica.apply(effect), Applied::New);
                    }
                    effects
                }

                fn merge(state: &mut Ours, other: Ours) -> Option<Ours> {
                    state.replica.merge(&other.replica);
                    Some(other)
                }
            }
        )*
    };
}

fn key(number: u64) -> KeyId {
    KeyId(number as u32)
}

fn element(number: u64) -> Element {
    Element::Number(number)
}

subjects! {
    /// Many keys with a stand-in each.
    Strings, false:
        |number| Command::Set { key: key(number), content: Content::Synthetic { token: number, length: 8 } },
        |number| Command::Del { key: key(number) },
        |number| Command::Get { key: key(number) };
    /// Many keys with a counter each.
    Counters, false:
        |number| Command::Incr { key: key(number) },
        |number| Command::Del { key: key(number) },
        |number| Command::Get { key: key(number) };
    Set, true:
        |number| Command::SAdd { key: KEY, elements: element(number).into() },
        |number| Command::SRem { key: KEY, elements: element(number).into() },
        |number| Command::SIsMember { key: KEY, element: element(number) };
    Hash, true:
        |number| spelt("HSET k # 12345678", number),
        |number| spelt("HDEL k #", number),
        |number| spelt("HGET k #", number);
    SortedSet, true:
        |number| spelt("ZADD k # #", number),
        |number| spelt("ZREM k #", number),
        |number| spelt("ZSCORE k #", number);
    /// Written and removed by name, and looked at by rank: the ten best.
    Ranks, true:
        |number| spelt("ZADD k # #", number),
        |number| spelt("ZREM k #", number),
        |_| spelt("ZRANGE k -10 -1", 0);
    List, true:
        |_| spelt("RPUSH k 12345678", 0),
        |_| spelt("LPOP k", 0),
        |number| spelt("LINDEX k #", number);
    Stream, true:
        |number| spelt("XADD k * f #", number),
        |_| spelt("XTRIM k MAXLEN 0", 0),
        |_| spelt("XREVRANGE k + - COUNT 10", 0);
    Json, true:
        |number| if number == 0 {
            spelt("JSON.SET k $ {\"0\":0}", 0)
        } else {
            spelt("JSON.SET k $.# #", number)
        },
        |number| spelt("JSON.DEL k $.#", number),
        |number| spelt("JSON.GET k $.#", number);
    HyperLogLog, true:
        |number| spelt("PFADD k #", number),
        |_| spelt("DEL k", 0),
        |_| spelt("PFCOUNT k", 0);
}
