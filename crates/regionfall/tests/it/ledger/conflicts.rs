//! Concurrent writes: what wins, what commutes, what a cut is to blame for.

use super::*;

#[test]
fn an_addition_brings_back_what_a_concurrent_removal_took() {
    let mut story = story(Vec::new());
    // Operations 0 and 2 name element 0; operation 1 names element 1.
    story.at(1_000).write(0, 2, SAdd, 0);
    sync_all(&mut story);
    story.at(1_100).write(0, 2, SAdd, 0);
    story.at(1_200).write(0, 2, SRem, 0);
    story.at(1_210).write(1, STRING, Set, 1);
    story.at(1_220).write(1, 2, SAdd, 1);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!(writes.resurrected, 1);
    assert_eq!(
        writes.conflicting, 2,
        "the removal and the addition of element 0"
    );
    assert_eq!(writes.overwritten_ordinary + writes.overwritten_by_fault, 0);
}

#[test]
fn concurrent_increments_commute() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, COUNTER, Incr, 0);
    story.at(1_001).write(1, COUNTER, Incr, 1);
    sync_all(&mut story);
    story.at(1_002).write(0, COUNTER, Del, 0);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!((writes.conflicting, writes.conflicting_commuting), (0, 2));
}

#[test]
fn the_later_of_two_concurrent_writes_overwrites_the_earlier() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_001).write(1, STRING, Set, 1);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!(
        (writes.overwritten_ordinary, writes.overwritten_by_fault),
        (1, 0)
    );
}

#[test]
fn a_cut_between_the_writers_makes_it_the_fault_of_the_incident() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_001).cut(0, 1);
    story.at(5_001).write(1, STRING, Set, 1);
    story.at(6_000).mend(0, 1);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!(
        (writes.overwritten_ordinary, writes.overwritten_by_fault),
        (0, 1)
    );
}

#[test]
fn a_write_that_its_own_side_replaced_was_not_overwritten() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_001).write(1, STRING, Set, 1);
    // Member 0 replaces its own write before it hears of the other, and wins.
    story.at(1_002).write(0, STRING, Set, 0);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!(
        writes.overwritten_ordinary, 1,
        "the other's; the first was let go knowingly"
    );
    assert_eq!(writes.conflicting, 3);
}

#[test]
fn two_active_members_are_counted_as_long_as_both_take_writes() {
    let mut story = story(Vec::new());
    for at in (1_000..4_000).step_by(500) {
        story.at(at).write(0, STRING, Set, 0);
        story
            .at(at + 100)
            .write(0, STRING, Set, u8::from(at < 3_000));
    }
    let account = story.account(true);
    assert_eq!(
        account.dual_active.as_nanos(),
        ms(1_500).as_nanos(),
        "from 1,100 to 2,600"
    );
    assert!(!single_writer(&account).held);
}
