//! What reads missed, and that they are judged apart from writes.

use super::*;

#[test]
fn reads_of_a_lagging_member_are_stale_and_may_go_back_in_time() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, STRING, Set, 0);
    let read = |at: u64, member: u8, story: &mut Story| {
        let operation = story.at(at).issue(0, STRING, Get);
        story
            .send(operation, 0, member)
            .execute(operation, 0, member, 0)
            .ack(operation, member);
    };
    read(1_100, 0, &mut story);
    read(1_300, 1, &mut story);
    let account = story.account(true);
    assert_eq!(account.reads.stale, 1);
    assert_eq!(account.reads.own_writes_missed, 1);
    assert_eq!(account.reads.went_back, 1);
    assert!((account.reads.ages.quantile_ms(0.99).unwrap() - 300.0).abs() < 5.0);
}

/// A member that lost its disks is read: what it had is not there, whatever has been acknowledged since the read was issued,
/// and whether or not the books still keep the write's row.
#[test]
fn a_read_is_stale_where_a_disk_was_lost_that_had_the_newest_write_of_its_issue() {
    for row_stays in [false, true] {
        let mut story = story(vec![crash(2, 2, Disks::Lost)]);
        let first = story.at(1_000).issue(0, STRING, Set);
        story
            .send(first, 0, 0)
            .execute(first, 0, 0, 0)
            .ack(first, 0);
        if row_stays {
            // An attempt of which nobody knows what became of it.
            story.send(first, 1, 0);
        }
        story.sync(0, 1).sync(0, 2);
        story.at(2_000).stop(2, 2, Disks::Lost);
        story.at(3_000).restart(2, 2);
        let read = story.at(4_000).issue(2, STRING, Get);
        story.send(read, 0, 2);
        story.at(4_100).write(0, STRING, Set, 0);
        story.at(4_200).execute(read, 0, 2, 0).ack(read, 2);
        let account = story.account(true);
        assert_eq!(account.reads.stale, 1, "its row stays: {row_stays}");
        let age = account.reads.ages.quantile_ms(0.99).unwrap();
        assert!((age - 3_000.0).abs() < 50.0, "{age} ms old");
    }
}

#[test]
fn reads_and_writes_are_judged_apart() {
    let mut story = story(Vec::new());
    let read = story.at(1_000).issue(0, STRING, Get);
    story.at(1_500).end(read, 0, 0, Ending::Unknown);
    let account = story.account(true);
    assert_eq!(account.episodes.len(), 1);
    assert_eq!(account.episodes[0].traffic, Traffic::Reads);
    assert!(everyone_served(&account).held);
    assert_eq!(SimTime::ZERO, account.shape.storm_begins);
}

#[test]
fn a_read_is_held_to_what_was_acknowledged_when_it_was_issued() {
    for (arrives, stale) in [(false, 1), (true, 0)] {
        let mut story = story(Vec::new());
        story.at(1_000).write(0, STRING, Set, 0);
        let read = story.at(1_500).issue(2, STRING, Get);
        story.send(read, 0, 2);
        // Newer ones: one that everybody has at once, and one that nobody else has.
        story.at(2_000).write(1, STRING, Set, 1);
        story.apply(0, 1, 1, 1).apply(2, 1, 1, 1);
        story.at(2_100).write(1, STRING, Set, 1);
        if arrives {
            story.apply(2, 0, 0, 1);
        }
        story.at(2_200).execute(read, 0, 2, 0).ack(read, 2);
        let reads = story.account(true).reads;
        assert_eq!(reads.stale, stale, "the first arrived: {arrives}");
    }
}

/// What every member has had counts as seen, whether or not the books may lose sight of it: where each member may lose its
/// disks they keep it to the end.
#[test]
fn a_session_is_not_held_to_what_every_member_has_had() {
    for others_may_lose in [false, true] {
        let faults = (0..3).filter(|&member| others_may_lose || member == 2);
        let faults = faults.map(|member| crash(u16::from(member), member, Disks::Lost));
        let mut story = story(faults.collect());
        let read = |at: u64, member: u8, story: &mut Story| {
            let operation = story.at(at).issue(0, STRING, Get);
            story
                .send(operation, 0, member)
                .execute(operation, 0, member, 0)
                .ack(operation, member);
        };
        story.at(1_000).write(0, STRING, Set, 0);
        read(1_100, 0, &mut story);
        story.at(1_200).sync(0, 1).sync(0, 2);
        story.at(2_000).stop(2, 2, Disks::Lost);
        story.at(3_000).restart(2, 2);
        read(4_000, 2, &mut story);
        let reads = story.account(true).reads;
        assert_eq!(reads.stale, 1, "others may lose: {others_may_lose}");
        let of_session = (reads.went_back, reads.own_writes_missed);
        assert_eq!(of_session, (0, 0), "others may lose: {others_may_lose}");
    }
}

#[test]
fn a_session_sees_nothing_of_an_attempt_that_its_client_gave_up() {
    for (gave_up, went_back) in [(false, 1), (true, 0)] {
        let mut story = story(Vec::new());
        story.at(1_000).write(1, STRING, Set, 0);
        let read = story.at(1_100).issue(0, STRING, Get);
        story.send(read, 0, 0);
        if gave_up {
            story.at(1_200).send(read, 1, 1);
            story.execute(read, 0, 0, 0);
            story
                .execute(read, 1, 1, 0)
                .end(read, 1, 1, Ending::Acknowledged);
        } else {
            story.execute(read, 0, 0, 0).ack(read, 0);
        }
        let read = story.at(1_300).issue(0, STRING, Get);
        story.send(read, 0, 1).execute(read, 0, 1, 0).ack(read, 1);
        let reads = story.account(true).reads;
        assert_eq!(reads.went_back, went_back, "gave up: {gave_up}");
    }
}
