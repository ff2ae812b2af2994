//! Nodes that get a copy later: in the place of one that was lost for longer than the grace period, or since an operator
//! adds them.

use regionfall::history::{Fact, Listener};
use regionfall::simulation::Outcome;
use regionfall::topology::NodeId;
use regionfall_kernel::SimTime;

use crate::upkeep::database;

use super::small::{count, run_held as run};

/// Two nodes with copies of 1 GB and three without, a copy takes ten seconds; a new one is made after twenty.
fn cluster(more: &str) -> String {
    database(
        1,
        &format!(
            "spare_nodes = 3\nsize = \"1GB\"\npromotion.replica_grace = \"20s\"\n\
             sync.full_sync = {{ transfer = \"100MB/s\" }}\n{more}"
        ),
    )
}

/// The machine of a node is gone for good, with its disk.
fn stop(node: u8, at: u64) -> String {
    format!(
        "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = {node}\nat = \"{at}s\"\nlasts = \"forever\"\ndisks = \"lost\"\n"
    )
}

fn act(kind: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nat = \"20s\"\n")
}

/// What happened when, in seconds.
#[derive(Clone, Default, Debug)]
struct Heard {
    joined: Vec<(f64, NodeId)>,
    /// When a node that joined first had anything.
    copied: Option<f64>,
    promoted: Vec<(f64, NodeId)>,
    ended: Option<f64>,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let now = at.as_nanos() as f64 / 1e9;
        match *fact {
            Fact::NodeSpare {
                node,
                is_spare: false,
            } => self.joined.push((now, node)),
            Fact::EffectsApplied { node, .. }
                if self.joined.iter().any(|joined| joined.1 == node) =>
            {
                self.copied = self.copied.or(Some(now));
            }
            Fact::Promoted { node, .. } => self.promoted.push((now, node)),
            Fact::FaultEnded { .. } => self.ended = Some(now),
            _ => {}
        }
    }
}

#[test]
fn a_second_failure_loses_everything_before_the_new_copy_and_next_to_nothing_after_it() {
    for seed in 0..4 {
        let alone = run(&cluster(&stop(0, 20)), seed, &mut ());
        let acked = count(&alone, "writes_acked");

        // Before the grace period is over there is a single copy.
        let mut heard = Heard::default();
        let text = cluster(&format!("{}{}", stop(0, 20), stop(1, 35)));
        let before = run(&text, seed, &mut heard);
        assert_eq!(heard.joined, []);
        assert_eq!(heard.promoted.len(), 1, "{heard:?}");
        let all = count(&before, "writes_acked");
        assert!((count(&before, "writes_lost") - all).abs() < 0.5, "all");

        // While it is made there still is.
        let mut heard = Heard::default();
        let text = cluster(&format!("{}{}", stop(0, 20), stop(1, 46)));
        let during = run(&text, seed, &mut heard);
        assert_eq!(heard.joined.len(), 1, "{heard:?}");
        assert_eq!((heard.promoted.len(), heard.copied), (1, None), "{heard:?}");
        let all = count(&during, "writes_acked");
        assert!((count(&during, "writes_lost") - all).abs() < 0.5, "all");

        let mut heard = Heard::default();
        let text = cluster(&format!("{}{}", stop(0, 20), stop(1, 75)));
        let after = run(&text, seed, &mut heard);
        // What was promoted is a single copy again, and gets another in its turn.
        let [(joined, node), (again, _)] = heard.joined[..] else {
            panic!("{heard:?}");
        };
        assert!((95.2..97.0).contains(&again), "{heard:?}");
        // Silence of three heartbeats, then the grace.
        assert!((40.2..42.0).contains(&joined), "{heard:?}");
        // The start of its processes, a try to connect, and the copy.
        let copied = heard.copied.expect("it was copied") - joined;
        assert!((11.0..12.5).contains(&copied), "{heard:?}");
        let [(_, NodeId(1)), (_, second)] = heard.promoted[..] else {
            panic!("{heard:?}");
        };
        assert_eq!(second, node);
        assert!(count(&after, "writes_lost") < 100.0);
        assert!(count(&after, "writes_acked") > acked * 0.8);
    }
}

#[test]
fn an_operator_adds_a_node_and_moves_a_shard_to_one_that_had_none() {
    let mut heard = Heard::default();
    let outcome = run(&cluster(&act("add-node")), 1, &mut heard);
    assert_eq!(heard.joined, [(20.0, NodeId(2))]);
    let took = heard.ended.expect("it is done") - 20.0;
    assert!((11.0..13.5).contains(&took), "{heard:?}");
    assert!(count(&outcome, "writes_lost").abs() < 0.5);

    let mut heard = Heard::default();
    let migration = format!("{}node = 4\n", act("migrate-shard"));
    let outcome = run(&cluster(&migration), 1, &mut heard);
    assert_eq!(heard.joined, [(20.0, NodeId(4))]);
    let [(promoted, NodeId(4))] = heard.promoted[..] else {
        panic!("{heard:?}");
    };
    assert!((31.0..35.0).contains(&promoted), "{heard:?}");
    assert!(count(&outcome, "writes_lost").abs() < 0.5);
}

#[test]
fn nodes_without_copies_stop_neither_collection_nor_agreement() {
    let mut heard = Heard::default();
    let outcome = run(&cluster(""), 1, &mut heard);
    assert_eq!((heard.joined.len(), heard.promoted.len()), (0, 0));
    let plain = run(&database(1, "size = \"1GB\"\n"), 1, &mut ());
    let memory = |outcome: &Outcome| count(outcome, "memory_bytes_max");
    assert!(memory(&outcome) < memory(&plain) * 1.05 + 1.0);
    // Maintenance is not theirs.
    let round = format!("{}reboot = \"5s\"\n", act("planned-maintenance"));
    let mut heard = Heard::default();
    run(&cluster(&round), 1, &mut heard);
    assert!(heard.ended.is_some_and(|ended| ended < 60.0), "{heard:?}");
}
