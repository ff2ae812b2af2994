//! Work on nodes while a member serves: planned maintenance, shards and endpoints that move.

use regionfall::history::{Ending, Fact, Listener};
use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::NodeId;
use regionfall_kernel::{Seed, SimTime};

use super::small::{count, run_held as run};

/// A primary and its replicas in one region, promoted by watchdogs, with clients that write without a pause.
pub(crate) fn database(replicas: u8, more: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"15s\"\nstorm = \"120s\"\ncalm = \"30s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"200us\"\ncross_zone_rtt = \"2ms\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 3\nclients = 24\nthink = \"2ms\"\n\
         pause_after_error = \"10ms\"\ntimeout = \"500ms\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 50\n\
         [[strategy]]\npreset = \"pinned\"\n\
         [database]\nkind = \"primary-replica\"\nreplicas_per_shard = {replicas}\n\
         promotion.preset = \"redis-enterprise-high\"\n\
         sync.restart = \"1s\"\nsync.silence_limit = \"5s\"\n{more}"
    )
}

const ROUND: &str =
    "[[fault]]\nkind = \"planned-maintenance\"\nregion = \"a\"\nat = \"20s\"\nreboot = \"10s\"\n";

/// What happened when, in milliseconds.
#[derive(Clone, Default, Debug)]
struct Heard {
    began: Option<f64>,
    ended: Option<f64>,
    stopped: Vec<(f64, NodeId)>,
    restarted: Vec<(f64, NodeId)>,
    away: u32,
    most_away: u32,
    promoted: Vec<(f64, NodeId)>,
    acknowledged: Option<f64>,
    /// The longest time in which nobody got a write through, and when it began.
    longest_pause: (f64, f64),
    refused: u64,
    connected: Vec<f64>,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let now = at.as_nanos() as f64 / 1e6;
        match *fact {
            Fact::FaultBegan { .. } => self.began = self.began.or(Some(now)),
            Fact::FaultEnded { .. } => self.ended = Some(now),
            Fact::NodeStopped { node, .. } => {
                self.stopped.push((now, node));
                self.away += 1;
                self.most_away = self.most_away.max(self.away);
            }
            Fact::NodeRestarted { node } => {
                self.restarted.push((now, node));
                self.away -= 1;
            }
            Fact::Promoted { node, .. } => self.promoted.push((now, node)),
            Fact::Connected { .. } => self.connected.push(now),
            Fact::OperationEnded { ending, .. } => {
                if ending != Ending::Acknowledged {
                    self.refused += 1;
                    return;
                }
                if let Some(last) = self.acknowledged
                    && now - last > self.longest_pause.0
                {
                    self.longest_pause = (now - last, last);
                }
                self.acknowledged = Some(now);
            }
            _ => {}
        }
    }
}

fn after_warm_up(heard: &Heard) -> f64 {
    let (pause, began) = heard.longest_pause;
    assert!(began > 15_000.0, "{heard:?}");
    pause
}

#[test]
fn maintenance_goes_from_node_to_node_and_loses_nothing_that_was_acknowledged() {
    for seed in 0..8 {
        for (replicas, shards) in [(1, 1_u8), (1, 4), (2, 3)] {
            let text = database(replicas, &format!("shards = {shards}\n{ROUND}"));
            let mut heard = Heard::default();
            let outcome = run(&text, seed, &mut heard);
            let nodes: Vec<NodeId> = (0..=replicas).map(NodeId).collect();
            let who = |list: &[(f64, NodeId)]| list.iter().map(|one| one.1).collect::<Vec<_>>();
            assert_eq!(who(&heard.stopped), nodes, "one after the other");
            assert_eq!(who(&heard.restarted), nodes);
            assert_eq!(heard.most_away, 1, "never two at a time");
            assert!(heard.ended > heard.restarted.last().map(|last| last.0));
            // Every primary that a node holds is handed over before it goes.
            for (index, &(stopped, node)) in heard.stopped.iter().enumerate() {
                let handed = heard.promoted.iter().filter(|one| one.0 < stopped);
                let since = index
                    .checked_sub(1)
                    .map_or(0.0, |last| heard.stopped[last].0);
                assert!(handed.clone().all(|one| one.0 < since || one.1 != node));
            }
            assert!(heard.promoted.len() >= usize::from(shards), "{heard:?}");
            assert!(count(&outcome, "writes_lost").abs() < 0.5, "seed {seed}");
            // "Usually under one second" (Azure docs, Failover and patching).
            let pause = after_warm_up(&heard);
            assert!((2.0..1_000.0).contains(&pause), "{pause}");
            let effects = outcome.fault_effects();
            let hosts: u64 = effects.iter().map(|(_, effects)| effects.hosts).sum();
            assert!(hosts >= u64::from(replicas + 1 + shards), "{hosts}");
        }
    }
}

#[test]
fn a_crash_of_the_same_primary_is_felt_for_longer_and_may_lose_writes() {
    let crash = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 0\nat = \"20s\"\nlasts = \"10s\"\n";
    let mut lost = 0.0;
    for seed in 0..8 {
        let mut heard = Heard::default();
        let outcome = run(&database(1, crash), seed, &mut heard);
        assert!(after_warm_up(&heard) > 1_900.0, "{heard:?}");
        lost += count(&outcome, "writes_lost");
    }
    assert!(lost > 0.0);
}

#[test]
fn work_on_a_node_begins_only_within_a_window() {
    let window = "window = { opens = \"40s\", lasts = \"5s\", every = \"30s\" }\n";
    let mut heard = Heard::default();
    run(&database(1, &format!("{ROUND}{window}")), 1, &mut heard);
    assert_eq!(heard.began, Some(20_000.0));
    let [first, second] = heard.stopped[..] else {
        panic!("{heard:?}");
    };
    assert!((40_000.0..41_000.0).contains(&first.0), "{heard:?}");
    // It takes longer than the first window; the other node waits for the second.
    assert!((70_000.0..71_000.0).contains(&second.0), "{heard:?}");
}

#[test]
fn a_database_without_another_copy_is_away_while_its_machine_is() {
    let mut heard = Heard::default();
    let text = database(0, ROUND).replace("primary-replica", "standalone");
    let outcome = run(&text, 1, &mut heard);
    // Ten seconds and the start of its process.
    let pause = after_warm_up(&heard);
    assert!((11_000.0..11_700.0).contains(&pause), "{pause}");
    assert!(heard.promoted.is_empty());
    assert!(count(&outcome, "writes_lost").abs() < 0.5);
}

#[test]
fn a_hand_over_to_a_replica_that_gets_nothing_is_given_up_and_tried_again() {
    let cut = "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 1\nscope = \"replication\"\nat = \"19900ms\"\nlasts = \"30s\"\n";
    let mut heard = Heard::default();
    // Only the node that is the primary.
    let one = format!("node = 0\n{cut}");
    let outcome = run(&database(1, &format!("{ROUND}{one}")), 1, &mut heard);
    let pause = after_warm_up(&heard);
    // Five seconds at the most; clients give up after half a second each.
    assert!((4_900.0..5_600.0).contains(&pause), "{heard:?}");
    let [(promoted, NodeId(1))] = heard.promoted[..] else {
        panic!("{heard:?}");
    };
    assert!(promoted > 49_900.0, "{heard:?}");
    assert!(count(&outcome, "writes_lost").abs() < 0.5);
}

#[test]
fn a_shard_moves_to_another_node_without_loss() {
    let migration =
        "[[fault]]\nkind = \"migrate-shard\"\nregion = \"a\"\nshard = 1\nnode = 2\nat = \"30s\"\n";
    for seed in 0..4 {
        let mut heard = Heard::default();
        let text = database(2, &format!("shards = 3\n{migration}"));
        let outcome = run(&text, seed, &mut heard);
        let [(promoted, NodeId(2))] = heard.promoted[..] else {
            panic!("{heard:?}");
        };
        assert!((30_000.0..30_300.0).contains(&promoted));
        assert_eq!(heard.stopped, []);
        assert!(count(&outcome, "writes_lost").abs() < 0.5);
        assert!(heard.ended.is_some_and(|ended| ended < 30_500.0));
    }
}

#[test]
fn connections_end_when_an_endpoint_moves_and_clients_open_new_ones() {
    let migration =
        "[[fault]]\nkind = \"migrate-endpoint\"\nregion = \"a\"\nnode = 1\nat = \"30s\"\n";
    let mut heard = Heard::default();
    let outcome = run(&database(1, migration), 1, &mut heard);
    // All of the pools within a moment, and none at any other time of the storm.
    let mut anew = heard.connected.iter().filter(|&&at| at > 15_000.0);
    assert!(anew.clone().count() >= 3, "{:?}", heard.connected);
    assert!(
        anew.all(|at| (30_000.0..30_200.0).contains(at)),
        "{:?}",
        heard.connected
    );
    let pause = after_warm_up(&heard);
    assert!(pause < 100.0, "{pause}");
    assert!(count(&outcome, "writes_lost").abs() < 0.5);
    assert_eq!(heard.promoted, []);
}

#[test]
fn sentinels_and_nodes_that_are_not_there_are_refused() {
    let (sentinels, watchdogs) = ("sentinel-5s", "redis-enterprise-high");
    let refused = |text: &str, word: &str| {
        let error = Scenario::from_toml(text).expect_err("it is refused");
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(
        &database(1, ROUND).replace(watchdogs, sentinels),
        "Sentinels",
    );
    refused(&database(1, &format!("{ROUND}node = 2\n")), "0 to 1");
    let add = "[[fault]]\nkind = \"add-node\"\nregion = \"a\"\nat = \"20s\"\n";
    refused(&database(1, add), "spare_nodes");
    let window = "window = { opens = \"1s\", lasts = \"30s\", every = \"30s\" }\n";
    refused(&database(1, &format!("{ROUND}{window}")), "less than");
}

/// What facts tell of promotions and waits, counted anew.
#[derive(Clone, Default, Debug)]
struct Recount {
    fault: f64,
    begun: Vec<(u16, f64)>,
    decided: f64,
    took: f64,
    waits: [f64; 2],
}

impl Listener for Recount {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let now = at.as_nanos() as f64 / 1e6;
        match *fact {
            Fact::FaultBegan { .. } => self.fault = now,
            Fact::PromotionBegan { shard, .. } => self.begun.push((shard, now)),
            Fact::Promoted { shard, .. } => {
                let mut tries = self.begun.iter().rev();
                let last = tries.find(|one| one.0 == shard).expect("it was told").1;
                self.decided = self.decided.max(last - self.fault);
                self.took = self.took.max(now - last);
            }
            Fact::WaitEnded { confirmed, .. } => self.waits[usize::from(!confirmed)] += 1.0,
            _ => {}
        }
    }
}

#[test]
fn columns_tell_how_promotions_and_waits_went() {
    let crash =
        "[[fault]]\nkind = \"hang\"\nregion = \"a\"\nnode = 0\nat = \"20s\"\nlasts = \"10s\"\n";
    for fault in [ROUND, crash] {
        let text = database(1, &format!("shards = 2\n{fault}"));
        let mut recount = Recount::default();
        let outcome = run(&text, 3, &mut recount);
        let close = |column: &str, own: f64| (count(&outcome, column) - own).abs() < 0.01;
        assert!(
            close("promotion_decided_ms", recount.decided),
            "{recount:?}"
        );
        assert!(close("promotion_ms", recount.took), "{recount:?}");
        assert!(recount.took > 0.0, "{recount:?}");
        let missing = outcome.metrics().get("waits_confirmed");
        assert_eq!(missing, Some(&Value::Missing), "nobody waited");
        let wait = "keys = 50\nwait = { replicas = 1, timeout = \"20ms\" }\n";
        let mut recount = Recount::default();
        let outcome = run(&text.replace("keys = 50\n", wait), 3, &mut recount);
        let close = |column: &str, own: f64| (count(&outcome, column) - own).abs() < 0.01;
        assert!(close("waits_confirmed", recount.waits[0]), "{recount:?}");
        assert!(close("waits_too_few", recount.waits[1]), "{recount:?}");
        assert!(
            recount.waits[0] > 100.0 && recount.waits[1] > 0.0,
            "{recount:?}"
        );
    }
}

#[test]
fn the_story_of_planned_maintenance_is_true() {
    let text = include_str!("../../../../sims/planned-maintenance.toml");
    let scenario = Scenario::from_toml(text).expect("it is valid");
    let mut lost = 0.0;
    for seed in 1..=6 {
        let run = |case: &str| {
            let simulation = Simulation::new(&scenario, Seed::new(seed));
            let outcome = simulation.case(case).expect("it exists").run();
            let outcome = outcome.expect("one strategy");
            outcome.expect_all_held();
            outcome
        };
        let planned = run("planned maintenance");
        assert!(count(&planned, "writes_lost").abs() < 0.5);
        assert!(count(&planned, "outage_max_ms") < 1_000.0);
        let crash = run("machine crash");
        assert!(count(&crash, "outage_max_ms") > 1_500.0);
        lost += count(&crash, "writes_lost");
    }
    assert!(lost > 0.0, "some writes were on their way to the replica");
}
