//! The rules one by one: what each mode may lose, and what waits for what.

use proptest::prelude::*;
use regionfall_crdt::{Clock, Replica};
use regionfall_kernel::{SimDuration, SimTime};

use super::super::{Crash, PersistenceMode, Rhythm};
use super::{Copy, config, ms};

fn writer(mode: PersistenceMode, fsync_ms: u64) -> Copy {
    // The periodic task runs halfway between whole tenths of a second.
    Copy::new(&config(mode, fsync_ms), Rhythm::new(0, [50_000_000, 0]))
}

/// Writes once every millisecond from 1 ms on, up to `until`.
fn write_until(copy: &mut Copy, until: u64) {
    for millis in 1..=until {
        copy.write(ms(millis), 1);
    }
}

fn left(mut copy: Copy, at: u64, crash: Crash) -> u64 {
    copy.disk
        .crash(ms(at), crash, &copy.journal)
        .clock()
        .total()
}

#[test]
fn a_process_that_dies_leaves_all_to_its_kernel() {
    for mode in [PersistenceMode::AofEverySecond, PersistenceMode::AofNoFsync] {
        let mut copy = writer(mode, 5);
        write_until(&mut copy, 4_321);
        assert_eq!(left(copy, 4_321, Crash::Process), 4_321);
    }
}

#[test]
fn a_machine_that_dies_keeps_what_was_forced_when_the_second_changed() {
    let mut copy = writer(PersistenceMode::AofEverySecond, 5);
    write_until(&mut copy, 4_321);
    // The write at 4,000 ms is in the turn that starts the fsync.
    assert_eq!(left(copy, 4_321, Crash::Machine), 4_000);
    let mut copy = writer(PersistenceMode::AofEverySecond, 5);
    write_until(&mut copy, 4_003);
    assert_eq!(left(copy, 4_003, Crash::Machine), 3_000, "under way");
}

#[test]
fn the_kernel_writes_back_after_half_a_minute() {
    let crash_at = |at: u64| {
        let mut copy = writer(PersistenceMode::AofNoFsync, 5);
        write_until(&mut copy, at);
        left(copy, at, Crash::Machine)
    };
    assert_eq!(crash_at(34_999), 0);
    // Dirty since 1 ms; the flusher wakes at 35 s as the first one after 30 s, and takes all.
    assert_eq!(crash_at(35_100), 34_999);
    assert_eq!(crash_at(64_999), 34_999);
    // The write at 35 s made it dirty again.
    assert_eq!(crash_at(65_100), 64_999);
}

#[test]
fn a_kernel_that_was_held_up_writes_the_rest_back_when_it_wakes_next() {
    let mut copy = writer(PersistenceMode::AofNoFsync, 5);
    copy.write(ms(1), 1);
    let file = copy.disk.append_file().expect("it is one");
    file.stall(ms(1_000));
    file.advance(ms(36_000));
    copy.write(ms(36_000), 1);
    let file = copy.disk.append_file().expect("it is one");
    file.unstall(ms(90_000));
    file.advance(ms(94_999));
    assert_eq!(file.durable(), 1);
    file.advance(ms(95_005));
    assert_eq!(file.durable(), 2, "the flusher does not go back in time");
}

#[test]
fn an_acknowledgement_waits_for_its_own_fsync_and_turns_share_one() {
    let mut copy = writer(PersistenceMode::AofAlways, 10);
    let due = |copy: &mut Copy, at: u64| {
        let position = copy.write(ms(at), 1);
        let file = copy.disk.append_file().expect("it is one");
        file.durable_by(position)
    };
    assert_eq!(due(&mut copy, 100), ms(110));
    assert_eq!(due(&mut copy, 101), ms(120), "the turn after it");
    assert_eq!(due(&mut copy, 109), ms(120), "the same turn");
    assert_eq!(due(&mut copy, 111), ms(130));
    let file = copy.disk.append_file().expect("it is one");
    assert_eq!(file.serves_from(), ms(120));
    file.stall(ms(112));
    assert_eq!(file.durable_by(3), SimTime::NEVER);
    file.unstall(ms(612));
    assert_eq!(file.durable_by(3), ms(620));
    assert_eq!(left(copy, 619, Crash::Machine), 1);
}

#[test]
fn writing_is_put_off_for_two_seconds_and_then_stands_still() {
    let mut copy = writer(PersistenceMode::AofEverySecond, 5);
    write_until(&mut copy, 1_002);
    let file = copy.disk.append_file().expect("it is one");
    file.stall(ms(1_002));
    copy.write(ms(1_500), 1);
    let file = copy.disk.append_file().expect("it is one");
    assert_eq!(file.blocks_at(), ms(3_050));
    assert_eq!(file.blocked(), None);
    assert_eq!((file.written(), file.log().appended()), (1_000, 1_003));
    assert_eq!(
        left_of(&copy, 2_900, Crash::Process),
        1_000,
        "what is put off dies with the process"
    );
    let file = copy.disk.append_file().expect("it is one");
    file.advance(ms(3_500));
    assert_eq!(file.blocked(), Some(ms(3_050)));
    file.unstall(ms(4_000));
    assert_eq!(file.next(), ms(4_003), "three milliseconds were left");
    file.advance(ms(4_050));
    assert_eq!(file.blocked(), None);
    assert_eq!((file.durable(), file.written()), (1_000, 1_003));
    file.advance(ms(4_200));
    assert_eq!(file.durable(), 1_003, "the next turn forces the rest");
}

fn left_of(copy: &Copy, at: u64, crash: Crash) -> u64 {
    let mut disk = copy.disk.clone();
    disk.crash(ms(at), crash, &copy.journal).clock().total()
}

#[test]
fn without_a_file_nothing_is_left_and_a_lost_disk_is_empty_from_the_next_start() {
    let mut copy = writer(PersistenceMode::None, 5);
    write_until(&mut copy, 10);
    assert_eq!(left(copy, 10, Crash::Process), 0);

    let mut copy = writer(PersistenceMode::AofAlways, 5);
    write_until(&mut copy, 10);
    copy.disk.goes(ms(11));
    let position = copy.write(ms(12), 1);
    let file = copy.disk.append_file().expect("it is one");
    assert_eq!(file.durable_by(position), SimTime::ZERO, "nobody notices");
    let state = copy.disk.crash(ms(13), Crash::Process, &copy.journal);
    assert!(state.clock().is_empty());
    copy.restart(ms(20), state);
    copy.write(ms(30), 1);
    assert_eq!(left(copy, 40, Crash::Machine), 1, "the new disk keeps");
}

#[test]
fn whole_states_are_kept_in_their_place_among_the_effects() {
    let mut copy = writer(PersistenceMode::AofEverySecond, 5);
    copy.write(ms(10), 1);
    let mut other = Copy::new(&config(PersistenceMode::None, 1), Rhythm::new(0, [0, 0]));
    other.journal.begin(crate::topology::NodeId(2), 0);
    other.origin = regionfall_crdt::OriginId(2);
    other.write(ms(10), 7);
    copy.memory.merge(&other.memory);
    copy.disk.take_state(ms(20), &other.memory, false);
    copy.write(ms(30), 1);
    let mut replaced = copy.disk.clone();
    let state = copy.disk.crash(ms(40), Crash::Process, &copy.journal);
    assert_eq!(state, copy.memory);

    replaced.take_state(ms(40), &other.memory, true);
    assert_eq!(replaced.state(&copy.journal), other.memory);
    let state = replaced.crash(ms(900), Crash::Machine, &copy.journal);
    assert_eq!(state, Replica::new(), "none of it was forced");
}

#[test]
fn what_a_disk_needs_of_the_journal_is_what_is_not_durable() {
    let mut copy = writer(PersistenceMode::AofEverySecond, 5);
    write_until(&mut copy, 1_500);
    let clock: Option<Clock> = copy.disk.fold(ms(1_500), &copy.journal).cloned();
    let through = clock.expect("it is one").get(copy.origin);
    assert_eq!(through, 1_000);
    copy.journal.forget(copy.origin, through);
    let state = copy.disk.crash(ms(1_500), Crash::Process, &copy.journal);
    assert_eq!(state, copy.memory);
}

#[test]
fn loading_takes_time_by_size() {
    let copy = writer(PersistenceMode::AofEverySecond, 5);
    assert_eq!(copy.disk.loads_in(1 << 21), SimDuration::from_secs(2));
    let none = writer(PersistenceMode::None, 5);
    assert_eq!(none.disk.loads_in(1 << 40), SimDuration::ZERO);
}

proptest! {
    /// Whenever the machine dies: every write older than a second, a tick and two fsyncs is there.
    #[test]
    fn every_second_exposes_no_more_than_its_window(
        gaps in prop::collection::vec(1_u64..700, 1..60),
        fsync_ms in 1_u64..900,
        phase in (0_u64..1_000, 0_u64..100),
        wait in 0_u64..3_000,
    ) {
        let rhythm = Rhythm::new(phase.0 * 1_000_000, [phase.1 * 1_000_000, 0]);
        let mut copy = Copy::new(&config(PersistenceMode::AofEverySecond, fsync_ms), rhythm);
        let mut at = 0;
        let mut times = Vec::new();
        for gap in gaps {
            at += gap;
            copy.write(ms(at), 1);
            times.push(at);
        }
        let crash = at + wait;
        let kept = left(copy, crash, Crash::Machine) as usize;
        let window = 1_000 + 100 + 2 * fsync_ms;
        prop_assert!(times[kept..].iter().all(|time| crash - time <= window));
    }
}
