//! Documented examples and single rules, one behaviour each.

use regionfall_crdt::{
    Applied, Command, Content, Effect, Element, Elements, ErrorKind, KeyId, OriginId, Replica,
    Reply, Timestamp, Value,
};

const KEY: KeyId = KeyId(0);

/// Members numbered from 1, whose clocks agree and tick with each command.
struct Members {
    replicas: Vec<Replica>,
    effects: Vec<Effect>,
    time: u64,
}

impl Members {
    fn new(count: usize) -> Self {
        Self {
            replicas: vec![Replica::new(); count],
            effects: vec![],
            time: 0,
        }
    }

    fn reply(&mut self, member: u16, command: &Command) -> Reply {
        self.time += 1;
        self.reply_at(member, command, self.time)
    }

    fn reply_at(&mut self, member: u16, command: &Command, at: u64) -> Reply {
        let replica = &mut self.replicas[usize::from(member) - 1];
        let executed = replica.execute(command, Timestamp(at), OriginId(member));
        self.effects.extend(executed.effects);
        executed.reply
    }

    fn set_at(&mut self, member: u16, text: &str, at: u64) {
        assert_eq!(self.reply_at(member, &set(text), at), Reply::Ok);
    }

    /// Everything reaches everyone.
    fn sync(&mut self) {
        for replica in &mut self.replicas {
            for effect in &self.effects {
                assert!(!matches!(replica.apply(effect), Applied::Gap { .. }));
            }
        }
    }

    /// What `from` did reaches `to`.
    fn deliver(&mut self, from: u16, to: u16) {
        for effect in self
            .effects
            .iter()
            .filter(|effect| effect.dot.origin == OriginId(from))
        {
            assert!(!matches!(
                self.replicas[usize::from(to) - 1].apply(effect),
                Applied::Gap { .. }
            ));
        }
    }

    fn all_show(&self, text: Option<&str>) {
        for replica in &self.replicas {
            let expected = text.map(Content::from);
            assert_eq!(
                replica.value(KEY),
                expected.as_ref().map_or(Value::Absent, Value::Content)
            );
        }
    }
}

fn set(text: &str) -> Command {
    Command::Set {
        key: KEY,
        content: text.into(),
    }
}

fn incr_by(amount: i64) -> Command {
    Command::IncrBy { key: KEY, amount }
}

fn named(names: &[&str]) -> Elements {
    names.iter().map(|&name| Element::from(name)).collect()
}

fn sadd(names: &[&str]) -> Command {
    Command::SAdd {
        key: KEY,
        elements: named(names),
    }
}

fn srem(names: &[&str]) -> Command {
    Command::SRem {
        key: KEY,
        elements: named(names),
    }
}

const DEL: Command = Command::Del { key: KEY };
const GET: Command = Command::Get { key: KEY };
const SCARD: Command = Command::SCard { key: KEY };

/// The table of the documentation, data types: strings.
#[test]
fn the_later_of_two_concurrent_writes_wins() {
    let mut members = Members::new(2);
    members.reply(1, &set("a"));
    members.reply(2, &set("b"));
    members.sync();
    members.all_show(Some("b"));
    members.reply(1, &set("c"));
    members.sync();
    members.all_show(Some("c"));
    members.reply(2, &set("d"));
    assert_eq!(members.reply(1, &GET), Reply::Content("c".into()));
    assert_eq!(members.reply(2, &GET), Reply::Content("d".into()));
}

#[test]
fn a_causally_later_write_stands_with_a_smaller_time() {
    let mut members = Members::new(2);
    members.set_at(1, "a", 100);
    members.sync();
    members.set_at(2, "b", 50);
    members.sync();
    members.all_show(Some("b"));
}

#[test]
fn at_equal_times_the_smaller_origin_prevails() {
    let mut members = Members::new(3);
    for (member, text) in [(2, "b"), (1, "a"), (3, "c")] {
        members.set_at(member, text, 100);
    }
    members.sync();
    members.all_show(Some("a"));
}

/// Compared pair by pair, these three go in circles: the third beats the second by time, the second
/// comes after the first, and the first beats the third by time.
#[test]
fn what_goes_in_circles_by_pairs_is_settled_by_history() {
    let mut members = Members::new(3);
    members.set_at(1, "first", 100);
    members.deliver(1, 2);
    members.set_at(2, "second", 50);
    members.set_at(3, "third", 75);
    members.sync();
    members.all_show(Some("third"));
    // Every order of arrival.
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut late = Replica::new();
        for index in order {
            assert_eq!(late.apply(&members.effects[index]), Applied::New);
        }
        assert_eq!(late, members.replicas[0]);
    }
}

/// The second write had observed the first, and the third only the second: the first is out for good,
/// also where it arrives last, or where the second has not arrived.
#[test]
fn what_a_write_replaced_stays_replaced() {
    let mut members = Members::new(4);
    members.set_at(1, "first", 100);
    members.deliver(1, 2);
    members.set_at(2, "second", 50);
    members.deliver(2, 3);
    members.set_at(3, "third", 25);
    members.deliver(1, 4);
    members.deliver(3, 4);
    assert_eq!(members.reply(4, &GET), Reply::Content("third".into()));
    members.sync();
    members.all_show(Some("third"));
}

#[test]
fn a_deletion_is_a_write_of_absence() {
    let mut members = Members::new(2);
    members.set_at(1, "a", 100);
    members.sync();
    assert_eq!(members.reply_at(1, &DEL, 200), Reply::Integer(1));
    members.set_at(2, "b", 150);
    members.sync();
    members.all_show(None);
    assert_eq!(members.reply_at(1, &DEL, 300), Reply::Integer(0));
    members.set_at(1, "c", 10);
    members.sync();
    members.all_show(Some("c"));
}

/// The table of the documentation, data types: strings, counters.
#[test]
fn counters_accumulate() {
    let mut members = Members::new(2);
    assert_eq!(members.reply(1, &incr_by(7)), Reply::Integer(7));
    assert_eq!(members.reply(2, &incr_by(3)), Reply::Integer(3));
    members.sync();
    assert_eq!(
        members.reply(
            1,
            &Command::DecrBy {
                key: KEY,
                amount: 3
            }
        ),
        Reply::Integer(7)
    );
    assert_eq!(members.reply(2, &incr_by(6)), Reply::Integer(16));
    members.sync();
    members.all_show(Some("13"));
}

#[test]
fn a_deletion_takes_what_it_had_observed_of_a_counter() {
    let mut members = Members::new(2);
    members.reply(1, &incr_by(10));
    members.sync();
    members.reply(1, &DEL);
    members.reply(2, &incr_by(4));
    assert_eq!(members.reply(2, &GET), Reply::Content("14".into()));
    members.sync();
    members.all_show(Some("4"));
    members.reply(2, &DEL);
    members.sync();
    members.all_show(None);
}

#[test]
fn a_string_that_spells_a_number_counts_on() {
    let mut members = Members::new(2);
    members.reply(1, &set("10"));
    members.sync();
    assert_eq!(
        members.reply(1, &Command::Incr { key: KEY }),
        Reply::Integer(11)
    );
    assert_eq!(
        members.reply(2, &Command::Decr { key: KEY }),
        Reply::Integer(9)
    );
    members.sync();
    members.all_show(Some("10"));
    members.reply(1, &set("text"));
    members.reply(2, &incr_by(5));
    members.sync();
    members.all_show(Some("text"));
    assert_eq!(
        members.reply(1, &incr_by(1)),
        Reply::Error(ErrorKind::NotAnInteger)
    );
}

#[test]
fn counters_keep_to_59_bits_where_they_are_counted() {
    let limit = (1 << 58) - 1;
    let mut members = Members::new(2);
    assert_eq!(members.reply(1, &incr_by(limit)), Reply::Integer(limit));
    assert_eq!(
        members.reply(1, &incr_by(1)),
        Reply::Error(ErrorKind::CounterOverflow)
    );
    assert_eq!(
        members.reply(2, &incr_by(-limit - 1)),
        Reply::Integer(-limit - 1)
    );
    assert_eq!(
        members.reply(2, &incr_by(i64::MIN)),
        Reply::Error(ErrorKind::CounterOverflow)
    );
    let minus_min = Command::DecrBy {
        key: KEY,
        amount: i64::MIN,
    };
    assert_eq!(
        members.reply(2, &minus_min),
        Reply::Error(ErrorKind::CounterOverflow)
    );
    assert_eq!(members.effects.len(), 2, "a refused command has no effect");
    members.sync();
    members.all_show(Some("-1"));
}

/// The right half of the table that compares sets with `HyperLogLog`.
#[test]
fn an_addition_survives_a_concurrent_deletion() {
    let mut members = Members::new(2);
    members.reply(1, &sadd(&["e1"]));
    members.sync();
    assert_eq!(members.reply(1, &sadd(&["e2"])), Reply::Integer(1));
    assert_eq!(members.reply(2, &DEL), Reply::Integer(1));
    assert_eq!(members.reply(1, &SCARD), Reply::Integer(2));
    assert_eq!(members.reply(2, &SCARD), Reply::Integer(0));
    members.sync();
    for member in [1, 2] {
        let left = Reply::Array(vec![Reply::Element("e2".into())]);
        assert_eq!(members.reply(member, &Command::SMembers { key: KEY }), left);
    }
}

#[test]
fn a_repeated_addition_survives_a_concurrent_removal() {
    let mut members = Members::new(2);
    members.reply(1, &sadd(&["a", "b"]));
    members.sync();
    assert_eq!(members.reply(1, &srem(&["a", "b"])), Reply::Integer(2));
    assert_eq!(members.reply(2, &sadd(&["a"])), Reply::Integer(0));
    members.sync();
    for member in [1, 2] {
        let is_member = |name: &str| Command::SIsMember {
            key: KEY,
            element: name.into(),
        };
        assert_eq!(members.reply(member, &is_member("a")), Reply::Integer(1));
        assert_eq!(members.reply(member, &is_member("b")), Reply::Integer(0));
    }
}

#[test]
fn removing_the_unseen_has_no_effect() {
    let mut members = Members::new(2);
    members.reply(1, &sadd(&["a"]));
    assert_eq!(members.reply(2, &srem(&["a"])), Reply::Integer(0));
    assert_eq!(members.effects.len(), 1);
    members.sync();
    // Of two elements only the one that is there is mentioned.
    assert_eq!(members.reply(2, &srem(&["a", "b"])), Reply::Integer(1));
    assert_eq!(members.effects[1].elements(), [Element::from("a")]);
    // Gone, and with its last element the set.
    assert_eq!(
        members.reply(2, &Command::Exists { key: KEY }),
        Reply::Integer(0)
    );
}

/// What the removal had not observed comes back where it had been removed.
#[test]
fn a_removal_does_not_reach_what_its_origin_had_not_applied() {
    let mut members = Members::new(3);
    members.reply(1, &sadd(&["a"]));
    members.deliver(1, 2);
    members.reply(2, &sadd(&["a"]));
    members.deliver(2, 3);
    members.reply(3, &srem(&["a"]));
    members.sync();
    for replica in &members.replicas {
        assert!(!replica.value(KEY).is_absent());
        assert_eq!(replica.digest(), members.replicas[0].digest());
    }
}

#[test]
fn commands_for_other_types_are_refused() {
    let wrong = Reply::Error(ErrorKind::WrongType);
    let mut members = Members::new(1);
    members.reply(1, &sadd(&["a"]));
    assert_eq!(members.reply(1, &GET), wrong);
    assert_eq!(members.reply(1, &incr_by(1)), wrong);
    assert_eq!(
        members.reply(1, &set("text")),
        Reply::Ok,
        "SET replaces any type"
    );
    for command in [
        sadd(&["a"]),
        srem(&["a"]),
        SCARD,
        Command::SMembers { key: KEY },
    ] {
        assert_eq!(members.reply(1, &command), wrong);
    }
    members.all_show(Some("text"));
}

#[test]
fn of_two_types_the_smaller_origins_shows() {
    let mut members = Members::new(2);
    members.reply(1, &sadd(&["a"]));
    members.reply(2, &set("text"));
    members.sync();
    for member in [1, 2] {
        assert_eq!(members.reply(member, &SCARD), Reply::Integer(1));
    }
    // The removal of what shows reveals the other; a deletion takes both.
    members.reply(1, &srem(&["a"]));
    members.sync();
    members.all_show(Some("text"));
    members.reply(2, &DEL);
    members.sync();
    members.all_show(None);

    let mut members = Members::new(2);
    members.reply(1, &set("text"));
    members.reply(2, &sadd(&["a"]));
    members.sync();
    members.all_show(Some("text"));
    members.reply(1, &DEL);
    members.sync();
    members.all_show(None);
}

#[test]
fn effects_come_in_the_order_of_their_origin() {
    let mut members = Members::new(2);
    members.reply(1, &set("a"));
    members.reply(1, &set("b"));
    let [first, second] = [members.effects[0].clone(), members.effects[1].clone()];
    let replica = &mut members.replicas[1];
    assert_eq!(replica.apply(&second), Applied::Gap { expected: 1 });
    assert_eq!(replica.value(KEY), Value::Absent);
    assert_eq!(replica.apply(&first), Applied::New);
    assert_eq!(replica.apply(&second), Applied::New);
    assert_eq!(replica.apply(&first), Applied::AlreadySeen);
    assert!(second.observed(first.dot));
    assert!(!first.observed(second.dot));
}

#[test]
fn memory_is_counted_with_the_length_of_stand_ins() {
    let mut replica = Replica::new();
    let write = |length| Command::Set {
        key: KEY,
        content: Content::Synthetic { token: 1, length },
    };
    replica.execute(&write(100), Timestamp(1), OriginId(1));
    let before = replica.bytes();
    replica.execute(&write(1100), Timestamp(2), OriginId(1));
    // The key's clock gained an entry besides.
    assert_eq!(replica.bytes() - before, 1000 + 10);
    assert_eq!(replica.tombstones(), 0);
}
