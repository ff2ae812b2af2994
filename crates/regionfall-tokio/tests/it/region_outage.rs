//! redis-rs through a region outage, again and again: the same run.

use regionfall::simulation::Outcome;
use regionfall_kernel::{Seed, SimDuration};
use regionfall_tokio::{AppServer, Lane};

use crate::clients::{SILENCE, next_in_order, scenario};

fn through_an_outage() -> Outcome {
    let scenario = scenario(SILENCE);
    Lane::new(&scenario, Seed::new(7))
        .run(next_in_order)
        .expect("a run")
}

#[test]
fn its_downtime_is_that_of_its_timeouts() {
    let outcome = through_an_outage();
    outcome.expect_all_held();
    let metrics = outcome.metrics();
    let slowest = metrics.rto().max();
    println!("{}", outcome.story());
    assert!(outcome.account().all_writes().acked > 1_000);
    let memory = metrics.get("memory_bytes_max");
    let memory = memory.and_then(regionfall::metric::Value::as_f64);
    assert!(memory.is_some_and(|bytes| bytes > 10_000.0), "{memory:?}");
    // One response timeout, then a new connection to another continent.
    let bounds = SimDuration::from_millis(500)..SimDuration::from_millis(2_500);
    assert!(
        bounds.contains(&slowest),
        "{slowest:?}\n{}",
        outcome.story()
    );
}

#[test]
fn every_run_of_a_seed_is_the_same_here_and_in_another_process() {
    let first = through_an_outage().trace_hash().to_string();
    assert_eq!(through_an_outage().trace_hash().to_string(), first);
    let program = std::env::current_exe().expect("this program");
    let name = "region_outage::prints_its_hash";
    let other = std::process::Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&other.stdout);
    assert!(said.contains(&format!("hash={first}")), "{first}: {said}");
}

/// What the other process runs.
#[test]
fn prints_its_hash() {
    println!("hash={}", through_an_outage().trace_hash());
}

#[test]
fn another_seed_is_another_run() {
    let scenario = scenario(SILENCE);
    let run = |seed| {
        let lane = Lane::new(&scenario, Seed::new(seed));
        lane.run(next_in_order).expect("a run").trace_hash()
    };
    assert_ne!(run(1), run(2));
}

#[test]
fn without_faults_nothing_fails() {
    let scenario = scenario(SILENCE);
    let lane = Lane::new(&scenario, Seed::new(3)).control();
    let outcome = lane.verify(next_in_order).expect("a run");
    outcome.expect_all_held();
    let account = outcome.account();
    assert_eq!(account.requests.errors, 0);
    assert_eq!(account.all_writes().lost, 0);
    assert_eq!(account.requests.in_time, account.requests.issued);
    assert!(account.requests.issued > 2_500, "{:?}", account.requests);
}

#[test]
fn what_depends_on_more_than_the_seed_is_found_out() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(3));
    let said = lane.verify(|server: AppServer| {
        let run = RUNS.fetch_add(1, Ordering::Relaxed) / 3;
        async move {
            let mut connection = server
                .connector(server.home()[0])
                .connect()
                .await
                .expect("open");
            let mut command = redis::cmd("SET");
            command.arg("k").arg(format!("in run {run}"));
            let _ = command.query_async::<()>(&mut connection).await;
        }
    });
    let text = said.expect_err("the runs differ").to_string();
    assert!(text.contains("is the first that differs"), "{text}");
    assert!(
        text.contains("wrote \"0") && text.contains("wrote \"1"),
        "{text}"
    );
}
