//! Members that run short of memory: what they keep, refuse, evict, and how they come back.

use regionfall::simulation::Answer;
use regionfall::topology::MemberId;
use regionfall_crdt::{KeyId, Reply};

use crate::field::{A, B, C, Field};

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";

fn field(memory: &str, faults: &str) -> Field {
    let memory = if memory.is_empty() {
        String::new()
    } else {
        format!("[database.memory]\nlimit = \"100KiB\"\n{memory}\n")
    };
    Field::new(&format!("{PINNED}{memory}{faults}"))
}

/// Member c is away from 10 s to 60 s.
const CUT: &str = "[[fault]]\nkind = \"partition\"\nfrom = \"c\"\nscope = \"replication\"\nat = \"10s\"\nlasts = \"50s\"\n";

/// How the replies since last asked were: right, refused for want of memory.
fn answers(field: &mut Field) -> (usize, usize) {
    let answers = field.answers(A);
    let replies = answers.iter().filter_map(|(_, answer)| match answer {
        Answer::Reply(_, reply) => Some(reply),
        Answer::Disconnected => None,
    });
    let is_refusal =
        |reply: &&Reply| matches!(reply, Reply::Error(kind) if kind.message().starts_with("OOM "));
    let (refused, right): (Vec<&Reply>, Vec<&Reply>) = replies.partition(is_refusal);
    (right.len(), refused.len())
}

/// Writes so many kilobytes under keys from `first` on, ten a second.
fn fill(field: &mut Field, from: f64, keys: std::ops::Range<u32>, length: u32) {
    for (number, key) in keys.enumerate() {
        field
            .at(from + 0.1 * number as f64)
            .write_bytes(A, key, length);
    }
}

#[test]
fn memory_grows_while_a_member_is_away_and_comes_back_after() {
    let mut field = field("", CUT);
    field.at(9.0);
    let (empty, _) = field.world.memory_of(A);
    for key in 0..100 {
        field
            .at(12.0 + 0.1 * f64::from(key))
            .write(A, key, 1)
            .delete(A, key);
    }
    field.at(40.0).world.collect();
    field.world.collect();
    let (full, graves) = field.world.memory_of(B);
    assert_eq!(graves, 100, "one silent member stops collection everywhere");
    assert!(full > empty + 100 * 72, "{full}");
    // The cut is over; two looks later nothing under way can need the tombstones.
    field.at(80.0).world.collect();
    field.world.collect();
    for member in [A, B, C] {
        assert_eq!(field.world.memory_of(member), (empty, 0));
    }
}

#[test]
fn within_the_reserve_writes_are_refused_and_replication_goes_on() {
    let mut field = field("at_limit = \"refuse-writes\"\nreserve = \"10%\"", "");
    field.at(5.5).write(B, 29, 7);
    // 10,240 bytes each: the ninth goes beyond nine tenths of 100 KiB.
    fill(&mut field, 6.0, 0..12, 10_240);
    field.at(8.0);
    assert_eq!(answers(&mut field), (9, 3));
    field.read(A, 0).delete(A, 0);
    field.at(9.0);
    assert_eq!(
        answers(&mut field),
        (2, 0),
        "reading and removing need no memory"
    );
    field.write_bytes(A, 12, 10_240);
    field.at(10.0);
    assert_eq!(answers(&mut field), (1, 0), "there is room again");
    // It is full once more, and yet learns what the others did.
    field.write(A, 29, 8).delete(B, 29);
    field.at(11.0).expect_everywhere(29, None);
    assert_eq!(answers(&mut field), (0, 1));
    let short = field.world.shortage().expect("there is a limit");
    let most = short.memory_share_max;
    assert!((0.9..1.0).contains(&most), "{most}");
    assert_eq!((short.keys_evicted, short.oom_errors), (0, 4));
}

#[test]
fn out_of_memory_a_shard_neither_answers_nor_replicates_until_there_is_room() {
    let mut field = field("at_limit = \"stop\"", CUT);
    // Tombstones of 200 keys with their clocks, and nine values.
    field.at(12.0);
    for key in 100..300 {
        field.write(A, key, 1).delete(A, key);
    }
    fill(&mut field, 13.0, 0..12, 10_240);
    field.at(16.0).write(B, 31, 7);
    field.at(17.0);
    let (right, refused) = answers(&mut field);
    assert!(
        (400..412).contains(&right) && refused == 0,
        "{right}: it falls silent"
    );
    field.expect(B, 31, Some(7)).expect(A, 31, None);
    field.read(A, 0);
    field.at(18.0);
    assert_eq!(answers(&mut field), (0, 0), "nor does it answer readers");
    // With the cut over, the peers have everything; the tombstones go, and the shard comes back.
    field.at(75.0).expect(C, 31, Some(7)).expect(A, 31, None);
    let before = field.world.full_syncs();
    field.world.collect();
    field.world.collect();
    field.at(80.0).expect_everywhere(31, Some(7));
    assert!(
        field.world.full_syncs() > before,
        "it is reconciled in full"
    );
    field.write(A, 32, 8);
    field.at(81.0).expect_everywhere(32, Some(8));
}

#[test]
fn without_automatic_recovery_it_stays_out() {
    let mut field = field("at_limit = \"stop-until-operator\"", CUT);
    field.at(12.0);
    for key in 100..300 {
        field.write(A, key, 1).delete(A, key);
    }
    fill(&mut field, 13.0, 0..12, 10_240);
    field.at(75.0).world.collect();
    field.world.collect();
    field.at(80.0).write(B, 31, 7);
    field.at(81.0).expect(A, 31, None).expect(C, 31, Some(7));
}

#[test]
fn the_keys_used_longest_ago_make_room_everywhere() {
    let mut field = field("eviction = \"allkeys-lru\"", "");
    for number in 0..40_u32 {
        let key = 100 + number;
        field
            .at(6.0 + f64::from(number))
            .write_bytes(A, key, 10_240);
        // Each member evicts by what it sees itself: who reads elsewhere does not count.
        field.read(A, 100).read(B, 100).read(C, 100);
    }
    field.at(50.0);
    let short = field.world.shortage().expect("there is a limit");
    let (most, evicted) = (short.memory_share_max, short.keys_evicted);
    assert_eq!(short.oom_errors, 0);
    assert!((0.8..0.95).contains(&most), "{most}");
    // Eight fit; each member evicts for itself, and now and then two at once.
    assert!((32..=36).contains(&evicted), "{evicted} of 40");
    let kept = |field: &Field, member: MemberId| {
        let mut nodes = field.world.nodes();
        let primary = field.world.primaries(member)[0];
        let (_, _, mut replicas) = nodes.find(|(id, ..)| *id == primary).expect("a node");
        let replica = replicas.next().expect("a shard");
        let is_there = |key: &u32| !replica.value(KeyId(1_000 + key)).is_absent();
        (100..140).filter(is_there).collect::<Vec<u32>>()
    };
    let here = kept(&field, A);
    assert!(here.contains(&100), "it is read all the time");
    assert!(here.contains(&139) && (4..=8).contains(&here.len()));
    assert_eq!(
        kept(&field, B),
        here,
        "an eviction is a deletion, and replicates"
    );
}

#[test]
fn without_an_expiry_no_key_is_volatile() {
    let mut field = field("eviction = \"volatile-lru\"", "");
    fill(&mut field, 6.0, 0..12, 10_240);
    field.at(9.0);
    let short = field.world.shortage().expect("there is a limit");
    assert!(
        short.keys_evicted == 0 && short.oom_errors > 0,
        "as without eviction"
    );
}
