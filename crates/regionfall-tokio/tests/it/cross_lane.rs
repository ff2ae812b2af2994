//! A modelled client and a redis-rs client with the same settings come to the same.

use std::sync::{Arc, Mutex};

use regionfall::metric::Metrics;
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Connection, Lane, Request};
use tokio::time::Duration;

/// Jedis' connect and read timeouts, which both presets have.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Of one app server.
const REQUESTS_PER_SECOND: f64 = 2.0;

/// A pool of one connection without retries: what the presets' client is with one connection for each server.
async fn pooled(server: AppServer, by_name: bool) {
    let pool: Arc<tokio::sync::Mutex<Option<Connection>>> = Arc::default();
    let mut workload = server.workload();
    let tasks = Arc::new(Mutex::new(tokio::task::JoinSet::new()));
    while let Some(request) = workload.next().await {
        let (server, pool) = (server.clone(), pool.clone());
        tasks.lock().expect("no panic").spawn(async move {
            let asked = ask(&server, &request, &pool, by_name);
            let _ = request.operation(asked).await;
        });
    }
    let rest = std::mem::take(&mut *tasks.lock().expect("no panic"));
    rest.join_all().await;
}

async fn ask(
    server: &AppServer,
    request: &Request,
    pool: &tokio::sync::Mutex<Option<Connection>>,
    by_name: bool,
) -> redis::RedisResult<redis::Value> {
    let mut pool = pool.lock().await;
    let mut connection = if let Some(idle) = pool.take() {
        idle
    } else {
        let connector = if by_name {
            server.connector_by_name()
        } else {
            server.connector(server.home()[0])
        };
        connector
            .connection_timeout(Some(TIMEOUT))
            .connect()
            .await?
    };
    let reply = request.command().query_async(&mut connection).await?;
    *pool = Some(connection);
    Ok(reply)
}

fn scenario(preset: &str, fault: &str) -> Scenario {
    let text = format!(
        r#"
        title = "Both lanes"
        [phases]
        warm_up = "10s"
        storm = "150s"
        calm = "60s"
        quiescence = "30s"
        [topology]
        rtt = "aws"
        regions = ["us-east-1", "eu-west-1"]
        [[workload.fleet]]
        name = "us"
        region = "us-east-1"
        servers = 4
        connections_per_server = 1
        rate = "8/s"
        home = ["us-east-1", "eu-west-1"]
        [[workload.keyspace]]
        mix = {{ set = 1, get = 1 }}
        keys = 1000
        [[strategy]]
        preset = "{preset}"
        [[fault]]
        {fault}
        "#
    );
    Scenario::from_toml(&text).expect("a scenario")
}

/// By app server in order: the time to recovery in milliseconds, 0 if it had no episode.
fn recoveries(metrics: &Metrics) -> Vec<(u32, f64)> {
    let incident = &metrics.incidents()[0];
    let servers = incident.servers.iter();
    servers
        .map(|server| {
            let rto = server.rto.expect("everybody recovers");
            (server.server.0, rto.as_millis_f64())
        })
        .collect()
}

/// The code is late by up to 1 ms at each step that others wait for: the connection (twice) and the reply that end an
/// outage, each timeout before them, and the reply to each request that queued for the one connection meanwhile.
fn compare(preset: &str, by_name: bool, fault: &str, longest: f64) {
    let scenario = scenario(preset, fault);
    let mut largest: f64 = 0.0;
    let mut compared = 0;
    for seed in 1..=5 {
        let modelled = Simulation::new(&scenario, Seed::new(seed)).run();
        let modelled = modelled.expect("a run");
        let lane = Lane::new(&scenario, Seed::new(seed)).response_timeout(Some(TIMEOUT));
        let own = lane.run(|server| pooled(server, by_name)).expect("a run");
        own.expect_all_held();
        let (modelled, own) = (recoveries(modelled.metrics()), recoveries(own.metrics()));
        assert_eq!(modelled.len(), own.len());
        for (&(server, expected), &(_, found)) in modelled.iter().zip(&own) {
            let timeouts = (expected / 2_000.0).ceil();
            let queued = REQUESTS_PER_SECOND * expected / 1_000.0;
            let bound = 4.0 + timeouts + queued;
            assert!(
                (expected - found).abs() <= bound,
                "{preset}, seed {seed}, server {server}: modelled {expected} ms, real {found} ms, bound {bound} ms"
            );
            largest = largest.max((expected - found).abs());
            compared += usize::from(expected > 0.0);
        }
        assert!(
            modelled.iter().any(|&(_, rto)| rto > longest),
            "{modelled:?}"
        );
    }
    assert!(
        compared >= 10,
        "{preset}: {compared} recoveries, {largest:.3} ms apart at most"
    );
}

#[test]
fn pinned_clients_recover_when_their_region_does() {
    let fault = r#"kind = "region-outage"
        region = "us-east-1"
        at = "uniform(11s, 14s)"
        lasts = "30s"
        mode = "silent""#;
    compare("pinned", false, fault, 25_000.0);
}

#[test]
fn clients_behind_a_name_recover_when_their_resolver_says_so() {
    let fault = r#"kind = "region-outage"
        region = "us-east-1"
        at = "uniform(11s, 14s)"
        lasts = "130s"
        mode = "silent""#;
    compare("route53-fast", true, fault, 40_000.0);
}

#[test]
fn pinned_clients_of_a_process_that_crashed_are_refused_until_it_is_back() {
    let fault = r#"kind = "process-crash"
        region = "us-east-1"
        at = "uniform(11s, 14s)"
        lasts = "10s""#;
    compare("pinned", false, fault, 9_000.0);
}

#[test]
fn clients_of_a_database_that_works_and_writes_to_disk_wait_as_long() {
    let fault = r#"kind = "process-crash"
        region = "us-east-1"
        at = "uniform(11s, 14s)"
        lasts = "10s"
        [database]
        persistence = "aof-always"
        [database.capacity]
        read = "lognormal(median=2ms, p99=20ms)"
        write = "lognormal(median=5ms, p99=40ms)""#;
    compare("pinned", false, fault, 9_000.0);
}
