//! Every command, one line each: its name, the type it is for, its nature, how many arguments it takes and
//! which of them are keys.
//!
//! The number of arguments is written as Redis writes arity: the name counts, and a negative number is a
//! minimum (Redis commands reference).

use super::kind::{DataType, KeyArguments, Nature};

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $data_type:expr, $nature:ident, $arity:literal, $keys:ident;)*) => {
        /// A command without its arguments.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum CommandKind {
            $($(#[$doc])* $variant,)*
        }

        impl CommandKind {
            /// Every command.
            pub const ALL: &[CommandKind] = &[$(CommandKind::$variant,)*];

            /// Its name, in lower case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The data type that it is for, or `None` if it is for every type or for no key at all.
            pub const fn data_type(self) -> Option<DataType> {
                match self { $(Self::$variant => $data_type,)* }
            }

            #[inline]
            pub(super) const fn nature(self) -> Nature {
                match self { $(Self::$variant => Nature::$nature,)* }
            }

            /// How many arguments it takes, its name included; a negative number is a minimum.
            pub(crate) const fn arity(self) -> i32 {
                match self { $(Self::$variant => $arity,)* }
            }

            pub(crate) const fn key_arguments(self) -> KeyArguments {
                match self { $(Self::$variant => KeyArguments::$keys,)* }
            }
        }
    };
}

commands! {
    // Those that the simulator builds itself come first, see `SIMULATED`.
    /// Reads a string or a counter.
    Get, "get", Some(DataType::String), Read, 2, First;
    /// Writes a string, whatever the key held.
    Set, "set", Some(DataType::String), Idempotent, -3, First;
    /// Deletes keys of any type.
    Del, "del", None, Idempotent, -2, All;
    /// Whether keys exist.
    Exists, "exists", None, Read, -2, All;
    /// Adds 1.
    Incr, "incr", Some(DataType::Counter), Repeating, 2, First;
    /// Adds a number.
    IncrBy, "incrby", Some(DataType::Counter), Repeating, 3, First;
    /// Subtracts 1.
    Decr, "decr", Some(DataType::Counter), Repeating, 2, First;
    /// Subtracts a number.
    DecrBy, "decrby", Some(DataType::Counter), Repeating, 3, First;
    /// Adds elements to a set.
    SAdd, "sadd", Some(DataType::Set), Idempotent, -3, First;
    /// Removes elements from a set.
    SRem, "srem", Some(DataType::Set), Idempotent, -3, First;
    /// Whether an element is in a set.
    SIsMember, "sismember", Some(DataType::Set), Read, 3, First;
    /// The elements of a set.
    SMembers, "smembers", Some(DataType::Set), Read, 2, First;
    /// How many elements a set has.
    SCard, "scard", Some(DataType::Set), Read, 2, First;
    /// Answers PONG.
    Ping, "ping", None, Read, -1, None;
    /// Answers its argument.
    Echo, "echo", None, Read, 2, None;
    // Strings.
    /// Adds to the end of a string.
    Append, "append", Some(DataType::String), Repeating, 3, First;
    /// Reads a part of a string.
    GetRange, "getrange", Some(DataType::String), Read, 4, First;
    /// Reads a part of a string, by its old name.
    SubStr, "substr", Some(DataType::String), Read, 4, First;
    /// Overwrites a part of a string.
    SetRange, "setrange", Some(DataType::String), Idempotent, 4, First;
    /// The length of a string.
    StrLen, "strlen", Some(DataType::String), Read, 2, First;
    /// Writes a string and answers the old one.
    GetSet, "getset", Some(DataType::String), Idempotent, 3, First;
    /// Reads a string and deletes it.
    GetDel, "getdel", Some(DataType::String), Idempotent, 2, First;
    /// Reads a string and changes its expiry.
    GetEx, "getex", Some(DataType::String), Idempotent, -2, First;
    /// Writes a string where there is nothing.
    SetNx, "setnx", Some(DataType::String), Idempotent, 3, First;
    /// Writes a string that expires in seconds.
    SetEx, "setex", Some(DataType::String), Idempotent, 4, First;
    /// Writes a string that expires in milliseconds.
    PSetEx, "psetex", Some(DataType::String), Idempotent, 4, First;
    /// Reads several strings.
    MGet, "mget", Some(DataType::String), Read, -2, All;
    /// Writes several strings.
    MSet, "mset", Some(DataType::String), Idempotent, -3, Pairs;
    /// Writes several strings where there are none.
    MSetNx, "msetnx", Some(DataType::String), Idempotent, -3, Pairs;
    /// The longest common subsequence of two strings.
    Lcs, "lcs", Some(DataType::String), Read, -3, Two;
    /// Adds a number with a fraction.
    IncrByFloat, "incrbyfloat", Some(DataType::Counter), Repeating, 3, First;
    // Bits.
    /// Writes a bit of a string.
    SetBit, "setbit", Some(DataType::String), Idempotent, 4, First;
    /// Reads a bit of a string.
    GetBit, "getbit", Some(DataType::String), Read, 3, First;
    /// Counts the bits that are set.
    BitCount, "bitcount", Some(DataType::String), Read, -2, First;
    /// Finds the first bit that is set or clear.
    BitPos, "bitpos", Some(DataType::String), Read, -3, First;
    /// Combines strings bit by bit.
    BitOp, "bitop", Some(DataType::String), Idempotent, -4, BitOp;
    /// Reads and writes numbers of any width within a string.
    BitField, "bitfield", Some(DataType::String), Repeating, -2, First;
    /// Reads numbers of any width within a string.
    BitFieldRo, "bitfield_ro", Some(DataType::String), Read, -2, First;
    // Keys.
    /// Deletes keys.
    Unlink, "unlink", None, Idempotent, -2, All;
    /// The type of a key.
    Type, "type", None, Read, 2, First;
    /// Counts the keys that exist.
    Touch, "touch", None, Read, -2, All;
    /// Moves what a key holds to another key.
    Rename, "rename", None, Idempotent, 3, Two;
    /// Moves what a key holds to a key that holds nothing.
    RenameNx, "renamenx", None, Idempotent, 3, Two;
    /// Copies what a key holds to another key.
    Copy, "copy", None, Idempotent, -3, Two;
    /// Sets the time to live in seconds.
    Expire, "expire", None, Idempotent, -3, First;
    /// Sets the time to live in milliseconds.
    PExpire, "pexpire", None, Idempotent, -3, First;
    /// Sets the moment of expiry in seconds.
    ExpireAt, "expireat", None, Idempotent, -3, First;
    /// Sets the moment of expiry in milliseconds.
    PExpireAt, "pexpireat", None, Idempotent, -3, First;
    /// Takes the expiry away.
    Persist, "persist", None, Idempotent, 2, First;
    /// The time to live in seconds.
    Ttl, "ttl", None, Read, 2, First;
    /// The time to live in milliseconds.
    PTtl, "pttl", None, Read, 2, First;
    /// The moment of expiry in seconds.
    ExpireTime, "expiretime", None, Read, 2, First;
    /// The moment of expiry in milliseconds.
    PExpireTime, "pexpiretime", None, Read, 2, First;
    /// How many keys there are.
    DbSize, "dbsize", None, Read, 1, None;
    // Hashes.
    /// Writes fields.
    HSet, "hset", Some(DataType::Hash), Idempotent, -4, First;
    /// Writes fields, by its old name.
    HMSet, "hmset", Some(DataType::Hash), Idempotent, -4, First;
    /// Writes a field that does not exist.
    HSetNx, "hsetnx", Some(DataType::Hash), Idempotent, 4, First;
    /// Writes fields that expire.
    HSetEx, "hsetex", Some(DataType::Hash), Idempotent, -6, First;
    /// Reads a field.
    HGet, "hget", Some(DataType::Hash), Read, 3, First;
    /// Reads several fields.
    HMGet, "hmget", Some(DataType::Hash), Read, -3, First;
    /// Reads fields and changes their expiry.
    HGetEx, "hgetex", Some(DataType::Hash), Idempotent, -5, First;
    /// Reads fields and removes them.
    HGetDel, "hgetdel", Some(DataType::Hash), Idempotent, -5, First;
    /// Reads all fields.
    HGetAll, "hgetall", Some(DataType::Hash), Read, 2, First;
    /// The names of all fields.
    HKeys, "hkeys", Some(DataType::Hash), Read, 2, First;
    /// The values of all fields.
    HVals, "hvals", Some(DataType::Hash), Read, 2, First;
    /// How many fields there are.
    HLen, "hlen", Some(DataType::Hash), Read, 2, First;
    /// Whether a field exists.
    HExists, "hexists", Some(DataType::Hash), Read, 3, First;
    /// The length of a field's value.
    HStrLen, "hstrlen", Some(DataType::Hash), Read, 3, First;
    /// Removes fields.
    HDel, "hdel", Some(DataType::Hash), Idempotent, -3, First;
    /// Adds to a field.
    HIncrBy, "hincrby", Some(DataType::Hash), Repeating, 4, First;
    /// Adds a number with a fraction to a field.
    HIncrByFloat, "hincrbyfloat", Some(DataType::Hash), Repeating, 4, First;
    /// Some of the fields.
    HRandField, "hrandfield", Some(DataType::Hash), Read, -2, First;
    /// All fields, in one piece.
    HScan, "hscan", Some(DataType::Hash), Read, -3, First;
    /// Sets the time to live of fields in seconds.
    HExpire, "hexpire", Some(DataType::Hash), Idempotent, -6, First;
    /// Sets the time to live of fields in milliseconds.
    HPExpire, "hpexpire", Some(DataType::Hash), Idempotent, -6, First;
    /// Sets the moment of expiry of fields in seconds.
    HExpireAt, "hexpireat", Some(DataType::Hash), Idempotent, -6, First;
    /// Sets the moment of expiry of fields in milliseconds.
    HPExpireAt, "hpexpireat", Some(DataType::Hash), Idempotent, -6, First;
    /// Takes the expiry of fields away.
    HPersist, "hpersist", Some(DataType::Hash), Idempotent, -5, First;
    /// The time to live of fields in seconds.
    HTtl, "httl", Some(DataType::Hash), Read, -5, First;
    /// The time to live of fields in milliseconds.
    HPTtl, "hpttl", Some(DataType::Hash), Read, -5, First;
    /// The moment of expiry of fields in seconds.
    HExpireTime, "hexpiretime", Some(DataType::Hash), Read, -5, First;
    /// The moment of expiry of fields in milliseconds.
    HPExpireTime, "hpexpiretime", Some(DataType::Hash), Read, -5, First;
    // Sets.
    /// Removes some elements and answers them.
    SPop, "spop", Some(DataType::Set), Repeating, -2, First;
    /// Some of the elements.
    SRandMember, "srandmember", Some(DataType::Set), Read, -2, First;
    /// Moves an element to another set.
    SMove, "smove", Some(DataType::Set), Idempotent, 4, Two;
    /// Which of several elements are in a set.
    SMIsMember, "smismember", Some(DataType::Set), Read, -3, First;
    /// The union of sets.
    SUnion, "sunion", Some(DataType::Set), Read, -2, All;
    /// The intersection of sets.
    SInter, "sinter", Some(DataType::Set), Read, -2, All;
    /// How many elements the intersection of sets has.
    SInterCard, "sintercard", Some(DataType::Set), Read, -3, Counted1;
    /// The difference of sets.
    SDiff, "sdiff", Some(DataType::Set), Read, -2, All;
    /// Stores the union of sets.
    SUnionStore, "sunionstore", Some(DataType::Set), Idempotent, -3, All;
    /// Stores the intersection of sets.
    SInterStore, "sinterstore", Some(DataType::Set), Idempotent, -3, All;
    /// Stores the difference of sets.
    SDiffStore, "sdiffstore", Some(DataType::Set), Idempotent, -3, All;
    /// All elements, in one piece.
    SScan, "sscan", Some(DataType::Set), Read, -3, First;
    // Sorted sets.
    /// Adds members with their scores.
    ZAdd, "zadd", Some(DataType::SortedSet), Idempotent, -4, First;
    /// Adds to the score of a member.
    ZIncrBy, "zincrby", Some(DataType::SortedSet), Repeating, 4, First;
    /// Removes members.
    ZRem, "zrem", Some(DataType::SortedSet), Idempotent, -3, First;
    /// The score of a member.
    ZScore, "zscore", Some(DataType::SortedSet), Read, 3, First;
    /// The scores of several members.
    ZMScore, "zmscore", Some(DataType::SortedSet), Read, -3, First;
    /// How many members there are.
    ZCard, "zcard", Some(DataType::SortedSet), Read, 2, First;
    /// How many members have a score within bounds.
    ZCount, "zcount", Some(DataType::SortedSet), Read, 4, First;
    /// How many members lie within bounds.
    ZLexCount, "zlexcount", Some(DataType::SortedSet), Read, 4, First;
    /// The place of a member.
    ZRank, "zrank", Some(DataType::SortedSet), Read, -3, First;
    /// The place of a member from the other end.
    ZRevRank, "zrevrank", Some(DataType::SortedSet), Read, -3, First;
    /// Members by place, score or name.
    ZRange, "zrange", Some(DataType::SortedSet), Read, -4, First;
    /// Members by place from the other end.
    ZRevRange, "zrevrange", Some(DataType::SortedSet), Read, -4, First;
    /// Members by score.
    ZRangeByScore, "zrangebyscore", Some(DataType::SortedSet), Read, -4, First;
    /// Members by falling score.
    ZRevRangeByScore, "zrevrangebyscore", Some(DataType::SortedSet), Read, -4, First;
    /// Members by name.
    ZRangeByLex, "zrangebylex", Some(DataType::SortedSet), Read, -4, First;
    /// Members by falling name.
    ZRevRangeByLex, "zrevrangebylex", Some(DataType::SortedSet), Read, -4, First;
    /// Stores a range of members.
    ZRangeStore, "zrangestore", Some(DataType::SortedSet), Idempotent, -5, Two;
    /// Removes the members with the lowest scores.
    ZPopMin, "zpopmin", Some(DataType::SortedSet), Repeating, -2, First;
    /// Removes the members with the highest scores.
    ZPopMax, "zpopmax", Some(DataType::SortedSet), Repeating, -2, First;
    /// Removes members from the first sorted set that has any.
    ZMPop, "zmpop", Some(DataType::SortedSet), Repeating, -4, Counted1;
    /// Removes members by place.
    ZRemRangeByRank, "zremrangebyrank", Some(DataType::SortedSet), Repeating, 4, First;
    /// Removes members by score.
    ZRemRangeByScore, "zremrangebyscore", Some(DataType::SortedSet), Idempotent, 4, First;
    /// Removes members by name.
    ZRemRangeByLex, "zremrangebylex", Some(DataType::SortedSet), Idempotent, 4, First;
    /// The union of sorted sets.
    ZUnion, "zunion", Some(DataType::SortedSet), Read, -3, Counted1;
    /// The intersection of sorted sets.
    ZInter, "zinter", Some(DataType::SortedSet), Read, -3, Counted1;
    /// How many members the intersection of sorted sets has.
    ZInterCard, "zintercard", Some(DataType::SortedSet), Read, -3, Counted1;
    /// The difference of sorted sets.
    ZDiff, "zdiff", Some(DataType::SortedSet), Read, -3, Counted1;
    /// Stores the union of sorted sets.
    ZUnionStore, "zunionstore", Some(DataType::SortedSet), Idempotent, -4, Counted2;
    /// Stores the intersection of sorted sets.
    ZInterStore, "zinterstore", Some(DataType::SortedSet), Idempotent, -4, Counted2;
    /// Stores the difference of sorted sets.
    ZDiffStore, "zdiffstore", Some(DataType::SortedSet), Idempotent, -4, Counted2;
    /// Some of the members.
    ZRandMember, "zrandmember", Some(DataType::SortedSet), Read, -2, First;
    /// All members, in one piece.
    ZScan, "zscan", Some(DataType::SortedSet), Read, -3, First;
    // Geo.
    /// Adds places.
    GeoAdd, "geoadd", Some(DataType::SortedSet), Idempotent, -5, First;
    /// Where places are.
    GeoPos, "geopos", Some(DataType::SortedSet), Read, -2, First;
    /// How far two places are apart.
    GeoDist, "geodist", Some(DataType::SortedSet), Read, -4, First;
    /// The geohashes of places.
    GeoHash, "geohash", Some(DataType::SortedSet), Read, -2, First;
    /// The places in an area.
    GeoSearch, "geosearch", Some(DataType::SortedSet), Read, -7, First;
    /// Stores the places in an area.
    GeoSearchStore, "geosearchstore", Some(DataType::SortedSet), Idempotent, -8, Two;
    /// The places around a point, by its old name.
    GeoRadius, "georadius", Some(DataType::SortedSet), Read, -6, First;
    /// The places around a place, by its old name.
    GeoRadiusByMember, "georadiusbymember", Some(DataType::SortedSet), Read, -5, First;
    // Lists.
    /// Adds elements at the head.
    LPush, "lpush", Some(DataType::List), Repeating, -3, First;
    /// Adds elements at the tail.
    RPush, "rpush", Some(DataType::List), Repeating, -3, First;
    /// Adds elements at the head of a list that exists.
    LPushX, "lpushx", Some(DataType::List), Repeating, -3, First;
    /// Adds elements at the tail of a list that exists.
    RPushX, "rpushx", Some(DataType::List), Repeating, -3, First;
    /// Removes elements at the head.
    LPop, "lpop", Some(DataType::List), Repeating, -2, First;
    /// Removes elements at the tail.
    RPop, "rpop", Some(DataType::List), Repeating, -2, First;
    /// How many elements there are.
    LLen, "llen", Some(DataType::List), Read, 2, First;
    /// The element at a place.
    LIndex, "lindex", Some(DataType::List), Read, 3, First;
    /// The elements between two places.
    LRange, "lrange", Some(DataType::List), Read, 4, First;
    /// Where an element is.
    LPos, "lpos", Some(DataType::List), Read, -3, First;
    /// Replaces the element at a place.
    LSet, "lset", Some(DataType::List), Idempotent, 4, First;
    /// Adds an element beside another.
    LInsert, "linsert", Some(DataType::List), Repeating, 5, First;
    /// Removes occurrences of an element.
    LRem, "lrem", Some(DataType::List), Repeating, 4, First;
    /// Removes all elements but those between two places.
    LTrim, "ltrim", Some(DataType::List), Repeating, 4, First;
    /// Moves the element at the tail to the head of another list.
    RPopLPush, "rpoplpush", Some(DataType::List), Repeating, 3, Two;
    /// Moves an element at one end to one end of another list.
    LMove, "lmove", Some(DataType::List), Repeating, 5, Two;
    /// Removes elements from the first list that has any.
    LMPop, "lmpop", Some(DataType::List), Repeating, -4, Counted1;
    // Streams.
    /// Adds an entry.
    XAdd, "xadd", Some(DataType::Stream), Repeating, -5, First;
    /// How many entries there are.
    XLen, "xlen", Some(DataType::Stream), Read, 2, First;
    /// The entries between two IDs.
    XRange, "xrange", Some(DataType::Stream), Read, -4, First;
    /// The entries between two IDs, the newest first.
    XRevRange, "xrevrange", Some(DataType::Stream), Read, -4, First;
    /// The entries after an ID.
    XRead, "xread", Some(DataType::Stream), Read, -4, Streams;
    /// Removes entries.
    XDel, "xdel", Some(DataType::Stream), Idempotent, -3, First;
    /// Removes the oldest entries.
    XTrim, "xtrim", Some(DataType::Stream), Idempotent, -4, First;
    /// Sets the newest ID.
    XSetId, "xsetid", Some(DataType::Stream), Idempotent, -3, First;
    /// Creates and destroys consumer groups.
    XGroup, "xgroup", Some(DataType::Stream), Idempotent, -2, Second;
    /// Delivers entries to a consumer.
    XReadGroup, "xreadgroup", Some(DataType::Stream), Repeating, -7, Streams;
    /// Acknowledges entries.
    XAck, "xack", Some(DataType::Stream), Idempotent, -4, First;
    /// What was delivered and not acknowledged.
    XPending, "xpending", Some(DataType::Stream), Read, -3, First;
    /// Delivers pending entries to another consumer.
    XClaim, "xclaim", Some(DataType::Stream), Repeating, -6, First;
    /// Delivers the oldest pending entries to another consumer.
    XAutoClaim, "xautoclaim", Some(DataType::Stream), Repeating, -6, First;
    /// What is known of a stream.
    XInfo, "xinfo", Some(DataType::Stream), Read, -2, Second;
    // Hyperloglog.
    /// Adds elements to what is counted.
    PfAdd, "pfadd", Some(DataType::HyperLogLog), Idempotent, -2, First;
    /// How many distinct elements were added, about.
    PfCount, "pfcount", Some(DataType::HyperLogLog), Read, -2, All;
    /// Adds what others counted.
    PfMerge, "pfmerge", Some(DataType::HyperLogLog), Idempotent, -2, All;
    // Json.
    /// Writes a value at a path.
    JsonSet, "json.set", Some(DataType::Json), Idempotent, -4, First;
    /// Reads the values at paths.
    JsonGet, "json.get", Some(DataType::Json), Read, -2, First;
    /// Reads the values at a path in several documents.
    JsonMGet, "json.mget", Some(DataType::Json), Read, -3, AllButLast;
    /// Writes values in several documents.
    JsonMSet, "json.mset", Some(DataType::Json), Idempotent, -4, Triples;
    /// Merges a value into the one at a path.
    JsonMerge, "json.merge", Some(DataType::Json), Idempotent, 4, First;
    /// Removes the values at a path.
    JsonDel, "json.del", Some(DataType::Json), Idempotent, -2, First;
    /// Removes the values at a path, by another name.
    JsonForget, "json.forget", Some(DataType::Json), Idempotent, -2, First;
    /// Empties containers and zeroes numbers, keeping them.
    JsonClear, "json.clear", Some(DataType::Json), Idempotent, -2, First;
    /// The types of the values at a path.
    JsonType, "json.type", Some(DataType::Json), Read, -2, First;
    /// Adds to numbers.
    JsonNumIncrBy, "json.numincrby", Some(DataType::Json), Repeating, 4, First;
    /// Multiplies numbers.
    JsonNumMultBy, "json.nummultby", Some(DataType::Json), Repeating, 4, First;
    /// Adds to the end of strings.
    JsonStrAppend, "json.strappend", Some(DataType::Json), Repeating, -3, First;
    /// The lengths of strings.
    JsonStrLen, "json.strlen", Some(DataType::Json), Read, -2, First;
    /// Inverts truth values.
    JsonToggle, "json.toggle", Some(DataType::Json), Repeating, -2, First;
    /// Adds elements to the end of arrays.
    JsonArrAppend, "json.arrappend", Some(DataType::Json), Repeating, -4, First;
    /// Adds elements within arrays.
    JsonArrInsert, "json.arrinsert", Some(DataType::Json), Repeating, -5, First;
    /// Removes an element of arrays.
    JsonArrPop, "json.arrpop", Some(DataType::Json), Repeating, -2, First;
    /// Removes all elements of arrays but a range.
    JsonArrTrim, "json.arrtrim", Some(DataType::Json), Repeating, 5, First;
    /// The lengths of arrays.
    JsonArrLen, "json.arrlen", Some(DataType::Json), Read, -2, First;
    /// Where an element is in arrays.
    JsonArrIndex, "json.arrindex", Some(DataType::Json), Read, -4, First;
    /// The keys of objects.
    JsonObjKeys, "json.objkeys", Some(DataType::Json), Read, -2, First;
    /// How many keys objects have.
    JsonObjLen, "json.objlen", Some(DataType::Json), Read, -2, First;
    /// The values at a path as replies.
    JsonResp, "json.resp", Some(DataType::Json), Read, -2, First;
    // Others.
    /// Sends a message to the subscribers of a channel, in every region.
    Publish, "publish", None, Repeating, 3, First;
    /// Sends a message to the subscribers of a channel of a shard.
    SPublish, "spublish", None, Repeating, 3, First;
    /// Begins a transaction; the connection's business.
    Multi, "multi", None, Read, 1, None;
    /// Executes a transaction.
    Exec, "exec", None, Repeating, 1, None;
    /// Drops a transaction; the connection's business.
    Discard, "discard", None, Read, 1, None;
    /// Watches keys for a transaction; the connection's business.
    Watch, "watch", None, Read, -2, All;
    /// Stops watching; the connection's business.
    Unwatch, "unwatch", None, Read, 1, None;
    /// What the server's clock says.
    Time, "time", None, Read, 1, None;
    // Refused.
    /// Refused: flushing is administrative (Redis commands, FLUSHALL).
    FlushAll, "flushall", None, Refused, -1, None;
    /// Refused: flushing is administrative.
    FlushDb, "flushdb", None, Refused, -1, None;
    /// Refused: there is one database.
    SwapDb, "swapdb", None, Refused, 3, None;
    /// Refused: there is one database.
    Move, "move", None, Refused, 3, First;
    /// Refused.
    Migrate, "migrate", None, Refused, -6, None;
    /// Refused: for keys of modules only.
    Restore, "restore", None, Refused, -4, First;
    /// Refused: vector sets are not supported.
    VAdd, "vadd", None, Refused, -1, None;
    /// Refused: vector sets are not supported.
    VRem, "vrem", None, Refused, -1, None;
}
