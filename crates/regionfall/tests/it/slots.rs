//! Slots of a Redis Cluster that move from one shard to another in small worlds: MIGRATING and IMPORTING, ASK and ASKING, MOVED
//! in the end.

use std::collections::{BTreeMap, BTreeSet};

use regionfall::history::{AttemptEnding, Ending, Fact, Listener, MovedKey};
use regionfall::scenario::Scenario;
use regionfall::simulation::Outcome;
use regionfall::topology::{NodeId, OperationId};
use regionfall_crdt::KeyId;
use regionfall_kernel::SimTime;

use super::cluster::{CLUSTER, database};
use super::small::{count, run_held};

/// The slots of shard 0, whose primary is node 0, go to shard 1, whose primary is node 1.
fn resharding(more: &str) -> String {
    format!(
        "[[fault]]\nkind = \"migrate-slots\"\nregion = \"a\"\nfrom = 0\nto = 1\nat = \"20s\"\n{more}"
    )
}

/// What happened when.
#[derive(Clone, Default, Debug)]
struct Heard {
    began: Option<SimTime>,
    ended: Option<SimTime>,
    moved: Vec<(SimTime, MovedKey)>,
    asked: BTreeMap<OperationId, KeyId>,
    redirected: Vec<(SimTime, KeyId)>,
    refused: u32,
    /// Keys that were written at each node, and when.
    written: Vec<(SimTime, NodeId, KeyId)>,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::FaultBegan { .. } => self.began = self.began.or(Some(at)),
            Fact::FaultEnded { .. } => self.ended = Some(at),
            Fact::KeyMoved(moved) => self.moved.push((at, moved)),
            Fact::OperationIssued { operation, key, .. } => {
                self.asked.insert(operation, key);
            }
            Fact::AttemptEnded {
                operation,
                ending: AttemptEnding::Redirected,
                ..
            } => self.redirected.push((at, self.asked[&operation])),
            Fact::OperationEnded { ending, .. } => {
                self.refused += u32::from(ending != Ending::Acknowledged);
            }
            Fact::WriteExecuted {
                node,
                effect: Some(effect),
                ..
            } => self.written.push((at, node, effect.key)),
            _ => {}
        }
    }
}

impl Heard {
    fn moved_at(&self, key: KeyId) -> Option<SimTime> {
        let moved = self.moved.iter().find(|(_, moved)| moved.key == key);
        moved.map(|(at, _)| *at)
    }
}

#[test]
fn who_asks_for_a_key_that_is_gone_is_sent_on_by_ask_and_by_moved_in_the_end() {
    let mut heard = Heard::default();
    let slow = "pipeline = 1\nper_key = \"200ms\"\n";
    let outcome = run_held(&database(CLUSTER, &resharding(slow)), 1, &mut heard);
    assert_eq!(heard.refused, 0, "nobody is told an error");
    assert!(outcome.account().lost.is_empty());
    let keys: BTreeSet<u32> = heard.moved.iter().map(|(_, moved)| moved.key.0).collect();
    assert_eq!(keys, (0..60).step_by(3).collect(), "all of shard 0, once");
    assert_eq!(heard.moved.len(), 20);
    let (began, ended) = (heard.began.unwrap(), heard.ended.unwrap());
    let took = ended.saturating_since(began).as_millis_f64();
    assert!((4_000.0..4_200.0).contains(&took), "{took}: twenty keys");
    for &(at, node, key) in &heard.written {
        let Some(moved) = heard.moved_at(key) else {
            assert_eq!(u32::from(node.0), key.0 % 3, "{key:?} stays");
            continue;
        };
        assert_eq!(node.0, u8::from(at >= moved), "{key:?} at {at}");
    }
    // While the slots are open every request for what has moved goes the long way: no map changes.
    let open = heard.redirected.iter().filter(|(at, _)| *at < ended);
    let late: Vec<_> = heard
        .redirected
        .iter()
        .filter(|(at, _)| *at >= ended)
        .collect();
    let of_moved = heard.written.iter().filter(|(at, node, key)| {
        node.0 == 1 && *at < ended && heard.moved_at(*key).is_some_and(|moved| *at >= moved)
    });
    let (open, of_moved) = (open.count(), of_moved.count());
    assert!(of_moved > 20, "{of_moved}");
    assert!(
        open.abs_diff(of_moved) <= 6,
        "{open} redirected, {of_moved} executed"
    );
    // Then one MOVED for each request under way, and the map is new.
    assert!((1..=6).contains(&late.len()), "{late:?}");
    let (_, effects) = outcome.fault_effects()[0];
    assert_eq!(effects.altered, 20, "keys");
    assert!(effects.delayed >= of_moved as u64, "ASK");
}

/// MIGRATE "blocks the two instances for the time required to transfer the key".
#[test]
fn neither_process_serves_while_a_migrate_takes_place() {
    let mut heard = Heard::default();
    let slow = "pipeline = 10\nper_key = \"50ms\"\n";
    let text =
        database(CLUSTER, &resharding(slow)).replace("timeout = \"500ms\"", "timeout = \"2s\"");
    run_held(&text, 1, &mut heard);
    assert_eq!(heard.refused, 0);
    let moved: BTreeSet<SimTime> = heard.moved.iter().map(|(at, _)| *at).collect();
    assert_eq!(moved.len(), 2, "two of ten keys each");
    for at in moved {
        let before = heard.written.iter().filter(|(written, ..)| {
            *written < at && at.saturating_since(*written).as_millis_f64() < 500.0
        });
        let nodes: BTreeSet<u8> = before.map(|(_, node, _)| node.0).collect();
        assert_eq!(nodes, BTreeSet::from([2]), "only the third shard serves");
    }
}

/// What a key held goes with it: if the target's primary dies before its replicas have the copy, all of that is lost, though
/// every copy of the source had it. Here they are cut off from it meanwhile.
#[test]
fn a_copy_that_its_replicas_had_not_got_is_lost_with_the_primary() {
    let trouble = "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 1\nscope = \"replication\"\nat = \"19.9s\"\nlasts = \"10s\"\n\
         [[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 1\nat = \"20.5s\"\nlasts = \"20s\"\ndisks = \"lost\"\n";
    let text = |more: &str| database(CLUSTER, &format!("node_timeout = \"2s\"\n{more}{trouble}"));
    let long_ago = |outcome: &Outcome| {
        let lost = outcome.account().lost.iter();
        let old = lost.filter(|write| write.acked.as_nanos() < 19_500_000_000);
        old.count()
    };
    let mut heard = Heard::default();
    let outcome = run_held(&text(&resharding("pipeline = 5\n")), 1, &mut heard);
    assert_eq!(heard.moved.len(), 20, "all were there before the crash");
    assert!(long_ago(&outcome) > 1_000, "{}", long_ago(&outcome));
    assert!(
        outcome
            .account()
            .lost
            .iter()
            .all(|write| write.cause.is_some())
    );
    // Without the move that crash takes only what its replicas had not got.
    assert_eq!(long_ago(&run_held(&text(""), 1, &mut ())), 0);
}

/// A target that dies before its answer is at the source leaves the keys there.
#[test]
fn a_target_that_dies_in_the_middle_takes_nothing_with_it() {
    let crash = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 1\nat = \"20.15s\"\nlasts = \"20s\"\n";
    let more = format!(
        "node_timeout = \"2s\"\n{}{crash}",
        resharding("pipeline = 20\nper_key = \"10ms\"\n")
    );
    let mut heard = Heard::default();
    let outcome = run_held(&database(CLUSTER, &more), 1, &mut heard);
    // The MIGRATE of twenty keys takes 200 ms; the next one follows the election.
    let first = heard.moved.iter().map(|(at, _)| *at).min().unwrap();
    assert!(first.as_nanos() > 22_000_000_000, "{first}");
    assert_eq!(heard.moved.len(), 20);
    let long_ago = outcome.account().lost.iter();
    let long_ago = long_ago.filter(|write| write.acked.as_nanos() < 20_000_000_000);
    assert_eq!(long_ago.count(), 0);
}

/// The source's primary dies in the middle: the tool goes on with its successor.
#[test]
fn a_move_goes_on_after_an_election() {
    let crash = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 0\nat = \"21s\"\nlasts = \"20s\"\n";
    let slow = "pipeline = 1\nper_key = \"200ms\"\n";
    let more = format!("node_timeout = \"2s\"\n{}{crash}", resharding(slow));
    let mut heard = Heard::default();
    let outcome = run_held(&database(CLUSTER, &more), 1, &mut heard);
    let keys: BTreeSet<u32> = heard.moved.iter().map(|(_, moved)| moved.key.0).collect();
    assert_eq!(keys.len(), 20);
    let crashed = SimTime::from_nanos(21_000_000_000);
    let after = heard.moved.iter().filter(|(at, _)| *at > crashed);
    assert!(after.count() >= 14);
    let last = heard
        .written
        .iter()
        .rev()
        .find(|(_, _, key)| key.0 % 3 == 0);
    assert_eq!(last.unwrap().1, NodeId(1));
    assert!(count(&outcome, "rto_max_ms") < 8_000.0);
}

#[test]
fn slots_move_only_where_there_are_any() {
    let managed = database(
        "[database.promotion]\npreset = \"redis-enterprise-high\"\n",
        &resharding(""),
    );
    let itself = database(CLUSTER, &resharding("")).replace("to = 1", "to = 0");
    let nowhere = database(CLUSTER, &resharding("")).replace("to = 1", "to = 3");
    let places = [(managed, "kind"), (itself, "to"), (nowhere, "to")];
    for (text, key) in places {
        let error = Scenario::from_toml(&text)
            .expect_err("it is refused")
            .to_string();
        assert!(
            error.contains(&format!("fault[0].{key}")) || error.contains(key),
            "{error}"
        );
    }
}
