//! Members with several nodes: replicas follow, one is promoted, a former primary comes back.

use std::collections::BTreeMap;

use regionfall::history::{CopyEnd, Fact, Listener};
use regionfall::topology::NodeId;
use regionfall_kernel::SimTime;

use super::small::{count, run};

/// A database in one region, 1 ms between its zones, writes at a steady rate.
fn primary_and_replica(more: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"10s\"\nstorm = \"60s\"\ncalm = \"30s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"1ms\"\ncross_zone_rtt = \"4ms\"\n\
         [database]\nkind = \"primary-replica\"\nreplicas_per_shard = 1\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 3\nrate = \"200/s\"\n\
         timeout = \"500ms\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1, incr = 0 }}\nkeys = 50\n\
         [[strategy]]\npreset = \"pinned\"\n{more}"
    )
}

/// Who applied what when, and what was discarded.
#[derive(Clone, Default)]
struct Copies {
    /// By node: how many effects it has.
    held: BTreeMap<u8, u64>,
    promoted: Vec<(SimTime, NodeId, u32)>,
    replaced: u64,
    executed: BTreeMap<(u16, u64), SimTime>,
    longest_lag_ms: f64,
}

impl Listener for Copies {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                node,
                effect: Some(effect),
                ..
            } => {
                *self.held.entry(node.0).or_default() += 1;
                let dot = (effect.dot.origin.0, effect.dot.sequence);
                self.executed.insert(dot, at);
            }
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } => {
                *self.held.entry(node.0).or_default() += last + 1 - first;
                // The first moments are those of a link that opens.
                for sequence in (first..=last).filter(|_| at > SimTime::from_nanos(5_000_000_000)) {
                    let lag = at - self.executed[&(origin.0, sequence)];
                    self.longest_lag_ms = self.longest_lag_ms.max(lag.as_millis_f64());
                }
            }
            Fact::Promoted { node, epoch, .. } => self.promoted.push((at, node, epoch)),
            Fact::CopiesEnded {
                cause: CopyEnd::Replaced,
                ..
            } => self.replaced += 1,
            _ => {}
        }
    }
}

#[test]
fn a_replica_has_everything_a_moment_later() {
    let mut copies = Copies::default();
    let outcome = run(&primary_and_replica(""), 1, &mut copies);
    outcome.expect_all_held();
    assert!(
        copies.held[&0] > 10_000,
        "it is written to: {:?}",
        copies.held
    );
    assert_eq!(copies.held[&0], copies.held[&1]);
    // One way between zones takes 2 ms.
    assert!(
        (2.0..2.1).contains(&copies.longest_lag_ms),
        "{}",
        copies.longest_lag_ms
    );
}

/// The primary's machine dies at 20 s and comes back at 40 s; the replica is promoted at 25 s.
const PROMOTION: &str = "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nnode = 0\nat = \"20s\"\nlasts = \"20s\"\n\
     [[fault]]\nkind = \"promote\"\nregion = \"a\"\nnode = 1\nat = \"25s\"\n";

#[test]
fn what_the_replica_had_not_got_is_lost_with_the_promotion_and_nothing_else() {
    let (mut lost, mut replaced) = (0.0, 0);
    for seed in 1..=20 {
        let mut copies = Copies::default();
        let outcome = run(&primary_and_replica(PROMOTION), seed, &mut copies);
        outcome.expect_all_held();
        let (at, node, epoch) = copies.promoted[0];
        assert_eq!((copies.promoted.len(), node, epoch), (1, NodeId(1), 2));
        assert_eq!(
            at,
            SimTime::ZERO + regionfall_kernel::SimDuration::from_secs(25)
        );
        // Acknowledged and still on its way at the crash: at most what 2 ms hold of 200 writes a second.
        assert!(count(&outcome, "writes_lost") <= 4.0);
        lost += count(&outcome, "writes_lost");
        replaced += copies.replaced;
    }
    assert!(
        lost > 0.0 && replaced > 0,
        "lost {lost}, replaced {replaced}"
    );
}

#[test]
fn a_former_primary_that_never_comes_back_takes_its_tail_with_it() {
    let for_ever = PROMOTION.replace("lasts = \"20s\"", "lasts = \"forever\"");
    let mut lost = 0.0;
    for seed in 1..=10 {
        let outcome = run(&primary_and_replica(&for_ever), seed, &mut ());
        outcome.expect_all_held();
        lost += count(&outcome, "writes_lost");
    }
    assert!(
        lost > 0.0,
        "its tail was on the wire for 2 ms of every second"
    );
}

#[test]
fn nobody_is_served_before_the_replica_is_promoted_and_everybody_soon_after() {
    let kept = run(&primary_and_replica(PROMOTION), 1, &mut ());
    let rto = count(&kept, "rto_max_ms");
    assert!((5_000.0..8_000.0).contains(&rto), "{rto}");
    let replica_dies = PROMOTION.replace("node = 0", "node = 1");
    let unharmed = run(&primary_and_replica(&replica_dies), 1, &mut ());
    assert!(count(&unharmed, "writes_lost") < 0.5);
    assert!(count(&unharmed, "rto_max_ms") < 0.5);
}

#[test]
fn a_cut_zone_takes_writes_that_nobody_else_gets() {
    // The primary and its endpoint stand in zone 0, the replica in zone 1; both are alive, and the replica is
    // promoted. Whoever still reaches the old primary through its endpoint is sent on to the new one, in vain.
    let cut = "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 0\nat = \"20s\"\nlasts = \"20s\"\n\
         [[fault]]\nkind = \"promote\"\nregion = \"a\"\nnode = 1\nat = \"25s\"\n";
    let mut copies = Copies::default();
    let outcome = run(&primary_and_replica(cut), 3, &mut copies);
    outcome.expect_all_held();
    assert_eq!(copies.promoted.len(), 1);
    // From the cut at 20 s to the promotion at 25 s the old primary alone took what reached it: servers of zone 0.
    assert!(count(&outcome, "writes_lost") > 100.0);
}

/// Two regions 50 ms apart that write the same few keys and read them.
fn two_regions(replicas: u8, more: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"10s\"\nstorm = \"40s\"\ncalm = \"20s\"\n\
         [topology]\nregions = [\"a\", \"b\"]\n\
         [[topology.link]]\nfrom = \"a\"\nto = \"b\"\none_way = \"50ms\"\n\
         [database]\nreplicas_per_shard = {replicas}\n\
         [database.sync]\nprocessing = \"constant(20ms)\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 2\nrate = \"100/s\"\nhome = [\"a\"]\n\
         [[workload.fleet]]\nname = \"b\"\nregion = \"b\"\nservers = 2\nrate = \"100/s\"\nhome = [\"b\"]\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1, get = 1 }}\nkeys = 10\n\
         [[strategy]]\npreset = \"pinned\"\n{more}"
    )
}

#[test]
fn what_is_asked_of_members_does_not_depend_on_how_many_nodes_they_have() {
    let cut = "[[fault]]\nkind = \"partition\"\nbetween = [\"a\", \"b\"]\nscope = \"replication\"\n\
         at = \"15s\"\nlasts = \"7s\"\n";
    let alone = run(&two_regions(0, cut), 1, &mut ());
    let clusters = run(&two_regions(1, cut), 1, &mut ());
    clusters.expect_all_held();
    for column in [
        "stale_reads",
        "writes_overwritten_by_fault",
        "conflicting_writes",
    ] {
        let (one, several) = (count(&alone, column), count(&clusters, column));
        assert!(one > 5.0, "{column}: {one}");
        assert!(
            (several / one - 1.0).abs() < 0.25,
            "{column}: {one} and {several}"
        );
    }
    // The steady lag is measured where it is read, so hardly anything is later than it without a fault.
    let calm = run(&two_regions(1, ""), 1, &mut ());
    assert!(count(&calm, "stale_reads_beyond_lag") < 0.02 * count(&calm, "stale_reads"));
}
