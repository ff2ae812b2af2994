//! A failover client of one's own, as ordinary async Rust, through the loss of a region; its RPO and RTO beside those of
//! the presets.
//!
//! ```text
//! cargo run --release -p regionfall-tokio --example own_failover_client [-- SEED]
//! ```
//!
//! It does what the application-failover guide of Redis Active-Active describes (Redis Software documentation,
//! "Application failover with Active-Active databases"): a monitor publishes at every member and listens at every
//! other; a member that cannot be reached is left at once for the next in order; a member that is back is used again
//! for reads first, and for writes only after it has been reachable, and heard from the others, long enough.
//! Nothing in the client knows that it runs against a model but the connector it is given.

#![expect(clippy::print_stdout, reason = "it prints its table")]
#![expect(clippy::expect_used, reason = "an example ends where it cannot go on")]

use std::sync::{Arc, Mutex};

use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo};
use redis::{RedisResult, Value};
use regionfall::metric::{Metrics, Value as Column};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Connection, Guarantee, Lane};
use tokio::time::{Duration, interval, sleep, timeout};

/// Between two heartbeats, and how long without one counts as silence: Sentinel's rule (Redis, `sentinel.c`:
/// a hello every 2 s, a link is reset after three of them).
const HEARTBEAT: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(6);
/// Gradual failback: reachable for this long, then reads go back; heard from the others for as long as well, and after
/// this much more writes do (assumed).
const PROBATION: Duration = Duration::from_secs(30);
const REHEARSAL: Duration = Duration::from_mins(1);
const RESPONSE: Duration = Duration::from_secs(1);

/// What the monitor knows of a member.
#[derive(Clone, Copy, Default)]
struct Health {
    /// Since when it answers; `None` while it does not.
    up_since: Option<Duration>,
    /// Since when it passes on what is published elsewhere.
    heard_since: Option<Duration>,
    last_heard: Duration,
}

/// Where requests go.
#[derive(Clone, Copy)]
struct Targets {
    reads: usize,
    writes: usize,
}

struct Monitor {
    health: Vec<Health>,
    targets: Targets,
}

type Shared = Arc<Mutex<Monitor>>;

async fn client(server: AppServer) {
    let monitor = Arc::new(Mutex::new(Monitor {
        health: vec![Health::default(); server.home().len()],
        targets: Targets {
            reads: 0,
            writes: 0,
        },
    }));
    let watching: Vec<_> = (0..server.home().len())
        .map(|place| tokio::spawn(watch(server.clone(), place, monitor.clone())))
        .collect();
    let pool = Arc::new(Pool::new(server.clone()));
    let mut workload = server.workload();
    while let Some(request) = workload.next().await {
        let (pool, monitor) = (pool.clone(), monitor.clone());
        tokio::spawn(async move {
            let code = async {
                let targets = monitor.lock().expect("no panic").targets;
                let place = if request.is_write() {
                    targets.writes
                } else {
                    targets.reads
                };
                pool.ask(place, &request.command()).await
            };
            let _ = request.operation(code).await;
        });
    }
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    // Whatever is still asked has its answer or its timeout by then.
    sleep(RESPONSE * 3).await;
}

/// Publishes a member's heartbeat at the member itself, and listens there for those of the others.
async fn watch(server: AppServer, place: usize, monitor: Shared) {
    let member = server.home()[place];
    let mut beats = interval(HEARTBEAT);
    let mut connection = None;
    loop {
        beats.tick().await;
        if connection.is_none() {
            connection = listen(&server, member, place, &monitor).await.ok();
        }
        let answered = match &mut connection {
            None => false,
            Some(open) => {
                let mut publish = redis::cmd("PUBLISH");
                publish.arg(format!("beat:{}", server.id())).arg(place);
                publish.query_async::<i64>(open).await.is_ok()
            }
        };
        if !answered {
            connection = None;
        }
        let now = server.now();
        let mut monitor = monitor.lock().expect("no panic");
        let health = &mut monitor.health[place];
        health.up_since = answered.then(|| health.up_since.unwrap_or(now));
        if now.saturating_sub(health.last_heard) > SILENCE {
            health.heard_since = None;
        }
        monitor.decide(now);
    }
}

async fn listen(
    server: &AppServer,
    member: MemberId,
    place: usize,
    monitor: &Shared,
) -> RedisResult<Connection> {
    let (monitor, clock) = (monitor.clone(), server.clone());
    let heard = move |push: PushInfo| {
        // The beats of others prove that replication to this member works; its own prove nothing.
        let is_own = matches!(push.data.last(), Some(Value::BulkString(from)) if *from == place.to_string().into_bytes());
        if push.kind == PushKind::Message && !is_own {
            let now = clock.now();
            let mut monitor = monitor.lock().expect("no panic");
            let health = &mut monitor.health[place];
            health.last_heard = now;
            health.heard_since.get_or_insert(now);
        }
        Ok::<(), redis::RedisError>(())
    };
    let config = AsyncConnectionConfig::new().set_push_sender(heard);
    let info = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
    let connector = server.connector(member).off_the_books().info(info);
    let mut connection = connector.connect_with(config).await?;
    let channel = format!("beat:{}", server.id());
    connection.inner().subscribe(channel).await?;
    Ok(connection)
}

impl Monitor {
    fn decide(&mut self, now: Duration) {
        let is_up = |place: usize| self.health[place].up_since.is_some();
        let next = (0..self.health.len()).find(|&place| is_up(place));
        let fallback = next.unwrap_or(self.targets.writes);
        if !is_up(self.targets.writes) {
            self.targets.writes = fallback;
        }
        if !is_up(self.targets.reads) {
            self.targets.reads = fallback;
        }
        for place in 0..self.targets.reads.max(self.targets.writes) {
            let Health {
                up_since: Some(up),
                heard_since: Some(heard),
                ..
            } = self.health[place]
            else {
                continue;
            };
            let good_for = now.saturating_sub(up.max(heard));
            if good_for >= PROBATION && place < self.targets.reads {
                self.targets.reads = place;
            }
            if good_for >= PROBATION + REHEARSAL && place < self.targets.writes {
                self.targets.writes = place;
            }
        }
    }
}

/// One multiplexed connection to each member.
struct Pool {
    server: AppServer,
    open: Vec<tokio::sync::Mutex<Option<Connection>>>,
}

impl Pool {
    fn new(server: AppServer) -> Self {
        let open = server.home().iter().map(|_| tokio::sync::Mutex::default());
        let open = open.collect();
        Self { server, open }
    }

    async fn ask(&self, place: usize, command: &redis::Cmd) -> RedisResult<Value> {
        let timed_out = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        let mut connection = {
            let slot = timeout(RESPONSE, self.open[place].lock()).await;
            let mut slot = slot.map_err(|_| timed_out())?;
            if slot.is_none() {
                let connector = self.server.connector(self.server.home()[place]);
                *slot = Some(connector.connect().await?);
            }
            slot.clone().ok_or_else(timed_out)?
        };
        let result = command.query_async(&mut connection).await;
        if let Err(error) = &result
            && (error.is_timeout() || error.is_unrecoverable_error())
        {
            *self.open[place].lock().await = None;
        }
        result
    }
}

fn row(name: &str, metrics: &Metrics) {
    let cell = |column: &str| match metrics.get(column).and_then(Column::as_f64) {
        Some(value) => format!("{value:.0}"),
        None => "–".to_owned(),
    };
    println!(
        "{name:<15} {:>11} {:>11} {:>11} {:>13} {:>12}",
        cell("rto_p50_ms"),
        cell("rto_max_ms"),
        cell("rpo_observed_ms"),
        cell("rpo_at_resumption_ms"),
        cell("writes_lost"),
    );
}

fn main() {
    let seed = std::env::args().nth(1);
    let seed = Seed::new(seed.map_or(7, |text| text.parse().expect("a number")));
    let text = include_str!("../../../sims/region-loss.toml");
    let scenario = Scenario::from_toml(text).expect("the scenario of the repository");
    for case in ["disks kept", "disks lost"] {
        println!("{case}, seed {seed}; milliseconds, writes");
        println!(
            "{:<15} {:>11} {:>11} {:>11} {:>13} {:>12}",
            "strategy", "RTO p50", "RTO max", "RPO", "RPO resumed", "writes lost"
        );
        for preset in ["pinned", "route53-fast", "jedis-multidb"] {
            let simulation = Simulation::new(&scenario, seed).case(case);
            let outcome = simulation.and_then(|run| run.strategy(preset)?.run());
            row(preset, outcome.expect("a run").metrics());
        }
        let lane = Lane::new(&scenario, seed).case(case);
        let lane = lane.response_timeout(Some(RESPONSE));
        let outcome = lane.run(client).expect("a run");
        outcome.expect_all_held();
        row("own client", outcome.metrics());
        println!("own client's trace: {}\n", outcome.trace_hash());
    }
    println!("{}", Guarantee::of_this_build());
}
