//! What a command costs that real client code sends, and how much of it is tokio, and how much redis-rs.
//!
//! Prints the table of `docs/performance.md`. Linux only: it asks the kernel for CPU time, which others on the machine do not change.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has nothing to say"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Lane};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// CPU seconds of this thread so far (Linux kernel documentation, `sched-stats.rst`).
#[expect(clippy::disallowed_methods, reason = "a benchmark asks the kernel")]
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e9
}

fn scenario(clients: u32) -> Scenario {
    let text = format!(
        r#"
        title = "Throughput"
        [phases]
        warm_up = "1s"
        storm = "60s"
        calm = "1s"
        [topology]
        rtt = "aws"
        regions = ["us-east-1", "eu-west-1"]
        [[workload.fleet]]
        name = "us"
        region = "us-east-1"
        servers = {clients}
        connections_per_server = 1
        clients = {clients}
        [[strategy]]
        preset = "pinned"
        "#
    );
    Scenario::from_toml(&text).expect("a scenario")
}

/// Each client asks again as soon as it has its answer.
async fn closed_loop(server: AppServer, has_bytes: bool, asked: Arc<AtomicU64>) {
    let connector = server.connector(server.home()[0]);
    if has_bytes {
        let connection = connector.multiplexed().await.expect("open");
        ask_on(connection, &server, &asked).await;
    } else {
        let connection = connector.direct().await.expect("open");
        ask_on(connection, &server, &asked).await;
    }
}

async fn ask_on(mut connection: impl ConnectionLike, server: &AppServer, asked: &AtomicU64) {
    while server.is_workload_on() {
        set(&mut connection).await;
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

async fn set(connection: &mut impl ConnectionLike) {
    let mut set = redis::cmd("SET");
    set.arg("key").arg("value");
    set.query_async::<()>(connection).await.expect("an answer");
}

/// CPU seconds of a run of the lane, and how many commands it answered.
fn lane_seconds(scenario: &Scenario, has_bytes: bool) -> (f64, u64) {
    let asked = Arc::new(AtomicU64::new(0));
    let began = cpu_seconds();
    let run = Lane::new(scenario, Seed::new(1));
    let outcome = run.run(|server| closed_loop(server, has_bytes, asked.clone()));
    outcome.expect("a run").expect_all_held();
    (cpu_seconds() - began, asked.load(Ordering::Relaxed))
}

/// A server that answers after a millisecond, as tokio counts it.
async fn answer(mut far: DuplexStream) {
    let mut buffer = vec![0; 4_096];
    while let Ok(read @ 1..) = far.read(&mut buffer).await {
        // As many answers as requests: each begins with a star.
        let stars = buffer[..read].iter().filter(|&&byte| byte == b'*');
        let answers = b"+OK\r\n".repeat(stars.count());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        if far.write_all(&answers).await.is_err() {
            return;
        }
    }
}

/// The same number of commands over pipes of tokio's, without a world: through redis-rs, or as bytes that are written down.
fn without_a_world(clients: u32, commands: u64, through_redis: bool) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let began = cpu_seconds();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(async move {
                let (mut near, far) = tokio::io::duplex(65_536);
                tokio::spawn(answer(far));
                let each = commands / u64::from(clients);
                if through_redis {
                    let info = redis::RedisConnectionInfo::default();
                    let config = redis::AsyncConnectionConfig::new();
                    let opened = MultiplexedConnection::new_with_config(&info, near, config).await;
                    let (mut connection, driver) = opened.expect("open");
                    tokio::spawn(driver);
                    for _ in 0..each {
                        set(&mut connection).await;
                    }
                } else {
                    for _ in 0..each {
                        let request = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n";
                        near.write_all(request).await.expect("open");
                        let mut reply = [0; 5];
                        near.read_exact(&mut reply).await.expect("an answer");
                    }
                }
            });
        }
        tasks.join_all().await;
    });
    cpu_seconds() - began
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    println!(
        "| clients | commands | lane: commands / CPU s | of which tokio | redis-rs | the rest | without bytes: commands / CPU s | modelled clients |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for clients in [8, 50] {
        let scenario = scenario(clients);
        let mut measured: [Vec<f64>; 5] = Default::default();
        let mut commands = 0;
        for _ in 0..5 {
            let (seconds, asked) = lane_seconds(&scenario, true);
            commands = asked;
            measured[0].push(seconds);
            measured[1].push(without_a_world(clients, commands, true));
            measured[2].push(without_a_world(clients, commands, false));
            let (seconds, asked) = lane_seconds(&scenario, false);
            measured[3].push(asked as f64 / seconds);
            let began = cpu_seconds();
            let outcome = Simulation::new(&scenario, Seed::new(1))
                .run()
                .expect("a run");
            let seconds = cpu_seconds() - began;
            measured[4].push(outcome.account().requests.issued as f64 / seconds);
        }
        let [lane, with_redis, tokio, direct, modelled] = measured.map(median);
        let share = |seconds: f64| 100.0 * seconds / lane;
        println!(
            "| {clients} | {commands} | {:.0} | {:.0} % | {:.0} % | {:.0} % | {direct:.0} | {modelled:.0} |",
            commands as f64 / lane,
            share(tokio),
            share(with_redis - tokio),
            share(lane - with_redis),
        );
    }
}
