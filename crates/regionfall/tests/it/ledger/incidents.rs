//! Incidents, episodes and recovery times.

use super::*;

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

/// A crash at member 0 and a cut between members 0 and 1.
fn crash_and_cut() -> Vec<PlannedFault> {
    vec![
        crash(0, 0, Disks::Kept),
        cut_of(1, TrafficScope::Replication, 0, 1),
    ]
}

fn homes(metrics: &Metrics) -> Vec<Vec<u8>> {
    let homes = |incident: &regionfall::metric::Incident| {
        incident.homes.iter().map(|member| member.0).collect()
    };
    metrics.incidents().iter().map(homes).collect()
}

#[test]
fn faults_of_one_incident_expose_together_and_each_server_by_its_own() {
    let mut story = story(crash_and_cut());
    story.at(1_000).fault(0);
    time_out(&mut story, 0, 0, 1_100);
    story.at(2_100).fault(1);
    let failed = story.at(2_200).issue(1, STRING + 3, Set);
    story.send(failed, 0, 1).at(2_500);
    story.end(failed, 0, 1, Ending::Unknown);
    story.at(3_000).heal(1);
    serve(&mut story, 1, 1, 4_000, 6_000);
    serve(&mut story, 0, 0, 6_000, 8_000);
    story.at(9_000).heal(0);
    let metrics = Metrics::new(&story.account(true));
    assert_eq!(homes(&metrics), [[0, 1]]);
    let [incident] = metrics.incidents() else {
        panic!("one")
    };
    assert_eq!((incident.begins, incident.ends), (ms(1_000), ms(9_000)));
    let served: Vec<(u32, Option<RecoveredBy>, usize)> = incident
        .servers
        .iter()
        .map(|outcome| {
            (
                outcome.server.0,
                outcome.recovered_by,
                outcome.outages.len(),
            )
        })
        .collect();
    // The fault that still acts touches server 0 alone.
    let expected = [
        (0, Some(RecoveredBy::Retry), 1),
        (1, Some(RecoveredBy::Heal), 1),
    ];
    assert_eq!(served, expected);
    assert_eq!((incident.censored(), incident.affected().count()), (0, 2));
}

#[test]
fn faults_of_different_populations_are_different_incidents() {
    let mut story = story(vec![crash(0, 0, Disks::Kept), crash(1, 1, Disks::Kept)]);
    story.at(1_000).fault(0);
    let hung = story.at(1_100).issue(0, STRING, Set);
    story.send(hung, 0, 0);
    story.at(3_000).fault(1);
    assert_eq!(homes(&Metrics::new(&story.account(true))), [[0], [1]]);
}

#[test]
fn an_incident_is_over_for_a_population_when_its_own_servers_are_served() {
    let mut story = story(vec![
        cut_of(0, TrafficScope::Replication, 0, 1),
        crash(1, 0, Disks::Kept),
    ]);
    story.at(1_000).fault(0);
    // Server 1 hangs for ever, and server 0 is served.
    let hung = story.at(1_100).issue(1, STRING + 3, Set);
    story.send(hung, 0, 1);
    story.at(3_000).fault(1);
    assert_eq!(
        homes(&Metrics::new(&story.account(true))),
        [vec![0, 1], vec![0]]
    );
}

#[test]
fn a_fault_that_begins_when_all_are_served_again_opens_an_incident() {
    for (second, count) in [(4_001, 1), (4_002, 2)] {
        let mut story = story(vec![crash(0, 0, Disks::Kept), crash(1, 0, Disks::Kept)]);
        story.at(1_000).fault(0);
        time_out(&mut story, 0, 0, 1_100);
        // Served again at 4.002 s.
        let operation = story.at(4_000).issue(0, STRING, Set);
        story.send(operation, 0, 0).execute(operation, 0, 0, 0);
        if second == 4_001 {
            story.at(4_001).fault(1);
        }
        story.at(4_002).ack(operation, 0);
        if second == 4_002 {
            story.fault(1);
        }
        serve(&mut story, 0, 0, 4_100, 8_000);
        let metrics = Metrics::new(&story.account(true));
        assert_eq!(metrics.incidents().len(), count, "{second} ms");
    }
}

#[test]
fn what_no_fault_is_known_to_have_ended_belongs_to_the_first_incident() {
    let mut story = story(vec![crash(0, 0, Disks::Lost), crash(1, 1, Disks::Lost)]);
    story.at(1_000).write(0, STRING, Set, 0);
    story.at(2_000).stop(0, 0, Disks::Lost);
    story.at(5_000).stop(1, 1, Disks::Lost);
    let mut account = story.account(true);
    for (cause, lost) in [
        (Some(CopyEnd::Fault(FaultId(1))), [0, 1]),
        (Some(CopyEnd::Removed(FaultId(0))), [1, 0]),
        (Some(CopyEnd::Replaced), [1, 0]),
        (None, [1, 0]),
    ] {
        account.lost[0].cause = cause;
        let metrics = Metrics::new(&account);
        let points = metrics
            .incidents()
            .iter()
            .map(|one| one.recovery_point.lost);
        assert_eq!(points.collect::<Vec<_>>(), lost, "{cause:?}");
    }
}
