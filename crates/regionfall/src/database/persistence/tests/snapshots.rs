//! Snapshots: when they are taken, how long they take, what is left after a crash.

use regionfall_crdt::{Command, Content, KeyId, Timestamp};
use regionfall_kernel::SimTime;

use super::super::{Crash, PersistenceMode, Rhythm, SaveRule};
use super::{Copy, config, ms};

fn copy(rules: &[(u64, u64)]) -> Copy {
    let rule = |&(seconds, changes): &(u64, u64)| SaveRule { seconds, changes };
    let mut config = config(PersistenceMode::Snapshot, 4);
    config.save = rules.iter().map(rule).collect();
    Copy::new(&config, Rhythm::new(0, [0, 0]))
}

fn due(copy: &mut Copy, now: u64) -> SimTime {
    let file = copy.disk.snapshot_file().expect("it is one");
    file.due(ms(now))
}

/// Takes snapshots whenever they are due until a moment.
fn run(copy: &mut Copy, until: u64) -> Vec<SimTime> {
    let mut taken = Vec::new();
    let mut now = copy.order.last().map_or(0, |effect| effect.at.millis());
    loop {
        let memory = copy.memory.clone();
        let file = copy.disk.snapshot_file().expect("it is one");
        let next = file.due(ms(now)).min(file.ends());
        if next > ms(until) {
            return taken;
        }
        now = next.as_nanos() / 1_000_000 + 1;
        if !file.finish(next) {
            file.begin(next, &memory);
            taken.push(next);
        }
    }
}

#[test]
fn more_than_so_many_whole_seconds_must_have_passed() {
    let mut copy = copy(&[(2, 1)]);
    assert_eq!(due(&mut copy, 0), SimTime::NEVER, "nothing has changed");
    copy.write(ms(100), 1);
    assert_eq!(due(&mut copy, 100), ms(3_000));
    assert_eq!(
        run(&mut copy, 20_000),
        [ms(3_000)],
        "one change, one snapshot"
    );
    copy.write(ms(20_150), 1);
    assert_eq!(due(&mut copy, 20_150), ms(20_200), "at the next tick");
}

#[test]
fn any_rule_may_hold_and_each_needs_its_changes() {
    let mut copy = copy(&[(3_600, 1), (10, 5)]);
    for at in 1..=4 {
        copy.write(ms(at * 100), 1);
    }
    assert_eq!(due(&mut copy, 500), ms(3_601_000));
    copy.write(ms(600), 1);
    assert_eq!(due(&mut copy, 600), ms(11_000));
}

#[test]
fn a_crash_leaves_the_last_complete_snapshot() {
    let mut copy = copy(&[(2, 1)]);
    copy.write(ms(100), 1);
    run(&mut copy, 3_100);
    copy.write(ms(3_200), 1);
    copy.write(ms(5_900), 1);
    run(&mut copy, 6_500);
    copy.write(ms(6_600), 1);
    let mut machine = copy.disk.clone();
    let state = machine.crash(ms(6_700), Crash::Machine, &copy.journal);
    assert_eq!(state, copy.prefix(3), "a snapshot is forced when it ends");
    let state = copy.disk.crash(ms(6_700), Crash::Process, &copy.journal);
    assert_eq!(state, copy.prefix(3));
}

#[test]
fn what_is_not_complete_is_no_snapshot() {
    let mut copy = copy(&[(2, 1)]);
    copy.write(ms(100), 1);
    let memory = copy.memory.clone();
    let file = copy.disk.snapshot_file().expect("it is one");
    file.begin(ms(3_000), &memory);
    let ends = file.ends();
    assert!(ends > ms(3_004), "writing and forcing take time");
    let just_before = SimTime::from_nanos(ends.as_nanos() - 1);
    let mut early = copy.disk.clone();
    let state = early.crash(just_before, Crash::Process, &copy.journal);
    assert!(state.clock().is_empty());
    let state = copy.disk.crash(ends, Crash::Process, &copy.journal);
    assert_eq!(state.clock().total(), 1);
}

#[test]
fn changes_during_a_snapshot_count_for_the_next_one() {
    let mut copy = copy(&[(2, 3)]);
    for at in 1..=3 {
        copy.write(ms(at * 100), 1);
    }
    let memory = copy.memory.clone();
    let file = copy.disk.snapshot_file().expect("it is one");
    file.begin(ms(3_000), &memory);
    copy.write(ms(3_001), 1);
    let file = copy.disk.snapshot_file().expect("it is one");
    file.stall(ms(3_002));
    assert_eq!(file.ends(), SimTime::NEVER);
    file.unstall(ms(4_002));
    let ends = file.ends();
    assert!(ends > ms(4_002) && file.finish(ends));
    assert_eq!(due(&mut copy, 5_000), SimTime::NEVER, "one change of three");
    copy.write(ms(5_100), 1);
    copy.write(ms(5_200), 1);
    // Ended in second 4: second 7 is the first that is more than two later.
    assert_eq!(due(&mut copy, 5_200), ms(7_000));
}

#[test]
fn forking_takes_time_by_size() {
    let mut copy = copy(&[(2, 1)]);
    let content = Content::Synthetic {
        token: 1,
        length: 1 << 29,
    };
    let key = KeyId(1);
    let command = Command::Set { key, content };
    copy.memory.execute(&command, Timestamp(0), copy.origin);
    let memory = copy.memory.clone();
    let file = copy.disk.snapshot_file().expect("it is one");
    file.begin(ms(3_000), &memory);
    // Half a GiB at 10 ms for each, and a few bytes beside the value.
    let forks_for = file.serves_from() - ms(3_000);
    assert!(
        (5_000_000..5_001_000).contains(&forks_for.as_nanos()),
        "{forks_for}"
    );
}
