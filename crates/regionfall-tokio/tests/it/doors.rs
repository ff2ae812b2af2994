//! The ways from an app server to a member: with bytes, without, by name, through a manager.

use std::sync::{Arc, Mutex};

use redis::aio::ConnectionLike;
use redis::{RedisResult, Value};
use regionfall::scenario::Scenario;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Connector, Lane, Manager, ManagerConfig};
use tokio::time::{Duration, sleep};

use crate::clients::{SILENCE, scenario};

/// A crash resets connections: silence would leave a manager with a connection that only the kernel's next retransmission
/// ends, since a response that does not come in time is no reason for redis-rs to open another.
const CRASH: &str = r#"
    [database.sync]
    restart = "1s"
    [[fault]]
    kind = "process-crash"
    region = "us-east-1"
    at = "5s"
    lasts = "30s"
"#;

/// Opens what code is to run on.
trait Door: Clone + Send + Sync + 'static {
    type Opened: ConnectionLike + Send;
    fn open(&self, connector: Connector) -> impl Future<Output = RedisResult<Self::Opened>> + Send;
}

#[derive(Clone)]
struct WithBytes;
impl Door for WithBytes {
    type Opened = regionfall_tokio::Connection;
    async fn open(&self, connector: Connector) -> RedisResult<Self::Opened> {
        connector.connect().await
    }
}

#[derive(Clone)]
struct WithoutBytes;
impl Door for WithoutBytes {
    type Opened = regionfall_tokio::Direct;
    async fn open(&self, connector: Connector) -> RedisResult<Self::Opened> {
        connector.direct().await
    }
}

/// Code that knows of redis-rs' trait and nothing else.
async fn talk(connection: &mut impl ConnectionLike) -> RedisResult<Vec<Value>> {
    let mut said = Vec::new();
    let ask = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command
    };
    for words in [
        &["SET", "k", "v"][..],
        &["GET", "k"],
        &["GET", "none"],
        &["INCR", "n"],
        &["SADD", "s", "a"],
        &["SMEMBERS", "s"],
        &["PING"],
        &["CLIENT", "GETNAME"],
        &["ECHO", "hello"],
    ] {
        said.push(ask(words).query_async(connection).await?);
    }
    let mut pipe = redis::pipe();
    pipe.incr("n", 1).incr("n", 1);
    said.push(pipe.query_async(connection).await?);
    let mut transaction = redis::pipe();
    transaction.atomic().incr("n", 1).get("k");
    said.push(transaction.query_async(connection).await?);
    let wrong: RedisResult<Value> = ask(&["INCR", "k"]).query_async(connection).await;
    let wrong = wrong.expect_err("no number");
    said.push(Value::SimpleString(format!("{:?} {wrong}", wrong.kind())));
    let large = "x".repeat(700_000);
    said.push(
        ask(&["SET", "large", &large])
            .query_async(connection)
            .await?,
    );
    said.push(ask(&["STRLEN", "large"]).query_async(connection).await?);
    said.push(ask(&["GET", "large"]).query_async(connection).await?);
    Ok(said)
}

fn said_through(door: &impl Door) -> (Vec<Value>, Duration) {
    let said = Arc::new(Mutex::new(None));
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(1)).response_timeout(Some(Duration::from_secs(5)));
    let run = lane.run(|server| {
        let (said, door) = (said.clone(), door.clone());
        async move {
            if server.id().0 == 0 {
                let connector = server.connector(server.home()[0]);
                let mut connection = door.open(connector).await.expect("open");
                let answers = talk(&mut connection).await.expect("answers");
                *said.lock().expect("no panic") = Some((answers, server.now()));
            }
        }
    });
    run.expect("a run").expect_all_held();
    let said = said.lock().expect("no panic").take();
    said.expect("it ended")
}

#[test]
fn code_generic_over_the_trait_hears_the_same_with_bytes_and_without() {
    let (with, took) = said_through(&WithBytes);
    let (without, took_without) = said_through(&WithoutBytes);
    assert_eq!(with, without);
    assert_eq!(with.len(), 15);
    // A pipeline and a transaction, and values of many segments; each is a draw of its own.
    let apart = took.abs_diff(took_without);
    assert!(
        apart < Duration::from_millis(60),
        "{took:?} {took_without:?}"
    );
}

/// A client that uses its home, and the next member as soon as something fails.
async fn next_in_order<D: Door>(server: AppServer, door: D) {
    let mut workload = server.workload();
    let (mut place, mut open) = (0, None);
    while let Some(request) = workload.next().await {
        let answer = request.operation(async {
            let mut connection = if let Some(connection) = open.take() {
                connection
            } else {
                let member = server.home()[place % server.home().len()];
                door.open(server.connector(member)).await?
            };
            request
                .command()
                .query_async::<Value>(&mut connection)
                .await?;
            open = Some(connection);
            Ok::<_, redis::RedisError>(())
        });
        if answer.await.is_err() {
            place += 1;
        }
    }
}

#[test]
fn without_bytes_a_region_falls_as_with_them() {
    let scenario = scenario(SILENCE);
    let lane = Lane::new(&scenario, Seed::new(7));
    let with = lane.verify(|server| next_in_order(server, WithBytes));
    let without = lane.verify(|server| next_in_order(server, WithoutBytes));
    let (with, without) = (with.expect("a run"), without.expect("a run"));
    without.expect_all_held();
    let rto = |outcome: &regionfall_tokio::Outcome| outcome.metrics().rto().max().as_millis_f64();
    assert!(
        (rto(&with) - rto(&without)).abs() < 6.0,
        "{} {}",
        rto(&with),
        rto(&without)
    );
    let acked = |outcome: &regionfall_tokio::Outcome| outcome.account().all_writes().acked;
    assert!(acked(&with).abs_diff(acked(&without)) < 5);
}

#[test]
fn a_manager_opens_its_connection_again_when_the_process_is_back() {
    let scenario = scenario(CRASH);
    let lane = Lane::new(&scenario, Seed::new(1));
    let outcome = lane.verify(|server: AppServer| async move {
        let config = ManagerConfig {
            max_delay: Some(Duration::from_secs(1)),
            ..ManagerConfig::default()
        };
        let connector = server.connector(server.home()[0]);
        let mut manager = Manager::new(connector, config).await.expect("open");
        let mut answered = 0;
        let mut last_answer = Duration::ZERO;
        let mut longest = Duration::ZERO;
        while server.is_workload_on() {
            let asked = server.operation(&["INCR", "n"], async {
                let mut command = redis::cmd("INCR");
                command.arg("n").query_async::<i64>(&mut manager).await
            });
            if asked.await.is_ok() {
                answered += 1;
                longest = longest.max(server.now().saturating_sub(last_answer));
                last_answer = server.now();
            }
            sleep(Duration::from_millis(100)).await;
        }
        assert!(answered > 100, "{answered}");
        // Thirty seconds of crash and one of starting; a try is at most two seconds late, and opening takes a while.
        assert!((30..35).contains(&longest.as_secs()), "{longest:?}");
    });
    let outcome = outcome.expect("a run");
    outcome.expect_all_held();
    let rto = outcome.metrics().rto().max().as_secs_f64();
    assert!((31.0..35.0).contains(&rto), "{rto}");
}

#[test]
fn a_manager_gives_up_after_its_retries_and_begins_anew_with_the_next_command() {
    let scenario = scenario(CRASH);
    let lane = Lane::new(&scenario, Seed::new(1));
    let outcome = lane.run(|server: AppServer| async move {
        if server.id().0 != 0 {
            return;
        }
        let connector = server.connector(server.home()[0]);
        let config = ManagerConfig {
            retries: 1,
            ..ManagerConfig::default()
        };
        let mut manager = Manager::new(connector, config).await.expect("open");
        sleep(Duration::from_secs(6)).await;
        let mut waits = Vec::new();
        for _ in 0..4 {
            let began = server.now();
            let said = redis::cmd("PING").query_async::<()>(&mut manager).await;
            assert!(said.is_err(), "the process is dead");
            waits.push(server.now().saturating_sub(began).as_millis());
            sleep(Duration::from_secs(1)).await;
        }
        // The first fails at the broken connection. Those after it find what came of opening another meanwhile, which is that
        // the second try, 100 to 200 ms after the first, was refused too; each begins to open once more.
        assert!(waits.iter().all(|&wait| wait < 250), "{waits:?}");
    });
    outcome.expect("a run");
}

const DNS: &str = r#"
    title = "By name"
    [phases]
    warm_up = "10s"
    storm = "200s"
    calm = "3m"
    [topology]
    rtt = "aws"
    regions = ["us-east-1", "eu-west-1"]
    [[workload.fleet]]
    name = "us"
    region = "us-east-1"
    servers = 40
    rate = "8/s"
    home = ["us-east-1", "eu-west-1"]
    [[strategy]]
    preset = "route53-fast"
    [[fault]]
    kind = "region-outage"
    region = "us-east-1"
    at = "20s"
    lasts = "150s"
    mode = "silent"
"#;

#[test]
fn names_change_as_the_strategy_publishes_them_and_are_believed_for_their_time() {
    use redis::io::AsyncDNSResolver;
    let scenario = Scenario::from_toml(DNS).expect("a scenario");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let run = Lane::new(&scenario, Seed::new(3)).run(|server: AppServer| {
        let seen = seen.clone();
        async move {
            let resolver = server.resolver();
            let fleet = regionfall_tokio::address::FLEET_HOST;
            let mut before = None;
            while server.is_workload_on() {
                // As redis-rs asks it.
                let found = AsyncDNSResolver::resolve(&resolver, fleet, 6_379).await;
                let address = found.expect("a name").next().expect("an address");
                if before != Some(address) {
                    before = Some(address);
                    let at = server.now().as_secs_f64();
                    seen.lock()
                        .expect("no panic")
                        .push((server.id().0, at, address));
                }
                sleep(Duration::from_secs(1)).await;
            }
            assert!(resolver.lookup("elsewhere.test", 6_379).await.is_err());
            let other = resolver.lookup("member-1.regionfall.test", 6_379).await;
            let other = other.expect("a name")[0];
            let open = server.open_address(other).await;
            assert!(open.is_ok());
        }
    });
    run.expect("a run");
    let seen = seen.lock().expect("no panic");
    let first = |server: u32| -> Vec<(f64, u8)> {
        let own = seen.iter().filter(|(id, ..)| *id == server);
        own.map(|(_, at, address)| match address.ip() {
            std::net::IpAddr::V4(ip) => (*at, ip.octets()[3]),
            std::net::IpAddr::V6(_) => panic!("no such address"),
        })
        .collect()
    };
    let (mut followed, servers) = (0, 40);
    for server in 0..servers {
        let changes = first(server);
        let members: Vec<u8> = changes.iter().map(|change| change.1).collect();
        // Some resolvers believe an answer for longer than they may, or for ever.
        assert!(
            [1, 2, 1].starts_with(&members),
            "home, away, home: {changes:?}"
        );
        if let [_, away, back] = changes[..] {
            followed += 1;
            // Three probes of 10 s; then a TTL of 60 s, or what a resolver makes of it.
            assert!(away.0 > 40.0, "{changes:?}");
            assert!(back.0 > 170.0, "{changes:?}");
        }
    }
    assert!((servers / 2..=servers).contains(&followed), "{followed}");
}
