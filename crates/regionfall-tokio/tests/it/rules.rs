//! What holds for modelled clients holds for real ones: time, refusals, disks, slots.

use std::sync::{Arc, Mutex};

use redis::{RedisResult, Value};
use regionfall::check::VerdictKind;
use regionfall::scenario::Scenario;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Connection, Lane};
use tokio::time::{Duration, sleep};

use crate::clients::scenario;

/// Runs code on the first app server, and returns what it returns.
fn on_one<T, F>(scenario: &Scenario, code: impl Fn(AppServer) -> F) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let told = Arc::new(Mutex::new(None));
    let lane = Lane::new(scenario, Seed::new(1)).response_timeout(Some(Duration::from_secs(5)));
    let run = lane.run(|server| {
        let code = (server.id().0 == 0).then(|| code(server));
        let told = told.clone();
        async move {
            if let Some(code) = code {
                let result = code.await;
                *told.lock().expect("no panic") = Some(result);
            }
        }
    });
    let outcome = run.expect("a run");
    // Who is refused is not served, and that is no fault of the model.
    let laws: Vec<String> = outcome
        .broken()
        .filter(|verdict| verdict.kind == VerdictKind::ModelLaw)
        .map(ToString::to_string)
        .collect();
    assert!(laws.is_empty(), "{laws:?}");
    let result = told.lock().expect("no panic").take();
    result.expect("it ended")
}

async fn open(server: &AppServer) -> Connection {
    let home = server.connector(server.home()[0]);
    home.connect().await.expect("open")
}

/// Asks, and returns the code of the error if it is one.
async fn ask(connection: &mut Connection, words: &[&str]) -> Result<Value, String> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let answer: RedisResult<Value> = command.query_async(connection).await;
    answer.map_err(|error| error.code().unwrap_or("no code").to_owned())
}

/// How long some commands took, one after the other.
async fn time_of(server: AppServer, commands: &[&[&str]]) -> Duration {
    let mut connection = open(&server).await;
    let began = server.now();
    for words in commands {
        ask(&mut connection, words).await.expect("an answer");
    }
    server.now().saturating_sub(began)
}

/// By how much something in a scenario makes commands take longer.
fn added(more: &str, commands: &'static [&'static [&'static str]]) -> Duration {
    let time = |more| on_one(&scenario(more), |server| time_of(server, commands));
    time(more).saturating_sub(time(""))
}

const WRITES: &[&[&str]] = &[&["SET", "a", "1"], &["SET", "a", "2"], &["INCR", "n"]];
const TRANSACTION: &[&[&str]] = &[
    &["MULTI"],
    &["INCR", "n"],
    &["GET", "n"],
    &["INCR", "n"],
    &["EXEC"],
];

fn assert_about(found: Duration, expected: u64) {
    let expected = Duration::from_millis(expected);
    // Each of up to five commands may be seen 1 ms late.
    let error = found.abs_diff(expected);
    assert!(
        error <= Duration::from_millis(5),
        "{found:?} instead of {expected:?}"
    );
}

#[test]
fn commands_take_the_time_of_their_process() {
    let capacity = "[database.capacity]\nwrite = \"20ms\"\nread = \"5ms\"";
    assert_about(added(capacity, WRITES), 60);
    // Two writes and a read, all at EXEC.
    assert_about(added(capacity, TRANSACTION), 45);
}

#[test]
fn acknowledgements_wait_for_the_disk() {
    let always = "[database]\npersistence = \"aof-always\"\n[database.disk]\nfsync = \"30ms\"";
    assert_about(added(always, WRITES), 90);
    assert_about(added(always, &[&["GET", "a"]]), 0);
}

#[test]
fn commands_beyond_the_limit_are_refused() {
    let capacity =
        "[database.capacity]\ncommands = \"10/s\"\nover_limit = \"refuse\"\nburst = \"500ms\"";
    let refused = on_one(&scenario(capacity), |server| async move {
        let mut connection = open(&server).await;
        let mut refused = 0;
        for _ in 0..20 {
            refused += u32::from(ask(&mut connection, &["INCR", "n"]).await.is_err());
        }
        refused
    });
    assert!((10..20).contains(&refused), "{refused}");
}

#[test]
fn a_process_that_loads_says_so() {
    let loads = r#"
        [database]
        persistence = "aof-everysec"
        [database.sync]
        restart = "1s"
        [database.disk]
        load_rate = "20kB/s"
        [[fault]]
        kind = "process-crash"
        region = "us-east-1"
        at = "8s"
        lasts = "2s"
    "#;
    let (answers, info) = on_one(&scenario(loads), |server| async move {
        let mut connection = open(&server).await;
        let value = "v".repeat(50_000);
        ask(&mut connection, &["SET", "k", &value])
            .await
            .expect("set");
        sleep(Duration::from_secs(10)).await;
        let (mut answers, mut info) = (Vec::new(), String::new());
        while answers.last() != Some(&Ok(Value::Int(50_000))) {
            let Ok(mut connection) = server.connector(server.home()[0]).connect().await else {
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            answers.push(ask(&mut connection, &["STRLEN", "k"]).await);
            if answers.len() == 1 {
                let all: String = redis::cmd("INFO")
                    .query_async(&mut connection)
                    .await
                    .expect("INFO");
                info = all;
            }
            sleep(Duration::from_millis(100)).await;
        }
        (answers, info)
    });
    assert_eq!(answers[0], Err("LOADING".to_owned()));
    assert!(answers.len() > 10, "{answers:?}");
    assert!(info.contains("loading:1"), "{info}");
}

#[test]
fn a_primary_without_enough_replicas_refuses_writes() {
    let guard = r#"
        [database]
        kind = "primary-replica"
        replicas_per_shard = 1
        min_replicas_to_write = 1
        min_replicas_max_lag = 2
        [[fault]]
        kind = "host-crash"
        region = "us-east-1"
        node = 1
        at = "6s"
        lasts = "20s"
    "#;
    let text = crate::clients::text(guard).replace("\"us-east-1\", \"eu-west-1\"", "\"us-east-1\"");
    let scenario = Scenario::from_toml(&text).expect("a scenario");
    let (before, after, read) = on_one(&scenario, |server| async move {
        let mut connection = open(&server).await;
        sleep(Duration::from_secs(3)).await;
        let before = ask(&mut connection, &["SET", "a", "1"]).await;
        sleep(Duration::from_secs(8)).await;
        let after = ask(&mut connection, &["SET", "a", "2"]).await;
        (before, after, ask(&mut connection, &["GET", "a"]).await)
    });
    assert_eq!(before, Ok(Value::Okay));
    assert_eq!(after, Err("NOREPLICAS".to_owned()));
    assert_eq!(read, Ok(Value::BulkString(b"1".to_vec())));
}

#[test]
fn a_member_out_of_memory_refuses_what_would_take_more() {
    let memory = "[database.memory]\nlimit = \"8MiB\"\nreserve = \"20%\"";
    let (stored, refused, spoilt, deleted) = on_one(&scenario(memory), |server| async move {
        let mut connection = open(&server).await;
        let value = "v".repeat(100_000);
        let mut stored = 0;
        let refused = loop {
            match ask(&mut connection, &["SET", &format!("k{stored}"), &value]).await {
                Ok(_) => stored += 1,
                Err(code) => break code,
            }
        };
        ask(&mut connection, &["MULTI"]).await.expect("MULTI");
        let queued = ask(&mut connection, &["SET", "other", &value]).await;
        let executed = ask(&mut connection, &["EXEC"]).await;
        let deleted = ask(&mut connection, &["DEL", "k0"]).await;
        (stored, refused, (queued, executed), deleted)
    });
    assert!((20..80).contains(&stored), "{stored}");
    assert_eq!(refused, "OOM");
    let discarded = (Err("OOM".to_owned()), Err("EXECABORT".to_owned()));
    assert_eq!(spoilt, discarded);
    assert_eq!(deleted, Ok(Value::Int(1)));
}

#[test]
fn keys_of_one_tag_share_a_slot_and_others_do_not() {
    let sharded = scenario("[database]\nshards = 3");
    let (together, apart, shards, slots) = on_one(&sharded, |server| async move {
        let mut connection = open(&server).await;
        let together = ask(&mut connection, &["MSET", "{u}:a", "1", "{u}:b", "2"]).await;
        let apart = ask(&mut connection, &["MSET", "a", "1", "b", "2"]).await;
        let shards = ask(&mut connection, &["CLUSTER", "SHARDS"]).await;
        let slots = ask(&mut connection, &["CLUSTER", "SLOTS"]).await;
        (together, apart, shards, slots)
    });
    assert_eq!(together, Ok(Value::Okay));
    assert_eq!(apart, Err("CROSSSLOT".to_owned()));
    let Ok(Value::Array(shards)) = shards else {
        panic!("{shards:?}")
    };
    assert_eq!(shards.len(), 3);
    let Ok(Value::Array(slots)) = slots else {
        panic!("{slots:?}")
    };
    let mut next = 0;
    for range in slots {
        let Value::Array(range) = range else {
            panic!("{range:?}")
        };
        assert_eq!(range[0], Value::Int(next));
        let Value::Int(last) = range[1] else {
            panic!("{range:?}")
        };
        next = last + 1;
    }
    assert_eq!(next, 16_384);
    let code = on_one(&scenario(""), |server| async move {
        let mut connection = open(&server).await;
        ask(&mut connection, &["CLUSTER", "SLOTS"]).await
    });
    assert_eq!(code, Err("ERR".to_owned()));
}
