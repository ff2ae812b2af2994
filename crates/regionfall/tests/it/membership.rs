//! Members that are removed by force, purged, and join again: what is forfeited, what collection does, what never
//! comes back.

use regionfall::check::VerdictKind;
use regionfall::metric::Value;
use regionfall::simulation::Outcome;

use crate::field::{A, B, C, Field};
use crate::small::listened_to;

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";

/// Member c is cut off from the others from 10 s to 60 s, and what else is to happen.
fn field(actions: &str) -> Field {
    Field::new(&format!(
        "{PINNED}[[fault]]\nkind = \"partition\"\nfrom = \"c\"\nscope = \"replication\"\nat = \"10s\"\nlasts = \"50s\"\n{actions}"
    ))
}

fn action(kind: &str, at: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nregion = \"c\"\nat = \"{at}\"\n")
}

#[test]
fn a_removed_member_is_fenced_and_serves_whom_it_reaches() {
    let mut field = field(&action("force-remove", "30s"));
    field.at(9.0).write(C, 1, 1);
    field.at(20.0).write(C, 2, 2).write(A, 3, 3);
    // The cut is over, and yet nothing passes either way.
    field.at(80.0).write(C, 4, 4).write(A, 5, 5);
    field.at(90.0);
    for (key, number) in [
        (1, Some(1)),
        (2, None),
        (3, Some(3)),
        (4, None),
        (5, Some(5)),
    ] {
        field.expect(A, key, number).expect(B, key, number);
    }
    // It does not know of its removal: local clients read and write what it has.
    for (key, number) in [
        (1, Some(1)),
        (2, Some(2)),
        (3, None),
        (4, Some(4)),
        (5, None),
    ] {
        field.expect(C, key, number);
    }
    let effects = field.world.fault_effects();
    assert_eq!(effects.of(regionfall::topology::FaultId(1)).hosts, 1);
}

#[test]
fn collection_goes_on_without_the_removed_member() {
    let mut field = field(&action("force-remove", "30s"));
    field.at(9.0);
    let (empty, _) = field.world.memory_of(A);
    for key in 0..50 {
        field
            .at(12.0 + 0.1 * f64::from(key))
            .write(A, key, 1)
            .delete(A, key);
    }
    field.at(29.0).world.collect();
    field.world.collect();
    assert_eq!(
        field.world.memory_of(B).1,
        50,
        "the cut-off member stops it"
    );
    field.at(31.0).world.collect();
    field.world.collect();
    assert_eq!(field.world.memory_of(A), (empty, 0));
    assert_eq!(field.world.memory_of(B), (empty, 0));
}

#[test]
fn a_purged_member_serves_nobody() {
    let mut field = field(&(action("force-remove", "30s") + &action("purge", "70s")));
    field.at(9.0).write(C, 1, 1);
    field.at(69.0).expect(C, 1, Some(1));
    field.at(80.0).expect(C, 1, None).expect(A, 1, Some(1));
    field.write(C, 2, 2);
    field.at(100.0).expect(C, 2, None);
}

#[test]
fn whoever_joins_again_is_new() {
    let actions = action("force-remove", "30s") + &action("rejoin", "70s");
    let mut field = field(&actions);
    field.at(9.0).write(C, 1, 1);
    field.at(20.0).write(C, 2, 2).write(A, 3, 3);
    field.at(65.0).write(C, 4, 4).write(A, 5, 5);
    field.at(69.0).expect(C, 4, Some(4)).expect(C, 5, None);
    let before = field.world.full_syncs();
    field.world.collect();
    field.at(80.0);
    // Its former writes are gone everywhere; those that others had got come back to it from them.
    for (key, number) in [
        (1, Some(1)),
        (2, None),
        (3, Some(3)),
        (4, None),
        (5, Some(5)),
    ] {
        field.expect_everywhere(key, number);
    }
    assert!(field.world.full_syncs() > before);
    field.write(C, 6, 6).write(A, 7, 7);
    field
        .at(82.0)
        .expect_everywhere(6, Some(6))
        .expect_everywhere(7, Some(7));
    // Everybody counts again for the collector.
    field.delete(A, 6);
    field.at(85.0).world.collect();
    field.world.collect();
    assert_eq!(field.world.memory_of(B).1, 0);
}

#[test]
fn without_a_removal_there_is_nothing_to_purge_or_to_join() {
    let mut field = field(&(action("purge", "65s") + &action("rejoin", "70s")));
    field.at(9.0).write(C, 1, 1);
    field.at(80.0).expect_everywhere(1, Some(1));
    let effects = field.world.fault_effects();
    assert!(!effects.of(regionfall::topology::FaultId(1)).any());
}

#[test]
fn an_operator_waits_for_the_condition_and_takes_time() {
    let remove = "[[fault]]\nkind = \"force-remove\"\nregion = \"c\"\nwhen = \"memory > 50%\"\nreaction = \"20s\"\n[database.memory]\nlimit = \"100KiB\"\n";
    let mut field = field(remove);
    field.at(12.0).write_bytes(A, 1, 20_000);
    field.at(30.0).write_bytes(A, 2, 20_000);
    let touched = |field: &Field| {
        field
            .world
            .fault_effects()
            .of(regionfall::topology::FaultId(1))
            .any()
    };
    // What waits for c counts twice: as data, and as backlog.
    field.at(49.0);
    assert!(!touched(&field));
    field.at(52.0);
    assert!(touched(&field), "20 s after the next look");
}

const STUDY: &str = r#"
[phases]
warm_up = "5s"
storm = "100s"
calm = "40s"
[database.sync]
processing = "uniform(1ms, 30ms)"
[[workload.fleet]]
name = "a"
region = "a"
servers = 2
rate = "20/s"
home = ["a"]
[[workload.fleet]]
name = "c"
region = "c"
servers = 2
rate = "20/s"
home = ["c"]
[[workload.keyspace]]
name = "keys"
mix = { set = 3, get = 1, del = 1 }
keys = 40
[[strategy]]
preset = "pinned"
[[fault]]
kind = "partition"
from = "c"
scope = "replication"
at = "20s"
lasts = "30s"
"#;

fn run(actions: &str) -> Outcome {
    listened_to(&format!("{STUDY}{actions}"), "pinned", None, (5, &mut ()))
}

fn count(outcome: &Outcome, column: &str) -> u64 {
    let value = outcome.metrics().get(column).and_then(Value::as_f64);
    value.expect("the column has a value") as u64
}

#[test]
fn what_the_removed_member_alone_had_is_forfeited() {
    let kept = run("");
    kept.expect_all_held();
    assert_eq!(
        (
            count(&kept, "writes_lost"),
            count(&kept, "writes_forfeited")
        ),
        (0, 0)
    );
    for actions in [
        action("force-remove", "40s"),
        action("force-remove", "40s") + &action("rejoin", "80s"),
        action("force-remove", "40s") + &action("purge", "60s"),
    ] {
        let outcome = run(&actions);
        let laws = || {
            outcome
                .verdicts()
                .iter()
                .filter(|verdict| verdict.kind == VerdictKind::ModelLaw)
        };
        assert!(
            laws().all(|verdict| verdict.held),
            "{:?}",
            outcome.verdicts()
        );
        assert!(laws().any(|verdict| verdict.check == "removed members stay fenced"));
        let forfeited = count(&outcome, "writes_forfeited");
        assert_eq!(
            forfeited,
            count(&outcome, "writes_lost"),
            "nothing else was lost"
        );
        // From the cut at 20 s on, 16 writes a second: to the rejoining at 80 s, the purge at 60 s, or the end.
        let seconds = if actions.contains("rejoin") {
            60
        } else if actions.contains("purge") {
            40
        } else {
            125
        };
        let expected = 16 * seconds;
        let range = expected * 8 / 10..expected * 12 / 10;
        assert!(
            range.contains(&forfeited),
            "{forfeited} of about {expected}"
        );
    }
}

#[test]
fn a_member_that_joined_again_converges_with_the_others() {
    let outcome = run(&(action("force-remove", "40s") + &action("rejoin", "80s")));
    outcome.expect_all_held();
}

#[test]
fn what_a_hung_member_finds_in_its_socket_after_the_removal_is_refused() {
    // c writes; its effects reach b while b hangs; c is removed; b goes on.
    let faults = "[[fault]]\nkind = \"hang\"\nregion = \"b\"\nat = \"20s\"\nlasts = \"5s\"\n[[fault]]\nkind = \"force-remove\"\nregion = \"c\"\nat = \"22s\"\n";
    let mut field = Field::new(&format!("{PINNED}{faults}"));
    field.at(21.0).write(C, 1, 1);
    field.at(30.0).expect(C, 1, Some(1)).expect(B, 1, Some(1));
    // a had it when c was removed, and passes it on; what only c had stays away.
    field.expect(A, 1, Some(1));
    field.write(C, 2, 2);
    field.at(40.0).expect(A, 2, None).expect(B, 2, None);
}

#[test]
fn what_was_deleted_of_a_member_is_not_in_its_files_either() {
    // c alone has what it took while it was cut off; it is removed, joins again as new, and its machine crashes and restarts.
    let crash =
        "[[fault]]\nkind = \"host-crash\"\nregion = \"c\"\nat = \"100s\"\nlasts = \"10s\"\n";
    let files = "[database]\npersistence = \"aof-everysec\"\n";
    let actions = action("force-remove", "40s") + &action("rejoin", "70s") + crash + files;
    let mut field = field(&actions);
    field.at(20.0).write(C, 1, 1);
    field.at(50.0).expect(C, 1, Some(1));
    field.at(95.0).expect(C, 1, None);
    field.at(130.0).write(A, 2, 2);
    field.at(140.0);
    for member in [A, B, C] {
        field.expect(member, 1, None).expect(member, 2, Some(2));
    }
}
