//! Kinds of database of which one member at a time takes writes: passive members, and places where the database can be
//! created again.

use std::collections::BTreeMap;

use regionfall::database::{Backlog, Stale};
use regionfall::history::{CopyEnd, Fact, Listener};
use regionfall::scenario::Scenario;
use regionfall::simulation::Outcome;
use regionfall_kernel::SimTime;

use crate::small::count;
use crate::small::listened_to;

fn study(database: &str, faults: &str) -> String {
    with_calm("200s", database, faults)
}

fn with_calm(calm: &str, database: &str, faults: &str) -> String {
    format!(
        "[phases]\nwarm_up = \"10s\"\nstorm = \"100s\"\ncalm = \"{calm}\"\nquiescence = \"2m\"\n\
         {database}\n[database.sync]\nprocessing = \"100ms\"\nsilence_limit = \"5s\"\nrestart = \"2s\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 4\nrate = \"40/s\"\nhome = [\"a\", \"b\"]\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 8, get = 2 }}\nkeys = 40\n\
         [[strategy]]\npreset = \"jedis-multidb\"\n{faults}"
    )
}

fn run<L: Listener + Send>(text: &str, seed: u64, listener: &mut L) -> Outcome {
    listened_to(text, "jedis-multidb", None, (seed, listener))
}

#[derive(Clone, Default)]
struct Diary {
    /// By node: first and last write.
    writes: BTreeMap<u8, (f64, f64)>,
    replaced: Vec<u8>,
}

impl Listener for Diary {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let at = at.since_start().as_secs_f64();
        match *fact {
            Fact::WriteExecuted { node, .. } => {
                self.writes.entry(node.0).or_insert((at, at)).1 = at;
            }
            Fact::CopiesEnded {
                node,
                cause: CopyEnd::Replaced,
                ..
            } => self.replaced.push(node.0),
            _ => {}
        }
    }
}

const PASSIVE: &str = "[database]\nkind = \"geo-passive\"\n";
const DEAD_A: &str =
    "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"50s\"\n";
const TO_B: &str = "[[fault]]\nkind = \"fail-over\"\nregion = \"b\"\nat = \"50s\"\n";

#[test]
fn a_passive_member_refuses_writes_until_an_operator_fails_over_to_it() {
    let mut diary = Diary::default();
    let outcome = run(&study(PASSIVE, DEAD_A), 1, &mut diary);
    outcome.expect_all_held();
    assert_eq!(
        diary.writes.keys().copied().collect::<Vec<_>>(),
        [0],
        "only a takes writes"
    );
    assert!(
        count(&outcome, "writes_lost") < 0.5,
        "a comes back with its disk"
    );
    assert!(diary.replaced.is_empty());
    let waited = count(&outcome, "rto_max_ms");

    let mut diary = Diary::default();
    // The calm ends before the library goes home: it would find that a, which answers, takes no writes any more.
    let faults = format!("{DEAD_A}{TO_B}");
    let outcome = run(&with_calm("25s", PASSIVE, &faults), 1, &mut diary);
    outcome.expect_all_held();
    let (first, _) = diary.writes[&1];
    assert!((50.0..52.0).contains(&first), "{first}");
    assert!(
        diary.writes[&0].1 <= 30.0,
        "a follows when it is back: {:?}",
        diary.writes
    );
    let failed_over = count(&outcome, "rto_max_ms");
    assert!(failed_over < waited - 20_000.0, "{failed_over} {waited}");
    // What a had acknowledged and not sent within the last 140 ms is lost, and discarded at a.
    let lost = count(&outcome, "writes_lost");
    assert!((1.0..16.0).contains(&lost), "{lost}");
    assert_eq!(diary.replaced, [0]);
}

#[test]
fn a_former_active_member_that_is_unlinked_keeps_what_nobody_counts() {
    let faults = format!("{DEAD_A}{TO_B}old = \"unlinked\"\n");
    let mut diary = Diary::default();
    let outcome = run(&study(PASSIVE, &faults), 1, &mut diary);
    outcome.expect_all_held();
    assert!(diary.replaced.is_empty());
    // The library goes home again, to a database that is none any more: what it writes there is lost too.
    let lost = count(&outcome, "writes_lost");
    let back = diary.writes[&0].1;
    assert!(back > 80.0 && lost > 200.0, "{back} {lost}");
}

#[test]
fn failing_over_and_back_uses_no_dot_twice() {
    let back = "[[fault]]\nkind = \"fail-over\"\nregion = \"a\"\nat = \"100s\"\n";
    for seed in 1..=3 {
        let mut diary = Diary::default();
        let faults = format!("{DEAD_A}{TO_B}{back}");
        let outcome = run(&study(PASSIVE, &faults), seed, &mut diary);
        outcome.expect_all_held();
        assert!(diary.writes[&0].1 > 100.0 && diary.writes[&1].1 <= 100.1);
    }
}

#[test]
fn what_is_created_again_elsewhere_is_empty() {
    let standalone = "[database]\nkind = \"standalone\"\n";
    let dead = DEAD_A.replace("50s", "forever");
    let mut diary = Diary::default();
    let gone = run(&study(standalone, &dead), 1, &mut diary);
    assert_eq!(
        diary.writes.keys().copied().collect::<Vec<_>>(),
        [0],
        "nothing runs in b"
    );
    assert!(count(&gone, "censored") > 3.5, "nobody is served again");

    let again = format!("{dead}[[fault]]\nkind = \"recreate\"\nregion = \"b\"\nat = \"60s\"\n");
    let mut diary = Diary::default();
    let outcome = run(&study(standalone, &again), 1, &mut diary);
    outcome.expect_all_held();
    // Every write that a acknowledged is lost: 32 a second for 30 s, of which the first 10 are not measured.
    let lost = count(&outcome, "writes_lost");
    assert!((500.0..1_100.0).contains(&lost), "{lost}");
    let rto = count(&outcome, "rto_max_ms");
    assert!((30_000.0..60_000.0).contains(&rto), "{rto}");
    assert!(diary.writes[&1].0 > 60.0);
}

#[test]
fn products_bring_their_defaults_and_their_limits() {
    let regions = [
        "us-east-1",
        "eu-west-1",
        "ap-southeast-1",
        "us-west-2",
        "eu-central-1",
        "eu-north-1",
    ];
    let text = |product: &str, kind: &str, count: usize, more: &str| {
        format!(
            "[topology]\nregions = {:?}\n[database]\nproduct = \"{product}\"\nkind = \"{kind}\"\n{more}\n\
             [[strategy]]\npreset = \"pinned\"\n",
            &regions[..count]
        )
    };
    let sync = |product: &str, kind: &str, more: &str| {
        let scenario = Scenario::from_toml(&text(product, kind, 3, more)).unwrap();
        scenario.variants[0].settings.database.sync.clone()
    };
    let software = sync("redis-software", "active-active", "");
    assert_eq!(software.backlog, Backlog::Auto);
    assert!(software.replicas_resync_fully && software.stale != Stale::Off);
    let own = sync("redis-software", "active-active", "sync.backlog = \"7MB\"");
    assert_eq!(own.backlog, Backlog::Bytes(7_000_000));
    let source = sync("redis-oss", "geo-passive", "");
    assert_eq!(
        (source.backlog, source.stale),
        (Backlog::Bytes(1_000_000), Stale::Off)
    );
    let refusal = |product: &str, kind: &str, count: usize| {
        let error = Scenario::from_toml(&text(product, kind, count, "")).unwrap_err();
        error.to_string()
    };
    let six = refusal("azure-managed-redis", "active-active", 6);
    assert!(six.contains("at most 5 members"), "{six}");
    let kind = refusal("redis-oss", "active-active", 3);
    assert!(kind.contains("no such kind of database"), "{kind}");
    assert!(Scenario::from_toml(&text("redis-software", "active-active", 6, "")).is_ok());
    // Within a region it waits for the local replica, if support has enabled that; the managed service has not.
    let wait = "replicas_per_shard = 1\n[[workload.keyspace]]\nname = \"k\"\nmix = { set = 1 }\n\
         wait = { replicas = 1, timeout = \"50ms\" }\n";
    assert!(Scenario::from_toml(&text("redis-software", "active-active", 3, wait)).is_ok());
    let cloud = Scenario::from_toml(&text("redis-cloud", "active-active", 3, wait)).unwrap_err();
    assert!(cloud.to_string().contains("has no WAIT"), "{cloud}");
}
