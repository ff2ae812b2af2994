//! Requests, app servers and members that come and go.

use regionfall::history::Account;
use regionfall::topology::{NodeId, OperationId};

use super::*;

/// How many requests were answered late, over all fleets and steps.
fn slow_ones(account: &Account) -> u32 {
    let steps = account.timeline.iter().flatten();
    steps.map(|step| step.slow).sum()
}

#[test]
fn requests_are_counted_from_the_storm_on_and_their_latencies_by_phase() {
    let mut shape = shape(3, Vec::new());
    shape.storm_begins = ms(10_000);
    shape.calm_begins = ms(20_000);
    let mut story = Story::new(shape);
    // One in the warm-up, two in the storm, three in the calm, each answered after 2 ms; and one slow one in the storm.
    for (from, many) in [(5_000, 1), (15_000, 2), (25_000, 3)] {
        serve(&mut story, 0, 0, from, from + 100 * many);
    }
    let slow = story.at(26_000).issue(1, STRING + 3, Set);
    story.send(slow, 0, 1).execute(slow, 0, 1, 0);
    story.at(26_501).ack(slow, 1);
    for (at, ending) in [
        (27_000, Ending::Failed),
        (28_000, Ending::Unknown),
        (29_000, Ending::Failed),
    ] {
        let operation = story.at(at).issue(0, STRING, Set);
        story.send(operation, 0, 0).at(at + 5);
        story.end(operation, 0, 0, ending);
    }
    let account = story.account(true);
    let requests = account.requests;
    assert_eq!(
        (
            requests.issued,
            requests.in_time,
            requests.errors,
            requests.retries
        ),
        (9, 6, 3, 0)
    );
    let by_phase = [0, 1, 2].map(|phase| account.latencies[phase].count());
    assert_eq!(by_phase, [1, 2, 4]);
    assert_eq!(slow_ones(&account), 1, "only what took longer than 500 ms");
}

#[test]
fn an_answer_after_exactly_the_bound_is_not_slow_and_after_exactly_the_deadline_not_overdue() {
    let mut story = story(Vec::new());
    for (at, takes) in [(1_000, 500), (3_000, 1_000)] {
        let operation = story.at(at).issue(0, STRING, Set);
        story.send(operation, 0, 0).execute(operation, 0, 0, 0);
        story.at(at + takes).ack(operation, 0);
    }
    let account = story.account(true);
    assert_eq!((slow_ones(&account), account.requests.in_time), (1, 2));
    assert!(account.episodes.is_empty());
}

#[test]
fn what_was_refused_and_had_no_effect_is_not_unknown() {
    let mut story = story(Vec::new());
    // Refused without an effect; refused with one; given up without one.
    for (at, has_effect, ending) in [
        (1_000, false, Ending::Failed),
        (2_000, true, Ending::Failed),
        (3_000, false, Ending::Unknown),
    ] {
        let operation = story.at(at).issue(0, STRING, Set);
        story.send(operation, 0, 0);
        if has_effect {
            story.execute(operation, 0, 0, 0);
        }
        story.at(at + 10).end(operation, 0, 0, ending);
    }
    let writes = story.account(true).all_writes();
    assert_eq!(
        (writes.acked, writes.unknown_present, writes.unknown_absent),
        (0, 1, 1)
    );
}

#[test]
fn writes_of_the_warm_up_count_only_if_they_are_lost_or_late() {
    let mut shape = shape(3, vec![crash(0, 0, Disks::Lost)]);
    shape.storm_begins = ms(10_000);
    let mut story = Story::new(shape);
    story.at(5_000).write(0, STRING, Set, 0);
    sync_all(&mut story);
    story.at(9_999).write(0, STRING, Set, 0);
    // The first of the storm, at its very beginning.
    story.at(10_000).write(1, STRING + 3, Set, 1);
    story.at(10_500).stop(0, 0, Disks::Lost);
    let writes = story.account(true).all_writes();
    assert_eq!((writes.acked, writes.lost), (2, 1));
}

#[test]
fn nobody_waits_for_what_a_stopped_server_asked() {
    let asks_and = |stopped: u32, stops: u64| {
        let mut story = story(vec![crash(0, 0, Disks::Kept)]);
        let hung = story.at(5_000).issue(0, STRING, Set);
        story.send(hung, 0, 0);
        story.at(stops).say(Fact::ServerStopped {
            server: ServerId(stopped),
        });
        story.at(7_000).say(Fact::ServerRestarted {
            server: ServerId(stopped),
        });
        story.at(8_000);
        story.account(true).episodes.len()
    };
    assert_eq!(asks_and(0, 5_500), 0);
    assert_eq!(asks_and(1, 5_500), 1, "another server's host");
    assert_eq!(
        asks_and(0, 6_500),
        0,
        "it was overdue when the server fell, and fell with it"
    );
}

#[test]
fn a_server_that_runs_again_may_fail_again() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(3_000).say(Fact::ServerStopped {
        server: ServerId(0),
    });
    story.at(4_000).say(Fact::ServerRestarted {
        server: ServerId(0),
    });
    // Asked after the restart: the stop was before.
    let hung = story.at(5_000).issue(0, STRING, Set);
    story.send(hung, 0, 0);
    let account = story.account(true);
    let [episode] = account.episodes[..] else {
        panic!("one: {:?}", account.episodes)
    };
    assert_eq!((episode.begins, episode.ends), (ms(5_000), None));
    assert_eq!(account.stopped, [(ServerId(0), ms(3_000))]);
}

#[test]
fn probes_are_counted_from_the_storm_on() {
    let mut shape = shape(3, Vec::new());
    shape.storm_begins = ms(10_000);
    let mut story = Story::new(shape);
    for at in [9_999, 10_000, 12_000] {
        let (decider, member) = (DeciderId(0), MemberId(0));
        story.at(at).say(Fact::ProbeSent {
            decider,
            member,
            bytes: 64,
        });
    }
    assert_eq!(story.account(true).probes, 2);
}

#[test]
fn what_only_a_removed_member_has_is_forfeited() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).write(0, STRING, Set, 0);
    sync_all(&mut story);
    story.at(2_000).write(0, STRING, Set, 0);
    let (member, fault) = (MemberId(0), FaultId(0));
    story
        .at(3_000)
        .fault(0)
        .say(Fact::MemberRemoved { member, fault });
    for (origin, kept) in [(0, 1), (1, 0), (2, 0)] {
        story.say(Fact::CopiesEnded {
            node: NodeId(0),
            origin: regionfall_crdt::OriginId(origin),
            kept,
            cause: CopyEnd::Removed(fault),
        });
    }
    let account = story.account(true);
    let writes = account.all_writes();
    assert_eq!((writes.acked, writes.lost, writes.forfeited), (2, 1, 1));
    assert_eq!(account.lost[0].operation, OperationId(1));
    assert_eq!(account.lost[0].cause, Some(CopyEnd::Removed(fault)));
}

#[test]
fn nobody_waits_for_a_removed_member_until_it_is_one_again() {
    let heal_with = |facts: &[Fact<'static>]| {
        let mut story = story(vec![crash(0, 1, Disks::Kept)]);
        story.at(1_000).fault(0);
        story.at(1_500).write(0, STRING, Set, 0);
        for &fact in facts {
            story.say(fact);
        }
        story.at(2_000).heal(0);
        // Member 2 gets it after 3 s, and member 1 after 5 s.
        story.at(5_000).sync(0, 2);
        story.at(7_000).sync(0, 1);
        let took = story.account(true).convergence;
        took.map(|took| took.as_nanos() / 1_000_000)
    };
    let (member, fault) = (MemberId(1), FaultId(0));
    let removed = Fact::MemberRemoved { member, fault };
    let rejoined = Fact::MemberRejoined { member };
    let spare = |is_spare| Fact::NodeSpare {
        node: NodeId(1),
        is_spare,
    };
    assert_eq!(heal_with(&[]), Some(5_000));
    assert_eq!(heal_with(&[removed]), Some(3_000));
    assert_eq!(heal_with(&[removed, rejoined]), Some(5_000));
    assert_eq!(heal_with(&[spare(true)]), Some(3_000));
    assert_eq!(heal_with(&[spare(true), spare(false)]), Some(5_000));
}

#[test]
fn what_a_removed_member_still_applies_ends_no_wait_for_another() {
    let mut story = story(vec![crash(0, 1, Disks::Kept)]);
    story.at(1_000).fault(0);
    story.at(1_500).write(0, STRING, Set, 0);
    let (member, fault) = (MemberId(1), FaultId(0));
    story.say(Fact::MemberRemoved { member, fault });
    story.at(2_000).heal(0);
    // It was on its way to the removed member, which gets it before the one that is waited for.
    story.at(5_000).sync(0, 1);
    story.at(7_000).sync(0, 2);
    let took = story.account(true).convergence;
    let five_seconds = regionfall_kernel::SimDuration::from_secs(5);
    assert_eq!(took, Some(five_seconds));
}

#[test]
fn a_fault_during_a_heal_makes_it_begin_anew() {
    let mut story = story(vec![crash(0, 0, Disks::Kept), crash(1, 1, Disks::Kept)]);
    story.at(1_000).fault(0);
    story.at(1_500).write(0, STRING, Set, 0);
    story.at(2_000).heal(0);
    story.at(3_000).fault(1);
    story.at(4_000).sync(0, 1).sync(0, 2);
    story.at(5_000).heal(1);
    let convergence = story.account(true).convergence;
    assert_eq!(convergence, Some(regionfall_kernel::SimDuration::ZERO));
}
