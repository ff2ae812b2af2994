//! What became of acknowledged writes: kept, lost, late, twice, brought back, undetermined.

use regionfall::topology::{NodeId, OperationId};

use super::*;

#[test]
fn a_write_that_reached_a_peer_survives_a_lost_disk_and_one_that_did_not_is_lost() {
    let mut story = story(vec![crash(0, 0, Disks::Lost)]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_050).apply(1, 0, 0, 1);
    story.at(1_100).write(0, STRING, Set, 0);
    story.at(1_130).write(0, STRING, Set, 0);
    story.at(1_200).stop(0, 0, Disks::Lost);
    let account = story.account(true);
    let writes = account.all_writes();
    assert_eq!((writes.acked, writes.lost), (3, 2));
    assert_eq!(account.lost[0].cause, Some(CopyEnd::Fault(FaultId(0))));
    let metrics = Metrics::new(&account);
    assert_eq!(
        number(&metrics, "rpo_observed_ms"),
        Some(100.0),
        "from the oldest loss to the fault"
    );
}

#[test]
fn a_kept_disk_loses_nothing_and_what_comes_back_was_late() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_200).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 1_300);
    story.at(2_300).adopt(0, 0, 1);
    serve(&mut story, 0, 1, 2_400, 4_000);
    story.at(9_000).restart(0, 0);
    sync_all(&mut story);
    let account = story.account(true);
    let writes = account.all_writes();
    assert_eq!((writes.lost, writes.late), (0, 1));
    let metrics = Metrics::new(&account);
    assert_eq!(number(&metrics, "rpo_observed_ms"), Some(0.0));
    assert_eq!(number(&metrics, "rpo_at_resumption_ms"), Some(200.0));
    assert_eq!(
        number(&metrics, "rto_max_ms"),
        Some(1_202.0),
        "from 1,200 to the success at 2,402"
    );
    assert_eq!(
        number(&metrics, "outage_max_ms"),
        Some(1_102.0),
        "from the request of 1,300"
    );
    assert_eq!(
        metrics.get("recovered_by"),
        Some(&Value::Text("switch".into()))
    );
    assert_eq!(
        metrics.incidents()[0].servers.len(),
        1,
        "only server 0 has its home there"
    );
}

#[test]
fn what_a_kept_disk_holds_for_good_is_missed_by_those_who_moved() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_100).write(1, STRING, Set, 0);
    story.at(1_200).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 1_300);
    story.at(2_300).adopt(0, 0, 1);
    serve(&mut story, 0, 1, 2_400, 4_000);
    // Nobody of server 1's home moves: it has missed nothing, however long it waits.
    let account = story.account(true);
    let writes = account.all_writes();
    assert_eq!((writes.lost, writes.late), (0, 1));
    let metrics = Metrics::new(&account);
    assert_eq!(number(&metrics, "rpo_observed_ms"), Some(0.0));
    assert_eq!(number(&metrics, "rpo_at_resumption_ms"), Some(200.0));
}

#[test]
fn what_arrived_before_the_client_moved_was_not_missed() {
    let mut story = Story::new(shape(4, vec![crash(0, 0, Disks::Kept)]));
    story.at(1_050).write(0, STRING, Set, 0);
    // Server 3 shares the home and moves early; the write arrives, and only then the region falls.
    story.at(1_100).adopt(3, 0, 1);
    story.at(1_150).sync(0, 1);
    story.at(1_200).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 1_300);
    story.at(2_300).adopt(0, 0, 1);
    serve(&mut story, 0, 1, 2_400, 4_000);
    let account = story.account(true);
    assert_eq!(account.all_writes().late, 1);
    let metrics = Metrics::new(&account);
    assert_eq!(number(&metrics, "rpo_at_resumption_ms"), Some(0.0));
}

#[test]
fn losses_acknowledged_after_the_cut_stretch_the_recovery_point() {
    let mut story = story(vec![
        cut_of(0, TrafficScope::Replication, 0, 1),
        crash(1, 0, Disks::Lost),
    ]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_100).fault(0).cut(0, 1).cut(0, 2);
    story.at(5_000).write(0, STRING, Set, 0);
    story.at(6_000).stop(0, 1, Disks::Lost);
    let account = story.account(true);
    assert_eq!(account.all_writes().lost, 2);
    let metrics = Metrics::new(&account);
    // Nobody had noticed the cut, so the crash is an incident of its own: its losses reach 5 s back.
    assert_eq!(number(&metrics, "rpo_observed_ms"), Some(5_000.0));
    let counts: Vec<_> = metrics
        .incidents()
        .iter()
        .map(|found| found.recovery_point.lost)
        .collect();
    assert_eq!(counts, [0, 2]);
}

#[test]
fn a_retry_that_applies_twice_is_a_duplicate_unless_it_is_idempotent() {
    for (command, key, duplicated) in [(Incr, COUNTER, 1), (Set, STRING, 0)] {
        let mut story = story(Vec::new());
        let operation = story.at(1_000).issue(0, key, command);
        story.send(operation, 0, 0).execute(operation, 0, 0, 0);
        story
            .at(1_500)
            .send(operation, 1, 0)
            .execute(operation, 1, 0, 0);
        story.at(1_501).end(operation, 1, 0, Ending::Acknowledged);
        sync_all(&mut story);
        assert_eq!(story.account(true).all_writes().duplicated, duplicated);
        assert_eq!(story.account(true).requests.retries, 1);
    }
}

#[test]
fn what_is_not_drained_is_undetermined() {
    let mut story = story(vec![crash(0, 0, Disks::Lost)]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(1_010).stop(0, 0, Disks::Lost);
    let writes = story.account(false).all_writes();
    assert_eq!((writes.lost, writes.undetermined), (0, 1));
}

#[test]
fn the_excess_is_what_the_control_run_lacks() {
    let mut stormy = story(Vec::new());
    stormy.at(1_000).write(0, STRING, Set, 0);
    stormy.at(1_001).write(1, STRING, Set, 1);
    let calm = Metrics::new(&story(Vec::new()).account(true));
    let metrics = Metrics::new(&stormy.account(true));
    assert!(
        metrics
            .get("conflicting_writes_excess")
            .unwrap()
            .is_missing()
    );
    let metrics = metrics.with_control(&calm);
    assert_eq!(number(&metrics, "conflicting_writes_excess"), Some(2.0));
}

#[test]
fn memory_is_that_of_unsettled_writes() {
    let mut story = story(Vec::new());
    let mut ledger = Ledger::new(Arc::clone(&story.shape));
    let mut most = 0;
    for round in 0..2_000 {
        story.at(1_000 + 20 * round);
        for server in 0..3 {
            story.write(server, server + 3 * (round as u32 % 50), Set, server as u8);
        }
        if round >= 5 {
            sync_all(&mut story);
        }
        story.tell(&mut ledger);
        story.facts.clear();
        most = most.max(ledger.unsettled());
    }
    assert!(most <= 40, "{most} rows and effects at once");
    assert_eq!(ledger.unsettled(), 0);
}

#[test]
fn what_all_had_is_lost_where_all_lose_their_disks() {
    let mut faults: Vec<_> = (0..3)
        .map(|member| crash(u16::from(member), member, Disks::Lost))
        .collect();
    for fault in &mut faults {
        fault.ends = ms(2_000);
    }
    let mut story = story(faults);
    story.at(1_000).write(0, STRING, Set, 0);
    story.sync(0, 1).sync(0, 2).at(1_500);
    for member in 0..3 {
        story.stop(member, u16::from(member), Disks::Lost);
    }
    story.at(2_000);
    for member in 0..3 {
        story.restart(member, u16::from(member));
    }
    story.at(3_000).write(0, STRING, Set, 0);
    story.sync(0, 1).sync(0, 2);
    assert_eq!(story.account(true).all_writes().lost, 1);
}

/// A further effect of the attempt that was executed last: the next of its origin.
fn execute_more(story: &mut Story, operation: u32, member: u8) {
    let last = story.facts.last().and_then(|last| last.effect.clone());
    let mut effect = last.expect("an execution comes before");
    effect.dot.sequence += 1;
    let origin = usize::from(effect.dot.origin.0);
    story.applied[usize::from(member)][origin] += 1;
    story.say(Fact::WriteContinued {
        operation: OperationId(operation),
        attempt: 0,
        node: NodeId(member),
        effect: Box::leak(Box::new(effect)),
    });
}

#[test]
fn a_write_of_several_effects_is_torn_where_some_of_them_are_lost() {
    for (arrived, lost, torn) in [(0, 1, 0), (1, 1, 1), (2, 0, 0)] {
        let mut shape = shape(3, vec![crash(0, 0, Disks::Lost)]);
        shape.keyspaces[0].is_plain = false;
        let mut story = Story::new(shape);
        let operation = story.at(1_000).issue(0, STRING, Set);
        story.send(operation, 0, 0).execute(operation, 0, 0, 0);
        execute_more(&mut story, operation, 0);
        story.ack(operation, 0);
        story.at(1_050).apply(1, 0, 0, arrived);
        story.at(1_100).stop(0, 0, Disks::Lost);
        let writes = story.account(true).all_writes();
        assert_eq!(
            (writes.lost, writes.torn),
            (lost, torn),
            "{arrived} arrived"
        );
    }
}

#[test]
fn where_one_member_takes_writes_only_what_it_holds_counts() {
    let (active, node) = (
        |member| Fact::ActiveChanged {
            member: MemberId(member),
        },
        NodeId(0),
    );
    let story = || {
        let mut story = story(Vec::new());
        story.at(1_000).write(0, STRING, Set, 0);
        story.at(1_050).apply(1, 0, 0, 1);
        story.at(1_100).write(0, STRING, Set, 0);
        story
    };
    // Member 0 holds both, and member 1 the first.
    for (before, out, lost, cause) in [
        (&[0][..], false, 0, None),
        (&[0, 1], false, 1, Some(CopyEnd::Replaced)),
        (&[0, 2], false, 2, Some(CopyEnd::Replaced)),
        // It is there to see, where nobody looks any more; or on a machine that is out for good.
        (&[1], false, 1, Some(CopyEnd::Abandoned)),
        (&[1], true, 1, Some(CopyEnd::Replaced)),
    ] {
        let mut story = story();
        for &member in before {
            story.say(active(member));
        }
        if out {
            story.say(Fact::NodeUnlinked { node });
        }
        let account = story.account(true);
        assert_eq!(account.all_writes().lost, lost, "{before:?}");
        let found = account.lost.last().and_then(|write| write.cause);
        assert_eq!(found, cause, "{before:?}");
    }
}
