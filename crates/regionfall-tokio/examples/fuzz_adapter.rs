//! Throws broken requests at the members' side of connections, run after run, until it is stopped.
//!
//! ```text
//! timeout 600 cargo run --release -p regionfall-tokio --example fuzz_adapter -- [FIRST SEED]
//! ```
//!
//! Each run is one seed: clients that mutate requests, cut them anywhere, half-close, never read, and drop connections,
//! while a fault plays. It panics, with the seed, if a run fails, if a law of the model is broken, or if the two
//! halves of the lane lose step. On a seed it does the same again.

#![expect(clippy::print_stdout, reason = "it says how far it came")]
#![expect(clippy::expect_used, reason = "a run that fails is what it looks for")]

use regionfall::check::VerdictKind;
use regionfall::scenario::Scenario;
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Lane};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, sleep, timeout};

const SCENARIO: &str = r#"
    title = "Fuzz"
    [phases]
    warm_up = "2s"
    storm = "12s"
    calm = "4s"
    quiescence = "10s"
    [topology]
    rtt = "aws"
    regions = ["us-east-1", "eu-west-1"]
    [database]
    shards = 2
    replicas_per_shard = 1
    persistence = "aof-always"
    [database.sync]
    restart = "500ms"
    [database.capacity]
    read = "50us"
    write = "100us"
    [database.memory]
    limit = "16MiB"
    [[workload.fleet]]
    name = "us"
    region = "us-east-1"
    servers = 4
    rate = "8/s"
    home = ["us-east-1", "eu-west-1"]
    [[strategy]]
    preset = "pinned"
    [[case]]
    name = "crash"
    fault = [{ kind = "process-crash", region = "us-east-1", at = "uniform(2s, 5s)", lasts = "3s" }]
    [[case]]
    name = "silence"
    fault = [{ kind = "region-outage", region = "us-east-1", at = "uniform(2s, 5s)", lasts = "3s", mode = "silent" }]
    [[case]]
    name = "hang"
    fault = [{ kind = "hang", region = "us-east-1", at = "uniform(2s, 5s)", lasts = "3s" }]
"#;

/// Words that lead somewhere.
const WORDS: &[&str] = &[
    "GET",
    "SET",
    "DEL",
    "INCR",
    "INCRBY",
    "MSET",
    "MGET",
    "SADD",
    "SMEMBERS",
    "ZADD",
    "ZRANGE",
    "HSET",
    "HGETALL",
    "LPUSH",
    "LRANGE",
    "LINSERT",
    "XADD",
    "XREADGROUP",
    "XGROUP",
    "PFADD",
    "JSON.SET",
    "JSON.GET",
    "SETRANGE",
    "BITFIELD",
    "SETBIT",
    "GEOADD",
    "GEOSEARCH",
    "EXPIRE",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH",
    "HELLO",
    "AUTH",
    "CLIENT",
    "SELECT",
    "INFO",
    "WAIT",
    "PUBLISH",
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "UNSUBSCRIBE",
    "CLUSTER",
    "RESET",
    "QUIT",
    "PING",
    "ECHO",
    "COMMAND",
    "CONFIG",
    "SLOTS",
    "SETNAME",
    "STREAMS",
    "CREATE",
    "$",
    "a",
    "b",
    "c",
    "{a}",
    "*",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "9223372036854775807",
    "1e300",
    "nan",
    "(1",
    "+",
    "-",
    "COUNT",
    "",
    "u32",
    "EX",
    "PX",
    "NX",
    "XX",
    "BEFORE",
    "[1]",
    "{\"x\":[1,2]}",
    "$.x[0]",
    ">",
    "-0",
    "100",
];

/// Numbers that depend on seed, app server, and how many were drawn.
struct Dice {
    server: AppServer,
    drawn: u32,
}

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.drawn += 1;
        (self.server.draw(99, self.drawn) * limit as f64) as usize
    }

    fn request(&mut self) -> Vec<u8> {
        let count = 1 + self.below(7);
        let mut bytes = Vec::new();
        if self.below(10) == 0 {
            for _ in 0..count {
                bytes.extend(WORDS[self.below(WORDS.len())].as_bytes());
                bytes.push(b" \"'\t"[self.below(4)]);
            }
            bytes.extend(b"\r\n");
            return bytes;
        }
        bytes.extend(format!("*{count}\r\n").bytes());
        for _ in 0..count {
            let word = match self.below(20) {
                0 => vec![self.below(256) as u8; self.below(5_000)],
                _ => WORDS[self.below(WORDS.len())].as_bytes().to_vec(),
            };
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(3) {
            let place = self.below(bytes.len().max(1));
            match self.below(4) {
                0 if place < bytes.len() => bytes[place] = self.below(256) as u8,
                1 if place < bytes.len() => drop(bytes.remove(place)),
                2 => bytes.insert(place, b"*$\r\n-19"[self.below(7)]),
                _ => bytes.truncate(place),
            }
        }
    }
}

async fn bad_client(server: AppServer) {
    let mut dice = Dice {
        server: server.clone(),
        drawn: 0,
    };
    while server.is_workload_on() {
        let member = server.home()[dice.below(2)];
        let opening = timeout(Duration::from_millis(300), server.open(member));
        let Ok(Ok(mut socket)) = opening.await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        for _ in 0..=dice.below(30) {
            let mut bytes = Vec::new();
            for _ in 0..=dice.below(4) {
                bytes.extend(dice.request());
            }
            if dice.below(4) == 0 {
                dice.mutate(&mut bytes);
            }
            let cut = 1 + dice.below(bytes.len().max(1));
            for part in bytes.chunks(cut) {
                if !server.is_workload_on() {
                    return;
                }
                let limit = Duration::from_millis(200);
                if !matches!(timeout(limit, socket.write_all(part)).await, Ok(Ok(()))) {
                    break;
                }
                if dice.below(3) == 0 {
                    sleep(Duration::from_millis(dice.below(20) as u64)).await;
                }
            }
            if dice.below(3) > 0 {
                let mut read = vec![0; 1 + dice.below(3_000)];
                let _ = timeout(Duration::from_millis(150), socket.read(&mut read)).await;
            }
        }
        if dice.below(2) == 0 {
            let _ = socket.shutdown().await;
            let mut rest = Vec::new();
            let _ = timeout(Duration::from_millis(300), socket.read_to_end(&mut rest)).await;
        }
    }
}

fn main() {
    let first = std::env::args().nth(1);
    let first: u64 = first.map_or(1, |text| text.parse().expect("a number"));
    let scenario = Scenario::from_toml(SCENARIO).expect("a scenario");
    let mut requests: u64 = 0;
    for seed in first.. {
        for case in ["crash", "silence", "hang"] {
            let lane = Lane::new(&scenario, Seed::new(seed)).case(case);
            let outcome = lane.run(bad_client);
            let outcome = outcome.unwrap_or_else(|error| panic!("seed {seed}, {case}: {error}"));
            // Such clients are not served well, and that is no fault of the members.
            let laws = outcome
                .broken()
                .filter(|verdict| verdict.kind == VerdictKind::ModelLaw);
            let broken: Vec<String> = laws.map(ToString::to_string).collect();
            assert!(broken.is_empty(), "seed {seed}, {case}: {broken:?}");
            requests += outcome.account().requests.issued;
        }
        let runs = 3 * (seed - first + 1);
        if runs.is_multiple_of(60) {
            println!("seeds up to {seed}: {runs} runs, {requests} operations booked");
        }
    }
}
