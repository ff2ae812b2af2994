//! The rules of expiry, of keys and of fields.

use regionfall_crdt::{Applied, Effect, OriginId, Timestamp};

use crate::members::Members;

/// Redis Active-Active documentation, developing applications: expiry.
#[test]
fn the_longest_time_to_live_wins_and_its_owner_expires() {
    let mut members = Members::new(2);
    members.say(1, "SET k v");
    members.sync();
    members.say(1, "EXPIRE k 50");
    members.say(2, "EXPIRE k 10");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "50");
    // One that knows of the longer one may shorten it.
    members.say(2, "EXPIRE k 20");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "20");
    members.say(1, "EXPIRE k 100");
    members.say(2, "PERSIST k");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "-1", "PERSIST is infinite");
    members.say(1, "EXPIRE k 5");
    members.say(2, "SET k w");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "-1", "and so is a SET");

    members.say(2, "EXPIRE k 5");
    members.sync();
    members.sent();
    members.millis += 6000;
    assert_eq!(members.say(1, "GET k"), "nil");
    assert_eq!(
        members.sent(),
        [""; 0],
        "a reader that does not own the expiry is silent"
    );
    let at = Timestamp(members.millis * 1_000_000);
    let nothing = members.replicas[0].expire(at, OriginId(1));
    assert!(nothing.is_empty());
    let expired = members.replicas[1].expire(at, OriginId(2));
    assert_eq!(expired.first().map(Effect::name), Some("DEL"));
    // A writer that does not own it expires it first.
    assert_eq!(members.say(1, "APPEND k x"), "1");
    assert_eq!(members.sent(), ["DEL", "SET"]);
}

#[test]
fn a_key_that_comes_again_has_no_expiry() {
    let mut members = Members::new(2);
    members.say(1, "SADD k a");
    members.sync();
    members.say(1, "EXPIRE k 100");
    members.say(2, "DEL k");
    members.sync();
    assert_eq!(members.all_say("EXISTS k"), "0");
    members.say(1, "SADD k b");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "-1");
    members.say(1, "EXPIRE k 100");
    members.say(1, "SREM k b");
    members.say(1, "SADD k c");
    members.sync();
    assert_eq!(members.all_say("TTL k"), "-1");
}

/// Member 2 still has the field when it sets its expiry and counts, and member 1 has the deletion that neither had observed: what
/// comes out must not depend on whether member 1 collected before it heard of the increment.
#[test]
fn an_expiry_outlasts_a_deletion_of_the_hash_that_not_all_know_of() {
    let mut members = Members::new(2);
    members.say(1, "HINCRBY h f 1");
    members.sync();
    members.say(1, "DEL h");
    members.say(2, "HPEXPIRE h 9000 FIELDS 1 f");
    let deadline = members.millis + 9000;
    let claim = members.effects.last().expect("a claim").clone();
    assert_eq!(members.replicas[0].apply(&claim), Applied::New);
    let stable = members.replicas[1].clock().clone();
    members.say(2, "HINCRBY h f 2");
    members.replicas[0].collect(&stable);
    members.deliver();
    assert_eq!(members.all_say("HGET h f"), "2");
    assert_eq!(
        members.all_say("HPEXPIRETIME h FIELDS 1 f"),
        format!("[{deadline}]")
    );
    let stable = members.replicas[0].clock().clone();
    for replica in &mut members.replicas {
        replica.collect(&stable);
    }
    members.sync();
}

/// A claim upon a field that a deletion took goes once all know of both.
#[test]
fn an_expiry_of_nothing_is_forgotten_once_all_know_what_took_the_field() {
    let mut members = Members::new(2);
    members.say(1, "HSET h f a");
    members.sync();
    members.say(1, "DEL h");
    members.say(2, "HPEXPIRE h 9000 FIELDS 1 f");
    members.sync();
    let stable = members.replicas[0].clock().clone();
    for replica in &mut members.replicas {
        replica.collect(&stable);
        assert_eq!((replica.bytes(), replica.tombstones()), (0, 0));
    }
}

/// Of fields the documentation says nothing; this is what holds for keys. The increment itself must say that it creates the
/// field: by then one member has forgotten what was said of the former one, and the others have not.
#[test]
fn a_field_that_is_counted_anew_has_no_expiry_whoever_collected_before() {
    let mut members = Members::new(3);
    members.say(1, "HSET k f a");
    members.sync();
    members.say(3, "HPEXPIRE k 9000 FIELDS 1 f");
    members.say(1, "RENAME k l");
    members.sync();
    let stable = members.replicas[0].clock().clone();
    members.replicas[0].collect(&stable);
    members.say(1, "HINCRBY k f 2");
    members.deliver();
    assert_eq!(members.all_say("HPTTL k FIELDS 1 f"), "[-1]");
    assert_eq!(members.all_say("HGET k f"), "2");
    let stable = members.replicas[0].clock().clone();
    for replica in &mut members.replicas {
        replica.collect(&stable);
    }
    members.sync();
}
