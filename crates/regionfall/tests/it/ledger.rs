//! Small histories in which the right answer is obvious.

#![expect(
    clippy::expect_used,
    reason = "a column that is missing is a broken test"
)]

use std::sync::Arc;

use regionfall::check::{everyone_served, single_writer};
use regionfall::fault::{
    Disks, FaultKind, InFlight, PathSelector, PlannedFault, Silence, TrafficScope,
};
use regionfall::history::{Ending, Fact, Ledger, Traffic};
use regionfall::metric::{Metrics, RecoveredBy, Value};
use regionfall::topology::{DeciderId, FaultId, FleetId, MemberId, RegionId, ServerId};
use regionfall_crdt::CommandKind::{Del, Get, Incr, SAdd, SRem, Set};
use regionfall_kernel::SimTime;

use crate::vocabulary::{Story, crash, ms, shape};

const STRING: u32 = 0;
const COUNTER: u32 = 1;
const MEMBERS: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];

fn story(faults: Vec<PlannedFault>) -> Story {
    Story::new(shape(3, faults))
}

fn sync_all(story: &mut Story) {
    for (source, target) in MEMBERS {
        if story.up[source] && story.up[target] {
            story.sync(source, target);
        }
    }
}

/// Server 0 writes every 100 ms from `from` to `to`, at `member`, answered after 2 ms.
fn serve(story: &mut Story, server: u32, member: u8, from: u64, to: u64) {
    for at in (from..to).step_by(100) {
        let operation = story.at(at).issue(server, STRING + 3 * server, Set);
        story
            .send(operation, 0, member)
            .execute(operation, 0, member, 0);
        story.at(at + 2).ack(operation, member);
    }
}

/// Server 0 asks at `at` and gets nothing but a timeout a second later.
fn time_out(story: &mut Story, server: u32, member: u8, at: u64) {
    let operation = story.at(at).issue(server, STRING, Set);
    story
        .send(operation, 0, member)
        .at(at + 900)
        .end(operation, 0, member, Ending::Unknown);
}

fn number(metrics: &Metrics, column: &str) -> Option<f64> {
    metrics.get(column).expect("a column").as_f64()
}

fn cut_of(id: u16, scope: TrafficScope, from: u16, to: u16) -> PlannedFault {
    let paths = PathSelector {
        from: vec![RegionId(from)],
        to: vec![RegionId(to)],
        both_ways: true,
        scope,
    };
    let kind = FaultKind::Partition {
        paths,
        mode: Silence::Silent,
        in_flight: InFlight::Lost,
    };
    PlannedFault {
        kind,
        ..crash(id, 0, Disks::Kept)
    }
}

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
    assert_eq!(account.lost[0].fault, Some(FaultId(0)));
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
fn a_request_that_hangs_without_timeout_is_an_episode_without_end() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    serve(&mut story, 0, 0, 1_000, 2_000);
    story.at(2_050).stop(0, 0, Disks::Kept);
    let hung = story.at(2_100).issue(0, STRING, Set);
    story.send(hung, 0, 0);
    // Other connections work again, but this request is never answered.
    story.at(3_500).restart(0, 0);
    serve(&mut story, 0, 0, 3_600, 9_000);
    let account = story.account(true);
    assert_eq!(account.episodes.len(), 1);
    assert_eq!(account.episodes[0].begins, ms(2_100));
    assert_eq!(
        account.episodes[0].shown,
        ms(3_100),
        "overdue after the deadline"
    );
    assert_eq!(account.episodes[0].ends, None);
    assert_eq!(account.all_writes().unknown_absent, 1);
    let metrics = Metrics::new(&account);
    assert_eq!(number(&metrics, "censored"), Some(1.0));
    assert!(metrics.get("rto_max_ms").unwrap().is_missing());
    assert!(!everyone_served(&account).held);
}

#[test]
fn nobody_affected_is_a_true_zero() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    serve(&mut story, 0, 0, 1_000, 2_000);
    story.at(2_010).stop(0, 0, Disks::Kept);
    story.at(2_050).restart(0, 0);
    serve(&mut story, 0, 0, 2_100, 16_000);
    let metrics = Metrics::new(&story.account(true));
    assert_eq!(number(&metrics, "exposed"), Some(1.0));
    assert_eq!(number(&metrics, "affected"), Some(0.0));
    assert_eq!(number(&metrics, "rto_max_ms"), Some(0.0));
    assert_eq!(number(&metrics, "service_rto_ms"), Some(0.0));
    assert!(metrics.get("recovered_by").unwrap().is_missing());
    assert!(metrics.get("outage_max_ms").unwrap().is_missing());
    assert!(metrics.get("detect_ms").unwrap().is_missing());
}

#[test]
fn without_any_incident_there_is_no_recovery_time() {
    let mut story = story(Vec::new());
    serve(&mut story, 0, 0, 1_000, 2_000);
    let metrics = Metrics::new(&story.account(true));
    assert!(metrics.get("rto_max_ms").unwrap().is_missing());
    assert_eq!(number(&metrics, "rpo_observed_ms"), Some(0.0));
    assert_eq!(number(&metrics, "availability"), Some(1.0));
}

#[test]
fn the_horizon_censors_and_a_window_that_crosses_it_does_not_count() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(150_000).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 150_100);
    story.at(199_000).restart(0, 0);
    serve(&mut story, 0, 0, 199_500, 200_000);
    let metrics = Metrics::new(&story.account(true));
    assert_eq!(
        metrics.incidents()[0].servers[0].recovered_by,
        Some(RecoveredBy::None)
    );
    assert_eq!(metrics.episodes()[0].rto, None);
    assert_eq!(
        metrics.episodes()[0].censored_after.as_nanos(),
        ms(50_000).as_nanos()
    );
}

#[test]
fn overlapping_faults_are_one_incident_and_a_fault_after_recovery_opens_another() {
    let faults = || {
        vec![
            crash(0, 0, Disks::Kept),
            cut_of(1, TrafficScope::Clients, 0, 0),
        ]
    };
    for (second, incidents) in [(1_500, 1), (20_000, 2)] {
        let mut story = story(faults());
        story.at(1_000).fault(0);
        time_out(&mut story, 0, 0, 1_100);
        if second == 1_500 {
            // The first request has not even timed out when the second fault begins.
            story.facts.truncate(story.facts.len() - 2);
            story.now = ms(1_500).as_nanos();
            story.fault(1);
            story.at(2_000).end(0, 0, 0, Ending::Unknown);
        }
        serve(&mut story, 0, 0, 3_000, 8_000);
        story.at(9_000).heal(0);
        if second == 20_000 {
            story.at(20_000).fault(1);
            time_out(&mut story, 0, 0, 20_500);
            serve(&mut story, 0, 0, 22_000, 25_000);
        }
        story.at(30_000).heal(1);
        let metrics = Metrics::new(&story.account(true));
        assert_eq!(metrics.incidents().len(), incidents);
        let first = &metrics.incidents()[0];
        assert_eq!(
            first.servers[0].rto.unwrap().as_nanos(),
            ms(2_002).as_nanos()
        );
        assert_eq!(
            first.servers[0].recovered_by,
            Some(RecoveredBy::Retry),
            "the fault still acts"
        );
        if let Some(other) = metrics.incidents().get(1) {
            assert_eq!(
                other.servers[0].rto.unwrap().as_nanos(),
                ms(2_002).as_nanos()
            );
            assert_eq!(first.servers[0].outages.len(), 1);
        }
    }
}

#[test]
fn a_fault_that_touches_nothing_is_no_incident() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).say(Fact::FaultBegan { fault: FaultId(0) });
    let account = story.account(true);
    assert!(Metrics::new(&account).incidents().is_empty());
    assert_eq!(account.faults[0].touched, None);
}

#[test]
fn servers_that_fall_with_the_region_have_no_recovery_time() {
    let mut story = Story::new(shape(4, vec![crash(0, 0, Disks::Kept)]));
    serve(&mut story, 0, 0, 500, 900);
    story.at(1_000).stop(0, 0, Disks::Kept);
    let waiting = story.at(1_001).issue(0, STRING, Set);
    story.send(waiting, 0, 0).say(Fact::ServerStopped {
        server: ServerId(0),
    });
    time_out(&mut story, 3, 0, 1_100);
    time_out(&mut story, 1, 1, 2_500);
    story.at(5_000).restart(0, 0);
    serve(&mut story, 3, 0, 5_100, 8_000);
    let account = story.account(true);
    let metrics = Metrics::new(&account);
    assert_eq!(
        number(&metrics, "exposed"),
        Some(1.0),
        "server 3 shares the home and stays"
    );
    assert_eq!(number(&metrics, "fallen"), Some(1.0));
    assert_eq!(
        number(&metrics, "collateral"),
        Some(1.0),
        "server 1 has another home"
    );
    assert_eq!(
        metrics.get("recovered_by"),
        Some(&Value::Text("heal".into()))
    );
    assert!(
        account
            .episodes
            .iter()
            .all(|episode| episode.server != ServerId(0))
    );
}

#[test]
fn the_parts_sum_to_the_recovery_time() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 1_100);
    let verdict = |decider, healthy| Fact::Verdict {
        decider: DeciderId(decider),
        server: None,
        member: MemberId(0),
        healthy,
    };
    story.at(4_000).say(verdict(0, false));
    story.at(5_000).say(verdict(1, false));
    story.at(7_000).say(Fact::AnswerPublished {
        fleet: FleetId(0),
        member: MemberId(1),
    });
    story.at(8_000).say(verdict(2, false));
    story.at(12_000).adopt(0, 0, 1);
    story.at(12_500).say(Fact::ConnectBegan {
        server: ServerId(0),
        member: MemberId(1),
    });
    story.at(12_600).say(Fact::Connected {
        server: ServerId(0),
        member: MemberId(1),
    });
    serve(&mut story, 0, 1, 12_700, 15_000);
    story.at(20_000).restart(0, 0);
    story.at(26_000).adopt(0, 1, 0);
    let account = story.account(true);
    let metrics = Metrics::new(&account);
    let parts = [
        "detect_ms",
        "publish_ms",
        "adopt_ms",
        "reconnect_ms",
        "first_success_ms",
    ]
    .map(|column| number(&metrics, column).unwrap());
    let text = format!("{parts:?}");
    assert_eq!(text, "[4000.0, 2000.0, 5500.0, 100.0, 102.0]");
    assert_eq!(
        Some(parts.iter().sum::<f64>()),
        number(&metrics, "rto_max_ms")
    );
    assert_eq!(number(&metrics, "failback_ms"), Some(6_000.0));
    assert_eq!(number(&metrics, "false_failovers"), Some(0.0));
    assert_eq!(number(&metrics, "policy_switches"), Some(1.0));
}

#[test]
fn a_failover_without_a_fault_is_false() {
    let mut story = story(Vec::new());
    story.at(1_000).adopt(0, 0, 1);
    story.at(2_000).adopt(0, 1, 0);
    let metrics = Metrics::new(&story.account(true));
    assert_eq!(
        number(&metrics, "false_failovers"),
        Some(1.0),
        "going home is no failover"
    );
    assert_eq!(number(&metrics, "policy_switches"), Some(2.0));
    assert_eq!(number(&metrics, "flaps"), Some(0.0));
}

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
