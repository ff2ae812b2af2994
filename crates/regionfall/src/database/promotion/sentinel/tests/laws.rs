//! What must hold whatever happens: many seeds, random faults, random delays.

use std::collections::BTreeMap;

use regionfall_kernel::SimDuration;

use super::super::{Observation, SentinelConfig};
use super::town::{MS, Town};
use crate::topology::SentinelId;

/// Lets random faults happen for ten minutes, then heals everything.
fn troubled(seed: u64) -> Town {
    let config = SentinelConfig {
        down_after: SimDuration::from_millis(1_000),
        failover_timeout: SimDuration::from_millis(5_000),
        quorum: 1 + (seed % 3) as u8,
        parallel_syncs: 1,
    };
    let (sentinels, processes) = ([2, 3, 5][(seed / 3 % 3) as usize], 3);
    let mut town = Town::new(sentinels, processes, config, seed);
    town.delay = (
        [MS / 10, 40 * MS, 400 * MS][(seed / 9 % 3) as usize],
        200 * MS,
    );
    let places: Vec<u16> = (0..u16::from(processes))
        .chain((0..u16::from(sentinels)).map(|id| 100 + id))
        .collect();
    for _ in 0..60 {
        let pick = |town: &mut Town| (town.unit() * places.len() as f64) as usize;
        let (one, other) = (pick(&mut town), pick(&mut town));
        match (town.unit() * 6.0) as u32 {
            0 => {
                let rest: Vec<u16> = places
                    .iter()
                    .copied()
                    .filter(|&at| at != places[one])
                    .collect();
                town.set_cut(&[places[one]], &rest, true);
            }
            1 => town.set_cut(&[places[one]], &[places[other]], true),
            2 => {
                let process = one % usize::from(processes);
                town.processes[process].is_frozen ^= true;
            }
            3 => {
                let id = SentinelId((one % usize::from(sentinels)) as u8);
                if !town.stopped.remove(&id) {
                    town.stopped.insert(id);
                }
            }
            _ => town.cut.clear(),
        }
        let pause = (town.unit() * 20_000.0) as u64;
        town.run_for(pause);
    }
    town.cut.clear();
    town.stopped.clear();
    for process in &mut town.processes {
        process.is_frozen = false;
    }
    town
}

#[test]
fn at_most_one_sentinel_is_elected_in_an_epoch_and_it_promotes_one_replica() {
    let mut elections = 0;
    let mut epochs_with_rivals = 0;
    for seed in 0..150 {
        let town = troubled(seed);
        let mut elected: BTreeMap<u32, SentinelId> = BTreeMap::new();
        let mut promoted = BTreeMap::new();
        let mut standing: BTreeMap<u32, u32> = BTreeMap::new();
        let mut votes: BTreeMap<(u32, SentinelId), SentinelId> = BTreeMap::new();
        let mut configured = BTreeMap::new();
        for &(_, id, note) in &town.notes {
            match note {
                Observation::Elected { epoch } => {
                    elections += 1;
                    let other = elected.insert(epoch, id);
                    assert_eq!(other, None, "seed {seed}: two leaders in epoch {epoch}");
                }
                Observation::Promotes { node, epoch } => {
                    assert_eq!(elected.get(&epoch), Some(&id), "seed {seed}");
                    let other = promoted.insert(epoch, node);
                    assert_eq!(other, None, "seed {seed}: two promoted in epoch {epoch}");
                }
                Observation::Stands { epoch } => *standing.entry(epoch).or_default() += 1,
                Observation::Voted { candidate, epoch } => {
                    let other = votes.insert((epoch, id), candidate);
                    assert_eq!(other, None, "seed {seed}: two votes of {id} in {epoch}");
                }
                Observation::Switched { to, epoch, .. } => {
                    let primary = *configured.entry(epoch).or_insert(to);
                    assert_eq!(primary, to, "seed {seed}: two primaries in epoch {epoch}");
                    assert_eq!(promoted.get(&epoch), Some(&to), "seed {seed}");
                }
                _ => {}
            }
        }
        epochs_with_rivals += standing.values().filter(|&&count| count > 1).count();
    }
    assert!(elections > 100, "there is something to see: {elections}");
    assert!(epochs_with_rivals > 0, "rivals stood in one epoch");
}

#[test]
fn once_everything_is_healed_all_agree_on_one_primary() {
    // With round trips about as long as `down_after` nobody is ever sane for long enough.
    for seed in (0..54).filter(|seed| seed / 9 % 3 < 2) {
        let mut town = troubled(seed);
        town.run_for(120_000);
        let primary = town.sentinels[0].view().node;
        for sentinel in &town.sentinels {
            assert_eq!(
                sentinel.view().node,
                primary,
                "seed {seed}: {}",
                sentinel.id()
            );
        }
        let claims: Vec<usize> = (0..town.processes.len())
            .filter(|&index| town.processes[index].role == super::super::NodeRole::Primary)
            .collect();
        assert_eq!(claims, [primary.index()], "seed {seed}");
    }
}

#[test]
fn equal_seeds_give_equal_towns() {
    let (one, other) = (troubled(11), troubled(11));
    assert_eq!(one.notes, other.notes);
    let digest = |town: &Town| {
        let mut hash = regionfall_kernel::TraceHash::default();
        town.sentinels
            .iter()
            .for_each(|sentinel| sentinel.hash_into(&mut hash));
        hash.finish()
    };
    assert_eq!(digest(&one), digest(&other));
    assert_ne!(digest(&one), digest(&troubled(12)));
}
