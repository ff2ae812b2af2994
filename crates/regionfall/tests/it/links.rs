//! Links between members: the backlog and what lies beyond it, states that take time, stale members, syncers that stop
//! for good, and causal consistency.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regionfall::history::{Fact, Listener};
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_crdt::{Clock, Dot, KeyId, OriginId};
use regionfall_kernel::{Seed, SimTime};

use crate::small::{count, listened_to};
use crate::storms::{cases, storm};

/// Fleets in `a` and `b` write; `more` has the settings of links, `faults` what goes wrong.
fn study(more: &str, faults: &str) -> String {
    format!(
        "[phases]\nwarm_up = \"5s\"\nstorm = \"60s\"\ncalm = \"40s\"\nquiescence = \"2m\"\n\
         {more}\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 2\nrate = \"20/s\"\nhome = [\"a\"]\n\
         [[workload.fleet]]\nname = \"b\"\nregion = \"b\"\nservers = 1\nrate = \"10/s\"\nhome = [\"b\"]\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 8, get = 2 }}\nkeys = 40\nvalue_size = \"700B\"\n\
         [[strategy]]\npreset = \"pinned\"\n{faults}"
    )
}

fn sync(settings: &str) -> String {
    format!(
        "[database.sync]\nprocessing = \"0s\"\nsilence_limit = \"5s\"\nrestart = \"2s\"\n{settings}"
    )
}

fn run<L: Listener + Send>(text: &str, seed: u64, listener: &mut L) -> Outcome {
    listened_to(text, "pinned", None, (seed, listener))
}

fn secs(at: SimTime) -> f64 {
    at.since_start().as_secs_f64()
}

/// `a` sends nothing to the others for half a minute.
const SILENT_A: &str = "[[fault]]\nkind = \"partition\"\nfrom = \"a\"\nto = [\"b\", \"c\"]\nscope = \"replication\"\n\
     at = \"10s\"\nlasts = \"30s\"\n";

/// When links caught up after a disturbance, when each node stopped, ran again, became stale and ceased to be; what each executed.
#[derive(Clone, Default)]
struct Diary {
    caught_up: Vec<(f64, u8, u8)>,
    disrupted: Vec<(f64, u8, u8)>,
    restarted: BTreeMap<u8, f64>,
    stale: Vec<(f64, u8, bool)>,
    writes: Vec<(f64, u8)>,
    reads: Vec<(f64, u8)>,
}

impl Listener for Diary {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let at = secs(at);
        match *fact {
            Fact::LinkCaughtUp { source, target } => {
                self.caught_up.push((at, source.0, target.0));
            }
            Fact::LinkDisrupted { source, target } => {
                self.disrupted.push((at, source.0, target.0));
            }
            Fact::NodeRestarted { node } => {
                self.restarted.insert(node.0, at);
            }
            Fact::Staleness { node, is_stale, .. } => self.stale.push((at, node.0, is_stale)),
            Fact::WriteExecuted { node, .. } => self.writes.push((at, node.0)),
            Fact::ReadExecuted { node, .. } => self.reads.push((at, node.0)),
            _ => {}
        }
    }
}

impl Diary {
    fn caught_up(&self, source: u8, target: u8) -> f64 {
        let mut found = self.caught_up.iter().rev();
        let found = found.find(|&&(_, from, to)| (from, to) == (source, target));
        found.map_or(f64::INFINITY, |&(at, ..)| at)
    }
}

#[test]
fn a_backlog_that_covers_what_was_missed_spares_the_whole_state() {
    let of = |backlog: &str| run(&study(&sync(backlog), SILENT_A), 1, &mut ());
    let unlimited = of("");
    let largest = count(&unlimited, "backlog_bytes_max");
    assert!(
        largest > 200_000.0,
        "half a minute of 16 writes a second: {largest}"
    );
    assert_eq!(unlimited.synchronizations().full, 0);
    for (share, is_covered) in [(1.05, true), (0.95, false)] {
        let outcome = of(&format!("backlog = \"{}B\"", (largest * share) as u64));
        outcome.expect_all_held();
        let syncs = outcome.synchronizations();
        if is_covered {
            assert_eq!((syncs.full, syncs.partial_failed), (0, 0), "{syncs:?}");
        } else {
            // To b and to c.
            assert!(syncs.full >= 2 && syncs.partial_failed >= 2, "{syncs:?}");
        }
        assert!(count(&outcome, "writes_lost") < 0.5);
    }
}

#[test]
fn a_restarted_process_has_no_backlog_and_sends_whole_states() {
    let crash = |region: &str| {
        format!(
            "[[fault]]\nkind = \"process-crash\"\nregion = \"{region}\"\nat = \"20s\"\nlasts = \"5s\"\n"
        )
    };
    // b writes; what its peers lacked of it when it died is not in its backlog any more.
    let cut = "[[fault]]\nkind = \"partition\"\nfrom = \"b\"\nto = [\"a\", \"c\"]\nscope = \"replication\"\n\
               at = \"12s\"\nlasts = \"20s\"\n";
    let of = |backlog: &str, faults: &str| {
        run(&study(&sync(backlog), faults), 1, &mut ()).synchronizations()
    };
    let faults = format!("{}{cut}", crash("b"));
    assert_eq!(of("", &faults).full, 0);
    assert!(of("backlog = \"100MB\"", &faults).full >= 1);
    // The one that restarts as a target only is served from the others' backlogs.
    assert_eq!(of("backlog = \"100MB\"", &crash("c")).full, 0);
}

const STATE: &str = "backlog = \"1MB\"\n[database.sync.full_sync]\nsnapshot = \"50MB/s\"\ntransfer = \"10MB/s\"\nload = \"100MB/s\"\n";

fn sized(size: &str, sync: &str) -> String {
    format!("[database]\nsize = \"{size}\"\n{sync}")
}

/// c's machine dies, and its disk with it: it comes back after ten seconds and gets everything from a and b.
const EMPTY_C: &str = "[[fault]]\nkind = \"host-crash\"\nregion = \"c\"\nat = \"10s\"\nlasts = \"10s\"\ndisks = \"lost\"\n";

/// Writes pass through a journal that has forgotten nothing yet: only its backlog keeps a source from sending effects.
fn lost_disk(settings: &str, size: &str) -> (Outcome, Diary) {
    let settings = sized(size, &sync(settings));
    let mut diary = Diary::default();
    let outcome = run(&study(&settings, EMPTY_C), 1, &mut diary);
    (outcome, diary)
}

#[test]
fn a_whole_state_is_written_sent_and_taken_in_by_its_size() {
    let backlog = "backlog = \"64KiB\"\n";
    let instant = lost_disk(backlog, "1B");
    let timed = lost_disk(&STATE.replace("1MB", "64KiB"), "100MB");
    for (outcome, _) in [&instant, &timed] {
        outcome.expect_all_held();
    }
    for source in [0, 1] {
        // 2 s to write, 10 s on the way, 1 s to take in; 16 writes a second of 800 bytes in the meantime exceed 64 KiB,
        // so that one state does not do for a.
        let took = timed.1.caught_up(source, 2) - instant.1.caught_up(source, 2);
        assert!((12.9..13.3).contains(&took), "{source}: {took}");
    }
    assert_eq!(instant.0.synchronizations().full, 2);
    assert!(
        timed.0.synchronizations().full > 3,
        "{:?}",
        timed.0.synchronizations()
    );
    let enough = lost_disk(&STATE.replace("1MB", "300KB"), "100MB");
    assert_eq!(enough.0.synchronizations().full, 2);
}

#[test]
fn gradual_synchronization_copies_one_shard_of_one_source_at_a_time() {
    let of = |limits: &str| {
        let settings = STATE.replace("1MB", "64KiB") + limits;
        let settings = format!(
            "[database]\nshards = 2\nsize = \"40MB\"\n{}",
            sync(&settings)
        );
        let mut diary = Diary::default();
        let outcome = run(&study(&settings, EMPTY_C), 1, &mut diary);
        outcome.expect_all_held();
        let back = diary.restarted[&2];
        diary.caught_up(0, 2).max(diary.caught_up(1, 2)) - back
    };
    // Each of the four states takes 0.4 s, 2 s and 0.2 s.
    let at_once = of("");
    assert!((2.6..3.6).contains(&at_once), "{at_once}");
    let in_turn = of("sources = 1\nshards_per_source = 1\n");
    assert!((10.4..12.0).contains(&in_turn), "{in_turn}");
    let by_source = of("sources = 1\n");
    assert!((5.2..6.4).contains(&by_source), "{by_source}");
}

#[test]
fn a_replica_gets_its_whole_state_from_its_primary_where_that_is_the_rule() {
    let of = |replicas: &str| {
        let settings = format!("replicas = \"{replicas}\"\n{STATE}");
        let settings = format!(
            "[database]\nreplicas_per_shard = 1\nsize = \"100MB\"\n{}",
            sync(&settings)
        );
        let crash = "[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nnode = 1\nat = \"20s\"\nlasts = \"5s\"\n";
        let mut diary = Diary::default();
        run(&study(&settings, crash), 1, &mut diary).expect_all_held();
        diary.caught_up(0, 1) - diary.restarted[&1]
    };
    let partial = of("partial");
    assert!(partial < 1.0, "{partial}");
    let full = of("full");
    assert!((13.0..14.0).contains(&full), "{full}");
}

#[test]
fn states_share_the_bandwidth_of_their_path() {
    let narrow = "[[topology.link]]\nfrom = \"a\"\nto = \"c\"\none_way = \"60ms\"\nbandwidth = \"80Mbit/s\"\n";
    let of = |shards: u32| {
        let settings = format!(
            "{narrow}[database]\nshards = {shards}\nsize = \"40MB\"\n{}backlog = \"64KiB\"\n\
             [database.sync.full_sync]\nload = \"1000MB/s\"\n",
            sync("")
        );
        let mut diary = Diary::default();
        run(&study(&settings, EMPTY_C), 1, &mut diary).expect_all_held();
        diary.caught_up(0, 2) - diary.restarted[&2]
    };
    // 40 MB at 10 MB/s, in one piece or in two that take turns.
    for shards in [1, 2] {
        let took = of(shards);
        assert!((4.0..5.2).contains(&took), "{shards}: {took}");
    }
}

/// b's process dies for ten seconds and comes back with its data.
const RESTARTED_B: &str =
    "[[fault]]\nkind = \"process-crash\"\nregion = \"b\"\nat = \"20s\"\nlasts = \"10s\"\n";
const STALE: &str = "[database.sync.stale]\nenter = \"after-restart\"\nalone_after = \"15s\"\n";

#[test]
fn a_stale_member_is_read_and_refuses_writes_until_it_has_caught_up() {
    let slow = format!("{}{STALE}", STATE.replace("1MB", "64KiB"));
    let mut diary = Diary::default();
    let outcome = run(
        &study(&sized("30MB", &sync(&slow)), RESTARTED_B),
        2,
        &mut diary,
    );
    outcome.expect_all_held();
    let [(from, 1, true), (until, 1, false)] = diary.stale[..] else {
        panic!("b is stale once: {:?}", diary.stale);
    };
    assert!(until - from > 3.0, "a state of 30 MB takes a while");
    let within = |moments: &[(f64, u8)]| {
        let mut inside = moments
            .iter()
            .filter(|&&(at, node)| node == 1 && at > from && at < until);
        inside.next().is_some()
    };
    assert!(within(&diary.reads), "it is read");
    assert!(!within(&diary.writes), "it takes no writes");
    assert!(until >= diary.caught_up(0, 1) && until >= diary.caught_up(2, 1));
    let ready = run(
        &study(&sized("30MB", &sync(STATE)), RESTARTED_B),
        2,
        &mut (),
    );
    assert!(count(&outcome, "rto_max_ms") > count(&ready, "rto_max_ms") + 2_000.0);
}

#[test]
fn an_empty_member_is_ready_at_once_and_one_without_peers_after_a_while() {
    let of = |faults: &str| {
        let mut diary = Diary::default();
        run(&study(&sync(STALE), faults), 2, &mut diary);
        diary
    };
    let lost = RESTARTED_B.replace("lasts", "disks = \"lost\"\nlasts");
    assert!(of(&lost).stale.is_empty());
    let cut = format!(
        "{RESTARTED_B}[[fault]]\nkind = \"partition\"\nfrom = [\"a\", \"c\"]\nto = \"b\"\nscope = \"replication\"\n\
         at = \"15s\"\nlasts = \"45s\"\n"
    );
    let diary = of(&cut);
    let [(from, 1, true), (until, 1, false)] = diary.stale[..] else {
        panic!("b is stale once: {:?}", diary.stale);
    };
    assert!((14.9..15.1).contains(&(until - from)), "{from} {until}");
}

#[test]
fn a_stopped_syncer_stays_so_until_an_operator_acts() {
    let stop =
        "[[fault]]\nkind = \"syncer-stopped\"\nregion = \"b\"\nsource = \"a\"\nat = \"15s\"\n";
    let mut diary = Diary::default();
    let stopped = run(&study(&sync(""), stop), 3, &mut diary);
    stopped.expect_all_held();
    assert!(diary.caught_up(0, 1).is_infinite(), "nobody started it");
    assert!(count(&stopped, "stale_reads") > 10.0);
    let mut diary = Diary::default();
    let repair =
        format!("{stop}[[fault]]\nkind = \"restart-syncers\"\nregion = \"b\"\nat = \"45s\"\n");
    let repaired = run(&study(&sync(""), &repair), 3, &mut diary);
    repaired.expect_all_held();
    assert!(
        (45.0..46.0).contains(&diary.caught_up(0, 1)),
        "{:?}",
        diary.caught_up
    );
    assert!(count(&repaired, "stale_reads") < count(&stopped, "stale_reads"));
}

#[test]
fn with_the_defect_one_dead_member_keeps_another_from_starting() {
    let faults = format!(
        "{RESTARTED_B}[[fault]]\nkind = \"host-crash\"\nregion = \"c\"\nat = \"15s\"\nlasts = \"40s\"\n"
    );
    let of = |defect: &str| {
        let mut diary = Diary::default();
        run(&study(&sync(defect), &faults), 4, &mut diary).expect_all_held();
        diary.caught_up(0, 1) - diary.restarted[&1]
    };
    assert!(of("") < 1.0);
    let waited = of("needs_all_sources = true\n");
    assert!(waited > 20.0, "until c was back: {waited}");
}

#[test]
fn centralized_links_fall_with_one_node_and_distributed_ones_in_part() {
    let of = |mode: &str| {
        let settings = format!(
            "[database]\nshards = 2\nreplicas_per_shard = 2\n{}mode = \"{mode}\"\n",
            sync("")
        );
        let crash = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 0\nat = \"20s\"\nlasts = \"10s\"\n";
        let mut diary = Diary::default();
        run(&study(&settings, crash), 5, &mut diary).expect_all_held();
        // Nodes 0 to 2 are a's.
        let from_a = diary
            .disrupted
            .iter()
            .filter(|&&(_, source, target)| source < 3 && target >= 3);
        from_a.count()
    };
    assert_eq!(of("centralized"), 4, "two shards, two targets");
    assert_eq!(of("direct"), 2, "the shard that node 0 feeds");
    assert_eq!(
        of("distributed"),
        3,
        "one that it carries, and the two that it feeds"
    );
}

/// Effects that came to a node before an effect on the same key that their writer had seen.
#[derive(Clone, Default)]
struct Causes {
    effects: BTreeMap<(u16, u64), (KeyId, Clock)>,
    held: BTreeMap<u8, Clock>,
    violations: u64,
    applied: u64,
}

impl Listener for Causes {
    fn observe(&mut self, _: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                node,
                effect: Some(effect),
                ..
            } => {
                let dot = (effect.dot.origin.0, effect.dot.sequence);
                self.effects
                    .insert(dot, (effect.key, effect.context.clone()));
                self.held.entry(node.0).or_default().extend_to(effect.dot);
            }
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } => {
                let held = self.held.entry(node.0).or_default();
                for sequence in first..=last {
                    let (key, context) = &self.effects[&(origin.0, sequence)];
                    let is_cause = |(dot, (other, _)): (&(u16, u64), &(KeyId, Clock))| {
                        let dot = Dot::new(OriginId(dot.0), dot.1);
                        dot.origin != origin
                            && other == key
                            && context.covers(dot)
                            && !held.covers(dot)
                    };
                    self.violations += u64::from(self.effects.iter().any(is_cause));
                    self.applied += 1;
                }
                held.extend_to(Dot::new(origin, last));
            }
            _ => {}
        }
    }
}

/// From a to c is a long way, and b is near to both.
const DETOUR: &str = "[[topology.link]]\nfrom = \"a\"\nto = \"c\"\none_way = \"500ms\"\n";

fn causes(causal: bool, faults: &str, seed: u64) -> (Causes, Outcome) {
    let settings = format!("{DETOUR}{}causal = {causal}\n", sync(""));
    let text = study(&settings, faults).replace("storm = \"60s\"", "storm = \"40s\"");
    let mut causes = Causes::default();
    let outcome = run(&text, seed, &mut causes);
    outcome.expect_all_held();
    (causes, outcome)
}

#[test]
fn with_causal_consistency_nobody_sees_a_reaction_before_its_cause() {
    let (without, _) = causes(false, "", 1);
    assert!(
        without.violations > 100,
        "{} of {}",
        without.violations,
        without.applied
    );
    let cut = "[[fault]]\nkind = \"partition\"\nfrom = \"a\"\nto = \"c\"\nscope = \"replication\"\nat = \"12s\"\nlasts = \"15s\"\n";
    let crash = "[[fault]]\nkind = \"host-crash\"\nregion = \"b\"\nat = \"12s\"\nlasts = \"15s\"\n";
    for (seed, faults) in [(1, ""), (2, cut), (3, crash)] {
        let (with, _) = causes(true, faults, seed);
        assert!(with.applied > 1_000);
        assert_eq!(with.violations, 0, "seed {seed}");
    }
}

#[test]
fn causal_consistency_sends_everything_by_the_other_members_too() {
    let four = |causal: bool| {
        let text = format!(
            "[phases]\nwarm_up = \"5s\"\nstorm = \"20s\"\ncalm = \"5s\"\n[topology]\n\
             regions = [\"us-east-1\", \"eu-west-1\", \"ap-southeast-1\", \"us-west-2\"]\n\
             [database.sync]\ncausal = {causal}\n\
             [[workload.fleet]]\nname = \"us\"\nregion = \"us-east-1\"\nservers = 1\nrate = \"50/s\"\nhome = [\"us-east-1\"]\n\
             [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 40\nvalue_size = \"700B\"\n\
             [[strategy]]\npreset = \"pinned\"\n"
        );
        let scenario = Scenario::from_toml(&text).unwrap();
        let simulation = Simulation::new(&scenario, Seed::new(1));
        count(&simulation.run().unwrap(), "cross_region_bytes")
    };
    let ratio = four(true) / four(false);
    // Of N members each passes what it gets to N - 2 others, or one fewer if the writer did not bear it: up to N - 1
    // times as much in all.
    assert!((2.5..3.1).contains(&ratio), "four members: {ratio}");
    let three = |causal: bool| {
        let settings = sync(&format!("causal = {causal}\n"));
        count(
            &run(&study(&settings, ""), 1, &mut ()),
            "cross_region_bytes",
        )
    };
    let ratio = three(true) / three(false);
    assert!((1.9..2.1).contains(&ratio), "three members: {ratio}");
}

/// Settings of links, each beside its members' shape, that make the most of every fault.
const HARSH: [&str; 5] = [
    "[database]\nshards = 2\n[database.sync]\nbacklog = \"3KB\"\n",
    "[database]\nshards = 2\n[database.sync]\nbacklog = \"3KB\"\n[database.sync.full_sync]\nsnapshot = \"2Mbit/s\"\n\
     transfer = \"1Mbit/s\"\nload = \"2Mbit/s\"\nsources = 1\nshards_per_source = 1\n",
    "[database.sync]\ncausal = true\n",
    "[database.sync]\nbacklog = \"3KB\"\ncausal = true\nneeds_all_sources = true\n[database.sync.stale]\n\
     enter = \"after-restart\"\nalone_after = \"5s\"\n[database.sync.full_sync]\ntransfer = \"1Mbit/s\"\n",
    "[database]\nshards = 2\nreplicas_per_shard = 1\n[database.sync]\nbacklog = \"3KB\"\nmode = \"distributed\"\n\
     replicas = \"full\"\n[database.sync.full_sync]\ntransfer = \"1Mbit/s\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_whatever_the_links_are_like(
        faults in storm(),
        seed in any::<u64>(),
        settings in 0..HARSH.len(),
    ) {
        let text = study(HARSH[settings], "")
            .replace("storm = \"60s\"", "storm = \"30s\"")
            .replace("quiescence = \"2m\"", "quiescence = \"5m\"");
        let outcome = listened_to(&text, "pinned", Some(faults), (seed, &mut ()));
        for verdict in outcome.broken() {
            let is_bounded = verdict.check == "every client is served";
            prop_assert!(is_bounded, "{}\n{verdict}\n{}", HARSH[settings], outcome.story());
        }
    }
}
