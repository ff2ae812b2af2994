//! Watchdogs in a little town of nodes.

mod walk;

use std::collections::{BTreeMap, BTreeSet};

use regionfall_kernel::{Address, Addressed, Distribution, Seed, SimDuration};

use super::{
    OwnProcess, Watchdog, WatchdogAction, WatchdogConfig, WatchdogMessage, WatchdogNote,
    WatchdogSight,
};
use crate::topology::{LocalTime, NodeId};

const MS: u64 = 1_000_000;

fn config() -> WatchdogConfig {
    let seconds = SimDuration::from_secs;
    WatchdogConfig {
        takes: Distribution::uniform(seconds(2), seconds(5)).unwrap(),
        heartbeat: SimDuration::from_millis(200),
        serves_alone: SimDuration::from_millis(1_400),
        replica_grace: Some(seconds(600)),
    }
}

enum Event {
    Wake(usize),
    Message(usize, NodeId, WatchdogMessage),
}

struct Town {
    now: u64,
    dogs: Vec<Watchdog>,
    /// By node: shard, whether the process answers, and whether it is primary.
    held: Vec<Vec<(u16, bool, bool)>>,
    offset: Vec<u64>,
    stopped: BTreeSet<usize>,
    cut: BTreeSet<(usize, usize)>,
    done: Vec<(u64, usize, WatchdogAction)>,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    draws: Addressed,
    drawn: u32,
}

impl Town {
    /// Nodes in zones of their own. Shard `s` is primary on node `s`, and has its replica on the next.
    fn new(nodes: u8, shards: u16, seed: u64) -> Self {
        let seed = Seed::new(seed);
        let all: Vec<(NodeId, u16)> = (0..nodes).map(|id| (NodeId(id), u16::from(id))).collect();
        let primaries: Vec<NodeId> = (0..shards).map(|shard| NodeId(shard as u8)).collect();
        let make = |&(id, _): &(NodeId, u16)| {
            Watchdog::new(id, config(), &all, &primaries, seed.addressed("watchdogs"))
        };
        let mut held = vec![Vec::new(); usize::from(nodes)];
        for shard in 0..shards {
            held[usize::from(shard)].push((shard, true, true));
            held[usize::from(shard + 1) % usize::from(nodes)].push((shard, true, false));
        }
        let mut town = Self {
            now: 0,
            dogs: all.iter().map(make).collect(),
            held,
            offset: vec![0; usize::from(nodes)],
            stopped: BTreeSet::new(),
            cut: BTreeSet::new(),
            done: Vec::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            draws: seed.addressed("town"),
            drawn: 0,
        };
        for index in 0..town.dogs.len() {
            let mut out = Vec::new();
            town.dogs[index].start(LocalTime(0), &mut out);
            town.act(index, out);
        }
        town
    }

    fn unit(&mut self) -> f64 {
        self.drawn += 1;
        self.draws.unit(Address::new(self.drawn, 0, 0, 0))
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    fn run_for(&mut self, millis: u64) {
        let until = self.now + millis * MS;
        while let Some((&key, _)) = self.events.first_key_value() {
            if key.0 > until {
                break;
            }
            let event = self.events.remove(&key).unwrap();
            self.now = key.0;
            let (index, sight) = match event {
                Event::Wake(index) if self.stopped.contains(&index) => {
                    self.schedule(self.now + 200 * MS, Event::Wake(index));
                    continue;
                }
                Event::Wake(index) => {
                    let offset = self.offset[index];
                    let own = |&(shard, answers, _): &(u16, bool, bool)| OwnProcess {
                        shard,
                        answers,
                        offset,
                    };
                    let own = self.held[index].iter().map(own).collect();
                    (index, WatchdogSight::Woken(own))
                }
                Event::Message(index, from, message) => {
                    (index, WatchdogSight::Received { from, message })
                }
            };
            if !self.stopped.contains(&index) {
                let mut out = Vec::new();
                self.dogs[index].observe(LocalTime(self.now), sight, &mut out);
                self.act(index, out);
            }
        }
        self.now = until;
    }

    fn act(&mut self, index: usize, actions: Vec<WatchdogAction>) {
        for action in actions {
            match &action {
                WatchdogAction::Wake { at } => {
                    self.schedule(at.0, Event::Wake(index));
                    continue;
                }
                WatchdogAction::Send { to, message } => {
                    if !self.cut.contains(&(index, to.index())) {
                        let at = self.now + MS + (self.unit() * 20.0) as u64 * MS;
                        let from = NodeId::from_index(index);
                        self.schedule(at, Event::Message(to.index(), from, message.clone()));
                    }
                    continue;
                }
                WatchdogAction::BecomePrimary { shard, .. } => self.turn(index, *shard, true),
                WatchdogAction::BecomeReplica { shard, .. } => self.turn(index, *shard, false),
                WatchdogAction::AddReplica { shard, node } => {
                    self.held[node.index()].push((*shard, true, false));
                }
                WatchdogAction::Note(_) => {}
            }
            self.done.push((self.now, index, action));
        }
    }

    fn turn(&mut self, index: usize, shard: u16, primary: bool) {
        for held in &mut self.held[index] {
            if held.0 == shard {
                held.2 = primary;
            }
        }
    }

    fn split(&mut self, here: &[usize], there: &[usize]) {
        for &a in here {
            for &b in there {
                self.cut.extend([(a, b), (b, a)]);
            }
        }
    }

    fn promoted(&self) -> Vec<(u64, usize, u32)> {
        let find = |(at, index, action): &(u64, usize, WatchdogAction)| match action {
            WatchdogAction::BecomePrimary { epoch, .. } => Some((*at, *index, *epoch)),
            _ => None,
        };
        self.done.iter().filter_map(find).collect()
    }

    /// Nodes that serve a shard as primaries: their process runs, and they hear a majority.
    fn serving(&self, shard: u16) -> Vec<usize> {
        (0..self.dogs.len())
            .filter(|&index| {
                let mut held = self.held[index].iter();
                !self.stopped.contains(&index)
                    && self.dogs[index].has_quorum()
                    && held.any(|&held| held == (shard, true, true))
            })
            .collect()
    }
}

#[test]
fn a_dead_node_and_a_dead_process_are_replaced_within_the_presets_time() {
    for seed in 0..60 {
        for process_only in [false, true] {
            let mut town = Town::new(3, 2, seed);
            town.run_for(10_000);
            let fault = town.now;
            if process_only {
                town.held[0][0].1 = false;
            } else {
                town.stopped.insert(0);
            }
            town.run_for(8_000);
            let promoted = town.promoted();
            let [(at, 1, 2)] = promoted[..] else {
                panic!("seed {seed}: {promoted:?}");
            };
            let after = (at - fault) as f64 / MS as f64;
            // U(2 s, 5 s) from the last heartbeat, ticks and two messages.
            assert!((1_700.0..5_700.0).contains(&after), "seed {seed}: {after}");
            assert_eq!(town.serving(0), [1]);
        }
    }
}

#[test]
fn a_hiccup_shorter_than_the_presets_time_changes_nothing() {
    let mut town = Town::new(3, 1, 3);
    town.run_for(10_000);
    town.stopped.insert(0);
    town.run_for(1_500);
    town.stopped.remove(&0);
    town.run_for(20_000);
    assert_eq!(town.promoted(), []);
}

#[test]
fn without_a_majority_nothing_is_promoted_and_nothing_served() {
    let mut town = Town::new(3, 1, 4);
    town.run_for(10_000);
    town.stopped.extend([0, 2]);
    town.run_for(60_000);
    assert_eq!(town.promoted(), []);
    assert!(!town.dogs[1].has_quorum());
    town.stopped.clear();
    town.run_for(10_000);
    assert_eq!(town.serving(0), [0], "it is as before");
}

#[test]
fn the_minoritys_primary_stops_before_another_is_promoted_and_returns_as_replica() {
    for seed in 0..60 {
        let mut town = Town::new(3, 1, seed);
        town.run_for(10_000);
        town.split(&[0], &[1, 2]);
        for _ in 0..800 {
            town.run_for(10);
            assert!(
                town.serving(0).len() <= 1,
                "seed {seed}: {:?}",
                town.serving(0)
            );
        }
        assert_eq!(town.serving(0), [1], "seed {seed}");
        town.cut.clear();
        town.run_for(2_000);
        assert_eq!(
            town.held[0][0],
            (0, true, false),
            "seed {seed}: {:?}",
            town.done
        );
        assert_eq!(town.serving(0), [1]);
    }
}

#[test]
fn whatever_is_cut_no_shard_has_two_primaries_in_an_epoch() {
    let mut promotions = 0;
    for seed in 0..100 {
        let mut town = Town::new(5, 3, seed);
        for _ in 0..60 {
            let pick = |town: &mut Town| (town.unit() * 5.0) as usize;
            let (one, other) = (pick(&mut town), pick(&mut town));
            match (town.unit() * 4.0) as u32 {
                0 => town.split(&[one], &[other]),
                1 => {
                    let rest: Vec<usize> = (0..5).filter(|&index| index != one).collect();
                    town.split(&[one], &rest);
                }
                2 => {
                    if !town.stopped.remove(&one) {
                        town.stopped.insert(one);
                    }
                }
                _ => town.cut.clear(),
            }
            let pause = (town.unit() * 8_000.0) as u64;
            town.run_for(pause);
        }
        let mut decided = BTreeMap::new();
        let mut primaries = BTreeMap::new();
        for (_, index, action) in &town.done {
            match action {
                WatchdogAction::Note(WatchdogNote::Decided { shard, node, epoch }) => {
                    let other = decided.insert((*shard, *epoch), *node);
                    assert_eq!(other, None, "seed {seed}: shard {shard}, epoch {epoch}");
                }
                WatchdogAction::BecomePrimary { shard, epoch } => {
                    promotions += 1;
                    let other = primaries.insert((*shard, *epoch), *index);
                    assert_eq!(other, None, "seed {seed}: shard {shard}, epoch {epoch}");
                }
                _ => {}
            }
        }
    }
    assert!(promotions > 100, "there is something to see: {promotions}");
}

#[test]
fn a_lost_copy_is_made_anew_after_the_grace_period() {
    let mut town = Town::new(3, 2, 5);
    town.run_for(10_000);
    let fault = town.now;
    town.stopped.insert(0);
    town.run_for(700_000);
    let added: Vec<_> = town
        .done
        .iter()
        .filter_map(|(at, _, action)| match action {
            WatchdogAction::AddReplica { shard, node } => Some((*at - fault, *shard, *node)),
            _ => None,
        })
        .collect();
    // Shard 0 was primary on node 0 and is left on node 1 alone; shard 1 is on nodes 1 and 2.
    let [(after, 0, NodeId(2))] = added[..] else {
        panic!("{added:?}");
    };
    let seconds = after as f64 / 1e9;
    assert!((600.0..602.0).contains(&seconds), "{seconds}");
}
