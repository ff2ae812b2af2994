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

/// Member 0 writes, and 10 ms later member 1 with a clock that is 50 ms behind, without having seen it.
fn with_a_clock_behind(first: CommandKind, second: CommandKind) -> Story {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, first, 0);
    let later = story.at(1_010).issue(1, STRING, second);
    story.send(later, 0, 1).execute(later, 0, 1, -50_000_000);
    story.at(1_020).ack(later, 1);
    story
}

#[test]
fn who_writes_with_a_clock_behind_is_overwritten_by_what_is_there_already() {
    for (first, second, resurrected) in [(Set, Set, 0), (Set, Del, 1), (Del, Set, 0), (Del, Del, 0)]
    {
        let mut story = with_a_clock_behind(first, second);
        sync_all(&mut story);
        let writes = story.account(true).all_writes();
        let told = (
            writes.conflicting,
            writes.overwritten_ordinary,
            writes.resurrected,
        );
        assert_eq!(told, (2, 1, resurrected), "{first:?}, then {second:?}");
    }
}

#[test]
fn the_way_from_the_loser_to_the_winner_is_what_a_cut_is_blamed_for() {
    for (source, target, by_fault) in [(1, 0, 1), (0, 1, 0)] {
        let mut story = story(Vec::new());
        story.at(900).cut(source, target);
        let beaten = with_a_clock_behind(Set, Set).facts;
        story.facts.extend(beaten.into_iter().skip(3));
        story.operations = vec![(0, STRING, Set), (1, STRING, Set)];
        story.applied[0][0] = 1;
        story.applied[1][1] = 1;
        story.at(6_000).mend(source, target);
        sync_all(&mut story);
        let writes = story.account(true).all_writes();
        let told = (writes.overwritten_ordinary, writes.overwritten_by_fault);
        assert_eq!(told, (1 - by_fault, by_fault), "{source} to {target}");
    }
}

#[test]
fn who_wins_by_several_writes_wins_as_long_as_the_first_of_them_is_not_known() {
    // Member 0 writes three times; member 1, behind, knows of the first alone, and loses to the second.
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, Set, 0);
    story.apply(1, 0, 0, 1);
    story.at(1_001).write(0, STRING, Set, 0);
    story.at(1_002).write(0, STRING, Set, 0);
    let later = story.at(1_010).issue(1, STRING, Set);
    story.send(later, 0, 1).execute(later, 0, 1, -9_500_000);
    story.at(1_020).ack(later, 1);
    // Member 2 gets the second without the loser, and replaces it: the loser was beaten all the same.
    story.apply(2, 0, 0, 2);
    story.at(1_030).write(2, STRING, Set, 2);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!(
        writes.overwritten_ordinary, 2,
        "the late one, and what it had not seen"
    );
}

#[test]
fn a_removal_that_only_knows_of_an_addition_takes_it_away_unseen() {
    let mut story = story(Vec::new());
    // Both name element 0. Member 1 has not got the addition, and its client has seen it elsewhere.
    let added = story.at(1_000).write(0, 2, SAdd, 0);
    story.at(1_005).write(2, STRING, Set, 2);
    let removed = story.at(1_010).issue(1, 2, SRem);
    story.send(removed, 0, 1).execute(removed, 0, 1, 0);
    let written = story.facts.iter().find_map(|recorded| match recorded.fact {
        Fact::WriteExecuted { operation, .. } if operation.0 == added => recorded.effect.clone(),
        _ => None,
    });
    let dot = written.expect("it was executed").dot;
    let effect = story.facts.last_mut().and_then(|last| last.effect.as_mut());
    effect.expect("it was executed").context.extend_to(dot);
    story.ack(removed, 1);
    sync_all(&mut story);
    let writes = story.account(true).all_writes();
    assert_eq!((writes.overwritten_ordinary, writes.conflicting), (1, 0));
}
