//! The replicated data types of an Active-Active database as plain values.
//!
//! A [`Replica`] is the keyspace of one shard of one member. A [`Command`] executed there answers with a
//! [`Reply`] and, if it changed something, with an [`Effect`]: what the other members apply. Replicas that
//! have taken in the same effects, in any order that keeps the order of each origin, show the same.
//!
//! ```
//! use regionfall_crdt::{Applied, Command, KeyId, OriginId, Replica, Reply, Timestamp};
//!
//! let (east, west) = (OriginId(1), OriginId(2));
//! let (mut in_east, mut in_west) = (Replica::new(), Replica::new());
//! let key = KeyId(0);
//!
//! // Two members write the same key, and neither has seen the other's write.
//! let set = |text: &str| Command::Set { key, content: text.into() };
//! let from_east = in_east.execute(&set("a"), Timestamp(100), east).effects.into_first().expect("a write");
//! let from_west = in_west.execute(&set("b"), Timestamp(200), west).effects.into_first().expect("a write");
//! assert!(from_east.is_concurrent_with(&from_west));
//!
//! // The effects cross: both members show the later of the two.
//! assert_eq!(in_east.apply(&from_west), Applied::New);
//! assert_eq!(in_west.apply(&from_east), Applied::New);
//! let get = Command::Get { key };
//! assert_eq!(in_east.execute(&get, Timestamp(300), east).reply, Reply::Content("b".into()));
//! assert_eq!(in_west.clock(), in_east.clock());
//! assert_eq!(in_west.digest(), in_east.digest());
//!
//! // A write that has seen the other stands, whatever the clock of its host says.
//! let late = in_east.execute(&set("c"), Timestamp(1), east).effects.into_first().expect("a write");
//! assert_eq!(in_west.apply(&late), Applied::New);
//! assert_eq!(in_west.apply(&late), Applied::AlreadySeen);
//! assert_eq!(in_west.execute(&get, Timestamp(301), west).reply, Reply::Content("c".into()));
//! ```
//!
//! # What is where
//!
//! | Part | Holds |
//! |---|---|
//! | [`KeyId`], [`OriginId`], [`Dot`], [`Timestamp`] | identities; names of keys in [`KeyNames`] |
//! | [`Clock`] | the version vector |
//! | [`Content`], [`Element`], [`Elements`] | what values are made of |
//! | [`Command`], [`CommandKind`], [`DataType`], [`Reply`] | what clients say and hear |
//! | [`Effect`], [`EffectKind`] | what members tell each other |
//! | [`Replica`], [`Value`] | the state, and what a client would see of it |
//!
//! Inside, a key has a register (strings), and where needed a counter and collections; each type is a
//! file that states its rule and its source.
//!
//! # What is not here
//!
//! No clock, no randomness, no input or output: time is an argument. No network: who sends which
//! effect to whom, and when, is the caller's business. No expiry, eviction or memory limit yet.
//!
//! # Rules that the sources leave open
//!
//! | Question | Rule here |
//! |---|---|
//! | SET against DEL | last writer wins, a DEL writing "absent" |
//! | equal times | the smaller origin prevails |
//! | SET against INCR | SET resets what it had observed; an unobserved increment adds to the number that SET wrote, and hides behind other text |
//! | DEL against INCR | unobserved increments survive |
//! | 59-bit limit | the local command is refused; merged values may pass it |
//! | SADD of a present element | a new instance, which survives a concurrent SREM |
//! | two types under one key | the type of which something was created by the smallest origin shows |
//! | causal order where effects overtake each other | of the same key: what a write replaces stays replaced, even where the replaced arrives later |

mod cells;
mod change;
mod clock;
mod collection;
mod command;
mod connection;
mod consumer;
mod content;
mod counter;
mod decimal;
mod digest;
mod effect;
mod effects;
mod element;
mod entry;
mod expiry;
mod hash;
mod id;
mod list;
mod names;
mod position;
mod register;
mod replica;
mod reply;
mod run;
mod set;
mod settings;
mod sorted_set;
mod stream;
mod stream_id;
mod tally;
mod value;

pub use change::{Change, TtlChange, Wins};
pub use clock::{Clock, DotRange};
pub use command::{Call, Command, CommandKind, DataType};
pub use connection::Connection;
pub use content::Content;
pub use decimal::Decimal;
pub use effect::{Effect, EffectKind, Totals};
pub use effects::Effects;
pub use element::{Element, Elements};
pub use hash::{HashChange, HashView};
pub use id::{Dot, KeyId, OriginId, Timestamp};
pub use list::{ListChange, ListView};
pub use names::KeyNames;
pub use position::Position;
pub use replica::{Applied, Executed, Replica};
pub use reply::{ErrorKind, Reply};
pub use settings::{Settings, XaddIdMode};
pub use sorted_set::{SortedSetChange, SortedSetView};
pub use stream::{StreamChange, StreamFields, StreamView};
pub use stream_id::StreamId;
pub use value::{SetView, Value};
