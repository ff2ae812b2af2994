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
//! Clients send bytes, and name keys by bytes. [`Command::parse`] reads what they send; a [`Connection`] remembers what MULTI
//! and WATCH need. Names are interned in one [`KeyNames`] that all replicas of a database share:
//!
//! ```
//! use regionfall_crdt::{Connection, KeyNames, OriginId, Replica, Reply, Timestamp};
//!
//! let (mut replica, mut names, mut client) = (Replica::new(), KeyNames::new(), Connection::new());
//! let mut say = |words: &[&[u8]]| client.execute(&mut replica, &mut names, words, Timestamp(0), OriginId(1)).reply;
//! assert_eq!(say(&[b"ZADD", b"board", b"3", b"ada"]), Reply::Integer(1));
//! assert_eq!(say(&[b"zscore", b"board", b"ada"]), Reply::bulk("3"));
//! ```
//!
//! # What is where
//!
//! | Part | Holds |
//! |---|---|
//! | [`KeyId`], [`OriginId`], [`Dot`], [`Timestamp`] | identities; names of keys in [`KeyNames`] |
//! | [`Clock`] | the version vector |
//! | [`Bytes`], [`Content`], [`Element`], [`Elements`], [`Decimal`] | what values are made of |
//! | [`Command`], [`Call`], [`CommandKind`], [`DataType`], [`Reply`], [`Connection`] | what clients say and hear |
//! | [`Effect`], [`EffectKind`], [`Change`], [`Effects`] | what members tell each other |
//! | [`Replica`], [`Settings`], [`Value`] | the state, and what a client would see of it |
//!
//! Inside, a key has a register (strings), and where needed a counter and collections; each type is a
//! file that states its rule and its source. Most collections are made of cells, small registers with a key each.
//!
//! # What is written and read
//!
//! With the feature `serde` a [`Replica`], an [`Effect`], a [`Clock`] and all that they hold can be written and read, in any
//! format: maps are written as pairs where keys are no text, documents as text, scores as bits. A replica that was read goes
//! on as the one that was written. How things are laid out may change with the version.
//!
//! # What is not here
//!
//! No clock, no randomness, no input or output: time is an argument, and SPOP and its like choose by what the replica has
//! taken in. No network: who sends which effect to whom, and when, is the caller's business; so are subscribers, to whom a
//! published message is an effect like any other, and clients that block. No eviction or memory limit, no scripts, no search. KEYS, SCAN and
//! RANDOMKEY are left out, since replicas know keys by number only.
//!
//! Effects of one origin must come in order; those of different origins may overtake each other, also where one had observed the
//! other. No type needs more.
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
//! | fractions | counted exactly, in whole multiples of 10⁻¹⁷, up to 10¹⁹ |
//! | SADD of a present element | a new instance, which survives a concurrent SREM; so is ZADD of a present score |
//! | ZREM against ZADD | the score that ZADD wrote |
//! | ZADD against ZINCRBY | the score that ZADD wrote, and the unobserved increment |
//! | LREM, LTRIM | remove the observed elements |
//! | LSET against LSET, and against a removal | the last write wins; the LSET wins |
//! | insertions at the same place | the smaller origin's first, as in the examples; runs are not mixed |
//! | EXPIRE against SET | a SET without a TTL claims infinity, as PERSIST does |
//! | EXPIRE against DEL | the claim stays, and means nothing until the key is there; a key that comes again has no expiry |
//! | SETEX against SET | the value of the last writer, and the longest TTL |
//! | equal deadlines | the smaller origin's owner |
//! | expiry of hash fields | as that of keys; an increment that creates a field takes what was said of a former one |
//! | a second stream entry in one millisecond | the next millisecond, since the region is the sequence |
//! | a late entry with an ID below an acknowledged prefix | delivered: a prefix covers what its author had observed |
//! | an unread entry before an acknowledged one | ends the prefix, as a pending one does |
//! | groups of one name created concurrently | one group, which delivers what any of them would |
//! | JSON.NUMINCRBY, JSON.STRAPPEND and their like | assignments of the result: the smaller instance's stays |
//! | removal of a JSON member against an assignment to it | the assignment stays |
//! | SET or DEL of another type against PFADD or XGROUP CREATE | these are lost only if the key was seen to hold one |
//! | RENAME, COPY, S\*STORE, Z\*STORE | a deletion of what was observed there and a write of the result; groups and duplicate IDs are lost |
//! | MULTI | effects in a row; no promise that peers show them at once |
//! | two types under one key | the type of which something was created by the smallest origin shows |
//! | causal order where effects overtake each other | of the same key: what a write replaces stays replaced, even where the replaced arrives later |

#[cfg(feature = "bare")]
pub mod bare;
mod bytes;
mod cell;
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
mod extra;
mod few;
mod geohash;
mod hash;
mod home;
mod hyperloglog;
mod id;
mod instances;
mod json;
mod json_path;
mod list;
mod names;
mod position;
mod ranking;
mod register;
mod replica;
mod reply;
mod run;
mod score;
mod sequence;
#[cfg(feature = "serde")]
mod serial;
mod set;
mod settings;
mod slot;
mod sorted_set;
mod stored;
mod stream;
mod stream_id;
mod table;
mod tally;
mod touch;
mod value;

pub use bytes::Bytes;
pub use change::{Change, TtlChange, Wins};
pub use clock::{Clock, DotRange};
pub use command::{Call, Command, CommandKind, DataType, Dump};
pub use connection::Connection;
pub use content::Content;
pub use decimal::Decimal;
pub use effect::{Effect, EffectKind, Totals};
pub use effects::Effects;
pub use element::{Element, Elements};
pub use hash::{HashChange, HashView};
pub use hyperloglog::{HyperLogLogChange, HyperLogLogView};
pub use id::{Dot, KeyId, OriginId, Timestamp};
pub use json::{ContainerId, JsonChange, JsonPlace, JsonView};
pub use list::{ListChange, ListView};
pub use names::KeyNames;
pub use position::Position;
pub use replica::{Applied, Executed, Replica};
pub use reply::{ErrorKind, Reply};
pub use settings::{Settings, XaddIdMode};
pub use slot::{SLOTS, slot_of};
pub use sorted_set::{SortedSetChange, SortedSetView};
pub use stream::{StreamChange, StreamFields, StreamView};
pub use stream_id::StreamId;
pub use touch::{Manner, Part};
pub use value::{SetView, Value};
