//! Rewriting of append-only files: when it begins, what stands still for it, and what is exposed meanwhile.

use regionfall_kernel::{SimDuration, SimTime};

use super::super::{AppendFile, Crash, PersistenceConfig, PersistenceMode, RewriteConfig, Rhythm};
use super::{Copy, config, ms};

const MIB: u64 = 1 << 20;

/// A file that is rewritten from 64 MiB on, at 1 MiB a second, while fsyncs take ten times as long.
fn rewritten(mode: PersistenceMode, no_fsync: bool) -> PersistenceConfig {
    PersistenceConfig {
        rewrite: Some(RewriteConfig {
            growth: 1.0,
            min_size: 64 * MIB,
            rate: MIB,
            fork_per_gib: SimDuration::from_millis(10),
            slows: 10.0,
            no_fsync,
        }),
        ..config(mode, 5)
    }
}

fn writer(mode: PersistenceMode, no_fsync: bool) -> Copy {
    // The periodic task runs halfway between whole tenths of a second.
    Copy::new(&rewritten(mode, no_fsync), Rhythm::new(0, [50_000_000, 0]))
}

fn file(copy: &mut Copy) -> &mut AppendFile {
    copy.disk.append_file().expect("it is one")
}

#[test]
fn a_rewrite_begins_when_the_file_is_large_and_has_doubled() {
    let mut copy = writer(PersistenceMode::AofEverySecond, false);
    let file = file(&mut copy);
    file.grow(64 * MIB, false);
    assert_eq!(file.rewrite_at(ms(1_000)), SimTime::NEVER, "not larger yet");
    file.grow(1, false);
    assert_eq!(file.rewrite_at(ms(1_000)), ms(1_050), "at the next tick");
    // A GiB of data: 10 ms for the fork, 1,024 s for the child, 5 ms for its fsync.
    file.rewrite(ms(1_050), 1 << 30);
    assert_eq!(file.forks_until(), ms(1_060));
    assert_eq!(file.rewrite_at(ms(2_000)), ms(1_050 + 10 + 1_024_000 + 5));
    file.grow(7, false);
    file.rewrite(ms(1_025_065), 1 << 30);
    let done = file.rewriting().expect("it is rewritten");
    assert_eq!((done.done(), done.size()), (1, (1 << 30) + 7));
    file.grow((1 << 30) + 6, false);
    assert_eq!(file.rewrite_at(ms(1_030_000)), SimTime::NEVER);
    file.grow(1, false);
    assert_eq!(
        file.rewrite_at(ms(1_030_000)),
        ms(1_030_050),
        "it has doubled"
    );
}

#[test]
fn a_process_that_forks_answers_nobody_and_its_fsyncs_take_longer_while_the_child_writes() {
    let mut copy = writer(PersistenceMode::AofAlways, false);
    let position = copy.write(ms(100), 1);
    assert_eq!(copy.disk.answers_from(ms(100), position), ms(105));
    let own = file(&mut copy);
    own.grow(65 * MIB, false);
    own.rewrite(ms(1_050), 1 << 30);
    let reads = copy.disk.answer_waits_for(false);
    assert_eq!(
        copy.disk.answers_from(ms(1_051), reads),
        ms(1_060),
        "it forks"
    );
    let position = copy.write(ms(2_000), 1);
    assert_eq!(copy.disk.answers_from(ms(2_000), position), ms(2_050));
    let ends = file(&mut copy).rewrite_at(ms(3_000));
    file(&mut copy).rewrite(ends, 1 << 30);
    let later = ends + SimDuration::from_secs(1);
    let position = copy.write(later, 1);
    let answers = copy.disk.answers_from(later, position);
    assert_eq!(answers, later + SimDuration::from_millis(5), "as before");
}

/// With 2.5 s for an fsync beside the child the process stands still in a write after two whole seconds.
#[test]
fn once_a_second_writes_are_stalled_by_an_fsync_that_takes_longer_than_two_seconds() {
    let mut slow = rewritten(PersistenceMode::AofEverySecond, false);
    if let Some(rewrite) = &mut slow.rewrite {
        rewrite.slows = 500.0;
    }
    let mut copy = Copy::new(&slow, Rhythm::new(0, [50_000_000, 0]));
    file(&mut copy).grow(65 * MIB, false);
    file(&mut copy).rewrite(ms(50), 1 << 30);
    for millis in (1_001..1_100).chain(1_900..1_950) {
        copy.write(ms(millis), 1);
    }
    // The fsync began at 1,001 ms; the write that is put off since second 1 goes through at its end.
    assert_eq!(file(&mut copy).blocks_at(), ms(3_050));
    file(&mut copy).advance(ms(3_100));
    assert_eq!(file(&mut copy).blocked(), Some(ms(3_050)));
    assert_eq!(copy.disk.serves_from(), ms(3_501));
}

#[test]
fn without_fsyncs_nobody_waits_and_the_kernel_alone_keeps_what_is_written() {
    for mode in [PersistenceMode::AofAlways, PersistenceMode::AofEverySecond] {
        let mut copy = writer(mode, true);
        copy.write(ms(500), 1);
        file(&mut copy).grow(65 * MIB, false);
        file(&mut copy).rewrite(ms(2_050), 40 << 20);
        for second in 3..=34 {
            let position = copy.write(ms(second * 1_000), 1);
            let answers = copy.disk.answers_from(ms(second * 1_000), position);
            let waits = mode == PersistenceMode::AofAlways && copy.disk.answer_waits_for(true) > 0;
            assert!(!waits && (answers == SimTime::ZERO || mode != PersistenceMode::AofAlways));
        }
        let left = |crash: Crash, at: u64| {
            let mut disk = copy.disk.clone();
            disk.crash(ms(at), crash, &copy.journal).clock().total()
        };
        assert_eq!(left(Crash::Process, 34_900), 33, "{mode:?}");
        assert_eq!(
            left(Crash::Machine, 34_900),
            1,
            "{mode:?}: what was forced before"
        );
        // Dirty since 3 s: the kernel's flusher takes all at 35 s.
        assert_eq!(left(Crash::Machine, 35_100), 33, "{mode:?}");
        copy.write(ms(36_000), 1);
        let ends = file(&mut copy).rewrite_at(ms(36_000));
        assert!(ends > ms(42_000) && ends < ms(42_100), "{ends}");
        file(&mut copy).rewrite(ends, 40 << 20);
        let mut later = copy.disk.clone();
        let state = later.crash(ms(43_100), Crash::Machine, &copy.journal);
        assert_eq!(state.clock().total(), 34, "{mode:?}: forced when it ends");
    }
}

#[test]
fn a_child_dies_with_its_process_and_waits_for_a_disk_that_stands_still() {
    let mut copy = writer(PersistenceMode::AofEverySecond, false);
    let own = file(&mut copy);
    own.grow(65 * MIB, false);
    own.rewrite(ms(50), 10 * MIB);
    let ends = own.rewrite_at(ms(100));
    own.stall(ms(1_000));
    assert_eq!(own.rewrite_at(ms(1_000)), SimTime::NEVER);
    own.unstall(ms(4_000));
    assert_eq!(own.rewrite_at(ms(4_000)), ends + SimDuration::from_secs(3));
    let state = copy.disk.crash(ms(5_000), Crash::Process, &copy.journal);
    copy.restart(ms(6_000), state);
    let own = file(&mut copy);
    assert_eq!(
        own.rewrite_at(ms(6_000)),
        SimTime::NEVER,
        "it counts from what it found"
    );
    assert_eq!(
        own.rewriting().map(|one| (one.done(), one.size())),
        Some((0, 65 * MIB))
    );
}
