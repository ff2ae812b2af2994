//! Processes of a cluster in a little town: what they must never do, what they do, how long it takes.

mod town;
mod walk;

use std::collections::BTreeMap;

use regionfall_kernel::SimDuration;

use self::town::{MS, Town, Turn};
use super::{ClusterConfig, ClusterNote, ClusterProcess, ProcessId};
use crate::topology::{LocalTime, NodeId};

fn config(node_timeout_ms: u64) -> ClusterConfig {
    ClusterConfig {
        node_timeout: SimDuration::from_millis(node_timeout_ms),
        ..ClusterConfig::default()
    }
}

fn primaries(town: &Town, shard: u16) -> Vec<u8> {
    town.processes
        .iter()
        .filter(|process| process.id().shard == shard && process.is_primary())
        .map(|process| process.id().node.0)
        .collect()
}

fn promoted(town: &Town, since: u64) -> Vec<(f64, u8)> {
    town.turns
        .iter()
        .filter(|(at, _, turn)| *at >= since && matches!(turn, Turn::Primary { .. }))
        .map(|(at, id, _)| ((at - since) as f64 / MS as f64, id.node.0))
        .collect()
}

#[test]
fn in_peace_nobody_suspects_anybody() {
    let mut town = Town::new(3, 1, config(5_000), 1);
    town.run_for(300_000);
    assert_eq!(town.notes, []);
    assert_eq!(town.turns, []);
}

#[test]
fn a_replica_takes_the_place_of_its_primary_within_the_documented_bounds() {
    // Node timeout to one and a half, half a second to a second of delay, and the votes' way.
    let mut longest = 0.0_f64;
    let mut sum = 0.0;
    for seed in 0..100 {
        let mut town = Town::new(3, 1, config(5_000), seed);
        let phase = 20_000 + (town.unit() * 10_000.0) as u64;
        town.run_for(phase);
        let fault = town.now;
        town.frozen.insert(0);
        town.run_for(12_000);
        let promoted = promoted(&town, fault);
        let [(after, node)] = promoted[..] else {
            panic!("seed {seed}: {promoted:?}");
        };
        assert_eq!(node, 3);
        assert!((4_900.0..9_100.0).contains(&after), "seed {seed}: {after}");
        longest = longest.max(after);
        sum += after;
        for process in &town.processes[1..] {
            assert_eq!(process.server_of(0).node, NodeId(3));
            assert!(process.serves(), "seed {seed}");
        }
    }
    assert!(longest > 7_000.0, "it spreads: {longest}");
    // 5 s of node timeout: the catalogue of strategies computes a mean of 7.3 s and a most of 8.8 s.
    let mean = sum / 100.0;
    assert!((mean - 7_300.0).abs() < 730.0, "{mean}");
}

#[test]
fn the_replica_with_most_data_is_first() {
    let mut town = Town::new(3, 2, config(2_000), 5);
    town.own[3].offset = 10;
    town.own[6].offset = 20;
    town.run_for(10_000);
    town.kill(0);
    town.run_for(10_000);
    assert_eq!(primaries(&town, 0), [0, 6], "the dead one does not know");
    let turned = Turn::Replica {
        of: ProcessId {
            node: NodeId(6),
            shard: 0,
        },
    };
    assert!(
        town.turns
            .iter()
            .any(|(_, id, turn)| id.node == NodeId(3) && *turn == turned)
    );
}

#[test]
fn a_replica_too_long_without_its_primary_does_not_stand() {
    let mut town = Town::new(3, 1, config(2_000), 6);
    // 2 s of node timeout, ten times that, and the ping period of 10 s.
    town.own[3].disconnected_for = SimDuration::from_secs(33);
    town.run_for(10_000);
    town.kill(0);
    town.run_for(60_000);
    assert_eq!(promoted(&town, 0), []);
    town.own[3].disconnected_for = SimDuration::from_secs(32);
    town.run_for(60_000);
    assert_eq!(promoted(&town, 0).len(), 1);
}

#[test]
fn the_minority_stops_serving_and_promotes_nobody() {
    // Primaries 0, 1, 2 and replicas 3, 4, 5: 0 and the replica of 1 are cut off.
    let mut town = Town::new(3, 1, config(2_000), 7);
    town.run_for(10_000);
    let (minority, majority) = ([0, 4], [1, 2, 3, 5]);
    town.set_cut(&minority, &majority, true);
    let cut = town.now;
    town.run_for(60_000);
    assert!(!town.processes[0].serves());
    assert!(!town.processes[4].serves());
    assert!(town.processes[1].serves());
    let promoted = promoted(&town, cut);
    assert_eq!(promoted.len(), 1);
    assert_eq!(promoted[0].1, 3);
    town.set_cut(&minority, &majority, false);
    town.run_for(30_000);
    assert_eq!(primaries(&town, 0), [3], "the old primary has heard");
    assert!(town.processes.iter().all(ClusterProcess::serves));
}

#[test]
fn without_a_majority_of_primaries_nobody_is_promoted() {
    let mut town = Town::new(3, 1, config(2_000), 8);
    town.run_for(10_000);
    town.kill(0);
    town.kill(1);
    town.run_for(120_000);
    assert_eq!(promoted(&town, 0), []);
    assert!(town.processes[2..].iter().all(|process| !process.serves()));
}

/// Lets a process that is alone in its cluster tick for so long; what it said of its own service, and when.
fn served(process: &mut ClusterProcess, from: u64, millis: u64) -> Vec<(u64, bool)> {
    let mut said = Vec::new();
    for at in (from..from + millis).step_by(100) {
        let mut out = Vec::new();
        let own = super::ClusterSight::Woken(super::OwnState::default());
        process.observe(LocalTime(at * MS), own, &mut out);
        said.extend(out.iter().filter_map(|action| match action {
            super::ClusterAction::Note(ClusterNote::Serves(serves)) => Some((at, *serves)),
            _ => None,
        }));
    }
    said
}

#[test]
fn a_restarted_primary_waits_before_it_serves_and_a_replica_does_not() {
    let all = [0, 1].map(|node| ProcessId {
        node: NodeId(node),
        shard: 0,
    });
    let draws = regionfall_kernel::Seed::new(1).addressed("test");
    for (id, waited) in [(all[0], 2_000), (all[1], 0)] {
        let mut process = ClusterProcess::new(id, config(5_000), &all, 1, draws);
        let mut out = Vec::new();
        process.restart(LocalTime(0), &mut out);
        assert!(!process.serves());
        assert_eq!(served(&mut process, 0, 4_000), [(waited, true)]);
    }
}

#[test]
fn who_takes_over_needs_no_votes_and_the_others_learn_of_it() {
    let mut town = Town::new(3, 1, config(5_000), 4);
    town.run_for(10_000);
    town.take_over(3);
    town.run_for(1_000);
    assert_eq!(primaries(&town, 0), [3], "the former primary heard of it");
    for process in &town.processes {
        assert_eq!(process.server_of(0).node, NodeId(3));
    }
    assert!(
        town.notes.is_empty(),
        "nobody was elected: {:?}",
        town.notes
    );
}

/// Random cuts and freezes for a while, then all is healed.
fn troubled(seed: u64) -> Town {
    let (shards, replicas) = [(3, 1), (3, 2), (5, 1)][(seed % 3) as usize];
    let mut town = Town::new(shards, replicas, config(1_000), seed);
    town.delay = (
        [MS / 10, 20 * MS, 150 * MS][(seed / 3 % 3) as usize],
        50 * MS,
    );
    let count = town.processes.len();
    for _ in 0..80 {
        let one = (town.unit() * count as f64) as usize;
        let other = (town.unit() * count as f64) as usize;
        let rest: Vec<usize> = (0..count).filter(|&index| index != one).collect();
        match (town.unit() * 5.0) as u32 {
            0 => town.set_cut(&[one], &rest, true),
            1 => town.set_cut(&[one], &[other], true),
            2 => {
                if !town.frozen.remove(&one) {
                    town.frozen.insert(one);
                }
            }
            _ => town.cut.clear(),
        }
        let pause = (town.unit() * 6_000.0) as u64;
        town.run_for(pause);
    }
    town.cut.clear();
    town.frozen.clear();
    town
}

#[test]
fn one_primary_of_a_shard_in_an_epoch_and_one_vote_of_each_voter() {
    let mut promotions = 0;
    let mut split = 0;
    for seed in 0..120 {
        let town = troubled(seed);
        let mut elected = BTreeMap::new();
        for &(_, id, turn) in &town.turns {
            if let Turn::Primary { epoch } = turn {
                promotions += 1;
                let other = elected.insert(epoch, id);
                assert_eq!(other, None, "seed {seed}: two elected in epoch {epoch}");
            }
        }
        let mut votes = BTreeMap::new();
        let mut stood: BTreeMap<u32, u32> = BTreeMap::new();
        for &(_, id, note) in &town.notes {
            match note {
                ClusterNote::Voted { candidate, epoch } => {
                    let other = votes.insert((id, epoch), candidate);
                    assert_eq!(other, None, "seed {seed}: {id:?} votes twice in {epoch}");
                }
                ClusterNote::Stands { epoch } => *stood.entry(epoch).or_default() += 1,
                _ => {}
            }
        }
        split += stood.values().filter(|&&count| count > 1).count();
    }
    assert!(promotions > 200, "there is something to see: {promotions}");
    assert!(split > 0, "candidates met in one epoch");
}

#[test]
fn once_everything_is_healed_each_shard_has_one_primary_and_all_know_it() {
    for seed in 0..30 {
        let mut town = troubled(seed);
        town.run_for(60_000);
        for shard in 0..town.processes[0].id().shard.max(2) {
            let [primary] = primaries(&town, shard)[..] else {
                panic!("seed {seed}: {:?}", primaries(&town, shard));
            };
            for process in &town.processes {
                assert_eq!(process.server_of(shard).node.0, primary, "seed {seed}");
                assert!(process.serves(), "seed {seed}");
            }
        }
    }
}
