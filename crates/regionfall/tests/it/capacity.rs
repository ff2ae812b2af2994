//! Processes that take time, nodes that admit only so much: in small worlds, and in whole runs.

use regionfall::check::VerdictKind;
use regionfall::history::{AttemptEnding, Fact, Listener};
use regionfall::metric::Value;
use regionfall::simulation::{Answer, Outcome};
use regionfall_kernel::SimTime;

use crate::field::{A, B, Field, seconds};
use crate::small::listened_to;

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";

fn field(capacity: &str, rest: &str) -> Field {
    Field::new(&format!("{PINNED}[database.capacity]\n{capacity}\n{rest}"))
}

/// When the replies came, in milliseconds after a moment, without the round trip of 1 ms within the region and
/// opening the connection, which takes another.
fn replies(field: &mut Field, after: f64) -> Vec<u64> {
    let answers = field.answers(A);
    let replies = answers
        .iter()
        .filter(|(_, answer)| matches!(answer, Answer::Reply(..)));
    let since = seconds(after);
    replies
        .map(|(at, _)| (at.saturating_since(since).as_millis_f64() - 2.0).round() as u64)
        .collect()
}

#[test]
fn commands_wait_for_the_one_thread() {
    let mut field = field("read = \"1ms\"\nwrite = \"10ms\"", "");
    field
        .at(6.0)
        .write(A, 1, 1)
        .write(A, 2, 1)
        .read(A, 1)
        .write(A, 3, 1);
    field.at(7.0);
    assert_eq!(replies(&mut field, 6.0), [10, 20, 21, 31]);
    let busyness = field.world.busyness().expect("nodes have a capacity");
    assert_eq!((busyness.waits.count(), busyness.queue_max), (4, 3));
    assert!((busyness.utilisation_max - 0.031).abs() < 1e-6);
}

#[test]
fn without_capacity_nothing_takes_time() {
    let mut field = Field::new(PINNED);
    field.at(6.0).write(A, 1, 1).write(A, 2, 1);
    field.at(7.0);
    assert_eq!(replies(&mut field, 6.0), [0, 0]);
    assert_eq!(field.world.busyness(), None);
}

fn fault(kind: &str, from: &str, lasts: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nat = \"{from}\"\nlasts = \"{lasts}\"\n")
}

#[test]
fn a_process_that_hangs_goes_on_where_it_stood() {
    let hang = fault("hang", "6015ms", "2s");
    let mut field = field("write = \"10ms\"", &hang);
    field.at(6.0);
    for key in 1..5 {
        field.write(A, key, 1);
    }
    field.at(7.0).write(A, 5, 1);
    field.at(9.0);
    // The requests came after 1.5 ms: the second was half done when everything stood still.
    assert_eq!(replies(&mut field, 6.0), [10, 2_020, 2_030, 2_040, 2_050]);
}

#[test]
fn a_process_that_dies_takes_its_queue_along() {
    let crash = fault("process-crash", "6025ms", "5s");
    let mut field = field("write = \"10ms\"", &crash);
    field.at(6.0);
    for key in 1..6 {
        field.write(A, key, 1);
    }
    field.at(20.0);
    assert_eq!(replies(&mut field, 6.0), [10, 20]);
    for (key, number) in [(1, Some(1)), (2, Some(1)), (3, None), (5, None)] {
        field.expect_everywhere(key, number);
    }
    field.write(A, 6, 1);
    field.at(21.0);
    field.expect_everywhere(6, Some(1));
}

#[test]
fn a_slow_host_works_so_many_times_longer() {
    let slow = fault("slow-host", "7s", "3s").replace("lasts", "factor = 5\nlasts");
    let mut field = field("write = \"10ms\"", &slow);
    for (second, took) in [(6.0, 10), (8.0, 50), (11.0, 10)] {
        field.at(second).write(A, 1, 1);
        field.at(second + 0.9);
        let opened = u64::from(second > 6.0);
        assert_eq!(
            replies(&mut field, second),
            [took - opened],
            "at {second} s"
        );
    }
    assert_eq!(field.altered(0), 1);
    field.at(12.0).write(B, 1, 1);
}

#[test]
fn applying_effects_takes_time_from_clients() {
    let mut field = field("read = \"1ms\"\nwrite = \"1ms\"\napply = \"30ms\"", "");
    field.at(6.0).write(B, 1, 1);
    // The effect arrives 1 + 1 + 1 + 40 ms later.
    field.at(6.044).read(A, 1);
    field.at(7.0);
    let [reply] = replies(&mut field, 6.044)[..] else {
        panic!("one reply")
    };
    assert!((28..=31).contains(&reply), "{reply} ms");
}

const FLEET: &str = r#"
[phases]
warm_up = "2s"
storm = "40s"
calm = "10s"
[database.sync]
processing = "1ms"
[[workload.fleet]]
name = "a"
region = "a"
servers = 4
connections_per_server = 4
home = ["a"]
"#;

/// Attempts that ended without a reply, and writes executed after their operation had ended.
#[derive(Default)]
struct Late {
    ended: std::collections::BTreeSet<u32>,
    executed_after: u64,
    timeouts: u64,
    refused: u64,
    errors: u64,
}

impl Listener for Late {
    fn observe(&mut self, _: SimTime, fact: &Fact<'_>) {
        match fact {
            Fact::OperationEnded { operation, .. } => {
                self.ended.insert(operation.0);
            }
            Fact::WriteExecuted { operation, .. } if self.ended.contains(&operation.0) => {
                self.executed_after += 1;
            }
            Fact::AttemptEnded { ending, .. } => match ending {
                AttemptEnding::Timeout => self.timeouts += 1,
                AttemptEnding::Refused => self.refused += 1,
                AttemptEnding::ErrorReply => self.errors += 1,
                _ => {}
            },
            _ => {}
        }
    }
}

fn run(rest: &str) -> (Outcome, Late) {
    let mut late = Late::default();
    let text = format!(
        "{FLEET}{rest}\n[[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 50\n{PINNED}"
    );
    let outcome = listened_to(&text, "pinned", None, (1, &mut late));
    // Clients may well not be served.
    let broken = outcome
        .broken()
        .find(|verdict| verdict.kind == VerdictKind::ModelLaw);
    assert!(broken.is_none(), "{broken:?}");
    (outcome, late)
}

fn number(outcome: &Outcome, column: &str) -> f64 {
    let value = outcome.metrics().get(column).and_then(Value::as_f64);
    value.expect("the column has a value")
}

#[test]
fn work_is_done_for_clients_that_gave_up() {
    // 80 a second of 10 ms each is fine; of 40 ms each it is not.
    let load = "rate = \"80/s\"\ntimeout = \"100ms\"\n[database.capacity]\nwrite = \"10ms\"\n";
    let (calm, late) = run(load);
    assert!(
        late.executed_after < 40,
        "a queue of chance: {}",
        late.executed_after
    );
    assert!((0.9..=1.0).contains(&number(&calm, "utilisation_max")));
    assert!((10.0..150.0).contains(&number(&calm, "queue_wait_p99_ms")));
    let slow = fault("slow-host", "10s", "15s").replace("lasts", "factor = 4\nlasts");
    let (_, late) = run(&format!("{load}{slow}"));
    assert!(late.timeouts > 300, "{}", late.timeouts);
    assert!(late.executed_after > 200, "{}", late.executed_after);
}

#[test]
fn more_clients_than_the_limit_are_refused() {
    // Four servers with up to four connections each.
    let load =
        "clients = 64\nthink = \"1ms\"\n[database.capacity]\nwrite = \"2ms\"\nmax_clients = 9\n";
    let (outcome, late) = run(load);
    assert!(late.refused > 0);
    assert_eq!(number(&outcome, "connections_refused") as u64, late.refused);
    let (outcome, late) = run(&load.replace("= 9", "= 16"));
    assert_eq!(
        (late.refused, number(&outcome, "connections_refused") as u64),
        (0, 0)
    );
}

#[test]
fn new_connections_beyond_their_rate_are_refused() {
    let load = "clients = 64\nthink = \"1ms\"\n[database.capacity]\nwrite = \"2ms\"\nnew_connections = \"5/s\"\n";
    let (outcome, late) = run(load);
    // All get in after a while: 16 connections at 5 a second.
    let refused = number(&outcome, "connections_refused") as u64;
    assert!(refused > 0 && refused == late.refused);
    assert!(number(&outcome, "availability") > 0.9);
}

#[test]
fn commands_beyond_their_rate_wait_or_are_refused() {
    let load = "rate = \"100/s\"\n[database.capacity]\nwrite = \"1us\"\ncommands = \"90/s\"\n";
    let (delayed, late) = run(load);
    assert_eq!(late.errors, 0);
    assert!(number(&delayed, "commands_throttled") > 1_000.0);
    assert!(
        number(&delayed, "queue_wait_p99_ms") > 100.0,
        "sixteen connections wait"
    );
    assert!(
        number(&delayed, "latency_p99_ms") > 1_000.0,
        "the pools' queues grow by ten a second"
    );
    let (refused, late) = run(&format!("{load}over_limit = \"refuse\"\n"));
    let share = late.errors as f64 / 5_200.0;
    assert!((0.06..0.13).contains(&share), "one of ten: {share}");
    assert_eq!(number(&refused, "commands_throttled") as u64, late.errors);
}

const CLUSTER: &str = "[database]\nkind = \"active-active\"\nshards = 2\nreplicas_per_shard = 1\n";

#[test]
fn in_a_cluster_each_process_has_a_queue_of_its_own() {
    // Two shards on two nodes behind one address: half of the requests are handed on, and each process does half.
    let load = "rate = \"160/s\"\ntimeout = \"1s\"\n";
    let (alone, _) = run(&format!("{load}[database.capacity]\nwrite = \"5ms\"\n"));
    let text = format!("{CLUSTER}[database.capacity]\nwrite = \"5ms\"\n");
    let (spread, late) = run(&format!("{load}{text}"));
    assert!(number(&alone, "queue_wait_p99_ms") > 2.0 * number(&spread, "queue_wait_p99_ms"));
    assert!(
        number(&spread, "utilisation_max") < 0.75,
        "{}",
        number(&spread, "utilisation_max")
    );
    assert_eq!(late.timeouts, 0);
}
