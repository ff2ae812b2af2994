//! Rows of tables: incidents, moves, and when a population was served again.

use regionfall::metric::{
    Column, INCIDENT_COLUMNS, RUN_COLUMNS, count_of_writes, is_count_of_writes,
};
use regionfall::topology::KeyspaceId;
use regionfall_kernel::{SimDuration, TraceHash};

use super::*;

/// Server 0 is served until its member falls at 2.05 s, and from 3 s on every 100 ms; `change` says otherwise.
fn served_again(change: impl Fn(&mut Story), min_requests: u32) -> Option<f64> {
    let mut shape = shape(3, vec![crash(0, 0, Disks::Kept)]);
    shape.recovered.min_requests = min_requests;
    let mut story = Story::new(shape);
    serve(&mut story, 0, 0, 1_000, 2_000);
    story.at(2_050).fault(0);
    change(&mut story);
    number(&Metrics::new(&story.account(true)), "service_rto_ms")
}

fn refuse(story: &mut Story, at: u64) {
    let operation = story.at(at).issue(0, STRING, Set);
    story.send(operation, 0, 0);
    story.at(at + 2).end(operation, 0, 0, Ending::Failed);
}

#[test]
fn a_population_is_served_again_from_the_first_window_that_meets_the_criterion() {
    let plain = |story: &mut Story| {
        refuse(story, 2_100);
        refuse(story, 2_200);
        serve(story, 0, 0, 3_000, 30_000);
    };
    // Windows begin on whole seconds and are 10 s long; the one from 2 s on has two failures among 82.
    assert_eq!(served_again(plain, 1), Some(950.0));
    assert_eq!(served_again(plain, 100), Some(950.0));
    assert_eq!(served_again(plain, 101), None, "there are never so many");
    // One of a hundred may fail, and no more.
    let failing = |many: u64| {
        move |story: &mut Story| {
            for at in 0..many {
                refuse(story, 2_950 + at);
            }
            serve(story, 0, 0, 3_000, 13_000 - 100 * many);
            refuse(story, 13_100);
            serve(story, 0, 0, 14_000, 40_000);
        }
    };
    assert_eq!(served_again(failing(1), 99), Some(950.0));
    let nobody = served_again(|_| {}, 1);
    assert_eq!(nobody, None, "nobody asked");
    // Without requests there is no window: the first that has one is that from 11 s on.
    let late = served_again(|story| serve(story, 0, 0, 20_000, 40_000), 1);
    assert_eq!(late, Some(8_950.0));
}

fn value<'a>(row: &'a [Value], column: &str) -> &'a Value {
    let place = INCIDENT_COLUMNS.iter().position(|name| *name == column);
    &row[place.expect("a column")]
}

#[test]
fn the_row_of_an_incident_tells_how_each_was_served_again() {
    // Servers 0, 3 and 6 are at home at member 0; server 6 is served all along.
    let mut story = Story::new(shape(
        7,
        vec![crash(0, 0, Disks::Kept), crash(1, 0, Disks::Kept)],
    ));
    story.at(1_000).fault(0);
    let first = story.at(1_100).issue(0, STRING, Set);
    let second = story.at(1_200).issue(3, STRING, Set);
    let fourth = story.at(1_300).issue(4, STRING, Set);
    for (operation, member) in [(first, 0), (second, 0), (fourth, 1)] {
        story.send(operation, 0, member);
    }
    story.at(1_900).end(first, 0, 0, Ending::Unknown);
    story.end(second, 0, 0, Ending::Unknown);
    story.end(fourth, 0, 1, Ending::Unknown);
    story.at(2_000).adopt(0, 0, 1);
    for at in (2_100..6_000).step_by(100) {
        for (server, member) in [(0, 1), (3, 0), (4, 1)] {
            let since = if server == 3 { 3_000 } else { 2_100 };
            if at >= since {
                let operation = story.at(at).issue(server, STRING + 3 * server, Set);
                story
                    .send(operation, 0, member)
                    .execute(operation, 0, member, 0);
                story.ack(operation, member);
            }
        }
    }
    story.at(8_000).heal(0);
    let account = story.account(true);
    let metrics = Metrics::new(&account);
    let rows = metrics.incident_rows();
    let [row] = &rows[..] else {
        panic!("one incident")
    };
    for (column, expected) in [
        ("incident", 0),
        ("exposed", 3),
        ("affected", 2),
        ("censored", 0),
        ("collateral", 1),
        ("fallen", 0),
        ("writes_lost", 0),
    ] {
        assert_eq!(value(row, column), &Value::Count(expected), "{column}");
    }
    for (column, expected) in [
        ("begins_ms", 1_000.0),
        ("ends_ms", 8_000.0),
        ("rto_p50_ms", 1_100.0),
        ("rto_max_ms", 2_000.0),
        ("recovered_by_switch", 0.5),
        ("recovered_by_retry", 0.5),
        ("recovered_by_heal", 0.0),
        ("recovered_by_none", 0.0),
        ("detect_mean_ms", 1_000.0),
        ("adopt_mean_ms", 100.0),
        ("first_success_mean_ms", 0.0),
    ] {
        assert_eq!(value(row, column), &Value::Number(expected), "{column}");
    }
    assert_eq!(value(row, "faults"), &Value::Text("0".into()));
    let rto = metrics.rto();
    let ms = SimDuration::from_millis;
    assert_eq!(
        (rto.quantile(0.0), rto.quantile(0.5), rto.max()),
        (ms(0), ms(1_100), ms(2_000))
    );
    let nobody = Metrics::new(&super::story(Vec::new()).account(true)).rto();
    assert_eq!((nobody.quantile(0.5), nobody.max()), (ms(0), ms(0)));
}

#[test]
fn an_incident_without_end_or_without_anybody_affected_leaves_its_cells_empty() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).fault(0);
    let metrics = Metrics::new(&story.account(true));
    let row = &metrics.incident_rows()[0];
    for column in [
        "ends_ms",
        "recovered_by_switch",
        "recovered_by_none",
        "detect_mean_ms",
    ] {
        assert_eq!(value(row, column), &Value::Missing, "{column}");
    }
    assert_eq!(value(row, "begins_ms"), &Value::Number(1_000.0));
}

#[test]
fn the_verdict_and_the_answer_that_count_are_those_of_the_same_member_server_and_fleet() {
    let mut story = story(vec![crash(0, 0, Disks::Kept)]);
    story.at(1_000).stop(0, 0, Disks::Kept);
    time_out(&mut story, 0, 0, 1_100);
    let verdict = |server: Option<u32>, member: u8, healthy| Fact::Verdict {
        decider: DeciderId(0),
        server: server.map(ServerId),
        member: MemberId(member),
        healthy,
    };
    let answer = |fleet: u16, member: u8| Fact::AnswerPublished {
        fleet: FleetId(fleet),
        member: MemberId(member),
    };
    story.at(3_000).say(verdict(Some(0), 0, false));
    story.at(4_000).say(answer(0, 1));
    // None of these led to the move: another server's mind, another member, a good word, another fleet, another answer.
    story.at(4_100).say(answer(1, 0));
    story.at(4_200).say(answer(0, 2));
    story.at(3_000 + 1_300).say(verdict(Some(1), 0, false));
    story.at(4_400).adopt(0, 0, 1);
    serve(&mut story, 0, 1, 5_000, 8_000);
    let mut early = story.clone();
    early
        .facts
        .retain(|recorded| !matches!(recorded.fact, Fact::AnswerPublished { .. }));
    let parts = |story: &Story| {
        let metrics = Metrics::new(&story.account(true));
        let part = |column| number(&metrics, column).expect("a switch");
        (part("detect_ms"), part("publish_ms"), part("adopt_ms"))
    };
    assert_eq!(parts(&story), (2_000.0, 1_000.0, 1_000.0));
    // Where nothing is published, that takes no time; the verdict of another server does not count here either.
    assert_eq!(parts(&early), (2_000.0, 0.0, 2_000.0));
}

#[test]
fn clients_leave_and_return_one_after_the_other() {
    let mut story = Story::new(shape(7, vec![crash(0, 0, Disks::Kept)]));
    // Before the fault, and of a server that was not exposed.
    story.at(500).adopt(0, 1, 0);
    story.at(1_000).fault(0);
    story.at(2_000).adopt(0, 0, 1);
    story.at(2_300).adopt(4, 1, 2);
    story.at(2_500).adopt(3, 0, 1);
    story.at(2_600).adopt(3, 1, 0);
    story.at(2_700).adopt(3, 0, 2);
    story.at(9_000).heal(0);
    story.at(10_000).adopt(3, 2, 0);
    story.at(10_400).adopt(0, 1, 0);
    let metrics = Metrics::new(&story.account(true));
    assert_eq!(number(&metrics, "switch_skew_ms"), Some(500.0));
    assert_eq!(number(&metrics, "failback_ms"), Some(1_000.0));
    assert_eq!(number(&metrics, "failback_skew_ms"), Some(400.0));
}

#[test]
fn a_failover_is_right_if_a_fault_of_that_member_acted_not_long_before() {
    // 60 s of evidence; the fault is over at 5 s.
    for (leaves, from, is_false) in [
        (900, 0, true),
        (2_000, 0, false),
        (2_000, 1, true),
        (65_000, 0, false),
        (65_001, 0, true),
    ] {
        let mut story = story(vec![crash(0, 0, Disks::Kept)]);
        if leaves < 1_000 {
            story.at(leaves).adopt(0, from, 2);
        }
        story.at(1_000).fault(0);
        let heals = leaves.clamp(1_000, 5_000);
        if (1_000..5_000).contains(&leaves) {
            story.at(heals).adopt(u32::from(from), from, 2);
        }
        story.at(5_000).heal(0);
        if leaves >= 5_000 {
            story.at(leaves).adopt(0, from, 2);
        }
        let metrics = Metrics::new(&story.account(true));
        let found = number(&metrics, "false_failovers");
        assert_eq!(
            found,
            Some(f64::from(u8::from(is_false))),
            "{from} at {leaves} ms"
        );
    }
}

#[test]
fn who_moves_more_than_there_and_back_flaps() {
    for (moves, flaps) in [(2, 0.0), (3, 1.0), (5, 3.0)] {
        let mut story = story(Vec::new());
        for number in 0..moves {
            let (from, to) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
            story.at(1_000 + 100 * number).adopt(0, from, to);
        }
        story.at(9_000).adopt(1, 1, 0);
        let metrics = Metrics::new(&story.account(true));
        assert_eq!(number(&metrics, "flaps"), Some(flaps), "{moves} moves");
    }
}

#[test]
fn a_column_of_writes_is_told_apart_by_keyspace_and_others_are_not() {
    let mut story = story(Vec::new());
    story.at(1_000).write(0, COUNTER, Incr, 0);
    sync_all(&mut story);
    let account = story.account(true);
    let column = |name: &str| &RUN_COLUMNS[Column::index(name).expect("a column")];
    let acked = column("writes_acked");
    assert!(is_count_of_writes(acked) && !is_count_of_writes(column("errors")));
    let of = |column, keyspace| count_of_writes(&account, column, KeyspaceId(keyspace));
    assert_eq!(
        [0, 1, 2, 3].map(|keyspace| of(acked, keyspace)),
        [Some(0), Some(1), Some(0), None]
    );
    assert_eq!(of(column("writes_lost"), 1), Some(0));
    assert_eq!(of(column("errors"), 1), None);
}

#[test]
fn the_hash_of_metrics_is_of_all_that_they_say() {
    let hash = |story: &Story| {
        let mut hash = TraceHash::new();
        Metrics::new(&story.account(true)).hash_into(&mut hash);
        hash.finish()
    };
    let mut one = story(vec![crash(0, 0, Disks::Kept)]);
    let mut other = one.clone();
    one.at(1_000).fault(0);
    other.at(1_001).fault(0);
    let nothing = story(vec![crash(0, 0, Disks::Kept)]);
    assert_eq!(hash(&one), hash(&one));
    assert!(hash(&one) != hash(&other) && hash(&one) != hash(&nothing));
    assert_ne!(hash(&nothing), TraceHash::new().finish());
}

#[test]
fn notes_of_deciders_are_told_where_there_were_any() {
    let metrics = Metrics::new(&story(Vec::new()).account(true));
    let told = |notes| {
        let metrics = metrics.clone().with_coordination(notes);
        metrics.get("coordination_messages").cloned()
    };
    assert_eq!(told(0), Some(Value::Missing));
    assert_eq!(told(3), Some(Value::Count(3)));
    assert!(!Value::Count(0).is_missing());
    assert_eq!(metrics.values().len(), RUN_COLUMNS.len());
}
