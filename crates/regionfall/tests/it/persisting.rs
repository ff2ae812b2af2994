//! Processes and machines die, with every way of keeping data on disk: what is lost, and for how long nobody is
//! served.

use regionfall::metric::Value;
use regionfall::scenario::Scenario;
use regionfall::simulation::{Outcome, Simulation};
use regionfall_kernel::Seed;

/// One server with one database process, 200 writes a second from 0 s on; measured from 10 s.
fn standalone(database: &str, faults: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"10s\"\nstorm = \"90s\"\ncalm = \"30s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"1ms\"\ncross_zone_rtt = \"1ms\"\n\
         [database]\nkind = \"standalone\"\n{database}\n\
         [database.sync]\nrestart = \"1s\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 2\nrate = \"200/s\"\ntimeout = \"500ms\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 50\nvalue_size = \"100B\"\n\
         [[strategy]]\npreset = \"pinned\"\n{faults}"
    )
}

fn run(text: &str, seed: u64) -> Outcome {
    let scenario = Scenario::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let outcome = Simulation::new(&scenario, Seed::new(seed))
        .run()
        .expect("one strategy, one case");
    outcome.expect_all_held();
    outcome
}

fn column(outcome: &Outcome, name: &str) -> f64 {
    let value = outcome.metrics().get(name).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{name} is a number"))
}

fn errors(outcome: &Outcome) -> u64 {
    column(outcome, "errors") as u64
}

fn lost(outcome: &Outcome) -> u64 {
    outcome.account().all_writes().lost
}

/// The process or the machine dies somewhere within a second and comes back 10 s later.
fn crash(what: &str, at: &str) -> String {
    format!("[[fault]]\nkind = \"{what}\"\nregion = \"a\"\nat = \"{at}\"\nlasts = \"10s\"\n")
}

/// Lost writes over some seeds: the fewest and the most.
fn losses(database: &str, what: &str, at: &str) -> (u64, u64) {
    let text = standalone(database, &crash(what, at));
    let losses: Vec<u64> = (1..=12).map(|seed| lost(&run(&text, seed))).collect();
    let (least, most) = (losses.iter().min(), losses.iter().max());
    (*least.expect("twelve"), *most.expect("twelve"))
}

const AT: &str = "uniform(60s, 61s)";

#[test]
fn a_process_that_dies_loses_nothing_with_a_log_and_everything_without() {
    for mode in ["aof-always", "aof-everysec", "aof-no-fsync"] {
        let database = format!("persistence = \"{mode}\"");
        assert_eq!(losses(&database, "process-crash", AT), (0, 0), "{mode}");
    }
    let (least, _) = losses("persistence = \"none\"", "process-crash", AT);
    // 60 s at 200 writes a second.
    assert!((11_000..13_000).contains(&least), "{least}");
    assert_eq!(losses("", "process-crash", AT), (0, 0), "an idealized disk");
}

#[test]
fn a_machine_that_dies_loses_what_was_not_forced_onto_its_disk() {
    let always = losses("persistence = \"aof-always\"", "host-crash", AT);
    assert_eq!(always, (0, 0));
    let (least, most) = losses("persistence = \"aof-everysec\"", "host-crash", AT);
    // The whole second before the crash, at a place of its own in every run.
    assert!(least < 60 && (120..250).contains(&most), "{least} {most}");
    let (least, most) = losses("persistence = \"aof-no-fsync\"", "host-crash", AT);
    // Between 0 and 35 s since the kernel wrote back.
    assert!(most <= 35 * 200 + 300 && most > least, "{least} {most}");
    let young = losses("persistence = \"aof-no-fsync\"", "host-crash", "25s");
    assert!(young.0 > 4_500, "nothing was written back yet: {young:?}");
}

#[test]
fn a_snapshot_loses_what_came_after_it() {
    let database = "persistence = \"snapshot\"\ndisk = { save = [{ after = \"4s\" }] }";
    for what in ["process-crash", "host-crash"] {
        let (least, most) = losses(database, what, AT);
        // More than four whole seconds, that is five, and the next tick.
        assert!(most <= 1_150 && most > least + 100, "{least} {most}");
    }
    let rare = "persistence = \"snapshot\"\ndisk = { save = [{ after = \"1h\" }] }";
    assert!(losses(rare, "process-crash", AT).0 > 11_000);
}

#[test]
fn a_process_that_loads_answers_with_errors_until_it_is_done() {
    let rto = |database: &str| {
        let text = standalone(database, &crash("process-crash", "20s"));
        column(&run(&text, 1), "rto_max_ms")
    };
    let at_once = rto("persistence = \"aof-everysec\"\ndisk = { load_rate = \"1GB/s\" }");
    assert!((11_000.0..11_600.0).contains(&at_once), "{at_once}");
    // 50 keys with 100 bytes are about 10 kB.
    let slowly = rto("persistence = \"aof-everysec\"\ndisk = { load_rate = \"2kB/s\" }");
    let loading = slowly - at_once;
    assert!((4_000.0..7_000.0).contains(&loading), "{loading}");
}

#[test]
fn an_acknowledgement_waits_for_its_fsync() {
    let latency = |database: &str| {
        let outcome = run(&standalone(database, ""), 1);
        (
            column(&outcome, "latency_p50_ms"),
            column(&outcome, "latency_p99_ms"),
        )
    };
    let (plain, _) = latency("");
    let (everysec, _) = latency("persistence = \"aof-everysec\"\ndisk = { fsync = \"8ms\" }");
    assert!((everysec - plain).abs() < 0.01, "{everysec} {plain}");
    let (median, tail) = latency("persistence = \"aof-always\"\ndisk = { fsync = \"8ms\" }");
    // Alone it waits for its own fsync, else for the one before it too; never for more than two.
    assert!((8.0..16.1).contains(&(median - plain)), "{median} {plain}");
    assert!((12.0..16.1).contains(&(tail - plain)), "{tail} {plain}");
}

#[test]
fn a_disk_that_stands_still_stops_acknowledgements_and_then_the_process() {
    let stall = "[[fault]]\nkind = \"fsync-stall\"\nregion = \"a\"\nat = \"uniform(30s, 31s)\"\nlasts = \"20s\"\n";
    let run_with = |mode: &str, seed: u64| {
        let database = format!("persistence = \"{mode}\"");
        run(&standalone(&database, stall), seed)
    };
    for seed in 1..=6 {
        let always = run_with("aof-always", seed);
        let rto = column(&always, "rto_max_ms");
        // What waited for a connection of the pool meanwhile is answered late.
        assert!((20_000.0..21_500.0).contains(&rto), "{rto}");
        // It goes on writing until an fsync begins and stands still, and for two whole seconds more.
        let every = run_with("aof-everysec", seed);
        let outage = column(&every, "outage_max_ms");
        assert!((16_300.0..18_700.0).contains(&outage), "{outage}");
        let no = run_with("aof-no-fsync", seed);
        assert_eq!(errors(&no), 0, "only the kernel waits");
        for outcome in [always, every, no] {
            assert_eq!(lost(&outcome), 0);
            let (_, effects) = &outcome.fault_effects()[0];
            assert!(effects.hosts > 0, "the stall had an effect");
        }
    }
}

#[test]
fn what_was_put_off_dies_with_the_process() {
    let faults = "[[fault]]\nkind = \"fsync-stall\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"20s\"\n\
         [[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"uniform(32s, 33s)\"\nlasts = \"5s\"\n";
    let text = standalone("persistence = \"aof-everysec\"", faults);
    let losses: Vec<u64> = (1..=8).map(|seed| lost(&run(&text, seed))).collect();
    assert!(losses.iter().any(|&lost| lost > 100), "{losses:?}");
    // Two whole seconds, and the part of one in which the put-off began.
    assert!(losses.iter().all(|&lost| lost <= 640), "{losses:?}");
}

#[test]
fn a_disk_that_went_unnoticed_is_missing_at_the_next_start() {
    let lose = "[[fault]]\nkind = \"disk-lost\"\nregion = \"a\"\nat = \"30s\"\n";
    let database = "persistence = \"aof-always\"";
    let outcome = run(&standalone(database, lose), 1);
    assert_eq!((lost(&outcome), errors(&outcome)), (0, 0));
    let both = format!("{lose}{}", crash("process-crash", "60s"));
    let outcome = run(&standalone(database, &both), 1);
    assert!(lost(&outcome) > 11_000, "{}", lost(&outcome));
    // The new disk keeps what comes after.
    let again = format!("{both}{}", crash("host-crash", "85s"));
    let twice = run(&standalone(database, &again), 1);
    assert_eq!(lost(&twice), lost(&outcome));
}

/// One member with a primary and a replica on machines of their own, behind a proxy or not.
fn primary_and_replica(database: &str, faults: &str) -> String {
    standalone(database, faults).replace(
        "kind = \"standalone\"",
        "kind = \"primary-replica\"\nreplicas_per_shard = 1",
    )
}

#[test]
fn a_cluster_recovers_from_the_file_of_the_replica_however_late_its_machine_comes() {
    // The primary has no file: it waits for the replica's machine, which comes back 15 s after its own.
    let faults = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 0\nat = \"60s\"\nlasts = \"5s\"\n\
         [[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 1\nat = \"60s\"\nlasts = \"20s\"\n";
    let text = primary_and_replica("persistence = \"aof-everysec\"", faults);
    for seed in 1..=4 {
        let outcome = run(&text, seed);
        assert!((1..250).contains(&lost(&outcome)), "{}", lost(&outcome));
        let rto = column(&outcome, "rto_max_ms");
        // A file can be read as soon as its machine is up.
        assert!((20_000.0..22_000.0).contains(&rto), "{rto}");
    }
    let text = primary_and_replica("persistence = \"none\"", faults);
    assert!(lost(&run(&text, 1)) > 11_000);
}

#[test]
fn a_primary_without_a_file_that_nobody_manages_wipes_its_replica() {
    // Redis docs, replication: safety when the primary has persistence turned off.
    let faults = crash("process-crash", "60s").replace("region", "node = 0\nregion");
    let unmanaged =
        "entrance = \"direct\"\npersistence = \"aof-always\"\npersistence_on = \"replica\"";
    let outcome = run(&primary_and_replica(unmanaged, &faults), 1);
    assert!(lost(&outcome) > 11_000, "{}", lost(&outcome));
    let kept = unmanaged.replace("\"replica\"", "\"primary\"");
    let outcome = run(&primary_and_replica(&kept, &faults), 1);
    assert_eq!(lost(&outcome), 0);
    // Behind a manager the replica becomes the primary instead.
    let managed = unmanaged.replace("direct", "proxy");
    let outcome = run(&primary_and_replica(&managed, &faults), 1);
    assert!(lost(&outcome) < 10, "{}", lost(&outcome));
}

#[test]
fn a_restore_brings_back_what_was_exported_and_nothing_else() {
    let faults = "[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"5s\"\ndisks = \"lost\"\n\
         [[fault]]\nkind = \"restore\"\nregion = \"a\"\nat = \"67s\"\n";
    let export = "export = { every = \"20s\", first = \"5s\" }\npersistence = \"aof-always\"";
    let outcome = run(&standalone(export, faults), 1);
    // Exports began at 5, 25 and 45 s. 15 s are lost, and the 2 s between the restart and the import, which erases
    // what it finds.
    let lost_writes = lost(&outcome);
    assert!((3_000..3_700).contains(&lost_writes), "{lost_writes}");
    let (_, effects) = &outcome.fault_effects()[1];
    assert_eq!(effects.hosts, 1);
    // Storage that goes with the region's disks restores nothing; a crash of the machine alone spares it.
    let local = export.replace("every", "to = \"local\", every");
    let outcome = run(&standalone(&local, faults), 1);
    assert_eq!(lost(&outcome), lost_writes);
    let outage = faults.replace("process-crash", "region-outage");
    let outcome = run(&standalone(&local, &outage), 1);
    assert!(lost(&outcome) > 11_000, "{}", lost(&outcome));
    let outcome = run(&standalone(export, &outage), 1);
    assert!((3_000..3_700).contains(&lost(&outcome)));
}

#[test]
fn an_export_that_is_not_complete_restores_nothing() {
    let faults = "[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"5s\"\ndisks = \"lost\"\n\
         [[fault]]\nkind = \"restore\"\nregion = \"a\"\nat = \"67s\"\n";
    // About 10 kB at this rate take longer than there is time.
    let export = "export = { every = \"1h\", first = \"5s\", copy_rate = \"100B/s\" }";
    let outcome = run(&standalone(export, faults), 1);
    assert!(lost(&outcome) > 11_000, "{}", lost(&outcome));
    let (_, effects) = &outcome.fault_effects()[1];
    assert!(!effects.any());
}

fn slow_disk(factor: u32) -> String {
    format!(
        "[[fault]]\nkind = \"slow-disk\"\nregion = \"a\"\nfactor = {factor}\nat = \"20s\"\nlasts = \"10s\"\n"
    )
}

/// With one fsync for each turn a write waits for two at most; a disk that is ten times slower shows in that, and in nothing
/// before and after.
#[test]
fn a_slow_disk_slows_what_waits_for_its_fsyncs() {
    let always = "persistence = \"aof-always\"\ndisk = { fsync = \"2ms\" }";
    let calm = run(&standalone(always, ""), 1);
    let slow = run(&standalone(always, &slow_disk(10)), 1);
    let p99 = |outcome: &Outcome, phase| column(outcome, &format!("latency_p99_{phase}_ms"));
    assert!(p99(&calm, "storm") < 10.0, "{}", p99(&calm, "storm"));
    assert!(
        (20.0..60.0).contains(&p99(&slow, "storm")),
        "{}",
        p99(&slow, "storm")
    );
    assert!(
        p99(&slow, "calm") < 10.0,
        "it is over: {}",
        p99(&slow, "calm")
    );
    let (_, effects) = slow.fault_effects()[0];
    // One machine, and an fsync of 20 ms after the other for ten seconds.
    assert_eq!(effects.hosts, 1);
    assert!(
        (300..=501).contains(&effects.altered),
        "{}",
        effects.altered
    );
    assert_eq!(lost(&slow), 0);
}

/// "Asynchronous AOF fsync is taking too long": for two whole seconds of an fsync writes are put off and answered, then the process
/// stands still in one until the fsync is done.
#[test]
fn once_a_second_a_slow_disk_is_noticed_only_when_an_fsync_takes_longer_than_two_seconds() {
    let second = "persistence = \"aof-everysec\"\ndisk = { fsync = \"10ms\" }";
    let longest = |factor: u32| {
        let outcome = run(&standalone(second, &slow_disk(factor)), 1);
        (column(&outcome, "latency_p999_storm_ms"), outcome)
    };
    let (unseen, _) = longest(100);
    assert!(unseen < 20.0, "fsyncs of a second: {unseen}");
    let (seen, outcome) = longest(400);
    assert!(seen > 500.0, "fsyncs of four seconds: {seen}");
    let (_, effects) = outcome.fault_effects()[0];
    assert!((2..=4).contains(&effects.altered), "{}", effects.altered);
}

/// A file of 64 KiB is rewritten again and again; while a child writes, each answer waits for an fsync that takes longer, or for
/// none, and then a machine that dies takes with it what only the kernel had.
#[test]
fn a_rewrite_slows_acknowledgements_or_leaves_them_exposed() {
    let disk = |rewrite: &str| {
        format!("persistence = \"aof-always\"\ndisk = {{ fsync = \"2ms\"{rewrite} }}")
    };
    let rewrite =
        ", rewrite = { growth = \"1%\", min_size = \"4KiB\", rate = \"1kB/s\", slows = 20";
    let slow = disk(&format!("{rewrite} }}"));
    let without = disk(&format!("{rewrite}, no_fsync = true }}"));
    let p50 = |database: &str| column(&run(&standalone(database, ""), 1), "latency_p50_ms");
    let (plain, slow_p50, without_p50) = (p50(&disk("")), p50(&slow), p50(&without));
    assert!(plain < 6.0, "{plain}");
    assert!(slow_p50 > 30.0, "{slow_p50}");
    assert!(without_p50 < 2.0, "{without_p50}");
    let machine = crash("host-crash", "uniform(30s, 31s)");
    let lost_with = |database: &str| lost(&run(&standalone(database, &machine), 1));
    assert_eq!(lost_with(&slow), 0);
    assert!(lost_with(&without) > 100, "{}", lost_with(&without));
}

#[test]
fn a_disk_that_does_not_exist_is_neither_slow_nor_rewritten() {
    let wrong = [
        (standalone("", &slow_disk(2)), "no disks"),
        (
            standalone("persistence = \"snapshot\"\ndisk = { rewrite = {} }", ""),
            "no append-only file",
        ),
    ];
    for (text, message) in wrong {
        let error = Scenario::from_toml(&text).expect_err("it is refused");
        assert!(error.to_string().contains(message), "{error}");
    }
}
