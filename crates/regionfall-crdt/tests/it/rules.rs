//! One rule each, in the words of clients: what the documentation says of a type, and what is chosen where it is silent.
//! Those of expiry are in `expiry_rules.rs`, those of JSON in `json_rules.rs`.

use regionfall_crdt::XaddIdMode;

use crate::members::Members;

#[test]
fn strings_take_whole_results_and_know_options() {
    let mut members = Members::new(2);
    assert_eq!(members.say(1, "SET k v NX EX 10 GET"), "nil");
    assert_eq!(members.say(1, "SET k w XX KEEPTTL"), "OK");
    assert_eq!(members.say(1, "TTL k"), "10");
    assert_eq!(members.say(1, "SET k w NX"), "nil");
    assert_eq!(
        members.say(1, "SET k w EX 0"),
        "ERR invalid expire time in 'set' command"
    );
    assert_eq!(members.say(1, "SET k w EX 1 PX 2"), "ERR syntax error");
    members.sync();
    members.say(1, "APPEND k 1");
    members.say(2, "SETRANGE k 0 xyz");
    members.sync();
    assert_eq!(members.all_say("GET k"), "xyz", "the later whole result");
    assert_eq!(members.all_say("TTL k"), "10");
    assert_eq!(members.say(1, "MSET a 1 b 2"), "OK");
    assert_eq!(members.say(1, "MSETNX b 3 c 4"), "0");
    assert_eq!(members.say(1, "MGET a b c"), "[1 2 nil]");
    assert_eq!(members.say(1, "GETRANGE k -2 -1"), "yz");
    assert_eq!(members.say(1, "INCRBYFLOAT a 0.1"), "1.1");
    assert_eq!(members.say(1, "INCRBYFLOAT a 0.2"), "1.3");
    assert_eq!(
        members.say(1, "INCR a"),
        "ERR value is not an integer or out of range"
    );
    assert_eq!(
        members.say(1, "GET"),
        "ERR wrong number of arguments for 'get' command"
    );
    assert_eq!(members.say(1, "NOPE k"), "ERR unknown command 'NOPE'");
    assert_eq!(
        members.say(1, "FLUSHALL"),
        "ERR command 'flushall' is not supported by an Active-Active database"
    );
}

#[test]
fn bits_are_parts_of_strings() {
    let mut members = Members::new(1);
    assert_eq!(members.say(1, "SETBIT k 7 1"), "0");
    assert_eq!(members.say(1, "GETBIT k 7"), "1");
    assert_eq!(members.say(1, "BITCOUNT k"), "1");
    assert_eq!(members.say(1, "BITPOS k 1"), "7");
    assert_eq!(
        members.say(
            1,
            "BITFIELD k SET u8 0 255 INCRBY u8 0 10 OVERFLOW SAT INCRBY i8 8 200 GET i8 8"
        ),
        "[1 9 127 127]"
    );
    assert_eq!(members.say(1, "BITOP NOT l k"), "2");
    assert_eq!(members.say(1, "BITFIELD_RO l GET u16 0"), "[63104]");
}

#[test]
fn fields_of_hashes_are_strings_or_counters_and_updates_win() {
    let mut members = Members::new(2);
    members.say(1, "HSET h f 1 g x");
    members.sync();
    assert_eq!(members.say(1, "HDEL h f nothing"), "1");
    assert_eq!(members.say(2, "HSET h f 2"), "0");
    members.sync();
    assert_eq!(members.all_say("HGET h f"), "2", "update wins over removal");
    members.say(1, "HINCRBY h f 3");
    members.say(2, "HINCRBYFLOAT h f 0.5");
    members.sync();
    assert_eq!(members.all_say("HGET h f"), "5.5");
    members.say(1, "HDEL h f");
    members.say(2, "HINCRBYFLOAT h f 1");
    members.sync();
    assert_eq!(
        members.all_say("HGET h f"),
        "1",
        "the unobserved increment survives"
    );
    members.say(1, "HSET h g a");
    members.say(2, "HSET h g b");
    members.sync();
    assert_eq!(members.all_say("HGET h g"), "b", "the last write wins");
    assert_eq!(
        members.say(1, "HINCRBY h g 1"),
        "ERR hash value is not an integer"
    );
    assert_eq!(members.say(1, "HEXPIRE h 10 FIELDS 2 g nothing"), "[1 -2]");
    members.say(2, "HEXPIRE h 30 FIELDS 1 g");
    members.sync();
    assert_eq!(members.all_say("HTTL h FIELDS 1 g"), "[30]");
    members.millis += 40_000;
    assert_eq!(members.all_say("HGET h g"), "nil");
    assert_eq!(members.all_say("HLEN h"), "1");
}

#[test]
fn set_algebra_stores_what_is_visible() {
    let mut members = Members::new(2);
    members.say(1, "SADD a x y");
    members.say(2, "SADD b y z");
    members.sync();
    assert_eq!(members.say(1, "SUNIONSTORE u a b"), "3");
    assert_eq!(members.say(1, "SINTERSTORE i a b"), "1");
    assert_eq!(members.say(1, "SDIFFSTORE d a b"), "1");
    assert_eq!(members.say(1, "SMOVE a b x"), "1");
    members.sync();
    assert_eq!(members.all_say("SMEMBERS b"), "[x y z]");
    assert_eq!(members.all_say("SMEMBERS d"), "[x]");
    assert_eq!(members.all_say("SINTERCARD 2 a b LIMIT 1"), "1");
    // Two members pop, and what either took is gone.
    let popped = [members.say(1, "SPOP u"), members.say(2, "SPOP u")];
    members.sync();
    let left = members.all_say("SMEMBERS u");
    assert!(
        popped
            .iter()
            .all(|element| !left.contains(element.as_str())),
        "{popped:?} {left}"
    );
    assert_eq!(members.say(1, "SUNIONSTORE u nothing"), "0");
    assert_eq!(members.say(1, "EXISTS u"), "0");
}

#[test]
fn scores_are_written_or_added_to() {
    let mut members = Members::new(2);
    members.say(1, "ZADD z 4 x");
    members.sync();
    members.say(1, "ZREM z x");
    members.say(2, "ZINCRBY z 1.5 x");
    members.sync();
    assert_eq!(
        members.all_say("ZSCORE z x"),
        "1.5",
        "the observed score goes"
    );
    members.say(1, "ZADD z 10 x");
    members.say(2, "ZINCRBY z 1 x");
    members.sync();
    assert_eq!(
        members.all_say("ZSCORE z x"),
        "11",
        "an assignment, and what it had not observed"
    );
    members.say(1, "ZADD z 1 a 2 b 3 c 3 d");
    members.sync();
    assert_eq!(members.all_say("ZRANGE z 0 -1"), "[a b c d x]");
    assert_eq!(
        members.all_say("ZRANGEBYSCORE z (1 3 WITHSCORES LIMIT 1 2"),
        "[c 3 d 3]"
    );
    assert_eq!(members.all_say("ZRANGE z 3 (1 BYSCORE REV"), "[d c b]");
    assert_eq!(members.all_say("ZREVRANK z a"), "4");
    assert_eq!(members.say(1, "ZPOPMIN z"), "[a 1]");
    assert_eq!(
        members.say(2, "ZPOPMIN z"),
        "[a 1]",
        "both before they synchronize"
    );
    members.sync();
    assert_eq!(members.all_say("ZCARD z"), "4");
    assert_eq!(
        members.say(1, "ZUNIONSTORE u 2 z z WEIGHTS 1 2 AGGREGATE MAX"),
        "4"
    );
    assert_eq!(members.say(1, "ZSCORE u x"), "22");
    assert_eq!(members.say(1, "ZADD z GT CH 1 x 5 b"), "1");
}

#[test]
fn lists_keep_all_pushes_and_runs_together() {
    let mut members = Members::new(2);
    members.say(1, "RPUSH l e");
    members.sync();
    for (member, one, two) in [(2, "c", "d"), (1, "a", "b")] {
        members.say(member, &format!("RPUSH l {one}"));
        members.say(member, &format!("RPUSH l {two}"));
        members.say(member, &format!("LPUSH l {one}{one}"));
        members.say(member, &format!("LPUSH l {two}{two}"));
    }
    members.sync();
    assert_eq!(members.all_say("LRANGE l 0 -1"), "[bb aa dd cc e a b c d]");
    // Both pop the same element, which is gone once.
    assert_eq!(
        [members.say(1, "LPOP l"), members.say(2, "LPOP l")],
        ["bb", "bb"]
    );
    members.sync();
    assert_eq!(members.all_say("LLEN l"), "8");
    members.say(1, "LREM l 0 e");
    members.say(2, "LSET l 3 E");
    members.sync();
    assert_eq!(
        members.all_say("LINDEX l 3"),
        "E",
        "an update wins over a removal"
    );
    members.say(1, "LTRIM l 0 0");
    members.say(2, "RPUSH l new");
    members.sync();
    assert_eq!(members.all_say("LRANGE l 0 -1"), "[aa new]");
    assert_eq!(members.say(1, "LMOVE l m LEFT RIGHT"), "aa");
    assert_eq!(members.say(1, "LSET m 5 x"), "ERR index out of range");
}

/// Paths of positions do not grow with what was pushed before.
#[test]
fn queues_do_not_grow() {
    let mut members = Members::new(2);
    members.say(1, "RPUSH q 0");
    members.sync();
    let mut greatest = 0;
    for turn in 1..200 {
        members.say(1 + turn % 2, &format!("RPUSH q {turn}"));
        members.say(1 + turn % 2, "LPOP q");
        members.sync();
        greatest = members
            .effects
            .drain(..)
            .map(|effect| effect.bytes())
            .max()
            .unwrap()
            .max(greatest);
        for replica in &mut members.replicas {
            let clock = replica.clock().clone();
            replica.collect(&clock);
        }
    }
    assert!(greatest < 200, "{greatest}");
    assert_eq!(members.all_say("LRANGE q 0 -1"), "[199]");
    assert!(
        members.replicas[0].bytes() < 1000,
        "{}",
        members.replicas[0].bytes()
    );
}

#[test]
fn generated_stream_ids_never_collide_and_ascend() {
    let mut members = Members::new(2);
    members.millis = 99;
    assert_eq!(members.say(1, "XADD s * f v"), "100-1");
    members.millis = 99;
    assert_eq!(
        members.say(1, "XADD s * f v"),
        "101-1",
        "the sequence is the region's"
    );
    members.millis = 99;
    assert_eq!(members.say(2, "XADD s * f v"), "100-2");
    members.sync();
    assert_eq!(members.say(2, "XADD s * f v"), "101-2");
    assert_eq!(
        members.say(2, "XADD s 50 f v").split(' ').next(),
        Some("ERR")
    );
    assert_eq!(members.say(2, "XLEN s"), "4");
    assert_eq!(
        members.say(2, "XREAD COUNT 1 STREAMS s 101-1"),
        "[[s [[101-2 [f v]]]]]"
    );
    assert_eq!(members.say(2, "XTRIM s MAXLEN 1"), "3");
    members.sync();
    assert_eq!(members.all_say("XRANGE s - +"), "[[101-2 [f v]]]");
}

#[test]
fn groups_are_united_and_deletion_wins() {
    let mut members = Members::with_mode(3, XaddIdMode::SemiStrict);
    members.say(1, "XADD s 1-1 f v");
    members.say(1, "XGROUP CREATE s g 0");
    members.sync();
    members.say(1, "DEL s");
    members.say(2, "XGROUP CREATE s other 0");
    members.say(3, "XADD s 2-1 f v");
    members.sync();
    assert_eq!(
        members.all_say("XINFO GROUPS s"),
        "[]",
        "DEL takes groups created concurrently"
    );
    assert_eq!(
        members.all_say("XLEN s"),
        "1",
        "and no entry that it had not observed"
    );
    members.say(1, "XGROUP CREATE s g 0");
    members.sync();
    assert_eq!(
        members.say(2, "XREADGROUP GROUP g c STREAMS s >"),
        "[[s [[2-1 [f v]]]]]"
    );
    assert_eq!(
        members.say(3, "XREADGROUP GROUP g c STREAMS s >"),
        "[[s [[2-1 [f v]]]]]",
        "delivered in each region"
    );
    assert_eq!(members.say(2, "XPENDING s g - + 10"), "[[2-1 c 2 1]]");
    assert_eq!(members.say(2, "XACK s g 2-1"), "1");
    members.say(3, "DEL s");
    members.say(3, "XADD s 3-1 f v");
    members.sync();
    assert_eq!(
        members
            .say(2, "XREADGROUP GROUP g c STREAMS s >")
            .split(' ')
            .next(),
        Some("NOGROUP")
    );
}

#[test]
fn what_is_acknowledged_late_arrives_nevertheless() {
    let mut members = Members::with_mode(3, XaddIdMode::SemiStrict);
    members.say(1, "XADD s 5-1 f v");
    members.say(1, "XGROUP CREATE s g 0");
    members.say(3, "XADD s 4-1 f late");
    assert_eq!(
        members.say(1, "XREADGROUP GROUP g a STREAMS s >"),
        "[[s [[5-1 [f v]]]]]"
    );
    members.say(1, "XACK s g 5-1");
    members.sync();
    assert_eq!(
        members.say(2, "XREADGROUP GROUP g b STREAMS s >"),
        "[[s [[4-1 [f late]]]]]"
    );
}

#[test]
fn places_are_members_of_sorted_sets() {
    let mut members = Members::new(2);
    members.say(1, "GEOADD sicily 13.361389 38.115556 Palermo");
    members.say(2, "GEOADD sicily 15.087269 37.502669 Catania");
    members.sync();
    assert_eq!(
        members.all_say("GEODIST sicily Palermo Catania km"),
        "166.2742"
    );
    assert_eq!(
        members.all_say("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC"),
        "[Catania Palermo]"
    );
    assert_eq!(
        members.all_say("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 100 km WITHDIST"),
        "[[Catania 56.4413]]"
    );
    assert_eq!(members.all_say("ZREM sicily Palermo Nowhere"), "1");
}

#[test]
fn messages_travel_and_are_not_stored() {
    let mut members = Members::new(2);
    assert_eq!(members.say(1, "PUBLISH news hello"), "0");
    assert_eq!(
        members.effects[0].message(),
        Some((&b"news"[..], &b"hello"[..]))
    );
    members.sync();
    assert_eq!(members.all_say("DBSIZE"), "0");
    assert_eq!(members.replicas[1].bytes(), 0);
}

#[test]
fn transactions_are_executed_at_once() {
    let mut members = Members::new(2);
    assert_eq!(members.say(1, "MULTI"), "OK");
    assert_eq!(members.say(1, "SET a 1"), "QUEUED");
    assert_eq!(members.say(1, "INCR a"), "QUEUED");
    assert_eq!(members.say(1, "SADD a x"), "QUEUED");
    assert_eq!(members.say(1, "GET a"), "QUEUED");
    assert!(members.effects.is_empty());
    assert_eq!(
        members.say(1, "EXEC"),
        "[OK 2 WRONGTYPE Operation against a key holding the wrong kind of value 2]"
    );
    assert_eq!(members.sent(), ["SET", "INCRBY"]);
    members.say(1, "MULTI");
    members.say(1, "NOPE");
    assert_eq!(
        members.say(1, "EXEC"),
        "EXECABORT Transaction discarded because of previous errors."
    );
    members.say(1, "WATCH a");
    members.say(1, "INCR a");
    members.say(1, "MULTI");
    members.say(1, "INCR a");
    assert_eq!(members.say(1, "EXEC"), "nil", "a watched key was touched");
    assert_eq!(members.say(1, "EXEC"), "ERR EXEC without MULTI");
}

#[test]
fn renaming_moves_what_is_visible() {
    let mut members = Members::new(2);
    members.say(1, "RPUSH l a b");
    members.say(1, "EXPIRE l 100");
    members.sync();
    assert_eq!(members.say(1, "RENAME l m"), "OK");
    members.say(2, "RPUSH l c");
    members.sync();
    assert_eq!(members.all_say("LRANGE m 0 -1"), "[a b]");
    assert_eq!(members.all_say("TTL m"), "100");
    assert_eq!(
        members.all_say("LRANGE l 0 -1"),
        "[c]",
        "what was not observed stays"
    );
    assert_eq!(members.say(1, "RENAMENX l m"), "0");
    assert_eq!(members.say(1, "COPY m l"), "0");
    assert_eq!(members.say(1, "COPY m l REPLACE"), "1");
    assert_eq!(members.say(1, "RENAME nothing l"), "ERR no such key");
    assert_eq!(members.say(1, "TYPE l"), "list");
}

#[test]
fn types_that_meet_show_the_smaller_origins() {
    let mut members = Members::new(2);
    members.say(1, "HSET k f v");
    members.say(2, "RPUSH k a");
    members.sync();
    assert_eq!(members.all_say("TYPE k"), "hash");
    members.say(2, "HDEL k f");
    members.sync();
    assert_eq!(members.all_say("TYPE k"), "list");
    members.say(1, "DEL k");
    members.sync();
    assert_eq!(members.all_say("EXISTS k"), "0");
}

/// DUMP and RESTORE, as a server's MIGRATE uses them: the other one shows the same under the key, whatever it is, and instead of
/// what it showed before.
#[test]
fn what_is_dumped_here_is_restored_elsewhere() {
    let mut members = Members::new(2);
    let mut names = Vec::new();
    for (key, write) in [
        ("text", "SET text abc"),
        ("number", "INCRBY number 7"),
        ("set", "SADD set a b"),
        ("hash", "HSET hash f 1 g 2"),
        ("sorted", "ZADD sorted 1.5 m 2 n"),
        ("list", "RPUSH list x y z"),
        ("stream", "XADD stream * f v"),
        ("json", "JSON.SET json $ {\"a\":[1,2]}"),
        ("log", "PFADD log a b c"),
    ] {
        members.say(1, write);
        members.say(1, &format!("PEXPIREAT {key} 1800000000000"));
        names.push(key);
    }
    members.say(2, "SET text before");
    members.say(2, "SADD set before");
    let shown = |members: &mut Members, member: usize| {
        let questions = [
            "GET text",
            "GET number",
            "SMEMBERS set",
            "HGETALL hash",
            "ZRANGE sorted 0 -1 WITHSCORES",
            "LRANGE list 0 -1",
            "XRANGE stream - +",
            "JSON.GET json",
            "PFCOUNT log",
        ];
        let mut shown: Vec<String> = questions
            .iter()
            .map(|text| members.say(member, text))
            .collect();
        shown.extend(
            names
                .iter()
                .map(|key| members.say(member, &format!("PEXPIRETIME {key}"))),
        );
        shown
    };
    let expected = shown(&mut members, 1);
    let keys: Vec<_> = members.replicas[0].keys().collect();
    assert_eq!(keys.len(), names.len());
    for key in keys {
        let dump = members.replicas[0].dump(key).expect("it is there");
        let (at, origin) = (
            regionfall_crdt::Timestamp(members.millis * 1_000_000),
            regionfall_crdt::OriginId(2),
        );
        let effects = members.replicas[1].restore_dump(key, dump, at, origin);
        assert!(effects.is_ok_and(|effects| !effects.is_empty()));
    }
    // Names belong to keys, wherever they are.
    assert_eq!(shown(&mut members, 2), expected);
    let nothing = members.replicas[0].dump(regionfall_crdt::KeyId(u32::MAX / 2));
    assert!(nothing.is_none());
}
