//! Disks against a naive oracle that walks through every millisecond, and the rules one by one.

mod oracle;
mod rewriting;
mod rules;
mod snapshots;

use regionfall_crdt::{Command, Effect, KeyId, OriginId, Replica, Timestamp};
use regionfall_kernel::{Distribution, Sampler, Seed, SimDuration, SimTime};

use super::{Disk, Pace, PersistenceConfig, PersistenceMode, PersistsOn, Rhythm, SaveRule};
use crate::database::Journal;
use crate::topology::NodeId;

const fn ms(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * 1_000_000)
}

fn config(mode: PersistenceMode, fsync_ms: u64) -> PersistenceConfig {
    PersistenceConfig {
        mode,
        on: PersistsOn::Both,
        fsync: Distribution::Constant(SimDuration::from_millis(fsync_ms)),
        load_rate: 1 << 20,
        save: vec![SaveRule {
            seconds: 2,
            changes: 1,
        }],
        snapshot_rate: 1 << 20,
        fork_per_gib: SimDuration::from_millis(10),
        rewrite: None,
    }
}

fn disk(config: &PersistenceConfig, rhythm: Rhythm) -> Disk {
    let pace = Pace::new(
        Sampler::new(&config.fsync),
        Seed::new(1).addressed("disk"),
        0,
    );
    Disk::new(config, Replica::new(), rhythm, pace)
}

/// A copy that writes, and takes effects of a peer in: what it holds, in which order it got it, and its disk.
struct Copy {
    journal: Journal,
    memory: Replica,
    origin: OriginId,
    peer: (Replica, OriginId, Vec<Effect>),
    /// Everything that is in memory, in the order in which it came.
    order: Vec<Effect>,
    disk: Disk,
}

impl Copy {
    fn new(config: &PersistenceConfig, rhythm: Rhythm) -> Self {
        let mut journal = Journal::default();
        let origin = journal.begin(NodeId(0), 0);
        let peer = journal.begin(NodeId(1), 0);
        Self {
            journal,
            memory: Replica::new(),
            origin,
            peer: (Replica::new(), peer, Vec::new()),
            order: Vec::new(),
            disk: disk(config, rhythm),
        }
    }

    /// Executes a write. Returns its position.
    fn write(&mut self, now: SimTime, key: u32) -> u64 {
        let command = Command::Incr { key: KeyId(key) };
        let at = Timestamp(now.as_nanos());
        let effects = self.memory.execute(&command, at, self.origin).effects;
        let effect = effects.into_first().expect("an increment has an effect");
        self.journal.push(effect.clone());
        self.keep(now, effect)
    }

    /// Takes in the next effect that the peer wrote, or that it will write now.
    fn hear(&mut self, now: SimTime, key: u32) -> u64 {
        let known = self.memory.clock().get(self.peer.1) as usize;
        if known == self.peer.2.len() {
            let command = Command::Incr { key: KeyId(key) };
            let at = Timestamp(now.as_nanos());
            let effects = self.peer.0.execute(&command, at, self.peer.1).effects;
            let effect = effects.into_first().expect("an increment has an effect");
            self.journal.push(effect.clone());
            self.peer.2.push(effect);
        }
        let effect = self.peer.2[known].clone();
        let _ = self.memory.apply(&effect);
        self.keep(now, effect)
    }

    fn keep(&mut self, now: SimTime, effect: Effect) -> u64 {
        let dot = effect.dot;
        self.order.push(effect);
        self.disk
            .append(now, (dot.origin, dot.sequence, dot.sequence))
    }

    /// What the first `count` changes make.
    fn prefix(&self, count: usize) -> Replica {
        let mut state = Replica::new();
        for effect in &self.order[..count] {
            let _ = state.apply(effect);
        }
        state
    }

    /// The process starts again from what is there, under a new name.
    fn restart(&mut self, now: SimTime, state: Replica) {
        self.order.truncate(state.clock().total() as usize);
        self.memory = state;
        self.origin = self.journal.begin(NodeId(0), 0);
        self.disk.process_starts(now);
    }
}
