//! An election in full: three Sentinels that hold the primary for down, of which two stand; their questions and answers are late,
//! come in any order or not at all, and one of the three may start again in the middle. However these meet, an epoch has one
//! leader and promotes one replica.
//!
//! A walk that never fails shows nothing. So it is walked again with a Sentinel that forgets its vote when it starts again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use regionfall_kernel::{Seed, SimDuration};

use super::super::{
    NodeInfo, NodeRole, Observation, Sentinel, SentinelAction, SentinelAnswer, SentinelConfig,
    SentinelRequest, SentinelSight, Watched,
};
use crate::topology::{LocalTime, NodeId, SentinelId};

const MS: u64 = 1_000_000;
const SENTINELS: usize = 3;
/// Those that stand: the first. The others only vote.
const CANDIDATES: usize = 2;
/// Between ticks.
const STEP: u64 = 100 * MS;

/// What a Sentinel that starts again knows of its votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Memory {
    /// What its file says (`leader-epoch`, `current-epoch`).
    Kept,
    /// Nothing: a Sentinel without a file, which the real thing refuses to be.
    Lost,
}

#[derive(Clone, Debug)]
enum Letter {
    Question(SentinelId, SentinelId, SentinelRequest),
    Answer(SentinelId, SentinelId, SentinelAnswer),
}

#[derive(Clone, Debug)]
struct Town {
    sentinels: Vec<Sentinel>,
    clocks: [u64; SENTINELS],
    ticks: [u8; SENTINELS],
    letters: Vec<Letter>,
    restarts: u8,
    leaders: BTreeMap<u32, SentinelId>,
    promoted: BTreeMap<u32, NodeId>,
    /// An epoch has two leaders, or promoted two replicas.
    is_split: bool,
}

fn fresh(id: SentinelId) -> Sentinel {
    let config = SentinelConfig {
        down_after: SimDuration::from_millis(1_000),
        failover_timeout: SimDuration::from_millis(60_000),
        quorum: 2,
        parallel_syncs: 1,
    };
    let peers: Vec<SentinelId> = (0..SENTINELS).map(SentinelId::from_index).collect();
    let nodes = [NodeId(0), NodeId(1), NodeId(2)];
    let draws = Seed::new(7).addressed("sentinels");
    Sentinel::new(id, config, (NodeId(0), &nodes), &peers, draws)
}

impl Town {
    /// Everybody has found the primary down and has heard so from the others: each stands at its next tick.
    fn new() -> Self {
        let mut town = Self {
            sentinels: (0..SENTINELS)
                .map(|index| fresh(SentinelId::from_index(index)))
                .collect(),
            clocks: [0; SENTINELS],
            ticks: [0; SENTINELS],
            letters: Vec::new(),
            restarts: 0,
            leaders: BTreeMap::new(),
            promoted: BTreeMap::new(),
            is_split: false,
        };
        for index in 0..SENTINELS {
            town.sentinels[index].start(LocalTime(0), &mut Vec::new());
        }
        while town
            .sentinels
            .iter()
            .any(|sentinel| !sentinel.primary_line().is_down)
        {
            for index in 0..SENTINELS {
                town.tick(index, 100 * MS);
            }
            town.letters.clear();
        }
        town.ticks = [0; SENTINELS];
        for (sentinel, now) in town.sentinels.iter_mut().zip(town.clocks) {
            for peer in &mut sentinel.peers {
                (peer.says_down, peer.opined_at) = (true, LocalTime(now));
            }
        }
        town
    }

    fn tick(&mut self, index: usize, after: u64) {
        self.clocks[index] += after;
        self.ticks[index] += 1;
        self.show(index, SentinelSight::Woken);
    }

    /// A Sentinel sees something. Replicas and pings are answered at once; what Sentinels ask each other is under way.
    fn show(&mut self, index: usize, sight: SentinelSight) {
        let id = SentinelId::from_index(index);
        let mut sights = VecDeque::from([sight]);
        while let Some(sight) = sights.pop_front() {
            let mut out = Vec::new();
            self.sentinels[index].observe(LocalTime(self.clocks[index]), sight, &mut out);
            for action in out {
                match action {
                    SentinelAction::Send {
                        to: Watched::Node(NodeId(0)),
                        ..
                    } => {}
                    SentinelAction::Send { to, request } => match (to, request) {
                        (Watched::Sentinel(other), SentinelRequest::IsPrimaryDown { .. }) => {
                            self.letters.push(Letter::Question(id, other, request));
                        }
                        (_, SentinelRequest::Ping) => {
                            let answer = SentinelAnswer::Pong { is_available: true };
                            sights.push_back(SentinelSight::Answered { by: to, answer });
                        }
                        (Watched::Node(_), SentinelRequest::Info) => {
                            let answer = SentinelAnswer::Info(info());
                            sights.push_back(SentinelSight::Answered { by: to, answer });
                        }
                        _ => {
                            let answer = SentinelAnswer::Done;
                            sights.push_back(SentinelSight::Answered { by: to, answer });
                        }
                    },
                    SentinelAction::Answer { to, answer } => {
                        self.letters.push(Letter::Answer(id, to, answer));
                    }
                    SentinelAction::Note(Observation::Elected { epoch }) => {
                        self.is_split |= *self.leaders.entry(epoch).or_insert(id) != id;
                    }
                    SentinelAction::Note(Observation::Promotes { node, epoch }) => {
                        self.is_split |= *self.promoted.entry(epoch).or_insert(node) != node;
                    }
                    _ => {}
                }
            }
        }
    }

    fn deliver(&mut self, place: usize) {
        match self.letters.remove(place) {
            Letter::Question(from, to, request) => {
                self.show(to.index(), SentinelSight::Asked { by: from, request });
            }
            Letter::Answer(from, to, answer) => {
                let by = Watched::Sentinel(from);
                self.show(to.index(), SentinelSight::Answered { by, answer });
            }
        }
    }

    /// A Sentinel dies and starts again. What was on its way to it still arrives, over a new connection.
    fn restart(&mut self, index: usize, memory: Memory) {
        self.restarts += 1;
        if memory == Memory::Lost {
            self.sentinels[index] = fresh(SentinelId::from_index(index));
        }
        let now = LocalTime(self.clocks[index]);
        self.sentinels[index].start(now, &mut Vec::new());
    }

    /// Every step that can come next. What is never delivered is lost.
    fn steps(&self, ticks: u8, memory: Memory) -> Vec<Self> {
        let mut steps = Vec::new();
        for place in 0..self.letters.len() {
            let mut next = self.clone();
            next.deliver(place);
            steps.push(next);
        }
        for index in 0..SENTINELS {
            if index < CANDIDATES && self.ticks[index] < ticks {
                let mut next = self.clone();
                next.tick(index, STEP);
                steps.push(next);
            }
            if self.restarts == 0 {
                let mut next = self.clone();
                next.restart(index, memory);
                steps.push(next);
            }
        }
        steps
    }
}

/// What tells one state from another. What a Sentinel knows of links follows from how often it ticked.
type Key = (Vec<SentinelKey>, Vec<String>, [u8; SENTINELS], u8, usize);
type SentinelKey = (
    u32,
    (Option<SentinelId>, u32),
    String,
    Vec<(bool, Option<(SentinelId, u32)>)>,
);

impl Town {
    fn key(&self) -> Key {
        let sentinel = |sentinel: &Sentinel| {
            let peers = sentinel
                .peers
                .iter()
                .map(|peer| (peer.says_down, peer.vote));
            let progress = (
                sentinel.is_objectively_down,
                sentinel.stood_at,
                sentinel.failover,
            );
            (
                sentinel.epoch,
                sentinel.vote,
                format!("{progress:?}"),
                peers.collect(),
            )
        };
        let mut letters: Vec<String> = self
            .letters
            .iter()
            .map(|letter| format!("{letter:?}"))
            .collect();
        letters.sort();
        let sentinels = self.sentinels.iter().map(sentinel).collect();
        (
            sentinels,
            letters,
            self.ticks,
            self.restarts,
            self.leaders.len(),
        )
    }
}

fn info() -> NodeInfo {
    NodeInfo {
        role: NodeRole::Replica { of: NodeId(0) },
        link_is_up: false,
        link_down_for: SimDuration::from_millis(500),
        offset: 100,
        priority: 100,
        run: 1,
    }
}

struct Walked {
    states: usize,
    elections: usize,
    split: Option<Box<Town>>,
}

fn walk(ticks: u8, memory: Memory) -> Walked {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([Town::new()]);
    let mut walked = Walked {
        states: 0,
        elections: 0,
        split: None,
    };
    while let Some(town) = queue.pop_front() {
        for next in town.steps(ticks, memory) {
            if next.is_split {
                walked.split = Some(Box::new(next));
                return walked;
            }
            if seen.insert(next.key()) {
                walked.elections += usize::from(next.leaders.len() > town.leaders.len());
                queue.push_back(next);
            }
        }
    }
    walked.states = seen.len();
    walked
}

#[test]
fn an_epoch_has_one_leader_whatever_becomes_of_questions_and_answers() {
    let walked = walk(2, Memory::Kept);
    assert!(walked.split.is_none(), "{:?}", walked.split);
    assert!(walked.states > 5_000, "{} states", walked.states);
    assert!(walked.elections > 300, "{} elections", walked.elections);
}

#[test]
fn a_sentinel_that_forgets_its_vote_is_seen() {
    assert!(walk(2, Memory::Lost).split.is_some());
}

#[test]
fn a_sentinel_that_starts_again_has_forgotten_its_failover_and_not_its_vote() {
    let mut town = Town::new();
    town.tick(0, STEP);
    let (epoch, vote) = (town.sentinels[0].epoch, town.sentinels[0].vote);
    assert!(town.sentinels[0].failover.is_some(), "it stands");
    town.restart(0, Memory::Kept);
    let sentinel = &town.sentinels[0];
    assert!(sentinel.failover.is_none());
    assert!(!sentinel.is_objectively_down);
    assert_eq!((sentinel.epoch, sentinel.vote), (epoch, vote));
    assert_eq!(
        vote,
        (Some(SentinelId(0)), epoch),
        "it had voted for itself"
    );
}
